/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 2-level event ABI: in shared_info a pending and a mask bit per port, in vcpu_info a selector
 * bit per word of ports. An upcall is due when a port becomes pending that is not masked.
 *
 * The order is pending bit, then (if not masked) selector bit, then the upcall flag; the guest
 * takes them the other way round. Where a bit was set already, whoever set it has done the rest.
 * Every step is an atomic operation, as guest and senders change the same words; a guest that plays
 * with them can lose its own events only. Masking by itself is the guest's, without a hypercall:
 * the pending bit of a masked port is left for evtchn_2l_unmask() to find.
 */
#include <core/evtchn/evtchn_internal.h>
#include <lib/bitops.h>
#include <public/event_channel.h>

/* v->info may be replaced meanwhile; vcpu_op.c makes the guest look at all words then. */
static void evtchn_2l_select(struct vcpu *v, uint32_t port)
{
    if (!bit_test_and_set(&v->info->evtchn_pending_sel, port / 64))
        evtchn_upcall(v);
}

/*
 * The domain may switch over meanwhile, and its bits may have been looked at before ours was there.
 * The locked instruction on the bit is the full barrier between it and the look at `fifo`.
 */
bool evtchn_2l_set_pending(struct domain *d, struct vcpu *v, struct evtchn *c)
{
    struct shared_info *s = d->shared_info;
    bool raised;

    if (c->port >= EVTCHN_2L_NR_CHANNELS)
        return true;
    raised = !bit_test_and_set(s->evtchn_pending, c->port);
    if (raised) {
        if (!bit_test(s->evtchn_mask, c->port))
            evtchn_2l_select(v, c->port);
        evtchn_check_pollers(d, c->port);
    }
    if (unlikely(READ_ONCE(d->evtchn.fifo) != NULL))
        (void)evtchn_fifo_set_pending(d, v, c);
    return raised;
}

void evtchn_2l_unmask(struct domain *d, struct vcpu *v, const struct evtchn *c)
{
    struct shared_info *s = d->shared_info;

    if (c->port < EVTCHN_2L_NR_CHANNELS && bit_test_and_clear(s->evtchn_mask, c->port) &&
        bit_test(s->evtchn_pending, c->port))
        evtchn_2l_select(v, c->port);
}
