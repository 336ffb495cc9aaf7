// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_cd.c: cd-insert and cd-eject.
 *
 * A PV guest has no drive that could be empty: its CD is a disk that comes and goes. Inserting one
 * where there is another takes that away first; the guest must have let go of it, as for a drawer
 * that is locked while a CD is mounted.
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

    if (!disk_devid(vdev, &devid))
        return cli_error(c, "'%s' is no disk's name; it looks like xvdc", vdev);
    *there = splitdev_find(c->lodge.store, a->info.domain, SPLITDEV_DISK, devid, dev);
    if (!*there)
        return 0;
    type = store_get(c->lodge.store, splitdev_back(dev, "device-type"));
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

    rc = rc < 0 || disk_parse(d, text, err, sizeof(err));
    free(text);
    if (!rc && disk_resolve(d, err, sizeof(err))) {
        disk_free(d);
        rc = -1;
    }
    return rc ? cli_error(c, "%s", err) : 0;
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
    if (there)
        rc = device_detach(c, &a, &dev);
    if (!rc)
        rc = block_attach(c, &a, &d);
    disk_free(&d);
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
        rc = device_detach(c, &a, &dev);
    device_args_free(&a);
    return rc;
}
