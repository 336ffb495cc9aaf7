/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The domain builder: makes a domain out of a kernel file, paravirtual or fully virtualized.
 *
 * builder_create() reads and checks the kernel before it asks the hypervisor for anything, creates
 * the domain, fills its memory and leaves it paused, one ctl_domain_unpause() away from its first
 * instruction. The xenstore entries and the introduction to xenstored are the caller's work: the
 * result holds what they need. If any step fails the half-made domain is destroyed, its memory is
 * free again, and ctl_message() says what was wrong.
 *
 * image_extract() is the same image code without a domain: it unpacks a bzImage into the ELF that
 * the hypervisor can boot as dom0.
 */
#ifndef LODGE_BUILDER_H
#define LODGE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;

#define BUILDER_GUEST_OS 32

/* As in the hypervisor's core/domain.h; for messages, and for who looks before. */
#define BUILDER_LODGE_MAX_VCPUS 64U

enum builder_type {
    BUILDER_PV,
    BUILDER_HVM, /* with nothing paravirtual to be seen */
    BUILDER_PVH, /* its processor and memory are virtualized, all else is paravirtual */
    BUILDER_TYPES
};

struct builder_config {
    enum builder_type type;
    bool shadow;             /* not of PV: with shadow page tables, else with nested ones */
    const char *kernel;      /* path: an ELF64 or a bzImage */
    const char *ramdisk;     /* path, or NULL */
    const char *cmdline;     /* or NULL; at most 1023 bytes */
    uint64_t memory_kib;     /* what the guest starts with; rounded down to whole pages */
    uint64_t max_memory_kib; /* the ceiling; 0 or less than memory_kib: the same as memory_kib */
    uint32_t vcpus;          /* vcpus that exist from the start; 0 means 1 */
    uint32_t max_vcpus;      /* 0 or less than vcpus: the same as vcpus */
    uint32_t max_event_channels;         /* 0: as many as a guest with plenty of devices has */
    uint32_t max_grant_frames;           /* 0: the hypervisor's default */
    const uint32_t *max_maptrack_frames; /* NULL: the hypervisor's default */
    bool claim;       /* set all of its memory aside at once, so that nobody takes it meanwhile */
    uint8_t uuid[16]; /* the domain's handle */
    uint32_t flags;   /* XEN_DOMCTL_CDF_* beyond those of the type; 0 as a rule */
    uint32_t ssidref; /* security label, 0 as a rule */
    uint16_t domid;   /* the wanted id; 0: any */
    uint16_t store_domid;   /* who serves xenstore; 0: dom0 */
    uint16_t console_domid; /* who serves the console; 0: dom0 */
};

struct builder_result {
    uint16_t domid;
    /* Frames: the machine's numbers where the domain is PV, else the domain's own. */
    uint64_t store_mfn;       /* xenstore: the `mfn` of introduce, store/ring-ref */
    uint32_t store_evtchn;    /* the guest's port, for introduce and store/port */
    uint64_t console_mfn;     /* xenstore: console/ring-ref */
    uint32_t console_evtchn;  /* the guest's port: console/port */
    uint64_t memory_pages;    /* what the guest got */
    uint32_t nr_vcpus;        /* as created: max_vcpus of the configuration after defaults */
    uint64_t start_info_mfn;  /* for debuggers */
    uint64_t shared_info_mfn; /* for debuggers; of PV alone */
};

/* 0 or -errno, with the reason in ctl_message(ctl). The domain is paused on success. */
int builder_create(struct ctl *ctl, const struct builder_config *config,
                   struct builder_result *result);

/*
 * The part of builder_create() that needs no hypervisor, and makes nothing: can this be built at
 * all? 0 or -errno as there; of `ctl`, which need not be open, only the message is used. `guest_os`
 * gets what the kernel says that it is, made safe to print.
 */
int builder_check(struct ctl *ctl, const struct builder_config *config,
                  char guest_os[static BUILDER_GUEST_OS]);

/* As configs name it. */
static inline const char *builder_type_name(enum builder_type type)
{
    static const char *const name[BUILDER_TYPES] = {"pv", "hvm", "pvh"};

    return name[type];
}

/*
 * Is there a hypervisor for it? By the `capabilities` of sysctl's physinfo: 0 or -EOPNOTSUPP, with
 * the reason as a message.
 */
int builder_check_type(struct ctl *ctl, uint32_t capabilities, enum builder_type type, bool shadow);

/*
 * What a fully virtualized domain may have, at the most, beside that much memory of its own: the
 * ceiling of its memory is so much higher.
 */
uint64_t builder_overhead_kib(uint64_t kib);

/*
 * Unpack the kernel in `path_in` (a bzImage or an ELF) into `path_out`, which is replaced
 * atomically: it is either the old file or the whole new one. The result is an ELF64 with the notes
 * of a PV kernel, without sections and without what is only zeroes. On failure `message` (of `size`
 * bytes) holds the reason.
 */
int image_extract(const char *path_in, const char *path_out, char *message, size_t size);

#endif
