// SPDX-License-Identifier: GPL-2.0-only
/*
 * grant_batch.c: room for pieces of copies that go to the kernel in one call.
 */
#include "runtime.h"

#include <stdlib.h>

bool grant_batch_start(struct grant_batch *b, unsigned room)
{
    b->nr = 0;
    b->piece = calloc(room, sizeof(*b->piece));
    b->of = calloc(room, sizeof(*b->of));
    return b->piece && b->of;
}
