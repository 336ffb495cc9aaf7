/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making records: the one place that writes to a ring, and what goes between a vcpu and its
 * hypercalls. What goes between the guest and the hypervisor elsewhere is in x86/trace.c.
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <core/trace/trace_internal.h>
#include <lib/string.h>
#include <public/hypercalls.h>
#include <public/lodge.h>
#include <x86/regs.h>
#include <x86/time.h>
#include <x86/uaccess.h>

/*
 * The next slot of this CPU's ring, with all but the data; NULL: no such record is wanted. The
 * caller fills the data and calls trace_publish(), with no interrupt window in between.
 */
static struct lodge_trace_record *trace_next(unsigned type, unsigned code,
                                             const struct domain *also)
{
    struct trace_ring *r = this_cpu()->trace;
    struct lodge_trace_record *rec;
    const struct vcpu *v;

    if (r == NULL || !((r->events >> type) & 1))
        return NULL;
    v = this_cpu()->curr;
    if (r->domain != LODGE_TRACE_ALL && r->domain != v->domain->id &&
        (also == NULL || r->domain != also->id))
        return NULL;
    rec = trace_slot(r, r->head);
    rec->time = time_now();
    rec->type = (uint16_t)type;
    rec->code = (uint16_t)code;
    rec->domain = v->domain->id;
    rec->vcpu = domain_is_idle(v->domain) ? 0 : (uint16_t)v->id;
    memset(rec->data, 0, sizeof(rec->data));
    return rec;
}

/*
 * Readers see the record from here on. Of the slot's former record they see that it is gone before
 * the first word of the next one is written: head says so by then, and stores are seen in order.
 */
static void trace_publish(void)
{
    struct trace_ring *r = this_cpu()->trace;

    __atomic_store_n(&r->head, r->head + 1, __ATOMIC_RELEASE);
}

void trace_put(unsigned type, unsigned code, const struct domain *also, uint64_t d0, uint64_t d1,
               uint64_t d2, uint64_t d3)
{
    struct lodge_trace_record *rec = trace_next(type, code, also);

    if (rec == NULL)
        return;
    rec->data[0] = d0;
    rec->data[1] = d1;
    rec->data[2] = d2;
    rec->data[3] = d3;
    trace_publish();
}

/*
 * Which argument, from 1 on, is the address of a structure that says what is asked for. The call
 * reads it anyway, and judges its own copy; this one is only shown.
 */
static const uint8_t trace_structure[NR_HYPERCALLS] = {
    [__HYPERVISOR_mmu_update] = 1,  [__HYPERVISOR_mmuext_op] = 1,
    [__HYPERVISOR_domctl] = 1,      [__HYPERVISOR_sysctl] = 1,
    [__HYPERVISOR_platform_op] = 1, [__HYPERVISOR_event_channel_op] = 2,
    [__HYPERVISOR_memory_op] = 2,   [__HYPERVISOR_grant_table_op] = 2,
    [__HYPERVISOR_physdev_op] = 2,  [__HYPERVISOR_sched_op] = 2,
    [__HYPERVISOR_callback_op] = 2, [__HYPERVISOR_vcpu_op] = 3,
    [__HYPERVISOR_lodge_op] = 2,
};

int64_t trace_hypercall(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t nr)
{
    const uint64_t args[] = {0, a1, a2, a3, a4};
    struct lodge_trace_record *rec;
    uint64_t shown[2] = {0, 0};
    struct vcpu *v = current;
    int64_t rc;

    if (trace_structure[nr] != 0 &&
        copy_from_guest(shown, args[trace_structure[nr]], sizeof(shown)) != 0)
        memset(shown, 0, sizeof(shown));
    rec = trace_next(LODGE_TRACED_HYPERCALL, (unsigned)nr, NULL);
    if (rec != NULL) {
        memcpy(rec->data, args + 1, 4 * sizeof(uint64_t));
        memcpy(rec->data + 4, shown, sizeof(shown));
        trace_publish();
    }
    rc = v->handlers[nr](a1, a2, a3, a4);
    trace_put(LODGE_TRACED_HYPERCALL_DONE, (unsigned)nr, NULL, (uint64_t)rc,
              (READ_ONCE(v->arch.pending_work) & WORK_RESTART) != 0, 0, 0);
    return rc;
}
