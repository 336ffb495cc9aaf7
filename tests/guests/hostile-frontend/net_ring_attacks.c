/* SPDX-License-Identifier: GPL-2.0-only */
/* Attacks on what holds an interface together: indices, the nodes that name rings and ports,
 * states. */
#include "hostile.h"

static struct nic nic;

static void again(void)
{
    nic_connect(&nic);
    nic_post(&nic);
    nic_works(&nic);
}

static void closed_and_again(void)
{
    device_expect_closed(&nic.dev);
    CHECK(!kit_grant_in_use(nic.tx_ref) && !kit_grant_in_use(nic.rx_ref));
    again();
}

/* --- indices ---------------------------------------------------------------------------------- */

static void index_attacks(void)
{
    static const struct {
        const char *what;
        bool rx;
        uint32_t step;
    } steps[] = {
        {"a transmit index one too far", false, 257},
        {"a transmit index far ahead", false, 0x80000000},
        {"a transmit index that goes back", false, ~0u},
        {"a receive index far ahead", true, 0x80000000},
        {"a receive index that goes back", true, -100u},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        struct ring_front *r = steps[i].rx ? &nic.rx : &nic.tx;

        attack(steps[i].what);
        if (steps[i].rx) /* it is looked at when something comes */
            nic_ask_dom0(&nic);
        RING_STORE(&r->shared->req_prod, r->req_prod + steps[i].step);
        kit_send(nic.dev.port);
        if (steps[i].rx) {
            struct netif_tx_request q = {.gref = nic.frame_ref, .size = 42};

            for (unsigned n = 0; n < 20 && device_state(&nic.dev) == XenbusStateConnected; n++) {
                nic_put(&nic, &q);
                nic_send(&nic);
                kit_sleep(SECOND / 20);
            }
        }
        closed_and_again();
    }
    attack("new rings with slots that they cannot hold");
    nic_prepare(&nic);
    RING_STORE(&nic.rx.shared->req_prod, 1000);
    device_enter(&nic.dev, XenbusStateConnected);
    closed_and_again();
}

static void same_ring(void)
{
    attack("one page as both rings");
    nic_prepare(&nic);
    device_put_number(&nic.dev, NET_NODE_RX_RING, nic.tx_ref);
    device_enter(&nic.dev, XenbusStateConnected);
    if (device_wait(&nic.dev, XenbusStateConnected)) {
        struct netif_tx_request q = {.gref = nic.frame_ref, .size = 42};

        for (unsigned i = 0; i < 100; i++)
            nic_put(&nic, &q);
        nic_send(&nic);
        kit_send(nic.dev.port);
        kit_sleep(SECOND / 2);
    }
    again();
}

/* --- nodes ------------------------------------------------------------------------------------ */

static char huge[1800];

static const struct {
    const char *what, *key, *value; /* NULL: not there */
} nodes[] = {
    /* One for each reason to close it: the log has only so many lines for one device. */
    {"no transmit ring", NET_NODE_TX_RING, NULL},
    {"no port", NET_NODE_PORT, NULL},
    {"a port that there is not", NET_NODE_PORT, "4294967295"},
    {"no queues", NET_NODE_QUEUES, "0"},
    {"pages to be exchanged, not copied", NET_NODE_RX_COPY, "0"},
    {"a ring beyond the table", NET_NODE_RX_RING, "4294967295"},
    /* Variations. */
    {"no receive ring", NET_NODE_RX_RING, NULL},
    {"a ring that is no number", NET_NODE_TX_RING, "8,9"},
    {"a ring of 1800 digits", NET_NODE_RX_RING, huge},
    {"a port that is no number", NET_NODE_PORT, "../../1"},
    {"more queues than anything", NET_NODE_QUEUES, "8"},
    {"queues that are not there", NET_NODE_QUEUES, "2"},
};

static void node_attacks(void)
{
    memset(huge, '9', sizeof(huge) - 1);
    for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++) {
        attack(nodes[i].what);
        nic_prepare(&nic);
        device_put(&nic.dev, nodes[i].key, nodes[i].value);
        device_enter(&nic.dev, XenbusStateConnected);
        device_expect_closed(&nic.dev);
    }
    for (unsigned kind = PAGE_READ_ONLY; kind < PAGE_KINDS; kind += 2) {
        attack("as its receive ring:");
        printk("  %s\n", page_names[kind]);
        nic_prepare(&nic);
        device_put_number(&nic.dev, NET_NODE_RX_RING, page_ref[kind]);
        device_enter(&nic.dev, XenbusStateInitialised);
        device_expect_closed(&nic.dev);
    }
    again();
}

/* --- states ----------------------------------------------------------------------------------- */

static void fill(void)
{
    struct netif_tx_request q = {.gref = nic.frame_ref, .size = 42};

    while (ring_front_free(&nic.tx) != 0)
        nic_put(&nic, &q);
    nic_send(&nic);
}

static void state_attacks(void)
{
    static const char *const states[] = {"5", "6", "1", "7", "0", "99", huge};

    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        attack("while it sends another state:");
        printk("  %s\n", states[i] == huge ? "1800 digits" : states[i]);
        fill();
        device_put(&nic.dev, "state", states[i]);
        kit_sleep(SECOND / 10);
        again();
    }
    attack("no state at all");
    fill();
    device_put(&nic.dev, "state", NULL);
    again();
    attack("states that come too fast");
    for (unsigned i = 0; i < 60; i++)
        device_enter(&nic.dev, (int)(i * 7 % 9));
    kit_sleep(SECOND); /* the back-end passes through InitWait while it catches up */
    again();
    attack("a port closed while it sends");
    fill();
    kit_port_close(nic.dev.port);
    nic.dev.port = 0;
    kit_sleep(SECOND / 10);
    again();
}

void net_ring_attacks(void)
{
    nic_open(&nic, "device/vif/1");
    again();
    index_attacks();
    same_ring();
    node_attacks();
    state_attacks();
    device_reset(&nic.dev); /* it never answers */
}
