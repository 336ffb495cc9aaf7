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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libworker/runtime.h>
#include "check.h"

static int null, file;
static pid_t parent;
struct runtime runtime = {.domid = 77};

#define FILE_LIMIT 16384

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

static void serves_files(void)
{
    if (fcntl(file, F_GETFL) < 0 || fcntl(file, F_SETFL, O_NONBLOCK) || fcntl(file, F_GETFD) < 0 ||
        fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096))
        syscall(SYS_exit_group, 1);
    /* No longer than it may become, and one lives on. */
    if (pwrite(file, "x", 1, FILE_LIMIT - 1) != 1 || pwrite(file, "x", 1, FILE_LIMIT) != -1 ||
        errno != EFBIG)
        syscall(SYS_exit_group, 2);
}

static void signal_self(void)
{
    syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGCONT);
}

static void signal_other(void)
{
    syscall(SYS_tgkill, parent, parent, SIGCONT);
}

static void signal_by_descriptor(void)
{
    fcntl(file, F_SETOWN, parent);
}

static void change_lock(void)
{
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

    fcntl(file, F_OFD_SETLK, &lock);
}

static void take_room(void)
{
    fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 4096);
}

/* The kernel's way to give others memory of a guest's. */
static void export_grants(void)
{
    ioctl(null, _IOC(_IOC_NONE, 'G', 9, 24));
}

static void bind_virq(void)
{
    ioctl(null, _IOC(_IOC_NONE, 'E', 0, 4));
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
    siginfo_t info;
    struct rlimit limit = {FILE_LIMIT, FILE_LIMIT};
    pid_t pid = fork();

    if (!pid) {
        setrlimit(RLIMIT_FSIZE, &limit); /* as the supervisor does it */
        if (runtime_sandbox(RUNTIME_UID_NETWORK))
            _exit(3);
        act();
        syscall(SYS_exit_group, 0); /* the sanitizer would look for leaks first */
    }
    /* A user of its own: another guest's worker cannot reach it. */
    CHECK(!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
    CHECK(info.si_uid == RUNTIME_UID_NETWORK + 77);
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

int main(void)
{
    static void (*const forbidden[])(void) = {
        export_grants, bind_virq,    keep_tap,
        make_code,     open_file,    open_socket,
        start_process, signal_other, signal_by_descriptor,
        change_lock,   take_room,
    };

    if (geteuid()) {
        printf("skip: a user is given up here, which only root can\n");
        return 0;
    }
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    file = (int)syscall(SYS_memfd_create, "image", 0);
    parent = getpid();
    CHECK(ends(nothing) == 0);
    CHECK(ends(grants_and_events) == 0);
    CHECK(ends(serves_files) == 0);
    CHECK(ends(signal_self) == 0);
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
        CHECK(ends(forbidden[i]) == SIGSYS);
    return check_end();
}
