/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen_version: which ABI this is, what it can do, and who we are. The version is the ABI's; the
 * rest of the version string, "-lodge", is what tells Lodge from other implementations of it.
 *
 * Any domain may ask. What is about the machine or its owner (the command line, the domain's
 * handle) is answered to the privileged; others get the empty form of the answer, and no error.
 */
#include <boot/boot.h>
#include <core/domain.h>
#include <core/hypercall.h>
#include <lib/string.h>
#include <public/version.h>
#include <x86/cpu.h>
#include <x86/layout.h>
#include <x86/regs.h>
#include <x86/uaccess.h>

#define ABI_MAJOR 4
#define ABI_MINOR 17

static int64_t version_features(uint64_t arg)
{
    struct xen_feature_info fi;

    if (copy_from_guest(&fi, arg, sizeof(fi)) != 0)
        return -XEN_EFAULT;
    if (fi.submap_idx >= XENFEAT_NR_SUBMAPS)
        return -XEN_EINVAL;
    /* Facts about PV on this hypervisor, the same for every guest but dom0. */
    fi.submap = 1u << XENFEAT_pae_pgdir_above_4gb | 1u << XENFEAT_mmu_pt_update_preserve_ad |
                1u << XENFEAT_highmem_assist | 1u << XENFEAT_gnttab_map_avail_bits |
                1u << XENFEAT_memory_op_vnode_supported;
    if (current->domain->hardware)
        fi.submap |= 1u << XENFEAT_dom0;
    return copy_to_guest(arg, &fi, sizeof(fi)) ? -XEN_EFAULT : 0;
}

/* size: of the array that the ABI has for it; a longer text is cut. */
static int64_t version_text(uint64_t arg, const char *text, size_t size)
{
    size_t n = strlen(text) + 1;

    return copy_to_guest(arg, text, MIN(n, size)) ? -XEN_EFAULT : 0;
}

static int64_t version_compile_info(uint64_t arg)
{
    struct xen_compile_info ci;

    memset(&ci, 0, sizeof(ci));
    str_copy(ci.compiler, boot_compiler, sizeof(ci.compiler));
    str_copy(ci.compile_by, "lodge", sizeof(ci.compile_by));
    str_copy(ci.compile_domain, "lodge", sizeof(ci.compile_domain));
    str_copy(ci.compile_date, boot_date, sizeof(ci.compile_date));
    return copy_to_guest(arg, &ci, sizeof(ci)) ? -XEN_EFAULT : 0;
}

/* Where the hypervisor's part of every address space begins. */
static int64_t version_platform(uint64_t arg)
{
    struct xen_platform_parameters pp = {.virt_start = HV_START};

    return copy_to_guest(arg, &pp, sizeof(pp)) ? -XEN_EFAULT : 0;
}

int64_t hc_xen_version(uint64_t cmd, uint64_t arg, uint64_t a3, uint64_t a4)
{
    switch (cmd) {
    case XENVER_version:
        return ABI_MAJOR << 16 | ABI_MINOR;
    case XENVER_extraversion:
        return version_text(arg, "-lodge", XEN_EXTRAVERSION_LEN);
    case XENVER_compile_info:
        return version_compile_info(arg);
    case XENVER_capabilities:
        return version_text(arg,
                            cpu_features.svm_on ? "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p "
                                                  "hvm-3.0-x86_64 "
                                                : "xen-3.0-x86_64 ",
                            XEN_CAPABILITIES_INFO_LEN);
    case XENVER_changeset:
        return version_text(arg, boot_version, XEN_CHANGESET_INFO_LEN);
    case XENVER_platform_parameters:
        return version_platform(arg);
    case XENVER_get_features:
        return version_features(arg);
    case XENVER_pagesize:
        return PAGE_SIZE;
    case XENVER_guest_handle: {
        static const uint8_t none[16];
        bool tell = current->domain->privileged;

        return copy_to_guest(arg, tell ? current->domain->handle : none, 16) ? -XEN_EFAULT : 0;
    }
    case XENVER_commandline:
        return version_text(arg, current->domain->privileged ? boot_info.cmdline : "",
                            sizeof(xen_commandline_t));
    case XENVER_build_id:
        return -XEN_ENODATA; /* the image carries none; the changeset says which it is */
    default:
        return -XEN_ENOSYS;
    }
}
