// SPDX-License-Identifier: GPL-2.0-only
/* Paths: what a client may send, and the absolute form that everything else works on. */
#ifndef XENSTORED_PATH_H
#define XENSTORED_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/io/xs_wire.h>

#define PATH_SIZE (XENSTORE_ABS_PATH_MAX + 1) /* with the NUL */

/* The two events that are watched like nodes but are in no tree. */
#define PATH_INTRODUCE "@introduceDomain"
#define PATH_RELEASE   "@releaseDomain"

static inline bool path_is_special(const char *path)
{
    return path[0] == '@';
}

/*
 * Makes `in`, sent by domain `domid`, absolute: relative paths start at /local/domain/<domid>.
 * `limited` applies the path quota. *home gets the length of the prefix put in front (0 if none).
 * Returns 0, -EINVAL for a malformed path, or -ENOSPC over the quota. Special paths stay as they
 * are; any other result starts with a slash, has no empty component, and ends in no slash unless
 * it is "/". Everything behind this function relies on that form and on the bound of PATH_SIZE.
 */
int path_absolute(uint16_t domid, bool limited, const char *in, char out[PATH_SIZE], size_t *home);

/* Cuts the last component off, in place; the parent of "/a" is "/". Not for special paths. */
void path_parent(char *path);

/* Whether `path` is `top` or lies under it. Both absolute. */
bool path_is_under(const char *path, const char *top);

#endif
