// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_cd.c: cd-insert and cd-eject.
 *
 * A PV guest has no drive that could be empty: its CD is a disk that comes and goes. Inserting one
 * where there is another takes that away first; the guest must have let go of it, as for a drawer
 * that is locked while a CD is mounted. If the new one cannot be had then, the old one comes back.
 */
#include "cmd_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The CD at this name; *there says whether there is one. Anything else there is refused. */
static int find_cd(struct cli *c, const struct device_args *a, const char *vdev,
                   struct splitdev *dev, bool *there)
{
    unsigned devid;
    char *type;
    bool cd;

    if (!lodge_disk_devid(vdev, &devid))
        return cli_error(c, "'%s' is no disk's name; it looks like xvdc", vdev);
    *there = lodge_splitdev_find(c->lodge.store, a->info.domain, DEVICE_DISK, devid, dev);
    if (!*there)
        return 0;
    type = store_get(c->lodge.store, lodge_splitdev_back(dev, "device-type"));
    cd = type && !strcmp(type, "cdrom");
    free(type);
    return cd ? 0
              : cli_error(c, "disk %s of '%s' is not a CD; block-detach takes it away", vdev,
                          a->name);
}

/* The text of disk= for it; target takes all that is behind it. */
static int describe(struct cli *c, const char *vdev, const char *target, struct disk *d)
{
    char *text = NULL, err[640];
    int rc = asprintf(&text, "vdev=%s,devtype=cdrom,access=ro,target=%s", vdev, target);

    rc = rc < 0 || lodge_disk_parse(d, text, err, sizeof(err));
    free(text);
    if (!rc && lodge_disk_resolve(d, err, sizeof(err))) {
        lodge_disk_free(d);
        rc = -1;
    }
    return rc ? cli_error(c, "%s", err) : 0;
}

/*
 * What is in there: as the guest's config has it, or for one of other tools' as xenstore shows it.
 */
static bool remember(struct cli *c, const struct device_args *a, const struct splitdev *dev,
                     struct disk *old)
{
    char *target = NULL, *format = NULL, *type = NULL, *text = NULL, vdev[DISK_MAX_VDEV], err[640];
    struct saved saved;
    bool found = false;

    if (!lodge_saved_read(&c->lodge, a->info.handle, &saved)) {
        for (unsigned i = 0; i < saved.config.devices[DEVICE_DISK].nr && !found; i++) {
            const struct disk *d = lodge_domcfg_disk(&saved.config, i);

            if (d->base.devid == dev->devid) {
                struct json_object *js = lodge_disk_to_json(d);

                found = !lodge_disk_from_json(old, js);
                json_object_put(js);
            }
        }
        lodge_saved_free(&saved);
    }
    if (found)
        return true;
    store_read(c->lodge.store, lodge_splitdev_back(dev, "params"), &target);
    store_read(c->lodge.store, lodge_splitdev_back(dev, "format"), &format);
    store_read(c->lodge.store, lodge_splitdev_back(dev, "type"), &type);
    store_flush(c->lodge.store);
    lodge_disk_vdev(dev->devid, vdev, sizeof(vdev));
    if (target && asprintf(&text,
                           "vdev=%s,devtype=cdrom,access=ro,format=%s,backendtype=%s,backend=%s,"
                           "target=%s",
                           vdev, format ? format : "raw",
                           lodge_backend_type_name(lodge_splitdev_backend_type(dev)),
                           dev->backend ? store_fmt("%u", dev->backend) : "", target) > 0)
        found = !lodge_disk_parse(old, text, err, sizeof(err));
    if (found)
        old->block_device = type && !strcmp(type, "phy");
    free(target);
    free(format);
    free(type);
    free(text);
    return found;
}

static void put_back(struct cli *c, const struct device_args *a, const struct disk *old)
{
    if (lodge_splitdev_attach(&c->lodge, a->info.domain, DEVICE_DISK, &old->base))
        cli_error(c, "nor can the CD be put back that was there, '%s': %s", old->target,
                  c->lodge.message);
    else if (!device_saved_add(c, a, DEVICE_DISK, &old->base))
        cli_warn(c, "the CD that was there is back: '%s'", old->target);
}

/* In place of the one that there is. */
static int change_cd(struct cli *c, const struct device_args *a, struct splitdev *dev,
                     const struct disk *d)
{
    struct disk old;
    bool known = remember(c, a, dev, &old);
    int rc = device_detach_one(c, a, dev);

    if (!rc) {
        rc = device_attach_one(c, a, DEVICE_DISK, &d->base);
        /* It may be there, and only the saved config be without it. */
        if (rc && known &&
            !lodge_splitdev_find(c->lodge.store, a->info.domain, DEVICE_DISK, old.base.devid, dev))
            put_back(c, a, &old);
    }
    if (known)
        lodge_disk_free(&old);
    return rc;
}

int cmd_cd_insert(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct splitdev dev;
    struct disk d;
    bool there = false;
    int rc = device_args(c, argc, argv, "t", 2, 2, &a);

    if (rc)
        return rc;
    rc = find_cd(c, &a, argv[a.rest], &dev, &there);
    if (!rc)
        rc = describe(c, argv[a.rest], argv[a.rest + 1], &d);
    if (rc) {
        device_args_free(&a);
        return rc;
    }
    rc = there ? change_cd(c, &a, &dev, &d) : device_attach_one(c, &a, DEVICE_DISK, &d.base);
    lodge_disk_free(&d);
    device_args_free(&a);
    return rc;
}

int cmd_cd_eject(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct splitdev dev;
    bool there = false;
    int rc = device_args(c, argc, argv, "ft", 1, 1, &a);

    if (rc)
        return rc;
    rc = find_cd(c, &a, argv[a.rest], &dev, &there);
    if (!rc && !there)
        rc = cli_error(c, "'%s' has no CD %s", a.name, argv[a.rest]);
    if (!rc)
        rc = device_detach_one(c, &a, &dev);
    device_args_free(&a);
    return rc;
}
