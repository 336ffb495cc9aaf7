/* SPDX-License-Identifier: GPL-2.0-only */
/* Start, output, verdicts and traps of a test guest. */
#include <kit/kit.h>
#include <public/lodge_control.h>
#include <public/lodge_trace.h>
#include <public/sysctl.h>
#include <public/io/console.h>

struct start_info *start_info;
struct shared_info *shared;
bool is_dom0, on_lodge;
struct vcpu_info *kit_vcpu_info[KIT_VCPUS];
bool kit_failsafe_ok;
struct kit_try kit_tries[KIT_VCPUS];
struct kit_frame kit_last;
volatile unsigned kit_upcalls[KIT_VCPUS];
bool (*kit_event_hook)(unsigned vcpu);
volatile unsigned kit_trap_count[256];
volatile uint64_t kit_last_cr2, kit_last_error;
volatile unsigned kit_event_count[4096];

static kit_handler *handlers[256];
static int print_lock;
unsigned kit_checks, kit_failures;
static const char *skipped;
static uint8_t shared_page[PAGE_SIZE] __attribute__((aligned(4096)));
static struct xencons_interface *console;

extern uint8_t kit_probe_start[], kit_probe_end[], kit_probe_failed[];
extern void kit_entry_failsafe(void);
#define NR_ENTRIES 33 /* vectors 0 to 31 and 128, in kit/start.S */
extern const unsigned long kit_entry_table[NR_ENTRIES];
extern void kit_entry_129(void), kit_entry_130(void);
struct trap_info kit_traps[NR_ENTRIES + 1]; /* the last one ends the table */

void *memset(void *p, int c, size_t n)
{
    void *d = p;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return p;
}

void *memcpy(void *d, const void *s, size_t n)
{
    void *to = d;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(s), "+c"(n) : : "memory");
    return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;

    for (; n != 0; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

static void write_ring(const char *s, size_t n)
{
    while (n-- != 0) {
        XENCONS_RING_IDX prod = console->out_prod;

        while (prod - *(volatile XENCONS_RING_IDX *)&console->out_cons >= sizeof(console->out))
            hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
        console->out[prod & (sizeof(console->out) - 1)] = *s++;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        console->out_prod = prod + 1;
    }
    struct evtchn_send send = {.port = start_info->console.domU.evtchn};

    hc2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
}

void printk(const char *fmt, ...)
{
    static char line[1024];
    __builtin_va_list ap;
    int n;

    while (__atomic_exchange_n(&print_lock, 1, __ATOMIC_ACQUIRE))
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    __builtin_va_start(ap, fmt);
    n = kit_vsnprintf(line, sizeof(line), fmt, ap);
    __builtin_va_end(ap);
    if (n >= (int)sizeof(line))
        n = sizeof(line) - 1;
    if (is_dom0)
        hc3(__HYPERVISOR_console_io, CONSOLEIO_write, n, line);
    else
        write_ring(line, (size_t)n);
    __atomic_store_n(&print_lock, 0, __ATOMIC_RELEASE);
}

void kit_check(bool ok, const char *file, int line, const char *what, ...)
{
    char text[256];
    __builtin_va_list ap;

    kit_checks++;
    if (ok)
        return;
    kit_failures++;
    __builtin_va_start(ap, what);
    kit_vsnprintf(text, sizeof(text), what, ap);
    __builtin_va_end(ap);
    if (kit_failures <= 50)
        printk("%s:%d: CHECK failed: %s\n", file, line, text);
}

void kit_skip(const char *why)
{
    skipped = why;
}

void kit_debug_keys(const char *keys)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_debug_keys,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    op.u.debug_keys.keys.p = keys;
    while (keys[op.u.debug_keys.nr_keys] != 0)
        op.u.debug_keys.nr_keys++;
    hc1(__HYPERVISOR_sysctl, &op);
}

void kit_shutdown(unsigned reason)
{
    struct sched_shutdown s = {.reason = reason};
    struct physdev_set_iopl iopl = {.iopl = 1};

    /*
     * QEMU's debug exit, where there is one. Xen would lose what it still has to print. Before that
     * a debug build tells how long interrupts were off, and all that has been printed comes out.
     */
    if (is_dom0 && on_lodge && reason == SHUTDOWN_poweroff) {
        kit_debug_keys("if");
        hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl);
        KIT_TRY("outl %%eax, %%dx", : : "a"(0), "d"(0xf4) : KIT_CLOBBER);
    }
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &s);
}

void kit_on_trap(unsigned vector, kit_handler *fn)
{
    handlers[vector] = fn;
}

unsigned kit_vcpu_id(void)
{
    uint64_t rsp;

    __asm__("mov %%rsp, %0" : "=r"(rsp));
    rsp -= (uint64_t)kit_stacks;
    return rsp < sizeof(kit_stacks) ? (unsigned)(rsp / KIT_STACK_SIZE) : 0;
}

static void take_events(unsigned vcpu)
{
    struct vcpu_info *vi = kit_vcpu_info[vcpu];

    kit_upcalls[vcpu]++;
    if (kit_event_hook != NULL && kit_event_hook(vcpu))
        return;
    vi->evtchn_upcall_pending = 0;
    uint64_t sel = __atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

    for (unsigned w = 0; w < 64; w++) {
        if (!((sel >> w) & 1))
            continue;
        uint64_t due = shared->evtchn_pending[w] & ~shared->evtchn_mask[w];

        for (unsigned b = 0; b < 64; b++) {
            if (!((due >> b) & 1))
                continue;
            __atomic_fetch_and(&shared->evtchn_pending[w], ~(1ul << b), __ATOMIC_SEQ_CST);
            kit_event_count[w * 64 + b]++;
        }
    }
}

extern uint8_t kit_user_done[];
extern uint64_t kit_user_saved_rsp;

static void leave_user(struct kit_frame *f)
{
    f->rax = f->rdi;
    f->rip = (uint64_t)kit_user_done;
    f->cs = KIT_CS;
    f->ss = KIT_SS;
    f->rsp = kit_user_saved_rsp;
    f->rflags &= 0x202;
}

/* From kit/start.S; f is what the guest goes on with. */
void kit_trap(struct kit_frame *f)
{
    uint8_t *rip = (uint8_t *)f->rip;
    unsigned vcpu = kit_vcpu_id();

    kit_trap_count[f->vector & 255]++;
    if (f->vector == VEC_EVENT) {
        take_events(vcpu);
        return;
    }
    if (f->vector == VEC_SYSCALL && f->rax == KIT_SYS_EXIT) {
        leave_user(f);
        return;
    }
    if (f->vector == VEC_FAILSAFE && kit_failsafe_ok)
        return;
    kit_last_error = f->error;
    kit_last = *f;
    if (f->vector == 14)
        kit_last_cr2 = kit_vcpu_info[vcpu]->arch.cr2;
    if (handlers[f->vector & 255] != NULL) {
        handlers[f->vector & 255](f);
        return;
    }
    if (kit_tries[vcpu].fixup != 0) {
        kit_tries[vcpu].trapped = (int64_t)f->vector;
        f->rip = kit_tries[vcpu].fixup;
        return;
    }
    if (rip >= kit_probe_start && rip < kit_probe_end) {
        f->rip = (uint64_t)kit_probe_failed;
        return;
    }
    printk("trap %lu error %lx at %lx (cr2 %lx, rsp %lx, cs %lx)\n", f->vector, f->error, f->rip,
           kit_last_cr2, f->rsp, f->cs);
    if (is_dom0)
        printk("RESULT error a trap that no test expected\n");
    kit_shutdown(is_dom0 ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

static void map_start_pages(void)
{
    uint64_t pfn;

    hc4(__HYPERVISOR_update_va_mapping, shared_page, start_info->shared_info | PTE_RW, UVMF_INVLPG,
        0);
    shared = (struct shared_info *)shared_page;
    for (unsigned i = 0; i < KIT_VCPUS; i++)
        kit_vcpu_info[i] = &shared->vcpu_info[i];
    if (is_dom0)
        return;
    pfn = ((uint64_t *)HYPERVISOR_VIRT_START)[start_info->console.domU.mfn];
    console = (struct xencons_interface *)(pfn << 12);
}

static void fill_traps(void)
{
    for (unsigned i = 0; i < NR_ENTRIES; i++) {
        uint8_t vector = (uint8_t)(i < 32 ? i : 128);

        kit_traps[i].vector = vector;
        kit_traps[i].flags = vector == 3 || vector == 4 || vector == 128 ? 3 : 0;
        kit_traps[i].cs = KIT_USER_CS;
        kit_traps[i].address = kit_entry_table[i];
    }
}

static void start(struct start_info *si)
{
    static char extra[XEN_EXTRAVERSION_LEN];

    start_info = si;
    is_dom0 = si->flags & SIF_INITDOMAIN;
    map_start_pages();
    fill_traps();
    hc1(__HYPERVISOR_set_trap_table, kit_traps);
    hc3(__HYPERVISOR_set_callbacks, kit_entry_129, kit_entry_failsafe, kit_entry_130);
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0); /* may be on at birth */
    hc2(__HYPERVISOR_xen_version, XENVER_extraversion, extra);
    for (unsigned i = 0; i + 5 <= sizeof(extra); i++)
        on_lodge |= memcmp(extra + i, "odge", 4) == 0;
}

uint64_t kit_option(const char *name, uint64_t otherwise)
{
    size_t n = 0;

    while (name[n] != 0)
        n++;
    for (const char *at = (const char *)start_info->cmd_line; *at != 0; at++) {
        if (memcmp(at, name, n) != 0)
            continue;
        otherwise = 0;
        for (at += n; *at >= '0' && *at <= '9'; at++)
            otherwise = otherwise * 10 + (uint64_t)(*at - '0');
        break;
    }
    return otherwise;
}

void kit_verdict(void)
{
    if (kit_failures != 0)
        printk("RESULT failure %u of %u checks failed\n", kit_failures, kit_checks);
    else if (skipped != NULL)
        printk("RESULT skip %s\n", skipped);
    else
        printk("RESULT success %u checks\n", kit_checks);
}

/*
 * With trace=1 on the command line all that the test does goes through the hypervisor's trace, in
 * rings that nobody reads: it must not make a difference.
 */
static void traced(void)
{
    struct xen_sysctl op = {.cmd = LODGE_SYSCTL_trace,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    struct lodge_sysctl_trace t = {.version = LODGE_TRACE_VERSION,
                                   .op = LODGE_TRACE_START,
                                   .events = LODGE_TRACE_EVERYTHING,
                                   .domain = LODGE_TRACE_ALL,
                                   .records = 64};

    memcpy(&op.u, &t, sizeof(t));
    if (on_lodge && is_dom0 && kit_option("trace=", 0) != 0)
        CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
}

void kit_main(struct start_info *si)
{
    start(si);
    traced();
    test_main();
    kit_verdict();
    kit_shutdown(SHUTDOWN_poweroff);
}

/* Where a child domain begins, with the data of its parent. */
void kit_child_main(struct start_info *si, void (*fn)(uint64_t), uint64_t arg)
{
    kit_checks = kit_failures = 0;
    print_lock = 0;
    kit_user_l4 = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(kit_event_count); i++)
        kit_event_count[i] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(handlers); i++)
        handlers[i] = NULL;
    start(si);
    fn(arg);
    kit_shutdown(SHUTDOWN_poweroff);
}

extern int kit_probe_read(const void *va, uint64_t *val);
extern int kit_probe_write(void *va, uint64_t val);

bool kit_read(const void *va, uint64_t *val)
{
    uint64_t scratch;

    return kit_probe_read(va, val != NULL ? val : &scratch);
}

bool kit_write(void *va, uint64_t val)
{
    return kit_probe_write(va, val);
}
