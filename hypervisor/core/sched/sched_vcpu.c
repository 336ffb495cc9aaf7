/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What makes a vcpu stop and go on: blocking and waking, going down and up, pauses, and the end.
 * Each is a reason not to run, a bit of blocked_by; sched.c does what follows from a change of
 * them.
 *
 * No wake-up is lost, though neither side holds a lock while it looks at the other's word:
 *
 *   the sleeper     blocked_by |= SCHED_BLOCKED; full barrier; is an event pending? if so, undo
 *   the waker       mark the event pending (locked instruction: full barrier); blocked? then wake
 *
 * Whichever store comes second, its CPU reads the other's afterwards and acts. Both may act: to
 * wake one that is awake changes nothing. A spurious wake-up is allowed, for the guest looks at its
 * events anyway. vcpu_kick() rests on the same pair for a vcpu that is moving to another CPU: one
 * that was not seen running where the kick would go reads the pending word on its way to the guest.
 *
 * Pauses are counted, in the vcpu and in its domain, and SCHED_PAUSED is derived from the sum under
 * the run queue lock; so however several pausers and unpausers interleave, the last to come to the
 * lock leaves the bit right.
 *
 * A pause stops a vcpu inside a hypercall as well as between two. Whoever wants to see or change
 * the registers that its guest goes on with has it finish its call first (vcpu_calls_done()): it
 * stays paused, but that and whatever else keeps it from running does not count until it comes to
 * the guest boundary. Else the call would return into registers that have been replaced meanwhile.
 *
 * The end: a vcpu in the middle of a hypercall may hold references and reservations on its C stack,
 * so it cannot just be stopped. sched_vcpu_kill() takes away every reason to wait and refuses new
 * ones but SCHED_DYING; WORK_DYING makes the way back to the guest end in vcpu_park_dying(). One
 * that has never run holds nothing and is parked where it is.
 */
#include <core/domain.h>
#include <core/preempt.h>
#include <core/sched/sched_internal.h>
#include <lib/bug.h>
#include <x86/cpu.h>

void vcpu_block_begin(void)
{
    struct vcpu *v = current;

    if (v->sched.handoff_trial != NULL)
        sched_handoff_judge(&v->sched);
    /* It still runs: its CPU is told to call schedule(), at the guest boundary at the latest. */
    sched_change_blocked(v, SCHED_BLOCKED, 0);
    smp_mb(); /* against an event that was raised before it could see the flag */
}

void vcpu_block(void)
{
    struct vcpu *v = current;

    vcpu_block_begin();
    if (vcpu_event_due(v))
        sched_change_blocked(v, 0, SCHED_BLOCKED);
    else
        work_used_up(); /* a list ends here, before what it would fall asleep in */
}

void vcpu_wake(struct vcpu *v)
{
    if (READ_ONCE(v->sched.blocked_by) & SCHED_BLOCKED)
        sched_change_blocked(v, 0, SCHED_BLOCKED);
}

void vcpu_interrupt(struct vcpu *v)
{
    unsigned cpu = READ_ONCE(v->sched.cpu);

    /* On this CPU nothing is needed: the way back to the guest looks at pending work. */
    if (READ_ONCE(v->sched.running) && cpu != this_cpu()->id)
        smp_kick(cpu);
}

void vcpu_kick(struct vcpu *v)
{
    vcpu_wake(v);
    vcpu_interrupt(v);
}

void vcpu_yield(void)
{
    current->sched.yielding = true;
    schedule();
}

void vcpu_set_down(struct vcpu *v, bool down)
{
    sched_change_blocked(v, down ? SCHED_DOWN : 0, down ? 0 : SCHED_DOWN);
}

void sched_pause_changed(struct vcpu *v, bool raised)
{
    /* Looked at under the lock: the last one to come here sees the counts as they are. */
    struct sched_cpu *rq = sched_lock(v);
    bool pause = READ_ONCE(v->pause_count) + READ_ONCE(v->domain->pause_count) != 0;

    if (raised) /* whoever pauses waits, and not for the rest of a hypercall */
        v->sched.finishing = false;
    sched_change_and_unlock(rq, v, pause ? SCHED_PAUSED : 0, pause ? 0 : SCHED_PAUSED);
}

/*
 * Both are looked at: `running` falls first, saved_rsp completes the registers (sched_internal.h).
 */
void sched_wait_off_cpu(struct vcpu *v)
{
    while (READ_ONCE(v->sched.running) || !sched_ready(&v->sched))
        cpu_relax_poll();
}

void vcpu_pause_nosync(struct vcpu *v)
{
    __atomic_fetch_add(&v->pause_count, 1, __ATOMIC_ACQ_REL);
    sched_pause_changed(v, true);
}

void vcpu_pause(struct vcpu *v)
{
    ASSERT(v != current); /* it would wait for itself */
    vcpu_pause_nosync(v);
    sched_wait_off_cpu(v);
}

void vcpu_unpause(struct vcpu *v)
{
    __atomic_fetch_sub(&v->pause_count, 1, __ATOMIC_ACQ_REL);
    sched_pause_changed(v, false);
}

bool vcpu_finishing(const struct vcpu *v)
{
    return READ_ONCE(v->sched.finishing);
}

static void sched_no_more_finishing(struct vcpu *v)
{
    struct sched_cpu *rq = sched_lock(v);

    v->sched.finishing = false;
    spin_unlock(&rq->lock);
}

void schedule_at_boundary(void)
{
    struct vcpu *v = current;

    v->sched.at_boundary = true;
    if (unlikely(vcpu_finishing(v)))
        sched_no_more_finishing(v);
    schedule();
    v->sched.at_boundary = false;
}

/*
 * One that runs is left alone: it comes to the boundary, or it stops before that, and the next call
 * here finds it. One that waits for an event (in SCHEDOP_poll) wakes, as it may at any time.
 */
static void sched_finish_call(struct vcpu *v)
{
    struct sched_cpu *rq = sched_lock(v);
    struct sched_vcpu *s = &v->sched;

    if (s->running || !s->entered || s->at_boundary || s->blocked_by == 0) {
        spin_unlock(&rq->lock);
        return;
    }
    s->finishing = true;
    __atomic_fetch_or(&v->arch.pending_work, WORK_STOP, __ATOMIC_SEQ_CST);
    sched_change_and_unlock(rq, v, 0, SCHED_BLOCKED);
}

bool vcpu_calls_done(struct vcpu *v)
{
    struct vcpu *o;

    if (!v->sched.entered || v->sched.at_boundary)
        return true;
    for_each_vcpu (v->domain, o)
        sched_finish_call(o);
    return false;
}

void sched_vcpu_kill(struct vcpu *v)
{
    struct sched_cpu *rq = sched_lock(v);

    v->sched.dying = true;
    v->sched.capped = false; /* a cap must not keep it from its end; sched_within_cap() knows */
    __atomic_fetch_or(&v->arch.pending_work, WORK_DYING, __ATOMIC_ACQ_REL);
    if (!v->sched.entered) {
        spin_unlock(&rq->lock);
        sched_change_blocked(v, SCHED_DYING, 0);
        return;
    }
    spin_unlock(&rq->lock);
    sched_change_blocked(v, 0, SCHED_DOWN | SCHED_BLOCKED | SCHED_PAUSED);
    vcpu_kick(v);
}

/* Once true, for good: nothing clears SCHED_DYING. */
bool sched_vcpu_parked(const struct vcpu *v)
{
    return (READ_ONCE(v->sched.blocked_by) & SCHED_DYING) && !READ_ONCE(v->sched.running) &&
           sched_ready(&v->sched);
}

/* Does not come back: with SCHED_DYING set schedule() never chooses it again. */
void vcpu_park_dying(void)
{
    sched_no_more_finishing(current);
    for (;;) {
        sched_change_blocked(current, SCHED_DYING, 0);
        schedule();
    }
}
