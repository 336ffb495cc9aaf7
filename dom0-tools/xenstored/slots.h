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

/* A free slot, cleared, and its number. NULL when there is no room. It stays where it is mapped. */
struct ring_slot *slots_new(uint32_t *index);
/* The slot that the saved state names, as it was left; marks it as used. NULL beyond the last,
 * and where it is used already: the state comes from a file. */
struct ring_slot *slots_at(uint32_t index);
/* Of a slot that one of these gave. Its contents are cleared when it is given out again. */
void slots_free(uint32_t index);

#endif
