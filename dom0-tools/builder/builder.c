// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building a domain.
 *
 * What can be found out without the hypervisor is found out first: a bad kernel or too little
 * memory never makes a domain. Then one straight line of steps, each of which may fail, and one
 * place that takes the half-made domain away again.
 *
 * The whole costs about twenty hypercalls, however large the domain: memory comes in 2 MiB extents,
 * all frames to be written are mapped by one request, and file contents are read straight into
 * them. What a domain of each type finds in its memory is build_kind's part (builder_private.h).
 * The hypervisor enters populated frames into its machine-to-physical table by itself.
 *
 * What a hostile image could try: every address and size that comes from it has been checked
 * (image.h) and laid out (builder_layout.c) before anything is written, and all writing goes to
 * the new domain's own frames in one window.
 */
#include "builder.h"
#include "builder_private.h"
#include "image.h"
#include "libctl.h"

#include <errno.h>
#include <fcntl.h>
#include <public/startinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <public/domctl.h>
#include <public/grant_table.h>
#include <public/sysctl.h>

#define BUILDER_MAX_PORT  1023U
#define BUILDER_MAX_VCPUS 8192U
#define BUILDER_MAX_PAGES (1UL << 32) /* 16 TiB: grant table version 1 cannot name more */

static const struct build_kind *const build_kinds[BUILDER_TYPES] = {
    [BUILDER_PV] = &build_pv,
    [BUILDER_HVM] = &build_hvm,
    [BUILDER_PVH] = &build_pvh,
};

int builder_check_type(struct ctl *ctl, uint32_t capabilities, enum builder_type type, bool shadow)
{
    if (type == BUILDER_PV)
        return 0;
    if (!(capabilities & XEN_SYSCTL_PHYSCAP_hvm))
        return ctl_fail(ctl, EOPNOTSUPP,
                        "this hypervisor has no %s guests on this machine: they need a processor "
                        "with AMD's SVM and nested paging, turned on in the firmware; pv guests do "
                        "not",
                        builder_type_name(type));
    if (shadow && !(capabilities & XEN_SYSCTL_PHYSCAP_shadow))
        return ctl_fail(ctl, EOPNOTSUPP,
                        "this hypervisor has no shadow paging; leave paging out for nested paging");
    if (!shadow && !(capabilities & XEN_SYSCTL_PHYSCAP_hap))
        return ctl_fail(ctl, EOPNOTSUPP, "this hypervisor has no nested paging on this machine");
    return 0;
}

/* Its page tables: one per 2 MiB where memory is scattered, and those above; and other pages. */
uint64_t builder_overhead_kib(uint64_t kib)
{
    return (kib >> 9) + (kib >> 18) + (64 << 2);
}

static int build_ramdisk_open(struct build *b)
{
    const char *path = b->config->ramdisk;
    struct stat st;

    if (!path)
        return 0;
    /* As for the kernel: does not wait for the other end of a FIFO. */
    b->ramdisk = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (b->ramdisk < 0 || fstat(b->ramdisk, &st))
        return ctl_fail(b->ctl, errno, "ramdisk %s cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return ctl_fail(b->ctl, EINVAL, "ramdisk %s is %s", path,
                        S_ISREG(st.st_mode) ? "empty" : "not a regular file");
    b->ramdisk_size = (uint64_t)st.st_size;
    return 0;
}

static int build_check_config(struct build *b)
{
    const struct builder_config *c = b->config;

    b->max_vcpus = c->vcpus ? c->vcpus : 1;
    if (c->max_vcpus > b->max_vcpus)
        b->max_vcpus = c->max_vcpus;
    if (b->max_vcpus > BUILDER_MAX_VCPUS)
        return ctl_fail(b->ctl, EINVAL, "%u vcpus are more than a domain can have", b->max_vcpus);
    b->max_kib = c->max_memory_kib > c->memory_kib ? c->max_memory_kib : c->memory_kib;
    b->pages = c->memory_kib >> (BUILDER_PAGE_SHIFT - 10);
    if (b->pages >= BUILDER_MAX_PAGES)
        return ctl_fail(b->ctl, EINVAL, "%llu MiB are more memory than a domain can have",
                        (unsigned long long)c->memory_kib >> 10);
    if (c->cmdline && strlen(c->cmdline) >= MAX_GUEST_CMDLINE)
        return ctl_fail(b->ctl, E2BIG, "the kernel's command line has %zu bytes; %d are possible",
                        strlen(c->cmdline), MAX_GUEST_CMDLINE - 1);
    return 0;
}

int build_too_little(struct build *b, uint64_t needed)
{
    const struct builder_config *c = b->config;

    return ctl_fail(b->ctl, ENOMEM,
                    "%llu MiB are too little memory: the kernel %s%s%s occupies %llu MiB before it "
                    "runs; set memory to more than that",
                    (unsigned long long)c->memory_kib >> 10, c->kernel,
                    c->ramdisk ? " with the ramdisk " : "", c->ramdisk ? c->ramdisk : "",
                    (unsigned long long)((needed << BUILDER_PAGE_SHIFT) + (1 << 20) - 1) >> 20);
}

/* Everything that needs no domain. */
static int build_prepare(struct build *b)
{
    int rc = build_check_config(b);

    if (rc)
        return rc;
    rc = image_open(&b->image, b->config->kernel, b->kind->image);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s %s", b->config->kernel, b->image.message);
    rc = build_ramdisk_open(b);
    return rc ? rc : b->kind->layout(b);
}

/* Is there enough for it? The answer may be old the moment it is given; this is for the message. */
static int build_check_host(struct build *b)
{
    struct xen_sysctl_physinfo info;
    uint64_t have;
    int rc;

    rc = ctl_host_physinfo(b->ctl, &info);
    if (rc)
        return rc;
    rc = builder_check_type(b->ctl, info.capabilities, b->config->type, b->config->shadow);
    if (rc)
        return rc;
    have = info.free_pages + info.scrub_pages - info.outstanding_pages;
    if (b->pages > have)
        return ctl_fail(
            b->ctl, ENOMEM,
            "not enough free memory: the domain wants %llu MiB, %llu MiB are free; give "
            "it less, or free some (lodge list, lodge mem-set)",
            (unsigned long long)b->pages >> 8, (unsigned long long)have >> 8);
    b->grant_version = info.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2 ? 2 : 1;
    return 0;
}

int build_no_such_guests(struct build *b)
{
    return ctl_fail(b->ctl, EOPNOTSUPP, "this hypervisor has no %s guests",
                    builder_type_name(b->config->type));
}

static uint32_t build_flags(const struct build *b)
{
    if (!b->kind->translated)
        return 0;
    return XEN_DOMCTL_CDF_hvm | (b->config->shadow ? 0 : XEN_DOMCTL_CDF_hap);
}

static int build_create_domain(struct build *b)
{
    const struct builder_config *c = b->config;
    struct xen_domctl_createdomain create = {
        .ssidref = c->ssidref,
        .flags = c->flags | build_flags(b),
        .max_vcpus = b->max_vcpus,
        .max_evtchn_port = c->max_event_channels ? c->max_event_channels : BUILDER_MAX_PORT,
        .max_grant_frames = c->max_grant_frames ? (int32_t)c->max_grant_frames : -1,
        .max_maptrack_frames = c->max_maptrack_frames ? (int32_t)*c->max_maptrack_frames : -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(b->grant_version),
        .arch.emulation_flags = b->kind->emulation_flags,
    };
    uint16_t domid = c->domid;
    int rc;

    memcpy(create.handle, c->uuid, sizeof(create.handle));
    rc = ctl_domain_create(b->ctl, &create, &domid);
    if (rc == -EINVAL && b->max_vcpus > BUILDER_LODGE_MAX_VCPUS)
        return ctl_fail(b->ctl, EINVAL,
                        "the hypervisor makes no domain of %u vcpus: Lodge's limit is %u, Xen's is "
                        "512; give it less with vcpus and maxvcpus",
                        b->max_vcpus, BUILDER_LODGE_MAX_VCPUS);
    if (c->type != BUILDER_PV && (rc == -EINVAL || rc == -EOPNOTSUPP))
        return build_no_such_guests(b);
    if (rc)
        return rc;
    b->created = true;
    b->result->domid = domid;
    return 0;
}

static int build_limits(struct build *b)
{
    const struct builder_config *c = b->config;
    uint64_t kib = b->max_kib + (b->kind->translated ? builder_overhead_kib(b->max_kib) : 0);
    uint16_t domid = b->result->domid;
    int rc = ctl_domain_max_vcpus(b->ctl, domid, b->max_vcpus);

    if (!rc)
        rc = ctl_domain_max_mem(b->ctl, domid, kib);
    /* Without it a PV kernel makes ready for 8 MiB more than it has. */
    if (!rc && b->max_kib > c->memory_kib && !b->kind->translated)
        rc = ctl_memory_map_limit(b->ctl, domid, b->max_kib);
    if (!rc)
        rc = ctl_domain_set_tsc_mode(b->ctl, domid, CTL_TSC_NATIVE);
    if (!rc && c->claim)
        rc = ctl_memory_claim(b->ctl, domid, b->pages);
    return rc;
}

static int build_channels(struct build *b)
{
    int port = ctl_evtchn_alloc_unbound(b->ctl, b->result->domid, b->config->store_domid);

    if (port < 0)
        return port;
    b->result->store_evtchn = (uint32_t)port;
    port = ctl_evtchn_alloc_unbound(b->ctl, b->result->domid, b->config->console_domid);
    if (port < 0)
        return port;
    b->result->console_evtchn = (uint32_t)port;
    return 0;
}

/* The domain has not run, and nobody uses its table yet: the order of the stores is free. */
static void build_grant(struct grant_entry_v1 *table, uint32_t ref, uint16_t to, uint64_t mfn)
{
    table[ref].domid = to;
    table[ref].frame = (uint32_t)mfn;
    table[ref].flags = GTF_permit_access;
}

void build_grants(struct build *b, void *table)
{
    build_grant(table, GNTTAB_RESERVED_CONSOLE, b->config->console_domid, b->result->console_mfn);
    build_grant(table, GNTTAB_RESERVED_XENSTORE, b->config->store_domid, b->result->store_mfn);
}

/* In this order: each step relies on those before it. Then come those of the domain's type. */
static int (*const build_steps[])(struct build *b) = {
    build_prepare, build_check_host, build_create_domain,
    build_limits,  build_populate,   build_channels,
    NULL,
};

static int build_run(struct build *b, int (*const *step)(struct build *b))
{
    int rc = 0;

    while (!rc && *step)
        rc = (*step++)(b);
    return rc;
}

static void build_close(struct build *b)
{
    image_close(&b->image);
    if (b->ramdisk >= 0)
        close(b->ramdisk);
}

int builder_check(struct ctl *ctl, const struct builder_config *config,
                  char guest_os[static BUILDER_GUEST_OS])
{
    struct build b = {
        .ctl = ctl, .config = config, .kind = build_kinds[config->type], .ramdisk = -1};
    int rc;

    b.image.fd = -1;
    rc = build_prepare(&b);
    if (!rc)
        memcpy(guest_os, b.image.notes.guest_os, BUILDER_GUEST_OS);
    build_close(&b);
    return rc;
}

int builder_create(struct ctl *ctl, const struct builder_config *config,
                   struct builder_result *result)
{
    struct build b = {.ctl = ctl,
                      .config = config,
                      .kind = build_kinds[config->type],
                      .result = result,
                      .ramdisk = -1};
    char why[sizeof(ctl->message)];
    int rc, gone;

    memset(result, 0, sizeof(*result));
    b.image.fd = -1;
    rc = build_run(&b, build_steps);
    if (!rc)
        rc = build_run(&b, b.kind->steps);
    build_unmap(&b);
    if (!rc)
        rc = build_run(&b, b.kind->last_steps);
    result->memory_pages = b.pages;
    result->nr_vcpus = b.max_vcpus;
    if (rc && b.created) {
        /* The first failure is the one to tell of; destroying may write a message, too. */
        memcpy(why, ctl->message, sizeof(why));
        gone = ctl_domain_destroy(ctl, result->domid);
        if (!gone)
            memcpy(ctl->message, why, sizeof(why));
        else if (gone == -ESRCH)
            rc = ctl_fail(ctl, ECANCELED, "domain %u was destroyed while it was being made",
                          result->domid);
        else
            ctl_fail(ctl, -rc, "%.300s; the half-made domain %u is left over: lodge destroy %u",
                     why, result->domid, result->domid);
    }
    build_close(&b);
    free(b.frames.super);
    free(b.frames.single);
    return rc;
}
