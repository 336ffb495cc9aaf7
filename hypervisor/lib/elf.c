/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads an ELF64 kernel and its Xen notes. The image comes from the boot loader or a config file,
 * so it is hostile: every offset and count is compared with the image's size before it is used, and
 * no offset is added to a size before it is known that the sum cannot wrap (in_image()). Addresses
 * are another matter: a segment's may be anything, as this file only passes it on. Wrapping is
 * looked for in its length (check_segments()); whether it suits the guest is for the builder to
 * say.
 */
#include <lib/elf.h>
#include <lib/string.h>

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_section {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t align, entsize;
};

#define PT_LOAD   1
#define PT_NOTE   4
#define SHT_NOTE  7
#define EM_X86_64 62

/* Numbers of the notes with owner "Xen". */
enum {
    NOTE_ENTRY = 1,
    NOTE_HYPERCALL_PAGE = 2,
    NOTE_VIRT_BASE = 3,
    NOTE_PADDR_OFFSET = 4,
    NOTE_GUEST_OS = 6,
    NOTE_FEATURES = 10,
    NOTE_HV_START_LOW = 12,
    NOTE_INIT_P2M = 15,
    NOTE_MOD_START_PFN = 16,
    NOTE_SUPPORTED_FEATURES = 17,
};

#define FEATURE_DOM0 11 /* bit of SUPPORTED_FEATURES: the kernel can be dom0 */

/* Neither comparison can wrap: the second subtracts what the first has shown to be no larger. */
static bool in_image(const struct elf_image *e, uint64_t offset, uint64_t size)
{
    return offset <= e->size && size <= e->size - offset;
}

/* A copy, as nothing says that a table in the image is aligned. */
static struct elf_header header(const struct elf_image *e)
{
    struct elf_header h;

    memcpy(&h, e->data, sizeof(h));
    return h;
}

/* i is below the header's phnum, and check_header() has found all of them inside the image. */
static struct elf_segment segment(const struct elf_image *e, unsigned i)
{
    struct elf_header h = header(e);
    struct elf_segment s;

    memcpy(&s, e->data + h.phoff + (uint64_t)i * h.phentsize, sizeof(s));
    return s;
}

/* The boot protocol's mark: the file that a distribution installs as vmlinuz. */
static bool is_bzimage(const struct elf_image *e)
{
    return e->size > 0x206 && memcmp(e->data + 0x202, "HdrS", 4) == 0;
}

/* NULL, or what is wrong: the end of a sentence that begins with the image's name. */
static const char *check_header(const struct elf_image *e)
{
    struct elf_header h;

    if (is_bzimage(e))
        return "is a compressed kernel (bzImage): unpack it once with "
               "`lodge extract-kernel <vmlinuz> <output>` and load the result";
    if (e->size < sizeof(h) || memcmp(e->data, "\177ELF", 4) != 0)
        return "is not an ELF image";
    h = header(e);
    if (h.ident[4] != 2)
        return "is a 32-bit ELF image: only 64-bit kernels run here";
    if (h.ident[5] != 1 || h.machine != EM_X86_64)
        return "is an ELF image for another processor";
    if (h.type != 2 && h.type != 3)
        return "is an ELF file, but not an executable";
    if (h.phnum == 0 || h.phentsize < sizeof(struct elf_segment))
        return "has no usable program headers";
    if (!in_image(e, h.phoff, (uint64_t)h.phnum * h.phentsize))
        return "has its program headers outside the file (truncated?)";
    return NULL;
}

/* Notes have numbers of 4 or 8 bytes, in the order of this processor. */
static uint64_t note_number(const uint8_t *desc, uint32_t size)
{
    uint64_t v = 0;

    memcpy(&v, desc, MIN(size, sizeof(v)));
    return v;
}

static void note_text(char *dst, size_t dst_size, const uint8_t *desc, uint32_t size)
{
    size_t n = MIN((size_t)size, dst_size - 1);

    memcpy(dst, desc, n);
    dst[n] = 0;
}

/* desc has size bytes in the image; a note that occurs twice counts as it is the last time. */
static void take_note(struct elf_image *e, uint32_t type, const uint8_t *desc, uint32_t size)
{
    uint64_t v = note_number(desc, size);

    e->has_xen_notes = true;
    switch (type) {
    case NOTE_ENTRY:
        e->entry = v;
        break;
    case NOTE_HYPERCALL_PAGE:
        e->hypercall_page = v;
        e->has_hypercall_page = true;
        break;
    case NOTE_VIRT_BASE:
        e->virt_base = v;
        break;
    case NOTE_PADDR_OFFSET:
        e->paddr_offset = v;
        break;
    case NOTE_GUEST_OS:
        note_text(e->guest_os, sizeof(e->guest_os), desc, size);
        break;
    case NOTE_FEATURES:
        note_text(e->features, sizeof(e->features), desc, size);
        break;
    case NOTE_HV_START_LOW:
        e->hv_start_low = v;
        break;
    case NOTE_INIT_P2M:
        e->init_p2m = v;
        e->has_init_p2m = true;
        break;
    case NOTE_MOD_START_PFN:
        e->mod_start_is_pfn = v != 0;
        e->mod_start_pfn = v;
        break;
    case NOTE_SUPPORTED_FEATURES:
        e->supports_dom0 = (v & (1ull << FEATURE_DOM0)) != 0;
        break;
    default:
        break;
    }
}

/* A run of notes; the range has been checked to lie in the image. */
static void take_notes(struct elf_image *e, uint64_t offset, uint64_t size)
{
    const uint8_t *p = e->data + offset;

    while (size >= 12) {
        uint32_t head[3]; /* length of the owner's name, length of the value, type */

        memcpy(head, p, sizeof(head));

        /* As 64-bit numbers, which rounding up 32-bit ones cannot wrap. */
        uint64_t name = ROUND_UP((uint64_t)head[0], 4), desc = ROUND_UP((uint64_t)head[1], 4);

        p += 12;
        size -= 12;
        if (name > size || desc > size - name)
            return;
        if (head[0] == 4 && memcmp(p, "Xen", 4) == 0)
            take_note(e, head[2], p + name, head[1]);
        p += name + desc;
        size -= name + desc;
    }
}

/* Notes live in segments; a kernel linked without a note segment keeps them in sections. */
static void find_notes(struct elf_image *e)
{
    struct elf_header h = header(e);

    for (unsigned i = 0; i < h.phnum; i++) {
        struct elf_segment s = segment(e, i);

        if (s.type == PT_NOTE && in_image(e, s.offset, s.filesz))
            take_notes(e, s.offset, s.filesz);
    }
    if (e->has_xen_notes || h.shentsize < sizeof(struct elf_section) ||
        !in_image(e, h.shoff, (uint64_t)h.shnum * h.shentsize))
        return;
    for (unsigned i = 0; i < h.shnum; i++) {
        struct elf_section s;

        memcpy(&s, e->data + h.shoff + (uint64_t)i * h.shentsize, sizeof(s));
        if (s.type == SHT_NOTE && in_image(e, s.offset, s.size))
            take_notes(e, s.offset, s.size);
    }
}

/*
 * Segments lie in the file and do not wrap; vstart and vend enclose them. Gaps and overlaps are the
 * kernel's own affair. The hypercall page lies inside as a whole.
 */
static const char *check_segments(struct elf_image *e)
{
    struct elf_header h = header(e);

    e->vstart = UINT64_MAX;
    e->vend = 0;
    for (unsigned i = 0; i < h.phnum; i++) {
        struct elf_segment s = segment(e, i);

        if (s.type != PT_LOAD || s.memsz == 0)
            continue;
        if (s.filesz > s.memsz || !in_image(e, s.offset, s.filesz))
            return "has a segment outside the file (truncated?)";

        /* Where it belongs is its physical address on top of VIRT_BASE. */
        uint64_t va = s.paddr - e->paddr_offset + e->virt_base;

        if (va + s.memsz < va)
            return "has a segment that wraps around the address space";
        e->vstart = MIN(e->vstart, va);
        e->vend = MAX(e->vend, va + s.memsz);
    }
    if (e->vend <= e->vstart)
        return "has nothing to load";
    if (e->entry < e->vstart || e->entry >= e->vend)
        return "has its entry point outside its segments";
    if (e->has_hypercall_page &&
        (e->hypercall_page < e->vstart || e->hypercall_page > e->vend - PAGE_SIZE ||
         e->vend - e->vstart < PAGE_SIZE))
        return "has its hypercall page outside its segments";
    return NULL;
}

const char *elf_parse(struct elf_image *e, const void *data, uint64_t size)
{
    const char *error;

    memset(e, 0, sizeof(*e));
    e->data = data;
    e->size = size;
    error = check_header(e);
    if (error != NULL)
        return error;
    e->entry = header(e).entry;
    find_notes(e);
    if (!e->has_xen_notes)
        return "has no Xen notes: it is not a kernel built with paravirtual (Xen PV) support";
    e->pae_ok = true;
    return check_segments(e);
}

int elf_for_each_segment(const struct elf_image *e,
                         int (*copy)(void *ctx, uint64_t va, const void *data, uint64_t filesz,
                                     uint64_t memsz),
                         void *ctx)
{
    struct elf_header h = header(e);

    for (unsigned i = 0; i < h.phnum; i++) {
        struct elf_segment s = segment(e, i);

        if (s.type != PT_LOAD || s.memsz == 0)
            continue;

        int rc = copy(ctx, s.paddr - e->paddr_offset + e->virt_base, e->data + s.offset, s.filesz,
                      s.memsz);

        if (rc != 0)
            return rc;
    }
    return 0;
}
