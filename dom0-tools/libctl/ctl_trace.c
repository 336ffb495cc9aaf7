// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lodge's trace: begin, read, end. The hypervisor keeps no account of readers: a position is all.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <public/lodge_control.h>
#include <public/lodge_trace.h>

static int trace_op(struct ctl *ctl, struct lodge_sysctl_trace *t, const char *what)
{
    t->version = LODGE_TRACE_VERSION;
    return ctl_host_own_op(ctl, LODGE_SYSCTL_trace, t, sizeof(*t), "%s", what);
}

int ctl_trace_start(struct ctl *ctl, uint32_t events, uint32_t domain, uint32_t records,
                    uint32_t *id)
{
    struct lodge_sysctl_trace t = {
        .op = LODGE_TRACE_START, .events = events, .domain = domain, .records = records};
    int rc = trace_op(ctl, &t, "the trace cannot be started");

    *id = t.id;
    return rc;
}

int ctl_trace_stop(struct ctl *ctl, uint32_t id)
{
    struct lodge_sysctl_trace t = {.op = LODGE_TRACE_STOP, .id = id};

    return trace_op(ctl, &t, "the trace cannot be ended");
}

int ctl_trace_status(struct ctl *ctl, struct lodge_sysctl_trace *status)
{
    *status = (struct lodge_sysctl_trace){.op = LODGE_TRACE_STATUS};
    return trace_op(ctl, status, "the hypervisor does not tell of its trace");
}

int ctl_trace_read(struct ctl *ctl, uint32_t id, uint32_t cpu, const struct ctl_buf *buf,
                   struct lodge_sysctl_trace *at)
{
    uint64_t position = at->position;

    *at = (struct lodge_sysctl_trace){
        .op = LODGE_TRACE_READ,
        .id = id,
        .cpu = cpu,
        .position = position,
        .count = (uint32_t)(buf->size / sizeof(struct lodge_trace_record))};
    set_xen_guest_handle(at->buffer, buf->p);
    return trace_op(ctl, at, "the trace cannot be read");
}
