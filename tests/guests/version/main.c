/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen_version with all its operations, hypercall numbers that are not there, the hypercall page,
 * the registers that a hypercall keeps, and vm_assist.
 */
#include <kit/kit.h>

static char text[1100];

static int64_t version(unsigned cmd, void *arg)
{
    return hc2(__HYPERVISOR_xen_version, cmd, arg);
}

static bool is_string(size_t room)
{
    size_t n = 0;

    while (n < room && text[n] != 0)
        n++;
    return n != 0 && n < room;
}

static void strings(void)
{
    static const struct {
        unsigned cmd;
        size_t room;
    } all[] = {{XENVER_extraversion, 16},
               {XENVER_capabilities, 1024},
               {XENVER_changeset, 64},
               {XENVER_commandline, 1024}};

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        memset(text, 0x55, sizeof(text));
        CHECK_EQ(version(all[i].cmd, text), 0);
        CHECK(is_string(all[i].room) || all[i].cmd == XENVER_changeset);
        CHECK_EQ(text[all[i].room], 0x55); /* nothing beyond */
        CHECK_EQ(version(all[i].cmd, (void *)KIT_NOWHERE), -XEN_EFAULT);
        CHECK_EQ(version(all[i].cmd, (void *)0xffff820000000000), -XEN_EFAULT);
        CHECK_EQ(version(all[i].cmd, (void *)0x8000000000000000), -XEN_EFAULT);
    }
    version(XENVER_capabilities, text);
    CHECK(memcmp(text, "xen-3.0-x86_64", 14) == 0);
}

static void structures(void)
{
    static struct xen_compile_info info;
    struct xen_platform_parameters par = {0};
    struct xen_feature_info f = {.submap_idx = 0};
    static uint8_t handle[17];
    struct xen_build_id *id = (struct xen_build_id *)text;
    int64_t len;

    CHECK_EQ(version(XENVER_version, NULL), (4 << 16) | 17);
    CHECK_EQ(version(XENVER_pagesize, NULL), PAGE_SIZE);
    CHECK_EQ(version(XENVER_compile_info, &info), 0);
    CHECK(info.compiler[0] != 0);
    CHECK_EQ(version(XENVER_platform_parameters, &par), 0);
    CHECK_EQ(par.virt_start, HYPERVISOR_VIRT_START);
    CHECK_EQ(version(XENVER_get_features, &f), 0);
    CHECK(f.submap & (1u << XENFEAT_pae_pgdir_above_4gb));
    CHECK(f.submap & (1u << XENFEAT_mmu_pt_update_preserve_ad));
    CHECK(f.submap & (1u << XENFEAT_highmem_assist));
    CHECK(f.submap & (1u << XENFEAT_gnttab_map_avail_bits));
    CHECK(f.submap & (1u << XENFEAT_dom0));
    CHECK(!(f.submap & (1u << XENFEAT_writable_page_tables)));
    CHECK(!(f.submap & (1u << XENFEAT_auto_translated_physmap)));
    f.submap_idx = 7;
    CHECK_EITHER(version(XENVER_get_features, &f), 0, -XEN_EINVAL);
    handle[16] = 0x77;
    CHECK_EQ(version(XENVER_guest_handle, handle), 0);
    CHECK_EQ(handle[16], 0x77);
    len = version(XENVER_build_id, NULL);
    CHECK(len == -XEN_ENODATA || (len > 0 && len <= 64));
    if (len > 0) {
        id->len = 1;
        CHECK_EQ(version(XENVER_build_id, id), -XEN_ENOBUFS);
        id->len = 64;
        CHECK_EQ(version(XENVER_build_id, id), len);
    }
    CHECK_EQ(version(11, text), -XEN_ENOSYS);
    CHECK_EQ(version(~0u, text), -XEN_ENOSYS);
    CHECK_EQ(version(XENVER_compile_info, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(version(XENVER_get_features, (void *)KIT_NOWHERE), -XEN_EFAULT);
}

static void numbers(void)
{
    static const unsigned absent[] = {11, 43, 47, 56, 63, 64, 1000, ~0u};

    for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
        kit_check(hc0(absent[i]) == -XEN_ENOSYS, __FILE__, __LINE__, "hypercall %u gives %ld",
                  absent[i], hc0(absent[i]));
    CHECK_EQ(hc0(0x8000000000000000ul), -XEN_ENOSYS);
    CHECK_EQ(hc0(0xffffffff00000011ul), -XEN_ENOSYS);
}

static void page_and_registers(void)
{
    register uint64_t r12 __asm__("r12") = 0x1212, r15 __asm__("r15") = 0x1515;
    register uint64_t r8 __asm__("r8") = 0x88, r9 __asm__("r9") = 0x99;
    uint64_t rbx = 0xbb, ret, rdi = XENVER_version, rsi = 0, entry;

    entry = (uint64_t)hypercall_page + 32 * __HYPERVISOR_xen_version;
    __asm__ volatile("call *%[entry]"
                     : "=&a"(ret), "+D"(rdi), "+S"(rsi), "+b"(rbx), "+r"(r8), "+r"(r9), "+r"(r12),
                       "+r"(r15)
                     : [entry] "d"(entry)
                     : "rcx", "r10", "r11", "memory");
    bool kept = rbx == 0xbb && r8 == 0x88 && r9 == 0x99 && r12 == 0x1212 && r15 == 0x1515;

    CHECK_EQ(ret, (4 << 16) | 17);
    CHECK(kept);
}

static void assists(void)
{
    static const unsigned types[] = {
        VMASST_TYPE_4gb_segments,       VMASST_TYPE_writable_pagetables,
        VMASST_TYPE_pae_extended_cr3,   VMASST_TYPE_runstate_update_flag,
        VMASST_TYPE_architectural_iopl, VMASST_TYPE_m2p_strict};

    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, types[i]), 0);
        CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, types[i]), 0);
        CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_disable, types[i]), 0);
    }
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 6), -XEN_EINVAL);
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 63), -XEN_EINVAL);
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 64), -XEN_EINVAL);
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, ~0u), -XEN_EINVAL);
    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, 2, VMASST_TYPE_4gb_segments), -XEN_ENOSYS);
}

void test_main(void)
{
    strings();
    structures();
    numbers();
    page_and_registers();
    assists();
}
