/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own CPUID leaves, from 0x40000000, and how a CPU feature set is laid out.
 * Constants only, so assembly may include it.
 *
 * Raw CPUID in a paravirtual guest may reach the processor and miss these leaves: a kernel uses
 * XEN_CPUID (arch.h), which always gets the hypervisor's answer.
 *
 *   leaf 0  EAX the highest leaf, EBX ECX EDX the signature "XenVMMXenVMM"
 *   leaf 1  EAX version, major in bits 31:16, minor in 15:0
 *   leaf 2  EAX number of hypercall pages (1), EBX the MSR that places one: write the
 *           pseudo-physical address, ECX features below
 *   leaf 3  the TSC. Subleaf 0: EAX bit 0 emulated, bit 1 reliable, bit 2 RDTSCP is there; EBX mode
 *           as in XEN_DOMCTL_settscinfo; ECX kHz; EDX incarnation. Subleaf 1: EAX, EBX offset, ECX
 *           multiplier, EDX shift of the conversion to nanoseconds. Subleaf 2: EAX the processor's
 *           kHz.
 *   leaf 4  full virtualization: EAX features below, EBX vcpu, ECX domain
 *   leaf 5  paravirtual: EAX highest subleaf, EBX bits 7:0 width of a machine address, memory that
 *           may be added included. More than 44 makes a kernel prefer version 2 grant tables.
 *
 * A feature set is an array of 32-bit words, each one register of CPUID:
 *
 *   words 0, 1    leaf 1 EDX, ECX
 *   words 2, 3    leaf 0x80000001 EDX, ECX
 *   word 4        leaf 0xd subleaf 1 EAX
 *   words 5, 6    leaf 7 subleaf 0 EBX, ECX
 *   word 7        leaf 0x80000007 EDX
 *   word 8        leaf 0x80000008 EBX
 *   word 9        leaf 7 subleaf 0 EDX
 *   word 10       leaf 7 subleaf 1 EAX
 *   word 11       leaf 0x80000021 EAX
 *   word 12       leaf 7 subleaf 1 EBX
 *   word 13       leaf 7 subleaf 2 EDX
 *   words 14, 15  leaf 7 subleaf 1 ECX, EDX
 *   words 16, 17  MSR_ARCH_CAPABILITIES, low and high half
 *   word 18       leaf 0x80000021 ECX
 */
#ifndef LODGE_PUBLIC_CPUID_H
#define LODGE_PUBLIC_CPUID_H

#define XEN_CPUID_FIRST_LEAF     0x40000000
#define XEN_CPUID_LEAF(i)        (XEN_CPUID_FIRST_LEAF + (i))
#define XEN_CPUID_MAX_NUM_LEAVES 5

/* Leaf 0: the signature "XenVMMXenVMM". */
#define XEN_CPUID_SIGNATURE_EBX 0x566e6558
#define XEN_CPUID_SIGNATURE_ECX 0x65584d4d
#define XEN_CPUID_SIGNATURE_EDX 0x4d4d566e

/* Leaf 2, ECX. */
#define _XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD 0
#define XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD  (1u << 0)

/* Leaf 4, EAX. */
#define XEN_HVM_CPUID_APIC_ACCESS_VIRT (1u << 0)
#define XEN_HVM_CPUID_X2APIC_VIRT      (1u << 1)
#define XEN_HVM_CPUID_IOMMU_MAPPINGS   (1u << 2)
#define XEN_HVM_CPUID_VCPU_ID_PRESENT  (1u << 3)
#define XEN_HVM_CPUID_DOMID_PRESENT    (1u << 4)
#define XEN_HVM_CPUID_EXT_DEST_ID      (1u << 5)
#define XEN_HVM_CPUID_UPCALL_VECTOR    (1u << 6)

/* Leaf 5, EBX. */
#define XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK (0xffu << 0)

#endif
