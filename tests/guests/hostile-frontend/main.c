/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that is hostile to dom0's back-ends. As a front-end of a real dom0 it plays every trick
 * on its disks and interfaces that their protocols leave room for, sees that each ends in an error
 * or in a device that is closed with a reason, and that it is served afterwards. tests/boot/cases/
 * hostile-frontend.sh creates it, and looks at the other side of it.
 *
 * Its command line says which part it plays: "disks", "networks", "flood", which makes events for
 * everybody who watches its nodes as fast as it can, or "neighbour", the guest whose service nobody
 * else's tricks may disturb.
 */
#include "hostile.h"

static bool plays(const char *part)
{
    size_t n = 0;

    while (part[n] != 0)
        n++;
    for (const char *at = (const char *)start_info->cmd_line; *at != 0; at++)
        if (memcmp(at, part, n) == 0)
            return true;
    return false;
}

/* Writes, reads and asks; says that all is well, until it is destroyed or it is not. */
static void neighbour(void)
{
    static struct disk disk;
    static struct nic nic;

    disk_open(&disk, "device/vbd/51712");
    disk_connect(&disk);
    nic_open(&nic, "device/vif/0");
    nic_connect(&nic);
    nic_post(&nic);
    for (unsigned round = 1; kit_failures == 0; round++) {
        disk_works(&disk);
        nic_works(&nic);
        printk("well %u\n", round);
        kit_sleep(SECOND / 5);
    }
}

/* Ever new nodes below the one that the back-end watches; and that one itself, too. */
static void flood(void)
{
    struct device d;
    char path[48];

    device_open(&d, "device/vbd/51712");
    for (unsigned n = 0;; n += 4) {
        /* As many at a time as the store serves before it looks at others. */
        for (unsigned i = 0; i < 8; i++) {
            kit_snprintf(path, sizeof(path), "device/vbd/51712/state/%u", n + i / 2);
            kit_store_post(path, i % 2 == 0 ? "1" : NULL);
        }
        kit_store_collect(8);
        if (n % 1000 == 0) {
            device_enter(&d, XenbusStateInitialising);
            printk("flood %u\n", n);
        }
    }
}

/* The nodes of its back-ends, and everything of others, are not the guest's to change. */
static void store_attacks(void)
{
    static const char *const keys[] = {"state",         "online",      "params", "mode",
                                       "frontend",      "frontend-id", "bridge", "mac",
                                       "hotplug-error", "new"};
    static const char *const fronts[] = {"device/vbd/51712", "device/vif/0"};
    char text[16], path[256], value[64];
    struct device d;

    attack("nodes of its own back-ends");
    for (unsigned f = 0; f < ARRAY_SIZE(fronts); f++) {
        device_open(&d, fronts[f]);
        for (unsigned k = 0; k < ARRAY_SIZE(keys); k++) {
            kit_snprintf(path, sizeof(path), "%s/%s", d.back, keys[k]);
            CHECK_EQ(kit_store_write(path, "/etc/passwd"), -XEN_EACCES);
        }
        CHECK_EQ(kit_store_remove(d.back), -XEN_EACCES);
    }
    attack("nodes of its neighbour");
    CHECK(kit_store_read("domid", text, sizeof(text)) > 0);
    CHECK(text[1] == 0 && text[0] > '1');
    for (unsigned k = 0; k < 2; k++) {
        const char *kind = k == 0 ? "vbd" : "vif", *number = k == 0 ? "51712" : "0";

        kit_snprintf(path, sizeof(path), "/local/domain/%c/device/%s/%s/state", text[0] - 1, kind,
                     number);
        CHECK_EQ(kit_store_read(path, value, sizeof(value)), -XEN_EACCES);
        CHECK_EQ(kit_store_write(path, "6"), -XEN_EACCES);
        kit_snprintf(path, sizeof(path), "/local/domain/0/backend/lodge-%s/%c/%s/state", kind,
                     text[0] - 1, number);
        CHECK_EQ(kit_store_read(path, value, sizeof(value)), -XEN_EACCES);
        CHECK_EQ(kit_store_write(path, "5"), -XEN_EACCES);
    }
}

void test_main(void)
{
    page_start();
    if (plays("neighbour")) {
        neighbour();
        return;
    }
    if (plays("flood"))
        flood();
    store_attacks();
    if (plays("disks")) {
        disk_attacks();
        ring_attacks();
    }
    if (plays("networks")) {
        net_attacks();
        net_ring_attacks();
    }
    kit_verdict();
    /* dom0 destroys it now, in whatever it is at. */
    if (plays("disks"))
        disk_mess();
    if (plays("networks"))
        net_mess();
}
