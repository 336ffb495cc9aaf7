/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libctl: the control library of dom0's tools.
 *
 * One header over Linux's /dev/xen/privcmd, /dev/xen/hypercall, /dev/xen/evtchn and
 * /dev/xen/gntdev, speaking the control ABI of Xen 4.17 (domctl and sysctl interface 0x15). It
 * works the same on Lodge and on Xen 4.17: that is what lets each be tested against the other.
 *
 * Conventions
 * - A `struct ctl` is one open handle, used by one thread at a time. It holds no lock. After
 *   fork() the child closes it, and opens its own if it needs one.
 * - Every function returns 0 (or a documented value >= 0), or a negative errno. With each error
 *   ctl_message() says in one sentence what was tried, why it failed and, where there is one, the
 *   way out. The text lives in the handle and is overwritten by the next error.
 * - Structures called xen_* are the ABI's own, from <public/...>. They are only named here, so a
 *   caller includes the public header whose fields it reads: <public/domctl.h> for domains,
 *   <public/sysctl.h> for the host.
 * - A "gfn" is a domain's pseudo-physical frame number, an "mfn" a machine frame number.
 * - A domain id may be used again after its domain is gone. Whoever keeps an id for long compares
 *   the handle (the UUID) in ctl_domain_info()'s answer, too.
 *
 * Trust: the hypervisor is believed, also in the counts that it returns. What lies in a guest's
 * memory is not: ctl_memory_map() and ctl_grant_map() give pages that the guest goes on changing,
 * so each field is read once, and the copy is checked.
 */
#ifndef LODGE_LIBCTL_H
#define LODGE_LIBCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct xen_domctl;
struct xen_domctl_createdomain;
struct xen_domctl_getdomaininfo;
struct xen_domctl_getvcpuinfo;
struct xen_sysctl;
struct xen_sysctl_physinfo;
struct vcpu_guest_context;
struct lodge_sysctl_trace;
struct hvm_hw_cpu;
struct mmu_update;
struct mmuext_op;

#define CTL_PAGE_SHIFT 12
#define CTL_PAGE_SIZE  4096UL

/*
 * An open handle. The fields are the library's own business, except that a caller may allocate the
 * structure where it likes. ctl_open() initialises all of it.
 */
struct ctl {
    int privcmd;       /* /dev/xen/privcmd */
    int hypercall;     /* /dev/xen/hypercall, or -1: pages from it never move */
    uint8_t *arena;    /* hypercall-safe memory for small arguments, handed out as a stack */
    size_t arena_used; /* bytes handed out */
    char message[512]; /* the last error */
};

/* ---- ctl.c: the handle, messages, hypercall buffers ---------------------------------------- */

/*
 * Open the control devices. Needs root, in a privileged domain. On failure the handle holds the
 * message and nothing else: it need not be closed, though closing it is harmless.
 *   -ENOENT, -ENXIO, -ENODEV  not running under a hypervisor, or the module xen-privcmd is missing
 *   -EACCES                   not root
 */
int ctl_open(struct ctl *ctl);
void ctl_close(struct ctl *ctl);

/* The sentence that belongs to the last error of this handle; "" if there was none. */
const char *ctl_message(const struct ctl *ctl);

/*
 * Record an error and return -err, for callers that build on the library and want one place for
 * messages: `return ctl_fail(ctl, ENOENT, "%s: no such kernel", path);`
 */
int ctl_fail(struct ctl *ctl, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Memory that a hypercall may point to: resident, and not moved while the hypercall runs. Small
 * ones come from the handle's arena as a stack: release in reverse order of allocation. The memory
 * is NOT zeroed.
 */
struct ctl_buf {
    void *p;
    size_t size; /* what it occupies: at least what was asked for */
    bool mapped; /* has a mapping of its own, not a piece of the arena */
};
/* 0, or -ENOMEM with a message; then there is nothing to release. */
int ctl_buf_get(struct ctl *ctl, struct ctl_buf *buf, size_t size);
void ctl_buf_put(struct ctl *ctl, struct ctl_buf *buf);

/*
 * A raw hypercall: its result, or a negative errno. Leaves the message alone. Arguments that are
 * addresses point into ctl_bufs.
 */
long ctl_hypercall(struct ctl *ctl, unsigned int op, uint64_t a1, uint64_t a2, uint64_t a3,
                   uint64_t a4, uint64_t a5);

/*
 * A raw domctl or sysctl. The caller fills `cmd`, `domain` and `u`; the interface version is filled
 * in here, the structure is copied to safe memory and back. What the structure points to must be in
 * a ctl_buf already. Leaves the message alone, except where the interface version is refused
 * (-EACCES): then the message says so.
 */
int ctl_domctl(struct ctl *ctl, struct xen_domctl *op);
int ctl_sysctl(struct ctl *ctl, struct xen_sysctl *op);

/* ---- ctl_domain.c: domains ------------------------------------------------------------------ */

/*
 * Create an empty, paused domain. *domid is IN/OUT: 0 lets the hypervisor choose.
 *   -EEXIST the wanted id is in use; -ENOMEM; -EINVAL the hypervisor refuses the configuration
 */
int ctl_domain_create(struct ctl *ctl, const struct xen_domctl_createdomain *cfg, uint16_t *domid);

/*
 * Kill a domain and free what it owns. Returns when nothing is left to do from here; a domain whose
 * frames others still map stays visible as "dying" until they let go.
 */
int ctl_domain_destroy(struct ctl *ctl, uint16_t domid);

/* Pause and unpause nest: as many unpauses as pauses. A new domain has been paused once. */
int ctl_domain_pause(struct ctl *ctl, uint16_t domid);
int ctl_domain_unpause(struct ctl *ctl, uint16_t domid);

/* Shut a domain down from outside, at once and without its help: reason is SHUTDOWN_* . */
int ctl_domain_shutdown(struct ctl *ctl, uint16_t domid, unsigned int reason);

/* Exactly this domain; -ESRCH if there is none with that id. */
int ctl_domain_info(struct ctl *ctl, uint16_t domid, struct xen_domctl_getdomaininfo *info);

/*
 * Up to `max` domains with ids >= first, in order of id. Returns how many were stored; as many as
 * `max` means that there may be more, from the last one's id + 1 on. Dying ones are among them.
 */
int ctl_domain_list(struct ctl *ctl, uint16_t first, unsigned int max,
                    struct xen_domctl_getdomaininfo *info);

/* The ceiling of the domain's memory, in KiB. Does not allocate or take away anything. */
int ctl_domain_max_mem(struct ctl *ctl, uint16_t domid, uint64_t kib);
/* Allocate the vcpus 0..max-1. Must equal the number the domain was created with. */
int ctl_domain_max_vcpus(struct ctl *ctl, uint16_t domid, unsigned int max);
/* Give the domain its UUID. */
int ctl_domain_set_uuid(struct ctl *ctl, uint16_t domid, const uint8_t uuid[16]);

/* Fill a frame of a PV domain with the hypercall page's code. The frame is an mfn for PV. */
int ctl_domain_hypercall_page(struct ctl *ctl, uint16_t domid, uint64_t mfn);

/* A parameter of a fully virtualized domain: HVM_PARAM_* (public/hvm_op.h). */
int ctl_domain_set_param(struct ctl *ctl, uint16_t domid, uint32_t index, uint64_t value);

/* How a guest's TSC behaves: CTL_TSC_NATIVE costs nothing per rdtsc, and is what tools here use. */
#define CTL_TSC_DEFAULT        0U
#define CTL_TSC_ALWAYS_EMULATE 1U
#define CTL_TSC_NATIVE         2U
int ctl_domain_set_tsc_mode(struct ctl *ctl, uint16_t domid, uint32_t mode);
/* What the guest's wall clock is ahead of the host's UTC, in seconds. */
int ctl_domain_set_time_offset(struct ctl *ctl, uint16_t domid, int64_t seconds);

/* Rights to real hardware: allow or withdraw. */
int ctl_domain_ioports(struct ctl *ctl, uint16_t domid, uint32_t first, uint32_t nr, bool allow);
int ctl_domain_iomem(struct ctl *ctl, uint16_t domid, uint64_t mfn, uint64_t nr, bool allow);
int ctl_domain_irq(struct ctl *ctl, uint16_t domid, uint32_t pirq, bool allow);

/* CTL_TRIGGER_*: for a PV guest NMI is the one that does something; -ENOSYS for others. */
#define CTL_TRIGGER_NMI   0U
#define CTL_TRIGGER_RESET 1U
#define CTL_TRIGGER_INIT  2U
#define CTL_TRIGGER_POWER 3U
#define CTL_TRIGGER_SLEEP 4U
int ctl_domain_trigger(struct ctl *ctl, uint16_t domid, uint32_t trigger, uint32_t vcpu);

/*
 * The processor description that the guest's CPUID and MSRs follow. Arrays are of the ABI's
 * xen_cpuid_leaf_t and xen_msr_entry_t; the counts are IN (room or number) and OUT (number). A
 * domain starts with the hypervisor's default for its type, so tools need not set one.
 */
int ctl_domain_get_cpu_policy(struct ctl *ctl, uint16_t domid, void *leaves, uint32_t *nr_leaves,
                              void *msrs, uint32_t *nr_msrs);
int ctl_domain_set_cpu_policy(struct ctl *ctl, uint16_t domid, const void *leaves,
                              uint32_t nr_leaves, const void *msrs, uint32_t nr_msrs);

/* ---- ctl_vcpu.c: vcpus and scheduling ------------------------------------------------------- */

/* A set of physical CPUs: bit n of bits[n / 64]. */
#define CTL_CPUMAP_CPUS 512
struct ctl_cpumap {
    uint64_t bits[CTL_CPUMAP_CPUS / 64];
};

/*
 * All registers at once. Set while the domain is paused; the hypervisor checks what it is given.
 */
int ctl_vcpu_set_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                         const struct vcpu_guest_context *context);
int ctl_vcpu_get_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                         struct vcpu_guest_context *context);
/* The same of a fully virtualized domain's (public/hvm_save.h); it becomes ready to run by that. */
int ctl_vcpu_set_hvm_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                             const struct hvm_hw_cpu *cpu);
/* -ESRCH: no such domain or vcpu. */
int ctl_vcpu_info(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                  struct xen_domctl_getvcpuinfo *info);

/*
 * Hard affinity says where a vcpu may run, soft affinity where it prefers to. Either may be NULL:
 * left alone, or not asked for. After a successful set the maps hold what is in force.
 */
int ctl_vcpu_set_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                          struct ctl_cpumap *soft);
int ctl_vcpu_get_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                          struct ctl_cpumap *soft);

/*
 * Proportional share: weight (256 is the norm) and cap (percent of one CPU, 0: none). Works for the
 * schedulers credit and credit2, whichever the hypervisor runs.
 */
struct ctl_sched {
    uint16_t weight;
    uint16_t cap;
};
int ctl_vcpu_get_sched(struct ctl *ctl, uint16_t domid, struct ctl_sched *sched);
int ctl_vcpu_set_sched(struct ctl *ctl, uint16_t domid, const struct ctl_sched *sched);

/*
 * What the vcpu has counted (<public/lodge_stats.h> has the places), in the first nr places; those
 * that the hypervisor does not have are 0. With `reset` it counts from here on. On Lodge only:
 * -EOPNOTSUPP elsewhere; -ENOENT: no such vcpu.
 */
int ctl_vcpu_stats(struct ctl *ctl, uint16_t domid, uint32_t vcpu, bool reset, uint64_t *values,
                   unsigned int nr);

/* ---- ctl_host.c: the machine and the hypervisor --------------------------------------------- */

int ctl_host_physinfo(struct ctl *ctl, struct xen_sysctl_physinfo *info);

/* XEN_SCHEDULER_* of the policy in use: 5 credit, 6 credit2. ctl_host_sched_name() names it. */
int ctl_host_sched_id(struct ctl *ctl, uint32_t *id);
const char *ctl_host_sched_name(uint32_t id);

/* The scheduler's knobs for the whole host (credit): 0 leaves a value as it is. */
struct ctl_sched_host {
    uint32_t tslice_ms;
    uint32_t ratelimit_us;
};
int ctl_host_get_sched(struct ctl *ctl, struct ctl_sched_host *sched);
int ctl_host_set_sched(struct ctl *ctl, const struct ctl_sched_host *sched);

/* The CPUs in use: those of pool 0, where guests are made. */
int ctl_host_cpus(struct ctl *ctl, struct ctl_cpumap *cpus);
/* -EINVAL: there is none, or it is the boot processor; -EEXIST: it is so already; -EBUSY. */
int ctl_host_set_cpu(struct ctl *ctl, uint32_t cpu, bool online);

/* Who the hypervisor says it is. Strings are terminated and never longer than their fields. */
struct ctl_version {
    uint32_t major, minor;
    char extra[16]; /* ".7", "-lodge", ... */
    char compiler[64];
    char compiled_by[16];
    char compile_domain[32];
    char compile_date[32];
    char capabilities[1024]; /* "xen-3.0-x86_64 ..." */
    char changeset[64];
    char command_line[1024];
    uint64_t virt_start; /* where the hypervisor's own addresses begin */
    uint32_t page_size;
};

/* Else it is Xen, or something else that speaks its ABI. */
static inline bool ctl_version_is_lodge(const struct ctl_version *v)
{
    return strstr(v->extra, "lodge") != NULL;
}
int ctl_host_version(struct ctl *ctl, struct ctl_version *version);

/* Which core, socket and node each CPU sits in. Returns how many entries were stored. */
struct ctl_cpu_topology {
    uint32_t core, socket, node;
};
int ctl_host_topology(struct ctl *ctl, unsigned int max, struct ctl_cpu_topology *topology);

/* Idle nanoseconds of each CPU since boot. Returns how many entries were stored. */
int ctl_host_idle_times(struct ctl *ctl, unsigned int max, uint64_t *idle_ns);

/*
 * The hypervisor's message ring. Returns the number of bytes stored, not terminated. `clear`
 * empties the ring. With `index` non-NULL only what came after *index is read, and *index moves on:
 * start with 0 to follow the log.
 */
int ctl_host_read_log(struct ctl *ctl, char *buffer, size_t size, bool clear, uint32_t *index);

/* As if these keys were pressed on the hypervisor's console; what they print goes to its log. */
int ctl_host_debug_keys(struct ctl *ctl, const char *keys);

/* ---- ctl_memory.c: memory of domains --------------------------------------------------------- */

/*
 * Give memory to a domain: `nr` extents of 2^order frames, whose first gfns are frames[]. Returns
 * how many extents it got; frames[0..that-1] then hold their first mfns (PV), the rest is as
 * before. Fewer than asked means that no more memory of that order is free, or that the domain
 * reached its ceiling: that is not an error and leaves no message.
 */
int ctl_memory_populate(struct ctl *ctl, uint16_t domid, uint64_t nr, unsigned int order,
                        uint64_t *frames);

/*
 * Is memory that a domain was just given known to be zero? Lodge clears it (public/memory.h); Xen
 * promises only that nobody else's is left in it.
 */
bool ctl_memory_is_zeroed(struct ctl *ctl);
/*
 * Set aside so many pages in all for a domain that is being built, counting what it has: what it is
 * given uses them up. 0 gives back what is left. -ENOMEM: too little is free.
 */
int ctl_memory_claim(struct ctl *ctl, uint16_t domid, uint64_t pages);
/* What the domain's kernel is told that it may have in time: memory from 0 up to this. */
int ctl_memory_map_limit(struct ctl *ctl, uint16_t domid, uint64_t kib);
/* Take frames away: mfns for PV. Returns how many were taken. */
int ctl_memory_decrease(struct ctl *ctl, uint16_t domid, uint64_t nr, unsigned int order,
                        const uint64_t *frames);
/*
 * Where a fully virtualized domain has what among its own frames: the first page of its grant table
 * appears at a number, and what is at a number is taken out.
 */
int ctl_memory_add_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t gfn);
int ctl_memory_remove(struct ctl *ctl, uint16_t domid, uint64_t gfn);
/* Pages that a domain has now, and may have at most. */
int ctl_memory_current(struct ctl *ctl, uint16_t domid, uint64_t *pages);
int ctl_memory_maximum(struct ctl *ctl, uint16_t domid, uint64_t *pages);

/*
 * Map `nr` frames of a domain next to each other, in one ioctl however many they are. All or
 * nothing. Unmap with ctl_memory_unmap(). `prot` is of mmap(). `nr` is at least 1. *out has a
 * meaning only where the result is 0. The mapping counts as a use of each frame: the domain's
 * memory is not free before it ends, and a frame that is mapped writable cannot become a page
 * table.
 */
int ctl_memory_map(struct ctl *ctl, uint16_t domid, const uint64_t *mfns, size_t nr, int prot,
                   void **out);
void ctl_memory_unmap(void *p, size_t nr);

/* Page-table requests on behalf of a domain, in one hypercall each. The arrays are copied. */
int ctl_memory_mmu_update(struct ctl *ctl, uint16_t domid, const struct mmu_update *requests,
                          unsigned int nr);
int ctl_memory_mmuext(struct ctl *ctl, uint16_t domid, const struct mmuext_op *ops,
                      unsigned int nr);

/* ---- ctl_evtchn.c: event channels ------------------------------------------------------------ */

/* A port of `domid` that `remote` may bind to. Returns the port. */
int ctl_evtchn_alloc_unbound(struct ctl *ctl, uint16_t domid, uint16_t remote);

/*
 * This process's own ports, through /dev/xen/evtchn. The descriptor becomes readable when a bound
 * port fires. A port stays masked after it was reported until ctl_evtchn_unmask().
 */
int ctl_evtchn_open(struct ctl *ctl); /* the descriptor; close() it, which unbinds all ports */
int ctl_evtchn_bind(struct ctl *ctl, int fd, uint16_t domid, uint32_t remote_port); /* our port */
int ctl_evtchn_bind_virq(struct ctl *ctl, int fd, uint32_t virq);                   /* our port */
int ctl_evtchn_unbind(struct ctl *ctl, int fd, uint32_t port);
int ctl_evtchn_notify(struct ctl *ctl, int fd, uint32_t port);
int ctl_evtchn_pending(struct ctl *ctl, int fd); /* the port that fired; -EAGAIN if none */
int ctl_evtchn_unmask(struct ctl *ctl, int fd, uint32_t port);

/* ---- ctl_grant.c: grants ------------------------------------------------------------------ */

/* Entries that every PV guest's table is born with, so that dom0's daemons can map by grant. */
#define CTL_GRANT_CONSOLE 0U
#define CTL_GRANT_STORE   1U

/*
 * The machine frame that holds the first grant entries (version 1) of a domain, which a tool can
 * map like any frame of that domain, to fill in the entries above before the guest runs.
 */
int ctl_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t *mfn);

/* Map one granted page of a domain through /dev/xen/gntdev, and undo it. */
struct ctl_grant_map {
    void *p;        /* the page */
    int fd;         /* of the device: one for each mapping; owned */
    uint64_t index; /* the device's offset that stands for the grant */
};
int ctl_grant_map(struct ctl *ctl, uint16_t domid, uint32_t ref, int prot,
                  struct ctl_grant_map *map);
void ctl_grant_unmap(struct ctl_grant_map *map);

/* ---- ctl_count.c: what a domain holds, to see leaks ------------------------------------------ */

/* Its event channels; `other` are virqs, IPIs and interrupts. */
struct ctl_port_count {
    uint32_t unbound, interdomain, other;
};
int ctl_count_ports(struct ctl *ctl, uint16_t domid, struct ctl_port_count *count);

/*
 * The pages that it has granted, and those of them that others have mapped or are copying at this
 * moment. -EOPNOTSUPP: its table is of version 2, whose use is not counted.
 */
struct ctl_grant_count {
    uint32_t given, in_use;
};
int ctl_count_grants(struct ctl *ctl, uint16_t domid, struct ctl_grant_count *count);

/* ---- ctl_trace.c: Lodge's trace; <public/lodge_trace.h> has its records and its rules -------- */

/*
 * Begin: LODGE_TRACE_* events, of a domain or LODGE_TRACE_ALL, with a ring of so many records for
 * each CPU. *id names the trace. -EOPNOTSUPP: not Lodge; -EBUSY: there is one.
 */
int ctl_trace_start(struct ctl *ctl, uint32_t events, uint32_t domain, uint32_t records,
                    uint32_t *id);
int ctl_trace_stop(struct ctl *ctl, uint32_t id); /* -ENOENT: it is not there any more */
/* Whether there is one, the number of CPUs, and the time. */
int ctl_trace_status(struct ctl *ctl, struct lodge_sysctl_trace *status);
/*
 * Records of a CPU's ring into buf, from at->position on; the other fields are written here, and
 * then are the hypervisor's answer.
 */
int ctl_trace_read(struct ctl *ctl, uint32_t id, uint32_t cpu, const struct ctl_buf *buf,
                   struct lodge_sysctl_trace *at);

#endif
