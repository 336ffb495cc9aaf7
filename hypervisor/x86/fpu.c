/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Floating point and vector state. It is loaded when a vcpu is switched in (pv/switch.c), unless
 * the registers hold it still, and saved when it leaves, so that no CPU ever has to fetch it from
 * another. TS is set only while a vcpu runs that has set it. Waiting for #NM instead would save
 * little: kernels use XSAVE at each task switch; and some processors, and emulators, do not wait
 * for TS.
 *
 * Three places can have a vcpu's state: the registers of the CPU that it runs on, the area
 * v->arch.fpu, and the registers of the CPU where it ran last. The area is true whenever the vcpu
 * does not run. The third place is true as long as that CPU's fpu_owner is still v and
 * v->arch.fpu_cpu still names that CPU: the first says that no other vcpu has used these registers,
 * the second that v has not run elsewhere and that nobody has written its area. A freed vcpu's
 * address may come back as a new one's, which is harmless: a new vcpu's fpu_cpu is 0.
 *
 * Whoever writes an area from outside makes it one that the processor takes: fpu_area_check().
 * XRSTOR raises #GP for reserved bits of MXCSR or of the header, and that would be in ring 0.
 *
 * XCR0 is each vcpu's own while it runs. State is saved and restored with all that guests may have
 * turned on, so that a component that one leaves off never shows it another's.
 */
#include <core/domain.h>
#include <core/frame.h>
#include <lib/bug.h>
#include <lib/string.h>
#include <public/errno.h>
#include <x86/cpu.h>

#define XCR0_X87    1ull
#define XCR0_SSE    2ull
#define XCR0_AVX    4ull
#define XCR0_AVX512 0xe0ull
#define XCR0_KNOWN  (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define FXSAVE_SIZE   512
#define XSAVE_HEADER  512 /* offset; 64 bytes */
#define MXCSR         24
#define MXCSR_MASK    28      /* offset: the bits of MXCSR that this processor has */
#define MXCSR_OLDEST  0xffbfu /* what a mask of 0 stands for: all but DAZ */
#define FCW_DEFAULT   0x37f
#define MXCSR_DEFAULT 0x1f80

static uint32_t fpu_mxcsr_valid = UINT32_MAX; /* bits of MXCSR that all CPUs have */

static inline void xsetbv(uint64_t v)
{
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

/* c is this CPU. XSETBV is slow: only when it changes something. */
static inline void set_xcr0(struct cpu *c, uint64_t v)
{
    if (unlikely(c->xcr0 != v)) {
        c->xcr0 = v;
        xsetbv(v);
    }
}

static inline void clts(void)
{
    __asm__ volatile("clts" : : : "memory");
}

static inline void set_ts(void)
{
    write_cr0(read_cr0() | CR0_TS);
}

static uint32_t mxcsr_mask(void)
{
    uint8_t area[FXSAVE_SIZE] ALIGNED(16) = {0};
    uint32_t mask;

    __asm__ volatile("fxsave64 %0" : "=m"(area));
    memcpy(&mask, area + MXCSR_MASK, sizeof(mask));
    return mask != 0 ? mask : MXCSR_OLDEST;
}

static void detect_xsave(struct cpu_features *f)
{
    uint32_t r[4];

    cpuid_raw(0xd, 0, r);
    f->xcr0 = (r[0] | ((uint64_t)r[3] << 32)) & XCR0_KNOWN;
    if ((f->xcr0 & XCR0_AVX512) != XCR0_AVX512)
        f->xcr0 &= ~XCR0_AVX512;
    xsetbv(f->xcr0);
    cpuid_raw(0xd, 0, r); /* EBX: bytes for what XCR0 has on now */
    f->xsave_size = r[1];
    cpuid_raw(0xd, 1, r);
    f->xsaveopt = r[0] & 1;
}

/* Each CPU; on the first also finds out how large the state is. The others have as much. */
void fpu_init_cpu(void)
{
    struct cpu_features *f = &cpu_features;

    clts();
    fpu_mxcsr_valid &= mxcsr_mask(); /* CPUs start one at a time */
    if (!f->xsave)
        f->xsave_size = FXSAVE_SIZE;
    else if (this_cpu()->id == 0)
        detect_xsave(f);
    else
        xsetbv(f->xcr0);
    this_cpu()->xcr0 = f->xcr0;
    BUG_ON(f->xsave_size > PAGE_SIZE);
}

int fpu_init_vcpu(struct vcpu *v)
{
    uint8_t *area = hpage_alloc();
    uint16_t fcw = FCW_DEFAULT;
    uint32_t mxcsr = MXCSR_DEFAULT;

    if (area == NULL)
        return -XEN_ENOMEM;
    memcpy(area, &fcw, sizeof(fcw));
    memcpy(area + MXCSR, &mxcsr, sizeof(mxcsr));
    if (cpu_features.xsave)
        area[XSAVE_HEADER] =
            XCR0_X87 | XCR0_SSE; /* in use: not the initial state, but these bytes */
    v->arch.fpu = area;
    v->arch.xcr0 = cpu_features.xcr0;
    return 0;
}

void fpu_free_vcpu(struct vcpu *v)
{
    hpage_free(v->arch.fpu);
    v->arch.fpu = NULL;
}

/*
 * With XCR0 as for all guests and TS clear. XSAVEOPT leaves out what has not changed since the
 * XRSTOR from the same address on this CPU (Intel SDM volume 1, chapter 13); the area is right all
 * the same, since whoever writes it makes the next switch-in restore it (fpu_sync()).
 */
static void save(void *area)
{
    uint32_t low = UINT32_MAX, high = UINT32_MAX;

    if (cpu_features.xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
    else if (cpu_features.xsave)
        __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

/*
 * An area that came from outside: what the processor would refuse is put right, so that the restore
 * cannot fault.
 */
void fpu_area_check(void *area)
{
    uint8_t *a = area;
    uint64_t header[8] = {0}; /* standard form, nothing reserved */
    uint32_t mxcsr;

    memcpy(&mxcsr, a + MXCSR, sizeof(mxcsr));
    mxcsr &= fpu_mxcsr_valid; /* a reserved bit: #GP on restore */
    memcpy(a + MXCSR, &mxcsr, sizeof(mxcsr));
    if (!cpu_features.xsave)
        return;
    memcpy(header, a + XSAVE_HEADER, sizeof(header[0]));
    header[0] &= cpu_features.xcr0;
    memcpy(a + XSAVE_HEADER, header, sizeof(header));
}

/* Cannot fault: areas are the processor's own work, or have gone through fpu_area_check(). */
static void restore(void *area)
{
    uint32_t low = UINT32_MAX, high = UINT32_MAX;

    if (cpu_features.xsave)
        __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
    else
        __asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/*
 * v leaves this CPU: its state goes to memory. The registers keep it, so that v finds it there if
 * it comes back before anyone else has used them.
 */
void fpu_switch_out(struct vcpu *v)
{
    if (unlikely(v->arch.fpu_ts)) /* else SAVE would raise #NM */
        clts();
    if (cpu_features.xsave) /* also what v has turned off: it may turn it on again */
        set_xcr0(this_cpu(), cpu_features.xcr0);
    save(v->arch.fpu);
}

/* x87 always, AVX only with SSE, AVX-512 only with AVX and whole; and only what guests may have. */
bool fpu_xcr0_valid(uint64_t v)
{
    return cpu_features.xsave && (v & XCR0_X87) && !(v & ~cpu_features.xcr0) &&
           (!(v & XCR0_AVX) || (v & XCR0_SSE)) &&
           (!(v & XCR0_AVX512) || ((v & XCR0_AVX) && (v & XCR0_AVX512) == XCR0_AVX512));
}

/* The current vcpu turns components on or off; the value has been checked. */
void fpu_set_guest_xcr0(struct vcpu *v, uint64_t xcr0)
{
    v->arch.xcr0 = xcr0;
    set_xcr0(this_cpu(), xcr0);
}

/*
 * AMD's older processors save and restore the addresses and the opcode of the last x87 instruction
 * only where an exception is pending; else FNSTENV would show a vcpu what another one has executed
 * (AMD APM vol. 5, FXRSTOR; CVE-2006-1056). FNINIT clears them, and the restore sets all the rest.
 */
static void clear_pointers(void)
{
    __asm__ volatile("fninit");
}

/* v is about to run here. */
void fpu_switch_in(struct vcpu *v)
{
    struct cpu *c = this_cpu();

    if (c->fpu_owner != v || v->arch.fpu_cpu != c->id + 1) {
        if (cpu_features.xsave)
            set_xcr0(c, cpu_features.xcr0);
        if (unlikely(cpu_features.fpu_keeps_pointers))
            clear_pointers();
        restore(v->arch.fpu);
        c->fpu_owner = v;
        v->arch.fpu_cpu = c->id + 1;
    }
    if (cpu_features.xsave) /* the components that v has turned on */
        set_xcr0(c, v->arch.xcr0);
    if (unlikely(v->arch.fpu_ts))
        set_ts();
}

/* CR0.TS as the current vcpu wants it. */
void fpu_set_guest_ts(struct vcpu *v, bool ts)
{
    v->arch.fpu_ts = ts;
    if (ts)
        set_ts();
    else
        clts();
}

/*
 * Before v's memory image is read, or, if v does not run, written: v is current, or was saved when
 * it left. Whatever registers hold of it is not used again.
 */
void fpu_sync(struct vcpu *v)
{
    if (v == current) {
        fpu_switch_out(v);
        fpu_switch_in(v); /* the registers are still v's: nothing is loaded but XCR0 and TS */
    } else {
        v->arch.fpu_cpu = 0;
    }
}
