// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace_merge.c: records of several rings in order of time.
 *
 * A ring is in order by itself. A record can be given out only when no ring can bring an earlier
 * one any more, so the caller says up to what time all rings have been read. What waits is what a
 * round of reading has brought: it does not grow with the length of the trace.
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include <public/lodge_trace.h>

bool trace_merge_init(struct trace_merge *m, unsigned cpus)
{
    m->cpus = cpus;
    m->queue = calloc(cpus, sizeof(*m->queue));
    return m->queue != NULL;
}

void trace_merge_free(struct trace_merge *m)
{
    for (unsigned cpu = 0; m->queue && cpu < m->cpus; cpu++)
        free(m->queue[cpu].list);
    free(m->queue);
    m->queue = NULL;
}

/* Room for n more at the end. */
static bool make_room(struct trace_queue *q, size_t n)
{
    struct lodge_trace_record *list;
    size_t room = q->room ? q->room : 256;

    if (q->first) {
        memmove(q->list, q->list + q->first, q->nr * sizeof(*q->list));
        q->first = 0;
    }
    if (q->nr + n <= q->room)
        return true;
    while (room < q->nr + n)
        room *= 2;
    list = realloc(q->list, room * sizeof(*list));
    if (!list)
        return false;
    q->list = list;
    q->room = room;
    return true;
}

bool trace_merge_add(struct trace_merge *m, unsigned cpu, const struct lodge_trace_record *list,
                     size_t n, uint64_t lost)
{
    struct trace_queue *q = &m->queue[cpu];

    if (!make_room(q, n + 1))
        return false;
    if (lost) {
        struct lodge_trace_record *r = &q->list[q->nr++];

        memset(r, 0, sizeof(*r));
        r->type = TRACE_LOST;
        r->domain = LODGE_TRACE_IDLE;
        r->data[0] = lost;
        if (n)
            r->time = list[0].time;
        else if (q->nr > 1)
            r->time = r[-1].time;
    }
    if (n)
        memcpy(&q->list[q->nr], list, n * sizeof(*list));
    q->nr += n;
    return true;
}

const struct lodge_trace_record *trace_merge_next(struct trace_merge *m, uint64_t before,
                                                  unsigned *cpu)
{
    const struct lodge_trace_record *earliest = NULL;

    for (unsigned i = 0; i < m->cpus; i++) {
        const struct trace_queue *q = &m->queue[i];
        const struct lodge_trace_record *r = q->nr ? &q->list[q->first] : NULL;

        if (r && r->time < before && (!earliest || r->time < earliest->time)) {
            earliest = r;
            *cpu = i;
        }
    }
    if (earliest) {
        m->queue[*cpu].first++;
        m->queue[*cpu].nr--;
    }
    return earliest;
}
