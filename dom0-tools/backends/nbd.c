// SPDX-License-Identifier: GPL-2.0-only
/*
 * nbd.c: images in formats that qemu-nbd knows (qcow2 and others), one helper per disk: lodge-nbd,
 * which opens the image and runs a qemu-nbd that can reach nothing else (see lodge_nbd.c).
 *
 * The socket on which the helper accepts is made here and handed to it the way systemd does: it
 * outlives the helper, so that a helper that dies is started again behind it, and a connection can
 * be made before the helper is ready. The worker gets a connected socket; it ends when the
 * connection breaks, is started again, and finds in its in-flight file what to repeat.
 *
 * A worker that is killed leaves requests with the server, and nothing tells when the server is
 * through with them: if it is very slow, such a write can land after one that the guest made later
 * to the same sectors. Raw images have no such gap, see blkback/io.c.
 */
#include "vbd.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NBD_GOOD_LIFE  2000  /* ms: a helper that ends sooner will not do better the next time */
#define NBD_BUSY_TIME  70000 /* for which an earlier helper's server may have the image */
#define NBD_LOCKED     "Is another process using the image" /* in a server's last words */
#define NBD_START_TIME 20000                                /* ms it may take to open the image */

static void nbd_ended(void *arg, int status);

/*
 * The serial number keeps the paths of a device and its successor apart: one that goes removes its
 * own socket only.
 */
static void nbd_path(const struct device *d, struct sockaddr_un *addr)
{
    addr->sun_family = AF_UNIX;
    snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/blk/%u-%u.%u.nbd", backend.run_dir,
             d->domid, d->devid, d->serial);
}

/* Removes the sockets that a killed daemon has left. */
void nbd_clean(void)
{
    glob_t found;

    if (glob(store_fmt("%s/blk/*.nbd", backend.run_dir), 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
}

static void nbd_forget_reason(struct vbd *v)
{
    if (v->nbd.reason >= 0)
        close(v->nbd.reason);
    v->nbd.reason = -1;
}

static int nbd_run(struct device *d, struct vbd *v)
{
    char program[512], domid[8];
    const char *argv[7 + VBD_MAX_BACKING] = {
        program, v->format, v->readonly ? "r" : "w", v->discard ? "discard" : "ignore",
        domid,   v->path};
    int reason[2], fds[2], pid;

    snprintf(program, sizeof(program), "%s/lodge-nbd", backend.program_dir);
    snprintf(domid, sizeof(domid), "%u", d->domid);
    memcpy(argv + 6, v->backing, sizeof(v->backing));
    if (pipe2(reason, O_CLOEXEC | O_NONBLOCK))
        return device_fail(d, errno, "its server cannot be started: %s", strerror(errno));
    fds[0] = v->nbd.listener;
    fds[1] = reason[1];
    pid = process_helper(argv, fds, 2, nbd_ended, d);
    close(reason[1]);
    nbd_forget_reason(v);
    v->nbd.reason = reason[0];
    if (pid < 0)
        return device_fail(d, -pid, "its server cannot be started: %s", strerror(-pid));
    v->nbd.pid = pid;
    v->nbd.started = backend_now();
    v->nbd.asked = 0;
    return 0;
}

/* True: somebody else has locked the image. */
static bool nbd_explain(struct device *d, const struct vbd *v, int status)
{
    char why[400];
    ssize_t n = v->nbd.reason < 0 ? 0 : read(v->nbd.reason, why, sizeof(why) - 1);
    bool locked;

    why[n > 0 ? n : 0] = '\0';
    locked = !strncmp(why, NBD_LOCKED, strlen(NBD_LOCKED));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        device_fail(d, ENOENT,
                    "qemu-nbd is missing, which serves images of format %s: install the "
                    "package qemu-utils",
                    v->format);
    else if (locked)
        device_fail(d, EBUSY,
                    "%s, or a file behind it, is in use by another program, which has locked it; "
                    "end that first",
                    v->path);
    else if (WIFEXITED(status) && WEXITSTATUS(status) < 128 && *why)
        device_fail(d, EIO, "%s cannot be served as %s: %s", v->path, v->format, why);
    else
        device_fail(d, EIO, "qemu-nbd cannot serve %s as %s (%s %d): try `qemu-img check` on it",
                    v->path, v->format, WIFSIGNALED(status) ? "signal" : "status",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return locked;
}

/*
 * The server of an earlier daemon, or of a helper that was killed, may still write back what it
 * holds, and has the image locked. No other is started until it ends, and that is no failure.
 */
static void nbd_ended(void *arg, int status)
{
    struct device *d = arg;
    struct vbd *v = d->priv;
    bool lived = backend_now() - v->nbd.started >= NBD_GOOD_LIFE, busy;

    v->nbd.pid = 0;
    if (device_going(d) || d->life == DEVICE_FAILING) /* it is about to be closed */
        return;
    busy = nbd_explain(d, v, status) && backend_now() < v->nbd.busy_until;
    if (lived)
        v->nbd.busy_until = backend_now() + NBD_BUSY_TIME;
    if (busy && d->life == DEVICE_OPENING)
        return; /* nbd_start() is called again */
    if (!lived && !busy) {
        device_give_up(d);
        return;
    }
    if (!busy)
        device_say(d, "qemu-nbd ended; it is started again");
    if (nbd_run(d, v))
        device_give_up(d);
}

/*
 * A server that greets has opened the image. One that cannot open it ends, which nbd_ended() is
 * told. Each call asks over a new connection, as the one of the last worker was greeted long ago
 * where a front-end comes anew.
 */
static int nbd_greets(struct device *d, struct vbd *v)
{
    char greeting[8];
    int rc = v->nbd.asked ? 0 : nbd_connection(d, v);

    if (rc)
        return rc;
    if (!v->nbd.asked)
        v->nbd.asked = backend_now();
    if (recv(v->fd, greeting, sizeof(greeting), MSG_PEEK | MSG_DONTWAIT) ==
        (ssize_t)sizeof(greeting)) {
        close(v->fd);
        v->fd = -1;
        v->nbd.asked = 0;
        return 0;
    }
    if (backend_now() - v->nbd.asked > NBD_START_TIME)
        return device_fail(d, ETIMEDOUT, "qemu-nbd does not answer; is %s on a slow disk?",
                           v->path);
    return BACKEND_LATER;
}

/* The server has locks of its own on it, on which qemu's programs agree. */
static int claim_image(struct device *d, struct vbd *v)
{
    int fd = open(v->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

    if (fd < 0)
        return device_fail(d, errno, "%s cannot be opened: %s", v->path, strerror(errno));
    rc = claim_take(d, v->path, fd, v->readonly, v->shared, false);
    close(fd);
    return rc;
}

int nbd_start(struct device *d, struct vbd *v)
{
    struct sockaddr_un addr;
    int rc;

    if (v->nbd.pid)
        return nbd_greets(d, v);
    if (access(v->path, v->readonly ? R_OK : R_OK | W_OK))
        return device_fail(d, errno, "%s cannot be opened%s: %s", v->path,
                           v->readonly ? "" : " for writing", strerror(errno));
    if (v->nbd.listener < 0) {
        nbd_path(d, &addr);
        unlink(addr.sun_path);
        v->nbd.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (v->nbd.listener < 0 || bind(v->nbd.listener, (struct sockaddr *)&addr, sizeof(addr)) ||
            chmod(addr.sun_path, 0600) || listen(v->nbd.listener, 4))
            return device_fail(d, errno, "%s: %s", addr.sun_path, strerror(errno));
    }
    v->sector_size = 512; /* the worker corrects it */
    if (!v->nbd.busy_until)
        v->nbd.busy_until =
            (d->rings == DEVICE_RINGS_INHERITED ? backend_now() : backend.started) + NBD_BUSY_TIME;
    rc = claim_image(d, v);
    rc = rc ? rc : nbd_run(d, v);
    return rc ? rc : BACKEND_LATER;
}

int nbd_connection(struct device *d, struct vbd *v)
{
    struct sockaddr_un addr;

    if (v->fd >= 0)
        close(v->fd);
    nbd_path(d, &addr);
    v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (v->fd < 0 || connect(v->fd, (struct sockaddr *)&addr, sizeof(addr)))
        return device_fail(d, errno, "qemu-nbd does not answer: %s", strerror(errno));
    return 0;
}

static void nbd_let_go(void *rest, int status)
{
    (void)status;
    claim_end(rest);
}

void nbd_stop(struct device *d, struct vbd *v)
{
    struct sockaddr_un addr;

    if (v->nbd.pid)
        process_end_helper(v->nbd.pid, nbd_let_go, claim_outlive(d));
    v->nbd.pid = 0;
    nbd_forget_reason(v);
    if (v->nbd.listener >= 0) {
        nbd_path(d, &addr);
        unlink(addr.sun_path);
        close(v->nbd.listener);
    }
    v->nbd.listener = -1;
}
