/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What two vcpus may do to the same frames at the same time. One is in the middle of a call that
 * gives frames to a domain; the other maps them by a guess at their numbers, or gives them back and
 * has another domain get them, or it destroys the domain. Or it stops the vcpu in the middle, and
 * looks at what that one has and how far it is.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/sysctl.h>

#define BLOCK_ORDER 9
#define BLOCK       (1u << BLOCK_ORDER)
#define ROUNDS      40u
#define PART_NS     2000000000ul /* of each part, as on a busy machine a round takes long */
#define TAKEN_MAX   8192u
#define GUESSES     (2 * BLOCK)
#define OUR_PFN     0x100000u /* pseudo-physical numbers that nothing else uses */
#define THEIR_PFN   0x200000u

static int64_t current_pages(domid_t domid)
{
    struct xen_memory_domain d = {.domid = domid};

    return hc2(__HYPERVISOR_memory_op, XENMEM_current_reservation, &d);
}

static bool give_back(xen_pfn_t mfn)
{
    return kit_reservation(XENMEM_decrease_reservation, &mfn, 1, 0, DOMID_SELF) == 1;
}

/* All of those that are ours. */
static void give_back_list(const xen_pfn_t *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int64_t done = kit_reservation(XENMEM_decrease_reservation, list + i, n - i, 0, DOMID_SELF);

        i += done > 0 ? (unsigned)done : 0;
    }
}

static void set_max_pages(unsigned domid, uint64_t pages)
{
    struct xen_domctl_max_mem mem = {.max_memkb = pages * 4};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_max_mem, domid, &mem, sizeof(mem)), 0);
}

/* Without vcpus: it has frames, and never runs. */
static domid_t create(uint64_t max_pages)
{
    struct xen_domctl_createdomain c = {.max_vcpus = 1,
                                        .max_evtchn_port = 127,
                                        .max_grant_frames = 4,
                                        .max_maptrack_frames = 4,
                                        .grant_opts = 1};
    int id = kit_domctl(XEN_DOMCTL_createdomain, 0, &c, sizeof(c));

    CHECK(id > 0);
    set_max_pages((unsigned)id, max_pages);
    return (domid_t)id;
}

/* For both vcpus at once, unlike kit_domctl(). */
static int destroy(domid_t domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_destroydomain,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                            .domain = domid};
    int rc;

    do
        rc = (int)hc1(__HYPERVISOR_domctl, &op);
    while (rc == -XEN_EAGAIN || rc == -XEN_ERESTART);
    return rc;
}

/* ---- the second vcpu: does its job over and over while it has one ---- */

static void (*volatile job)(void);
static volatile bool busy;

static void second_vcpu(void *unused)
{
    (void)unused;
    for (;;) {
        void (*fn)(void) = job;

        busy = fn != NULL;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (busy && fn == job)
            fn();
    }
}

static void set_job(void (*fn)(void))
{
    job = fn;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (fn == NULL && busy)
        ;
}

/* ---- guesses at what the next exchange is given ---- */

static volatile xen_pfn_t guess[GUESSES];

/*
 * What was given back last, where the heap hands that out first, and what lies behind it; but not
 * what is ours anyway, which shows by mapping it at va.
 */
static void fill_guess(void *va)
{
    static xen_pfn_t list[BLOCK];
    xen_pfn_t last = 0;

    for (unsigned i = 0; i < BLOCK; i++)
        list[i] = OUR_PFN + i;
    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, list, BLOCK, 0, DOMID_SELF), BLOCK);
    for (unsigned i = 0; i < BLOCK; i++) {
        guess[i] = list[i];
        last = list[i] > last ? list[i] : last;
    }
    for (unsigned i = 0; i < BLOCK; i++)
        guess[BLOCK + i] = last + 1 + i;
    give_back_list(list, BLOCK);
    for (unsigned i = 0; i < GUESSES; i++) {
        if (kit_set_pte(va, mk_pte(guess[i], PTE_RO)) == 0)
            guess[i] = 0;
    }
    CHECK_EQ(kit_set_pte(va, 0), 0);
}

/*
 * 2 MiB for single frames, while the other vcpu does fn. fails: the last of them is in use, so all
 * is left as it was.
 */
static void exchange_block(bool fails, void *va, void (*fn)(void))
{
    static struct xen_memory_exchange x;
    static xen_pfn_t in, out[BLOCK];

    in = OUR_PFN;
    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &in, 1, BLOCK_ORDER, DOMID_SELF), 1);
    fill_guess(va);
    for (unsigned i = 0; i < BLOCK; i++)
        out[i] = OUR_PFN + i;
    x = (struct xen_memory_exchange){
        .in = {.nr_extents = 1, .extent_order = BLOCK_ORDER, .domid = DOMID_SELF},
        .out = {.nr_extents = BLOCK, .domid = DOMID_SELF}};
    x.in.extent_start.p = &in;
    x.out.extent_start.p = out;
    if (fails)
        CHECK_EQ(kit_set_pte(va, mk_pte(in + BLOCK - 1, PTE_RO)), 0);
    set_job(fn);
    CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x), fails ? -XEN_EINVAL : 0);
    set_job(NULL);
    CHECK_EQ(kit_set_pte(va, 0), 0);
    CHECK_EQ(x.nr_exchanged, fails ? 0 : 1);
    if (fails) {
        for (unsigned i = 0; i < BLOCK; i++)
            out[i] = in + i;
    }
    give_back_list(out, BLOCK);
}

/* ---- exchange: a refused one leaves nothing behind, whoever got hold of its frames ---- */

static uint64_t l1_mfn; /* a pinned table of ours, with room for BLOCK mappings */
static volatile unsigned nr_mapped;

static void map_guesses(void)
{
    static unsigned first;

    for (unsigned i = 0; i < BLOCK; i++) {
        xen_pfn_t mfn = guess[(first + i) % GUESSES];

        if (mfn != 0 && kit_mmu_update((l1_mfn << 12) + i * 8, mk_pte(mfn, PTE_RO)) == 0)
            nr_mapped++;
    }
    first += BLOCK;
}

/* At our limit, which is what we have while a block is in exchange. */
static void exchange_beyond_limit(void)
{
    int64_t had = current_pages(DOMID_SELF);
    uint64_t end = kit_now() + PART_NS;
    void *va = kit_page(), *table = kit_page();
    uint64_t old = kit_pte(va);

    l1_mfn = kit_mfn(table);
    CHECK_EQ(kit_protect(table, false), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L1_TABLE, l1_mfn, 0), 0);
    for (unsigned i = 0; i < 4 || (i < ROUNDS && kit_now() < end); i++)
        exchange_block(true, va, map_guesses);
    printk("%u frames of refused exchanges mapped\n", nr_mapped);
    CHECK_EQ(nr_mapped, 0);
    CHECK_EQ(current_pages(DOMID_SELF), had);
    for (unsigned i = 0; i < BLOCK; i++)
        CHECK_EQ(kit_mmu_update((l1_mfn << 12) + i * 8, 0), 0);
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, l1_mfn, 0), 0);
    CHECK_EQ(kit_protect(table, true), 0);
    CHECK_EQ(kit_set_pte(va, old), 0);
}

/* ---- exchange: the new frames go to another domain before the call is over ---- */

static xen_pfn_t taken[TAKEN_MAX];
static volatile unsigned nr_taken;
static domid_t taker;

static void steal(void)
{
    for (unsigned i = 0; i < GUESSES && nr_taken < TAKEN_MAX; i++) {
        if (guess[i] != 0 && give_back(guess[i])) {
            taken[nr_taken] = THEIR_PFN + nr_taken;
            if (kit_reservation(XENMEM_populate_physmap, &taken[nr_taken], 1, 0, taker) == 1)
                nr_taken++;
        }
    }
}

static void exchange_loses_frames(void)
{
    const volatile uint64_t *m2p = (const volatile uint64_t *)HYPERVISOR_VIRT_START;
    int64_t had = current_pages(DOMID_SELF);
    uint64_t end = kit_now() + PART_NS;
    void *va = kit_page();
    uint64_t old = kit_pte(va);
    unsigned wrong = 0;

    taker = create(TAKEN_MAX);
    for (unsigned i = 0; i < 4 || (i < ROUNDS && (nr_taken == 0 || kit_now() < end)); i++)
        exchange_block(i % 4 == 3, va, steal);
    CHECK_EQ(kit_set_pte(va, old), 0);
    printk("%u frames changed hands\n", nr_taken);
    CHECK(nr_taken > 0);
    CHECK_EQ(current_pages(taker), nr_taken);
    for (unsigned i = 0; i < nr_taken; i++)
        wrong += m2p[taken[i]] != THEIR_PFN + i;
    CHECK_EQ(wrong, 0);
    CHECK_EQ(current_pages(DOMID_SELF), had);
    CHECK_EQ(destroy(taker), 0);
}

/* ---- destruction: what comes too late is refused, or given back ---- */

static volatile domid_t victim;

static void feed_victim(void)
{
    kit_reservation(XENMEM_increase_reservation, NULL, 1, BLOCK_ORDER, victim);
}

static void claim_for_victim(void)
{
    kit_reservation(XENMEM_claim_pages, NULL, 4 * BLOCK, 0, victim);
}

/* The job goes on from before the destruction until there is no such domain. */
static void destroy_while(void (*fn)(void), unsigned rounds)
{
    struct xen_sysctl_physinfo before = kit_physinfo();
    uint64_t enough = kit_now() + PART_NS;

    for (unsigned i = 0; i < 4 || (i < rounds && kit_now() < enough); i++) {
        uint64_t end;

        victim = create(64 * BLOCK);
        set_job(fn);
        end = kit_now() + i * 10000; /* in the middle of one more extent, sooner or later */
        while (kit_now() < end)
            ;
        CHECK_EQ(destroy(victim), 0);
        set_job(NULL);
    }
    CHECK_EQ(kit_free_pages(before.free_pages), before.free_pages);
    CHECK_EQ(kit_physinfo().outstanding_pages, before.outstanding_pages);
}

/* ---- exchanges that are stopped in the middle ---- */

#define WORKERS 6u  /* of a child's vcpus, from the second one on */
#define SLACK   64u /* of the hypervisor's own: a call's lists, a vcpu's vector registers */

static volatile unsigned exchanged[WORKERS + 1]; /* blocks */
static volatile unsigned stopped, go_on;         /* rounds; the second is written by the parent */
static volatile bool filled;

/* One block for single frames, and these for a block, and so on. */
static void exchanges_for_ever(void *unused)
{
    static xen_pfn_t large[WORKERS + 1], small[WORKERS + 1][BLOCK];
    unsigned id = kit_vcpu_id();
    struct xen_memory_exchange x[2] = {
        {.in = {.nr_extents = 1, .extent_order = BLOCK_ORDER, .domid = DOMID_SELF},
         .out = {.nr_extents = BLOCK, .domid = DOMID_SELF}}};

    (void)unused;
    x[0].in.extent_start.p = &large[id];
    x[0].out.extent_start.p = small[id];
    x[1].in = x[0].out;
    x[1].out = x[0].in;
    large[id] = OUR_PFN;
    for (unsigned i = 0; i < BLOCK; i++)
        small[id][i] = OUR_PFN + i;
    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, &large[id], 1, BLOCK_ORDER, DOMID_SELF), 1);
    for (;;) {
        for (unsigned i = 0; i < 2; i++) {
            x[i].nr_exchanged = 0;
            CHECK_EQ(hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &x[i]), 0);
        }
        exchanged[id]++;
    }
}

/* Each of the others has been at work since; then all are stopped, wherever they are. */
static void stops_workers(uint64_t unused)
{
    (void)unused;
    for (unsigned id = 1; id <= WORKERS; id++)
        CHECK_EQ(kit_vcpu_start(id, exchanges_for_ever, NULL), 0);
    for (;;) {
        for (unsigned id = 1; id <= WORKERS; id++) {
            unsigned had = exchanged[id];

            while (exchanged[id] == had)
                kit_sleep(1000000);
        }
        for (unsigned id = 1; id <= WORKERS; id++)
            CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, id, NULL), 0);
        stopped++;
        while (go_on != stopped)
            kit_sleep(1000000);
        for (unsigned id = 1; id <= WORKERS; id++)
            CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_up, id, NULL), 0);
    }
}

static unsigned read_child(struct kit_child *c, const volatile unsigned *word)
{
    unsigned n = *(volatile unsigned *)kit_child_map(c, (const void *)word);

    kit_child_unmap();
    return n;
}

static bool wait_for_round(struct kit_child *c, unsigned round)
{
    uint64_t end = kit_now() + KIT_PATIENCE;

    while (read_child(c, &stopped) < round && kit_now() < end)
        kit_sleep(1000000);
    return read_child(c, &stopped) == round;
}

static bool wait_until_down(struct kit_child *c, unsigned id)
{
    struct xen_domctl_getvcpuinfo info = {.vcpu = id, .running = 1};
    uint64_t end = kit_now() + KIT_PATIENCE;

    for (; info.running && kit_now() < end; kit_sleep(1000000))
        CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpuinfo, c->domid, &info, sizeof(info)), 0);
    return !info.running;
}

/* New frames are in nobody's account before they replace the old ones: how many can a guest keep?
 */
static void stopped_exchanges_hold_little(void)
{
    struct kit_child c;
    int64_t before, held, most = 0;

    CHECK_EQ(kit_child_create(&c, stops_workers, 0, 0, WORKERS + 1), 0);
    set_max_pages(c.domid, c.nr_pages + WORKERS * BLOCK);
    before = (int64_t)kit_physinfo().free_pages + current_pages(c.domid);
    CHECK_EQ(kit_child_start(&c), 0);
    for (unsigned round = 1; round <= 10; round++) {
        if (!wait_for_round(&c, round)) {
            kit_check(false, __FILE__, __LINE__, "round %u: not all get on", round);
            break;
        }
        for (unsigned id = 1; id <= WORKERS; id++) /* nothing else waits for those that go down */
            CHECK(wait_until_down(&c, id));
        held = before - (int64_t)kit_physinfo().free_pages - current_pages(c.domid);
        most = held > most ? held : most;
        if (round < 10)
            *(volatile unsigned *)kit_child_map(&c, (const void *)&go_on) = round;
        kit_child_unmap();
    }
    printk("%ld frames beyond what %u vcpus' domain has\n", most, WORKERS);
    CHECK(most <= (int64_t)(BLOCK + SLACK));
    CHECK_EQ(kit_child_destroy(&c), 0); /* the one at work is down in the middle of it */
}

static struct xen_memory_exchange long_list;
static xen_pfn_t listed[2 * BLOCK];

static void exchanges_a_list(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < ARRAY_SIZE(listed); i++)
        listed[i] = OUR_PFN + i;
    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, listed, ARRAY_SIZE(listed), 0, DOMID_SELF),
             ARRAY_SIZE(listed));
    long_list.in.extent_start.p = listed;
    long_list.in.nr_extents = ARRAY_SIZE(listed);
    long_list.in.domid = DOMID_SELF;
    long_list.out = long_list.in;
    filled = true;
    for (;;) {
        long_list.nr_exchanged = 0;
        hc2(__HYPERVISOR_memory_op, XENMEM_exchange, &long_list);
    }
}

/* Who asks for a vcpu's registers waits for what it is at, not for all of its list. */
static void context_amid_a_list(void)
{
    static struct vcpu_guest_context context;
    struct xen_domctl_vcpucontext op = {.vcpu = 0};
    uint64_t end = kit_now() + KIT_PATIENCE, done = 0;
    struct kit_child c;

    op.ctxt.p = &context;
    CHECK_EQ(kit_child_create(&c, exchanges_a_list, 0, 0, 1), 0);
    set_max_pages(c.domid, c.nr_pages + ARRAY_SIZE(listed));
    CHECK_EQ(kit_child_start(&c), 0);
    while (!*(volatile bool *)kit_child_map(&c, (const void *)&filled) && kit_now() < end)
        kit_sleep(1000000);
    for (unsigned i = 0; i < 200 && (done == 0 || done == ARRAY_SIZE(listed)); i++) {
        kit_sleep(100000 + i * 10000);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), 0);
        CHECK_EQ(kit_domctl(XEN_DOMCTL_getvcpucontext, c.domid, &op, sizeof(op)), 0);
        done = ((volatile struct xen_memory_exchange *)kit_child_map(&c, &long_list))->nr_exchanged;
        kit_child_unmap();
        CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, c.domid, NULL, 0), 0);
    }
    printk("registers after %lu of %lu frames\n", done, ARRAY_SIZE(listed));
    CHECK(done > 0 && done < ARRAY_SIZE(listed));
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    if (kit_vcpu_start(1, second_vcpu, NULL) != 0) {
        kit_skip("it needs a second vcpu");
        return;
    }
    set_max_pages(0, (uint64_t)current_pages(DOMID_SELF) + 2 * BLOCK); /* a block, and guesses */
    exchange_beyond_limit();
    set_max_pages(0, (uint64_t)current_pages(DOMID_SELF) + 4 * BLOCK);
    exchange_loses_frames();
    destroy_while(feed_victim, 40);
    destroy_while(claim_for_victim, 20);
    CHECK_EQ(hc3(__HYPERVISOR_vcpu_op, VCPUOP_down, 1, NULL), 0); /* it spins */
    stopped_exchanges_hold_little();
    context_amid_a_list();
}
