/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the processor can do, and how each one is set up: control registers, page attributes, and
 * the registers behind SYSCALL. Features are found once, on the boot CPU; another processor that
 * lacks one of those that cpu_lacks() compares ends the start.
 */
#include <core/console.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <x86/cpu.h>

struct cpu_features cpu_features;

_Static_assert(sizeof(struct stack_top) == STACK_TOP_SIZE, "known to entry.S");
_Static_assert((STACK_TOP_SIZE - offsetof(struct stack_top, cpu)) % 16 == 0,
               "RSP0 is 16-byte aligned");

#define PAT_VALUE 0x050100070406ull /* part of the ABI: WB WT UC- UC WC WP UC UC */

/*
 * Flags that SYSCALL clears: a guest's TF, DF, AC, NT or IOPL must not reach ring 0. TF would trap
 * in the stub, DF turn every string instruction round, AC open SMAP, NT make the next IRETQ fault.
 */
#define SYSCALL_CLEARS                                                                     \
    (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | \
     RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP)

static INIT_TEXT bool leaf_bit(uint32_t reg, unsigned bit)
{
    return (reg >> bit) & 1;
}

static INIT_TEXT void detect_leaf7(struct cpu_features *f)
{
    uint32_t r[4];

    if (f->max_leaf < 7)
        return;
    cpuid_raw(7, 0, r);
    f->leaf7_ebx = r[1];
    f->leaf7_ecx = r[2];
    f->fsgsbase = leaf_bit(r[1], 0);
    f->smep = leaf_bit(r[1], 7) && boot_options.smep;
    f->erms = leaf_bit(r[1], 9);
    f->smap = leaf_bit(r[1], 20) && boot_options.smap;
    f->umip = leaf_bit(r[2], 2);
}

static INIT_TEXT void detect_extended(struct cpu_features *f)
{
    uint32_t r[4];

    cpuid_raw(0x80000000, 0, r);
    f->max_ext_leaf = r[0];
    cpuid_raw(0x80000001, 0, r);
    f->ext1_ecx = r[2];
    f->ext1_edx = r[3];
    f->svm = leaf_bit(r[2], 2);
    f->nx = leaf_bit(r[3], 20);
    f->page1gb = leaf_bit(r[3], 26);
    f->rdtscp = leaf_bit(r[3], 27);
    f->phys_bits = 36;
    if (f->max_ext_leaf >= 0x80000007) {
        cpuid_raw(0x80000007, 0, r);
        f->invariant_tsc = leaf_bit(r[3], 8);
    }
    f->fpu_keeps_pointers = f->amd;
    if (f->max_ext_leaf >= 0x80000008) {
        cpuid_raw(0x80000008, 0, r);
        f->phys_bits = r[0] & 0xff;
        f->fpu_keeps_pointers &= !leaf_bit(r[1], 2); /* XSaveErPtr: AMD APM vol. 3, appendix E */
    }
    if (f->svm && f->max_ext_leaf >= 0x8000000a) {
        cpuid_raw(0x8000000a, 0, r);
        f->svm_npt = leaf_bit(r[3], 0);
        f->svm_next_rip = leaf_bit(r[3], 3);
        f->svm_flush_asid = leaf_bit(r[3], 6);
    }
}

/* Of a null selector's base. Some processors say it in CPUID, others only do it. */
static bool null_clears_base(void)
{
    uint64_t before = rdmsr(MSR_FS_BASE), after;

    wrmsr(MSR_FS_BASE, PAGE_SIZE);
    __asm__ volatile("mov %0, %%fs" : : "r"(0));
    after = rdmsr(MSR_FS_BASE);
    wrmsr(MSR_FS_BASE, before);
    return after == 0;
}

INIT_TEXT void cpu_detect(void)
{
    struct cpu_features *f = &cpu_features;
    uint32_t r[4];

    cpuid_raw(0, 0, r);
    f->max_leaf = r[0];
    f->amd = r[1] == 0x68747541 /* Auth */ || r[1] == 0x6f677948 /* Hygo */;
    cpuid_raw(1, 0, r);
    f->leaf1_eax = r[0];
    f->leaf1_ecx = r[2];
    f->leaf1_edx = r[3];
    f->pge = leaf_bit(r[3], 13);
    f->x2apic = leaf_bit(r[2], 21) && boot_options.x2apic;
    f->tsc_deadline = leaf_bit(r[2], 24);
    f->xsave = leaf_bit(r[2], 26) && boot_options.xsave;
    detect_leaf7(f);
    detect_extended(f);
    f->null_clears_base = null_clears_base();
}

/* PCIDE stays off: CR3 loads are what flushes a guest. */
static uint64_t wanted_cr4(void)
{
    const struct cpu_features *f = &cpu_features;
    uint64_t cr4 = CR4_PAE | CR4_PGE | CR4_MCE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (f->fsgsbase)
        cr4 |= CR4_FSGSBASE;
    if (f->umip)
        cr4 |= CR4_UMIP;
    if (f->xsave)
        cr4 |= CR4_OSXSAVE;
    if (f->smep)
        cr4 |= CR4_SMEP;
    if (f->smap)
        cr4 |= CR4_SMAP;
    return cr4;
}

/* Compared is what the hypervisor uses, and with it most of what guests are shown. */
uint32_t cpu_lacks(uint32_t *leaf)
{
    const struct cpu_features *f = &cpu_features;
    const struct {
        uint32_t leaf, sub, reg, has; /* bits of the boot CPU */
    } words[] = {
        {1, 0, 3, f->leaf1_edx},
        {1, 0, 2, f->leaf1_ecx & (BIT(21) | BIT(24) | BIT(26))}, /* x2APIC, TSC deadline, XSAVE */
        {7, 0, 1, f->leaf7_ebx},
        {7, 0, 2, f->umip ? BIT(2) : 0},
        {0xd, 0, 0, (uint32_t)f->xcr0},
        {0xd, 1, 0, f->xsaveopt},
        {0x80000001, 0, 3, f->ext1_edx}, /* NX, large pages, RDTSCP */
        {0x80000001, 0, 2, f->svm ? BIT(2) : 0},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        uint32_t r[4];

        if (words[i].has == 0)
            continue; /* the leaf may not exist */
        *leaf = words[i].leaf;
        cpuid_raw(*leaf, words[i].sub, r);
        if (words[i].has & ~r[words[i].reg])
            return words[i].has & ~r[words[i].reg];
    }
    return 0;
}

/* c is this CPU; its final tables are loaded. Global pages work from here on. */
void cpu_init_this(struct cpu *c)
{
    BUG_ON(!cpu_features.pge || !cpu_features.nx);

    write_cr0(0x80050033); /* PG AM WP NE ET MP PE; caches on */
    c->cr4 = wanted_cr4();
    write_cr4(c->cr4);
    wrmsr(MSR_PAT, PAT_VALUE);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NX | EFER_SCE);
    /* SYSCALL: CS is the lower one, SS 8 above. SYSRETQ: CS is 16 above the upper, SS 8 above. */
    wrmsr(MSR_STAR, ((uint64_t)SEL_USER_CS32 << 48) | ((uint64_t)SEL_HV_CS << 32));
    wrmsr(MSR_SYSCALL_MASK, SYSCALL_CLEARS);
    (void)wrmsr_safe(MSR_SYSENTER_CS, 0); /* SYSENTER faults, and reaches the guest as #GP */
    if (cpu_features.rdtscp)
        wrmsr(MSR_TSC_AUX, 0);
}

/* What SMAP_SITE of x86/macros.inc writes: three bytes of NOP, and what they may become. */
struct smap_site {
    uint8_t *at;
    uint64_t stac;
};
extern const struct smap_site smap_sites_start[], smap_sites_end[];

/* Before text becomes read-only, and before other processors run. */
INIT_TEXT void cpu_patch_smap(void)
{
    static const uint8_t clac[3] = {0x0f, 0x01, 0xca}, stac[3] = {0x0f, 0x01, 0xcb};

    if (!cpu_features.smap)
        return;
    for (const struct smap_site *s = smap_sites_start; s < smap_sites_end; s++)
        memcpy(s->at, s->stac ? stac : clac, 3);
}

/* A cache line is taken to be 64 bytes long. The fences: CLFLUSH is not ordered by itself. */
void cache_flush(const void *start, size_t size)
{
    const char *end = (const char *)start + size;

    this_cpu()->cache_flushes++;
    __asm__ volatile("mfence" ::: "memory");
    for (const char *line = (const char *)((vaddr_t)start & ~63ul); line < end; line += 64)
        __asm__ volatile("clflush (%0)" : : "r"(line) : "memory");
    __asm__ volatile("mfence" ::: "memory");
}

uint64_t cpu_sum(size_t offset)
{
    uint64_t n = 0;
    unsigned cpu;

    for_each_cpu (cpu, cpu_online)
        n += READ_ONCE(*(const uint64_t *)((const char *)cpus[cpu] + offset));
    return n;
}

INIT_TEXT void cpu_report(void)
{
    const struct cpu_features *f = &cpu_features;
    char name[49] = "unknown";

    if (f->max_ext_leaf >= 0x80000004)
        for (unsigned i = 0; i < 3; i++)
            cpuid_raw(0x80000002 + i, 0, (uint32_t *)(name + 16 * i));
    log_info("processor: %.48s", name);
    log_info("using:%s%s%s%s%s%s%s", f->smep ? " SMEP" : "", f->smap ? " SMAP" : "",
             f->umip ? " UMIP" : "", f->xsave ? " XSAVE" : "", f->x2apic ? " x2APIC" : "",
             f->tsc_deadline ? " TSC-deadline" : "", f->page1gb ? " 1-GiB-pages" : "");
}

/* Leaf 0 has the name in EBX, EDX, ECX, in this order; leaf 1 says when to add (Intel SDM). */
void cpu_signature(struct cpu_signature *s)
{
    uint32_t leaf[4], eax = cpu_features.leaf1_eax;

    cpuid_raw(0, 0, leaf);
    memcpy(s->vendor, &leaf[1], 4);
    memcpy(s->vendor + 4, &leaf[3], 4);
    memcpy(s->vendor + 8, &leaf[2], 4);
    s->family = (eax >> 8) & 15;
    s->model = (eax >> 4) & 15;
    s->stepping = eax & 15;
    if (s->family == 15 || s->family == 6)
        s->model |= (eax >> 12) & 0xf0;
    if (s->family == 15)
        s->family += (eax >> 20) & 0xff;
}
