/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device_steps.h: one disk of guest 5, its kind and its worker, and what the guest, the tools and
 * the worker do to it; each step ends when the supervisor has nothing more to do.
 */
#ifndef LODGE_TEST_DEVICE_STEPS_H
#define LODGE_TEST_DEVICE_STEPS_H

#include <stdio.h>
#include <backends/backend.h>

#include "fake.h"

#define BACK  "/local/domain/0/backend/lodge-vbd/5/51712"
#define FRONT "/local/domain/5/device/vbd/51712"

#define CHECK_STATE(want) CHECK_STR(fake_store_value(BACK "/state"), want)

extern bool alive; /* xenstored knows the guest */

/* The kind of device, and its worker. */
extern struct device_test {
    int probe, connect, attached; /* what they answer */
    bool no_worker;               /* it does not run: nobody can be asked to let go */
    unsigned probes, closes, disconnects, attaches, detaches, changes;
    bool reconnect; /* as it was in the last connect() */
    FILE *trace;    /* where all that the supervisor does is written; NULL: nowhere */
    unsigned lines; /* in the log */
    char line[300]; /* the last of them */
    int64_t now;
} t;
extern const struct device_type kind, stock_kind;

/* In the trace, with a separator. */
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct device *only(void); /* the newest */
void worker_attached(void);
void look(void); /* as the loop in main.c */
void front(const char *state);
void back(const char *key, const char *value);
void tools_make_it(void);
void tools_remove_it(void);
void begin(void);
void connected(void);

#endif
