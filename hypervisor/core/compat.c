/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first forms of three hypercalls, where the sub-operation is the first word of the structure
 * or the only argument. Small kernels still use them; they become the present forms here.
 *
 * The sub-operation is read once, and the present form reads only what follows it: so there is
 * nothing that a guest could change between two reads.
 */
#include <core/hypercall.h>
#include <public/event_channel.h>
#include <public/physdev.h>
#include <public/sched.h>
#include <x86/uaccess.h>

int64_t hc_event_channel_op_compat(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    uint32_t cmd;

    if (copy_from_guest(&cmd, arg, sizeof(cmd)) != 0)
        return -XEN_EFAULT;
    return hc_event_channel_op(cmd, arg + offsetof(struct evtchn_op, u), 0, 0);
}

int64_t hc_physdev_op_compat(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    uint32_t cmd;

    if (copy_from_guest(&cmd, arg, sizeof(cmd)) != 0)
        return -XEN_EFAULT;
    return hc_physdev_op(cmd, arg + offsetof(struct physdev_op, u), 0, 0);
}

int64_t hc_sched_op_compat(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    return cmd == SCHEDOP_yield || cmd == SCHEDOP_block ? hc_sched_op(cmd, 0, 0, 0) : -XEN_ENOSYS;
}
