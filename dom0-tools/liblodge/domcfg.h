// SPDX-License-Identifier: GPL-2.0-only
/*
 * domcfg.h: what a guest shall be, after its config has been read and checked.
 *
 * One structure for three users: `lodge create` fills it from a config file, the monitor reads it
 * back from the saved JSON to restart a guest, and create.c builds the guest from it.
 */
#ifndef LODGE_DOMCFG_H
#define LODGE_DOMCFG_H

#include <stdbool.h>
#include <stdint.h>
#include <builder/builder.h>
#include <json-c/json.h>
#include "cfg.h"
#include "disk.h"
#include "vif.h"

#define DOMCFG_MAX_CPUS   1024
#define DOMCFG_MAX_VCPUS  512
#define DOMCFG_MAX_NAME   128
#define DOMCFG_MAX_OFFSET INT32_MAX /* seconds, either way */

struct cpuset {
    uint64_t word[DOMCFG_MAX_CPUS / 64];
};

enum on_action {
    ON_DESTROY,
    ON_RESTART,
    ON_RENAME_RESTART,
    ON_PRESERVE,
    ON_COREDUMP_DESTROY,
    ON_COREDUMP_RESTART,
    ON_ACTIONS
};

enum on_event { ON_POWEROFF, ON_REBOOT, ON_CRASH, ON_WATCHDOG, ON_SOFT_RESET, ON_EVENTS };

/* Owns all that it points to. All zero is an empty one, which lodge_domcfg_free() takes. */
struct domcfg {
    char *name;
    enum builder_type type;
    bool shadow;      /* its paging, where it is not PV: else nested */
    char *bootloader; /* as written; the kernel is a loader then. NULL: none */
    char *kernel;
    char *ramdisk; /* NULL: none */
    char *cmdline; /* never NULL */
    uint64_t memory_mib, maxmem_mib;
    unsigned vcpus, maxvcpus;
    struct cpuset *pin; /* hard affinity: none, one for all vcpus, or one per vcpu */
    unsigned nr_pin;
    struct cpuset *soft; /* where they prefer to run; as above */
    unsigned nr_soft;
    enum on_action on[ON_EVENTS];
    uint8_t uuid[16];
    bool has_uuid;
    bool fixed_uuid; /* the config names it: the guest has the same each time it is made */
    unsigned weight; /* 0: the scheduler's default */
    int cap;         /* per cent of one processor; -1: the scheduler's default */
    unsigned event_channels, grant_frames; /* the most that it may have; 0: the builder's default */
    unsigned maptrack_frames;
    bool has_maptrack;                        /* else that, too, is the default's */
    bool has_tsc_mode;                        /* else it is native */
    unsigned tsc_mode;                        /* CTL_TSC_* */
    bool claim;                               /* its memory is set aside before it is given */
    bool localtime;                           /* its wall clock starts with dom0's local time */
    int time_offset;                          /* seconds that it is ahead, beside that */
    struct device_list devices[DEVICE_KINDS]; /* each with its number */
};

/* Called once for each warning, with a complete sentence that names file and line. */
typedef void domcfg_warn_fn(void *arg, const char *msg);

/*
 * Gives meaning to a parsed config. Returns 0, or -1 with a message in err. Files that the config
 * names must exist and be readable. Keys that are not understood are warned about, each by name.
 */
int lodge_domcfg_from_cfg(struct domcfg *dc, struct cfg *cfg, domcfg_warn_fn *warn, void *warn_arg,
                          char *err, size_t errlen);
void lodge_domcfg_free(struct domcfg *dc);

struct json_object *lodge_domcfg_to_json(const struct domcfg *dc);
int lodge_domcfg_from_json(struct domcfg *dc, struct json_object *js, char *err, size_t errlen);

const char *lodge_domcfg_action_name(enum on_action action);
const char *lodge_domcfg_event_name(enum on_event event); /* "on_crash", ... */
/* Which on_* setting a shutdown's reason (SHUTDOWN_*) falls under; -1 if none does. */
int lodge_domcfg_event(unsigned reason);
int lodge_domcfg_parse_action(const char *text); /* -1: there is none of that name */

/* "all", "0-3,^2", "5": returns 0, or -1 with a message that names what cannot be read. */
int lodge_cpuset_parse(struct cpuset *set, const char *text, char *err, size_t errlen);
/* The shortest such text, e.g. "0-3,8"; "all" where every bit below limit is set. */
void lodge_cpuset_format(const struct cpuset *set, unsigned limit, char *buf, size_t len);
void lodge_cpuset_add(struct cpuset *set, unsigned cpu);
bool lodge_cpuset_has(const struct cpuset *set, unsigned cpu);

int lodge_uuid_parse(uint8_t uuid[16], const char *text);
void lodge_uuid_format(const uint8_t uuid[16], char text[static 37]);

/* --- domcfg_devices.c ------------------------------------------------------------------------ */

/* The devices (read by domcfg_read_devices(), cfgread.h) as JSON and back. */
void lodge_domcfg_devices_to_json(const struct domcfg *dc, struct json_object *js);
int lodge_domcfg_devices_from_json(struct domcfg *dc, struct json_object *js);
void lodge_domcfg_devices_free(struct domcfg *dc);

/*
 * Takes a device over into the list, if it fits to those that are there: a vdev, an image that is
 * written to, an index and an address occur once. An interface without an index or an address gets
 * them. -1 with a sentence in err: the device stays the caller's.
 */
int lodge_domcfg_add(struct domcfg *dc, enum device_kind kind, struct device_base *d, char *err,
                     size_t errlen);
/* Forgets one, by its number; false if it is not there. */
bool lodge_domcfg_drop(struct domcfg *dc, enum device_kind kind, unsigned devid);

static inline struct disk *lodge_domcfg_disk(const struct domcfg *dc, unsigned i)
{
    return (struct disk *)lodge_device_at(&dc->devices[DEVICE_DISK], DEVICE_DISK, i);
}

static inline struct vif *lodge_domcfg_vif(const struct domcfg *dc, unsigned i)
{
    return (struct vif *)lodge_device_at(&dc->devices[DEVICE_VIF], DEVICE_VIF, i);
}

/* Why a name cannot be a guest's, or NULL where it can. */
const char *lodge_domcfg_bad_name(const char *name);

#endif
