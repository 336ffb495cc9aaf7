/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runtime.h: what every worker is made of: its start, its sandbox, its log, grants and events.
 *
 * A worker's main() calls runtime_start(), sets up what needs privileges (its io_uring, its
 * threads), calls runtime_sandbox(), and then serves with loop_turn(), until loop_quit. The
 * supervisor is one of the loop's sources.
 *
 * The sandbox: a user and group of its own (RUNTIME_UID_*), no capabilities and no way to gain any,
 * the root directory an empty one that cannot be written, no new files, sockets or programs:
 * system calls outside of a list end the process. No file becomes longer than the supervisor
 * allows.
 */
#ifndef LODGE_BACKEND_RUNTIME_H
#define LODGE_BACKEND_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libctl/libctl.h>
#include <libdaemon/libdaemon.h>
#include <public/grant_table.h>
#include <public/hypercalls.h>
#include "worker.h"

/*
 * The users of workers, and of the servers of images that are not raw: one for each guest and kind,
 * its domain's number added to these. Whoever takes over one cannot so much as send a signal to
 * another guest's. The range is one that neither Debian nor systemd gives to anybody.
 */
#define RUNTIME_UID_BLOCK   0x70000000U
#define RUNTIME_UID_NETWORK 0x70010000U
#define RUNTIME_UID_SERVER  0x70020000U

/* What a worker does with the supervisor's parcels. Descriptors become the handler's. */
struct runtime_ops {
    void (*attach)(struct worker_parcel *parcel);
    void (*detach)(uint32_t device);
    void (*change)(struct worker_parcel *parcel);
    void (*quit)(void); /* the supervisor is gone: finish, answer, then loop_quit = true */
};

struct runtime {
    const struct runtime_ops *ops;
    struct ctl ctl; /* not opened: carries messages of libctl's event calls */
    uint16_t domid;
    int gntdev, evtchn;        /* of this process */
    struct worker_start start; /* what the supervisor said first */
    int kept;                  /* the predecessor's descriptor, or -1 */
    struct {
        uint8_t *base; /* memory that this domain has granted to itself; NULL: none */
        size_t size;
        const uint32_t *refs; /* of each page */
    } granted;
};

extern struct runtime runtime;

/* Waits for WORKER_START, opens the devices. 0, or -1 after a message on stderr. */
int runtime_start(const struct runtime_ops *ops);
/*
 * Gives up all rights; `kind` is one of RUNTIME_UID_*. 0, or -1 after a line in the log: the worker
 * must not go on then.
 */
int runtime_sandbox(uint32_t kind);

int64_t runtime_now_us(void);

/*
 * A line for the log. Lines of one device are limited (a burst, then one a second): what a guest
 * can provoke may not fill the disk; how many were left out is said later.
 */
void runtime_log(uint32_t device, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Answers to the supervisor. A failed send means that it is gone. */
void runtime_tell(uint32_t type, uint32_t device, int status, const char *text);
void runtime_send(const struct worker_parcel *parcel);

/* --- grant.c, grant_batch.c: grants of runtime.domid, through runtime.gntdev ------------------ */

/*
 * Maps `nr` pages side by side, writable unless said. NULL with errno; all or nothing. Unmap with
 * the same address and number.
 */
void *grant_map(const uint32_t *refs, unsigned nr, bool readonly);
void grant_unmap(void *p, unsigned nr);

/*
 * Memory for the local ends of copies, for as long as the worker lives; to be called once, before
 * the sandbox. NULL with errno. Where that works, the memory is granted by this domain to itself,
 * and copies name it by reference. An address would cost more: the kernel looks up and holds the
 * page behind it for each copy, which takes twice as long as copying a page.
 */
void *grant_memory(unsigned pages);

/*
 * One piece of a batched copy; it stays inside one page of the guest, and of grant_memory(). The
 * layout is the kernel's, so that a batch goes to it as it is: fill one in with grant_copy_in() or
 * grant_copy_out().
 */
struct grant_copy {
    union grant_copy_end {
        void *local;
        struct {
            uint32_t ref;
            uint16_t offset;
            uint16_t domid;
        } guest;
    } source, dest;
    uint16_t length;
    uint16_t flags;
    int16_t status; /* OUT: GNTST_*; 0 is success */
};

/* The flag for an end that is named by reference, or 0. */
static inline uint16_t grant_copy_local(union grant_copy_end *end, const void *local, uint16_t flag)
{
    size_t at = (uintptr_t)local - (uintptr_t)runtime.granted.base;

    if (at >= runtime.granted.size) {
        end->local = (void *)(uintptr_t)local;
        return 0;
    }
    end->guest.ref = runtime.granted.refs[at / CTL_PAGE_SIZE];
    end->guest.offset = at % CTL_PAGE_SIZE;
    end->guest.domid = DOMID_SELF;
    return flag;
}

/* From the guest's page to `local`. */
static inline void grant_copy_in(struct grant_copy *piece, void *local, uint32_t ref,
                                 unsigned offset, unsigned length)
{
    piece->source.guest.ref = ref;
    piece->source.guest.offset = (uint16_t)offset;
    piece->source.guest.domid = runtime.domid;
    piece->length = (uint16_t)length;
    piece->flags = GNTCOPY_source_gref | grant_copy_local(&piece->dest, local, GNTCOPY_dest_gref);
    piece->status = GNTST_general_error;
}

/* From `local` to the guest's page. */
static inline void grant_copy_out(struct grant_copy *piece, const void *local, uint32_t ref,
                                  unsigned offset, unsigned length)
{
    piece->dest.guest.ref = ref;
    piece->dest.guest.offset = (uint16_t)offset;
    piece->dest.guest.domid = runtime.domid;
    piece->length = (uint16_t)length;
    piece->flags = GNTCOPY_dest_gref | grant_copy_local(&piece->source, local, GNTCOPY_source_gref);
    piece->status = GNTST_general_error;
}

/* Copies all pieces in one call. Afterwards each status is true: if the call fails all have. */
void grant_copy(struct grant_copy *pieces, unsigned nr);

/* Pieces that are gathered to be copied in one call, and for each what it is a piece of. */
struct grant_batch {
    struct grant_copy *piece;
    void **of;
    unsigned nr;
};

/* Once; false: there is no memory for so many pieces. */
bool grant_batch_start(struct grant_batch *b, unsigned room);

/* The next piece, to be filled in. The caller knows that there is room. */
static inline struct grant_copy *grant_batch_add(struct grant_batch *b, void *of)
{
    b->of[b->nr] = of;
    return &b->piece[b->nr++];
}

/* --- events, through runtime.evtchn: see libctl for the others -------------------------------- */

/* Our port for the guest's; a negative errno. */
int runtime_bind(uint32_t remote_port);
void runtime_unbind(uint32_t port);
void runtime_notify(uint32_t port);
void runtime_unmask(uint32_t port);
/* Ports that fired, up to `room`; how many. They stay masked until runtime_unmask(). */
unsigned runtime_fired(uint32_t *ports, unsigned room);

#endif
