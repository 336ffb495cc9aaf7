/* SPDX-License-Identifier: MIT */
/*
 * domctl: the control domain's operations on one domain, interface version 0x15.
 *
 * domctl(op): `op` points to a struct xen_domctl. `domain` names the domain that is operated on,
 * and the member of `u` that belongs to `cmd` has the arguments; they are described beside the
 * structures in domctl_domain.h, domctl_vcpu.h and domctl_device.h. OUT fields are written when the
 * call succeeds, and for errors where the operation says so. The layouts are the tools' and change
 * between versions, so another interface_version than this one is refused before anything is looked
 * at.
 *
 * Errors that all share:
 *
 *   -EACCES               the interface version is another
 *   -EPERM                the caller is not privileged, or not over this domain
 *   -ESRCH                there is no such domain, or it is dying and the operation is none of
 *                         getdomaininfo and destroydomain
 *   -EINVAL               an argument makes no sense, or the operation does not fit the domain's
 *                         state
 *   -ENOSYS, -EOPNOTSUPP  this hypervisor does not have the operation
 *   -EFAULT               the structure or something that it points to cannot be read or written
 *   -ENOMEM               the hypervisor is out of memory
 *
 * The life of a domain, as a builder drives it: createdomain, which leaves it paused once;
 * max_vcpus; max_mem; then memory and contents (memory.h, mapped and written by the builder);
 * permissions; setvcpucontext; unpausedomain. It runs until it shuts down by itself or
 * destroydomain ends it.
 */
#ifndef LODGE_PUBLIC_DOMCTL_H
#define LODGE_PUBLIC_DOMCTL_H

#include "handles.h"
#include "domctl_domain.h"
#include "domctl_vcpu.h"
#include "domctl_device.h"

#define XEN_DOMCTL_INTERFACE_VERSION 0x00000015

/*
 * Operations without a structure, on `domain` alone:
 *
 *   destroydomain  end it: stop its vcpus, break its channels and grants, free its memory. Long,
 *                  and restarted until all is done (the tool sees one call; -EAGAIN or -ERESTART
 *                  never reach it). The domain shows as dying as long as another domain still holds
 *                  a frame of it.
 *   pausedomain    stop all vcpus; returns when none runs any more. Pauses count. -EINVAL for the
 *                  caller's own domain.
 *   unpausedomain  undo one pause. -EINVAL if it is not paused by a tool.
 *   resumedomain   let a domain that shut down go on: SCHEDOP_shutdown returns in each vcpu.
 *                  Nothing happens to one that has not.
 *   soft_reset     forget channels and grants, keep the memory. Not for paravirtual domains.
 *
 * A number that is not listed was used by an older interface and is never used again.
 */
#define XEN_DOMCTL_createdomain            1
#define XEN_DOMCTL_destroydomain           2
#define XEN_DOMCTL_pausedomain             3
#define XEN_DOMCTL_unpausedomain           4
#define XEN_DOMCTL_getdomaininfo           5
#define XEN_DOMCTL_setvcpuaffinity         9
#define XEN_DOMCTL_shadow_op               10
#define XEN_DOMCTL_max_mem                 11
#define XEN_DOMCTL_setvcpucontext          12
#define XEN_DOMCTL_getvcpucontext          13
#define XEN_DOMCTL_getvcpuinfo             14
#define XEN_DOMCTL_max_vcpus               15
#define XEN_DOMCTL_scheduler_op            16
#define XEN_DOMCTL_setdomainhandle         17
#define XEN_DOMCTL_setdebugging            18
#define XEN_DOMCTL_irq_permission          19
#define XEN_DOMCTL_iomem_permission        20
#define XEN_DOMCTL_ioport_permission       21
#define XEN_DOMCTL_hypercall_init          22
#define XEN_DOMCTL_settimeoffset           24
#define XEN_DOMCTL_getvcpuaffinity         25
#define XEN_DOMCTL_real_mode_area          26
#define XEN_DOMCTL_resumedomain            27
#define XEN_DOMCTL_sendtrigger             28
#define XEN_DOMCTL_subscribe               29
#define XEN_DOMCTL_gethvmcontext           33
#define XEN_DOMCTL_sethvmcontext           34
#define XEN_DOMCTL_set_address_size        35
#define XEN_DOMCTL_get_address_size        36
#define XEN_DOMCTL_assign_device           37
#define XEN_DOMCTL_bind_pt_irq             38
#define XEN_DOMCTL_memory_mapping          39
#define XEN_DOMCTL_ioport_mapping          40
#define XEN_DOMCTL_set_ext_vcpucontext     42
#define XEN_DOMCTL_get_ext_vcpucontext     43
#define XEN_DOMCTL_set_opt_feature         44
#define XEN_DOMCTL_test_assign_device      45
#define XEN_DOMCTL_set_target              46
#define XEN_DOMCTL_deassign_device         47
#define XEN_DOMCTL_unbind_pt_irq           48
#define XEN_DOMCTL_get_device_group        50
#define XEN_DOMCTL_debug_op                54
#define XEN_DOMCTL_gethvmcontext_partial   55
#define XEN_DOMCTL_vm_event_op             56
#define XEN_DOMCTL_mem_sharing_op          57
#define XEN_DOMCTL_gettscinfo              59
#define XEN_DOMCTL_settscinfo              60
#define XEN_DOMCTL_getpageframeinfo3       61
#define XEN_DOMCTL_setvcpuextstate         62
#define XEN_DOMCTL_getvcpuextstate         63
#define XEN_DOMCTL_set_access_required     64
#define XEN_DOMCTL_audit_p2m               65
#define XEN_DOMCTL_set_virq_handler        66
#define XEN_DOMCTL_set_broken_page_p2m     67
#define XEN_DOMCTL_setnodeaffinity         68
#define XEN_DOMCTL_getnodeaffinity         69
#define XEN_DOMCTL_cacheflush              71
#define XEN_DOMCTL_get_vcpu_msrs           72
#define XEN_DOMCTL_set_vcpu_msrs           73
#define XEN_DOMCTL_setvnumainfo            74
#define XEN_DOMCTL_psr_cmt_op              75
#define XEN_DOMCTL_monitor_op              77
#define XEN_DOMCTL_psr_alloc               78
#define XEN_DOMCTL_soft_reset              79
#define XEN_DOMCTL_vuart_op                81
#define XEN_DOMCTL_get_cpu_policy          82
#define XEN_DOMCTL_set_cpu_policy          83
#define XEN_DOMCTL_vmtrace_op              84
#define XEN_DOMCTL_get_paging_mempool_size 85
#define XEN_DOMCTL_set_paging_mempool_size 86
#define XEN_DOMCTL_gdbsx_guestmemio        1000
#define XEN_DOMCTL_gdbsx_pausevcpu         1001
#define XEN_DOMCTL_gdbsx_unpausevcpu       1002
#define XEN_DOMCTL_gdbsx_domstatus         1003

/* The argument of domctl. The union has 128 bytes for every operation there is or will be. */
struct xen_domctl {
    uint32_t cmd;               /* IN, XEN_DOMCTL_* */
    uint32_t interface_version; /* IN, XEN_DOMCTL_INTERFACE_VERSION */
    domid_t domain;             /* IN, OUT of createdomain and getdomaininfo */
    uint16_t _pad[3];           /* zero */
    union {
        struct xen_domctl_createdomain createdomain;
        struct xen_domctl_getdomaininfo getdomaininfo;
        struct xen_domctl_getpageframeinfo3 getpageframeinfo3;
        struct xen_domctl_nodeaffinity nodeaffinity;
        struct xen_domctl_vcpuaffinity vcpuaffinity;
        struct xen_domctl_shadow_op shadow_op;
        struct xen_domctl_max_mem max_mem;
        struct xen_domctl_vcpucontext vcpucontext;
        struct xen_domctl_getvcpuinfo getvcpuinfo;
        struct xen_domctl_max_vcpus max_vcpus;
        struct xen_domctl_scheduler_op scheduler_op;
        struct xen_domctl_setdomainhandle setdomainhandle;
        struct xen_domctl_setdebugging setdebugging;
        struct xen_domctl_irq_permission irq_permission;
        struct xen_domctl_iomem_permission iomem_permission;
        struct xen_domctl_ioport_permission ioport_permission;
        struct xen_domctl_hypercall_init hypercall_init;
        struct xen_domctl_hvmcontext hvmcontext;
        struct xen_domctl_settimeoffset settimeoffset;
        struct xen_domctl_tsc_info tsc_info;
        struct xen_domctl_address_size address_size;
        struct xen_domctl_sendtrigger sendtrigger;
        struct xen_domctl_get_device_group get_device_group;
        struct xen_domctl_assign_device assign_device;
        struct xen_domctl_memory_mapping memory_mapping;
        struct xen_domctl_ioport_mapping ioport_mapping;
        struct xen_domctl_ext_vcpucontext ext_vcpucontext;
        struct xen_domctl_set_target set_target;
        struct xen_domctl_subscribe subscribe;
        struct xen_domctl_debug_op debug_op;
        struct xen_domctl_cpu_policy cpu_policy;
        struct xen_domctl_vcpuextstate vcpuextstate;
        struct xen_domctl_vcpu_msrs vcpu_msrs;
        struct xen_domctl_set_virq_handler set_virq_handler;
        struct xen_domctl_cacheflush cacheflush;
        struct xen_domctl_vnuma vnuma;
        struct xen_domctl_paging_mempool paging_mempool;
        uint8_t pad[128];
    } u;
};
typedef struct xen_domctl xen_domctl_t;
DEFINE_XEN_GUEST_HANDLE(xen_domctl_t);
_Static_assert(sizeof(xen_domctl_t) == 144, "xen_domctl");
_Static_assert(offsetof(xen_domctl_t, domain) == 8, "xen_domctl.domain");
_Static_assert(offsetof(xen_domctl_t, u) == 16, "xen_domctl.u");

#endif
