/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long the longest hypercalls keep an event from its vcpu. A timer is set to go off in the
 * middle of each; how late its event comes is printed (BENCH late_name nanoseconds). Where the
 * clock counts instructions it must be within the goal for the time between two preemption points,
 * as each of them is to be restarted for events; elsewhere bounded even on a busy machine.
 */
#include <kit/kit.h>
#include <public/domctl.h>

/* A machine below us that stalls is not the hypervisor's fault, but it does not do so always. */
#define LIMIT 50000000ull

/* Instructions from one preemption point to the next: the goal, for what can be restarted there. */
#define GOAL 50000ull
/* What is one step, and only lets others in: a pin with all that is below the table. */
#define IN_PLACE ~0ull
/* An extent of 512 pages is such a step, too, as far as the clearing of them goes. */
#define LARGE_EXTENT (12 * GOAL)
/* The last step frees what is left of the domain; and its caller gives the processor away first. */
#define DOMAIN_END (2 * GOAL)
#define WAKE_WAIT  500000ull /* ns that a vcpu which runs is left alone (sched_fair.c) */

/* Nanoseconds of an instruction where the clock counts them, which then are the same each time. */
static uint64_t instruction_ns;

static uint64_t loop_ns(void)
{
    uint64_t start = kit_now();

    for (unsigned n = 100000; n != 0; n--)
        __asm__ volatile("");
    return kit_now() - start;
}

static void find_instruction_ns(void)
{
    uint64_t first, again;

    loop_ns();
    first = loop_ns();
    again = loop_ns();
    if (first - again + 8 <= 16 && loop_ns() - first + 8 <= 16)
        instruction_ns = (first + 100000) / 200000; /* two instructions each time */
}

static volatile uint64_t deadline, arrived;
static unsigned port;
static struct multicall_entry calls[4096];
#define LAST  (ARRAY_SIZE(calls) - 1)
#define TO_DO 0x70d0
static volatile bool amid_calls; /* an event came before the list of calls was done */

static bool on_event(unsigned vcpu)
{
    (void)vcpu;
    if (arrived == 0 && ((volatile unsigned long *)shared->evtchn_pending)[0] >> port & 1)
        arrived = kit_now();
    amid_calls |= *(volatile unsigned long *)&calls[LAST].result == TO_DO;
    return false;
}

/* Runs op with a timer due after `in` nanoseconds; keeps the worst lateness. */
static uint64_t once(void (*op)(void), uint64_t in)
{
    struct vcpu_set_singleshot_timer t;

    arrived = 0;
    deadline = kit_now() + in;
    t = (struct vcpu_set_singleshot_timer){.timeout_abs_ns = deadline};
    hc3(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, &t);
    op();
    for (uint64_t end = kit_now() + KIT_PATIENCE; arrived == 0 && kit_now() < end;)
        ;
    return arrived <= deadline ? 0 : arrived - deadline;
}

/* allowed: instructions that the event may be late. */
static void measure(const char *name, void (*op)(void), void (*undo)(void), uint64_t allowed)
{
    static const uint64_t in[] = {20000, 60000, 200000, 700000};
    uint64_t worst = 0, least = ~0ul, late, start = kit_now();

    op();
    if (undo != NULL)
        undo();
    start = kit_now() - start;
    for (unsigned i = 0; i < ARRAY_SIZE(in); i++) {
        late = once(op, in[i]);
        if (undo != NULL)
            undo();
        worst = late > worst ? late : worst;
        least = late < least ? late : least;
        CHECK(arrived != 0);
    }
    printk("BENCH late_%s %lu\n", name, worst);
    if (instruction_ns != 0)
        kit_check(allowed == IN_PLACE || worst <= allowed * instruction_ns, __FILE__, __LINE__,
                  "%s: %lu instructions late", name, worst / instruction_ns);
    else
        kit_check(least < LIMIT, __FILE__, __LINE__, "%s: never less than %lu ns late", name,
                  least);
}

static void nothing(void) {}

static struct mmu_update updates[8192];

static void mmu_update(void)
{
    unsigned done = 0;

    CHECK_EQ(hc4(__HYPERVISOR_mmu_update, updates, ARRAY_SIZE(updates), &done, DOMID_SELF), 0);
    CHECK_EQ(done, ARRAY_SIZE(updates)); /* all of them, in however many goes */
}

static void multicall(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
        calls[i].op = __HYPERVISOR_xen_version;
        calls[i].args[0] = XENVER_version;
    }
    calls[LAST].result = TO_DO;
    CHECK_EQ(hc2(__HYPERVISOR_multicall, calls, ARRAY_SIZE(calls)), 0);
    CHECK(calls[LAST].result != TO_DO);
}

#define SPARE  0x8000u
#define FRAMES 16384u
static xen_pfn_t list[FRAMES];

static void take(void)
{
    CHECK_EQ(kit_reservation(XENMEM_decrease_reservation, list, FRAMES, 0, DOMID_SELF), FRAMES);
    for (unsigned i = 0; i < FRAMES; i++)
        list[i] = SPARE + i;
}

static void give(void)
{
    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, list, FRAMES, 0, DOMID_SELF), FRAMES);
}

static void give_large(void)
{
    for (unsigned i = 0; i < FRAMES / 512; i++)
        list[i] = SPARE + i * 512;
    CHECK_EQ(kit_reservation(XENMEM_populate_physmap, list, FRAMES / 512, 9, DOMID_SELF),
             FRAMES / 512);
}

static void take_large(void)
{
    CHECK_EQ(kit_reservation(XENMEM_decrease_reservation, list, FRAMES / 512, 9, DOMID_SELF),
             FRAMES / 512);
}

static struct gnttab_copy copies[512];

static void grant_copy(void)
{
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_copy, copies, ARRAY_SIZE(copies)), 0);
}

/* An L2 full of L1s full of entries: 100 tables, 51,200 entries to check. */
static uint64_t top;

static void pin(void)
{
    CHECK_EQ(kit_mmuext(MMUEXT_PIN_L2_TABLE, top, 0), 0);
}

static void unpin(void)
{
    CHECK_EQ(kit_mmuext(MMUEXT_UNPIN_TABLE, top, 0), 0);
}

static void build_tables(void)
{
    uint64_t *l2 = kit_page(), *page = kit_page();

    for (unsigned i = 0; i < 100; i++) {
        uint64_t *l1 = kit_page();

        for (unsigned n = 0; n < 512; n++)
            l1[n] = mk_pte(kit_mfn(page), PTE_RW);
        l2[i] = mk_pte(kit_mfn(l1), PTE_RW);
        kit_protect(l1, false);
    }
    kit_protect(l2, false);
    top = kit_mfn(l2);
}

static struct kit_child child;

static void idle(uint64_t unused)
{
    (void)unused;
}

static void create_child(void)
{
    CHECK_EQ(kit_child_create(&child, idle, 0, 3000, 1), 0);
}

static void destroy_child(void)
{
    while (kit_domctl(XEN_DOMCTL_destroydomain, child.domid, NULL, 0) == -XEN_EAGAIN)
        ;
}

/* The same seen by others: a child does nothing but long calls, and we want to wake up in time. */
static void busy(uint64_t unused)
{
    uint64_t *page = kit_page(), pte = kit_pte(page);

    (void)unused;
    kit_event_hook = NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(updates); i++)
        updates[i] = (struct mmu_update){kit_pte_maddr(page), i % 2 ? pte : pte & ~PTE_W};
    build_tables();
    for (;;) {
        mmu_update();
        multicall();
        pin();
        unpin();
    }
}

static void wake_ups(void)
{
    uint64_t worst = 0, at, late;
    unsigned slow = 0;

    CHECK_EQ(kit_child_create(&child, busy, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&child), 0);
    kit_sleep(20000000);
    for (unsigned i = 0; i < 200; i++) {
        at = kit_now() + 500000;
        kit_sleep(500000);
        late = kit_now() - at;
        worst = (int64_t)late > (int64_t)worst ? late : worst;
        slow += (int64_t)late > (int64_t)LIMIT;
    }
    destroy_child();
    printk("BENCH late_wake_up %lu\n", worst);
    if (instruction_ns != 0)
        CHECK(worst <= WAKE_WAIT + GOAL * instruction_ns);
    else
        CHECK(slow < 20);
}

void test_main(void)
{
    uint64_t *page = kit_page(), *other = kit_page(), pte = kit_pte(page);

    find_instruction_ns();
    port = kit_bind_virq(VIRQ_TIMER, 0);
    kit_unmask(port);
    kit_event_hook = on_event;
    kit_events_on();
    measure("nothing", nothing, NULL, GOAL);
    for (unsigned i = 0; i < ARRAY_SIZE(updates); i++)
        updates[i] = (struct mmu_update){kit_pte_maddr(page), i % 2 ? pte : pte & ~PTE_W};
    measure("mmu_update", mmu_update, NULL, GOAL);
    measure("multicall", multicall, NULL, GOAL);
    CHECK(amid_calls);
    for (unsigned i = 0; i < ARRAY_SIZE(copies); i++) {
        copies[i].len = 4096;
        copies[i].source.u.gmfn = kit_mfn(page);
        copies[i].dest.u.gmfn = kit_mfn(other);
        copies[i].source.domid = copies[i].dest.domid = DOMID_SELF;
    }
    measure("grant_copy", grant_copy, NULL, GOAL);
    build_tables();
    measure("pin", pin, unpin, IN_PLACE);
    pin();
    measure("unpin", unpin, pin, IN_PLACE);
    for (unsigned i = 0; i < FRAMES; i++)
        list[i] = ((uint64_t *)start_info->mfn_list)[SPARE + i];
    measure("decrease", take, give, GOAL);
    take();
    measure("populate", give, take, GOAL);
    measure("populate_large", give_large, take_large, LARGE_EXTENT);
    give();
    kit_events_off();
    wake_ups();
    kit_events_on();
    create_child();
    measure("destroy", destroy_child, create_child, DOMAIN_END);
    destroy_child();
}
