// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_device.c: what the commands for disks and for interfaces have in common.
 *
 * Whether a device fits to a guest is judged by what the guest has now, as xenstore shows it, and
 * not by its config on disk: a guest may have been made by other tools, or have lost a device.
 */
#include "cmd_device.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

int device_args(struct cli *c, int argc, char **argv, const char *options, int min, int max,
                struct device_args *a)
{
    static const struct option longopts[] = {{"force", no_argument, NULL, 'f'},
                                             {"timeout", required_argument, NULL, 't'},
                                             {"shrink", no_argument, NULL, 's'},
                                             {NULL, 0, NULL, 0}};
    uint64_t seconds = 0;
    int opt, rc;

    memset(a, 0, sizeof(*a));
    while ((opt = getopt_long(argc, argv, ":ft:s", longopts, NULL)) != -1) {
        if (opt == ':' || opt == '?' || !strchr(options, opt)) {
            optopt = opt == ':' || opt == '?' ? optopt : opt;
            return cli_bad_option(c, argv, opt == ':' ? opt : '?');
        }
        a->force = a->force || opt == 'f';
        a->shrink = a->shrink || opt == 's';
        if (opt == 't' && !cli_number(optarg, 1, 100000, &seconds))
            return cli_usage(c, "'%s' is not a number of seconds", optarg);
    }
    if (optind >= argc)
        return cli_usage(c, "%s needs a domain", argv[0]);
    a->rest = optind + 1;
    if (argc - a->rest < min)
        return cli_usage(c, "%s needs more than a domain", argv[0]);
    if (argc - a->rest > max)
        return cli_usage(c, "'%s' is one argument too many", argv[a->rest + max]);
    rc = cli_domain(c, argv[optind], &a->info);
    if (rc)
        return rc;
    if (!a->info.domain)
        return cli_error(c, "domain 0 has its devices from its own kernel");
    if (a->info.flags & XEN_DOMINF_dying)
        return cli_error(c, "domain %u is being destroyed", a->info.domain);
    if (seconds)
        c->lodge.wait_ms = (int)seconds * 1000;
    a->name = lodge_domain_name(&c->lodge, a->info.domain);
    return 0;
}

void device_args_free(struct device_args *a)
{
    free(a->name);
    a->name = NULL;
}

/* --- what a guest has ---------------------------------------------------------------------------
 */

static void add_live_disk(struct store *s, const struct splitdev *dev, struct domcfg *dc)
{
    char *mode = NULL, err[400];
    struct disk d = {.devid = dev->devid};

    store_read(s, lodge_splitdev_back(dev, "params"), &d.target);
    store_read(s, lodge_splitdev_back(dev, "mode"), &mode);
    store_flush(s);
    lodge_disk_vdev(dev->devid, d.vdev, sizeof(d.vdev));
    d.readonly = mode && *mode == 'r';
    d.shared = mode && strchr(mode, '!');
    d.target = d.target ? d.target : must_copy("");
    if (lodge_domcfg_add_disk(dc, &d, err, sizeof(err)))
        lodge_disk_free(&d);
    free(mode);
}

static void add_live_vif(struct store *s, const struct splitdev *dev, struct domcfg *dc)
{
    char *mac = store_get(s, lodge_splitdev_back(dev, "mac")), err[400];
    struct vif v = {.devid = dev->devid, .has_mac = true};

    if (!mac || !lodge_vif_mac_parse(mac, v.mac) || lodge_domcfg_add_vif(dc, &v, err, sizeof(err)))
        lodge_vif_free(&v);
    free(mac);
}

void device_config(struct cli *c, const struct device_args *a, struct domcfg *dc)
{
    struct splitdev *dev = NULL;
    unsigned nr = lodge_splitdev_list(c->lodge.store, a->info.domain, NULL, &dev);
    struct saved saved;

    memset(dc, 0, sizeof(*dc));
    dc->name = must_copy(a->name);
    memcpy(dc->uuid, a->info.handle, sizeof(dc->uuid));
    if (!lodge_saved_read(&c->lodge, a->info.handle, &saved)) {
        dc->fixed_uuid = saved.config.fixed_uuid;
        lodge_saved_free(&saved);
    }
    for (unsigned i = 0; i < nr; i++) {
        if (!strcmp(dev[i].class, SPLITDEV_DISK))
            add_live_disk(c->lodge.store, &dev[i], dc);
        else if (!strcmp(dev[i].class, SPLITDEV_VIF))
            add_live_vif(c->lodge.store, &dev[i], dc);
    }
    free(dev);
}

/* --- the saved config ---------------------------------------------------------------------------
 */

/* A device as JSON, or with neither the number of one to forget. */
struct change {
    struct json_object *disk, *vif;
    const struct splitdev *drop;
};

static void change_config(struct domcfg *dc, void *arg)
{
    const struct change *ch = arg;
    struct disk d;
    struct vif v;
    char err[400];

    if (ch->drop && !strcmp(ch->drop->class, SPLITDEV_DISK))
        lodge_domcfg_drop_disk(dc, ch->drop->devid);
    else if (ch->drop)
        lodge_domcfg_drop_vif(dc, ch->drop->devid);
    /* An entry of the same number is of a device that the guest has not any more. */
    if (ch->disk && !lodge_disk_from_json(&d, ch->disk)) {
        lodge_domcfg_drop_disk(dc, d.devid);
        if (lodge_domcfg_add_disk(dc, &d, err, sizeof(err)))
            lodge_disk_free(&d);
    }
    if (ch->vif && !lodge_vif_from_json(&v, ch->vif)) {
        lodge_domcfg_drop_vif(dc, v.devid);
        if (lodge_domcfg_add_vif(dc, &v, err, sizeof(err)))
            lodge_vif_free(&v);
    }
}

static int change_saved(struct cli *c, const struct device_args *a, struct change *ch,
                        const char *done)
{
    int rc = lodge_saved_change(&c->lodge, a->info.handle, change_config, ch);

    json_object_put(ch->disk);
    json_object_put(ch->vif);
    if (!rc)
        return 0;
    return cli_error(c, "it is %s, but a restart of the guest would undo that: %s", done,
                     c->lodge.message);
}

int device_saved_add(struct cli *c, const struct device_args *a, const struct disk *d,
                     const struct vif *v)
{
    struct change ch = {.disk = d ? lodge_disk_to_json(d) : NULL,
                        .vif = v ? lodge_vif_to_json(v) : NULL};

    return change_saved(c, a, &ch, "attached");
}

int device_saved_drop(struct cli *c, const struct device_args *a, const struct splitdev *dev)
{
    struct change ch = {.drop = dev};

    return change_saved(c, a, &ch, "detached");
}

int device_detach(struct cli *c, const struct device_args *a, const struct splitdev *dev)
{
    char name[40];
    int rc;

    if (lodge_splitdev_detach(&c->lodge, dev, a->force))
        return cli_failed(c);
    rc = device_saved_drop(c, a, dev);
    lodge_splitdev_name(dev, name, sizeof(name));
    if (c->json) {
        struct json_object *js = json_object_new_object();

        cli_json_num(js, "domid", dev->domid);
        cli_json_num(js, "devid", dev->devid);
        cli_json_bool(js, "detached", true);
        cli_print_json(js);
    } else {
        printf("detached %s from '%s'\n", name, a->name);
    }
    return rc;
}

/* --- showing ------------------------------------------------------------------------------------
 */

static void each_of(struct cli *c, uint16_t domid, const char *guest, const char *class,
                    device_fn *fn, struct table *table, struct json_object *all)
{
    struct splitdev *dev = NULL;
    unsigned nr = lodge_splitdev_list(c->lodge.store, domid, class, &dev);

    for (unsigned i = 0; i < nr; i++)
        fn(c, guest, &dev[i], table, all);
    free(dev);
}

int device_each(struct cli *c, int argc, char **argv, const char *class,
                const struct table_column *columns, device_fn *fn)
{
    struct json_object *all = json_object_new_array();
    struct cli_selection sel = {0};
    struct table table;
    int rc = cli_open(c);

    if (!rc)
        rc = cli_select(c, argc - 1, argv + 1, &sel);
    table_begin(&table, columns);
    for (unsigned i = 0; i < sel.nr && !rc; i++)
        each_of(c, sel.info[i].domain, sel.name[i], class, fn, &table, all);
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
    return rc;
}

struct json_object *device_json(struct cli *c, const struct splitdev *dev, const char *const *keys,
                                char **value)
{
    struct json_object *js = json_object_new_object();
    char *back = NULL, *front = NULL, *error = NULL;
    struct store *s = c->lodge.store;

    store_read(s, lodge_splitdev_back(dev, "state"), &back);
    store_read(s, lodge_splitdev_front(dev, "state"), &front);
    store_read(s, lodge_splitdev_back(dev, "hotplug-error"), &error);
    for (unsigned i = 0; keys[i]; i++)
        store_read(s, lodge_splitdev_back(dev, keys[i]), &value[i]);
    store_flush(s);
    /* All of it is of the domain that serves the device, which need not be dom0. */
    store_printable(error);
    for (unsigned i = 0; keys[i]; i++)
        store_printable(value[i]);
    cli_json_num(js, "domid", dev->domid);
    cli_json_num(js, "devid", dev->devid);
    cli_json_num(js, "backend", dev->backend);
    cli_json_str(js, "backendtype", strncmp(dev->type, "lodge-", 6) ? "kernel" : "lodge");
    cli_json_str(js, "state", lodge_splitdev_state_name(back ? (int)strtol(back, NULL, 10) : 0));
    cli_json_str(js, "front_state",
                 lodge_splitdev_state_name(front ? (int)strtol(front, NULL, 10) : 0));
    if (error && *error)
        cli_json_str(js, "error", error);
    free(back);
    free(front);
    free(error);
    return js;
}

const char *device_js(struct json_object *js, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(js, key, &v) ? json_object_get_string(v) : "-";
}

static void add_block(struct cli *c, const char *guest, const struct splitdev *dev,
                      struct table *table, struct json_object *all)
{
    (void)guest;
    (void)table;
    json_object_array_add(all, block_json(c, dev));
}

static void add_network(struct cli *c, const char *guest, const struct splitdev *dev,
                        struct table *table, struct json_object *all)
{
    (void)guest;
    (void)table;
    json_object_array_add(all, network_json(c, dev));
}

void device_json_all(struct cli *c, uint16_t domid, struct json_object *js)
{
    struct json_object *disks = json_object_new_array(), *vifs = json_object_new_array();

    each_of(c, domid, "", SPLITDEV_DISK, add_block, NULL, disks);
    each_of(c, domid, "", SPLITDEV_VIF, add_network, NULL, vifs);
    json_object_object_add(js, "disks", disks);
    json_object_object_add(js, "vifs", vifs);
}
