/* SPDX-License-Identifier: GPL-2.0-only */
/* The smallest guest: it runs, knows its start_info, reads its page tables, and takes a trap. */
#include <kit/kit.h>

static volatile unsigned int3s;

static void on_int3(struct kit_frame *f)
{
    (void)f;
    int3s++;
}

void test_main(void)
{
    int64_t version = hc2(__HYPERVISOR_xen_version, XENVER_version, 0);
    uint64_t *page = kit_page(), val;

    printk("hello from a guest of %lu pages on %ld.%ld\n", start_info->nr_pages, version >> 16,
           version & 0xffff);
    CHECK(memcmp(start_info->magic, "xen-3", 5) == 0);
    CHECK_EQ(version, (4 << 16) | 17);
    CHECK_EQ(((uint64_t *)HYPERVISOR_VIRT_START)[kit_mfn(page)], (uint64_t)page >> 12);
    CHECK(kit_write(page, 42) && kit_read(page, &val) && val == 42);
    CHECK(!kit_read((void *)0x7000000000ul, &val));
    CHECK_EQ(kit_last_cr2, 0x7000000000ul);
    kit_on_trap(3, on_int3);
    __asm__ volatile("int3");
    CHECK_EQ(int3s, 1);
    CHECK(kit_now() > 0);
}
