/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this guest share: the frames that are fought over, and random numbers. */
#ifndef HAMMER_H
#define HAMMER_H

#include <kit/kit.h>
#include <public/lodge.h>

#define FRAMES 14

extern uint64_t *pages[FRAMES]; /* in the direct map, which is where the image is */
extern uint64_t frames[FRAMES]; /* their machine frames */
extern uint64_t l1_mfn, l2_mfn, root_mfn;
extern bool with_aliases; /* the frames are mapped there, as a kernel has its memory */

static inline uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One of ours, a table that we live in, one of anybody's, none at all. */
uint64_t any_frame(uint64_t r);
/* A page-table entry, mostly one that could be accepted. */
uint64_t any_entry(uint64_t r);
/* The machine address of an entry of one of the frames. */
uint64_t any_entry_at(uint64_t *state);

/* ext.c: one operation of the extension; what it returned. */
int ext_one(uint64_t *state);
void ext_let_go(void); /* of the vcpu's area, and of lies */
int ext_negotiate(uint64_t features, uint64_t direct_map);

#endif
