/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cfgread.h: reading keys of a config, for those who give them their meaning: domcfg.c and the
 * files beside it. What cannot be read ends in one sentence that names file and line.
 */
#ifndef LODGE_CFGREAD_H
#define LODGE_CFGREAD_H

#include "domcfg.h"

#define CFGREAD_SENTENCE 800 /* of a warning: a device's text may be part of it */

/* Handed down to everything that reads a key; `err` gets the first failure's sentence. */
struct cfgread {
    struct cfg *cfg;
    domcfg_warn_fn *warn; /* or NULL */
    void *warn_arg;
    char *err;
    size_t errlen;
};

/* Returns -1. Without a place (NULL) the sentence is about the whole config. */
int cfgread_fail(struct cfgread *c, const struct cfg_setting *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same at an item of a list, which may be long: what counts is the line of the item. */
int cfgread_fail_item(struct cfgread *c, const struct cfg_setting *at, const struct cfg_value *item,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* `item` may be NULL. */
void cfgread_warn(struct cfgread *c, const struct cfg_setting *at, const struct cfg_value *item,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* 0, or -1 after cfgread_fail(). */

/* A string, or a number's text; *out is NULL where the key is not set. */
int cfgread_string(struct cfgread *c, const char *key, const char **out);
/* A number, or a string that holds one; *out stays as it is where the key is not set. */
int cfgread_number(struct cfgread *c, const char *key, uint64_t min, uint64_t max, uint64_t *out);
/* A size of memory in MiB, with a suffix or without (size.h); in the same way. */
int cfgread_memory(struct cfgread *c, const char *key, uint64_t max, uint64_t *mib);
/*
 * A file's absolute path, malloc'ed. Checks now what the builder would stumble over after the
 * domain exists. *out stays as it is where the key is not set, or empty.
 */
int cfgread_file(struct cfgread *c, const char *key, char **out);

/* --- domcfg_boot.c: what the guest boots ------------------------------------------------------ */

/* type, builder, paging; kernel, ramdisk, cmdline, root, extra; bootloader. */
int domcfg_read_type(struct cfgread *c, struct domcfg *dc);
int domcfg_read_boot(struct cfgread *c, struct domcfg *dc);
/* All has been read: does it fit to what the guest boots, and as which type? */
int domcfg_check_type(struct cfgread *c, const struct domcfg *dc);
/* The type of that name, or BUILDER_TYPES. */
enum builder_type domcfg_type(const char *name);

/* --- domcfg_devices.c: disk= and vif= --------------------------------------------------------- */

int domcfg_read_devices(struct cfgread *c, struct domcfg *dc);

#endif
