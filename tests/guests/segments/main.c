/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptor tables and segment bases: what may be in them and what is refused, the LDT whose pages
 * are looked at when they are first used, and the failsafe callback when a selector goes bad.
 */
#include <kit/kit.h>
#include <public/cpuid.h>

#define DATA3 0x00cff3000000ffffull /* flat, DPL 3 */
#define DATA0 0x00cf93000000ffffull /* flat, DPL 0 */
#define CODE3 0x00affb000000ffffull /* 64-bit */

static const struct {
    const char *name;
    uint64_t desc;
} refused[] = {
    {"call gate", 0x0000ec0000330000ull},      {"interrupt gate", 0x0000ee0000330000ull},
    {"trap gate", 0x0000ef0000330000ull},      {"task gate", 0x0000e50000330000ull},
    {"available TSS", 0x0000e90010000067ull},  {"busy TSS", 0x0000eb0010000067ull},
    {"LDT descriptor", 0x0000e20010000067ull}, {"reserved system type", 0x0000e80000000000ull},
};

#define FIRST_REFUSED (on_lodge ? 0u : 1u) /* Xen takes call gates */

static int set_gdt(uint64_t *frames, unsigned entries)
{
    return (int)hc2(__HYPERVISOR_set_gdt, frames, entries);
}

static int update(uint64_t maddr, uint64_t desc)
{
    return (int)hc2(__HYPERVISOR_update_descriptor, maddr, desc);
}

static int load_es(unsigned sel)
{
    return KIT_TRY("mov %%eax, %%es", : : "a"(sel) : KIT_CLOBBER);
}

static void gdt(void)
{
    uint64_t *table = kit_page(), frame = kit_mfn(table), maddr = frame << 12;

    table[1] = DATA3;
    table[2] = DATA0;
    table[3] = CODE3;
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(set_gdt(&frame, 512), 0);
    CHECK_EQ(load_es(0x0b), -1);
    CHECK_EQ(load_es(0x13), -1); /* level 0 became 3 */
    CHECK_EQ((table[2] >> 45) & 3, 3);
    CHECK_EQ(load_es(5 * 8 + 3), 13);   /* not present */
    CHECK_EQ(load_es(512 * 8 + 3), 13); /* beyond */
    CHECK_EQ(load_es(0xe02b), -1);      /* the flat ones are always there */
    CHECK_EQ(load_es(0), -1);
    for (unsigned i = FIRST_REFUSED; i < ARRAY_SIZE(refused); i++) {
        int rc = update(maddr + 4 * 8, refused[i].desc);

        kit_check(rc == -XEN_EINVAL, __FILE__, __LINE__, "%s: %d", refused[i].name, rc);
        CHECK_EQ(table[4], 0);
    }
    CHECK_EQ(update(maddr + 4 * 8, DATA3), 0);
    CHECK_EQ(load_es(4 * 8 + 3), -1);
    CHECK_EQ(update(maddr + 4 * 8, 0), 0);
    CHECK_EQ(load_es(0), -1);
    CHECK_EQ(load_es(4 * 8 + 3), 13);
    CHECK(update(maddr + 4, DATA3) < 0);
    CHECK(update(~7ull, DATA3) < 0);
    CHECK(update(1ull << 50, DATA3) < 0);
    CHECK(update(kit_pte_maddr(table), DATA3) < 0); /* a page table is none */
    CHECK(update(start_info->shared_info, DATA3) <= 0);
    CHECK_EQ(set_gdt(&frame, 0), 0);
    CHECK_EQ(load_es(0x0b), 13);
    CHECK_EQ(kit_protect(table, true), 0);
}

/* Replacing, removing, and tables that cannot be. */
static void gdt_frames(void)
{
    uint64_t *table = kit_page(), frame = kit_mfn(table);
    static uint64_t frames[16];

    table[1] = DATA3;
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(set_gdt(&frame, 512), 0);
    CHECK_EQ(load_es(0x0b), -1);
    CHECK_EQ(load_es(0), -1);
    CHECK_EQ(set_gdt(&frame, 0), 0);
    CHECK_EQ(load_es(0x0b), 13);
    CHECK_EQ(set_gdt(&frame, FIRST_RESERVED_GDT_ENTRY + 1), -XEN_EINVAL);
    CHECK_EQ(set_gdt(&frame, ~0u), -XEN_EINVAL);
    CHECK_EQ(set_gdt((void *)KIT_NOWHERE, 1), -XEN_EFAULT);
    frames[0] = frame;
    frames[1] = ~0ul;
    CHECK(set_gdt(frames, 513) < 0);
    frames[1] = kit_mfn(kit_page()); /* writable */
    CHECK(set_gdt(frames, 513) < 0);
    CHECK_EQ(load_es(0x0b), 13); /* nothing of it was taken */
    CHECK_EQ(kit_protect(table, true), 0);
    table[7] = refused[1].desc;
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK(set_gdt(&frame, 512) < 0);
    CHECK_EQ(kit_protect(table, true), 0);
    table[7] = 0;
    for (unsigned i = 0; i < 14; i++) {
        uint64_t *t = kit_page();

        t[511] = DATA3;
        CHECK_EQ(kit_protect(t, false), 0);
        frames[i] = kit_mfn(t);
    }
    CHECK_EQ(set_gdt(frames, FIRST_RESERVED_GDT_ENTRY), 0);
    CHECK_EQ(load_es((FIRST_RESERVED_GDT_ENTRY - 1) * 8 + 3), -1);
    CHECK_EQ(load_es(0), -1);
    CHECK_EQ(set_gdt(frames, 0), 0);
}

static int set_ldt(const void *va, unsigned entries)
{
    return kit_mmuext(MMUEXT_SET_LDT, (uint64_t)va, entries);
}

static void ldt(void)
{
    uint64_t *table = kit_page(), *other = kit_page();
    uint64_t maddr = kit_mfn(table) << 12;

    table[0] = DATA3;
    table[1] = DATA0;
    CHECK_EQ(set_ldt(table, 512), 0); /* writable still: it does not matter before it is used */
    CHECK(load_es(0x7) >= 13);
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(load_es(0x7), -1);
    CHECK_EQ(load_es(0xf), -1);
    CHECK(kit_protect(table, true) < 0); /* now it is one */
    CHECK(!kit_write(table, 0));
    CHECK_EQ(load_es(3 * 8 + 7), 13);
    CHECK_EQ(update(maddr + 3 * 8, DATA3), 0);
    CHECK_EQ(load_es(3 * 8 + 7), -1);
    for (unsigned i = FIRST_REFUSED; i < ARRAY_SIZE(refused); i++)
        CHECK_EQ(update(maddr + 4 * 8, refused[i].desc), -XEN_EINVAL);
    CHECK_EQ(load_es(0), -1);
    CHECK_EQ(set_ldt(table, 2), 0);
    CHECK_EQ(load_es(3 * 8 + 7), 13); /* beyond */
    CHECK_EQ(load_es(0), -1);
    CHECK_EQ(set_ldt(NULL, 0), 0);
    CHECK_EQ(load_es(0x7), 13);
    CHECK_EQ(kit_protect(table, true), 0); /* free again */
    /* Pages that are not there, or not good, when they are used. */
    CHECK_EQ(set_ldt((void *)KIT_NOWHERE, 8192), 0);
    CHECK(load_es(0x7) >= 13);
    CHECK(load_es(0xffff) >= 13);
    other[9] = refused[1].desc;
    CHECK_EQ(kit_protect(other, false), 0);
    CHECK_EQ(set_ldt(other, 512), 0);
    CHECK(load_es(0x7) >= 13);
    CHECK(set_ldt((uint8_t *)table + 8, 512) < 0); /* not aligned */
    CHECK(set_ldt(table, 8193) < 0);
    CHECK(set_ldt(table, ~0u) < 0);
    CHECK(set_ldt((void *)HYPERVISOR_VIRT_START, 512) < 0);
    CHECK(set_ldt((void *)(HYPERVISOR_VIRT_START - PAGE_SIZE), 8192) < 0);
    CHECK_EQ(set_ldt(NULL, 0), 0);
}

static uint64_t read_fs(void)
{
    uint64_t v;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(v));
    return v;
}

static uint64_t read_gs(void)
{
    uint64_t v;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(v));
    return v;
}

static int set_base(unsigned which, uint64_t base)
{
    return (int)hc2(__HYPERVISOR_set_segment_base, which, base);
}

static uint64_t user_reads_gs(uint64_t unused)
{
    (void)unused;
    return read_gs();
}

static void quiet(uint64_t unused)
{
    (void)unused;
    load_es(0);
    set_base(SEGBASE_FS, (uint64_t)image_start);
}

static void bases(void)
{
    uint64_t *a = kit_page(), *b = kit_page(), *c = kit_page();

    *a = 0xa, *b = 0xb, *c = 0xc;
    CHECK_EQ(set_base(SEGBASE_FS, (uint64_t)a), 0);
    CHECK_EQ(read_fs(), 0xa);
    CHECK_EQ(set_base(SEGBASE_GS_KERNEL, (uint64_t)b), 0);
    CHECK_EQ(read_gs(), 0xb);
    CHECK_EQ(set_base(SEGBASE_GS_USER, (uint64_t)c), 0);
    CHECK_EQ(read_gs(), 0xb); /* not yet */
    kit_user_init();
    CHECK_EQ(kit_user_run(user_reads_gs, 0), 0xc); /* swapped on the way out */
    CHECK_EQ(read_gs(), 0xb);                      /* and on the way in */
    kit_child_case("another domain in between", quiet, 0, SHUTDOWN_poweroff);
    CHECK_EQ(read_fs(), 0xa);
    CHECK_EQ(read_gs(), 0xb);
    CHECK_EQ(kit_user_run(user_reads_gs, 0), 0xc);
    CHECK_EQ(set_base(SEGBASE_GS_USER_SEL, 0xe02b), 0);
    CHECK_EQ(set_base(SEGBASE_GS_USER_SEL, 0x1233), 0); /* bad: null instead */
    CHECK_EQ(set_base(SEGBASE_GS_USER_SEL, 0), 0);
    for (unsigned which = SEGBASE_FS; which <= SEGBASE_GS_KERNEL; which++) {
        CHECK_EQ(set_base(which, 0x8000000000000000ul), -XEN_EINVAL);
        CHECK_EQ(set_base(which, 0x800000000000ul), -XEN_EINVAL);
    }
    CHECK_EQ(set_base(4, 0), -XEN_EINVAL);
    CHECK_EQ(set_base(~0u, 0), -XEN_EINVAL);
    CHECK_EQ(read_fs(), 0xa);
    CHECK_EQ(set_base(SEGBASE_FS, 0), 0);
}

static bool have_fsgsbase(void)
{
    uint32_t a = 7, b = 0, c = 0, d = 0;

    __asm__ volatile(XEN_CPUID : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return b & 1;
}

static uint64_t user_sets_bases(uint64_t base)
{
    __asm__ volatile("wrfsbase %0; wrgsbase %0" : : "r"(base));
    return read_gs();
}

/* Another domain with bases of its own, set without a trap. */
static void sets_bases(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < 20; i++) {
        __asm__ volatile("wrfsbase %0; wrgsbase %0" : : "r"(image_start));
        kit_sleep(100000);
        CHECK_EQ(read_fs(), *(uint64_t *)image_start);
        CHECK_EQ(read_gs(), *(uint64_t *)image_start);
    }
}

/* Bases that both modes change by themselves: each mode's stay its own, also across a switch. */
static void fsgsbase(void)
{
    uint64_t *a = kit_page(), *b = kit_page(), val = 0;
    uint32_t low, high;

    if (!have_fsgsbase()) {
        CHECK_EQ(KIT_TRY("rdfsbase %%rax", : : : "rax", KIT_CLOBBER), 6);
        return;
    }
    *a = 0xa1, *b = 0xb1;
    CHECK_EQ(KIT_TRY("wrgsbase %0", : : "r"(a) : KIT_CLOBBER), -1);
    CHECK_EQ(read_gs(), 0xa1);
    CHECK_EQ(kit_user_run(user_sets_bases, (uint64_t)b), 0xb1);
    CHECK_EQ(read_gs(), 0xa1);
    CHECK_EQ(read_fs(), 0xb1); /* there is one for both */
    CHECK_EQ(KIT_TRY("rdmsr", : "=a"(low), "=d"(high) : "c"(0xc0000102) : KIT_CLOBBER), -1);
    CHECK_EQ((uint64_t)high << 32 | low, b);
    kit_child_case("another domain that sets its bases", sets_bases, 0, SHUTDOWN_poweroff);
    CHECK_EQ(read_gs(), 0xa1);
    CHECK_EQ(read_fs(), 0xb1);
    CHECK_EQ(KIT_TRY("rdgsbase %0", : "=r"(val) : : KIT_CLOBBER), -1);
    CHECK_EQ(val, a);
    CHECK_EQ(kit_user_run(user_reads_gs, 0), 0xb1);
    CHECK_EQ(set_base(SEGBASE_FS, 0), 0);
    CHECK_EQ(set_base(SEGBASE_GS_KERNEL, 0), 0);
}

/* A selector in use whose descriptor has gone when the vcpu comes back from another one. */
static void failsafe(void)
{
    uint64_t *table = kit_page(), frame = kit_mfn(table);
    unsigned before = kit_trap_count[VEC_FAILSAFE], es = 1;
    struct callback_register cb = {.type = CALLBACKTYPE_failsafe, .address = 0x8000000000000000ul};
    struct callback_unregister un = {.type = CALLBACKTYPE_event};

    table[1] = DATA3;
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(set_gdt(&frame, 512), 0);
    CHECK_EQ(load_es(0x0b), -1);
    CHECK_EQ(update((frame << 12) + 8, 0), 0);
    kit_on_trap(VEC_FAILSAFE, NULL);
    kit_failsafe_ok = true;
    kit_child_case("another domain in between", quiet, 0, SHUTDOWN_poweroff);
    kit_failsafe_ok = false;
    __asm__ volatile("mov %%es, %0" : "=r"(es));
    CHECK_EQ(es, 0);
    CHECK(kit_trap_count[VEC_FAILSAFE] > before);
    CHECK_EQ(set_gdt(&frame, 0), 0);
    CHECK(hc2(__HYPERVISOR_callback_op, CALLBACKOP_register, &cb) < 0);
    if (on_lodge) /* Xen ignores the bad one and says nothing */
        CHECK_EQ(hc3(__HYPERVISOR_set_callbacks, image_start, image_start, cb.address),
                 -XEN_EINVAL);
    cb.type = 6;
    cb.address = (unsigned long)image_start;
    CHECK_EQ(hc2(__HYPERVISOR_callback_op, CALLBACKOP_register, &cb), -XEN_ENOSYS);
    CHECK(hc2(__HYPERVISOR_callback_op, CALLBACKOP_unregister, &un) < 0);
    CHECK_EQ(hc2(__HYPERVISOR_callback_op, 2, &un), -XEN_ENOSYS);
    CHECK_EQ(hc2(__HYPERVISOR_callback_op, CALLBACKOP_register, KIT_NOWHERE), -XEN_EFAULT);
}

void test_main(void)
{
    gdt();
    gdt_frames();
    ldt();
    bases();
    fsgsbase();
    failsafe();
}
