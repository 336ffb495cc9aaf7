// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a kernel image, and placing it in memory.
 *
 * An ELF is not read as a whole: its headers and notes are, and image_load() lets the kernel copy
 * each segment from the page cache straight into the new domain's frames. Only a packed image is
 * held in memory, once unpacked.
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Enough to tell every format apart. */
#define IMAGE_PEEK 1024

void image_say(struct image *image, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(image->message, sizeof(image->message), fmt, ap);
    va_end(ap);
}

static void image_init(struct image *image)
{
    memset(image, 0, sizeof(*image));
    image->fd = -1;
    image_notes_init(&image->notes);
}

int image_read(struct image *image, uint64_t offset, void *to, size_t size)
{
    uint8_t *p = to;

    if (offset > image->size || size > image->size - offset)
        return image_fail(
            image, EINVAL,
            "is damaged or cut short: it refers to %zu bytes at offset %llu of a file "
            "of %llu bytes; copy it again",
            size, (unsigned long long)offset, (unsigned long long)image->size);
    if (image->data) {
        memcpy(to, image->data + offset, size);
        return 0;
    }
    while (size) {
        ssize_t n = pread(image->fd, p, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return image_fail(image, errno, "cannot be read: %s", strerror(errno));
        if (n == 0)
            return image_fail(image, EINVAL, "became shorter while it was being read");
        p += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

/* Replace a packed source by what it unpacks to. One level: what comes out must be an ELF. */
static int image_open_packed(struct image *image, const uint8_t *data, size_t size)
{
    uint8_t *unpacked;
    size_t unpacked_size;
    int rc;

    rc = image_unpack(image, data, size, IMAGE_MAX_UNPACKED, &unpacked, &unpacked_size);
    if (rc)
        return rc;
    /* From here on it is image_close()'s to unmap, also after the failure below. */
    image->data = unpacked;
    image->size = unpacked_size;
    image->owns_data = true;
    if (image_format(unpacked, unpacked_size) != IMAGE_ELF)
        return image_fail(
            image, ENOEXEC,
            "unpacks to something that is not an ELF kernel; give a bzImage or an ELF");
    return 0;
}

static int image_open_file(struct image *image, const char *path)
{
    uint8_t peek[IMAGE_PEEK] = {0};
    struct stat st;
    void *packed;
    size_t got;
    int rc;

    /* Not to wait for the other end of a FIFO: whoever makes a guest is deaf to signals. */
    image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (image->fd < 0)
        return image_fail(image, errno, "cannot be opened: %s", strerror(errno));
    if (fstat(image->fd, &st))
        return image_fail(image, errno, "cannot be examined: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return image_fail(image, EINVAL, "is not a regular file");
    image->size = (uint64_t)st.st_size;
    got = image->size < sizeof(peek) ? image->size : sizeof(peek);
    rc = image_read(image, 0, peek, got);
    if (rc || image_format(peek, got) == IMAGE_ELF)
        return rc;
    if (image->size == 0 || image->size > IMAGE_MAX_UNPACKED)
        return image_fail(image, ENOEXEC, "%s",
                          image->size ? "is too large for a kernel" : "is empty");
    /* A private copy, not a mapping of the file: a file that shrinks must not kill us. */
    packed = mmap(NULL, image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (packed == MAP_FAILED)
        return image_fail(image, ENOMEM, "cannot be unpacked: not enough memory here");
    got = image->size;
    rc = image_read(image, 0, packed, got);
    close(image->fd);
    image->fd = -1;
    if (!rc)
        rc = image_open_packed(image, packed, got);
    munmap(packed, got);
    return rc;
}

/* Everything is at hand: read and check it. */
static int image_parse(struct image *image, enum image_kind kind)
{
    int rc = image_elf_parse(image);

    return rc ? rc : image_notes_check(image, kind);
}

int image_open(struct image *image, const char *path, enum image_kind kind)
{
    int rc;

    image_init(image);
    rc = image_open_file(image, path);
    if (!rc)
        rc = image_parse(image, kind);
    if (rc)
        image_close(image);
    return rc;
}

int image_open_memory(struct image *image, const void *data, size_t size, enum image_kind kind)
{
    int rc = 0;

    image_init(image);
    if (image_format(data, size) == IMAGE_ELF) {
        image->data = data;
        image->size = size;
    } else {
        rc = image_open_packed(image, data, size);
    }
    if (!rc)
        rc = image_parse(image, kind);
    if (rc)
        image_close(image);
    return rc;
}

void image_close(struct image *image)
{
    if (image->fd >= 0)
        close(image->fd);
    if (image->owns_data)
        munmap((void *)(uintptr_t)image->data, image->size);
    image->fd = -1;
    image->data = NULL;
    image->owns_data = false;
}

/* None that was placed before it has left anything where this one ends in zeroes. */
static bool image_lies_alone(const struct image *image, unsigned int segment)
{
    const struct image_segment *s = &image->segments[segment];
    unsigned int i;

    for (i = 0; i < segment; i++) {
        const struct image_segment *t = &image->segments[i];

        if (s->paddr < t->paddr + t->memsz && t->paddr < s->paddr + s->memsz)
            return false;
    }
    return true;
}

int image_load(struct image *image, void *to, bool zeroed)
{
    uint8_t *base = to;
    unsigned int i;
    int rc;

    for (i = 0; i < image->nr_segments; i++) {
        const struct image_segment *s = &image->segments[i];
        /* Inside pstart..pend, with memsz bytes: elf_add_segment() has seen to that. */
        uint8_t *p = base + (s->paddr - image->pstart);

        rc = image_read(image, s->offset, p, s->filesz);
        if (rc)
            return rc;
        if (!zeroed || !image_lies_alone(image, i))
            memset(p + s->filesz, 0, s->memsz - s->filesz);
    }
    return 0;
}
