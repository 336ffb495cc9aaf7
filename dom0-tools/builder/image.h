/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images: from a file to a checked description of what to load where.
 *
 * An image is hostile: it may come from a guest's owner. Each offset, length and address in it is
 * checked before use, what is unpacked has an upper bound, and nothing read from it is trusted
 * twice. The code here needs no hypervisor and no other component, so that tests and the fuzzer run
 * it on any host.
 *
 * An ELF file stays open, and its owner may change it while it is used. What was checked are the
 * copies of headers and notes in struct image; segments are read again when they are placed, at
 * most `filesz` bytes of each, and their contents decide nothing here.
 *
 * The parts: image.c opens files and puts the parts together, image_unpack.c holds the compression
 * formats and bzImage's header, image_elf.c the ELF64 program headers, image_notes.c what a kernel
 * says about itself to a hypervisor, image_extract.c the unpacking tool.
 */
#ifndef LODGE_IMAGE_H
#define LODGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_PAGE_SIZE    4096UL
#define IMAGE_MAX_SEGMENTS 64
#define IMAGE_MAX_NOTES    4
#define IMAGE_MAX_UNPACKED (256UL << 20) /* no kernel is near that; a decompression bomb is */
#define IMAGE_MAX_SPAN     (1UL << 30)   /* from the lowest to the highest loaded address */
#define IMAGE_UNSET        UINT64_MAX    /* an address that the kernel did not name */

struct image_segment {
    uint64_t offset; /* in the file */
    uint64_t filesz; /* bytes from the file, */
    uint64_t memsz;  /* then zeroes up to this size */
    uint64_t paddr;  /* where, on the kernel's own physical scale */
    uint64_t vaddr;  /* what the file says; only copied */
    uint32_t flags;  /* the same */
};

/* How the kernel is to be started: what it needs to have for that differs. */
enum image_kind {
    IMAGE_PV,  /* by a paravirtual entry point, at a virtual address */
    IMAGE_PVH, /* by XEN_ELFNOTE_PHYS32_ENTRY, at a physical one, without paging */
};

/* What the notes (or the older string section) say. Addresses are IMAGE_UNSET when not said. */
struct image_notes {
    bool present;          /* any note with the owner "Xen", or the string section */
    bool legacy;           /* it was the string section __xen_guest */
    bool pv;               /* the kernel names something that only a PV kernel has */
    bool pvh;              /* the kernel has a PVH entry point, */
    uint64_t phys_entry;   /* this one */
    bool mod_start_pfn;    /* takes its ramdisk as a frame number, unmapped */
    uint64_t entry;        /* virtual address of the first instruction */
    uint64_t hypercall_va; /* page to fill with hypercall code */
    uint64_t virt_base;    /* virtual address of physical 0 */
    uint64_t paddr_offset; /* what to subtract from p_paddr to get there */
    uint64_t init_p2m;     /* virtual address at which the p2m table wants to be */
    char guest_os[32];
    char features[256];
};

/* An opened kernel. Owns `fd` or `data`, whichever is there. */
struct image {
    int fd;              /* the ELF is this file, or -1 */
    const uint8_t *data; /* the ELF is this memory, or NULL */
    uint64_t size;       /* of either */
    bool owns_data;      /* image_close() unmaps `data` */

    struct image_segment segments[IMAGE_MAX_SEGMENTS];
    unsigned int nr_segments;
    uint64_t pstart, pend; /* all segments lie within, both on a page boundary;
                              pend - pstart is at most IMAGE_MAX_SPAN */
    uint64_t elf_entry;    /* what the header says; a note may say otherwise */
    struct image_segment notes_at[IMAGE_MAX_NOTES]; /* note segments; their offset and filesz */
    unsigned int nr_notes_at; /* 0: the notes were found elsewhere, or there are too many */
    struct image_notes notes;
    uint64_t blobs; /* bytes of notes, section headers and section names that were read so far */

    /*
     * Results of IMAGE_PV, checked against each other: virtual addresses, in this order:
     * virt_base <= virt_start <= virt_entry < virt_end. None lies in the hypervisor's range, and
     * virt_start - virt_base is at most IMAGE_MAX_SPAN.
     */
    uint64_t virt_base;  /* of pseudo-physical frame 0 */
    uint64_t virt_start; /* of pstart */
    uint64_t virt_end;   /* of pend */
    uint64_t virt_entry; /* in between */
    /* Of IMAGE_PVH: pstart <= phys_entry < pend <= 4 GiB. */
    uint32_t phys_entry;
    char message[384]; /* why the last call failed; names no file */
};

/*
 * Open, unpack when packed, parse and check for that kind of start. 0 or -errno with image->message
 * set: -ENOEXEC not a kernel, or not one that can be started so; -E2BIG unpacks to too much;
 *   -EINVAL damaged; what open() and read() return.
 * After a failure nothing is left open.
 */
int image_open(struct image *image, const char *path, enum image_kind kind);

/* The same from memory, which must outlive the image. */
int image_open_memory(struct image *image, const void *data, size_t size, enum image_kind kind);
void image_close(struct image *image);

/* Bytes of the ELF: from memory or by pread(). Bounds are checked here. */
int image_read(struct image *image, uint64_t offset, void *to, size_t size);

/*
 * Place the segments in `to`, which stands for pstart..pend, zeroing what the file does not fill of
 * each. Gaps between segments are left as they are. zeroed: all of `to` is zero already.
 */
int image_load(struct image *image, void *to, bool zeroed);

/* Record a reason and give -err. */
void image_say(struct image *image, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define image_fail(image, err, ...) (image_say(image, __VA_ARGS__), -(err))

/* image_unpack.c */
enum image_format {
    IMAGE_UNKNOWN,
    IMAGE_ELF,
    IMAGE_BZIMAGE,
    IMAGE_GZIP,
    IMAGE_XZ,
    IMAGE_LZ4_LEGACY,
    IMAGE_LZ4_FRAME,
    IMAGE_ZSTD,
    IMAGE_BZIP2,
    IMAGE_LZMA,
    IMAGE_LZO,
};
enum image_format image_format(const uint8_t *data, size_t size);

/*
 * Unpack `data` (a bzImage or a bare compressed file) into fresh memory of at most `limit` bytes,
 * handed over with its size; free it with munmap().
 */
int image_unpack(struct image *image, const uint8_t *data, size_t size, size_t limit, uint8_t **out,
                 size_t *out_size);

/* image_elf.c: fill segments, pstart, pend, elf_entry; then find and read the notes. */
int image_elf_parse(struct image *image);

/* image_notes.c: over one blob of notes, or of the string section. They add to image->notes. */
void image_notes_init(struct image_notes *notes);
int image_notes_parse(struct image *image, const uint8_t *blob, size_t size);
int image_notes_parse_legacy(struct image *image, const char *text, size_t size);
/* All read: is this a kernel of that kind, and do its addresses agree with each other? */
int image_notes_check(struct image *image, enum image_kind kind);

#endif
