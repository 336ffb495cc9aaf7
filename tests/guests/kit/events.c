/* SPDX-License-Identifier: GPL-2.0-only */
/* Events, time and further vcpus of a test guest. Events are taken by vcpu 0. */
#include <kit/kit.h>

void kit_events_on(void)
{
    struct vcpu_info *vi = kit_vcpu_info[kit_vcpu_id()];

    vi->evtchn_upcall_mask = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (vi->evtchn_upcall_pending) /* a hypercall, any, delivers what is due */
        hc2(__HYPERVISOR_xen_version, XENVER_version, 0);
}

void kit_events_off(void)
{
    kit_vcpu_info[kit_vcpu_id()]->evtchn_upcall_mask = 1;
}

void kit_unmask(unsigned port)
{
    struct evtchn_unmask u = {.port = port};

    hc2(__HYPERVISOR_event_channel_op, EVTCHNOP_unmask, &u);
}

uint64_t kit_now(void)
{
    const volatile struct vcpu_time_info *t = &kit_vcpu_info[kit_vcpu_id()]->time;
    uint64_t ns;
    uint32_t version;

    do {
        version = t->version & ~1u;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        uint32_t lo, hi;

        __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
        uint64_t delta = (((uint64_t)hi << 32) | lo) - t->tsc_timestamp;

        delta = t->tsc_shift >= 0 ? delta << t->tsc_shift : delta >> -t->tsc_shift;
        ns = t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    } while (version != t->version);
    return ns;
}

unsigned kit_bind_ipi(unsigned vcpu)
{
    struct evtchn_bind_ipi b = {.vcpu = vcpu};

    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_ipi, &b), 0);
    return b.port;
}

unsigned kit_bind_virq(unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq b = {.virq = virq, .vcpu = vcpu};

    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_virq, &b), 0);
    return b.port;
}

int kit_send(unsigned port)
{
    struct evtchn_send s = {.port = port};

    return kit_evtchn(EVTCHNOP_send, &s);
}

void kit_sleep(uint64_t ns)
{
    struct sched_poll p = {.timeout = kit_now() + ns};

    hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p);
}

void kit_sleep_port(unsigned port, uint64_t ns)
{
    struct sched_poll p = {.nr_ports = 1, .timeout = kit_now() + ns};

    p.ports.p = &port;
    hc2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p);
    __atomic_fetch_and(&shared->evtchn_pending[port / 64], ~(1ul << port % 64), __ATOMIC_SEQ_CST);
}

bool kit_wait_event(unsigned port, unsigned count, uint64_t timeout_ns)
{
    uint64_t end = kit_now() + timeout_ns;

    while (kit_event_count[port] < count) {
        if (kit_now() > end)
            return false;
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    }
    return true;
}

extern void kit_secondary(void);
extern void kit_entry_129(void), kit_entry_130(void), kit_entry_failsafe(void);

extern struct trap_info kit_traps[];

static struct {
    void (*fn)(void *);
    void *arg;
} secondary[KIT_VCPUS];

/* Runs on the new vcpu's own stack. One that has come to the end may be started again. */
void kit_secondary_main(uint64_t id)
{
    for (;;) {
        secondary[id].fn(secondary[id].arg);
        hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, id, 0);
    }
}

int kit_vcpu_start(unsigned id, void (*fn)(void *), void *arg)
{
    static struct vcpu_guest_context c;
    int rc;

    if (id >= KIT_VCPUS)
        return -XEN_EINVAL;
    secondary[id].fn = fn;
    secondary[id].arg = arg;
    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel;
    c.user_regs.rip = (uint64_t)kit_secondary;
    c.user_regs.rsp = (uint64_t)kit_stacks[id + 1];
    c.user_regs.rdi = id;
    c.user_regs.cs = 0xe033;
    c.user_regs.ss = 0xe02b;
    c.user_regs.rflags = 0x202;
    c.kernel_ss = 0xe02b;
    c.kernel_sp = c.user_regs.rsp;
    c.ctrlreg[3] = xen_pfn_to_cr3(kit_mfn((void *)start_info->pt_base));
    for (const struct trap_info *t = kit_traps; t->address != 0; t++)
        c.trap_ctxt[t->vector] = *t;
    c.event_callback_eip = (unsigned long)kit_entry_129;
    c.failsafe_callback_eip = (unsigned long)kit_entry_failsafe;
    c.syscall_callback_eip = (unsigned long)kit_entry_130;
    rc = (int)hc3(__HYPERVISOR_vcpu_op, VCPUOP_initialise, id, &c);
    if (rc != 0 && rc != -XEN_EEXIST)
        return rc;
    return (int)hc3(__HYPERVISOR_vcpu_op, VCPUOP_up, id, 0);
}
