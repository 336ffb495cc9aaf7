/* SPDX-License-Identifier: MIT */
/*
 * xen_version: who the hypervisor is, what it can do.
 *
 * xen_version(cmd, arg): any domain may ask. What could identify a machine or help an attacker
 * (changeset, compile_info, commandline, build_id) reads "<denied>" or -EPERM in an unprivileged
 * domain.
 *
 *   XENVER_version       no argument; returns major << 16 | minor. Lodge says 4.17, the ABI it
 *                        speaks.
 *   XENVER_pagesize      no argument; returns 4096
 *   XENVER_guest_handle  arg: xen_domain_handle_t, OUT, the caller's UUID
 */
#ifndef LODGE_PUBLIC_VERSION_H
#define LODGE_PUBLIC_VERSION_H

#include "handles.h"
#include "features.h"

#define XENVER_version             0
#define XENVER_extraversion        1
#define XENVER_compile_info        2
#define XENVER_capabilities        3
#define XENVER_changeset           4
#define XENVER_platform_parameters 5
#define XENVER_get_features        6
#define XENVER_pagesize            7
#define XENVER_guest_handle        8
#define XENVER_commandline         9
#define XENVER_build_id            10

/* XENVER_extraversion: the rest of the version, a string; by it Lodge can be told from others. */
typedef char xen_extraversion_t[16];
#define XEN_EXTRAVERSION_LEN (sizeof(xen_extraversion_t))

/* XENVER_compile_info: how it was built, four strings. */
struct xen_compile_info {
    char compiler[64];
    char compile_by[16];
    char compile_domain[32];
    char compile_date[32];
};
typedef struct xen_compile_info xen_compile_info_t;
_Static_assert(sizeof(xen_compile_info_t) == 144, "xen_compile_info");

/*
 * XENVER_capabilities: guest types that can run, separated by spaces: "xen-3.0-x86_64" means 64-bit
 * paravirtual.
 */
typedef char xen_capabilities_info_t[1024];
#define XEN_CAPABILITIES_INFO_LEN (sizeof(xen_capabilities_info_t))

/* XENVER_changeset: the source's revision, a string. */
typedef char xen_changeset_info_t[64];
#define XEN_CHANGESET_INFO_LEN (sizeof(xen_changeset_info_t))

/* XENVER_platform_parameters: where the hypervisor's part of the address space begins. */
struct xen_platform_parameters {
    xen_ulong_t virt_start; /* OUT */
};
typedef struct xen_platform_parameters xen_platform_parameters_t;
_Static_assert(sizeof(xen_platform_parameters_t) == 8, "xen_platform_parameters");

/*
 * XENVER_get_features: word `submap_idx` of the feature bits in features.h; words beyond the last
 * are 0.
 */
struct xen_feature_info {
    unsigned int submap_idx; /* IN */
    uint32_t submap;         /* OUT */
};
typedef struct xen_feature_info xen_feature_info_t;
_Static_assert(sizeof(xen_feature_info_t) == 8, "xen_feature_info");

/* XENVER_commandline: what the hypervisor was booted with, a string. */
typedef char xen_commandline_t[1024];

/*
 * XENVER_build_id: the linker's build identifier. Returns its length in bytes; with arg null that
 * is all it does. -ENOBUFS when len is too small, -ENODATA when the build has none.
 */
struct xen_build_id {
    uint32_t len;                          /* IN */
    unsigned char buf[XEN_FLEX_ARRAY_DIM]; /* OUT */
};
typedef struct xen_build_id xen_build_id_t;
_Static_assert(sizeof(xen_build_id_t) == 4, "xen_build_id");

#endif
