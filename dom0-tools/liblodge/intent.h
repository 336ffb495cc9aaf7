// SPDX-License-Identifier: GPL-2.0-only
/*
 * intent.h: what is being done to a guest that went down, written down before it is done, so that
 * another process can bring it to its end.
 */
#ifndef LODGE_INTENT_H
#define LODGE_INTENT_H

#include "saved.h"

struct intent {
    struct saved saved;  /* of the guest that went down; `restarts` counts this one already */
    enum on_event event; /* what happened to it */
    unsigned tries;      /* how many processes did not come to the end of it */
    int fd;              /* of the file; holds the lock. -1: nothing is written down */
};

/* Writes it down, and holds it. -EBUSY: another process does it. */
int lodge_intent_begin(struct lodge_session *l, struct intent *in);
/* Takes over what a killed process has left. -ENOENT: nothing; -EBUSY: its process lives. */
int lodge_intent_take(struct lodge_session *l, const uint8_t uuid[16], struct intent *in);
/* It is done; with `later`, it is left to another process. Frees what is in it. */
void lodge_intent_end(struct lodge_session *l, struct intent *in, bool later);
/* The user wants the guest to be gone, which whoever is at it has to respect. False: nobody is. */
bool lodge_intent_cross_out(struct lodge_session *l, const uint8_t uuid[16]);
bool lodge_intent_crossed_out(const struct intent *in);
/*
 * Destroys a guest for good: the domain, or, where something is being done to the guest, whatever
 * comes of that. `domid` is -1 for a guest that has none at the moment.
 */
int lodge_intent_destroy(struct lodge_session *l, const uint8_t uuid[16], int domid);
/*
 * Destroys so the guests of this name that are being restarted; NULL: all that are. Returns how
 * many, or a negative errno.
 */
int lodge_intent_call_off(struct lodge_session *l, const char *who);
/*
 * Whether something is being done to a guest of this name, or former number; NULL: to any. But for
 * `except`, which may be NULL.
 */
bool lodge_intent_named(struct lodge_session *l, const char *who, const uint8_t *except,
                        uint8_t uuid[16]);
/* True while a process is at it; *there: there is one, held or left behind. */
bool lodge_intent_held(struct lodge_session *l, const uint8_t uuid[16], bool *there);
/* What that is: "restarted" or "removed". */
const char *lodge_intent_doing(struct lodge_session *l, const uint8_t uuid[16]);
/* Says that something is being done to the guest. -EBUSY. */
int lodge_intent_busy(struct lodge_session *l, const uint8_t uuid[16]);
void lodge_intent_dir(struct lodge_session *l, char *path); /* LODGE_PATH bytes */

#endif
