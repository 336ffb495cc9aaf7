// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake.h: a made-up machine behind libctl's and store.h's functions, chosen at link time.
 *
 * It has a few domains and a xenstore tree, starts the same in every process, and can be told to
 * fail at one point. What the tools do to it can be printed afterwards.
 */
#ifndef LODGE_TEST_FAKE_H
#define LODGE_TEST_FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <cli/domain.h>

#define FAKE_MAX_DOMAINS 32

struct fake_domain {
    bool used;
    struct xen_domctl_getdomaininfo info;
    struct ctl_sched sched;
    struct ctl_cpumap pin[4];
};

extern struct fake_domain fake_domains[FAKE_MAX_DOMAINS];
extern uint64_t fake_free_pages;
/* "builder", "affinity", "commit", "introduce", "unpause": the step that fails from now on. */
extern const char *fake_failing;
/* How many transactions fail with EAGAIN before one is let through. */
extern unsigned fake_conflicts;
/* How often the whole list of domains was asked for: creation must not. */
extern unsigned fake_lists;

/* Domain 0, and: web (3, blocked), db (7, paused, 2 vcpus), old (9, crashed), xl-made (12). */
void fake_reset(void);
struct fake_domain *fake_by_domid(uint16_t domid);
/* Sets the shutdown flag and reason. */
void fake_down(uint16_t domid, unsigned reason);

/* The tree. */
void fake_store_reset(void);
const char *fake_store_value(const char *path);
void fake_store_set(const char *path, const char *value, const char *perms);
/* Lines "path = "value" (perms)", those below `prefix`. */
void fake_store_print(const char *prefix);
unsigned fake_store_count(void);

#endif
