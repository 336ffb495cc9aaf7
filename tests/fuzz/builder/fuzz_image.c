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

static void fuzz_hvm_layout(const struct image *image)
{
    static uint8_t page[4096];
    struct hvm_layout_input in = {.pstart = image->pstart,
                                  .pend = image->pend,
                                  .ramdisk_size = image->size,
                                  .pages = 1 << 20};
    struct hvm_layout l;
    struct hvm_start s = {.pages = in.pages, .acpi_pages = 1, .cmdline = "quiet"};

    if (hvm_layout_make(&l, &in))
        return;
    must(l.start_info << 12 == image->pend && l.ramdisk == l.start_info + 1);
    must(l.end == l.ramdisk + l.ramdisk_pages && l.end <= HVM_HOLE && l.end <= in.pages);
    s.address = l.start_info << 12;
    s.ramdisk = l.ramdisk << 12;
    s.ramdisk_size = in.ramdisk_size;
    memset(page, 0, sizeof(page));
    hvm_start_info_fill(page, &s);
}

/* What is accepted loads into the room that it asked for, to the byte. */
static void fuzz_load(struct image *image)
{
    uint64_t span = image->pend - image->pstart;
    uint8_t *to, *clean;

    must(span && span <= IMAGE_MAX_SPAN);
    if (span > LIMIT)
        return;
    to = calloc(1, span); /* exactly that much: the sanitizer sees the first byte too many */
    clean = calloc(1, span);
    must(image_load(image, to, false) == 0 && image_load(image, clean, true) == 0);
    must(memcmp(to, clean, span) == 0);
    free(to);
    free(clean);
}

static bool fuzz_open(struct image *image, const uint8_t *data, size_t size, enum image_kind kind)
{
    if (!image_open_memory(image, data, size, kind))
        return true;
    must(image->message[0] && memchr(image->message, 0, sizeof(image->message)));
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;

    if (fuzz_open(&image, data, size, IMAGE_PV)) {
        must(image.notes.pv);
        must(image.virt_entry >= image.virt_start && image.virt_entry < image.virt_end);
        fuzz_load(&image);
        fuzz_layout(&image);
        image_close(&image);
    }
    if (fuzz_open(&image, data, size, IMAGE_PVH)) {
        must(image.notes.pvh && image.pend <= 1UL << 32);
        must(image.phys_entry >= image.pstart && image.phys_entry < image.pend);
        fuzz_load(&image);
        fuzz_hvm_layout(&image);
        image_close(&image);
    }
    return 0;
}
