// SPDX-License-Identifier: GPL-2.0-only
/*
 * daemon.c: one console daemon and one monitor per machine, started on boot or on demand.
 *
 * A daemon holds a lock on its pid file as long as it lives. Whoever can take the lock knows that
 * there is none, without a race and without asking the process table; a file left by a killed
 * daemon is simply not locked.
 */
#include "domain.h"

#include <errno.h>
#include <fcntl.h>
#include <oom.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wait_lock.h>

static int open_pidfile(struct lodge *l, const char *name)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s.pid", l->run_dir, name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT && !mkdir(l->run_dir, 0755))
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return domain_fail(l, errno, "%s: %s", path, strerror(errno));
    return fd;
}

/* Called after daemon_detach(), which forks: the number in the file is that of who serves. */
int daemon_lock(struct lodge *l, const char *name, int *fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char pid[24];
    int n;

    *fd = open_pidfile(l, name);
    if (*fd < 0)
        return *fd;
    if (fcntl(*fd, F_OFD_SETLK, &lock)) {
        close(*fd);
        return domain_fail(l, EAGAIN, "%s is running already; see %s/%s.pid", name, l->run_dir,
                           name);
    }
    n = snprintf(pid, sizeof(pid), "%d\n", getpid());
    oom_score(OOM_LATE);
    if (ftruncate(*fd, 0) || pwrite(*fd, pid, (size_t)n, 0) != n)
        return domain_fail(l, errno, "%s/%s.pid: %s", l->run_dir, name, strerror(errno));
    return 0;
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

bool daemon_runs(struct lodge *l, const char *name)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open_pidfile(l, name);
    bool running;

    if (fd < 0)
        return false;
    /* Asks who holds it, without taking it: a daemon that is starting must not find it taken. */
    running = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
    close(fd);
    return running;
}

bool daemon_ensure(struct lodge *l, const char *name)
{
    extern char **environ;
    char path[512];
    char *argv[] = {path, NULL};
    pid_t pid;
    int status;

    if (daemon_runs(l, name))
        return true;
    daemon_path(name, path, sizeof(path));
    if (posix_spawnp(&pid, path, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid ||
        status)
        fprintf(stderr, "lodge: warning: %s could not be started\n", name);
    return false;
}

int daemon_detach(int *ready_fd)
{
    int pipefd[2];
    char done;
    pid_t pid;

    if (pipe2(pipefd, O_CLOEXEC))
        return -errno;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid) {
        close(pipefd[1]);
        /* The daemon writes a byte when it serves; if it ends before, there is none. */
        _exit(read(pipefd[0], &done, 1) == 1 ? 0 : 1);
    }
    close(pipefd[0]);
    setsid();
    *ready_fd = pipefd[1];
    return 0;
}

/* --- the log -------------------------------------------------------------------------------- */

/* A file of this size gets a new one in its place; one predecessor is kept. */
#define LOG_LIMIT (4 << 20)

/* How long one who replaces the file is waited for, and how long after that it grows. */
#define LOG_LOCK_MS  5000
#define LOG_PAUSE_MS 60000

static char log_path[512]; /* "" while messages go to where they went at the start */

static int open_log(void)
{
    return open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/*
 * Several processes of a daemon write to it. Who holds the lock on the file that has the name moves
 * it away; who comes later finds another one there. Whoever has not looked since goes on in the old
 * file, until that is full for it, too.
 */
static void limit_log(void)
{
    static int64_t not_before; /* or each line would wait for a process that is stopped there */
    struct stat mine, named;
    char old[sizeof(log_path) + 4];
    int fd;

    if (!*log_path || fstat(STDERR_FILENO, &mine) || mine.st_size < LOG_LIMIT ||
        now_ms() < not_before)
        return;
    fd = open_log();
    if (fd < 0)
        return;
    if (wait_lock(fd, LOG_LOCK_MS) || fstat(fd, &mine)) {
        close(fd);
        not_before = now_ms() + LOG_PAUSE_MS;
        return;
    }
    if (!stat(log_path, &named) && named.st_ino == mine.st_ino && named.st_size >= LOG_LIMIT) {
        snprintf(old, sizeof(old), "%s.1", log_path);
        rename(log_path, old);
    }
    close(fd);
    fd = open_log();
    if (fd < 0)
        return;
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    close(fd);
}

void daemon_ready(int ready_fd, const char *log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), out;

    snprintf(log_path, sizeof(log_path), "%s", log);
    out = open_log();
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(out >= 0 ? out : null, STDOUT_FILENO);
        dup2(out >= 0 ? out : null, STDERR_FILENO);
        close(null);
    }
    if (out >= 0)
        close(out);
    /* A parent that was killed meanwhile is no reason to end. */
    if (write(ready_fd, "", 1) == 1)
        close(ready_fd);
}

void daemon_say(const char *fmt, ...)
{
    char stamp[32], text[1024];
    struct timespec now;
    struct tm tm;
    va_list ap;

    clock_gettime(CLOCK_REALTIME, &now);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", gmtime_r(&now.tv_sec, &tm));
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    /* In one piece: several processes of a daemon may have something to say. */
    fprintf(stderr, "%s %s: %s\n", stamp, program_invocation_short_name, text);
    limit_log();
}
