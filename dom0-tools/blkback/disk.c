// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c: a disk's life in the worker: attached, perhaps in a predecessor's place, detached.
 *
 * After a predecessor's death the rings are still there, as it left them. The event channels are
 * taken over first: as long as the predecessor lives, it holds them, so having them is the right to
 * touch the in-flight record. Then what it had taken and not answered is queued again, in order,
 * and the front-end is notified once, since the last event may have died with it.
 */
#include "blkback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    struct disk *first;
    unsigned nr;
} disks;

struct disk *disk_first(void)
{
    return disks.first;
}

static struct disk *disk_find(uint32_t id)
{
    for (struct disk *disk = disks.first; disk; disk = disk->next)
        if (disk->id == id)
            return disk;
    return NULL;
}

/* --- the image's size ---------------------------------------------------------------------- */

bool disk_is_whole(struct disk *disk, bool now)
{
    struct timespec time;
    struct stat st;
    uint64_t sectors;

    if (disk->remote || (disk->flags & BLK_DEVICE))
        return true;
    /* The coarse clock never needs a system call, and this is asked often. */
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    if (!now && time.tv_sec == disk->looked)
        return true;
    disk->looked = time.tv_sec;
    if (fstat(disk->fd, &st))
        return true;
    sectors = (uint64_t)st.st_size / BLK_SECTOR;
    if (sectors >= disk->d.sectors)
        return true;
    runtime_log(disk->id,
                "the image was cut to %llu sectors, the guest has been told %llu: requests past "
                "its end fail; `lodge block-resize` brings both together",
                (unsigned long long)sectors, (unsigned long long)disk->d.sectors);
    disk->d.sectors = sectors;
    disk->truncated = true;
    return false;
}

/* --- letting go ---------------------------------------------------------------------------- */

static void free_disk(struct disk *disk)
{
    for (unsigned i = 0; i < disk->nr_queues; i++) {
        struct queue *q = &disk->queue[i];

        if (q->port)
            runtime_unbind(q->port);
        grant_unmap(q->shared, q->pages);
        free(q->request);
    }
    persist_free(disk->persist);
    if (disk->inflight)
        munmap(disk->inflight, INFLIGHT_FILE_SIZE);
    if (disk->remote)
        remote_close(disk->remote);
    else if (disk->fd >= 0)
        close(disk->fd);
    if (disk->inflight_fd >= 0)
        close(disk->inflight_fd);
    free(disk);
}

static void unlink_disk(struct disk *disk)
{
    struct disk **at = &disks.first;

    while (*at != disk)
        at = &(*at)->next;
    *at = disk->next;
    disks.nr--;
}

void disk_fail(struct disk *disk, const char *why)
{
    if (disk->closing)
        return;
    disk->closing = true;
    snprintf(disk->failure, sizeof(disk->failure), "%s", why);
}

void disk_reap(void)
{
    char failure[sizeof(disks.first->failure)];
    struct disk *disk, *next;
    uint32_t id;

    for (disk = disks.first; disk; disk = next) {
        next = disk->next;
        if (!disk->closing || disk->busy)
            continue;
        unlink_disk(disk);
        id = disk->id;
        memcpy(failure, disk->failure, sizeof(failure));
        /*
         * Before anybody is told that it is closed: who is may look for grants that are still in
         * use.
         */
        free_disk(disk);
        if (*failure)
            runtime_tell(WORKER_FAILED, id, -EIO, failure);
        else
            runtime_tell(WORKER_CLOSED, id, 0, NULL);
    }
}

bool disk_stop_all(void)
{
    bool idle = true;

    for (struct disk *disk = disks.first; disk; disk = disk->next) {
        disk->closing = true;
        idle = idle && !disk->busy;
    }
    return idle;
}

void disk_detach(uint32_t id)
{
    struct disk *disk = disk_find(id);

    if (disk)
        disk->closing = true;
    else
        runtime_tell(WORKER_CLOSED, id, 0, NULL);
}

void disk_change(struct worker_parcel *parcel)
{
    struct disk *disk = disk_find(parcel->head.device);
    struct blk_change change;

    worker_drop_fds(parcel);
    if (!disk || parcel->head.length != sizeof(change))
        return;
    memcpy(&change, parcel->body, sizeof(change));
    disk->d.sectors = change.sectors;
    disk->truncated = false;
    runtime_tell(WORKER_CHANGED, disk->id, 0, NULL);
}

/* --- attaching ----------------------------------------------------------------------------- */

/* Goes on where the predecessor was. A negative number if record and ring do not fit together. */
static int recover(struct disk *disk, struct queue *q, unsigned order)
{
    uint32_t rsp_prod = RING_LOAD(&((struct ring_header *)q->shared)->rsp_prod), taken;
    uint16_t again[INFLIGHT_MAX_SLOTS];
    int nr =
        inflight_recover(q->inflight, ring_slots(BLK_SLOT_SIZE, order), rsp_prod, &taken, again);

    /* The ring is read again by the attach: it must find the same index. */
    if (nr < 0 || !ring_back_attach(&q->ring, q->shared, BLK_SLOT_SIZE, order, (uint32_t)nr) ||
        q->ring.req_cons != taken)
        return -1;
    for (int i = 0; i < nr; i++)
        list_add(&disk->waiting, &q->request[again[i]]);
    return nr;
}

static bool start_queue(struct disk *disk, const struct blk_attach *a, unsigned number, char *err,
                        size_t errlen)
{
    struct queue *q = &disk->queue[number];
    unsigned order = (unsigned)__builtin_ctz(a->ring_pages);
    uint32_t slots = ring_slots(BLK_SLOT_SIZE, order);
    bool fresh = !(a->flags & BLK_RECONNECT);
    int nr = 0;

    q->inflight = (struct inflight_queue *)disk->inflight + number;
    /* A predecessor that died before it had come this far has left nothing. */
    if (q->inflight->magic != INFLIGHT_MAGIC)
        fresh = true;
    if (fresh) {
        /* The ring is new: what is not zero in it the guest has put there. */
        if (ring_back_attach(&q->ring, q->shared, BLK_SLOT_SIZE, order, 0))
            inflight_reset(q->inflight, q->ring.slots);
        q->inflight->taken = q->ring.req_cons;
    }
    q->request = calloc(slots, sizeof(*q->request));
    for (unsigned i = 0; q->request && i < slots; i++) {
        q->request[i].queue = q;
        q->request[i].entry = (uint16_t)i;
    }
    if (!fresh && q->request)
        nr = recover(disk, q, order);
    if (!q->request)
        snprintf(err, errlen, "there is no memory for its requests");
    else if (nr < 0)
        snprintf(err, errlen,
                 "ring %u and what was noted of it do not agree: the guest has "
                 "changed indices that are not its own",
                 number);
    else if (q->ring.broken)
        snprintf(err, errlen, "ring %u has indices that cannot be true", number);
    else
        return true;
    return false;
}

/* Maps the rings and takes over the event channels. 0, or what to tell the supervisor. */
static int open_queues(struct disk *disk, const struct blk_attach *a, char *err, size_t errlen)
{
    for (unsigned i = 0; i < a->nr_queues; i++) {
        struct queue *q = &disk->queue[i];
        int port = runtime_bind(a->queue[i].port);

        q->disk = disk;
        q->number = i;
        q->pages = a->ring_pages;
        disk->nr_queues = i + 1;
        if (port < 0) {
            snprintf(err, errlen, "%s", ctl_message(&runtime.ctl));
            return -EBUSY;
        }
        q->port = (uint32_t)port;
        q->shared = grant_map(a->queue[i].refs, a->ring_pages, false);
        if (!q->shared) {
            snprintf(err, errlen, "the pages of ring %u are not granted to us: %s", i,
                     strerror(errno));
            return -EFAULT;
        }
    }
    for (unsigned i = 0; i < a->nr_queues; i++)
        if (!start_queue(disk, a, i, err, errlen))
            return -EPROTO;
    return 0;
}

/* What the disk is and can do. */
static int open_image(struct disk *disk, const struct blk_attach *a, struct blk_attached *found,
                      char *err, size_t errlen)
{
    *found = (struct blk_attached){.sectors = a->sectors,
                                   .sector_size = a->sector_size,
                                   .flags = a->flags & (BLK_DISCARD | BLK_READONLY)};
    if (a->flags & BLK_NBD) {
        disk->remote = remote_open(disk->fd, found, err, errlen);
        if (!disk->remote)
            return -EIO;
        if (a->flags & BLK_READONLY)
            found->flags |= BLK_READONLY;
        if (!(a->flags & BLK_DISCARD) || (found->flags & BLK_READONLY))
            found->flags &= ~BLK_DISCARD;
    }
    disk->d = (struct blk_disk){.sectors = found->sectors,
                                .block_size = found->sector_size,
                                .max_segments = BLK_MAX_SEGMENTS,
                                .read_only = found->flags & BLK_READONLY,
                                .flush = true,
                                .barrier = true,
                                .discard = found->flags & BLK_DISCARD};
    if ((a->flags & BLK_PERSISTENT) && !disk->remote)
        disk->persist = persist_new();
    return 0;
}

static int start_disk(struct disk *disk, const struct worker_parcel *parcel,
                      struct blk_attached *found, char *err, size_t errlen)
{
    struct blk_attach a;
    int rc;

    memcpy(&a, parcel->body, sizeof(a));
    disk->flags = a.flags;
    disk->inflight =
        mmap(NULL, INFLIGHT_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, disk->inflight_fd, 0);
    if (disk->inflight == MAP_FAILED) {
        disk->inflight = NULL;
        snprintf(err, errlen, "its in-flight record cannot be mapped: %s", strerror(errno));
        return -EIO;
    }
    rc = open_queues(disk, &a, err, errlen);
    return rc ? rc : open_image(disk, &a, found, err, errlen);
}

static bool makes_sense(const struct worker_parcel *parcel)
{
    struct blk_attach a;

    if (parcel->head.length != sizeof(a) || parcel->nr_fds != 2)
        return false;
    memcpy(&a, parcel->body, sizeof(a));
    return a.nr_queues && a.nr_queues <= BLK_MAX_QUEUES && a.ring_pages &&
           a.ring_pages <= BLK_MAX_RING_PAGES && !(a.ring_pages & (a.ring_pages - 1)) &&
           a.sector_size >= 512 && a.sector_size <= 4096 && !(a.sector_size & (a.sector_size - 1));
}

static void attached(struct disk *disk, const struct blk_attached *found)
{
    struct worker_parcel answer = {
        .head = {.type = WORKER_ATTACHED, .device = disk->id, .length = sizeof(*found)}};

    memcpy(answer.body, found, sizeof(*found));
    disk->next = disks.first;
    disks.first = disk;
    disks.nr++;
    if (disk->flags & BLK_RECONNECT) {
        unsigned again = 0;

        for (struct request *r = disk->waiting.first; r; r = r->next)
            again++;
        runtime_log(disk->id, "in an earlier worker's place: %u requests are done again", again);
    }
    runtime_send(&answer);
    for (unsigned i = 0; i < disk->nr_queues; i++) {
        disk->queue[i].kicked = true; /* what came while nobody listened */
        if (disk->flags & BLK_RECONNECT)
            runtime_notify(disk->queue[i].port);
    }
}

void disk_attach(struct worker_parcel *parcel)
{
    struct disk *disk = NULL;
    struct blk_attached found;
    char err[300] = "the request to attach makes no sense";
    int rc = -EINVAL;

    if (makes_sense(parcel) && disks.nr < BLKBACK_MAX_DISKS && !disk_find(parcel->head.device))
        disk = calloc(1, sizeof(*disk));
    if (!disk) {
        runtime_tell(WORKER_FAILED, parcel->head.device, rc, err);
        worker_drop_fds(parcel);
        return;
    }
    disk->id = parcel->head.device;
    disk->fd = parcel->fds[0];
    disk->inflight_fd = parcel->fds[1];
    list_init(&disk->waiting);
    rc = start_disk(disk, parcel, &found, err, sizeof(err));
    if (rc) {
        free_disk(disk); /* first, as above */
        runtime_tell(WORKER_FAILED, parcel->head.device, rc, err);
        return;
    }
    attached(disk, &found);
}
