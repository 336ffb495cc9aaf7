/* SPDX-License-Identifier: GPL-2.0-only */
/* What came of the guest's accesses to ports, one by one and as strings. */
#include <kit/kit.h>

#include "hvm.h"
#include "layout.h"

#define X86_PF 14

void hvm_look_ports(void)
{
    CHECK_EQ(answers[A_FIRST], UINT32_MAX);
}

void hvm_look_strings(void)
{
    static const uint64_t expected[] = {
        0,      G_ANSWERS + 4, 0, G_ANSWERS + 2048, 0xffffffffffff0000, X86_PF, 3,
        G_SIZE, G_CODE + 20000};

    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        CHECK_EQ(answers[A_FIRST + i], expected[i]);
    CHECK_EQ(answers[A_ERROR], 0);
}
