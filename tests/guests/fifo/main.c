/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels in the FIFO form: the switch to it, growing the array, order by priority, and
 * what a guest can do to the words and queues that it shares with the hypervisor.
 */
#include <kit/kit.h>
#include <public/lodge_stats.h>

static volatile uint32_t *words[7]; /* 1024 ports each */
static volatile struct evtchn_fifo_control_block *control;
static uint32_t heads[EVTCHN_FIFO_MAX_QUEUES];
static unsigned order[64], taken;
static unsigned early; /* a port whose first event comes before the switch */

static volatile uint32_t *word(unsigned port)
{
    return &words[port / 1024][port % 1024];
}

/* Takes LINKED and the link out of a word together; returns the link. */
static uint32_t unlink_word(unsigned port)
{
    volatile uint32_t *w = word(port);
    uint32_t old = *w;

    while (!__atomic_compare_exchange_n(w, &old,
                                        old & ~(1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK),
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    return old & EVTCHN_FIFO_LINK_MASK;
}

static bool take(unsigned vcpu)
{
    uint32_t ready;

    kit_vcpu_info[vcpu]->evtchn_upcall_pending = 0;
    ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    while (ready != 0) {
        unsigned q = (unsigned)__builtin_ctz(ready);
        uint32_t port = heads[q] != 0 ? heads[q] : control->head[q], next;

        if (port == 0 || port >= 2048) {
            ready &= ~(1u << q);
            continue;
        }
        next = unlink_word(port);
        if (next == 0)
            ready &= ~(1u << q);
        heads[q] = next;
        if ((*word(port) >> EVTCHN_FIFO_PENDING & 1) && !(*word(port) >> EVTCHN_FIFO_MASKED & 1)) {
            __atomic_fetch_and(word(port), ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
            kit_event_count[port]++;
            if (taken < ARRAY_SIZE(order))
                order[taken++] = port;
        }
        ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    }
    return true;
}

static int init_control(uint64_t gfn, uint32_t offset, uint32_t vcpu)
{
    struct evtchn_init_control c = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
    int rc = kit_evtchn(EVTCHNOP_init_control, &c);

    if (rc == 0)
        CHECK_EQ(c.link_bits, EVTCHN_FIFO_LINK_BITS);
    return rc;
}

static int expand(uint64_t gfn)
{
    struct evtchn_expand_array e = {.array_gfn = gfn};

    return kit_evtchn(EVTCHNOP_expand_array, &e);
}

static int set_priority(unsigned port, unsigned priority)
{
    struct evtchn_set_priority p = {.port = port, .priority = priority};

    return kit_evtchn(EVTCHNOP_set_priority, &p);
}

static void switch_over(void)
{
    void *block = kit_page(), *array = kit_page();

    early = kit_bind_ipi(0);
    CHECK_EQ(expand(kit_mfn(array)), -XEN_EOPNOTSUPP); /* 2-level still */
    CHECK_EQ(set_priority(early, 3), -XEN_ENOSYS);
    CHECK_EQ(kit_send(early), 0);
    CHECK_EQ(init_control(kit_mfn(block), PAGE_SIZE - 64, 0), -XEN_EINVAL);
    CHECK_EQ(init_control(kit_mfn(block), 0xfffffff8, 0), -XEN_EINVAL);
    CHECK_EQ(init_control(kit_mfn(block), 4, 0), -XEN_EINVAL);
    CHECK_EQ(init_control(kit_mfn(block), 0, 999), -XEN_ENOENT);
    CHECK(init_control(~0ul, 0, 0) < 0);
    CHECK(init_control(kit_table_mfn(1, block), 0, 0) < 0);
    CHECK_EQ(init_control(kit_mfn(block), 128, 0), 0);
    CHECK_EQ(init_control(kit_mfn(block), 128, 0), -XEN_EINVAL); /* has one */
    control = (void *)((uint8_t *)block + 128);
    CHECK(expand(~0ul) < 0);
    CHECK(expand(kit_table_mfn(4, block)) < 0);
    CHECK_EQ(expand(kit_mfn(array)), 0);
    words[0] = array;
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(array), 0) < 0); /* in use, writable */
    CHECK(*word(early) >> EVTCHN_FIFO_PENDING & 1);
    kit_vcpu_info[0]->evtchn_pending_sel = 0; /* of the event before the switch */
    kit_event_hook = take;
}

static void sending(void)
{
    unsigned port = kit_bind_ipi(0);
    uint64_t sent, merged;

    kit_event_count[port] = 0;
    kit_events_on();
    kit_unmask(port);
    CHECK_EQ(kit_send(port), 0);
    CHECK_EQ(kit_event_count[port], 1);
    for (unsigned i = 0; i < 100; i++)
        kit_send(port);
    CHECK_EQ(kit_event_count[port], 101);
    __atomic_fetch_or(word(port), 1u << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
    kit_send(port);
    CHECK_EQ(kit_event_count[port], 101);
    CHECK(*word(port) >> EVTCHN_FIFO_PENDING & 1);
    kit_unmask(port);
    CHECK_EQ(kit_event_count[port], 102);
    kit_events_off();
    sent = kit_stat(LODGE_STAT_EVENT_SENT);
    merged = kit_stat(LODGE_STAT_EVENT_MERGED);
    for (unsigned i = 0; i < 5; i++)
        kit_send(port);
    if (sent != 0) { /* these are counted */
        CHECK_EQ(kit_stat(LODGE_STAT_EVENT_SENT) - sent, 5);
        CHECK_EQ(kit_stat(LODGE_STAT_EVENT_MERGED) - merged, 4);
    }
    CHECK_EQ(sent != 0, on_lodge && is_dom0);
    kit_events_on();
    CHECK_EQ(kit_event_count[port], 103);
    kit_events_off();
}

static void priorities(void)
{
    static const unsigned prio[] = {15, 7, 0, 3};
    unsigned port[4];

    for (unsigned i = 0; i < 4; i++) {
        port[i] = kit_bind_ipi(0);
        kit_unmask(port[i]);
        CHECK_EQ(set_priority(port[i], prio[i]), 0);
    }
    CHECK_EQ(set_priority(port[0], 16), -XEN_EINVAL);
    CHECK_EQ(set_priority(port[0], ~0u), -XEN_EINVAL);
    CHECK_EQ(set_priority(900000, 3), -XEN_EINVAL);
    taken = 0;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 4; i++)
            kit_send(port[i]);
    kit_events_on();
    kit_events_off();
    CHECK_EQ(taken, 4);
    CHECK(order[0] == port[2] && order[1] == port[3] && order[2] == port[1] && order[3] == port[0]);
    /* One queue: first in, first out. */
    for (unsigned i = 0; i < 4; i++)
        set_priority(port[i], 5);
    for (unsigned i = 0; i < 4; i++) /* the priority counts from the next event on */
        kit_send(port[i]);
    kit_events_on();
    kit_events_off();
    taken = 0;
    for (unsigned i = 0; i < 4; i++)
        kit_send(port[3 - i]);
    kit_events_on();
    kit_events_off();
    CHECK_EQ(taken, 4);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(order[i], port[3 - i]);
}

/* Ports beyond the first page of words, with and without one. */
static void many(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF};
    void *more = kit_page();

    do
        CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    while (a.port < 1023);
    int rc = kit_evtchn(EVTCHNOP_alloc_unbound, &a);

    if (rc != 0) { /* no words for it: no port, or one that stays silent */
        CHECK_EQ(rc, -XEN_ENOSPC);
    }
    CHECK_EQ(expand(kit_mfn(more)), 0);
    words[1] = more;
    if (rc != 0)
        rc = kit_evtchn(EVTCHNOP_alloc_unbound, &a);
    CHECK_EQ(rc, 0);
    CHECK(a.port >= 1024);
    b.remote_port = a.port;
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_interdomain, &b), 0);
    kit_events_on();
    kit_unmask(a.port);
    kit_unmask(b.local_port);
    unsigned before = kit_event_count[a.port];

    CHECK_EQ(kit_send(b.local_port), 0);
    CHECK_EQ(kit_event_count[a.port], before + 1);
    kit_events_off();
}

/* All free ports have their words in queues: a search for another does not go on for ever. */
static void all_linked(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_close c;
    unsigned first;

    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    c.port = first = a.port;
    CHECK_EQ(kit_evtchn(EVTCHNOP_close, &c), 0);
    for (unsigned i = 2; i < ARRAY_SIZE(words); i++) {
        words[i] = kit_page();
        CHECK_EQ(expand(kit_mfn((void *)words[i])), 0);
    }
    for (unsigned port = first; port < 1024 * ARRAY_SIZE(words); port++)
        *word(port) = 1u << EVTCHN_FIFO_LINKED;
    CHECK_EITHER(kit_evtchn(EVTCHNOP_alloc_unbound, &a), -XEN_ENOSPC, on_lodge ? -XEN_ENOSPC : 0);
    *word(first + 500) = 0;
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_EQ(a.port, first + 500);
    for (unsigned port = first; port < 1024 * ARRAY_SIZE(words); port++)
        *word(port) = 0;
    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_EQ(a.port, first);
}

/* Words, queues and heads full of lies. Events may be lost; nobody else may suffer. */
static void lies(void)
{
    static const uint32_t values[] = {~0u,
                                      0,
                                      1u << EVTCHN_FIFO_LINKED,
                                      1u << EVTCHN_FIFO_BUSY,
                                      1u << EVTCHN_FIFO_LINKED | 1u << EVTCHN_FIFO_BUSY,
                                      1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK,
                                      1u << EVTCHN_FIFO_LINKED | 2,
                                      EVTCHN_FIFO_LINK_MASK,
                                      0x0fffffff};
    unsigned port[3] = {kit_bind_ipi(0), kit_bind_ipi(0), kit_bind_ipi(0)};
    struct evtchn_close c;

    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        for (unsigned n = 0; n < 3; n++) {
            *word(port[n]) = values[i];
            kit_send(port[(n + 1) % 3]);
            *word(port[n]) = values[(i + 1) % ARRAY_SIZE(values)];
            kit_send(port[n]);
            set_priority(port[n], i);
            kit_unmask(port[n]);
            *word(port[n]) = port[n] | 1u << EVTCHN_FIFO_LINKED; /* to itself */
            kit_send(port[n]);
        }
        for (unsigned q = 0; q < EVTCHN_FIFO_MAX_QUEUES; q++)
            control->head[q] = values[i];
        control->ready = values[i];
        kit_send(port[0]);
        kit_unmask(port[0]);
    }
    for (unsigned n = 0; n < 3; n++) {
        c.port = port[n];
        CHECK_EQ(kit_evtchn(EVTCHNOP_close, &c), 0);
    }
    kit_vcpu_info[0]->evtchn_upcall_pending = 0;
}

static void back(void)
{
    struct evtchn_reset r = {.dom = DOMID_SELF};
    unsigned port;

    kit_event_hook = NULL;
    CHECK_EQ(kit_evtchn(EVTCHNOP_reset, &r), 0);
    port = kit_bind_ipi(0); /* 2-level again */
    CHECK_EQ(port, early);
    kit_event_count[port] = 0;
    kit_unmask(port);
    kit_events_on();
    CHECK_EQ(kit_send(port), 0);
    CHECK_EQ(kit_event_count[port], 1);
    kit_events_off();
    uint64_t mfn = kit_mfn((void *)words[0]);

    kit_protect((void *)words[0], false); /* its frame is ours again, for any use */
    kit_protect((void *)words[0], true);
    memset((void *)words[0], 0, PAGE_SIZE);
    kit_protect((void *)words[0], false);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
    kit_protect((void *)words[0], true);
}

static void child(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        heads[i] = 0;
    switch_over();
    sending();
    priorities();
    lies();
    kit_shutdown(SHUTDOWN_crash); /* destroyed in that state */
}

void test_main(void)
{
    switch_over();
    sending();
    priorities();
    many();
    all_linked();
    lies();
    back();
    kit_child_case("child", child, 0, SHUTDOWN_crash);
}
