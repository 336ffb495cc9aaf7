/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vocabulary of every other file: fixed-width integers, frame numbers as distinct types so that
 * a machine frame is never passed where a guest frame is meant, and the handful of macros that C
 * lacks. Compiles on the host as well.
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint16_t domid_t;
typedef uint64_t paddr_t;   /* machine address in bytes */
typedef uint64_t vaddr_t;   /* virtual address, the hypervisor's or a guest's */
typedef uint64_t cpumask_t; /* bit n: processor n */
typedef uint64_t pte_t;     /* page-table entry of any level: x86/page.h */

/*
 * The head of a list, or the link in an object: lib/list.h has what is done with them. An empty
 * list, and a link in no list, point to themselves.
 */
struct list {
    struct list *next, *prev;
};

/* A machine frame number, and a frame number as a guest sees it (equal to mfn for PV). */
typedef struct {
    uint64_t m;
} mfn_t;
typedef struct {
    uint64_t g;
} gfn_t;

#define MFN(x)      ((mfn_t){(x)})
#define GFN(x)      ((gfn_t){(x)})
#define INVALID_MFN MFN(UINT64_MAX)

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.m == b.m;
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define KIB(x) ((uint64_t)(x) << 10)
#define MIB(x) ((uint64_t)(x) << 20)
#define GIB(x) ((uint64_t)(x) << 30)

/* Spans of time, in ns. */
#define US(x)      ((uint64_t)(x)*1000)
#define MS(x)      ((uint64_t)(x)*1000000)
#define SECONDS(x) ((uint64_t)(x)*1000000000)

/* In ROUND_UP and ROUND_DOWN a is a power of two; arguments may be evaluated more than once. */
#define BIT(n)           (1ull << (n))
#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define ROUND_UP(x, a)   (((x) + (a)-1) & ~((typeof(x))(a)-1))
#define ROUND_DOWN(x, a) ((x) & ~((typeof(x))(a)-1))
#define DIV_UP(x, a)     (((x) + (a)-1) / (a))

/* Each argument is evaluated once. Both should be of one type. */
#define MIN(a, b)                          \
    ({                                     \
        typeof(a) min_a_ = (a);            \
        typeof(b) min_b_ = (b);            \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })
#define MAX(a, b)                          \
    ({                                     \
        typeof(a) max_a_ = (a);            \
        typeof(b) max_b_ = (b);            \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/*
 * One access, neither repeated nor left out nor split by the compiler: for what another CPU, a
 * device or a guest may change meanwhile. x has at most 8 bytes and is aligned. They order nothing
 * but other volatile accesses.
 */
#define READ_ONCE(x)     (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

#define barrier() __asm__ volatile("" ::: "memory")
/* x86 orders loads with loads and stores with stores; only store-then-load needs an instruction. */
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* INIT_TEXT and INIT_DATA are unmapped by paging_free_init(): nobody may use them afterwards. */
#define PACKED            __attribute__((packed))
#define ALIGNED(n)        __attribute__((aligned(n)))
#define NORETURN          __attribute__((noreturn))
#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define INIT_TEXT         __attribute__((section(".init.text"), cold)) /* freed after boot */
#define INIT_DATA         __attribute__((section(".init.data")))

#endif
