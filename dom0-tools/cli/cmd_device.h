// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_device.h: the commands for devices, whatever their class; see liblodge/devclass.h.
 */
#ifndef LODGE_CMD_DEVICE_H
#define LODGE_CMD_DEVICE_H

#include "cli.h"

struct device_args {
    struct xen_domctl_getdomaininfo info;
    char *name; /* of the guest */
    bool force, shrink;
    int rest; /* the argument behind the domain */
};

/*
 * The options -f, -t SECONDS and -s, those of them that `options` names ("f", "t", "s"), then a
 * domain, and between `min` and `max` arguments more. Returns 0 or the exit status.
 */
int device_args(struct cli *c, int argc, char **argv, const char *options, int min, int max,
                struct device_args *a);
void device_args_free(struct device_args *a);

/*
 * The guest as a config that has the devices which it has now: what a new one must fit to. Only
 * the name and the devices mean something. Release with lodge_domcfg_free().
 */
void device_config(struct cli *c, const struct device_args *a, struct domcfg *dc);

/* --- what a class of devices brings to be shown and named ---------------------------------- */

struct device_view {
    int words; /* its description has at least so many */
    /* For people: it was attached. */
    void (*attached)(const struct device_args *a, const struct device_base *d);
    /* One of the guest's by what people call it. 0, or the exit status after a message. */
    int (*find)(struct cli *c, const struct device_args *a, const char *which,
                struct splitdev *dev);
    /* What there is to know of it, from device_json() on. */
    struct json_object *(*json)(struct cli *c, const struct splitdev *dev);
    /* Its row: the guest and its number are there, then what json() has told. */
    const struct table_column *columns;
    void (*row)(struct table *table, const struct splitdev *dev, struct json_object *js);
    const char *heading; /* over how many there are */
};

extern const struct device_view block_view, network_view;
extern const struct device_view *const device_views[DEVICE_KINDS];

/* The commands for devices of a class: *-attach, *-detach and *-list. */
int device_attach(struct cli *c, int argc, char **argv, enum device_kind kind);
int device_detach(struct cli *c, int argc, char **argv, enum device_kind kind);
int device_list(struct cli *c, int argc, char **argv, enum device_kind kind);

/* Attaches one, remembers it in the saved config, and says so. */
int device_attach_one(struct cli *c, const struct device_args *a, enum device_kind kind,
                      const struct device_base *d);
/* Detaches one, forgets it and says so. */
int device_detach_one(struct cli *c, const struct device_args *a, const struct splitdev *dev);
/* The guest's saved config gets one; 0 or the exit status after a message. */
int device_saved_add(struct cli *c, const struct device_args *a, enum device_kind kind,
                     const struct device_base *d);

/* What all devices have: their numbers, back-end and states. Reads `keys` of the back-end's
 * directory, too, up to the NULL: *value of each is malloc'ed, or NULL. */
struct json_object *device_json(struct cli *c, const struct splitdev *dev, const char *const *keys,
                                char **value);
const char *device_js(struct json_object *js, const char *key); /* a string of it, or "-" */

/* Adds "disks", "vifs" and what else there is: what a domain has now. */
void device_json_all(struct cli *c, uint16_t domid, struct json_object *js);

#endif
