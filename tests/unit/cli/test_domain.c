// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_domain.c: guests are made whole or not at all, whichever step fails; their names are kept
 * apart without looking at other guests; and what happens when they go down.
 */
#include "check.h"
#include "fake.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <monitor/action.h>
#include <public/sched.h>

static struct lodge l;
static char state_dir[] = "/tmp/lodge-test-XXXXXX";

static struct domcfg config(const char *name)
{
    struct domcfg dc = {
        .name = strdup(name),
        .kernel = strdup("/k"),
        .cmdline = strdup("quiet"),
        .memory_mib = 64,
        .maxmem_mib = 96,
        .vcpus = 1,
        .maxvcpus = 2,
        .cap = -1,
        .on = {ON_DESTROY, ON_RESTART, ON_DESTROY, ON_DESTROY},
    };

    return dc;
}

static unsigned files(void)
{
    char path[300];
    unsigned nr = 0;
    struct dirent *e;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/domains", state_dir);
    dir = opendir(path);
    while (dir && (e = readdir(dir)))
        nr += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return nr;
}

static void fresh(void)
{
    domain_close(&l);
    fake_reset();
    CHECK(!domain_open(&l));
}

static void test_create(void)
{
    struct domcfg dc = config("new");
    uint16_t domid = 0;

    fresh();
    CHECK(!domain_create(&l, &dc, 0, &domid) && domid == 20);
    CHECK(fake_lists == 0); /* its cost must not depend on how many guests there are */
    CHECK_STR(fake_store_value("/local/domain/20/name"), "new");
    CHECK_STR(fake_store_value("/lodge/names/new"), "20");
    CHECK_STR(fake_store_value("/local/domain/20/memory/target"), "65536");
    CHECK_STR(fake_store_value("/local/domain/20/memory/static-max"), "98304");
    CHECK_STR(fake_store_value("/local/domain/20/cpu/0/availability"), "online");
    CHECK_STR(fake_store_value("/local/domain/20/cpu/1/availability"), "offline");
    CHECK_STR(fake_store_value("/local/domain/20/console/ring-ref"), "1002");
    CHECK_STR(fake_store_value("/libxl/20/type"), "pv");
    CHECK(files() == 1 && fake_by_domid(20)->info.flags & XEN_DOMINF_paused);
    CHECK(!memcmp(fake_by_domid(20)->info.handle, dc.uuid, 16) && dc.has_uuid);
    CHECK(!domain_destroy(&l, 20));
    CHECK(files() == 0 && !fake_store_value("/lodge/names/new"));
    domcfg_free(&dc);
}

/* The whole point: a failure at any step leaves the machine as it was. */
static void fails_cleanly(const char *step, const char *why)
{
    struct domcfg dc = config("new");
    uint64_t free_before;
    unsigned nodes;
    uint16_t domid;
    char err[160];

    fresh();
    nodes = fake_store_count();
    free_before = fake_free_pages;
    fake_failing = step;
    dc.pin = calloc(1, sizeof(*dc.pin));
    dc.nr_pin = 1;
    CHECK(!cpuset_parse(dc.pin, "0", err, sizeof(err)));
    CHECK(domain_create(&l, &dc, 0, &domid) < 0);
    CHECK_STR(l.message, why);
    fake_failing = NULL;
    CHECK(!fake_by_domid(20) && fake_free_pages == free_before && files() == 0);
    CHECK(!fake_store_value("/local/domain/20") && !fake_store_value("/lodge/names/new"));
    CHECK(fake_store_count() <= nodes + 3); /* parents such as /libxl may stay */
    domcfg_free(&dc);
}

static void test_refused_names(void)
{
    struct domcfg dc = config("web");
    uint16_t domid;

    fresh();
    CHECK(domain_create(&l, &dc, 0, &domid) == -EEXIST);
    CHECK_STR(l.message, "a domain named 'web' exists already (id 3); choose another name, or "
                         "remove it first with: lodge destroy web");
    free(dc.name);
    dc.name = strdup("xl-made");
    l.scan_names = true;
    CHECK(domain_create(&l, &dc, 0, &domid) == -EEXIST);
    /* A stale entry of the index does not keep a name for ever. */
    free(dc.name);
    dc.name = strdup("ghost");
    fake_store_set("/lodge/names/ghost", "3", NULL);
    CHECK(!domain_create(&l, &dc, 0, &domid));
    CHECK_STR(fake_store_value("/lodge/names/ghost"), "20");
    CHECK(!domain_destroy(&l, domid));
    domcfg_free(&dc);
}

static void test_other_refusals(void)
{
    struct domcfg dc = config("new"), other = config("other");
    uint16_t domid, second;

    fresh();
    dc.memory_mib = dc.maxmem_mib = 5000;
    CHECK(domain_create(&l, &dc, 0, &domid) == -ENOMEM);
    CHECK_STR(l.message, "not enough free memory: 1024 MiB are free");
    CHECK(!fake_by_domid(20) && files() == 0);
    dc.memory_mib = dc.maxmem_mib = 64;
    fake_conflicts = 3;
    CHECK(!domain_create(&l, &dc, 0, &domid) && fake_conflicts == 0);
    memcpy(other.uuid, dc.uuid, 16);
    other.has_uuid = true;
    CHECK(domain_create(&l, &other, 0, &second) == -EEXIST);
    CHECK(strstr(l.message, "belongs to domain 20; give each guest its own"));
    CHECK(domain_destroy(&l, 0) == -EINVAL && domain_destroy(&l, 99) == -ESRCH);
    CHECK(!domain_destroy(&l, domid) && files() == 0);
    domcfg_free(&dc);
    domcfg_free(&other);
}

static void test_find_and_rename(void)
{
    struct xen_domctl_getdomaininfo info;
    struct domcfg dc = config("new");
    struct saved saved;
    uint16_t domid;

    fresh();
    CHECK(!domain_find(&l, "7", &info) && info.domain == 7);
    CHECK(!domain_find(&l, "web", &info) && info.domain == 3 && fake_lists == 0);
    CHECK(!domain_find(&l, "xl-made", &info) && info.domain == 12 && fake_lists > 0);
    CHECK(!domain_find(&l, "Domain-0", &info) && info.domain == 0);
    CHECK(domain_find(&l, "nobody", &info) == -ESRCH);
    CHECK_STR(l.message, "there is no domain 'nobody'; `lodge list` shows those that exist");
    CHECK(domain_find(&l, "99999", &info) == -ESRCH);

    CHECK(!domain_create(&l, &dc, 0, &domid) && !domain_find(&l, "new", &info));
    CHECK(domain_rename(&l, &info, "web") == -EEXIST && domain_rename(&l, &info, "x/y") == -EINVAL);
    CHECK(!domain_rename(&l, &info, "newer"));
    CHECK(!fake_store_value("/lodge/names/new") && domain_find(&l, "new", &info) == -ESRCH);
    CHECK_STR(fake_store_value("/lodge/names/newer"), "20");
    CHECK(!saved_read(&l, dc.uuid, &saved));
    CHECK_STR(saved.config.name, "newer");
    saved_free(&saved);
    CHECK(!domain_destroy(&l, domid) && !fake_store_value("/lodge/names/newer"));
    domcfg_free(&dc);
}

static void test_index_repair(void)
{
    fresh();
    fake_store_set("/lodge/names/gone", "5", NULL);
    CHECK(!domain_repair_index(&l));
    CHECK(!fake_store_value("/lodge/names/gone"));
    CHECK_STR(fake_store_value("/lodge/names/xl-made"), "12");
    CHECK_STR(fake_store_value("/lodge/names/web"), "3");
}

/* --- actions ------------------------------------------------------------------------------- */

/* Makes a guest, lets it go down, and lets the monitor act; the guest with its name afterwards. */
static int after(enum on_event event, enum on_action action, unsigned reason, bool *acted,
                 struct domcfg *dc)
{
    struct xen_domctl_getdomaininfo info;
    uint16_t domid;

    fresh();
    dc->on[event] = action;
    CHECK(!domain_create(&l, dc, 0, &domid) && domid == 20);
    CHECK(!ctl_domain_unpause(&l.ctl, domid));
    fake_down(domid, reason);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info));
    *acted = action_for(&l, &info, time(NULL) + 100);
    return domain_find(&l, dc->name, &info) ? -1 : info.domain;
}

static void test_actions(void)
{
    struct domcfg dc = config("act");
    struct xen_domctl_getdomaininfo info;
    bool acted;

    CHECK(after(ON_POWEROFF, ON_DESTROY, SHUTDOWN_poweroff, &acted, &dc) == -1 && acted);
    CHECK(files() == 0);
    CHECK(after(ON_REBOOT, ON_RESTART, SHUTDOWN_reboot, &acted, &dc) == 20 && acted);
    CHECK(!(fake_by_domid(20)->info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_paused)));
    CHECK(files() == 1 && !domain_destroy(&l, 20));
    CHECK(after(ON_CRASH, ON_PRESERVE, SHUTDOWN_crash, &acted, &dc) == 20 && !acted);
    CHECK(fake_by_domid(20)->info.flags & XEN_DOMINF_shutdown && !domain_destroy(&l, 20));
    CHECK(after(ON_CRASH, ON_COREDUMP_DESTROY, SHUTDOWN_crash, &acted, &dc) == -1 && acted);
    CHECK(after(ON_WATCHDOG, ON_COREDUMP_RESTART, SHUTDOWN_watchdog, &acted, &dc) == 20 && acted);
    CHECK(!domain_destroy(&l, 20));

    CHECK(after(ON_CRASH, ON_RENAME_RESTART, SHUTDOWN_crash, &acted, &dc) == 21 && acted);
    CHECK_STR(fake_store_value("/local/domain/20/name"), "act-1");
    CHECK_STR(fake_store_value("/lodge/names/act-1"), "20");
    CHECK(memcmp(fake_by_domid(20)->info.handle, dc.uuid, 16));
    CHECK(!memcmp(fake_by_domid(21)->info.handle, dc.uuid, 16) && files() == 1);
    CHECK(!domain_destroy(&l, 20) && !domain_destroy(&l, 21) && files() == 0);

    /* Others' guests, and suspended ones, are left alone. */
    fake_down(3, SHUTDOWN_poweroff);
    CHECK(!ctl_domain_info(&l.ctl, 3, &info) && !action_for(&l, &info, 0) && fake_by_domid(3));
    CHECK(after(ON_POWEROFF, ON_DESTROY, SHUTDOWN_suspend, &acted, &dc) == 20 && !acted);
    CHECK(!domain_destroy(&l, 20));
    domcfg_free(&dc);
}

static void test_restart_loop(void)
{
    struct domcfg dc = config("loop");
    struct xen_domctl_getdomaininfo info;
    unsigned restarts = 0;
    uint16_t domid;

    fresh();
    dc.on[ON_CRASH] = ON_RESTART;
    CHECK(!domain_create(&l, &dc, 0, &domid));
    while (!domain_find(&l, "loop", &info) && restarts < 100) {
        fake_down(info.domain, SHUTDOWN_crash);
        CHECK(!ctl_domain_info(&l.ctl, info.domain, &info));
        CHECK(action_for(&l, &info, time(NULL)));
        restarts++;
    }
    CHECK(restarts == ACTION_QUICK_LIMIT + 1 && files() == 0);

    /* One that lives for a while in between may go on for ever. */
    CHECK(!domain_create(&l, &dc, 0, &domid));
    for (restarts = 0; restarts < 20 && !domain_find(&l, "loop", &info); restarts++) {
        fake_down(info.domain, SHUTDOWN_crash);
        CHECK(!ctl_domain_info(&l.ctl, info.domain, &info));
        action_for(&l, &info, time(NULL) + ACTION_QUICK_SECONDS);
    }
    CHECK(restarts == 20);
    CHECK(!domain_find(&l, "loop", &info) && !domain_destroy(&l, info.domain));
    domcfg_free(&dc);
}

static void test_damaged_state(void)
{
    struct domcfg dc = config("dam");
    struct xen_domctl_getdomaininfo info;
    char text[37], path[300];
    struct saved saved;
    uint16_t domid;
    FILE *f;

    fresh();
    CHECK(!domain_create(&l, &dc, 0, &domid));
    uuid_format(dc.uuid, text);
    snprintf(path, sizeof(path), "%s/domains/%s.json", state_dir, text);
    f = fopen(path, "w");
    fputs("{\"config\": {\"name\": ", f);
    fclose(f);
    CHECK(saved_read(&l, dc.uuid, &saved) == -EINVAL && strstr(l.message, "is damaged"));
    fake_down(domid, SHUTDOWN_poweroff);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info) && !action_for(&l, &info, 0));
    CHECK(!domain_destroy(&l, domid) && files() == 0);
    domcfg_free(&dc);
}

/* A maker that is killed in the middle leaves its file unlocked, and a domain. */
static void test_killed_maker(void)
{
    struct domcfg dc = config("half");
    uint16_t domid;
    uint8_t held[16] = {1};
    int fd, other;

    fresh();
    CHECK(!domain_create(&l, &dc, 0, &domid));
    fd = pending_begin(&l, dc.uuid);
    CHECK(fd >= 0 && pending_begin(&l, dc.uuid) == -EBUSY);
    other = pending_begin(&l, held);
    pending_reap(&l);
    CHECK(fake_by_domid(domid)); /* its maker lives */
    close(fd);
    pending_reap(&l);
    CHECK(!fake_by_domid(domid) && !fake_store_value("/lodge/names/half") && files() == 0);
    pending_end(&l, held, other);
    pending_reap(&l);
    domcfg_free(&dc);
}

int main(void)
{
    char path[300];

    if (!mkdtemp(state_dir) || setenv("LODGE_STATE_DIR", state_dir, 1) ||
        setenv("LODGE_RUN_DIR", state_dir, 1))
        return 1;
    CHECK(!domain_open(&l));
    test_create();
    fails_cleanly("builder", "/k: this is not a kernel");
    fails_cleanly("affinity", "vcpu 0 of domain 20 cannot run there");
    fails_cleanly("commit", "xenstore is full");
    fails_cleanly("introduce", "xenstored refuses domain 20");
    test_refused_names();
    test_other_refusals();
    test_find_and_rename();
    test_index_repair();
    test_actions();
    test_restart_loop();
    test_damaged_state();
    test_killed_maker();
    domain_close(&l);
    snprintf(path, sizeof(path), "%s/domains", state_dir);
    CHECK(!rmdir(path));
    snprintf(path, sizeof(path), "%s/creating", state_dir);
    CHECK(!rmdir(path) && !rmdir(state_dir)); /* nothing is left behind */
    return check_end();
}
