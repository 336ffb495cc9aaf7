/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dom0's first page tables: the range from v_start, with the tables themselves read-only in it, and
 * the p2m's own range. They are written as plain memory; making the root a vcpu's page table then
 * checks them with the same code as any guest's.
 */
#include <lib/bug.h>
#include <lib/string.h>
#include <pv/dom0.h>
#include <x86/page.h>

#define TABLE_FLAGS (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PAGE_FLAGS  (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

struct table_source {
    const struct dom0_layout *l;
    uint64_t next, end; /* pfns of tables not used yet */
};

/* The next of the reserved frames: dom0_layout.c counted how many it takes. */
static INIT_TEXT pte_t *table_new(struct table_source *s, uint64_t *mfn)
{
    void *page;

    BUG_ON(s->next == s->end);
    *mfn = dom0_layout_mfn(s->l, s->next++);
    page = mfn_to_virt(MFN(*mfn));
    page_clear(page);
    return page;
}

/*
 * Maps pages [pfn, pfn + n) at va; [ro_first, ro_end) are the pfns that stay read-only: the tables
 * themselves, or no table could be validated. Upper tables are looked up once per L1 table.
 */
static INIT_TEXT void map_pages(struct table_source *s, pte_t *root, vaddr_t va, uint64_t pfn,
                                uint64_t n, uint64_t ro_first, uint64_t ro_end)
{
    pte_t *l1 = NULL;

    for (; n > 0; n--, va += PAGE_SIZE, pfn++) {
        pte_t *t = root, e;
        uint64_t m;

        if (l1 == NULL || pt_index(va, 1) == 0) {
            for (unsigned level = 4; level > 1; level--) {
                pte_t *slot = &t[pt_index(va, level)];

                if (*slot & PTE_P) {
                    t = mfn_to_virt(pte_mfn(*slot));
                } else {
                    t = table_new(s, &m);
                    *slot = pte_make(MFN(m), TABLE_FLAGS);
                }
            }
            l1 = t;
        }
        e = pte_make(MFN(dom0_layout_mfn(s->l, pfn)), PAGE_FLAGS);
        if (pfn >= ro_first && pfn < ro_end)
            e &= ~PTE_W;
        l1[pt_index(va, 1)] = e;
    }
}

INIT_TEXT mfn_t dom0_pagetables_build(const struct dom0_layout *l)
{
    uint64_t first = dom0_layout_pfn(l, l->tables_va), root_mfn;
    struct table_source s = {l, first, first + l->nr_tables};
    pte_t *root = table_new(&s, &root_mfn);

    /* Tables that turn out not to be needed are empty pages, not what memory held before. */
    for (uint64_t pfn = first + 1; pfn < first + l->nr_tables; pfn++)
        page_clear(dom0_layout_page(l, pfn));
    map_pages(&s, root, l->v_start, 0, dom0_layout_pfn(l, l->v_end), first, first + l->nr_tables);
    if (dom0_layout_p2m_apart(l)) {
        s.next = l->p2m_pfn + l->p2m_pages;
        s.end = s.next + l->p2m_tables;
        map_pages(&s, root, l->p2m_va, l->p2m_pfn, l->p2m_pages, 0, 0);
    }
    return MFN(root_mfn);
}
