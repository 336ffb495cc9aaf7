/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a domain whose page tables and frames are in somebody's hands at that moment: the
 * other vcpu lets go of them, holds them, or pins them, while this one destroys the domain. All of
 * it has to go in the end; what is left over would keep the domain and its memory for good.
 */
#include <kit/kit.h>
#include <public/domctl.h>

#define SLICE      4096u /* frames that one step of the walk for pins looks at */
#define BOUNDARIES 3u

static void (*volatile job)(void); /* of the other vcpu; NULL: done, or none yet */
static volatile bool go;
static domid_t victim;

static void other_vcpu(void *unused)
{
    (void)unused;
    for (;;) {
        if (job != NULL) {
            job();
            job = NULL;
        }
        kit_sleep(1000000); /* an idle processor need not be told of each flush */
    }
}

static void child(uint64_t unused)
{
    (void)unused;
}

/* Lets the other vcpu run fn and destroys c at the same time, which leaves nothing of it. */
static void destroy_beside(struct kit_child *c, void (*fn)(void), const char *what)
{
    uint64_t end;
    int rc;

    go = false;
    job = fn;
    while (!go)
        ;
    rc = kit_child_destroy(c);
    end = kit_now() + KIT_PATIENCE;
    while (job != NULL && kit_now() < end)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    CHECK(job == NULL);
    if (rc == -XEN_EBUSY) /* the other may have been slow: now that it is done, once more */
        rc = kit_child_destroy(c);
    kit_check(rc == 0 || rc == -XEN_ESRCH, __FILE__, __LINE__, "%s: %d", what, rc);
}

static xen_pfn_t more[BOUNDARIES * SLICE + 64];

/* A child with so many frames behind its image, which it does not map. */
static void create(struct kit_child *c, unsigned n)
{
    struct xen_domctl_max_mem mem = {.max_memkb = 256 << 10};
    struct xen_memory_reservation r = {.nr_extents = n};

    CHECK_EQ(kit_child_create(c, child, 0, 0, 1), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, c->domid, &mem, sizeof(mem)), 0);
    r.domid = victim = c->domid;
    r.extent_start.p = more;
    for (unsigned i = 0; i < n; i++)
        more[i] = KIT_CHILD_PFN + c->nr_pages + i;
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), n);
}

static int pin(unsigned level, uint64_t mfn)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE + level - 1, .arg1.mfn = mfn};

    return (int)hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, victim);
}

/* A domctl of ours runs between two steps of the destruction. */
static void wait_until_dying(void)
{
    static struct xen_domctl op;

    go = true;
    do {
        op.cmd = XEN_DOMCTL_getdomaininfo;
        op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        op.domain = victim;
    } while (hc1(__HYPERVISOR_domctl, &op) == 0 && !(op.u.getdomaininfo.flags & XEN_DOMINF_dying));
}

static uint64_t taken_pte[BOUNDARIES + 1];
static uint8_t *taken_at[BOUNDARIES + 1];
static unsigned taken_first;

/*
 * While the next step walks, it keeps the lock that a frame needs which goes: so that one goes at
 * the end of the step.
 */
static void let_go(void)
{
    wait_until_dying();
    for (unsigned i = taken_first; i <= BOUNDARIES; i++)
        hc3(__HYPERVISOR_update_va_mapping, taken_at[i], taken_pte[i], UVMF_NONE);
    for (unsigned i = 1; i < taken_first; i++)
        hc3(__HYPERVISOR_update_va_mapping, taken_at[i], taken_pte[i], UVMF_NONE);
}

/*
 * Frames that the domain has given back, and that stay on its list for our mapping of them: those
 * that the walk for pins comes to first in a slice. They go between two slices. The last frame of
 * the list is a pinned table.
 */
static void frames_go_meanwhile(void)
{
    struct xen_memory_reservation r = {.nr_extents = 1};
    struct kit_child c;

    create(&c, ARRAY_SIZE(more));
    r.domid = victim;
    CHECK_EQ(pin(1, more[ARRAY_SIZE(more) - 1]), 0);
    for (unsigned i = 1; i <= BOUNDARIES; i++) {
        xen_pfn_t mfn = more[i * SLICE - c.nr_pages];

        if (taken_at[i] == NULL) {
            taken_at[i] = kit_page();
            taken_pte[i] = kit_pte(taken_at[i]);
        }
        CHECK_EQ(kit_map_foreign(taken_at[i], mfn, PTE_RO, c.domid), 0);
        r.extent_start.p = &mfn;
        CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r), 1);
    }
    destroy_beside(&c, let_go, "frames that others let go of");
}

/* Our update of its table is under way when the table has come to its end otherwise. */
static void update_table(void)
{
    static struct mmu_update batch[8192];

    for (unsigned i = 0; i < ARRAY_SIZE(batch); i++)
        batch[i].ptr = more[0] << 12;
    go = true;
    while (hc4(__HYPERVISOR_mmu_update, batch, ARRAY_SIZE(batch), 0,
               (victim + 1u) << 16 | victim) == 0)
        ;
}

static void table_in_use(void)
{
    struct kit_child c;

    create(&c, 1);
    CHECK_EQ(pin(1, more[0]), 0);
    destroy_beside(&c, update_table, "a table that others change");
}

/*
 * Tables that are still part of others are pinned when the walk for pins has passed them already.
 * It comes to the tables that they are part of, which are the last frames of its list, later.
 */
#define L2_TABLES 4u
#define L1_TABLES (L2_TABLES * 512)

static void pin_all(void)
{
    static struct mmuext_op ops[L1_TABLES];

    for (unsigned i = 0; i < L1_TABLES; i++)
        ops[i] = (struct mmuext_op){.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = more[i]};
    wait_until_dying();
    hc4(__HYPERVISOR_mmuext_op, ops, L1_TABLES, 0, victim);
}

static void tables_pinned_late(void)
{
    uint64_t *va = kit_page(), home = kit_pte(va);
    xen_pfn_t *l2 = &more[ARRAY_SIZE(more) - L2_TABLES];
    struct kit_child c;

    create(&c, ARRAY_SIZE(more));
    for (unsigned i = 0; i < L2_TABLES; i++) {
        CHECK_EQ(kit_map_foreign(va, l2[i], PTE_RW, victim), 0);
        for (unsigned n = 0; n < 512; n++)
            va[n] = mk_pte(more[i * 512 + n], PTE_RW);
        CHECK_EQ(kit_set_pte(va, home), 0);
        CHECK_EQ(pin(2, l2[i]), 0);
    }
    destroy_beside(&c, pin_all, "tables that others pin");
}

void test_main(void)
{
    if (kit_vcpu_start(1, other_vcpu, NULL) != 0) {
        kit_skip("it needs a second vcpu");
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        taken_first = 1 + i % 2;
        frames_go_meanwhile();
        table_in_use();
        tables_pinned_late();
    }
}
