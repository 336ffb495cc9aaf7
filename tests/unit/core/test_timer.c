/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The timer heap against a model: a plain array in which the same timers are set, stopped and run
 * out. Order of firing, the programmed deadline, handlers that set timers, other CPUs' timers.
 */
#include <core/timer.h>
#include <x86/cpu.h>

#include "unit.h"

#define TIMERS 200

static struct timer timers[TIMERS];
static uint64_t model[TIMERS]; /* 0: not set */
static uint64_t last_fired;
static unsigned fired, wrong;

static void on_fire(void *data)
{
    uint64_t i = (uint64_t)data;

    fired++;
    if (model[i] == 0 || model[i] > host_now || model[i] < last_fired)
        wrong++;
    last_fired = model[i];
    model[i] = 0;
    if (unit_random() % 4 == 0) { /* a handler may set its own timer again */
        model[i] = host_now + 1 + unit_random() % 1000;
        timer_set(&timers[i], model[i]);
    }
}

static uint64_t model_first(void)
{
    uint64_t first = UINT64_MAX;

    for (unsigned i = 0; i < TIMERS; i++) {
        if (model[i] != 0 && model[i] < first)
            first = model[i];
    }
    return first;
}

static void random_steps(void)
{
    unsigned late = 0, missed = 0;

    for (unsigned step = 0; step < 50000; step++) {
        unsigned i = unit_random() % TIMERS;

        switch (unit_random() % 4) {
        case 0:
        case 1:
            model[i] = host_now + 1 + unit_random() % 5000;
            timer_set(&timers[i], model[i]);
            break;
        case 2:
            model[i] = 0;
            timer_stop(&timers[i]);
            break;
        default:
            host_now += unit_random() % 200;
            last_fired = 0;
            timer_run_expired();
            missed += model_first() <= host_now;
        }
        /* The hardware may fire too early (a stopped timer), never too late. */
        late += host_deadline > model_first();
    }
    CHECK(wrong == 0);
    CHECK(missed == 0);
    CHECK(late == 0);
    CHECK(fired > 1000);
}

static void other_cpu(void)
{
    struct timer t;
    uint64_t fired_before = fired;

    for (unsigned i = 0; i < TIMERS; i++) {
        timer_stop(&timers[i]);
        model[i] = 0;
    }
    timer_init(&t, on_fire, (void *)1, 1);
    host_kicks = 0;
    model[1] = host_now + 10;
    timer_set(&t, model[1]);
    CHECK(host_kicks == 1); /* CPU 1 has to program its own hardware */
    host_cpu = 1;
    host_deadline = UINT64_MAX;
    timer_check_kick();
    CHECK(host_deadline == model[1]);
    CHECK(fired == fired_before);
    timer_migrate(&t, 0);
    CHECK(t.cpu == 0 && t.active);
    CHECK(cpus[1]->timers.root == NULL);
    host_cpu = 0;
    timer_stop(&t);
    CHECK(!t.active && cpus[0]->timers.root == NULL);
}

static struct timer moved;

static void stop_it(void)
{
    timer_stop(&moved);
}

static void set_it(void)
{
    timer_set(&moved, host_now + 20);
}

static void move_it(void)
{
    timer_migrate(&moved, 0);
}

/* Another CPU finds the timer while it is in neither queue. */
static void migration_races(void)
{
    static void (*const others[])(void) = {stop_it, set_it, move_it};

    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        timer_init(&moved, on_fire, NULL, 0);
        timer_set(&moved, host_now + 10);
        host_before_second_lock = others[i];
        timer_migrate(&moved, 1);
        CHECK(host_before_second_lock == NULL);
        CHECK(moved.active == (others[i] != stop_it));
        CHECK(moved.expires == host_now + (others[i] == set_it ? 20 : 10));
        CHECK(moved.cpu == (others[i] == move_it ? 0 : 1));
        CHECK((cpus[moved.cpu]->timers.root == &moved) == moved.active);
        CHECK(cpus[1 - moved.cpu]->timers.root == NULL);
        timer_stop(&moved);
    }
}

static void count(void *data)
{
    (void)data;
    fired++;
}

/* A CPU goes out of use: its timers fire elsewhere, also those that are set later. */
static void leaving(void)
{
    static struct timer left[20], late;
    unsigned n = 0;

    fired = 0;
    cpu_active = 3;
    for (unsigned i = 0; i < ARRAY_SIZE(left); i++) {
        timer_init(&left[i], count, NULL, 1);
        timer_set(&left[i], host_now + 10 + i % 7);
    }
    timer_init(&late, count, NULL, 1);
    cpu_active = 1;
    while (timer_take_over(1, 0))
        n++;
    CHECK(n == ARRAY_SIZE(left) && cpus[1]->timers.root == NULL);
    CHECK(host_deadline == host_now + 10);
    timer_set(&late, host_now + 5);
    CHECK(late.cpu == 0 && cpus[1]->timers.root == NULL && host_deadline == host_now + 5);
    timer_stop(&left[3]);
    host_now += 20;
    for (n = 0; n < 20; n++)
        timer_run_expired();
    CHECK(fired == ARRAY_SIZE(left)); /* and the late one, but for the stopped one */
    cpu_active = 3;
}

/* Any number that is due at once: a few in each interrupt, and the next one comes immediately. */
static void at_one_moment(void)
{
    static struct timer due[100];
    unsigned most = 0, idle = 0, before;

    fired = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(due); i++) {
        timer_init(&due[i], count, NULL, 0);
        timer_set(&due[i], host_now + 10);
    }
    host_now += 10;
    while (fired < ARRAY_SIZE(due) && idle == 0) {
        idle += host_deadline > host_now;
        before = fired;
        timer_run_expired();
        most = MAX(most, fired - before);
        idle += fired == before;
    }
    CHECK(fired == ARRAY_SIZE(due));
    CHECK(idle == 0);
    CHECK(most > 0 && most <= 20);
    CHECK(host_deadline == UINT64_MAX);
}

void test_timer(void)
{
    timer_queue_init(&cpus[0]->timers);
    timer_queue_init(&cpus[1]->timers);
    host_now = 1000;
    for (uint64_t i = 0; i < TIMERS; i++)
        timer_init(&timers[i], on_fire, (void *)i, 0);
    random_steps();
    other_cpu();
    migration_races();
    at_one_moment();
    leaving();
}
