// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_splitdev.c: a guest's devices come with it and go with it; attaching and detaching leave
 * all or nothing, whatever a back-end or a guest does; the saved config follows.
 */
#include "setup.h"

#include <clock.h>
#include <errno.h>
#include <time.h>
#include <liblodge/splitdev.h>
#include <monitor/action.h>
#include <public/sched.h>

#define FRONT "/local/domain/20/device/vbd/51712"
#define BACK  "/local/domain/0/backend/lodge-vbd/20/51712"
#define VBACK "/local/domain/0/backend/vif/20/0"

static void add(struct domcfg *dc, const char *disk_text, const char *vif_text)
{
    char err[640];
    struct disk d;
    struct vif v;

    CHECK(!disk_text || (!lodge_disk_parse(&d, disk_text, err, sizeof(err)) &&
                         !lodge_domcfg_add(dc, DEVICE_DISK, &d.base, err, 640)));
    CHECK(!vif_text || (!lodge_vif_parse(&v, vif_text, err, sizeof(err)) &&
                        !lodge_domcfg_add(dc, DEVICE_VIF, &v.base, err, 640)));
}

static struct domcfg config(const char *name)
{
    struct domcfg dc = setup_config(name);

    add(&dc, "/srv/a b.img,qcow2,xvda,no-discard,backing=/srv/base.img",
        "bridge=br0,ip=10.0.0.5,rate=1MB/s@20ms");
    return dc;
}

static unsigned nodes_of(uint16_t domid)
{
    char home[64], back[64], end[64];
    unsigned nr = 0;

    snprintf(home, sizeof(home), "/local/domain/%u/", domid);
    snprintf(back, sizeof(back), "/%u/", domid);
    snprintf(end, sizeof(end), "/%u", domid);
    for (unsigned i = 0; fake_store_path(i); i++) {
        const char *p = fake_store_path(i);

        if (!strncmp(p, home, strlen(home)) ||
            (strstr(p, "/backend/") &&
             (strstr(strstr(p, "/backend/"), back) || !strcmp(p + strlen(p) - strlen(end), end))) ||
            (!strncmp(p, "/libxl/", 7) && (unsigned)atoi(p + 7) == domid))
            nr++;
    }
    return nr;
}

static void test_nodes(void)
{
    struct domcfg dc = config("dev");
    uint16_t domid = 0;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && domid == 20);
    CHECK_STR(fake_store_value(FRONT "/backend"), BACK);
    CHECK_STR(fake_store_value(FRONT "/backend-id"), "0");
    CHECK_STR(fake_store_value(FRONT "/virtual-device"), "51712");
    CHECK_STR(fake_store_value(FRONT "/device-type"), "disk");
    CHECK_STR(fake_store_value(FRONT "/state"), "1");
    CHECK_STR(fake_store_perms(FRONT "/state"), "n20,r0");
    CHECK_STR(fake_store_value(BACK "/frontend"), FRONT);
    CHECK_STR(fake_store_value(BACK "/frontend-id"), "20");
    CHECK_STR(fake_store_perms(BACK "/params"), "n0,r20");
    CHECK_STR(fake_store_value(BACK "/params"), "/srv/a b.img");
    CHECK_STR(fake_store_value(BACK "/type"), "qcow2");
    CHECK_STR(fake_store_value(BACK "/format"), "qcow2");
    CHECK_STR(fake_store_value(BACK "/backing-0"), "/srv/base.img");
    CHECK_STR(fake_store_value(BACK "/mode"), "w");
    CHECK_STR(fake_store_value(BACK "/discard-enable"), "0");
    CHECK_STR(fake_store_value(BACK "/domain"), "dev");
    CHECK_STR(fake_store_value(BACK "/lodge-hotplug"), "1");
    CHECK_STR(fake_store_value(VBACK "/bridge"), "br0");
    CHECK_STR(fake_store_value(VBACK "/ip"), "10.0.0.5");
    CHECK_STR(fake_store_value(VBACK "/rate"), "20000,20000");
    CHECK_STR(fake_store_value(VBACK "/mode"), "auto");
    CHECK_STR(fake_store_value(VBACK "/filter"), "1");
    CHECK_STR(fake_store_value(VBACK "/mac"),
              fake_store_value("/local/domain/20/device/vif/0/mac"));
    CHECK_STR(fake_store_value("/libxl/20/device/vbd/51712/backend"), BACK);
    /* The record of what is true is not the guest's to change. */
    CHECK_STR(fake_store_perms("/libxl/20/device/vbd/51712/backend"), "n0");
    CHECK(!lodge_domain_destroy(&l, domid) && nodes_of(20) == 0);
    lodge_domcfg_free(&dc);
}

/* Whatever keeps a device from coming keeps the guest from coming, and nothing is left of it. */
static void fails_cleanly(const char *backend, const char *why)
{
    struct domcfg dc = config("dev");
    uint16_t domid = 0;

    setup_fresh();
    setup_backend(backend);
    lodge_domcfg_disk(&dc, 0)->base.type =
        !strcmp(backend, "no-hotplug") ? BACKEND_KERNEL : BACKEND_LODGE;
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) < 0);
    CHECK_STR(l.message, why);
    CHECK(!fake_by_domid(20) && nodes_of(20) == 0 && !lodge_saved_exists(&l, dc.uuid));
    lodge_domcfg_free(&dc);
}

static void test_driver_domain(void)
{
    struct domcfg dc = config("dev");
    uint16_t domid = 0;

    setup_fresh();
    lodge_domcfg_disk(&dc, 0)->base.backend = strdup("nobody");
    CHECK(lodge_domain_create(&l, &dc, 0, &domid) == -ESRCH && !fake_by_domid(20));
    CHECK_STR(l.message, "backend=nobody: there is no such domain; start the one that serves the "
                         "device first");
    free(lodge_domcfg_disk(&dc, 0)->base.backend);
    lodge_domcfg_disk(&dc, 0)->base.backend = strdup("db");
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    CHECK_STR(fake_store_value(FRONT "/backend"), "/local/domain/7/backend/lodge-vbd/20/51712");
    CHECK_STR(fake_store_value(FRONT "/backend-id"), "7");
    CHECK_STR(fake_store_perms(FRONT "/state"), "n20,r7");
    CHECK_STR(fake_store_perms("/local/domain/7/backend/lodge-vbd/20/51712/mode"), "n7,r20");
    CHECK(!lodge_domain_destroy(&l, domid) && nodes_of(20) == 0);
    lodge_domcfg_free(&dc);
}

static struct disk a_disk(const char *text)
{
    struct disk d;
    char err[640];

    CHECK(!lodge_disk_parse(&d, text, err, sizeof(err)));
    return d;
}

static void test_attach(void)
{
    struct disk d = a_disk("/srv/data,,xvdb,ro,backendtype=kernel");
    struct splitdev dev, *list = NULL;

    setup_fresh();
    CHECK(!lodge_splitdev_attach(&l, 3, DEVICE_DISK, &d.base));
    CHECK_STR(fake_store_value("/local/domain/0/backend/vbd/3/51728/mode"), "r");
    CHECK_STR(fake_store_value("/local/domain/0/backend/vbd/3/51728/domain"), "web");
    CHECK(lodge_splitdev_attach(&l, 3, DEVICE_DISK, &d.base) == -EEXIST);
    CHECK_STR(l.message, "domain 3 has a device 'disk xvdb' already");
    CHECK(lodge_splitdev_list(l.store, 3, DEVICE_ANY, &list) == 3 && list[0].devid == 51712 &&
          list[1].devid == 51728 && !strcmp(list[2].class, "vif"));
    free(list);
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51728, &dev) && !strcmp(dev.type, "vbd"));
    CHECK(!lodge_splitdev_detach(&l, &dev, false) &&
          !lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51728, &dev));
    CHECK(!fake_store_value("/local/domain/0/backend/vbd/3/51728"));
    CHECK(!fake_store_value("/local/domain/3/device/vbd/51728"));

    setup_backend("error:/srv/data cannot be opened: No such file or directory");
    CHECK(lodge_splitdev_attach(&l, 3, DEVICE_DISK, &d.base) == -EIO);
    CHECK_STR(l.message, "disk xvdb: /srv/data cannot be opened: No such file or directory");
    CHECK(!fake_store_value("/local/domain/0/backend/vbd/3/51728"));
    CHECK(!fake_store_value("/local/domain/3/device/vbd/51728"));
    CHECK(!lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51728, &dev));
    lodge_disk_free(&d);
}

static void test_detach(void)
{
    struct splitdev dev;

    setup_fresh();
    setup_backend("busy");
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));
    CHECK(lodge_splitdev_detach(&l, &dev, false) == -EBUSY);
    CHECK_STR(l.message,
              "disk xvda is not detached after 0 seconds: the guest still uses the disk: "
              "unmount it there, or take it away with -f (front-end closing, back-end "
              "closing)");
    CHECK_STR(fake_store_value("/local/domain/0/backend/lodge-vbd/3/51712/online"), "0");
    CHECK(fake_store_value("/local/domain/3/device/vbd/51712"));
    /* The guest lets go later, and the next call finds it closed. */
    setup_backend(NULL);
    CHECK(!lodge_splitdev_detach(&l, &dev, false));
    CHECK(!lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));

    setup_fresh();
    setup_backend("busy");
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev) &&
          !lodge_splitdev_detach(&l, &dev, true));
    CHECK(!fake_store_value("/local/domain/0/backend/lodge-vbd/3/51712"));
    setup_fresh();
    setup_backend("silent");
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_VIF, 0, &dev) &&
          lodge_splitdev_detach(&l, &dev, false) == -EBUSY);
    CHECK(strstr(l.message, "interface 0 is not detached") &&
          strstr(l.message, "the guest's driver "
                            "does not answer"));
    fake_by_domid(3)->info.flags = XEN_DOMINF_paused;
    CHECK(lodge_splitdev_detach(&l, &dev, false) == -EBUSY &&
          strstr(l.message, "the guest is paused"));
    setup_fresh();
    setup_backend("dead");
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev) &&
          !lodge_splitdev_detach(&l, &dev, true));
    CHECK(!lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));
    CHECK(!lodge_splitdev_detach(&l, &dev, false)); /* nothing is there: nothing to do */

    /* A front-end that never came up has nothing to close. */
    setup_fresh();
    fake_store_set("/local/domain/3/device/vbd/51712/state", "1", NULL);
    setup_backend("busy");
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev) &&
          !lodge_splitdev_detach(&l, &dev, false));
}

/* A guest that writes ever new states keeps its device from a gentle detach only. */
static void test_restless(void)
{
    struct splitdev dev;

    setup_fresh();
    setup_backend("silent");
    fake_restless = "/local/domain/3/device/vbd/51712/state";
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));
    CHECK(lodge_splitdev_detach(&l, &dev, false) == -EBUSY &&
          strstr(l.message, "take it away with -f"));
    CHECK(!lodge_splitdev_detach(&l, &dev, true));
    CHECK(!lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));
    CHECK(!fake_store_value("/local/domain/0/backend/lodge-vbd/3/51712"));
    CHECK(!fake_store_value("/local/domain/3/device/vbd/51712"));
    /* So does a driver domain, with what is its own. */
    setup_fresh();
    fake_restless = "/local/domain/0/backend/lodge-vbd/3/51712/state";
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev) &&
          !lodge_splitdev_detach(&l, &dev, true));
    CHECK(!fake_store_value("/local/domain/0/backend/lodge-vbd/3/51712"));
    fake_restless = NULL;
}

/* The nodes of a device of the kernel's stay until its plug is pulled: a script reads them. */
static void test_detach_plugged(void)
{
    static const char back[] = "/local/domain/0/backend/vif/3/1";
    struct splitdev dev;

    for (unsigned closed_before = 0; closed_before < 2; closed_before++) {
        setup_fresh();
        fake_device(3, "vif", "vif", 1);
        fake_store_set(store_fmt("%s/lodge-hotplug", back), "1", NULL);
        if (closed_before)
            fake_store_set(store_fmt("%s/state", back), "6", NULL);
        setup_backend("plugged");
        CHECK(lodge_splitdev_find(l.store, 3, DEVICE_VIF, 1, &dev));
        CHECK(lodge_splitdev_detach(&l, &dev, false) == -EBUSY);
        CHECK(strstr(l.message, "the back-end does not let go of it"));
        CHECK_STR(fake_store_value(store_fmt("%s/online", back)), "0");
        CHECK_STR(fake_store_value(store_fmt("%s/state", back)), "6");
        setup_backend(NULL);
        CHECK(!lodge_splitdev_detach(&l, &dev, false));
        CHECK(!fake_store_value(back));
    }
    /* One that xl's scripts look after is not waited for. */
    setup_fresh();
    fake_device(3, "vif", "vif", 1);
    setup_backend("plugged");
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_VIF, 1, &dev) &&
          !lodge_splitdev_detach(&l, &dev, false));
}

static void test_forged_nodes(void)
{
    struct disk d = a_disk("/srv/data,,xvdb");
    struct splitdev dev, *list = NULL;

    setup_fresh();
    /* What the guest writes into its own directory leads nowhere. */
    fake_store_set("/local/domain/3/device/vbd/51712/backend",
                   "/local/domain/0/backend/vbd/7/51712", NULL);
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev) &&
          !strcmp(dev.type, "lodge-vbd"));
    fake_store_set("/libxl/3/device/vbd/51712/backend", "/local/domain/0/backend/vbd/7/51712",
                   NULL);
    CHECK(!lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));
    CHECK(lodge_splitdev_list(l.store, 3, DEVICE_DISK, &list) == 0);
    free(list);
    list = NULL;
    CHECK(lodge_splitdev_list(l.store, 99, DEVICE_ANY, &list) == 0);
    free(list);

    /* A state that is none harms only the guest that wrote it. */
    setup_fresh();
    fake_store_set("/local/domain/3/device/vbd/51712/state", "99999999999999999999x", NULL);
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev) &&
          !lodge_splitdev_detach(&l, &dev, false));
    /* What a driver domain says reaches the terminal as text. */
    setup_backend("error:a\033[2Jb\n");
    CHECK(lodge_splitdev_attach(&l, 3, DEVICE_DISK, &d.base) == -EIO);
    CHECK_STR(l.message, "disk xvdb: a?[2Jb?");
    lodge_disk_free(&d);
}

static void test_resize(void)
{
    struct splitdev dev;

    setup_fresh();
    CHECK(lodge_splitdev_find(l.store, 3, DEVICE_DISK, 51712, &dev));
    CHECK(!lodge_splitdev_resize(&l, &dev, 1ull << 30, false));
    CHECK_STR(fake_store_value("/local/domain/0/backend/lodge-vbd/3/51712/sectors"), "2097152");
    CHECK(lodge_splitdev_resize(&l, &dev, 1 << 20, false) == -EIO);
    CHECK_STR(l.message, "disk xvda: the image would become smaller");
    CHECK(!lodge_splitdev_resize(&l, &dev, 1 << 20, true));
    setup_backend("dead");
    CHECK(lodge_splitdev_resize(&l, &dev, 1 << 30, false) == -ETIMEDOUT);
    CHECK(strstr(l.message, "disk xvda: the back-end did not answer within"));
}

static void drop_xvda(struct domcfg *dc, void *arg)
{
    (void)arg;
    CHECK(lodge_domcfg_drop(dc, DEVICE_DISK, 51712));
}

/* A restarted guest has the devices that it had last, with the addresses that it had. */
static void test_restart(void)
{
    struct domcfg dc = config("dev");
    struct xen_domctl_getdomaininfo info;
    char mac[32];
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    snprintf(mac, sizeof(mac), "%s", fake_store_value(VBACK "/mac"));
    CHECK(!lodge_saved_change(&l, dc.uuid, drop_xvda, NULL));
    fake_down(domid, SHUTDOWN_reboot);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info) &&
          action_for(&l, &info, now_seconds() + 100) == ACTION_DONE);
    CHECK(!lodge_domain_find(&l, "dev", &info) && !fake_store_value(BACK));
    CHECK_STR(fake_store_value(VBACK "/mac"), mac);
    CHECK(!lodge_domain_destroy(&l, info.domain));
    lodge_domcfg_free(&dc);
}

/* One that is kept under another name gives its devices to its successor. */
static void test_set_aside(void)
{
    struct domcfg dc = config("dev");
    struct xen_domctl_getdomaininfo info;
    uint16_t domid;

    setup_fresh();
    dc.on[ON_CRASH] = ON_RENAME_RESTART;
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid) && domid == 20);
    fake_down(domid, SHUTDOWN_crash);
    CHECK(!ctl_domain_info(&l.ctl, domid, &info) &&
          action_for(&l, &info, now_seconds() + 100) == ACTION_DONE);
    CHECK(fake_by_domid(20) && fake_by_domid(21) && !fake_store_value(BACK));
    CHECK(fake_store_value("/local/domain/0/backend/lodge-vbd/21/51712/params"));
    CHECK(!lodge_domain_destroy(&l, 20) && !lodge_domain_destroy(&l, 21));
    lodge_domcfg_free(&dc);
}

/* The end of a guest does not wait for ever. */
static void test_destroy(void)
{
    struct domcfg dc = config("dev");
    uint16_t domid;

    setup_fresh();
    CHECK(!lodge_domain_create(&l, &dc, 0, &domid));
    setup_backend("dead");
    CHECK(!lodge_domain_destroy(&l, domid) && nodes_of(20) == 0 && !fake_by_domid(20));
    setup_backend(NULL);
    CHECK(!lodge_domain_destroy(&l, 3) && nodes_of(3) == 0);
    lodge_domcfg_free(&dc);
}

int main(void)
{
    int64_t start = now_seconds();

    setenv("LODGE_FAKE_BACKEND", "well", 1);
    setup_begin();
    test_nodes();
    fails_cleanly("error:/srv/a b.img is in use by another guest",
                  "disk xvda: /srv/a b.img is in use by another guest");
    fails_cleanly("dead", "disk xvda: lodge-backends did not take it within 0 seconds; does it run "
                          "in domain 0? See /var/log/lodge/backends.log");
    CHECK(now_seconds() - start < 9); /* the end of what failed does not take its ten seconds */
    fails_cleanly("no-hotplug",
                  "disk xvda: lodge-backends did not take it within 0 seconds; does it run in "
                  "domain 0? See /var/log/lodge/backends.log");
    test_driver_domain();
    test_attach();
    test_detach();
    test_restless();
    test_detach_plugged();
    test_forged_nodes();
    test_resize();
    test_restart();
    test_set_aside();
    test_destroy();
    return setup_end();
}
