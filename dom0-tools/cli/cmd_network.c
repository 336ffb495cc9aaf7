// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_network.c: the commands for guests' interfaces: network-attach, -detach and -list.
 */
#include "cmd_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

static int attach(struct cli *c, const struct device_args *a, const struct vif *v)
{
    char mac[18];
    int rc;

    if (c->dry_run) {
        struct json_object *js = lodge_vif_to_json(v);

        cli_json_num(js, "domid", a->info.domain);
        cli_print_json(js);
        return 0;
    }
    if (lodge_splitdev_attach_vif(&c->lodge, a->info.domain, v))
        return cli_failed(c);
    rc = device_saved_add(c, a, NULL, v);
    lodge_vif_mac_format(v->mac, mac);
    if (c->json) {
        struct json_object *js = lodge_vif_to_json(v);

        cli_json_num(js, "domid", a->info.domain);
        cli_print_json(js);
    } else {
        printf("attached interface %u to '%s' with address %s\n", v->devid, a->name, mac);
    }
    return rc;
}

int cmd_network_attach(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct domcfg now;
    struct vif v;
    char err[640], *text = must(calloc(1, 1));
    int rc = device_args(c, argc, argv, "t", 0, 100, &a);

    for (int i = a.rest; i < argc && !rc; i++) {
        char *longer = NULL;

        longer = asprintf(&longer, "%s%s%s", text, *text ? "," : "", argv[i]) < 0 ? NULL : longer;
        free(text);
        text = must(longer);
    }
    if (!rc && lodge_vif_parse(&v, text, err, sizeof(err))) {
        rc = cli_error(c, "%s", err);
    } else if (!rc) {
        if (v.ignored)
            cli_warn(c, "not supported and without effect: %s", v.ignored);
        device_config(c, &a, &now);
        if (lodge_vif_resolve(&v, err, sizeof(err)) ||
            lodge_domcfg_add_vif(&now, &v, err, sizeof(err))) {
            rc = cli_error(c, "%s", err);
            lodge_vif_free(&v);
        } else {
            rc = attach(c, &a, &now.vif[now.nr_vif - 1]);
        }
        lodge_domcfg_free(&now);
    }
    free(text);
    device_args_free(&a);
    return rc;
}

/* By index or address. */
static int find_vif(struct cli *c, const struct device_args *a, const char *which,
                    struct splitdev *dev)
{
    struct splitdev *list = NULL;
    uint8_t want[6], mac[6];
    uint64_t index;
    unsigned nr;
    bool found = false;

    if (cli_number(which, 0, VIF_MAX - 1, &index))
        found =
            lodge_splitdev_find(c->lodge.store, a->info.domain, SPLITDEV_VIF, (unsigned)index, dev);
    else if (!lodge_vif_mac_parse(which, want))
        return cli_error(c, "'%s' is neither an interface's index nor its address", which);
    else {
        nr = lodge_splitdev_list(c->lodge.store, a->info.domain, SPLITDEV_VIF, &list);
        for (unsigned i = 0; i < nr && !found; i++) {
            char *text = store_get(c->lodge.store, lodge_splitdev_back(&list[i], "mac"));

            found = text && lodge_vif_mac_parse(text, mac) && !memcmp(mac, want, sizeof(mac));
            if (found)
                *dev = list[i];
            free(text);
        }
        free(list);
    }
    if (found)
        return 0;
    return cli_error(c, "'%s' has no interface %s; `lodge network-list %s` shows those that it has",
                     a->name, which, a->name);
}

int cmd_network_detach(struct cli *c, int argc, char **argv)
{
    struct device_args a;
    struct splitdev dev;
    int rc = device_args(c, argc, argv, "ft", 1, 1, &a);

    if (rc)
        return rc;
    rc = find_vif(c, &a, argv[a.rest], &dev);
    if (!rc)
        rc = device_detach(c, &a, &dev);
    device_args_free(&a);
    return rc;
}

/* A node's text where it has one. */
static void show_text(struct json_object *js, const char *key, const char *text)
{
    if (text && *text)
        cli_json_str(js, key, text);
}

/* Mode and bridge are what the back-end has made of it; until it has, what it was asked for. */
struct json_object *network_json(struct cli *c, const struct splitdev *dev)
{
    enum { MAC, MODE, BRIDGE, IP, VIFNAME, RATE, GATEWAY, FILTER, IS_MODE, IS_BRIDGE, KEYS };
    static const char *const keys[] = {"mac",          "mode",           "bridge",     "ip",
                                       "vifname",      "rate",           "gatewaydev", "filter",
                                       "plugged-mode", "plugged-bridge", NULL};
    char *value[KEYS] = {NULL}, standard[24];
    struct json_object *js = device_json(c, dev, keys, value);
    bool plugged = value[IS_MODE] && *value[IS_MODE];

    snprintf(standard, sizeof(standard), "vif%u.%u", dev->domid, dev->devid);
    show_text(js, "mac", value[MAC]);
    show_text(js, "mode", value[plugged ? IS_MODE : MODE]);
    show_text(js, "bridge", value[plugged ? IS_BRIDGE : BRIDGE]);
    show_text(js, "ip", value[IP]);
    show_text(js, "vifname", value[VIFNAME] && *value[VIFNAME] ? value[VIFNAME] : standard);
    show_text(js, "rate", value[RATE]);
    show_text(js, "gatewaydev", value[GATEWAY]);
    cli_json_bool(js, "filter", value[FILTER] && !strcmp(value[FILTER], "1"));
    for (int i = 0; i < KEYS; i++)
        free(value[i]);
    return js;
}

static void show_network(struct cli *c, const char *guest, const struct splitdev *dev,
                         struct table *table, struct json_object *all)
{
    static const char *const keys[] = {"mac",    "backendtype", "state", "front_state", "mode",
                                       "bridge", "vifname",     "ip",    NULL};
    struct json_object *js = network_json(c, dev);

    cli_json_str(js, "guest", guest);
    table_cell(table, "%s", guest);
    table_cell(table, "%u", dev->domid);
    table_cell(table, "%u", dev->devid);
    for (int i = 0; keys[i]; i++)
        table_cell(table, "%s", device_js(js, keys[i]));
    json_object_array_add(all, js);
}

int cmd_network_list(struct cli *c, int argc, char **argv)
{
    static const struct table_column columns[] = {
        {"Guest", -16, false},     {"ID", 5, false},      {"Index", 5, false},
        {"Address", -17, false},   {"Backend", -7, true}, {"State", -12, false},
        {"Front-end", -12, false}, {"Mode", -6, false},   {"Bridge", -15, false},
        {"Interface", -15, false}, {"IP", -1, false},     {NULL, 0, false}};

    return device_each(c, argc, argv, SPLITDEV_VIF, columns, show_network);
}
