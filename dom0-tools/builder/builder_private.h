/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the builder's own files share: the layout of a new domain, and its memory while it is built.
 */
#ifndef LODGE_BUILDER_PRIVATE_H
#define LODGE_BUILDER_PRIVATE_H

#include "builder_hvm.h"
#include "image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct builder_config;
struct builder_result;
struct ctl;

#define BUILDER_PAGE_SHIFT  12
#define BUILDER_PAGE_SIZE   4096UL
#define BUILDER_SUPER_ORDER 9 /* 2 MiB */
#define BUILDER_SUPER_PAGES (1UL << BUILDER_SUPER_ORDER)

static inline uint64_t builder_pages(uint64_t bytes)
{
    return (bytes >> BUILDER_PAGE_SHIFT) + !!(bytes & (BUILDER_PAGE_SIZE - 1));
}

/* Bits of address that one table covers: level 0 is the L1, with 2 MiB. */
#define LAYOUT_LEVELS   3 /* L1, L2 and L3; the L4 is one frame */
#define LAYOUT_SHIFT(i) (21 + 9 * (i))

/* What the layout depends on. */
struct layout_input {
    uint64_t virt_base;    /* virtual address of frame 0 */
    uint64_t virt_end;     /* end of the loaded kernel */
    uint64_t ramdisk_size; /* bytes, 0: none */
    uint64_t pages;        /* the domain's memory */
    uint64_t init_p2m;     /* wanted virtual address of the p2m, or UINT64_MAX */
    bool mod_start_pfn;    /* the ramdisk stays unmapped */
};

/*
 * The tables of one level for one range of addresses: number, and the frame of the first. The
 * table for `va` is number (va >> LAYOUT_SHIFT(level)) - first, in the frame of that distance from
 * `pfn`.
 */
struct layout_level {
    uint64_t first, nr; /* in units of what one table of the level covers; nr may be 0 */
    uint64_t pfn;
};

/*
 * Frame numbers (pfn) of everything in a new domain. From `start_info` to `stack` frames follow
 * each other; the kernel lies before, an unmapped ramdisk and a p2m of its own address behind.
 * Invariant: every range ends at or before `end`, and `end` <= pages. No two ranges overlap: so
 * what the image wants can never come to lie over a page table.
 */
struct layout {
    uint64_t ramdisk, ramdisk_pages;    /* no meaning without a ramdisk */
    uint64_t p2m, p2m_pages;            /* the array: 8 bytes for each page of memory */
    uint64_t p2m_tables, nr_p2m_tables; /* page tables that only the p2m at init_p2m needs */
    uint64_t start_info, store, console;
    uint64_t tables, nr_tables; /* the first is the L4 */
    uint64_t stack;
    uint64_t end; /* first frame that nothing occupies */

    struct layout_level kernel_level[LAYOUT_LEVELS]; /* in `tables` */
    struct layout_level p2m_level[LAYOUT_LEVELS];    /* in `p2m_tables`: what kernel_level lacks */

    uint64_t mapped;     /* frames that the tables cover from virt_base on; may exceed the memory */
    uint64_t p2m_va;     /* where the p2m is mapped */
    uint64_t ramdisk_va; /* 0 when unmapped */
};

/* An index below `first` wraps, and is far too large. */
static inline bool layout_has(const struct layout_level *level, uint64_t index)
{
    return index - level->first < level->nr;
}

/*
 * Lay the domain out. Pure arithmetic: 0, or -ENOMEM with layout->end saying how many pages the
 * domain would need at the least, or -EINVAL where addresses collide.
 */
int layout_make(struct layout *layout, const struct layout_input *in);

/*
 * The machine frames behind a new domain's memory: superpages first, single pages behind them.
 * A frame's number is computed, not looked up, as far as the superpages go.
 */
struct builder_frames {
    uint64_t pages;  /* of all */
    uint64_t *super; /* first mfn of each superpage */
    uint64_t nr_super;
    uint64_t *single; /* mfn of each page behind them: pages - nr_super * BUILDER_SUPER_PAGES */
};

/* `pfn` is less than f->pages. */
static inline uint64_t frames_mfn(const struct builder_frames *f, uint64_t pfn)
{
    if (pfn >> BUILDER_SUPER_ORDER < f->nr_super)
        return f->super[pfn >> BUILDER_SUPER_ORDER] + (pfn & (BUILDER_SUPER_PAGES - 1));
    return f->single[pfn - (f->nr_super << BUILDER_SUPER_ORDER)];
}

/* The frames first..first+nr-1 of the new domain, mapped here, and behind them some others. */
struct builder_window {
    uint8_t *base;
    uint64_t first, nr; /* nr without the others */
    uint64_t nr_extra;
};

/* `pfn` is one of the window's: those before the kernel's first segment are not mapped. */
static inline void *window_at(const struct builder_window *w, uint64_t pfn)
{
    return w->base + ((pfn - w->first) << BUILDER_PAGE_SHIFT);
}

static inline void *window_extra(const struct builder_window *w, uint64_t n)
{
    return w->base + ((w->nr + n) << BUILDER_PAGE_SHIFT);
}

/* Fill the page tables, all of which must be zero, and the p2m. */
void tables_build(const struct layout *layout, const struct layout_input *in,
                  const struct builder_frames *frames, const struct builder_window *window);
void tables_fill_p2m(const struct layout *layout, const struct builder_frames *frames,
                     const struct builder_window *window);

struct build;

/* What differs between types of domains. Steps return 0, or -errno with a message. */
struct build_kind {
    enum image_kind image;
    bool translated; /* it is fully virtualized: its frame numbers are its own */
    /* Of those: */
    bool acpi;                /* it has ACPI tables */
    bool grants;              /* it has a grant table, by which the daemons may find its pages */
    uint32_t emulation_flags; /* XEN_X86_EMU_* */

    uint64_t (*place)(uint64_t pfn); /* the frame number by which the guest knows its pfn-th */
    int (*layout)(struct build *b);  /* the kernel and the ramdisk are open, and the memory known */
    int (*const *steps)(struct build *b); /* memory and ports are there; frames may stay mapped */
    int (*const *last_steps)(struct build *b); /* nothing is mapped any more */
};

extern const struct build_kind build_pv;             /* builder_pv.c */
extern const struct build_kind build_hvm, build_pvh; /* builder_hvm.c */

/* Everything about a domain while it is being built. */
struct build {
    struct ctl *ctl;
    const struct builder_config *config; /* the caller's, as given: defaults are applied below */
    const struct build_kind *kind;
    struct builder_result *result; /* filled in as things become known */
    struct image image;
    int ramdisk; /* open for reading, or -1 */
    uint64_t ramdisk_size;
    uint64_t pages;            /* its memory */
    struct layout_input input; /* of PV */
    struct layout layout;
    struct hvm_layout hvm; /* of the others */
    struct builder_frames frames;
    struct builder_window window; /* base is NULL while nothing is mapped */
    uint32_t max_vcpus;
    uint32_t grant_version; /* the highest that the guest may choose */
    uint64_t max_kib;       /* the ceiling of its memory */
    bool created;           /* from here on a failure has a domain to destroy */
    bool zeroed;            /* its memory is zero where nothing was written */
};

/* builder.c: -ENOMEM with a message: so many pages would have to be its memory at the least. */
int build_too_little(struct build *b, uint64_t needed);
/* -EOPNOTSUPP with a message: of the config's type. */
int build_no_such_guests(struct build *b);
/* The entries of the domain's grant table by which the daemons find their pages. */
void build_grants(struct build *b, void *table);

/* builder_memory.c */
int build_populate(struct build *b);
/*
 * Map the frames first..end-1 of its memory, and behind them `extra` ones, by number: one request.
 */
int build_map(struct build *b, uint64_t first, uint64_t end, const uint64_t *extra,
              size_t nr_extra);
void build_unmap(struct build *b);
/* The window begins with the kernel's first frame; the ramdisk, if there is one, comes to pfn. */
int build_load(struct build *b, uint64_t ramdisk);
/* `nr` pages from pfn on, which nothing has been written to. */
void build_zero(struct build *b, uint64_t pfn, uint64_t nr);

#endif
