// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_greeting.c: the supervisor and the server of an image that is not raw, which the test plays:
 * the server greets each connection, and has to be asked anew for each life of a front-end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backend/vbd.h>
#include "check.h"

static int64_t now = 1;
static char dir[] = "/tmp/test-greeting-XXXXXX";
struct backend backend = {.run_dir = dir, .program_dir = dir};

int64_t backend_now(void)
{
    return now++;
}

void device_give_up(struct device *d)
{
    (void)d;
}

int process_helper(const char *const *argv, const int *fds, unsigned nr_fds,
                   void (*ended)(void *arg, int status), void *arg)
{
    (void)argv;
    (void)fds;
    (void)nr_fds;
    (void)ended;
    (void)arg;
    return 1;
}

void process_forget_helper(int pid)
{
    (void)pid;
}

/* The server takes a connection, and greets. */
static int greet(const struct vbd *v)
{
    int fd = accept4(v->nbd.listener, NULL, NULL, SOCK_NONBLOCK);

    CHECK(fd >= 0 && write(fd, "NBDMAGIC", 8) == 8);
    return fd;
}

/* Its other end is closed: the server knows that nobody is there. */
static bool is_over(int fd)
{
    char byte;
    ssize_t n = read(fd, &byte, 1);

    close(fd);
    return !n || (n < 0 && errno == ECONNRESET);
}

int main(void)
{
    struct device d = {.domid = 5, .devid = 51712};
    struct vbd v = {.fd = -1, .format = "qcow2", .nbd = {.listener = -1, .reason = -1}};
    char blk[64], greeting[8];
    int asked, used;

    alarm(20); /* a connection that nobody makes */
    CHECK(mkdtemp(dir));
    snprintf(blk, sizeof(blk), "%s/blk", dir);
    snprintf(v.path, sizeof(v.path), "%s", dir);
    CHECK(!mkdir(blk, 0700));
    for (unsigned life = 0; life < 2; life++) {
        if (!life) /* it is started once */
            CHECK(nbd_start(&d, &v) == BACKEND_LATER);
        CHECK(nbd_start(&d, &v) == BACKEND_LATER);
        asked = greet(&v);
        CHECK(!nbd_start(&d, &v));
        CHECK(is_over(asked));
        /* The worker's, which reads the greeting and goes one day. */
        CHECK(!nbd_connection(&d, &v));
        used = greet(&v);
        CHECK(read(v.fd, greeting, sizeof(greeting)) == sizeof(greeting));
        now += 3600000;
    }
    /* A server that does not answer is not waited for without end. */
    CHECK(nbd_start(&d, &v) == BACKEND_LATER);
    CHECK(is_over(used));
    now += 30000;
    CHECK(nbd_start(&d, &v) == -ETIMEDOUT);
    nbd_stop(&d, &v);
    rmdir(blk);
    rmdir(dir);
    return check_end();
}
