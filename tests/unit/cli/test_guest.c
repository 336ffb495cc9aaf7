// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_guest.c: when the console daemon listens for a guest's events, and when it looks by itself.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <consoled/consoled.h>

struct consoled consoled = {.log_dir = "/nonexistent", .log_limit = 4096, .rate = 10240};

static unsigned notified, unmasked;

int ctl_evtchn_notify(struct ctl *ctl, int fd, uint32_t port)
{
    (void)ctl, (void)fd, (void)port;
    notified++;
    return 0;
}

int ctl_evtchn_unmask(struct ctl *ctl, int fd, uint32_t port)
{
    (void)ctl, (void)fd, (void)port;
    unmasked++;
    return 0;
}

/* What a guest's output leads to is not looked at here; guest.c needs it to be there. */

bool loop_add(struct loop_source *src, uint32_t events)
{
    (void)src, (void)events;
    return true;
}

void loop_change(struct loop_source *src, uint32_t events)
{
    (void)src, (void)events;
}

void loop_close(struct loop_source *src)
{
    (void)src;
}

void viewer_output(struct viewer *v, const char *buf, size_t len)
{
    (void)v, (void)buf, (void)len;
}

void viewer_listen_to(struct viewer *v, bool yes)
{
    (void)v, (void)yes;
}

void viewer_close(struct viewer *v)
{
    (void)v;
}

int ctl_evtchn_bind(struct ctl *ctl, int fd, uint16_t domid, uint32_t port)
{
    (void)ctl, (void)fd, (void)domid, (void)port;
    return -ENOSYS;
}

int ctl_evtchn_unbind(struct ctl *ctl, int fd, uint32_t port)
{
    (void)ctl, (void)fd, (void)port;
    return 0;
}

int ctl_memory_map(struct ctl *ctl, uint16_t domid, const uint64_t *mfns, size_t nr, int prot,
                   void **page)
{
    (void)ctl, (void)domid, (void)mfns, (void)nr, (void)prot, (void)page;
    return -ENOSYS;
}

void ctl_memory_unmap(void *page, size_t nr)
{
    (void)page, (void)nr;
}

int ctl_grant_map(struct ctl *ctl, uint16_t domid, uint32_t ref, int prot,
                  struct ctl_grant_map *map)
{
    (void)ctl, (void)domid, (void)ref, (void)prot, (void)map;
    return -ENOSYS;
}

void ctl_grant_unmap(struct ctl_grant_map *map)
{
    (void)map;
}

static struct {
    struct xencons_interface page;
    char rest[4096 - sizeof(struct xencons_interface)];
} mem;

static void says(unsigned bytes)
{
    memset(mem.page.out, 'x', sizeof(mem.page.out));
    mem.page.out_prod += bytes;
}

static struct guest *fresh(void)
{
    struct xen_domctl_getdomaininfo info = {.domain = 5};
    struct guest *g = guest_new(&info);

    memset(&mem, 0, sizeof(mem));
    CHECK(ring_attach(&g->ring, &mem.page));
    g->connected = g->has_spoken = true;
    g->budget = 1024;
    notified = unmasked = 0;
    return g;
}

/* An event without bytes must not bring about the next one at once: that would never end. */
static void test_empty_events(void)
{
    struct guest *g = fresh();

    guest_serve(g, true);
    CHECK(g->polled && !g->held && consoled.any_polled && !unmasked && !notified);
    guest_serve(g, false);
    CHECK(!g->polled && unmasked == 1);
    free(g);
}

static void test_talking(void)
{
    struct guest *g = fresh();

    says(10);
    guest_serve(g, true);
    CHECK(g->polled && !unmasked && notified == 1 && g->budget == 1014);
    says(10);
    guest_serve(g, false);
    CHECK(g->polled && !unmasked && notified == 2);
    guest_serve(g, false);
    CHECK(!g->polled && unmasked == 1);
    says(1200);
    guest_serve(g, true);
    CHECK(g->held && !g->polled && !g->budget && unmasked == 1);
    guest_serve(g, true);
    CHECK(g->held && unmasked == 1);
    g->budget = 1024;
    guest_serve(g, false);
    CHECK(!g->held && g->polled && mem.page.out_cons == 1220);
    free(g);
}

int main(void)
{
    test_empty_events();
    test_talking();
    return check_end();
}
