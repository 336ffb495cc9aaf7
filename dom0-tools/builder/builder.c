// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building a domain.
 *
 * What can be found out without the hypervisor is found out first: a bad kernel or too little
 * memory never makes a domain. Then one straight line of steps, each of which may fail, and one
 * place that takes the half-made domain away again.
 *
 * The whole costs about twenty hypercalls, however large the domain: memory comes in 2 MiB extents,
 * all frames to be written are mapped by one request, file contents are read straight into them,
 * and the page tables are checked by the hypervisor in one go when they are pinned. The hypervisor
 * enters populated frames into its machine-to-physical table by itself. Frames are unmapped before
 * the pinning: a frame cannot become a page table while dom0 has it mapped writable.
 *
 * What a hostile image could try: every address and size that comes from it has been checked
 * (image.h) and laid out (builder_layout.c) before anything is written, and all writing goes to
 * the new domain's own frames in one window. Tables that it could make wrong are wrong for its own
 * domain only: the hypervisor checks each entry when the L4 is pinned, as it would for the guest.
 */
#include "builder.h"
#include "builder_private.h"
#include "image.h"
#include "libctl.h"

#include <errno.h>
#include <fcntl.h>
#include <public/mmu.h>
#include <public/shared_info.h>
#include <public/startinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <public/domctl.h>
#include <public/grant_table.h>
#include <public/sysctl.h>

#define BUILDER_MAX_PORT    1023U
#define BUILDER_BATCH       (64UL << 10) /* single pages asked for in one hypercall */
#define BUILDER_MAX_VCPUS   8192U
#define BUILDER_MAX_PAGES   (1UL << 32) /* 16 TiB: grant table version 1 cannot name more */
#define BUILDER_EXTRA_PAGES 2           /* shared_info and the grant table, behind the window */
#define BUILDER_EFLAGS_IF   0x200UL

/* Everything about a domain while it is being built. */
struct build {
    struct ctl *ctl;
    const struct builder_config *config; /* the caller's, as given: defaults are applied below */
    struct builder_result *result;       /* filled in as things become known */
    struct image image;
    int ramdisk; /* open for reading, or -1 */
    struct layout_input input;
    struct layout layout;
    struct builder_frames frames;
    struct builder_window window; /* base is NULL while nothing is mapped */
    uint32_t max_vcpus;
    uint32_t grant_version; /* the highest that the guest may choose */
    uint64_t max_kib;       /* the ceiling of its memory */
    bool created;           /* from here on a failure has a domain to destroy */
    bool zeroed;            /* its memory is zero where nothing was written */
};

static int build_ramdisk_open(struct build *b)
{
    const char *path = b->config->ramdisk;
    struct stat st;

    if (!path)
        return 0;
    b->ramdisk = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* as the kernel: no FIFO */
    if (b->ramdisk < 0 || fstat(b->ramdisk, &st))
        return ctl_fail(b->ctl, errno, "ramdisk %s cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return ctl_fail(b->ctl, EINVAL, "ramdisk %s is %s", path,
                        S_ISREG(st.st_mode) ? "empty" : "not a regular file");
    b->input.ramdisk_size = (uint64_t)st.st_size;
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
    b->input.pages = c->memory_kib >> (BUILDER_PAGE_SHIFT - 10);
    if (b->input.pages >= BUILDER_MAX_PAGES)
        return ctl_fail(b->ctl, EINVAL, "%llu MiB are more memory than a domain can have",
                        (unsigned long long)c->memory_kib >> 10);
    if (c->cmdline && strlen(c->cmdline) >= MAX_GUEST_CMDLINE)
        return ctl_fail(b->ctl, E2BIG, "the kernel's command line has %zu bytes; %d are possible",
                        strlen(c->cmdline), MAX_GUEST_CMDLINE - 1);
    return 0;
}

static int build_layout(struct build *b)
{
    const struct builder_config *c = b->config;
    int rc;

    b->input.virt_base = b->image.virt_base;
    b->input.virt_end = b->image.virt_end;
    b->input.init_p2m = b->image.notes.init_p2m;
    b->input.mod_start_pfn = b->image.notes.mod_start_pfn;
    rc = layout_make(&b->layout, &b->input);
    if (rc == -ENOMEM)
        return ctl_fail(
            b->ctl, ENOMEM,
            "%llu MiB are too little memory: the kernel %s%s%s occupies %llu MiB before "
            "it runs; set memory to more than that",
            (unsigned long long)c->memory_kib >> 10, c->kernel,
            c->ramdisk ? " with the ramdisk " : "", c->ramdisk ? c->ramdisk : "",
            (unsigned long long)((b->layout.end << BUILDER_PAGE_SHIFT) + (1 << 20) - 1) >> 20);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s wants addresses that cannot be laid out",
                        c->kernel);
    return 0;
}

/* Everything that needs no domain. */
static int build_prepare(struct build *b)
{
    int rc = build_check_config(b);

    if (rc)
        return rc;
    rc = image_open(&b->image, b->config->kernel);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s %s", b->config->kernel, b->image.message);
    rc = build_ramdisk_open(b);
    return rc ? rc : build_layout(b);
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
    have = info.free_pages + info.scrub_pages - info.outstanding_pages;
    if (b->input.pages > have)
        return ctl_fail(
            b->ctl, ENOMEM,
            "not enough free memory: the domain wants %llu MiB, %llu MiB are free; give "
            "it less, or free some (lodge list, lodge mem-set)",
            (unsigned long long)b->input.pages >> 8, (unsigned long long)have >> 8);
    b->grant_version = info.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2 ? 2 : 1;
    return 0;
}

static int build_create_domain(struct build *b)
{
    const struct builder_config *c = b->config;
    struct xen_domctl_createdomain create = {
        .ssidref = c->ssidref,
        .flags = c->flags,
        .max_vcpus = b->max_vcpus,
        .max_evtchn_port = c->max_event_channels ? c->max_event_channels : BUILDER_MAX_PORT,
        .max_grant_frames = c->max_grant_frames ? (int32_t)c->max_grant_frames : -1,
        .max_maptrack_frames = c->max_maptrack_frames ? (int32_t)*c->max_maptrack_frames : -1,
        .grant_opts = XEN_DOMCTL_GRANT_version(b->grant_version),
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
    if (rc)
        return rc;
    b->created = true;
    b->result->domid = domid;
    rc = ctl_domain_max_vcpus(b->ctl, domid, b->max_vcpus);
    if (!rc)
        rc = ctl_domain_max_mem(b->ctl, domid, b->max_kib);
    /* Without it a kernel makes ready for 8 MiB more than it has. */
    if (!rc && b->max_kib > c->memory_kib)
        rc = ctl_memory_map_limit(b->ctl, domid, b->max_kib);
    if (!rc)
        rc = ctl_domain_set_tsc_mode(b->ctl, domid, CTL_TSC_NATIVE);
    if (!rc && c->claim)
        rc = ctl_memory_claim(b->ctl, domid, b->input.pages);
    return rc;
}

static int build_no_memory(struct build *b, uint64_t got)
{
    return ctl_fail(b->ctl, ENOMEM,
                    "not enough free memory: the domain wants %llu MiB and got %llu MiB; give it "
                    "less, or free some (lodge list, lodge mem-set)",
                    (unsigned long long)b->input.pages >> 8, (unsigned long long)got >> 8);
}

/* 2 MiB extents as long as there are any, single pages for the rest. */
static int build_populate(struct build *b)
{
    struct builder_frames *f = &b->frames;
    uint64_t i, n, done, supers = b->input.pages >> BUILDER_SUPER_ORDER;
    int rc;

    /* In: the first pfn of each extent. Out: its first mfn, for those that were had. */
    f->pages = b->input.pages;
    f->super = calloc(supers + 1, sizeof(*f->super));
    if (!f->super)
        return ctl_fail(b->ctl, ENOMEM, "not enough memory in this domain to build another");
    for (i = 0; i < supers; i++)
        f->super[i] = i << BUILDER_SUPER_ORDER;
    if (supers) {
        rc = ctl_memory_populate(b->ctl, b->result->domid, supers, BUILDER_SUPER_ORDER, f->super);
        if (rc < 0 && rc != -ENOMEM)
            return rc;
        f->nr_super = rc > 0 ? (uint64_t)rc : 0;
    }
    done = f->nr_super << BUILDER_SUPER_ORDER; /* the single ones stand in for missing large ones */
    n = f->pages - done;
    f->single = malloc((n + 1) * sizeof(*f->single));
    if (!f->single)
        return ctl_fail(b->ctl, ENOMEM, "not enough memory in this domain to build another");
    for (i = 0; i < n; i++)
        f->single[i] = done + i;
    for (i = 0; i < n; i += (uint64_t)rc) {
        rc = ctl_memory_populate(b->ctl, b->result->domid,
                                 n - i < BUILDER_BATCH ? n - i : BUILDER_BATCH, 0, f->single + i);
        if (rc < 0 && rc != -ENOMEM)
            return rc;
        if (rc <= 0)
            return build_no_memory(b, done + i);
    }
    return 0;
}

/* Map all that will be written: one request. */
static int build_map(struct build *b)
{
    struct builder_window *w = &b->window;
    uint64_t *mfns, grant_mfn, i;
    void *p;
    int rc;

    rc = ctl_grant_frame(b->ctl, b->result->domid, &grant_mfn);
    if (rc)
        return rc;
    /* Frames before the kernel stay as the hypervisor gave them. */
    w->first = (b->image.virt_start - b->image.virt_base) >> BUILDER_PAGE_SHIFT;
    w->nr = b->layout.end - w->first;
    mfns = malloc((w->nr + BUILDER_EXTRA_PAGES) * sizeof(*mfns));
    if (!mfns)
        return ctl_fail(b->ctl, ENOMEM, "not enough memory in this domain to build another");
    for (i = 0; i < w->nr; i++)
        mfns[i] = frames_mfn(&b->frames, w->first + i);
    mfns[w->nr] = b->result->shared_info_mfn;
    mfns[w->nr + 1] = grant_mfn;
    rc = ctl_memory_map(b->ctl, b->result->domid, mfns, w->nr + BUILDER_EXTRA_PAGES,
                        PROT_READ | PROT_WRITE, &p);
    free(mfns);
    if (!rc)
        w->base = p;
    return rc;
}

static void build_unmap(struct build *b)
{
    if (b->window.base)
        ctl_memory_unmap(b->window.base, b->window.nr + BUILDER_EXTRA_PAGES);
    b->window.base = NULL;
}

static int build_load_ramdisk(struct build *b)
{
    uint8_t *to = window_at(&b->window, b->layout.ramdisk);
    uint64_t done = 0, size = b->input.ramdisk_size;

    while (done < size) {
        ssize_t n = pread(b->ramdisk, to + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ctl_fail(b->ctl, n < 0 ? errno : EIO, "ramdisk %s cannot be read: %s",
                            b->config->ramdisk,
                            n < 0 ? strerror(errno) : "it became shorter meanwhile");
        done += (uint64_t)n;
    }
    if (size & (BUILDER_PAGE_SIZE - 1))
        memset(to + size, 0, BUILDER_PAGE_SIZE - (size & (BUILDER_PAGE_SIZE - 1)));
    return 0;
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

/* `nr` pages from pfn on, which nothing has been written to. */
static void build_zero(struct build *b, uint64_t pfn, uint64_t nr)
{
    if (!b->zeroed)
        memset(window_at(&b->window, pfn), 0, nr << BUILDER_PAGE_SHIFT);
}

static void build_start_info(struct build *b)
{
    const struct layout *l = &b->layout;
    struct start_info *si = window_at(&b->window, l->start_info);

    build_zero(b, l->start_info, 1);
    memcpy(si->magic, "xen-3.0-x86_64", sizeof("xen-3.0-x86_64"));
    si->nr_pages = b->input.pages;
    si->shared_info = b->result->shared_info_mfn << BUILDER_PAGE_SHIFT;
    si->store_mfn = b->result->store_mfn;
    si->store_evtchn = b->result->store_evtchn;
    si->console.domU.mfn = b->result->console_mfn;
    si->console.domU.evtchn = b->result->console_evtchn;
    /* Nothing here walks the older tree of frame lists, so the guest need not make one. */
    si->flags = SIF_VIRT_P2M_4TOOLS;
    si->pt_base = b->input.virt_base + (l->tables << BUILDER_PAGE_SHIFT);
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = l->p2m_va;
    if (b->input.ramdisk_size) {
        si->mod_len = b->input.ramdisk_size;
        si->mod_start = b->input.mod_start_pfn ? l->ramdisk : l->ramdisk_va;
        si->flags |= b->input.mod_start_pfn ? SIF_MOD_START_PFN : 0;
    }
    if (b->input.init_p2m != UINT64_MAX) {
        si->first_p2m_pfn = l->p2m;
        si->nr_p2m_frames = l->p2m_pages + l->nr_p2m_tables;
    }
    if (b->config->cmdline)
        memcpy(si->cmd_line, b->config->cmdline, strlen(b->config->cmdline) + 1);
}

/* The domain has not run, and nobody uses its table yet: the order of the stores is free. */
static void build_grant(struct grant_entry_v1 *table, uint32_t ref, uint16_t to, uint64_t mfn)
{
    table[ref].domid = to;
    table[ref].frame = (uint32_t)mfn;
    table[ref].flags = GTF_permit_access;
}

/* Write everything that the domain finds when it starts. */
static int build_fill(struct build *b)
{
    const struct layout *l = &b->layout;
    struct shared_info *shared = (void *)(b->window.base + (b->window.nr << BUILDER_PAGE_SHIFT));
    struct grant_entry_v1 *grants = (void *)((uint8_t *)shared + BUILDER_PAGE_SIZE);
    unsigned int i;
    int rc;

    b->zeroed = ctl_memory_is_zeroed(b->ctl);
    rc = image_load(&b->image, window_at(&b->window, b->window.first), b->zeroed);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s %s", b->config->kernel, b->image.message);
    if (b->input.ramdisk_size) {
        rc = build_load_ramdisk(b);
        if (rc)
            return rc;
    }
    build_start_info(b);
    build_zero(b, l->store, 1);
    build_zero(b, l->console, 1);
    build_zero(b, l->tables, l->nr_tables);
    if (l->nr_p2m_tables)
        build_zero(b, l->p2m_tables, l->nr_p2m_tables);
    tables_build(l, &b->input, &b->frames, &b->window);
    tables_fill_p2m(l, &b->frames, &b->window);
    /* Events stay off until the guest turns them on. */
    for (i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        shared->vcpu_info[i].evtchn_upcall_mask = 1;
    build_grant(grants, GNTTAB_RESERVED_CONSOLE, b->config->console_domid, b->result->console_mfn);
    build_grant(grants, GNTTAB_RESERVED_XENSTORE, b->config->store_domid, b->result->store_mfn);
    return 0;
}

/* The hypervisor walks and checks all tables below the L4, and types their frames. */
static int build_pin(struct build *b)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE};

    op.arg1.mfn = frames_mfn(&b->frames, b->layout.tables);
    return ctl_memory_mmuext(b->ctl, b->result->domid, &op, 1);
}

/* The state at entry that the PV ABI promises: start_info in rsi, flat segments, a stack. */
static int build_vcpu(struct build *b)
{
    struct vcpu_guest_context c;
    const struct layout *l = &b->layout;

    memset(&c, 0, sizeof(c));
    c.flags = VGCF_in_kernel | VGCF_online;
    c.user_regs.rip = b->image.virt_entry;
    c.user_regs.rsp = b->input.virt_base + ((l->stack + 1) << BUILDER_PAGE_SHIFT);
    c.user_regs.rsi = b->input.virt_base + (l->start_info << BUILDER_PAGE_SHIFT);
    c.user_regs.rflags = BUILDER_EFLAGS_IF;
    c.user_regs.cs = FLAT_KERNEL_CS;
    c.user_regs.ss = FLAT_KERNEL_SS;
    c.kernel_ss = FLAT_KERNEL_SS;
    c.kernel_sp = c.user_regs.rsp;
    c.ctrlreg[3] = xen_pfn_to_cr3(frames_mfn(&b->frames, l->tables));
    return ctl_vcpu_set_context(b->ctl, b->result->domid, 0, &c);
}

/* The hypervisor writes the page's code; a kernel that asks for none enters by itself. */
static int build_hypercall_page(struct build *b)
{
    uint64_t va = b->image.notes.hypercall_va;

    if (va == IMAGE_UNSET)
        return 0;
    va -= b->input.virt_base;
    return ctl_domain_hypercall_page(b->ctl, b->result->domid,
                                     frames_mfn(&b->frames, va >> BUILDER_PAGE_SHIFT));
}

static int build_addresses(struct build *b)
{
    struct xen_domctl_getdomaininfo info;
    int rc = ctl_domain_info(b->ctl, b->result->domid, &info);

    if (rc)
        return rc;
    b->result->shared_info_mfn = info.shared_info_frame;
    b->result->store_mfn = frames_mfn(&b->frames, b->layout.store);
    b->result->console_mfn = frames_mfn(&b->frames, b->layout.console);
    b->result->start_info_mfn = frames_mfn(&b->frames, b->layout.start_info);
    b->result->memory_pages = b->input.pages;
    b->result->nr_vcpus = b->max_vcpus;
    return 0;
}

/* In this order: each step relies on those before it. */
static int (*const build_steps[])(struct build *b) = {
    build_prepare,  build_check_host, build_create_domain, build_populate,
    build_channels, build_addresses,  build_map,           build_fill,
};

/* These want the frames unmapped. */
static int (*const build_last_steps[])(struct build *b) = {
    build_hypercall_page,
    build_pin,
    build_vcpu,
};

static void build_close(struct build *b)
{
    image_close(&b->image);
    if (b->ramdisk >= 0)
        close(b->ramdisk);
}

int builder_check(struct ctl *ctl, const struct builder_config *config,
                  char guest_os[static BUILDER_GUEST_OS])
{
    struct build b = {.ctl = ctl, .config = config, .ramdisk = -1};
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
    struct build b = {.ctl = ctl, .config = config, .result = result, .ramdisk = -1};
    char why[sizeof(ctl->message)];
    size_t i;
    int rc = 0, gone;

    memset(result, 0, sizeof(*result));
    b.image.fd = -1;
    for (i = 0; !rc && i < sizeof(build_steps) / sizeof(build_steps[0]); i++)
        rc = build_steps[i](&b);
    build_unmap(&b);
    for (i = 0; !rc && i < sizeof(build_last_steps) / sizeof(build_last_steps[0]); i++)
        rc = build_last_steps[i](&b);
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
