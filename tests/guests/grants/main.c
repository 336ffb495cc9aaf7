/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grant tables of both versions: a domain maps and copies what it granted to itself, then a child
 * does with what its parent granted, and is destroyed with mappings in force.
 */
#include <kit/kit.h>

static struct grant_entry_v1 *v1;
static union grant_entry_v2 *v2;
static uint16_t *v2_status;
static uint16_t self; /* our domain identifier: DOMID_SELF is no name in an entry */

static int grant_op(unsigned cmd, void *arg, unsigned count)
{
    return (int)hc3(__HYPERVISOR_grant_table_op, cmd, arg, count);
}

static int setup(domid_t dom, unsigned frames, xen_pfn_t *list)
{
    struct gnttab_setup_table s = {.dom = dom, .nr_frames = frames};

    s.frame_list.p = list;
    CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
    return s.status;
}

static void entry(unsigned ref, const void *page, unsigned flags, domid_t dom)
{
    v1[ref].domid = dom;
    v1[ref].frame = (uint32_t)kit_mfn(page);
    __atomic_store_n(&v1[ref].flags, (uint16_t)flags, __ATOMIC_SEQ_CST);
}

static int map(unsigned ref, const void *va, unsigned flags, domid_t dom, unsigned *handle)
{
    struct gnttab_map_grant_ref m = {
        .host_addr = (uint64_t)va, .flags = flags, .ref = ref, .dom = dom};

    CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, &m, 1), 0);
    *handle = m.handle;
    return m.status;
}

static int unmap(const void *va, unsigned handle)
{
    struct gnttab_unmap_grant_ref u = {.host_addr = (uint64_t)va, .handle = handle};

    CHECK_EQ(grant_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    return u.status;
}

static void sizes(void)
{
    struct gnttab_query_size q = {.dom = DOMID_SELF};
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 1};
    static xen_pfn_t list[20];
    void *va = kit_page();

    CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.status, GNTST_okay);
    CHECK(q.max_nr_frames >= 20 && q.nr_frames <= q.max_nr_frames);
    CHECK_EQ(setup(DOMID_SELF, ARRAY_SIZE(list), list), GNTST_okay); /* in several steps */
    for (unsigned i = 0; i < ARRAY_SIZE(list); i++)
        for (unsigned k = 0; k <= i; k++)
            CHECK(list[i] != 0 && (k == i || list[k] != list[i]));
    CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK(q.nr_frames >= ARRAY_SIZE(list));
    CHECK(setup(DOMID_SELF, q.max_nr_frames + 1, list) < 0);
    CHECK(setup(DOMID_SELF, ~0u, list) < 0);
    CHECK(setup(1234, 1, list) < 0);
    CHECK(grant_op(GNTTABOP_setup_table, &s, 2) < 0);
    s.frame_list.p = (void *)KIT_NOWHERE;
    CHECK(grant_op(GNTTABOP_setup_table, &s, 1) == -XEN_EFAULT || s.status < 0);
    q.dom = 1234;
    CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK_EQ(q.status, GNTST_bad_domain);
    CHECK_EQ(kit_set_pte(va, mk_pte(list[0], PTE_RW)), 0);
    v1 = va;
    CHECK_EQ(grant_op(13, &q, 1), -XEN_ENOSYS);
    for (unsigned cmd = 0; cmd <= GNTTABOP_cache_flush; cmd++) {
        CHECK(grant_op(cmd, (void *)KIT_NOWHERE, 1) < 0);
        CHECK(grant_op(cmd, (void *)KIT_NOWHERE, 0x7fffffff) < 0);
        CHECK(grant_op(cmd, (void *)0xffff820000000000ul, 1) < 0);
        CHECK(grant_op(cmd, (void *)KIT_NOWHERE, ~0u) < 0);
    }
}

static void mapping(void)
{
    uint64_t *page = kit_page(), *va = kit_page(), *va2 = kit_page(), val;
    uint64_t home = kit_pte(va), home2 = kit_pte(va2);
    unsigned h, h2, hbad;

    *page = 0x6ea7;
    entry(10, page, GTF_permit_access, self);
    CHECK_EQ(map(10, va, GNTMAP_host_map, self, &h), GNTST_okay);
    CHECK_EQ(v1[10].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK(kit_read(va, &val) && val == 0x6ea7);
    CHECK(kit_write(va, 0x6ea8) && *(volatile uint64_t *)page == 0x6ea8);
    CHECK_EQ(map(10, va2, GNTMAP_host_map | GNTMAP_readonly, self, &h2), GNTST_okay);
    CHECK(kit_read(va2, &val) && val == 0x6ea8);
    CHECK(!kit_write(va2, 1));
    CHECK(h != h2);
    CHECK_EQ(unmap(va, h), GNTST_okay);
    CHECK(!kit_read(va, &val));
    CHECK_EQ(v1[10].flags, GTF_permit_access | GTF_reading);
    CHECK_EQ(unmap(va, h), GNTST_bad_handle);
    CHECK(unmap(va, h2) < 0); /* not where it is */
    CHECK(kit_read(va2, &val));
    CHECK_EQ(unmap(va2, h2), GNTST_okay);
    CHECK_EQ(v1[10].flags, GTF_permit_access);
    CHECK_EQ(unmap(va2, ~0u), GNTST_bad_handle);
    CHECK_EQ(unmap(va2, 0x7fffffff), GNTST_bad_handle);
    /* By the entry's machine address. */
    CHECK_EQ(map(10, (void *)kit_pte_maddr(va), GNTMAP_host_map | GNTMAP_contains_pte, self, &h),
             0);
    CHECK(kit_read(va, &val) && val == 0x6ea8);
    CHECK_EQ(unmap((void *)kit_pte_maddr(va), h), GNTST_okay);
    CHECK(map(10, (void *)~7ul, GNTMAP_host_map | GNTMAP_contains_pte, self, &hbad) < 0);
    CHECK(map(10, (void *)(kit_mfn(page) << 12), GNTMAP_host_map | GNTMAP_contains_pte, self,
              &hbad) < 0);
    /* What cannot be mapped. */
    CHECK_EQ(map(0x1000000, va, GNTMAP_host_map, self, &hbad), GNTST_bad_gntref);
    CHECK_EQ(map(~0u, va, GNTMAP_host_map, self, &hbad), GNTST_bad_gntref);
    CHECK_EQ(map(10, va, GNTMAP_host_map, 1234, &hbad), GNTST_bad_domain);
    CHECK_EQ(map(11, va, GNTMAP_host_map, self, &hbad), GNTST_general_error); /* invalid entry */
    CHECK(map(10, va, 0, self, &hbad) < 0);
    CHECK(map(10, (void *)KIT_NOWHERE, GNTMAP_host_map, self, &hbad) < 0);
    CHECK(map(10, (void *)0xffff820000000000ul, GNTMAP_host_map, self, &hbad) < 0);
    CHECK(map(10, (void *)0x8000000000000000ul, GNTMAP_host_map, self, &hbad) < 0);
    CHECK_EQ(v1[10].flags, GTF_permit_access); /* nothing stays of an attempt */
    entry(12, page, GTF_permit_access | GTF_readonly, self);
    CHECK(map(12, va, GNTMAP_host_map, self, &hbad) < 0);
    CHECK_EQ(map(12, va, GNTMAP_host_map | GNTMAP_readonly, self, &h), GNTST_okay);
    CHECK_EQ(unmap(va, h), GNTST_okay);
    entry(12, page, GTF_permit_access, 55);
    CHECK(map(12, va, GNTMAP_host_map, self, &hbad) < 0); /* for another */
    entry(12, page, GTF_accept_transfer, self);
    CHECK(map(12, va, GNTMAP_host_map, self, &hbad) < 0);
    v1[12].frame = ~0u;
    v1[12].flags = GTF_permit_access;
    CHECK(map(12, va, GNTMAP_host_map, self, &hbad) < 0);
    v1[12].flags = 0;
    CHECK_EQ(kit_set_pte(va, home), 0);
    CHECK_EQ(kit_set_pte(va2, home2), 0);
}

/* Grants must not make page tables writable, nor writable pages page tables. */
static void types(void)
{
    uint64_t *page = kit_page(), *va = kit_page(), val;
    uint64_t mfn = kit_mfn(page), home = kit_pte(va);
    struct gnttab_copy copy = {.len = 8, .flags = GNTCOPY_dest_gref};
    unsigned h, hbad;

    entry(13, kit_table(1, page), GTF_permit_access, self);
    CHECK(map(13, va, GNTMAP_host_map, self, &hbad) < 0);
    copy.source.u.gmfn = mfn;
    copy.source.domid = DOMID_SELF;
    copy.dest.u.ref = 13;
    copy.dest.domid = self;
    CHECK_EQ(grant_op(GNTTABOP_copy, &copy, 1), 0);
    CHECK(copy.status < 0);
    copy.flags = 0;
    copy.dest.u.gmfn = kit_table_mfn(1, page);
    copy.dest.domid = DOMID_SELF;
    CHECK_EQ(grant_op(GNTTABOP_copy, &copy, 1), 0);
    CHECK(copy.status < 0);
    v1[13].flags = 0;
    entry(14, page, GTF_permit_access, self);
    CHECK_EQ(map(14, va, GNTMAP_host_map, self, &h), GNTST_okay);
    CHECK_EQ(kit_protect(page, false), 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) < 0); /* mapped writable as a grant */
    CHECK(hc2(__HYPERVISOR_set_gdt, &mfn, 512) < 0);
    v1[14].flags = 0; /* taken back while in use: the mapping stays, and what it is remains known */
    CHECK(kit_write(va, 0) && kit_read(va, &val));
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) < 0);
    CHECK_EQ(unmap(va, h), GNTST_okay);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    entry(14, page, GTF_permit_access, self);
    CHECK(map(14, va, GNTMAP_host_map, self, &hbad) < 0);
    CHECK_EQ(map(14, va, GNTMAP_host_map | GNTMAP_readonly, self, &h), GNTST_okay);
    /* Writing into a page table may be emulated, but then as an update, with its checks. */
    CHECK(!kit_write(va, mk_pte(kit_table_mfn(4, page), PTE_RW)));
    CHECK_EQ(unmap(va, h), GNTST_okay);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_protect(page, true), 0);
    v1[14].flags = 0;
    CHECK_EQ(kit_set_pte(va, home), 0);
}

/* An entry in use is written over: what is mapped stays known, whatever the entry says then. */
static void scribbles(void)
{
    uint64_t *page = kit_page(), *other = kit_page(), *va = kit_page();
    uint64_t home = kit_pte(va), mfn = kit_mfn(page), other_mfn = kit_mfn(other);
    unsigned h;

    for (unsigned i = 0; i < 6; i++) {
        entry(16, page, GTF_permit_access, self);
        CHECK_EQ(map(16, va, GNTMAP_host_map, self, &h), GNTST_okay);
        v1[16].frame = i % 2 == 0 ? (uint32_t)other_mfn : ~0u;
        v1[16].domid = i % 3 == 0 ? self : 0xffff;
        v1[16].flags = i < 2 ? 0 : i < 4 ? 0xffff : GTF_accept_transfer | GTF_transfer_completed;
        CHECK_EQ(unmap(va, h), GNTST_okay);
        v1[16].flags = 0;
        v1[16].domid = self;
    }
    CHECK_EQ(kit_set_pte(va, home), 0);
    uint64_t *both[] = {page, other};

    for (unsigned i = 0; i < 2; i++) { /* no count is left behind, or was taken from another */
        CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, i == 0 ? mfn : other_mfn, 0) < 0);
        CHECK_EQ(kit_protect(both[i], false), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, i == 0 ? mfn : other_mfn, 0), 0);
        CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, i == 0 ? mfn : other_mfn, 0), 0);
        CHECK_EQ(kit_protect(both[i], true), 0);
    }
}

static int copy1(struct gnttab_copy *c)
{
    c->status = 77;
    CHECK_EQ(grant_op(GNTTABOP_copy, c, 1), 0);
    return c->status;
}

static void copying(void)
{
    uint8_t *a = kit_page(), *b = kit_page();
    struct gnttab_copy c = {.len = 100, .flags = GNTCOPY_source_gref};
    static struct gnttab_copy many[300];

    memset(a, 0x5a, PAGE_SIZE);
    entry(15, a, GTF_permit_access | GTF_readonly, self);
    c.source.u.ref = 15;
    c.source.domid = self;
    c.source.offset = 3;
    c.dest.u.gmfn = kit_mfn(b);
    c.dest.domid = DOMID_SELF;
    c.dest.offset = 10;
    CHECK_EQ(copy1(&c), GNTST_okay);
    CHECK(b[9] == 0 && b[10] == 0x5a && b[109] == 0x5a && b[110] == 0);
    c.len = 0;
    CHECK_EQ(copy1(&c), GNTST_okay);
    c.len = 4096;
    CHECK_EQ(copy1(&c), GNTST_bad_copy_arg);
    c.len = 65535;
    CHECK_EQ(copy1(&c), GNTST_bad_copy_arg);
    c.len = 100;
    c.source.offset = 4090;
    CHECK_EQ(copy1(&c), GNTST_bad_copy_arg);
    c.source.offset = 65535;
    CHECK_EQ(copy1(&c), GNTST_bad_copy_arg);
    c.source.offset = 0;
    c.source.u.ref = 0x2000000;
    CHECK_EQ(copy1(&c), GNTST_bad_gntref);
    c.source.u.ref = 15;
    c.source.domid = 1234;
    CHECK_EQ(copy1(&c), GNTST_bad_domain);
    c.source.domid = self;
    c.dest.u.gmfn = ~0ul;
    CHECK(copy1(&c) < 0);
    c.dest.u.gmfn = kit_mfn(b);
    c.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
    c.dest.u.ref = 15;
    c.dest.domid = self;
    CHECK(copy1(&c) < 0); /* read-only */
    v1[15].flags = GTF_permit_access;
    CHECK_EQ(copy1(&c), GNTST_okay);
    CHECK_EQ(v1[15].flags, GTF_permit_access); /* not in use any more */
    c.flags = 0;
    c.source.u.gmfn = kit_mfn(a);
    c.dest.u.gmfn = kit_mfn(b);
    c.source.domid = c.dest.domid = DOMID_SELF;
    c.dest.offset = 200;
    CHECK_EQ(copy1(&c), GNTST_okay);
    CHECK_EQ(b[250], 0x5a);
    for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = c;
    many[150].dest.offset = 4095;
    CHECK_EQ(grant_op(GNTTABOP_copy, many, ARRAY_SIZE(many)), 0); /* restarted on the way */
    for (unsigned i = 0; i < ARRAY_SIZE(many); i++)
        CHECK_EQ(many[i].status, i == 150 ? GNTST_bad_copy_arg : GNTST_okay);
    CHECK_EQ(grant_op(GNTTABOP_copy, many, 0), 0);
    v1[15].flags = 0;
}

static int set_version(unsigned version)
{
    struct gnttab_set_version s = {.version = version};
    int rc = grant_op(GNTTABOP_set_version, &s, 1);

    return rc != 0 ? rc : (int)s.version;
}

/* To version 2, with its entries at v2 and its status words at v2_status. */
static void to_version_two(uint8_t *page, uint8_t *va)
{
    struct gnttab_get_version g = {.dom = DOMID_SELF};
    struct gnttab_get_status_frames f = {.dom = DOMID_SELF, .nr_frames = 1};
    static xen_pfn_t list[4];
    static uint64_t status_frames[4];
    unsigned h;

    CHECK_EQ(grant_op(GNTTABOP_get_version, &g, 1), 0);
    CHECK_EQ(g.version, 1);
    CHECK_EQ(set_version(3), -XEN_EINVAL);
    CHECK_EQ(set_version(0), -XEN_EINVAL);
    entry(20, page, GTF_permit_access, self);
    CHECK_EQ(map(20, va, GNTMAP_host_map, self, &h), 0);
    CHECK_EQ(set_version(2), -XEN_EBUSY);
    CHECK_EQ(unmap(va, h), 0);
    v1[20].flags = 0;
    CHECK_EQ(set_version(2), 2);
    CHECK_EQ(grant_op(GNTTABOP_get_version, &g, 1), 0);
    CHECK_EQ(g.version, 2);
    CHECK_EQ(setup(DOMID_SELF, 2, list), 0);
    f.frame_list.p = status_frames;
    CHECK_EQ(grant_op(GNTTABOP_get_status_frames, &f, 1), 0);
    CHECK_EQ(f.status, GNTST_okay);
    v2 = kit_page();
    v2_status = kit_page();
    CHECK_EQ(kit_set_pte(v2, mk_pte(list[0], PTE_RW)), 0);
    CHECK_EQ(kit_set_pte(v2_status, mk_pte(status_frames[0], PTE_RW)), 0);
    f.nr_frames = 1000;
    CHECK(grant_op(GNTTABOP_get_status_frames, &f, 1) < 0 || f.status < 0);
}

/* Part of a page can be copied from and not mapped; grants can be passed on, but not in a circle.
 */
static void parts(uint8_t *page, uint8_t *va)
{
    uint8_t *into = kit_page();
    struct gnttab_copy c = {.len = 16, .flags = GNTCOPY_source_gref};
    unsigned hbad;

    v2[31].sub_page.frame = kit_mfn(page);
    v2[31].sub_page.page_off = 64;
    v2[31].sub_page.length = 32;
    v2[31].hdr.domid = self;
    v2[31].hdr.flags = GTF_permit_access | GTF_sub_page | GTF_readonly;
    CHECK(map(31, va, GNTMAP_host_map | GNTMAP_readonly, self, &hbad) < 0);
    c.source.u.ref = 31;
    c.source.domid = self;
    c.source.offset = 64;
    c.dest.u.gmfn = kit_mfn(into);
    c.dest.domid = DOMID_SELF;
    CHECK_EQ(copy1(&c), GNTST_okay);
    CHECK_EQ(into[15], 0x33);
    c.source.offset = 90;
    CHECK(copy1(&c) < 0);
    c.source.offset = 0;
    CHECK(copy1(&c) < 0);
    v2[31].sub_page.page_off = 0xffff;
    v2[31].sub_page.length = 0xffff;
    c.source.offset = 0xffff;
    CHECK(copy1(&c) < 0);
    v2[31].hdr.flags = 0;
    v2[32].transitive.trans_domid = self;
    v2[32].transitive.gref = 30;
    v2[32].hdr.domid = self;
    v2[32].hdr.flags = GTF_transitive;
    c.source.u.ref = 32;
    c.source.offset = 0;
    (void)copy1(&c); /* to oneself: some refuse */
    v2[32].transitive.gref = 32;
    CHECK(copy1(&c) < 0);
    CHECK(map(32, va, GNTMAP_host_map, self, &hbad) < 0);
    v2[32].hdr.flags = 0;
}

static void version_two(void)
{
    static xen_pfn_t list[4];
    uint8_t *page = kit_page(), *va = kit_page();
    uint64_t home = kit_pte(va), val;
    unsigned h;

    to_version_two(page, va);
    memset(page, 0x33, PAGE_SIZE);
    v2[30].full_page.frame = kit_mfn(page);
    v2[30].hdr.domid = self;
    v2[30].hdr.flags = GTF_permit_access;
    CHECK_EQ(map(30, va, GNTMAP_host_map, self, &h), GNTST_okay);
    CHECK_EQ(v2_status[30], GTF_reading | GTF_writing);
    CHECK_EQ(v2[30].hdr.flags, GTF_permit_access);
    CHECK(kit_read(va, &val) && val == 0x3333333333333333ul);
    CHECK_EQ(set_version(1), -XEN_EBUSY);
    CHECK_EQ(unmap(va, h), 0);
    CHECK_EQ(v2_status[30], 0);
    parts(page, va);
    v2[30].hdr.flags = 0;
    CHECK_EQ(kit_set_pte(v2, 0), 0);
    CHECK_EQ(set_version(1), -XEN_EBUSY); /* its status words are mapped */
    CHECK_EQ(set_version(2), 2);
    CHECK_EQ(kit_set_pte(v2_status, 0), 0);
    CHECK_EQ(set_version(1), 1);
    CHECK_EQ(setup(DOMID_SELF, 2, list), 0);
    CHECK_EQ(kit_set_pte(v1, mk_pte(list[0], PTE_RW)), 0);
    CHECK_EQ(v1[30].flags, 0); /* entries are lost */
    CHECK_EQ(kit_set_pte(va, home), 0);
}

static void replace_and_swap(void)
{
    uint64_t *page = kit_page(), *va = kit_page(), *other = kit_page(), val;
    struct gnttab_unmap_and_replace r = {.host_addr = (uint64_t)va, .new_addr = (uint64_t)other};
    struct gnttab_swap_grant_ref s = {.ref_a = 40, .ref_b = 41};
    unsigned h;

    *page = 1;
    *other = 2;
    entry(40, page, GTF_permit_access, self);
    CHECK_EQ(map(40, va, GNTMAP_host_map, self, &h), 0);
    r.handle = h;
    CHECK_EQ(grant_op(GNTTABOP_unmap_and_replace, &r, 1), 0);
    CHECK_EQ(r.status, GNTST_okay);
    CHECK(kit_read(va, &val) && val == 2);
    CHECK(!kit_read(other, &val));
    CHECK_EQ(v1[40].flags, GTF_permit_access);
    CHECK_EQ(grant_op(GNTTABOP_unmap_and_replace, &r, 1), 0);
    CHECK_EQ(r.status, GNTST_bad_handle);
    CHECK_EQ(grant_op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    CHECK(v1[40].flags == 0 && v1[41].flags == GTF_permit_access);
    s.ref_b = 0x7000000;
    CHECK_EQ(grant_op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_bad_gntref);
    v1[41].flags = 0;
}

/* The child: reference 50 is for it, 51 is not, 52 is read-only. arg: its own identifier. */
static void child(uint64_t id)
{
    uint64_t *va = kit_page(), *va2 = kit_page(), *va3 = kit_page(), val;
    struct gnttab_query_size q = {.dom = 0};
    struct gnttab_copy c = {.len = 8, .flags = GNTCOPY_dest_gref};
    static xen_pfn_t list[4];
    unsigned h, h2;

    self = (uint16_t)id;
    CHECK_EQ(map(50, va, GNTMAP_host_map, 0, &h), GNTST_okay);
    CHECK(kit_read(va, &val) && val == 0xda7a);
    CHECK(kit_write(va, 0xda7b));
    CHECK_EQ(map(51, va2, GNTMAP_host_map, 0, &h2), GNTST_general_error);
    CHECK(map(52, va2, GNTMAP_host_map, 0, &h2) < 0);
    CHECK_EQ(map(52, va2, GNTMAP_host_map | GNTMAP_readonly, 0, &h2), GNTST_okay);
    CHECK(!kit_write(va2, 1));
    /* No way round the accounting: another mapping of that frame by an ordinary update. */
    CHECK(kit_set_pte(va3, mk_pte(kit_mfn(va), PTE_RW)) < 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, kit_mfn(va2), 0) < 0);
    CHECK(kit_mmuext(MMUEXT_CLEAR_PAGE, kit_mfn(va), 0) < 0);
    CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 1), 0);
    CHECK(q.status < 0);
    CHECK(setup(0, 1, list) < 0);
    CHECK_EQ(setup(DOMID_SELF, 8, list), GNTST_okay);
    CHECK(setup(DOMID_SELF, 9, list) < 0); /* its limit */
    c.source.u.gmfn = kit_mfn(kit_page());
    c.source.domid = DOMID_SELF;
    c.dest.u.ref = 52;
    c.dest.domid = 0;
    CHECK(copy1(&c) < 0);
    c.dest.u.ref = 50;
    c.dest.offset = 8;
    CHECK_EQ(copy1(&c), GNTST_okay);
    /* As many mappings as there can be. */
    unsigned n = 0;

    v1 = NULL;
    int rc;

    while ((rc = map(50, va3, GNTMAP_host_map | GNTMAP_readonly, 0, &h2)) == GNTST_okay &&
           n < 100000)
        n++;
    CHECK(n > 0 && n < 100000);
    CHECK_EQ(rc, GNTST_no_space);
    kit_shutdown(SHUTDOWN_crash); /* with all of them in force */
}

static void across(void)
{
    struct kit_child c;
    uint64_t *page = kit_page(), *ro = kit_page();

    CHECK_EQ(kit_child_create(&c, child, 0, 0, 1), 0);
    CHECK_EQ(kit_child_set_arg(&c, child, c.domid), 0);
    *page = 0xda7a;
    entry(50, page, GTF_permit_access, c.domid);
    entry(51, page, GTF_permit_access, (domid_t)(c.domid + 1));
    entry(52, ro, GTF_permit_access | GTF_readonly, c.domid);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, 20000000000ull), SHUTDOWN_crash);
    CHECK_EQ(*(volatile uint64_t *)page, 0xda7b);
    CHECK_EQ(v1[50].flags, GTF_permit_access | GTF_reading | GTF_writing);
    CHECK_EQ(kit_child_destroy(&c), 0);
    CHECK_EQ(v1[50].flags, GTF_permit_access); /* let go of */
    CHECK_EQ(v1[52].flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(kit_protect(page, false), 0);
    memset(ro, 0, PAGE_SIZE);
    uint64_t mfn = kit_mfn(ro);

    CHECK_EQ(kit_protect(ro, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0);
}

void test_main(void)
{
    sizes();
    mapping();
    types();
    scribbles();
    copying();
    replace_and_swap();
    version_two();
    across();
}
