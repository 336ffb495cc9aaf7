/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_op's machine part: memory maps (the machine's for dom0, a set one for others), where the
 * machine-to-physical table is.
 */
#include <boot/boot.h>
#include <core/control.h>
#include <core/domain.h>
#include <core/frame.h>
#include <guest/guest.h>
#include <lib/string.h>
#include <public/arch.h>
#include <public/errno.h>
#include <public/memory.h>
#include <x86/page.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

/* As the firmware's interface had it: 20 bytes. */
struct e820entry {
    uint64_t addr, size;
    uint32_t type;
} PACKED;

/* The entries are out already: now how many there were. */
static int64_t map_reply(uint64_t arg, struct xen_memory_map *map, unsigned n)
{
    map->nr_entries = n;
    return copy_to_guest(arg, map, sizeof(*map)) != 0 ? -XEN_EFAULT : 0;
}

static int64_t memory_map(uint64_t cmd, uint64_t arg)
{
    const struct domain *d = current->domain;
    struct xen_memory_map map;
    unsigned n = d->arch.nr_e820;

    if (copy_from_guest(&map, arg, sizeof(map)) != 0)
        return -XEN_EFAULT;
    if (n == 0)
        return -XEN_ENOSYS; /* the guest goes by the size in its start_info */
    n = MIN(n, map.nr_entries);
    if (copy_to_guest((vaddr_t)map.buffer.p, d->arch.e820, n * sizeof(*d->arch.e820)) != 0)
        return -XEN_EFAULT;
    return map_reply(arg, &map, n);
}

/* dom0 lays its frame numbers out by the machine's map, so it sees the firmware's as it stands. */
static int64_t memory_machine_map(uint64_t cmd, uint64_t arg)
{
    struct xen_memory_map map;
    unsigned n;

    if (!current->domain->privileged)
        return -XEN_EPERM;
    if (copy_from_guest(&map, arg, sizeof(map)) != 0)
        return -XEN_EFAULT;
    n = MIN(boot_info.nr_e820, map.nr_entries);
    for (unsigned i = 0; i < n; i++) {
        struct e820entry e = {boot_info.e820[i].addr, boot_info.e820[i].size,
                              boot_info.e820[i].type};

        if (copy_to_guest_at(map.buffer.p, i, &e) != 0)
            return -XEN_EFAULT;
    }
    return map_reply(arg, &map, n);
}

/*
 * The page is allocated once and stays until the domain is freed, so a reader needs no lock: at
 * worst it sees some entries of the old map and some of the new one. Copied in before the lock is
 * taken, as a copy may fault.
 */
static int64_t memory_set_map_of(struct domain *d, const struct xen_memory_map *map)
{
    struct e820entry *e;

    if (map->nr_entries > E820_MAX)
        return -XEN_EINVAL;
    e = hpage_alloc();
    if (e == NULL)
        return -XEN_ENOMEM;
    if (copy_from_guest(e, (vaddr_t)map->buffer.p, map->nr_entries * sizeof(*e)) != 0) {
        hpage_free(e);
        return -XEN_EFAULT;
    }
    spin_lock(&d->lock);
    if (d->arch.e820 == NULL) {
        d->arch.e820 = e;
        e = NULL;
    } else {
        memcpy(d->arch.e820, e, map->nr_entries * sizeof(*e));
    }
    d->arch.nr_e820 = map->nr_entries;
    spin_unlock(&d->lock);
    hpage_free(e);
    return 0;
}

static int64_t memory_set_map(uint64_t cmd, uint64_t arg)
{
    struct xen_foreign_memory_map f;
    struct domain *d;
    int64_t rc;

    if (copy_from_guest(&f, arg, sizeof(f)) != 0)
        return -XEN_EFAULT;
    if (!current->domain->privileged)
        return -XEN_EPERM;
    rc = domain_get_target(f.domid, &d);
    if (rc != 0)
        return rc;
    rc = memory_set_map_of(d, &f.map);
    domain_put(d);
    return rc;
}

static int64_t memory_machphys(uint64_t cmd, uint64_t arg)
{
    struct xen_machphys_mapping m = {.v_start = MACH2PHYS_VIRT_START,
                                     .v_end = MACH2PHYS_VIRT_END,
                                     .max_mfn = MACH2PHYS_NR_ENTRIES - 1};

    return copy_to_guest(arg, &m, sizeof(m)) != 0 ? -XEN_EFAULT : 0;
}

/*
 * The frames of the machine-to-physical table, for tools that map it: one number per 2 MiB of
 * table. They become mappable, read-only, by whoever may name DOMID_XEN.
 */
static int64_t memory_machphys_list(uint64_t cmd, uint64_t arg)
{
    const uint64_t chunk = MIB(2) / PAGE_SIZE;
    struct xen_machphys_mfn_list l;
    uint64_t chunks = DIV_UP(max_mfn * sizeof(uint64_t), MIB(2)), i;

    if (copy_from_guest(&l, arg, sizeof(l)) != 0)
        return -XEN_EFAULT;
    if (!current->domain->privileged)
        return -XEN_EPERM;
    for (i = 0; i < chunks && i < l.max_extents; i++) {
        mfn_t first = hv_lookup(M2P_START + i * MIB(2));

        if (hv_lookup(M2P_START + (i + 1) * MIB(2) - PAGE_SIZE).m != first.m + chunk - 1)
            break; /* the rest lies in pieces */
        for (uint64_t n = 0; n < chunk; n++)
            __atomic_fetch_or(&frame_of(MFN(first.m + n))->refs, FRAME_SHARED, __ATOMIC_SEQ_CST);
        if (copy_to_guest_at(l.extent_start.p, i, &first.m) != 0)
            return -XEN_EFAULT;
    }
    l.nr_extents = (unsigned)i;
    return copy_to_guest(arg, &l, sizeof(l)) != 0 ? -XEN_EFAULT : 0;
}

/* No device asks for memory of its own to be mapped one to one. */
static int64_t memory_reserved_device(uint64_t cmd, uint64_t arg)
{
    struct xen_reserved_device_memory_map m;

    if (copy_from_guest(&m, arg, sizeof(m)) != 0)
        return -XEN_EFAULT;
    m.nr_entries = 0;
    return copy_to_guest(arg, &m, sizeof(m)) != 0 ? -XEN_EFAULT : 0;
}

memory_op_fn *const guest_memory_ops[NR_MEMORY_OPS] = {
    [XENMEM_machphys_mfn_list] = memory_machphys_list,
    [XENMEM_add_to_physmap] = physmap_add,
    [XENMEM_memory_map] = memory_map,
    [XENMEM_machine_memory_map] = memory_machine_map,
    [XENMEM_machphys_mapping] = memory_machphys,
    [XENMEM_set_memory_map] = memory_set_map,
    [XENMEM_remove_from_physmap] = physmap_remove,
    [XENMEM_add_to_physmap_batch] = physmap_add_batch,
    [XENMEM_reserved_device_memory_map] = memory_reserved_device,
};
