// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts of what a domain holds, for finding leaks: event channels and grants.
 *
 * Both come from operations that the ABI has for other purposes, so they cost a little: one call
 * per port that the domain has room for, and a look at its grant table. Nothing is changed.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <public/hypercalls.h>
#include <string.h>
#include <sys/mman.h>

#include <public/event_channel.h>
#include <public/grant_table.h>

/* More than any domain can have: the loop's end if a hypervisor never says so. */
#define PORTS_MAX 131072U
/* 4 MiB of table: half a million grants. */
#define FRAMES_MAX 1024U

int ctl_count_ports(struct ctl *ctl, uint16_t domid, struct ctl_port_count *count)
{
    struct evtchn_status *arg;
    struct ctl_buf buf;
    long rc;

    memset(count, 0, sizeof(*count));
    rc = ctl_buf_get(ctl, &buf, sizeof(*arg));
    if (rc)
        return (int)rc;
    arg = buf.p;
    for (uint32_t port = 0; port < PORTS_MAX; port++) {
        memset(arg, 0, sizeof(*arg));
        arg->dom = domid;
        arg->port = port;
        rc = ctl_hypercall(ctl, __HYPERVISOR_event_channel_op, EVTCHNOP_status, (uintptr_t)arg, 0,
                           0, 0);
        if (rc)
            break;
        count->unbound += arg->status == EVTCHNSTAT_unbound;
        count->interdomain += arg->status == EVTCHNSTAT_interdomain;
        count->other += arg->status > EVTCHNSTAT_interdomain;
    }
    ctl_buf_put(ctl, &buf);
    /* Behind the last port. */
    if (rc == 0 || rc == -EINVAL)
        return 0;
    return ctl_fail(ctl, (int)-rc, "the event channels of domain %u cannot be counted: %s", domid,
                    ctl_reason((int)-rc));
}

/* The frames of the table that is there; it is not made larger. */
static int table_frames(struct ctl *ctl, uint16_t domid, uint64_t *frames, uint32_t *nr)
{
    struct {
        struct gnttab_query_size size;
        struct gnttab_get_version version;
        struct gnttab_setup_table setup;
        uint64_t frame[FRAMES_MAX];
    } * arg;
    struct ctl_buf buf;
    long rc = ctl_buf_get(ctl, &buf, sizeof(*arg));

    if (rc)
        return (int)rc;
    arg = buf.p;
    memset(arg, 0, sizeof(*arg));
    arg->size.dom = arg->version.dom = arg->setup.dom = domid;
    rc = ctl_hypercall(ctl, __HYPERVISOR_grant_table_op, GNTTABOP_get_version,
                       (uintptr_t)&arg->version, 1, 0, 0);
    /* Version 2 keeps what is in use in frames of its own. */
    if (!rc && arg->version.version > 1)
        rc = -EOPNOTSUPP;
    if (!rc)
        rc = ctl_hypercall(ctl, __HYPERVISOR_grant_table_op, GNTTABOP_query_size,
                           (uintptr_t)&arg->size, 1, 0, 0);
    *nr = arg->size.nr_frames < FRAMES_MAX ? arg->size.nr_frames : FRAMES_MAX;
    arg->setup.nr_frames = *nr;
    set_xen_guest_handle(arg->setup.frame_list, arg->frame);
    if (!rc && *nr)
        rc = ctl_hypercall(ctl, __HYPERVISOR_grant_table_op, GNTTABOP_setup_table,
                           (uintptr_t)&arg->setup, 1, 0, 0);
    if (!rc && (arg->size.status || arg->setup.status))
        rc = -EINVAL;
    memcpy(frames, arg->frame, sizeof(arg->frame));
    ctl_buf_put(ctl, &buf);
    return (int)rc;
}

int ctl_count_grants(struct ctl *ctl, uint16_t domid, struct ctl_grant_count *count)
{
    uint64_t frames[FRAMES_MAX];
    const size_t entries = CTL_PAGE_SIZE / sizeof(struct grant_entry_v1);
    uint32_t nr = 0;
    void *table = NULL;
    int rc = table_frames(ctl, domid, frames, &nr);

    memset(count, 0, sizeof(*count));
    if (rc)
        return ctl_fail(ctl, -rc, "the grants of domain %u cannot be counted: %s", domid,
                        rc == -EOPNOTSUPP ? "its table is of version 2" : ctl_reason(-rc));
    if (!nr)
        return 0;
    rc = ctl_memory_map(ctl, domid, frames, nr, PROT_READ, &table);
    if (rc)
        return rc;
    for (size_t i = 0; i < nr * entries; i++) {
        /* The guest may change it meanwhile: one look. */
        uint16_t flags = ((volatile struct grant_entry_v1 *)table)[i].flags;
        bool given = (flags & GTF_type_mask) == GTF_permit_access;

        count->given += given;
        count->in_use += given && (flags & (GTF_reading | GTF_writing));
    }
    ctl_memory_unmap(table, nr);
    return 0;
}
