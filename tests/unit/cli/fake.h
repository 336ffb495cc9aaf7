// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake.h: a made-up machine behind libctl's and libstore's functions, chosen at link time.
 *
 * It has a few domains and a xenstore tree, starts the same in every process, and can be told to
 * fail at one point. What the tools do to it can be printed afterwards.
 */
#ifndef LODGE_TEST_FAKE_H
#define LODGE_TEST_FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <liblodge/liblodge.h>

#define FAKE_MAX_DOMAINS 32

struct fake_domain {
    bool used;
    struct xen_domctl_getdomaininfo info;
    struct ctl_sched sched;
    struct ctl_cpumap pin[4], soft[4];
    uint32_t tsc_mode;
    int64_t time_offset;
};

extern struct fake_domain fake_domains[FAKE_MAX_DOMAINS];
extern uint64_t fake_free_pages;
/* "builder", "affinity", "commit", "introduce", "unpause": the step that fails from now on. */
extern const char *fake_failing;
/* How many transactions fail with EAGAIN before one is let through. */
extern unsigned fake_conflicts;
/* A node that somebody goes on changing: each transaction that has read it fails with EAGAIN. */
extern const char *fake_restless;
/* Called before each change of the machine or the store; may not come back. */
extern void (*fake_step)(void);
/* Called for each node that is written, or removed (value is NULL), in their order. */
extern void (*fake_wrote)(const char *path, const char *value);
/* How often the whole list of domains was asked for: creation must not. */
extern unsigned fake_lists;

/*
 * How back-ends and front-ends answer: NULL or "well", at once and well; "dead", not at all;
 * "busy", the guest goes on using its disks; "silent", its drivers do not answer; "no-hotplug", a
 * kernel's back-end takes a device that nobody plugs in; "error:WHY", it cannot be taken;
 * "refuses:IMAGE", well but for that one; "unconnected", its disk has no front-end yet;
 * "nat", well, and interfaces are behind NAT, whatever they were to be. It is what
 * $LODGE_FAKE_BACKEND says; where that is set, web has a disk and an interface.
 */
extern const char *fake_backend;
/* Called after each change of the store. */
bool fake_backend_answers(void);
/* A device that works: of class vbd or vif. */
void fake_device(uint16_t domid, const char *class, const char *type, unsigned devid);

/* With $LODGE_FAKE_CD web has a CD, xvdc. */
/* With $LODGE_FAKE_LEFT the store has what is left of a guest "left" that was domain 5. */
/* With $LODGE_FAKE_LONG web has a name of 60 letters, much memory, and has run for years. */
/* Domain 0, and: web (3, blocked), db (7, paused, 2 vcpus), old (9,
 * crashed), xl-made (12). */
void fake_reset(void);
struct fake_domain *fake_by_domid(uint16_t domid);
/* Sets the shutdown flag and reason. */
void fake_down(uint16_t domid, unsigned reason);

/* The tree. */
/* What store_is_dead() says; nothing else changes. */
extern bool fake_store_dead;
extern int fake_store_fd; /* what the loop would watch */
/* What is queued and the open transaction go with the one who has made them. */
void fake_store_client_died(void);
void fake_store_reset(void);
const char *fake_store_value(const char *path);
const char *fake_store_perms(const char *path);
void fake_store_set(const char *path, const char *value, const char *perms);
/* Lines "path = "value" (perms)", those below `prefix`. */
void fake_store_print(const char *prefix);
unsigned fake_store_count(void);
/* The n-th node; NULL behind the last. */
const char *fake_store_path(unsigned n);

#endif
