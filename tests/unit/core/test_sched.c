/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy on a simulated CPU: shares follow weights, nobody starves, a vcpu that wakes gets in
 * soon but cannot live off it, moving between CPUs neither gains nor loses, caps hold.
 */
#include <string.h>

#include <core/sched/sched_policy.h>
#include <lib/bug.h>

#include "unit.h"

#define N 8

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
        sched_fair.wake(&q, &v[i]);
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
        back(run_first(MS(1) + unit_random() % MS(4)));
    CHECK(near(ran[1], 2 * ran[0], 3));
    CHECK(near(ran[2], 4 * ran[0], 3));
    CHECK(near(4 * ran[3], ran[0], 5));
    CHECK(longest_wait[0] < MS(100));
    CHECK(longest_wait[3] < MS(400)); /* a 29th of the CPU in slices of up to 5 ms */
}

/* Seven hogs, and one that runs 1 ms of every 20: it must not wait for its turn behind them. */
static void sleeper(void)
{
    uint64_t worst = 0, next = MS(19);
    bool asleep = true;

    begin(7);
    for (unsigned step = 0; step < 20000; step++) {
        struct sched_vcpu *s;

        if (asleep && now >= next) {
            sched_fair.wake(&q, &v[7]);
            queued_at[7] = now;
            asleep = false;
        }
        s = sched_fair.first(&q, always);
        if (s == &v[7]) {
            worst = MAX(worst, now - queued_at[7]);
            run_first(MS(1));
            next = now + MS(19);
            asleep = true;
        } else {
            back(run_first(MS(1)));
        }
    }
    CHECK(ran[7] > 0);
    CHECK(worst <= MS(5));
    for (unsigned i = 1; i < 7; i++)
        CHECK(near(ran[i], ran[0], 5));
}

/*
 * A CPU as core/sched/sched.c has it, in steps of TICK: slices, an undisturbed time for the one
 * that has just begun, preemption by those that wake. run[i] ns and then sleep[i] ns are vcpu i's
 * habit.
 */
#define TICK (MS(1) / 4)

static uint64_t run[N], sleep[N], left[N], wake_at[N];

static bool gives_way(unsigned i, uint64_t since)
{
    struct sched_vcpu *w = sched_fair.first(&q, always);

    if (w == NULL || now - since < MS(1))
        return false;
    return sched_fair.preempts(w, &v[i]) ||
           (now - since >= sched_fair.slice_ns && sched_fair.next_in_turn(w, &v[i]));
}

static void simulate(unsigned n, uint64_t until)
{
    unsigned i = N; /* who runs; N: nobody */
    uint64_t since = 0;

    while (now < until) {
        for (unsigned k = 0; k < n; k++) {
            if (wake_at[k] != 0 && wake_at[k] <= now) {
                wake_at[k] = 0;
                left[k] = run[k];
                queued_at[k] = now;
                sched_fair.wake(&q, &v[k]);
            }
        }
        if (i < N && gives_way(i, since)) {
            back(i);
            i = N;
        }
        if (i == N && q.nr_waiting != 0) {
            i = run_first(TICK);
            since = now - TICK;
        } else {
            now += TICK;
            if (i == N) {
                sched_fair.idle(&q, TICK);
                continue;
            }
            ran[i] += TICK;
            sched_fair.charge(&q, &v[i], weight[i], TICK);
        }
        left[i] -= TICK;
        if (sleep[i] != 0 && left[i] == 0) {
            wake_at[i] = now + sleep[i];
            i = N;
        }
    }
}

/* Of n vcpus the first `nappers` run for `nap` ns and sleep as long, the others always want to. */
static void begin_nappers(unsigned nappers, unsigned n, uint64_t nap)
{
    begin(n);
    memset(wake_at, 0, sizeof(wake_at));
    memset(sleep, 0, sizeof(sleep));
    for (unsigned i = 0; i < nappers; i++)
        run[i] = sleep[i] = left[i] = nap;
}

/* Whoever sleeps half of the time gets its share of the CPU and no more, and so do all others. */
static unsigned unfair(unsigned nappers, unsigned hogs, uint64_t nap, unsigned w, unsigned hog_w)
{
    unsigned n = nappers + hogs, all = nappers * w + hogs * hog_w, wrong = 0;
    uint64_t span = MS(60000), most;

    begin_nappers(nappers, n, nap);
    for (unsigned i = 0; i < n; i++)
        weight[i] = i < nappers ? w : hog_w;
    simulate(n, span);
    for (unsigned i = 0; i < n; i++) {
        uint64_t share = span * weight[i] / all;

        most = i < nappers ? MIN(share, span / 2) : span;
        /* A napper has to wait now and then, and so comes to sleep less often than it could. */
        if (ran[i] <= most * 103 / 100 &&
            ran[i] >= MIN(share, most) * (i < nappers ? 70 : 97) / 100)
            continue;
        wrong++;
        printf("%u nap %lu ms (weight %u), %u hogs (%u): vcpu %u has %lu of %lu ms\n", nappers,
               nap / MS(1), w, hogs, hog_w, i, ran[i] / MS(1), share / MS(1));
    }
    return wrong;
}

static void naps(void)
{
    static const unsigned weights[][2] = {{256, 256}, {256, 2560}, {1024, 256}, {16, 256}};
    unsigned wrong = 0;

    for (unsigned nappers = 1; nappers <= 2; nappers++) {
        for (unsigned hogs = 1; hogs <= 4; hogs += 3) {
            for (unsigned i = 0; i < ARRAY_SIZE(weights); i++) {
                for (uint64_t nap = MS(1); nap <= MS(9); nap += MS(2))
                    wrong += unfair(nappers, hogs, nap, weights[i][0], weights[i][1]);
            }
        }
    }
    CHECK(wrong == 0);
}

/* Alone on the CPU it owes nobody; what it slept is not saved up either. */
static void after_idleness(void)
{
    begin_nappers(2, 2, MS(3));
    sched_fair.detach(&q, &v[1]);
    simulate(1, MS(600));
    CHECK(near(ran[0], MS(300), 1));
    CHECK(v[0].vtime - q.floor <= (int64_t)MS(3));
    CHECK(wake_at[0] == now);
    sleep[0] = 0; /* a hog it is, and v[1] joins it after 600 ms of sleep */
    wake_at[1] = now;
    memset(ran, 0, sizeof(ran));
    sleep[1] = 0;
    simulate(2, now + MS(100));
    CHECK(near(ran[0], ran[1], 10));
    CHECK(longest_wait[1] <= MS(5) && longest_wait[0] <= MS(10));
}

static void migration(void)
{
    struct sched_queue other;
    int64_t ahead;
    unsigned i;

    begin(3);
    for (unsigned step = 0; step < 301; step++)
        back(run_first(MS(1)));
    ahead = v[0].vtime - q.floor;
    sched_fair.init(&other); /* its clock is far behind */
    sched_fair.detach(&q, &v[0]);
    sched_fair.move(&q, &other, &v[0]);
    sched_fair.wake(&other, &v[0]);
    CHECK(q.nr_waiting == 2 && other.nr_waiting == 1);
    CHECK(ahead > 0 && v[0].vtime - other.floor == ahead); /* no way to be rid of it */
    sched_fair.detach(&other, &v[0]);
    sched_fair.move(&other, &q, &v[0]);
    sched_fair.wake(&q, &v[0]);
    memset(ran, 0, sizeof(ran));
    for (unsigned step = 0; step < 3000; step++)
        back(run_first(MS(1)));
    for (i = 1; i < 3; i++)
        CHECK(near(ran[i], ran[0], 2));
}

static void preemption(void)
{
    begin(1);
    run_first(MS(50));
    sched_fair.wake(&q, &v[1]);
    CHECK(sched_fair.preempts(&v[1], &v[0]));
    sched_fair.detach(&q, &v[1]);
    v[1].vtime = v[0].vtime; /* has had as much as the running one */
    sched_fair.wake(&q, &v[1]);
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
        uint64_t left = sched_cap_left(&d, t), run = MIN(left, MS(1));

        if (left != 0) {
            used += run + 1000; /* it always runs a little over */
            sched_cap_charge(&d, run + 1000, t);
        }
        t += MS(1) + 1000;
    }
    CHECK(near(used, t / 2, 2));
    d.cap = 0;
    CHECK(sched_cap_left(&d, t) == UINT64_MAX);
}

void test_sched(void)
{
    shares();
    sleeper();
    naps();
    after_idleness();
    migration();
    preemption();
    caps();
}
