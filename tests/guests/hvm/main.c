/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fully virtualized guests: small programs in memory of their own, made and looked at by domctl as
 * a toolstack does it. What a guest may do, what it gets for what it may not, and how it ends; that
 * nobody else notices; and that all memory comes back.
 */
#include <kit/kit.h>
#include <public/hvm_save.h>

#include "hvm.h"
#include "layout.h"

#define X86_UD 6
#define X86_GP 13

extern uint8_t hvm_code[], hvm_code_end[], hvm_vectors[], hvm_code32[];

uint8_t *hvm_window;
static uint8_t *answers_page;
volatile uint64_t *answers;

static struct {
    struct hvm_save_descriptor header_at;
    struct hvm_save_header header;
    struct hvm_save_descriptor cpu_at;
    struct hvm_hw_cpu cpu;
    struct hvm_save_descriptor end;
} context;

static int create(unsigned flags)
{
    struct xen_domctl_createdomain c = {.flags = flags,
                                        .max_vcpus = 1,
                                        .max_evtchn_port = 127,
                                        .max_grant_frames = 4,
                                        .max_maptrack_frames = 4,
                                        .grant_opts = 1};

    return kit_domctl(XEN_DOMCTL_createdomain, 0, &c, sizeof(c));
}

static int destroy(unsigned domid)
{
    int rc;

    do
        rc = kit_domctl(XEN_DOMCTL_destroydomain, domid, NULL, 0);
    while (rc == -XEN_EAGAIN || rc == -XEN_ERESTART);
    return rc;
}

int64_t hvm_reserve(unsigned cmd, unsigned domid, uint64_t gfn, unsigned order)
{
    return kit_reservation(cmd, &gfn, 1, order, (domid_t)domid);
}

/* A page of the guest's at our hvm_window. */
void *hvm_map(unsigned domid, uint64_t addr)
{
    int rc = kit_map_foreign(hvm_window, addr / PAGE_SIZE, PTE_RW, (domid_t)domid);

    if (rc != 0)
        printk("page %lx of d%u: %d\n", addr, domid, rc);
    CHECK_EQ(rc, 0);
    return hvm_window;
}

static void put(unsigned domid, uint64_t addr, const void *from, uint64_t size)
{
    for (uint64_t at = 0; at < size; at += PAGE_SIZE)
        memcpy(hvm_map(domid, addr + at), (const uint8_t *)from + at,
               size - at < PAGE_SIZE ? size - at : PAGE_SIZE);
}

static void fill(unsigned domid)
{
    static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};
    uint64_t *t;

    put(domid, G_CODE, hvm_code, (uint64_t)(hvm_code_end - hvm_code));
    put(domid, G_GDT, gdt, sizeof(gdt));
    t = hvm_map(domid, G_TABLES);
    t[0] = G_TABLES + 0x1003;
    t = hvm_map(domid, G_TABLES + 0x1000);
    t[0] = G_TABLES + 0x2003;
    t = hvm_map(domid, G_TABLES + 0x2000);
    t[0] = 0x83;
    t = hvm_map(domid, G_IDT);
    for (uint64_t v = 0; v < 33; v++) {
        uint64_t at = G_CODE + (uint64_t)(hvm_vectors - hvm_code) + 16 * v;

        t[2 * v] = (at & 0xffff) | CODE_SEL << 16 | 0x8eull << 40 | (at >> 16) << 48;
        t[2 * v + 1] = 0;
    }
}

static void segment_flat(bool code64)
{
    struct hvm_hw_cpu *c = &context.cpu;

    c->cs_sel = CODE_SEL;
    c->ds_sel = c->es_sel = c->fs_sel = c->gs_sel = c->ss_sel = DATA_SEL;
    c->cs_limit = c->ds_limit = c->es_limit = c->fs_limit = c->gs_limit = c->ss_limit = UINT32_MAX;
    c->cs_arbytes = code64 ? 0xa9b : 0xc9b;
    c->ds_arbytes = c->es_arbytes = c->fs_arbytes = c->gs_arbytes = c->ss_arbytes = 0xc93;
    c->tr_limit = 0x67;
    c->tr_arbytes = 0x8b;
    c->gdtr_base = G_GDT;
    c->gdtr_limit = 23;
    c->idtr_base = G_IDT;
    c->idtr_limit = 16 * 33 - 1;
}

static void context_for(unsigned p)
{
    memset(&context, 0, sizeof(context));
    context.header_at = (struct hvm_save_descriptor){1, 0, sizeof(context.header)};
    context.header.magic = HVM_FILE_MAGIC;
    context.header.version = HVM_FILE_VERSION;
    context.cpu_at = (struct hvm_save_descriptor){2, 0, sizeof(context.cpu)};
    segment_flat(true);
    context.cpu.cr0 = 0x80000033;
    context.cpu.cr3 = G_TABLES;
    context.cpu.cr4 = 0x620; /* PAE, OSFXSR, OSXMMEXCPT */
    context.cpu.msr_efer = 0x500;
    context.cpu.rip = G_CODE;
    context.cpu.rsp = G_STACK;
    context.cpu.rdi = p;
    context.cpu.rflags = 2;
    context.cpu.dr6 = 0xffff0ff0;
    context.cpu.dr7 = 0x400;
}

static int set_context(unsigned domid, uint32_t size)
{
    struct xen_domctl_hvmcontext op = {.size = size};

    op.buffer.p = (uint8_t *)&context;
    return kit_domctl(XEN_DOMCTL_sethvmcontext, domid, &op, sizeof(op));
}

int hvm_restart(unsigned domid, unsigned p, void (*change)(struct hvm_hw_cpu *c))
{
    int rc;

    context_for(p);
    change(&context.cpu);
    rc = set_context(domid, sizeof(context));
    return rc == 0 ? kit_domctl(XEN_DOMCTL_unpausedomain, domid, NULL, 0) : rc;
}

/* Memory, the programs, and a vcpu that is to execute one of them: not started. */
unsigned hvm_make(unsigned p)
{
    struct xen_domctl_max_vcpus vcpus = {.max = 1};
    struct xen_domctl_max_mem mem = {.max_memkb = G_SIZE / 1024 + 256};
    int id = create(XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap);

    CHECK(id > 0);
    if (id <= 0)
        return 0;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_vcpus, (unsigned)id, &vcpus, sizeof(vcpus)), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, (unsigned)id, &mem, sizeof(mem)), 0);
    CHECK_EQ(hvm_reserve(XENMEM_populate_physmap, (unsigned)id, 0, 9), 1);
    fill((unsigned)id);
    context_for(p);
    CHECK_EQ(set_context((unsigned)id, sizeof(context)), 0);
    CHECK_EQ(kit_map_foreign(answers_page, G_ANSWERS / PAGE_SIZE, PTE_RW, (domid_t)id), 0);
    return (unsigned)id;
}

unsigned hvm_flags(unsigned domid)
{
    struct xen_domctl_getdomaininfo info;

    if (kit_domctl(XEN_DOMCTL_getdomaininfo, domid, &info, sizeof(info)) != 0 ||
        info.domain != domid)
        return 0;
    return info.flags;
}

uint64_t hvm_still(uint64_t since, const char *so)
{
    uint64_t now = kit_now();

    kit_sleep(500000);
    if (now - since < KIT_PATIENCE)
        return since;
    printk("still waiting for %s\n", so);
    return now;
}

/* The reason why it has shut down, or -1: it has come to its end. */
int hvm_wait(unsigned domid)
{
    unsigned flags = 0;

    HVM_UNTIL(answers[A_DONE] != 0 || ((flags = hvm_flags(domid)) & XEN_DOMINF_shutdown));
    if (answers[A_DONE] == 0)
        return (int)(flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
    return answers[A_DONE] == 1 ? -1 : -2;
}

static int run(unsigned domid)
{
    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, domid, NULL, 0), 0);
    return hvm_wait(domid);
}

void hvm_end(unsigned domid)
{
    kit_set_pte(hvm_window, 0);
    kit_set_pte(answers_page, 0);
    CHECK_EQ(destroy(domid), 0);
}

static void expect(const char *what, unsigned p, int reason)
{
    unsigned id = hvm_make(p);
    int got = run(id);

    kit_check(got == reason, __FILE__, __LINE__, "%s: ended with %d, not %d", what, got, reason);
    hvm_end(id);
}

static void answers_of(unsigned p, void (*look)(void))
{
    unsigned id = hvm_make(p);
    int got = run(id);

    kit_check(got == -1, __FILE__, __LINE__, "program %u: ended with %d; exception %lu at %lx", p,
              got, answers[A_VECTOR], answers[A_RIP]);
    if (got == -1 && look != NULL)
        look();
    hvm_end(id);
}

static void look_hello(void)
{
    CHECK_EQ(answers[A_FIRST] >> 31 & 1, 0);     /* no hypervisor */
    CHECK_EQ(answers[A_FIRST + 1] >> 9 & 1, 0);  /* no APIC */
    CHECK_EQ(answers[A_FIRST + 1] >> 13 & 1, 1); /* PGE */
    CHECK_EQ(answers[A_FIRST + 2], 0);
    CHECK_EQ(answers[A_FIRST + 3], 0);
    CHECK_EQ(answers[A_FIRST + 4] >> 2 & 1, 0); /* no SVM */
    CHECK_EQ(answers[A_FIRST + 5], 0x500);
    CHECK_EQ(answers[A_FIRST + 6], 0x80000033);
    CHECK(answers[A_FIRST + 7] > 0);
    CHECK_EQ(answers[A_FIRST + 8], 0x1234);
}

static void look_privileged(void)
{
    static const uint8_t vectors[] = {
        X86_UD,    X86_UD,    X86_UD,    X86_UD,    X86_UD,    X86_UD,
        X86_UD,    X86_UD,                       /* vmmcall to invlpga */
        X86_UD,    X86_UD,    X86_GP,    X86_UD, /* to vmcall */
        NO_VECTOR, NO_VECTOR, NO_VECTOR, NO_VECTOR, NO_VECTOR, NO_VECTOR,
        NO_VECTOR, NO_VECTOR, NO_VECTOR, NO_VECTOR, NO_VECTOR, NO_VECTOR, /* to CR8 */
        3,         X86_UD,    X86_UD,    X86_UD, /* XSETBV with CR4.OSXSAVE clear */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
        kit_check(answers[A_FIRST + i] == vectors[i], __FILE__, __LINE__,
                  "instruction %u: vector %lu, not %u", i, answers[A_FIRST + i], vectors[i]);
}

static void look_own_tables(void)
{
    CHECK_EQ(answers[A_FIRST] & ~(uint64_t)(PTE_A | PTE_D), G_TABLES + 3);
}

static void look_msrs(void)
{
    CHECK(answers[A_FIRST] >= 10 && answers[A_FIRST] < 60);
    CHECK_EQ(answers[A_FIRST + 1], X86_GP);
    CHECK_EQ(answers[A_FIRST + 2], X86_GP);
    CHECK_EQ(answers[A_FIRST + 3], X86_GP);
    CHECK_EQ(answers[A_FIRST + 4], X86_GP);
    CHECK_EQ(answers[A_FIRST + 5], NO_VECTOR);
    CHECK_EQ(answers[A_FIRST + 6], 0x00070406);
    CHECK_EQ(answers[A_FIRST + 7], NO_VECTOR);
    CHECK_EQ(answers[A_FIRST + 8], 0x12345678);
}

static void look_ticks(void)
{
    CHECK_EQ(answers[A_FIRST], 32);
    CHECK(answers[A_COUNT] >= 50);
}

static void look_registers(void)
{
    CHECK_EQ(answers[A_FIRST], 0x1111111111111111);
    CHECK_EQ(answers[A_FIRST + 1], ~0x1111111111111111ull);
    CHECK_EQ(answers[A_FIRST + 2], 0x2222222222222222);
    CHECK_EQ(answers[A_FIRST + 3], 0x3333333333333333);
    CHECK_EQ(answers[A_FIRST + 4], 0x4444);
    CHECK_EQ(answers[A_FIRST + 5], 0x5555555500000000);
}

static void look_debug(void)
{
    CHECK_EQ(answers[A_FIRST], 1);
    CHECK_EQ(answers[A_FIRST + 1] & 0x4000, 0x4000);
}

static __attribute__((noinline)) void met(void)
{
    __asm__ volatile("");
}

/* A guest's breakpoints are its own: at an address of ours, they are nothing to us. */
static void breakpoints(void)
{
    unsigned id = hvm_make(P_BREAKPOINTS);

    answers[A_FIRST] = (unsigned long)met;
    CHECK_EQ(run(id), -1);
    met();
    CHECK_EQ(answers[A_FIRST + 1], 0x40f);
    hvm_end(id);
    met();
}

static void look_xcr0(void)
{
    CHECK_EQ(answers[A_FIRST], NO_VECTOR);
    CHECK_EQ(answers[A_FIRST + 1], X86_GP);
}

static void programs(void)
{
    answers_of(P_HELLO, look_hello);
    answers_of(P_PRIVILEGED, look_privileged);
    answers_of(P_OWN_TABLES, look_own_tables);
    answers_of(P_MSRS, look_msrs);
    answers_of(P_PORTS, hvm_look_ports);
    answers_of(P_FLOOD, NULL);
    answers_of(P_DEBUG, look_debug);
    breakpoints();
    answers_of(P_TICKS, look_ticks);
    answers_of(P_STRINGS, hvm_look_strings);
    expect("restart by the keyboard controller", P_RESTART, SHUTDOWN_reboot);
    expect("HLT without interrupts", P_HALT_OFF, SHUTDOWN_poweroff);
    expect("triple fault", P_TRIPLE_FAULT, SHUTDOWN_reboot);
    expect("jump to no memory", P_NOWHERE, SHUTDOWN_crash);
    expect("tables in no memory", P_TABLES_NOWHERE, SHUTDOWN_crash);
}

/* Protected mode of 32 bits, without paging. */
static void without_paging(void)
{
    unsigned id = hvm_make(P_HELLO);

    context_for(P_HELLO);
    segment_flat(false);
    context.cpu.cr0 = 0x11;
    context.cpu.cr4 = 0;
    context.cpu.cr3 = 0;
    context.cpu.msr_efer = 0;
    context.cpu.rip = G_CODE + (uint64_t)(hvm_code32 - hvm_code);
    CHECK_EQ(set_context(id, sizeof(context)), 0);
    CHECK_EQ(run(id), -1);
    CHECK_EQ(answers[A_FIRST + 1] & ~0x10ul, 1);
    hvm_end(id);
}

static void nmis(void)
{
    struct xen_domctl_sendtrigger nmi = {.trigger = XEN_DOMCTL_SENDTRIGGER_NMI};
    unsigned id = hvm_make(P_HALT_NMI);

    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, id, NULL, 0), 0);
    for (uint64_t step = 2; step < 4; step++) {
        HVM_UNTIL(answers[A_FIRST] == step && (hvm_flags(id) & XEN_DOMINF_blocked));
        CHECK_EQ(kit_domctl(XEN_DOMCTL_sendtrigger, id, &nmi, sizeof(nmi)), 0);
    }
    HVM_UNTIL(answers[A_DONE] != 0);
    CHECK_EQ(answers[A_DONE], 1);
    CHECK_EQ(answers[A_FIRST + 1], 1);
    CHECK_EQ(answers[A_FIRST + 2], 2);
    hvm_end(id);
}

/*
 * Nothing that would end a HLT is lost: the tick that comes at the STI before it, or the machine's
 * own timer, which often fires just as a guest is entered that waits for the end of its CLI.
 */
static void windows(void)
{
    for (uint64_t n = kit_option("windows=", 1); n > 0; n--) {
        unsigned id = hvm_make(P_WINDOWS);

        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, id, NULL, 0), 0);
        while (answers[A_DONE] == 0)
            kit_sleep(200000);
        hvm_end(id);
    }
}

/* One that never gives the processor back is stopped all the same, and others get on. */
static void endless(void)
{
    unsigned a = hvm_make(P_SPIN), b = hvm_make(P_REGISTERS);
    uint64_t seen;
    struct xen_domctl_hvmcontext op = {.size = sizeof(context)};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, a, NULL, 0), 0);
    CHECK_EQ(run(b), -1); /* the page of answers is b's */
    look_registers();
    kit_set_pte(answers_page, 0);
    CHECK_EQ(destroy(b), 0);
    CHECK_EQ(kit_map_foreign(answers_page, G_ANSWERS / PAGE_SIZE, PTE_RW, (domid_t)a), 0);
    seen = answers[A_FIRST];
    HVM_UNTIL(answers[A_FIRST] != seen);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, a, NULL, 0), 0);
    seen = answers[A_FIRST];
    op.buffer.p = (uint8_t *)&context;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_gethvmcontext, a, &op, sizeof(op)), 0);
    CHECK_EQ(op.size, sizeof(context));
    CHECK(context.cpu.rip >= G_CODE && context.cpu.rip < G_CODE + PAGE_SIZE);
    CHECK_EQ(context.cpu.cr3, G_TABLES);
    CHECK_EQ(context.cpu.msr_efer, 0x500);
    CHECK_EQ(answers[A_FIRST], seen);
    op.size = 100;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_gethvmcontext, a, &op, sizeof(op)), -XEN_ENOSPC);
    op.buffer.p = NULL;
    CHECK_EQ(kit_domctl(XEN_DOMCTL_gethvmcontext, a, &op, sizeof(op)), 0);
    CHECK_EQ(op.size, sizeof(context));
    hvm_end(a);
}

/* What a processor may refuse: as hardware would, or the end. */
static void refused(void)
{
    unsigned id = hvm_make(P_BAD_CR4);
    int got = run(id);

    CHECK(got == SHUTDOWN_crash || (got == -1 && answers[A_FIRST] == X86_GP));
    hvm_end(id);
    id = hvm_make(P_BAD_XCR0);
    got = run(id);
    CHECK(got == SHUTDOWN_crash || got == -1);
    if (got == -1)
        look_xcr0();
    hvm_end(id);
}

static void contexts(void)
{
    unsigned id = hvm_make(P_HELLO);
    struct vcpu_guest_context *pv = NULL;
    struct xen_domctl_vcpucontext op = {.vcpu = 0};

    context.cpu.cr0 = 0x80000000;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context.cpu.cr0 = 0x80000011, context.cpu.cr4 = 0;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context.cpu.cr4 = 1ul << 33;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context_for(P_HELLO);
    context.cpu.msr_efer |= 0x1000;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context_for(P_HELLO);
    context.cpu.cr3 = ~0ul;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context_for(P_HELLO);
    context.cpu_at.instance = 1;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context_for(P_HELLO);
    context.cpu_at.length = 8;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context_for(P_HELLO);
    context.cpu_at.length = UINT32_MAX;
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    context_for(P_HELLO);
    CHECK_EQ(set_context(id, sizeof(context) - 8), -XEN_ENOENT);
    memset(&context.cpu, 0xff, sizeof(context.cpu));
    CHECK_EQ(set_context(id, sizeof(context)), -XEN_EINVAL);
    op.ctxt.p = pv;
    CHECK(kit_domctl(XEN_DOMCTL_setvcpucontext, id, &op, sizeof(op)) < 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_sethvmcontext, 0, &op, sizeof(op)), -XEN_ENOSYS);
    /* Nonsense that no check knows: whatever the processor makes of it. */
    for (unsigned i = 0; i < 24; i++) {
        context_for(P_HELLO);
        ((uint32_t *)&context.cpu.cs_arbytes)[i % 8] = i * 0x9e3779b1u;
        ((uint32_t *)&context.cpu.cs_sel)[i % 8] = i * 0x85ebca6bu;
        context.cpu.rip ^= i & 1 ? 0 : 1ull << (i + 20);
        context.cpu.rsp = i & 2 ? ~0ull << i : G_STACK;
        context.cpu.rflags = i & 4 ? ~0ull : 2;
        context.cpu.dr7 = i & 8 ? 0xffffffff : 0x400;
        answers[A_DONE] = 0;
        CHECK_EQ(set_context(id, sizeof(context)), 0);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, id, NULL, 0), 0);
        kit_sleep(3000000); /* it may go on for ever */
        hvm_end(id);
        id = hvm_make(P_HELLO);
    }
    hvm_end(id);
}

static void creating(void)
{
    struct xen_sysctl_physinfo info = kit_physinfo();
    int id = create(XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap);

    CHECK(create(XEN_DOMCTL_CDF_hvm) < 0);
    if (!(info.capabilities & XEN_SYSCTL_PHYSCAP_hvm)) {
        CHECK_EQ(id, -XEN_EOPNOTSUPP);
        return;
    }
    CHECK(info.capabilities & XEN_SYSCTL_PHYSCAP_hap);
    CHECK(id > 0);
    CHECK_EQ(destroy((unsigned)id), 0);
}

void test_main(void)
{
    uint64_t before;

    hvm_window = kit_page();
    answers_page = kit_page();
    answers = (volatile uint64_t *)answers_page;
    creating();
    if (!(kit_physinfo().capabilities & XEN_SYSCTL_PHYSCAP_hvm))
        return;
    before = kit_free_pages(0);
    programs();
    without_paging();
    nmis();
    windows();
    hvm_serial();
    endless();
    refused();
    contexts();
    hvm_memory();
    hvm_random();
    kit_debug_keys("p");
    CHECK_EQ(kit_free_pages(before), before);
}
