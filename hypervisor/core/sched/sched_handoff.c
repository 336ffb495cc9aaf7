/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing the CPU over with an event: a front-end's request to its back-end, the answer back.
 *
 * Two vcpus on one CPU that work for each other can go about it in two ways. One that sends and
 * then has nothing else to do would go through its kernel's idle loop, for thousands of
 * instructions, only to be woken a moment later: better that the receiver runs at once, and the
 * sender finds the answer there when it goes on. One that has more to send should be left alone, so
 * that the receiver finds all of it together. Which of the two a vcpu is, its own behaviour tells:
 * now and then an event does not hand over, and whoever blocks soon afterwards has had nothing to
 * do. Its next events hand over, the more of them the more trials have gone well since one failed.
 * Whoever does not block soon, or sends again without having been sent something in between, had
 * more to do: that was a mistake, and each makes us slower to believe it again.
 *
 * All this is known of each port by itself: a network back-end's vcpu that says that it has taken a
 * frame has more to do, namely to pass it on; one that says that a frame has come has nothing. To
 * send by another port before it blocks fails the trial of the first.
 *
 * Two that both have more to do but hand over at each event do not show it in this way: each is
 * given one thing at a time by the other. Now and then one of them has nothing left, because the
 * other has all of it, and its trials go well. After a failed one, which comes at each such turn,
 * the handoffs that it earns have to be fewer than the events that it took: so the two have fewer
 * at each turn, and gather again. Were the first trial worth many, they would go on for ever.
 *
 * Only a vcpu that waits in this CPU's queue is handed to. One there that would preempt it is
 * passed over for no longer than it would have to wait for a running one's slice: with two guests
 * at one back-end, which has often run more than either, the one that only waits to hear that its
 * frame was sent would otherwise keep the other one's frame from being sent. So sched_fair's order
 * still decides over any length of time. Two guests that hand the CPU to each other for ever are
 * charged for it like for any other running, and fall behind.
 *
 * Sending an event is to be cheap, so sched_event_sent() takes no lock. What it reads of the
 * receiver may be stale: the worst is a needless schedule(), or none where it would have helped.
 * The choice itself is made under the run queue's lock, from what the queue has then.
 */
#include <core/domain.h>
#include <core/sched/sched_internal.h>
#include <x86/cpu.h>
#include <x86/time.h>

#define MAX_HANDOFFS 15     /* for a good trial: 2 * grant + 1 from 0 on: 1, 3, 7, 15 */
#define MAX_DOUBT    62     /* 2 * doubt + 2 from 0 on: 2, 6, 14, 30, 62 */
#define SOON_NS      US(30) /* of its own CPU time: who blocks within it had nothing else to do */

/* CPU time that current has had. No lock: only its own CPU, in schedule(), changes the two. */
static uint64_t handoff_ran(const struct sched_vcpu *s)
{
    return s->runstate.time[RUNSTATE_running] + (time_now() - s->runstate.state_entry_time);
}

static void handoff_mistaken(struct sched_handoff *h)
{
    h->left = 0;
    h->doubt = MIN(2 * h->doubt + 2, MAX_DOUBT);
}

static void handoff_trial_failed(struct sched_handoff *h)
{
    handoff_mistaken(h);
    h->grant = 0;
}

void sched_event_sent(struct vcpu *to, struct sched_handoff *h)
{
    struct sched_vcpu *s = &current->sched;
    struct cpu *c = this_cpu();
    uint8_t heard = READ_ONCE(s->handoff_heard);

    if (!READ_ONCE(to->sched.queued) || READ_ONCE(to->sched.cpu) != c->id)
        return;
    if (s->handoff_trial != NULL && s->handoff_trial != h)
        handoff_trial_failed(s->handoff_trial);
    s->handoff_trial = NULL;
    if (h->left != 0 && h->heard == heard)
        handoff_mistaken(h);
    h->heard = heard;
    if (h->left != 0) {
        h->left--;
        c->sched->handoff = to; /* no reference: only ever compared with what is in the queue */
        c->need_resched = true;
        return;
    }
    s->handoff_trial = h;
    s->handoff_ran = handoff_ran(s);
}

/* The trial went well if the vcpu, which is about to block, has run for but a moment since. */
void sched_handoff_judge(struct sched_vcpu *s)
{
    struct sched_handoff *h = s->handoff_trial;

    s->handoff_trial = NULL;
    if (handoff_ran(s) - s->handoff_ran >= SOON_NS) {
        handoff_trial_failed(h);
    } else if (h->doubt != 0) {
        h->doubt--;
    } else {
        h->left = h->grant = MIN(2 * h->grant + 1, MAX_HANDOFFS);
    }
}

static bool handoff_allowed(const struct sched_vcpu *first, const struct sched_vcpu *to,
                            uint64_t now)
{
    return to == first || !SCHED_POLICY->preempts(first, to) ||
           now - first->runstate.state_entry_time < WAKE_WAIT_NS;
}

struct sched_vcpu *sched_handed(struct sched_cpu *rq, const struct sched_vcpu *first, uint64_t now)
{
    struct vcpu *to = rq->handoff;
    struct sched_vcpu *s;

    rq->handoff = NULL;
    /* It may be gone from the queue, even from the machine: only what the queue has is looked at.
     */
    list_for_each (s, &rq->q.waiting, link) {
        if (vcpu_of(s) == to)
            return sched_ready(s) && handoff_allowed(first, s, now) ? s : NULL;
    }
    return NULL;
}
