// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF kernels and their notes: a good one of each kind, and each way to be bad.
 */
#include "check.h"
#include "image.h"
#include "kernel.h"

#include <errno.h>
#include <string.h>

#include <public/elfnote.h>

/* Open it; the result, with the image closed again and `image` still readable. */
static int try_kind(struct kernel *k, struct image *image, enum image_kind kind)
{
    int rc = image_open_memory(image, k->bytes, sizeof(k->bytes), kind);

    image_close(image);
    return rc;
}

static int try(struct kernel *k, struct image *image)
{
    return try_kind(k, image, IMAGE_PV);
}

/* It must be refused with this error and with a message that holds these words. */
static void refuse_kind(struct kernel *k, enum image_kind kind, int err, const char *words)
{
    struct image image;
    int rc = try_kind(k, &image, kind);

    CHECK_SAY(rc == -err, "got %d, expected %d (%s): %s", rc, -err, words, rc ? image.message : "");
    CHECK_SAY(rc && strstr(image.message, words), "\"%s\" is not in \"%s\"", words,
              rc ? image.message : "");
}

static void refuse(struct kernel *k, int err, const char *words)
{
    refuse_kind(k, IMAGE_PV, err, words);
}

static void test_linux(void)
{
    struct kernel k;
    struct image image;
    uint8_t to[0x5000];
    size_t i;

    kernel_linux(&k);
    CHECK(image_open_memory(&image, k.bytes, sizeof(k.bytes), IMAGE_PV) == 0);
    CHECK(image.nr_segments == 1);
    CHECK(image.pstart == KERNEL_PADDR && image.pend == KERNEL_PADDR + 0x5000);
    CHECK(image.virt_base == KERNEL_VIRT);
    CHECK(image.virt_start == KERNEL_VIRT + KERNEL_PADDR);
    CHECK(image.virt_end == image.virt_start + 0x5000);
    CHECK(image.virt_entry == image.virt_start + 0x40);
    CHECK(image.notes.init_p2m == 0x8000000000UL);
    CHECK(image.notes.mod_start_pfn && image.notes.pv && image.notes.pvh && !image.notes.legacy);
    CHECK(image.notes.hypercall_va == IMAGE_UNSET);
    CHECK(strcmp(image.notes.guest_os, "linux") == 0);
    memset(to, 0xaa, sizeof(to));
    CHECK(image_load(&image, to, false) == 0);
    CHECK(memcmp(to, k.bytes + 0x1000, KERNEL_TEXT) == 0);
    for (i = KERNEL_TEXT; i < KERNEL_MEM && to[i] == 0; i++)
        ;
    CHECK(i == KERNEL_MEM);
    CHECK(to[KERNEL_MEM] == 0xaa); /* not a byte more */
    CHECK(image_read(&image, sizeof(k.bytes) - 4, to, 8) == -EINVAL);
    CHECK(image_read(&image, UINT64_MAX, to, 8) == -EINVAL);
    image_close(&image);
}

/* The same comes out of it, except for what is in no segment. */
static void test_zeroed_memory(void)
{
    static uint8_t dirty[0x5000], clean[0x5000];
    struct kernel k;
    struct image image;

    kernel_linux(&k);
    k.ph[2] = k.ph[0]; /* all zeroes, over what the first one has */
    k.ph[2].p_paddr += 0x100;
    k.ph[2].p_filesz = 0;
    k.ph[2].p_memsz = 0x200;
    k.eh->e_phnum = 3;
    CHECK(image_open_memory(&image, k.bytes, sizeof(k.bytes), IMAGE_PV) == 0);
    CHECK(image.nr_segments == 2);
    memset(dirty, 0xaa, sizeof(dirty));
    memset(clean, 0, sizeof(clean));
    CHECK(image_load(&image, dirty, false) == 0 && image_load(&image, clean, true) == 0);
    CHECK(clean[0xff] != 0 && clean[0x100] == 0 && clean[0x2ff] == 0 && clean[0x300] != 0);
    CHECK(memcmp(dirty, clean, KERNEL_MEM) == 0);
    memset(clean, 0xaa, sizeof(clean));
    CHECK(image_load(&image, clean, true) == 0 && clean[KERNEL_MEM - 1] == 0xaa);
    image_close(&image);
}

static void test_other_notes(void)
{
    struct kernel k;
    struct image image;

    /* Mini-OS's kind: based at 0, entry from the ELF header, a hypercall page. */
    kernel_bare(&k);
    kernel_note_number(&k, XEN_ELFNOTE_HYPERCALL_PAGE, KERNEL_PADDR + 0x1000);
    kernel_note_text(&k, XEN_ELFNOTE_LOADER, "generic");
    CHECK(try(&k, &image) == 0);
    CHECK(image.virt_base == 0 && image.virt_entry == KERNEL_PADDR);
    CHECK(image.notes.hypercall_va == KERNEL_PADDR + 0x1000 && !image.notes.mod_start_pfn);

    kernel_linux(&k);
    kernel_notes_in_section(&k);
    CHECK(try(&k, &image) == 0);
    CHECK(image.virt_base == KERNEL_VIRT);

    kernel_bare(&k);
    k.ph[0].p_paddr = KERNEL_VIRT + KERNEL_PADDR;
    kernel_legacy(&k, "GUEST_OS=old,XEN_VER=xen-3.0,HYPERCALL_PAGE=0x102,LOADER=generic,"
                      "VIRT_ENTRY=0xffffffff80100010,VIRT_BASE=0xffffffff80000000,"
                      "ELF_PADDR_OFFSET=0xffffffff80000000");
    CHECK_SAY(try(&k, &image) == 0, "%s", image.message);
    CHECK(image.notes.legacy && image.virt_start == KERNEL_VIRT + KERNEL_PADDR);
    CHECK(image.virt_entry == KERNEL_VIRT + KERNEL_PADDR + 0x10);
    CHECK(image.notes.hypercall_va == KERNEL_VIRT + 0x102000);
}

static void test_not_pv(void)
{
    struct kernel k;

    kernel_bare(&k);
    refuse(&k, ENOEXEC, "has no Xen notes");
    kernel_note_number(&k, XEN_ELFNOTE_PHYS32_ENTRY, KERNEL_PADDR);
    refuse(&k, ENOEXEC, "supports PVH only");
    kernel_linux(&k);
    kernel_note_text(&k, XEN_ELFNOTE_FEATURES, "writable_page_tables|!auto_translated_physmap");
    refuse(&k, ENOEXEC, "requires the feature auto_translated_physmap");
    kernel_linux(&k);
    kernel_note_text(&k, XEN_ELFNOTE_XEN_VERSION, "xen-2.0\x1b[31m");
    refuse(&k, ENOEXEC, "xen-2.0?[31m");
    kernel_linux(&k);
    k.eh->e_machine = EM_AARCH64;
    refuse(&k, ENOEXEC, "another machine");
    kernel_linux(&k);
    k.eh->e_ident[EI_CLASS] = ELFCLASS32;
    refuse(&k, ENOEXEC, "another machine");
    kernel_linux(&k);
    k.eh->e_type = ET_REL;
    refuse(&k, ENOEXEC, "not executable");
    kernel_linux(&k);
    k.ph[0].p_type = PT_NULL;
    refuse(&k, ENOEXEC, "nothing to load");
    memset(k.bytes, 'x', sizeof(k.bytes));
    refuse(&k, ENOEXEC, "neither an ELF kernel nor a bzImage");
}

static void test_damaged_elf(void)
{
    struct kernel k;
    struct image image;
    size_t size;

    kernel_linux(&k);
    k.eh->e_phoff = UINT64_MAX - 8;
    refuse(&k, EINVAL, "damaged");
    kernel_linux(&k);
    k.eh->e_phnum = 60000;
    refuse(&k, EINVAL, "60000 program headers");
    kernel_linux(&k);
    k.eh->e_phentsize = 32;
    refuse(&k, EINVAL, "program headers of 32 bytes");
    kernel_linux(&k);
    k.ph[0].p_offset = UINT64_MAX - 0x100;
    refuse(&k, EINVAL, "cut short");
    kernel_linux(&k);
    k.ph[0].p_filesz = k.ph[0].p_memsz + 1;
    refuse(&k, EINVAL, "cut short");
    kernel_linux(&k);
    k.ph[0].p_memsz = 1UL << 62;
    refuse(&k, EINVAL, "cannot be");
    kernel_linux(&k);
    k.ph[0].p_paddr = UINT64_MAX - 0x1000;
    refuse(&k, EINVAL, "cannot be");
    kernel_linux(&k);
    k.ph[1] = k.ph[0];
    k.ph[1].p_paddr = 8UL << 30;
    refuse(&k, EINVAL, "spreads its segments");
    kernel_linux(&k);
    k.ph[1].p_filesz = 1UL << 40;
    refuse(&k, EINVAL, "notes");
    kernel_linux(&k);
    for (size = 0; size < sizeof(k.bytes); size += size < 0x1000 ? 1 : 61)
        if (image_open_memory(&image, k.bytes, size, IMAGE_PV) == 0) {
            CHECK_SAY(size >= 0x1000 + KERNEL_TEXT, "cut to %zu bytes and accepted", size);
            image_close(&image);
        }
}

static void test_damaged_notes(void)
{
    struct kernel k;
    Elf64_Shdr *sh = (Elf64_Shdr *)(void *)(k.bytes + 0x4000);
    uint32_t big = UINT32_MAX;
    size_t i;

    kernel_linux(&k);
    memcpy(k.bytes + KERNEL_NOTES, &big, 4);
    refuse(&k, EINVAL, "notes run past their end");
    kernel_linux(&k);
    memcpy(k.bytes + KERNEL_NOTES + 4, &big, 4);
    refuse(&k, EINVAL, "notes run past their end");
    kernel_linux(&k);
    kernel_notes_in_section(&k);
    k.eh->e_shnum = 65000;
    refuse(&k, EINVAL, "section headers");
    /* 256 sections, each with the same 12 KiB that say nothing. */
    kernel_linux(&k);
    kernel_notes_in_section(&k);
    memset(k.bytes + 0x1000, 0, 0x3000);
    for (i = 0; i < 256; i++)
        sh[i] = (Elf64_Shdr){.sh_type = SHT_NOTE, .sh_offset = 0x1000, .sh_size = 0x3000};
    k.eh->e_shoff = 0x4000;
    k.eh->e_shnum = 256;
    refuse(&k, EINVAL, "bytes of notes");
    kernel_linux(&k);
    kernel_notes_in_section(&k);
    k.eh->e_shoff = UINT64_MAX - 4;
    refuse(&k, EINVAL, "damaged");
    kernel_bare(&k);
    kernel_legacy(&k, "VIRT_BASE=12q");
    refuse(&k, EINVAL, "is not a number");
    kernel_bare(&k);
    kernel_legacy(&k, "HYPERCALL_PAGE=0xffffffffffff");
    refuse(&k, EINVAL, "HYPERCALL_PAGE");
}

static void test_bad_addresses(void)
{
    struct kernel k;

    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_ENTRY, KERNEL_VIRT);
    refuse(&k, EINVAL, "entry point");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_ENTRY, KERNEL_VIRT + KERNEL_PADDR + 0x5000);
    refuse(&k, EINVAL, "entry point");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_HYPERCALL_PAGE, KERNEL_VIRT);
    refuse(&k, EINVAL, "hypercall page");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_HYPERCALL_PAGE, KERNEL_VIRT + KERNEL_PADDR + 8);
    refuse(&k, EINVAL, "hypercall page");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_VIRT_BASE, 0xffff800000000000UL); /* the hypervisor's */
    refuse(&k, EINVAL, "impossible virtual address");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_VIRT_BASE, 0x0000800000000000UL); /* not canonical */
    refuse(&k, EINVAL, "impossible virtual address");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_VIRT_BASE, UINT64_MAX - 0xfff);
    refuse(&k, EINVAL, "impossible virtual address");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_VIRT_BASE, KERNEL_VIRT + 1);
    refuse(&k, EINVAL, "impossible virtual address");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_INIT_P2M, 0xffff800000000000UL);
    refuse(&k, EINVAL, "frame table");
    kernel_linux(&k);
    kernel_note_number(&k, XEN_ELFNOTE_PADDR_OFFSET, KERNEL_VIRT);
    refuse(&k, EINVAL, "segments begin");
}

static void refuse_pvh(struct kernel *k, int err, const char *words)
{
    refuse_kind(k, IMAGE_PVH, err, words);
}

/* Started at a physical address: what a PV kernel says about itself does not count. */
static void test_pvh(void)
{
    const uint16_t half = 0x1234;
    struct kernel k;
    struct image image;

    kernel_linux(&k);
    CHECK(try_kind(&k, &image, IMAGE_PVH) == 0);
    CHECK(image.phys_entry == KERNEL_PADDR && image.pstart == KERNEL_PADDR);
    kernel_bare(&k);
    kernel_note_number(&k, XEN_ELFNOTE_PHYS32_ENTRY, KERNEL_PADDR + 0x10);
    kernel_note_number(&k, XEN_ELFNOTE_PADDR_OFFSET, 0x7777777777777777);
    kernel_note_text(&k, XEN_ELFNOTE_FEATURES, "!hvm_callback_vector");
    CHECK(try_kind(&k, &image, IMAGE_PVH) == 0 && image.phys_entry == KERNEL_PADDR + 0x10);
    refuse(&k, ENOEXEC, "supports PVH only");
    kernel_bare(&k);
    refuse_pvh(&k, ENOEXEC, "PHYS32_ENTRY");
    kernel_note(&k, XEN_ELFNOTE_PHYS32_ENTRY, &half, sizeof(half));
    refuse_pvh(&k, ENOEXEC, "PHYS32_ENTRY");
    kernel_bare(&k);
    kernel_note_number(&k, XEN_ELFNOTE_PHYS32_ENTRY, KERNEL_PADDR + 0x5000);
    refuse_pvh(&k, EINVAL, "0x105000 is outside of it");
    kernel_bare(&k);
    kernel_note_number(&k, XEN_ELFNOTE_PHYS32_ENTRY, 0x100000000 + KERNEL_PADDR);
    refuse_pvh(&k, EINVAL, "is outside of it");
    k.ph[0].p_paddr = 0x100000000 + KERNEL_PADDR;
    refuse_pvh(&k, EINVAL, "not below 4 GiB");
    k.ph[0].p_paddr = 0xffffb000;
    refuse_pvh(&k, EINVAL, "is outside of it");
    k.ph[0].p_paddr = 0xffffc000;
    refuse_pvh(&k, EINVAL, "not below 4 GiB");
    kernel_bare(&k);
    k.ph[0].p_paddr = 0xffffb000;
    kernel_note_number(&k, XEN_ELFNOTE_PHYS32_ENTRY, 0xffffffff);
    CHECK(try_kind(&k, &image, IMAGE_PVH) == 0 && image.phys_entry == 0xffffffff);
    kernel_legacy(&k, "GUEST_OS=old,XEN_VER=xen-3.0,VIRT_BASE=0x0");
    refuse_pvh(&k, ENOEXEC, "PHYS32_ENTRY");
}

void test_image(void)
{
    test_linux();
    test_pvh();
    test_zeroed_memory();
    test_other_notes();
    test_not_pv();
    test_damaged_elf();
    test_damaged_notes();
    test_bad_addresses();
}
