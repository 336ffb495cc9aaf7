// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c: attaches the terminal to a guest's console.
 *
 * lodge-consoled serves any number of viewers over its socket. Where another daemon serves the
 * console, its pty is opened instead: the node console/tty names it.
 */
#include "cli.h"

#include <errno.h>
#include <libdaemon/libdaemon.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <clock.h>

#define ESCAPE 0x1d /* Ctrl-] */

/* One line to the daemon, one line back: "ok", or the reason why not. */
static int attach(struct lodge_session *l, int fd, uint16_t domid)
{
    char line[160];
    size_t n = 0;
    int len = snprintf(line, sizeof(line), "attach %u\n", domid);

    if (write(fd, line, (size_t)len) != len)
        return lodge_fail(l, errno, "the console daemon does not listen: %s", strerror(errno));
    while (n < sizeof(line) - 1 && read(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
    if (!strcmp(line, "ok"))
        return 0;
    return lodge_fail(l, ENOENT, "the console of domain %u: %s", domid,
                      n ? line : "the console daemon went away");
}

static int connect_daemon(struct lodge_session *l, uint16_t domid, int *out)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/console.sock", l->run_dir);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        rc = lodge_fail(l, ECONNREFUSED, "no console daemon runs; start lodge-consoled");
    } else {
        rc = attach(l, fd, domid);
        if (!rc) {
            *out = fd;
            return 0;
        }
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

static int open_pty(struct lodge_session *l, uint16_t domid, int *out)
{
    char *tty = store_get(l->store, store_fmt("/local/domain/%u/console/tty", domid));
    int rc = -ENOENT;

    if (tty && *tty) {
        *out = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
        rc = *out >= 0 ? 0 : lodge_fail(l, errno, "%s: %s", tty, strerror(errno));
    }
    free(tty);
    return rc;
}

/* Starts lodge-consoled if none runs, unless another program serves the console with a pty. */
int console_connect(struct lodge_session *l, uint16_t domid, int *fd)
{
    const struct timespec tick = {.tv_nsec = 50 * 1000 * 1000};
    bool started = false;
    int rc = -ENOENT;

    for (int tries = 0; tries < 100; tries++) {
        rc = connect_daemon(l, domid, fd);
        if (rc == -ECONNREFUSED && !open_pty(l, domid, fd))
            rc = 0;
        if (rc == -ECONNREFUSED && !started) {
            daemon_ensure(l->run_dir, "lodge-consoled");
            started = true;
            continue;
        }
        if (!rc || rc != -ENOENT)
            break;
        nanosleep(&tick, NULL);
    }
    return rc;
}

static bool write_all(int fd, const char *buf, size_t len)
{
    while (len) {
        ssize_t n = write(fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf += n;
        len -= (size_t)n;
    }
    return true;
}

#define LINGER_MS     1000 /* after the end of input: silence that ends it */
#define LINGER_MAX_MS 5000 /* and the end also for a guest that never falls silent */

/* Until the guest ends, the user leaves, or a script's input ended and the guest fell silent. */
static const char *copy(int fd)
{
    struct pollfd pfd[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    int64_t end = INT64_MAX;
    char buf[4096];
    ssize_t n;

    for (;;) {
        int ready = poll(pfd, 2, pfd[1].fd < 0 ? LINGER_MS : -1);

        if (ready < 0 && errno != EINTR)
            return strerror(errno);
        if (!ready || now_ms() > end)
            return "end of input";
        if (pfd[0].revents) {
            n = read(fd, buf, sizeof(buf));
            if (n <= 0)
                return "the guest's console was closed";
            if (!write_all(STDOUT_FILENO, buf, (size_t)n))
                return "the output could not be written";
        }
        if (pfd[1].revents) {
            const char *leave;

            n = read(STDIN_FILENO, buf, sizeof(buf));
            if (n <= 0) {
                pfd[1].fd = -1;
                end = now_ms() + LINGER_MAX_MS;
                continue;
            }
            leave = memchr(buf, ESCAPE, (size_t)n);
            if (!write_all(fd, buf, leave ? (size_t)(leave - buf) : (size_t)n))
                return "the guest's console was closed";
            if (leave)
                return "left";
        }
    }
}

int console_run(int fd)
{
    struct termios old, raw;
    bool tty = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &old);
    const char *why;

    if (tty) {
        raw = old;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    if (isatty(fd) && !tcgetattr(fd, &raw)) {
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
    }
    why = copy(fd);
    if (tty)
        tcsetattr(STDIN_FILENO, TCSANOW, &old);
    close(fd);
    fprintf(stderr, "%slodge: console: %s\n", tty ? "\r\n" : "", why);
    return 0;
}
