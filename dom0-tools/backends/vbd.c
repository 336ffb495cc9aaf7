// SPDX-License-Identifier: GPL-2.0-only
/*
 * vbd.c: block devices of our own: what is behind them, what they offer, their rings, their size.
 *
 * A raw image or block device is opened here, and the worker gets the descriptor. Any other format
 * is served by a qemu-nbd of the device's own, and the worker gets a connection to it: no parser
 * of image formats is ours.
 */
#include "vbd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <rings/blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define VBD_LATE_TRIES 100 /* of DEVICE_RETRY_MS: an old worker lets go within that */

/* --- images -------------------------------------------------------------------------------- */

/*
 * Some file systems take O_DIRECT only for larger pieces than a sector; there the page cache has to
 * do. Reading one sector tells.
 */
static bool direct_works(int fd)
{
    void *page = NULL;
    bool works;

    if (posix_memalign(&page, 4096, 4096))
        return false;
    works = pread(fd, page, BLK_SECTOR, 0) >= 0;
    free(page);
    return works;
}

static int open_image(const char *path, int flags, bool *direct)
{
    int fd = open(path, flags | O_DIRECT | O_CLOEXEC | O_NONBLOCK);

    *direct = true;
    if (fd >= 0 && direct_works(fd))
        return fd;
    if (fd >= 0)
        close(fd);
    *direct = false;
    return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

/*
 * In the upper half of what can be locked (claim.c has the lower one) each device has a byte that
 * tells its successor, in a later daemon, that I/O of its former life is under way: that could
 * overwrite what the next worker writes, or the guest's memory. (A worker's successor under the
 * same daemon looks at the ring, see io.c.) There is one daemon, so nothing comes between the look
 * and the lock.
 */
static int lock_own_byte(struct device *d, struct vbd *v)
{
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = CLAIM_LOCK_LENGTH + ((off_t)d->domid << 32) + d->devid,
                         .l_len = 1};

    if (!fcntl(v->fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK) {
        if (!v->late_since)
            v->late_since = backend_now();
        if (d->tries++ < VBD_LATE_TRIES * (d->rings == DEVICE_RINGS_INHERITED ? 10U : 1U))
            return BACKEND_LATER;
        return device_fail(d, EBUSY, "%s: I/O of an earlier worker does not come to an end",
                           v->path);
    }
    if (v->late_since)
        device_say(d, "waited %lld ms for I/O of an earlier worker",
                   (long long)(backend_now() - v->late_since));
    v->late_since = 0;
    lock.l_type = F_RDLCK; /* which a read-only file can have, too */
    fcntl(v->fd, F_OFD_SETLK, &lock);
    return 0;
}

static int lock_image(struct device *d, struct vbd *v)
{
    int rc = lock_own_byte(d, v);

    return rc ? rc : claim_take(d, v->path, v->fd, v->readonly, v->shared, true);
}

/* Whether a block device can forget sectors; a partition's queue is its disk's. */
static bool device_discards(dev_t number)
{
    static const char *const places[] = {"queue", "../queue"};
    char path[96], text[32] = "";

    for (unsigned i = 0; i < 2 && !*text; i++) {
        FILE *file;

        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/discard_max_bytes", major(number),
                 minor(number), places[i]);
        file = fopen(path, "re");
        if (!file)
            continue;
        if (!fgets(text, sizeof(text), file))
            *text = '\0';
        fclose(file);
    }
    return strtoull(text, NULL, 10) != 0;
}

int vbd_measure(struct device *d, struct vbd *v)
{
    struct stat st;
    struct statfs fs;
    uint64_t bytes = 0;
    int sector = 512;

    if (fstat(v->fd, &st))
        return device_fail(d, errno, "%s: %s", v->path, strerror(errno));
    if (S_ISREG(st.st_mode)) {
        bytes = (uint64_t)st.st_size;
        v->in_memory = !fstatfs(v->fd, &fs) &&
                       (fs.f_type == TMPFS_MAGIC || (uint32_t)fs.f_type == RAMFS_MAGIC);
    } else if (S_ISBLK(st.st_mode)) {
        v->is_device = true;
        v->discard = v->discard && device_discards(st.st_rdev);
        if (ioctl(v->fd, BLKGETSIZE64, &bytes) || ioctl(v->fd, BLKSSZGET, &sector))
            return device_fail(d, errno, "%s: its size cannot be read: %s", v->path,
                               strerror(errno));
    } else {
        return device_fail(d, EINVAL, "%s is neither a file nor a block device", v->path);
    }
    v->sector_size = sector >= 512 && sector <= 4096 ? (uint32_t)sector : 512;
    v->sectors = bytes / v->sector_size * (v->sector_size / BLK_SECTOR);
    if (!v->sectors)
        return device_fail(d, EINVAL, "%s is empty: an image needs at least one sector", v->path);
    return 0;
}

static int open_raw(struct device *d, struct vbd *v)
{
    int rc;

    v->fd = open_image(v->path, v->readonly ? O_RDONLY : O_RDWR, &v->direct);
    if (v->fd < 0)
        return device_fail(d, errno, "%s cannot be opened%s: %s", v->path,
                           v->readonly ? "" : " for writing", strerror(errno));
    rc = lock_image(d, v);
    if (!rc)
        rc = vbd_measure(d, v);
    if (rc) {
        close(v->fd);
        v->fd = -1;
    }
    return rc;
}

/* --- probing ------------------------------------------------------------------------------- */

static bool is_word(const char *text, const char *word)
{
    return text && !strcmp(text, word);
}

static void read_backing(const struct device *d, struct vbd *v)
{
    char key[24];

    for (unsigned i = 0; i < VBD_MAX_BACKING; i++) {
        snprintf(key, sizeof(key), "backing-%u", i);
        v->backing[i] = device_get(d, key);
        if (!v->backing[i])
            return;
    }
}

static int read_keys(struct device *d, struct vbd *v)
{
    char *path = device_get(d, "params"), *format = device_get(d, "format");
    char *mode = device_get(d, "mode"), *type = device_get(d, "device-type");
    char *transfer = device_get(d, "lodge-transfer");
    int rc = 0;

    snprintf(v->path, sizeof(v->path), "%s", path ? path : "");
    snprintf(v->format, sizeof(v->format), "%s", format && *format ? format : "raw");
    v->cdrom = is_word(type, "cdrom");
    v->readonly = v->cdrom || !mode || mode[0] != 'w';
    v->shared = mode && strchr(mode, '!');
    v->removable = device_number(d, "removable", 0, 1);
    v->discard = device_number(d, "discard-enable", 1, 1) && !v->readonly;
    if (strcmp(v->format, "raw") != 0)
        read_backing(d, v);
    v->persistent = strcmp(transfer ? transfer : backend.transfer, "copy") != 0;
    if (v->path[0] != '/')
        rc = device_fail(d, EINVAL, "its image \"%s\" is not an absolute path", v->path);
    else if (strspn(v->format, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(v->format))
        rc = device_fail(d, EINVAL, "its format \"%s\" is none", v->format);
    free(path);
    free(format);
    free(mode);
    free(type);
    free(transfer);
    return rc;
}

/* What the front-end needs to know before it makes its rings. */
static void offer(struct device *d, const struct vbd *v)
{
    device_put(d, BLK_NODE_MAX_RING_ORDER, "%u", BLK_MAX_RING_ORDER);
    device_put(d, BLK_NODE_MAX_QUEUES, "%u", BLK_MAX_QUEUES);
    device_put(d, BLK_FEATURE_INDIRECT, "%u", BLK_MAX_SEGMENTS);
    device_put(d, BLK_FEATURE_PERSISTENT, "%d", v->persistent);
    device_put(d, BLK_FEATURE_FLUSH, "1");
    device_put(d, BLK_FEATURE_BARRIER, "1");
    device_put(d, "hotplug-status", "connected");
}

static int probe(struct device *d)
{
    struct vbd *v = d->priv;
    int rc = 0;

    if (!v) {
        v = d->priv = calloc(1, sizeof(*v));
        if (!v)
            return device_fail(d, ENOMEM, "there is no memory for it");
        v->fd = v->inflight = v->nbd.listener = v->nbd.reason = -1;
        rc = read_keys(d, v);
    }
    v->nbd.on = strcmp(v->format, "raw") != 0;
    if (!rc && v->nbd.on)
        rc = nbd_start(d, v);
    else if (!rc && v->fd < 0)
        rc = open_raw(d, v);
    if (rc)
        return rc;
    d->tries = 0;
    offer(d, v);
    return 0;
}

/* --- connecting ---------------------------------------------------------------------------- */

/* The ring's pages and port, from the front-end's directory or a queue's below it. */
static int read_queue(struct device *d, struct blk_attach *a, unsigned q)
{
    char where[24] = "", key[48];
    uint64_t none = UINT64_MAX, ref;

    if (a->nr_queues > 1)
        snprintf(where, sizeof(where), "queue-%u/", q);
    snprintf(key, sizeof(key), "%s" BLK_NODE_PORT, where);
    ref = device_front_number(d, key, none, UINT32_MAX);
    a->queue[q].port = (uint32_t)ref;
    for (unsigned i = 0; i < a->ring_pages && ref != none; i++) {
        snprintf(key, sizeof(key), "%s" BLK_NODE_RING_REF "%u", where, i);
        ref = device_front_number(d, key, none, UINT32_MAX);
        /* One page may be named without a number. */
        if (ref == none && a->ring_pages == 1) {
            snprintf(key, sizeof(key), "%s" BLK_NODE_RING_REF, where);
            ref = device_front_number(d, key, none, UINT32_MAX);
        }
        a->queue[q].refs[i] = (uint32_t)ref;
    }
    if (ref == none)
        return device_fail(d, EINVAL, "the guest's front-end has not named its %s%s", where, key);
    return 0;
}

static int read_front(struct device *d, struct blk_attach *a)
{
    char *protocol = device_get_front(d, BLK_NODE_PROTOCOL);
    uint64_t order = device_front_number(d, BLK_NODE_RING_ORDER, 0, UINT32_MAX);
    uint64_t queues = device_front_number(d, BLK_NODE_QUEUES, 1, UINT32_MAX);
    bool known = !protocol || is_word(protocol, BLK_PROTOCOL);
    int rc = 0;

    free(protocol);
    if (!known)
        return device_fail(d, EINVAL,
                           "the guest's front-end speaks another protocol than " BLK_PROTOCOL);
    if (order > BLK_MAX_RING_ORDER || !queues || queues > BLK_MAX_QUEUES)
        return device_fail(d, EINVAL,
                           "the guest's front-end asks for larger or more rings than "
                           "were offered");
    a->ring_pages = 1U << order;
    a->nr_queues = (uint32_t)queues;
    for (unsigned q = 0; q < a->nr_queues && !rc; q++)
        rc = read_queue(d, a, q);
    return rc;
}

static int connect(struct device *d, struct worker_parcel *parcel)
{
    struct vbd *v = d->priv;
    struct blk_attach a = {.sector_size = v->sector_size, .sectors = v->sectors};
    int rc = read_front(d, &a);

    if (!rc)
        rc = record_open(d, v);
    if (!rc && v->nbd.on)
        rc = nbd_connection(d, v);
    if (rc)
        return rc;
    a.flags = (v->readonly ? BLK_READONLY : 0) | (v->nbd.on ? BLK_NBD : 0) |
              (v->is_device ? BLK_DEVICE : 0) | (v->direct ? BLK_DIRECT : 0) |
              (v->discard ? BLK_DISCARD : 0) | (v->in_memory ? BLK_MEMORY : 0) |
              (d->rings != DEVICE_RINGS_NEW ? BLK_RECONNECT : 0);
    if (v->persistent && device_front_number(d, BLK_FEATURE_PERSISTENT, 0, 1))
        a.flags |= BLK_PERSISTENT;
    memcpy(parcel->body, &a, sizeof(a));
    parcel->head.length = sizeof(a);
    parcel->fds[0] = v->fd;
    parcel->fds[1] = v->inflight;
    parcel->nr_fds = 2;
    return 0;
}

static int attached(struct device *d, const struct worker_parcel *parcel)
{
    struct vbd *v = d->priv;
    struct blk_attached a;

    if (parcel->head.length != sizeof(a))
        return device_fail(d, EPROTO, "its worker answered nonsense");
    memcpy(&a, parcel->body, sizeof(a));
    if (v->nbd.on) {
        v->sectors = a.sectors;
        v->sector_size = a.sector_size == 4096 ? 4096 : 512;
        v->readonly = v->readonly || (a.flags & BLK_READONLY);
    }
    /*
     * The last worker may have ended before it said that it knows the new size. This one was told
     * it with the attach.
     */
    if (v->resize.sectors)
        vbd_resized(d, v, 0);
    if (d->state == XenbusStateConnected)
        return 0;
    device_put(d, BLK_NODE_SECTORS, "%llu", (unsigned long long)v->sectors);
    device_put(d, BLK_NODE_SECTOR_SIZE, "%u", v->sector_size);
    device_put(d, BLK_NODE_PHYSICAL_SECTOR_SIZE, "%u", v->sector_size);
    device_put(d, BLK_NODE_INFO, "%u",
               (v->cdrom ? VDISK_CDROM : 0) | (v->removable ? VDISK_REMOVABLE : 0) |
                   (v->readonly ? VDISK_READONLY : 0));
    device_put(d, BLK_FEATURE_DISCARD, "%d", (a.flags & BLK_DISCARD) != 0);
    if (a.flags & BLK_DISCARD) {
        device_put(d, BLK_NODE_DISCARD_GRANULARITY, "%u", v->is_device ? v->sector_size : 4096);
        device_put(d, BLK_NODE_DISCARD_ALIGNMENT, "0");
        device_put(d, BLK_NODE_DISCARD_SECURE, "0");
    }
    return 0;
}

/*
 * A block device does not grow, and an image that is not raw is not written by the worker itself.
 */
static uint64_t file_size(const struct device *d)
{
    const struct vbd *v = d->priv;

    return v && !v->nbd.on && !v->is_device && !v->readonly ? v->sectors * BLK_SECTOR : 0;
}

static void changed(struct device *d)
{
    vbd_resize(d, d->priv);
}

static void worker_changed(struct device *d, const struct worker_parcel *parcel)
{
    vbd_resized(d, d->priv, parcel->head.status);
}

/* The rings are gone, and with them what was in flight. */
static void disconnect(struct device *d)
{
    record_close(d, d->priv);
}

static void close_vbd(struct device *d)
{
    struct vbd *v = d->priv;

    if (!v)
        return;
    disconnect(d);
    nbd_stop(d, v);
    if (v->fd >= 0)
        close(v->fd);
    for (unsigned i = 0; v->backing[i]; i++)
        free(v->backing[i]);
    free(v);
    d->priv = NULL;
}

const struct device_type vbd_type = {
    .directory = "lodge-vbd",
    .program = "lodge-blkback",
    .what = "disk",
    .probe = probe,
    .connect = connect,
    .attached = attached,
    .key = "lodge-resize",
    .changed = changed,
    .worker_changed = worker_changed,
    .file_size = file_size,
    .disconnect = disconnect,
    .close = close_vbd,
};
