// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_device.h: what the commands for disks and for interfaces have in common.
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

/* The guest's saved config follows what was done; 0 or the exit status after a message. */
int device_saved_add(struct cli *c, const struct device_args *a, const struct disk *d,
                     const struct vif *v);
int device_saved_drop(struct cli *c, const struct device_args *a, const struct splitdev *dev);

/* Detaches, forgets and says so. */
int device_detach(struct cli *c, const struct device_args *a, const struct splitdev *dev);

/* Shows each device of the domains that the arguments name, or of all: fn adds a row and an object.
 */
typedef void device_fn(struct cli *c, const char *guest, const struct splitdev *dev,
                       struct table *table, struct json_object *all);
int device_each(struct cli *c, int argc, char **argv, const char *class,
                const struct table_column *columns, device_fn *fn);

/* What all devices have: their numbers, back-end and states. Reads `keys` of the back-end's
 * directory, too, up to the NULL: *value of each is malloc'ed, or NULL. */
struct json_object *device_json(struct cli *c, const struct splitdev *dev, const char *const *keys,
                                char **value);
const char *device_js(struct json_object *js, const char *key); /* a string of it, or "-" */

/* --- cmd_block.c --- */

/* Attaches, remembers it in the saved config, and says so. */
int block_attach(struct cli *c, const struct device_args *a, const struct disk *d);
/* A disk by name or number; says which disks there are if there is no such. */
int block_find(struct cli *c, const struct device_args *a, const char *which, struct splitdev *dev);

struct json_object *block_json(struct cli *c, const struct splitdev *dev);
struct json_object *network_json(struct cli *c, const struct splitdev *dev);
/* Adds "disks" and "vifs", what a domain has now. */
void device_json_all(struct cli *c, uint16_t domid, struct json_object *js);

#endif
