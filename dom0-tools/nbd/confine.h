/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * confine.h: a program of somebody else's is run without rights.
 *
 * What confine_start() gives the program:
 *
 *   - the user and group that are asked for, no supplementary groups, no capabilities in any set,
 *     and no_new_privs: nothing it executes can have more
 *   - mount, process, network, ipc, uts and cgroup namespaces of its own. Its root directory holds
 *     /usr, /bin, /sbin, /lib* and the linker's cache of this machine, read-only; no /proc, /sys,
 *     /dev, /etc or home. It is process 1 of its world, and there is no network in that, not even
 *     a loopback interface that is up
 *   - four descriptors: 0 reads /dev/null, 1 and 2 write into a pipe of ours, 3 is what the caller
 *     passes in
 *   - an allow list of system calls; others fail with ENOSYS. Not on it, among others: socket,
 *     connect, kill, ptrace, mount, unshare, setns, clone of anything but threads, keyctl, bpf,
 *     perf_event_open, io_uring_setup, module and kexec calls, all that changes users. execve works
 *     once, for the program itself
 *   - open and openat are put to the caller, who may answer with a descriptor of its own: this is
 *     how the program gets files that are not in its world. What the caller does not know goes on
 *     as usual, against the empty root
 *   - limits: 4 GiB of address space, 64 descriptors, no core dump, no locked memory, files no
 *     larger than given, and no room taken for them past their end
 *
 * What it does not: processor time, the sum of memory and the speed of I/O are not limited (that is
 * for cgroups), and /usr can be read. A pipe or socket that is passed in works, of course.
 */
#ifndef LODGE_BACKEND_CONFINE_H
#define LODGE_BACKEND_CONFINE_H

#include <stdint.h>
#include <sys/types.h>

struct confined {
    pid_t pid;
    int notify;    /* system calls that wait for an answer: confine_answer() when it is readable */
    int output;    /* what the program prints */
    int exec;      /* how often it may execute a program still */
    char why[160]; /* when it could not be started */
};

/* For a path that the program wants to open: a descriptor to give it, -1 with errno to refuse, or
 * CONFINE_NOT_OURS. */
#define CONFINE_NOT_OURS (-2)
typedef int confine_open_fn(void *arg, const char *path, int flags);

struct confine {
    uint32_t uid;        /* user and group */
    int inherited;       /* becomes descriptor 3 */
    uint64_t file_limit; /* the size that no file may pass; 0: any */
};

/* Runs argv[0], a path. Needs root. 0, or -1 with c->why. */
int confine_start(struct confined *c, const char *const *argv, const struct confine *how);
/* Answers one system call; -1: there will be no more. */
int confine_answer(struct confined *c, confine_open_fn *open_fn, void *arg);

#endif
