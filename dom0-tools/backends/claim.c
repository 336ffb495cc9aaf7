// SPDX-License-Identifier: GPL-2.0-only
/*
 * claim.c: who uses an image.
 *
 * Two things tell. The devices of this daemon are known, with what is behind their images; so one
 * of them that is in the way is named, and it is known whether it is just leaving. Others, such as
 * the workers of an earlier daemon, show by their locks. These are locks of an open file
 * description, which a worker shares, and a loop device, and every request that the kernel still
 * works on: the lock is gone when the last of them is. An image behind a loop device is locked
 * itself, and not just the loop device.
 *
 * This host's own use of a block device (a file system, swap, a volume group) the kernel tells, and
 * that of a file by the loop devices that it is behind.
 *
 * A device of the device-mapper and the devices that it is made of exclude each other. Two that are
 * made of the same devices do not: the volumes of a group share its disks, each with parts of its
 * own.
 *
 * A server of an image may still write back what it holds when its device is gone already, under
 * locks that only other servers look at. So the claim goes on, without the device, until the server
 * has ended.
 *
 * Users exclude each other in the lower half of what can be locked; vbd.c has a use for the upper
 * one. A partition takes the lock of a reader on the whole, whatever it does: so it keeps out who
 * would write to the whole, and leaves the other partitions alone.
 */
#include "claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <host_disk.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <must.h>
#include "backend.h"

#define CLAIM_TRIES       10  /* of DEVICE_RETRY_MS, for somebody unknown */
#define CLAIM_LEAVE_TRIES 300 /* for a device that is leaving */
#define CLAIM_ADOPT_TRIES 1000
#define CLAIM_REST_TRIES  700 /* for a server, which is killed before that */
/*
 * Bytes that qemu's programs lock and look at: 101 means that one writes, 200 that nobody may read.
 */
#define CLAIM_QEMU_WRITES 101
#define CLAIM_QEMU_READ   200
#define CLAIM_DEPTH       8   /* levels of devices on devices */
#define CLAIM_BELOW       256 /* devices that one is made of, on all levels */
/* While a daemon has just started, workers of an earlier one may still be leaving. */
#define CLAIM_START_MS 30000

/* --- what is behind it --------------------------------------------------------------------- */

/* As the kernel packs a device's number into 64 bits. */
static dev_t unpack(uint64_t number)
{
    return makedev((number & 0xfff00) >> 8, (number & 0xff) | ((number >> 12) & 0xfff00));
}

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(line, (int)size, f);

    if (f)
        fclose(f);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

/* A partition's disk, and its number there. */
static void find_disk(struct claim_thing *t)
{
    char path[96], line[64];
    unsigned major, minor;

    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(t->dev), minor(t->dev));
    if (!read_line(path, line, sizeof(line)))
        return;
    t->partition = (unsigned)strtoul(line, NULL, 10);
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major(t->dev), minor(t->dev));
    if (read_line(path, line, sizeof(line)) && sscanf(line, "%u:%u", &major, &minor) == 2)
        t->dev = makedev(major, minor);
}

/* False where it is no loop device, or has nothing behind it. */
static bool loop_status(dev_t dev, struct loop_info64 *info)
{
    char path[96], device[256];
    ssize_t n;
    bool ok;
    int fd;

    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file", major(dev), minor(dev));
    if (access(path, F_OK))
        return false;
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
    n = readlink(path, device, sizeof(device) - 1);
    device[n > 0 ? n : 0] = '\0';
    snprintf(path, sizeof(path), "/dev/%.64s",
             strrchr(device, '/') ? strrchr(device, '/') + 1 : "");
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ok = fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, info);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* What stands for a block device: for a partition its disk, for a loop device what is behind it. */
static void find_thing(struct claim_thing *t, dev_t dev)
{
    struct loop_info64 info;

    *t = (struct claim_thing){.is_block = true, .dev = dev};
    find_disk(t);
    for (int depth = 0; t->is_block && depth < CLAIM_DEPTH && loop_status(t->dev, &info); depth++) {
        t->is_block = info.lo_rdevice != 0;
        t->dev = unpack(t->is_block ? info.lo_rdevice : info.lo_device);
        t->ino = t->is_block ? 0 : info.lo_inode;
        if (t->is_block && !t->partition)
            find_disk(t);
    }
}

static bool is_same(const struct claim_thing *a, const struct claim_thing *b)
{
    return a->is_block == b->is_block && a->dev == b->dev && a->ino == b->ino &&
           (!a->partition || !b->partition || a->partition == b->partition);
}

static void find_below(struct claim *c, dev_t dev, int depth)
{
    char path[400], line[64];
    struct claim_thing t;
    struct dirent *entry;
    unsigned at, nr;
    DIR *dir;

    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", major(dev), minor(dev));
    dir = depth < CLAIM_DEPTH ? opendir(path) : NULL;
    while (dir && c->nr_below < CLAIM_BELOW && (entry = readdir(dir))) {
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves/%s/dev", major(dev), minor(dev),
                 entry->d_name);
        if (*entry->d_name == '.' || !read_line(path, line, sizeof(line)) ||
            sscanf(line, "%u:%u", &at, &nr) != 2)
            continue;
        find_thing(&t, makedev(at, nr));
        c->below = must(realloc(c->below, (c->nr_below + 1) * sizeof(t)));
        c->below[c->nr_below++] = t;
        if (t.is_block)
            find_below(c, t.dev, depth + 1);
    }
    if (dir)
        closedir(dir);
}

/* The path is how the file was called when the loop device was set up: it need not be that now. */
static int open_behind(dev_t loop, const struct claim *c, int flags)
{
    char path[96], line[1024];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file", major(loop),
             minor(loop));
    if (!read_line(path, line, sizeof(line)))
        return -1;
    fd = open(line, flags | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &st) || st.st_dev != c->self.dev || st.st_ino != c->self.ino)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void identify(struct claim *c, int fd)
{
    struct claim_thing whole = {.is_block = true};
    struct stat st;

    memset(c, 0, sizeof(*c));
    c->behind = -1;
    if (fstat(fd, &st))
        return;
    if (!S_ISBLK(st.st_mode)) {
        c->self = (struct claim_thing){.dev = st.st_dev, .ino = st.st_ino};
        return;
    }
    find_thing(&c->self, st.st_rdev);
    if (c->self.is_block) {
        find_below(c, c->self.dev, 0);
        return;
    }
    whole.dev = st.st_rdev;
    find_disk(&whole);
    c->behind = open_behind(whole.dev, c, O_RDWR);
    if (c->behind < 0)
        c->behind = open_behind(whole.dev, c, O_RDONLY);
}

static void forget(struct claim *c)
{
    if (c->behind >= 0)
        close(c->behind);
    free(c->below);
    memset(c, 0, sizeof(*c));
    c->behind = -1;
}

/* --- who has it ---------------------------------------------------------------------------- */

static bool is_exclusive(const struct claim *c)
{
    return !c->readonly && !c->shared;
}

static bool is_made_of(const struct claim *c, const struct claim_thing *t)
{
    for (unsigned i = 0; i < c->nr_below; i++)
        if (is_same(&c->below[i], t))
            return true;
    return false;
}

static bool conflict(const struct claim *a, const struct claim *b)
{
    return (is_exclusive(a) || is_exclusive(b)) &&
           (is_same(&a->self, &b->self) || is_made_of(a, &b->self) || is_made_of(b, &a->self));
}

static bool is_leaving(const struct device *d)
{
    return device_going(d) || (!d->online && d->state >= XenbusStateClosing);
}

/*
 * The device in the way. Where there are several, one that stays comes before one that is leaving.
 */
static struct device *holder(const struct device *d, const struct claim *c)
{
    struct device *found = NULL;

    for (struct device *o = device_first(); o; o = o->next)
        if (o != d && o->claim.held && conflict(&o->claim, c) && (!found || is_leaving(found)))
            found = o;
    return found;
}

/* What is left of devices that have let go, whose servers have not. */
struct claim_rest {
    struct claim_rest *next;
    struct claim claim;
};

static struct claim_rest *rests;

static bool is_still_served(const struct claim *c)
{
    for (const struct claim_rest *r = rests; r; r = r->next)
        if (conflict(&r->claim, c))
            return true;
    return false;
}

static int refuse(struct device *d, const char *path, const struct device *o)
{
    if (o->domid == d->domid)
        return device_fail(d, EBUSY,
                           "%s is what this guest has as %s %u already; two disks on one image "
                           "would destroy it, unless both have access=ro or w!",
                           path, o->type->what, o->devid);
    return device_fail(d, EBUSY,
                       "%s is in use by another guest, %s, as its %s %u; detach it there, or give "
                       "both mode \"w!\" if they share a cluster file system",
                       path, o->guest, o->type->what, o->devid);
}

/* False if somebody else has a lock on it; a file system without locks has none. */
static bool lock_range(int fd, short type, off_t start, off_t end)
{
    struct flock fl = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = end - start};

    return !fcntl(fd, F_OFD_SETLK, &fl) || (errno != EAGAIN && errno != EACCES);
}

/*
 * A reader leaves out the bytes by which qemu would take it for somebody who writes, or who lets
 * nobody read: it can have what is behind another guest's image.
 */
static bool lock(int fd, const struct claim *c, bool exclusive)
{
    if (fd < 0)
        return true;
    if (exclusive || !c->readonly)
        return lock_range(fd, exclusive ? F_WRLCK : F_RDLCK, 0, CLAIM_LOCK_LENGTH);
    return lock_range(fd, F_RDLCK, 0, CLAIM_QEMU_WRITES) &&
           lock_range(fd, F_RDLCK, CLAIM_QEMU_READ + 1, CLAIM_LOCK_LENGTH);
}

/* --- this host ----------------------------------------------------------------------------- */

/* Whether a loop device with this file behind it is in use. */
static bool loop_used(const char *name, const struct stat *file)
{
    char path[300];
    struct loop_info64 info;
    bool is;
    int fd;

    snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", name);
    if (access(path, F_OK))
        return false;
    snprintf(path, sizeof(path), "/dev/%s", name);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    is = fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info) &&
         unpack(info.lo_device) == file->st_dev && info.lo_inode == file->st_ino &&
         host_disk_used(path);
    if (fd >= 0)
        close(fd);
    return is;
}

static bool is_the_hosts(int fd)
{
    char path[64];
    struct stat st;
    struct dirent *entry;
    bool is = false;
    DIR *dir;

    if (fstat(fd, &st))
        return false;
    if (S_ISBLK(st.st_mode)) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return host_disk_used(path);
    }
    dir = opendir("/sys/block");
    while (dir && !is && (entry = readdir(dir)))
        is = !strncmp(entry->d_name, "loop", 4) && loop_used(entry->d_name, &st);
    if (dir)
        closedir(dir);
    return is;
}

/* --- claims -------------------------------------------------------------------------------- */

static int wait_for(struct device *d, const char *path, const struct device *o, bool served)
{
    bool starting = backend_now() < backend.started + CLAIM_START_MS;
    unsigned tries = served                               ? CLAIM_REST_TRIES
                     : o                                  ? CLAIM_LEAVE_TRIES
                     : d->rings == DEVICE_RINGS_INHERITED ? CLAIM_ADOPT_TRIES
                     : starting                           ? CLAIM_START_MS / DEVICE_RETRY_MS
                                                          : CLAIM_TRIES;

    if (d->tries++ < tries) {
        if (!d->claim.said && (o || tries > CLAIM_TRIES))
            device_say(d, "%s is still in use by %s; it waits for that to end", path,
                       o        ? o->guest
                       : served ? "the server of a disk that went"
                                : "an earlier worker");
        d->claim.said = true;
        return BACKEND_LATER;
    }
    if (o)
        return refuse(d, path, o);
    return device_fail(d, EBUSY,
                       "%s is in use by another program, which has locked it; end that, or give "
                       "mode \"w!\" if they share a cluster file system",
                       path);
}

int claim_take(struct device *d, const char *path, int fd, bool readonly, bool shared,
               bool with_lock)
{
    struct claim c;
    const struct device *o;
    bool exclusive, served, said = d->claim.said;
    int rc;

    claim_release(d);
    identify(&c, fd);
    c.readonly = readonly;
    c.shared = shared;
    c.said = said;
    exclusive = is_exclusive(&c);
    o = holder(d, &c);
    served = is_still_served(&c);
    if (o && !is_leaving(o)) {
        rc = refuse(d, path, o);
    } else if (exclusive && d->rings != DEVICE_RINGS_INHERITED && is_the_hosts(fd)) {
        /* A guest that has it already keeps it, whatever this host has done meanwhile. */
        rc = device_fail(d, EBUSY, "%s: " HOST_DISK_USED, path);
    } else if (!o && !served && (!with_lock || lock(fd, &c, exclusive)) &&
               lock(c.behind, &c, exclusive && !c.self.partition)) {
        c.held = true;
        c.said = false;
        d->claim = c;
        return 0;
    } else {
        d->claim.said = said;
        rc = wait_for(d, path, o, served);
    }
    forget(&c);
    return rc;
}

void claim_adopt(struct device *d, int fd, bool readonly, bool shared)
{
    identify(&d->claim, fd);
    d->claim.readonly = readonly;
    d->claim.shared = shared;
    d->claim.held = true;
    lock(d->claim.behind, &d->claim, is_exclusive(&d->claim) && !d->claim.self.partition);
}

void claim_release(struct device *d)
{
    if (d->claim.held)
        forget(&d->claim);
    memset(&d->claim, 0, sizeof(d->claim));
}

struct claim_rest *claim_outlive(struct device *d)
{
    struct claim_rest *rest;

    if (!d->claim.held)
        return NULL;
    rest = must(calloc(1, sizeof(*rest)));
    rest->claim = d->claim;
    rest->next = rests;
    rests = rest;
    memset(&d->claim, 0, sizeof(d->claim));
    return rest;
}

void claim_end(struct claim_rest *rest)
{
    struct claim_rest **at = &rests;

    if (!rest)
        return;
    while (*at != rest)
        at = &(*at)->next;
    *at = rest->next;
    forget(&rest->claim);
    free(rest);
}
