// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.h: one disk of a guest, as its config describes it.
 *
 * The syntax is xl's, in both of its forms, which may be mixed: positional parameters
 *   target, format, vdev, access
 * and key=value. A parameter is given at most once; an empty one stands for its default; blanks
 * before a parameter do not count. `target=` takes the whole rest of the text, so that a path may
 * hold commas and blanks. xend's "phy:/dev/sdb,hdc:cdrom,r" is understood as well.
 *
 *   target          a file or a block device; without a leading / it is looked for in the current
 *                   directory and then in /dev
 *   format          raw (default) or qcow2
 *   backing         a file that may be behind the qcow2 image; given once for each such file
 *   vdev            xvda to xvdzzz, hda to hdd, sda to sdp, each with a partition behind it, d0p1,
 *                   or a number; needed
 *   access          rw or w (default), ro or r (default of a CD), or w!: written to, and so do
 *                   others, which must have a file system for that
 *   devtype         disk or cdrom; the bare word cdrom is the same
 *   backendtype     lodge (default; also qdisk): our own back-end. kernel (also phy): xen-blkback
 *   backend         the domain whose back-end serves it
 *   discard, no-discard, direct-io-safe
 *
 * A key that is none of these has no effect, and is noted for a warning.
 */
#ifndef LODGE_DISK_H
#define LODGE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <json-c/json.h>
#include "devclass.h"

#define DISK_MAX_TARGET 1023
#define DISK_MAX_VDEV   16
/* Files behind an image; what serves it follows no more. */
#define DISK_MAX_BACKING 15

enum disk_format { DISK_RAW, DISK_QCOW2 };

struct disk {
    struct device_base base; /* devid: the number that stands for vdev */
    char *target;
    char *backing[DISK_MAX_BACKING];
    unsigned nr_backing;
    enum disk_format format;
    char vdev[DISK_MAX_VDEV]; /* as written, in lower case */
    bool readonly, cdrom, shared;
    bool block_device; /* the target is one; set by lodge_disk_resolve() */
    bool discard, direct_io_safe;
};

/*
 * Reads one description. Only the text is looked at. Returns 0, or -1 with a sentence in err and
 * nothing to free.
 */
int lodge_disk_parse(struct disk *d, const char *text, char *err, size_t errlen);

/*
 * Looks at the target: it must exist, be of the right kind, and allow what the guest may do with
 * it. Its path is made absolute. A target in another domain is left alone.
 */
int lodge_disk_resolve(struct disk *d, char *err, size_t errlen);

/* By whatever names: a file may have several. Loop devices the back-ends look behind. */
bool lodge_disk_same_image(const struct disk *a, const struct disk *b);

void lodge_disk_free(struct disk *d);

struct json_object *lodge_disk_to_json(const struct disk *d);
/* -1: this is not what lodge_disk_to_json() wrote. */
int lodge_disk_from_json(struct disk *d, struct json_object *js);

/* The number of a name such as "xvda2"; false if it is no such name. */
bool lodge_disk_devid(const char *vdev, unsigned *devid);
/* The name of a number, e.g. "xvda2"; "?" for one that has none. */
void lodge_disk_vdev(unsigned devid, char *buf, size_t len);

/* "ro", "rw" or "w!". */
const char *lodge_disk_access_name(const struct disk *d);
const char *lodge_disk_format_name(enum disk_format format);
#endif
