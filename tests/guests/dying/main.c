/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Children that are destroyed in the middle of a hypercall that works for a long time, and what
 * that call does meanwhile. The list of such a call is one page, seen at 512 addresses by way of an
 * L1 table, and that table 512 times by way of an L2: a gigabyte of entries in two pages.
 */
#include <kit/kit.h>
#include <public/domctl.h>
#include <public/sysctl.h>

#define LIST         0x40000000ul /* the second gigabyte of a child's address space */
#define ENTRY        sizeof(struct multicall_entry)
#define PAGE_ENTRIES (PAGE_SIZE / ENTRY)

static int put_entry(uint64_t table_mfn, unsigned i, uint64_t mfn, uint64_t flags)
{
    return kit_mmu_update(table_mfn << 12 | i * 8, mk_pte(mfn, flags));
}

/* The page at LIST and at each of the pages that follow it, in `tables` times two megabytes. */
static void alias(void *page, unsigned tables)
{
    uint64_t *l1 = kit_page(), *l2 = kit_page(), mfn1 = kit_mfn(l1), mfn2 = kit_mfn(l2);
    uint64_t mfn = kit_mfn(page);

    for (unsigned i = 0; i < 512; i++) {
        l1[i] = mk_pte(mfn, PTE_RW);
        l2[i] = i < tables ? mk_pte(mfn1, PTE_RW) : 0;
    }
    CHECK_EQ(kit_protect(l1, false), 0);
    CHECK_EQ(kit_protect(l2, false), 0);
    CHECK_EQ(put_entry(kit_table_mfn(3, (void *)LIST), LIST >> 30, mfn2, PTE_RW), 0);
}

/* A watchdog, wound by every entry. */
static void winds(uint64_t tables)
{
    static struct sched_watchdog w = {.timeout = 2};
    struct multicall_entry *list = kit_page();

    w.id = (uint32_t)hc2(__HYPERVISOR_sched_op, SCHEDOP_watchdog, &w);
    for (unsigned i = 0; i < PAGE_ENTRIES; i++)
        list[i] = (struct multicall_entry){.op = __HYPERVISOR_sched_op,
                                           .args = {SCHEDOP_watchdog, (uint64_t)&w}};
    alias(list, (unsigned)tables);
    hc2(__HYPERVISOR_multicall, LIST, tables * 512 * PAGE_ENTRIES);
    kit_shutdown(SHUTDOWN_poweroff);
}

/* Three words an operation, which do not divide a page: so each word is the command. */
static void flushes(uint64_t tables)
{
    uint64_t *list = kit_page();

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*list); i++)
        list[i] = MMUEXT_TLB_FLUSH_LOCAL;
    alias(list, (unsigned)tables);
    hc4(__HYPERVISOR_mmuext_op, LIST, (tables << 21) / sizeof(struct mmuext_op), 0, DOMID_SELF);
    kit_shutdown(SHUTDOWN_poweroff);
}

static void flushes_cache(uint64_t tables)
{
    struct gnttab_cache_flush *list = kit_page();

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*list); i++) {
        list[i].a.dev_bus_addr = kit_mfn(list) << 12;
        list[i].length = PAGE_SIZE;
        list[i].op = GNTTAB_CACHE_CLEAN;
    }
    alias(list, (unsigned)tables);
    hc3(__HYPERVISOR_grant_table_op, GNTTABOP_cache_flush, LIST, (tables << 21) / sizeof(*list));
    kit_shutdown(SHUTDOWN_poweroff);
}

static void writes(uint64_t tables)
{
    alias(memset(kit_page(), '.', PAGE_SIZE), (unsigned)tables);
    hc3(__HYPERVISOR_console_io, CONSOLEIO_write, tables << 21, LIST);
    kit_shutdown(SHUTDOWN_poweroff);
}

/* How long its end takes, in milliseconds. */
static unsigned destroy_in_the_middle(void (*fn)(uint64_t), uint64_t arg)
{
    struct kit_child c;
    uint64_t start;

    CHECK_EQ(kit_child_create(&c, fn, arg, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    kit_sleep(50000000);
    start = kit_now();
    CHECK_EQ(kit_child_destroy(&c), 0);
    return (unsigned)((kit_now() - start) / 1000000);
}

/* How often the hypervisor has said so since the last time that the log was read. */
static unsigned in_log(const char *what)
{
    static char text[16384];
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_readconsole,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    unsigned n, length = 0, found = 0;

    op.u.readconsole.clear = 1;
    op.u.readconsole.buffer.p = text;
    op.u.readconsole.count = sizeof(text);
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    n = op.u.readconsole.count;
    while (what[length] != 0)
        length++;
    for (unsigned i = 0; i + length <= n; i++)
        found += memcmp(text + i, what, length) == 0;
    return found;
}

/*
 * A timer of a domain that is gone would be found by the timers that are set and expire after it,
 * in memory that is something else's.
 */
static void timers(void)
{
    for (unsigned i = 0; i < 4; i++)
        destroy_in_the_middle(winds, 4);
    kit_sleep(2500000000);
    CHECK_EQ(in_log("watchdog has run out"), 0);
}

/*
 * A gibibyte of entries lasts for tens of seconds, also on a fast machine, and half a terabyte of
 * them is as easy to make; an end that waits for none of it is over sooner on any machine.
 */
static void no_delay(void)
{
    static void (*const fn[])(uint64_t) = {winds, flushes, flushes_cache, writes};

    for (unsigned i = 0; i < ARRAY_SIZE(fn); i++) {
        unsigned ms = destroy_in_the_middle(fn[i], 512);

        kit_check(ms < 5000, __FILE__, __LINE__, "list %u: the end took %u ms", i, ms);
    }
}

static volatile bool destroyed;

static void destroy(void *domid)
{
    static struct xen_domctl op = {.cmd = XEN_DOMCTL_destroydomain,
                                   .interface_version = XEN_DOMCTL_INTERFACE_VERSION};

    op.domain = *(domid_t *)domid;
    CHECK_EQ(hc1(__HYPERVISOR_domctl, &op), 0);
    destroyed = true;
    for (;;)
        hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
}

/* Nothing stops a dying vcpu but its end, so whoever asks for that must not be made to wait. */
static void pause_the_dying(void)
{
    uint64_t start, longest = 0;
    struct kit_child c;
    int rc;

    CHECK_EQ(kit_child_create(&c, flushes, 512, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    kit_sleep(50000000);
    CHECK_EQ(kit_vcpu_start(1, destroy, &c.domid), 0);
    do {
        start = kit_now();
        rc = kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0);
        if (rc == 0)
            kit_domctl(XEN_DOMCTL_unpausedomain, c.domid, NULL, 0);
        if (kit_now() - start > longest)
            longest = kit_now() - start;
    } while (!destroyed);
    kit_check(longest < 5000000000, __FILE__, __LINE__, "a pause of the dying took %lu ns",
              longest);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_pausedomain, c.domid, NULL, 0), -XEN_ESRCH);
}

static void crashes(uint64_t unused)
{
    static struct sched_shutdown s = {.reason = SHUTDOWN_crash};
    struct multicall_entry *list = kit_page();

    (void)unused;
    for (unsigned i = 0; i < PAGE_ENTRIES; i++)
        list[i] = (struct multicall_entry){.op = __HYPERVISOR_sched_op,
                                           .args = {SCHEDOP_shutdown, (uint64_t)&s}};
    hc2(__HYPERVISOR_multicall, list, PAGE_ENTRIES);
}

/* Each report is tens of lines at the speed of a serial line, with interrupts off. */
static void one_report(void)
{
    kit_child_case("a list of crashes", crashes, 0, SHUTDOWN_crash);
    CHECK_EQ(in_log("in guest kernel mode"), 1);
}

#define HEIR 777u
static volatile int64_t answer, asked;

static void asks(uint64_t unused)
{
    static domid_t domid = HEIR;

    (void)unused;
    for (;;) {
        answer = hc2(__HYPERVISOR_memory_op, XENMEM_current_reservation, &domid);
        asked++;
        kit_sleep(1000000);
    }
}

static int64_t peek(struct kit_child *c, volatile int64_t *va)
{
    int64_t *at = kit_child_map(c, (const void *)va), value = at != NULL ? *at : 0;

    kit_child_unmap();
    return value;
}

/* What the child is told from here on when it asks about HEIR. */
static int64_t answer_of(struct kit_child *c)
{
    int64_t before = peek(c, &asked);

    while (peek(c, &asked) < before + 2)
        kit_sleep(1000000);
    return peek(c, &answer);
}

static void heir(void)
{
    struct xen_domctl_createdomain create = {.max_vcpus = 1,
                                             .max_evtchn_port = 127,
                                             .max_grant_frames = 4,
                                             .max_maptrack_frames = 4,
                                             .grant_opts = 1};

    CHECK_EQ(kit_domctl(XEN_DOMCTL_createdomain, HEIR, &create, sizeof(create)), HEIR);
}

/* Power over a domain ends with that domain, and does not pass to the next one of its number. */
static void inherited(void)
{
    struct xen_domctl_set_target target = {.target = HEIR};
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, asks, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    heir();
    CHECK_EQ(answer_of(&c), -XEN_EPERM);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_set_target, c.domid, &target, sizeof(target)), 0);
    CHECK_EQ(answer_of(&c), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_destroydomain, HEIR, NULL, 0), 0);
    heir();
    CHECK_EQ(answer_of(&c), -XEN_EPERM);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_destroydomain, HEIR, NULL, 0), 0);
    CHECK_EQ(kit_child_destroy(&c), 0);
}

void test_main(void)
{
    in_log(""); /* what was said before */
    one_report();
    inherited();
    timers();
    no_delay();
    pause_the_dying();
}
