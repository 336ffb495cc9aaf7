/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Privileged instructions that are emulated, and those that are not: MSRs, control registers,
 * CPUID with the forced prefix, ports under each IOPL, string input and output, XCR0; and what
 * tells of tables (SGDT and its like), which is not privileged everywhere.
 */
#include <kit/kit.h>
#include <public/cpuid.h>

static int rdmsr(uint32_t msr, uint64_t *val)
{
    uint32_t lo = 0, hi = 0;
    int trap = KIT_TRY("rdmsr", : "=a"(lo), "=d"(hi) : "c"(msr) : KIT_CLOBBER);

    *val = ((uint64_t)hi << 32) | lo;
    return trap;
}

static int wrmsr(uint32_t msr, uint64_t val)
{
    return KIT_TRY("wrmsr",
                   :
                   : "c"(msr), "a"((uint32_t)val), "d"((uint32_t)(val >> 32))
                   : KIT_CLOBBER);
}

static bool alive(void)
{
    return hc2(__HYPERVISOR_xen_version, XENVER_version, 0) == ((4 << 16) | 17);
}

#define MSR_APIC_BASE 0x1b
#define MSR_PAT       0x277
#define MSR_EFER      0xc0000080
#define MSR_LSTAR     0xc0000082
#define MSR_FS_BASE   0xc0000100
#define MSR_GS_BASE   0xc0000101
#define MSR_KERNEL_GS 0xc0000102

static void msrs(void)
{
    static const uint32_t dangerous[] = {
        0xc0000081, MSR_LSTAR,  0xc0000083,    0xc0000084, 0x174, 0x175, 0x176,
        0x1d9,      MSR_PAT,    MSR_APIC_BASE, 0x79,       0x200, 0x2ff, 0x38f,
        0x48,       0xc0010015, 0xc0010117,    0x6e0,      0x830, 0xda0};
    uint64_t val, efer;
    uint64_t *a = kit_page();

    *a = 0xabc;
    for (uint32_t msr = MSR_FS_BASE; msr <= MSR_KERNEL_GS; msr++) {
        CHECK_EQ(wrmsr(msr, (uint64_t)a), -1);
        CHECK_EQ(rdmsr(msr, &val), -1);
        CHECK_EQ(val, a);
        CHECK_EQ(wrmsr(msr, 0x8000000000000000ul), 13);
        CHECK_EQ(wrmsr(msr, 0x800000000000ul), 13);
        CHECK_EQ(rdmsr(msr, &val), -1);
        CHECK_EQ(val, a);
    }
    __asm__ volatile("mov %%fs:0, %0" : "=r"(val));
    CHECK_EQ(val, 0xabc);
    __asm__ volatile("mov %%gs:0, %0" : "=r"(val));
    CHECK_EQ(val, 0xabc);
    CHECK_EQ(rdmsr(MSR_EFER, &efer), -1);
    CHECK(efer & 0x500); /* long mode */
    CHECK_EQ(wrmsr(MSR_EFER, efer), -1);
    wrmsr(MSR_EFER, efer ^ 0x800); /* ignored or refused; NX stays */
    wrmsr(MSR_EFER, 0);
    CHECK_EQ(rdmsr(MSR_EFER, &val), -1);
    CHECK_EQ(val, efer);
    CHECK_EQ(rdmsr(MSR_PAT, &val), -1);
    CHECK_EQ(val, 0x050100070406ul);
    CHECK_EQ(rdmsr(MSR_APIC_BASE, &val), -1);
    CHECK_EQ(rdmsr(0x12345678, &val), 13); /* we have a handler */
    CHECK_EQ(wrmsr(0x12345678, 1), 13);
    for (unsigned i = 0; i < ARRAY_SIZE(dangerous); i++) {
        wrmsr(dangerous[i], 0x4242);
        wrmsr(dangerous[i], ~0ul);
        rdmsr(dangerous[i], &val);
        CHECK(alive());
    }
    CHECK(!kit_read((void *)KIT_NOWHERE, NULL)); /* and traps still arrive */
    CHECK_EQ(rdmsr(MSR_PAT, &val), -1);
    CHECK_EQ(val, 0x050100070406ul);
    /* Every number, read: none of them ends us. */
    for (uint32_t msr = 0; msr < 0x900; msr++)
        rdmsr(msr, &val);
    for (uint32_t msr = 0xc0000000; msr < 0xc0000200; msr++)
        rdmsr(msr, &val);
    for (uint32_t msr = 0xc0010000; msr < 0xc0010200; msr++)
        rdmsr(msr, &val);
    CHECK(alive());
}

/*
 * RDMSR of a base has a way of its own: it is to differ in nothing. At the end of a page with
 * nothing behind it, stepped over, behind a prefix, and in user mode, where it is refused.
 */
static volatile uint64_t stepped;

static uint64_t user_reads_base(uint64_t msr)
{
    __asm__ volatile("rdmsr" : : "c"((uint32_t)msr) : "rax", "rdx");
    return 1;
}

static void refuse_in_user(struct kit_frame *f)
{
    CHECK_EQ(f->error, 0);
    f->rip += 2;
    f->rax = f->rdx = 0;
}

static void stepped_to(struct kit_frame *f)
{
    f->rflags &= ~0x100ul;
    stepped = f->rip;
}

static void base_reads(void)
{
    uint8_t *code = kit_page(), *behind = kit_page();
    uint64_t pte = kit_pte(behind), ret, want = 0xffff900012345678ul;
    uint32_t lo = 0, hi = 0;

    CHECK_EQ(wrmsr(MSR_KERNEL_GS, want), -1);
    if (behind != code + 4096) { /* the pages of the kit come one after the other */
        kit_check(false, __FILE__, __LINE__, "pages at %p and %p", (void *)code, (void *)behind);
        return;
    }
    CHECK_EQ(kit_set_pte(behind, 0), 0);
    code[4094] = 0x0f;
    code[4095] = 0x32;
    /* It goes on into what is not mapped, and that fault is fixed up. */
    CHECK_EQ(KIT_TRY("jmp *%2",
                     : "=a"(lo), "=d"(hi)
                     : "r"(code + 4094), "c"(MSR_KERNEL_GS)
                     : KIT_CLOBBER),
             14);
    CHECK_EQ(kit_last.rip, behind);
    CHECK_EQ(kit_last.rax, (uint32_t)want);
    CHECK_EQ(kit_last.rdx, want >> 32);
    CHECK_EQ(kit_set_pte(behind, pte), 0);
    CHECK_EQ(KIT_TRY(".byte 0x48, 0x0f, 0x32",
                     : "=a"(lo), "=d"(hi)
                     : "c"(MSR_KERNEL_GS)
                     : KIT_CLOBBER),
             -1);
    CHECK_EQ(((uint64_t)hi << 32) | lo, want);
    /* A single step ends behind it. */
    kit_on_trap(1, stepped_to);
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; rdmsr; 1: lea 1b(%%rip), %2"
                     : "=a"(lo), "=d"(hi), "=r"(ret)
                     : "c"(MSR_KERNEL_GS)
                     : "cc", "memory");
    kit_on_trap(1, NULL);
    CHECK_EQ(stepped, ret);
    CHECK_EQ(((uint64_t)hi << 32) | lo, want);
    kit_user_init();
    for (uint32_t msr = MSR_FS_BASE; msr <= MSR_KERNEL_GS; msr++) {
        kit_on_trap(13, refuse_in_user);
        CHECK_EQ(kit_user_run(user_reads_base, msr), 1);
    }
    kit_on_trap(13, NULL);
}

static void control_registers(void)
{
    uint64_t cr0, cr3, cr4, val;
    uint64_t l4 = kit_mfn((void *)start_info->pt_base);

    CHECK_EQ(KIT_TRY("mov %%cr0, %0", : "=r"(cr0) : : KIT_CLOBBER), -1);
    CHECK_EQ(cr0 & 0x80000001, 0x80000001);
    CHECK_EQ(KIT_TRY("mov %0, %%cr0", : : "r"(cr0 | 8) : KIT_CLOBBER), -1); /* TS */
    CHECK_EQ(KIT_TRY("mov %%cr0, %0", : "=r"(val) : : KIT_CLOBBER), -1);
    CHECK_EQ(val & 8, 8);
    CHECK_EQ(KIT_TRY("movd %%eax, %%xmm0", : : "a"(1) : KIT_CLOBBER), 7);
    CHECK_EQ(KIT_TRY("clts", : : : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("movd %%eax, %%xmm0", : : "a"(1) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("mov %%cr3, %0", : "=r"(cr3) : : KIT_CLOBBER), -1);
    CHECK_EQ(cr3 >> 12, l4);
    CHECK_EQ(KIT_TRY("mov %0, %%cr3", : : "r"(cr3) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("mov %0, %%cr3", : : "r"(0xffffffffffff000ul) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("mov %0, %%cr3", : : "r"(kit_mfn(kit_page()) << 12) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("mov %%cr4, %0", : "=r"(cr4) : : KIT_CLOBBER), -1);
    CHECK(cr4 & 0x20); /* PAE */
    CHECK_EQ(KIT_TRY("mov %0, %%cr4", : : "r"(cr4) : KIT_CLOBBER), -1);
    KIT_TRY("mov %0, %%cr4", : : "r"(0ul) : KIT_CLOBBER); /* ignored or refused, as these are: */
    KIT_TRY("mov %0, %%cr4", : : "r"(~0ul) : KIT_CLOBBER);
    KIT_TRY("mov %0, %%cr4", : : "r"(cr4 ^ 0x300000) : KIT_CLOBBER); /* SMEP and SMAP */
    KIT_TRY("mov %0, %%cr0", : : "r"(0ul) : KIT_CLOBBER);
    KIT_TRY("mov %0, %%cr0", : : "r"(cr0 & ~0x10001ul) : KIT_CLOBBER);   /* WP and PE */
    KIT_TRY("mov %0, %%cr0", : : "r"(cr0 | 0x60000000ul) : KIT_CLOBBER); /* caches off */
    CHECK_EQ(KIT_TRY("clts", : : : KIT_CLOBBER), -1);
    CHECK(alive());
    CHECK(!kit_read((void *)KIT_NOWHERE, NULL));
    uint64_t *ro = kit_page();

    kit_protect(ro, false);
    CHECK(!kit_write(ro, 1));
    CHECK_EQ(KIT_TRY("mov %0, %%cr2", : : "r"(0x1234ul) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("mov %%cr2, %0", : "=r"(val) : : KIT_CLOBBER), -1);
    CHECK_EQ(val, 0x1234);
    CHECK_EQ(KIT_TRY("wbinvd", : : : KIT_CLOBBER), -1);
}

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    CHECK_EQ(KIT_TRY(XEN_CPUID,
                     : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
                     : "a"(leaf), "c"(sub)
                     : KIT_CLOBBER),
             -1);
}

static void cpuids(void)
{
    uint32_t r[4], raw[4];
    bool xsave;
    uint64_t cr4;

    cpuid(0x40000000, 0, r);
    CHECK(r[0] >= 0x40000002);
    CHECK(r[1] == XEN_CPUID_SIGNATURE_EBX && r[2] == XEN_CPUID_SIGNATURE_ECX &&
          r[3] == XEN_CPUID_SIGNATURE_EDX);
    cpuid(0x40000001, 0, r);
    CHECK_EQ(r[0], (4 << 16) | 17);
    cpuid(0x40000002, 0, r);
    CHECK_EQ(r[0], 1);
    cpuid(0x40000000, 0, r);
    if (r[0] >= 0x40000005) {
        cpuid(0x40000005, 0, r);
        CHECK((r[1] & 255) >= 20 && (r[1] & 255) <= 52);
    }
    cpuid(0, 0, r);
    CHECK(r[0] >= 1);
    __asm__ volatile("cpuid"
                     : "=a"(raw[0]), "=b"(raw[1]), "=c"(raw[2]), "=d"(raw[3])
                     : "a"(0), "c"(0));
    CHECK(raw[1] == r[1] && raw[2] == r[2] && raw[3] == r[3]);
    cpuid(1, 0, r);
    CHECK(r[2] & (1u << 31));   /* on a hypervisor */
    CHECK(!(r[3] & (1u << 3))); /* no large pages */
    CHECK(!(r[2] & (1u << 5))); /* no VMX */
    xsave = (r[2] & (1u << 26)) && (r[2] & (1u << 27));
    cpuid(7, 0, r);
    CHECK(!(r[1] & (1u << 7)) && !(r[1] & (1u << 20))); /* SMEP, SMAP */
    cpuid(0x7fffffff, 0, r);
    cpuid(0xffffffff, 0xffffffff, r);
    cpuid(0x80000001, 0, r);
    CHECK(r[3] & (1u << 29)); /* long mode */
    CHECK(!(r[2] & 4));       /* no SVM */
    CHECK_EQ(KIT_TRY(XEN_EMULATE_PREFIX "nop", : : : KIT_CLOBBER), 6);
    CHECK_EQ(KIT_TRY(XEN_EMULATE_PREFIX "rdmsr", : : "c"(MSR_EFER) : "rax", "rdx", KIT_CLOBBER), 6);
    /* Extended state: what is enabled in CR4 shows in leaf 1, and XCR0 takes good values only. */
    KIT_TRY("mov %%cr4, %0", : "=r"(cr4) : : KIT_CLOBBER);
    printk("XSAVE %s\n", xsave ? "is there" : "is not there");
    if (!xsave)
        return;
    CHECK_EQ(KIT_TRY("mov %0, %%cr4", : : "r"(cr4 | 1ul << 18) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("xgetbv", : : "c"(0) : "rax", "rdx", KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(3), "d"(0) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(1), "d"(0) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(0), "d"(0) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(2), "d"(0) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(5), "d"(0) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(~0u), "d"(~0u) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(1), "a"(3), "d"(0) : KIT_CLOBBER), 13);
    CHECK_EQ(KIT_TRY("xsetbv", : : "c"(0), "a"(3), "d"(0) : KIT_CLOBBER), -1);
}

static int inb(uint16_t port, uint8_t *val)
{
    uint8_t v = 0;
    int trap = KIT_TRY("inb %%dx, %%al", : "=a"(v) : "d"(port) : KIT_CLOBBER);

    *val = v;
    return trap;
}

static int outb(uint16_t port, uint8_t val)
{
    return KIT_TRY("outb %%al, %%dx", : : "a"(val), "d"(port) : KIT_CLOBBER);
}

static int set_iopl(unsigned iopl)
{
    struct physdev_set_iopl s = {.iopl = iopl};

    return (int)hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &s);
}

static volatile int user_trapped;

static uint64_t user_in(uint64_t port)
{
    uint32_t v = 0;

    __asm__ volatile("inb %%dx, %%al" : "=a"(v) : "d"((uint16_t)port));
    return v & 0xff;
}

static void on_user_gp(struct kit_frame *f)
{
    user_trapped++;
    f->rip++; /* over the one-byte in */
}

static int user_port(uint16_t port)
{
    user_trapped = 0;
    kit_on_trap(13, on_user_gp);
    kit_user_run(user_in, port);
    kit_on_trap(13, NULL);
    return user_trapped;
}

static void ports(void)
{
    uint8_t seconds, val, *page = kit_page();

    CHECK_EQ(set_iopl(4), -XEN_EINVAL);
    CHECK_EQ(set_iopl(~0u), -XEN_EINVAL);
    CHECK_EQ(set_iopl(1), 0);
    CHECK_EQ(outb(0x70, 0x0a), -1);
    CHECK_EQ(inb(0x71, &val), -1);
    CHECK((val & 0x7f) != 0x7f); /* the clock's register A, and no open bus */
    outb(0x70, 0);
    CHECK_EQ(inb(0x71, &seconds), -1);
    CHECK(seconds <= 0x59);
    /* The hypervisor's: interrupt controllers, PIT. Nothing happens to them. */
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    outb(0x20, 0x11);
    outb(0x43, 0x30);
    outb(0x40, 0);
    outb(0x4d0, 0xff);
    inb(0x40, &val);
    uint64_t start = kit_now();

    kit_sleep(3000000);
    CHECK(kit_now() - start >= 2900000 && kit_now() - start < KIT_PATIENCE);
    /* PCI configuration through CF8: the address register is the domain's, and reads back. */
    uint32_t id = 0;

    CHECK_EQ(KIT_TRY("outl %%eax, %%dx", : : "a"(0x80000000u), "d"(0xcf8) : KIT_CLOBBER), -1);
    CHECK_EQ(KIT_TRY("inl %%dx, %%eax", : "=a"(id) : "d"(0xcf8) : KIT_CLOBBER), -1);
    CHECK_EQ(id, 0x80000000u);
    CHECK_EQ(KIT_TRY("inl %%dx, %%eax", : "=a"(id) : "d"(0xcfc) : KIT_CLOBBER), -1);
    CHECK_EQ(id & 0xffff, 0x8086);
    /* Strings of them. */
    page[0] = page[99] = 1;
    CHECK_EQ(KIT_TRY("rep outsb", : : "S"(page), "c"(100ul), "d"(0x80) : "memory", "r11"), -1);
    CHECK_EQ(KIT_TRY("rep insb", : : "D"(page), "c"(100ul), "d"(0x71) : "memory", "r11"), -1);
    CHECK(page[0] == page[99]);
    CHECK_EQ(KIT_TRY("insb", : : "D"(KIT_NOWHERE), "d"(0x71) : "memory", "r11"), 14);
    CHECK_EQ(kit_last_cr2, KIT_NOWHERE);
    CHECK_EQ(KIT_TRY("outsb", : : "S"(KIT_NOWHERE), "d"(0x80) : "memory", "r11"), 14);
    CHECK(KIT_TRY("insb", : : "D"(0xffff820000000000ul), "d"(0x71) : "memory", "r11") >= 13);
    CHECK(KIT_TRY("outsb", : : "S"(0xffff830000000000ul), "d"(0x80) : "memory", "r11") >= 13);
}

static volatile uint64_t frame_rflags;

static void note_flags(struct kit_frame *f)
{
    frame_rflags = f->rflags;
    f->rip += 2;
}

static void give_iopl_2(struct kit_frame *f)
{
    f->rflags |= 0x2000;
    f->rip += 2;
}

/* The guest sees its IOPL in frames, sets it by iret, and its kernel may use ports at level 0. */
static void architectural_iopl(void)
{
    uint8_t val;

    kit_on_trap(6, note_flags);
    CHECK_EQ(set_iopl(2), 0);
    __asm__ volatile("ud2" : : : "memory");
    CHECK_EQ(frame_rflags & 0x3000, 0);
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_architectural_iopl), 0);
    __asm__ volatile("ud2" : : : "memory");
    CHECK_EQ(frame_rflags & 0x3000, 0x2000);
    CHECK_EQ(set_iopl(0), 0);
    CHECK_EQ(inb(0x71, &val), -1);
    kit_on_trap(6, give_iopl_2);
    __asm__ volatile("ud2" : : : "memory");
    kit_on_trap(6, note_flags);
    __asm__ volatile("ud2" : : : "memory");
    CHECK_EQ(frame_rflags & 0x3000, 0x2000);
    CHECK_EQ(set_iopl(0), 0);
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_disable, VMASST_TYPE_architectural_iopl), 0);
    CHECK_EQ(inb(0x71, &val), 13);
    CHECK_EQ(set_iopl(1), 0);
    kit_on_trap(6, NULL);
}

static uint8_t table_register[32];
static uint64_t stored;

/* Each form of an operand once; what is stored is the same in all of them. */
static uint64_t ask_tables(uint64_t which)
{
    uint64_t at = (uint64_t)table_register;
    uint64_t v = ~0ul, w = ~0ul;

    switch (which) {
    case 0:
        __asm__ volatile("sgdt table_register(%%rip)" : : : "memory");
        return 0;
    case 1:
        __asm__ volatile("sidt 3(%0, %1, 2)" : : "r"(at - 9), "r"(3ul) : "memory");
        return 0;
    case 2:
        __asm__ volatile("sgdt -1000(%0)" : : "r"(at + 1000) : "memory");
        return 0;
    case 3:
        __asm__ volatile("mov %0, %%r13; sidt (%%r13)" : : "r"(at) : "r13", "memory");
        return 0;
    case 4:
        __asm__ volatile("mov %0, %%r12; sgdt (%%r12)" : : "r"(at) : "r12", "memory");
        return 0;
    case 5:
        __asm__ volatile("addr32 sgdt (%k0)" : : "r"(at) : "memory");
        return 0;
    case 6:
        __asm__ volatile("sldt %k0; str %k1" : "+r"(v), "+r"(w));
        stored = w;
        return v;
    case 7:
        __asm__ volatile("smsw %q0; smsw %k1" : "+r"(v), "+r"(w));
        return v ^ w;
    case 8:
        __asm__ volatile("smsw %w0" : "+r"(v));
        return v;
    default:
        __asm__ volatile("mov $5, %%r10; smsw (%0); str 8(%0)" : : "r"(at) : "r10", "memory");
        return 0;
    }
}

/* Tables of nobody, a task and a CR0 that are as the processor has them: no trap in either mode. */
static void check_tables(uint64_t (*run)(uint64_t))
{
    uint16_t limit;
    uint64_t base, first = 0;

    for (unsigned i = 0; i < 6; i++) {
        memset(table_register, 0x55, sizeof(table_register));
        CHECK_EQ(run(i), 0);
        memcpy(&limit, table_register, 2);
        memcpy(&base, table_register + 2, 8);
        CHECK_EQ(limit, i == 1 || i == 3 ? 0xfff : 0xefff);
        CHECK(base >> 47 == 0x1ffff);
        CHECK_EQ(table_register[10], 0x55);
        if (i == 0)
            first = base;
        if (on_lodge)
            CHECK_EQ(base, first);
    }
    CHECK_EQ(run(6), 0); /* sldt */
    CHECK_EQ(stored, 0xe040);
    CHECK_EQ(run(7), 0);
    CHECK_EQ(run(8) & ~0xff3ful, 0xffffffffffff0000ul & ~0xff3ful);
    memset(table_register, 0x55, sizeof(table_register));
    run(9);
    CHECK_EQ(table_register[0] & 0x31, 0x31);
    CHECK_EQ(table_register[2], 0x55);
    CHECK(table_register[8] == 0x40 && table_register[9] == 0xe0 && table_register[10] == 0x55);
}

static uint64_t in_user_mode(uint64_t which)
{
    return kit_user_run(ask_tables, which);
}

static void tables(void)
{
    uint64_t *page = kit_page();

    check_tables(ask_tables);
    kit_user_init();
    check_tables(in_user_mode);
    CHECK_EQ(KIT_TRY("sgdt (%0)", : : "r"(KIT_NOWHERE) : KIT_CLOBBER), 14);
    CHECK_EQ(kit_last_cr2, KIT_NOWHERE);
    CHECK(KIT_TRY("sidt (%0)", : : "r"(0xffff830000000000ul) : KIT_CLOBBER) >= 13);
    CHECK_EQ(kit_protect(page, false), 0);
    CHECK_EQ(KIT_TRY("smsw (%0)", : : "r"(page) : KIT_CLOBBER), 14);
    CHECK_EQ(*(volatile uint64_t *)page, 0);
}

static void user_ports(void)
{
    static uint8_t bitmap[8192];
    struct physdev_set_iobitmap m = {.nr_ports = 65536};

    kit_user_init();
    CHECK_EQ(user_port(0x71), 1);
    CHECK_EQ(set_iopl(3), 0);
    CHECK_EQ(user_port(0x71), 0);
    CHECK_EQ(set_iopl(1), 0);
    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[0x71 / 8] &= (uint8_t) ~(1u << (0x71 % 8));
    m.bitmap.p = bitmap;
    CHECK_EQ(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, &m), 0);
    CHECK_EQ(user_port(0x71), 0);
    CHECK_EQ(user_port(0x70), 1);
    m.nr_ports = 0x71;
    CHECK_EQ(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, &m), 0);
    CHECK_EQ(user_port(0x71), 1);
    m.nr_ports = 65537;
    CHECK_EQ(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, &m), -XEN_EINVAL);
    m.nr_ports = 65536;
    m.bitmap.p = (void *)KIT_NOWHERE;
    CHECK(hc2(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iobitmap, &m) <= 0);
    CHECK_EQ(user_port(0x71), 1); /* a bitmap that cannot be read allows nothing */
}

/* An instruction that ends with its page, before one that is not there. */
static void at_page_end(void)
{
    uint8_t *page = kit_page(), *beyond = kit_page();
    uint64_t keep = kit_pte(beyond), val = 0;

    CHECK_EQ(page + PAGE_SIZE, beyond);
    memcpy(page + PAGE_SIZE - 4, "\x0f\x20\xd8\xc3", 4); /* mov %cr3, %rax; ret */
    CHECK_EQ(kit_set_pte(beyond, 0), 0);
    CHECK_EQ(KIT_TRY("call *%%rdx", : "=a"(val) : "d"(page + PAGE_SIZE - 4) : KIT_CLOBBER), -1);
    CHECK(val != 0);
    memcpy(page + PAGE_SIZE - 4, "\x90\x90\x0f\x20", 4); /* its last byte is not there */
    CHECK(KIT_TRY("jmp *%%rdx", : : "d"(page + PAGE_SIZE - 4) : KIT_CLOBBER) >= 13);
    CHECK_EQ(kit_set_pte(beyond, keep), 0);
}

static void child(uint64_t unused)
{
    uint64_t val;
    uint8_t b;

    (void)unused;
    set_iopl(1);
    inb(0x71, &b);
    CHECK(b == 0xff || kit_tries[0].trapped == 13); /* not its clock */
    outb(0x70, 0x80);
    outb(0x64, 0xfe); /* would reset the machine */
    outb(0xcf9, 0x06);
    KIT_TRY("outl %%eax, %%dx", : : "a"(0), "d"(0xf4) : KIT_CLOBBER);
    KIT_TRY("outw %%ax, %%dx", : : "a"(0x2000), "d"(0x604) : KIT_CLOBBER); /* would power it off */
    wrmsr(MSR_PAT, 0);
    wrmsr(0x10, 0);
    rdmsr(0x12345678, &val);
    CHECK(alive());
}

void test_main(void)
{
    msrs();
    base_reads();
    control_registers();
    cpuids();
    ports();
    architectural_iopl();
    tables();
    user_ports();
    at_page_end();
    kit_child_case("unprivileged", child, 0, SHUTDOWN_poweroff);
}
