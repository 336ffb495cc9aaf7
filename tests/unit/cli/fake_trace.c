// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_trace.c: libctl's functions of the trace, over two rings of records that never change. What
 * they are about: calls with and without sub-operations, one within a multicall, one that is
 * continued on another CPU; exceptions of each outcome; an event out of an interrupt; records that
 * are lost, so that ends are there without beginnings and the other way round; a clock that is a
 * little behind the other CPU's; numbers that nobody knows.
 */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <public/event_channel.h>
#include <public/lodge_trace.h>
#include <public/mmu.h>
#include <public/domctl.h>
#include <public/sched.h>
#include <public/vcpu.h>
#include <public/xen.h>

#define START     5000000000u
#define T(us)     (START + (us)*1000u)
#define LOST      37u /* of CPU 1, at first */
#define IDLE      LODGE_TRACE_IDLE
#define IN(n)     LODGE_TRACED_HYPERCALL, n
#define OUT(n)    LODGE_TRACED_HYPERCALL_DONE, n
#define FAULT     LODGE_TRACED_EXCEPTION
#define FAULT_END LODGE_TRACED_EXCEPTION_DONE

static const struct lodge_trace_record ring0[] = {
    {T(0), LODGE_TRACED_SWITCH, RUNSTATE_running, 0, 0, {0, 0}},
    {T(1), IN(__HYPERVISOR_event_channel_op), 0, 0, {EVTCHNOP_send, 0xffff888000001000, 0, 0, 5}},
    {T(2), LODGE_TRACED_EVENT, 0, 0, 0, {3, 7, 0}},
    {T(3), OUT(__HYPERVISOR_event_channel_op), 0, 0, {0}},
    {T(4), IN(__HYPERVISOR_domctl), 0, 0, {0x7f0000001000, 0, 0, 0, XEN_DOMCTL_pausedomain, 9}},
    {T(5), OUT(__HYPERVISOR_domctl), 0, 0, {(uint64_t)-3}},
    {T(6), LODGE_TRACED_INTERRUPT, 0xf0, 0, 0, {0}},
    {T(7), LODGE_TRACED_EVENT, 0, 0, 0, {0, 12, 0}},
    {T(8), LODGE_TRACED_INTERRUPT_DONE, 0xf0, 0, 0, {0}},
    {T(9), LODGE_TRACED_UPCALL, 0, 0, 0, {0xffffffff81000010}},
    {T(10), IN(__HYPERVISOR_sched_op), 0, 0, {SCHEDOP_block}},
    {T(11), LODGE_TRACED_SWITCH, RUNSTATE_blocked, 3, 0, {0, 0}},
    {T(12), IN(__HYPERVISOR_multicall), 3, 0, {0xffff888000002000, 2}},
    {T(13),
     IN(__HYPERVISOR_mmuext_op),
     3,
     0,
     {0xffff888000002100, 1, 0, 0x7ff0, MMUEXT_NEW_BASEPTR}},
    {T(14), OUT(__HYPERVISOR_mmuext_op), 3, 0, {0}},
    {T(15), IN(__HYPERVISOR_stack_switch), 3, 0, {0xe02b, 0xffffc90000003000}},
    {T(16), OUT(__HYPERVISOR_stack_switch), 3, 0, {0}},
    {T(17), OUT(__HYPERVISOR_multicall), 3, 0, {0}},
    {T(18), FAULT, 14, 3, 0, {6, 0x401000, 0x7ffd0000, 0}},
    {T(19), FAULT_END, 14, 3, 0, {LODGE_TRACED_TO_GUEST, 0xffffffff81000020}},
    {T(20), FAULT, 13, 3, 0, {0, 0xffffffff81000100, 0, 1}},
    {T(21), LODGE_TRACED_EMULATED, 13, 3, 0, {0xffffffff81000100, 0xa20f}},
    {T(22), FAULT_END, 13, 3, 0, {LODGE_TRACED_BY_US, 0xffffffff81000102}},
    {T(23),
     IN(__HYPERVISOR_mmu_update),
     3,
     0,
     {0xffff888000002200, 512, 0, 0x7ff0, 0x1000, 0x2025}},
    {T(24), LODGE_TRACED_SWITCH, RUNSTATE_runnable, IDLE, 0, {3, 0}},
    {T(40), IN(63), 0, 0, {1, 2, 3, 4}},
    {T(41), OUT(63), 0, 0, {(uint64_t)-38}},
    {T(42), 77, 5, 0, 0, {0}},
    {T(43), IN(__HYPERVISOR_sched_op), 0, 0, {99}},
};
static const struct lodge_trace_record ring1[] = {
    {T(26), OUT(__HYPERVISOR_vcpu_op), 7, 1, {0}}, /* its beginning is lost */
    {T(27), LODGE_TRACED_SWITCH, RUNSTATE_offline, 3, 0, {7, 1}},
    {T(22) + 500, LODGE_TRACED_SYSCALL, 0, 3, 0, {0x401234, 39}}, /* goes back */
    {T(28), OUT(__HYPERVISOR_mmu_update), 3, 0, {0, 1}},
    {T(29), IN(__HYPERVISOR_memory_op), 3, 0, {6 | 5 << 6, 0xffff888000002300, 0, 0, 1, 1}},
    {T(30), IN(__HYPERVISOR_iret), 3, 0, {0}}, /* the end of the one before is not there */
};

static bool is_on;

int ctl_buf_get(struct ctl *ctl, struct ctl_buf *buf, size_t size)
{
    buf->p = malloc(size);
    buf->size = size;
    return buf->p ? 0 : ctl_fail(ctl, ENOMEM, "no memory");
}

void ctl_buf_put(struct ctl *ctl, struct ctl_buf *buf)
{
    (void)ctl;
    free(buf->p);
}

static bool fails(struct ctl *ctl, int *rc)
{
    *rc = 0;
    if (fake_failing && !strcmp(fake_failing, "trace"))
        *rc =
            ctl_fail(ctl, EOPNOTSUPP,
                     "the hypervisor does not tell of its trace: this is not Lodge, or a Lodge of "
                     "another version");
    return *rc != 0;
}

int ctl_trace_status(struct ctl *ctl, struct lodge_sysctl_trace *status)
{
    int rc;

    if (fails(ctl, &rc))
        return rc;
    *status = (struct lodge_sysctl_trace){.cpu = 2, .now = START};
    if (fake_failing && !strcmp(fake_failing, "old-trace") && !is_on)
        status->id = 41;
    return 0;
}

int ctl_trace_start(struct ctl *ctl, uint32_t events, uint32_t domain, uint32_t records,
                    uint32_t *id)
{
    (void)ctl, (void)events, (void)domain, (void)records;
    *id = 42;
    is_on = true;
    return 0;
}

int ctl_trace_stop(struct ctl *ctl, uint32_t id)
{
    (void)ctl, (void)id;
    return 0;
}

int ctl_trace_read(struct ctl *ctl, uint32_t id, uint32_t cpu, const struct ctl_buf *buf,
                   struct lodge_sysctl_trace *at)
{
    const struct lodge_trace_record *ring = cpu ? ring1 : ring0;
    size_t n = cpu ? sizeof(ring1) / sizeof(ring1[0]) : sizeof(ring0) / sizeof(ring0[0]);

    (void)ctl, (void)id;
    at->now = T(1000000u);
    at->count = 0;
    at->lost = 0;
    if (at->position == 0) {
        memcpy(buf->p, ring, n * sizeof(ring[0]));
        at->count = (uint32_t)n;
        at->lost = cpu ? LOST : 0;
        at->position += at->lost;
    }
    return 0;
}
