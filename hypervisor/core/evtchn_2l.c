/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 2-level event ABI: in shared_info a pending and a mask bit per port, in vcpu_info a selector
 * bit per word of ports. An upcall is due when a port becomes pending that is not masked.
 */
#include <core/evtchn_internal.h>
#include <lib/bitops.h>

static void evtchn_2l_select(struct vcpu *v, uint32_t port)
{
    if (!bit_test_and_set(&v->info->evtchn_pending_sel, port / 64))
        evtchn_upcall(v);
}

void evtchn_2l_set_pending(struct domain *d, struct vcpu *v, const struct evtchn *c)
{
    struct shared_info *s = d->shared_info;

    if (c->port >= EVTCHN_2L_NR_CHANNELS || bit_test_and_set(s->evtchn_pending, c->port))
        return;
    if (!bit_test(s->evtchn_mask, c->port))
        evtchn_2l_select(v, c->port);
    evtchn_check_pollers(d, c->port);
}

void evtchn_2l_unmask(struct domain *d, struct vcpu *v, const struct evtchn *c)
{
    struct shared_info *s = d->shared_info;

    if (c->port < EVTCHN_2L_NR_CHANNELS && bit_test_and_clear(s->evtchn_mask, c->port) &&
        bit_test(s->evtchn_pending, c->port))
        evtchn_2l_select(v, c->port);
}
