/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attacks on what holds a disk together: its ring's indices, the nodes that name rings and ports,
 * and the states. What cannot be served is closed, with a reason; then the front-end starts over,
 * and has its disk again.
 */
#include "hostile.h"

static struct disk disk;

/* It works again, from scratch. */
static void again(void)
{
    disk_connect(&disk);
    disk_works(&disk);
}

static void closed_and_again(void)
{
    device_expect_closed(&disk.dev);
    CHECK(!kit_grant_in_use(disk.ref));
    again();
}

/* --- indices ---------------------------------------------------------------------------------- */

static void index_attacks(void)
{
    static const struct {
        const char *what;
        uint32_t step;
    } steps[] = {
        {"a request index one too far", 33},
        {"a request index far ahead", 0x80000000},
        {"a request index that goes back", ~0u},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        attack(steps[i].what);
        RING_STORE(&disk.ring.shared->req_prod, disk.ring.req_prod + steps[i].step);
        kit_send(disk.dev.port);
        closed_and_again();
    }
    attack("all indices of the back-end's overwritten");
    RING_STORE(&disk.ring.shared->rsp_prod, 0xdeadbeef);
    RING_STORE(&disk.ring.shared->req_event, 0xdeadbeef);
    kit_send(disk.dev.port);
    struct blkif_request r = disk_request(BLKIF_OP_READ, 0, PAGE_GOOD);

    RING_STORE(&disk.ring.shared->rsp_prod, disk.ring.rsp_prod);
    CHECK_EQ(disk_ask(&disk, &r), BLKIF_RSP_OKAY);
    attack("a new ring with requests that it cannot hold");
    disk_prepare(&disk);
    RING_STORE(&disk.ring.shared->req_prod, 1000);
    device_enter(&disk.dev, XenbusStateInitialised);
    closed_and_again();
}

static void ring_as_data(void)
{
    struct blkif_request r = disk_request(BLKIF_OP_WRITE, 0, PAGE_GOOD);

    attack("a read into the ring itself");
    memset(page_bytes, 0xa5, PAGE_SIZE);
    CHECK_EQ(disk_ask(&disk, &r), BLKIF_RSP_OKAY);
    r.operation = BLKIF_OP_READ;
    r.seg[0].gref = disk.ref;
    r.id = ++disk.id;
    ring_front_put(&disk.ring, &r, sizeof(r));
    ring_front_push(&disk.ring);
    for (unsigned i = 0; i < 20 && device_state(&disk.dev) == XenbusStateConnected; i++) {
        kit_send(disk.dev.port);
        kit_sleep(SECOND / 20);
    }
    closed_and_again();
}

/* --- nodes ------------------------------------------------------------------------------------ */

static char huge[1800];

static const struct {
    const char *what, *key, *value; /* NULL: not there */
} nodes[] = {
    /* One for each reason to close it: the log has only so many lines for one device. */
    {"no ring", BLK_NODE_RING_REF, NULL},
    {"no port", BLK_NODE_PORT, NULL},
    {"a port that there is not", BLK_NODE_PORT, "4000000000"},
    {"a ring beyond the table", BLK_NODE_RING_REF, "4294967295"},
    {"rings too large", BLK_NODE_RING_ORDER, "5"},
    /* Variations. */
    {"a ring that is no number", BLK_NODE_RING_REF, "-1"},
    {"a ring of 1800 digits", BLK_NODE_RING_REF, huge},
    {"a port that is no number", BLK_NODE_PORT, "0x7;reboot"},
    {"port 0", BLK_NODE_PORT, "0"},
    {"rings larger than anything", BLK_NODE_RING_ORDER, "4294967295"},
    {"no queues", BLK_NODE_QUEUES, "0"},
    {"too many queues", BLK_NODE_QUEUES, "5"},
    {"more queues than anything", BLK_NODE_QUEUES, "4294967295"},
    {"queues that are not there", BLK_NODE_QUEUES, "4"},
    {"a larger ring of which nothing is there", BLK_NODE_RING_ORDER, "4"},
    {"another protocol", BLK_NODE_PROTOCOL, "x86_32-abi"},
    {"a protocol of 1800 letters", BLK_NODE_PROTOCOL, huge},
};

static void node_attacks(void)
{
    memset(huge, '9', sizeof(huge) - 1);
    for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
        attack(nodes[i].what);
        disk_prepare(&disk);
        device_put(&disk.dev, nodes[i].key, nodes[i].value);
        device_enter(&disk.dev, XenbusStateInitialised);
        device_expect_closed(&disk.dev);
    }
    again();
}

static void bad_rings(void)
{
    for (unsigned kind = PAGE_READ_ONLY; kind < PAGE_KINDS; kind++) {
        attack("as its ring:");
        printk("  %s\n", page_names[kind]);
        disk_prepare(&disk);
        device_put_number(&disk.dev, BLK_NODE_RING_REF, page_ref[kind]);
        device_enter(&disk.dev, XenbusStateConnected);
        device_expect_closed(&disk.dev);
    }
    attack("xenstore's own port");
    disk_prepare(&disk);
    device_put_number(&disk.dev, BLK_NODE_PORT, start_info->store_evtchn);
    device_enter(&disk.dev, XenbusStateInitialised);
    closed_and_again();
}

/* --- several pages, several queues ------------------------------------------------------------ */

static void one_for_all(void)
{
    static const char *const keys[] = {BLK_NODE_RING_REF "%u", "queue-%u/" BLK_NODE_RING_REF,
                                       "queue-%u/" BLK_NODE_PORT};
    char key[40];

    for (unsigned k = 0; k < ARRAY_SIZE(keys); k++)
        for (unsigned i = 0; i < 16; i++) {
            kit_snprintf(key, sizeof(key), keys[k], i);
            device_put_number(&disk.dev, key, k == 2 ? disk.dev.port : disk.ref);
        }
}

static void aliases(void)
{
    attack("one page as all sixteen of a ring");
    disk_prepare(&disk);
    one_for_all();
    device_put(&disk.dev, BLK_NODE_RING_ORDER, "4");
    device_enter(&disk.dev, XenbusStateInitialised);
    CHECK(device_wait(&disk.dev, XenbusStateConnected));
    RING_STORE(&disk.ring.shared->req_prod, 512); /* all slots: the same few, over and over */
    kit_send(disk.dev.port);
    kit_sleep(SECOND / 2);
    again();
    attack("one page and one port as four queues");
    disk_prepare(&disk);
    one_for_all();
    device_put(&disk.dev, BLK_NODE_QUEUES, "4");
    device_enter(&disk.dev, XenbusStateInitialised);
    closed_and_again();
}

/* --- states ----------------------------------------------------------------------------------- */

static void state_attacks(void)
{
    static const char *const states[] = {"5", "6", "1",  "2",  "3",  "7",
                                         "8", "0", "99", "-4", "4x", huge};

    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        attack("in the middle of its I/O another state:");
        printk("  %s\n", states[i] == huge ? "1800 digits" : states[i]);
        disk_fill(&disk);
        device_put(&disk.dev, "state", states[i]);
        kit_sleep(SECOND / 10);
        again();
    }
    attack("no state at all");
    disk_fill(&disk);
    device_put(&disk.dev, "state", NULL);
    again();
    attack("states that come too fast");
    for (unsigned i = 0; i < 60; i++)
        device_enter(&disk.dev, (int)(i * 7 % 9));
    kit_sleep(SECOND); /* the back-end passes through InitWait while it catches up */
    again();
    attack("other rings, named while the old ones are served");
    disk_fill(&disk);
    device_put_number(&disk.dev, BLK_NODE_RING_REF, page_ref[PAGE_NEVER]);
    device_put(&disk.dev, BLK_NODE_QUEUES, "77");
    device_enter(&disk.dev, XenbusStateInitialised);
    unsigned errors = 0;

    CHECK_EQ(disk_take(&disk, 32, &errors), 32);
    CHECK_EQ(errors, 0);
    attack("a port closed in the middle of I/O");
    disk_fill(&disk);
    kit_port_close(disk.dev.port);
    disk.dev.port = 0;
    kit_sleep(SECOND / 10);
    again();
}

void ring_attacks(void)
{
    disk_open(&disk, "device/vbd/51744");
    again();
    index_attacks();
    ring_as_data();
    node_attacks();
    bad_rings();
    aliases();
    state_attacks();
}

void disk_mess(void)
{
    static struct disk first;

    /* One that never answers, one with a full ring for ever. */
    device_reset(&disk.dev);
    disk_open(&first, "device/vbd/51712");
    disk_connect(&first);
    for (unsigned errors = 0;;) {
        disk_fill(&first);
        while (ring_front_pending(&first.ring) != 0)
            disk_take(&first, 1, &errors);
        kit_send(first.dev.port);
    }
}
