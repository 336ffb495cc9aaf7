// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_resize.c: a disk shrinks although the worker that was told of it dies before it answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backends/vbd.h>
#include "check.h"

struct backend backend;
static char said[64];
static unsigned told;

void process_limit_files(struct process *p)
{
    (void)p;
}

int64_t backend_now(void)
{
    return 1;
}

char *device_get(const struct device *d, const char *key)
{
    (void)d;
    return strcmp(key, "lodge-resize") ? NULL : strdup("1048576 shrink");
}

char *device_get_front(const struct device *d, const char *key)
{
    (void)d;
    (void)key;
    return NULL;
}

uint64_t device_number(const struct device *d, const char *key, uint64_t fallback, uint64_t max)
{
    (void)d;
    (void)key;
    (void)max;
    return fallback;
}

uint64_t device_front_number(const struct device *d, const char *key, uint64_t fallback,
                             uint64_t max)
{
    return device_number(d, key, fallback, max);
}

void device_put(struct device *d, const char *key, const char *fmt, ...)
{
    va_list ap;

    (void)d;
    va_start(ap, fmt);
    if (!strcmp(key, "lodge-resize-result"))
        vsnprintf(said, sizeof(said), fmt, ap);
    va_end(ap);
}

int device_flush(struct device *d)
{
    (void)d;
    return 0;
}

void device_set_state(struct device *d, int state)
{
    d->state = state;
}

bool device_tell(struct device *d, const void *body, size_t length, const int *fds, unsigned nr)
{
    (void)d;
    (void)body;
    (void)length;
    (void)fds;
    (void)nr;
    told++;
    return true;
}

void store_remove(struct store *s, const char *path)
{
    (void)s;
    (void)path;
}

int nbd_start(struct device *d, struct vbd *v)
{
    (void)d;
    (void)v;
    return 0;
}

int nbd_connection(struct device *d, struct vbd *v)
{
    return nbd_start(d, v);
}

void nbd_stop(struct device *d, struct vbd *v)
{
    (void)d;
    (void)v;
}

int main(void)
{
    char path[] = "/tmp/test-resize-XXXXXX";
    struct vbd v = {.fd = mkstemp(path), .sector_size = 512, .sectors = 4096, .inflight = -1};
    struct device d = {.state = XenbusStateConnected, .priv = &v};
    struct blk_attached found = {.sectors = 2048, .sector_size = 512};
    static struct worker_parcel parcel = {.head = {.length = sizeof(found)}};
    struct stat st;

    memcpy(parcel.body, &found, sizeof(found));
    CHECK(v.fd >= 0 && !ftruncate(v.fd, 2 << 20));
    vbd_type.changed(&d);
    CHECK(told == 1 && v.sectors == 2048);
    /* Not before the worker lets nothing through to what is cut off. */
    CHECK(!fstat(v.fd, &st) && st.st_size == 2 << 20 && !*said);
    CHECK(!vbd_type.attached(&d, &parcel));
    CHECK(!fstat(v.fd, &st) && st.st_size == 1 << 20);
    CHECK_STR(said, "ok");
    /* And the next one is not refused for ever. */
    vbd_type.changed(&d);
    CHECK(told == 2);
    unlink(path);
    return check_end();
}
