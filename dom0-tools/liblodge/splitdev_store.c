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

int lodge_splitdev_of(struct lodge_session *l, uint16_t domid, enum device_kind kind,
                      const struct device_base *d, struct splitdev *out)
{
    const char *node = lodge_device_class[kind]->node;
    struct xen_domctl_getdomaininfo info;

    memset(out, 0, sizeof(*out));
    out->domid = domid;
    out->devid = d->devid;
    snprintf(out->class, sizeof(out->class), "%s", node);
    snprintf(out->type, sizeof(out->type), "%s%s",
             d->type == BACKEND_LODGE ? BACKEND_LODGE_PREFIX : "", node);
    if (!d->backend)
        return 0;
    if (lodge_domain_find(l, d->backend, &info))
        return lodge_fail(l, ESRCH,
                          "backend=%s: there is no such domain; start the one that serves the "
                          "device first",
                          d->backend);
    if (info.domain == domid)
        return lodge_fail(l, EINVAL, "backend=%s: a guest cannot serve its own device", d->backend);
    out->backend = info.domain;
    return 0;
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

struct writing {
    struct store *s;
    const struct splitdev *dev;
};

static void put(void *arg, enum device_end end, const char *key, const char *value)
{
    const struct writing *w = arg;

    if (value)
        store_write(w->s,
                    end == DEVICE_FRONT ? lodge_splitdev_front(w->dev, key)
                                        : lodge_splitdev_back(w->dev, key),
                    value);
}

void lodge_splitdev_write(struct store *s, const struct splitdev *dev, const char *guest,
                          enum device_kind kind, const struct device_base *d)
{
    struct writing w = {s, dev};

    write_common(s, dev, guest);
    lodge_device_class[kind]->write(d, put, &w);
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

unsigned lodge_splitdev_list(struct store *s, uint16_t domid, enum device_kind kind,
                             struct splitdev **out)
{
    unsigned nr_classes = 0, nr = 0;
    char **classes = NULL;

    *out = NULL;
    if (kind != DEVICE_ANY) {
        nr = list_class(s, domid, lodge_device_class[kind]->node, out, 0);
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

static bool find(struct store *s, uint16_t domid, const char *class, unsigned devid,
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

bool lodge_splitdev_find(struct store *s, uint16_t domid, enum device_kind kind, unsigned devid,
                         struct splitdev *out)
{
    return find(s, domid, lodge_device_class[kind]->node, devid, out);
}

bool lodge_splitdev_exists(struct store *s, const struct splitdev *dev)
{
    struct splitdev other;

    return find(s, dev->domid, dev->class, dev->devid, &other);
}

int lodge_splitdev_read(struct store *s, const struct splitdev *dev, enum device_kind kind,
                        struct device_base *d)
{
    const struct device_class *class = lodge_device_class[kind];
    char *value[DEVICE_MAX_KEYS] = {NULL};
    int rc;

    memset(d, 0, class->size);
    d->devid = dev->devid;
    for (unsigned i = 0; class->keys[i]; i++)
        store_read(s, lodge_splitdev_back(dev, class->keys[i]), &value[i]);
    store_flush(s);
    rc = class->read(d, value);
    for (unsigned i = 0; class->keys[i]; i++)
        free(value[i]);
    return rc;
}

enum backend_type lodge_splitdev_backend_type(const struct splitdev *dev)
{
    return strncmp(dev->type, BACKEND_LODGE_PREFIX, strlen(BACKEND_LODGE_PREFIX)) ? BACKEND_KERNEL
                                                                                  : BACKEND_LODGE;
}

void lodge_splitdev_name(const struct splitdev *dev, char *buf, size_t len)
{
    enum device_kind kind = lodge_device_kind(dev->class);
    char number[24];

    snprintf(number, sizeof(number), "%u", dev->devid);
    if (kind != DEVICE_ANY)
        lodge_device_class[kind]->number(dev->devid, number, sizeof(number));
    snprintf(buf, len, "%s %s", kind == DEVICE_ANY ? dev->class : lodge_device_class[kind]->what,
             number);
}

const char *lodge_splitdev_state_name(int state)
{
    static const char *const name[] = {"gone",        "initialising",  "init-wait",
                                       "initialised", "connected",     "closing",
                                       "closed",      "reconfiguring", "reconfigured"};

    return state >= 0 && state < (int)(sizeof(name) / sizeof(name[0])) ? name[state] : "unknown";
}
