/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: how a domain lets another use one of its frames.
 *
 * A domain's grant table is an array of entries in frames that it shares with the hypervisor. A
 * grant reference is an index into it. An entry names a frame and the domain that may use it, which
 * hands the reference to the hypervisor to map the frame or copy from or to it. Whoever maps gets a
 * handle, and the entry shows that it is in use until the mapping is gone.
 *
 * Making an entry valid: write domid and frame, then, after a write barrier, flags with the type.
 * Taking it back: compare-and-exchange flags with 0, having seen neither GTF_reading nor
 * GTF_writing; a failure means that it has just come into use. In a version 2 table the use is in
 * the status array: clear flags, then, after a full barrier, look there; if it is in use, wait.
 * There is no way to take back a grant that is in use: a back-end that does not let go has to be
 * ended.
 *
 * grant_table_op(cmd, array, count): `array` is `count` times the structure of that command.
 * Returns 0 if the array could be worked through, even where single elements failed: each has its
 * own status. -EFAULT, -EINVAL and -ENOSYS are about the call itself. A domain other than
 * DOMID_SELF in setup_table, query_size, dump_table, get_version and get_status_frames needs
 * privilege.
 *
 * Status of an element:
 *
 *   GNTST_okay               done
 *   GNTST_general_error      none of those below: an entry that is not for the caller, or of a type
 *                            not asked for, writing by a read-only entry, mapping part of a
 *                            frame, a frame that the granter does not own, limits
 *   GNTST_bad_domain         no such domain
 *   GNTST_bad_gntref         the reference is beyond the table
 *   GNTST_bad_handle         not a handle of the caller's, or not for what the call says
 *   GNTST_bad_virt_addr      host_addr is no place where a mapping can go, or not where it is
 *   GNTST_bad_dev_addr       dev_bus_addr is not what the handle has
 *   GNTST_no_device_space    the IOMMU has no room
 *   GNTST_permission_denied  the caller may not ask this about that domain or frame
 *   GNTST_bad_page           the frame cannot be shared, or does not exist
 *   GNTST_bad_copy_arg       a copy crosses the end of a frame
 *   GNTST_address_too_big    a frame does not fit into the table's field
 *   GNTST_eagain             the frame is being paged or unshared; try again
 *   GNTST_no_space           no room for another handle
 */
#ifndef LODGE_PUBLIC_GRANT_TABLE_H
#define LODGE_PUBLIC_GRANT_TABLE_H

#include "handles.h"

typedef uint32_t grant_ref_t;
typedef uint32_t grant_handle_t;

/* Entry of a version 1 table, 512 to the frame. Every domain starts with one. */
struct grant_entry_v1 {
    uint16_t flags; /* GTF_* */
    domid_t domid;  /* who may use it */
    uint32_t frame; /* which frame */
};
typedef struct grant_entry_v1 grant_entry_v1_t;
_Static_assert(sizeof(grant_entry_v1_t) == 8, "grant_entry_v1");

/*
 * The first entries are for what a domain is born with: the builder puts its console and store
 * rings there, and a change of version keeps them.
 */
#define GNTTAB_NR_RESERVED_ENTRIES 8
#define GNTTAB_RESERVED_CONSOLE    0
#define GNTTAB_RESERVED_XENSTORE   1

/*
 * Type of an entry, bits 1:0 of flags.
 *
 *   GTF_invalid          grants nothing
 *   GTF_permit_access    `domid` may map `frame` or copy with it
 *   GTF_accept_transfer  `domid` may give this domain a frame (GNTTABOP_transfer)
 *   GTF_transitive       `domid` may copy with a grant that this domain holds of another; version 2
 */
#define GTF_invalid         (0U << 0)
#define GTF_permit_access   (1U << 0)
#define GTF_accept_transfer (2U << 0)
#define GTF_transitive      (3U << 0)
#define GTF_type_mask       (3U << 0)

/*
 * The other bits of an entry that permits access. The guest writes readonly, PWT, PCD, PAT (the
 * cache attributes that mappings will have) and sub_page (version 2); the hypervisor sets reading
 * and writing while the entry is in use, in the same word for version 1, in the status array for
 * version 2.
 */
#define _GTF_readonly 2
#define GTF_readonly  (1U << _GTF_readonly)
#define _GTF_reading  3
#define GTF_reading   (1U << _GTF_reading)
#define _GTF_writing  4
#define GTF_writing   (1U << _GTF_writing)
#define _GTF_PWT      5
#define GTF_PWT       (1U << _GTF_PWT)
#define _GTF_PCD      6
#define GTF_PCD       (1U << _GTF_PCD)
#define _GTF_PAT      7
#define GTF_PAT       (1U << _GTF_PAT)
#define _GTF_sub_page 8
#define GTF_sub_page  (1U << _GTF_sub_page)

/*
 * The other bits of an entry that accepts a transfer, written by the hypervisor. Once committed the
 * entry may not be changed; once completed, shortly after, `frame` is the frame that arrived.
 */
#define _GTF_transfer_committed 2
#define GTF_transfer_committed  (1U << _GTF_transfer_committed)
#define _GTF_transfer_completed 3
#define GTF_transfer_completed  (1U << _GTF_transfer_completed)

/*
 * Entry of a version 2 table, 256 to the frame: frames of more than 32 bits, grants of part of a
 * frame, and grants passed on. Sub-page and transitive entries can be copied with but not mapped.
 * All members begin with the same header.
 */
struct grant_entry_header {
    uint16_t flags; /* GTF_* */
    domid_t domid;
};
typedef struct grant_entry_header grant_entry_header_t;

union grant_entry_v2 {
    grant_entry_header_t hdr;
    struct {
        grant_entry_header_t hdr;
        uint32_t pad0;
        uint64_t frame;
    } full_page;
    struct {
        grant_entry_header_t hdr;
        uint16_t page_off;
        uint16_t length;
        uint64_t frame;
    } sub_page;
    struct {
        grant_entry_header_t hdr;
        domid_t trans_domid;
        uint16_t pad0;
        grant_ref_t gref;
    } transitive;
    uint32_t __spacer[4];
};
typedef union grant_entry_v2 grant_entry_v2_t;
_Static_assert(sizeof(grant_entry_v2_t) == 16, "grant_entry_v2");

typedef uint16_t grant_status_t;

#define GNTTABOP_map_grant_ref     0
#define GNTTABOP_unmap_grant_ref   1
#define GNTTABOP_setup_table       2
#define GNTTABOP_dump_table        3
#define GNTTABOP_transfer          4
#define GNTTABOP_copy              5
#define GNTTABOP_query_size        6
#define GNTTABOP_unmap_and_replace 7
#define GNTTABOP_set_version       8
#define GNTTABOP_get_status_frames 9
#define GNTTABOP_get_version       10
#define GNTTABOP_swap_grant_ref    11
#define GNTTABOP_cache_flush       12

/*
 * Flags of a mapping.
 *
 *   GNTMAP_device_map        give the address by which a device reaches the frame
 *   GNTMAP_host_map          map the frame for the processor
 *   GNTMAP_readonly          without write access
 *   GNTMAP_application_map   for user mode as well
 *   GNTMAP_contains_pte      host_addr is the machine address of an L1 entry to write, not a
 *                            virtual address
 *   GNTMAP_guest_avail_mask  these bits, shifted, go into the entry's available bits, if
 *                            XENFEAT_gnttab_map_avail_bits is set
 */
#define _GNTMAP_device_map      0
#define GNTMAP_device_map       (1 << _GNTMAP_device_map)
#define _GNTMAP_host_map        1
#define GNTMAP_host_map         (1 << _GNTMAP_host_map)
#define _GNTMAP_readonly        2
#define GNTMAP_readonly         (1 << _GNTMAP_readonly)
#define _GNTMAP_application_map 3
#define GNTMAP_application_map  (1 << _GNTMAP_application_map)
#define _GNTMAP_contains_pte    4
#define GNTMAP_contains_pte     (1 << _GNTMAP_contains_pte)
#define _GNTMAP_guest_avail0    16
#define GNTMAP_guest_avail_mask ((uint32_t)~0 << _GNTMAP_guest_avail0)

/* The values of `status`, explained at the top. */
#define GNTST_okay              (0)
#define GNTST_general_error     (-1)
#define GNTST_bad_domain        (-2)
#define GNTST_bad_gntref        (-3)
#define GNTST_bad_handle        (-4)
#define GNTST_bad_virt_addr     (-5)
#define GNTST_bad_dev_addr      (-6)
#define GNTST_no_device_space   (-7)
#define GNTST_permission_denied (-8)
#define GNTST_bad_page          (-9)
#define GNTST_bad_copy_arg      (-10)
#define GNTST_address_too_big   (-11)
#define GNTST_eagain            (-12)
#define GNTST_no_space          (-13)

/*
 * GNTTABOP_map_grant_ref: map grant `ref` of domain `dom`. At host_addr with GNTMAP_host_map: a
 * page-aligned virtual address whose L1 table exists, or an L1 entry; what was mapped there is
 * replaced. `handle` names the mapping when it is undone. With GNTMAP_device_map dev_bus_addr is
 * where a device finds the frame. One of the two flags has to be set.
 *
 * The mapping of a frame written through an ordinary page-table update is not accounted for: a
 * guest that wants to lose a grant mapping unmaps it.
 */
struct gnttab_map_grant_ref {
    uint64_t host_addr;    /* IN */
    uint32_t flags;        /* IN, GNTMAP_* */
    grant_ref_t ref;       /* IN */
    domid_t dom;           /* IN */
    int16_t status;        /* OUT, GNTST_* */
    grant_handle_t handle; /* OUT */
    uint64_t dev_bus_addr; /* OUT */
};
typedef struct gnttab_map_grant_ref gnttab_map_grant_ref_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_map_grant_ref_t);
_Static_assert(sizeof(gnttab_map_grant_ref_t) == 32, "gnttab_map_grant_ref");

/*
 * GNTTABOP_unmap_grant_ref: undo what `handle` names: the processor's mapping if host_addr is not
 * 0, the device's if dev_bus_addr is not. The same addresses as when mapping: GNTST_bad_virt_addr,
 * GNTST_bad_dev_addr. When the hypercall returns no processor can use the mapping any more.
 */
struct gnttab_unmap_grant_ref {
    uint64_t host_addr;    /* IN */
    uint64_t dev_bus_addr; /* IN */
    grant_handle_t handle; /* IN */
    int16_t status;        /* OUT, GNTST_* */
};
typedef struct gnttab_unmap_grant_ref gnttab_unmap_grant_ref_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_unmap_grant_ref_t);
_Static_assert(sizeof(gnttab_unmap_grant_ref_t) == 24, "gnttab_unmap_grant_ref");

/*
 * GNTTABOP_setup_table: make the table at least nr_frames long, and list its first nr_frames
 * machine frames. It grows and never shrinks. GNTST_general_error beyond the domain's limit.
 * `count` is 1.
 */
struct gnttab_setup_table {
    domid_t dom;                            /* IN */
    uint32_t nr_frames;                     /* IN */
    int16_t status;                         /* OUT, GNTST_* */
    XEN_GUEST_HANDLE(xen_pfn_t) frame_list; /* OUT array */
};
typedef struct gnttab_setup_table gnttab_setup_table_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_setup_table_t);
_Static_assert(sizeof(gnttab_setup_table_t) == 24, "gnttab_setup_table");

/* GNTTABOP_dump_table: print the table on the hypervisor's console, for debugging. */
struct gnttab_dump_table {
    domid_t dom;    /* IN */
    int16_t status; /* OUT, GNTST_* */
};
typedef struct gnttab_dump_table gnttab_dump_table_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_dump_table_t);
_Static_assert(sizeof(gnttab_dump_table_t) == 4, "gnttab_dump_table");

/*
 * GNTTABOP_transfer: give frame `mfn` away, to domain `domid`, into its entry `ref` that accepts a
 * transfer. Whatever the result, unless it is GNTST_bad_page, the frame is no longer the caller's.
 * The hypervisor may refuse all transfers, with GNTST_general_error before anything has happened.
 */
struct gnttab_transfer {
    xen_pfn_t mfn;   /* IN */
    domid_t domid;   /* IN */
    grant_ref_t ref; /* IN */
    int16_t status;  /* OUT, GNTST_* */
};
typedef struct gnttab_transfer gnttab_transfer_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_transfer_t);
_Static_assert(sizeof(gnttab_transfer_t) == 24, "gnttab_transfer");

/*
 * GNTTABOP_copy: copy `len` bytes. Each side is a grant (GNTCOPY_*_gref set, `domid` its owner) or
 * a frame of the caller's own (`domid` DOMID_SELF). Neither side may cross the end of its frame.
 * Needs no mapping and flushes nothing, so for small amounts it is cheaper than mapping.
 */
#define _GNTCOPY_source_gref 0
#define GNTCOPY_source_gref  (1 << _GNTCOPY_source_gref)
#define _GNTCOPY_dest_gref   1
#define GNTCOPY_dest_gref    (1 << _GNTCOPY_dest_gref)
struct gnttab_copy {
    struct gnttab_copy_ptr {
        union {
            grant_ref_t ref;
            xen_pfn_t gmfn;
        } u;
        domid_t domid;
        uint16_t offset;
    } source, dest; /* IN */
    uint16_t len;   /* IN */
    uint16_t flags; /* IN, GNTCOPY_* */
    int16_t status; /* OUT, GNTST_* */
};
typedef struct gnttab_copy gnttab_copy_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_copy_t);
_Static_assert(sizeof(gnttab_copy_t) == 40, "gnttab_copy");
_Static_assert(offsetof(gnttab_copy_t, len) == 32, "gnttab_copy.len");

/* GNTTABOP_query_size: how many frames the table has, and how many it may have. */
struct gnttab_query_size {
    domid_t dom;            /* IN */
    uint32_t nr_frames;     /* OUT */
    uint32_t max_nr_frames; /* OUT */
    int16_t status;         /* OUT, GNTST_* */
};
typedef struct gnttab_query_size gnttab_query_size_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_query_size_t);
_Static_assert(sizeof(gnttab_query_size_t) == 16, "gnttab_query_size");

/*
 * GNTTABOP_unmap_and_replace: as unmap_grant_ref for host_addr, but instead of an empty entry put
 * there the one that maps new_addr in the current address space, and empty that. new_addr 0: the
 * same as unmapping.
 */
struct gnttab_unmap_and_replace {
    uint64_t host_addr;    /* IN */
    uint64_t new_addr;     /* IN */
    grant_handle_t handle; /* IN */
    int16_t status;        /* OUT, GNTST_* */
};
typedef struct gnttab_unmap_and_replace gnttab_unmap_and_replace_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_unmap_and_replace_t);
_Static_assert(sizeof(gnttab_unmap_and_replace_t) == 24, "gnttab_unmap_and_replace");

/*
 * GNTTABOP_set_version: switch to a version 1 or 2 table. Only while no grant is in use and, from
 * version 2, no status frame is mapped (-EBUSY), and entries other than the reserved ones are lost.
 * -EINVAL for another version, -ENOSYS for one that XEN_DOMCTL_createdomain did not allow; OUT is
 * the version in force either way. `count` is 1.
 */
struct gnttab_set_version {
    uint32_t version; /* IN wanted, OUT in force */
};
typedef struct gnttab_set_version gnttab_set_version_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_set_version_t);
_Static_assert(sizeof(gnttab_set_version_t) == 4, "gnttab_set_version");

/*
 * GNTTABOP_get_status_frames: machine frames of the status array of a version 2 table, an array of
 * grant_status_t with an element per entry. GNTST_general_error if there are fewer than nr_frames.
 */
struct gnttab_get_status_frames {
    uint32_t nr_frames;                    /* IN */
    domid_t dom;                           /* IN */
    int16_t status;                        /* OUT, GNTST_* */
    XEN_GUEST_HANDLE(uint64_t) frame_list; /* OUT array */
};
typedef struct gnttab_get_status_frames gnttab_get_status_frames_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_get_status_frames_t);
_Static_assert(sizeof(gnttab_get_status_frames_t) == 16, "gnttab_get_status_frames");

/* GNTTABOP_get_version: the version of `dom`'s table. -ESRCH, -EPERM. */
struct gnttab_get_version {
    domid_t dom; /* IN */
    uint16_t pad;
    uint32_t version; /* OUT */
};
typedef struct gnttab_get_version gnttab_get_version_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_get_version_t);
_Static_assert(sizeof(gnttab_get_version_t) == 8, "gnttab_get_version");

/*
 * GNTTABOP_swap_grant_ref: exchange two unused entries of the caller's table. GNTST_eagain if one
 * is in use.
 */
struct gnttab_swap_grant_ref {
    grant_ref_t ref_a; /* IN */
    grant_ref_t ref_b; /* IN */
    int16_t status;    /* OUT, GNTST_* */
};
typedef struct gnttab_swap_grant_ref gnttab_swap_grant_ref_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_swap_grant_ref_t);
_Static_assert(sizeof(gnttab_swap_grant_ref_t) == 12, "gnttab_swap_grant_ref");

/*
 * GNTTABOP_cache_flush: write back (CLEAN), drop (INVAL) or both, the caches of part of a frame,
 * given by a device address or, with SOURCE_GREF, by a grant of the caller's. x86 keeps caches
 * coherent with devices, so nothing depends on it here, and -EOPNOTSUPP is a good answer.
 */
#define GNTTAB_CACHE_CLEAN       (1u << 0)
#define GNTTAB_CACHE_INVAL       (1u << 1)
#define GNTTAB_CACHE_SOURCE_GREF (1u << 31)
struct gnttab_cache_flush {
    union {
        uint64_t dev_bus_addr;
        grant_ref_t ref;
    } a;             /* IN */
    uint16_t offset; /* IN */
    uint16_t length; /* IN */
    uint32_t op;     /* IN, GNTTAB_CACHE_* */
};
typedef struct gnttab_cache_flush gnttab_cache_flush_t;
DEFINE_XEN_GUEST_HANDLE(gnttab_cache_flush_t);
_Static_assert(sizeof(gnttab_cache_flush_t) == 16, "gnttab_cache_flush");

#endif
