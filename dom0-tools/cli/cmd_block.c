// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_block.c: the commands for guests' disks: block-attach, -detach, -list and -resize.
 */
#include "cmd_device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <must.h>

static void attached(const struct device_args *a, const struct device_base *base)
{
    const struct disk *d = (const struct disk *)base;

    printf("attached '%s' to '%s' as disk %s%s\n", d->target, a->name, d->vdev,
           d->readonly ? ", read-only" : "");
}

/* By name or number; says which disks there are if there is no such. */
static int find(struct cli *c, const struct device_args *a, const char *which, struct splitdev *dev)
{
    struct splitdev *list = NULL;
    char have[300] = "", name[40];
    unsigned devid, nr;

    if (!lodge_disk_devid(which, &devid))
        return cli_error(c, "'%s' is no disk's name; it looks like xvda", which);
    if (lodge_splitdev_find(c->lodge.store, a->info.domain, DEVICE_DISK, devid, dev))
        return 0;
    nr = lodge_splitdev_list(c->lodge.store, a->info.domain, DEVICE_DISK, &list);
    for (unsigned i = 0; i < nr && strlen(have) + 20 < sizeof(have); i++) {
        lodge_disk_vdev(list[i].devid, name, sizeof(name));
        snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s", i ? ", " : "", name);
    }
    free(list);
    if (!nr)
        return cli_error(c, "'%s' has no disks", a->name);
    return cli_error(c, "'%s' has no disk %s; it has %s", a->name, which, have);
}

/* --- block-list ---------------------------------------------------------------------------- */

static struct json_object *show(struct cli *c, const struct splitdev *dev)
{
    static const char *const keys[] = {"params",  "format",      "mode",           "device-type",
                                       "sectors", "sector-size", "direct-io-safe", NULL};
    char *value[8] = {NULL}, vdev[DISK_MAX_VDEV];
    struct json_object *js = device_json(c, dev, keys, value);

    lodge_disk_vdev(dev->devid, vdev, sizeof(vdev));
    cli_json_str(js, "vdev", vdev);
    cli_json_str(js, "target", value[0] ? value[0] : "");
    cli_json_str(js, "format", value[1] ? value[1] : "raw");
    cli_json_str(js, "access",
                 value[2] && *value[2] == 'r'        ? "ro"
                 : value[2] && strchr(value[2], '!') ? "w!"
                                                     : "rw");
    cli_json_str(js, "devtype", value[3] ? value[3] : "disk");
    if (value[4])
        cli_json_num(js, "bytes", strtoll(value[4], NULL, 10) * 512);
    if (value[5])
        cli_json_num(js, "sector_size", strtoll(value[5], NULL, 10));
    for (int i = 0; keys[i]; i++)
        free(value[i]);
    return js;
}

static void row(struct table *table, const struct splitdev *dev, struct json_object *js)
{
    struct json_object *bytes;
    char size[24] = "-";

    if (json_object_object_get_ex(js, "bytes", &bytes))
        snprintf(size, sizeof(size), "%" PRId64, json_object_get_int64(bytes) >> 20);
    table_cell(table, "%s", device_js(js, "vdev"));
    table_cell(table, "%u", dev->devid);
    table_cell(table, "%s", device_js(js, "backendtype"));
    table_cell(table, "%s", device_js(js, "access"));
    table_cell(table, "%s", device_js(js, "state"));
    table_cell(table, "%s", device_js(js, "front_state"));
    table_cell(table, "%s", size);
    table_cell(table, "%s", device_js(js, "target"));
}

static const struct table_column columns[] = {
    {"Guest", -16, false}, {"ID", 5, false},          {"Disk", -6, false},
    {"Number", 6, false},  {"Backend", -7, true},     {"Access", -6, false},
    {"State", -12, false}, {"Front-end", -12, false}, {"Size(MiB)", 9, false},
    {"Target", -1, true},  {NULL, 0, false}};

const struct device_view block_view = {.words = 1,
                                       .attached = attached,
                                       .find = find,
                                       .json = show,
                                       .columns = columns,
                                       .row = row,
                                       .heading = "Disks"};

int cmd_block_attach(struct cli *c, int argc, char **argv)
{
    return device_attach(c, argc, argv, DEVICE_DISK);
}

int cmd_block_detach(struct cli *c, int argc, char **argv)
{
    return device_detach(c, argc, argv, DEVICE_DISK);
}

int cmd_block_list(struct cli *c, int argc, char **argv)
{
    return device_list(c, argc, argv, DEVICE_DISK);
}

/* --- block-resize -------------------------------------------------------------------------- */

/* A kernel's back-end finds out by itself that its image has another size, within a moment. */
static struct json_object *resized_json(struct cli *c, const struct splitdev *dev, uint64_t bytes)
{
    const struct timespec moment = {.tv_nsec = 50 * 1000 * 1000};
    struct json_object *js = NULL, *now;

    for (int tries = 0; tries < 20; tries++) {
        if (js) {
            json_object_put(js);
            nanosleep(&moment, NULL);
        }
        js = show(c, dev);
        if (!bytes || !json_object_object_get_ex(js, "bytes", &now) ||
            (uint64_t)json_object_get_int64(now) == bytes)
            break;
    }
    return js;
}

static int resize(struct cli *c, const struct device_args *a, const struct splitdev *dev,
                  uint64_t bytes)
{
    struct json_object *js, *now;

    if (lodge_splitdev_resize(&c->lodge, dev, bytes, a->shrink))
        return cli_failed(c);
    js = resized_json(c, dev, bytes);
    if (c->json) {
        cli_print_json(js);
        return 0;
    }
    if (json_object_object_get_ex(js, "bytes", &now))
        printf("disk %s of '%s' has %" PRId64 " bytes (%" PRId64 " MiB)\n", device_js(js, "vdev"),
               a->name, json_object_get_int64(now), json_object_get_int64(now) >> 20);
    else
        printf("disk %s of '%s' is not connected; the guest sees the new size when it is\n",
               device_js(js, "vdev"), a->name);
    json_object_put(js);
    return 0;
}

int cmd_block_resize(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct splitdev dev;
    uint64_t kib = 0;
    int rc = device_args(c, argc, argv, "ts", 1, 2, &a);

    if (rc)
        return rc;
    if (argc - a.rest == 2 && !lodge_size_parse(argv[a.rest + 1], &kib))
        rc = cli_usage(c, "'%s' is not a size; " SIZE_LOOKS, argv[a.rest + 1]);
    else
        rc = find(c, &a, argv[a.rest], &dev);
    if (!rc)
        rc = resize(c, &a, &dev, kib << 10);
    device_args_free(&a);
    return rc;
}
