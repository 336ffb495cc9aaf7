/* SPDX-License-Identifier: MIT */
/*
 * Feature bits: XENVER_get_features reports what the hypervisor offers, a kernel's ELF notes say
 * what it can live with. Constants only, so assembly may include it.
 */
#ifndef LODGE_PUBLIC_FEATURES_H
#define LODGE_PUBLIC_FEATURES_H

/*
 * What the caller may take for granted. PV: set for paravirtual domains on Lodge.
 *
 *   writable_page_tables        page tables may be written like any memory
 *   writable_descriptor_tables  the same for GDT and LDT
 *   auto_translated_physmap     the guest's frame numbers are not the machine's
 *   supervisor_mode_kernel      the kernel runs in ring 0
 *   pae_pgdir_above_4gb         PV: page tables may be anywhere
 *   mmu_pt_update_preserve_ad   PV: there is MMU_PT_UPDATE_PRESERVE_AD
 *   highmem_assist              PV: there are MMUEXT_CLEAR_PAGE and MMUEXT_COPY_PAGE
 *   gnttab_map_avail_bits       PV: GNTMAP_guest_avail_mask is honoured
 *   hvm_callback_vector         events can arrive as an interrupt vector
 *   hvm_safe_pvclock            vcpu_time_info is right for translated domains too
 *   hvm_pirqs                   pirqs can be bound by translated domains
 *   dom0                        the control domain; in ELF notes: the kernel can be one
 *   memory_op_vnode_supported   PV: XENMEMF_vnode is honoured
 *   ARM_SMCCC_supported         not on x86
 *   linux_rsdp_unrestricted     in ELF notes: the RSDP may be above 1 MiB
 *   not_direct_mapped           PV: pseudo-physical and machine frames differ
 *   direct_mapped               they are the same
 */
#define XENFEAT_writable_page_tables       0
#define XENFEAT_writable_descriptor_tables 1
#define XENFEAT_auto_translated_physmap    2
#define XENFEAT_supervisor_mode_kernel     3
#define XENFEAT_pae_pgdir_above_4gb        4
#define XENFEAT_mmu_pt_update_preserve_ad  5
#define XENFEAT_highmem_assist             6
#define XENFEAT_gnttab_map_avail_bits      7
#define XENFEAT_hvm_callback_vector        8
#define XENFEAT_hvm_safe_pvclock           9
#define XENFEAT_hvm_pirqs                  10
#define XENFEAT_dom0                       11
#define XENFEAT_memory_op_vnode_supported  13
#define XENFEAT_ARM_SMCCC_supported        14
#define XENFEAT_linux_rsdp_unrestricted    15
#define XENFEAT_not_direct_mapped          16
#define XENFEAT_direct_mapped              17

/* 32-bit words that XENVER_get_features knows. */
#define XENFEAT_NR_SUBMAPS 1

#endif
