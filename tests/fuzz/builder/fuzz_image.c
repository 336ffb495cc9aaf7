// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes everything that reads a kernel: ELF headers, notes, the string section, bzImage's header,
 * the packed formats. What is accepted must load into exactly the room it asked for, and the layout
 * made from it must keep its promises.
 */
#include "builder_private.h"
#include "image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LIMIT (1UL << 20) /* of what is loaded here; larger spans are only parsed */

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void fuzz_layout(const struct image *image)
{
    struct layout_input in = {.virt_base = image->virt_base,
                              .virt_end = image->virt_end,
                              .init_p2m = image->notes.init_p2m,
                              .mod_start_pfn = image->notes.mod_start_pfn,
                              .ramdisk_size = image->size,
                              .pages = 1 << 16};
    struct layout l;

    if (layout_make(&l, &in) == 0)
        must(l.end <= in.pages && l.stack < l.end && l.tables + l.nr_tables == l.stack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;
    uint64_t span;
    uint8_t *to, *clean;

    if (image_open_memory(&image, data, size)) {
        must(image.message[0] && memchr(image.message, 0, sizeof(image.message)));
        return 0;
    }
    span = image.pend - image.pstart;
    must(span && span <= IMAGE_MAX_SPAN && image.notes.pv);
    must(image.virt_entry >= image.virt_start && image.virt_entry < image.virt_end);
    if (span <= LIMIT) {
        to = calloc(1, span); /* exactly that much: the sanitizer sees the first byte too many */
        clean = calloc(1, span);
        must(image_load(&image, to, false) == 0 && image_load(&image, clean, true) == 0);
        must(memcmp(to, clean, span) == 0);
        free(to);
        free(clean);
    }
    fuzz_layout(&image);
    image_close(&image);
    return 0;
}
