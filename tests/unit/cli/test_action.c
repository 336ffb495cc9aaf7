// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_action.c: what happens to guests that go down, and that it is done to its end even if the
 * process that does it is killed, wherever that is.
 */
#include "setup.h"

#include <clock.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <time.h>
#include <monitor/action.h>
#include <monitor/jobs.h>
#include <public/sched.h>
#include <sanitizer/lsan_interface.h>

/* Makes a guest, lets it go down, and lets the monitor act; the guest with its name afterwards. */
static int after(enum on_event event, enum on_action action, unsigned reason, bool *acted,
                 struct domcfg *dc)
{
    struct xen_domctl_getdomaininfo info;
    uint16_t domid;

    setup_fresh();
    dc->on[event] = action;
    CHECK(!lodge_domain_create(&l, dc, 0, &domid) && domid == 20);
    CHECK(!ctl_domain_unpause(&l.ctl, domid));
    fake_down(domid, reason);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info));
    *acted = action_for(&l, &info, now_seconds() + 100) == ACTION_DONE;
    return lodge_domain_find(&l, dc->name, &info) ? -1 : info.domain;
}

static void test_actions(void)
{
    struct domcfg dc = setup_config("act");
    struct xen_domctl_getdomaininfo info;
    bool acted;

    CHECK(after(ON_POWEROFF, ON_DESTROY, SHUTDOWN_poweroff, &acted, &dc) == -1 && acted);
    CHECK(setup_files("domains") == 0);
    CHECK(after(ON_REBOOT, ON_RESTART, SHUTDOWN_reboot, &acted, &dc) == 20 && acted);
    CHECK(!(fake_by_domid(20)->info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_paused)));
    CHECK(setup_files("domains") == 1 && !lodge_domain_destroy(&l, 20));
    CHECK(after(ON_CRASH, ON_PRESERVE, SHUTDOWN_crash, &acted, &dc) == 20 && !acted);
    CHECK(fake_by_domid(20)->info.flags & XEN_DOMINF_shutdown && !lodge_domain_destroy(&l, 20));
    CHECK(after(ON_CRASH, ON_COREDUMP_DESTROY, SHUTDOWN_crash, &acted, &dc) == -1 && acted);
    CHECK(after(ON_WATCHDOG, ON_COREDUMP_RESTART, SHUTDOWN_watchdog, &acted, &dc) == 20 && acted);
    CHECK(!lodge_domain_destroy(&l, 20));

    CHECK(after(ON_CRASH, ON_RENAME_RESTART, SHUTDOWN_crash, &acted, &dc) == 21 && acted);
    CHECK_STR(fake_store_value("/local/domain/20/name"), "act-1");
    CHECK_STR(fake_store_value("/lodge/names/act-1"), "20");
    CHECK(memcmp(fake_by_domid(20)->info.handle, dc.uuid, 16));
    CHECK(!memcmp(fake_by_domid(21)->info.handle, dc.uuid, 16) && setup_files("domains") == 1);
    CHECK(!lodge_domain_destroy(&l, 20) && !lodge_domain_destroy(&l, 21) &&
          setup_files("domains") == 0);

    /* Others' guests, and suspended ones, are left alone. */
    fake_down(3, SHUTDOWN_poweroff);
    CHECK(!ctl_domain_info(&l.ctl, 3, &info) && action_for(&l, &info, 0) == ACTION_NONE &&
          fake_by_domid(3));
    CHECK(after(ON_POWEROFF, ON_DESTROY, SHUTDOWN_suspend, &acted, &dc) == 20 && !acted);
    CHECK(!lodge_domain_destroy(&l, 20));
    lodge_domcfg_free(&dc);
}

static void test_restart_loop(void)
{
    struct domcfg dc = setup_config("loop");
    struct xen_domctl_getdomaininfo info;
    unsigned restarts = 0;
    uint16_t domid;

    setup_fresh();
    dc.on[ON_CRASH] = ON_RESTART;
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    while (!lodge_domain_find(&l, "loop", &info) && restarts < 100) {
        fake_down(info.domain, SHUTDOWN_crash);
        CHECK(!ctl_domain_info(&l.ctl, info.domain, &info));
        CHECK(action_for(&l, &info, now_seconds()) == ACTION_DONE);
        restarts++;
    }
    CHECK(restarts == ACTION_QUICK_LIMIT + 1 && setup_files("domains") == 0);

    /* One that lives for a while in between may go on for ever. */
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    for (restarts = 0; restarts < 20 && !lodge_domain_find(&l, "loop", &info); restarts++) {
        fake_down(info.domain, SHUTDOWN_crash);
        CHECK(!ctl_domain_info(&l.ctl, info.domain, &info));
        action_for(&l, &info, now_seconds() + ACTION_QUICK_SECONDS);
    }
    CHECK(restarts == 20);
    CHECK(!lodge_domain_find(&l, "loop", &info) && !lodge_domain_destroy(&l, info.domain));
    lodge_domcfg_free(&dc);
}

static void test_damaged_state(void)
{
    struct domcfg dc = setup_config("dam");
    struct xen_domctl_getdomaininfo info;
    char text[37], path[300];
    struct saved saved;
    uint16_t domid;
    FILE *f;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    lodge_uuid_format(dc.uuid, text);
    snprintf(path, sizeof(path), "%s/domains/%s.json", setup_dir, text);
    f = fopen(path, "w");
    fputs("{\"config\": {\"name\": ", f);
    fclose(f);
    CHECK(lodge_saved_read(&l, dc.uuid, &saved) == -EINVAL && strstr(l.message, "is damaged"));
    fake_down(domid, SHUTDOWN_poweroff);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info) && action_for(&l, &info, 0) == ACTION_NONE);
    CHECK(!lodge_domain_destroy(&l, domid) && setup_files("domains") == 0);
    lodge_domcfg_free(&dc);
}

/* A maker that is killed in the middle leaves its file unlocked, and a domain. */
static void test_killed_maker(void)
{
    struct domcfg dc = setup_config("half");
    uint16_t domid;
    uint8_t held[16] = {1};
    int fd, other;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    fd = lodge_pending_begin(&l, dc.uuid);
    CHECK(fd >= 0 && lodge_pending_begin(&l, dc.uuid) == -EBUSY);
    other = lodge_pending_begin(&l, held);
    CHECK(!lodge_pending_abandoned(&l, dc.uuid)); /* its maker lives */
    lodge_pending_reap(&l, dc.uuid);              /* for who looked a moment before it began */
    CHECK(fake_by_domid(domid) && setup_files("creating") == 2);
    close(fd);
    CHECK(lodge_pending_abandoned(&l, dc.uuid) && !lodge_pending_abandoned(&l, held));
    lodge_pending_reap(&l, dc.uuid);
    CHECK(!lodge_pending_abandoned(&l, dc.uuid));
    CHECK(!fake_by_domid(domid) && !fake_store_value("/lodge/names/half") &&
          setup_files("domains") == 0);
    lodge_pending_end(&l, held, other);
    CHECK(setup_files("creating") == 0);
    lodge_domcfg_free(&dc);
}

/* --- killed processes ---------------------------------------------------------------------- */

static jmp_buf killed;
static unsigned steps_left; /* 0: nobody is killed */

static void kill_here(void)
{
    if (steps_left && !--steps_left)
        siglongjmp(killed, 1);
}

/*
 * Does what a job of the monitor does, in a process that is killed before its n-th change of the
 * machine: its descriptors close and its transaction is dropped. False if it came to its end.
 */
static bool dies_at(unsigned n, const struct xen_domctl_getdomaininfo *info, const uint8_t uuid[16])
{
    int first = dup(0);
    bool begun, dead;

    close(first);
    __lsan_disable();
    steps_left = n;
    fake_step = kill_here;
    dead = sigsetjmp(killed, 1);
    if (!dead) {
        if (lodge_pending_abandoned(&l, uuid))
            lodge_pending_reap(&l, uuid);
        lodge_intent_held(&l, uuid, &begun);
        if (begun)
            action_resume(&l, uuid);
        else
            action_for(&l, info, now_seconds() + 100);
    } else {
        close_range((unsigned)first, ~0u, 0);
        fake_store_client_died();
    }
    fake_step = NULL;
    steps_left = 0;
    __lsan_enable();
    return dead;
}

/* Killed at step n of the first process, and at step m of the one that takes over. */
static bool survives(struct domcfg *dc, enum on_action action, unsigned n, unsigned m)
{
    struct xen_domctl_getdomaininfo info;
    unsigned nodes, before = check_failed;
    uint16_t domid;
    bool dead;

    setup_fresh();
    dc->on[ON_CRASH] = action;
    nodes = fake_store_count();
    CHECK(!lodge_domain_create(&l, dc, 0, &domid) && domid == 20 &&
          !ctl_domain_unpause(&l.ctl, 20));
    fake_down(20, SHUTDOWN_crash);
    CHECK(!ctl_domain_info(&l.ctl, 20, &info));
    dead = dies_at(n, &info, dc->uuid);
    if (dead && m)
        dies_at(m, &info, dc->uuid);
    if (dead)
        CHECK(!dies_at(0, &info, dc->uuid));

    CHECK(setup_files("acting") == 0 && setup_files("creating") == 0);
    if (action == ON_DESTROY) {
        CHECK(!fake_by_domid(20) && setup_files("domains") == 0);
        CHECK(fake_store_count() <= nodes + 8); /* parents may stay */
    } else {
        CHECK(!lodge_domain_find(&l, dc->name, &info) &&
              info.domain == (action == ON_RESTART ? 20 : 21));
        CHECK(!memcmp(info.handle, dc->uuid, 16) && setup_files("domains") == 1);
        CHECK(!(info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_paused)));
        CHECK(fake_store_value(store_fmt("/local/domain/0/backend/lodge-vbd/%u/51712/params",
                                         info.domain)) != NULL);
        CHECK(action == ON_RESTART || fake_by_domid(20)->info.flags & XEN_DOMINF_shutdown);
        if (action == ON_RENAME_RESTART) /* and not vic-1-1, whoever begins anew */
            CHECK_STR(fake_store_value("/local/domain/20/name"), "vic-1");
        CHECK(!lodge_domain_destroy(&l, info.domain));
    }
    if (check_failed != before)
        fprintf(stderr, "  ... for %s, killed at step %u, its successor at %u\n",
                lodge_domcfg_action_name(action), n, m);
    return dead;
}

static void test_killed_anywhere(void)
{
    static const enum on_action actions[] = {ON_DESTROY, ON_RESTART, ON_RENAME_RESTART};
    struct domcfg dc = setup_config("vic");
    char err[640];
    struct disk d;
    unsigned n;

    CHECK(!lodge_disk_parse(&d, "/srv/vic.img,raw,xvda", err, sizeof(err)) &&
          !lodge_domcfg_add(&dc, DEVICE_DISK, &d.base, err, sizeof(err)));
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        for (n = 1; survives(&dc, actions[i], n, 0) && n < 200; n++)
            for (unsigned m = 1; m < 12; m += 3)
                survives(&dc, actions[i], n, m);
        CHECK(n > 5 && n < 200);
    }
    lodge_domcfg_free(&dc);
}

/* Without xenstored nobody can say that something was done; it is gone on with when it is back. */
static void test_store_dies(void)
{
    struct domcfg dc = setup_config("vic");
    struct xen_domctl_getdomaininfo info;
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    fake_down(domid, SHUTDOWN_reboot);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info));
    fake_store_dead = true;
    CHECK(action_for(&l, &info, now_seconds() + 100) == ACTION_LATER && setup_files("acting") == 1);
    fake_store_dead = false;
    CHECK(action_resume(&l, dc.uuid) == ACTION_DONE && setup_files("acting") == 0);
    CHECK(!lodge_domain_find(&l, "vic", &info) && !(info.flags & XEN_DOMINF_paused));
    CHECK(!lodge_domain_destroy(&l, info.domain));
    lodge_domcfg_free(&dc);
}

/* One whose process is killed each time is given up; one that somebody destroys is not made again.
 */
static void test_given_up(void)
{
    struct domcfg dc = setup_config("vic");
    struct xen_domctl_getdomaininfo info;
    uint16_t domid;
    unsigned n;

    setup_fresh();
    dc.on[ON_CRASH] = ON_RESTART;
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    fake_down(domid, SHUTDOWN_crash);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info));
    for (n = 0; dies_at(1, &info, dc.uuid) && n < 10; n++)
        CHECK(setup_files("acting") == 1);
    CHECK(n == ACTION_TRIES + 1 && setup_files("acting") == 0 && fake_by_domid(domid));
    CHECK(action_for(&l, &info, now_seconds()) == ACTION_NONE);
    CHECK(!lodge_domain_destroy(&l, domid));

    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    fake_down(domid, SHUTDOWN_crash);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info) && dies_at(1, &info, dc.uuid));
    CHECK(!lodge_intent_destroy(&l, dc.uuid, domid) && action_resume(&l, dc.uuid) == ACTION_NONE);
    CHECK(lodge_domain_find(&l, "vic", &info) == -ESRCH);
    lodge_domcfg_free(&dc);
}

/* --- users who want something else ---------------------------------------------------------- */

static const uint8_t *unwanted;
static unsigned until_destroyed;

/*
 * `lodge destroy`, in another process, up to where it waits for the one that is at it. That one is
 * in the middle of something: the domain can go here only before anything was written down.
 */
static void destroy_here(void)
{
    struct xen_domctl_getdomaininfo info;

    if (!until_destroyed || --until_destroyed)
        return;
    fake_step = NULL;
    lodge_saved_remove(&l, unwanted);
    if (!lodge_intent_cross_out(&l, unwanted) && !ctl_domain_info(&l.ctl, 20, &info))
        lodge_domain_destroy(&l, 20);
}

/* Whenever the user destroys a guest that is being restarted: it is gone in the end, and stays so.
 */
static void test_destroyed_meanwhile(void)
{
    static const enum on_action actions[] = {ON_RESTART, ON_RENAME_RESTART};
    struct domcfg dc = setup_config("unw");
    struct xen_domctl_getdomaininfo info;
    unsigned caught = 0;
    bool early = true;
    uint16_t domid;

    unwanted = dc.uuid;
    for (unsigned n = 1; n < 200 && early; n++) {
        for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
            setup_fresh();
            dc.on[ON_CRASH] = actions[i];
            CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !ctl_domain_unpause(&l.ctl, domid));
            fake_down(domid, SHUTDOWN_crash);
            CHECK(!ctl_domain_info(&l.ctl, domid, &info));
            until_destroyed = n;
            fake_step = destroy_here;
            action_for(&l, &info, now_seconds() + 100);
            early = !fake_step;
            fake_step = NULL;
            caught += early;
            CHECK(early == (lodge_domain_find(&l, "unw", &info) == -ESRCH));
            CHECK(early || !lodge_intent_destroy(&l, dc.uuid, info.domain));
            CHECK(lodge_domain_find(&l, "unw", &info) == -ESRCH);
            CHECK(setup_files("domains") == 0 && setup_files("acting") == 0);
            CHECK(setup_files("creating") == 0);
        }
    }
    CHECK(caught > 10);
    lodge_domcfg_free(&dc);
}

static void set_memory(struct domcfg *dc, void *arg)
{
    dc->memory_mib = *(uint64_t *)arg;
}

/* What is changed of a guest comes before what is done to it, and then counts; or is refused. */
static void test_changed_meanwhile(void)
{
    struct domcfg dc = setup_config("chg");
    struct xen_domctl_getdomaininfo info;
    struct intent in = {.fd = -1}, left;
    uint64_t mib = 65;
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !lodge_domain_find(&l, "chg", &info));
    CHECK(!lodge_saved_change(&l, dc.uuid, set_memory, &mib));
    CHECK(!lodge_saved_read(&l, dc.uuid, &in.saved) && in.saved.config.memory_mib == 65);
    CHECK(!lodge_intent_begin(&l, &in));
    mib = 66;
    CHECK(lodge_saved_change(&l, dc.uuid, set_memory, &mib) == -EBUSY);
    CHECK(lodge_domain_rename(&l, &info, "other") == -EBUSY && strstr(l.message, "being removed"));
    CHECK(!lodge_domain_find(&l, "chg", &info));
    lodge_intent_end(&l, &in, true);
    CHECK(!lodge_intent_take(&l, dc.uuid, &left) && left.saved.config.memory_mib == 65);
    lodge_intent_end(&l, &left, false);
    CHECK(!lodge_saved_change(&l, dc.uuid, set_memory, &mib) && !lodge_domain_destroy(&l, domid));
    lodge_domcfg_free(&dc);
}

/* Before anything was written down: whoever begins to act looks whether it is wanted still. */
static void test_destroyed_before(void)
{
    struct domcfg dc = setup_config("unw");
    struct xen_domctl_getdomaininfo info;
    struct intent in = {.fd = -1};
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    CHECK(!lodge_saved_read(&l, dc.uuid, &in.saved) && !lodge_intent_begin(&l, &in));
    lodge_intent_end(&l, &in, true); /* the monitor is killed; and no other is there */
    CHECK(!lodge_domain_destroy(&l, domid) && lodge_domain_find(&l, "unw", &info) == -ESRCH);
    CHECK(strstr(l.message, "lodge destroy unw") && setup_files("acting") == 1);
    memset(dc.uuid, 3, sizeof(dc.uuid)); /* another guest cannot have the name meanwhile */
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -EEXIST && strstr(l.message, "being removed"));
    CHECK(lodge_intent_named(&l, "unw", NULL, dc.uuid) && !lodge_intent_destroy(&l, dc.uuid, -1));
    CHECK(setup_files("acting") == 0 && !lodge_intent_named(&l, "unw", NULL, dc.uuid));

    /* All of them, as `lodge shutdown -a` has it. */
    for (uint8_t i = 1; i < 4; i++) {
        struct intent one = {.saved.config = setup_config("many"), .fd = -1};

        memset(one.saved.config.uuid, i, 16);
        CHECK(!lodge_intent_begin(&l, &one));
        lodge_intent_end(&l, &one, true);
    }
    CHECK(setup_files("acting") == 3 && lodge_intent_call_off(&l, "other") == 0);
    CHECK(lodge_intent_call_off(&l, NULL) == 3 && setup_files("acting") == 0);
    lodge_domcfg_free(&dc);
}

/* What is written down belongs to one process at a time; a piece of it means nothing. */
static void test_intent(void)
{
    struct intent in = {.saved.config = setup_config("int"), .saved.domid = 5, .fd = -1}, other;
    struct xen_domctl_getdomaininfo info;
    uint8_t uuid[16] = {7}, found[16];
    char path[300], text[37];
    bool there;

    memcpy(in.saved.config.uuid, uuid, 16);
    in.event = ON_CRASH;
    in.saved.config.on[ON_CRASH] = ON_RESTART;
    CHECK(!lodge_intent_held(&l, uuid, &there) && !there);
    CHECK(!lodge_intent_begin(&l, &in) && lodge_intent_held(&l, uuid, &there) && there);
    CHECK(lodge_intent_named(&l, "int", NULL, found) && !memcmp(found, uuid, 16));
    CHECK(lodge_intent_named(&l, "5", NULL, found) && !lodge_intent_named(&l, "int", uuid, found));
    CHECK(!lodge_intent_named(&l, "in", NULL, found));
    CHECK(lodge_domain_find(&l, "int", &info) == -ESRCH && strstr(l.message, "being restarted"));
    CHECK(lodge_intent_take(&l, uuid, &other) == -EBUSY);
    CHECK(action_resume(&l, uuid) == ACTION_DONE); /* by the other one */
    CHECK(!lodge_intent_crossed_out(&in) && lodge_intent_cross_out(&l, uuid) &&
          lodge_intent_crossed_out(&in));
    lodge_intent_end(&l, &in, true);
    CHECK(!lodge_intent_held(&l, uuid, &there) && there);
    CHECK(!lodge_intent_take(&l, uuid, &other) && other.tries == 1 && other.event == ON_CRASH);
    CHECK(other.saved.domid == 5 && !strcmp(other.saved.config.name, "int"));
    lodge_intent_end(&l, &other, true);

    lodge_uuid_format(uuid, text);
    snprintf(path, sizeof(path), "%s/acting/%s", setup_dir, text);
    CHECK(!truncate(path, 40) && lodge_intent_take(&l, uuid, &other) == -ENOENT);
    CHECK(setup_files("acting") == 0);
}

/* --- jobs ---------------------------------------------------------------------------------- */

static int wait_and_return(void *arg)
{
    int *pipe_and_result = arg;
    char c;

    return read(pipe_and_result[0], &c, 1) == 1 ? pipe_and_result[1] : 99;
}

static int die(void *arg)
{
    (void)arg;
    abort();
}

static struct job next_job(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct job job = {.result = 1000};

    for (int i = 0; i < 10000 && !jobs_ended(&job); i++)
        nanosleep(&moment, NULL);
    return job;
}

/* One guest's job keeps no other's waiting, unless there are too many; a guest has one at a time.
 */
static void test_jobs(void)
{
    uint8_t uuid[JOBS_MAX + 1][16] = {{0}};
    int first[2], others[2];
    struct job job;

    CHECK(!pipe(first) && !pipe(others));
    for (int i = 0; i <= JOBS_MAX; i++)
        uuid[i][0] = (uint8_t)i;
    for (int i = 0; i < JOBS_MAX; i++) {
        int arg[2] = {i ? others[0] : first[0], 10 + i};

        CHECK(!jobs_start(uuid[i], (uint16_t)i, wait_and_return, arg));
        CHECK(jobs_start(uuid[i], (uint16_t)i, wait_and_return, arg) == -EBUSY);
    }
    CHECK(jobs_start(uuid[JOBS_MAX], 1, die, NULL) == -EBUSY); /* no room */
    CHECK(!jobs_ended(&job));
    for (int i = 1; i < JOBS_MAX; i++) {
        CHECK(write(others[1], "", 1) == 1);
        job = next_job();
        CHECK(job.domid && job.domid == job.uuid[0] && job.result == 10 + job.domid);
    }
    /* The first one is still at it. */
    CHECK(!jobs_ended(&job) && jobs_start(uuid[0], 0, die, NULL) == -EBUSY);
    CHECK(!jobs_start(uuid[JOBS_MAX], 77, die, NULL));
    job = next_job();
    CHECK(job.result == -1 && job.domid == 77);
    CHECK(write(first[1], "", 1) == 1);
    job = next_job();
    CHECK(job.result == 10 && !jobs_ended(&job));
}

int main(void)
{
    setup_begin();
    test_actions();
    test_restart_loop();
    test_damaged_state();
    test_killed_maker();
    test_killed_anywhere();
    test_store_dies();
    test_given_up();
    test_destroyed_meanwhile();
    test_destroyed_before();
    test_changed_meanwhile();
    test_intent();
    test_jobs();
    return setup_end();
}
