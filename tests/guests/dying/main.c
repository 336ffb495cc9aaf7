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
        list[i] = (struct multicall_entry){
            .op = __HYPERVISOR_sched_op, .args = {SCHEDOP_watchdog, (uint64_t)&w}};
    alias(list, (unsigned)tables);
    hc2(__HYPERVISOR_multicall, LIST, tables * 512 * PAGE_ENTRIES);
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

/* Whether the hypervisor has said so since the last time that the log was read. */
static bool in_log(const char *what)
{
    static char text[16384];
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_readconsole,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    unsigned n, length = 0;

    op.u.readconsole.clear = 1;
    op.u.readconsole.buffer.p = text;
    op.u.readconsole.count = sizeof(text);
    CHECK_EQ(hc1(__HYPERVISOR_sysctl, &op), 0);
    n = op.u.readconsole.count;
    while (what[length] != 0)
        length++;
    for (unsigned i = 0; i + length <= n; i++)
        if (memcmp(text + i, what, length) == 0)
            return true;
    return false;
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
    CHECK(!in_log("watchdog has run out"));
}

void test_main(void)
{
    in_log(""); /* what was said before */
    timers();
}
