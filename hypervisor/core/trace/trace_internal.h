/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rings, and who may touch them. Included by trace*.c only.
 *
 * A ring is written by its CPU alone, which finds it in cpu.trace: NULL while there is no trace. As
 * interrupts are off, a call on that CPU (smp_call()) falls between two records; so when cpu.trace
 * has been cleared by one, nobody writes to the ring any more. Readers, on any CPU, hold trace.lock
 * while they copy; `on` falls under it before the memory goes. The lock is nothing to the writer.
 */
#ifndef CORE_TRACE_INTERNAL_H
#define CORE_TRACE_INTERNAL_H

#include <core/spinlock.h>
#include <core/trace.h>
#include <lib/types.h>
#include <public/lodge_trace.h>
#include <x86/cpu.h>
#include <x86/layout.h>

#define TRACE_PER_PAGE    (PAGE_SIZE / sizeof(struct lodge_trace_record))
#define TRACE_MIN_RECORDS TRACE_PER_PAGE
#define TRACE_MAX_RECORDS 65536u
#define TRACE_PAGES_ORDER 1 /* of the array of pointers to a ring's pages */
_Static_assert(TRACE_MAX_RECORDS / TRACE_PER_PAGE * 8 == PAGE_SIZE << TRACE_PAGES_ORDER, "pages");

struct trace_ring {
    uint64_t head; /* number of the next record; the CPU's own to write */
    struct lodge_trace_record **pages;
    /* The rest does not change while there is a trace: copies of struct trace's. */
    uint64_t records; /* a power of two */
    uint32_t events;  /* a bit for each type of record that is wanted */
    uint32_t domain;  /* LODGE_TRACE_ALL: any */
};

struct trace {
    struct spinlock lock; /* LOCK_TRACE */
    uint32_t busy;        /* 1: it is being started or stopped, by one caller; atomic */
    bool on;              /* there are rings */
    bool calls;           /* hypercalls are wanted, so trace_vcpu() has something to do */
    uint32_t id, events, domain, records;
    struct trace_ring rings[NR_CPUS];
};

extern struct trace trace;

static inline struct lodge_trace_record *trace_slot(const struct trace_ring *r, uint64_t n)
{
    n &= r->records - 1;
    return &r->pages[n / TRACE_PER_PAGE][n % TRACE_PER_PAGE];
}

int64_t trace_read(struct lodge_sysctl_trace *op); /* LODGE_TRACE_READ */

/* x86/trace_calls.S: entries for every number of hypercall, which call trace_hypercall(). */
extern int64_t (*const trace_hypercalls[])(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
int64_t trace_hypercall(uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t nr);

#endif
