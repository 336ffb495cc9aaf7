/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug builds: are the frames what their types say? All that a processor can walk is looked at,
 * and what it finds there is compared with the words that are to keep it so: a page table or
 * descriptor page is mapped writable by nobody, an entry leads to a table of the level below, no
 * guest maps what is free or the hypervisor's own, an upper table's entries are in runs that are
 * marked, and no count is lower than the number of entries that stand for it. A count may be
 * higher, as there are references without an entry (a grant, a call that is preempted). One that is
 * wrong ends the machine.
 *
 * For tests, by debug key. What runs elsewhere changes entries and words one after the other, so
 * all vcpus but the caller's have to be stopped: else nothing is looked at, and the log says so.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <lib/bug.h>
#include <pv/page_types.h>
#include <pv/pte.h>
#include <x86/page.h>
#include <x86/regs.h>

#ifndef NDEBUG

#define SHOWN 8 /* of what is wrong */

/* Of each frame: references that were found of its type, and read-only mappings. */
struct found {
    uint32_t typed, read;
};

struct audit {
    struct found *found;
    unsigned tables, entries, wrong;
};

static void wrong(struct audit *a, const struct frame *f, const char *what)
{
    if (a->wrong++ < SHOWN)
        log_err("frame %lx: %s; type %lx, references %lx, found %u and %u", frame_mfn(f).m, what,
                (unsigned long)f->type, (unsigned long)f->refs, a->found[frame_mfn(f).m].typed,
                a->found[frame_mfn(f).m].read);
}

/* Something stands for a reference on f of that type. */
static void found_typed(struct audit *a, const struct frame *f, enum page_type type)
{
    a->found[frame_mfn(f).m].typed++;
    if (!(f->type & PAGE_TYPE_VALID) || page_type_of(f->type) != type)
        wrong(a, f, "in use as what it is not");
}

static void found_l1_entry(struct audit *a, pte_t e)
{
    uint64_t m = pte_mfn(e).m;
    const struct frame *f = &FRAMES[m];

    if (m >= max_mfn || f->owner == DOMID_IO)
        return; /* a device's */
    if (f->owner == DOMID_XEN && !(f->refs & FRAME_SHARED))
        wrong(a, f, "the hypervisor's, and mapped");
    if (e & PTE_W)
        found_typed(a, f, PAGE_TYPE_WRITABLE);
    else
        a->found[m].read++;
}

static void look_at_table(struct audit *a, const struct frame *f, unsigned level)
{
    const pte_t *t = mfn_to_virt(frame_mfn(f));

    a->tables++;
    for (unsigned i = 0; i < PTES; i++) {
        pte_t e = t[i];

        if (!(e & PTE_P) || slot_is_hypervisors(level, i))
            continue;
        a->entries++;
        if (level > 1 && !(f->table_runs & (1u << i / PAGE_TYPE_RUN)))
            wrong(a, f, "has an entry where none is marked: its end would not drop that");
        if (level == 1)
            found_l1_entry(a, e);
        else if ((e & PTE_TABLE_REFUSED) || pte_mfn(e).m >= max_mfn)
            wrong(a, f, "has an entry that is refused");
        else
            found_typed(a, &FRAMES[pte_mfn(e).m], (enum page_type)(level - 1));
    }
}

static void look_at_vcpu(struct audit *a, const struct vcpu *v)
{
    const struct pv_vcpu *pv = &v->pv;

    if (pv->guest_table.m != 0)
        found_typed(a, frame_of(pv->guest_table), PAGE_TYPE_L4);
    if (pv->guest_table_user.m != 0)
        found_typed(a, frame_of(pv->guest_table_user), PAGE_TYPE_L4);
    if (pv->area != NULL)
        found_typed(a, frame_of(virt_to_mfn(pv->area)), PAGE_TYPE_WRITABLE);
    if (v->info_frame != NULL)
        found_typed(a, v->info_frame, PAGE_TYPE_WRITABLE);
    for (unsigned i = 0; i < GDT_GUEST_FRAMES; i++)
        if (!mfn_eq(pv->gdt_frames[i], INVALID_MFN))
            found_typed(a, frame_of(pv->gdt_frames[i]), PAGE_TYPE_DESC);
    for (unsigned i = 0; i < 16; i++)
        if (pv->ldt_mapped & (1u << i))
            found_typed(a, frame_of(pte_mfn(*hv_pte(pv->desc_window + (16 + i) * PAGE_SIZE))),
                        PAGE_TYPE_DESC);
}

static void look_at_counts(struct audit *a, const struct frame *f)
{
    const struct found *n = &a->found[frame_mfn(f).m];
    bool valid = f->type & PAGE_TYPE_VALID;

    if (n->typed != 0 && (!valid || (f->type & PAGE_TYPE_COUNT) < n->typed))
        wrong(a, f, "has fewer references of its type than are in use");
    if ((f->refs & FRAME_COUNT_MASK) < n->read + (n->typed != 0))
        wrong(a, f, "has fewer references than are in use");
}

/* False: a vcpu runs. */
static bool look_at_vcpus(struct audit *a)
{
    bool quiet = true;
    struct domain *d;
    struct vcpu *v;

    for (domid_t id = 0; (d = domain_next(id)) != NULL; id = (domid_t)(d->id + 1), domain_put(d)) {
        for_each_vcpu (d, v) {
            quiet &= v == current || !READ_ONCE(v->sched.running);
            if (a != NULL && d->type == &pv_type)
                look_at_vcpu(a, v);
        }
    }
    return quiet;
}

void frame_types_audit(void)
{
    struct audit a = {0};
    unsigned order = 0;

    if (!look_at_vcpus(NULL)) {
        log_err("vcpus are running: nothing looked at");
        return;
    }
    while (PAGE_SIZE << order < max_mfn * sizeof(*a.found))
        order++;
    a.found = hpages_alloc_locked(order);
    if (a.found == NULL) {
        log_err("no memory: nothing looked at");
        return;
    }
    for (uint64_t m = 0; m < max_mfn; m++) {
        const struct frame *f = &FRAMES[m];
        enum page_type type = page_type_of(f->type);

        if (!(f->type & PAGE_TYPE_VALID))
            continue;
        a.found[m].typed += (f->type & PAGE_TYPE_PINNED) != 0;
        if (page_type_is_table(type))
            look_at_table(&a, f, type);
    }
    (void)look_at_vcpus(&a);
    for (uint64_t m = 0; m < max_mfn; m++)
        if (FRAMES[m].owner != DOMID_IO)
            look_at_counts(&a, &FRAMES[m]);
    hpages_free(a.found, order);
    if (a.wrong != 0)
        panic("%u frames or entries are not what they should be", a.wrong);
    log_err("%u tables, %u entries: frames are what their types say", a.tables, a.entries);
}

#endif
