// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a kernel says about itself: ELF notes with the owner "Xen", or the key=value strings that
 * came before them; and whether the sum of it is a kernel that can be started in a given way.
 *
 * The scale to keep in mind: pseudo-physical frame 0 sits at virt_base, and a segment's p_paddr
 * less paddr_offset is its pseudo-physical address. For a start at a physical address neither
 * counts: p_paddr is where the segment goes.
 */
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Note types. Numbers are the ABI's; see include/public/elfnote.h. */
enum {
    NOTE_ENTRY = 1,
    NOTE_HYPERCALL_PAGE = 2,
    NOTE_VIRT_BASE = 3,
    NOTE_PADDR_OFFSET = 4,
    NOTE_XEN_VERSION = 5,
    NOTE_GUEST_OS = 6,
    NOTE_FEATURES = 10,
    NOTE_INIT_P2M = 15,
    NOTE_MOD_START_PFN = 16,
    NOTE_PHYS32_ENTRY = 18,
};

/* What the hypervisor keeps for itself: L4 slots 256 to 271. */
#define HV_START 0xffff800000000000UL
#define HV_END   0xffff880000000000UL

#define NOTES_4GIB (1UL << 32)

void image_notes_init(struct image_notes *notes)
{
    memset(notes, 0, sizeof(*notes));
    notes->entry = IMAGE_UNSET;
    notes->hypercall_va = IMAGE_UNSET;
    notes->virt_base = IMAGE_UNSET;
    notes->paddr_offset = IMAGE_UNSET;
    notes->init_p2m = IMAGE_UNSET;
}

static uint32_t note_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

/* A number of 4 or 8 bytes; other sizes say nothing. */
static bool note_number(const uint8_t *p, size_t size, uint64_t *value)
{
    if (size == 8) {
        memcpy(value, p, 8);
        return true;
    }
    if (size == 4) {
        *value = note_u32(p);
        return true;
    }
    return false;
}

/* Text from the image, made safe to print. */
static void note_text(char *to, size_t room, const char *from, size_t size)
{
    size_t i;

    for (i = 0; i + 1 < room && i < size && from[i]; i++)
        to[i] = isprint((unsigned char)from[i]) ? from[i] : '?';
    to[i] = '\0';
}

static int note_version(struct image *image, const char *text, size_t size)
{
    char version[16];

    note_text(version, sizeof(version), text, size);
    if (strcmp(version, "xen-3.0") != 0)
        return image_fail(image, ENOEXEC,
                          "is built for the guest interface \"%s\"; this is xen-3.0", version);
    return 0;
}

/* `desc` is in the blob with all of its `size` bytes, at any address. A note of no known type, or
 * of a number with another size than 4 or 8, says nothing. */
static int note_one(struct image *image, uint32_t type, const uint8_t *desc, size_t size)
{
    struct image_notes *n = &image->notes;
    uint64_t value;

    n->present = true;
    switch (type) {
    case NOTE_ENTRY:
        n->pv |= note_number(desc, size, &n->entry);
        break;
    case NOTE_HYPERCALL_PAGE:
        n->pv |= note_number(desc, size, &n->hypercall_va);
        break;
    case NOTE_VIRT_BASE:
        n->pv |= note_number(desc, size, &n->virt_base);
        break;
    case NOTE_PADDR_OFFSET:
        note_number(desc, size, &n->paddr_offset);
        break;
    case NOTE_INIT_P2M:
        n->pv |= note_number(desc, size, &n->init_p2m);
        break;
    case NOTE_MOD_START_PFN:
        n->mod_start_pfn = note_number(desc, size, &value) && (value & 1);
        break;
    case NOTE_PHYS32_ENTRY:
        n->pvh |= note_number(desc, size, &n->phys_entry);
        break;
    case NOTE_XEN_VERSION:
        return note_version(image, (const char *)desc, size);
    case NOTE_GUEST_OS:
        note_text(n->guest_os, sizeof(n->guest_os), (const char *)desc, size);
        break;
    case NOTE_FEATURES:
        note_text(n->features, sizeof(n->features), (const char *)desc, size);
        break;
    }
    return 0;
}

/* A note is { name size, description size, type, name, description }, each part filled up to 4. */
int image_notes_parse(struct image *image, const uint8_t *blob, size_t size)
{
    size_t pos = 0;

    while (size - pos >= 12) {
        uint64_t name_size = note_u32(blob + pos);
        uint64_t desc_size = note_u32(blob + pos + 4);
        uint32_t type = note_u32(blob + pos + 8);
        uint64_t name_room = (name_size + 3) & ~3UL;
        uint64_t rest = size - pos - 12;
        const uint8_t *name = blob + pos + 12;
        int rc;

        /* The last description may lack its filling. */
        if (name_room > rest || desc_size > rest - name_room)
            return image_fail(image, EINVAL, "is damaged: its ELF notes run past their end");
        if (name_size == 4 && memcmp(name, "Xen", 4) == 0) {
            rc = note_one(image, type, name + name_room, desc_size);
            if (rc)
                return rc;
        }
        /* All three are 64 bits wide, and come from 32-bit fields: the sums do not wrap. */
        desc_size = (desc_size + 3) & ~3UL;
        if (desc_size > rest - name_room)
            break;
        pos += 12 + name_room + desc_size;
    }
    return 0;
}

static int legacy_number(struct image *image, const char *key, const char *text, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 0);
    if (errno || end == text || *end)
        return image_fail(image, EINVAL, "is damaged: %s=%.40s in __xen_guest is not a number", key,
                          text);
    return 0;
}

static int legacy_one(struct image *image, const char *key, const char *text)
{
    struct image_notes *n = &image->notes;
    int rc;

    if (strcmp(key, "GUEST_OS") == 0)
        note_text(n->guest_os, sizeof(n->guest_os), text, strlen(text));
    else if (strcmp(key, "XEN_VER") == 0)
        return note_version(image, text, strlen(text));
    else if (strcmp(key, "VIRT_BASE") == 0)
        return legacy_number(image, key, text, &n->virt_base);
    else if (strcmp(key, "VIRT_ENTRY") == 0)
        return legacy_number(image, key, text, &n->entry);
    else if (strcmp(key, "ELF_PADDR_OFFSET") == 0)
        return legacy_number(image, key, text, &n->paddr_offset);
    else if (strcmp(key, "FEATURES") == 0)
        note_text(n->features, sizeof(n->features), text, strlen(text));
    else if (strcmp(key, "HYPERCALL_PAGE") == 0) {
        /* Here it is a frame number, relative to virt_base; that may come later in the text. */
        rc = legacy_number(image, key, text, &n->hypercall_va);
        if (rc || n->hypercall_va > IMAGE_MAX_SPAN / IMAGE_PAGE_SIZE)
            return rc ? rc : image_fail(image, EINVAL, "is damaged: HYPERCALL_PAGE=%.40s", text);
        n->hypercall_va *= IMAGE_PAGE_SIZE;
    }
    return 0;
}

/* KEY=value,KEY=value,... up to a zero byte or the end. Keys without a value are switches. */
int image_notes_parse_legacy(struct image *image, const char *text, size_t size)
{
    struct image_notes *n = &image->notes;
    size_t pos = 0;
    int rc;

    n->present = n->legacy = n->pv = true;
    while (pos < size && text[pos]) {
        char item[160];
        size_t len = 0;
        char *value;

        while (pos < size && text[pos] && text[pos] != ',') {
            if (len + 1 < sizeof(item))
                item[len++] = text[pos];
            pos++;
        }
        item[len] = '\0';
        if (pos < size && text[pos] == ',')
            pos++;
        value = strchr(item, '=');
        if (!value)
            continue;
        *value++ = '\0';
        rc = legacy_one(image, item, value);
        if (rc)
            return rc;
    }
    if (n->hypercall_va != IMAGE_UNSET)
        n->hypercall_va += n->virt_base != IMAGE_UNSET ? n->virt_base : 0;
    return 0;
}

/* Does the kernel insist ("!name") on a feature that a plain PV domain never has? */
static const char *notes_impossible(const char *features)
{
    static const char *const never[] = {"!auto_translated_physmap", "!supervisor_mode_kernel",
                                        "!hvm_callback_vector"};
    size_t i;

    for (i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        const char *at = strstr(features, never[i]);
        char end = at ? at[strlen(never[i])] : 'x';

        if (end == '\0' || end == '|')
            return never[i] + 1;
    }
    return NULL;
}

/* Addresses of x86-64: the top 17 bits are equal, and the hypervisor's range is not the guest's. */
static bool notes_address_ok(uint64_t va)
{
    uint64_t top = va >> 47;

    return (top == 0 || top == 0x1ffff) && (va < HV_START || va >= HV_END);
}

static int notes_check_kind(struct image *image)
{
    const struct image_notes *n = &image->notes;
    const char *feature = notes_impossible(n->features);

    if (!n->present)
        return image_fail(image, ENOEXEC,
                          "has no Xen notes: it is a kernel built without support for paravirtual "
                          "guests, or not a kernel at all; Linux needs CONFIG_XEN_PV");
    if (!n->pv)
        return image_fail(
            image, ENOEXEC,
            "%s; it has no entry point for paravirtual guests. Linux needs CONFIG_XEN_PV",
            n->pvh ? "supports PVH only" : "has Xen notes, but not those of a PV kernel");
    if (feature)
        return image_fail(image, ENOEXEC, "requires the feature %s, which PV guests do not have",
                          feature);
    return 0;
}

/* virt_base, where the segments come to lie, the entry point, the hypercall page, the p2m. */
static int notes_check_addresses(struct image *image)
{
    const struct image_notes *n = &image->notes;
    uint64_t span = image->pend - image->pstart, offset = n->paddr_offset, in;

    image->virt_base = n->virt_base == IMAGE_UNSET ? 0 : n->virt_base;
    /* Kernels of the string section's time have virtual addresses in p_paddr. */
    if (offset == IMAGE_UNSET)
        offset = n->legacy ? image->virt_base : 0;
    if (image->pstart < offset || image->pstart - offset > IMAGE_MAX_SPAN)
        return image_fail(image, EINVAL,
                          "is damaged: its segments begin at %#llx, but its notes count from %#llx",
                          (unsigned long long)image->pstart, (unsigned long long)offset);
    /* `in` and `span` are at most IMAGE_MAX_SPAN each, so the sums with virt_base do not wrap. */
    in = image->pstart - offset;
    if ((image->virt_base | offset) & (IMAGE_PAGE_SIZE - 1) ||
        image->virt_base > UINT64_MAX - 2 * IMAGE_MAX_SPAN + 1 ||
        !notes_address_ok(image->virt_base) || !notes_address_ok(image->virt_base + in + span - 1))
        return image_fail(image, EINVAL, "wants to live at the impossible virtual address %#llx",
                          (unsigned long long)image->virt_base);
    image->virt_start = image->virt_base + in;
    image->virt_end = image->virt_start + span;
    image->virt_entry = n->entry == IMAGE_UNSET ? image->elf_entry : n->entry;
    if (image->virt_entry < image->virt_start || image->virt_entry >= image->virt_end)
        return image_fail(image, EINVAL, "is damaged: its entry point %#llx is outside of it",
                          (unsigned long long)image->virt_entry);
    if (n->hypercall_va != IMAGE_UNSET &&
        (n->hypercall_va < image->virt_start || n->hypercall_va >= image->virt_end ||
         n->hypercall_va & (IMAGE_PAGE_SIZE - 1)))
        return image_fail(image, EINVAL, "is damaged: its hypercall page %#llx is outside of it",
                          (unsigned long long)n->hypercall_va);
    if (n->init_p2m != IMAGE_UNSET &&
        (n->init_p2m & (IMAGE_PAGE_SIZE - 1) || !notes_address_ok(n->init_p2m)))
        return image_fail(image, EINVAL, "wants its frame table at the impossible address %#llx",
                          (unsigned long long)n->init_p2m);
    return 0;
}

static int notes_check_pvh(struct image *image)
{
    const struct image_notes *n = &image->notes;

    if (!n->pvh)
        return image_fail(image, ENOEXEC,
                          "has no entry point for fully virtualized guests (the ELF note "
                          "PHYS32_ENTRY); Linux needs CONFIG_PVH");
    if (image->pend > NOTES_4GIB)
        return image_fail(image, EINVAL, "wants to lie at %#llx, which is not below 4 GiB",
                          (unsigned long long)image->pstart);
    if (n->phys_entry < image->pstart || n->phys_entry >= image->pend)
        return image_fail(image, EINVAL, "is damaged: its entry point %#llx is outside of it",
                          (unsigned long long)n->phys_entry);
    image->phys_entry = (uint32_t)n->phys_entry;
    return 0;
}

int image_notes_check(struct image *image, enum image_kind kind)
{
    int rc;

    if (kind == IMAGE_PVH)
        return notes_check_pvh(image);
    rc = notes_check_kind(image);
    return rc ? rc : notes_check_addresses(image);
}
