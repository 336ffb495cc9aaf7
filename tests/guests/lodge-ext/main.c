/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lodge's own extension (public/lodge.h): each operation, each of its errors, and that a guest
 * which has not asked sees nothing of it. What several vcpus try against each other is in
 * lodge-ext-race/.
 */
#include "ext.h"

static struct lodge_negotiate ask(uint64_t features)
{
    return (struct lodge_negotiate){.magic = LODGE_MAGIC,
                                    .version = LODGE_VERSION,
                                    .features = features,
                                    .direct_map_frames = start_info->nr_pages};
}

int negotiate(uint64_t features)
{
    struct lodge_negotiate n = ask(features);
    int rc = lodge(LODGE_negotiate, &n);

    CHECK_EQ(n.version, LODGE_VERSION);
    CHECK_EQ(n.features, features & ALL_FEATURES);
    return rc;
}

/* Every number that could be an operation, with an argument that would do. */
static void unknown(const char *when)
{
    struct lodge_mmu_list l = {0};

    for (uint64_t cmd = LODGE_negotiate + 1; cmd < 20; cmd++)
        kit_check(lodge(cmd, &l) == -XEN_ENOSYS, __FILE__, __LINE__, "%s: operation %lu", when,
                  cmd);
    CHECK_EQ(hc3(__HYPERVISOR_lodge_op, (1ull << 32) | LODGE_mmu_run, &l, 0), -XEN_ENOSYS);
    CHECK_EQ(hc0(__HYPERVISOR_lodge_sysret), -XEN_ENOSYS);
    CHECK_EQ(hc0(__HYPERVISOR_lodge_iret), -XEN_ENOSYS);
}

static void negotiation(void)
{
    struct lodge_negotiate n = ask(~0ull);

    unknown("before");
    n.magic++;
    CHECK_EQ(lodge(LODGE_negotiate, &n), -XEN_EINVAL);
    n = ask(~0ull);
    n.version = LODGE_VERSION + 1;
    CHECK_EQ(lodge(LODGE_negotiate, &n), -XEN_EOPNOTSUPP);
    CHECK_EQ(n.version, LODGE_VERSION);
    CHECK_EQ(n.features, ~0ull);
    CHECK_EQ(lodge(LODGE_negotiate, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(lodge(LODGE_negotiate, (void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
    unknown("after refusals");
    CHECK_EQ(negotiate(~0ull), 0);
    CHECK_EQ(negotiate(0), 0);
    unknown("after it was given back");
    CHECK_EQ(negotiate(ALL_FEATURES), 0);
    CHECK_EQ(lodge(99, &n), -XEN_ENOSYS);
}

void test_main(void)
{
    negotiation();
    runs();
}
