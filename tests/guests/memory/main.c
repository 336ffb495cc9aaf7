/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_op: what a domain has, giving frames back and getting others, exchanging them, memory
 * maps, resources; with long lists that have to be restarted, and lists that lie.
 */
#include <kit/kit.h>

static int64_t memory(unsigned cmd, void *arg)
{
    return hc2(__HYPERVISOR_memory_op, cmd, arg);
}

static int64_t reservation(unsigned cmd, xen_pfn_t *list, uint64_t n, unsigned order, domid_t domid)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = domid};

    r.extent_start.p = list;
    return memory(cmd, &r);
}

static int64_t current_pages(domid_t domid)
{
    struct xen_memory_domain d = {.domid = domid};

    return memory(XENMEM_current_reservation, &d);
}

static void questions(void)
{
    struct xen_memory_domain d = {.domid = DOMID_SELF};
    struct xen_machphys_mapping m;
    struct xen_vnuma_topology_info vnuma = {.domid = DOMID_SELF};
    static xen_pfn_t list[8];
    struct xen_machphys_mfn_list l = {.max_extents = 1};
    int64_t ram = memory(XENMEM_maximum_ram_page, NULL);

    CHECK(ram > 0x10000 && ram < 0x10000000);
    CHECK_EQ(current_pages(DOMID_SELF), start_info->nr_pages);
    CHECK(memory(XENMEM_maximum_reservation, &d) >= (int64_t)start_info->nr_pages);
    CHECK(memory(XENMEM_maximum_gpfn, &d) >= 0);
    d.domid = 1234;
    CHECK_EQ(memory(XENMEM_current_reservation, &d), -XEN_ESRCH);
    CHECK_EQ(memory(XENMEM_maximum_reservation, &d), -XEN_ESRCH);
    CHECK_EQ(memory(XENMEM_current_reservation, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(memory(XENMEM_machphys_mapping, &m), 0);
    CHECK_EQ(m.v_start, HYPERVISOR_VIRT_START);
    CHECK(m.max_mfn + 1 >= (uint64_t)ram);
    CHECK(m.v_end > m.v_start);
    l.extent_start.p = list;
    CHECK_EQ(memory(XENMEM_machphys_mfn_list, &l), 0);
    CHECK_EQ(l.nr_extents, 1);
    CHECK(list[0] != 0 && list[1] == 0);
    l.extent_start.p = (void *)KIT_NOWHERE;
    CHECK_EQ(memory(XENMEM_machphys_mfn_list, &l), -XEN_EFAULT);
    /* No domain has NUMA nodes: tools go on without. */
    CHECK_EQ(memory(XENMEM_get_vnumainfo, &vnuma), -XEN_EOPNOTSUPP);
    vnuma.domid = 1234;
    CHECK_EQ(memory(XENMEM_get_vnumainfo, &vnuma), -XEN_ESRCH);
    CHECK_EQ(memory(XENMEM_get_vnumainfo, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(memory(29, &l), -XEN_ENOSYS);
    CHECK_EQ(memory(63, &l), -XEN_ENOSYS);
}

struct e820 {
    uint64_t start, length;
    uint32_t type;
} __attribute__((packed));

static void maps(void)
{
    static struct e820 e[130];
    struct xen_memory_map m = {.nr_entries = ARRAY_SIZE(e)};
    struct xen_foreign_memory_map f = {.domid = DOMID_SELF};
    uint64_t ram = 0, last = 0;

    m.buffer.p = e;
    CHECK_EQ(memory(XENMEM_machine_memory_map, &m), 0);
    CHECK(m.nr_entries >= 2 && m.nr_entries < ARRAY_SIZE(e));
    for (unsigned i = 0; i < m.nr_entries; i++) {
        CHECK(e[i].start >= last && e[i].length != 0 && e[i].type >= 1);
        last = e[i].start + e[i].length;
        ram += e[i].type == 1 ? e[i].length : 0;
    }
    CHECK(ram >= start_info->nr_pages * PAGE_SIZE);
    m.nr_entries = 1;
    e[1].type = 99;
    CHECK_EITHER(memory(XENMEM_machine_memory_map, &m), 0, -XEN_EINVAL);
    CHECK_EQ(e[1].type, 99);
    m.nr_entries = ARRAY_SIZE(e);
    m.buffer.p = (void *)KIT_NOWHERE;
    CHECK_EQ(memory(XENMEM_machine_memory_map, &m), -XEN_EFAULT);
    e[0] = (struct e820){0, 0xa0000, 1};
    e[1] = (struct e820){0x100000, 0x1ff00000, 1};
    f.map.nr_entries = 2;
    f.map.buffer.p = e;
    CHECK_EQ(memory(XENMEM_set_memory_map, &f), 0);
    m.nr_entries = 10;
    m.buffer.p = e + 10;
    CHECK_EQ(memory(XENMEM_memory_map, &m), 0);
    CHECK_EQ(m.nr_entries, 2);
    CHECK(memcmp(e, e + 10, 40) == 0);
    f.map.nr_entries = 129;
    CHECK_EITHER(memory(XENMEM_set_memory_map, &f), -XEN_EINVAL, on_lodge ? -XEN_EINVAL : 0);
    f.map.nr_entries = ~0u;
    CHECK_EQ(memory(XENMEM_set_memory_map, &f), -XEN_EINVAL);
}

#define MANY  4096u
#define SPARE 0x10000u /* pseudo-physical frames that the initial mapping does not reach */
static xen_pfn_t frames[MANY];

static void give_and_take(void)
{
    uint64_t *p2m = (uint64_t *)start_info->mfn_list;
    int64_t had = current_pages(DOMID_SELF);

    for (unsigned i = 0; i < MANY; i++)
        frames[i] = p2m[SPARE + i];
    CHECK_EQ(reservation(XENMEM_decrease_reservation, frames, 0, 0, DOMID_SELF), 0);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, frames, 1, 0, DOMID_SELF), 1);
    CHECK_EQ(current_pages(DOMID_SELF), had - 1);
    CHECK(reservation(XENMEM_decrease_reservation, frames, 1, 0, DOMID_SELF) <= 0); /* gone */
    CHECK_EQ(reservation(XENMEM_decrease_reservation, frames + 1, MANY - 1, 0, DOMID_SELF),
             MANY - 1);
    CHECK_EQ(current_pages(DOMID_SELF), had - (int64_t)MANY);
    for (unsigned i = 0; i < MANY; i++)
        frames[i] = SPARE + i;
    CHECK_EQ(reservation(XENMEM_populate_physmap, frames, MANY, 0, DOMID_SELF), MANY);
    CHECK_EQ(current_pages(DOMID_SELF), had);
    for (unsigned i = 0; i < MANY; i += 97)
        CHECK_EQ(((uint64_t *)HYPERVISOR_VIRT_START)[frames[i]], SPARE + i);
    /* One back, then the same by the other call, twice: the limit allows one or both. */
    CHECK_EQ(reservation(XENMEM_decrease_reservation, frames, 2, 0, DOMID_SELF), 2);
    CHECK_EQ(reservation(XENMEM_increase_reservation, NULL, 1, 0, DOMID_SELF), 1);
    CHECK_EQ(reservation(XENMEM_increase_reservation, frames, 1, 0, DOMID_SELF), 1);
    CHECK_EQ(current_pages(DOMID_SELF), had);
    uint64_t *va = kit_page(), old = kit_pte(va), val = 1;

    CHECK_EQ(kit_set_pte(va, mk_pte(frames[0], PTE_RW)), 0);
    CHECK(kit_read(va, &val));
    CHECK_EQ(kit_set_pte(va, old), 0);
}

static void large(void)
{
    xen_pfn_t one = SPARE + 0x1000, got;
    uint64_t *p2m = (uint64_t *)start_info->mfn_list;

    /* 512 single frames away, one extent of 2 MiB back, in place of them. */
    for (unsigned i = 0; i < 512; i++)
        frames[i] = p2m[SPARE + 0x1000 + i];
    CHECK_EQ(reservation(XENMEM_decrease_reservation, frames, 512, 0, DOMID_SELF), 512);
    got = one;
    CHECK_EQ(reservation(XENMEM_populate_physmap, &got, 1, 9, DOMID_SELF), 1);
    CHECK_EQ(got % 512, 0);
    CHECK_EQ(((uint64_t *)HYPERVISOR_VIRT_START)[got + 511], one + 511);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, &got, 1, 9, DOMID_SELF), 1);
    got = one;
    CHECK_EQ(reservation(XENMEM_populate_physmap, &got, 1, 9, DOMID_SELF), 1);
    /* Orders that nobody has. */
    for (unsigned order = 19; order < 70; order += 5) {
        CHECK(reservation(XENMEM_populate_physmap, &got, 1, order, DOMID_SELF) <= 0);
        CHECK(reservation(XENMEM_decrease_reservation, &got, 1, order, DOMID_SELF) <= 0);
    }
    CHECK(reservation(XENMEM_increase_reservation, &got, 1, ~0u, DOMID_SELF) <= 0);
}

static void lies(void)
{
    static const uint64_t bad[] = {~0ul, 1ul << 40, 0xfee00, 0};
    xen_pfn_t mfn;
    uint64_t *edge = kit_page(), *beyond = kit_page();
    int64_t had = current_pages(DOMID_SELF);

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        mfn = bad[i];
        if (bad[i] != 0)
            CHECK(reservation(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF) <= 0);
    }
    mfn = start_info->shared_info >> 12;
    if (on_lodge) /* Xen gives its own page away, and counts it */
        CHECK(reservation(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF) <= 0);
    for (unsigned cmd = XENMEM_increase_reservation; cmd <= XENMEM_populate_physmap; cmd += 1) {
        if (cmd != XENMEM_increase_reservation && cmd != XENMEM_decrease_reservation &&
            cmd != XENMEM_populate_physmap)
            continue;
        CHECK(memory(cmd, (void *)KIT_NOWHERE) <= 0);
        CHECK(reservation(cmd, (void *)KIT_NOWHERE, 1, 0, DOMID_SELF) <= 0);
        CHECK(reservation(cmd, (void *)0xffff820000000000ul, 1, 0, DOMID_SELF) <= 0);
        CHECK(reservation(cmd, (void *)KIT_NOWHERE, ~0ul, 0, DOMID_SELF) <= 0);
        CHECK(reservation(cmd, (void *)KIT_NOWHERE, 1ul << 62, 0, DOMID_SELF) <= 0);
        CHECK(reservation(cmd, &mfn, 1, 0, 1234) <= 0);
    }
    /* A list whose end is missing: what is there is done. */
    uint64_t keep = kit_pte(beyond), *p2m = (uint64_t *)start_info->mfn_list;

    CHECK_EQ(beyond, edge + 512);
    CHECK_EQ(kit_set_pte(beyond, 0), 0);
    edge[510] = p2m[SPARE + 0x3000];
    edge[511] = p2m[SPARE + 0x3001];
    CHECK_EQ(reservation(XENMEM_decrease_reservation, edge + 510, 1000000, 0, DOMID_SELF), 2);
    CHECK_EQ(current_pages(DOMID_SELF), had - 2);
    edge[510] = SPARE + 0x3000;
    edge[511] = SPARE + 0x3001;
    CHECK_EQ(reservation(XENMEM_populate_physmap, edge + 510, 2, 0, DOMID_SELF), 2);
    CHECK_EQ(kit_set_pte(beyond, keep), 0);
    CHECK_EQ(current_pages(DOMID_SELF), had);
}

static int64_t exchange(xen_pfn_t *in, uint64_t n_in, unsigned o_in, xen_pfn_t *out, uint64_t n_out,
                        unsigned o_out, uint64_t already, uint64_t *done)
{
    static struct xen_memory_exchange x;
    int64_t rc;

    memset(&x, 0, sizeof(x));
    x.in.extent_start.p = in;
    x.in.nr_extents = n_in;
    x.in.extent_order = o_in;
    x.out.extent_start.p = out;
    x.out.nr_extents = n_out;
    x.out.extent_order = o_out;
    x.in.domid = x.out.domid = DOMID_SELF;
    x.nr_exchanged = already;
    rc = memory(XENMEM_exchange, &x);
    *done = x.nr_exchanged;
    return rc;
}

static void exchanges(void)
{
    static xen_pfn_t in[512], out[512];
    uint64_t *p2m = (uint64_t *)start_info->mfn_list, done, *page = kit_page(), val;
    int64_t had = current_pages(DOMID_SELF);

    in[0] = kit_mfn(page);
    out[0] = (uint64_t)page >> 12;
    CHECK(exchange(in, 1, 0, out, 1, 0, 0, &done) < 0); /* mapped */
    CHECK(kit_read(page, &val));
    CHECK_EQ(kit_set_pte(page, 0), 0);
    CHECK_EQ(exchange(in, 1, 0, out, 1, 0, 0, &done), 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(kit_set_pte(page, mk_pte(out[0], PTE_RW)), 0);
    CHECK(kit_read(page, &val));
    CHECK_EQ(((uint64_t *)HYPERVISOR_VIRT_START)[out[0]], (uint64_t)page >> 12);
    /* Single frames for one piece, as a driver for DMA does it, and back. */
    for (unsigned i = 0; i < 512; i++)
        in[i] = p2m[SPARE + 0x5000 + i];
    out[0] = SPARE + 0x5000;
    CHECK_EQ(exchange(in, 512, 0, out, 1, 9, 0, &done), 0);
    CHECK_EQ(done, 512);
    CHECK_EQ(out[0] % 512, 0);
    in[0] = out[0];
    for (unsigned i = 0; i < 512; i++)
        out[i] = SPARE + 0x5000 + i;
    CHECK_EQ(exchange(in, 1, 9, out, 512, 0, 0, &done), 0);
    CHECK_EQ(done, 1);
    for (unsigned i = 0; i < 512; i++)
        p2m[SPARE + 0x5000 + i] = out[i];
    for (unsigned i = 0; i < 3; i++) {
        in[i] = p2m[SPARE + 0x5000 + i];
        out[i] = SPARE + 0x5000 + i;
    }
    CHECK_EQ(exchange(in, 1, 0, out, 1, 0, 1, &done), 0); /* all of it was done before */
    CHECK_EQ(exchange(in, 1, 0, out, 1, 0, 2, &done), -XEN_EINVAL);
    CHECK_EQ(out[0], SPARE + 0x5000);
    CHECK_EQ(exchange(in, 3, 0, out, 3, 0, 2, &done), 0); /* goes on, and leaves alone the first */
    CHECK_EQ(done, 3);
    CHECK_EQ(out[1], SPARE + 0x5001);
    CHECK(out[2] != SPARE + 0x5002);
    CHECK_EQ(((uint64_t *)HYPERVISOR_VIRT_START)[out[2]], SPARE + 0x5002);
    p2m[SPARE + 0x5002] = out[2];
    CHECK_EQ(exchange(in, 1, 0, out, 2, 0, 0, &done), -XEN_EINVAL);
    CHECK_EQ(exchange(in, 1, 9, out, 1, 0, 0, &done), -XEN_EINVAL);
    CHECK(exchange(in, 1ul << 60, 4, out, 1ul << 60, 4, 0, &done) < 0);
    CHECK(exchange(in, 1ul << 60, 10, out, 1, 0, 0, &done) < 0); /* the product is 0 in 64 bits */
    CHECK(exchange(in, 1, 64, out, 1, 64, 0, &done) < 0);
    CHECK(exchange((void *)KIT_NOWHERE, 1, 0, out, 1, 0, 0, &done) < 0);
    in[0] = ~0ul;
    CHECK(exchange(in, 1, 0, out, 1, 0, 0, &done) < 0);
    in[0] = p2m[SPARE + 0x5001]; /* an answer that has no place: refused, or the frame is lost */
    (void)exchange(in, 1, 0, (void *)KIT_NOWHERE, 1, 0, 0, &done);
    (void)exchange(in, 1, 0, in, 1, 0, 0, &done); /* both lists in one */
    CHECK_EQ(current_pages(DOMID_SELF), had);
}

static void resources(struct kit_child *c)
{
    xen_pfn_t list[4] = {0};
    struct xen_mem_acquire_resource r = {.domid = c->domid, .type = XENMEM_resource_grant_table};
    struct xen_add_to_physmap a = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info};
    struct xen_remove_from_physmap rm = {.domid = DOMID_SELF, .gpfn = 1ul << 50};
    uint64_t *va = kit_page();

    CHECK_EQ(memory(XENMEM_acquire_resource, &r), 0);
    CHECK(r.nr_frames >= 4);
    r.nr_frames = 2;
    r.frame_list.p = list;
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), 0);
    CHECK(list[0] != 0 && list[1] != 0);
    CHECK_EQ(kit_map_foreign(va, list[0], PTE_RW, c->domid), 0);
    CHECK(kit_write(va, 0)); /* the first grant entry: how a builder seeds it */
    CHECK_EQ(kit_set_pte(va, 0), 0);
    r.frame = 1000;
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), -XEN_EINVAL);
    r.frame = ~0ul;
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), -XEN_EINVAL);
    r.frame = 0;
    r.type = 77;
    CHECK(memory(XENMEM_acquire_resource, &r) < 0);
    r.type = XENMEM_resource_grant_table;
    r.pad = 1;
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), -XEN_EINVAL);
    r.pad = 0;
    r.domid = 1234;
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), -XEN_ESRCH);
    r.domid = c->domid;
    r.frame_list.p = (void *)KIT_NOWHERE;
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), -XEN_EFAULT);
    CHECK_EQ(memory(XENMEM_add_to_physmap, &a), -XEN_EACCES);
    CHECK(memory(XENMEM_remove_from_physmap, &rm) < 0);
}

static void unprivileged(uint64_t theirs)
{
    struct xen_memory_domain d = {.domid = 0};
    struct xen_mem_acquire_resource r = {.domid = 0, .type = XENMEM_resource_grant_table};
    struct xen_foreign_memory_map f = {.domid = DOMID_SELF};
    struct xen_memory_map m = {.nr_entries = 1};
    struct xen_machphys_mfn_list l = {.max_extents = 1};
    xen_pfn_t list[300];
    int64_t had = current_pages(DOMID_SELF), got;

    CHECK_EQ(memory(XENMEM_current_reservation, &d), -XEN_EPERM);
    CHECK_EQ(memory(XENMEM_acquire_resource, &r), -XEN_EPERM);
    CHECK_EITHER(memory(XENMEM_set_memory_map, &f), -XEN_EPERM, on_lodge ? -XEN_EPERM : 0);
    CHECK(memory(XENMEM_machine_memory_map, &m) < 0);
    CHECK(memory(XENMEM_machphys_mfn_list, &l) < 0);
    if (on_lodge)
        CHECK_EQ(memory(XENMEM_memory_map, &m), -XEN_ENOSYS); /* nobody set one */
    CHECK(reservation(XENMEM_claim_pages, NULL, 1, 0, DOMID_SELF) < 0);
    CHECK(reservation(XENMEM_decrease_reservation, &theirs, 1, 0, DOMID_SELF) <= 0);
    CHECK(reservation(XENMEM_decrease_reservation, &theirs, 1, 0, 0) <= 0);
    CHECK(reservation(XENMEM_populate_physmap, &theirs, 1, 0, 0) <= 0);
    /* 256 more are allowed, no matter how many are asked for. */
    for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = 0x8000 + i;
    got = reservation(XENMEM_populate_physmap, list, ARRAY_SIZE(list), 0, DOMID_SELF);
    CHECK_EQ(got, 256);
    CHECK_EQ(current_pages(DOMID_SELF), had + 256);
    CHECK(reservation(XENMEM_increase_reservation, NULL, 1, 0, DOMID_SELF) <= 0);
    CHECK_EQ(reservation(XENMEM_decrease_reservation, list, (uint64_t)got, 0, DOMID_SELF), got);
    CHECK(reservation(XENMEM_populate_physmap, list, 1, 10, DOMID_SELF) <= 0); /* too large */
    CHECK(reservation(XENMEM_increase_reservation, NULL, 1ul << 40, 0, DOMID_SELF) <= 256);
}

void test_main(void)
{
    struct kit_child c;

    questions();
    give_and_take();
    large();
    lies();
    exchanges();
    maps();
    CHECK_EQ(kit_child_create(&c, unprivileged, kit_mfn(kit_page()), 0, 1), 0);
    CHECK_EQ(reservation(XENMEM_claim_pages, NULL, c.nr_pages + 10, 0, c.domid), 0);
    CHECK_EQ(reservation(XENMEM_claim_pages, NULL, 0, 0, c.domid), 0);
    CHECK(reservation(XENMEM_claim_pages, NULL, 1ul << 40, 0, c.domid) < 0);
    CHECK(reservation(XENMEM_decrease_reservation, (xen_pfn_t *)&c.mfns[3], 1, 0, DOMID_SELF) <= 0);
    resources(&c);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, KIT_PATIENCE), SHUTDOWN_poweroff);
    CHECK_EQ(kit_child_destroy(&c), 0);
}
