// SPDX-License-Identifier: GPL-2.0-only
/*
 * devclass.h: the classes of split devices: disks, interfaces, and what comes.
 *
 * All that the library and `lodge` do with a device whatever it is, they do through its class's
 * row: read it from a config, check it, save it, write its nodes, attach it, wait for it, list it
 * and take it away. What only one class has (a disk is resized, a CD changed) names that class.
 *
 * A class more is a number in enum device_kind, a row in devclass.c's table, and a file with its
 * description (as disk.h), its parser and its row (as disk_class.c). cli/cmd_device.h has what a
 * class brings to be shown.
 */
#ifndef LODGE_DEVCLASS_H
#define LODGE_DEVCLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <json-c/json.h>

struct domcfg;

enum device_kind {
    DEVICE_DISK,
    DEVICE_VIF,
    DEVICE_KINDS,
    DEVICE_ANY = DEVICE_KINDS, /* to look for: these, and those of other tools' classes */
};

/*
 * Who serves a device: a daemon of ours, or a driver in the back-end domain's kernel. In xenstore
 * ours have this in front of their class's node, to be left alone by the kernel's.
 */
enum backend_type { BACKEND_LODGE, BACKEND_KERNEL };
#define BACKEND_LODGE_PREFIX "lodge-"

/* The first member of each class's description of a device. */
struct device_base {
    enum backend_type type;
    char *backend;  /* a domain's name or number; NULL: domain 0 */
    char *ignored;  /* keys that were not understood, for a warning; or NULL */
    unsigned devid; /* its number in xenstore: one of this class has it */
};

#define DEVICE_MAX_KEYS 8

/* A node of the front-end's or the back-end's directory; with NULL as its value there is none. */
enum device_end { DEVICE_FRONT, DEVICE_BACK };
typedef void device_put_fn(void *arg, enum device_end end, const char *key, const char *value);

/* Functions that can fail return 0, or -1 with a sentence in err and nothing to release. */
struct device_class {
    const char *node;   /* its directories in xenstore: "vbd" */
    const char *key;    /* its list in a config, and it in messages about one: "disk" */
    const char *list;   /* its list in JSON: "disks" */
    const char *what;   /* for people: "disk" */
    const char *module; /* the kernel's back-end: "xen-blkback" */
    const char *in_use; /* why a guest that is asked does not close it; NULL: nothing is known */
    size_t size;        /* of the description */
    /* From its text in a config. Only that is looked at. */
    int (*parse)(struct device_base *d, const char *text, char *err, size_t errlen);
    void (*release)(struct device_base *d); /* what it points to */
    /* Looks at what it names on this host. If it fails the device stays the caller's. */
    int (*resolve)(struct device_base *d, char *err, size_t errlen);
    /*
     * Whether it fits to those that the guest has: what may occur once does. Gives it a number if
     * it has none. If it fails the device stays the caller's.
     */
    int (*fit)(const struct domcfg *dc, struct device_base *d, char *err, size_t errlen);
    struct json_object *(*to_json)(const struct device_base *d);
    /* -1: this is not what to_json() wrote of one that fits to a guest. */
    int (*from_json)(struct device_base *d, struct json_object *js);
    /* Its own nodes in xenstore, beside those that all devices have: put() for each. */
    void (*write)(const struct device_base *d, device_put_fn *put, void *arg);
    /*
     * One that a guest has, from nodes of its back-end's directory: value[i] is that of keys[i], or
     * NULL, and its number is set. As much of it as fit() looks at. -1: it makes no sense.
     */
    const char *const *keys; /* up to DEVICE_MAX_KEYS, and NULL */
    int (*read)(struct device_base *d, char *const *value);
    /* "xvda": its number for people. */
    void (*number)(unsigned devid, char *buf, size_t len);
    /* "disk xvda", where its text says which it is; missing: the key alone. */
    void (*label)(const struct device_base *d, char *buf, size_t len);
};

extern const struct device_class *const lodge_device_class[DEVICE_KINDS];
extern const struct device_class lodge_disk_class, lodge_vif_class;

/* That of a directory's name; DEVICE_ANY for one of other tools'. */
enum device_kind lodge_device_kind(const char *node);

/* "lodge" or "kernel". */
const char *lodge_backend_type_name(enum backend_type type);
/* Understands xl's names, too; -1: there is none of that name. */
int lodge_backend_type_parse(const char *text);

/* --- a guest's devices of one class, in the order of its config ---------------------------- */

struct device_list {
    void *item; /* descriptions, as the class has them */
    unsigned nr;
};

static inline struct device_base *lodge_device_at(const struct device_list *list,
                                                  enum device_kind kind, unsigned i)
{
    return (struct device_base *)((char *)list->item + i * lodge_device_class[kind]->size);
}

#endif
