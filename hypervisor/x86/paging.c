/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's own page tables: built once at boot from the early ones, changed later only in
 * the vmap area. The L4's sixteen slots are filled here for good, so that a copy of them in every
 * guest L4 never goes stale; each L3 below them exists from the start for the same reason.
 *
 * After boot only the tables below the vmap slot change, and only by growing: a table that has been
 * linked stays. paging_lock (LOCK_VMAP) guards the linking. An L1 entry belongs to whoever has
 * reserved its address from vmap_alloc(), so it is written without the lock, and a walk needs none.
 *
 * Who can reach what: the M2P's read-only view is the one mapping here with PTE_U. Everything else
 * is closed to ring 3, and everything but text is NX (init code until paging_free_init()); SMEP
 * keeps us from running what a guest has mapped. The direct map shows every guest's memory to the
 * hypervisor, writable, except for its own text and constants once paging_protect_image() has run.
 */
#include <boot/boot.h>
#include <core/frame.h>
#include <core/spinlock.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/errno.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/paging.h>

pte_t *hv_root;
mfn_t hv_root_mfn;
uint64_t max_mfn;
paddr_t max_paddr;

struct spinlock paging_lock = SPINLOCK_INIT(LOCK_VMAP);

/* Accessed and dirty from the start: the processor then never has to write them. */
#define PTE_HV      (PTE_P | PTE_A | PTE_D | PTE_G)
#define PTE_TABLE   (PTE_P | PTE_W | PTE_A)
#define LARGE_SHIFT 21
#define LARGE_SIZE  (1ull << LARGE_SHIFT)
#define LARGE_PAGES (LARGE_SIZE >> PAGE_SHIFT)

/* Pages skipped while looking for 2 MiB alignment, linked through their first word. */
static void *paging_spare;
static bool paging_heap_works; /* hpage_alloc() may be used for tables: after paging_init() */

extern char text_start[], text_end[], rodata_end[], data_end[], init_start[], init_end[],
    image_start[], image_end[];
extern pte_t boot_l4[PTES], boot_l3[PTES];

/* A table for walk_create(): while booting from the boot allocator, later the one that *spare has.
 */
static void *table_take(void **spare)
{
    void *p = paging_spare;

    if (p != NULL) {
        paging_spare = *(void **)p;
        page_clear(p);
        return p;
    }
    if (!paging_heap_works)
        return boot_alloc(1);
    p = *spare;
    *spare = NULL;
    return p;
}

/*
 * The entry of the given level for an address, with the tables above it made as needed; NULL when
 * one more is needed than *spare has. user: guests may reach the leaf, so the entries above it must
 * say so too. The caller holds paging_lock, or is the boot CPU before others run. A new table is
 * complete (zeroed) before it is linked, and x86 keeps the order of the two stores.
 */
static pte_t *walk_create(vaddr_t va, unsigned level, bool user, void **spare)
{
    pte_t *table = hv_root;

    for (unsigned l = 4; l > level; l--) {
        pte_t *e = &table[pt_index(va, l)];

        if (!(*e & PTE_P)) {
            void *page = table_take(spare);

            if (page == NULL)
                return NULL;
            WRITE_ONCE(*e, pte_make(virt_to_mfn(page), PTE_TABLE));
        }
        BUG_ON(*e & PTE_PS);
        if (user)
            *e |= PTE_U;
        table = mfn_to_virt(pte_mfn(*e));
    }
    return &table[pt_index(va, level)];
}

/* Boot: map a physical range with the largest pages that fit. */
static INIT_TEXT void map_range(vaddr_t va, paddr_t pa, uint64_t size, uint64_t flags)
{
    while (size > 0) {
        unsigned level = 1;

        if (((va | pa) & (GIB(1) - 1)) == 0 && size >= GIB(1) && cpu_features.page1gb)
            level = 3;
        else if (((va | pa) & (LARGE_SIZE - 1)) == 0 && size >= LARGE_SIZE)
            level = 2;

        pte_t *e = walk_create(va, level, flags & PTE_U, NULL);
        uint64_t step = 1ull << (12 + 9 * (level - 1));

        *e = pte_make(MFN(pa >> PAGE_SHIFT), flags | PTE_HV | (level > 1 ? PTE_PS : 0));
        va += step;
        pa += step;
        size -= step;
    }
}

static INIT_TEXT bool wanted_in_direct_map(const struct e820_entry *e)
{
    return e->type == E820_RAM || e->type == E820_ACPI || e->type == E820_NVS;
}

/* mem= cuts entries of the map short here, once, for all who read it later. */
static INIT_TEXT void find_max_mfn(void)
{
    paddr_t end = 0;

    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        struct e820_entry *e = &boot_info.e820[i];

        if (boot_options.mem_limit != 0 && e->type == E820_RAM) {
            if (e->addr >= boot_options.mem_limit)
                e->type = E820_UNUSABLE;
            else
                e->size = MIN(e->size, boot_options.mem_limit - e->addr);
        }
        if (wanted_in_direct_map(e))
            end = MAX(end, e->addr + e->size);
    }
    end = MIN(end, (paddr_t)(DIRECT_END - DIRECT_START));
    max_mfn = end >> PAGE_SHIFT;
    max_paddr = max_mfn << PAGE_SHIFT;
}

/* One piece of the direct map, with the image's pages small: they get protections of their own. */
static INIT_TEXT void map_direct(paddr_t start, paddr_t end)
{
    paddr_t image_lo = ROUND_DOWN(image_to_phys(image_start), LARGE_SIZE);
    paddr_t image_hi = ROUND_UP(image_to_phys(image_end), LARGE_SIZE);

    if (start < image_hi && end > image_lo) {
        if (start < image_lo)
            map_direct(start, image_lo);
        for (paddr_t pa = MAX(start, image_lo); pa < MIN(end, image_hi); pa += PAGE_SIZE)
            map_range(DIRECT_START + pa, pa, PAGE_SIZE, PTE_W | PTE_NX);
        if (end > image_hi)
            map_direct(image_hi, end);
        return;
    }
    map_range(DIRECT_START + start, start, end - start, PTE_W | PTE_NX);
}

/*
 * The map is sorted by address but may overlap: `done` is the end of what is mapped. The low MiB is
 * mapped whatever the map says, since firmware keeps tables there (x86/acpi_find.c).
 */
static INIT_TEXT void map_all_memory(void)
{
    paddr_t done = MIB(1), limit = max_mfn << PAGE_SHIFT;

    map_range(DIRECT_START, 0, MIB(1), PTE_W | PTE_NX);
    for (unsigned i = 0; i < boot_info.nr_e820; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (!wanted_in_direct_map(e))
            continue;

        paddr_t start = MAX(ROUND_DOWN(e->addr, PAGE_SIZE), done);
        paddr_t end = MIN(ROUND_UP(e->addr + e->size, PAGE_SIZE), limit);

        if (start >= end)
            continue;
        map_direct(start, end);
        done = end;
    }
}

/*
 * 2 MiB of zeroed memory behind va, as one large page where the boot allocator has it. Pages before
 * the next 2 MiB boundary are kept as spare tables.
 */
static INIT_TEXT void *map_backing(vaddr_t va, uint64_t flags)
{
    uint8_t *p = boot_alloc(1);

    while ((virt_to_phys(p) & (LARGE_SIZE - 1)) != 0) {
        *(void **)p = paging_spare;
        paging_spare = p;
        p = boot_alloc(1);
    }

    uint8_t *rest = boot_alloc(LARGE_PAGES - 1);

    if (rest == p + PAGE_SIZE) {
        map_range(va, virt_to_phys(p), LARGE_SIZE, flags);
        return p;
    }
    map_range(va, virt_to_phys(p), PAGE_SIZE, flags);
    map_range(va + PAGE_SIZE, virt_to_phys(rest), LARGE_SIZE - PAGE_SIZE, flags);
    return NULL;
}

/* The M2P, twice: read-only where guests look, writable for us. */
static INIT_TEXT void map_m2p(void)
{
    uint64_t bytes = ROUND_UP(max_mfn * sizeof(uint64_t), LARGE_SIZE);

    for (uint64_t at = 0; at < bytes; at += LARGE_SIZE) {
        void *p = map_backing(M2P_RW_START + at, PTE_W | PTE_NX);

        if (p != NULL) {
            map_range(M2P_START + at, virt_to_phys(p), LARGE_SIZE, PTE_U | PTE_NX);
            continue;
        }
        for (uint64_t i = 0; i < LARGE_SIZE; i += PAGE_SIZE)
            map_range(M2P_START + at + i, hv_lookup(M2P_RW_START + at + i).m << PAGE_SHIFT,
                      PAGE_SIZE, PTE_U | PTE_NX);
    }
}

/* On the new tables: the early ones have no M2P. All bytes of the mark are alike. */
static INIT_TEXT void fill_m2p(void)
{
    uint64_t *m2p = (uint64_t *)M2P_RW_START;
    uint64_t n = ROUND_UP(max_mfn * sizeof(uint64_t), LARGE_SIZE) / sizeof(uint64_t);

    memset(m2p, M2P_INVALID & 0xff, n * sizeof(uint64_t));
}

static INIT_TEXT void map_frames(void)
{
    uint64_t bytes = ROUND_UP(max_mfn * sizeof(struct frame), LARGE_SIZE);

    for (uint64_t at = 0; at < bytes; at += LARGE_SIZE)
        map_backing(FRAMES_START + at, PTE_W | PTE_NX);
}

static INIT_TEXT void map_image_part(const char *from, const char *to, uint64_t flags)
{
    map_range((vaddr_t)from, image_to_phys(from), (uint64_t)(to - from), flags);
}

/*
 * The early tables map 4 GiB, which M2P and frame table alone outgrow on a machine with some
 * hundred GiB. With this they map all memory, up to 512 GiB; and boot_alloc() takes the lowest
 * pages first.
 */
static INIT_TEXT void map_early(void)
{
    _Static_assert((DIRECT_END - DIRECT_START) / PAGE_SIZE * (sizeof(struct frame) + 8) < GIB(64),
                   "far below what one L3 maps");
    for (uint64_t gib = 4; gib < MIN(DIV_UP(max_mfn << PAGE_SHIFT, GIB(1)), (uint64_t)PTES);
         gib++) {
        pte_t *l2 = boot_alloc(1);

        for (uint64_t i = 0; i < PTES; i++)
            l2[i] = pte_make(MFN((gib * PTES + i) * LARGE_PAGES), PTE_TABLE | PTE_PS);
        boot_l3[gib] = pte_make(virt_to_mfn(l2), PTE_TABLE);
    }
}

/*
 * Runs on the early tables of boot/head.S, so what boot_alloc() hands out must be mapped there. The
 * image is mapped in parts, as each gets its own protection.
 */
INIT_TEXT void paging_init(void)
{
    find_max_mfn();
    map_early();
    hv_root = boot_alloc(1);
    hv_root_mfn = virt_to_mfn(hv_root);
    /* Every L3 now: later a slot could only be added to this root, not to the guests' copies. */
    for (unsigned i = 0; i < HV_L4_COUNT; i++)
        hv_root[HV_L4_FIRST + i] = pte_make(virt_to_mfn(boot_alloc(1)), PTE_TABLE);

    map_all_memory();
    map_image_part(text_start, text_end, PTE_W); /* written until paging_protect_image() */
    map_image_part(text_end, rodata_end, PTE_NX);
    map_image_part(rodata_end, data_end, PTE_W | PTE_NX);
    map_image_part(init_start, init_end, PTE_W);
    map_image_part(init_end, image_end, PTE_NX);
    map_m2p();
    map_frames();
    vmap_init();

    /* Processors that start later enter through the early table's identity mapping. */
    for (unsigned i = HV_L4_FIRST; i < HV_L4_FIRST + HV_L4_COUNT; i++)
        boot_l4[i] = hv_root[i];
    write_cr3(hv_root_mfn.m << PAGE_SHIFT);
    cpus[0]->tlb_domain = DOMID_IDLE;
    fill_m2p();
    paging_heap_works = true;
}

/* Both addresses of each page: the image's with flags, the direct map's read-only. Not flushed. */
static void protect(const char *from, const char *to, uint64_t flags)
{
    for (const char *p = from; p < to; p += PAGE_SIZE) {
        paddr_t pa = image_to_phys(p);

        *hv_pte((vaddr_t)p) = pte_make(MFN(pa >> PAGE_SHIFT), flags | PTE_HV);
        *hv_pte(DIRECT_START + pa) = pte_make(MFN(pa >> PAGE_SHIFT), PTE_NX | PTE_HV);
    }
}

/* Text can no longer be written, under either of its two addresses. */
INIT_TEXT void paging_protect_image(void)
{
    protect(text_start, text_end, 0);
    protect(text_end, rodata_end, PTE_NX);
    protect(init_end, image_end, PTE_NX);
    tlb_flush_hv(cpu_online);
}

/* Not INIT_TEXT itself: it takes that away. Unmapped everywhere before the heap may reuse it. */
void paging_free_init(void)
{
    paddr_t start = image_to_phys(init_start), end = image_to_phys(init_end);

    hv_unmap((vaddr_t)init_start, (unsigned)((end - start) >> PAGE_SHIFT));
    tlb_flush_hv(cpu_online);
    frame_heap_add(start, end);
}

/* Boot: the tables of a range that will be mapped and unmapped all the time. */
INIT_TEXT void paging_make_tables(vaddr_t start, vaddr_t end)
{
    for (vaddr_t va = start; va < end; va += LARGE_SIZE)
        walk_create(va, 1, false, NULL);
}

int hv_map(vaddr_t va, mfn_t m, unsigned count, uint64_t flags)
{
    void *spare = NULL; /* the heap's lock comes before ours: tables are allocated in advance */
    unsigned i = 0;

    while (i < count) {
        spin_lock(&paging_lock);

        pte_t *e = walk_create(va + i * PAGE_SIZE, 1, flags & PTE_U, &spare);

        if (e != NULL)
            WRITE_ONCE(*e, pte_make(MFN(m.m + i), flags | PTE_HV));
        spin_unlock(&paging_lock);
        if (e != NULL) {
            i++;
            continue;
        }
        spare = hpage_alloc();
        if (spare == NULL) {
            hv_unmap(va, i);
            return -XEN_ENOMEM;
        }
    }
    if (spare != NULL)
        hpage_free(spare);
    return 0;
}

/* Flushes nothing: vmap_free() sees to that. An address that never had a table is passed over. */
void hv_unmap(vaddr_t va, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pte_t *e = hv_pte(va + i * PAGE_SIZE);

        if (e != NULL)
            WRITE_ONCE(*e, 0);
    }
}

/*
 * Walks down to the leaf, of whatever size; NULL where nothing is mapped above level 1. The entry
 * of level 1 that is returned may be absent. Without a lock: tables are added, never taken away.
 */
static pte_t *walk(vaddr_t va, unsigned *level)
{
    pte_t *table = hv_root;

    for (unsigned l = 4;; l--) {
        pte_t *e = &table[pt_index(va, l)];

        *level = l;
        if (l == 1 || (*e & PTE_PS))
            return e;
        if (!(*e & PTE_P))
            return NULL;
        table = mfn_to_virt(pte_mfn(*e));
    }
}

pte_t *hv_pte(vaddr_t va)
{
    unsigned level;
    pte_t *e = walk(va, &level);

    return e != NULL && level == 1 ? e : NULL;
}

mfn_t hv_lookup(vaddr_t va)
{
    unsigned level;
    pte_t *e = walk(va, &level);

    if (e == NULL || !(*e & PTE_P))
        return INVALID_MFN;

    uint64_t pages = 1ull << (9 * (level - 1));

    return MFN((pte_mfn(*e).m & ~(pages - 1)) + ((va >> PAGE_SHIFT) & (pages - 1)));
}
