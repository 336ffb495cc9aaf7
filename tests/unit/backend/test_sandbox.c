// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_sandbox.c: a worker's sandbox from inside: what it must not do ends it, and what serving
 * needs works.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <backend/runtime.h>
#include "check.h"

static int null;

void runtime_log(uint32_t device, const char *fmt, ...)
{
    (void)device;
    (void)fmt;
}

static void nothing(void) {}

static void grants_and_events(void)
{
    if (ioctl(null, _IOC(_IOC_NONE, 'G', 2, 24)) != -1 || errno != ENOTTY ||
        ioctl(null, _IOC(_IOC_NONE, 'E', 4, 4)) != -1 || errno != ENOTTY)
        syscall(SYS_exit_group, 1);
}

static void keep_tap(void)
{
    ioctl(null, TUNSETPERSIST, 1);
}

static void make_code(void)
{
    syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void open_file(void)
{
    syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY);
}

static void open_socket(void)
{
    syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static void start_process(void)
{
    syscall(SYS_fork);
}

/* How a worker ends that does this: 0, or the signal. */
static int ends(void (*act)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (!pid) {
        if (runtime_sandbox(RUNTIME_UID_NETWORK))
            _exit(2);
        act();
        syscall(SYS_exit_group, 0); /* the sanitizer would look for leaks first */
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

int main(void)
{
    static void (*const forbidden[])(void) = {keep_tap, make_code, open_file, open_socket,
                                              start_process};

    if (geteuid()) {
        printf("skip: a user is given up here, which only root can\n");
        return 0;
    }
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK(ends(nothing) == 0);
    CHECK(ends(grants_and_events) == 0);
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        CHECK(ends(forbidden[i]) == SIGSYS);
    return check_end();
}
