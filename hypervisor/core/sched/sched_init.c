/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's set-up: the run queues and the idle vcpu of each CPU at boot; what a vcpu and a
 * domain begin with. A vcpu begins down, with nothing that keeps it to a CPU.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/machine.h>
#include <core/sched/runstate.h>
#include <core/sched/sched_internal.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/vcpu.h>
#include <x86/cpu.h>
#include <x86/time.h>

#define WEIGHT_NORM 256

void sched_init(const char *policy_name)
{
    if (policy_name != NULL && policy_name[0] != '\0' &&
        strcmp(policy_name, SCHED_POLICY->name) != 0)
        log_warn("sched=%s is not known; using sched=%s", policy_name, SCHED_POLICY->name);
    for (unsigned i = 0; i < NR_CPUS; i++) {
        spin_lock_init(&sched_cpus[i].lock, LOCK_SCHED);
        SCHED_POLICY->init(&sched_cpus[i].q);
    }
    console_register_key('r', sched_dump, "show run queues");
}

void sched_init_cpu(unsigned cpu)
{
    struct sched_cpu *rq = &sched_cpus[cpu];
    struct vcpu *idle = vcpu_create(dom_idle, cpu);

    if (idle == NULL)
        panic("no memory for the idle vcpu of CPU %u", cpu);
    timer_init(&rq->slice_timer, sched_slice_over, rq, cpu);
    idle->sched.cpu = cpu;
    idle->sched.hard_affinity = BIT(cpu);
    idle->sched.blocked_by = 0;
    idle->sched.running = true;
    machine_stack_prepare(idle, sched_idle_loop);
    rq->running = idle;
    cpus[cpu]->idle = idle;
    cpus[cpu]->sched = rq;
    cpus[cpu]->need_resched = true;
    runstate_change(idle, RUNSTATE_running, time_now());
    bit_set(&sched_idle_mask, cpu);
}

void sched_vcpu_init(struct vcpu *v)
{
    struct sched_vcpu *s = &v->sched;

    s->blocked_by = SCHED_DOWN;
    if (v->domain->pause_count != 0)
        s->blocked_by |= SCHED_PAUSED;
    s->hard_affinity = s->soft_affinity = ~0ull;
    s->cpu = domain_is_idle(v->domain) ? v->id : bit_lowest(READ_ONCE(cpu_online));
    list_init(&s->link);
    s->runstate.state = RUNSTATE_offline;
    s->runstate.state_entry_time = time_now();
    timer_init(&s->cap_timer, sched_cap_over, v, s->cpu);
}

void sched_vcpu_destroy(struct vcpu *v)
{
    timer_kill(&v->sched.cap_timer);
}

void sched_domain_init(struct domain *d)
{
    d->sched.weight = WEIGHT_NORM;
    d->sched.cap = 0;
}

unsigned sched_id(void)
{
    return SCHED_POLICY->id;
}

uint32_t *sched_granularity_us(void)
{
    return SCHED_POLICY->granularity_us;
}
