// SPDX-License-Identifier: GPL-2.0-only
/*
 * monitor.c: lodge-monitor, one daemon that looks after all guests that went down.
 *
 * xenstore's @releaseDomain says that some domain went down, the hypervisor says which and why, the
 * saved config says what to do. The daemon keeps no state that it could not read back, so it may be
 * stopped and started at any time. What a guest needs is done by a process of its own (jobs.h):
 * devices may take half a minute to come and go.
 *
 * Its second task is the name index: guests that xl made or renamed are entered there, so that
 * `lodge create` can trust one read to tell whether a name is free.
 *
 * No news may be lost between looking and sleeping. xenstored keeps watch events until they are
 * read, and the kernel those of files and ended children; a job that could not be started sets
 * `refused`, and whichever job ends next makes it look again; what failed otherwise sets `again`,
 * which makes it look after a second. Looking at all guests finds everything that any event could
 * have told, so an event only ever says when to look.
 */
#include "action.h"
#include "jobs.h"

#include <clock.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <libdaemon/daemon_store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A domain that is known to live. */
struct known {
    struct known *next;
    uint16_t domid;
    bool watched; /* made by other tools: its name may change behind our back */
    bool settled; /* went down and stays as it is */
    bool renamed; /* its name may be another: look */
    char name[DOMCFG_MAX_NAME];
};

static struct {
    struct lodge_session lodge;
    struct known *known;
    uint16_t next_domid; /* where new guests are looked for first: above all that are known */
    int lock;            /* of the one monitor; held until it ends */
    /* inotify for the files of guests in the making, and of those that something is done to */
    struct loop_source files;
    struct daemon_store store;
    bool refused;                /* a job could not be started: look again when one has ended */
    bool again;                  /* one has failed: look again in a while */
    bool new, gone, any_renamed; /* what xenstore has told, and was not looked at yet */
} mon;

static const char log_dir[] = "/var/log/lodge";

/* --- the name index ------------------------------------------------------------------------ */

static struct known *known_by_domid(uint16_t domid)
{
    for (struct known *k = mon.known; k; k = k->next)
        if (k->domid == domid)
            return k;
    return NULL;
}

/* Makes the index say what the name node says. */
static void follow_name(struct known *k)
{
    struct store *s = mon.lodge.store;
    char *name = store_get(s, store_fmt("/local/domain/%u/name", k->domid)), *owner;
    struct xen_domctl_getdomaininfo info;

    if (name && !lodge_domcfg_bad_name(name)) {
        if (*k->name && strcmp(k->name, name))
            lodge_layout_free_name(s, k->domid, k->name);
        snprintf(k->name, sizeof(k->name), "%s", name);
        owner = store_get(s, lodge_layout_name(name));
        /* The first of two namesakes keeps the entry as long as it lives. */
        if (!owner || ctl_domain_info(&mon.lodge.ctl, (uint16_t)atoi(owner), &info))
            store_write(s, lodge_layout_name(name), store_fmt("%u", k->domid));
        free(owner);
        store_flush(s);
    }
    free(name);
}

/* Its domain is gone. Frees it. */
static void forget(struct known *k)
{
    struct store *s = mon.lodge.store;
    struct known **at = &mon.known;

    if (*k->name)
        lodge_layout_free_name(s, k->domid, k->name);
    /* Other tools know the kernel's back-ends only, and leave ours behind. */
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        store_remove(s, store_fmt("/local/domain/0/backend/" BACKEND_LODGE_PREFIX "%s/%u",
                                  lodge_device_class[kind]->node, k->domid));
    store_flush(s);
    if (k->watched)
        store_unwatch(s, store_fmt("/local/domain/%u/name", k->domid), store_fmt("%u", k->domid));
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    free(k);
}

static void learn(const struct xen_domctl_getdomaininfo *info)
{
    struct store *s = mon.lodge.store;
    char *name, *owner = NULL;
    struct known *k;

    if ((info->flags & XEN_DOMINF_dying) || known_by_domid(info->domain))
        return;
    /* One without a name is still being built; its introduction will be told, too. */
    name = store_get(s, store_fmt("/local/domain/%u/name", info->domain));
    k = name ? calloc(1, sizeof(*k)) : NULL;
    if (!k) {
        free(name);
        return;
    }
    lodge_layout_note_start(s, info->handle);
    if (info->domain >= mon.next_domid)
        mon.next_domid = (uint16_t)(info->domain + 1);
    k->domid = info->domain;
    k->next = mon.known;
    mon.known = k;
    /* `lodge create` has entered its own guests already, and `lodge rename` keeps that so. */
    if (lodge_saved_exists(&mon.lodge, info->handle) && !lodge_domcfg_bad_name(name)) {
        snprintf(k->name, sizeof(k->name), "%s", name);
        owner = store_get(s, lodge_layout_name(name));
    }
    if (!owner || strtoul(owner, NULL, 10) != k->domid) {
        k->watched = !store_watch(s, store_fmt("/local/domain/%u/name", k->domid),
                                  store_fmt("%u", k->domid));
        follow_name(k);
    }
    free(name);
    free(owner);
}

/* --- events -------------------------------------------------------------------------------- */

static void learn_new(void)
{
    struct xen_domctl_getdomaininfo *list;
    int nr = lodge_domain_list_new(&mon.lodge, mon.next_domid, &list);

    if (nr < 0) {
        daemon_say("%s", mon.lodge.message);
        return;
    }
    for (int i = 0; i < nr; i++)
        learn(&list[i]);
    free(list);
}

/* A guest that needs something; info: NULL, if it is not there or need not be looked at. */
struct task {
    const uint8_t *uuid;
    const struct xen_domctl_getdomaininfo *info;
};

/* In a process of its own. What is open here is the monitor's; its lock must not outlive it. */
static int work_on(void *arg)
{
    const struct task *t = arg;
    enum action_result result = ACTION_DONE;
    struct lodge_session l;
    bool begun;

    close(mon.lock);
    lodge_close(&mon.lodge);
    if (lodge_open(&l)) {
        daemon_say("%s", l.message);
        return ACTION_LATER;
    }
    if (lodge_pending_abandoned(&l, t->uuid))
        lodge_pending_reap(&l, t->uuid);
    lodge_intent_held(&l, t->uuid, &begun);
    if (begun)
        result = action_resume(&l, t->uuid);
    else if (t->info)
        result = action_for(&l, t->info, now_seconds());
    lodge_close(&l);
    return result;
}

static void start_work(const uint8_t *uuid, const struct xen_domctl_getdomaininfo *info)
{
    struct task t = {uuid, info};
    int rc = jobs_start(uuid, info ? info->domain : 0, work_on, &t);

    if (rc == -EBUSY) {
        mon.refused = true;
    } else if (rc) {
        daemon_say("no process to look after a guest: %s", strerror(-rc));
        mon.again = true;
    }
}

/*
 * Starts what a guest that is down needs, unless somebody is at it. Cheap for the others: it is
 * called for every guest each time. The job looks again, as things may have changed until it runs.
 */
static void act_on(const struct xen_domctl_getdomaininfo *info)
{
    unsigned reason = info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
    struct known *k = known_by_domid(info->domain);
    bool begun;

    if (!info->domain || !(info->flags & XEN_DOMINF_shutdown) || (info->flags & XEN_DOMINF_dying) ||
        (k && k->settled) || lodge_domcfg_event(reason) < 0 ||
        !lodge_saved_exists(&mon.lodge, info->handle))
        return;
    if (!lodge_intent_held(&mon.lodge, info->handle, &begun))
        start_work(info->handle, info);
}

/* What killed processes have left: of `lodge create`, or of our own. */
static void look_at_files(void)
{
    char dir[2][LODGE_PATH];
    uint8_t uuid[16];
    struct dirent *e;
    bool begun;

    lodge_pending_dir(&mon.lodge, dir[0]);
    lodge_intent_dir(&mon.lodge, dir[1]);
    for (int i = 0; i < 2; i++) {
        DIR *d = opendir(dir[i]);

        while (d && (e = readdir(d)))
            if (!lodge_uuid_parse(uuid, e->d_name) &&
                (lodge_pending_abandoned(&mon.lodge, uuid) ||
                 (!lodge_intent_held(&mon.lodge, uuid, &begun) && begun)))
                start_work(uuid, NULL);
        if (d)
            closedir(d);
    }
}

static void look_at_all(void)
{
    struct xen_domctl_getdomaininfo *list;
    int nr = lodge_domain_list(&mon.lodge, &list);
    struct known *k, *next;

    if (nr < 0) {
        daemon_say("%s", mon.lodge.message);
        return;
    }
    look_at_files();
    for (k = mon.known; k; k = next) {
        next = k->next;
        if (!lodge_domain_lives(list, nr, k->domid))
            forget(k);
    }
    for (int i = 0; i < nr; i++) {
        learn(&list[i]);
        act_on(&list[i]);
    }
    free(list);
}

/* Several events of a kind need one look. Nodes below a name are nobody's concern. */
static void note_event(void *arg, const char *path, const char *token)
{
    const char *last = strrchr(path, '/');
    struct known *k;

    (void)arg;
    if (!strcmp(token, "new"))
        mon.new = true;
    else if (!strcmp(token, "gone"))
        mon.gone = true;
    else if (last && !strcmp(last, "/name") && (k = known_by_domid((uint16_t)atoi(token))))
        k->renamed = mon.any_renamed = true;
}

static bool has_news(void)
{
    return mon.new || mon.gone || mon.any_renamed;
}

static void handle_events(void)
{
    bool new = mon.new, gone = mon.gone, renamed = mon.any_renamed;

    mon.new = mon.gone = mon.any_renamed = false;
    for (struct known *k = mon.known; k && renamed; k = k->next)
        if (k->renamed) {
            k->renamed = false;
            follow_name(k);
        }
    if (gone)
        look_at_all();
    else if (new)
        learn_new();
}

/* Somebody closed a file: because the guest is whole, or because it was killed. */
static void files_ready(struct loop_source *src, uint32_t events)
{
    char buf[4096];

    (void)events;
    while (read(src->fd, buf, sizeof(buf)) > 0)
        ;
    look_at_files();
}

static void watch_files(void)
{
    char dir[2][LODGE_PATH];

    lodge_pending_dir(&mon.lodge, dir[0]);
    lodge_intent_dir(&mon.lodge, dir[1]);
    mon.files.ready = files_ready;
    mon.files.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    for (int i = 0; i < 2; i++) {
        mkdir(dir[i], 0700);
        if (mon.files.fd < 0 || inotify_add_watch(mon.files.fd, dir[i], IN_CLOSE_WRITE) < 0)
            daemon_say("%s: cannot be watched: %s; what killed processes leave there is found only "
                       "when this daemon is started again",
                       dir[i], strerror(errno));
    }
}

static void handle_ended(void)
{
    bool look = false;
    struct job job;

    while (jobs_ended(&job)) {
        struct known *k = job.domid ? known_by_domid(job.domid) : NULL;

        if (job.result == ACTION_NONE && k)
            k->settled = true; /* or it would be started again for every event */
        else if (job.result != ACTION_NONE && job.result != ACTION_DONE)
            mon.again = true;
        look = mon.refused;
    }
    if (!look)
        return;
    mon.refused = false;
    look_at_all();
}

/*
 * dom0's own entries, where nothing else has written them: Xen's tools look for the name of the
 * pool of processors that a guest is made in, and their own xen-init-dom0 does nothing once dom0
 * has one.
 */
static void introduce_dom0(void)
{
    static const char *const own[][2] = {
        {"/local/domain/0/name", "Domain-0"},
        {"/local/domain/0/domid", "0"},
        {"/local/pool/0/name", "Pool-0"},
        {"/local/pool/0/uuid", "00000000-0000-0000-0000-000000000000"},
    };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        char *there = store_get(mon.lodge.store, own[i][0]);

        if (!there)
            store_write(mon.lodge.store, own[i][0], own[i][1]);
        free(there);
    }
    store_flush(mon.lodge.store);
}

static bool watch_store(struct store *s)
{
    return lodge_watch(s, note_event);
}

/* Without the store nothing can be done for a guest: the files are looked at when it is back. */
static void store_lost(void)
{
    daemon_say("xenstored went away; waiting for it");
    loop_remove(&mon.files);
}

static void store_back(void)
{
    /* The watches went with the old connection; look_at_all() learns of each guest anew. */
    while (mon.known) {
        struct known *k = mon.known;

        mon.known = k->next;
        free(k);
    }
    introduce_dom0();
    lodge_names_repair(&mon.lodge);
    look_at_all();
    loop_add(&mon.files, EPOLLIN);
}

/* --- the loop ------------------------------------------------------------------------------- */

static void loop(void)
{
    while (!loop_quit) {
        bool news;

        if (!daemon_store_run(&mon.store)) {
            loop_turn(daemon_store_timeout(&mon.store, -1));
            continue;
        }
        news = has_news(); /* behind it: events are noted while it speaks to the store */
        if (!loop_turn(news ? 0 : mon.again ? 1000 : -1) && !news) {
            mon.again = false;
            look_at_all();
        }
        handle_events();
    }
}

/* --- starting ------------------------------------------------------------------------------ */

static int start(void)
{
    struct lodge_session *l = &mon.lodge;
    int rc = lodge_open(l);

    if (rc)
        return rc;
    mon.lock = daemon_lock(l->run_dir, "lodge-monitor", l->message, sizeof(l->message));
    if (mon.lock < 0)
        return mon.lock;
    if (loop_open() || loop_signals(handle_ended))
        return lodge_fail(l, errno, "nothing can be waited for: %s", strerror(errno));
    mkdir(log_dir, 0750);
    introduce_dom0();
    watch_files();
    loop_add(&mon.files, EPOLLIN);
    mon.store = (struct daemon_store){
        .store = &l->store, .watch = watch_store, .lost = store_lost, .back = store_back};
    if (!daemon_store_start(&mon.store))
        return lodge_fail_store(l, EIO);
    return lodge_names_repair(l);
}

int main(int argc, char **argv)
{
    static const struct option longopts[] = {{"foreground", no_argument, NULL, 'F'},
                                             {NULL, 0, NULL, 0}};
    bool foreground = false;
    int opt, ready = -1;

    while ((opt = getopt_long(argc, argv, "F", longopts, NULL)) == 'F')
        foreground = true;
    if (opt != -1 || optind < argc) {
        fputs("Usage: lodge-monitor [-F]\n\n"
              "Carries out on_poweroff, on_reboot, on_crash and on_watchdog of all guests.\n\n"
              "  -F, --foreground      stay in the foreground\n",
              stderr);
        return 2;
    }
    if (!foreground && daemon_detach(&ready))
        return 1;
    if (start()) {
        fprintf(stderr, "lodge-monitor: %s\n", mon.lodge.message);
        return 1;
    }
    if (!foreground)
        daemon_ready(ready, store_fmt("%s/lodge-monitor.log", log_dir));
    look_at_all();
    loop();
    return 0;
}
