/* SPDX-License-Identifier: MIT */
/*
 * Lodge's own extension of sysctl: why vcpus entered the hypervisor, and what they did there. A
 * vcpu counts from its beginning on, whether anybody looks or not.
 *
 * Nothing here is part of the ABI that sysctl.h describes; on another hypervisor the operation is
 * -EOPNOTSUPP, as each that it does not know.
 *
 * Each counter has 64 bits and a place in one row, which never changes its meaning. A new counter
 * gets a place of its own, behind those that there are or where a group has room: so the caller
 * says how many places it knows, and learns how many the hypervisor has. Places that are not in use
 * are 0.
 */
#ifndef LODGE_PUBLIC_LODGE_STATS_H
#define LODGE_PUBLIC_LODGE_STATS_H

#include "handles.h"

/*
 * Entries into the hypervisor. Together these are all that its guest made, the reasons being
 *
 *   HYPERCALL + n    hypercall n, below 64; one that the hypervisor has restarted counts again
 *   HYPERCALL_OTHER  hypercalls with another number, which are refused
 *   EXCEPTION + n    exception n of the guest's kernel or programs
 *   INTERRUPT        interrupts of the machine that came while the guest ran
 *   FRAME_SYSCALL    system calls of its programs, to be sent on to its kernel in a frame
 *   AREA_SYSCALL     the same without a frame (LODGE_vcpu_area in lodge.h)
 */
#define LODGE_STAT_HYPERCALL       0
#define LODGE_STAT_EXCEPTION       64
#define LODGE_STAT_HYPERCALL_OTHER 128
#define LODGE_STAT_INTERRUPT       129
#define LODGE_STAT_AREA_SYSCALL    130

/*
 * Of the exceptions: instructions that were carried out for the guest, by kind. STORE is one to a
 * page table of the guest's, which is how page-table updates arrive that are no hypercall.
 */
#define LODGE_STAT_EMULATED       96
#define LODGE_EMULATED_STORE      0
#define LODGE_EMULATED_RDMSR      1
#define LODGE_EMULATED_WRMSR      2
#define LODGE_EMULATED_CR         3 /* mov from and to control registers, clts */
#define LODGE_EMULATED_DR         4 /* mov from and to debug registers */
#define LODGE_EMULATED_PORT       5 /* in, out, and their string forms */
#define LODGE_EMULATED_FLAG       6 /* cli, sti */
#define LODGE_EMULATED_HLT        7
#define LODGE_EMULATED_CPUID      8
#define LODGE_EMULATED_XSETBV     9
#define LODGE_EMULATED_CACHE      10 /* invd, wbinvd */
#define LODGE_EMULATED_DESCRIPTOR 11 /* sldt, str, sgdt, sidt, smsw */
#define LODGE_EMULATED_IRET       12
#define LODGE_NR_EMULATED         16 /* places */

/*
 * Page-table updates by hypercall, an entry each. BATCH + n are calls of mmu_update with a list of
 * 2^n entries or more, but fewer than 2^(n+1); the last place has all longer ones, too. RUN_BATCH +
 * n are calls of LODGE_mmu_run, by the entries of all runs together; one that the hypervisor has
 * restarted counts again, with what was left.
 *
 *   UPDATE_VA              asked for by update_va_mapping and update_va_mapping_otherdomain
 *   UPDATE_LIST            carried out by mmu_update for lists of more than one; those of one are
 *                          in BATCH + 0
 *   UPDATE_RUN             carried out by LODGE_mmu_run
 *   UPDATE_VA_MULTICALL    of UPDATE_VA, those that came in a multicall
 *   UPDATE_LIST_MULTICALL  likewise of UPDATE_LIST and BATCH + 0
 *   MULTICALL_CALLS        hypercalls of any kind that came in a multicall: they are no entries
 */
#define LODGE_STAT_BATCH                 112
#define LODGE_NR_BATCHES                 16
#define LODGE_STAT_UPDATE_VA             131
#define LODGE_STAT_UPDATE_LIST           132
#define LODGE_STAT_UPDATE_RUN            133
#define LODGE_STAT_UPDATE_VA_MULTICALL   134
#define LODGE_STAT_UPDATE_LIST_MULTICALL 135
#define LODGE_STAT_MULTICALL_CALLS       136
#define LODGE_STAT_RUN_BATCH             148

/*
 * What comes of entries.
 *
 *   FLUSH_ALL, FLUSH_PAGE   flushes of the TLB on the vcpu's own processor: the guest asked for
 *                           them, or the hypervisor owed them
 *   FLUSH_OTHER             processors that were interrupted to flush theirs, for whatever reason
 *   FRAME_*                 frames on the stack of the guest's kernel, by which it is entered: a
 *                           trap, an event, a system call, the failsafe callback
 *   SWITCH                  times that the vcpu was given a processor
 *   EVENT_SENT              events that it sent
 *   EVENT_MERGED            of these, those whose port was pending still, from an event before
 */
#define LODGE_STAT_FLUSH_ALL      137
#define LODGE_STAT_FLUSH_PAGE     138
#define LODGE_STAT_FLUSH_OTHER    139
#define LODGE_STAT_FRAME_TRAP     140
#define LODGE_STAT_FRAME_EVENT    141
#define LODGE_STAT_FRAME_SYSCALL  142
#define LODGE_STAT_FRAME_FAILSAFE 143
#define LODGE_STAT_SWITCH         144
#define LODGE_STAT_EVENT_SENT     145
#define LODGE_STAT_EVENT_MERGED   146
#define LODGE_NR_STATS            164

/*
 * LODGE_SYSCTL_stats (lodge_control.h has its number): the counters of one vcpu.
 *
 *   version  IN   LODGE_STATS_VERSION, else -EOPNOTSUPP; another one gives places another meaning
 *   flags    IN   LODGE_STATS_*, and nothing else (-EINVAL)
 *   domain   IN   -ESRCH where there is none of that number
 *   vcpu     IN   -ENOENT where the domain has none of that number
 *   nr       IN   places in the array
 *            OUT  places that the hypervisor has, be they more or fewer
 *   pad      IN   0
 *   values   OUT  the first of them, as many as both sides have; null: none is wanted
 *
 * The counters of a vcpu that runs meanwhile are each read at another moment. With RESET they count
 * from what this call reads on, nothing is lost in between, all places that there are included, the
 * caller's or not; after -EFAULT some of them do. The vcpu itself does not notice.
 */
#define LODGE_STATS_VERSION 1
#define LODGE_STATS_RESET   1

#ifndef __ASSEMBLER__
struct lodge_sysctl_stats {
    uint32_t version;
    uint32_t flags;
    uint32_t domain;
    uint32_t vcpu;
    uint32_t nr;
    uint32_t pad;
    XEN_GUEST_HANDLE_64(uint64) values;
};
_Static_assert(sizeof(struct lodge_sysctl_stats) == 32, "lodge_sysctl_stats");
_Static_assert(offsetof(struct lodge_sysctl_stats, nr) == 16, "lodge_sysctl_stats.nr");
_Static_assert(offsetof(struct lodge_sysctl_stats, values) == 24, "lodge_sysctl_stats.values");
#endif

#endif
