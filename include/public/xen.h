/* SPDX-License-Identifier: MIT */
/*
 * The root of the guest ABI: everything a paravirtual kernel needs before its first hypercall.
 * Includes the constants (hypercalls.h), page-table operations (mmu.h), the x86 part (arch.h) and
 * the boot structures (startinfo.h), and defines the memory that guest and hypervisor share.
 */
#ifndef LODGE_PUBLIC_XEN_H
#define LODGE_PUBLIC_XEN_H

#include "handles.h"
#include "hypercalls.h"
#include "arch.h"

#ifndef __ASSEMBLER__

#include "mmu.h"
#include "startinfo.h"

/*
 * multicall(calls, count): make several hypercalls in one entry.
 *
 *   calls  IN and OUT  array of these, `result` is overwritten in each
 *   count  IN          how many
 *
 * `op` is a hypercall's number and `args` what it takes. The calls are made in order, each with the
 * guest's memory as the ones before it left it. One that fails does not stop the rest: look at
 * every `result`. multicall itself is refused inside; iret is the last call of a list, whatever
 * comes behind it, and what the guest finds in RAX is that of its frame. Else returns 0 unless the
 * array itself could not be read or written (-EFAULT).
 */
struct multicall_entry {
    xen_ulong_t op, result;
    xen_ulong_t args[6];
};
typedef struct multicall_entry multicall_entry_t;
DEFINE_XEN_GUEST_HANDLE(multicall_entry_t);
_Static_assert(sizeof(struct multicall_entry) == 64, "multicall_entry");

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

/* A domain's UUID, which tools give and the hypervisor only keeps. */
typedef uint8_t xen_domain_handle_t[16];

typedef struct {
    uint8_t a[16];
} xen_uuid_t;

/*
 * A bitmap in the caller's memory, as the control interfaces pass it: bit n is bit n % 8 of byte n
 * / 8. Reading one, bits beyond nr_bits count as 0; writing one, the hypervisor fills all nr_bits,
 * to the end of the last byte, with zeroes for what it does not have. It may stop after 8192 bits.
 */
struct xenctl_bitmap {
    XEN_GUEST_HANDLE_64(uint8) bitmap;
    uint32_t nr_bits;
};
typedef struct xenctl_bitmap xenctl_bitmap_t;
_Static_assert(sizeof(struct xenctl_bitmap) == 16, "xenctl_bitmap");

#endif /* !__ASSEMBLER__ */
#endif
