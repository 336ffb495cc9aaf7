// SPDX-License-Identifier: GPL-2.0-only
/*
 * confine.c: namespaces, a root directory, limits, no rights, and a filter for system calls.
 *
 * Order matters, as in sandbox.c: mounting needs privileges, changing the user gives them up, and
 * the filter comes last. Its other end, where system calls wait for an answer, is sent to the
 * parent through a socket; from then on even the child's own execve waits for that.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/falloc.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libworker/calls.h>
#include <libworker/worker.h>

#define CONFINE_ROOT   "/tmp" /* where the new root is put together; any directory would do */
#define CONFINE_MEMORY (4ULL << 30)

/* What it does beside the usual: files and threads; sockets only as far as they exist. */
static const int confine_calls[] = {
    SCMP_SYS(sync_file_range),
    SCMP_SYS(ftruncate),
    SCMP_SYS(copy_file_range),
    SCMP_SYS(fadvise64),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(chdir),
    SCMP_SYS(getdents64),
    SCMP_SYS(umask),
    SCMP_SYS(fcntl),
    SCMP_SYS(flock),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(close_range),
    SCMP_SYS(pipe2),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(listen),
    SCMP_SYS(setsockopt),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(signalfd4),
    SCMP_SYS(membarrier),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(mmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(clock_getres),
    SCMP_SYS(time),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(prctl),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(tgkill),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait),
};

static const int confine_asked[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(execve)};

/* Requests of block devices: sizes, discard, geometry. */
#define CONFINE_BLOCK 0x12

/*
 * Requests of file systems, by kind and number: how files can be read and written. Not on the list
 * is one of the same kind that gives a file room past its end: no limit counts that.
 */
static const uint16_t confine_ioctls[] = {
    'X' << 8 | 30, /* alignment of direct I/O */
    'X' << 8 | 31, /* attributes */
    'f' << 8 | 1,  /* flags */
    'f' << 8 | 11, /* extents */
};

static int allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition);
}

/*
 * The limit on a file's size holds for what makes it longer. It does not hold for what takes room
 * behind its end and leaves its size. So of the latter kind only the making of holes is allowed.
 */
static int allow_room(scmp_filter_ctx filter)
{
    static const uint32_t growing[] = {0, FALLOC_FL_ZERO_RANGE};
    int rc = allow_if(filter, SCMP_SYS(fallocate),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_PUNCH_HOLE));

    for (size_t i = 0; !rc && i < sizeof(growing) / sizeof(growing[0]); i++)
        rc = allow_if(filter, SCMP_SYS(fallocate),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, growing[i]));
    return rc;
}

static int allow_requests(scmp_filter_ctx filter)
{
    int rc = allow_if(filter, SCMP_SYS(ioctl),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, (scmp_datum_t)CONFINE_BLOCK << 8));

    for (size_t i = 0; !rc && i < sizeof(confine_ioctls) / sizeof(confine_ioctls[0]); i++)
        rc = allow_if(filter, SCMP_SYS(ioctl),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff, confine_ioctls[i]));
    return rc;
}

/* A filter that is loaded; the descriptor where calls wait, or a negative errno. */
static int load_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int rc = filter ? 0 : -ENOMEM;

    if (!rc)
        rc = calls_allow_usual(filter);
    if (!rc)
        rc = calls_allow(filter, confine_calls, sizeof(confine_calls) / sizeof(confine_calls[0]));
    for (size_t i = 0; !rc && i < sizeof(confine_asked) / sizeof(confine_asked[0]); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, confine_asked[i], 0);
    if (!rc)
        rc = allow_requests(filter);
    if (!rc)
        rc = allow_room(filter);
    /* clone3, whose arguments a filter cannot see, is not there: the C library then uses this. */
    if (!rc)
        rc = allow_if(filter, SCMP_SYS(clone),
                      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (!rc)
        rc = seccomp_load(filter);
    if (!rc)
        rc = seccomp_notify_fd(filter);
    if (filter)
        seccomp_release(filter);
    return rc;
}

/* --- the child ----------------------------------------------------------------------------- */

/* One entry of the new root: a link as it is, a directory or file as a mount that cannot write. */
static int show(const char *path)
{
    char at[128], link[256];
    struct stat st;
    ssize_t n;
    int fd;

    snprintf(at, sizeof(at), CONFINE_ROOT "%s", path);
    if (lstat(path, &st))
        return 0; /* not every machine has them all */
    if (S_ISLNK(st.st_mode)) {
        n = readlink(path, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        return symlink(link, at);
    }
    fd = S_ISDIR(st.st_mode) ? 0 : open(at, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (S_ISDIR(st.st_mode) && mkdir(at, 0755))
        return -1;
    if (fd > 0)
        close(fd);
    return mount(path, at, NULL, MS_BIND, NULL) ||
                   mount(NULL, at, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
                         NULL)
               ? -1
               : 0;
}

static const char *make_root(void)
{
    static const char *const shown[] = {"/usr",   "/bin",   "/sbin",   "/lib",
                                        "/lib64", "/lib32", "/libx32", "/etc/ld.so.cache"};

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", CONFINE_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0755") ||
        mkdir(CONFINE_ROOT "/etc", 0755))
        return "a root directory of its own";
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (show(shown[i]))
            return shown[i];
    if (mount(NULL, CONFINE_ROOT, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
              NULL) ||
        chdir(CONFINE_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
        return "its root directory";
    return NULL;
}

static int set_limits(uint64_t file_limit)
{
    const struct {
        int what;
        rlim_t most;
    } limits[] = {{RLIMIT_AS, CONFINE_MEMORY},
                  {RLIMIT_NOFILE, 64},
                  {RLIMIT_CORE, 0},
                  {RLIMIT_MEMLOCK, 0},
                  {RLIMIT_FSIZE, file_limit ? (rlim_t)file_limit : RLIM_INFINITY}};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit limit = {limits[i].most, limits[i].most};

        if (setrlimit(limits[i].what, &limit))
            return -1;
    }
    /* A write past the limit fails, and does not end the program. */
    signal(SIGXFSZ, SIG_IGN);
    return 0;
}

static const char *give_up_rights(uint32_t uid)
{
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL)
            return "giving up capabilities";
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) || !setuid(0))
        return "changing the user";
    /* A change of the user undoes it: so not before. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return "giving up rights for good";
    return NULL;
}

static _Noreturn void give_reason(int sock, const char *what)
{
    struct worker_parcel parcel = {0};

    snprintf((char *)parcel.body, sizeof(parcel.body), "%s: %s", what, strerror(errno));
    parcel.head.length = (uint32_t)strlen((char *)parcel.body);
    worker_send(sock, &parcel);
    _exit(126);
}

static _Noreturn void become(const char *const *argv, int sock, int output,
                             const struct confine *how)
{
    /* Its only process, so that its number is 1. */
    static char *environment[] = {"LISTEN_FDS=1", "LISTEN_PID=1", "MALLOC_ARENA_MAX=4",
                                  "PATH=/usr/bin:/bin", NULL};
    struct worker_parcel parcel = {0};
    const char *trouble;
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), inherited;

    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    /* Two steps: they may be in each other's place. */
    sock = fcntl(sock, F_DUPFD_CLOEXEC, 16);
    inherited = fcntl(how->inherited, F_DUPFD_CLOEXEC, 16);
    if (sock < 0 || inherited < 0 || dup2(inherited, 3) < 0)
        _exit(126);
    for (int i = 4; i < 1024; i++)
        if (i != sock)
            close(i);
    trouble = make_root();
    trouble = trouble ? trouble : give_up_rights(how->uid);
    if (trouble)
        give_reason(sock, trouble);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    parcel.fds[0] = load_filter();
    if (parcel.fds[0] < 0) {
        errno = -parcel.fds[0];
        give_reason(sock, "the filter of system calls");
    }
    parcel.nr_fds = 1;
    worker_send(sock, &parcel);
    close(parcel.fds[0]);
    /* Not before: what the filter is made with may be larger than that. */
    if (!set_limits(how->file_limit))
        execve(argv[0], (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

/* --- the parent ---------------------------------------------------------------------------- */

static int no_start(struct confined *c, const char *what)
{
    snprintf(c->why, sizeof(c->why), "%s: %s", what, strerror(errno));
    return -1;
}

int confine_start(struct confined *c, const char *const *argv, const struct confine *how)
{
    unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                          CLONE_NEWCGROUP | SIGCHLD;
    struct worker_parcel parcel;
    int pair[2], output[2], rc;

    memset(c, 0, sizeof(*c));
    c->notify = c->output = -1;
    c->exec = 1;
    if (pipe2(output, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return no_start(c, "a pipe");
    c->pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (!c->pid)
        become(argv, pair[1], output[1], how);
    close(pair[1]);
    close(output[1]);
    if (c->pid < 0)
        return no_start(c, "namespaces of its own");
    c->output = output[0];
    rc = worker_receive(pair[0], &parcel);
    close(pair[0]);
    if (rc == 1 && parcel.nr_fds == 1) {
        c->notify = parcel.fds[0];
        return 0;
    }
    if (rc == 1)
        snprintf(c->why, sizeof(c->why), "%.150s", (const char *)parcel.body);
    else
        snprintf(c->why, sizeof(c->why), "it ended while it gave up its rights");
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    return -1;
}

/* A path of the program's memory; pages at a time, since the text may end at the last one. */
static int read_path(pid_t pid, uint64_t address, char *path, size_t size)
{
    size_t have = 0;

    while (have < size) {
        size_t piece = 4096 - ((address + have) & 4095);
        struct iovec local = {path + have, piece < size - have ? piece : size - have};
        struct iovec remote = {(void *)(uintptr_t)(address + have), local.iov_len};
        ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

        if (n <= 0)
            return -1;
        if (memchr(path + have, '\0', (size_t)n))
            return 0;
        have += (size_t)n;
    }
    return -1;
}

/* Gives the waiting call a copy of the descriptor as its result. */
static int give(int notify, uint64_t id, int fd)
{
    struct seccomp_notif_addfd addfd = {.id = id,
                                        .flags = SECCOMP_ADDFD_FLAG_SEND,
                                        .srcfd = (uint32_t)fd,
                                        .newfd_flags = O_CLOEXEC};
    int rc = ioctl(notify, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);

    close(fd);
    return rc < 0 && errno != ENOENT ? -1 : 0; /* ENOENT: it has died meanwhile */
}

int confine_answer(struct confined *c, confine_open_fn *open_fn, void *arg)
{
    struct seccomp_notif req = {0};
    struct seccomp_notif_resp rsp = {0};
    char path[256];
    bool at;
    int fd = CONFINE_NOT_OURS;

    if (ioctl(c->notify, SECCOMP_IOCTL_NOTIF_RECV, &req))
        return errno == EINTR || errno == ENOENT ? 0 : -1;
    rsp.id = req.id;
    at = req.data.nr == SYS_openat;
    if (req.data.nr == SYS_execve) {
        if (c->exec-- > 0)
            rsp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        else
            rsp.error = -EPERM;
        c->exec = c->exec < 0 ? 0 : c->exec;
    } else {
        /* A path that cannot be read, or is too long, is none that the caller knows. */
        if (!read_path((pid_t)req.pid, req.data.args[at], path, sizeof(path)) &&
            !ioctl(c->notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id))
            fd = open_fn(arg, path, (int)req.data.args[at ? 2 : 1]);
        if (fd >= 0)
            return give(c->notify, req.id, fd);
        if (fd == CONFINE_NOT_OURS)
            rsp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        else
            rsp.error = -errno;
    }
    if (ioctl(c->notify, SECCOMP_IOCTL_NOTIF_SEND, &rsp) && errno != ENOENT)
        return -1;
    return 0;
}
