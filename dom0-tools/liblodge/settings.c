// SPDX-License-Identifier: GPL-2.0-only
/*
 * settings.c: a config's settings that go to the hypervisor: with the domain's creation, or to the
 * domain before it runs.
 */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <builder/builder.h>
#include <must.h>
#include <public/sysctl.h>

void lodge_settings_for_builder(const struct domcfg *dc, struct builder_config *bc)
{
    *bc = (struct builder_config){
        .type = dc->type,
        .shadow = dc->shadow,
        .kernel = dc->kernel,
        .ramdisk = dc->ramdisk,
        .cmdline = dc->cmdline,
        .memory_kib = dc->memory_mib << 10,
        .max_memory_kib = dc->maxmem_mib << 10,
        .vcpus = dc->vcpus,
        .max_vcpus = dc->maxvcpus,
        .max_event_channels = dc->event_channels,
        .max_grant_frames = dc->grant_frames,
        .max_maptrack_frames = dc->has_maptrack ? &dc->maptrack_frames : NULL,
        .claim = dc->claim,
    };
    memcpy(bc->uuid, dc->uuid, sizeof(bc->uuid));
}

static bool any_online(const struct cpuset *set, const struct ctl_cpumap *online)
{
    for (size_t i = 0; i < sizeof(online->bits) / sizeof(online->bits[0]); i++)
        if (set->word[i] & online->bits[i])
            return true;
    return false;
}

static int check_type(struct lodge_session *l, const struct domcfg *dc)
{
    struct xen_sysctl_physinfo info;
    int rc = ctl_host_physinfo(&l->ctl, &info);

    return rc ? rc : builder_check_type(&l->ctl, info.capabilities, dc->type, dc->shadow);
}

int lodge_settings_check(struct lodge_session *l, const struct domcfg *dc)
{
    struct ctl_version *v = must(calloc(1, sizeof(*v)));
    struct ctl_cpumap online;
    int rc = ctl_host_version(&l->ctl, v);

    if (!rc)
        rc = ctl_host_cpus(&l->ctl, &online);
    if (!rc)
        rc = check_type(l, dc);
    if (rc)
        rc = lodge_fail_ctl(l, rc);
    else if (dc->maxvcpus > BUILDER_LODGE_MAX_VCPUS && ctl_version_is_lodge(v))
        rc = lodge_fail(l, EINVAL,
                        "the hypervisor makes no domain of %u vcpus: its limit is %u; give it "
                        "less with vcpus and maxvcpus",
                        dc->maxvcpus, BUILDER_LODGE_MAX_VCPUS);
    for (unsigned i = 0; !rc && i < dc->nr_pin; i++)
        if (!any_online(&dc->pin[i], &online))
            rc = lodge_fail(l, EINVAL, "cpus: none of the processors for vcpu %u is online", i);
    free(v);
    return rc;
}

/* The n-th of a set for each, or the one for all; NULL where the config has none. */
static struct ctl_cpumap *affinity_of(const struct cpuset *set, unsigned nr, unsigned vcpu,
                                      struct ctl_cpumap *map)
{
    if (!nr)
        return NULL;
    memcpy(map->bits, set[nr == 1 ? 0 : vcpu].word, sizeof(map->bits));
    return map;
}

static int set_scheduling(struct lodge_session *l, const struct domcfg *dc, uint16_t domid)
{
    struct ctl_sched sched;
    int rc = 0;

    for (unsigned v = 0; (dc->nr_pin || dc->nr_soft) && v < dc->maxvcpus && !rc; v++) {
        struct ctl_cpumap hard, soft;

        rc = ctl_vcpu_set_affinity(&l->ctl, domid, v, affinity_of(dc->pin, dc->nr_pin, v, &hard),
                                   affinity_of(dc->soft, dc->nr_soft, v, &soft));
    }
    if (!rc && (dc->weight || dc->cap >= 0)) {
        rc = ctl_vcpu_get_sched(&l->ctl, domid, &sched);
        if (dc->weight)
            sched.weight = (uint16_t)dc->weight;
        if (dc->cap >= 0)
            sched.cap = (uint16_t)dc->cap;
        if (!rc)
            rc = ctl_vcpu_set_sched(&l->ctl, domid, &sched);
    }
    return rc;
}

static int set_clocks(struct lodge_session *l, const struct domcfg *dc, uint16_t domid)
{
    int64_t offset = dc->time_offset;
    time_t now = time(NULL);
    struct tm local;
    int rc = 0;

    if (dc->localtime && localtime_r(&now, &local))
        offset += local.tm_gmtoff;
    if (offset)
        rc = ctl_domain_set_time_offset(&l->ctl, domid, offset);
    if (!rc && dc->has_tsc_mode)
        rc = ctl_domain_set_tsc_mode(&l->ctl, domid, dc->tsc_mode);
    return rc;
}

int lodge_settings_apply(struct lodge_session *l, const struct domcfg *dc, uint16_t domid)
{
    int rc = set_scheduling(l, dc, domid);

    if (!rc)
        rc = set_clocks(l, dc, domid);
    return rc ? lodge_fail_ctl(l, rc) : 0;
}
