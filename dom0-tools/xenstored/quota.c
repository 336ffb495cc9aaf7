// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quotas. The defaults are those that Xen's own daemon has used for years, so that a guest that
 * lives with one lives with the other.
 */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "quota.h"

uint32_t quota_limit[QUOTA_KINDS] = {
    [QUOTA_NODES] = 1000,        [QUOTA_WATCHES] = 128, [QUOTA_TRANSACTIONS] = 10,
    [QUOTA_ENTRY_SIZE] = 2048,   [QUOTA_PERMS] = 5,     [QUOTA_PATH] = 2048,
    [QUOTA_MEMORY] = 2560 << 10, [QUOTA_TX_OPS] = 1024, [QUOTA_EVENTS] = 1024,
    [QUOTA_TX_AGE] = 64 << 20,
};

bool quota_kept[QUOTA_KINDS];

static const char *const quota_names[QUOTA_KINDS] = {
    "nodes", "watches", "transactions", "entry-size", "perms",
    "path",  "memory",  "tx-ops",       "events",     "tx-age",
};

static struct quota_usage *usage[QUOTA_DOMIDS];

const char *quota_name(enum quota_kind kind)
{
    return quota_names[kind];
}

int quota_set(const char *name, uint32_t value, bool keep)
{
    for (int i = 0; i < QUOTA_KINDS; i++) {
        if (!strcmp(name, quota_names[i])) {
            quota_limit[i] = value;
            quota_kept[i] |= keep;
            return 0;
        }
    }
    return -1;
}

struct quota_usage *quota_usage(uint16_t domid)
{
    if (!usage[domid])
        usage[domid] = alloc_zero(sizeof(struct quota_usage));
    return usage[domid];
}

bool quota_is_used(uint16_t domid)
{
    return usage[domid];
}

bool quota_charge(uint16_t domid, int64_t bytes, bool enforce)
{
    struct quota_usage *u = quota_usage(domid);

    if (enforce && bytes > 0 && u->bytes + bytes > quota_limit[QUOTA_MEMORY])
        return false;
    u->bytes += bytes;
    return true;
}
