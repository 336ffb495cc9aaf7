/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test guest needs: hypercalls, output, traps that a test expects, the page tables that the
 * loader made, and verdicts. A test defines test_main() and uses CHECK(); kit_main() prints the
 * verdict and ends the machine (as dom0) or the domain.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/xen.h>
#include <public/errno.h>
#include <public/event_channel.h>
#include <public/features.h>
#include <public/grant_table.h>
#include <public/memory.h>
#include <public/sched.h>
#include <public/sysctl.h>
#include <public/vcpu.h>
#include <public/version.h>
#include <public/callback.h>
#include <public/physdev.h>

#define PAGE_SIZE     4096ul
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PTE_P         1ull
#define PTE_W         2ull
#define PTE_U         4ull
#define PTE_A         0x20ull
#define PTE_D         0x40ull
#define PTE_PS        0x80ull
#define PTE_G         0x100ull
#define PTE_NX        (1ull << 63)
#define PTE_ADDR      0x000ffffffffff000ull
#define PTE_RW        (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RO        (PTE_P | PTE_U | PTE_A | PTE_D)

#define KIT_CS      0xe030 /* of a frame that returns to the kernel: level 0 in the guest's view */
#define KIT_SS      0xe02b
#define KIT_USER_CS 0xe033
#define KIT_NOWHERE 0x7000000000ul /* never mapped, unlike the addresses near 0 */

#define VEC_EVENT    129
#define VEC_SYSCALL  130
#define VEC_FAILSAFE 131

/* What kit_trap() gets; changing it changes where the guest goes on. */
struct kit_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

#define KIT_VCPUS      8
#define KIT_STACK_SIZE 32768ul

extern struct start_info *start_info;
extern struct shared_info *shared;
extern bool is_dom0, on_lodge;
extern struct vcpu_info *kit_vcpu_info[KIT_VCPUS]; /* a test that moves one says so here */
extern unsigned kit_checks, kit_failures;
extern uint8_t kit_stacks[KIT_VCPUS][KIT_STACK_SIZE];
extern uint8_t image_start[], image_end[], hypercall_page[];

/* The test itself. */
void test_main(void);

/* Verdicts. CHECK counts a failure and goes on; the result is what was worst. */
void kit_verdict(void); /* prints it now, for a test that does not return */
void kit_check(bool ok, const char *file, int line, const char *what, ...);
#define CHECK(cond) kit_check((cond), __FILE__, __LINE__, "%s", #cond)
#define CHECK_EQ(a, b)                                                                     \
    do {                                                                                   \
        int64_t check_a_ = (int64_t)(a), check_b_ = (int64_t)(b);                          \
        kit_check(check_a_ == check_b_, __FILE__, __LINE__, "%s is %ld, not %s (%ld)", #a, \
                  check_a_, #b, check_b_);                                                 \
    } while (0)
/* Where hypervisors of this ABI differ and no kernel or tool can notice: either answer. */
#define CHECK_EITHER(a, b, c)                                                               \
    do {                                                                                    \
        int64_t check_a_ = (int64_t)(a);                                                    \
        kit_check(check_a_ == (int64_t)(b) || check_a_ == (int64_t)(c), __FILE__, __LINE__, \
                  "%s is %ld, neither %s nor %s", #a, check_a_, #b, #c);                    \
    } while (0)
void kit_skip(const char *why);
uint64_t kit_option(const char *name, uint64_t otherwise); /* the number behind it, command line */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline int64_t hypercall(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
    int64_t ret;
    register uint64_t r10 __asm__("r10") = a4;

    __asm__ volatile("syscall"
                     : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10)
                     : "a"(nr)
                     : "rcx", "r11", "memory");
    return ret;
}
#define hc0(nr)          hypercall((nr), 0, 0, 0, 0)
#define hc1(nr, a)       hypercall((nr), (uint64_t)(a), 0, 0, 0)
#define hc2(nr, a, b)    hypercall((nr), (uint64_t)(a), (uint64_t)(b), 0, 0)
#define hc3(nr, a, b, c) hypercall((nr), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0)
#define hc4(nr, a, b, c, d) \
    hypercall((nr), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d))

/*
 * Frames and page tables. Virtual addresses of the image are pseudo-physical ones. In dom0's place
 * a test has as many frames as it may have (max_pages): to get more it says so by
 * XEN_DOMCTL_max_mem first, or gives some back.
 */
uint64_t kit_mfn(const void *va);                       /* of an address in the initial mapping */
uint64_t kit_pte(const void *va);                       /* the L1 entry, read from the tables */
uint64_t kit_pte_maddr(const void *va);                 /* machine address of that entry */
uint64_t kit_table_mfn(unsigned level, const void *va); /* the table of that level for va */
uint64_t *kit_table(unsigned level, const void *va);    /* the same, mapped read-only */
int kit_set_pte(const void *va, uint64_t pte);          /* update_va_mapping with INVLPG */
int kit_mmu_update(uint64_t ptr, uint64_t val);         /* one entry, own domain */
int kit_mmuext(unsigned cmd, uint64_t arg1, uint64_t arg2);
int kit_map_foreign(const void *va, uint64_t mfn, uint64_t flags, domid_t domid);
int kit_protect(const void *va, bool writable); /* the page at va */
/* XENMEM_* of n extents of 2^order frames, list: of their numbers; what the hypercall returns. */
int64_t kit_reservation(unsigned cmd, const void *list, uint64_t n, unsigned order, domid_t domid);
void *kit_page(void); /* a fresh zeroed page of the guest, mapped writable */
static inline uint64_t mk_pte(uint64_t mfn, uint64_t flags)
{
    return (mfn << 12) | flags;
}

/* Accesses that may trap: true when they went through. */
bool kit_read(const void *va, uint64_t *val);
bool kit_write(void *va, uint64_t val);
/*
 * Run instructions that may trap: the vector, or -1 when nothing did. kit_last has the frame (of
 * the vcpu that trapped last). The arguments after the instructions are outputs, inputs and
 * clobbers as for asm. Each vcpu has its own place to go on at, so all may try at the same time.
 */
#define KIT_CLOBBER "r11", "memory", "cc"
#define KIT_TRY(insns, ...)                                                            \
    ({                                                                                 \
        kit_tries[kit_vcpu_id()].trapped = -1;                                         \
        __asm__ volatile("mov $77f, %%r11\n\tcall kit_try_set\n\t" insns               \
                         "\n77:\txor %%r11d, %%r11d\n\tcall kit_try_set" __VA_ARGS__); \
        kit_tries[kit_vcpu_id()].trapped;                                              \
    })
extern bool kit_failsafe_ok; /* the failsafe callback may come, and just goes on */
struct kit_try {
    volatile uint64_t fixup; /* 0: nothing is being tried, a trap is a failure; see kit_try_set */
    volatile int64_t trapped;
};
extern struct kit_try kit_tries[KIT_VCPUS];
extern struct kit_frame kit_last;

/* The next trap of that vector calls fn instead of failing the test; NULL: back to failing. */
typedef void kit_handler(struct kit_frame *f);
void kit_on_trap(unsigned vector, kit_handler *fn);
extern volatile unsigned kit_trap_count[256];
extern volatile uint64_t kit_last_cr2, kit_last_error;

/* Events: bind, count, wait. */
extern volatile unsigned kit_event_count[4096];
extern volatile unsigned kit_upcalls[KIT_VCPUS]; /* entries into the event callback */
extern bool (*kit_event_hook)(unsigned vcpu);    /* true: it took the events itself */
static inline int kit_evtchn(unsigned cmd, void *arg)
{
    return (int)hc2(__HYPERVISOR_event_channel_op, cmd, arg);
}
unsigned kit_bind_ipi(unsigned vcpu);
unsigned kit_bind_virq(unsigned virq, unsigned vcpu);
int kit_send(unsigned port);
void kit_sleep(uint64_t ns); /* off the processor, by poll */
void kit_sleep_port(unsigned port,
                    uint64_t ns); /* or until the port's next event, which it takes */
void kit_events_on(void);
void kit_events_off(void);
void kit_unmask(unsigned port);
/* ns. What has not come by then does not come; a busy machine may be slow, and a test has 40 s. */
#define KIT_PATIENCE 20000000000ull
bool kit_wait_event(unsigned port, unsigned count, uint64_t timeout_ns); /* >= count arrived */
uint64_t kit_now(void); /* system time, ns, by pvclock */
int kit_vcpu_start(unsigned id, void (*fn)(void *), void *arg);
unsigned kit_vcpu_id(void);

/*
 * User mode: an L4 table of its own with the same low half, so that user code is any function of
 * the image that uses no hypercall. `syscall` with KIT_SYS_EXIT, or a return, ends the run; other
 * traps from user mode go where traps go.
 */
#define KIT_SYS_EXIT 0x1e17
void kit_user_init(void);
uint64_t kit_user_run(uint64_t (*fn)(uint64_t), uint64_t arg);
extern uint64_t kit_user_l4; /* its machine frame */

/*
 * A child domain: a copy of this image as it is now, page for page, in which fn(arg) runs.
 * CHECKs that fail there are counted here by kit_child_wait(). Memory: the image and extra_pages
 * beyond it, at pseudo-physical frames and addresses that follow the image's.
 */
struct kit_child {
    domid_t domid;
    unsigned nr_pages, nr_vcpus;
    uint64_t *mfns; /* of pseudo-physical frame KIT_CHILD_PFN + n */
    uint64_t shared_info_mfn;
    unsigned console_pfn;
};
#define KIT_CHILD_PFN 0x100u
extern bool kit_child_quiet;   /* do not print what children print */
extern bool kit_child_hostile; /* they may have overwritten their own counts of failures */
int kit_child_create(struct kit_child *c, void (*fn)(uint64_t), uint64_t arg, unsigned extra_pages,
                     unsigned vcpus);
int kit_child_set_arg(struct kit_child *c, void (*fn)(uint64_t), uint64_t arg); /* not started */
int kit_child_start(struct kit_child *c);
int kit_child_wait(struct kit_child *c, uint64_t timeout_ns); /* SHUTDOWN_*, or negative */
int kit_child_destroy(struct kit_child *c);
void *kit_child_map(struct kit_child *c, const void *va); /* its page at our scratch address */
void kit_child_unmap(void);
/* All of it: create, run, expect that reason (-1: power-off or crash), destroy. */
void kit_child_case(const char *what, void (*fn)(uint64_t), uint64_t arg, int reason);

/*
 * As a guest of a real dom0: what front-ends need. Paths in xenstore may be relative to the
 * domain's home; results are 0, or a length, or one of its errors as a negative number.
 */
int kit_store_read(const char *path, char *buf, size_t size); /* with a zero byte behind it */
int kit_store_write(const char *path, const char *value);
int kit_store_remove(const char *path);
/* A write, or with NULL a removal, whose answer is not waited for: kit_store_collect() does that.
 */
void kit_store_post(const char *path, const char *value);
void kit_store_collect(unsigned nr);
#define KIT_GRANTS 5120u                              /* entries of the table, version 1 */
unsigned kit_grant(const void *page, unsigned flags); /* a new reference, for dom0 */
void kit_grant_put(unsigned ref, uint64_t mfn, unsigned flags, domid_t domid); /* any entry */
bool kit_grant_in_use(unsigned ref);
unsigned kit_port_alloc(void); /* to which dom0 may bind */
void kit_port_close(unsigned port);

/* 'p': a debug build compares all page tables with the types of frames, and panics (pv/audit.c). */
void kit_debug_keys(const char *keys);
#define KIT_CONTROL_OPS 256u /* numbers of domctl and sysctl: above all that are served */
int kit_domctl(unsigned cmd, unsigned domid, void *arg, size_t size); /* arg is copied back */
struct xen_sysctl_physinfo kit_physinfo(void);                        /* of the machine */
/* What vcpu 0 of the caller has been counted for (LODGE_STAT_*); 0 where nobody counts or tells. */
uint64_t kit_stat(unsigned place);
/*
 * Free pages, once they are `wanted`, or in the end: whoever has nothing else to do frees the last
 * of a domain. 0: as many as there are after a moment.
 */
uint64_t kit_free_pages(uint64_t wanted);
int kit_vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list ap);
int kit_snprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void *memset(void *p, int c, size_t n);
void *memcpy(void *d, const void *s, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void kit_shutdown(unsigned reason) __attribute__((noreturn));

#endif
