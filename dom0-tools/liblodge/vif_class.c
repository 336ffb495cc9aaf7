// SPDX-License-Identifier: GPL-2.0-only
/*
 * vif_class.c: network interfaces as a class of devices; vif.c reads their text.
 */
#include "domcfg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct vif *vif(const struct device_base *d)
{
    return (const struct vif *)d;
}

static int parse(struct device_base *d, const char *text, char *err, size_t errlen)
{
    return lodge_vif_parse((struct vif *)d, text, err, errlen);
}

static void release(struct device_base *d)
{
    lodge_vif_free((struct vif *)d);
}

static int resolve(struct device_base *d, char *err, size_t errlen)
{
    return lodge_vif_resolve(vif(d), err, errlen);
}

/* --- among others ---------------------------------------------------------------------------- */

static bool has(const struct domcfg *dc, unsigned devid)
{
    for (unsigned i = 0; i < dc->devices[DEVICE_VIF].nr; i++)
        if (lodge_domcfg_vif(dc, i)->base.devid == devid)
            return true;
    return false;
}

/* Its index and its address, where it has none. */
static int complete(const struct domcfg *dc, struct vif *v, char *err, size_t errlen)
{
    unsigned *devid = &v->base.devid;

    if (*devid != VIF_NO_DEVID && has(dc, *devid)) {
        snprintf(err, errlen, "vif: the guest has an interface of index %u already", *devid);
        return -1;
    }
    for (unsigned i = 0; *devid == VIF_NO_DEVID && i < VIF_MAX; i++)
        if (!has(dc, i))
            *devid = i;
    if (*devid == VIF_NO_DEVID) {
        snprintf(err, errlen, "vif: a guest can have at most %d interfaces", VIF_MAX);
        return -1;
    }
    if (!v->has_mac && dc->fixed_uuid)
        lodge_vif_default_mac(v->mac, dc->uuid, sizeof(dc->uuid), *devid);
    else if (!v->has_mac)
        lodge_vif_default_mac(v->mac, dc->name, strlen(dc->name), *devid);
    v->has_mac = true;
    return 0;
}

static int fit(const struct domcfg *dc, struct device_base *base, char *err, size_t errlen)
{
    const struct device_list *list = &dc->devices[DEVICE_VIF];
    struct vif *v = (struct vif *)base;
    char mac[18];

    if (complete(dc, v, err, errlen))
        return -1;
    for (unsigned i = 0; i < list->nr; i++) {
        const struct vif *other = lodge_domcfg_vif(dc, i);

        if (v->vifname && other->vifname && !strcmp(other->vifname, v->vifname)) {
            snprintf(err, errlen, "vif: vifname %s is that of the guest's interface %u already",
                     v->vifname, other->base.devid);
            return -1;
        }
    }
    for (unsigned i = 0; i < list->nr; i++) {
        const struct vif *other = lodge_domcfg_vif(dc, i);

        if (!memcmp(other->mac, v->mac, sizeof(v->mac))) {
            lodge_vif_mac_format(v->mac, mac);
            snprintf(err, errlen, "vif: mac %s is that of the guest's interface %u already", mac,
                     other->base.devid);
            return -1;
        }
    }
    return 0;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static struct json_object *to_json(const struct device_base *d)
{
    return lodge_vif_to_json(vif(d));
}

static int from_json(struct device_base *d, struct json_object *js)
{
    struct vif *v = (struct vif *)d;

    if (lodge_vif_from_json(v, js))
        return -1;
    if (v->has_mac && d->devid != VIF_NO_DEVID)
        return 0;
    lodge_vif_free(v);
    return -1;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static void write_nodes(const struct device_base *base, device_put_fn *put, void *arg)
{
    const struct vif *v = vif(base);
    char mac[18], devid[16], mtu[16], queues[16], rate[40];

    lodge_vif_mac_format(v->mac, mac);
    snprintf(devid, sizeof(devid), "%u", base->devid);
    snprintf(mtu, sizeof(mtu), "%u", v->mtu);
    snprintf(queues, sizeof(queues), "%u", v->queues);
    snprintf(rate, sizeof(rate), "%" PRIu64 ",%u", v->rate_bytes, v->rate_usec);
    put(arg, DEVICE_FRONT, "handle", devid);
    put(arg, DEVICE_FRONT, "mac", mac);
    put(arg, DEVICE_FRONT, "mtu", v->mtu ? mtu : NULL);

    put(arg, DEVICE_BACK, "handle", devid);
    put(arg, DEVICE_BACK, "mac", mac);
    put(arg, DEVICE_BACK, "mode", lodge_vif_mode_name(v->mode));
    put(arg, DEVICE_BACK, "bridge", v->bridge);
    put(arg, DEVICE_BACK, "ip", v->ip);
    put(arg, DEVICE_BACK, "gatewaydev", v->gatewaydev);
    /* xen-netback does not start without this node. */
    put(arg, DEVICE_BACK, "script",
        v->script                      ? v->script
        : base->type == BACKEND_KERNEL ? ""
                                       : NULL);
    put(arg, DEVICE_BACK, "vifname", v->vifname);
    put(arg, DEVICE_BACK, "filter", v->filter ? "1" : "0");
    put(arg, DEVICE_BACK, "rate", v->rate_bytes ? rate : NULL);
    put(arg, DEVICE_BACK, "mtu", v->mtu ? mtu : NULL);
    put(arg, DEVICE_BACK, "queues", v->queues ? queues : NULL);
}

static const char *const keys[] = {"mac", NULL};

static int read_nodes(struct device_base *d, char *const *value)
{
    struct vif *v = (struct vif *)d;

    v->has_mac = value[0] && lodge_vif_mac_parse(value[0], v->mac);
    return v->has_mac ? 0 : -1;
}

static void number(unsigned devid, char *buf, size_t len)
{
    snprintf(buf, len, "%u", devid);
}

const struct device_class lodge_vif_class = {
    .node = "vif",
    .key = "vif",
    .list = "vifs",
    .what = "interface",
    .module = "xen-netback",
    .size = sizeof(struct vif),
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
};
