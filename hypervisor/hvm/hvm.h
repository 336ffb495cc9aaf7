/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of hvm/ offer to each other, and hvm_init() to boot. */
#ifndef HVM_HVM_H
#define HVM_HVM_H

#include <core/control.h>
#include <core/domain.h>
#include <lib/types.h>
#include <x86/regs.h>

struct guest_physmap;
struct hvm_hw_cpu;
struct vcpu_guest_context;
struct insn;

/* Once, after svm_report(): the permission maps, which are the same for all guests. */
void hvm_init(void);
extern paddr_t hvm_iopm, hvm_msrpm;

/*
 * p2m.c: nested page tables, which say what frame the guest finds at a frame number of its own. An
 * entry holds a writable type reference on its frame, so no frame that a guest can write to becomes
 * a page table of a PV guest. The tables' own frames are the domain's, and charged to it.
 */
extern const struct guest_physmap p2m_physmap;
int p2m_init(struct domain *d);       /* 0 or -XEN_ENOMEM */
int p2m_relinquish(struct domain *d); /* in slices: -XEN_ERESTART until all is dropped */
paddr_t p2m_root(const struct domain *d);

/* run.c: what a vcpu does, from its first switch on. */
void hvm_run(void) NORETURN;
/*
 * exit.c: why the guest was left, and what follows. An exception to be delivered replaces none that
 * is waiting: that one has been interrupted, and the instruction comes again behind it.
 */
void hvm_exit(struct vcpu *v);
void hvm_inject(struct vcpu *v, unsigned vector, uint32_t error);
/* The registers beside the VMCB; v is current or does not run. */
static inline struct cpu_regs *hvm_regs(const struct vcpu *v)
{
    return &((struct stack_top *)v->stack - 1)->regs;
}

/*
 * insn.c: behind the instruction that has caused an exit, kind (enum insn_kind). False: it is not
 * what is there any more, as the guest may have changed its code; then it comes again.
 */
bool hvm_skip(struct vcpu *v, unsigned kind);
/* The same where an instruction may be or not, as it has caused no exit. */
bool hvm_skip_decoded(struct vcpu *v, unsigned kind);
bool hvm_decode(struct vcpu *v, struct insn *in) MUST_CHECK; /* what is there now */
void hvm_pass(struct vcpu *v, const struct insn *in);        /* go on behind it */
bool hvm_code64(const struct vcpu *v);

/* walk.c. Reads what is at an address of the guest's, whatever its rights; n is small. */
bool hvm_read(struct vcpu *v, vaddr_t va, void *to, unsigned n) MUST_CHECK;
/*
 * An operand of at most a page, as the guest may access it at its present privilege. False: it gets
 * the page fault, or its domain has been crashed. Behind it the operand can be copied.
 */
struct guest_span {
    paddr_t pa[2];
    unsigned first, rest; /* bytes on the first page, and on the second */
};
bool hvm_span(struct vcpu *v, vaddr_t va, unsigned n, bool write, struct guest_span *s) MUST_CHECK;
bool hvm_span_copy(struct vcpu *v, const struct guest_span *s, void *local, bool write) MUST_CHECK;
/* string_io.c */
void hvm_string_port(struct vcpu *v);

/* cpuid.c, msr.c: false gives #GP. */
void hvm_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4]);
bool hvm_msr_read(struct vcpu *v, uint32_t msr, uint64_t *val);
bool hvm_msr_write(struct vcpu *v, uint32_t msr, uint64_t val);
void hvm_msr_map(uint8_t *map); /* opens those that VMLOAD and VMSAVE know */
/* EFER as a guest may have it, without what is ours. */
bool hvm_efer_valid(uint64_t efer);

/* devices.c; size is 1, 2 or 4. */
int devices_init(struct domain *d); /* 0 or -XEN_ENOMEM */
void devices_stop(struct domain *d);
void devices_free(struct domain *d);
bool devices_due(const struct vcpu *v); /* somebody says that devices_run() is wanted */
void devices_run(struct vcpu *v);       /* that, and what has come of accesses */
bool devices_interrupt(const struct vcpu *v);
uint8_t devices_acknowledge(struct vcpu *v); /* the vector; only then */
uint32_t hvm_port_read(struct vcpu *v, uint16_t port, unsigned size);
void hvm_port_write(struct vcpu *v, uint16_t port, unsigned size, uint32_t value);

/* context.c */
void hvm_reset(struct vcpu *v); /* as a new vcpu has it: nothing to run with yet */
int hvm_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void hvm_get_context(struct vcpu *v, struct vcpu_guest_context *c);
void hvm_dump_vcpu(struct vcpu *v, bool preempt);
/*
 * The processor's record of a vcpu that does not run. Ok: the processor will not refuse to run with
 * it; only such a one may be set.
 */
bool hvm_cpu_ok(const struct hvm_hw_cpu *c) MUST_CHECK;
void hvm_cpu_set(struct vcpu *v, const struct hvm_hw_cpu *c);
void hvm_cpu_get(struct vcpu *v, struct hvm_hw_cpu *c);

/* debugreg.c: an exit for a write of a debug register */
void hvm_debug_write(struct vcpu *v);

/* switch.c, domctl.c, params.c */
void hvm_switch_out(struct vcpu *prev);
void hvm_switch_in(struct vcpu *next, struct cpu *c);
extern const struct domctl_entry hvm_domctls[NR_DOMCTLS];
int hvm_param(struct domain *d, bool set, uint32_t index, uint64_t *value);

#endif
