/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * splitdev_wait.h: inside the tools' part of split devices: waiting for their back-ends.
 */
#ifndef LODGE_SPLITDEV_WAIT_H
#define LODGE_SPLITDEV_WAIT_H

#include <errno.h>
#include <public/io/xenbus.h>
#include "splitdev.h"

/* A state; the guest may have written anything. */
int lodge_splitdev_state(const char *text);

/* What the back-end said so far; strings may be NULL. */
struct splitdev_answer {
    char *state, *status, *hotplug, *error, *resized;
};

/* 1: the device is where it shall be; 0: not yet; or a negative errno with a message. */
typedef int splitdev_check_fn(struct lodge_session *l, const struct splitdev *dev,
                              const struct splitdev_answer *a);

/*
 * Waits until the check is content with each of them. -ETIMEDOUT: *late is one with which it is
 * not, and there is no message yet.
 */
int splitdev_wait_for(struct lodge_session *l, const struct splitdev *dev, unsigned nr, int ms,
                      splitdev_check_fn *check, const struct splitdev **late);

/* For store_on_event(), with a bool that says that something has happened. */
void splitdev_note_event(void *again, const char *path, const char *token);
/* Waits until that bool is true, for so long at most, and clears it. */
void splitdev_await_event(struct store *s, bool *again, int64_t ms);

#endif
