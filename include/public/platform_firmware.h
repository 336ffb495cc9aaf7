/* SPDX-License-Identifier: MIT */
/*
 * What the firmware left behind: the argument of XENPF_firmware_info.
 * Included by platform.h, which has the calling convention.
 */
#ifndef LODGE_PUBLIC_PLATFORM_FIRMWARE_H
#define LODGE_PUBLIC_PLATFORM_FIRMWARE_H

#include "handles.h"

/*
 * XENPF_firmware_info: what firmware said at boot, which only the hypervisor could ask. -ESRCH if
 * it has nothing of that kind or under that index; -EINVAL for a kind that is unknown. `index`
 * counts from 0.
 *
 *   FW_DISK_INFO           BIOS disk `index` as interrupt 13h describes it; edd_params is a buffer,
 *                          whose first two bytes are IN its length
 *   FW_DISK_MBR_SIGNATURE  signature in the boot sector of BIOS disk `index`
 *   FW_VBEDDC_INFO         the display's identification: 128 bytes go to `edid`
 *   FW_EFI_INFO            `index` is FW_EFI_*, each with its member of xenpf_efi_info
 *   FW_KBD_SHIFT_FLAGS     the BIOS's keyboard flags
 *
 * Of xenpf_efi_info `mem` is IN an address and OUT the entry of the memory map with it, and
 * `pci_rom` is IN a PCI function and OUT its ROM.
 */
#define XEN_FW_DISK_INFO            1
#define XEN_FW_DISK_MBR_SIGNATURE   2
#define XEN_FW_VBEDDC_INFO          3
#define XEN_FW_EFI_INFO             4
#define XEN_FW_EFI_VERSION          0
#define XEN_FW_EFI_CONFIG_TABLE     1
#define XEN_FW_EFI_VENDOR           2
#define XEN_FW_EFI_MEM_INFO         3
#define XEN_FW_EFI_RT_VERSION       4
#define XEN_FW_EFI_PCI_ROM          5
#define XEN_FW_EFI_APPLE_PROPERTIES 6
#define XEN_FW_KBD_SHIFT_FLAGS      5

union xenpf_efi_info {
    uint32_t version;
    struct {
        uint64_t addr;
        uint32_t nent;
    } cfg;
    struct {
        uint32_t revision;
        uint32_t bufsz; /* IN and OUT, bytes */
        XEN_GUEST_HANDLE(void) name;
    } vendor;
    struct {
        uint64_t addr;
        uint64_t size;
        uint64_t attr;
        uint32_t type;
    } mem;
    struct {
        uint16_t segment; /* IN */
        uint8_t bus;      /* IN */
        uint8_t devfn;    /* IN */
        uint16_t vendor;  /* IN */
        uint16_t devid;   /* IN */
        uint64_t address;
        xen_ulong_t size;
    } pci_rom;
    struct {
        uint64_t address;
        xen_ulong_t size;
    } apple_properties;
};

struct xenpf_firmware_info {
    uint32_t type;  /* IN, XEN_FW_* */
    uint32_t index; /* IN */
    union {         /* OUT, by type */
        struct {
            uint8_t device;
            uint8_t version;
            uint16_t interface_support;
            uint16_t legacy_max_cylinder;
            uint8_t legacy_max_head;
            uint8_t legacy_sectors_per_track;
            XEN_GUEST_HANDLE(void) edd_params;
        } disk_info;
        struct {
            uint8_t device;
            uint32_t mbr_signature;
        } disk_mbr_signature;
        struct {
            uint8_t capabilities;
            uint8_t edid_transfer_time;
            XEN_GUEST_HANDLE(uint8) edid;
        } vbeddc_info;
        union xenpf_efi_info efi_info;
        uint8_t kbd_shift_flags;
    } u;
};
typedef struct xenpf_firmware_info xenpf_firmware_info_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_firmware_info_t);
_Static_assert(sizeof(xenpf_firmware_info_t) == 40, "xenpf_firmware_info");

#endif
