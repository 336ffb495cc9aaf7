// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small kernels for tests. See kernel.h.
 */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include <public/elfnote.h>

#define SECTIONS 0x7000UL /* where section headers go, and behind them their names */
#define NAMES    0x7800UL
#define SETUP    (5 * 512UL) /* a bzImage's real-mode part here */

void kernel_bare(struct kernel *k)
{
    size_t i;

    memset(k, 0, sizeof(*k));
    k->eh = (Elf64_Ehdr *)(void *)k->bytes;
    k->ph = (Elf64_Phdr *)(void *)(k->bytes + sizeof(*k->eh));
    memcpy(k->eh->e_ident, ELFMAG, SELFMAG);
    k->eh->e_ident[EI_CLASS] = ELFCLASS64;
    k->eh->e_ident[EI_DATA] = ELFDATA2LSB;
    k->eh->e_type = ET_EXEC;
    k->eh->e_machine = EM_X86_64;
    k->eh->e_entry = KERNEL_PADDR;
    k->eh->e_phoff = sizeof(*k->eh);
    k->eh->e_phentsize = sizeof(*k->ph);
    k->eh->e_phnum = 2;
    k->ph[0].p_type = PT_LOAD;
    k->ph[0].p_offset = 0x1000;
    k->ph[0].p_vaddr = KERNEL_VIRT + KERNEL_PADDR;
    k->ph[0].p_paddr = KERNEL_PADDR;
    k->ph[0].p_filesz = KERNEL_TEXT;
    k->ph[0].p_memsz = KERNEL_MEM;
    k->ph[1].p_type = PT_NOTE;
    k->ph[1].p_offset = KERNEL_NOTES;
    for (i = 0; i < KERNEL_TEXT; i++)
        k->bytes[0x1000 + i] = (uint8_t)(i * 7 + 1);
}

void kernel_note(struct kernel *k, uint32_t type, const void *desc, uint32_t size)
{
    uint8_t *p = k->bytes + KERNEL_NOTES + k->notes;
    uint32_t head[3] = {4, size, type};

    memcpy(p, head, sizeof(head));
    memcpy(p + 12, "Xen", 4);
    memcpy(p + 16, desc, size);
    k->notes += 16 + ((size + 3) & ~3U);
    k->ph[1].p_filesz = k->ph[1].p_memsz = k->notes;
}

void kernel_note_number(struct kernel *k, uint32_t type, uint64_t value)
{
    kernel_note(k, type, &value, sizeof(value));
}

void kernel_note_text(struct kernel *k, uint32_t type, const char *text)
{
    kernel_note(k, type, text, (uint32_t)strlen(text) + 1);
}

void kernel_linux(struct kernel *k)
{
    uint32_t one = 1;

    kernel_bare(k);
    kernel_note_text(k, XEN_ELFNOTE_GUEST_OS, "linux");
    kernel_note_text(k, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    kernel_note_number(k, XEN_ELFNOTE_VIRT_BASE, KERNEL_VIRT);
    kernel_note_number(k, XEN_ELFNOTE_INIT_P2M, 0x8000000000UL);
    kernel_note_number(k, XEN_ELFNOTE_ENTRY, KERNEL_VIRT + KERNEL_PADDR + 0x40);
    kernel_note_text(k, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
    kernel_note(k, XEN_ELFNOTE_MOD_START_PFN, &one, sizeof(one));
    kernel_note_number(k, XEN_ELFNOTE_PADDR_OFFSET, 0);
    kernel_note_number(k, XEN_ELFNOTE_PHYS32_ENTRY, KERNEL_PADDR);
}

static Elf64_Shdr *kernel_section(struct kernel *k, uint32_t type)
{
    Elf64_Shdr *sh = (Elf64_Shdr *)(void *)(k->bytes + SECTIONS);
    static const char names[] = "\0.shstrtab\0__xen_guest";

    memcpy(k->bytes + NAMES, names, sizeof(names));
    k->eh->e_shoff = SECTIONS;
    k->eh->e_shentsize = sizeof(*sh);
    k->eh->e_shnum = 3;
    k->eh->e_shstrndx = 1;
    sh[1].sh_type = SHT_STRTAB;
    sh[1].sh_name = 1;
    sh[1].sh_offset = NAMES;
    sh[1].sh_size = sizeof(names);
    sh[2].sh_type = type;
    sh[2].sh_name = 11;
    sh[2].sh_offset = KERNEL_NOTES;
    k->eh->e_phnum = 1;
    return &sh[2];
}

void kernel_legacy(struct kernel *k, const char *text)
{
    Elf64_Shdr *sh = kernel_section(k, SHT_PROGBITS);

    sh->sh_size = strlen(text) + 1;
    memcpy(k->bytes + KERNEL_NOTES, text, sh->sh_size);
}

void kernel_notes_in_section(struct kernel *k)
{
    kernel_section(k, SHT_NOTE)->sh_size = k->notes;
}

uint8_t *kernel_bzimage(const void *packed, size_t size, size_t *out_size)
{
    uint8_t *image = calloc(1, SETUP + 0x100 + size + 64);
    uint32_t offset = 0x100, length = (uint32_t)size;

    if (!image)
        abort();
    image[0x1f1] = 4;
    image[0x1fe] = 0x55;
    image[0x1ff] = 0xaa;
    memcpy(image + 0x202, "HdrS", 4);
    image[0x206] = 0x0f;
    image[0x207] = 0x02;
    memcpy(image + 0x248, &offset, 4);
    memcpy(image + 0x24c, &length, 4);
    memcpy(image + SETUP + offset, packed, size);
    *out_size = SETUP + offset + size + 64;
    return image;
}
