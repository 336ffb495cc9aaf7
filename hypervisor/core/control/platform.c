/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * platform_op: what dom0's kernel asks of the machine: the wall clock, firmware tables, the list of
 * processors, sleep. Processor power data from its ACPI driver is taken and not used: frequency is
 * the firmware's business here. The hypercall table lets only privileged domains in, so these trust
 * the caller's intent, but not its numbers: a bug of dom0's is to end in an errno.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/control/control_call.h>
#include <core/cpu_hotplug.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <lib/bitops.h>
#include <lib/string.h>
#include <public/platform.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <x86/uaccess.h>

/* The wall clock was secs.nsecs when the system time was system_time; all domains are told. */
static int64_t settime(uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
    if (nsecs >= SECONDS(1))
        return -XEN_EINVAL;
    time_set_wallclock(secs, nsecs, system_time);
    return 0;
}

static int64_t platform_settime32(struct xen_platform_op *op)
{
    const struct xenpf_settime32 *t = &op->u.settime32;

    return settime(t->secs, t->nsecs, t->system_time);
}

static int64_t platform_settime64(struct xen_platform_op *op)
{
    const struct xenpf_settime64 *t = &op->u.settime64;

    return t->mbz != 0 ? -XEN_EINVAL : settime(t->secs, t->nsecs, t->system_time);
}

/* BIOS data of disks, video and keyboard belongs to boot sectors of another age: there is none. */
static int64_t platform_firmware_info(struct xen_platform_op *op)
{
    struct xenpf_firmware_info *fi = &op->u.firmware_info;

    switch (fi->type) {
    case XEN_FW_KBD_SHIFT_FLAGS:
        fi->u.kbd_shift_flags = 0;
        return 0;
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
        return -XEN_ENOENT;
    case XEN_FW_VBEDDC_INFO:
        return -XEN_ESRCH;
    default:
        return -XEN_EINVAL;
    }
}

/* UINT32_MAX: the firmware's table (MADT) does not list it. */
static uint32_t acpi_id_of(uint32_t apic_id)
{
    for (unsigned i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpus[i].apic_id == apic_id)
            return acpi_info.cpus[i].acpi_id;
    return UINT32_MAX;
}

static int64_t platform_get_cpuinfo(struct xen_platform_op *op)
{
    struct xenpf_pcpuinfo *pi = &op->u.pcpu_info;
    uint32_t id = pi->xen_cpuid;

    pi->max_present = nr_cpus - 1;
    if (id >= nr_cpus) { /* no error: the caller asks until it has seen max_present */
        pi->flags = XEN_PCPU_FLAGS_INVALID;
        return 0;
    }
    pi->flags = cpu_is_active(id) ? XEN_PCPU_FLAGS_ONLINE : 0;
    pi->apic_id = cpus[id]->apic_id;
    pi->acpi_id = acpi_id_of(pi->apic_id);
    return 0;
}

static int64_t platform_get_cpu_version(struct xen_platform_op *op)
{
    struct xenpf_pcpu_version *pv = &op->u.pcpu_version;
    struct cpu_signature s;

    pv->max_present = nr_cpus - 1;
    if (pv->xen_cpuid >= nr_cpus) {
        memset(pv->vendor_id, 0, sizeof(pv->vendor_id));
        pv->family = pv->model = pv->stepping = 0;
        return 0;
    }
    cpu_signature(&s);
    memcpy(pv->vendor_id, s.vendor, sizeof(s.vendor));
    pv->family = s.family;
    pv->model = s.model;
    pv->stepping = s.stepping;
    return 0;
}

/* In: the CPUs that are asked about; out: those of them that exist, with their times. */
static int64_t platform_getidletime(struct xen_platform_op *op)
{
    struct xenpf_getidletime *it = &op->u.getidletime;
    cpumask_t mask = 0;
    unsigned cpu, bytes;

    bytes = MIN(it->cpumap_nr_cpus / 8 + (it->cpumap_nr_cpus % 8 != 0), (uint32_t)sizeof(mask));
    if (copy_from_guest(&mask, (vaddr_t)it->cpumap_bitmap.p, bytes) != 0)
        return -XEN_EFAULT;
    mask &= cpu_online;
    for_each_cpu (cpu, mask) {
        uint64_t ns = sched_idle_ns(cpu);

        if (cpu < it->cpumap_nr_cpus && copy_to_guest_at(it->idletime.p, cpu, &ns) != 0)
            return -XEN_EFAULT;
    }
    it->now = time_now();
    return copy_to_guest((vaddr_t)it->cpumap_bitmap.p, &mask, bytes) ? -XEN_EFAULT : 0;
}

/* Comes back only if the machine is still on. The values are what dom0's ACPI code would write. */
static int64_t platform_sleep(struct xen_platform_op *op)
{
    const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;

    if (s->sleep_state != 5 || (s->flags & XENPF_ACPI_SLEEP_EXTENDED)) {
        guest_refused("ACPI sleep state S%u: only S5 is supported", s->sleep_state);
        return -XEN_EOPNOTSUPP;
    }
    log_info("power off, as %pd asked\n", current->domain);
    return machine_power_off_s5(s->val_a, s->val_b);
}

/* For writes to /sys/devices/system/xen_cpu in dom0: no error where it is so already. */
static int64_t set_cpu(uint32_t cpu, bool online)
{
    int rc;

    if (cpu == 0 && !online)
        return -XEN_EOPNOTSUPP;
    if (cpu >= nr_cpus)
        return -XEN_EINVAL;
    if (cpu_is_active(cpu) == online)
        return 0;
    rc = online ? cpu_bring_online(cpu) : cpu_take_offline(cpu);
    return rc == -XEN_EEXIST ? 0 : rc;
}

static int64_t platform_cpu_online(struct xen_platform_op *op)
{
    return set_cpu(op->u.cpu_ol.cpuid, true);
}

static int64_t platform_cpu_offline(struct xen_platform_op *op)
{
    return set_cpu(op->u.cpu_ol.cpuid, false);
}

/* Taken, and not used. */
static int64_t platform_accepted(struct xen_platform_op *op)
{
    return 0;
}

/* NULL: not served. The argument goes back to the guest where the function succeeds. */
static int64_t (*const platform_ops[])(struct xen_platform_op *op) = {
    [XENPF_settime32] = platform_settime32,
    [XENPF_platform_quirk] = platform_accepted,
    [XENPF_get_cpu_version] = platform_get_cpu_version,
    [XENPF_firmware_info] = platform_firmware_info,
    [XENPF_enter_acpi_sleep] = platform_sleep,
    [XENPF_getidletime] = platform_getidletime,
    [XENPF_set_processor_pminfo] = platform_accepted,
    [XENPF_get_cpuinfo] = platform_get_cpuinfo,
    [XENPF_cpu_online] = platform_cpu_online,
    [XENPF_cpu_offline] = platform_cpu_offline,
    [XENPF_settime64] = platform_settime64,
};

static int64_t platform_run(void *arg)
{
    struct xen_platform_op *op = arg;

    if (op->cmd >= ARRAY_SIZE(platform_ops) || platform_ops[op->cmd] == NULL)
        return -XEN_ENOSYS;
    return platform_ops[op->cmd](op);
}

int64_t hc_platform_op(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct xen_platform_op op;

    return control_call("platform_op", arg, &op, sizeof(op), XENPF_INTERFACE_VERSION, platform_run);
}
