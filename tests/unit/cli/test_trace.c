// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_trace.c: rings that are read in rounds become one stream in order of time, of which nothing
 * is missing and nothing comes before what may still come; the words of -e; and names of calls.
 */
#include "check.h"

#include <cli/trace.h>
#include <public/lodge_trace.h>

#define CPUS   3u
#define ROUNDS 200u

static uint32_t chance(uint32_t n)
{
    static uint64_t state = 88172645463325252ull;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % n;
}

/* What one CPU has made of records in a round: times grow; code and vcpu say which one it is. */
static size_t make(struct lodge_trace_record *list, unsigned cpu, uint64_t *time, uint16_t *made)
{
    size_t n = chance(600);

    for (size_t i = 0; i < n; i++) {
        *time += chance(100);
        list[i] = (struct lodge_trace_record){.time = *time,
                                              .type = LODGE_TRACED_INTERRUPT,
                                              .code = (*made)++,
                                              .vcpu = (uint16_t)cpu};
    }
    return n;
}

static void in_rounds(void)
{
    static struct lodge_trace_record list[600];
    uint64_t time[CPUS] = {0}, last = 0, total = 0, got = 0, lost = 0;
    uint16_t made[CPUS] = {0}, seen[CPUS] = {0};
    const struct lodge_trace_record *r;
    struct trace_merge m;
    unsigned cpu;

    CHECK(trace_merge_init(&m, CPUS));
    for (unsigned round = 0; round <= ROUNDS; round++) {
        uint64_t until = UINT64_MAX;
        bool right = true;

        for (cpu = 0; cpu < CPUS && round < ROUNDS; cpu++) {
            size_t n = make(list, cpu, &time[cpu], &made[cpu]);

            CHECK(trace_merge_add(&m, cpu, list, n, round % 50 == 7 && cpu == 1 ? 5 : 0));
            total += n;
            until = time[cpu] < until ? time[cpu] : until;
        }
        while ((r = trace_merge_next(&m, until, &cpu)) != NULL) {
            if (r->type == TRACE_LOST) {
                lost += r->data[0];
                right = right && cpu == 1;
                continue;
            }
            right = right && r->time >= last && r->time < until && r->vcpu == cpu &&
                    r->code == seen[cpu];
            last = r->time;
            seen[cpu]++;
            got++;
        }
        CHECK(right);
    }
    CHECK(got == total);
    CHECK(lost == ROUNDS / 50 * 5);
    trace_merge_free(&m);
}

/* Nothing but a loss is known of a ring. */
static void only_lost(void)
{
    struct trace_merge m;
    unsigned cpu = 9;

    CHECK(trace_merge_init(&m, 2));
    CHECK(trace_merge_next(&m, UINT64_MAX, &cpu) == NULL);
    CHECK(trace_merge_add(&m, 1, NULL, 0, 3));
    CHECK(trace_merge_next(&m, UINT64_MAX, &cpu) != NULL && cpu == 1);
    CHECK(trace_merge_next(&m, UINT64_MAX, &cpu) == NULL);
    trace_merge_free(&m);
}

static void events(void)
{
    const char *bad = NULL;
    int len = 0;

    CHECK(trace_events("all", &bad, &len) == LODGE_TRACE_EVERYTHING);
    CHECK(trace_events("hypercall", &bad, &len) == LODGE_TRACE_HYPERCALLS);
    CHECK(trace_events("event,schedule,event", &bad, &len) ==
          (LODGE_TRACE_EVENTS | LODGE_TRACE_SCHEDULE));
    CHECK(!bad);
    CHECK(trace_events("event,,schedule", &bad, &len) == 0 && len == 0);
    CHECK(trace_events("hypercalls", &bad, &len) == 0 && len == 10);
    CHECK(trace_events("upcall", &bad, &len) == 0);
    CHECK(trace_events("lost", &bad, &len) == 0);
}

/*
 * All that the hypervisor serves has its name here, an operation of our own as well. Standard input
 * is what served.py prints; behind the name of a call alone its operation may be.
 */
static void names(void)
{
    unsigned call, op, nr = 0;
    char wanted[64], name[64];

    while (scanf("%u %u %63[^\n]", &call, &op, wanted) == 3) {
        struct lodge_trace_record r = {
            .type = LODGE_TRACED_HYPERCALL, .code = (uint16_t)call, .data = {op, 0, 0, 0, op, 1}};

        trace_call_name(&r, name, sizeof(name));
        if (!strchr(wanted, ' '))
            name[strcspn(name, " ")] = '\0';
        CHECK_STR(name, wanted);
        nr++;
    }
    CHECK(nr > 100);
}

int main(void)
{
    in_rounds();
    only_lost();
    events();
    names();
    return check_end();
}
