/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing the CPU over with an event: a front-end's request to its back-end, the answer back.
 *
 * Why. Two vcpus on one CPU work for each other. One sends an event and then has nothing else to
 * do: its kernel would go through its idle loop, for thousands of instructions, only to be woken a
 * moment later. It is better that the receiver runs at once, and that the sender finds the answer
 * when it goes on. Another sends an event and has more to send. It should be left alone, so that
 * the receiver finds all of it together. Which of the two a vcpu is, its own behaviour tells.
 *
 * How. Now and then an event is a trial: it does not hand over, and the sender is watched. If it
 * blocks soon, it has had nothing else to do, and the next events hand over: the more of them, the
 * more trials have gone well since one failed. If it does not, it had more to do. This is known of
 * each port by itself: when a network back-end says that it has taken a frame, it has more to do,
 * namely to pass the frame on; when it says that a frame has come, it has nothing.
 *
 * A port (struct sched_handoff) is in one of three states:
 *
 *   GIVING    left > 0   doubt = 0   so many of its events hand the CPU over
 *   TRYING    left = 0   doubt = 0   its next event begins a trial, which counts
 *   DOUBTING  left = 0   doubt > 0   likewise, but so many trials must go well before one counts
 *
 *   state     an event          an event, and nothing   a trial          a trial
 *             is sent           heard since the last    went well        failed
 *   --------  ----------------  ----------------------  ---------------  -------------
 *   GIVING    hands over;       a mistake: DOUBTING,    (none is on)     (none is on)
 *             left - 1          and a trial begins
 *   TRYING    a trial begins    a trial begins          GIVING           DOUBTING
 *   DOUBTING  a trial begins    a trial begins          doubt - 1        DOUBTING
 *
 *   to GIVING                     left = grant = 2 * grant + 1, at most MAX_HANDOFFS
 *   to DOUBTING                   left = 0, doubt = 2 * doubt + 2, at most MAX_DOUBT
 *   to DOUBTING by a failed trial also grant = 0
 *
 * An event counts here if its receiver waits in this CPU's queue; another changes nothing. A trial
 * is the sending vcpu's, so there is one at a time. It ends with what the vcpu does next: it
 * blocks, within SOON_NS of CPU time (the trial went well) or later (it failed); it sends by
 * another port (failed); or it sends by the same one (no verdict).
 *
 * Two ends that both have more to do, but hand over at each event, do not show it in this way: each
 * is given one thing at a time by the other. Now and then one of them has nothing left, because the
 * other has all of it, and its trials go well. After each failed trial a port earns fewer handoffs
 * than the trials took events; so the two hand over less at each turn, and gather again. If the
 * first good trial brought many handoffs, they would go on for ever.
 *
 * What holds, without a lock, as sending is to be cheap:
 *   - A port's four bytes are written by its domain's vcpus alone. If two of them send at once, any
 *     mix of the four may be left, each within its limit. The next events work it off: left first,
 *     then doubt. A wrong verdict costs a switch.
 *   - handoff_trial is written by its own vcpu alone. It points into a port of the same domain, and
 *     ports are freed with the domain.
 *   - What the sender reads of the receiver may be stale. The worst is a needless schedule(), or
 *     none where one would have helped.
 *   - rq->handoff is this CPU's alone, and only compared with what waits in the queue: the vcpu may
 *     have gone from there, even from the machine.
 *   - The choice is made in schedule(), under the queue's lock, from what the queue has then.
 *   - The order of sched_fair decides over any length of time. A vcpu that waits and would preempt
 *     the receiver is passed over for WAKE_WAIT_NS at most, as long as it would wait for a running
 *     one's slice. (With two guests at one back-end, which has often run more than either, the one
 *     that waits to hear that its frame was sent would else keep the other's frame from being
 * sent.) Two guests that hand the CPU to each other for ever are charged for it, and fall behind.
 */
#include <core/domain.h>
#include <core/sched/sched_internal.h>
#include <public/vcpu.h>
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

static void handoff_doubt(struct sched_handoff *h)
{
    h->left = 0;
    h->doubt = MIN(2 * h->doubt + 2, MAX_DOUBT);
}

static void handoff_trial_failed(struct sched_handoff *h)
{
    handoff_doubt(h);
    h->grant = 0;
}

static void handoff_trial_went_well(struct sched_handoff *h)
{
    if (h->doubt != 0)
        h->doubt--;
    else
        h->left = h->grant = MIN(2 * h->grant + 1, MAX_HANDOFFS);
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
        handoff_doubt(h);
    h->heard = heard;
    if (h->left != 0) {
        h->left--;
        c->sched->handoff = to;
        c->need_resched = true;
        return;
    }
    s->handoff_trial = h;
    s->handoff_ran = handoff_ran(s);
}

void sched_handoff_judge(struct sched_vcpu *s)
{
    struct sched_handoff *h = s->handoff_trial;

    s->handoff_trial = NULL;
    if (handoff_ran(s) - s->handoff_ran < SOON_NS)
        handoff_trial_went_well(h);
    else
        handoff_trial_failed(h);
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
    list_for_each (s, &rq->q.waiting, link) {
        if (vcpu_of(s) == to)
            return sched_ready(s) && handoff_allowed(first, s, now) ? s : NULL;
    }
    return NULL;
}
