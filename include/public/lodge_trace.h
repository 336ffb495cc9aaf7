/* SPDX-License-Identifier: MIT */
/*
 * Lodge's trace: what vcpus and CPUs do, as records with a time, in a ring for each CPU.
 *
 * sysctl LODGE_SYSCTL_trace, whose number is in lodge_control.h (see sysctl.h for what all sysctls
 * have in common: it is the control domain's). Its structure lies at the beginning of the union.
 * There is one trace at a time; while there is none the hypervisor has no memory for it, and
 * executes no instruction for it.
 *
 * The rings are the hypervisor's own memory. A reader is given copies: it shares no page and no
 * index with the hypervisor, so there is nothing that it could do wrong but read too late, and
 * nothing to tidy up when it is killed. Readers do not know of each other: a record is there for
 * all of them until it is overwritten.
 *
 * Each CPU writes its own ring, without a lock; the records of a ring are numbered from 0. A record
 * is written in full before it can be read. The newest overwrites the oldest, whether that has been
 * read or not. LODGE_TRACE_READ copies, looks again at how far the writer has come, and throws away
 * what may have been overwritten in the meantime: so a record is read as it was made, or counted as
 * lost, and never in parts.
 */
#ifndef LODGE_PUBLIC_LODGE_TRACE_H
#define LODGE_PUBLIC_LODGE_TRACE_H

#include "handles.h"

/*
 * struct lodge_sysctl_trace.op. version is LODGE_TRACE_VERSION for all of them, else -EOPNOTSUPP,
 * as for another op; another one gives fields or records another meaning. Fields that are not named
 * for an operation are zero on entry (else -EINVAL) and come back as they were.
 *
 * LODGE_TRACE_START: begin.
 *   events   IN   LODGE_TRACE_*, not 0
 *   domain   IN   the records of one domain only, or LODGE_TRACE_ALL
 *   records  IN   room in the ring of each CPU: a power of two from 64 to 65536; a record has 64
 *                 bytes
 *   id       OUT  names the trace; never 0
 *   -EBUSY: there is one, or it is just being stopped; -ENOMEM; -ESRCH: no such domain.
 *
 * LODGE_TRACE_STOP: end it. The rings and what is in them are gone when the call returns.
 *   id       IN   of the trace; 0: whichever there is
 *   -ENOENT: there is none, or it is another one; -EBUSY: it is just being started or stopped.
 *
 * LODGE_TRACE_STATUS:
 *   id       OUT  0: there is no trace; then events, domain and records are 0, too
 *   events, domain, records  OUT  as at its start
 *   cpu      OUT  the number of CPUs, those out of use included
 *   now      OUT  the present time
 *
 * LODGE_TRACE_READ: copy records of one CPU's ring, in their order.
 *   id        IN   of the trace
 *   cpu       IN   whose ring
 *   position  IN   number of the first record that is wanted: 0, or the sum of position and count
 *                  of the last call
 *             OUT  number of the first record that was copied
 *   count     IN   room in the buffer, in records
 *             OUT  how many were copied
 *   buffer    IN   where to
 *   lost      OUT  how many of those wanted had been overwritten: position has grown by it
 *   now       OUT  the time before the ring was looked at. If count is below the room, no record
 *                  is left that was written before; one that was being written may follow with a
 *                  time that is a little before it.
 *   -ENOENT: there is no such trace (any more); -EINVAL: no such CPU, or a position that the ring
 *   has not come to; -EFAULT: nothing is known of what was copied.
 *
 * A CPU that is out of use keeps its ring, in which nothing new is written.
 */
#define LODGE_TRACE_VERSION 1

#define LODGE_TRACE_START  0
#define LODGE_TRACE_STOP   1
#define LODGE_TRACE_STATUS 2
#define LODGE_TRACE_READ   3

#define LODGE_TRACE_ALL xen_mk_uint(0x7ff4)

/*
 * What to record. With one domain named: its own, where it is the vcpu that runs, the one to which
 * or from which a CPU goes, or the one that an event is sent to.
 */
#define LODGE_TRACE_HYPERCALLS (xen_mk_uint(1) << 0) /* HYPERCALL and its DONE */
#define LODGE_TRACE_EXCEPTIONS (xen_mk_uint(1) << 1) /* EXCEPTION and its DONE */
#define LODGE_TRACE_EMULATED   (xen_mk_uint(1) << 2) /* EMULATED */
#define LODGE_TRACE_INTERRUPTS (xen_mk_uint(1) << 3) /* INTERRUPT and its DONE */
#define LODGE_TRACE_SCHEDULE   (xen_mk_uint(1) << 4) /* SWITCH */
#define LODGE_TRACE_EVENTS     (xen_mk_uint(1) << 5) /* EVENT, UPCALL */
#define LODGE_TRACE_SYSCALLS   (xen_mk_uint(1) << 6) /* SYSCALL */
#define LODGE_TRACE_EVERYTHING xen_mk_uint(0x7f)

/*
 * struct lodge_trace_record.type, and what code and data are. What is not named is 0. domain and
 * vcpu are those of the vcpu that runs; LODGE_TRACE_IDLE where none does. Numbers from 32 on are
 * left for the exits of other types of guests.
 *
 *   HYPERCALL       code: its number. data[0..3]: arguments; [4..5]: the first 16 bytes of the
 *                   structure that an argument points to, where the call has one (0: it cannot be
 *                   read). Each entry of a multicall is a call of its own, within the multicall's.
 *   HYPERCALL_DONE  code: its number. data[0]: the result; [1]: 1: the call is not over, the guest
 *                   is to come again with it. iret and its like are done when the frame is loaded.
 *   EXCEPTION       code: the vector. data[0]: error code; [1]: rip; [2]: CR2, of a page fault;
 *                   [3]: 1 from kernel mode.
 *   EXCEPTION_DONE  code: the vector. data[0]: what became of it, one of the three numbers below;
 *                   [1]: rip now.
 *   EMULATED        code: the vector. data[0]: rip; [1]: up to 8 bytes from there on, 0: they
 *                   cannot be read any more.
 *   INTERRUPT       code: the vector.
 *   INTERRUPT_DONE  code: the vector.
 *   SWITCH          The CPU goes to another vcpu: domain and vcpu are the one that runs now. code:
 *                   RUNSTATE_* of the one before. data[0]: its domain; [1]: its number. The first
 *                   record of a ring may be one from a vcpu to itself, to say who runs there.
 *   EVENT           An event is sent. data[0]: the domain that it is for; [1]: the port there; [2]:
 *                   the vcpu to be told. Who sends it is the record's vcpu, or, within an
 *                   INTERRUPT, the hypervisor.
 *   UPCALL          The vcpu enters its event callback. data[0]: rip before.
 *   SYSCALL         A program's system call goes to its kernel. data[0]: rip; [1]: rax.
 */
#define LODGE_TRACED_HYPERCALL      1
#define LODGE_TRACED_HYPERCALL_DONE 2
#define LODGE_TRACED_EXCEPTION      3
#define LODGE_TRACED_EXCEPTION_DONE 4
#define LODGE_TRACED_EMULATED       5
#define LODGE_TRACED_INTERRUPT      6
#define LODGE_TRACED_INTERRUPT_DONE 7
#define LODGE_TRACED_SWITCH         8
#define LODGE_TRACED_EVENT          9
#define LODGE_TRACED_UPCALL         10
#define LODGE_TRACED_SYSCALL        11
#define LODGE_TRACED_OF_TYPES       32

/* EXCEPTION_DONE: the guest's handler is next; its instruction was emulated; neither (a write to a
 * page table was carried out, a descriptor page was mapped): it goes on where it was. */
#define LODGE_TRACED_TO_GUEST 1
#define LODGE_TRACED_BY_US    2
#define LODGE_TRACED_RESOLVED 3

#define LODGE_TRACE_IDLE xen_mk_uint(0x7fff) /* DOMID_IDLE */

#ifndef __ASSEMBLER__
struct lodge_trace_record {
    uint64_t time; /* system time, ns since boot, the same on all CPUs but for a few */
    uint16_t type; /* LODGE_TRACED_* */
    uint16_t code;
    uint16_t domain;
    uint16_t vcpu;
    uint64_t data[6];
};
_Static_assert(sizeof(struct lodge_trace_record) == 64, "lodge_trace_record");
_Static_assert(offsetof(struct lodge_trace_record, data) == 16, "lodge_trace_record.data");
typedef struct lodge_trace_record lodge_trace_record_t;
DEFINE_XEN_GUEST_HANDLE(lodge_trace_record_t);

struct lodge_sysctl_trace {
    uint32_t version;
    uint32_t op; /* IN, LODGE_TRACE_START and so on */
    uint32_t id;
    uint32_t events;
    uint32_t domain;
    uint32_t records;
    uint32_t cpu;
    uint32_t count;
    uint64_aligned_t position;
    uint64_aligned_t lost;
    uint64_aligned_t now;
    XEN_GUEST_HANDLE_64(lodge_trace_record_t) buffer;
};
_Static_assert(sizeof(struct lodge_sysctl_trace) == 64, "lodge_sysctl_trace");
_Static_assert(offsetof(struct lodge_sysctl_trace, position) == 32, "lodge_sysctl_trace.position");
_Static_assert(offsetof(struct lodge_sysctl_trace, buffer) == 56, "lodge_sysctl_trace.buffer");
#endif

#endif
