// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places for ring slots (ring.h), in a shared mapping of the file "rings" in the state directory,
 * so that what was stored there is still there when the daemon has been killed.
 */
#ifndef XENSTORED_SLOTS_H
#define XENSTORED_SLOTS_H

#include <stdint.h>

#include "ring.h"

/* Without a directory the slots live in memory only. 0 or -errno. */
int slots_open(const char *dir);

/* A free slot, cleared. NULL when there is no room. */
struct ring_slot *slots_new(uint32_t *index);
/* The slot that the saved state names; marks it as used. */
struct ring_slot *slots_at(uint32_t index);
void slots_free(uint32_t index);

#endif
