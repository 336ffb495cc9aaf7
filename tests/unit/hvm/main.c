/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the tests of each device, counts, and has the processor's side of an interrupt. */
#include <hvm/vint.h>

#include "unit.h"

unsigned unit_passed, unit_failed;

uint32_t unit_random(void)
{
    static uint64_t s = 88172645463325252ull;

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (uint32_t)(s >> 16);
}

/* All 64 states, by what must be true of them. */
void test_vint(void)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < 64; i++) {
        struct vint v = {.pending = i & 1,
                         .enabled = i & 2,
                         .shadow = i & 4,
                         .injecting = i & 8,
                         .halted = i & 16,
                         .nmi_pending = i & 32};
        enum vint_action a = vint_decide(&v);
        bool awake = !v.halted || v.nmi_pending || v.injecting;

        if (a == VINT_INJECT)
            wrong += !v.pending || !v.enabled || v.shadow || v.injecting;
        else if (a == VINT_WINDOW)
            wrong += !v.pending || (v.enabled && !v.shadow && !v.injecting);
        else if (a == VINT_WAIT)
            wrong += awake || !v.enabled || v.pending;
        else if (a == VINT_OFF)
            wrong += awake || v.enabled;
        else
            wrong += v.pending || !awake;
    }
    CHECK(wrong == 0);
    CHECK(vint_decide(&(struct vint){.pending = true, .enabled = true, .halted = true}) ==
          VINT_INJECT);
    CHECK(vint_decide(&(struct vint){.pending = true, .halted = true}) == VINT_OFF);
    CHECK(vint_decide(&(struct vint){.pending = true}) == VINT_WINDOW);
}

int main(void)
{
    test_pic();
    test_pit();
    test_uart();
    test_rtc();
    test_vint();
    test_board();
    test_storm();
    printf("%u passed, %u failed\n", unit_passed, unit_failed);
    return unit_failed != 0;
}
