/* SPDX-License-Identifier: MIT */
/*
 * What a paravirtual kernel finds when it starts: start_info, and for the control domain the
 * description of the screen that the firmware left behind.
 *
 * The builder (the hypervisor for the control domain, the control library for others) enters the
 * kernel in 64-bit kernel mode at the address in XEN_ELFNOTE_ENTRY, with RSI the virtual address of
 * start_info, RSP the top of the initial stack, events masked, and the flat segments loaded.
 * Virtual memory from XEN_ELFNOTE_VIRT_BASE on maps pseudo-physical memory from 0 on, page by page
 * and in this order:
 *
 *   kernel        at the addresses that its ELF headers ask for
 *   initrd        unless the kernel can take it unmapped (XEN_ELFNOTE_MOD_START_PFN)
 *   p2m           array of machine frame numbers, one per pseudo-physical frame, unless the kernel
 *                 names another place for it (XEN_ELFNOTE_INIT_P2M)
 *   start_info    one page; the control domain's dom0_vga_console_info is in it too
 *   store ring    one page, not for the control domain
 *   console ring  one page, not for the control domain
 *   page tables   from the L4 down; mapped read-only, unlike all the rest
 *   stack         one page
 *   padding       at least 512 KiB, up to the next multiple of 4 MiB, where the mapping ends
 */
#ifndef LODGE_PUBLIC_STARTINFO_H
#define LODGE_PUBLIC_STARTINFO_H

#include "handles.h"

#define MAX_GUEST_CMDLINE 1024

/*
 * The flags and the fields up to `console` are filled in again when a suspended domain resumes. The
 * machine frame numbers in them are new then; everything below `console` is as it was left.
 */
struct start_info {
    /* Valid at boot and after a resume. */
    char magic[32];            /* "xen-<version>-<platform>", zero-terminated */
    unsigned long nr_pages;    /* frames that belong to the domain */
    unsigned long shared_info; /* machine address of shared_info */
    uint32_t flags;            /* SIF_* */
    xen_pfn_t store_mfn;       /* machine frame of the store's ring */
    uint32_t store_evtchn;     /* event channel port of that ring */
    union {
        struct {
            xen_pfn_t mfn;   /* machine frame of the console's ring */
            uint32_t evtchn; /* event channel port of that ring */
        } domU;
        struct {
            uint32_t info_off;  /* where dom0_vga_console_info is, from start_info */
            uint32_t info_size; /* and how long it is; 0 if there is none */
        } dom0;
    } console;
    /* Valid at boot only. */
    unsigned long pt_base;      /* virtual address of the L4 table */
    unsigned long nr_pt_frames; /* frames of initial page tables */
    unsigned long mfn_list;     /* virtual address of the p2m array */
    unsigned long mod_start;    /* initrd: virtual address, or frame with SIF_MOD_START_PFN */
    unsigned long mod_len;      /* its length in bytes */
    int8_t cmd_line[MAX_GUEST_CMDLINE];
    unsigned long first_p2m_pfn; /* first frame of the p2m array, if mapped by INIT_P2M */
    unsigned long nr_p2m_frames; /* frames of the array and its page tables */
};
typedef struct start_info start_info_t;
_Static_assert(sizeof(struct start_info) == 1168, "start_info");
_Static_assert(offsetof(struct start_info, flags) == 48, "start_info.flags");
_Static_assert(offsetof(struct start_info, store_mfn) == 56, "start_info.store_mfn");
_Static_assert(offsetof(struct start_info, console) == 72, "start_info.console");
_Static_assert(offsetof(struct start_info, pt_base) == 88, "start_info.pt_base");
_Static_assert(offsetof(struct start_info, cmd_line) == 128, "start_info.cmd_line");
_Static_assert(offsetof(struct start_info, first_p2m_pfn) == 1152, "start_info.first_p2m_pfn");

/*
 * Bits of start_info.flags. Bits 15:8 (SIF_PM_MASK) carry power-management options to the control
 * domain.
 */
#define SIF_PRIVILEGED      (1 << 0) /* may use privileged operations */
#define SIF_INITDOMAIN      (1 << 1) /* is the control domain */
#define SIF_MULTIBOOT_MOD   (1 << 2) /* mod_start is a list of xen_multiboot_mod_list */
#define SIF_MOD_START_PFN   (1 << 3) /* mod_start is a frame number */
#define SIF_VIRT_P2M_4TOOLS (1 << 4) /* tools understand arch_shared_info.p2m_vaddr */
#define SIF_PM_MASK         (0xFF << 8)

/*
 * With SIF_MULTIBOOT_MOD, mod_start does not point to an initrd but to a package of several
 * modules, which begins with an array of these. Offsets count from the beginning of the package; a
 * structure with mod_start 0 ends the array.
 */
struct xen_multiboot_mod_list {
    uint32_t mod_start; /* offset of the module's first byte; 0 ends the list */
    uint32_t mod_end;   /* offset of its last byte */
    uint32_t cmdline;   /* offset of its command line */
    uint32_t pad;       /* zero */
};
_Static_assert(sizeof(struct xen_multiboot_mod_list) == 16, "xen_multiboot_mod_list");

/*
 * The screen of the control domain: console.dom0.info_off bytes after start_info, info_size bytes
 * long. A size smaller than the structure means that the fields beyond it are unknown. Colour
 * positions and sizes are bit numbers as in VBE.
 *
 *   XEN_VGATYPE_TEXT_MODE_3  80x25 text, the VGA text buffer at its usual place
 *   XEN_VGATYPE_VESA_LFB     linear frame buffer, set up through VBE
 *   XEN_VGATYPE_EFI_LFB      linear frame buffer, set up by EFI
 */
#define XEN_VGATYPE_TEXT_MODE_3 0x03
#define XEN_VGATYPE_VESA_LFB    0x23
#define XEN_VGATYPE_EFI_LFB     0x70

typedef struct dom0_vga_console_info {
    uint8_t video_type; /* XEN_VGATYPE_* */
    union {
        struct {
            uint16_t font_height;        /* pixels */
            uint16_t cursor_x, cursor_y; /* column, row */
            uint16_t rows, columns;
        } text_mode_3;
        struct {
            uint16_t width, height; /* pixels */
            uint16_t bytes_per_line;
            uint16_t bits_per_pixel;
            uint32_t lfb_base; /* physical address, low half */
            uint32_t lfb_size; /* units of 64 KiB; of EFI's, as Linux has it there, bytes */
            uint8_t red_pos, red_size;
            uint8_t green_pos, green_size;
            uint8_t blue_pos, blue_size;
            uint8_t rsvd_pos, rsvd_size;
            uint32_t gbl_caps;   /* VBE controller capabilities */
            uint16_t mode_attrs; /* VBE mode attributes */
            uint16_t pad;
            uint32_t ext_lfb_base; /* physical address, high half */
        } vesa_lfb;
    } u;
} dom0_vga_console_info_t;
#define xen_vga_console_info   dom0_vga_console_info
#define xen_vga_console_info_t dom0_vga_console_info_t
_Static_assert(sizeof(dom0_vga_console_info_t) == 40, "dom0_vga_console_info");
_Static_assert(offsetof(dom0_vga_console_info_t, u) == 4, "dom0_vga_console_info.u");

#endif
