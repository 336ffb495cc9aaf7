// SPDX-License-Identifier: GPL-2.0-only
/*
 * start.c: into the background, and how whoever started the daemon learns that it serves.
 */
#include "libdaemon.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

void daemon_ready(int ready_fd, const char *log)
{
    daemon_log_to(log);
    /* A parent that was killed meanwhile is no reason to end. */
    if (write(ready_fd, "", 1) == 1)
        close(ready_fd);
}
