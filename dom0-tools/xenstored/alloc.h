// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for the daemon. Every allocation that a guest can cause is bounded by a quota before it
 * is made, so running out means that dom0 itself is out of memory; then the daemon stops with a
 * message, and the one started next carries on from the saved state.
 */
#ifndef XENSTORED_ALLOC_H
#define XENSTORED_ALLOC_H

#include <stddef.h>

/* None of these returns NULL, not even for a size of 0. The caller frees with free(). */
void *alloc_zero(size_t size);
void *alloc_copy(const void *src, size_t size); /* `src` may be NULL where `size` is 0 */
char *alloc_string(const char *s);

/*
 * Makes *array hold at least `want` items of `size` bytes; grows geometrically. Returns the array,
 * which may have moved; *cap is its room in items, 0 for an array that is still NULL. What is new
 * in it is not zeroed.
 */
void *alloc_grow(void *array, unsigned int *cap, unsigned int want, size_t size);

#endif
