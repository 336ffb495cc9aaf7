// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom Linux ends first when dom0 is out of memory. Without the daemons all guests are lost, and
 * what they hold is little and bounded; what they start for a guest or a user is like any other
 * program.
 */
#ifndef LODGE_OOM_H
#define LODGE_OOM_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OOM_NEVER (-1000)
#define OOM_LATE  (-900)
#define OOM_USUAL 0

/* Of this process and those that it starts from here on. Who is not root keeps what he has. */
static inline void oom_score(int score)
{
    char text[16];
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    int len = snprintf(text, sizeof(text), "%d", score);

    if (fd < 0)
        return;
    if (write(fd, text, (size_t)len) < 0) {
        /* Where that is refused, the score stays as it was. */
    }
    close(fd);
}

#endif
