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

static void attached(const struct device_args *a, const struct device_base *d)
{
    char mac[18];

    lodge_vif_mac_format(((const struct vif *)d)->mac, mac);
    printf("attached interface %u to '%s' with address %s\n", d->devid, a->name, mac);
}

/* By index or address. */
static int find(struct cli *c, const struct device_args *a, const char *which, struct splitdev *dev)
{
    struct splitdev *list = NULL;
    uint8_t want[6], mac[6];
    uint64_t index;
    unsigned nr;
    bool found = false;

    if (cli_number(which, 0, VIF_MAX - 1, &index))
        found =
            lodge_splitdev_find(c->lodge.store, a->info.domain, DEVICE_VIF, (unsigned)index, dev);
    else if (!lodge_vif_mac_parse(which, want))
        return cli_error(c, "'%s' is neither an interface's index nor its address", which);
    else {
        nr = lodge_splitdev_list(c->lodge.store, a->info.domain, DEVICE_VIF, &list);
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

/* A node's text where it has one. */
static void show_text(struct json_object *js, const char *key, const char *text)
{
    if (text && *text)
        cli_json_str(js, key, text);
}

/* Mode and bridge are what the back-end has made of it; until it has, what it was asked for. */
static struct json_object *show(struct cli *c, const struct splitdev *dev)
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

static void row(struct table *table, const struct splitdev *dev, struct json_object *js)
{
    static const char *const keys[] = {"mac",    "backendtype", "state", "front_state", "mode",
                                       "bridge", "vifname",     "ip",    NULL};

    table_cell(table, "%u", dev->devid);
    for (int i = 0; keys[i]; i++)
        table_cell(table, "%s", device_js(js, keys[i]));
}

static const struct table_column columns[] = {
    {"Guest", -16, false},     {"ID", 5, false},      {"Index", 5, false},
    {"Address", -17, false},   {"Backend", -7, true}, {"State", -12, false},
    {"Front-end", -12, false}, {"Mode", -6, false},   {"Bridge", -15, false},
    {"Interface", -15, false}, {"IP", -1, false},     {NULL, 0, false}};

const struct device_view network_view = {.attached = attached,
                                         .find = find,
                                         .json = show,
                                         .columns = columns,
                                         .row = row,
                                         .heading = "Vifs"};

int cmd_network_attach(struct cli *c, int argc, char **argv)
{
    return device_attach(c, argc, argv, DEVICE_VIF);
}

int cmd_network_detach(struct cli *c, int argc, char **argv)
{
    return device_detach(c, argc, argv, DEVICE_VIF);
}

int cmd_network_list(struct cli *c, int argc, char **argv)
{
    return device_list(c, argc, argv, DEVICE_VIF);
}
