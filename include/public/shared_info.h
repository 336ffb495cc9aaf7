/* SPDX-License-Identifier: MIT */
/*
 * Memory that guest and hypervisor share from the first instruction on: shared_info, with a
 * vcpu_info for each of the first vcpus, and the time in it.
 */
#ifndef LODGE_PUBLIC_SHARED_INFO_H
#define LODGE_PUBLIC_SHARED_INFO_H

#include "handles.h"

/*
 * Vcpus 0 to 31 find their vcpu_info in shared_info; others register one
 * (VCPUOP_register_vcpu_info) before they can be initialised.
 */
#define XEN_LEGACY_MAX_VCPUS 32

#ifndef __ASSEMBLER__

/*
 * Time of one vcpu: nanoseconds since boot ("system time") as a linear function of the TSC. The
 * hypervisor updates it when the vcpu moves to another processor or a processor's rate is
 * corrected; `version` is odd while it does, and different afterwards. A reader repeats until it
 * has seen the same even version before and after, then computes
 *
 *     delta = rdtsc() - tsc_timestamp, shifted left by tsc_shift (right if that is negative)
 *     time = system_time + ((delta * tsc_to_system_mul) >> 32), with a 96-bit product
 *
 * The result is exact for the processor that the vcpu runs on; another vcpu's values may not be
 * mixed with this one's TSC, unless the flag below says so.
 */
struct vcpu_time_info {
    uint32_t version; /* odd while being updated */
    uint32_t pad0;
    uint64_t tsc_timestamp;     /* TSC when the values below were computed */
    uint64_t system_time;       /* nanoseconds since boot at that TSC */
    uint32_t tsc_to_system_mul; /* 32.32 fixed point */
    int8_t tsc_shift;           /* power of two to apply to the TSC delta first */
    uint8_t flags;              /* XEN_PVCLOCK_* */
    uint8_t pad1[2];
};
typedef struct vcpu_time_info vcpu_time_info_t;
DEFINE_XEN_GUEST_HANDLE(vcpu_time_info_t);
_Static_assert(sizeof(struct vcpu_time_info) == 32, "vcpu_time_info");
_Static_assert(offsetof(struct vcpu_time_info, tsc_to_system_mul) == 24, "vcpu_time_info mul");

/*
 * TSC_STABLE: all processors' TSCs agree, so readings of different vcpus are comparable, and user
 * programs may read time without a system call. GUEST_STOPPED: the vcpu was stopped from outside;
 * lock-up detectors should not complain.
 */
#define XEN_PVCLOCK_TSC_STABLE_BIT (1 << 0)
#define XEN_PVCLOCK_GUEST_STOPPED  (1 << 1)

/* x86's part of vcpu_info. */
struct arch_vcpu_info {
    unsigned long cr2; /* address of the last page fault bounced to this vcpu */
    unsigned long pad;
};
typedef struct arch_vcpu_info arch_vcpu_info_t;
_Static_assert(sizeof(struct arch_vcpu_info) == 16, "arch_vcpu_info");

/*
 * What one vcpu shares with the hypervisor. evtchn_upcall_pending says that an event wants
 * attention: the hypervisor sets it and enters the event callback if evtchn_upcall_mask is 0;
 * entering sets the mask. The guest clears pending before it looks for work. Clearing the mask
 * delivers nothing by itself: a guest that unmasks has to look at pending again, or use iret, whose
 * unmasking does. SCHEDOP_block clears the mask itself.
 */
struct vcpu_info {
    uint8_t evtchn_upcall_pending;  /* hypervisor sets, guest clears */
    uint8_t evtchn_upcall_mask;     /* guest's interrupt flag, inverted */
    xen_ulong_t evtchn_pending_sel; /* which words of evtchn_pending to look at */
    struct arch_vcpu_info arch;
    vcpu_time_info_t time;
};
typedef struct vcpu_info vcpu_info_t;
_Static_assert(sizeof(struct vcpu_info) == 64, "vcpu_info");
_Static_assert(offsetof(struct vcpu_info, evtchn_pending_sel) == 8, "vcpu_info.pending_sel");
_Static_assert(offsetof(struct vcpu_info, arch) == 16, "vcpu_info.arch");
_Static_assert(offsetof(struct vcpu_info, time) == 32, "vcpu_info.time");

/*
 * x86's part of shared_info: where the guest keeps its table from pseudo-physical to machine
 * frames. The guest writes it for the tools, which need it for save, restore and dumps; the
 * hypervisor has no use for it, apart from nmi_reason.
 *
 *   max_pfn                     entries in the table
 *   pfn_to_mfn_frame_list_list  frame with the machine frames of frames with the machine frames of
 *                               the table: three levels, 512 entries each. 0 when not set up, ~0
 *                               when the table is too large.
 *   p2m_cr3                     if not 0: page table under which p2m_vaddr is valid, as CR3 would
 *                               have it
 *   p2m_vaddr                   there: virtual address of the table as one array
 *   p2m_generation              odd while the mapping of that array changes; counts on with each
 *                               change
 */
struct arch_shared_info {
    unsigned long max_pfn;
    xen_pfn_t pfn_to_mfn_frame_list_list;
    unsigned long nmi_reason; /* XEN_NMIREASON_*, written by the hypervisor */
    unsigned long p2m_cr3;
    unsigned long p2m_vaddr;
    unsigned long p2m_generation;
};
typedef struct arch_shared_info arch_shared_info_t;
_Static_assert(sizeof(struct arch_shared_info) == 48, "arch_shared_info");

/*
 * The page that a domain shares with the hypervisor; its machine address is in start_info, and a
 * kernel maps it where it likes. evtchn_pending and evtchn_mask are the 2-level event channels, see
 * event_channel.h.
 *
 * wc_*: Unix time at which system time was 0, so that adding system time gives the time of day. Its
 * version works as in vcpu_time_info. The control domain sets it (XENPF_settime64), and
 * XEN_DOMCTL_settimeoffset shifts it for one domain.
 */
struct shared_info {
    struct vcpu_info vcpu_info[XEN_LEGACY_MAX_VCPUS];
    xen_ulong_t evtchn_pending[sizeof(xen_ulong_t) * 8];
    xen_ulong_t evtchn_mask[sizeof(xen_ulong_t) * 8];
    uint32_t wc_version; /* odd while being updated */
    uint32_t wc_sec;     /* Unix time at boot, seconds, low half */
    uint32_t wc_nsec;
    uint32_t wc_sec_hi; /* seconds, high half */
    struct arch_shared_info arch;
};
typedef struct shared_info shared_info_t;
#define xen_wc_sec_hi wc_sec_hi
_Static_assert(sizeof(struct shared_info) == 3136, "shared_info");
_Static_assert(offsetof(struct shared_info, evtchn_pending) == 2048, "shared_info.pending");
_Static_assert(offsetof(struct shared_info, evtchn_mask) == 2560, "shared_info.mask");
_Static_assert(offsetof(struct shared_info, wc_version) == 3072, "shared_info.wc_version");
_Static_assert(offsetof(struct shared_info, arch) == 3088, "shared_info.arch");

#endif /* !__ASSEMBLER__ */
#endif
