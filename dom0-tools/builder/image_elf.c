// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ELF64 side of a kernel: what to load, and where its notes are.
 *
 * Three places can hold what a kernel says about itself, and the first that says anything counts:
 * PT_NOTE program headers, SHT_NOTE sections, and the section __xen_guest of kernels older than
 * notes. Counts and sizes are bounded, and with them what the worst file can cost.
 */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PHDRS    256U
#define MAX_SECTIONS 4096U
#define MAX_BLOB     (1UL << 20) /* of notes, of section names */
#define MAX_BLOBS    (2UL << 20) /* all of them: any number of headers may name the same bytes */

/* Read a bounded piece of the file into fresh memory. */
/* *out is the caller's to free where this succeeds. image_read() checks the bounds of the file. */
static int elf_blob(struct image *image, uint64_t offset, uint64_t size, uint8_t **out)
{
    int rc;

    if (size > MAX_BLOB || image->blobs > MAX_BLOBS - size)
        return image_fail(image, EINVAL, "is damaged: it claims %llu bytes of notes",
                          (unsigned long long)(size + image->blobs));
    image->blobs += size;
    *out = malloc(size ? size : 1);
    if (!*out)
        return image_fail(image, ENOMEM, "cannot be read: not enough memory here");
    rc = image_read(image, offset, *out, size);
    if (rc)
        free(*out);
    return rc;
}

static int elf_notes_at(struct image *image, uint64_t offset, uint64_t size)
{
    uint8_t *blob;
    int rc = elf_blob(image, offset, size, &blob);

    if (rc)
        return rc;
    rc = image_notes_parse(image, blob, size);
    free(blob);
    return rc;
}

static int elf_header(struct image *image, Elf64_Ehdr *eh)
{
    int rc;

    if (image->size < sizeof(*eh))
        return image_fail(image, EINVAL, "is cut short inside its ELF header; copy it again");
    rc = image_read(image, 0, eh, sizeof(*eh));
    if (rc)
        return rc;
    if (memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
        return image_fail(image, ENOEXEC, "is not an ELF file");
    if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
        eh->e_machine != EM_X86_64)
        return image_fail(
            image, ENOEXEC,
            "is an ELF file for another machine; only 64-bit x86 kernels can run here");
    if (eh->e_type != ET_EXEC && eh->e_type != ET_DYN)
        return image_fail(image, ENOEXEC,
                          "is an ELF file that is not executable (an object or a core "
                          "dump), not a kernel");
    if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phnum == 0 || eh->e_phnum > MAX_PHDRS)
        return image_fail(image, EINVAL,
                          "is damaged: %u program headers of %u bytes make no kernel", eh->e_phnum,
                          eh->e_phentsize);
    image->elf_entry = eh->e_entry;
    return 0;
}

static int elf_add_segment(struct image *image, const Elf64_Phdr *ph)
{
    struct image_segment *s;

    if (ph->p_memsz == 0)
        return 0;
    if (ph->p_filesz > ph->p_memsz || ph->p_offset > image->size ||
        ph->p_filesz > image->size - ph->p_offset)
        return image_fail(
            image, EINVAL,
            "is damaged or cut short: a segment's %llu bytes at offset %llu are not in "
            "its %llu bytes; copy it again",
            (unsigned long long)ph->p_filesz, (unsigned long long)ph->p_offset,
            (unsigned long long)image->size);
    /* So that no sum below can wrap, not even when it is rounded up to a page. */
    if (ph->p_memsz > IMAGE_MAX_SPAN || ph->p_paddr > UINT64_MAX - IMAGE_MAX_SPAN - IMAGE_PAGE_SIZE)
        return image_fail(image, EINVAL, "is damaged: a segment of %llu bytes at %#llx cannot be",
                          (unsigned long long)ph->p_memsz, (unsigned long long)ph->p_paddr);
    if (image->nr_segments == IMAGE_MAX_SEGMENTS)
        return image_fail(image, EINVAL, "has more than %d loadable segments", IMAGE_MAX_SEGMENTS);
    s = &image->segments[image->nr_segments++];
    s->offset = ph->p_offset;
    s->filesz = ph->p_filesz;
    s->memsz = ph->p_memsz;
    s->paddr = ph->p_paddr;
    s->vaddr = ph->p_vaddr;
    s->flags = ph->p_flags;
    if (s->paddr < image->pstart)
        image->pstart = s->paddr;
    if (s->paddr + s->memsz > image->pend)
        image->pend = s->paddr + s->memsz;
    return 0;
}

/* They may overlap: then the later one wins, in a kernel's own frames. */
static int elf_segments(struct image *image, const Elf64_Phdr *ph, unsigned int nr)
{
    unsigned int i;
    int rc;

    image->pstart = UINT64_MAX;
    for (i = 0; i < nr; i++) {
        if (ph[i].p_type != PT_LOAD)
            continue;
        rc = elf_add_segment(image, &ph[i]);
        if (rc)
            return rc;
    }
    if (!image->nr_segments)
        return image_fail(image, ENOEXEC,
                          "has nothing to load: it is an ELF file, but not a kernel");
    image->pstart &= ~(IMAGE_PAGE_SIZE - 1);
    image->pend = (image->pend + IMAGE_PAGE_SIZE - 1) & ~(IMAGE_PAGE_SIZE - 1);
    if (image->pend - image->pstart > IMAGE_MAX_SPAN)
        return image_fail(
            image, EINVAL, "spreads its segments over %llu MiB; a kernel's lie within %lu MiB",
            (unsigned long long)(image->pend - image->pstart) >> 20, IMAGE_MAX_SPAN >> 20);
    return 0;
}

/* SHT_NOTE sections, or the one named __xen_guest: whichever is asked for. */
static int elf_sections(struct image *image, const Elf64_Shdr *sh, unsigned int nr,
                        const uint8_t *names, size_t names_size, bool legacy)
{
    static const char section[] = "__xen_guest";
    unsigned int i;
    uint8_t *blob;
    int rc;

    for (i = 0; i < nr; i++) {
        if (!legacy) {
            if (sh[i].sh_type != SHT_NOTE)
                continue;
            rc = elf_notes_at(image, sh[i].sh_offset, sh[i].sh_size);
            if (rc)
                return rc;
            continue;
        }
        /* Compared with its terminator, so the name must have room for it inside the table. */
        if (names_size < sizeof(section) || sh[i].sh_name > names_size - sizeof(section) ||
            memcmp(names + sh[i].sh_name, section, sizeof(section)) != 0)
            continue;
        rc = elf_blob(image, sh[i].sh_offset, sh[i].sh_size, &blob);
        if (rc)
            return rc;
        rc = image_notes_parse_legacy(image, (char *)blob, sh[i].sh_size);
        free(blob);
        return rc;
    }
    return 0;
}

/* A kernel without PT_NOTE may still say something in its sections. A stripped one has none. */
static int elf_search_sections(struct image *image, const Elf64_Ehdr *eh)
{
    uint8_t *table, *names = NULL;
    const Elf64_Shdr *sh;
    size_t names_size = 0;
    int rc;

    if (eh->e_shoff == 0 || eh->e_shnum == 0)
        return 0;
    if (eh->e_shentsize != sizeof(Elf64_Shdr) || eh->e_shnum > MAX_SECTIONS)
        return image_fail(image, EINVAL, "is damaged: %u section headers of %u bytes", eh->e_shnum,
                          eh->e_shentsize);
    rc = elf_blob(image, eh->e_shoff, eh->e_shnum * sizeof(*sh), &table);
    if (rc)
        return rc;
    sh = (const Elf64_Shdr *)(const void *)table;
    rc = elf_sections(image, sh, eh->e_shnum, NULL, 0, false);
    if (!rc && !image->notes.present && eh->e_shstrndx < eh->e_shnum) {
        names_size = sh[eh->e_shstrndx].sh_size;
        rc = elf_blob(image, sh[eh->e_shstrndx].sh_offset, names_size, &names);
        if (!rc) {
            rc = elf_sections(image, sh, eh->e_shnum, names, names_size, true);
            free(names);
        }
    }
    free(table);
    return rc;
}

/* Read it, and remember where it is, as long as there is room. */
static int elf_note_segment(struct image *image, const Elf64_Phdr *ph)
{
    unsigned int n = image->nr_notes_at;

    if (n < IMAGE_MAX_NOTES) {
        image->notes_at[n].offset = ph->p_offset;
        image->notes_at[n].filesz = ph->p_filesz;
    }
    if (n <= IMAGE_MAX_NOTES)
        image->nr_notes_at++; /* one more than the maximum means: too many */
    return elf_notes_at(image, ph->p_offset, ph->p_filesz);
}

int image_elf_parse(struct image *image)
{
    Elf64_Phdr ph[MAX_PHDRS];
    Elf64_Ehdr eh;
    unsigned int i;
    int rc;

    rc = elf_header(image, &eh);
    if (!rc)
        rc = image_read(image, eh.e_phoff, ph, eh.e_phnum * sizeof(ph[0]));
    if (!rc)
        rc = elf_segments(image, ph, eh.e_phnum);
    for (i = 0; !rc && i < eh.e_phnum; i++)
        if (ph[i].p_type == PT_NOTE)
            rc = elf_note_segment(image, &ph[i]);
    /*
     * Forgets the segments of notes where they say nothing or are too many for the list: an
     * extracted kernel takes its notes from these alone.
     */
    if (!rc && (!image->notes.present || image->nr_notes_at > IMAGE_MAX_NOTES))
        image->nr_notes_at = 0;
    if (!rc && !image->notes.present)
        rc = elf_search_sections(image, &eh);
    return rc;
}
