// SPDX-License-Identifier: GPL-2.0-only
/*
 * sandbox.c: a worker gives up its rights, after it has opened what it needs.
 *
 * Order matters: the root directory needs privileges to change, the user needs them to be given
 * up, and the list of system calls comes last, since it forbids the calls before it. The directory
 * that the supervisor started the worker in is empty and nobody's: it becomes the root.
 */
#include "calls.h"
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/falloc.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * What serving needs beside calls_allow_usual(). Not there: open, socket, connect, execve, fork,
 * kill, ptrace, and all that changes rights. Some are there with some arguments only: see
 * allow_some().
 */
static const int sandbox_calls[] = {
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(io_uring_enter),
};

/*
 * Requests of the grant device and of the event device, by kind and number: those that serving
 * needs, the most frequent first. None of taps: what they are the supervisor has set, and one of
 * theirs makes an interface that outlives its guest.
 *
 * The event device was bound to the guest before. The grant device cannot be: which domain's page
 * it maps is in memory, where no filter looks. A worker that was taken over can so reach the pages
 * that other guests have granted to this domain, and no others.
 */
static const uint16_t sandbox_ioctls[] = {
    'G' << 8 | 8, /* copy */
    'E' << 8 | 4, /* notify */
    'G' << 8 | 0, /* map */
    'G' << 8 | 2, /* find a mapping */
    'G' << 8 | 1, /* unmap */
    'E' << 8 | 1, /* bind */
    'E' << 8 | 3, /* unbind */
};

/*
 * Of a descriptor only its own flags. Not on the list: who gets a signal when it is ready, which
 * can be any process of the same user; locks, since those on an image are the supervisor's.
 */
static const int sandbox_fcntls[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL};

static int allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition);
}

/* The kernel looks at the lower half of these arguments, and so does the filter. */
static int allow_some(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof(sandbox_ioctls) / sizeof(sandbox_ioctls[0]); i++)
        rc = allow_if(filter, SCMP_SYS(ioctl),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff, sandbox_ioctls[i]));
    for (size_t i = 0; !rc && i < sizeof(sandbox_fcntls) / sizeof(sandbox_fcntls[0]); i++)
        rc = allow_if(filter, SCMP_SYS(fcntl),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)sandbox_fcntls[i]));
    /* For abort(), and for threads that are to end. */
    if (!rc)
        rc = allow_if(filter, SCMP_SYS(tgkill),
                      SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)getpid()));
    /* Making holes: all else could make a file take more room. */
    if (!rc)
        rc = allow_if(filter, SCMP_SYS(fallocate),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_PUNCH_HOLE));
    if (!rc)
        rc = allow_if(filter, SCMP_SYS(mmap), no_code);
    return rc ? rc : allow_if(filter, SCMP_SYS(mprotect), no_code);
}

static int forbid_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int rc = filter ? 0 : -ENOMEM;

    if (!rc)
        rc = calls_allow_usual(filter);
    if (!rc)
        rc = calls_allow(filter, sandbox_calls, sizeof(sandbox_calls) / sizeof(sandbox_calls[0]));
    if (!rc)
        rc = allow_some(filter);
    /*
     * The kernel remembers which calls are always allowed. These are judged anew each time, so
     * their rules come first.
     */
    if (!rc)
        rc = seccomp_syscall_priority(filter, SCMP_SYS(ioctl), UINT8_MAX);
    /* Threads that exist already are bound by it, too. */
    if (!rc)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!rc)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

static int give_up_rights(uint32_t uid)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    /*
     * The supervisor sets how long files may become. A write past that fails, and no more happens.
     */
    signal(SIGXFSZ, SIG_IGN);
    /*
     * Standard error was for what is wrong before the start; from here on the log goes over the
     * socket.
     */
    dup2(STDIN_FILENO, STDERR_FILENO);
    if (chroot(".") || chdir("/"))
        return -errno;
    for (int capability = 0; capability < 64; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL)
            return -errno;
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
        return -errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return -errno;
    /*
     * If the supervisor ends, a worker that somebody has stopped is to go on, and so to come to its
     * end. This comes behind the change of the user, which would undo it.
     */
    if (prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0))
        return -errno;
    /* The kernel takes all capabilities when the user changes from root; see that it did. */
    return setuid(0) ? 0 : -EPERM;
}

int runtime_sandbox(uint32_t kind)
{
    int rc = give_up_rights(kind + runtime.domid);

    if (!rc)
        rc = forbid_calls();
    if (rc)
        runtime_log(0, "the worker cannot give up its rights: %s; it ends", strerror(-rc));
    return rc ? -1 : 0;
}
