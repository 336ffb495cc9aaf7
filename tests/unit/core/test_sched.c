/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy on a simulated CPU: shares follow weights, nobody starves, a vcpu that wakes gets in
 * soon but cannot live off it, moving between CPUs neither gains nor loses, caps hold.
 */
#include <string.h>

#include <core/sched_policy.h>
#include <lib/bug.h>

#include "unit.h"

#define MS 1000000ull
#define N  8

static struct sched_vcpu v[N];
static struct sched_queue q;
static unsigned weight[N];
static uint64_t ran[N], longest_wait[N], queued_at[N];
static uint64_t now;

static bool always(const struct sched_vcpu *s)
{
    return true;
}

static void begin(unsigned n)
{
    memset(v, 0, sizeof(v));
    memset(ran, 0, sizeof(ran));
    memset(longest_wait, 0, sizeof(longest_wait));
    sched_fair.init(&q);
    now = 0;
    for (unsigned i = 0; i < N; i++) {
        list_init(&v[i].link);
        weight[i] = 256;
        queued_at[i] = 0;
    }
    for (unsigned i = 0; i < n; i++)
        sched_fair.wake(&q, &v[i], 0);
}

/* The one that is first runs for ns; it stays running. */
static unsigned run_first(uint64_t ns)
{
    struct sched_vcpu *s = sched_fair.first(&q, always);
    unsigned i = (unsigned)(s - v);

    longest_wait[i] = MAX(longest_wait[i], now - queued_at[i]);
    sched_fair.run(&q, s);
    now += ns;
    ran[i] += ns;
    sched_fair.charge(&q, s, weight[i], ns);
    return i;
}

static void back(unsigned i)
{
    queued_at[i] = now;
    sched_fair.preempted(&q, &v[i]);
}

static bool near(uint64_t a, uint64_t b, unsigned percent)
{
    uint64_t d = a > b ? a - b : b - a;

    return d * 100 <= b * percent;
}

static void shares(void)
{
    begin(4);
    weight[1] = 512;
    weight[2] = 1024;
    weight[3] = 64;
    for (unsigned step = 0; step < 20000; step++)
        back(run_first(MS + unit_random() % (4 * MS)));
    CHECK(near(ran[1], 2 * ran[0], 3));
    CHECK(near(ran[2], 4 * ran[0], 3));
    CHECK(near(4 * ran[3], ran[0], 5));
    CHECK(longest_wait[0] < 100 * MS);
    CHECK(longest_wait[3] < 400 * MS); /* a 29th of the CPU in slices of up to 5 ms */
}

/* Seven hogs, and one that runs 1 ms of every 20: it must not wait for its turn behind them. */
static void sleeper(void)
{
    uint64_t worst = 0, next = 0;
    bool asleep = true;

    begin(7);
    v[7].vtime = 0;
    for (unsigned step = 0; step < 20000; step++) {
        struct sched_vcpu *s;
        unsigned i;

        if (asleep && now >= next) {
            sched_fair.wake(&q, &v[7], 19 * MS);
            queued_at[7] = now;
            asleep = false;
        }
        s = sched_fair.first(&q, always);
        if (s == &v[7]) {
            worst = MAX(worst, now - queued_at[7]);
            i = run_first(MS);
            next = now + 19 * MS;
            sched_fair.detach(&q, &v[i]);
            asleep = true;
        } else {
            back(run_first(MS));
        }
    }
    CHECK(ran[7] > 0);
    CHECK(worst <= 5 * MS);
    for (unsigned i = 1; i < 7; i++)
        CHECK(near(ran[i], ran[0], 5));
}

/* One that sleeps an instant before each slice ends must not get more than a hog. */
static void cheat(void)
{
    begin(2);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = run_first(4 * MS);

        if (i == 1) {
            sched_fair.detach(&q, &v[1]);
            sched_fair.wake(&q, &v[1], 1000);
        } else {
            back(i);
        }
    }
    CHECK(near(ran[1], ran[0], 5));
}

static void migration(void)
{
    struct sched_queue other;
    unsigned i;

    begin(3);
    for (unsigned step = 0; step < 300; step++)
        back(run_first(MS));
    sched_fair.init(&other); /* its clock is far behind */
    sched_fair.detach(&q, &v[0]);
    sched_fair.wake(&other, &v[0], 0);
    CHECK(q.nr_waiting == 2 && other.nr_waiting == 1);
    CHECK(v[0].vtime - other.floor < (int64_t)(10 * MS));
    sched_fair.detach(&other, &v[0]);
    sched_fair.wake(&q, &v[0], 0);
    memset(ran, 0, sizeof(ran));
    for (unsigned step = 0; step < 3000; step++)
        back(run_first(MS));
    for (i = 1; i < 3; i++)
        CHECK(near(ran[i], ran[0], 2));
}

static void preemption(void)
{
    begin(1);
    run_first(50 * MS);
    sched_fair.wake(&q, &v[1], 100 * MS);
    CHECK(sched_fair.preempts(&v[1], &v[0]));
    sched_fair.detach(&q, &v[1]);
    v[1].vtime = 0; /* has had as much as the running one */
    sched_fair.wake(&q, &v[1], 0);
    CHECK(!sched_fair.preempts(&v[1], &v[0]));
    v[0].yielding = true;
    CHECK(sched_fair.next_in_turn(&v[1], &v[0]));
}

static void caps(void)
{
    struct sched_domain d = {.weight = 256, .cap = 50};
    uint64_t used = 0, t = 0;

    CHECK(sched_cap_left(&d, t) == SCHED_CAP_PERIOD / 2);
    for (unsigned step = 0; step < 10000; step++) {
        uint64_t left = sched_cap_left(&d, t), run = MIN(left, MS);

        if (left != 0) {
            used += run + 1000; /* it always runs a little over */
            sched_cap_charge(&d, run + 1000, t);
        }
        t += MS + 1000;
    }
    CHECK(near(used, t / 2, 2));
    d.cap = 0;
    CHECK(sched_cap_left(&d, t) == UINT64_MAX);
}

void test_sched(void)
{
    shares();
    sleeper();
    cheat();
    migration();
    preemption();
    caps();
}
