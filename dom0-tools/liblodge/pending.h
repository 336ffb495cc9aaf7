// SPDX-License-Identifier: GPL-2.0-only
/*
 * pending.h: guests in the making, so that nothing stays of one whose maker is killed.
 */
#ifndef LODGE_PENDING_H
#define LODGE_PENDING_H

#include "session.h"

/* A descriptor to hand to lodge_pending_end(), or a negative errno. */
int lodge_pending_begin(struct lodge_session *l, const uint8_t uuid[16]);
void lodge_pending_end(struct lodge_session *l, const uint8_t uuid[16], int fd);
/* True if its maker was killed. */
bool lodge_pending_abandoned(struct lodge_session *l, const uint8_t uuid[16]);
/* Destroys what a killed maker has left; nothing, if somebody is making the guest again. */
void lodge_pending_reap(struct lodge_session *l, const uint8_t uuid[16]);
void lodge_pending_dir(struct lodge_session *l, char *path); /* LODGE_PATH bytes */

#endif
