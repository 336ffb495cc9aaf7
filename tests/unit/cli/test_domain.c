// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_domain.c: guests are made whole or not at all, whichever step fails; their names are kept
 * apart without looking at other guests.
 */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <liblodge/layout.h>

static void test_create(void)
{
    struct domcfg dc = setup_config("new");
    uint16_t domid = 0;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && domid == 20);
    CHECK(fake_lists == 0); /* its cost must not depend on how many guests there are */
    CHECK_STR(fake_store_value("/local/domain/20/name"), "new");
    CHECK_STR(fake_store_value("/lodge/names/new"), "20");
    CHECK_STR(fake_store_value("/local/domain/20/memory/target"), "65536");
    CHECK_STR(fake_store_value("/local/domain/20/memory/static-max"), "98304");
    CHECK_STR(fake_store_value("/local/domain/20/cpu/0/availability"), "online");
    CHECK_STR(fake_store_value("/local/domain/20/cpu/1/availability"), "offline");
    CHECK_STR(fake_store_value("/local/domain/20/console/ring-ref"), "1002");
    CHECK_STR(fake_store_value("/libxl/20/type"), "pv");
    CHECK(setup_files("domains") == 1 && fake_by_domid(20)->info.flags & XEN_DOMINF_paused);
    CHECK(!memcmp(fake_by_domid(20)->info.handle, dc.uuid, 16) && dc.has_uuid);
    CHECK(!lodge_domain_destroy(&l, 20));
    CHECK(setup_files("domains") == 0 && !fake_store_value("/lodge/names/new"));
    lodge_domcfg_free(&dc);
}

/* What is set once the domain is there. */
static void test_settings(void)
{
    struct domcfg dc = setup_config("new");
    struct fake_domain *d;
    uint16_t domid;

    setup_fresh();
    dc.soft = calloc(2, sizeof(*dc.soft));
    dc.nr_soft = 2;
    lodge_cpuset_add(&dc.soft[0], 1);
    lodge_cpuset_add(&dc.soft[1], 3);
    dc.has_tsc_mode = true;
    dc.tsc_mode = CTL_TSC_ALWAYS_EMULATE;
    dc.localtime = true;
    dc.time_offset = 10;
    setenv("TZ", "XYZ-2", 1);
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    unsetenv("TZ");
    d = fake_by_domid(domid);
    CHECK(d->soft[0].bits[0] == 2 && d->soft[1].bits[0] == 8 && d->pin[0].bits[0] == UINT64_MAX);
    CHECK(d->tsc_mode == CTL_TSC_ALWAYS_EMULATE && d->time_offset == 7210);
    CHECK(!lodge_domain_destroy(&l, domid));
    lodge_domcfg_free(&dc);
}

/* The whole point: a failure at any step leaves the machine as it was. */
static void fails_cleanly(const char *step, const char *why)
{
    struct domcfg dc = setup_config("new");
    uint64_t free_before;
    unsigned nodes;
    uint16_t domid;
    char err[160];

    setup_fresh();
    nodes = fake_store_count();
    free_before = fake_free_pages;
    fake_failing = step;
    dc.pin = calloc(1, sizeof(*dc.pin));
    dc.nr_pin = 1;
    CHECK(!lodge_cpuset_parse(dc.pin, "0", err, sizeof(err)));
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) < 0);
    CHECK_STR(l.message, why);
    fake_failing = NULL;
    CHECK(!fake_by_domid(20) && fake_free_pages == free_before && setup_files("domains") == 0);
    CHECK(!fake_store_value("/local/domain/20") && !fake_store_value("/lodge/names/new"));
    CHECK(fake_store_count() <= nodes + 3); /* parents such as /libxl may stay */
    lodge_domcfg_free(&dc);
}

static void test_refused_names(void)
{
    struct domcfg dc = setup_config("web");
    uint16_t domid;

    setup_fresh();
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -EEXIST);
    CHECK_STR(l.message, "a domain named 'web' exists already (id 3); choose another name, or "
                         "remove it first with: lodge destroy web");
    free(dc.name);
    dc.name = strdup("xl-made");
    l.scan_names = true;
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -EEXIST);
    /* A stale entry of the index does not keep a name for ever. */
    free(dc.name);
    dc.name = strdup("ghost");
    fake_store_set("/lodge/names/ghost", "3", NULL);
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    CHECK_STR(fake_store_value("/lodge/names/ghost"), "20");
    CHECK(!lodge_domain_destroy(&l, domid));
    lodge_domcfg_free(&dc);
}

static void test_other_refusals(void)
{
    struct domcfg dc = setup_config("new"), other = setup_config("other");
    uint16_t domid, second;

    setup_fresh();
    dc.memory_mib = dc.maxmem_mib = 5000;
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -ENOMEM);
    CHECK_STR(l.message, "not enough free memory: 1024 MiB are free");
    CHECK(!fake_by_domid(20) && setup_files("domains") == 0);
    dc.memory_mib = dc.maxmem_mib = 64;
    fake_conflicts = 3;
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && fake_conflicts == 0);
    memcpy(other.uuid, dc.uuid, 16);
    other.has_uuid = true;
    CHECK(lodge_domain_create(&l, &other, 0, &second) == -EEXIST);
    CHECK(strstr(l.message, "belongs to domain 20; give each guest its own"));
    /* Nor may it be that of a guest that another tool has made. */
    memset(fake_by_domid(12)->info.handle, 0x5a, 16);
    memset(other.uuid, 0x5a, 16);
    CHECK(lodge_domain_create(&l, &other, 0, &second) == -EEXIST);
    CHECK(strstr(l.message, "belongs to domain 12; give each guest its own"));
    CHECK(lodge_domain_destroy(&l, 0) == -EINVAL && lodge_domain_destroy(&l, 99) == -ESRCH);
    CHECK(!lodge_domain_destroy(&l, domid) && setup_files("domains") == 0);
    lodge_domcfg_free(&dc);
    lodge_domcfg_free(&other);
}

static void test_find_and_rename(void)
{
    struct xen_domctl_getdomaininfo info;
    struct domcfg dc = setup_config("new");
    struct saved saved;
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_find(&l, "7", &info) && info.domain == 7);
    CHECK(!lodge_domain_find(&l, "web", &info) && info.domain == 3 && fake_lists == 0);
    CHECK(!lodge_domain_find(&l, "xl-made", &info) && info.domain == 12 && fake_lists > 0);
    CHECK(!lodge_domain_find(&l, "Domain-0", &info) && info.domain == 0);
    CHECK(lodge_domain_find(&l, "nobody", &info) == -ESRCH);
    CHECK_STR(l.message, "there is no domain 'nobody'; `lodge list` shows those that exist");
    CHECK(lodge_domain_find(&l, "99999", &info) == -ESRCH);

    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !lodge_domain_find(&l, "new", &info));
    CHECK(lodge_domain_rename(&l, &info, "web") == -EEXIST &&
          lodge_domain_rename(&l, &info, "x/y") == -EINVAL);
    CHECK(!lodge_domain_rename(&l, &info, "newer"));
    CHECK(!fake_store_value("/lodge/names/new") && lodge_domain_find(&l, "new", &info) == -ESRCH);
    CHECK_STR(fake_store_value("/lodge/names/newer"), "20");
    CHECK(!lodge_saved_read(&l, dc.uuid, &saved));
    CHECK_STR(saved.config.name, "newer");
    lodge_saved_free(&saved);
    CHECK(!lodge_domain_destroy(&l, domid) && !fake_store_value("/lodge/names/newer"));
    lodge_domcfg_free(&dc);
}

/* Every name that is accepted can be made, found, renamed to and from, and destroyed. */
static void test_names(void)
{
    static const char *const names[] = {
        "web.example", "a:b",  "c++", "_x", ".hidden", "x.",    "1.2",
        "0x1",         "A-b_", "v:",  "a@", "-a",      "--json"};
    struct domcfg dc = setup_config("x");
    struct xen_domctl_getdomaininfo info;
    struct saved saved;
    uint16_t domid;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bool good = !lodge_domcfg_bad_name(names[i]);

        CHECK(good == (i < 10));
        setup_fresh();
        free(dc.name);
        dc.name = strdup(good ? names[i] : "plain");
        dc.has_uuid = false;
        CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !lodge_domain_find(&l, dc.name, &info));
        CHECK(info.domain == domid && lodge_names_check(&l, dc.name, NULL) == -EEXIST);
        CHECK(!lodge_domain_rename(&l, &info, "plain2") &&
              lodge_names_check(&l, dc.name, NULL) == 0);
        CHECK(good == !lodge_domain_rename(&l, &info, names[i]));
        CHECK(!lodge_domain_find(&l, good ? names[i] : "plain2", &info) && info.domain == domid);
        CHECK(!lodge_names_repair(&l) &&
              !lodge_names_look_up(&l, good ? names[i] : "plain2", &info));
        CHECK(!lodge_saved_read(&l, dc.uuid, &saved));
        CHECK_STR(saved.config.name, good ? names[i] : "plain2");
        lodge_saved_free(&saved);
        CHECK(!lodge_domain_destroy(&l, domid) &&
              lodge_names_look_up(&l, dc.name, &info) == -ESRCH);
    }
    lodge_domcfg_free(&dc);
}

/* A rename that fails has changed nothing: not the store, nor the index, nor the saved config. */
static void test_rename_fails(void)
{
    struct domcfg dc = setup_config("was");
    struct xen_domctl_getdomaininfo info;
    struct saved saved;
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !lodge_domain_find(&l, "was", &info));
    fake_failing = "commit";
    CHECK(lodge_domain_rename(&l, &info, "new") == -ENOSPC &&
          strstr(l.message, "xenstore is full"));
    fake_failing = NULL;
    CHECK(!lodge_domain_find(&l, "was", &info) && lodge_domain_find(&l, "new", &info) == -ESRCH);
    CHECK(!lodge_saved_read(&l, dc.uuid, &saved));
    CHECK_STR(saved.config.name, "was");
    lodge_saved_free(&saved);
    CHECK(!lodge_domain_destroy(&l, domid));
    lodge_domcfg_free(&dc);
}

/* Whoever has the saved configs to himself and does not go on holds nobody up for ever. */
static void test_locked(void)
{
    struct domcfg dc = setup_config("was");
    struct xen_domctl_getdomaininfo info;
    char path[300], want[500];
    uint16_t domid;
    int fd;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !lodge_domain_find(&l, "was", &info));
    snprintf(path, sizeof(path), "%s/domains", setup_dir);
    snprintf(want, sizeof(want),
             "%s: process %d (test_domain) has it locked and does not go on; if it is stopped, let "
             "it go on with: kill -CONT %d",
             path, getpid(), getpid());
    fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && !flock(fd, LOCK_EX));
    l.lock_ms = 50;
    alarm(60); /* it would wait for ever */
    CHECK(lodge_domain_rename(&l, &info, "new") == -ETIMEDOUT);
    alarm(0);
    CHECK(!strcmp(l.message, want) || strstr(l.message, "see /proc/locks"));
    CHECK(!lodge_domain_find(&l, "was", &info) && info.domain == domid);
    close(fd);
    CHECK(!lodge_domain_rename(&l, &info, "new") && !lodge_domain_destroy(&l, domid));
    lodge_domcfg_free(&dc);
}

static unsigned until_taken;

/* Somebody else gives the name to a guest. */
static void take_name(void)
{
    if (until_taken && !--until_taken) {
        fake_step = NULL;
        fake_store_set("/local/domain/7/name", "taken", NULL);
        fake_store_set("/lodge/names/taken", "7", NULL);
    }
}

/* At whatever moment: one guest has the name, and the other what it had. */
static void test_rename_to_one_taken_meanwhile(void)
{
    struct domcfg dc = setup_config("was");
    struct xen_domctl_getdomaininfo info;
    struct saved saved;
    uint16_t domid;

    /* The name's entry, all names and the guest's own are read; the next step is the commit. */
    for (unsigned n = 1; n <= 3; n++) {
        setup_fresh();
        CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && !lodge_domain_find(&l, "was", &info));
        until_taken = n;
        fake_step = take_name;
        CHECK(lodge_domain_rename(&l, &info, "taken") == -EEXIST && !fake_step);
        CHECK(strstr(l.message, "a domain named 'taken' exists already (id 7)"));
        fake_step = NULL;
        CHECK(!lodge_domain_find(&l, "taken", &info) && info.domain == 7);
        CHECK(!lodge_domain_find(&l, "was", &info) && info.domain == domid);
        CHECK(!lodge_saved_read(&l, dc.uuid, &saved));
        CHECK_STR(saved.config.name, "was");
        lodge_saved_free(&saved);
        CHECK(!lodge_domain_destroy(&l, domid));
    }
    lodge_domcfg_free(&dc);
}

/* A folder that cannot be made is the reason, not that there is no file in it. */
static void test_no_folder(void)
{
    struct domcfg dc = setup_config("new");
    uint16_t domid;

    setup_fresh();
    l.state_dir = "/sys/none";
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) < 0);
    CHECK(strstr(l.message, "/sys/none/domains/") && !strstr(l.message, "No such file"));
    setup_fresh();
    l.run_dir = "/sys/none";
    CHECK(lodge_pending_begin(&l, dc.uuid) < 0);
    CHECK(strstr(l.message, "/sys/none/creating/") && !strstr(l.message, "No such file"));
    setup_fresh();
    lodge_domcfg_free(&dc);
}

static unsigned until_gone;

/* Another tool destroys the domain; of the store it knows nothing. */
static void destroy_here(void)
{
    if (fake_by_domid(20) && until_gone && !--until_gone) {
        fake_step = NULL;
        ctl_domain_destroy(&l.ctl, 20);
    }
}

/* `lodge destroy` takes the devices away first, which is not what went wrong. */
static void destruction_begins(void)
{
    if (setup_files("domains")) {
        fake_step = NULL;
        lodge_saved_remove(&l, fake_by_domid(20)->info.handle);
    }
}

static void test_destruction_begins(void)
{
    struct domcfg dc = setup_config("new");
    char err[640];
    uint16_t domid;
    struct disk d;

    CHECK(!lodge_disk_parse(&d, "/srv/new.img,raw,xvda", err, sizeof(err)) &&
          !lodge_domcfg_add(&dc, DEVICE_DISK, &d.base, err, sizeof(err)));
    setup_fresh();
    setup_backend("error:its image is gone");
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -EIO &&
          strstr(l.message, "its image is gone"));
    fake_step = destruction_begins;
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -ECANCELED && !fake_step);
    CHECK(strstr(l.message, "was destroyed while") && !fake_by_domid(20));
    setup_backend(NULL);
    lodge_domcfg_free(&dc);
}

/* Whoever has it destroyed while it is made: that is what is said, and nothing is left. */
static void test_destroyed_meanwhile(void)
{
    struct domcfg dc = setup_config("new");
    unsigned nodes, seen = 0;
    bool caught = true;
    uint16_t domid;
    int rc;

    for (unsigned n = 1; caught && n < 200; n++) {
        setup_fresh();
        nodes = fake_store_count();
        until_gone = n;
        fake_step = destroy_here;
        rc = lodge_domain_create(&l, &dc, 0, &domid);
        if (!rc) {
            rc = lodge_domain_start(&l, &dc, domid);
            if (rc)
                lodge_domain_undo(&l, &dc, domid);
        }
        caught = !fake_step;
        fake_step = NULL;
        CHECK(caught == (rc == -ECANCELED));
        CHECK(!caught || strstr(l.message, "was destroyed while"));
        CHECK(caught || !lodge_domain_destroy(&l, domid));
        CHECK(fake_store_count() <= nodes + 8 && setup_files("domains") == 0);
        seen += caught;
    }
    CHECK(seen >= 2);
    lodge_domcfg_free(&dc);
}

/* How long a guest has been there, with a wall clock that is stepped all the time (fake_daemon.c).
 */
static void test_time_up(void)
{
    struct domcfg dc = setup_config("new");
    uint8_t foreign[16];
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    CHECK(lodge_layout_seconds_up(l.store, dc.uuid) < 60);
    memset(foreign, 7, sizeof(foreign)); /* another tool's: from where it is seen first on */
    fake_store_set("/vm/07070707-0707-0707-0707-070707070707/start_time", "1000.00", NULL);
    lodge_layout_note_start(l.store, foreign);
    store_flush(l.store);
    lodge_layout_note_start(l.store, foreign);
    CHECK(lodge_layout_seconds_up(l.store, foreign) == lodge_layout_seconds_up(l.store, foreign));
    CHECK(!lodge_domain_destroy(&l, domid));
    lodge_domcfg_free(&dc);
}

static void test_index_repair(void)
{
    setup_fresh();
    fake_store_set("/lodge/names/gone", "5", NULL);
    CHECK(!lodge_names_repair(&l));
    CHECK(!fake_store_value("/lodge/names/gone"));
    CHECK_STR(fake_store_value("/lodge/names/xl-made"), "12");
    CHECK_STR(fake_store_value("/lodge/names/web"), "3");
}

int main(void)
{
    setup_begin();
    test_create();
    test_settings();
    fails_cleanly("builder", "/k: this is not a kernel");
    fails_cleanly("affinity", "vcpu 0 of domain 20 cannot run there");
    fails_cleanly("commit", "xenstore is full");
    fails_cleanly("introduce", "xenstored refuses domain 20");
    test_refused_names();
    test_other_refusals();
    test_find_and_rename();
    test_names();
    test_rename_fails();
    test_rename_to_one_taken_meanwhile();
    test_locked();
    test_no_folder();
    test_destruction_begins();
    test_time_up();
    test_destroyed_meanwhile();
    test_index_repair();
    return setup_end();
}
