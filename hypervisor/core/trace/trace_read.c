/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading a ring while its CPU writes to it. With n slots, the record before the last n is being
 * overwritten, or may be from the next moment on: so record p can be read as long as head is below
 * p + n. That is looked at behind the copy, too. Loads are seen in program order (Intel SDM volume
 * 3, "Memory Ordering"): a copy that has got a word of the next record comes before a head that
 * tells.
 */
#include <core/domain.h>
#include <core/preempt.h>
#include <core/trace/trace_internal.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

#define PIECE     8u /* records that are copied in one go */
#define WORK_READ 400

struct piece {
    struct lodge_trace_record records[PIECE];
    uint64_t position; /* of the first */
    uint64_t end;      /* what had been written at the first look: 0: this is it */
    uint64_t lost;
    uint32_t count;
};

static uint64_t ring_tail(const struct trace_ring *r)
{
    uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);

    return head < r->records ? 0 : head - r->records + 1;
}

/* Those from p->position on that there are no more. */
static void skip_lost(struct piece *p, uint64_t tail)
{
    if (tail <= p->position)
        return;
    p->lost += tail - p->position;
    p->position = tail;
}

static void ring_copy(const struct trace_ring *r, struct piece *p, uint32_t room)
{
    uint64_t first;

    skip_lost(p, ring_tail(r));
    if (p->position >= p->end)
        return;
    first = p->position;
    p->count = (uint32_t)MIN(MIN(room, PIECE), p->end - first);
    for (uint32_t i = 0; i < p->count; i++)
        p->records[i] = *trace_slot(r, first + i);
    smp_rmb();
    skip_lost(p, ring_tail(r));
    if (p->position != first)
        p->count = 0; /* the writer has come round meanwhile: what is left is read in another go */
}

/* 0, or -XEN_ENOENT, -XEN_EINVAL. */
static int read_piece(const struct lodge_sysctl_trace *op, struct piece *p, uint32_t room)
{
    int rc = 0;

    p->count = 0;
    spin_lock(&trace.lock);
    if (!trace.on || trace.id != op->id) {
        rc = -XEN_ENOENT;
    } else {
        const struct trace_ring *r = &trace.rings[op->cpu];

        if (p->end == 0)
            p->end = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
        if (p->position > p->end)
            rc = -XEN_EINVAL;
        else
            ring_copy(r, p, room);
    }
    spin_unlock(&trace.lock);
    return rc;
}

/* The records of one answer follow each other: one that is lost among them ends it. */
int64_t trace_read(struct lodge_sysctl_trace *op)
{
    struct piece p = {.position = op->position};
    uint32_t done = 0;
    uint64_t next = 0;
    int rc;

    if (op->cpu >= nr_cpus || op->events != 0 || op->domain != 0 || op->records != 0)
        return -XEN_EINVAL;
    op->now = time_now();
    do {
        rc = read_piece(op, &p, op->count - done);
        if (rc != 0)
            return rc;
        if (done == 0) {
            op->position = p.position;
            op->lost = p.lost;
        } else if (p.position != next) {
            break;
        }
        if (copy_to_guest((vaddr_t)op->buffer.p + done * sizeof(p.records[0]), p.records,
                          p.count * sizeof(p.records[0])) != 0)
            return -XEN_EFAULT;
        done += p.count;
        p.position += p.count;
        next = p.position;
    } while (next < p.end && done < op->count && !preempt_after(WORK_READ));
    op->count = done;
    return 0;
}
