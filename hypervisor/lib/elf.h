/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF64 kernels with Xen notes, as dom0's kernel arrives from the boot loader. Every offset of the
 * image is checked against its size. Compiles on the host, where it is fuzzed.
 */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include <lib/types.h>

/* What the notes say is not checked, but where elf_parse() promises it; 0 or empty: no such note.
 */
struct elf_image {
    const uint8_t *data; /* the caller's, not copied: must stay while the structure is used */
    uint64_t size;
    uint64_t virt_base, entry, hypercall_page, init_p2m, paddr_offset, mod_start_pfn, hv_start_low;
    bool has_hypercall_page, has_init_p2m, mod_start_is_pfn, pae_ok, supports_dom0, has_xen_notes;
    char guest_os[32], features[256];
    uint64_t vstart, vend; /* range of the PT_LOAD segments, in virtual addresses; not empty */
};

/*
 * Reads headers and notes; NULL or a message that names what is wrong, as the end of a sentence. On
 * success each PT_LOAD segment lies inside the file and does not wrap around the address space, the
 * entry point is in [vstart, vend), and so is the whole hypercall page where there is one.
 */
const char *elf_parse(struct elf_image *e, const void *data, uint64_t size);
/*
 * Calls copy(ctx, vaddr, data, filesz, memsz) for each PT_LOAD segment; stops at non-zero, which is
 * the result. e has been through elf_parse(). filesz <= memsz; the rest is to be zero.
 */
int elf_for_each_segment(const struct elf_image *e,
                         int (*copy)(void *ctx, uint64_t va, const void *data, uint64_t filesz,
                                     uint64_t memsz),
                         void *ctx);

#endif
