/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of control operations: domctl, sysctl and memory_op, by number, as the table of
 * hypercalls is for calls. An entry names the function; a domctl's says, too, what is looked at
 * before it and done after it, so that the functions hold nothing but the operation.
 *
 * Each call has two tables. The first is core's; the second is guest/'s, which core does not know
 * (devices, the processor's features). Of domctl, the domain's type has a third. A number that none
 * has is not served. A number belongs into one of them only, which lint checks: they are asked in
 * this order.
 *
 * The privilege for domctl and sysctl has been checked before (pv/hypercall.c); memory_op is for
 * everyone, and each of its operations judges by itself.
 */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

#include <lib/types.h>

struct domain;
struct vcpu;
struct xen_domctl;
struct xen_sysctl;

/*
 * Above all numbers that are served; the ABI has some few that are larger. Those of our own are in
 * public/lodge_control.h.
 */
#define NR_DOMCTLS    128
#define NR_SYSCTLS    64
#define NR_MEMORY_OPS 64

/*
 * op is a copy of the argument: the function checks it, acts, and writes its answer there. d is
 * held for it, no lock is. 0, a number, or -XEN_E*; -XEN_ERESTART has the guest come again.
 */
typedef int64_t domctl_fn(struct domain *d, struct xen_domctl *op);
typedef int64_t domctl_vcpu_fn(struct vcpu *v, struct xen_domctl *op);

struct domctl_entry {
    domctl_fn *fn; /* of these two the one that there is; neither: not served */
    domctl_vcpu_fn *vcpu_fn;
    const char *name;
    uint16_t vcpu_at; /* for vcpu_fn: where in op the vcpu's number is, a uint32_t */
    uint16_t flags;   /* DOMCTL_* */
};

#define DOMCTL_ANSWERS        0x01u /* the copy goes back to the guest if it succeeds */
#define DOMCTL_ANSWERS_ALWAYS 0x02u /* also if it fails: the copy says what was wrong */
#define DOMCTL_NOT_SELF       0x04u /* not on the caller's own domain: -XEN_EINVAL */
#define DOMCTL_NOT_CALLER     0x08u /* not on the vcpu that calls: -XEN_EINVAL */
#define DOMCTL_DYING          0x10u /* also on a domain that is dying or dead */
#define DOMCTL_NO_DOMAIN      0x20u /* op->domain is its own affair, and d is NULL */

#define DOMCTL(number, function, how) [number] = {.fn = (function), .name = #number, .flags = (how)}
#define DOMCTL_VCPU(number, function, member, how)                     \
    [number] = {.vcpu_fn = (function),                                 \
                .name = #number,                                       \
                .vcpu_at = offsetof(struct xen_domctl, u.member.vcpu), \
                .flags = (how)}

/* A copy of the argument as well; it goes back to the guest if the function succeeds. */
typedef int64_t sysctl_fn(struct xen_sysctl *op);
/*
 * The argument's type is the operation's, so each copies its own. cmd is all of the command, with
 * the number of extents that are done above the operation's (core/mem/memory.c).
 */
typedef int64_t memory_op_fn(uint64_t cmd, uint64_t arg);
/*
 * How most of them begin: the argument is copied to op, a structure, and the domain that its member
 * domid names is held. 0, or -XEN_E* with nothing held.
 */
int64_t memory_op_begin(uint64_t arg, void *op, size_t size, size_t domid_at, struct domain **d);
#define MEMORY_OP_BEGIN(arg, op, d) \
    memory_op_begin(arg, op, sizeof(*(op)), offsetof(typeof(*(op)), domid), d)

/*
 * The second tables; of sysctl and memory_op, an operation is no more than its function, NULL where
 * it is not served. No memory_op that is there goes on with an extent: a command that says so is
 * none of them.
 */
extern const struct domctl_entry guest_domctls[NR_DOMCTLS];
extern sysctl_fn *const guest_sysctls[NR_SYSCTLS];
extern memory_op_fn *const guest_memory_ops[NR_MEMORY_OPS];

#endif
