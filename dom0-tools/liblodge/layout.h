// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout.h: which xenstore nodes a paravirtual guest has, and who may touch them.
 *
 * The layout is the one that Linux, xenconsoled, xenstore clients and xl expect.
 */
#ifndef LODGE_LAYOUT_H
#define LODGE_LAYOUT_H

#include <stdint.h>
#include <builder/builder.h>
#include "domcfg.h"
#include <libstore/libstore.h>

/*
 * <name> -> domid, for all guests; what makes "is this name taken?" one read. What a guest's name
 * may have and a path may not is written as @ and two hexadecimal digits: lodge_layout_name() makes
 * the path, which is good as long as one of store_fmt().
 */
#define LAYOUT_NAMES "/lodge/names"
const char *lodge_layout_name(const char *name);

/*
 * Below /vm/<uuid>: when the guest was made, by now_seconds(). start_time has it by the wall clock.
 */
#define LAYOUT_SINCE "since"

/* Queues all nodes of a guest: the caller opens the transaction and commits it. */
void lodge_layout_write(struct store *s, const struct domcfg *dc, const struct builder_result *r);
/* Removes the name's entry if it is this domain's, in a transaction. 0 or a negative errno. */
int lodge_layout_free_name(struct store *s, uint16_t domid, const char *name);
/* Removes all else, without a transaction: to remove it twice does no harm. */
int lodge_layout_remove(struct store *s, uint16_t domid, const uint8_t uuid[16]);
/* Queues the change of the name, as above. */
void lodge_layout_rename(struct store *s, uint16_t domid, const uint8_t uuid[16], const char *old,
                         const char *name);
/* Notes when a guest of other tools was made, by the start_time that these have written. */
void lodge_layout_note_start(struct store *s, const uint8_t handle[16]);
/* How long ago a guest was made; -1 where nobody has noted it. */
int64_t lodge_layout_seconds_up(struct store *s, const uint8_t handle[16]);
/* Gives a guest that was set aside a /vm entry of its own. */
void lodge_layout_move_vm(struct store *s, uint16_t domid, const uint8_t old[16],
                          const uint8_t uuid[16], const char *name);

#endif
