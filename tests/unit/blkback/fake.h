/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fake.h: a guest made of memory, for running the block worker's core without a hypervisor.
 *
 * The guest has FAKE_PAGES pages in a memory file; a grant reference is a page's number plus
 * FAKE_FIRST_REF. Grants, events and the supervisor's socket are functions here. I/O is done by
 * system calls on the image, at once or, with fake.hold, when the test says so.
 *
 * The guest runs while the worker does: in each of these functions it has its turn, before anything
 * is done and after, and may change all that it shares with the worker.
 */
#ifndef LODGE_TEST_BLKBACK_FAKE_H
#define LODGE_TEST_BLKBACK_FAKE_H

#include <blkback/blkback.h>

#define FAKE_PAGES     256u
#define FAKE_FIRST_REF 1000u
#define FAKE_DISK      51712u

enum fake_access { FAKE_NONE, FAKE_READ_ONLY, FAKE_WRITABLE };

struct fake {
    int memory; /* the guest's pages */
    uint8_t *page;
    uint8_t access[FAKE_PAGES]; /* enum fake_access: what the guest granted */
    unsigned mapped;            /* pages mapped by the worker now */
    unsigned notified, unmasked, bound;
    void (*on_event)(void); /* what the guest does when it gets one; or NULL */
    void (*guest)(void);    /* its turn; or NULL */
    unsigned copies;        /* calls that copied grants */
    bool hold;              /* I/O waits for fake_io() */
    unsigned nr_held;
    struct io_op *held[1024];
    unsigned nr_logged, nr_told;
    char log[700];
    uint32_t told; /* the last type that was sent, and its status and sentence */
    int32_t told_status;
    char told_text[700];
    struct blk_attached attached;
};

extern struct fake fake;

void fake_start(void);
/* Everything is granted for writing. */
void fake_grant_all(void);
/* Does up to `nr` of the I/O that is held, the last first: order is not promised. */
unsigned fake_io(unsigned nr);
/* Attaches the disk; the rings' pages are the guest's first ones. */
void fake_attach(uint32_t flags, int image, int inflight, unsigned queues, unsigned ring_pages);
/* A round of the worker's loop; true if it did something. */
bool fake_round(void);
/* Rounds until there is nothing to do. */
void fake_settle(void);
static inline void *fake_page(unsigned n)
{
    return fake.page + (size_t)n * RING_PAGE_SIZE;
}
static inline uint32_t fake_ref(unsigned n)
{
    return n + FAKE_FIRST_REF;
}

#endif
