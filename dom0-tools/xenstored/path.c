// SPDX-License-Identifier: GPL-2.0-only
/* Paths: validation and the absolute form. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "path.h"
#include "quota.h"

/* Letters, digits and -/_@; no empty component, no slash at the end except in "/" itself. */
static bool well_formed(const char *p, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-/_@";

    if (!len || strspn(p, allowed) != len || strstr(p, "//"))
        return false;
    return len == 1 || p[len - 1] != '/';
}

int path_absolute(uint16_t domid, bool limited, const char *in, char out[PATH_SIZE], size_t *home)
{
    size_t len = strnlen(in, PATH_SIZE);
    int prefix = 0;

    *home = 0;
    if (len >= PATH_SIZE || !well_formed(in, len))
        return -EINVAL;
    if (path_is_special(in)) {
        if (strcmp(in, PATH_INTRODUCE) && strcmp(in, PATH_RELEASE))
            return -EINVAL;
    } else if (in[0] != '/') {
        if (len > XENSTORE_REL_PATH_MAX)
            return -EINVAL;
        prefix = snprintf(out, PATH_SIZE, "/local/domain/%u/", domid);
        *home = (size_t)prefix;
        if (len + *home >= PATH_SIZE)
            return -EINVAL;
    }
    memcpy(out + prefix, in, len + 1);
    /* The prefix of its own home is not charged to a guest, however it has written the path. */
    if (limited) {
        char own[32];
        size_t skip = (size_t)snprintf(own, sizeof(own), "/local/domain/%u/", domid);

        if (strncmp(out, own, skip))
            skip = 0;
        if (strlen(out) - skip > quota_limit[QUOTA_PATH])
            return -ENOSPC;
    }
    return 0;
}

void path_parent(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == path)
        slash++;
    *slash = '\0';
}

bool path_is_under(const char *path, const char *top)
{
    size_t len = strlen(top);

    if (len == 1 && top[0] == '/')
        return path[0] == '/';
    return !strncmp(path, top, len) && (path[len] == '\0' || path[len] == '/');
}
