/* SPDX-License-Identifier: GPL-2.0-only */
/* What a trace (core/trace.h) puts between those who raise a port and its form. */
#include <core/evtchn/evtchn_internal.h>
#include <core/trace.h>
#include <public/lodge_trace.h>

struct evtchn_raise evtchn_raise = {evtchn_fifo_set_pending, evtchn_2l_set_pending};

static void trace_event(struct domain *d, const struct vcpu *v, const struct evtchn *c)
{
    trace_put(LODGE_TRACED_EVENT, 0, d, d->id, c->port, v->id, 0);
}

static bool trace_fifo(struct domain *d, struct vcpu *v, struct evtchn *c)
{
    trace_event(d, v, c);
    return evtchn_fifo_set_pending(d, v, c);
}

static bool trace_2l(struct domain *d, struct vcpu *v, struct evtchn *c)
{
    trace_event(d, v, c);
    return evtchn_2l_set_pending(d, v, c);
}

void evtchn_trace(bool on)
{
    WRITE_ONCE(evtchn_raise.fifo, on ? trace_fifo : evtchn_fifo_set_pending);
    WRITE_ONCE(evtchn_raise.two_level, on ? trace_2l : evtchn_2l_set_pending);
}
