// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_ctl.c: libctl's and the builder's functions over a table of domains.
 */
#include "fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <builder/builder.h>
#include <public/hypercalls.h>
#include <public/lodge_stats.h>
#include <public/sched.h>
#include <public/sysctl.h>

struct fake_domain fake_domains[FAKE_MAX_DOMAINS];
uint64_t fake_free_pages;
unsigned fake_lists;

static bool fails(const char *what)
{
    return fake_failing && !strcmp(fake_failing, what);
}

int ctl_fail(struct ctl *ctl, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ctl->message, sizeof(ctl->message), fmt, ap);
    va_end(ap);
    return -err;
}

const char *ctl_message(const struct ctl *ctl)
{
    return ctl->message;
}

int ctl_open(struct ctl *ctl)
{
    memset(ctl, 0, sizeof(*ctl));
    if (fails("open"))
        return ctl_fail(ctl, ENOENT, "/dev/xen/privcmd cannot be opened: this is not dom0");
    return 0;
}

void ctl_close(struct ctl *ctl)
{
    (void)ctl;
}

struct fake_domain *fake_by_domid(uint16_t domid)
{
    for (int i = 0; i < FAKE_MAX_DOMAINS; i++)
        if (fake_domains[i].used && fake_domains[i].info.domain == domid)
            return &fake_domains[i];
    return NULL;
}

static void step(void)
{
    if (fake_step)
        fake_step();
}

static struct fake_domain *domain(struct ctl *ctl, uint16_t domid)
{
    struct fake_domain *d = fake_by_domid(domid);

    if (!d)
        ctl_fail(ctl, ESRCH, "there is no domain %u", domid);
    return d;
}

static struct fake_domain *fake_add(uint16_t domid, unsigned vcpus, unsigned mib, uint32_t flags)
{
    /* The table is kept in the order of domids, as the hypervisor's list is. */
    int at = 0;

    while (at < FAKE_MAX_DOMAINS && fake_domains[at].used && fake_domains[at].info.domain < domid)
        at++;
    if (at == FAKE_MAX_DOMAINS || fake_domains[FAKE_MAX_DOMAINS - 1].used)
        abort();
    memmove(&fake_domains[at + 1], &fake_domains[at],
            (size_t)(FAKE_MAX_DOMAINS - at - 1) * sizeof(struct fake_domain));
    memset(&fake_domains[at], 0, sizeof(struct fake_domain));
    fake_domains[at].used = true;
    fake_domains[at].info = (struct xen_domctl_getdomaininfo){
        .domain = domid,
        .flags = flags,
        .tot_pages = mib * 256ull,
        .max_pages = mib * 256ull,
        .cpu_time = domid * 1234567890ull,
        .nr_online_vcpus = vcpus,
        .max_vcpu_id = vcpus - 1,
    };
    memset(fake_domains[at].info.handle, domid, 16);
    fake_domains[at].sched = (struct ctl_sched){.weight = 256};
    memset(fake_domains[at].pin, 0xff, sizeof(fake_domains[at].pin));
    memset(fake_domains[at].soft, 0xff, sizeof(fake_domains[at].soft));
    return &fake_domains[at];
}

static void fake_named(uint16_t domid, const char *name, bool indexed)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    fake_store_set(path, "", "n0,r9");
    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    fake_store_set(path, name, NULL);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    fake_store_set(path, "", NULL);
    if (!indexed)
        return;
    snprintf(path, sizeof(path), "/lodge/names/%s", name);
    fake_store_set(path, store_fmt("%u", domid), NULL);
}

void fake_reset(void)
{
    memset(fake_domains, 0, sizeof(fake_domains));
    fake_store_reset();
    fake_free_pages = 1024 * 256;
    fake_failing = NULL;
    fake_conflicts = 0;
    fake_lists = 0;
    fake_add(0, 2, 512, XEN_DOMINF_running);
    fake_add(3, 1, 128, XEN_DOMINF_blocked);
    fake_add(7, 2, 256, XEN_DOMINF_paused);
    fake_add(9, 1, 64, 0);
    fake_down(9, SHUTDOWN_crash);
    fake_add(12, 1, 32, XEN_DOMINF_blocked);
    fake_named(3, "web", true);
    fake_named(7, "db", true);
    fake_named(9, "old", true);
    fake_named(12, "xl-made", false);
    fake_backend = getenv("LODGE_FAKE_BACKEND");
    if (fake_backend) {
        fake_device(3, "vbd", "lodge-vbd", 51712);
        fake_device(3, "vif", "vif", 0);
    }
    if (getenv("LODGE_FAKE_CD")) {
        static const char back[] = "/local/domain/0/backend/lodge-vbd/3/51744";

        fake_device(3, "vbd", "lodge-vbd", 51744);
        fake_store_set(store_fmt("%s/device-type", back), "cdrom", NULL);
        fake_store_set(store_fmt("%s/params", back), "/srv/old, or not.iso", NULL);
        fake_store_set(store_fmt("%s/mode", back), "r", NULL);
    }
    if (getenv("LODGE_FAKE_LEFT")) {
        fake_named(5, "left", true);
        fake_store_set("/local/domain/5/vm", "/vm/05050505-0505-0505-0505-050505050505", NULL);
        fake_store_set("/vm/05050505-0505-0505-0505-050505050505/name", "left", NULL);
        fake_store_set("/libxl/5/type", "pv", NULL);
    }
    fake_store_set("/vm/03030303-0303-0303-0303-030303030303/start_time", "1000.00", NULL);
}

void fake_down(uint16_t domid, unsigned reason)
{
    struct fake_domain *d = fake_by_domid(domid);

    d->info.flags = XEN_DOMINF_shutdown | reason << XEN_DOMINF_shutdownshift;
}

/* --- domains ------------------------------------------------------------------------------- */

int ctl_domain_info(struct ctl *ctl, uint16_t domid, struct xen_domctl_getdomaininfo *info)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d)
        return -ESRCH;
    *info = d->info;
    return 0;
}

int ctl_domain_list(struct ctl *ctl, uint16_t first, unsigned int max,
                    struct xen_domctl_getdomaininfo *info)
{
    unsigned nr = 0;

    (void)ctl;
    fake_lists++;
    for (int i = 0; i < FAKE_MAX_DOMAINS && nr < max; i++)
        if (fake_domains[i].used && fake_domains[i].info.domain >= first)
            info[nr++] = fake_domains[i].info;
    return (int)nr;
}

int ctl_domain_destroy(struct ctl *ctl, uint16_t domid)
{
    struct fake_domain *d;

    step();
    d = domain(ctl, domid);
    if (!d)
        return -ESRCH;
    fake_free_pages += d->info.tot_pages;
    memmove(d, d + 1, (size_t)(&fake_domains[FAKE_MAX_DOMAINS - 1] - d) * sizeof(*d));
    memset(&fake_domains[FAKE_MAX_DOMAINS - 1], 0, sizeof(*d));
    return 0;
}

int ctl_domain_pause(struct ctl *ctl, uint16_t domid)
{
    struct fake_domain *d;

    step();
    d = domain(ctl, domid);
    if (!d)
        return -ESRCH;
    d->info.flags |= XEN_DOMINF_paused;
    return 0;
}

int ctl_domain_unpause(struct ctl *ctl, uint16_t domid)
{
    struct fake_domain *d;

    step();
    d = domain(ctl, domid);
    if (!d)
        return -ESRCH;
    if (fails("unpause"))
        return ctl_fail(ctl, EINVAL, "domain %u cannot be unpaused", domid);
    d->info.flags &= ~XEN_DOMINF_paused;
    return 0;
}

int ctl_domain_max_mem(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d)
        return -ESRCH;
    d->info.max_pages = kib / 4;
    return 0;
}

int ctl_domain_set_uuid(struct ctl *ctl, uint16_t domid, const uint8_t uuid[16])
{
    struct fake_domain *d;

    step();
    d = domain(ctl, domid);
    if (!d)
        return -ESRCH;
    memcpy(d->info.handle, uuid, 16);
    return 0;
}

int ctl_domain_trigger(struct ctl *ctl, uint16_t domid, uint32_t trigger, uint32_t vcpu)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d)
        return -ESRCH;
    if (vcpu > d->info.max_vcpu_id || trigger)
        return ctl_fail(ctl, ENOSYS, "domain %u takes no trigger %u for vcpu %u", domid, trigger,
                        vcpu);
    return 0;
}

/* --- vcpus --------------------------------------------------------------------------------- */

int ctl_vcpu_info(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                  struct xen_domctl_getvcpuinfo *info)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d || vcpu > d->info.max_vcpu_id)
        return -ESRCH;
    *info = (struct xen_domctl_getvcpuinfo){
        .vcpu = vcpu,
        .online = vcpu == 0,
        .blocked = d->info.flags & XEN_DOMINF_blocked ? 1 : 0,
        .running = d->info.flags & XEN_DOMINF_running ? 1 : 0,
        .cpu_time = d->info.cpu_time / 2,
        .cpu = vcpu + 1,
    };
    return 0;
}

/* Of vcpu v, n times n + v; a reset is seen until the process ends. */
int ctl_vcpu_stats(struct ctl *ctl, uint16_t domid, uint32_t vcpu, bool reset, uint64_t *values,
                   unsigned int nr)
{
    static const struct {
        unsigned place, n;
    } counted[] = {
        {LODGE_STAT_HYPERCALL + __HYPERVISOR_mmu_update, 1200},
        {LODGE_STAT_HYPERCALL + __HYPERVISOR_multicall, 34},
        {LODGE_STAT_HYPERCALL + __HYPERVISOR_iret, 98765},
        {LODGE_STAT_HYPERCALL_OTHER, 1},
        {LODGE_STAT_EXCEPTION + 14, 5000},
        {LODGE_STAT_EXCEPTION + 13, 70},
        {LODGE_STAT_INTERRUPT, 900},
        {LODGE_STAT_FRAME_SYSCALL, 40000},
        {LODGE_STAT_FRAME_TRAP, 5010},
        {LODGE_STAT_FRAME_EVENT, 800},
        {LODGE_STAT_EMULATED + LODGE_EMULATED_STORE, 20},
        {LODGE_STAT_EMULATED + LODGE_EMULATED_RDMSR, 40},
        {LODGE_STAT_BATCH, 1000},
        {LODGE_STAT_BATCH + 5, 200},
        {LODGE_STAT_UPDATE_LIST, 8000},
        {LODGE_STAT_UPDATE_VA, 300},
        {LODGE_STAT_UPDATE_LIST_MULTICALL, 600},
        {LODGE_STAT_MULTICALL_CALLS, 99},
        {LODGE_STAT_FLUSH_ALL, 17},
        {LODGE_STAT_SWITCH, 2100},
        {LODGE_STAT_EVENT_SENT, 450},
        {LODGE_STAT_EVENT_MERGED, 5},
    };
    static unsigned resets;
    struct fake_domain *d = domain(ctl, domid);

    if (fails("stats"))
        return ctl_fail(ctl, EOPNOTSUPP,
                        "the counters of vcpu %u of domain %u cannot be read: this is not Lodge, "
                        "or a Lodge of another version",
                        vcpu, domid);
    if (!d)
        return -ESRCH;
    memset(values, 0, nr * sizeof(*values));
    for (unsigned i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
        if (counted[i].place < nr)
            values[counted[i].place] = resets ? 0 : counted[i].n * (vcpu + 1);
    resets += reset && vcpu == d->info.max_vcpu_id;
    return 0;
}

int ctl_vcpu_set_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                          struct ctl_cpumap *soft)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d || vcpu > 3)
        return -ESRCH;
    if (fails("affinity"))
        return ctl_fail(ctl, EINVAL, "vcpu %u of domain %u cannot run there", vcpu, domid);
    if (hard)
        d->pin[vcpu] = *hard;
    if (soft)
        d->soft[vcpu] = *soft;
    return 0;
}

int ctl_vcpu_get_affinity(struct ctl *ctl, uint16_t domid, uint32_t vcpu, struct ctl_cpumap *hard,
                          struct ctl_cpumap *soft)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d || vcpu > 3)
        return -ESRCH;
    *hard = d->pin[vcpu];
    *soft = d->soft[vcpu];
    return 0;
}

int ctl_vcpu_get_sched(struct ctl *ctl, uint16_t domid, struct ctl_sched *sched)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d)
        return -ESRCH;
    *sched = d->sched;
    return 0;
}

int ctl_vcpu_set_sched(struct ctl *ctl, uint16_t domid, const struct ctl_sched *sched)
{
    struct fake_domain *d = domain(ctl, domid);

    if (!d)
        return -ESRCH;
    d->sched = *sched;
    return 0;
}

/* --- the host ------------------------------------------------------------------------------ */

int ctl_host_physinfo(struct ctl *ctl, struct xen_sysctl_physinfo *info)
{
    (void)ctl;
    memset(info, 0, sizeof(*info));
    info->threads_per_core = info->cores_per_socket = 1;
    info->nr_cpus = 4;
    info->max_cpu_id = 3;
    info->nr_nodes = 1;
    info->cpu_khz = 2500000;
    info->total_pages = 2048 * 256;
    info->free_pages = fake_free_pages;
    info->capabilities = fails("hvm") ? 0 : XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
    return 0;
}

static uint64_t cpus_in_use = 0xb;

/* Each look finds half a second more of each. */
int ctl_host_idle_times(struct ctl *ctl, unsigned int max, uint64_t *idle_ns)
{
    static uint64_t looks;

    (void)ctl;
    looks++;
    for (unsigned i = 0; i < 4 && i < max; i++)
        idle_ns[i] = looks * 500000000;
    return 4;
}

int ctl_host_cpus(struct ctl *ctl, struct ctl_cpumap *cpus)
{
    (void)ctl;
    *cpus = (struct ctl_cpumap){.bits = {cpus_in_use}};
    return 0;
}

int ctl_host_set_cpu(struct ctl *ctl, uint32_t cpu, bool online)
{
    int err = !cpu || cpu > 3                      ? EINVAL
              : (cpus_in_use >> cpu & 1) == online ? EEXIST
              : fails("busy")                      ? EBUSY
                                                   : 0;

    if (err)
        return ctl_fail(ctl, err, "CPU %u cannot", cpu);
    cpus_in_use ^= 1ull << cpu;
    return 0;
}

int ctl_host_version(struct ctl *ctl, struct ctl_version *v)
{
    (void)ctl;
    memset(v, 0, sizeof(*v));
    v->major = 4;
    v->minor = 17;
    strcpy(v->extra, "-lodge");
    strcpy(v->capabilities, "xen-3.0-x86_64");
    strcpy(v->command_line, "dom0_mem=512M");
    strcpy(v->compiler, "a compiler");
    strcpy(v->compile_date, "one day");
    v->virt_start = 0xffff800000000000;
    v->page_size = 4096;
    return 0;
}

int ctl_host_sched_id(struct ctl *ctl, uint32_t *id)
{
    (void)ctl;
    *id = 5;
    return 0;
}

const char *ctl_host_sched_name(uint32_t id)
{
    return id == 5 ? "credit" : "unknown";
}

int ctl_host_read_log(struct ctl *ctl, char *buffer, size_t size, bool clear, uint32_t *index)
{
    (void)ctl;
    (void)index;
    return snprintf(buffer, size, "first \"line\"\nlast line%s\n", clear ? ", cleared" : "");
}

int ctl_host_debug_keys(struct ctl *ctl, const char *keys)
{
    return strcmp(keys, "h") ? ctl_fail(ctl, EINVAL, "there is no key %s", keys) : 0;
}

/* --- the builder --------------------------------------------------------------------------- */

int builder_create(struct ctl *ctl, const struct builder_config *c, struct builder_result *r)
{
    struct fake_domain *d;
    uint16_t domid = 20;

    step();
    if (fails("builder"))
        return ctl_fail(ctl, ENOEXEC, "%s: this is not a kernel", c->kernel);
    if (c->memory_kib / 4 > fake_free_pages)
        return ctl_fail(ctl, ENOMEM, "not enough free memory: %u MiB are free",
                        (unsigned)(fake_free_pages >> 8));
    while (fake_by_domid(domid))
        domid++;
    if (builder_check_type(ctl, fails("hvm") ? 0 : XEN_SYSCTL_PHYSCAP_hvm, c->type, c->shadow))
        return -EOPNOTSUPP;
    d = fake_add(domid, c->max_vcpus, (unsigned)(c->memory_kib >> 10),
                 XEN_DOMINF_paused | (c->type == BUILDER_PV ? 0 : XEN_DOMINF_hvm_guest));
    memcpy(d->info.handle, c->uuid, 16);
    fake_free_pages -= d->info.tot_pages;
    *r = (struct builder_result){.domid = domid,
                                 .store_mfn = 1001,
                                 .store_evtchn = 1,
                                 .console_mfn = 1002,
                                 .console_evtchn = 2,
                                 .nr_vcpus = c->max_vcpus,
                                 .memory_pages = d->info.tot_pages};
    return 0;
}

int builder_check_type(struct ctl *ctl, uint32_t capabilities, enum builder_type type, bool shadow)
{
    if (type != BUILDER_PV && !(capabilities & XEN_SYSCTL_PHYSCAP_hvm))
        return ctl_fail(ctl, EOPNOTSUPP, "there are no %s guests", builder_type_name(type));
    if (shadow)
        return ctl_fail(ctl, EOPNOTSUPP, "there is no shadow paging");
    return 0;
}

uint64_t builder_overhead_kib(uint64_t kib)
{
    return kib >> 9;
}

int builder_check(struct ctl *ctl, const struct builder_config *c,
                  char guest_os[static BUILDER_GUEST_OS])
{
    if (fails("builder"))
        return ctl_fail(ctl, ENOEXEC, "%s: this is not a kernel", c->kernel);
    strcpy(guest_os, "linux");
    return 0;
}

int ctl_domain_set_tsc_mode(struct ctl *ctl, uint16_t domid, uint32_t mode)
{
    struct fake_domain *d = domain(ctl, domid);

    if (d)
        d->tsc_mode = mode;
    return d ? 0 : -ESRCH;
}

int ctl_domain_set_time_offset(struct ctl *ctl, uint16_t domid, int64_t seconds)
{
    struct fake_domain *d = domain(ctl, domid);

    if (d)
        d->time_offset = seconds;
    return d ? 0 : -ESRCH;
}

int image_extract(const char *in, const char *out, char *message, size_t size)
{
    (void)out;
    snprintf(message, size, "%s: not a kernel", in);
    return strcmp(in, "good") ? -ENOEXEC : 0;
}

int ctl_count_ports(struct ctl *ctl, uint16_t domid, struct ctl_port_count *count)
{
    *count = (struct ctl_port_count){.unbound = domid, .interdomain = 2, .other = 1};
    return domain(ctl, domid) ? 0 : -ESRCH;
}

int ctl_count_grants(struct ctl *ctl, uint16_t domid, struct ctl_grant_count *count)
{
    if (domid == 12)
        return ctl_fail(ctl, EOPNOTSUPP, "its table is of version 2");
    *count = (struct ctl_grant_count){.given = domid * 100, .in_use = domid * 10};
    return domain(ctl, domid) ? 0 : -ESRCH;
}
