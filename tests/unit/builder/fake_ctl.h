/* SPDX-License-Identifier: GPL-2.0-only */
/* fake_ctl.c: libctl over a pretended hypervisor that has one domain. */
#ifndef LODGE_TEST_FAKE_CTL_H
#define LODGE_TEST_FAKE_CTL_H

#include "libctl.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <public/arch.h>
#include <public/domctl.h>
#include <public/hvm_save.h>

#define FAKE_PAGES  4096UL
#define FAKE_FIRST  0x5000UL /* the domain's first machine frame */
#define FAKE_SHARED 0x77UL
#define FAKE_GRANT  0x78UL
#define FAKE_DOMID  9

/* The pretended hypervisor. Frames live in `memory`; a mapping is a copy until it is unmapped. */
struct fake {
    uint8_t *memory, shared[4096], grants[4096];
    int domains, mappings, ports;
    unsigned int calls, fail_at; /* the call that fails, counted from 1; 0: none */
    uint64_t given, supers_left, free_pages;
    uint64_t mfns[FAKE_PAGES + 8];
    void *mapped;
    size_t nr_mapped;
    uint64_t pinned, hypercall_mfn, max_kib, map_kib, claimed;
    struct xen_domctl_createdomain created;
    uint32_t max_vcpus, tsc_mode, capabilities;
    int create_error; /* what the creation fails with; 0: it does not */
    bool zeroed;      /* fresh frames are zero */
    struct vcpu_guest_context context;
    /* Of a fully virtualized domain: where its memory is among its own frames. */
    uint64_t gfn[FAKE_PAGES], scratch;
    uint64_t param[32];
    struct hvm_hw_cpu cpu;
};
extern struct fake fake;

/* The frame of that number: the machine's, or of a fully virtualized domain its own. */
uint8_t *fake_frame(uint64_t number);

#endif
