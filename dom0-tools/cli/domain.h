// SPDX-License-Identifier: GPL-2.0-only
/*
 * domain.h: a guest's life as the tools see it: create, find, rename, destroy.
 *
 * Used by `lodge` and by lodge-monitor, which restarts guests with the same code that created
 * them. A guest exists in four places that this module keeps in step: the hypervisor, xenstore,
 * the name index below /lodge/names, and the saved config under the state directory.
 */
#ifndef LODGE_DOMAIN_H
#define LODGE_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <libctl/libctl.h>
#include <public/domctl.h>
#include "domcfg.h"
#include "store.h"

/* One process's way to everything; for one thread. */
struct lodge {
    struct ctl ctl;
    struct store *store;   /* replaced by domain_reconnect(): do not keep a copy */
    const char *state_dir; /* saved configs: /var/lib/lodge, or $LODGE_STATE_DIR */
    const char *run_dir;   /* locks and sockets: /run/lodge, or $LODGE_RUN_DIR */
    int wait_ms;           /* how long devices may take to come and go */
    int lock_ms;           /* how long somebody else may change saved configs */
    bool scan_names;       /* the name index may be incomplete: look at all domains */
    store_event_fn *event; /* of domain_watch() */
    char message[640];     /* after a failure */
};

/* All functions return 0 or a negative errno, with a sentence in lodge->message. */
int domain_open(struct lodge *l);
/* The same, but without xenstored all that is asked of it fails: store_is_dead(). */
int domain_open_partly(struct lodge *l);
void domain_close(struct lodge *l);
int domain_fail(struct lodge *l, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Builds the guest and all of its entries; it stays paused. If anything fails nothing is left.
 * `restarts` is remembered for the monitor's guard against restart loops. A config without a uuid
 * gets one. -EEXIST: the name, or the uuid, is another guest's; -EBUSY: somebody is just making
 * one with this uuid. Signals wait until it is over.
 */
int domain_create(struct lodge *l, struct domcfg *dc, unsigned restarts, uint16_t *domid);

/* Lets a guest run that has been created. If somebody has destroyed it meanwhile, that is said. */
int domain_start(struct lodge *l, const struct domcfg *dc, uint16_t domid);

/* Takes a guest away that has just been made; the message stays the one of what went wrong. */
void domain_undo(struct lodge *l, const struct domcfg *dc, uint16_t domid);

/* Kills the guest and removes its entries from everywhere. Its back-ends get some seconds to close.
 */
int domain_destroy(struct lodge *l, uint16_t domid);
/* The same for one that may be gone already, from a destruction that did not come to its end. */
int domain_clear(struct lodge *l, uint16_t domid, const uint8_t uuid[16]);

/*
 * What is left in xenstore of a guest whose domain is gone, by its number or name; -ESRCH, with the
 * message that domain_find() left, where there is nothing.
 */
int domain_clear_left(struct lodge *l, const char *who);

/* A guest by name or number. */
int domain_find(struct lodge *l, const char *who, struct xen_domctl_getdomaininfo *info);
/* malloc'ed, never NULL: "Domain-0" and "(null)" stand in for names that are missing, and "?"
 * for one that only xenstore would know, which is not there. */
char *domain_name(struct lodge *l, uint16_t domid);
/* Names of many, in one round trip; free() each. */
void domain_names(struct lodge *l, const struct xen_domctl_getdomaininfo *info, unsigned nr,
                  char **names);
/* All domains from number `first` on, malloc'ed; how many, or a negative errno. */
int domain_list_from(struct lodge *l, uint16_t first, struct xen_domctl_getdomaininfo **out);
int domain_list(struct lodge *l, struct xen_domctl_getdomaininfo **out);
/*
 * For who knows all below `next`: those from there on. All, if there are none: numbers have started
 * from the bottom again, or it was no news.
 */
int domain_list_new(struct lodge *l, uint16_t next, struct xen_domctl_getdomaininfo **out);
/* True if it is in the list, and not about to go. */
bool domain_lives(const struct xen_domctl_getdomaininfo *list, int nr, uint16_t domid);

/* Events "new" when a domain is introduced and "gone" when one goes down or ends; to `event`. */
bool domain_watch(struct lodge *l, store_event_fn *event);
/* A new connection in place of a dead one, with those watches; false: there is no xenstored yet. */
bool domain_reconnect(struct lodge *l);

int domain_rename(struct lodge *l, const struct xen_domctl_getdomaininfo *info, const char *name);
/*
 * Out of the way of its successor: a new uuid, and a name with a number behind it. `was`: the name
 * that it had before anybody began with that.
 */
int domain_set_aside(struct lodge *l, const struct xen_domctl_getdomaininfo *info, const char *was);

/* --- names.c: which guest has which name ------------------------------------------------------ */

/* By the index, or by looking at all domains; -ESRCH, also where the index has a stale entry. */
int names_look_up(struct lodge *l, const char *name, struct xen_domctl_getdomaininfo *info);
int names_scan(struct lodge *l, const char *name, struct xen_domctl_getdomaininfo *info);
/*
 * 0 if the name is free. A guest that is just being restarted has its name still. `uuid`: whose
 * name it is to be, or NULL.
 */
int names_check(struct lodge *l, const char *name, const uint8_t *uuid);
/* Rebuilds what is missing or wrong in the index. */
int names_repair(struct lodge *l);

/* --- settings.c: what a config tells the hypervisor ------------------------------------------ */

struct builder_config;
/* What the domain is made with. It points into the config. */
void settings_for_builder(const struct domcfg *dc, struct builder_config *bc);
/* Refuses what this machine's hypervisor would refuse of a config that is as it should be. */
int settings_check(struct lodge *l, const struct domcfg *dc);
/* What is set once there is a domain: affinity, shares, clocks. */
int settings_apply(struct lodge *l, const struct domcfg *dc, uint16_t domid);

/* --- saved.c: configs on disk --------------------------------------------------------------- */

struct saved {
    struct domcfg config;
    uint16_t domid;    /* when it was written; the uuid in the config is what identifies it */
    unsigned restarts; /* in a row, each soon after its start */
    int64_t started;   /* seconds since 1970: for people */
    int64_t since;     /* the same moment by now_seconds(): for what is counted from it */
};

int saved_write(struct lodge *l, const struct domcfg *dc, uint16_t domid, unsigned restarts);
/* -ENOENT: this guest was not made by these tools. */
int saved_read(struct lodge *l, const uint8_t uuid[16], struct saved *out);
/*
 * One who changes a config, or has something done according to it, at a time. A descriptor to be
 * closed, or a negative errno. -ENOENT: no guest of ours has ever been here; -ETIMEDOUT: another
 * process has it and does not go on.
 */
int saved_lock(struct lodge *l);
/*
 * Changes a living guest's config on disk. Does nothing for a guest that has none. -EBUSY for one
 * that is just being restarted, which would not have the change.
 */
int saved_change(struct lodge *l, const uint8_t uuid[16],
                 void (*change)(struct domcfg *dc, void *arg), void *arg);
/* For who has the lock, and has looked what is being done to the guest. */
int saved_change_held(struct lodge *l, const uint8_t uuid[16],
                      void (*change)(struct domcfg *dc, void *arg), void *arg);
bool saved_exists(struct lodge *l, const uint8_t uuid[16]);
void saved_remove(struct lodge *l, const uint8_t uuid[16]);
void saved_free(struct saved *saved);
struct json_object *saved_to_json(const struct saved *saved);
/* -EINVAL: it is damaged, or another guest's. */
int saved_from_json(struct saved *out, struct json_object *js, const uint8_t uuid[16]);
/* What a file has, or NULL. With `end`, what stands behind it; malloc'ed. */
struct json_object *saved_load(int fd, char **end);

/* --- intent.c: what is being done to a guest that went down ----------------------------------- */

struct intent {
    struct saved saved;  /* of the guest that went down; `restarts` counts this one already */
    enum on_event event; /* what happened to it */
    unsigned tries;      /* how many processes did not come to the end of it */
    int fd;              /* of the file; holds the lock. -1: nothing is written down */
};

/* Writes it down, and holds it. -EBUSY: another process does it. */
int intent_begin(struct lodge *l, struct intent *in);
/* Takes over what a killed process has left. -ENOENT: nothing; -EBUSY: its process lives. */
int intent_take(struct lodge *l, const uint8_t uuid[16], struct intent *in);
/* It is done, or for `later` left to another process. Frees what is in it. */
void intent_end(struct lodge *l, struct intent *in, bool later);
/* The user wants the guest to be gone, which whoever is at it has to respect. False: nobody is. */
bool intent_cross_out(struct lodge *l, const uint8_t uuid[16]);
bool intent_crossed_out(const struct intent *in);
/*
 * Destroys a guest for good: the domain, or, where something is being done to the guest, whatever
 * comes of that. `domid` is -1 for a guest that has none at the moment.
 */
int intent_destroy(struct lodge *l, const uint8_t uuid[16], int domid);
/* That for whom this names, NULL: for all. How many were being restarted, or a negative errno. */
int intent_call_off(struct lodge *l, const char *who);
/*
 * Whether something is being done to a guest of this name, or former number; NULL: to any. But for
 * `except`, which may be NULL.
 */
bool intent_named(struct lodge *l, const char *who, const uint8_t *except, uint8_t uuid[16]);
/* True while a process is at it; *there: there is one, held or left behind. */
bool intent_held(struct lodge *l, const uint8_t uuid[16], bool *there);
/* What that is: "restarted" or "removed". */
const char *intent_doing(struct lodge *l, const uint8_t uuid[16]);
/* Says that something is being done to the guest. -EBUSY. */
int intent_busy(struct lodge *l, const uint8_t uuid[16]);
void intent_dir(struct lodge *l, char *path); /* LOCKFILE_PATH bytes */

/* --- pending.c: guests in the making --------------------------------------------------------- */

/* A descriptor to hand to pending_end(), or a negative errno. */
int pending_begin(struct lodge *l, const uint8_t uuid[16]);
void pending_end(struct lodge *l, const uint8_t uuid[16], int fd);
/* True if its maker was killed. */
bool pending_abandoned(struct lodge *l, const uint8_t uuid[16]);
/* Destroys what a killed maker has left; nothing, if somebody is making the guest again. */
void pending_reap(struct lodge *l, const uint8_t uuid[16]);
void pending_dir(struct lodge *l, char *path); /* LOCKFILE_PATH bytes */

/* --- daemon.c: the daemons' presence --------------------------------------------------------- */

/* Takes the daemon's lock; -EAGAIN where one runs. The descriptor stays open as long as it runs. */
int daemon_lock(struct lodge *l, const char *name, int *fd);
bool daemon_runs(struct lodge *l, const char *name);
/* Starts the daemon if none runs; true if one was running. */
bool daemon_ensure(struct lodge *l, const char *name);
/* Into the background; the parent leaves only after daemon_ready(). */
int daemon_detach(int *ready_fd);
/* Messages go to the log file from here on. */
void daemon_ready(int ready_fd, const char *log);
void daemon_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
