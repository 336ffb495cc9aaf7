// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake.c: see fake.h.
 */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;
struct runtime runtime;

/* --- what the queue calls ------------------------------------------------------------------ */

static void guest_runs(void)
{
    if (fake.guest)
        fake.guest();
}

static int16_t copy_one(const struct grant_copy *c)
{
    bool in = c->flags == GNTCOPY_source_gref;
    uint32_t ref = in ? c->source.guest.ref : c->dest.guest.ref;
    unsigned offset = in ? c->source.guest.offset : c->dest.guest.offset;

    /* The kernel refuses the whole call for this one; the queue must never ask for it. */
    if (offset + c->length > 4096)
        abort();
    /* What a broken ring has is not to be believed, least of all as a place to write to. */
    if (!in && fake.q->rx.broken)
        abort();
    if (!ref || ref >= FAKE_PAGES || fake.revoked[ref])
        return GNTST_bad_gntref;
    if (in)
        memcpy(c->dest.local, fake.page[ref] + offset, c->length);
    else
        memcpy(fake.page[ref] + offset, c->source.local, c->length);
    return GNTST_okay;
}

void grant_copy(struct grant_copy *pieces, unsigned nr)
{
    if (!nr)
        return;
    fake.copies++;
    guest_runs();
    for (unsigned i = 0; i < nr; i++)
        pieces[i].status = fake.copy_fails ? GNTST_general_error : copy_one(&pieces[i]);
    guest_runs();
}

int64_t runtime_now_us(void)
{
    guest_runs();
    return fake.now;
}

void runtime_notify(uint32_t port)
{
    (void)port;
    fake.notified++;
    guest_runs();
}

ssize_t tap_write(int tap, const struct iovec *iov, int nr)
{
    struct fake_frame *f = &fake.sent[fake.nr_sent % FAKE_FRAMES];

    (void)tap;
    guest_runs();
    if (fake.tap_full) {
        errno = ENOBUFS;
        return -1;
    }
    memcpy(&f->vh, iov[0].iov_base, sizeof(f->vh));
    f->len = 0;
    for (int i = 1; i < nr; i++) {
        memcpy(f->bytes + f->len, iov[i].iov_base, iov[i].iov_len);
        f->len += iov[i].iov_len;
    }
    fake.nr_sent++;
    return (ssize_t)(f->len + sizeof(f->vh));
}

ssize_t tap_read(int tap, const struct iovec *iov, int nr)
{
    struct fake_frame *f = &fake.arriving[fake.taken % FAKE_FRAMES];
    size_t n;

    (void)tap;
    guest_runs();
    if (nr != 2 || iov[0].iov_len != sizeof(f->vh))
        abort();
    if (fake.taken == fake.nr_arriving) {
        errno = EAGAIN;
        return -1;
    }
    fake.taken++;
    n = f->len < iov[1].iov_len ? f->len : iov[1].iov_len;
    memcpy(iov[0].iov_base, &f->vh, sizeof(f->vh));
    memcpy(iov[1].iov_base, f->bytes, n);
    guest_runs();
    return (ssize_t)(sizeof(f->vh) + n);
}

/* --- the guest ----------------------------------------------------------------------------- */

static bool attach(bool resume)
{
    struct netback_rate none = {0};
    struct queue *q = fake.q ? fake.q : malloc(sizeof(*q));
    uint8_t *tx = fake.q ? q->tx_pages : aligned_alloc(4096, (size_t)QUEUE_SLOTS * QUEUE_PAGE);
    uint8_t *rx = fake.q ? q->rx_pages : aligned_alloc(4096, (size_t)QUEUE_RX_PAGES * QUEUE_PAGE);
    uint8_t *held =
        fake.q ? q->rx_hold_bytes : aligned_alloc(4096, (size_t)QUEUE_FRAME_PAGES * QUEUE_PAGE);

    fake.q = q;
    memset(q, 0, sizeof(*q));
    q->tx_pages = tx;
    q->rx_pages = rx;
    q->rx_hold_bytes = held;
    q->tx_port = 1;
    q->rx_port = 2;
    q->features = NETBACK_SG | NETBACK_GSO_V4 | NETBACK_GSO_V6 | NETBACK_CSUM_V4 | NETBACK_CSUM_V6 |
                  NETBACK_RX_NOTIFY;
    q->journal = &fake.journal;
    q->rate = &fake.rate;
    rate_set(q->rate, &none, 0);
    return queue_attach(q, fake.tx_ring, fake.rx_ring, resume);
}

void fake_reset(void)
{
    memset(fake.revoked, 0, sizeof(fake.revoked));
    fake.nr_sent = fake.nr_arriving = fake.taken = fake.copies = fake.notified = 0;
    fake.tap_full = fake.copy_fails = fake.singly = false;
    fake.guest = NULL;
    fake.journal = (struct queue_journal){0};
    ring_front_init(&fake.tx, fake.tx_ring, NET_TX_SLOT_SIZE, 0);
    ring_front_init(&fake.rx, fake.rx_ring, NET_RX_SLOT_SIZE, 0);
    if (!attach(false) || !fake.q->tx_event)
        abort();
    fake.q->tx_event = false; /* said at the beginning, in any case: the tests count from here */
}

bool fake_restart(void)
{
    return attach(true);
}

void fake_end(void)
{
    free(fake.q->tx_pages);
    free(fake.q->rx_pages);
    free(fake.q->rx_hold_bytes);
    free(fake.q);
    fake.q = NULL;
}

void fake_tx_slot(uint32_t gref, uint16_t offset, uint16_t flags, uint16_t id, uint16_t size)
{
    struct netif_tx_request t = {gref, offset, flags, id, size};

    if (!ring_front_put(&fake.tx, &t, sizeof(t)))
        abort();
}

unsigned fake_send(const struct fake_send *how, const uint8_t *bytes, size_t len)
{
    size_t at = how->head ? how->head : len < 4096 ? len : 4096;
    uint16_t extra = how->gso ? NETTXF_extra_info : 0, id = how->id;
    struct netif_extra_info x = {.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                 .u.gso = {.size = how->gso_size, .type = how->gso}};
    uint32_t ref = how->ref;
    unsigned slots = 1;

    memcpy(fake.page[ref] + 4096 - at, bytes, at);
    fake_tx_slot(ref++, (uint16_t)(4096 - at),
                 (uint16_t)(how->flags | extra | (at < len ? NETTXF_more_data : 0)), id++,
                 (uint16_t)len);
    if (extra) {
        ring_front_put(&fake.tx, &x, sizeof(x));
        slots++;
    }
    while (at < len) {
        size_t n = len - at < 4096 ? len - at : 4096;

        memcpy(fake.page[ref], bytes + at, n);
        at += n;
        fake_tx_slot(ref++, 0, at < len ? NETTXF_more_data : 0, id++, (uint16_t)n);
        slots++;
    }
    return slots;
}

void fake_post(uint32_t ref, uint16_t id, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        struct netif_rx_request r = {.id = (uint16_t)(id + i), .gref = ref + i};

        if (!ring_front_put(&fake.rx, &r, sizeof(r)))
            abort();
    }
    ring_front_push(&fake.rx);
}

struct fake_frame *fake_arrive(const uint8_t *bytes, size_t len)
{
    struct fake_frame *f = &fake.arriving[fake.nr_arriving++ % FAKE_FRAMES];

    memset(&f->vh, 0, sizeof(f->vh));
    f->len = len;
    memcpy(f->bytes, bytes, len);
    return f;
}
