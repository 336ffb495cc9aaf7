// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_greeting.c: the supervisor and the server of an image that is not raw, which the test plays:
 * the server greets each connection, and has to be asked anew for each life of a front-end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <backends/vbd.h>
#include "check.h"

static int64_t now = 1;
static char dir[] = "/tmp/test-greeting-XXXXXX";
struct backend backend = {.run_dir = dir, .program_dir = dir};
extern unsigned fake_claims_left; /* whose devices have gone */
static unsigned gave_up, started;
static int reason = -1; /* where the helper says why it ends */
static void (*tell)(void *arg, int status);
static void *tell_arg;

int64_t backend_now(void)
{
    return now++;
}

void device_give_up(struct device *d)
{
    (void)d;
    gave_up++;
}

int process_helper(const char *const *argv, const int *fds, unsigned nr_fds,
                   void (*ended)(void *arg, int status), void *arg)
{
    (void)argv;
    (void)nr_fds;
    if (reason >= 0)
        close(reason);
    reason = dup(fds[1]);
    tell = ended;
    tell_arg = arg;
    started++;
    return 1;
}

void process_end_helper(int pid, void (*ended)(void *arg, int status), void *arg)
{
    (void)pid;
    tell = ended;
    tell_arg = arg;
}

static void ends(const char *why)
{
    CHECK(write(reason, why, strlen(why)) == (ssize_t)strlen(why));
    tell(tell_arg, 1 << 8); /* status 1 */
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

static void new_vbd(struct vbd *v)
{
    *v = (struct vbd){.fd = -1, .format = "qcow2", .nbd = {.listener = -1, .reason = -1}};
    snprintf(v->path, sizeof(v->path), "%s", dir);
}

/* The image is locked by a server that is about to end: it is tried again, for a while. */
static void test_locked(void)
{
    static const char locked[] = "Is another process using the image [/image/0]?";
    struct vbd v;
    struct device d = {.domid = 5, .devid = 51712, .priv = &v, .rings = DEVICE_RINGS_INHERITED};

    new_vbd(&v);
    now += 3600000;
    started = gave_up = 0;
    for (unsigned i = 1; i < 20; i++) {
        CHECK(nbd_start(&d, &v) == BACKEND_LATER && started == i);
        ends(locked);
        now += 1000;
    }
    CHECK(!gave_up);
    CHECK(nbd_start(&d, &v) == BACKEND_LATER);
    ends("it is no image");
    CHECK(gave_up == 1);
    /* One that has served and is killed: qemu-nbd itself lives on for a moment. */
    CHECK(nbd_start(&d, &v) == BACKEND_LATER);
    d.life = DEVICE_ATTACHED;
    started = gave_up = 0;
    now += 3600000;
    ends("");
    CHECK(started == 1);
    ends(locked);
    CHECK(started == 2 && !gave_up);
    now += 80000;
    ends(locked); /* it did serve */
    CHECK(started == 3 && !gave_up);
    /* Somebody else has it. */
    d.life = DEVICE_OPENING;
    v.nbd.busy_until = now;
    ends(locked);
    CHECK(started == 3 && gave_up == 1);
    /* What the tools have removed is not started again, nor is its end told to its successor. */
    CHECK(nbd_start(&d, &v) == BACKEND_LATER && started == 4);
    d.life = DEVICE_LEAVING;
    now += 3600000;
    ends("");
    CHECK(started == 4 && gave_up == 1);
    nbd_stop(&d, &v);
    CHECK(!fake_claims_left);
}

/* The claim of a device that goes ends with its server, and its socket is its own. */
static void test_successor(void)
{
    struct vbd old, new;
    struct device d = {.domid = 5, .devid = 51712, .serial = 1, .priv = &old}, e = d;

    new_vbd(&old);
    new_vbd(&new);
    e.serial = 2;
    e.priv = &new;
    CHECK(nbd_start(&d, &old) == BACKEND_LATER);
    CHECK(nbd_start(&e, &new) == BACKEND_LATER);
    nbd_stop(&d, &old);
    CHECK(fake_claims_left == 1);
    ends("");
    CHECK(!fake_claims_left);
    CHECK(!nbd_connection(&e, &new));
    close(greet(&new));
    close(new.fd);
    nbd_stop(&e, &new);
    ends("");
    CHECK(!fake_claims_left);
}

/* What a daemon that was killed has left. */
static void test_clean(const char *blk)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/5-51712.7.nbd", blk);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    nbd_clean();
    CHECK(access(path, F_OK));
}

int main(void)
{
    struct vbd v;
    struct device d = {.domid = 5, .devid = 51712, .priv = &v};
    char blk[64], greeting[8];
    int asked, used;

    alarm(60); /* a connection that nobody makes */
    CHECK(mkdtemp(dir));
    snprintf(blk, sizeof(blk), "%s/blk", dir);
    new_vbd(&v);
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
    claim_end((struct claim_rest *)&d);
    test_locked();
    test_successor();
    test_clean(blk);
    CHECK(!rmdir(blk)); /* nothing is left in it */
    CHECK(!rmdir(dir));
    return check_end();
}
