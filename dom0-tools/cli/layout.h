// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout.h: which xenstore nodes a paravirtual guest has, and who may touch them.
 *
 * The layout is the one that Linux, xenconsoled, xenstore clients and xl expect. All functions
 * queue their requests; the caller opens the transaction and commits it.
 */
#ifndef LODGE_LAYOUT_H
#define LODGE_LAYOUT_H

#include <stdint.h>
#include <builder/builder.h>
#include "domcfg.h"
#include "store.h"

/* <name> -> domid, for all guests; what makes "is this name taken?" one read. */
#define LAYOUT_NAMES "/lodge/names"

void layout_write(struct store *s, const struct domcfg *dc, const struct builder_result *r);
void layout_remove(struct store *s, uint16_t domid, const uint8_t uuid[16], const char *name);
void layout_rename(struct store *s, uint16_t domid, const uint8_t uuid[16], const char *old,
                   const char *name);
/* Gives a guest that was set aside a /vm entry of its own; not in a transaction. */
void layout_move_vm(struct store *s, uint16_t domid, const uint8_t old[16], const uint8_t uuid[16],
                    const char *name);

#endif
