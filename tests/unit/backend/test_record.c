// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_record.c: the file that a worker writes to is there for its successors, and no room beyond
 * it, whatever is written to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <blkback/inflight.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <backends/vbd.h>
#include "check.h"

static char dir[] = "/tmp/test-record-XXXXXX", path[64], file[80], message[300];
struct backend backend = {.run_dir = dir};
static struct device d = {.domid = 5, .devid = 51712};

int device_fail(struct device *dev, int err, const char *fmt, ...)
{
    va_list ap;

    (void)dev;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    return -err;
}

static off_t size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) ? -1 : st.st_size;
}

static char first_byte(int fd)
{
    char c = '?';

    CHECK(pread(fd, &c, 1, 0) == 1);
    return c;
}

/* What a worker has that its guest has turned: the descriptor. */
static void test_room(const struct vbd *v)
{
    static char much[1 << 20];
    struct statfs above, now;
    uint8_t *record =
        mmap(NULL, INFLIGHT_FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, v->inflight, 0);

    CHECK(record != MAP_FAILED);
    memset(record, 'r', INFLIGHT_FILE_SIZE); /* all of it has room */
    CHECK(!statfs(dir, &above));
    CHECK(pwrite(v->inflight, much, sizeof(much), INFLIGHT_FILE_SIZE) < 8192);
    CHECK(pwrite(v->inflight, much, sizeof(much), 1 << 30) == -1 && errno == ENOSPC);
    CHECK(fallocate(v->inflight, FALLOC_FL_KEEP_SIZE, 1 << 20, 64 << 20) == -1);
    CHECK(!statfs(path, &now) && now.f_blocks * (uint64_t)now.f_bsize < INFLIGHT_FILE_SIZE + 4096);
    CHECK(now.f_type != above.f_type || memcmp(&now.f_fsid, &above.f_fsid, sizeof(now.f_fsid)));
    munmap(record, INFLIGHT_FILE_SIZE);
}

static void test_life(void)
{
    struct vbd v = {.inflight = -1}, next = {.inflight = -1};
    int workers;

    CHECK(!record_open(&d, &v));
    CHECK(size_of(v.inflight) == INFLIGHT_FILE_SIZE);
    test_room(&v);
    /* The rings are the same: for another daemon, too. */
    d.rings = DEVICE_RINGS_SERVED;
    CHECK(!record_open(&d, &next) && next.inflight != v.inflight);
    CHECK(size_of(next.inflight) == INFLIGHT_FILE_SIZE && first_byte(next.inflight) == 'r');
    CHECK(!record_open(&d, &next) && first_byte(next.inflight) == 'r');
    close(v.inflight);
    /* Others. */
    d.rings = DEVICE_RINGS_NEW;
    CHECK(!record_open(&d, &next) && first_byte(next.inflight) == '\0');
    workers = dup(next.inflight);
    record_close(&d, &next);
    CHECK(next.inflight == -1 && access(path, F_OK) && errno == ENOENT);
    record_close(&d, &next);
    CHECK(!record_open(&d, &next) && size_of(next.inflight) == INFLIGHT_FILE_SIZE);
    record_close(&d, &next);
    close(workers);
}

static void test_refused(void)
{
    struct vbd v = {.inflight = -1};

    /* Who can put something there is root. All the same nothing else is opened. */
    CHECK(!mkdir(path, 0700) && !mount("test", path, "tmpfs", 0, "size=4k"));
    CHECK(!symlink("/etc/passwd", file));
    CHECK(record_open(&d, &v) == -ELOOP && strstr(message, path));
    CHECK(!umount(path) && !rmdir(path));
    backend.run_dir = "/nonexistent";
    CHECK(record_open(&d, &v) == -ENOENT && strstr(message, "/nonexistent/blk/5-51712: No such"));
}

int main(void)
{
    int failed;

    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        printf("skip: mounting is tested, which only root can\n");
        return 0;
    }
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/blk", dir);
    CHECK(!mkdir(path, 0700));
    snprintf(path, sizeof(path), "%s/blk/5-51712", dir);
    snprintf(file, sizeof(file), "%s/record", path);
    test_life();
    test_refused();
    failed = rmdir(store_fmt("%s/blk", dir)) || rmdir(dir);
    CHECK(!failed);
    return check_end();
}
