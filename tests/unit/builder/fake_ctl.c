// SPDX-License-Identifier: GPL-2.0-only
/*
 * libctl's functions, as far as the builder calls them, over memory of this process. Each counts as
 * a step, and one of them can be made to fail.
 */
#include "fake_ctl.h"
#include "check.h"

#include <errno.h>
#include <public/mmu.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <public/sysctl.h>

struct fake fake;

static int fake_step(struct ctl *ctl)
{
    return ++fake.calls == fake.fail_at ? ctl_fail(ctl, EIO, "step %u fails", fake.calls) : 0;
}

int ctl_fail(struct ctl *ctl, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ctl->message, sizeof(ctl->message), fmt, ap);
    va_end(ap);
    return -err;
}

int ctl_host_physinfo(struct ctl *ctl, struct xen_sysctl_physinfo *info)
{
    memset(info, 0, sizeof(*info));
    info->free_pages = fake.free_pages;
    info->capabilities = XEN_SYSCTL_PHYSCAP_gnttab_v2 | fake.capabilities;
    return fake_step(ctl);
}

int ctl_domain_create(struct ctl *ctl, const struct xen_domctl_createdomain *cfg, uint16_t *domid)
{
    int rc = fake_step(ctl);

    CHECK(cfg->handle[3] == 3 && cfg->grant_opts == 2 && cfg->max_evtchn_port > 100);
    fake.created = *cfg;
    if (!rc && fake.create_error)
        rc = ctl_fail(ctl, fake.create_error, "no such domain");
    if (rc)
        return rc;
    fake.domains++;
    *domid = FAKE_DOMID;
    return 0;
}

int ctl_domain_destroy(struct ctl *ctl, uint16_t domid)
{
    (void)ctl;
    CHECK(domid == FAKE_DOMID && fake.mappings == 0);
    fake.domains--;
    return 0;
}

int ctl_domain_max_vcpus(struct ctl *ctl, uint16_t domid, unsigned int max)
{
    (void)domid;
    fake.max_vcpus = max;
    return fake_step(ctl);
}

int ctl_domain_max_mem(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    (void)domid;
    fake.max_kib = kib;
    return fake_step(ctl);
}

int ctl_memory_map_limit(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    (void)domid;
    fake.map_kib = kib;
    return fake_step(ctl);
}

int ctl_domain_set_tsc_mode(struct ctl *ctl, uint16_t domid, uint32_t mode)
{
    (void)domid;
    fake.tsc_mode = mode;
    return fake_step(ctl);
}

int ctl_memory_claim(struct ctl *ctl, uint16_t domid, uint64_t pages)
{
    (void)domid;
    fake.claimed = pages;
    return fake_step(ctl);
}

/* Superpages until they run out, single pages until memory does; backwards, to be unpredictable. */
int ctl_memory_populate(struct ctl *ctl, uint16_t domid, uint64_t nr, unsigned int order,
                        uint64_t *frames)
{
    uint64_t i, size = 1UL << order;
    int rc = fake_step(ctl);

    (void)domid;
    for (i = 0; !rc && i < nr && fake.given + size <= fake.free_pages; i++) {
        if (order && !fake.supers_left--) {
            fake.supers_left = 0;
            break;
        }
        if (!(fake.created.flags & XEN_DOMCTL_CDF_hvm)) {
            CHECK(frames[i] == fake.given);
            fake.given += size;
            frames[i] = FAKE_FIRST + FAKE_PAGES - fake.given;
            continue;
        }
        for (uint64_t k = 0; k < size; k++)
            fake.gfn[fake.given++] = frames[i] + k;
    }
    return rc ? rc : (int)i;
}

bool ctl_memory_is_zeroed(struct ctl *ctl)
{
    (void)ctl;
    return fake.zeroed;
}

int ctl_evtchn_alloc_unbound(struct ctl *ctl, uint16_t domid, uint16_t remote)
{
    int rc = fake_step(ctl);

    (void)domid;
    (void)remote;
    return rc ? rc : ++fake.ports;
}

int ctl_domain_info(struct ctl *ctl, uint16_t domid, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = domid;
    info->shared_info_frame = FAKE_SHARED;
    return fake_step(ctl);
}

int ctl_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t *mfn)
{
    (void)domid;
    *mfn = FAKE_GRANT;
    return fake_step(ctl);
}

static uint8_t *fake_gfn(uint64_t gfn)
{
    for (uint64_t i = 0; i < fake.given; i++)
        if (fake.gfn[i] == gfn)
            return fake.memory + (i << 12);
    if (fake.scratch && gfn == fake.scratch)
        return fake.grants;
    printf("frame %#lx is nobody's\n", gfn);
    abort();
}

uint8_t *fake_frame(uint64_t mfn)
{
    if (fake.created.flags & XEN_DOMCTL_CDF_hvm)
        return fake_gfn(mfn);
    if (mfn == FAKE_SHARED)
        return fake.shared;
    if (mfn == FAKE_GRANT)
        return fake.grants;
    if (mfn - FAKE_FIRST < FAKE_PAGES)
        return fake.memory + ((mfn - FAKE_FIRST) << 12);
    printf("frame %#lx is nobody's\n", mfn);
    abort();
}

int ctl_memory_map(struct ctl *ctl, uint16_t domid, const uint64_t *mfns, size_t nr, int prot,
                   void **out)
{
    int rc = fake_step(ctl);
    size_t i;

    (void)domid;
    (void)prot;
    if (rc)
        return rc;
    fake.mappings++;
    fake.nr_mapped = nr;
    fake.mapped = malloc(nr << 12);
    for (i = 0; i < nr; i++) {
        fake.mfns[i] = mfns[i];
        memcpy((uint8_t *)fake.mapped + (i << 12), fake_frame(mfns[i]), 4096);
    }
    *out = fake.mapped;
    return 0;
}

void ctl_memory_unmap(void *p, size_t nr)
{
    size_t i;

    CHECK(p == fake.mapped && nr == fake.nr_mapped);
    for (i = 0; i < nr; i++)
        memcpy(fake_frame(fake.mfns[i]), (uint8_t *)p + (i << 12), 4096);
    free(p);
    fake.mappings--;
}

int ctl_domain_hypercall_page(struct ctl *ctl, uint16_t domid, uint64_t mfn)
{
    (void)domid;
    fake.hypercall_mfn = mfn;
    return fake_step(ctl);
}

int ctl_memory_mmuext(struct ctl *ctl, uint16_t domid, const struct mmuext_op *ops, unsigned int nr)
{
    (void)domid;
    CHECK(nr == 1 && ops->cmd == MMUEXT_PIN_L4_TABLE && fake.mappings == 0);
    fake.pinned = ops->arg1.mfn;
    return fake_step(ctl);
}

int ctl_vcpu_set_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                         const struct vcpu_guest_context *context)
{
    (void)domid;
    CHECK(vcpu == 0);
    fake.context = *context;
    return fake_step(ctl);
}

int ctl_memory_add_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t gfn)
{
    (void)domid;
    fake.scratch = gfn;
    return fake_step(ctl);
}

int ctl_memory_remove(struct ctl *ctl, uint16_t domid, uint64_t gfn)
{
    (void)domid;
    CHECK(gfn == fake.scratch && fake.mappings == 0);
    fake.scratch = 0;
    return fake_step(ctl);
}

int ctl_domain_set_param(struct ctl *ctl, uint16_t domid, uint32_t index, uint64_t value)
{
    (void)domid;
    fake.param[index] = value;
    return fake_step(ctl);
}

int ctl_vcpu_set_hvm_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                             const struct hvm_hw_cpu *cpu)
{
    (void)domid;
    CHECK(vcpu == 0);
    fake.cpu = *cpu;
    return fake_step(ctl);
}
