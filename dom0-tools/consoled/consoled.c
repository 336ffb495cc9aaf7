// SPDX-License-Identifier: GPL-2.0-only
/*
 * consoled.c: lodge-consoled, one console daemon for all guests.
 *
 * It learns of guests from xenstore's @introduceDomain and @releaseDomain, and asks the hypervisor
 * which they are: new ones as a rule have the highest numbers, so that one short question answers
 * it however many guests there are. Everything it keeps is bounded per guest.
 */
#include "consoled.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <clock.h>

struct consoled consoled = {
    .log_dir = "/var/log/lodge",
    .log_limit = 1 << 20,
    .rate = 1 << 20,
};

/* --- finding guests ------------------------------------------------------------------------ */

struct guest *guest_by_domid(uint16_t domid)
{
    for (struct guest *g = consoled.guests; g; g = g->next)
        if (g->domid == domid)
            return g;
    return NULL;
}

/* Where xl makes a guest, its console's nodes come after its introduction: watch for them. */
static void try_connect(struct guest *g, bool is_new)
{
    const char *path = store_fmt("/local/domain/%u/console", g->domid);
    const char *token = store_fmt("%u", g->domid);

    if (g->connected)
        return;
    if (guest_connect(g)) {
        if (!is_new)
            store_unwatch(consoled.lodge.store, path, token);
    } else if (is_new) {
        store_watch(consoled.lodge.store, path, token);
    }
}

static void add_guests(const struct xen_domctl_getdomaininfo *list, int nr)
{
    for (int i = 0; i < nr; i++) {
        struct guest *g;

        if (list[i].domain >= consoled.next_domid)
            consoled.next_domid = (uint16_t)(list[i].domain + 1);
        if (!list[i].domain || (list[i].flags & XEN_DOMINF_dying) || guest_by_domid(list[i].domain))
            continue;
        g = guest_new(&list[i]);
        if (g)
            try_connect(g, true);
    }
}

void find_new_guests(void)
{
    struct xen_domctl_getdomaininfo *list;
    int nr = lodge_domain_list_new(&consoled.lodge, consoled.next_domid, &list);

    if (nr < 0) {
        daemon_say("%s", consoled.lodge.message);
        return;
    }
    add_guests(list, nr);
    free(list);
}

static void forget_ended_guests(void)
{
    struct xen_domctl_getdomaininfo *list;
    int nr = lodge_domain_list(&consoled.lodge, &list);
    struct guest *g, *next;

    if (nr < 0) {
        daemon_say("%s", consoled.lodge.message);
        return;
    }
    for (g = consoled.guests; g; g = next) {
        next = g->next;
        if (!lodge_domain_lives(list, nr, g->domid))
            guest_free(g);
    }
    add_guests(list, nr);
    free(list);
}

/* --- events -------------------------------------------------------------------------------- */

/* Of what is below a guest's console, only these say whether it can be connected. */
static bool tells_of_console(const char *path)
{
    static const char *const keys[] = {"console", "type", "ring-ref", "port"};
    const char *name = strrchr(path, '/');

    for (unsigned i = 0; name && i < sizeof(keys) / sizeof(*keys); i++)
        if (!strcmp(name + 1, keys[i]))
            return true;
    return false;
}

static void note_event(void *arg, const char *path, const char *token)
{
    struct guest *g;

    (void)arg;
    if (!strcmp(token, "new"))
        consoled.new = true;
    else if (!strcmp(token, "gone"))
        consoled.gone = true;
    else if (tells_of_console(path) && (g = guest_by_domid((uint16_t)atoi(token))))
        g->news = consoled.any_news = true;
}

static void handle_news(void)
{
    if (consoled.new) {
        consoled.new = false;
        find_new_guests();
    }
    if (consoled.gone) {
        consoled.gone = false;
        forget_ended_guests();
    }
    if (!consoled.any_news)
        return;
    consoled.any_news = false;
    for (struct guest *g = consoled.guests; g; g = g->next)
        if (g->news) {
            g->news = false;
            try_connect(g, false);
        }
}

static bool watch_store(struct store *s)
{
    return lodge_watch(s, note_event);
}

static void store_lost(void)
{
    daemon_say("xenstored went away; guests are served, new ones have to wait for it");
}

/* The watches on consoles that were not there yet went with the old connection. */
static void store_back(void)
{
    for (struct guest *g = consoled.guests; g; g = g->next)
        try_connect(g, true);
}

/* The loop ends: a port that has fired stays masked at least until its guest is looked at again. */
static void evtchn_ready(struct loop_source *src, uint32_t events)
{
    int port;

    (void)events;
    while ((port = ctl_evtchn_pending(&consoled.lodge.ctl, src->fd)) >= 0)
        for (struct guest *g = consoled.guests; g; g = g->next)
            if (g->connected && g->port == (uint32_t)port) {
                guest_serve(g, true);
                break;
            }
}

/* A new period: every guest gets its budget, those that were held are served again. */
static void refill(void)
{
    consoled.any_held = false;
    for (struct guest *g = consoled.guests; g; g = g->next) {
        g->budget = consoled.rate * CONSOLED_PERIOD_MS / 1000;
        if (g->held)
            guest_serve(g, false);
    }
}

/* Those that were talking; who has fallen silent gets its events again. */
static void poll_talkers(void)
{
    consoled.any_polled = false;
    for (struct guest *g = consoled.guests; g; g = g->next)
        if (g->polled)
            guest_serve(g, false);
}

static void loop(void)
{
    int64_t period_end = now_ms() + CONSOLED_PERIOD_MS;
    int64_t next_poll = 0;

    while (!loop_quit) {
        int64_t now = now_ms();
        int timeout = -1;

        /* Idle, the daemon sleeps without a timer; periods matter only to those held back. */
        if (consoled.new || consoled.gone || consoled.any_news)
            timeout = 0; /* one that came while an answer was awaited */
        else if (consoled.any_polled)
            timeout = next_poll > now ? (int)(next_poll - now) : 0;
        else if (consoled.any_held)
            timeout = period_end > now ? (int)(period_end - now) : 0;
        loop_turn(daemon_store_timeout(&consoled.store, timeout));
        handle_news();
        now = now_ms();
        if (now >= period_end) {
            refill();
            period_end = now + CONSOLED_PERIOD_MS;
        }
        if (consoled.any_polled && now >= next_poll) {
            poll_talkers();
            next_poll = now + CONSOLED_POLL_MS;
        }
        daemon_store_run(&consoled.store);
    }
}

/* --- starting ------------------------------------------------------------------------------ */

static int usage(void)
{
    fputs("Usage: lodge-consoled [-F] [-l DIR] [-s BYTES] [-r BYTES]\n\n"
          "Serves the consoles of all guests; `lodge console` attaches to them.\n\n"
          "  -F, --foreground      stay in the foreground\n"
          "  -l, --log-dir=DIR     where guests' output is kept; /var/log/lodge\n"
          "  -s, --log-size=BYTES  the size at which a log is started anew; 1048576\n"
          "  -r, --rate=BYTES      what one guest may print per second; 1048576\n",
          stderr);
    return 2;
}

static bool options(int argc, char **argv, bool *foreground)
{
    static const struct option longopts[] = {{"foreground", no_argument, NULL, 'F'},
                                             {"log-dir", required_argument, NULL, 'l'},
                                             {"log-size", required_argument, NULL, 's'},
                                             {"rate", required_argument, NULL, 'r'},
                                             {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "Fl:s:r:", longopts, NULL)) != -1) {
        if (opt == 'F')
            *foreground = true;
        else if (opt == 'l')
            consoled.log_dir = optarg;
        else if (opt == 's')
            consoled.log_limit = strtoul(optarg, NULL, 0);
        else if (opt == 'r')
            consoled.rate = strtoul(optarg, NULL, 0);
        else
            return false;
    }
    return argc == optind && consoled.log_limit >= 4096 && consoled.rate >= 4096;
}

static int start(void)
{
    struct lodge_session *l = &consoled.lodge;
    int rc = lodge_open(l);

    if (rc)
        return rc;
    rc = daemon_lock(l->run_dir, "lodge-consoled", l->message, sizeof(l->message));
    if (rc < 0)
        return rc;
    mkdir(consoled.log_dir, 0750);
    if (loop_open() || loop_signals(NULL))
        return lodge_fail(l, errno, "nothing can be waited for: %s", strerror(errno));
    consoled.evtchn.ready = evtchn_ready;
    consoled.evtchn.fd = ctl_evtchn_open(&l->ctl);
    if (consoled.evtchn.fd < 0)
        return lodge_fail_ctl(l, consoled.evtchn.fd);
    loop_add(&consoled.evtchn, EPOLLIN);
    rc = viewer_listen(l->run_dir);
    if (rc)
        return rc;
    consoled.store = (struct daemon_store){
        .store = &l->store, .watch = watch_store, .lost = store_lost, .back = store_back};
    if (!daemon_store_start(&consoled.store))
        return lodge_fail_store(l, EIO);
    forget_ended_guests(); /* finds those that exist */
    return 0;
}

/* Consoles answer while network workers (which have it, too) are busy. */
#define NICE -5

int main(int argc, char **argv)
{
    bool foreground = false;
    int ready = -1;

    if (!options(argc, argv, &foreground))
        return usage();
    if (!foreground && daemon_detach(&ready))
        return 1;
    setpriority(PRIO_PROCESS, 0, NICE);
    if (start()) {
        fprintf(stderr, "lodge-consoled: %s\n", consoled.lodge.message);
        return 1;
    }
    if (!foreground)
        daemon_ready(ready, store_fmt("%s/lodge-consoled.log", consoled.log_dir));
    loop();
    unlink(store_fmt("%s/console.sock", consoled.lodge.run_dir));
    return 0;
}
