// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking a distribution's kernel for the hypervisor, which has no decompressor of its own.
 *
 * The new file appears under its name only when it is complete and on disk: this runs from package
 * hooks, and a machine that loses power in the middle must still boot.
 */
#include "builder.h"
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTRACT_CHUNK (1UL << 20)

static int extract_write(int fd, const uint8_t *p, size_t size)
{
    while (size) {
        ssize_t n = write(fd, p, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The whole ELF, a piece at a time. */
static int extract_copy(struct image *image, int fd)
{
    uint8_t *chunk = malloc(EXTRACT_CHUNK);
    uint64_t pos = 0;
    int rc = chunk ? 0 : -ENOMEM;

    while (!rc && pos < image->size) {
        uint64_t left = image->size - pos;
        size_t n = left < EXTRACT_CHUNK ? left : EXTRACT_CHUNK;

        rc = image_read(image, pos, chunk, n);
        if (!rc)
            rc = extract_write(fd, chunk, n);
        pos += n;
    }
    free(chunk);
    if (!rc && (fchmod(fd, 0644) || fsync(fd)))
        rc = -errno;
    return rc;
}

int image_extract(const char *path_in, const char *path_out, char *message, size_t size)
{
    struct image image;
    char *temporary;
    int fd, rc;

    rc = image_open(&image, path_in);
    if (rc) {
        snprintf(message, size, "%s %s", path_in, image.message);
        return rc;
    }
    if (asprintf(&temporary, "%s.XXXXXX", path_out) < 0) {
        image_close(&image);
        snprintf(message, size, "%s cannot be unpacked: not enough memory here", path_in);
        return -ENOMEM;
    }
    fd = mkstemp(temporary);
    if (fd < 0) {
        rc = -errno;
    } else {
        rc = extract_copy(&image, fd);
        if (close(fd) && !rc)
            rc = -errno;
        if (!rc && rename(temporary, path_out))
            rc = -errno;
        if (rc)
            unlink(temporary);
    }
    if (rc)
        snprintf(message, size, "%s cannot be written: %s", path_out, strerror(-rc));
    free(temporary);
    image_close(&image);
    return rc;
}
