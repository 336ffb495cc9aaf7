// SPDX-License-Identifier: GPL-2.0-only
/*
 * saved.h: guests' configs on disk, each below the state directory under its uuid.
 */
#ifndef LODGE_SAVED_H
#define LODGE_SAVED_H

#include "domcfg.h"
#include "session.h"

struct saved {
    struct domcfg config;
    uint16_t domid;    /* when it was written; the uuid in the config is what identifies it */
    unsigned restarts; /* in a row, each soon after its start */
    int64_t started;   /* seconds since 1970: for people */
    int64_t since;     /* the same moment by now_seconds(): for what is counted from it */
};

int lodge_saved_write(struct lodge_session *l, const struct domcfg *dc, uint16_t domid,
                      unsigned restarts);
/* -ENOENT: this guest was not made by these tools. */
int lodge_saved_read(struct lodge_session *l, const uint8_t uuid[16], struct saved *out);
/*
 * Takes the lock on saved configs: whoever changes one, or acts by what is in one, does so alone.
 * Returns a descriptor to be closed, or a negative errno. -ENOENT: there was never a guest of ours
 * here. -ETIMEDOUT: another process has it and does not go on.
 */
int lodge_saved_lock(struct lodge_session *l);
/*
 * Changes a living guest's config on disk. Does nothing for a guest that has none. -EBUSY for one
 * that is just being restarted, which would not have the change.
 */
int lodge_saved_change(struct lodge_session *l, const uint8_t uuid[16],
                       void (*change)(struct domcfg *dc, void *arg), void *arg);
/* For who has the lock, and has looked what is being done to the guest. */
int lodge_saved_change_held(struct lodge_session *l, const uint8_t uuid[16],
                            void (*change)(struct domcfg *dc, void *arg), void *arg);
bool lodge_saved_exists(struct lodge_session *l, const uint8_t uuid[16]);
void lodge_saved_remove(struct lodge_session *l, const uint8_t uuid[16]);
void lodge_saved_free(struct saved *saved);
struct json_object *lodge_saved_to_json(const struct saved *saved);
/* -EINVAL: it is damaged, or another guest's. */
int lodge_saved_from_json(struct saved *out, struct json_object *js, const uint8_t uuid[16]);
/* What a file has, or NULL. With `end`, what stands behind it; malloc'ed. */
struct json_object *lodge_saved_load(int fd, char **end);

#endif
