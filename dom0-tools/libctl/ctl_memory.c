// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of domains: giving it, taking it, looking into it, and page-table requests on their
 * behalf.
 *
 * Foreign frames are mapped in one ioctl, however many there are: the kernel turns it into a few
 * batched page-table updates, where a call per page would cost an entry into the hypervisor each.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <public/hypercalls.h>
#include <public/mmu.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <public/memory.h>
#include <public/version.h>

/* The kernel's request to map frames of a domain, with an error code for each. */
struct privcmd_mmapbatch_v2 {
    unsigned int num;
    uint16_t dom;
    uint64_t addr;
    const uint64_t *arr;
    int *err;
};
#define IOCTL_PRIVCMD_MMAPBATCH_V2 _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_mmapbatch_v2))

static int memory_reservation(struct ctl *ctl, unsigned int cmd, uint16_t domid, uint64_t nr,
                              unsigned int order, uint64_t *frames)
{
    struct xen_memory_reservation arg = {.nr_extents = nr, .extent_order = order, .domid = domid};
    struct ctl_buf buf;
    long rc;

    rc = ctl_buf_get(ctl, &buf, nr * sizeof(*frames));
    if (rc)
        return (int)rc;
    memcpy(buf.p, frames, nr * sizeof(*frames));
    set_xen_guest_handle(arg.extent_start, buf.p);
    rc = ctl_hypercall_buf(ctl, __HYPERVISOR_memory_op, cmd, &arg, sizeof(arg));
    if (rc > 0)
        memcpy(frames, buf.p, (size_t)rc * sizeof(*frames));
    ctl_buf_put(ctl, &buf);
    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "the memory of domain %u cannot be changed: %s", domid,
                        ctl_reason((int)-rc));
    return (int)rc;
}

int ctl_memory_populate(struct ctl *ctl, uint16_t domid, uint64_t nr, unsigned int order,
                        uint64_t *frames)
{
    return memory_reservation(ctl, XENMEM_populate_physmap, domid, nr, order, frames);
}

bool ctl_memory_is_zeroed(struct ctl *ctl)
{
    char extra[XEN_EXTRAVERSION_LEN] = "";

    return ctl_hypercall_buf(ctl, __HYPERVISOR_xen_version, XENVER_extraversion, extra,
                             sizeof(extra)) >= 0 &&
           strncmp(extra, "-lodge", sizeof(extra)) == 0;
}

int ctl_memory_claim(struct ctl *ctl, uint16_t domid, uint64_t pages)
{
    struct xen_memory_reservation arg = {.nr_extents = pages, .domid = domid};
    long rc = ctl_hypercall_buf(ctl, __HYPERVISOR_memory_op, XENMEM_claim_pages, &arg, sizeof(arg));

    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "%llu MiB cannot be set aside for domain %u: %s",
                        (unsigned long long)pages >> 8, domid, ctl_reason((int)-rc));
    return 0;
}

int ctl_memory_map_limit(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    const struct {
        uint64_t start, bytes;
        uint32_t type;
    } __attribute__((packed)) memory = {0, kib << 10, 1};
    struct xen_foreign_memory_map arg = {.domid = domid, .map.nr_entries = 1};
    struct ctl_buf buf;
    long rc = ctl_buf_get(ctl, &buf, sizeof(memory));

    if (rc)
        return (int)rc;
    memcpy(buf.p, &memory, sizeof(memory));
    set_xen_guest_handle(arg.map.buffer, buf.p);
    rc = ctl_hypercall_buf(ctl, __HYPERVISOR_memory_op, XENMEM_set_memory_map, &arg, sizeof(arg));
    ctl_buf_put(ctl, &buf);
    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "domain %u cannot be told of its %llu MiB: %s", domid,
                        (unsigned long long)kib >> 10, ctl_reason((int)-rc));
    return 0;
}

int ctl_memory_decrease(struct ctl *ctl, uint16_t domid, uint64_t nr, unsigned int order,
                        const uint64_t *frames)
{
    /* The hypervisor only reads them here: what comes back is what went in. */
    return memory_reservation(ctl, XENMEM_decrease_reservation, domid, nr, order,
                              (uint64_t *)(uintptr_t)frames);
}

static int physmap_failed(struct ctl *ctl, uint16_t domid, uint64_t gfn, long rc)
{
    if (rc >= 0)
        return 0;
    return ctl_fail(ctl, (int)-rc, "the map of domain %u cannot be changed at %#llx: %s", domid,
                    (unsigned long long)gfn, ctl_reason((int)-rc));
}

int ctl_memory_add_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t gfn)
{
    struct xen_add_to_physmap arg = {
        .domid = domid, .space = XENMAPSPACE_grant_table, .idx = 0, .gpfn = gfn};

    return physmap_failed(
        ctl, domid, gfn,
        ctl_hypercall_buf(ctl, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &arg, sizeof(arg)));
}

int ctl_memory_remove(struct ctl *ctl, uint16_t domid, uint64_t gfn)
{
    struct xen_remove_from_physmap arg = {.domid = domid, .gpfn = gfn};

    return physmap_failed(ctl, domid, gfn,
                          ctl_hypercall_buf(ctl, __HYPERVISOR_memory_op, XENMEM_remove_from_physmap,
                                            &arg, sizeof(arg)));
}

static int memory_query(struct ctl *ctl, unsigned int cmd, uint16_t domid, uint64_t *pages)
{
    struct xen_memory_domain arg = {.domid = domid};
    long rc = ctl_hypercall_buf(ctl, __HYPERVISOR_memory_op, cmd, &arg, sizeof(arg));

    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "domain %u cannot be asked for its memory: %s", domid,
                        ctl_reason((int)-rc));
    *pages = (uint64_t)rc;
    return 0;
}

int ctl_memory_current(struct ctl *ctl, uint16_t domid, uint64_t *pages)
{
    return memory_query(ctl, XENMEM_current_reservation, domid, pages);
}

int ctl_memory_maximum(struct ctl *ctl, uint16_t domid, uint64_t *pages)
{
    return memory_query(ctl, XENMEM_maximum_reservation, domid, pages);
}

int ctl_memory_map(struct ctl *ctl, uint16_t domid, const uint64_t *mfns, size_t nr, int prot,
                   void **out)
{
    struct privcmd_mmapbatch_v2 batch = {.num = (unsigned int)nr, .dom = domid, .arr = mfns};
    int *errors = calloc(nr, sizeof(*errors));
    size_t i = 0;
    void *p;
    int rc;

    if (!errors)
        return ctl_fail(ctl, ENOMEM, "no memory to map %zu frames of domain %u", nr, domid);
    p = mmap(NULL, nr << CTL_PAGE_SHIFT, prot, MAP_SHARED, ctl->privcmd, 0);
    if (p == MAP_FAILED) {
        rc = -errno;
    } else {
        batch.addr = (uintptr_t)p;
        batch.err = errors;
        rc = ioctl(ctl->privcmd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) < 0 ? -errno : 0;
        /* The call can succeed although frames are missing: each has a (negative) errno. */
        while (i < nr && !errors[i])
            i++;
        if (!rc && i < nr)
            rc = errors[i];
        if (rc)
            munmap(p, nr << CTL_PAGE_SHIFT);
    }
    if (rc && i < nr)
        ctl_fail(ctl, -rc, "frame %#llx of domain %u cannot be mapped: %s",
                 (unsigned long long)mfns[i], domid, ctl_reason(-rc));
    else if (rc)
        ctl_fail(ctl, -rc, "%zu frames of domain %u cannot be mapped: %s", nr, domid,
                 ctl_reason(-rc));
    free(errors);
    *out = p;
    return rc;
}

void ctl_memory_unmap(void *p, size_t nr)
{
    munmap(p, nr << CTL_PAGE_SHIFT);
}

/* mmu_update and mmuext_op: op(array, count, out done, domain). */
static int memory_requests(struct ctl *ctl, unsigned int op, uint16_t domid, const void *array,
                           size_t size, unsigned int nr, const char *what)
{
    struct ctl_buf buf;
    long rc;

    rc = ctl_buf_get(ctl, &buf, size * nr);
    if (rc)
        return (int)rc;
    memcpy(buf.p, array, size * nr);
    rc = ctl_hypercall(ctl, op, (uintptr_t)buf.p, nr, 0, domid, 0);
    ctl_buf_put(ctl, &buf);
    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "%s of domain %u: %s", what, domid, ctl_reason((int)-rc));
    return 0;
}

int ctl_memory_mmu_update(struct ctl *ctl, uint16_t domid, const struct mmu_update *requests,
                          unsigned int nr)
{
    return memory_requests(ctl, __HYPERVISOR_mmu_update, domid, requests, sizeof(*requests), nr,
                           "the hypervisor refuses a page-table update");
}

int ctl_memory_mmuext(struct ctl *ctl, uint16_t domid, const struct mmuext_op *ops, unsigned int nr)
{
    return memory_requests(ctl, __HYPERVISOR_mmuext_op, domid, ops, sizeof(*ops), nr,
                           "the hypervisor refuses the page tables");
}
