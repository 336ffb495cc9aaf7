/* SPDX-License-Identifier: MIT */
/*
 * What every other public header is built from: scalar types, guest handles, domain identifiers,
 * and the few structures that several interfaces have in common.
 *
 * A guest handle is a pointer in the caller's address space, wrapped in a one-member structure.
 * The wrapper costs nothing and buys two things: the compiler refuses to mix handles of different
 * element types, and the hypervisor cannot dereference one by accident (it has to name `.p`, and
 * it only does so inside its guest-memory copy routines).
 */
#ifndef LODGE_PUBLIC_HANDLES_H
#define LODGE_PUBLIC_HANDLES_H

#ifdef __ASSEMBLER__

#define xen_mk_uint(x)   x
#define xen_mk_ulong(x)  x
#define xen_mk_ullong(x) x

#else

#include <stdint.h>
#include <stddef.h>

#ifndef __x86_64__
#error "these headers describe the x86-64 ABI only"
#endif

/* Integer constants with the suffix that C needs and that an assembler refuses. */
#define __xen_mk_uint(x)   x##U
#define __xen_mk_ulong(x)  x##UL
#define __xen_mk_ullong(x) x##ULL
#define xen_mk_uint(x)     __xen_mk_uint(x)
#define xen_mk_ulong(x)    __xen_mk_ulong(x)
#define xen_mk_ullong(x)   __xen_mk_ullong(x)

/* Dimension of a trailing array whose length another field tells. */
#define XEN_FLEX_ARRAY_DIM

/* Frame numbers, machine words and names of things as a guest sees them. */
typedef unsigned long xen_pfn_t;
typedef unsigned long xen_ulong_t;
typedef unsigned long xen_callback_t;
typedef uint16_t domid_t;
typedef uint64_t tsc_timestamp_t;
typedef uint32_t evtchn_port_t;

#define PRI_xen_pfn   "lx"
#define PRIu_xen_pfn  "lu"
#define PRI_xen_ulong "lx"

/*
 * The control interfaces say "aligned" where a 32-bit compiler would align a 64-bit field to four
 * bytes. On x86-64 that is what happens anyway.
 */
typedef uint64_t uint64_aligned_t;
typedef int64_t int64_aligned_t;

/*
 * DEFINE_XEN_GUEST_HANDLE(T) declares the handle types XEN_GUEST_HANDLE(T), pointing to T, and
 * XEN_GUEST_HANDLE(const_T), pointing to const T. The two-argument form is for element types whose
 * name is more than one word. XEN_GUEST_HANDLE_64 (64 bits wide in the control interfaces) and
 * XEN_GUEST_HANDLE_PARAM (a handle as a hypercall argument) are the same thing on x86-64; the
 * names remain because sources written for the ABI use them.
 */
#define __DEFINE_XEN_GUEST_HANDLE(name, type) \
    typedef struct {                          \
        type *p;                              \
    } __guest_handle_##name;                  \
    typedef struct {                          \
        const type *p;                        \
    } __guest_handle_const_##name
#define DEFINE_XEN_GUEST_HANDLE(name)      __DEFINE_XEN_GUEST_HANDLE(name, name)
#define __XEN_GUEST_HANDLE(name)           __guest_handle_##name
#define XEN_GUEST_HANDLE(name)             __XEN_GUEST_HANDLE(name)
#define XEN_GUEST_HANDLE_64(name)          XEN_GUEST_HANDLE(name)
#define XEN_GUEST_HANDLE_PARAM(name)       XEN_GUEST_HANDLE(name)
#define set_xen_guest_handle_raw(hnd, val) ((void)((hnd).p = (val)))
#define set_xen_guest_handle(hnd, val)     set_xen_guest_handle_raw(hnd, val)

DEFINE_XEN_GUEST_HANDLE(char);
DEFINE_XEN_GUEST_HANDLE(int);
DEFINE_XEN_GUEST_HANDLE(void);
__DEFINE_XEN_GUEST_HANDLE(uchar, unsigned char);
__DEFINE_XEN_GUEST_HANDLE(uint, unsigned int);
__DEFINE_XEN_GUEST_HANDLE(uint8, uint8_t);
__DEFINE_XEN_GUEST_HANDLE(uint16, uint16_t);
__DEFINE_XEN_GUEST_HANDLE(uint32, uint32_t);
__DEFINE_XEN_GUEST_HANDLE(uint64, uint64_t);
DEFINE_XEN_GUEST_HANDLE(uint64_t);
DEFINE_XEN_GUEST_HANDLE(xen_pfn_t);
DEFINE_XEN_GUEST_HANDLE(xen_ulong_t);
DEFINE_XEN_GUEST_HANDLE(evtchn_port_t);

_Static_assert(sizeof(XEN_GUEST_HANDLE(void)) == 8, "a guest handle is one pointer");
_Static_assert(_Alignof(XEN_GUEST_HANDLE(void)) == 8, "a guest handle aligns as a pointer");

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

/*
 * A range of memory on one virtual NUMA node, as XEN_DOMCTL_setvnumainfo and XENMEM_get_vnumainfo
 * name it.
 */
struct xen_vmemrange {
    uint64_t start, end;
    unsigned int flags;
    unsigned int nid;
};
typedef struct xen_vmemrange xen_vmemrange_t;
DEFINE_XEN_GUEST_HANDLE(xen_vmemrange_t);
_Static_assert(sizeof(xen_vmemrange_t) == 24, "xen_vmemrange");

/* A function of a PCI device, as physdev_op, memory_op and sysctl name it. */
struct physdev_pci_device {
    uint16_t seg;
    uint8_t bus, devfn;
};
typedef struct physdev_pci_device physdev_pci_device_t;
DEFINE_XEN_GUEST_HANDLE(physdev_pci_device_t);
_Static_assert(sizeof(physdev_pci_device_t) == 4, "physdev_pci_device");

#endif /* !__ASSEMBLER__ */

/*
 * Domain identifiers. Real domains are 0 to DOMID_FIRST_RESERVED - 1, and 0 is the control domain.
 * The numbers above stand for somebody without a number of their own, and each operation says which
 * of them it takes; most take DOMID_SELF.
 */
#define DOMID_FIRST_RESERVED xen_mk_uint(0x7FF0)
#define DOMID_SELF           xen_mk_uint(0x7FF0) /* the caller */
#define DOMID_IO             xen_mk_uint(0x7FF1) /* owner of device memory */
#define DOMID_XEN            xen_mk_uint(0x7FF2) /* owner of hypervisor frames shared with guests */
#define DOMID_COW            xen_mk_uint(0x7FF3) /* owner of deduplicated frames */
#define DOMID_INVALID        xen_mk_uint(0x7FF4) /* nobody */
#define DOMID_IDLE           xen_mk_uint(0x7FFF) /* the idle vcpus */
#define DOMID_MASK           xen_mk_uint(0x7FFF) /* bits that a domain identifier may have */

#endif
