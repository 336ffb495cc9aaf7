// SPDX-License-Identifier: GPL-2.0-only
/*
 * domcfg.c: from settings to a checked description of a guest, and to JSON and back.
 *
 * Nothing is guessed: a value of the wrong type, a number out of its range, a file that cannot be
 * read or an unknown word ends here with the line it stands on and what would be accepted. Keys
 * that xl knows and that have no meaning here are named in a warning, so that a config written
 * for xl shows what it loses instead of losing it silently.
 */
#include "domcfg.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <public/sched.h>
#include <must.h>
#include "cfgread.h"
#include "devspec.h"

static const char *const action_name[ON_ACTIONS] = {
    [ON_DESTROY] = "destroy",
    [ON_RESTART] = "restart",
    [ON_RENAME_RESTART] = "rename-restart",
    [ON_PRESERVE] = "preserve",
    [ON_COREDUMP_DESTROY] = "coredump-destroy",
    [ON_COREDUMP_RESTART] = "coredump-restart",
};

static const char *const event_name[ON_EVENTS] = {
    [ON_POWEROFF] = "on_poweroff", [ON_REBOOT] = "on_reboot",         [ON_CRASH] = "on_crash",
    [ON_WATCHDOG] = "on_watchdog", [ON_SOFT_RESET] = "on_soft_reset",
};

static const enum on_action event_default[ON_EVENTS] = {
    [ON_POWEROFF] = ON_DESTROY, [ON_REBOOT] = ON_RESTART,     [ON_CRASH] = ON_DESTROY,
    [ON_WATCHDOG] = ON_DESTROY, [ON_SOFT_RESET] = ON_DESTROY,
};

/* By the hypervisor's number. */
static const char *const tsc_mode_name[] = {"default", "always_emulate", "native",
                                            "native_paravirt"};
#define TSC_MODES  (sizeof(tsc_mode_name) / sizeof(tsc_mode_name[0]))
#define TSC_NATIVE 2

const char *lodge_domcfg_action_name(enum on_action action)
{
    return action < ON_ACTIONS ? action_name[action] : "unknown";
}

const char *lodge_domcfg_event_name(enum on_event event)
{
    return event < ON_EVENTS ? event_name[event] : "unknown";
}

int lodge_domcfg_event(unsigned reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        return ON_POWEROFF;
    case SHUTDOWN_reboot:
        return ON_REBOOT;
    case SHUTDOWN_crash:
        return ON_CRASH;
    case SHUTDOWN_soft_reset:
        return ON_SOFT_RESET;
    case SHUTDOWN_watchdog:
        return ON_WATCHDOG;
    default:
        return -1; /* suspend: whoever asked for it deals with it */
    }
}

int lodge_domcfg_parse_action(const char *text)
{
    for (int i = 0; i < ON_ACTIONS; i++)
        if (!strcmp(text, action_name[i]))
            return i;
    return -1;
}

const char *lodge_domcfg_bad_name(const char *name)
{
    bool digits = true;

    if (!*name)
        return "it is empty";
    if (*name == '-')
        return "it begins with a hyphen, as an option does";
    if (strlen(name) >= DOMCFG_MAX_NAME)
        return "it is longer than 127 characters";
    for (const char *p = name; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("-_.:+", *p))
            return "only letters, digits and - _ . : + may stand in it";
        digits = digits && isdigit((unsigned char)*p);
    }
    if (digits)
        return "only digits: it could not be told from a domain id";
    if (!strcmp(name, "Domain-0"))
        return "it is domain 0's";
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        return "it is not usable as a file name";
    return NULL;
}

static int read_name(struct cfgread *c, struct domcfg *dc)
{
    const char *name, *bad, *uuid;

    if (cfgread_string(c, "name", &name))
        return -1;
    if (!name)
        return cfgread_fail(c, NULL, "the config has no name; add a line like: name = \"guest\"");
    bad = lodge_domcfg_bad_name(name);
    if (bad)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "name"), "'%s' cannot be a guest's name: %s",
                            name, bad);
    dc->name = must(strdup(name));

    if (cfgread_string(c, "uuid", &uuid))
        return -1;
    if (uuid) {
        if (lodge_uuid_parse(dc->uuid, uuid))
            return cfgread_fail(c, lodge_cfg_get(c->cfg, "uuid"),
                                "'%s' is not a uuid; it looks like "
                                "\"a2e1d0c3-7b54-4f6e-9d38-1c0b5a69e872\"",
                                uuid);
        dc->has_uuid = dc->fixed_uuid = true;
    }
    return 0;
}

static int read_sizes(struct cfgread *c, struct domcfg *dc)
{
    const uint64_t most = 16ull << 20; /* MiB: 16 TiB, what 44-bit machine addresses hold */
    uint64_t vcpus = 0, maxvcpus = 0, weight = 0, cap = UINT64_MAX;

    if (cfgread_memory(c, "memory", most, &dc->memory_mib) ||
        cfgread_memory(c, "maxmem", most, &dc->maxmem_mib) ||
        cfgread_number(c, "vcpus", 1, DOMCFG_MAX_VCPUS, &vcpus) ||
        cfgread_number(c, "maxvcpus", 1, DOMCFG_MAX_VCPUS, &maxvcpus) ||
        cfgread_number(c, "cpu_weight", 1, 65535, &weight) ||
        cfgread_number(c, "cap", 0, 100 * DOMCFG_MAX_VCPUS, &cap))
        return -1;
    if (!dc->memory_mib)
        dc->memory_mib = dc->maxmem_mib ? dc->maxmem_mib : 32;
    if (!dc->maxmem_mib)
        dc->maxmem_mib = dc->memory_mib;
    if (dc->maxmem_mib < dc->memory_mib)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "maxmem"),
                            "maxmem = %llu is below memory = %llu; raise maxmem or lower memory",
                            (unsigned long long)dc->maxmem_mib, (unsigned long long)dc->memory_mib);
    dc->vcpus = vcpus ? (unsigned)vcpus : maxvcpus ? (unsigned)maxvcpus : 1;
    dc->maxvcpus = maxvcpus ? (unsigned)maxvcpus : dc->vcpus;
    if (dc->maxvcpus < dc->vcpus)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "maxvcpus"),
                            "maxvcpus = %u is below vcpus = %u; raise maxvcpus or lower vcpus",
                            dc->maxvcpus, dc->vcpus);
    dc->weight = (unsigned)weight;
    dc->cap = cap == UINT64_MAX ? -1 : (int)cap;
    return 0;
}

/* cpus or cpus_soft: one set for all vcpus, or a list with one for each. */
static int read_cpus(struct cfgread *c, const char *key, unsigned vcpus, struct cpuset **out,
                     unsigned *nr)
{
    struct cfg_setting *set = lodge_cfg_get(c->cfg, key);
    char err[160];

    if (!set)
        return 0;
    *nr = set->value.type == CFG_LIST ? (unsigned)set->value.nr : 1;
    if (!*nr)
        return cfgread_fail(c, set, "%s is an empty list; leave it out, or give one entry per vcpu",
                            key);
    if (set->value.nr > vcpus)
        return cfgread_fail(c, set, "%s has %zu entries for %u vcpus", key, set->value.nr, vcpus);
    *out = must(calloc(*nr, sizeof(**out)));
    for (unsigned i = 0; i < *nr; i++) {
        const struct cfg_value *v = set->value.type == CFG_LIST ? &set->value.item[i] : &set->value;

        if (v->type == CFG_LIST)
            return cfgread_fail(
                c, set, "%s: entry %u is a list; write it as a string like \"0-3,^1\"", key, i + 1);
        if (lodge_cpuset_parse(&(*out)[i], v->str, err, sizeof(err)))
            return cfgread_fail(c, set, "%s: %s", key, err);
    }
    /* A list pins vcpu by vcpu; those behind its end may run anywhere. */
    if (set->value.type == CFG_LIST && *nr < vcpus) {
        *out = must(realloc(*out, vcpus * sizeof(**out)));
        memset(&(*out)[*nr], 0xff, (vcpus - *nr) * sizeof(**out));
        *nr = vcpus;
    }
    return 0;
}

/* xl's words, or the hypervisor's number. */
static int read_tsc_mode(struct cfgread *c, struct domcfg *dc)
{
    const char *text;
    unsigned mode = 0;

    if (cfgread_string(c, "tsc_mode", &text))
        return -1;
    if (!text)
        return 0;
    while (mode < TSC_MODES && strcasecmp(text, tsc_mode_name[mode]) &&
           !(text[0] == (char)('0' + mode) && !text[1]))
        mode++;
    if (mode == TSC_MODES)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "tsc_mode"),
                            "tsc_mode = \"%s\" is not known; it can be default, always_emulate or "
                            "native",
                            text);
    if (!strcmp(tsc_mode_name[mode], "native_paravirt")) {
        cfgread_warn(c, lodge_cfg_get(c->cfg, "tsc_mode"), NULL,
                     "tsc_mode = \"%s\" is no more; the guest has native", text);
        mode = TSC_NATIVE;
    }
    dc->has_tsc_mode = true;
    dc->tsc_mode = mode;
    return 0;
}

/* What the hypervisor is told beside sizes and shares. */
static int read_options(struct cfgread *c, struct domcfg *dc)
{
    uint64_t channels = 0, grant = 0, track = UINT64_MAX, local = 0, claim = 0;
    struct cfg_setting *offset;
    char *end;

    if (cfgread_number(c, "max_event_channels", 16, 131071, &channels) ||
        cfgread_number(c, "max_grant_frames", 1, 4096, &grant) ||
        cfgread_number(c, "max_maptrack_frames", 0, 32768, &track) ||
        cfgread_number(c, "localtime", 0, 1, &local) ||
        cfgread_number(c, "claim_mode", 0, 1, &claim) || read_tsc_mode(c, dc))
        return -1;
    dc->event_channels = (unsigned)channels;
    dc->grant_frames = (unsigned)grant;
    dc->has_maptrack = track != UINT64_MAX;
    dc->maptrack_frames = dc->has_maptrack ? (unsigned)track : 0;
    dc->localtime = local;
    dc->claim = claim;
    offset = lodge_cfg_get(c->cfg, "rtc_timeoffset");
    if (offset) { /* unlike all others it may be negative */
        long long seconds =
            offset->value.type == CFG_LIST ? LLONG_MAX : strtoll(offset->value.str, &end, 0);

        if (seconds < -DOMCFG_MAX_OFFSET || seconds > DOMCFG_MAX_OFFSET || *end ||
            end == offset->value.str)
            return cfgread_fail(c, offset, "rtc_timeoffset takes a number of seconds");
        dc->time_offset = (int)seconds;
    }
    return 0;
}

/*
 * The action for a guest that asks for a new start with its memory kept. "soft-reset" itself is not
 * supported: the guest is restarted.
 */
static int read_action(const char *text)
{
    return strcmp(text, "soft-reset") ? lodge_domcfg_parse_action(text) : ON_RESTART;
}

static int read_actions(struct cfgread *c, struct domcfg *dc)
{
    for (int e = 0; e < ON_EVENTS; e++) {
        const char *text;
        int action;

        dc->on[e] = event_default[e];
        if (cfgread_string(c, event_name[e], &text))
            return -1;
        if (!text) {
            if (e == ON_SOFT_RESET)
                dc->on[e] = dc->on[ON_CRASH];
            continue;
        }
        action = e == ON_SOFT_RESET ? read_action(text) : lodge_domcfg_parse_action(text);
        if (action < 0)
            return cfgread_fail(
                c, lodge_cfg_get(c->cfg, event_name[e]),
                "%s = \"%s\" is not known; it can be destroy, restart, rename-restart, "
                "preserve, coredump-destroy or coredump-restart",
                event_name[e], text);
        dc->on[e] = (enum on_action)action;
        if (!strcmp(text, "soft-reset"))
            cfgread_warn(c, lodge_cfg_get(c->cfg, event_name[e]), NULL,
                         "a guest cannot be reset and keep its memory; it is restarted");
        if (action == ON_COREDUMP_DESTROY || action == ON_COREDUMP_RESTART)
            cfgread_warn(c, lodge_cfg_get(c->cfg, event_name[e]), NULL,
                         "core dumps are not supported; %s will %s without one", event_name[e],
                         action == ON_COREDUMP_DESTROY ? "destroy" : "restart");
    }
    return 0;
}

int lodge_domcfg_from_cfg(struct domcfg *dc, struct cfg *cfg, domcfg_warn_fn *warn, void *warn_arg,
                          char *err, size_t errlen)
{
    struct cfgread c = {cfg, warn, warn_arg, err, errlen};

    memset(dc, 0, sizeof(*dc));
    if (domcfg_read_type(&c, dc) || read_name(&c, dc) || domcfg_read_boot(&c, dc) ||
        read_sizes(&c, dc) || read_cpus(&c, "cpus", dc->maxvcpus, &dc->pin, &dc->nr_pin) ||
        read_cpus(&c, "cpus_soft", dc->maxvcpus, &dc->soft, &dc->nr_soft) || read_options(&c, dc) ||
        read_actions(&c, dc) || domcfg_read_devices(&c, dc) || domcfg_check_type(&c, dc)) {
        lodge_domcfg_free(dc);
        return -1;
    }
    for (size_t i = 0; i < cfg->nr; i++) {
        if (cfg->set[i].replaced)
            cfgread_warn(&c, &cfg->set[i], NULL, "'%s' was set before in line %u; this one counts",
                         cfg->set[i].key, cfg->set[i].replaced);
        if (!cfg->set[i].used)
            cfgread_warn(&c, &cfg->set[i], NULL, "'%s' is not supported and has no effect",
                         cfg->set[i].key);
    }
    return 0;
}

void lodge_domcfg_free(struct domcfg *dc)
{
    free(dc->name);
    free(dc->bootloader);
    free(dc->kernel);
    free(dc->ramdisk);
    free(dc->cmdline);
    free(dc->pin);
    free(dc->soft);
    lodge_domcfg_devices_free(dc);
    memset(dc, 0, sizeof(*dc));
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void pins_to_json(struct json_object *js, const char *key, const struct cpuset *set,
                         unsigned nr)
{
    struct json_object *pins = json_object_new_array();
    char text[4096]; /* the longest set: every second of 1024 processors */

    for (unsigned i = 0; i < nr; i++) {
        lodge_cpuset_format(&set[i], DOMCFG_MAX_CPUS, text, sizeof(text));
        json_object_array_add(pins, json_object_new_string(text));
    }
    if (nr)
        json_object_object_add(js, key, pins);
    else
        json_object_put(pins);
}

/* Only what the config says: the rest is for whoever builds the guest to decide. */
static void options_to_json(const struct domcfg *dc, struct json_object *js)
{
    if (dc->event_channels)
        json_object_object_add(js, "max_event_channels", json_object_new_int64(dc->event_channels));
    if (dc->grant_frames)
        json_object_object_add(js, "max_grant_frames", json_object_new_int64(dc->grant_frames));
    if (dc->has_maptrack)
        json_object_object_add(js, "max_maptrack_frames",
                               json_object_new_int64(dc->maptrack_frames));
    if (dc->has_tsc_mode)
        json_object_object_add(js, "tsc_mode", json_object_new_string(tsc_mode_name[dc->tsc_mode]));
    if (dc->claim)
        json_object_object_add(js, "claim_mode", json_object_new_int64(1));
    if (dc->localtime)
        json_object_object_add(js, "localtime", json_object_new_int64(1));
    if (dc->time_offset)
        json_object_object_add(js, "rtc_timeoffset", json_object_new_int64(dc->time_offset));
}

struct json_object *lodge_domcfg_to_json(const struct domcfg *dc)
{
    struct json_object *js = json_object_new_object();
    char text[37];

    json_object_object_add(js, "name", json_object_new_string(dc->name));
    lodge_uuid_format(dc->uuid, text);
    json_object_object_add(js, "uuid", json_object_new_string(text));
    json_object_object_add(js, "type", json_object_new_string(builder_type_name(dc->type)));
    if (dc->type != BUILDER_PV)
        json_object_object_add(js, "paging",
                               json_object_new_string(dc->shadow ? "shadow" : "nested"));
    if (dc->bootloader)
        json_object_object_add(js, "bootloader", json_object_new_string(dc->bootloader));
    json_object_object_add(js, "kernel", json_object_new_string(dc->kernel));
    if (dc->ramdisk)
        json_object_object_add(js, "ramdisk", json_object_new_string(dc->ramdisk));
    json_object_object_add(js, "cmdline", json_object_new_string(dc->cmdline));
    json_object_object_add(js, "memory", json_object_new_int64((int64_t)dc->memory_mib));
    json_object_object_add(js, "maxmem", json_object_new_int64((int64_t)dc->maxmem_mib));
    json_object_object_add(js, "vcpus", json_object_new_int64(dc->vcpus));
    json_object_object_add(js, "maxvcpus", json_object_new_int64(dc->maxvcpus));
    pins_to_json(js, "cpus", dc->pin, dc->nr_pin);
    pins_to_json(js, "cpus_soft", dc->soft, dc->nr_soft);
    if (dc->weight)
        json_object_object_add(js, "cpu_weight", json_object_new_int64(dc->weight));
    if (dc->cap >= 0)
        json_object_object_add(js, "cap", json_object_new_int64(dc->cap));
    options_to_json(dc, js);
    for (int e = 0; e < ON_EVENTS; e++)
        json_object_object_add(js, event_name[e], json_object_new_string(action_name[dc->on[e]]));
    if (dc->fixed_uuid)
        json_object_object_add(js, "fixed_uuid", json_object_new_boolean(true));
    lodge_domcfg_devices_to_json(dc, js);
    return js;
}

/* One for all vcpus, or one for each. */
static int js_pins(struct json_object *js, const char *key, int64_t maxvcpus, struct cpuset **set,
                   unsigned *nr)
{
    struct json_object *pins;
    char err[160];

    if (!json_object_object_get_ex(js, key, &pins))
        return 0;
    if (!json_object_is_type(pins, json_type_array) ||
        (json_object_array_length(pins) != 1 && json_object_array_length(pins) != (size_t)maxvcpus))
        return -1;
    *nr = (unsigned)json_object_array_length(pins);
    *set = must(calloc(*nr, sizeof(**set)));
    for (unsigned i = 0; i < *nr; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(pins, i));

        if (!text || lodge_cpuset_parse(&(*set)[i], text, err, sizeof(err)))
            return -1;
    }
    return 0;
}

static void options_from_json(struct domcfg *dc, struct json_object *js)
{
    const char *tsc = devspec_js_string(js, "tsc_mode");

    dc->event_channels = (unsigned)devspec_js_number(js, "max_event_channels", 0);
    dc->grant_frames = (unsigned)devspec_js_number(js, "max_grant_frames", 0);
    dc->maptrack_frames = (unsigned)devspec_js_number(js, "max_maptrack_frames", UINT32_MAX);
    dc->has_maptrack = dc->maptrack_frames != UINT32_MAX;
    for (unsigned i = 0; tsc && i < TSC_MODES; i++)
        if (!strcmp(tsc, tsc_mode_name[i])) {
            dc->has_tsc_mode = true;
            dc->tsc_mode = i;
        }
    dc->claim = devspec_js_number(js, "claim_mode", 0);
    dc->localtime = devspec_js_number(js, "localtime", 0);
    dc->time_offset = (int)devspec_js_number(js, "rtc_timeoffset", 0);
}

int lodge_domcfg_from_json(struct domcfg *dc, struct json_object *js, char *err, size_t errlen)
{
    const char *name = devspec_js_string(js, "name"), *kernel = devspec_js_string(js, "kernel");
    const char *ramdisk = devspec_js_string(js, "ramdisk"),
               *cmdline = devspec_js_string(js, "cmdline");
    const char *uuid = devspec_js_string(js, "uuid");
    const char *bootloader = devspec_js_string(js, "bootloader");
    const char *type = devspec_js_string(js, "type"), *paging = devspec_js_string(js, "paging");
    int64_t vcpus = devspec_js_number(js, "vcpus", 1);
    int64_t maxvcpus = devspec_js_number(js, "maxvcpus", vcpus);

    memset(dc, 0, sizeof(*dc));
    dc->type = type ? domcfg_type(type) : BUILDER_PV;
    dc->shadow = paging && !strcmp(paging, "shadow");
    dc->cap = (int)devspec_js_number(js, "cap", -1);
    dc->weight = (unsigned)devspec_js_number(js, "cpu_weight", 0);
    dc->memory_mib = (uint64_t)devspec_js_number(js, "memory", 0);
    dc->maxmem_mib = (uint64_t)devspec_js_number(js, "maxmem", 0);
    if (!name || !kernel || !cmdline || !uuid || lodge_uuid_parse(dc->uuid, uuid) ||
        lodge_domcfg_bad_name(name) || vcpus < 1 || maxvcpus < vcpus ||
        maxvcpus > DOMCFG_MAX_VCPUS || dc->type == BUILDER_TYPES || !dc->memory_mib ||
        dc->maxmem_mib < dc->memory_mib || js_pins(js, "cpus", maxvcpus, &dc->pin, &dc->nr_pin) ||
        js_pins(js, "cpus_soft", maxvcpus, &dc->soft, &dc->nr_soft) ||
        lodge_domcfg_devices_from_json(dc, js)) {
        snprintf(err, errlen, "the saved config is damaged");
        lodge_domcfg_free(dc);
        return -1;
    }
    dc->has_uuid = true;
    dc->fixed_uuid = devspec_js_bool(js, "fixed_uuid", false);
    dc->vcpus = (unsigned)vcpus;
    dc->maxvcpus = (unsigned)maxvcpus;
    for (int e = 0; e < ON_EVENTS; e++) {
        const char *text = devspec_js_string(js, event_name[e]);
        int action = text ? lodge_domcfg_parse_action(text) : -1;

        dc->on[e] = action >= 0          ? (enum on_action)action
                    : e == ON_SOFT_RESET ? dc->on[ON_CRASH]
                                         : event_default[e];
    }
    options_from_json(dc, js);
    dc->name = must(strdup(name));
    dc->bootloader = must_copy(bootloader);
    dc->kernel = must(strdup(kernel));
    dc->ramdisk = ramdisk ? must(strdup(ramdisk)) : NULL;
    dc->cmdline = must(strdup(cmdline));
    return 0;
}
