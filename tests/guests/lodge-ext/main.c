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

/* The direct map is the guest's to place, within its own addresses. */
static void direct_maps(void)
{
    static const struct {
        uint64_t base, frames;
        int rc;
    } t[] = {
        {1, 1, -XEN_EINVAL},
        {HYPERVISOR_VIRT_START, 1, -XEN_EINVAL},
        {HYPERVISOR_VIRT_END - 4096, 1, -XEN_EINVAL},
        {0x7ffffffff000, 2, -XEN_EINVAL},
        {0, 1ull << 36, -XEN_EINVAL},
        {0, ~0ull, -XEN_EINVAL},
        {~0xfffull, 2, -XEN_EINVAL},
        {HYPERVISOR_VIRT_END, 1ull << 52, -XEN_EINVAL},
        {HYPERVISOR_VIRT_END, 1ull << 30, 0},
        {0, 0, 0},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        struct lodge_negotiate n = ask(LODGE_F_ALIAS);

        n.direct_map = t[i].base;
        n.direct_map_frames = t[i].frames;
        CHECK_EQ(lodge(LODGE_negotiate, &n), t[i].rc);
        n = ask(0);
        n.direct_map = t[i].base; /* not looked at */
        CHECK_EQ(lodge(LODGE_negotiate, &n), 0);
    }
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
    direct_maps();
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
    CHECK_EQ(negotiate(LODGE_F_MMU_RUN), 0); /* the rest is off */
    runs();
    CHECK_EQ(negotiate(ALL_FEATURES), 0);
    aliases();
    new_tables();
    switches();
    areas();
}
