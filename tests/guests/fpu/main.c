/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The floating point and vector registers of several domains that all use them, on fewer
 * processors: each keeps a pattern of its own in them while it is preempted over and over, and now
 * and then sets and clears TS, or sleeps. Nobody may ever see another's values, nor lose a part of
 * his own. Some domains do not touch the registers for a while: then others' stay in them. And
 * what a vcpu's context brings from outside keeps all that the processor has.
 */
#include <kit/kit.h>
#include <public/domctl.h>

#define CHILDREN 3
#define ROUNDS   300
#define SPIN     100000

static uint8_t pattern[16][32] __attribute__((aligned(32)));
static uint8_t found[16][32] __attribute__((aligned(32)));

static bool have_avx(void)
{
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return (c & (1u << 27)) && (c & (1u << 28));
}

/* clang-format off */
#define EACH(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) \
                 op(13) op(14) op(15)
#define LOAD_X(n)  "movdqu " #n "*32(%1), %%xmm" #n "\n"
#define STORE_X(n) "movdqu %%xmm" #n ", " #n "*32(%2)\n"
#define LOAD_Y(n)  "vmovdqu " #n "*32(%1), %%ymm" #n "\n"
#define STORE_Y(n) "vmovdqu %%ymm" #n ", " #n "*32(%2)\n"
/* clang-format on */

/* Load, burn time, store, as one piece that no compiler gets between. */
static void hold_xmm(uint64_t spin)
{
    __asm__ volatile(EACH(LOAD_X) "1: dec %0\njnz 1b\n" EACH(STORE_X)
                     : "+r"(spin)
                     : "r"(pattern), "r"(found)
                     : "memory", "cc");
}

static void hold_ymm(uint64_t spin)
{
    __asm__ volatile(EACH(LOAD_Y) "1: dec %0\njnz 1b\n" EACH(STORE_Y)
                     : "+r"(spin)
                     : "r"(pattern), "r"(found)
                     : "memory", "cc");
}

static void make_pattern(uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;

    for (unsigned i = 0; i < sizeof(pattern); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ((uint8_t *)pattern)[i] = (uint8_t)x;
    }
}

static unsigned differences(unsigned width)
{
    unsigned n = 0;

    for (unsigned r = 0; r < 16; r++)
        for (unsigned i = 0; i < width; i++)
            n += pattern[r][i] != found[r][i];
    return n;
}

/* Control words that differ from domain to domain, and from what everybody starts with. */
static void control(uint64_t who, bool set, unsigned *bad)
{
    uint32_t mxcsr = 0x1f80 | (uint32_t)(who & 3) << 13, mx = 0;
    uint16_t fcw = (uint16_t)(0x37f & ~(who & 0xf)), cw = 0;

    if (set) {
        __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(fcw));
        return;
    }
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mx), "=m"(cw));
    *bad += mx != mxcsr || cw != fcw;
}

static void user_of_registers(uint64_t who)
{
    unsigned bad_vectors = 0, bad_control = 0;
    bool avx = have_avx();

    make_pattern(who + 7);
    control(who, true, &bad_control);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (avx)
            hold_ymm(SPIN);
        else
            hold_xmm(SPIN);
        bad_vectors += differences(avx ? 32 : 16) != 0;
        control(who, false, &bad_control);
        if (i % 16 == 15) { /* TS on and off again, without an instruction that would trap */
            CHECK_EQ(hc1(__HYPERVISOR_fpu_taskswitch, 1), 0);
            CHECK_EQ(hc1(__HYPERVISOR_fpu_taskswitch, 0), 0);
        }
        if (i % 32 == 31)
            kit_sleep(2000000 + who * 700000);
    }
    CHECK_EQ(bad_vectors, 0);
    CHECK_EQ(bad_control, 0);
}

static void has_mxcsr(uint64_t expected)
{
    uint32_t mx;

    __asm__ volatile("stmxcsr %0" : "=m"(mx));
    CHECK_EQ(mx, expected);
}

/*
 * A vcpu's context from a file keeps each bit of MXCSR that the processor has, DAZ included (where
 * denormals count as zero the guest would compute other results without it), and no other.
 */
static void restored_mxcsr(void)
{
    static uint8_t image[512] __attribute__((aligned(16)));
    static struct vcpu_guest_context ctxt;
    struct xen_domctl_vcpucontext op = {.vcpu = 0};
    struct kit_child c;
    uint32_t mask;

    __asm__ volatile("fxsave64 %0" : "=m"(image));
    memcpy(&mask, image + 28, sizeof(mask));
    mask = mask != 0 ? mask : 0xffbf;
    op.ctxt.p = &ctxt;
    CHECK_EQ(kit_child_create(&c, has_mxcsr, mask, 0, 1), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpucontext, c.domid, &op, sizeof(op)), 0);
    ctxt.flags |= VGCF_i387_valid;
    memset(ctxt.fpu_ctxt.x + 24, 0xff, 4);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_setvcpucontext, c.domid, &op, sizeof(op)), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    struct kit_child c[CHILDREN];

    if (!is_dom0) {
        user_of_registers(99);
        return;
    }
    restored_mxcsr();
    for (unsigned i = 0; i < CHILDREN; i++)
        CHECK_EQ(kit_child_create(&c[i], user_of_registers, i, 0, 1), 0);
    for (unsigned i = 0; i < CHILDREN; i++)
        CHECK_EQ(kit_child_start(&c[i]), 0);
    user_of_registers(CHILDREN);
    for (unsigned i = 0; i < CHILDREN; i++) {
        CHECK_EQ(kit_child_wait(&c[i], 60000000000ull), SHUTDOWN_poweroff);
        CHECK_EQ(kit_child_destroy(&c[i]), 0);
    }
}
