/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On processors of AMD the restore of floating-point state leaves the addresses and the opcode of
 * the last x87 instruction as they are, unless an exception is pending. They tell what was executed
 * by whoever ran before: a domain must never find another's.
 */
#include <kit/kit.h>

struct environment {
    uint32_t control, status, tag, ip, cs_and_opcode, operand, operand_selector;
};

static struct environment environment(void)
{
    struct environment e;

    __asm__ volatile("fnstenv %0" : "=m"(e) : : "memory"); /* itself it leaves no trace */
    return e;
}

static volatile unsigned rounds;

static void computes(uint64_t unused)
{
    static float operand = 1;

    (void)unused;
    for (;;) {
        __asm__ volatile("flds %0; fstps %0" : "+m"(operand));
        rounds++;
        if (rounds % 1000 == 0)
            kit_sleep(100000);
    }
}

void test_main(void)
{
    static float operand = 1;
    struct environment e;
    uint32_t seen = 0;
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, computes, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    for (unsigned i = 0; i < 300; i++) {
        kit_sleep(200000);
        e = environment();
        seen |= e.ip | e.operand;
    }
    /* Xen executes an x87 instruction of its own, whose address is seen then. */
    kit_check(seen == 0 || !on_lodge, __FILE__, __LINE__, "addresses of another domain's: %x",
              seen);
    CHECK(*(volatile unsigned *)kit_child_map(&c, (void *)&rounds) != 0);
    kit_child_unmap();
    __asm__ volatile("flds %0; fstps %0" : "+m"(operand));
    e = environment();
    if (e.ip == 0)
        kit_skip("this machine's FNSTENV tells no addresses at all");
    CHECK_EQ(kit_child_destroy(&c), 0);
}
