// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a paravirtual domain finds when it starts: page tables, start_info, the first vcpu.
 *
 * The page tables are checked by the hypervisor in one go when they are pinned. Frames are unmapped
 * before that: a frame cannot become a page table while dom0 has it mapped writable. Tables that a
 * hostile image could make wrong are wrong for its own domain only: each entry is checked as it
 * would be for the guest.
 */
#include "builder.h"
#include "builder_private.h"
#include "libctl.h"

#include <errno.h>
#include <public/mmu.h>
#include <public/shared_info.h>
#include <public/startinfo.h>
#include <string.h>

#include <public/domctl.h>
#include <public/grant_table.h>

#define BUILDER_EFLAGS_IF 0x200UL

enum { EXTRA_SHARED_INFO, EXTRA_GRANTS, NR_EXTRA }; /* behind the window */

static uint64_t pv_place(uint64_t pfn)
{
    return pfn;
}

static int pv_layout(struct build *b)
{
    int rc;

    b->input.pages = b->pages;
    b->input.ramdisk_size = b->ramdisk_size;
    b->input.virt_base = b->image.virt_base;
    b->input.virt_end = b->image.virt_end;
    b->input.init_p2m = b->image.notes.init_p2m;
    b->input.mod_start_pfn = b->image.notes.mod_start_pfn;
    rc = layout_make(&b->layout, &b->input);
    if (rc == -ENOMEM)
        return build_too_little(b, b->layout.end);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s wants addresses that cannot be laid out",
                        b->config->kernel);
    return 0;
}

/* Map all that will be written. Frames before the kernel stay as the hypervisor gave them. */
static int pv_map(struct build *b)
{
    uint64_t extra[NR_EXTRA] = {[EXTRA_SHARED_INFO] = b->result->shared_info_mfn};
    int rc = ctl_grant_frame(b->ctl, b->result->domid, &extra[EXTRA_GRANTS]);

    return rc ? rc
              : build_map(b, (b->image.virt_start - b->image.virt_base) >> BUILDER_PAGE_SHIFT,
                          b->layout.end, extra, NR_EXTRA);
}

static void pv_start_info(struct build *b)
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

/* Write everything that the domain finds when it starts. */
static int pv_fill(struct build *b)
{
    const struct layout *l = &b->layout;
    struct shared_info *shared = window_extra(&b->window, EXTRA_SHARED_INFO);
    unsigned int i;
    int rc;

    rc = build_load(b, l->ramdisk);
    if (rc)
        return rc;
    pv_start_info(b);
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
    build_grants(b, window_extra(&b->window, EXTRA_GRANTS));
    return 0;
}

/* The hypervisor walks and checks all tables below the L4, and types their frames. */
static int pv_pin(struct build *b)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE};

    op.arg1.mfn = frames_mfn(&b->frames, b->layout.tables);
    return ctl_memory_mmuext(b->ctl, b->result->domid, &op, 1);
}

/* The state at entry that the PV ABI promises: start_info in rsi, flat segments, a stack. */
static int pv_vcpu(struct build *b)
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
static int pv_hypercall_page(struct build *b)
{
    uint64_t va = b->image.notes.hypercall_va;

    if (va == IMAGE_UNSET)
        return 0;
    va -= b->input.virt_base;
    return ctl_domain_hypercall_page(b->ctl, b->result->domid,
                                     frames_mfn(&b->frames, va >> BUILDER_PAGE_SHIFT));
}

static int pv_addresses(struct build *b)
{
    struct xen_domctl_getdomaininfo info;
    int rc = ctl_domain_info(b->ctl, b->result->domid, &info);

    if (rc)
        return rc;
    b->result->shared_info_mfn = info.shared_info_frame;
    b->result->store_mfn = frames_mfn(&b->frames, b->layout.store);
    b->result->console_mfn = frames_mfn(&b->frames, b->layout.console);
    b->result->start_info_mfn = frames_mfn(&b->frames, b->layout.start_info);
    return 0;
}

static int (*const pv_steps[])(struct build *b) = {pv_addresses, pv_map, pv_fill, NULL};

/* These want the frames unmapped. */
static int (*const pv_last_steps[])(struct build *b) = {pv_hypercall_page, pv_pin, pv_vcpu, NULL};

const struct build_kind build_pv = {
    .image = IMAGE_PV,
    .place = pv_place,
    .layout = pv_layout,
    .steps = pv_steps,
    .last_steps = pv_last_steps,
};
