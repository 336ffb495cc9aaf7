// SPDX-License-Identifier: GPL-2.0-only
/* What needs no connection: where the daemon is, and permissions and paths as strings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore.h"

const char *xs_daemon_rundir(void)
{
    const char *dir = getenv("XENSTORED_RUNDIR");

    return dir ? dir : "/var/run/xenstored";
}

const char *xs_daemon_socket(void)
{
    static char name[PATH_MAX];
    const char *path = getenv("XENSTORED_PATH");

    if (path)
        return path;
    snprintf(name, sizeof(name), "%s/socket", xs_daemon_rundir());
    return name;
}

const char *xs_daemon_socket_ro(void)
{
    return xs_daemon_socket();
}

bool xs_write_all(int fd, const void *data, unsigned int len)
{
    const char *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (unsigned int)n;
    }
    return true;
}

bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num, const char *strings)
{
    static const char letters[] = "nrwb";

    for (unsigned int i = 0; i < num; i++) {
        const char *l = strings[0] ? strchr(letters, strings[0]) : NULL;
        char *end;

        if (!l || strings[1] < '0' || strings[1] > '9')
            goto malformed;
        perms[i].perms = (unsigned int)(l - letters);
        perms[i].id = (unsigned int)strtoul(strings + 1, &end, 10);
        if (*end)
            goto malformed;
        strings = end + 1;
    }
    return true;

malformed:
    errno = EINVAL;
    return false;
}

bool xs_path_is_subpath(const char *parent, const char *child)
{
    size_t len = strlen(parent);

    /* "/" ends in a slash itself, and everything absolute is below it. */
    if (len && parent[len - 1] == '/')
        return !strncmp(parent, child, len);
    return !strncmp(parent, child, len) && (child[len] == '\0' || child[len] == '/');
}
