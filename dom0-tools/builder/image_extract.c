// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpacking a distribution's kernel for the hypervisor, which has no decompressor of its own.
 *
 * The new file appears under its name only when it is complete and on disk: this runs from package
 * hooks, and a machine that loses power in the middle must still boot.
 */
#include "builder.h"
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTRACT_CHUNK (1UL << 20)

/* The start of the new file. Room for all headers that there can be, so offsets are known early. */
struct extract_head {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[IMAGE_MAX_SEGMENTS + IMAGE_MAX_NOTES];
};

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

/* Copies a piece of the image to the file, in chunks. */
static int extract_piece(struct image *image, int fd, uint64_t offset, uint64_t size)
{
    uint8_t *chunk = malloc(EXTRACT_CHUNK);
    int rc = chunk ? 0 : -ENOMEM;

    while (!rc && size) {
        size_t n = size < EXTRACT_CHUNK ? size : EXTRACT_CHUNK;

        rc = image_read(image, offset, chunk, n);
        if (!rc)
            rc = extract_write(fd, chunk, n);
        offset += n;
        size -= n;
    }
    free(chunk);
    return rc;
}

/*
 * Cuts the zeroes off the end of what the file has of a segment: whoever loads it fills up to
 * memsz.
 */
static int extract_trim(struct image *image, struct image_segment *s)
{
    uint8_t page[IMAGE_PAGE_SIZE];

    while (s->filesz) {
        size_t n = s->filesz % sizeof(page) ? s->filesz % sizeof(page) : sizeof(page);
        int rc = image_read(image, s->offset + s->filesz - n, page, n);

        if (rc)
            return rc;
        while (n && !page[n - 1]) {
            n--;
            s->filesz--;
        }
        if (n)
            break;
    }
    return 0;
}

/* The headers of the new file: notes directly behind them, then segments on page boundaries. */
static uint64_t extract_headers(const struct image *image, const struct image_segment *segments,
                                struct extract_head *head)
{
    unsigned int i, n = 0;
    uint64_t pos = sizeof(*head);

    memset(head, 0, sizeof(*head));
    memcpy(head->eh.e_ident, ELFMAG, SELFMAG);
    head->eh.e_ident[EI_CLASS] = ELFCLASS64;
    head->eh.e_ident[EI_DATA] = ELFDATA2LSB;
    head->eh.e_ident[EI_VERSION] = EV_CURRENT;
    head->eh.e_type = ET_EXEC;
    head->eh.e_machine = EM_X86_64;
    head->eh.e_version = EV_CURRENT;
    head->eh.e_entry = image->elf_entry;
    head->eh.e_phoff = offsetof(struct extract_head, ph);
    head->eh.e_ehsize = sizeof(head->eh);
    head->eh.e_phentsize = sizeof(head->ph[0]);
    head->eh.e_phnum = (Elf64_Half)(image->nr_segments + image->nr_notes_at);
    for (i = 0; i < image->nr_notes_at; i++, n++) {
        head->ph[n] =
            (Elf64_Phdr){.p_type = PT_NOTE, .p_flags = PF_R, .p_offset = pos, .p_align = 4};
        head->ph[n].p_filesz = head->ph[n].p_memsz = image->notes_at[i].filesz;
        pos += (image->notes_at[i].filesz + 3) & ~3UL;
    }
    for (i = 0; i < image->nr_segments; i++, n++) {
        pos = (pos + IMAGE_PAGE_SIZE - 1) & ~(IMAGE_PAGE_SIZE - 1);
        pos += segments[i].paddr & (IMAGE_PAGE_SIZE - 1);
        head->ph[n] = (Elf64_Phdr){.p_type = PT_LOAD,
                                   .p_flags = segments[i].flags,
                                   .p_offset = pos,
                                   .p_vaddr = segments[i].vaddr,
                                   .p_paddr = segments[i].paddr,
                                   .p_filesz = segments[i].filesz,
                                   .p_memsz = segments[i].memsz,
                                   .p_align = IMAGE_PAGE_SIZE};
        pos += segments[i].filesz;
    }
    return pos;
}

/*
 * A kernel as small as it can be: no sections, no zeroes at the end of segments. Debian's is half
 * as large that way, and the boot loader reads it through the BIOS.
 */
static int extract_compact(struct image *image, int fd)
{
    struct image_segment segments[IMAGE_MAX_SEGMENTS];
    struct extract_head head;
    unsigned int i, n = 0;
    uint64_t end;
    int rc = 0;

    memcpy(segments, image->segments, sizeof(segments));
    for (i = 0; !rc && i < image->nr_segments; i++)
        rc = extract_trim(image, &segments[i]);
    if (rc)
        return rc;
    end = extract_headers(image, segments, &head);
    rc = extract_write(fd, (const uint8_t *)&head, sizeof(head));
    for (i = 0; !rc && i < image->nr_notes_at + image->nr_segments; i++, n++) {
        const struct image_segment *s =
            i < image->nr_notes_at ? &image->notes_at[i] : &segments[i - image->nr_notes_at];

        if (lseek(fd, (off_t)head.ph[n].p_offset, SEEK_SET) < 0)
            return -errno;
        rc = extract_piece(image, fd, s->offset, s->filesz);
    }
    if (!rc && ftruncate(fd, (off_t)end))
        rc = -errno;
    return rc;
}

/* Only notes in segments survive: a kernel with others is copied as it is. */
static int extract_copy(struct image *image, int fd)
{
    int rc =
        image->nr_notes_at ? extract_compact(image, fd) : extract_piece(image, fd, 0, image->size);

    if (!rc && (fchmod(fd, 0644) || fsync(fd)))
        rc = -errno;
    return rc;
}

int image_extract(const char *path_in, const char *path_out, char *message, size_t size)
{
    struct image image;
    char *temporary;
    int fd, rc;

    rc = image_open(&image, path_in, IMAGE_PV);
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
