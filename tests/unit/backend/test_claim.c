// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_claim.c: two disks on one image, by whatever names, with devices that stay, that are
 * leaving, and with users that are no devices. What is behind loop devices,
 * tests/boot/cases/devices-cli.sh looks at.
 */
#include <backends/backend.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"

struct backend backend;
static int64_t now = 1000000;
static char message[700];
static unsigned lines;
static const struct device_type kind = {.what = "disk"};
static struct device device[3];
static int fd[3];

int64_t backend_now(void)
{
    return now;
}

struct device *device_first(void)
{
    return &device[0];
}

int device_fail(struct device *d, int err, const char *fmt, ...)
{
    va_list ap;

    (void)d;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    return -err;
}

void device_say(struct device *d, const char *fmt, ...)
{
    (void)d;
    (void)fmt;
    lines++;
}

static void begin(void)
{
    static const char *const names[] = {"web", "web", "db"};

    for (int i = 0; i < 3; i++) {
        if (fd[i] > 0)
            close(fd[i]);
        fd[i] = 0;
        memset(&device[i], 0, sizeof(device[i]));
        device[i].next = i < 2 ? &device[i + 1] : NULL;
        device[i].type = &kind;
        device[i].domid = i < 2 ? 5 : 7;
        device[i].devid = (unsigned)(51712 + 16 * i);
        device[i].online = true;
        strcpy(device[i].guest, names[i]);
    }
    lines = 0;
    message[0] = '\0';
}

/* As vbd.c does: the descriptor goes if it cannot be had. */
static int take(int i, const char *path, const char *mode)
{
    bool readonly = mode[0] == 'r';
    int rc;

    fd[i] = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    rc = claim_take(&device[i], path, fd[i], readonly, strchr(mode, '!'), true);
    if (rc) {
        close(fd[i]);
        fd[i] = 0;
    }
    return rc;
}

static void let_go(int i)
{
    claim_release(&device[i]);
    close(fd[i]);
    fd[i] = 0;
}

/* Asks until it is answered; how often. */
static unsigned tries(int i, const char *path, const char *mode, int *rc)
{
    unsigned n = 0;

    do
        n++;
    while ((*rc = take(i, path, mode)) == BACKEND_LATER && n < 2000);
    return n;
}

static void test_devices(void)
{
    int rc;

    begin();
    CHECK(!take(0, "image", "w"));
    CHECK(take(1, "link", "w") == -EBUSY); /* at once */
    CHECK(strstr(message, "link is what this guest has as disk 51712 already"));
    CHECK(take(2, "symlink", "r") == -EBUSY);
    CHECK(strstr(message, "symlink is in use by another guest, web, as its disk 51712; detach it"));
    CHECK(take(2, "other", "w") == 0);
    CHECK(!lines);

    /* It was asked to go: it is waited for, and that is said once. */
    device[0].online = false;
    device[0].state = XenbusStateClosing;
    for (int i = 0; i < 20; i++)
        CHECK(take(1, "link", "w") == BACKEND_LATER);
    CHECK(lines == 1);
    let_go(0);
    CHECK(!take(1, "link", "w"));

    /* It does not go. */
    begin();
    CHECK(!take(0, "image", "w"));
    device[0].life = DEVICE_LEAVING;
    CHECK(tries(1, "link", "w", &rc) > 100 && rc == -EBUSY);
}

static void test_modes(void)
{
    begin();
    CHECK(!take(0, "image", "r") && !take(1, "link", "r") && take(2, "image", "w") == -EBUSY);
    begin();
    CHECK(!take(0, "image", "w!") && !take(1, "link", "w!") && take(2, "image", "w") == -EBUSY);
    begin();
    CHECK(!take(0, "image", "w") && take(1, "link", "w!") == -EBUSY);
}

/* A device goes at once, and the server of its image later. */
static void test_server(void)
{
    struct claim_rest *rest;
    int rc;

    begin();
    CHECK(!claim_outlive(&device[0])); /* it has none */
    CHECK(!take(0, "image", "w"));
    rest = claim_outlive(&device[0]);
    let_go(0);
    CHECK(rest && take(2, "link", "w") == BACKEND_LATER && take(0, "image", "r") == BACKEND_LATER);
    CHECK(!take(1, "other", "w") && lines == 2);
    claim_end(rest);
    CHECK(!take(2, "link", "w"));
    /* It does not end. */
    rest = claim_outlive(&device[2]);
    let_go(2);
    CHECK(tries(0, "image", "w", &rc) > 600 && rc == -EBUSY);
    claim_end(rest);
    claim_end(NULL);
    /* Readers do not wait for each other. */
    begin();
    CHECK(!take(0, "image", "r"));
    rest = claim_outlive(&device[0]);
    CHECK(!take(1, "image", "r"));
    claim_end(rest);
}

/* Locked by an open file of which no device is known. */
static void test_outsiders(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = CLAIM_LOCK_LENGTH};
    int outsider = open("image", O_RDWR | O_CLOEXEC), rc;
    unsigned n;

    begin();
    CHECK(!fcntl(outsider, F_OFD_SETLK, &lock));
    n = tries(0, "image", "w", &rc);
    CHECK(n < 20 && rc == -EBUSY && strstr(message, "in use by another program"));
    CHECK(!lines);
    /* A daemon that has just started gives the workers of an earlier one time. */
    begin();
    backend.started = now;
    n = tries(0, "image", "w", &rc);
    CHECK(n > 200 && rc == -EBUSY && lines == 1);
    backend.started = 0;
    close(outsider);
    CHECK(!take(0, "image", "w"));
    /* What this daemon holds, others see by its lock. */
    outsider = open("image", O_RDWR | O_CLOEXEC);
    CHECK(fcntl(outsider, F_OFD_SETLK, &lock) && (errno == EAGAIN || errno == EACCES));
    let_go(0);
    CHECK(!fcntl(outsider, F_OFD_SETLK, &lock));
    close(outsider);
    /* A reader's is no less in a writer's way, but not in that of a program of qemu's that reads.
     */
    CHECK(!take(0, "image", "r"));
    outsider = open("image", O_RDWR | O_CLOEXEC);
    CHECK(fcntl(outsider, F_OFD_SETLK, &lock) && (errno == EAGAIN || errno == EACCES));
    for (lock.l_start = 0, lock.l_len = 1; lock.l_start < 300; lock.l_start++)
        CHECK(!fcntl(outsider, F_OFD_SETLK, &lock) == (lock.l_start > 100 && lock.l_start < 201));
    close(outsider);
}

int main(void)
{
    char dir[] = "/tmp/test-claim-XXXXXX";
    int failed;

    if (!mkdtemp(dir) || chdir(dir))
        return 1;
    close(open("image", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    close(open("other", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK(!link("image", "link") && !symlink("image", "symlink"));
    test_devices();
    test_modes();
    test_server();
    test_outsiders();
    begin();
    unlink("image");
    unlink("other");
    unlink("link");
    unlink("symlink");
    failed = rmdir(dir);
    CHECK(!failed);
    return check_end();
}
