/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An event that is sent while its vcpu unmasks events arrives. Stock kernels store the mask, then
 * look at the pending word with no barrier in between, and a processor may do the second before
 * others see the first: then the sender still finds the events masked, and the vcpu nothing
 * pending. The vcpu here runs on without ever entering the hypervisor by itself, and has no timer:
 * an upcall that was left out never comes.
 */
#include <kit/kit.h>

/* Without the upcall one was lost within some 40,000 rounds; a busy machine makes fewer of them. */
#define ROUNDS  400000u
#define SECONDS 15

static volatile bool stop, ended;
static volatile unsigned masked_for, round_nr; /* numbers of rounds */
static unsigned port;

static void linger(unsigned n)
{
    for (volatile unsigned i = 0; i < n; i++)
        ;
}

/* A short section with events masked, at a time of its own in each round; then it only waits. */
static void unmask(void *unused)
{
    struct vcpu_info *vi = kit_vcpu_info[1];
    volatile uint8_t *mask = &vi->evtchn_upcall_mask, *pending = &vi->evtchn_upcall_pending;
    /* Of ports that nobody has, in the cache line of those that are used. */
    volatile unsigned long *beside = &shared->evtchn_pending[7];

    (void)unused;
    for (unsigned n = 1; !stop; n++) {
        *mask = 1;
        masked_for = n;
        while (round_nr < n && !stop)
            ;
        linger(n * 7 % 509);
        *beside = 0; /* slow, while the sender marks the event: the next store waits behind it */
        *mask = 0;
        if (*pending)
            hc2(__HYPERVISOR_xen_version, XENVER_version, 0);
        while (kit_event_count[port] < n && !stop)
            ;
    }
    ended = true;
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

void test_main(void)
{
    uint64_t end = kit_now() + SECONDS * 1000000000ull;
    bool lost = false;
    unsigned n;

    port = kit_bind_ipi(1);
    CHECK_EQ(kit_vcpu_start(1, unmask, NULL), 0);
    kit_unmask(port);
    for (n = 1; n <= ROUNDS && kit_now() < end; n++) {
        uint64_t limit;

        while (masked_for < n)
            ;
        round_nr = n;
        CHECK_EQ(kit_send(port), 0);
        for (limit = kit_now() + KIT_PATIENCE; kit_event_count[port] < n && kit_now() < limit;)
            ;
        lost = kit_event_count[port] < n;
        if (lost)
            break;
    }
    kit_check(!lost, __FILE__, __LINE__, "event %u did not arrive", n);
    printk("%u rounds\n", n - 1);
    stop = true;
    while (!ended)
        kit_sleep(1000000);
}
