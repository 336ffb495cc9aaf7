// SPDX-License-Identifier: GPL-2.0-only
/*
 * vbd_size.c: a disk's size changes while the guest uses it.
 *
 * The tools write lodge-resize: "BYTES", "BYTES shrink", or "0" for an image that somebody else has
 * changed. Growing, the image comes first and the worker after it; shrinking, the worker first, so
 * that no new request is let through to what is about to be cut off (one under way that writes
 * there after the cut makes the file longer again, with nothing in it that counts). Then the
 * front-end is told: it reads `sectors` again when the back-end writes Connected once more.
 * lodge-resize-result has "ok" or a sentence.
 */
#include "vbd.h"

#include <errno.h>
#include <rings/blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void result(struct device *d, const char *text)
{
    device_put(d, "lodge-resize-result", "%s", text);
    store_remove(backend.store, store_fmt("%s/lodge-resize", d->back));
    device_flush(d);
    device_say(d, "resize: %s", text);
}

static int refuse(struct device *d, const char *why)
{
    result(d, why);
    return -1;
}

/* Brings the image to `bytes`, or, where it has to shrink, notes that for later. */
static int change_image(struct device *d, struct vbd *v, uint64_t bytes, bool shrink)
{
    uint64_t have;

    if (vbd_measure(d, v))
        return refuse(d, d->message);
    have = v->sectors * BLK_SECTOR;
    if (!bytes || bytes == have)
        return 0;
    if (bytes % v->sector_size)
        return refuse(d, store_fmt("%llu bytes are not a whole number of sectors of %u bytes",
                                   (unsigned long long)bytes, v->sector_size));
    if (v->readonly)
        return refuse(d, "the disk is read-only");
    if (bytes < have && !shrink)
        return refuse(d, store_fmt("it has %llu MiB, and %llu of them would be cut off: -s does it "
                                   "nevertheless",
                                   (unsigned long long)have >> 20,
                                   (unsigned long long)((have - bytes) + (1 << 20) - 1) >> 20));
    if (v->is_device && bytes > have)
        return refuse(d, "the block device is not that large: enlarge it first");
    if (bytes > have && ftruncate(v->fd, (off_t)bytes))
        return refuse(d, store_fmt("%.600s: %s", v->path, strerror(errno)));
    if (bytes < have && !v->is_device)
        v->resize.shrink = bytes;
    v->sectors = bytes / BLK_SECTOR;
    return 0;
}

void vbd_resize(struct device *d, struct vbd *v)
{
    char *text = device_get(d, "lodge-resize"), word[16] = "";
    uint64_t before = v->sectors;
    unsigned long long bytes;
    struct blk_change change;
    int words = text ? sscanf(text, "%llu %15s", &bytes, word) : 0;

    free(text);
    if (words < 1)
        return; /* its removal */
    if (v->nbd.on) {
        refuse(d, store_fmt("%.300s is %s, which its server cannot resize while it is attached: "
                            "`lodge block-detach %s %u`, then `qemu-img resize -f %s %.300s SIZE`, "
                            "and attach it again",
                            v->path, v->format, d->guest, d->devid, v->format, v->path));
        return;
    }
    if (v->resize.sectors) {
        refuse(d, "another resize is under way");
        return;
    }
    v->resize.shrink = 0;
    if (change_image(d, v, bytes, !strcmp(word, "shrink"))) {
        v->sectors = before;
        return;
    }
    v->resize.sectors = v->sectors;
    change.sectors = v->sectors;
    if (v->sectors > before)
        process_limit_files(d->process);
    if (!device_tell(d, &change, sizeof(change), NULL, 0))
        vbd_resized(d, v, 0); /* nobody uses it: the next attach tells the size */
}

void vbd_resized(struct device *d, struct vbd *v, int status)
{
    if (!v->resize.sectors)
        return;
    v->resize.sectors = 0;
    if (!status && v->resize.shrink && ftruncate(v->fd, (off_t)v->resize.shrink))
        status = -errno;
    v->resize.shrink = 0;
    process_limit_files(d->process);
    if (d->state == XenbusStateConnected) {
        device_put(d, BLK_NODE_SECTORS, "%llu", (unsigned long long)v->sectors);
        device_set_state(d, XenbusStateConnected);
    }
    result(d, status ? strerror(-status) : "ok");
}
