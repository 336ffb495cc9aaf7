/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest kernel mode and guest user mode. Both run in ring 3; they differ in page tables and in the
 * GS base. While a vcpu runs, the base of the mode it is in sits in the processor's GS base and
 * the other one in KERNEL_GS_BASE, so a change of mode costs one SWAPGS and one CR3 load. The
 * hypervisor itself uses neither FS nor GS.
 *
 * Where the processor has the FSGSBASE instructions guests may use them, in both modes, and so do
 * we: they change the two active bases without a trap. So a base is only known by reading it, which
 * is done at each switch anyway, as a load of a selector changes it as well.
 */
#include <core/domain.h>
#include <core/hypercall.h>
#include <public/arch.h>
#include <pv/entry.h>
#include <pv/segments.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/uaccess.h>

static inline uint64_t read_fs_base(void)
{
    uint64_t v;

    if (!cpu_features.fsgsbase)
        return rdmsr(MSR_FS_BASE);
    __asm__ volatile("rdfsbase %0" : "=r"(v));
    return v;
}

static inline uint64_t read_gs_base(void)
{
    uint64_t v;

    if (!cpu_features.fsgsbase)
        return rdmsr(MSR_GS_BASE);
    __asm__ volatile("rdgsbase %0" : "=r"(v));
    return v;
}

/* Canonical: it was read, or has been checked. */
static inline void write_fs_base(uint64_t v)
{
    if (cpu_features.fsgsbase)
        __asm__ volatile("wrfsbase %0" : : "r"(v));
    else
        wrmsr(MSR_FS_BASE, v);
}

static inline void write_gs_base(uint64_t v)
{
    if (cpu_features.fsgsbase)
        __asm__ volatile("wrgsbase %0" : : "r"(v));
    else
        wrmsr(MSR_GS_BASE, v);
}

/*
 * The guest may have loaded selectors itself, which changes the base behind our back; so both are
 * read back. The inactive GS base can only have changed through us, but reading it here keeps one
 * copy of the truth: in the processor while running, in memory otherwise.
 */
void segments_save(struct vcpu *v)
{
    struct pv_vcpu *a = &v->pv;
    uint64_t active = read_gs_base(), inactive = rdmsr(MSR_KERNEL_GS_BASE);

    a->fs_base = read_fs_base();
    a->gs_base_kernel = v->arch.kernel_mode ? active : inactive;
    a->gs_base_user = v->arch.kernel_mode ? inactive : active;
    __asm__ volatile("mov %%ds, %0" : "=rm"(a->ds));
    __asm__ volatile("mov %%es, %0" : "=rm"(a->es));
    __asm__ volatile("mov %%fs, %0" : "=rm"(a->fs));
    __asm__ volatile("mov %%gs, %0" : "=rm"(a->gs));
}

/*
 * A selector that the guest's tables do not back any more loads as null. True: it did. The load may
 * fault for the LDT page first: then it is mapped and the instruction retried (pv_ldt_fault()).
 */
#define LOAD_SELECTOR(reg, value)                           \
    ({                                                      \
        bool refused_ = false;                              \
        __asm__ volatile("1: mov %1, %%" #reg "\n"          \
                         "   jmp 3f\n"                      \
                         "2: mov %2, %%" #reg "\n"          \
                         "   movb $1, %0\n"                 \
                         "3:\n" EXTABLE(1b, 2b)             \
                         : "+q"(refused_)                   \
                         : "r"((uint32_t)(value)), "r"(0)); \
        refused_;                                           \
    })

/*
 * Selectors first, then bases: loading FS or GS sets its base from the descriptor. What is in the
 * registers was left by the vcpu before: the same value means the same thing only if it is null.
 */
void segments_load(struct vcpu *v)
{
    const struct pv_vcpu *a = &v->pv;
    bool refused = false;
    uint16_t now;

    /* Most guests keep null selectors: comparing is cheaper than loading. */
#define LOAD_IF_CHANGED(reg)                                 \
    do {                                                     \
        __asm__ volatile("mov %%" #reg ", %0" : "=rm"(now)); \
        if (now != a->reg || now > 3)                        \
            refused |= LOAD_SELECTOR(reg, a->reg);           \
    } while (0)
    LOAD_IF_CHANGED(ds);
    LOAD_IF_CHANGED(es);
    LOAD_IF_CHANGED(fs);
    LOAD_IF_CHANGED(gs);
#undef LOAD_IF_CHANGED
    if (unlikely(refused)) /* the guest hears of it through its failsafe callback */
        __atomic_fetch_or(&v->arch.pending_work, WORK_SELECTOR, __ATOMIC_SEQ_CST);

    write_fs_base(a->fs_base);
    write_gs_base(v->arch.kernel_mode ? a->gs_base_kernel : a->gs_base_user);
    wrmsr(MSR_KERNEL_GS_BASE, v->arch.kernel_mode ? a->gs_base_user : a->gs_base_kernel);
}

void segments_set_fs(uint64_t base)
{
    write_fs_base(base);
}

/* Only guest kernel mode makes hypercalls: the user's is the inactive one. */
uint64_t segments_gs_user(void)
{
    return rdmsr(MSR_KERNEL_GS_BASE);
}

void segments_set_gs_user(uint64_t base)
{
    wrmsr(MSR_KERNEL_GS_BASE, base);
}

/*
 * set_segment_base(which, base): also selects the user GS of the guest by a selector, in `base`. A
 * base is canonical: WRMSR of another would fault in ring 0. They are kept nowhere but in the
 * processor until the vcpu is switched out.
 */
int64_t hc_set_segment_base(uint64_t which, uint64_t base, uint64_t a3, uint64_t a4)
{
    (void)a3;
    (void)a4;
    switch (which) {
    case SEGBASE_FS:
    case SEGBASE_GS_KERNEL:
    case SEGBASE_GS_USER:
        if (!va_canonical(base))
            return -XEN_EINVAL;
        break;
    case SEGBASE_GS_USER_SEL:
        break;
    default:
        return -XEN_EINVAL;
    }

    switch (which) {
    case SEGBASE_FS:
        segments_set_fs(base);
        break;
    case SEGBASE_GS_KERNEL: /* only guest kernel mode makes hypercalls: this is the active one */
        write_gs_base(base);
        break;
    case SEGBASE_GS_USER:
        segments_set_gs_user(base);
        break;
    case SEGBASE_GS_USER_SEL: /* a load sets the active base: make the user's active for it */
        swapgs();
        (void)LOAD_SELECTOR(gs, base & 0xffff);
        swapgs();
        break;
    }
    return 0;
}
