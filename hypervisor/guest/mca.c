/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mca: what dom0's log of machine checks asks for. An uncorrected one ends the machine, with a
 * report of its own (x86/traps.c), and corrected ones are not collected: so there are processors to
 * tell of and never an error. The hypercall table lets only privileged domains in.
 */
#include <core/cpu_hotplug.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <public/mca.h>
#include <x86/cpu.h>
#include <x86/uaccess.h>

#define MSR_MCG_CAP 0x179
#define VENDOR_AMD  2

/* Every CPU counts as a core of its own in one socket, as for sysctl; all are of one model. */
static void describe(unsigned cpu, struct mcinfo_logical_cpu *info)
{
    struct cpu_signature s;
    uint32_t leaf[4];

    memset(info, 0, sizeof(*info));
    cpu_signature(&s);
    info->mc_cpunr = cpu;
    info->mc_coreid = (uint16_t)cpu;
    info->mc_apicid = info->mc_clusterid = cpus[cpu]->apic_id;
    info->mc_ncores = nr_cpus;
    info->mc_ncores_active = cpu_count_active();
    info->mc_nthreads = 1;
    cpuid_raw(0, 0, leaf);
    info->mc_cpuid_level = (int32_t)leaf[0];
    info->mc_vendor = cpu_features.amd ? VENDOR_AMD : 0;
    info->mc_family = s.family;
    info->mc_model = s.model;
    info->mc_step = s.stepping;
    memcpy(info->mc_vendorid, s.vendor, sizeof(s.vendor));
    for (uint32_t n = 0; n < 3; n++) { /* the name, in three leaves */
        cpuid_raw(0x80000002u + n, 0, leaf);
        memcpy(info->mc_brandid + n * sizeof(leaf), leaf, sizeof(leaf));
    }
    info->mc_cpu_caps[0] = cpu_features.leaf1_edx;
    info->mc_cpu_caps[1] = cpu_features.ext1_edx;
    info->mc_cpu_caps[4] = cpu_features.leaf1_ecx;
    info->mc_cpu_caps[6] = cpu_features.ext1_ecx;
    info->mc_nmsrvals = 1;
    info->mc_msrvalues[0].reg = MSR_MCG_CAP;
    (void)rdmsr_safe(MSR_MCG_CAP, &info->mc_msrvalues[0].value);
}

static int64_t mca_physcpuinfo(struct xen_mc_physcpuinfo *op)
{
    struct mcinfo_logical_cpu info;
    uint32_t room = op->ncpus;

    op->ncpus = nr_cpus;
    if (op->info.p == NULL)
        return 0;
    for (uint32_t i = 0; i < MIN(room, nr_cpus); i++) {
        describe(i, &info);
        if (copy_to_guest_at(op->info.p, i, &info) != 0)
            return -XEN_EFAULT;
    }
    return 0;
}

int64_t hc_mca(uint64_t arg, uint64_t a2, uint64_t a3, uint64_t a4)
{
    struct xen_mc op;
    int64_t rc = 0;

    if (copy_from_guest(&op, arg, sizeof(op)) != 0)
        return -XEN_EFAULT;
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
        return -XEN_EACCES;
    switch (op.cmd) {
    case XEN_MC_physcpuinfo:
        rc = mca_physcpuinfo(&op.u.mc_physcpuinfo);
        break;
    case XEN_MC_fetch:
        op.u.mc_fetch.flags = XEN_MC_NODATA;
        break;
    default:
        return -XEN_ENOSYS;
    }
    if (rc == 0 && copy_to_guest(arg, &op, sizeof(op)) != 0)
        return -XEN_EFAULT;
    return rc;
}
