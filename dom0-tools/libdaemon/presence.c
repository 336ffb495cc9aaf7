// SPDX-License-Identifier: GPL-2.0-only
/*
 * presence.c: one daemon of a name per machine, started on boot or on demand.
 *
 * A daemon holds a lock on its pid file as long as it lives. Whoever can take the lock knows that
 * there is none, without a race and without asking the process table; a file left by a killed
 * daemon is simply not locked.
 */
#include "libdaemon.h"

#include <errno.h>
#include <fcntl.h>
#include <oom.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_pidfile(const char *run_dir, const char *name)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s.pid", run_dir, name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT && !mkdir(run_dir, 0755))
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : fd;
}

/* Called after daemon_detach(), which forks: the number in the file is that of who serves. */
int daemon_lock(const char *run_dir, const char *name, char *err, size_t errlen)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open_pidfile(run_dir, name), rc, n;
    char pid[24];

    if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock)) {
        close(fd);
        snprintf(err, errlen, "%s is running already; see %s/%s.pid", name, run_dir, name);
        return -EAGAIN;
    }
    rc = fd;
    if (fd >= 0) {
        n = snprintf(pid, sizeof(pid), "%d\n", getpid());
        oom_score(OOM_LATE);
        if (!ftruncate(fd, 0) && pwrite(fd, pid, (size_t)n, 0) == n)
            return fd;
        rc = -errno;
        close(fd);
    }
    snprintf(err, errlen, "%s/%s.pid: %s", run_dir, name, strerror(-rc));
    return rc;
}

/* Beside this program, as in a build tree or /usr/sbin, else by $PATH. */
static void daemon_path(const char *name, char *buf, size_t len)
{
    ssize_t n = readlink("/proc/self/exe", buf, len - 1);
    char *slash;

    if (n > 0) {
        buf[n] = '\0';
        slash = strrchr(buf, '/');
        snprintf(slash, len - (size_t)(slash - buf), "/%s", name);
        if (!access(buf, X_OK))
            return;
    }
    snprintf(buf, len, "/usr/sbin/%s", name);
    if (access(buf, X_OK))
        snprintf(buf, len, "%s", name);
}

bool daemon_runs(const char *run_dir, const char *name)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open_pidfile(run_dir, name);
    bool running;

    if (fd < 0)
        return false;
    /* Asks who holds it, without taking it: a daemon that is starting must not find it taken. */
    running = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
    close(fd);
    return running;
}

bool daemon_ensure(const char *run_dir, const char *name)
{
    extern char **environ;
    char path[512];
    char *argv[] = {path, NULL};
    pid_t pid;
    int status;

    if (daemon_runs(run_dir, name))
        return true;
    daemon_path(name, path, sizeof(path));
    if (posix_spawnp(&pid, path, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid ||
        status)
        fprintf(stderr, "lodge: warning: %s could not be started\n", name);
    return false;
}
