// SPDX-License-Identifier: GPL-2.0-only
/*
 * jobs.c: a small table of child processes.
 *
 * A child is not ended with its parent: it comes to the end of what it does, and a new monitor sees
 * from the guest's files (liblodge/intent.c) that somebody is at it.
 *
 * What keeps two processes from working on one guest: the table has one job for each uuid, which
 * spares processes that would find nothing to do; what counts is the lock on the guest's file,
 * which also holds against children of an earlier monitor and against `lodge`. A child inherits all
 * that is open here and uses none of it: it closes the monitor's lock, which would otherwise
 * outlive the monitor, and opens a session of its own, as answers of the store on a shared
 * connection would go to either of the two. Its exit status is all that it reports; the rest is in
 * the guest's files, the store and the hypervisor.
 */
#include "jobs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only the monitor's own process uses it; a child has a copy that it does not look at. */
static struct {
    pid_t pid; /* 0: free */
    struct job job;
} jobs[JOBS_MAX];

int jobs_start(const uint8_t uuid[16], uint16_t domid, int (*work)(void *arg), void *arg)
{
    int at = -1;
    pid_t pid;

    for (int i = 0; i < JOBS_MAX; i++) {
        if (!jobs[i].pid)
            at = i;
        else if (!memcmp(jobs[i].job.uuid, uuid, sizeof(jobs[i].job.uuid)))
            return -EBUSY;
    }
    if (at < 0)
        return -EBUSY;
    pid = fork();
    if (!pid) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        _exit(work(arg));
    }
    if (pid < 0)
        return -errno;
    jobs[at].pid = pid;
    jobs[at].job = (struct job){.domid = domid};
    memcpy(jobs[at].job.uuid, uuid, sizeof(jobs[at].job.uuid));
    return 0;
}

bool jobs_ended(struct job *out)
{
    int status;

    for (int i = 0; i < JOBS_MAX; i++) {
        /* One by one: a status that is waited for by "any child" could be somebody else's. */
        if (!jobs[i].pid || waitpid(jobs[i].pid, &status, WNOHANG) != jobs[i].pid)
            continue;
        jobs[i].pid = 0;
        *out = jobs[i].job;
        out->result = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return true;
    }
    return false;
}
