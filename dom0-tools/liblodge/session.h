// SPDX-License-Identifier: GPL-2.0-only
/*
 * session.h: a process's connections to the hypervisor and to xenstore, the way in which the
 * library's functions fail, and the list of domains.
 *
 * All functions of the library return 0 or a negative errno unless they say otherwise; after a
 * failure a sentence is in the session's message.
 */
#ifndef LODGE_SESSION_H
#define LODGE_SESSION_H

#include <libctl/libctl.h>
#include <libstore/libstore.h>
#include <public/domctl.h>
#include <stdbool.h>
#include <stdint.h>

#define LODGE_PATH 600 /* room for the path of a file of the library's */

/* One process's way to everything; for one thread. */
struct lodge_session {
    struct ctl ctl;
    struct store *store;   /* replaced in a daemon_store: do not keep a copy */
    const char *state_dir; /* saved configs: /var/lib/lodge, or $LODGE_STATE_DIR */
    const char *run_dir;   /* locks and sockets: /run/lodge, or $LODGE_RUN_DIR */
    int wait_ms;           /* how long devices may take to come and go */
    int lock_ms;           /* how long somebody else may change saved configs */
    bool scan_names;       /* the name index may be incomplete: look at all domains */
    char message[640];     /* after a failure */
};

/* Connects to the hypervisor and to xenstore. */
int lodge_open(struct lodge_session *l);
/* The same, but without xenstored all that is asked of it fails: store_is_dead(). */
int lodge_open_partly(struct lodge_session *l);
void lodge_close(struct lodge_session *l);

/* Leaves the sentence in l->message; returns `err`, made negative. */
int lodge_fail(struct lodge_session *l, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with what libctl, or the connection to xenstore, has to say. */
int lodge_fail_ctl(struct lodge_session *l, int err);
int lodge_fail_store(struct lodge_session *l, int err);

/* Events "new" when a domain is introduced and "gone" when one goes down or ends; to `event`. */
bool lodge_watch(struct store *s, store_event_fn *event);

/* All domains from number `first` on, malloc'ed; how many, or a negative errno. */
int lodge_domain_list_from(struct lodge_session *l, uint16_t first,
                           struct xen_domctl_getdomaininfo **out);
int lodge_domain_list(struct lodge_session *l, struct xen_domctl_getdomaininfo **out);
/*
 * For a caller that knows all domains below `next`: those from there on. If there are none, then
 * all: numbers have started from the bottom again, or it was no news.
 */
int lodge_domain_list_new(struct lodge_session *l, uint16_t next,
                          struct xen_domctl_getdomaininfo **out);
/* True if it is in the list, and not about to go. */
bool lodge_domain_lives(const struct xen_domctl_getdomaininfo *list, int nr, uint16_t domid);

#endif
