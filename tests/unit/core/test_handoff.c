/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing the CPU over with an event, between a front-end and a back-end that share a simulated
 * CPU: with one request under way each event takes the CPU along, with many they gather.
 */
#include <public/vcpu.h>
#include <string.h>

#include <core/domain.h>
#include <core/sched/sched_internal.h>
#include <lib/bug.h>
#include <x86/cpu.h>

#include "unit.h"

#define LOOK_NS 3000 /* to take what is in a ring, and through the idle loop */
#define FRONT   0
#define BACK    1

/* An end takes all that is in its ring when an event has come, and works on it one by one. */
static struct end {
    struct vcpu v;
    struct sched_handoff handoff; /* of its port */
    unsigned ring, queue;         /* not seen yet; seen, to be worked on */
    bool event;                   /* one has come that it has not looked at */
    bool wants_event;             /* for what is next put into its ring */
    uint64_t work_ns;             /* for each */
} ends[2];
static struct sched_cpu rq;
static unsigned answered, events, handed;

static void spend(uint64_t ns)
{
    host_now += ns;
}

static void leave(struct end *e)
{
    struct sched_runstate *r = &e->v.sched.runstate;

    r->time[RUNSTATE_running] += host_now - r->state_entry_time;
    e->v.saved_rsp = 1;
}

static void enter(struct end *e)
{
    sched_fair.run(&rq.q, &e->v.sched);
    e->v.sched.runstate.state_entry_time = host_now;
    e->v.saved_rsp = 0;
    this_cpu()->curr = &e->v;
}

/* As evtchn_send() does, and schedule() on the way back. */
static void send(struct end *from, struct end *to)
{
    struct sched_vcpu *next;

    events++;
    to->event = true;
    to->v.sched.handoff_heard++;
    if (!to->v.sched.queued)
        sched_fair.wake(&rq.q, &to->v.sched);
    sched_event_sent(&to->v, &from->handoff);
    if (!this_cpu()->need_resched)
        return;
    this_cpu()->need_resched = false;
    next = sched_handed(&rq, sched_fair.first(&rq.q, sched_ready), host_now);
    BUG_ON(next != &to->v.sched);
    handed++;
    leave(from);
    sched_fair.preempted(&rq.q, &from->v.sched);
    enter(to);
}

static void block(struct end *e, struct end *other)
{
    spend(LOOK_NS);
    if (e->v.sched.handoff_trial != NULL)
        sched_handoff_judge(&e->v.sched);
    leave(e);
    enter(other);
}

/* One step of the end that runs. */
static void step(struct end *e, struct end *other)
{
    if (e->event) {
        spend(LOOK_NS);
        e->event = false;
        e->queue += e->ring;
        e->ring = 0;
        e->wants_event = true;
    }
    if (e->queue == 0) {
        block(e, other);
        return;
    }
    spend(e->work_ns);
    e->queue--;
    other->ring++;
    answered += e == &ends[BACK];
    if (other->wants_event) {
        other->wants_event = false;
        send(e, other);
    }
}

static unsigned under_way(void)
{
    return ends[0].ring + ends[0].queue + ends[1].ring + ends[1].queue;
}

/* So many requests under way at once, until `count` have been answered. */
static void requests(unsigned depth, unsigned count)
{
    struct end *e = container_of(current, struct end, v);

    BUG_ON(under_way() > depth);
    e->queue += depth - under_way();
    answered = events = handed = 0;
    for (unsigned steps = 0; answered < count; steps++) {
        BUG_ON(steps > 10 * count);
        e = container_of(current, struct end, v);
        step(e, e == &ends[FRONT] ? &ends[BACK] : &ends[FRONT]);
    }
}

static void begin(void)
{
    memset(ends, 0, sizeof(ends));
    memset(&rq, 0, sizeof(rq));
    sched_fair.init(&rq.q);
    host_cpu = 0;
    this_cpu()->sched = &rq;
    this_cpu()->need_resched = false;
    ends[FRONT].work_ns = 9000;
    ends[BACK].work_ns = 9000;
    for (unsigned i = 0; i < 2; i++) {
        list_init(&ends[i].v.sched.link);
        ends[i].wants_event = true;
        ends[i].v.saved_rsp = 1;
    }
    sched_fair.wake(&rq.q, &ends[FRONT].v.sched);
    enter(&ends[FRONT]);
}

/* Until no more than one is under way. */
static void drain(void)
{
    while (under_way() > 1) {
        struct end *e = container_of(current, struct end, v);

        if (e->queue > 1)
            e->queue--;
        else if (e->ring > 1)
            e->ring--;
        else
            step(e, e == &ends[FRONT] ? &ends[BACK] : &ends[FRONT]);
    }
}

/*
 * After single requests, when each end has learnt to hand over and has so many handoffs left, many
 * come, and then single ones again. Where both ends have more to do but each hands over at every
 * event, each finds one answer at a time, which looks as if there were no more: that must end.
 */
static unsigned learns(uint8_t front, uint8_t back)
{
    unsigned wrong = 0;

    begin();
    requests(1, 1000);
    wrong += handed < 2000 * 9 / 10;
    ends[FRONT].handoff.left = front;
    ends[BACK].handoff.left = back;
    requests(32, 8000);
    wrong += events > 8000 / 10; /* both ways; at best there are 500 */
    requests(32, 8000);
    wrong += events > 8000 / 15;
    drain();
    requests(1, 1000);
    wrong += handed < 2000 * 8 / 10;
    if (wrong != 0)
        printf("with %u and %u handoffs left: %u wrong\n", front, back, wrong);
    return wrong;
}

/*
 * A back-end's two kinds of events: after one it has more to do, namely to send the other, and
 * after that nothing. Only the second is to hand over.
 */
static void two_ports(void)
{
    struct sched_handoff sent = {0}, come = {0};
    struct vcpu *front = &ends[FRONT].v, *back = &ends[BACK].v;
    unsigned by_sent = 0, by_come = 0;

    begin();
    leave(&ends[FRONT]);
    sched_fair.wake(&rq.q, &back->sched);
    enter(&ends[BACK]);
    sched_fair.wake(&rq.q, &front->sched);
    for (unsigned i = 0; i < 100; i++) {
        back->sched.handoff_heard++;
        sched_event_sent(front, &sent);
        by_sent += this_cpu()->need_resched;
        this_cpu()->need_resched = false;
        spend(LOOK_NS);
        sched_event_sent(front, &come);
        by_come += this_cpu()->need_resched;
        this_cpu()->need_resched = false;
        spend(LOOK_NS);
        if (back->sched.handoff_trial != NULL)
            sched_handoff_judge(&back->sched);
    }
    CHECK(by_sent == 0);
    CHECK(by_come > 85);
}

/* One in the queue that would preempt the receiver is passed over, but not for long. */
static void passed_over(void)
{
    struct vcpu *front = &ends[FRONT].v, *back = &ends[BACK].v;

    begin();
    leave(&ends[FRONT]);
    back->sched.vtime = rq.q.floor + 100000000;
    sched_fair.wake(&rq.q, &front->sched);
    sched_fair.wake(&rq.q, &back->sched);
    front->sched.runstate.state_entry_time = host_now;
    CHECK(sched_fair.preempts(&front->sched, &back->sched));
    rq.handoff = back;
    CHECK(sched_handed(&rq, &front->sched, host_now) == &back->sched);
    spend(WAKE_WAIT_NS);
    rq.handoff = back;
    CHECK(sched_handed(&rq, &front->sched, host_now) == NULL);
}

/* What the back-end's vcpu does with a port, in the words of the table in sched_handoff.c. */
enum act { SENDS, SENDS_UNHEARD, SENDS_BY_OTHER, BLOCKS_SOON, BLOCKS_LATE };

static struct sched_handoff port, other_port;

static bool act(enum act what)
{
    struct vcpu *front = &ends[FRONT].v, *back = &ends[BACK].v;
    bool hands_over;

    if (what == BLOCKS_SOON || what == BLOCKS_LATE) {
        spend(what == BLOCKS_SOON ? US(30) - 1 : US(30));
        sched_handoff_judge(&back->sched);
        return false;
    }
    back->sched.handoff_heard += what != SENDS_UNHEARD;
    sched_event_sent(front, what == SENDS_BY_OTHER ? &other_port : &port);
    hands_over = this_cpu()->need_resched;
    CHECK(!hands_over || rq.handoff == front);
    this_cpu()->need_resched = false;
    return hands_over;
}

/* Each cell: a state, what is done, and what comes of it. left, grant, doubt. */
static const struct cell {
    uint8_t before[3];
    bool trial; /* one of this port is on */
    enum act what;
    uint8_t after[3];
    bool hands_over, new_trial;
} cells[] = {
    /* GIVING */
    {{3, 3, 0}, false, SENDS, {2, 3, 0}, true, false},
    {{1, 7, 0}, false, SENDS, {0, 7, 0}, true, false},
    {{3, 3, 0}, false, SENDS_UNHEARD, {0, 3, 2}, false, true},
    /* TRYING */
    {{0, 7, 0}, false, SENDS, {0, 7, 0}, false, true},
    {{0, 7, 0}, false, SENDS_UNHEARD, {0, 7, 0}, false, true},
    {{0, 0, 0}, true, BLOCKS_SOON, {1, 1, 0}, false, false},
    {{0, 7, 0}, true, BLOCKS_SOON, {15, 15, 0}, false, false},
    {{0, 15, 0}, true, BLOCKS_SOON, {15, 15, 0}, false, false},
    {{0, 7, 0}, true, BLOCKS_LATE, {0, 0, 2}, false, false},
    {{0, 7, 0}, true, SENDS_BY_OTHER, {0, 0, 2}, false, false},
    {{0, 7, 0}, true, SENDS, {0, 7, 0}, false, true}, /* no verdict */
    /* DOUBTING */
    {{0, 3, 2}, false, SENDS, {0, 3, 2}, false, true},
    {{0, 3, 2}, false, SENDS_UNHEARD, {0, 3, 2}, false, true},
    {{0, 3, 2}, true, BLOCKS_SOON, {0, 3, 1}, false, false},
    {{0, 3, 1}, true, BLOCKS_SOON, {0, 3, 0}, false, false},
    {{0, 3, 2}, true, BLOCKS_LATE, {0, 0, 6}, false, false},
    {{0, 3, 62}, true, BLOCKS_LATE, {0, 0, 62}, false, false},
    {{0, 3, 30}, true, SENDS_BY_OTHER, {0, 0, 62}, false, false},
};

static void table(void)
{
    struct sched_vcpu *s = &ends[BACK].v.sched;

    begin();
    leave(&ends[FRONT]);
    sched_fair.wake(&rq.q, s);
    enter(&ends[BACK]);
    sched_fair.wake(&rq.q, &ends[FRONT].v.sched);
    for (unsigned i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        const struct cell *c = &cells[i];

        port = (struct sched_handoff){.left = c->before[0],
                                      .grant = c->before[1],
                                      .doubt = c->before[2],
                                      .heard = s->handoff_heard};
        other_port = (struct sched_handoff){0};
        s->handoff_trial = NULL;
        if (c->trial) {
            CHECK(!act(SENDS));
            CHECK(s->handoff_trial == &port);
        }
        CHECK(act(c->what) == c->hands_over);
        CHECK((s->handoff_trial == &port) == c->new_trial);
        CHECK(port.left == c->after[0] && port.grant == c->after[1] && port.doubt == c->after[2]);
    }
    /* One who does not wait here changes nothing. */
    ends[FRONT].v.sched.cpu = 1;
    CHECK(!act(SENDS));
    CHECK(s->handoff_trial == &other_port && port.doubt == 62);
    ends[FRONT].v.sched.cpu = 0;
}

void test_handoff(void)
{
    unsigned wrong = 0;

    table();
    two_ports();
    passed_over();

    for (uint8_t front = 0; front <= 15; front++) {
        for (uint8_t back = 0; back <= 15; back++)
            wrong += learns(front, back);
    }
    CHECK(wrong == 0);
}
