/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads what GRUB left in memory (the multiboot2 information) into boot_info, once. Nothing refers
 * to the original afterwards, so its memory is free for use; the modules' is kept out of the heap
 * by boot/main.c.
 *
 * The tags' numbers and layouts are those of the Multiboot2 specification, section 3.6. Each tag's
 * size is compared with what is left of the whole before it is looked at, and each field with the
 * tag's size.
 */
#include <boot/boot.h>
#include <lib/string.h>
#include <x86/page.h>

#define MULTIBOOT2_MAGIC 0x36d76289

struct boot_info boot_info;

struct tag {
    uint32_t type, size;
};

static INIT_TEXT void copy_text(char *dst, size_t dst_size, const char *src, size_t size)
{
    size_t n = 0;

    while (n < size && n < dst_size - 1 && src[n] != 0) {
        dst[n] = src[n];
        n++;
    }
    dst[n] = 0;
}

/* p: start, end, then its command line. A fifth one, or one of negative size, is left out. */
static INIT_TEXT void take_module(const uint8_t *p, uint32_t size)
{
    uint32_t range[2];
    struct boot_module *m = &boot_info.modules[boot_info.nr_modules];

    if (size < 8 || boot_info.nr_modules == ARRAY_SIZE(boot_info.modules))
        return;
    memcpy(range, p, sizeof(range));
    if (range[1] < range[0])
        return;
    m->start = range[0];
    m->size = range[1] - range[0];
    copy_text(m->cmdline, sizeof(m->cmdline), (const char *)p + 8, size - 8);
    boot_info.nr_modules++;
}

/* Kept sorted by address. */
static INIT_TEXT void take_range(uint64_t addr, uint64_t size, uint32_t type)
{
    struct e820_entry *e = boot_info.e820;
    unsigned i = boot_info.nr_e820;

    if (size == 0 || addr + size < addr || i == E820_MAX)
        return;
    for (; i > 0 && e[i - 1].addr > addr; i--)
        e[i] = e[i - 1];
    e[i] = (struct e820_entry){addr, size, type};
    boot_info.nr_e820++;
}

/* Entries may be longer than we know them: the step is the loader's. */
static INIT_TEXT void take_memory_map(const uint8_t *p, uint32_t size)
{
    uint32_t head[2]; /* entry size, entry version */

    if (size < sizeof(head))
        return;
    memcpy(head, p, sizeof(head));
    if (head[0] < 20)
        return;
    for (uint32_t at = sizeof(head); size - at >= head[0]; at += head[0]) {
        uint64_t range[2];
        uint32_t type;

        memcpy(range, p + at, sizeof(range));
        memcpy(&type, p + at + 16, sizeof(type));
        take_range(range[0], range[1], type);
    }
}

/* Copied: the loader's memory goes to the heap. The newer format comes last and wins. */
static INIT_TEXT void take_rsdp(const uint8_t *p, uint32_t size)
{
    static uint8_t copy[36] ALIGNED(16);

    memcpy(copy, p, MIN(size, sizeof(copy)));
    boot_info.rsdp = image_to_phys(copy);
}

/*
 * Asked for nothing, GRUB leaves a BIOS in text mode and sets a mode with EFI, which has no text:
 * so the header has no frame buffer tag. p: address, bytes per line, width, height, bits per pixel,
 * a type (2: text, 1: direct colours, whose positions and sizes follow), and 16 bits.
 */
static INIT_TEXT void take_screen(const uint8_t *p, uint32_t size)
{
    uint32_t shape[3];

    boot_info.vga_text = size > 21 && p[21] == 2;
    if (size < 30 || p[21] != 1)
        return;
    memcpy(&boot_info.screen.base, p, sizeof(boot_info.screen.base));
    memcpy(shape, p + 8, sizeof(shape));
    boot_info.screen.bytes_per_line = shape[0];
    boot_info.screen.width = shape[1];
    boot_info.screen.height = shape[2];
    boot_info.screen.bits_per_pixel = p[20];
    memcpy(boot_info.screen.colours, p + 24, sizeof(boot_info.screen.colours));
}

static INIT_TEXT void take_tag(const struct tag *t, const uint8_t *p, uint32_t size)
{
    switch (t->type) {
    case 1:
        copy_text(boot_info.cmdline, sizeof(boot_info.cmdline), (const char *)p, size);
        break;
    case 2:
        copy_text(boot_info.loader, sizeof(boot_info.loader), (const char *)p, size);
        break;
    case 3:
        take_module(p, size);
        break;
    case 6:
        take_memory_map(p, size);
        break;
    case 8:
        take_screen(p, size);
        break;
    case 12: /* from EFI of 64 bits: its system table */
        if (size >= sizeof(boot_info.efi_system))
            memcpy(&boot_info.efi_system, p, sizeof(boot_info.efi_system));
        break;
    case 14:
    case 15:
        take_rsdp(p, size);
        break;
    default:
        break;
    }
}

/* p: total size, a reserved word, then tags, each aligned to 8 bytes, until one of type 0. */
INIT_TEXT void multiboot2_take(const uint8_t *p)
{
    uint32_t total, at = 8;

    memcpy(&total, p, sizeof(total));
    while (total >= 8 && at <= total - 8) {
        struct tag t;

        memcpy(&t, p + at, sizeof(t));
        if (t.type == 0 || t.size < 8 || t.size > total - at)
            break;
        take_tag(&t, p + at + 8, t.size - 8);
        at += ROUND_UP(t.size, 8);
    }
}

INIT_TEXT void multiboot2_parse(uint32_t magic, paddr_t info)
{
    if (magic == MULTIBOOT2_MAGIC) /* else boot_main() misses the memory map and says so */
        multiboot2_take(phys_to_virt(info));
}
