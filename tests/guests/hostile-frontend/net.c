/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An interface's front-end as it should be. Its proof of service is ARP: dom0, 10.9.0.1 on the
 * bridge, tells its hardware address.
 */
#include "hostile.h"

#define PATIENCE (30 * SECOND) /* for an answer */
#define ARP_SIZE 42

static uint8_t hex(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

void nic_open(struct nic *n, const char *front)
{
    char path[64], mac[20] = "";

    device_open(&n->dev, front);
    kit_snprintf(path, sizeof(path), "%s/mac", front);
    CHECK_EQ(kit_store_read(path, mac, sizeof(mac)), 17);
    for (unsigned i = 0; i < 6; i++)
        n->mac[i] = (uint8_t)(hex(mac[3 * i]) << 4 | hex(mac[3 * i + 1]));
    n->tx_page = kit_page();
    n->rx_page = kit_page();
    n->frame = kit_page();
    n->tx_ref = kit_grant(n->tx_page, 0);
    n->rx_ref = kit_grant(n->rx_page, 0);
    n->frame_ref = kit_grant(n->frame, GTF_readonly);
    for (unsigned i = 0; i < NIC_BUFFERS; i++) {
        n->buffer[i] = kit_page();
        n->buffer_ref[i] = kit_grant(n->buffer[i], 0);
    }
}

void nic_prepare(struct nic *n)
{
    static const char *const drop[] = {NET_NODE_QUEUES, NET_NODE_TX_PORT, NET_NODE_RX_PORT,
                                       "queue-0"};

    device_reset(&n->dev);
    CHECK(!kit_grant_in_use(n->tx_ref) && !kit_grant_in_use(n->rx_ref));
    for (unsigned i = 0; i < ARRAY_SIZE(drop); i++)
        device_put(&n->dev, drop[i], NULL);
    CHECK(ring_front_init(&n->tx, n->tx_page, NET_TX_SLOT_SIZE, 0));
    CHECK(ring_front_init(&n->rx, n->rx_page, NET_RX_SLOT_SIZE, 0));
    device_put_number(&n->dev, NET_NODE_TX_RING, n->tx_ref);
    device_put_number(&n->dev, NET_NODE_RX_RING, n->rx_ref);
    device_put_number(&n->dev, NET_NODE_PORT, n->dev.port);
    device_put(&n->dev, NET_NODE_RX_COPY, "1");
    device_put(&n->dev, NET_FEATURE_RX_NOTIFY, "1");
    device_put(&n->dev, NET_FEATURE_SG, "1");
}

void nic_connect(struct nic *n)
{
    nic_prepare(n);
    device_enter(&n->dev, XenbusStateConnected);
    CHECK(device_wait(&n->dev, XenbusStateConnected));
}

/* --- rings ------------------------------------------------------------------------------------ */

static void post(struct nic *n, uint16_t id, unsigned ref)
{
    struct netif_rx_request q = {.id = id, .gref = ref};

    ring_front_put(&n->rx, &q, sizeof(q));
    if (ring_front_push(&n->rx))
        kit_send(n->dev.port);
}

void nic_post(struct nic *n)
{
    for (unsigned i = 0; i < NIC_BUFFERS; i++)
        post(n, (uint16_t)i, n->buffer_ref[i]);
}

void nic_post_one(struct nic *n, unsigned ref)
{
    post(n, NIC_BUFFERS, ref);
}

void nic_put(struct nic *n, const void *slot)
{
    CHECK(ring_front_put(&n->tx, slot, NET_TX_SLOT_SIZE));
}

void nic_send(struct nic *n)
{
    if (ring_front_push(&n->tx))
        kit_send(n->dev.port);
}

int nic_answers(struct nic *n, unsigned nr)
{
    uint64_t end = kit_now() + PATIENCE;
    struct netif_tx_response rsp;
    int first = NO_ANSWER;

    for (unsigned i = 0; i < nr;) {
        if (ring_front_take(&n->tx, &rsp, sizeof(rsp))) {
            first = i++ == 0 ? rsp.status : first;
            continue;
        }
        if (n->tx.broken || kit_now() > end)
            return NO_ANSWER;
        if (!ring_front_final_check(&n->tx))
            kit_sleep_port(n->dev.port, SECOND / 10);
    }
    return first;
}

int nic_receive(struct nic *n, bool *reply)
{
    uint64_t end = kit_now() + SECOND; /* for what may not come */
    struct netif_rx_response rsp;

    *reply = false;
    while (!ring_front_take(&n->rx, &rsp, sizeof(rsp))) {
        if (n->rx.broken || kit_now() > end)
            return NO_ANSWER;
        if (!ring_front_final_check(&n->rx))
            kit_sleep_port(n->dev.port, SECOND / 10);
    }
    if (rsp.id < NIC_BUFFERS && rsp.status > 0) {
        const uint8_t *f = n->buffer[rsp.id] + rsp.offset;

        *reply = rsp.status >= ARP_SIZE && f[12] == 8 && f[13] == 6 && f[21] == 2 &&
                 memcmp(f, n->mac, 6) == 0;
        post(n, rsp.id, n->buffer_ref[rsp.id]);
    }
    return rsp.status;
}

/* --- ARP -------------------------------------------------------------------------------------- */

void nic_ask_dom0(struct nic *n)
{
    static const uint8_t what[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1}, who[] = {10, 9, 0, 1};
    struct netif_tx_request q = {.gref = n->frame_ref, .size = ARP_SIZE};
    uint8_t *f = n->frame, ours[] = {10, 9, 0, n->mac[5]};

    memset(f, 0, ARP_SIZE);
    memset(f, 0xff, 6);
    memcpy(f + 6, n->mac, 6);
    memcpy(f + 12, what, sizeof(what));
    memcpy(f + 22, n->mac, 6);
    memcpy(f + 28, ours, sizeof(ours));
    memcpy(f + 38, who, sizeof(who));
    nic_put(n, &q);
    nic_send(n);
    CHECK_EQ(nic_answers(n, 1), NETIF_RSP_OKAY);
}

void nic_works(struct nic *n)
{
    bool reply = false;

    for (unsigned tries = 0; tries < 10 && !reply; tries++) {
        nic_ask_dom0(n);
        /* Others on the bridge send, too. */
        for (unsigned i = 0; i < 200 && !reply && nic_receive(n, &reply) != NO_ANSWER; i++)
            ;
    }
    CHECK(reply);
}
