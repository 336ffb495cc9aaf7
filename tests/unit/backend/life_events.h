/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * life_events.h: the states that a device can be in, reached by what happened to it, and all that
 * can happen to it.
 */
#ifndef LODGE_TEST_LIFE_EVENTS_H
#define LODGE_TEST_LIFE_EVENTS_H

#include "device_steps.h"

struct life_event {
    const char *name;
    void (*happens)(const char *arg);
    const char *arg;
};

struct life_start {
    const char *name;
    void (*reach)(void);
    enum device_life life;
    bool stock; /* a device of the kernel's */
};

extern const struct life_event life_events[];
extern const unsigned life_nr_events;
extern const struct life_start life_starts[];
extern const unsigned life_nr_starts;
extern const char *life_dir; /* of the device under test */

const char *life_name(const struct device *d);
void life_reach(const struct life_start *s);
/* The tools make it once more, the first time or in the place of one that is there. */
void life_make(void);
/* Its nodes go, and its worker lets go: nothing of it may be left. */
void life_sweep(void);

#endif
