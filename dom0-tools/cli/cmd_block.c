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

/* xl takes a specification in pieces, too: they are joined with commas. */
static char *join(int argc, char **argv)
{
    size_t len = 1;
    char *text;

    for (int i = 0; i < argc; i++)
        len += strlen(argv[i]) + 1;
    text = must(calloc(1, len));
    for (int i = 0; i < argc; i++) {
        if (i)
            strcat(text, ",");
        strcat(text, argv[i]);
    }
    return text;
}

/* As far as it can be told without doing it: the disk is good, and fits to those that are there. */
static int pretend(const struct device_args *a, const struct disk *d)
{
    struct json_object *js = lodge_disk_to_json(d);

    cli_json_num(js, "domid", a->info.domain);
    cli_print_json(js);
    return 0;
}

int block_attach(struct cli *c, const struct device_args *a, const struct disk *d)
{
    int rc;

    if (lodge_splitdev_attach_disk(&c->lodge, a->info.domain, d))
        return cli_failed(c);
    rc = device_saved_add(c, a, d, NULL);
    if (c->json) {
        struct json_object *js = lodge_disk_to_json(d);

        cli_json_num(js, "domid", a->info.domain);
        cli_json_num(js, "devid", d->devid);
        cli_print_json(js);
    } else {
        printf("attached '%s' to '%s' as disk %s%s\n", d->target, a->name, d->vdev,
               d->readonly ? ", read-only" : "");
    }
    return rc;
}

int cmd_block_attach(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct domcfg now;
    struct disk d;
    char err[640], *text;
    int rc = device_args(c, argc, argv, "t", 1, 100, &a);

    if (rc)
        return rc;
    text = join(argc - a.rest, argv + a.rest);
    rc = lodge_disk_parse(&d, text, err, sizeof(err));
    free(text);
    if (rc) {
        device_args_free(&a);
        return cli_error(c, "%s", err);
    }
    if (d.ignored)
        cli_warn(c, "not supported and without effect: %s", d.ignored);
    device_config(c, &a, &now);
    if (lodge_disk_resolve(&d, err, sizeof(err)) ||
        lodge_domcfg_add_disk(&now, &d, err, sizeof(err))) {
        rc = cli_error(c, "%s", err);
        lodge_disk_free(&d);
    } else {
        rc = c->dry_run ? pretend(&a, &d)
                        : block_attach(c, &a, &d); /* it is `now` that frees the disk */
    }
    lodge_domcfg_free(&now);
    device_args_free(&a);
    return rc;
}

int block_find(struct cli *c, const struct device_args *a, const char *which, struct splitdev *dev)
{
    struct splitdev *list = NULL;
    char have[300] = "", name[40];
    unsigned devid, nr;

    if (!lodge_disk_devid(which, &devid))
        return cli_error(c, "'%s' is no disk's name; it looks like xvda", which);
    if (lodge_splitdev_find(c->lodge.store, a->info.domain, SPLITDEV_DISK, devid, dev))
        return 0;
    nr = lodge_splitdev_list(c->lodge.store, a->info.domain, SPLITDEV_DISK, &list);
    for (unsigned i = 0; i < nr && strlen(have) + 20 < sizeof(have); i++) {
        lodge_disk_vdev(list[i].devid, name, sizeof(name));
        snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s", i ? ", " : "", name);
    }
    free(list);
    if (!nr)
        return cli_error(c, "'%s' has no disks", a->name);
    return cli_error(c, "'%s' has no disk %s; it has %s", a->name, which, have);
}

int cmd_block_detach(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct splitdev dev;
    int rc = device_args(c, argc, argv, "ft", 1, 1, &a);

    if (rc)
        return rc;
    rc = block_find(c, &a, argv[a.rest], &dev);
    if (!rc)
        rc = device_detach(c, &a, &dev);
    device_args_free(&a);
    return rc;
}

/* --- block-list ---------------------------------------------------------------------------------
 */

struct json_object *block_json(struct cli *c, const struct splitdev *dev)
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

static void show_block(struct cli *c, const char *guest, const struct splitdev *dev,
                       struct table *table, struct json_object *all)
{
    struct json_object *js = block_json(c, dev), *bytes;
    char size[24] = "-";

    if (json_object_object_get_ex(js, "bytes", &bytes))
        snprintf(size, sizeof(size), "%" PRId64, json_object_get_int64(bytes) >> 20);
    cli_json_str(js, "guest", guest);
    table_cell(table, "%s", guest);
    table_cell(table, "%u", dev->domid);
    table_cell(table, "%s", device_js(js, "vdev"));
    table_cell(table, "%u", dev->devid);
    table_cell(table, "%s", device_js(js, "backendtype"));
    table_cell(table, "%s", device_js(js, "access"));
    table_cell(table, "%s", device_js(js, "state"));
    table_cell(table, "%s", device_js(js, "front_state"));
    table_cell(table, "%s", size);
    table_cell(table, "%s", device_js(js, "target"));
    json_object_array_add(all, js);
}

int cmd_block_list(struct cli *c, int argc, char **argv)
{
    static const struct table_column columns[] = {
        {"Guest", -16, false}, {"ID", 5, false},          {"Disk", -6, false},
        {"Number", 6, false},  {"Backend", -7, true},     {"Access", -6, false},
        {"State", -12, false}, {"Front-end", -12, false}, {"Size(MiB)", 9, false},
        {"Target", -1, true},  {NULL, 0, false}};

    return device_each(c, argc, argv, SPLITDEV_DISK, columns, show_block);
}

/* --- block-resize -------------------------------------------------------------------------------
 */

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
        js = block_json(c, dev);
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
        rc = block_find(c, &a, argv[a.rest], &dev);
    if (!rc)
        rc = resize(c, &a, &dev, kib << 10);
    device_args_free(&a);
    return rc;
}
