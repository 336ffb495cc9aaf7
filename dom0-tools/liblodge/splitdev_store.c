// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitdev_store.c: which nodes a split device has, who may touch them, and reading them back.
 *
 * The keys are those of libxl, which the kernels' back-ends expect, and a few of our own
 * (lodge-hotplug, mode, filter, queues), which only lodge-backends reads. lodge-hotplug is 1 for a
 * device of the kernel's that lodge-backends plugs; it writes 0 when it has pulled the plug.
 */
#include "splitdev.h"
#include "domain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

const char *lodge_splitdev_front(const struct splitdev *dev, const char *key)
{
    return store_fmt("/local/domain/%u/device/%s/%u%s%s", dev->domid, dev->class, dev->devid,
                     *key ? "/" : "", key);
}

const char *lodge_splitdev_back(const struct splitdev *dev, const char *key)
{
    return store_fmt("/local/domain/%u/backend/%s/%u/%u%s%s", dev->backend, dev->type, dev->domid,
                     dev->devid, *key ? "/" : "", key);
}

const char *lodge_splitdev_record(const struct splitdev *dev, const char *key)
{
    return store_fmt("/libxl/%u/device/%s/%u%s%s", dev->domid, dev->class, dev->devid,
                     *key ? "/" : "", key);
}

static int place(struct lodge_session *l, uint16_t domid, const char *class, enum backend_type type,
                 const char *backend, unsigned devid, struct splitdev *out)
{
    struct xen_domctl_getdomaininfo info;

    memset(out, 0, sizeof(*out));
    out->domid = domid;
    out->devid = devid;
    snprintf(out->class, sizeof(out->class), "%s", class);
    snprintf(out->type, sizeof(out->type), "%s%s", type == BACKEND_LODGE ? "lodge-" : "", class);
    if (!backend)
        return 0;
    if (lodge_domain_find(l, backend, &info))
        return lodge_fail(l, ESRCH,
                          "backend=%s: there is no such domain; start the one that serves the "
                          "device first",
                          backend);
    if (info.domain == domid)
        return lodge_fail(l, EINVAL, "backend=%s: a guest cannot serve its own device", backend);
    out->backend = info.domain;
    return 0;
}

int lodge_splitdev_of_disk(struct lodge_session *l, uint16_t domid, const struct disk *d,
                           struct splitdev *out)
{
    return place(l, domid, SPLITDEV_DISK, d->type, d->backend, d->devid, out);
}

int lodge_splitdev_of_vif(struct lodge_session *l, uint16_t domid, const struct vif *v,
                          struct splitdev *out)
{
    return place(l, domid, SPLITDEV_VIF, v->type, v->backend, v->devid, out);
}

/* --- writing -------------------------------------------------------------------------------- */

/*
 * Nodes inherit the permissions of their directory: so those come first. The guest owns its
 * front-end's directory and may write anything there; that of the back-end it may only read. So
 * what the tools need to know again is in the record, which is neither's.
 */
static void write_common(struct store *s, const struct splitdev *dev, const char *guest)
{
    lodge_splitdev_remove(s, dev); /* what an earlier owner of the number may have left */
    store_mkdir(s, lodge_splitdev_record(dev, ""));
    store_write(s, lodge_splitdev_record(dev, "frontend"), lodge_splitdev_front(dev, ""));
    store_write(s, lodge_splitdev_record(dev, "backend"), lodge_splitdev_back(dev, ""));

    store_mkdir(s, lodge_splitdev_front(dev, ""));
    store_share(s, lodge_splitdev_front(dev, ""), dev->domid, dev->backend);
    store_write(s, lodge_splitdev_front(dev, "backend"), lodge_splitdev_back(dev, ""));
    store_write(s, lodge_splitdev_front(dev, "backend-id"), store_fmt("%u", dev->backend));
    store_write(s, lodge_splitdev_front(dev, "state"), "1");

    store_mkdir(s, lodge_splitdev_back(dev, ""));
    store_share(s, lodge_splitdev_back(dev, ""), dev->backend, dev->domid);
    store_write(s, lodge_splitdev_back(dev, "frontend"), lodge_splitdev_front(dev, ""));
    store_write(s, lodge_splitdev_back(dev, "frontend-id"), store_fmt("%u", dev->domid));
    store_write(s, lodge_splitdev_back(dev, "online"), "1");
    store_write(s, lodge_splitdev_back(dev, "domain"), guest);
    store_write(s, lodge_splitdev_back(dev, "lodge-hotplug"), "1");
    store_write(s, lodge_splitdev_back(dev, "state"), "1");
}

static void write_back(struct store *s, const struct splitdev *dev, const char *key,
                       const char *value)
{
    if (value)
        store_write(s, lodge_splitdev_back(dev, key), value);
}

void lodge_splitdev_write_disk(struct store *s, const struct splitdev *dev, const char *guest,
                               const struct disk *d)
{
    const char *what = d->cdrom ? "cdrom" : "disk";

    write_common(s, dev, guest);
    store_write(s, lodge_splitdev_front(dev, "virtual-device"), store_fmt("%u", dev->devid));
    store_write(s, lodge_splitdev_front(dev, "device-type"), what);

    write_back(s, dev, "dev", d->vdev);
    write_back(s, dev, "params", d->target);
    write_back(s, dev, "type",
               d->block_device           ? "phy"
               : d->format == DISK_QCOW2 ? "qcow2"
                                         : "file");
    write_back(s, dev, "format", lodge_disk_format_name(d->format));
    for (unsigned i = 0; i < d->nr_backing; i++) {
        char key[24];

        snprintf(key, sizeof(key), "backing-%u", i);
        write_back(s, dev, key, d->backing[i]);
    }
    write_back(s, dev, "mode", d->readonly ? "r" : d->shared ? "w!" : "w");
    write_back(s, dev, "device-type", what);
    write_back(s, dev, "removable", d->cdrom ? "1" : "0");
    write_back(s, dev, "bootable", "1");
    write_back(s, dev, "discard-enable", d->discard && !d->readonly ? "1" : "0");
    write_back(s, dev, "direct-io-safe", d->direct_io_safe ? "1" : "0");
}

void lodge_splitdev_write_vif(struct store *s, const struct splitdev *dev, const char *guest,
                              const struct vif *v)
{
    char mac[18];

    lodge_vif_mac_format(v->mac, mac);
    write_common(s, dev, guest);
    store_write(s, lodge_splitdev_front(dev, "handle"), store_fmt("%u", dev->devid));
    store_write(s, lodge_splitdev_front(dev, "mac"), mac);
    if (v->mtu)
        store_write(s, lodge_splitdev_front(dev, "mtu"), store_fmt("%u", v->mtu));

    write_back(s, dev, "handle", store_fmt("%u", dev->devid));
    write_back(s, dev, "mac", mac);
    write_back(s, dev, "mode", lodge_vif_mode_name(v->mode));
    write_back(s, dev, "bridge", v->bridge);
    write_back(s, dev, "ip", v->ip);
    write_back(s, dev, "gatewaydev", v->gatewaydev);
    /* xen-netback does not start without this node. */
    write_back(s, dev, "script", v->script ? v->script : v->type == BACKEND_KERNEL ? "" : NULL);
    write_back(s, dev, "vifname", v->vifname);
    write_back(s, dev, "filter", v->filter ? "1" : "0");
    if (v->rate_bytes)
        write_back(s, dev, "rate", store_fmt("%" PRIu64 ",%u", v->rate_bytes, v->rate_usec));
    if (v->mtu)
        write_back(s, dev, "mtu", store_fmt("%u", v->mtu));
    if (v->queues)
        write_back(s, dev, "queues", store_fmt("%u", v->queues));
}

void lodge_splitdev_remove(struct store *s, const struct splitdev *dev)
{
    store_remove(s, lodge_splitdev_front(dev, ""));
    store_remove(s, lodge_splitdev_back(dev, ""));
    store_remove(s, lodge_splitdev_record(dev, ""));
}

static void format_parent(const struct splitdev *dev, char *buf, size_t len)
{
    snprintf(buf, len, "/local/domain/%u/backend/%s/%u", dev->backend, dev->type, dev->domid);
}

void lodge_splitdev_remove_parent(struct store *s, const struct splitdev *dev)
{
    char parent[100];

    format_parent(dev, parent, sizeof(parent));
    store_remove(s, parent);
}

void lodge_splitdev_prune(struct store *s, const struct splitdev *dev)
{
    const char *dir[3];
    char parent[100], front[100], record[100];
    struct store_transaction t = {0};
    unsigned nr;

    format_parent(dev, parent, sizeof(parent));
    snprintf(front, sizeof(front), "/local/domain/%u/device/%s", dev->domid, dev->class);
    snprintf(record, sizeof(record), "/libxl/%u/device/%s", dev->domid, dev->class);
    dir[0] = parent;
    dir[1] = front;
    dir[2] = record;
    while (store_transact(s, &t))
        for (int i = 0; i < 3; i++) {
            char **list = store_list(s, dir[i], &nr);

            for (unsigned k = 0; k < nr; k++)
                free(list[k]);
            free(list);
            if (!nr)
                store_remove(s, dir[i]);
        }
}

/* --- reading -------------------------------------------------------------------------------- */

/* From a record's `backend`; false if that does not name a back-end of this very device. */
static bool parse_backend(const char *path, struct splitdev *dev)
{
    unsigned backend, domid, devid;
    int end = 0;

    if (!path ||
        sscanf(path, "/local/domain/%u/backend/%23[^/]/%u/%u%n", &backend, dev->type, &domid,
               &devid, &end) != 4 ||
        path[end] || domid != dev->domid || devid != dev->devid || backend >= 0x7ff0)
        return false;
    dev->backend = (uint16_t)backend;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct splitdev *x = a, *y = b;
    int order = strcmp(x->class, y->class);

    return order ? order : (x->devid > y->devid) - (x->devid < y->devid);
}

/* Adds those of a class; frees its name's list. */
static unsigned list_class(struct store *s, uint16_t domid, const char *class,
                           struct splitdev **out, unsigned nr)
{
    unsigned n;
    char **ids = store_list(s, store_fmt("/libxl/%u/device/%s", domid, class), &n);
    char **paths = must(calloc(n + 1, sizeof(*paths)));

    *out = must(realloc(*out, (nr + n + 1) * sizeof(**out)));
    for (unsigned i = 0; i < n; i++)
        store_read(s, store_fmt("/libxl/%u/device/%s/%s/backend", domid, class, ids[i]), &paths[i]);
    if (n)
        store_flush(s);
    for (unsigned i = 0; i < n; i++) {
        struct splitdev *dev = &(*out)[nr];

        memset(dev, 0, sizeof(*dev));
        dev->domid = domid;
        dev->devid = (unsigned)strtoul(ids[i], NULL, 10);
        snprintf(dev->class, sizeof(dev->class), "%s", class);
        nr += parse_backend(paths[i], dev);
        free(paths[i]);
        free(ids[i]);
    }
    free(paths);
    free(ids);
    return nr;
}

unsigned lodge_splitdev_list(struct store *s, uint16_t domid, const char *class,
                             struct splitdev **out)
{
    unsigned nr_classes = 0, nr = 0;
    char **classes = NULL;

    *out = NULL;
    if (class) {
        nr = list_class(s, domid, class, out, 0);
    } else {
        classes = store_list(s, store_fmt("/libxl/%u/device", domid), &nr_classes);
        for (unsigned i = 0; i < nr_classes; i++) {
            nr = list_class(s, domid, classes[i], out, nr);
            free(classes[i]);
        }
        free(classes);
    }
    if (nr)
        qsort(*out, nr, sizeof(**out), by_number);
    return nr;
}

bool lodge_splitdev_find(struct store *s, uint16_t domid, const char *class, unsigned devid,
                         struct splitdev *out)
{
    char *path;
    bool found;

    memset(out, 0, sizeof(*out));
    out->domid = domid;
    out->devid = devid;
    snprintf(out->class, sizeof(out->class), "%s", class);
    path = store_get(s, lodge_splitdev_record(out, "backend"));
    found = parse_backend(path, out);
    free(path);
    return found;
}

void lodge_splitdev_name(const struct splitdev *dev, char *buf, size_t len)
{
    char vdev[DISK_MAX_VDEV];

    lodge_disk_vdev(dev->devid, vdev, sizeof(vdev));
    if (strcmp(dev->class, SPLITDEV_DISK))
        snprintf(buf, len, "%s %u", strcmp(dev->class, SPLITDEV_VIF) ? dev->class : "interface",
                 dev->devid);
    else if (vdev[0] == '?')
        snprintf(buf, len, "disk %u", dev->devid);
    else
        snprintf(buf, len, "disk %s", vdev);
}

const char *lodge_splitdev_state_name(int state)
{
    static const char *const name[] = {"gone",        "initialising",  "init-wait",
                                       "initialised", "connected",     "closing",
                                       "closed",      "reconfiguring", "reconfigured"};

    return state >= 0 && state < (int)(sizeof(name) / sizeof(name[0])) ? name[state] : "unknown";
}
