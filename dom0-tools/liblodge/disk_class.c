// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk_class.c: disks as a class of devices; disk.c reads their text.
 */
#include "domcfg.h"

#include <stdio.h>
#include <string.h>
#include <must.h>

static const struct disk *disk(const struct device_base *d)
{
    return (const struct disk *)d;
}

static int parse(struct device_base *d, const char *text, char *err, size_t errlen)
{
    return lodge_disk_parse((struct disk *)d, text, err, errlen);
}

static void release(struct device_base *d)
{
    lodge_disk_free((struct disk *)d);
}

static int resolve(struct device_base *d, char *err, size_t errlen)
{
    return lodge_disk_resolve((struct disk *)d, err, errlen);
}

static int fit(const struct domcfg *dc, struct device_base *base, char *err, size_t errlen)
{
    const struct disk *d = disk(base);

    for (unsigned i = 0; i < dc->devices[DEVICE_DISK].nr; i++) {
        const struct disk *other = lodge_domcfg_disk(dc, i);

        if (other->base.devid == base->devid) {
            snprintf(err, errlen, "disk %s: the guest has a disk of this vdev already ('%.200s')",
                     d->vdev, other->target);
            return -1;
        }
        if (lodge_disk_same_image(other, d) && !(d->readonly && other->readonly) &&
            !(d->shared && other->shared)) {
            snprintf(err, errlen,
                     "disk %s: '%.200s' is the guest's %s already; two disks on one image would "
                     "destroy it, unless both have access=ro or w!",
                     d->vdev, d->target, other->vdev);
            return -1;
        }
    }
    return 0;
}

static struct json_object *to_json(const struct device_base *d)
{
    return lodge_disk_to_json(disk(d));
}

static int from_json(struct device_base *d, struct json_object *js)
{
    return lodge_disk_from_json((struct disk *)d, js);
}

static void write_nodes(const struct device_base *base, device_put_fn *put, void *arg)
{
    const struct disk *d = disk(base);
    const char *type = d->cdrom ? "cdrom" : "disk";
    char text[24];

    snprintf(text, sizeof(text), "%u", base->devid);
    put(arg, DEVICE_FRONT, "virtual-device", text);
    put(arg, DEVICE_FRONT, "device-type", type);

    put(arg, DEVICE_BACK, "dev", d->vdev);
    put(arg, DEVICE_BACK, "params", d->target);
    put(arg, DEVICE_BACK, "type",
        d->block_device           ? "phy"
        : d->format == DISK_QCOW2 ? "qcow2"
                                  : "file");
    put(arg, DEVICE_BACK, "format", lodge_disk_format_name(d->format));
    for (unsigned i = 0; i < d->nr_backing; i++) {
        snprintf(text, sizeof(text), "backing-%u", i);
        put(arg, DEVICE_BACK, text, d->backing[i]);
    }
    put(arg, DEVICE_BACK, "mode", d->readonly ? "r" : d->shared ? "w!" : "w");
    put(arg, DEVICE_BACK, "device-type", type);
    put(arg, DEVICE_BACK, "removable", d->cdrom ? "1" : "0");
    put(arg, DEVICE_BACK, "bootable", "1");
    put(arg, DEVICE_BACK, "discard-enable", d->discard && !d->readonly ? "1" : "0");
    put(arg, DEVICE_BACK, "direct-io-safe", d->direct_io_safe ? "1" : "0");
}

enum { PARAMS, MODE };
static const char *const keys[] = {[PARAMS] = "params", [MODE] = "mode", NULL};

static int read_nodes(struct device_base *base, char *const *value)
{
    struct disk *d = (struct disk *)base;
    const char *mode = value[MODE] ? value[MODE] : "";

    lodge_disk_vdev(base->devid, d->vdev, sizeof(d->vdev));
    d->readonly = *mode == 'r';
    d->shared = strchr(mode, '!');
    d->target = must_copy(value[PARAMS] ? value[PARAMS] : "");
    return 0;
}

static void number(unsigned devid, char *buf, size_t len)
{
    lodge_disk_vdev(devid, buf, len);
    if (*buf == '?')
        snprintf(buf, len, "%u", devid);
}

static void label(const struct device_base *d, char *buf, size_t len)
{
    snprintf(buf, len, "disk %s", disk(d)->vdev);
}

const struct device_class lodge_disk_class = {
    .node = "vbd",
    .key = "disk",
    .list = "disks",
    .what = "disk",
    .module = "xen-blkback",
    .in_use = "the guest still uses the disk: unmount it there, or take it away with -f",
    .size = sizeof(struct disk),
    .parse = parse,
    .release = release,
    .resolve = resolve,
    .fit = fit,
    .to_json = to_json,
    .from_json = from_json,
    .write = write_nodes,
    .keys = keys,
    .read = read_nodes,
    .number = number,
    .label = label,
};
