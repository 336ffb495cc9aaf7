/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this guest share: the calls under test, and random numbers. */
#ifndef RACE_H
#define RACE_H

#include <kit/kit.h>
#include <public/lodge.h>

static inline uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline int lodge(uint64_t cmd, uint64_t a2, uint64_t a3)
{
    return (int)hc3(__HYPERVISOR_lodge_op, cmd, a2, a3);
}

static inline int negotiate(uint64_t features, uint64_t base)
{
    struct lodge_negotiate n = {.magic = LODGE_MAGIC,
                                .version = LODGE_VERSION,
                                .features = features,
                                .direct_map = base,
                                .direct_map_frames = 1ull << 20};

    return lodge(LODGE_negotiate, (uint64_t)&n, 0);
}

void level_child(uint64_t rounds);
void flip_child(uint64_t rounds);
void fire_child(uint64_t rounds);

#endif
