/* SPDX-License-Identifier: MIT */
/*
 * platform_op: the control domain's operations on the machine itself.
 *
 * platform_op(op): `op` points to a struct xen_platform_op, whose `u` has the member that belongs
 * to `cmd`. -EACCES for another interface_version, -EPERM for any domain but the control domain,
 * -ENOSYS for an operation that is not there. EFI runtime calls are among these: Lodge boots
 * through BIOS.
 */
#ifndef LODGE_PUBLIC_PLATFORM_H
#define LODGE_PUBLIC_PLATFORM_H

#include "handles.h"
#include "platform_firmware.h"
#include "platform_power.h"

#define XENPF_INTERFACE_VERSION 0x03000001

#define XENPF_settime32            17
#define XENPF_add_memtype          31
#define XENPF_del_memtype          32
#define XENPF_read_memtype         33
#define XENPF_microcode_update     35
#define XENPF_platform_quirk       39
#define XENPF_get_cpu_version      48
#define XENPF_efi_runtime_call     49
#define XENPF_firmware_info        50
#define XENPF_enter_acpi_sleep     51
#define XENPF_change_freq          52
#define XENPF_getidletime          53
#define XENPF_set_processor_pminfo 54
#define XENPF_get_cpuinfo          55
#define XENPF_cpu_online           56
#define XENPF_cpu_offline          57
#define XENPF_cpu_hotadd           58
#define XENPF_mem_hotadd           59
#define XENPF_core_parking         60
#define XENPF_resource_op          61
#define XENPF_settime64            62
#define XENPF_get_symbol           63
#define XENPF_settime              XENPF_settime64

/*
 * XENPF_settime64: the wall clock: it was `secs` and `nsecs` since 1970 when system time was
 * `system_time`. All domains' shared_info follows, with their own offsets. -EINVAL if mbz is not 0.
 * XENPF_settime32 is the same with seconds that end in 2106.
 */
struct xenpf_settime32 {
    uint32_t secs;        /* IN */
    uint32_t nsecs;       /* IN */
    uint64_t system_time; /* IN */
};
typedef struct xenpf_settime32 xenpf_settime32_t;
_Static_assert(sizeof(xenpf_settime32_t) == 16, "xenpf_settime32");

struct xenpf_settime64 {
    uint64_t secs;        /* IN */
    uint32_t nsecs;       /* IN */
    uint32_t mbz;         /* IN, zero */
    uint64_t system_time; /* IN */
};
typedef struct xenpf_settime64 xenpf_settime64_t;
#define xenpf_settime xenpf_settime64
typedef struct xenpf_settime64 xenpf_settime_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_settime_t);
_Static_assert(sizeof(xenpf_settime64_t) == 24, "xenpf_settime64");

/*
 * XENPF_add_memtype, XENPF_del_memtype, XENPF_read_memtype: the processors' memory type range
 * registers. Adding returns a register and a handle by which to delete it again; reading one with
 * nothing in it gives 0 frames, -EINVAL beyond the last. A hypervisor that leaves them as the
 * firmware set them up refuses to change them with -ENOSYS.
 */
struct xenpf_add_memtype {
    xen_pfn_t mfn;    /* IN */
    uint64_t nr_mfns; /* IN */
    uint32_t type;    /* IN */
    uint32_t handle;  /* OUT */
    uint32_t reg;     /* OUT */
};
typedef struct xenpf_add_memtype xenpf_add_memtype_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_add_memtype_t);
_Static_assert(sizeof(xenpf_add_memtype_t) == 32, "xenpf_add_memtype");

struct xenpf_del_memtype {
    uint32_t handle; /* IN */
    uint32_t reg;    /* IN */
};
typedef struct xenpf_del_memtype xenpf_del_memtype_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_del_memtype_t);
_Static_assert(sizeof(xenpf_del_memtype_t) == 8, "xenpf_del_memtype");

struct xenpf_read_memtype {
    uint32_t reg;     /* IN */
    xen_pfn_t mfn;    /* OUT */
    uint64_t nr_mfns; /* OUT */
    uint32_t type;    /* OUT */
};
typedef struct xenpf_read_memtype xenpf_read_memtype_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_read_memtype_t);
_Static_assert(sizeof(xenpf_read_memtype_t) == 32, "xenpf_read_memtype");

/*
 * XENPF_microcode_update: load new microcode into all processors. -ENOENT if there is none for them
 * in the data.
 */
struct xenpf_microcode_update {
    XEN_GUEST_HANDLE(const_void) data; /* IN */
    uint32_t length;                   /* IN */
};
typedef struct xenpf_microcode_update xenpf_microcode_update_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_microcode_update_t);
_Static_assert(sizeof(xenpf_microcode_update_t) == 16, "xenpf_microcode_update");

/* XENPF_platform_quirk: the control domain has found that the chipset needs special treatment. */
#define QUIRK_NOIRQBALANCING     1
#define QUIRK_IOAPIC_BAD_REGSEL  2
#define QUIRK_IOAPIC_GOOD_REGSEL 3
struct xenpf_platform_quirk {
    uint32_t quirk_id; /* IN, QUIRK_* */
};
typedef struct xenpf_platform_quirk xenpf_platform_quirk_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_platform_quirk_t);
_Static_assert(sizeof(xenpf_platform_quirk_t) == 4, "xenpf_platform_quirk");

/*
 * XENPF_enter_acpi_sleep: the control domain's ACPI has prepared sleep state n, and these are the
 * values for the PM1a and PM1b control registers (with EXTENDED: for the sleep control and status
 * registers). 5 powers the machine off and does not return; 3 suspends to memory and returns after
 * resuming, or -EOPNOTSUPP.
 */
#define XENPF_ACPI_SLEEP_EXTENDED 0x00000001
struct xenpf_enter_acpi_sleep {
    uint16_t val_a;       /* IN, PM1a control or sleep control */
    uint16_t val_b;       /* IN, PM1b control or sleep status */
    uint32_t sleep_state; /* IN, n of Sn */
    uint32_t flags;       /* IN, XENPF_ACPI_SLEEP_EXTENDED */
};
typedef struct xenpf_enter_acpi_sleep xenpf_enter_acpi_sleep_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_enter_acpi_sleep_t);
_Static_assert(sizeof(xenpf_enter_acpi_sleep_t) == 12, "xenpf_enter_acpi_sleep");

/* XENPF_change_freq: a processor's frequency has changed. */
struct xenpf_change_freq {
    uint32_t flags; /* IN, zero */
    uint32_t cpu;   /* IN */
    uint64_t freq;  /* IN, Hz */
};
typedef struct xenpf_change_freq xenpf_change_freq_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_change_freq_t);
_Static_assert(sizeof(xenpf_change_freq_t) == 16, "xenpf_change_freq");

/*
 * XENPF_getidletime: how long each processor of the map has been idle; the map comes back with
 * those that are not there cleared. idletime[] is indexed by processor.
 */
struct xenpf_getidletime {
    XEN_GUEST_HANDLE(uint8) cpumap_bitmap; /* IN and OUT */
    uint32_t cpumap_nr_cpus;               /* IN */
    XEN_GUEST_HANDLE(uint64) idletime;     /* OUT, nanoseconds */
    uint64_t now;                          /* OUT, system time */
};
typedef struct xenpf_getidletime xenpf_getidletime_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_getidletime_t);
_Static_assert(sizeof(xenpf_getidletime_t) == 32, "xenpf_getidletime");

/*
 * XENPF_get_cpuinfo: one processor; the highest number in max_present whatever the answer.
 * XEN_PCPU_FLAGS_INVALID if it is not there.
 */
#define XEN_PCPU_FLAGS_ONLINE  1
#define XEN_PCPU_FLAGS_INVALID 2
struct xenpf_pcpuinfo {
    uint32_t xen_cpuid;   /* IN */
    uint32_t max_present; /* OUT */
    uint32_t flags;       /* OUT, XEN_PCPU_FLAGS_* */
    uint32_t apic_id;     /* OUT */
    uint32_t acpi_id;     /* OUT */
};
typedef struct xenpf_pcpuinfo xenpf_pcpuinfo_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_pcpuinfo_t);
_Static_assert(sizeof(xenpf_pcpuinfo_t) == 20, "xenpf_pcpuinfo");

/*
 * XENPF_get_cpu_version: vendor, family, model and stepping of one processor; all 0 if it is not
 * online.
 */
struct xenpf_pcpu_version {
    uint32_t xen_cpuid;   /* IN */
    uint32_t max_present; /* OUT, as all the rest */
    char vendor_id[12];
    uint32_t family;
    uint32_t model;
    uint32_t stepping;
};
typedef struct xenpf_pcpu_version xenpf_pcpu_version_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_pcpu_version_t);
_Static_assert(sizeof(xenpf_pcpu_version_t) == 32, "xenpf_pcpu_version");

/*
 * XENPF_cpu_online, XENPF_cpu_offline: take a processor in or out of use, as XEN_SYSCTL_cpu_hotplug
 * does; 0 if it is so already. -EINVAL if there is none, -EOPNOTSUPP for the boot processor, -EBUSY
 * or -EADDRINUSE if it cannot be done now.
 */
struct xenpf_cpu_ol {
    uint32_t cpuid; /* IN */
};
typedef struct xenpf_cpu_ol xenpf_cpu_ol_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_cpu_ol_t);

/* XENPF_cpu_hotadd: ACPI has announced a new processor. Returns its number. */
struct xenpf_cpu_hotadd {
    uint32_t apic_id; /* IN */
    uint32_t acpi_id; /* IN */
    uint32_t pxm;     /* IN */
};
typedef struct xenpf_cpu_hotadd xenpf_cpu_hotadd_t;

/* XENPF_mem_hotadd: ACPI has announced new memory, from frame spfn to before epfn. */
struct xenpf_mem_hotadd {
    uint64_t spfn;  /* IN, first frame */
    uint64_t epfn;  /* IN, frame past the last */
    uint32_t pxm;   /* IN */
    uint32_t flags; /* IN, zero */
};
typedef struct xenpf_mem_hotadd xenpf_mem_hotadd_t;

/* XENPF_core_parking: ACPI asks for some processors to be idle. */
#define XEN_CORE_PARKING_SET 1
#define XEN_CORE_PARKING_GET 2
struct xenpf_core_parking {
    uint32_t type;      /* IN, XEN_CORE_PARKING_* */
    uint32_t idle_nums; /* IN of set, OUT of get */
};
typedef struct xenpf_core_parking xenpf_core_parking_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_core_parking_t);

/*
 * XENPF_resource_op: read or write MSRs on processor `cpu`, from a short list of harmless ones. The
 * entries are done in order; returns how many were, and in u.ret of the first that was not its
 * error.
 */
#define XEN_RESOURCE_OP_MSR_READ  0
#define XEN_RESOURCE_OP_MSR_WRITE 1
struct xenpf_resource_entry {
    union {
        uint32_t cmd; /* IN, XEN_RESOURCE_OP_* */
        int32_t ret;  /* OUT */
    } u;
    uint32_t rsvd; /* zero */
    uint64_t idx;  /* IN, MSR */
    uint64_t val;  /* IN or OUT */
};
typedef struct xenpf_resource_entry xenpf_resource_entry_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_resource_entry_t);
_Static_assert(sizeof(xenpf_resource_entry_t) == 24, "xenpf_resource_entry");
struct xenpf_resource_op {
    uint32_t nr_entries; /* IN */
    uint32_t cpu;        /* IN */
    XEN_GUEST_HANDLE(xenpf_resource_entry_t) entries;
};
typedef struct xenpf_resource_op xenpf_resource_op_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_resource_op_t);
_Static_assert(sizeof(xenpf_resource_op_t) == 16, "xenpf_resource_op");

/*
 * XENPF_get_symbol: the hypervisor's symbol table, one at a time, for profilers. `symnum` goes up
 * by itself until it stays the same: no more. `type` is as in nm's output.
 */
struct xenpf_symdata {
    uint32_t namelen;            /* IN room, OUT length */
    uint32_t symnum;             /* IN this one, OUT the next */
    XEN_GUEST_HANDLE(char) name; /* OUT */
    uint64_t address;            /* OUT */
    char type;                   /* OUT */
};
typedef struct xenpf_symdata xenpf_symdata_t;
DEFINE_XEN_GUEST_HANDLE(xenpf_symdata_t);
_Static_assert(sizeof(xenpf_symdata_t) == 32, "xenpf_symdata");

/* The argument of platform_op. The union has 128 bytes for every operation there is or will be. */
struct xen_platform_op {
    uint32_t cmd;               /* IN, XENPF_* */
    uint32_t interface_version; /* IN, XENPF_INTERFACE_VERSION */
    union {
        xenpf_settime_t settime;
        xenpf_settime32_t settime32;
        xenpf_settime64_t settime64;
        xenpf_add_memtype_t add_memtype;
        xenpf_del_memtype_t del_memtype;
        xenpf_read_memtype_t read_memtype;
        xenpf_microcode_update_t microcode;
        xenpf_platform_quirk_t platform_quirk;
        xenpf_firmware_info_t firmware_info;
        xenpf_enter_acpi_sleep_t enter_acpi_sleep;
        xenpf_change_freq_t change_freq;
        xenpf_getidletime_t getidletime;
        xenpf_set_processor_pminfo_t set_pminfo;
        xenpf_pcpuinfo_t pcpu_info;
        xenpf_pcpu_version_t pcpu_version;
        xenpf_cpu_ol_t cpu_ol;
        xenpf_cpu_hotadd_t cpu_add;
        xenpf_mem_hotadd_t mem_add;
        xenpf_core_parking_t core_parking;
        xenpf_resource_op_t resource_op;
        xenpf_symdata_t symdata;
        uint8_t pad[128];
    } u;
};
typedef struct xen_platform_op xen_platform_op_t;
DEFINE_XEN_GUEST_HANDLE(xen_platform_op_t);
_Static_assert(sizeof(xen_platform_op_t) == 136, "xen_platform_op");
_Static_assert(offsetof(xen_platform_op_t, u) == 8, "xen_platform_op.u");

#endif
