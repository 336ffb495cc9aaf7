// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fully virtualized domain finds when it starts, without paging at its physical entry point:
 * hvm_start_info, its own frame numbers in a map, and for PVH the tables of a machine without
 * hardware. Nothing is emulated before the kernel runs: there is no firmware.
 *
 * The pages of the store, the console and ACPI are beside its memory: what memory= says is all the
 * kernel's.
 */
#include "builder.h"
#include "builder_acpi.h"
#include "builder_hvm.h"
#include "builder_private.h"
#include "libctl.h"

#include <errno.h>
#include <public/startinfo.h>
#include <stdlib.h>
#include <string.h>

#include <public/domctl.h>
#include <public/hvm_op.h>
#include <public/hvm_save.h>

#define CR0_PE     0x1U
#define CR0_ET     0x10U
#define DR6_RESET  0xffff0ff0U
#define DR7_RESET  0x400U
#define EFLAGS_ONE 0x2U
#define ATTR_CODE  0xc9bU /* flat, 32 bits */
#define ATTR_DATA  0xc93U
#define ATTR_TSS   0x8bU /* busy, 32 bits */
#define TSS_LIMIT  0x67U

enum { EXTRA_STORE, EXTRA_CONSOLE, EXTRA_MORE }; /* behind the window; then ACPI, then grants */

_Static_assert(HVM_CMDLINE == MAX_GUEST_CMDLINE, "one limit for all command lines");

static uint64_t acpi_pages(const struct build *b)
{
    return b->kind->acpi ? builder_pages(acpi_size(b->max_vcpus)) : 0;
}

static int hvm_layout(struct build *b)
{
    struct hvm_layout_input in = {.pstart = b->image.pstart,
                                  .pend = b->image.pend,
                                  .ramdisk_size = b->ramdisk_size,
                                  .pages = b->pages};
    int rc = hvm_layout_make(&b->hvm, &in);

    if (rc == -ENOMEM)
        return build_too_little(b, b->hvm.end);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s%s%s does not fit below %lu MiB", b->config->kernel,
                        b->config->ramdisk ? " with the ramdisk " : "",
                        b->config->ramdisk ? b->config->ramdisk : "", HVM_HOLE >> 8);
    return acpi_pages(b) <= HVM_MAX_ACPI
               ? 0
               : ctl_fail(b->ctl, EINVAL, "%u vcpus are more than ACPI tables here can name",
                          b->max_vcpus);
}

/* The frames that are mapped beside its memory, by number. Returns how many. */
static unsigned int hvm_extra(const struct build *b, uint64_t frames[EXTRA_MORE + HVM_MAX_ACPI])
{
    uint64_t i, n = acpi_pages(b);

    frames[EXTRA_STORE] = HVM_STORE;
    frames[EXTRA_CONSOLE] = HVM_CONSOLE;
    for (i = 0; i < n; i++)
        frames[EXTRA_MORE + i] = HVM_ACPI + i;
    return (unsigned int)(EXTRA_MORE + n);
}

static int hvm_populate_extra(struct build *b)
{
    uint64_t frames[EXTRA_MORE + HVM_MAX_ACPI];
    unsigned int n = hvm_extra(b, frames);
    int rc = ctl_memory_populate(b->ctl, b->result->domid, n, 0, frames);

    b->result->store_mfn = HVM_STORE;
    b->result->console_mfn = HVM_CONSOLE;
    b->result->start_info_mfn = hvm_place(b->hvm.start_info);
    if (rc < 0)
        return rc;
    return (unsigned int)rc == n ? 0
                                 : ctl_fail(b->ctl, ENOMEM,
                                            "not enough free memory for the pages that the domain "
                                            "has beside its own");
}

/* Map all that will be written. The grant table has a place in the domain only as long as that. */
static int hvm_map(struct build *b)
{
    uint64_t frames[EXTRA_MORE + HVM_MAX_ACPI + 1];
    unsigned int n = hvm_extra(b, frames);

    if (b->kind->grants) {
        int rc = ctl_memory_add_grant_frame(b->ctl, b->result->domid, HVM_SCRATCH);

        if (rc)
            return rc;
        frames[n++] = HVM_SCRATCH;
    }
    return build_map(b, b->image.pstart >> BUILDER_PAGE_SHIFT, b->hvm.end, frames, n);
}

static int hvm_fill(struct build *b)
{
    const struct hvm_layout *l = &b->hvm;
    struct hvm_start start = {.address = l->start_info << BUILDER_PAGE_SHIFT,
                              .ramdisk = l->ramdisk << BUILDER_PAGE_SHIFT,
                              .ramdisk_size = b->ramdisk_size,
                              .pages = b->pages,
                              .acpi_pages = acpi_pages(b),
                              .cmdline = b->config->cmdline};
    uint32_t online = b->config->vcpus ? b->config->vcpus : 1;
    int rc = build_load(b, l->ramdisk);

    if (rc)
        return rc;
    build_zero(b, l->start_info, 1);
    if (!b->zeroed)
        memset(window_extra(&b->window, 0), 0,
               (EXTRA_MORE + start.acpi_pages) << BUILDER_PAGE_SHIFT);
    hvm_start_info_fill(window_at(&b->window, l->start_info), &start);
    if (b->kind->acpi)
        acpi_build(window_extra(&b->window, EXTRA_MORE), HVM_ACPI << BUILDER_PAGE_SHIFT,
                   b->max_vcpus, online);
    if (b->kind->grants)
        build_grants(b, window_extra(&b->window, EXTRA_MORE + start.acpi_pages));
    return 0;
}

static int hvm_take_grants(struct build *b)
{
    return b->kind->grants ? ctl_memory_remove(b->ctl, b->result->domid, HVM_SCRATCH) : 0;
}

static int hvm_params(struct build *b)
{
    const struct {
        uint32_t index;
        uint64_t value;
    } param[] = {
        {HVM_PARAM_STORE_PFN, b->result->store_mfn},
        {HVM_PARAM_STORE_EVTCHN, b->result->store_evtchn},
        {HVM_PARAM_CONSOLE_PFN, b->result->console_mfn},
        {HVM_PARAM_CONSOLE_EVTCHN, b->result->console_evtchn},
    };
    size_t i;
    int rc = 0;

    for (i = 0; !rc && i < sizeof(param) / sizeof(param[0]); i++)
        rc = ctl_domain_set_param(b->ctl, b->result->domid, param[i].index, param[i].value);
    return rc == -ENOSYS ? build_no_such_guests(b) : rc;
}

/* The state at the physical entry point. The kernel makes descriptor tables of its own. */
static int hvm_vcpu(struct build *b)
{
    struct hvm_hw_cpu c;

    memset(&c, 0, sizeof(c));
    c.rip = b->image.phys_entry;
    c.rbx = b->hvm.start_info << BUILDER_PAGE_SHIFT;
    c.rflags = EFLAGS_ONE;
    c.cr0 = CR0_PE | CR0_ET;
    c.dr6 = DR6_RESET;
    c.dr7 = DR7_RESET;
    c.cs_limit = c.ds_limit = c.es_limit = c.ss_limit = UINT32_MAX;
    c.cs_arbytes = ATTR_CODE;
    c.ds_arbytes = c.es_arbytes = c.ss_arbytes = ATTR_DATA;
    c.tr_limit = TSS_LIMIT;
    c.tr_arbytes = ATTR_TSS;
    return ctl_vcpu_set_hvm_context(b->ctl, b->result->domid, 0, &c);
}

static int (*const hvm_steps[])(struct build *b) = {hvm_populate_extra, hvm_params, hvm_map,
                                                    hvm_fill, NULL};

/* The page of grants leaves the domain when it is no longer mapped here. */
static int (*const hvm_last_steps[])(struct build *b) = {hvm_take_grants, hvm_vcpu, NULL};

/* Nothing paravirtual is to be seen: its console is a serial line, and it grants nothing. */
const struct build_kind build_hvm = {
    .image = IMAGE_PVH,
    .translated = true,
    .place = hvm_place,
    .layout = hvm_layout,
    .steps = hvm_steps,
    .last_steps = hvm_last_steps,
};

const struct build_kind build_pvh = {
    .image = IMAGE_PVH,
    .translated = true,
    .acpi = true,
    .grants = true,
    .emulation_flags = XEN_X86_EMU_LAPIC,
    .place = hvm_place,
    .layout = hvm_layout,
    .steps = hvm_steps,
    .last_steps = hvm_last_steps,
};
