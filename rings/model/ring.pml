/* SPDX-License-Identifier: MIT */
/*
 * A request/response ring with both its ends, for the model checker: the steps of rings/ring.h.
 *
 * Each end is a process that does, in any order that the protocol allows, what a driver may do:
 * write requests one by one and publish them in batches, take some or all, answer at once or while
 * asleep (as a disk does), and sleep when there is nothing to take. An event is a bit that a
 * notification sets and a sleeper clears.
 *
 * Memory is that of an x86 processor: a store goes into the processor's buffer, first in first out,
 * and reaches memory at any time later; loads see memory at once; a full barrier waits for the
 * buffer to be empty. Without that the model could not tell why ring.h has its barriers.
 *
 * What is shown, by exhausting all interleavings:
 *   - no lost notification: the two never sleep at once (a state with no way on is an error), and,
 *     under weak fairness, a response is taken again and again (no cycle without progress);
 *   - rsp_push <= rsp_prod <= req_cons <= req_prod <= rsp_push + slots, and the like at the front;
 *   - each request and each response is taken once, in order, as it was written: no slot is
 *     overwritten before it is read.
 *
 * With EVIL_FRONT or EVIL_BACK, that end is a peer that writes anything at any time: whatever the
 * other loads is any value, and it may be woken whenever it sleeps. It must keep its invariants, and
 * a back-end take no more than there are slots between two pushes.
 *
 * Each word in BROKEN_* leaves one thing out: the checker must find the error.
 *   BROKEN_NO_RECHECK     sleep without the second look
 *   BROKEN_PUSH_FENCE     no barrier between publishing and the look at the other's event index
 *   BROKEN_SLEEP_FENCE    no barrier between setting the event index and the second look
 *   BROKEN_ORDER          publish a request before it is written
 *   BROKEN_EVENT          ask for an event one index too late
 *   BROKEN_OVERFILL       the front-end takes its word for free slots
 *   BROKEN_TRUST          the peer's index is not checked
 *   BROKEN_SPIN           a sleeper that sees work goes on looking instead of taking it
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#define RANGE        (3 * SLOTS) /* indices wrap here, as they do at 2^32 */
#define DIFF(a, b)   (((a) + RANGE - (b)) % RANGE)
#define NEXT(a)      (((a) + 1) % RANGE)
#define WANTS(old, new, event) (DIFF(new, event) < DIFF(new, old))

/* The shared page. */
#define REQ_PROD  0
#define REQ_EVENT 1
#define RSP_PROD  2
#define RSP_EVENT 3
#define SLOT(i)   (4 + (i) % SLOTS)
byte page[4 + SLOTS];
#define EMPTY       0 /* what a slot is set to when it was read: it means nothing until written */
#define REQUEST(i)  (1 + (i))
#define RESPONSE(i) (1 + RANGE + (i))

/* The two processors' store buffers, and the event channel's two pending bits. */
#ifndef BUFFER
#define BUFFER 2
#endif
chan front_stores = [BUFFER] of { byte, byte };
chan back_stores = [BUFFER] of { byte, byte };
bool front_event, back_event;

#if defined(EVIL_FRONT) || defined(EVIL_BACK)
#define LOAD(to, at)             select(to : 0 .. RANGE - 1)
#define STORE(buffer, at, value) skip
#define FENCE(buffer)            skip
#else
#define LOAD(to, at)             to = page[at]
#define STORE(buffer, at, value) buffer ! at, value
#define FENCE(buffer)            empty(buffer)
#endif

#ifdef BROKEN_PUSH_FENCE
#define PUSH_FENCE(buffer) skip
#else
#define PUSH_FENCE(buffer) FENCE(buffer)
#endif
#ifdef BROKEN_SLEEP_FENCE
#define SLEEP_FENCE(buffer) skip
#else
#define SLEEP_FENCE(buffer) FENCE(buffer)
#endif
#ifdef BROKEN_EVENT
#define AWAITED(cons) NEXT(NEXT(cons))
#else
#define AWAITED(cons) NEXT(cons)
#endif

/* ---- The back-end: struct ring_back. ---- */
byte b_req_prod, b_req_cons, b_rsp_prod, b_rsp_push;
byte b_taken; /* of requests that no published response answers */
bool b_broken;

#define BACK_INVARIANT \
    (DIFF(b_rsp_prod, b_rsp_push) <= DIFF(b_req_cons, b_rsp_push) && \
     DIFF(b_req_cons, b_rsp_push) <= DIFF(b_req_prod, b_rsp_push) && \
     DIFF(b_req_prod, b_rsp_push) <= SLOTS && b_taken <= SLOTS)

/* ring_back_check() */
inline back_look(seen)
{
    atomic {
        LOAD(seen, REQ_PROD);
#ifndef BROKEN_TRUST
        if
        :: DIFF(seen, b_rsp_push) > SLOTS || DIFF(seen, b_rsp_push) < DIFF(b_req_prod, b_rsp_push) ->
            b_broken = true
        :: else -> b_req_prod = seen
        fi;
#else
        b_req_prod = seen;
#endif
        seen = 0;
        assert(BACK_INVARIANT)
    }
}

/* ring_back_put() */
inline back_answer()
{
    atomic {
        STORE(back_stores, SLOT(b_rsp_prod), RESPONSE(b_rsp_prod));
        b_rsp_prod = NEXT(b_rsp_prod)
    }
}

/* ring_back_push() */
inline back_push(old, event)
{
    atomic {
        STORE(back_stores, RSP_PROD, b_rsp_prod);
        old = b_rsp_push;
        b_rsp_push = b_rsp_prod;
        b_taken = DIFF(b_req_cons, b_rsp_prod);
        assert(BACK_INVARIANT)
    }
    atomic {
        PUSH_FENCE(back_stores);
        LOAD(event, RSP_EVENT);
        if
        :: WANTS(old, b_rsp_push, event) -> front_event = true
        :: else
        fi;
        old = 0;
        event = 0
    }
}

#ifndef EVIL_BACK
proctype back()
{
    byte x, y;

    do
    :: b_broken -> break
    :: else ->
        if
        :: b_req_cons != b_req_prod -> /* ring_back_take() */
            atomic {
#ifndef EVIL_FRONT
                assert(page[SLOT(b_req_cons)] == REQUEST(b_req_cons));
                page[SLOT(b_req_cons)] = EMPTY;
#endif
                b_req_cons = NEXT(b_req_cons);
                b_taken++;
                assert(BACK_INVARIANT)
            }
        :: b_rsp_prod != b_req_cons -> back_answer()
        :: b_rsp_push != b_rsp_prod -> back_push(x, y)
        :: b_req_cons == b_req_prod && b_rsp_push == b_rsp_prod ->
            /* ring_back_final_check() */
            back_look(x);
            if
            :: b_broken || b_req_cons != b_req_prod -> skip
            :: else ->
                STORE(back_stores, REQ_EVENT, AWAITED(b_req_cons));
                SLEEP_FENCE(back_stores);
#ifndef BROKEN_NO_RECHECK
                back_look(x);
#endif
                do /* asleep, but what is in flight may end */
#ifdef BROKEN_SPIN
                :: b_req_cons != b_req_prod -> skip
#else
                :: b_broken || b_req_cons != b_req_prod -> break
#endif
                :: else ->
                    if
                    :: atomic { back_event -> back_event = false }; break
                    :: b_rsp_prod != b_req_cons -> back_answer(); back_push(x, y)
                    fi
                od
            fi
        fi
    od
}
#endif

/* ---- The front-end: struct ring_front. ---- */
byte f_req_prod, f_req_push, f_rsp_prod, f_rsp_cons;
bool f_broken;

#define FRONT_INVARIANT \
    (DIFF(f_rsp_prod, f_rsp_cons) <= DIFF(f_req_push, f_rsp_cons) && \
     DIFF(f_req_push, f_rsp_cons) <= DIFF(f_req_prod, f_rsp_cons) && \
     DIFF(f_req_prod, f_rsp_cons) <= SLOTS)

/* ring_front_check() */
inline front_look(seen)
{
    atomic {
        LOAD(seen, RSP_PROD);
#ifndef BROKEN_TRUST
        if
        :: DIFF(seen, f_rsp_cons) > DIFF(f_req_push, f_rsp_cons) ||
               DIFF(seen, f_rsp_cons) < DIFF(f_rsp_prod, f_rsp_cons) ->
            f_broken = true
        :: else -> f_rsp_prod = seen
        fi;
#else
        f_rsp_prod = seen;
#endif
        seen = 0;
        assert(FRONT_INVARIANT)
    }
}

/* ring_front_push() */
inline front_push(old, event)
{
    atomic {
        STORE(front_stores, REQ_PROD, f_req_prod);
        old = f_req_push;
        f_req_push = f_req_prod
    }
    atomic {
        PUSH_FENCE(front_stores);
        LOAD(event, REQ_EVENT);
        if
        :: WANTS(old, f_req_push, event) -> back_event = true
        :: else
        fi;
        old = 0;
        event = 0
    }
}

#ifdef BROKEN_OVERFILL
#define FREE (DIFF(f_req_prod, f_rsp_cons) < SLOTS + 1)
#else
#define FREE (DIFF(f_req_prod, f_rsp_cons) < SLOTS)
#endif

#ifndef EVIL_FRONT
proctype front()
{
    byte x, y;

    do
    :: f_broken -> break
    :: else ->
        if
        :: FREE -> /* ring_front_put() */
#ifdef BROKEN_ORDER
            STORE(front_stores, REQ_PROD, NEXT(f_req_prod));
#endif
            atomic {
                STORE(front_stores, SLOT(f_req_prod), REQUEST(f_req_prod));
                f_req_prod = NEXT(f_req_prod)
            }
        :: f_req_push != f_req_prod -> front_push(x, y)
        :: f_rsp_cons != f_rsp_prod -> /* ring_front_take() */
progress_taken:
            atomic {
#ifndef EVIL_BACK
                assert(page[SLOT(f_rsp_cons)] == RESPONSE(f_rsp_cons));
                page[SLOT(f_rsp_cons)] = EMPTY;
#endif
                f_rsp_cons = NEXT(f_rsp_cons);
                assert(FRONT_INVARIANT)
            }
        :: f_rsp_cons == f_rsp_prod && f_req_push == f_req_prod && f_rsp_cons != f_req_push ->
            /* ring_front_final_check() */
            front_look(x);
            if
            :: f_broken || f_rsp_cons != f_rsp_prod -> skip
            :: else ->
                STORE(front_stores, RSP_EVENT, AWAITED(f_rsp_cons));
                SLEEP_FENCE(front_stores);
#ifndef BROKEN_NO_RECHECK
                front_look(x);
#endif
                if
                :: f_broken || f_rsp_cons != f_rsp_prod -> skip
                :: else -> atomic { front_event -> front_event = false }
                fi
            fi
        fi
    od
}
#endif

/* ---- What wakes the honest end when the other is not. ---- */
#if defined(EVIL_FRONT) || defined(EVIL_BACK)
proctype evil()
{
end_evil:
    do
    :: atomic { !front_event || !back_event -> front_event = true; back_event = true }
    od
}
#endif

/* ---- The store buffers drain. ---- */
proctype front_drain()
{
    byte at, value;

end_drain:
    do
    :: atomic { front_stores ? at, value -> page[at] = value; at = 0; value = 0 }
    od
}

proctype back_drain()
{
    byte at, value;

end_drain:
    do
    :: atomic { back_stores ? at, value -> page[at] = value; at = 0; value = 0 }
    od
}

init
{
    atomic {
        page[REQ_EVENT] = 1;
        page[RSP_EVENT] = 1;
#ifdef EVIL_FRONT
        run evil();
#else
        run front();
#endif
#ifdef EVIL_BACK
        run evil();
#else
        run back();
#endif
        run front_drain();
        run back_drain()
    }
}
