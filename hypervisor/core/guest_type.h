/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What core asks of a guest's type, and nothing else of pv/ (or another type's folder): so core
 * includes neither. A domain has one type from its creation to its end. What all types answer in
 * the same way is no matter of the type and is at the end of this file; what a frame is used for is
 * one truth for all domains, as any of them may map another's: core/frame.h.
 */
#ifndef CORE_GUEST_TYPE_H
#define CORE_GUEST_TYPE_H

#include <core/domain.h>
#include <core/frame.h>
#include <lib/types.h>

struct cpu;
struct vcpu_guest_context;
struct domctl_entry;
struct grant_cursor;

/*
 * Of a type whose guests have frame numbers of their own: what is where. No lock is held, and each
 * may be preempted but get, which is fine under any lock below LOCK_P2M.
 */
struct guest_physmap {
    /* The frame at gfn, with a reference; NULL: there is none. */
    struct frame *(*get)(struct domain *d, uint64_t gfn);
    /*
     * 2^order frames of d's from m on appear at gfn. 0 with a reference on each that lasts until it
     * is removed, or -XEN_E* with nothing changed: -XEN_EEXIST, something is there already.
     */
    int (*add)(struct domain *d, uint64_t gfn, mfn_t m, unsigned order);
    /* Takes it out: the guest cannot reach it any more. With a reference of the caller's; or NULL.
     */
    struct frame *(*remove)(struct domain *d, uint64_t gfn);
};

/*
 * All pointers are set, but where it says so; of the idle vcpus' type (idle_type) only those of the
 * switch, as nothing else is asked of them. Unless said otherwise no lock is held, and the function
 * may be preempted.
 */
struct guest_type {
    const char *name;
    uint32_t create_flags; /* XEN_DOMCTL_CDF_*: those of GUEST_TYPE_FLAGS that ask for this type */
    /* NULL, as an exception: the guest's frame numbers are the machine's. Also d->translated. */
    const struct guest_physmap *physmap;
    /* What a vcpu does from its first switch on, on its own stack; NULL: enters with guest_regs().
     */
    void (*run)(void);

    /*
     * Leave prev, enter next: segments, tables, debug registers, FPU; the stack is changed
     * afterwards. Of the scheduler alone, on the CPU that switches, c, with no preemption.
     */
    void (*switch_out)(struct vcpu *prev);
    void (*switch_in)(struct vcpu *next, struct cpu *c);
    /*
     * v runs, and arch.kernel_mode is false: load the tables by which x86/uaccess.h reaches what
     * its kernel registered (enter), or the present ones again. No preemption.
     */
    void (*kernel_tables)(struct vcpu *v, bool enter);

    /*
     * d->arch, v->arch and the type's own part. 0 or -XEN_E*. After a failure domain_free() is
     * still called, and has to cope with what is not there; vcpu_init() cleans up by itself.
     */
    int (*domain_init)(struct domain *d);
    /*
     * Slices of destruction: drop page tables, descriptor frames, pirqs; -XEN_ERESTART until done.
     * All vcpus of d are parked.
     */
    int (*domain_relinquish)(struct domain *d);
    void (*domain_free)(struct domain *d);
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_free)(struct vcpu *v);

    /*
     * All registers, descriptor tables and callbacks of a vcpu that is on no CPU and cannot get on
     * one meanwhile. Setting checks all that the guest could do harm with: 0 or -XEN_E*.
     */
    int (*set_context)(struct vcpu *v, const struct vcpu_guest_context *c);
    void (*get_context)(struct vcpu *v, struct vcpu_guest_context *c);
    /* d->arch.vm_assist has been changed, perhaps by several vcpus at the same time. */
    void (*assists_changed)(struct domain *d);
    void (*inject_nmi)(struct vcpu *v); /* any vcpu: noted, and v is made to notice */
    /* Fill a page with the 64 entry points for hypercalls, of 32 bytes each. */
    void (*hypercall_page)(void *page);
    /*
     * What is the type's own of two calls: physdev_op of the current vcpu (virtual I/O privilege),
     * -XEN_ENOSYS where it has none of that number; and domctls, as the two tables before it are
     * (core/control.h), but none that is asked without a domain or on a dying one.
     */
    int64_t (*physdev_op)(uint32_t cmd, uint64_t arg);
    /* hvm_op's parameters of d; only of a type with a physmap. 0 or -XEN_E*. */
    int (*param)(struct domain *d, bool set, uint32_t index, uint64_t *value);
    const struct domctl_entry *domctls;

    /*
     * A frame that d gives us to write to: vcpu_info, event words. With a writable reference, which
     * frame_put_writable() drops; until then it can become no page table and nobody else's frame.
     * NULL: not a frame of d's that it might write to itself. For a PV guest gfn is the mfn.
     */
    struct frame *(*frame_writable)(struct domain *d, uint64_t gfn);
    /* Mappings of grants, of the current domain: core/grant.h has what they do. */
    int (*grant_map)(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t gntmap_flags);
    int (*grant_unmap)(struct grant_cursor *at, uint64_t addr, mfn_t mfn, uint32_t gntmap_flags,
                       uint64_t new_addr);
    void (*grant_done)(struct grant_cursor *at);

    /*
     * A vcpu's registers and stack, for the log; of one that runs, as it came in last. preempt:
     * between two lines it may be preempted, as the caller holds no lock and is no interrupt's.
     */
    void (*dump_vcpu)(struct vcpu *v, bool preempt);
};

extern const struct guest_type pv_type;   /* pv/domain.c */
extern const struct guest_type hvm_type;  /* hvm/domain.c */
extern const struct guest_type idle_type; /* x86/idle.c: of dom_idle */

/* Flags of createdomain that choose the type. NULL: there is none such. */
#define GUEST_TYPE_FLAGS (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap)
const struct guest_type *guest_type_find(uint32_t create_flags);

static inline void guest_switch_out(struct vcpu *prev)
{
    prev->domain->type->switch_out(prev);
}

static inline void guest_switch_in(struct vcpu *next, struct cpu *c)
{
    next->domain->type->switch_in(next, c);
}

static inline void guest_kernel_tables(struct vcpu *v, bool enter)
{
    v->domain->type->kernel_tables(v, enter);
}

static inline int guest_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    return v->domain->type->set_context(v, c);
}

static inline void guest_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    v->domain->type->get_context(v, c);
}

static inline void guest_inject_nmi(struct vcpu *v)
{
    v->domain->type->inject_nmi(v);
}

/*
 * The frame that a number of d's names, with a reference. Its machine's number where the guest has
 * none of its own. NULL: there is no such frame, or it is not d's.
 */
static inline struct frame *guest_frame_get(struct domain *d, uint64_t gfn)
{
    if (d->translated)
        return d->type->physmap->get(d, gfn);
    return gfn < max_mfn && frame_get(frame_of(MFN(gfn)), d) ? frame_of(MFN(gfn)) : NULL;
}

static inline struct frame *guest_frame_writable(struct domain *d, uint64_t gfn)
{
    return d->type->frame_writable(d, gfn);
}

static inline void guest_dump_vcpu(struct vcpu *v, bool preempt)
{
    v->domain->type->dump_vcpu(v, preempt);
}

/* ---- the same for all types; control operations: core/control.h ---- */

/* A physical irq of d is to raise events (bind: unmask the line), or no longer. -XEN_E*. */
int guest_pirq_bind(struct domain *d, unsigned pirq, bool will_share);
void guest_pirq_unbind(struct domain *d, unsigned pirq);
/* Has d been given this device memory? For frames that are not RAM; the last one is included. */
bool permissions_iomem_allowed(const struct domain *d, uint64_t first_mfn, uint64_t last_mfn);

#endif
