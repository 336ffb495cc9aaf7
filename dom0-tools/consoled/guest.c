// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest.c: one guest's console: its ring, its pty, its backlog and its log.
 *
 * Back-pressure: in each period a guest may have so many bytes taken from its ring. When they are
 * used up its event channel is left masked and nothing is taken until the next period, so the ring
 * fills and the guest waits. A guest that has just said something is looked at again after a few
 * milliseconds and not woken for before: Linux sends an event for every sixteen characters, and
 * taking each as it comes would cost ten times as much. The same goes for one that has sent an
 * event and no bytes, or it could keep the daemon busy with nothing else. Output for a viewer or a
 * pty that does not read is dropped: nobody who looks can hold a guest up, and nothing is buffered
 * without bound.
 */
#include "consoled.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#define PTY_STALE 1024 /* bytes in a pty: a reader that lives gets below this */

struct guest *guest_new(const struct xen_domctl_getdomaininfo *info)
{
    struct guest *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->domid = info->domain;
    memcpy(g->uuid, info->handle, sizeof(g->uuid));
    g->pty.fd = g->pty_slave = g->log.fd = -1;
    g->next = consoled.guests;
    consoled.guests = g;
    return g;
}

/* --- the pty ------------------------------------------------------------------------------- */

static void pty_ready(struct loop_source *src, uint32_t events)
{
    struct guest *g = (struct guest *)((char *)src - offsetof(struct guest, pty));
    char buf[1024];
    size_t room = guest_input_room(g);
    ssize_t n;

    (void)events;
    n = read(src->fd, buf, room < sizeof(buf) ? room : sizeof(buf));
    if (n > 0)
        guest_input(g, buf, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        loop_close(src); /* the pty is broken; the other viewers stay */
}

static void pty_open(struct guest *g)
{
    struct termios raw;
    char tty[64];

    if (openpty(&g->pty.fd, &g->pty_slave, tty, NULL, NULL)) {
        daemon_say("%s: no pty: %s", g->name, strerror(errno));
        g->pty.fd = g->pty_slave = -1;
        return;
    }
    /* Raw, or the slave's echo would send the guest's output back as input. */
    if (!tcgetattr(g->pty_slave, &raw)) {
        cfmakeraw(&raw);
        tcsetattr(g->pty_slave, TCSANOW, &raw);
    }
    fcntl(g->pty.fd, F_SETFL, O_NONBLOCK | O_RDWR);
    fcntl(g->pty.fd, F_SETFD, FD_CLOEXEC);
    fcntl(g->pty_slave, F_SETFD, FD_CLOEXEC);
    g->pty.ready = pty_ready;
    loop_add(&g->pty, EPOLLIN);
    store_write(consoled.lodge.store, store_fmt("/local/domain/%u/console/tty", g->domid), tty);
    if (store_flush(consoled.lodge.store))
        daemon_say("%s: %s", g->name, store_message(consoled.lodge.store));
}

static void pty_output(struct guest *g, const char *buf, size_t len)
{
    int unread = 0;

    if (g->pty.fd < 0)
        return;
    /*
     * The pty may be full of what nobody reads. To ask is far cheaper than to move bytes through a
     * tty in vain.
     */
    if (g->pty_full && (ioctl(g->pty_slave, FIONREAD, &unread) || unread >= PTY_STALE))
        return;
    g->pty_full = write(g->pty.fd, buf, len) < (ssize_t)len;
}

/* --- connecting ---------------------------------------------------------------------------- */

/* Of a guest that has ended meanwhile there is nothing to say. */
static void complain(struct guest *g, const char *what)
{
    struct xen_domctl_getdomaininfo info;
    char why[sizeof(consoled.lodge.ctl.message)];

    memcpy(why, consoled.lodge.ctl.message, sizeof(why));
    if (!ctl_domain_info(&consoled.lodge.ctl, g->domid, &info) && !(info.flags & XEN_DOMINF_dying))
        daemon_say("%s: %s: %s", g->name, what, why);
}

/* By frame first: dom0's kernel makes costly preparations for the first grant that it maps. */
static bool map_ring(struct guest *g, uint64_t mfn)
{
    struct ctl *ctl = &consoled.lodge.ctl;
    void *page;

    if (ctl_memory_map(ctl, g->domid, &mfn, 1, PROT_READ | PROT_WRITE, &page)) {
        if (ctl_grant_map(ctl, g->domid, CTL_GRANT_CONSOLE, PROT_READ | PROT_WRITE, &g->grant)) {
            complain(g, "its console page cannot be mapped");
            return false;
        }
        g->by_grant = true;
        page = g->grant.p;
    }
    if (!ring_attach(&g->ring, page)) {
        daemon_say("%s: its console ring holds impossible indices; it is not served", g->name);
        g->broken = true;
    }
    return true;
}

static void unmap_ring(struct guest *g)
{
    if (!g->ring.page)
        return;
    if (g->by_grant)
        ctl_grant_unmap(&g->grant);
    else
        ctl_memory_unmap(g->ring.page, 1);
    g->ring.page = NULL;
}

static bool serves_type(const char *type)
{
    return !type || !strcmp(type, "xenconsoled");
}

/*
 * Log and pty, when there is something to show: an idle guest needs neither. Only Xen's tools wait
 * for the pty before they let their guest run (guest_connect()).
 */
static void first_words(struct guest *g)
{
    int rc = log_open(&g->log, consoled.log_dir, g->name, consoled.log_limit);

    if (rc)
        daemon_say("%s: %s: %s; its output is not kept", g->name, g->log.path, strerror(-rc));
    if (g->pty.fd < 0)
        pty_open(g);
    g->has_spoken = true;
}

bool guest_connect(struct guest *g)
{
    char *type, *ref, *port, *name, *output;
    bool done = false;
    int bound;

    store_read(consoled.lodge.store, store_fmt("/local/domain/%u/name", g->domid), &name);
    store_read(consoled.lodge.store, store_fmt("/local/domain/%u/console/type", g->domid), &type);
    store_read(consoled.lodge.store, store_fmt("/local/domain/%u/console/ring-ref", g->domid),
               &ref);
    store_read(consoled.lodge.store, store_fmt("/local/domain/%u/console/port", g->domid), &port);
    store_read(consoled.lodge.store, store_fmt("/local/domain/%u/console/output", g->domid),
               &output);
    store_flush(consoled.lodge.store);
    if (ref && port && serves_type(type)) {
        if (name)
            snprintf(g->name, sizeof(g->name), "%s", name);
        else
            snprintf(g->name, sizeof(g->name), "domain-%u", g->domid);
        done = true;
        bound = ctl_evtchn_bind(&consoled.lodge.ctl, consoled.evtchn.fd, g->domid,
                                (uint32_t)strtoul(port, NULL, 10));
        if (bound < 0) {
            complain(g, "another console daemon may serve it");
        } else if (!map_ring(g, strtoull(ref, NULL, 10))) {
            ctl_evtchn_unbind(&consoled.lodge.ctl, consoled.evtchn.fd, (uint32_t)bound);
        } else {
            g->port = (uint32_t)bound;
            g->connected = true;
            if (output && !strcmp(output, "pty"))
                pty_open(g);
            g->budget = consoled.rate * CONSOLED_PERIOD_MS / 1000;
            guest_serve(g, false);
        }
    }
    free(name);
    free(type);
    free(ref);
    free(port);
    free(output);
    return done;
}

void guest_free(struct guest *g)
{
    struct guest **at = &consoled.guests;

    /*
     * Its last words, as far as the ring holds them. The budget is more than that, so all of them
     * go.
     */
    if (g->connected && !g->broken) {
        g->budget = 2 * sizeof(g->ring.page->out);
        g->held = false;
        guest_serve(g, false);
    }
    while (g->viewers)
        viewer_close(g->viewers);
    if (g->connected)
        ctl_evtchn_unbind(&consoled.lodge.ctl, consoled.evtchn.fd, g->port);
    unmap_ring(g);
    loop_close(&g->pty);
    if (g->pty_slave >= 0)
        close(g->pty_slave);
    log_close(&g->log);
    while (*at && *at != g)
        at = &(*at)->next;
    if (*at)
        *at = g->next;
    free(g);
}

/* --- moving bytes -------------------------------------------------------------------------- */

static void listen_to_typists(struct guest *g, bool yes)
{
    if (g->pty.fd >= 0)
        loop_change(&g->pty, yes ? EPOLLIN : 0);
    for (struct viewer *v = g->viewers; v; v = v->next)
        viewer_listen_to(v, yes);
}

static void distribute(struct guest *g, const char *buf, size_t len)
{
    struct viewer *next;
    size_t at, first;

    if (!g->has_spoken)
        first_words(g);
    log_write(&g->log, buf, len);
    at = g->backlog_total % GUEST_BACKLOG;
    first = len < GUEST_BACKLOG - at ? len : GUEST_BACKLOG - at;
    memcpy(g->backlog + at, buf, first);
    memcpy(g->backlog, buf + first, len - first);
    g->backlog_total += len;
    pty_output(g, buf, len);
    for (struct viewer *v = g->viewers; v; v = next) {
        next = v->next;
        viewer_output(v, buf, len);
    }
}

static void give_up(struct guest *g)
{
    daemon_say("%s: its console ring holds impossible indices; it is not served any more", g->name);
    g->broken = true;
}

/* Returns true if the guest has to be told that its input ring moved. */
static bool push_input(struct guest *g)
{
    bool was_full = !guest_input_room(g);
    int n;

    if (!g->input_len)
        return false;
    n = ring_put(&g->ring, g->input, g->input_len);
    if (n < 0) {
        give_up(g);
        return false;
    }
    g->input_len -= (size_t)n;
    memmove(g->input, g->input + n, g->input_len);
    if (was_full && n)
        listen_to_typists(g, true);
    return n > 0;
}

void guest_serve(struct guest *g, bool by_event)
{
    char buf[sizeof(g->ring.page->out)];
    bool notify, talks = false;
    int n;

    if (g->broken || !g->connected)
        return;
    notify = push_input(g);
    if (g->budget) {
        n = ring_take(&g->ring, buf, g->budget < sizeof(buf) ? g->budget : sizeof(buf));
        if (n < 0) {
            give_up(g);
            return;
        }
        if (n) {
            g->budget -= (size_t)n;
            talks = true;
            distribute(g, buf, (size_t)n);
            notify = true;
        }
    }
    if (notify)
        ctl_evtchn_notify(&consoled.lodge.ctl, consoled.evtchn.fd, g->port);
    /*
     * No byte is missed here. If one comes after ring_take() and before the unmasking, its event is
     * pending and fires then. If the port stays masked, the next look finds it.
     */
    g->held = !g->budget;
    g->polled = (talks || by_event) && g->budget;
    consoled.any_held |= g->held;
    consoled.any_polled |= g->polled;
    if (!g->held && !g->polled)
        ctl_evtchn_unmask(&consoled.lodge.ctl, consoled.evtchn.fd, g->port);
}

size_t guest_input_room(const struct guest *g)
{
    return GUEST_INPUT - g->input_len;
}

void guest_input(struct guest *g, const char *buf, size_t len)
{
    size_t room = guest_input_room(g);

    if (g->broken || !g->connected)
        return;
    if (len > room)
        len = room;
    memcpy(g->input + g->input_len, buf, len);
    g->input_len += len;
    if (push_input(g))
        ctl_evtchn_notify(&consoled.lodge.ctl, consoled.evtchn.fd, g->port);
    if (!guest_input_room(g))
        listen_to_typists(g, false);
}
