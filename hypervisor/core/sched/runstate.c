/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Run-state accounting, and the copy of it in the guest's memory. The copy is written through the
 * page tables of the vcpu's guest kernel when the vcpu gets a CPU and, if there is another one to
 * read it, when it loses it, so that a guest sees which of its other vcpus are being kept waiting.
 *
 * The accounting itself is in struct sched_vcpu, under the run queue's lock, and never read back
 * from the guest's copy. That is made without the lock, by the vcpu's own CPU: of a running vcpu's
 * accounting, which no other CPU changes, or of what it was when the vcpu left.
 */
#include <core/domain.h>
#include <core/guest_type.h>
#include <core/sched/runstate.h>
#include <core/sched/sched_internal.h>
#include <public/hypercalls.h>
#include <public/vcpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

_Static_assert(sizeof(struct sched_runstate) == sizeof(struct vcpu_runstate_info) &&
                   offsetof(struct sched_runstate, state_entry_time) ==
                       offsetof(struct vcpu_runstate_info, state_entry_time) &&
                   offsetof(struct sched_runstate, time) ==
                       offsetof(struct vcpu_runstate_info, time),
               "runstate");

void runstate_change(struct vcpu *v, int state, uint64_t now)
{
    struct sched_runstate *r = &v->sched.runstate;

    if (r->state == state)
        return;
    /* `now` may have been read on this CPU before the last change was made on another. */
    if (now > r->state_entry_time) {
        r->time[r->state] += now - r->state_entry_time;
        r->state_entry_time = now;
    }
    r->state = state;
}

/* A pause counts as offline, even of one that is blocked as well. */
int runstate_when_stopped(const struct vcpu *v)
{
    return v->sched.blocked_by & (SCHED_DOWN | SCHED_PAUSED | SCHED_DYING) ? RUNSTATE_offline
                                                                           : RUNSTATE_blocked;
}

void vcpu_runstate_get(struct vcpu *v, struct sched_runstate *out)
{
    struct sched_cpu *rq = sched_lock(v);
    uint64_t now = time_now();

    *out = v->sched.runstate;
    spin_unlock(&rq->lock);
    if (now > out->state_entry_time)
        out->time[out->state] += now - out->state_entry_time;
}

uint64_t vcpu_run_time(struct vcpu *v)
{
    struct sched_runstate r;

    vcpu_runstate_get(v, &r);
    return r.time[RUNSTATE_running];
}

/*
 * A guest that asked for it sees XEN_RUNSTATE_UPDATE in state_entry_time while the rest changes.
 * Where the area is not mapped at this moment the update is left out: that is the guest's affair.
 */
static void runstate_write(struct vcpu *v, const struct sched_runstate *r)
{
    vaddr_t at = v->runstate_area;
    vaddr_t entry_time = at + offsetof(struct sched_runstate, state_entry_time);
    int rc;

    /* The only reader may be this vcpu, which sees the whole or nothing. */
    if (v->domain->max_vcpus == 1 ||
        !(v->domain->arch.vm_assist & (1u << VMASST_TYPE_runstate_update_flag))) {
        rc = copy_to_guest(at, r, sizeof(*r));
        (void)rc;
        return;
    }
    if (put_guest_u64(entry_time, r->state_entry_time | XEN_RUNSTATE_UPDATE) != 0)
        return;
    smp_wmb();
    rc = copy_to_guest(at, r, offsetof(struct sched_runstate, state_entry_time));
    if (rc == 0)
        rc = copy_to_guest(at + offsetof(struct sched_runstate, time), r->time, sizeof(r->time));
    smp_wmb();
    if (rc == 0)
        rc = put_guest_u64(entry_time, r->state_entry_time);
    (void)rc;
}

void runstate_publish(struct vcpu *v, const struct sched_runstate *r)
{
    if (likely(v->arch.kernel_mode)) {
        runstate_write(v, r);
        return;
    }
    /* The guest's user page tables do not have to map its kernel. */
    guest_kernel_tables(v, true);
    runstate_write(v, r);
    guest_kernel_tables(v, false);
}
