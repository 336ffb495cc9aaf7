// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_network.c: the commands for guests' interfaces: network-attach, -detach and -list.
 */
#include "cmd_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "alloc.h"

static int attach(struct cli *c, const struct device_args *a, const struct vif *v)
{
    char mac[18];
    int rc;

    if (splitdev_attach_vif(&c->lodge, a->info.domain, v))
        return cli_failed(c);
    rc = device_saved_add(c, a, NULL, v);
    vif_mac_format(v->mac, mac);
    if (c->json) {
        struct json_object *js = vif_to_json(v);

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
    if (!rc && vif_parse(&v, text, err, sizeof(err))) {
        rc = cli_error(c, "%s", err);
    } else if (!rc) {
        if (v.ignored)
            cli_warn(c, "not supported and without effect: %s", v.ignored);
        device_config(c, &a, &now);
        if (domcfg_add_vif(&now, &v, err, sizeof(err))) {
            rc = cli_error(c, "%s", err);
            vif_free(&v);
        } else {
            rc = attach(c, &a, &now.vif[now.nr_vif - 1]);
        }
        domcfg_free(&now);
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
        found = splitdev_find(c->lodge.store, a->info.domain, SPLITDEV_VIF, (unsigned)index, dev);
    else if (!vif_mac_parse(which, want))
        return cli_error(c, "'%s' is neither an interface's index nor its address", which);
    else {
        nr = splitdev_list(c->lodge.store, a->info.domain, SPLITDEV_VIF, &list);
        for (unsigned i = 0; i < nr && !found; i++) {
            char *text = store_get(c->lodge.store, splitdev_back(&list[i], "mac"));

            found = text && vif_mac_parse(text, mac) && !memcmp(mac, want, sizeof(mac));
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

struct json_object *network_json(struct cli *c, const struct splitdev *dev)
{
    static const char *const keys[] = {"mac",  "mode",       "bridge", "ip", "vifname",
                                       "rate", "gatewaydev", "filter", NULL};
    char *value[9] = {NULL}, standard[24];
    struct json_object *js = device_json(c, dev, keys, value);

    snprintf(standard, sizeof(standard), "vif%u.%u", dev->domid, dev->devid);
    for (int i = 0; keys[i]; i++) {
        const char *text = value[i];

        if (i == 4 && (!text || !*text))
            text = standard;
        if (!strcmp(keys[i], "filter"))
            cli_json_bool(js, keys[i], text && !strcmp(text, "1"));
        else if (text && *text)
            cli_json_str(js, keys[i], text);
        free(value[i]);
    }
    return js;
}

static void show_network(struct cli *c, const char *guest, const struct splitdev *dev,
                         struct json_object *all)
{
    struct json_object *js = network_json(c, dev);

    if (c->json) {
        cli_json_str(js, "guest", guest);
        json_object_array_add(all, js);
        return;
    }
    printf("%-16s %5u %5u %-17s  %-7s %-12s %-12s %-6s %-15s %-15s %s\n", guest, dev->domid,
           dev->devid, device_js(js, "mac"), device_js(js, "backendtype"), device_js(js, "state"),
           device_js(js, "front_state"), device_js(js, "mode"), device_js(js, "bridge"),
           device_js(js, "vifname"), device_js(js, "ip"));
    json_object_put(js);
}

int cmd_network_list(struct cli *c, int argc, char **argv)
{
    char head[200];

    snprintf(head, sizeof(head), "%-16s %5s %5s %-17s  %-7s %-12s %-12s %-6s %-15s %-15s %s",
             "Guest", "ID", "Index", "Address", "Backend", "State", "Front-end", "Mode", "Bridge",
             "Interface", "IP");
    return device_each(c, argc, argv, SPLITDEV_VIF, head, show_network);
}
