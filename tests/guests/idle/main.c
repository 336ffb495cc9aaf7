/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that does nothing, for tests and figures that need one: as a guest it sleeps until it is
 * destroyed; in dom0's place it proves that a sleep with a timer ends, and is done.
 */
#include <kit/kit.h>

void test_main(void)
{
    if (!is_dom0) {
        printk("idle\n");
        for (;;)
            hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
    }
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER};

    CHECK_EQ(hc2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &bind), 0);
    kit_unmask(bind.port);
    uint64_t start = kit_now();

    CHECK_EQ(hc1(__HYPERVISOR_set_timer_op, start + 5000000), 0);
    hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
    CHECK(kit_now() - start >= 5000000);
}
