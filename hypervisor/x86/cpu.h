/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-CPU data, and the instructions that C has no word for. One struct cpu per processor; a CPU
 * touches its own without a lock, others' only through the fields marked shared.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <core/timer.h>
#include <lib/types.h>
#include <x86/regs.h>

#define NR_CPUS 64

struct domain;
struct vcpu;
struct sched_cpu;
struct trace_ring;

/* The processor's own layout for long mode: Intel SDM volume 3, chapter 7 (task management). */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3]; /* [0]: the running vcpu's stack; ring 1 and 2 are not used */
    uint64_t reserved1;
    uint64_t ist[7]; /* tops of the stacks for NMI, #MC, #DF, #DB */
    uint64_t reserved2;
    uint16_t reserved3, iomap; /* iomap beyond the end: no port is open to ring 3 */
} PACKED;

/* The page behind a CPU's SYSCALL stub; the offsets are known to x86/entry.S. */
struct stub_data {
    uint64_t guest_rsp; /* scratch while switching stacks */
    uint64_t stack;     /* address just behind the current vcpu's stack_top.regs */
};

/*
 * cpus[n] points to CPU n's from before it starts, for good. Fields without a word about others are
 * its own: it touches them with interrupts off, so neither lock nor atomic access is needed.
 */
struct cpu {
    unsigned id; /* dense: index into cpus[] */
    uint32_t apic_id;
    struct vcpu *curr; /* running here now (`current` is a macro) */
    struct vcpu *idle;
    struct stub_data *stub; /* the page behind the SYSCALL stub's code */
    struct tss tss ALIGNED(16);
    struct domain *tables_of; /* whose page tables are loaded; NULL: the hypervisor's own */
    uint64_t *gdt;            /* one page: the reserved descriptors of this CPU */
    mfn_t gdt_mfn;
    uint64_t cr4;              /* as loaded */
    bool need_resched;         /* shared: schedule() before going back to the guest */
    bool area_stub;            /* LSTAR is the stub for vcpus with an area */
    uint64_t area_stub_at;     /* which is so far behind the plain one */
    bool flush_pending;        /* shared: another CPU wants our TLB flushed */
    uint32_t tlb_stamp;        /* shared (read): the flush clock when we last flushed all */
    uint16_t tlb_domain;       /* shared (read): whose tables are loaded, see tlb_enter() */
    uint64_t flushes_asked;    /* interrupts sent to have others flush; read from elsewhere, too */
    uint64_t cache_flushes;    /* calls of cache_flush(); likewise */
    uint64_t irq_count;        /* interrupts taken here; the debug key reads it from elsewhere */
    struct sched_cpu *sched;   /* owned by core/sched/sched.c */
    struct timer_queue timers; /* shared, by its lock */
    struct trace_ring *trace;  /* NULL: no trace */
    uint64_t xcr0;             /* as loaded */
    struct vcpu *fpu_owner;    /* whose FPU state is in the registers; compared, never followed */
    uint8_t lock_depth;        /* debug builds: levels of the locks held */
    uint8_t lock_level[16];
    void *svm_save, *svm_host;   /* pages for the host's state: x86/svm.c; NULL: no SVM */
    const struct vcpu *svm_last; /* which ran in a virtual machine last; compared, never followed */
    uint64_t tsc_base, ns_base;  /* time of day zero for this CPU, see x86/time.c */
    struct irqs_off {            /* debug builds: this stretch without interrupts, see irqs_off.h */
        uint64_t since;          /* TSC; 0: none yet */
        const void *from;        /* code address; NULL: the guest's */
        uint64_t call;           /* RAX as the guest came in: a hypercall's number */
    } irqs_off;
};

extern struct cpu *cpus[NR_CPUS];
extern unsigned nr_cpus;     /* present and started: cpus[0] to cpus[nr_cpus - 1] */
extern cpumask_t cpu_online; /* those that answer interrupts; each sets its own bit */
/*
 * Those of them that run vcpus, and have timers and devices' interrupts: the others are parked in
 * their idle loop (core/sched/cpu_hotplug.c). CPU 0 is always among them. Atomic.
 */
extern cpumask_t cpu_active;

static inline bool cpu_is_active(unsigned cpu)
{
    return (__atomic_load_n(&cpu_active, __ATOMIC_RELAXED) >> cpu) & 1;
}

/*
 * What the boot CPU has and the boot options leave on; not changed after boot, so it is read
 * without a lock. A CPU that lacks something of it ends the start (cpu_lacks()). svm_on: SVM with
 * nested paging is there and turned on, on all CPUs.
 */
struct cpu_features {
    uint32_t max_leaf, max_ext_leaf;
    uint32_t leaf1_eax, leaf1_ecx, leaf1_edx, leaf7_ebx, leaf7_ecx, leaf7_edx, ext1_ecx, ext1_edx;
    uint8_t phys_bits;
    bool amd, nx, pge, smep, smap, umip, null_clears_base, xsave, xsaveopt, x2apic, tsc_deadline,
        invariant_tsc, page1gb, rdtscp, svm, erms, svm_npt, svm_next_rip, svm_flush_asid, svm_on,
        fsgsbase,
        fpu_keeps_pointers; /* FXRSTOR and XRSTOR leave the last x87 instruction's addresses */
    uint64_t xcr0;          /* features enabled for guests */
    unsigned xsave_size;    /* bytes of an area for xcr0 */
};
extern struct cpu_features cpu_features;

#define CR0_PE         0x1ull
#define CR0_MP         0x2ull
#define CR0_TS         0x8ull
#define CR0_WP         0x10000ull
#define CR0_PG         0x80000000ull
#define CR4_VME        0x1ull
#define CR4_TSD        0x4ull
#define CR4_DE         0x8ull
#define CR4_PSE        0x10ull
#define CR4_PAE        0x20ull
#define CR4_MCE        0x40ull
#define CR4_PGE        0x80ull
#define CR4_PCE        0x100ull
#define CR4_OSFXSR     0x200ull
#define CR4_OSXMMEXCPT 0x400ull
#define CR4_UMIP       0x800ull
#define CR4_FSGSBASE   0x10000ull
#define CR4_PCIDE      0x20000ull
#define CR4_OSXSAVE    0x40000ull
#define CR4_SMEP       0x100000ull
#define CR4_SMAP       0x200000ull

/* Those of CR4 that a guest may change; they are remembered, and only DE has an effect. */
#define CR4_GUEST (CR4_VME | CR4_TSD | CR4_DE | CR4_MCE | CR4_PCE | CR4_PGE | CR4_PSE)

#define RFLAGS_CF   0x1ull
#define RFLAGS_TF   0x100ull
#define RFLAGS_IF   0x200ull
#define RFLAGS_DF   0x400ull
#define RFLAGS_IOPL 0x3000ull
#define RFLAGS_NT   0x4000ull
#define RFLAGS_RF   0x10000ull
#define RFLAGS_VM   0x20000ull
#define RFLAGS_AC   0x40000ull
#define RFLAGS_VIF  0x80000ull
#define RFLAGS_VIP  0x100000ull
#define RFLAGS_ID   0x200000ull

#define MSR_TSC            0x10
#define MSR_APIC_BASE      0x1b
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_PLATFORM_INFO  0xce
#define MSR_ARCH_CAPS      0x10a
#define MSR_PAT            0x277
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_X2APIC         0x800
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SYSCALL_MASK   0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103
#define EFER_SCE           0x1ull
#define EFER_LME           0x100ull
#define EFER_LMA           0x400ull
#define EFER_NX            0x800ull
#define EFER_SVME          0x1000ull

/* For registers that exist: #GP here is a bug and ends in the crash report. */
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return ((uint64_t)hi << 32) | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/* For registers that may not exist: 0, or -EFAULT when the processor refused. */
int rdmsr_safe(uint32_t msr, uint64_t *v);
int wrmsr_safe(uint32_t msr, uint64_t v);

#define DEFINE_CR(n)                                               \
    static inline uint64_t read_cr##n(void)                        \
    {                                                              \
        uint64_t v;                                                \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));          \
        return v;                                                  \
    }                                                              \
    static inline void write_cr##n(uint64_t v)                     \
    {                                                              \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory"); \
    }
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
#undef DEFINE_CR

#define DEFINE_PORT(type, suffix, reg)                                           \
    static inline type in##suffix(uint16_t port)                                 \
    {                                                                            \
        type v;                                                                  \
        __asm__ volatile("in" #suffix " %1, %" reg "0" : "=a"(v) : "Nd"(port));  \
        return v;                                                                \
    }                                                                            \
    static inline void out##suffix(uint16_t port, type v)                        \
    {                                                                            \
        __asm__ volatile("out" #suffix " %" reg "0, %1" : : "a"(v), "Nd"(port)); \
    }
DEFINE_PORT(uint8_t, b, "b")
DEFINE_PORT(uint16_t, w, "w")
DEFINE_PORT(uint32_t, l, "k")
#undef DEFINE_PORT

static inline void cpuid_raw(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(sub));
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return ((uint64_t)hi << 32) | lo;
}

static inline void cpu_relax(void)
{
    __builtin_ia32_pause();
}

/* One address of this CPU: also a global translation, and the caches of upper levels. */
static inline void invlpg(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/*
 * Spin-wait step: PAUSE, and serve other CPUs' TLB flush requests (x86/tlb.c). A CPU that is
 * online waits for another with it, locks held or not: that one may be waiting for a flush here.
 */
void cpu_relax_poll(void);

/*
 * x86/cpu.c: find features on the boot CPU; set up control registers and MSRs on each CPU; make the
 * SMAP sites real, once, before text is read-only; log what was found.
 */
void cpu_detect(void);
uint32_t cpu_lacks(uint32_t *leaf); /* bits of a CPUID leaf that only the boot CPU has; 0: none */
/* Writes back and drops what the caches of all CPUs have of a range in the direct map. */
void cache_flush(const void *start, size_t size);
/* A count of all CPUs: CPU_SUM(irq_count). */
#define CPU_SUM(field) cpu_sum(offsetof(struct cpu, field))
uint64_t cpu_sum(size_t offset);
void cpu_init_this(struct cpu *c);
void cpu_patch_smap(void);
void cpu_report(void);
/* Whose processor it is, and which: family and model with what CPUID adds to them. */
struct cpu_signature {
    char vendor[12];
    uint32_t family, model, stepping;
};
void cpu_signature(struct cpu_signature *s);
/* x86/descriptors.c: GDT page, TSS, IDT, IST stacks, SYSCALL stub of one CPU. */
void descriptors_init_cpu(struct cpu *c);
void descriptors_init_boot(struct cpu *c); /* the boot CPU, before there is memory for the rest */
void descriptors_load(struct cpu *c);
void descriptors_set_syscall(struct cpu *c); /* LSTAR and CSTAR of this CPU */
void descriptors_set_area_stub(struct cpu *c,
                               bool area);      /* LSTAR for a vcpu with an area, or not */
void descriptors_trace(struct cpu *c, bool on); /* the stub with an area makes records, or not */
void smp_start_all(void);                       /* x86/smp_start.c */
/* x86/smp.c */
void smp_kick(unsigned cpu); /* makes it leave guest mode or idle and look for work */
/*
 * Runs fn on the CPUs of the mask, this one included if it is named, and waits for all. Not with
 * locks held. On other CPUs fn runs in an interrupt, interrupts off, and may take locks.
 */
void smp_call(cpumask_t mask, void (*fn)(void *), void *arg);
/* x86/fpu.c: state is switched with the vcpu */
void fpu_init_cpu(void);
int fpu_init_vcpu(struct vcpu *v); /* in the initial state; 0 or -XEN_ENOMEM */
void fpu_free_vcpu(struct vcpu *v);
void fpu_area_check(void *area);     /* after it was written from outside */
void fpu_switch_out(struct vcpu *v); /* v has run here until now */
void fpu_switch_in(struct vcpu *v);
bool fpu_xcr0_valid(uint64_t v);                        /* may a guest have this XCR0? */
void fpu_set_guest_xcr0(struct vcpu *v, uint64_t xcr0); /* current; xcr0 is valid */
void fpu_set_guest_ts(struct vcpu *v, bool ts);         /* current: the guest's CR0.TS */
/* Makes v's memory image the truth. v is current or does not run (and is kept from running). */
void fpu_sync(struct vcpu *v);
/* x86/power.c */
void machine_restart(void) NORETURN;
void machine_crash(void) NORETURN; /* restart after a failure; no locks */
void machine_halt(void) NORETURN;
/* Returns only when the machine is still on: -XEN_ENODEV, no such register; -XEN_EIO. */
int machine_power_off_s5(uint32_t pm1a_cnt_val, uint32_t pm1b_cnt_val); /* platform_op's values */

/* Debug registers, by number. */
#define READ_DR(n, to)    __asm__ volatile("mov %%dr" #n ", %0" : "=r"(to))
#define WRITE_DR(n, from) __asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(from)))

#endif
