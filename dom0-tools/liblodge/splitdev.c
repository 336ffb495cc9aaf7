// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitdev.c: attaching and resizing split devices; see splitdev.h. splitdev_detach.c takes them
 * away again.
 */
#include "splitdev.h"
#include "domain.h"
#include "splitdev_wait.h"

#include <errno.h>
#include <libdaemon/libdaemon.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

/* --- attaching ------------------------------------------------------------------------------ */

static bool is_ours(const struct splitdev *dev)
{
    return lodge_splitdev_backend_type(dev) == BACKEND_LODGE;
}

static int check_taken(struct lodge_session *l, const struct splitdev *dev,
                       const struct splitdev_answer *a)
{
    int state = lodge_splitdev_state(a->state);
    char name[40];

    lodge_splitdev_name(dev, name, sizeof(name));
    store_printable(a->error);
    if (a->error && *a->error)
        return lodge_fail(l, EIO, "%s: %s", name, a->error);
    if (!a->state)
        return lodge_fail(l, ENOENT, "%s: its nodes were removed meanwhile", name);
    if (state == XenbusStateClosing || state == XenbusStateClosed)
        return lodge_fail(l, EIO,
                          "%s: the back-end closed it at once; see /var/log/lodge/backends.log%s",
                          name, is_ours(dev) ? "" : " and the kernel's messages");
    if (state < XenbusStateInitWait)
        return 0;
    return is_ours(dev) || (a->status && !strcmp(a->status, "connected"));
}

static int not_taken(struct lodge_session *l, const struct splitdev *dev)
{
    char name[40], *state = store_get(l->store, lodge_splitdev_back(dev, "state"));
    enum device_kind kind = lodge_device_kind(dev->class);
    const char *module = kind == DEVICE_ANY ? dev->class : lodge_device_class[kind]->module;
    int seconds = l->wait_ms / 1000;

    lodge_splitdev_name(dev, name, sizeof(name));
    if (is_ours(dev) || lodge_splitdev_state(state) >= XenbusStateInitWait)
        lodge_fail(l, ETIMEDOUT,
                   "%s: lodge-backends did not take it within %d seconds; does it run in domain "
                   "%u? See /var/log/lodge/backends.log",
                   name, seconds, dev->backend);
    else
        lodge_fail(l, ETIMEDOUT,
                   "%s: no driver took it within %d seconds; load it in domain %u with: modprobe "
                   "%s",
                   name, seconds, dev->backend, module);
    free(state);
    return -ETIMEDOUT;
}

int lodge_splitdev_wait(struct lodge_session *l, const struct splitdev *dev, unsigned nr)
{
    const struct splitdev *late;
    int rc = splitdev_wait_for(l, dev, nr, l->wait_ms, check_taken, &late);

    return rc == -ETIMEDOUT ? not_taken(l, late) : rc;
}

int lodge_splitdev_plan(struct lodge_session *l, const struct domcfg *dc, uint16_t domid,
                        struct splitdev **out, unsigned *nr)
{
    unsigned all = 0;
    int rc = 0;

    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        all += dc->devices[kind].nr;
    *nr = 0;
    *out = must(calloc(all + 1, sizeof(**out)));
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        for (unsigned i = 0; i < dc->devices[kind].nr && !rc; i++)
            rc = lodge_splitdev_of(l, domid, kind, lodge_device_at(&dc->devices[kind], kind, i),
                                   &(*out)[(*nr)++]);
    if (!rc)
        return 0;
    free(*out);
    *out = NULL;
    *nr = 0;
    return rc;
}

void lodge_splitdev_write_plan(struct store *s, const struct domcfg *dc, const struct splitdev *dev)
{
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        for (unsigned i = 0; i < dc->devices[kind].nr; i++)
            lodge_splitdev_write(s, dev++, dc->name, kind,
                                 lodge_device_at(&dc->devices[kind], kind, i));
}

static int write_one(struct lodge_session *l, const struct splitdev *dev, enum device_kind kind,
                     const struct device_base *d)
{
    struct store_transaction t = {0};
    char *guest, name[40];

    /* What an earlier owner of the number has left goes first, and all who watch it are told. */
    if (!lodge_splitdev_exists(l->store, dev)) {
        lodge_splitdev_remove(l->store, dev);
        store_flush(l->store);
    }
    while (store_transact(l->store, &t)) {
        if (lodge_splitdev_exists(l->store, dev)) {
            store_refuse(l->store, &t, -EEXIST);
            lodge_splitdev_name(dev, name, sizeof(name));
            return lodge_fail(l, EEXIST, "domain %u has a device '%s' already", dev->domid, name);
        }
        guest = lodge_domain_name(l, dev->domid);
        lodge_splitdev_write(l->store, dev, guest, kind, d);
        free(guest);
    }
    return t.rc ? lodge_fail_store(l, t.rc) : 0;
}

int lodge_splitdev_attach(struct lodge_session *l, uint16_t domid, enum device_kind kind,
                          const struct device_base *d)
{
    char reason[sizeof(l->message)];
    struct splitdev dev;
    int rc = lodge_splitdev_of(l, domid, kind, d, &dev);

    if (rc)
        return rc;
    if (!dev.backend)
        daemon_ensure(l->run_dir, "lodge-backends");
    rc = write_one(l, &dev, kind, d);
    if (rc)
        return rc;
    rc = lodge_splitdev_wait(l, &dev, 1);
    if (rc) {
        memcpy(reason, l->message, sizeof(reason));
        lodge_splitdev_detach(l, &dev, true);
        memcpy(l->message, reason, sizeof(reason));
    }
    return rc;
}

/* --- resizing ------------------------------------------------------------------------------- */

static int check_resized(struct lodge_session *l, const struct splitdev *dev,
                         const struct splitdev_answer *a)
{
    char name[40];

    lodge_splitdev_name(dev, name, sizeof(name));
    if (!a->state)
        return lodge_fail(l, ENOENT, "%s: it was detached meanwhile", name);
    if (!a->resized)
        return 0;
    store_printable(a->resized);
    return !strcmp(a->resized, "ok") ? 1 : lodge_fail(l, EIO, "%s: %s", name, a->resized);
}

int lodge_splitdev_resize(struct lodge_session *l, const struct splitdev *dev, uint64_t bytes,
                          bool shrink)
{
    const struct splitdev *late;
    char name[40];
    int rc;

    /* In this order, so that no earlier answer is taken for this one's. */
    store_remove(l->store, lodge_splitdev_back(dev, "lodge-resize"));
    store_remove(l->store, lodge_splitdev_back(dev, "lodge-resize-result"));
    rc = store_flush(l->store);
    store_write(l->store, lodge_splitdev_back(dev, "lodge-resize"),
                store_fmt("%llu%s", (unsigned long long)bytes, shrink ? " shrink" : ""));
    rc = rc ? rc : store_flush(l->store);
    if (rc)
        return lodge_fail_store(l, rc);
    rc = splitdev_wait_for(l, dev, 1, l->wait_ms, check_resized, &late);
    lodge_splitdev_name(dev, name, sizeof(name));
    if (rc == -ETIMEDOUT)
        lodge_fail(l, rc,
                   "%s: the back-end did not answer within %d seconds; see "
                   "/var/log/lodge/backends.log",
                   name, l->wait_ms / 1000);
    return rc;
}
