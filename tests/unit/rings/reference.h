// SPDX-License-Identifier: GPL-2.0-only
/*
 * reference.h: both ends of a ring by the macros of Debian's libxen-dev, which stock drivers use.
 * They are wrapped because those headers and ours define the same names.
 */
#ifndef LODGE_TEST_RINGS_REFERENCE_H
#define LODGE_TEST_RINGS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message {
    uint64_t number, check;
};

/* A front-end and a back-end, each on its own; `pages` is the ring's size in bytes. */
uint32_t reference_front_init(void *shared, size_t pages);
bool reference_front_put(const struct message *m);
bool reference_front_push(void);
bool reference_front_take(struct message *m);
bool reference_front_final_check(void);

uint32_t reference_back_init(void *shared, size_t pages);
bool reference_back_take(struct message *m);
void reference_back_put(const struct message *m);
bool reference_back_push(void);
bool reference_back_final_check(void);

#endif
