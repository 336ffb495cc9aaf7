/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sysctl of our own by which the tools read what a vcpu has counted (public/lodge_stats.h).
 *
 * The vcpu goes on counting meanwhile and knows nothing of a reset: that only moves the base which
 * is taken off here, under its domain's lock, in the same step in which the counter is read. So of
 * two callers that reset, each event is shown to one.
 */
#include <core/control/sysctl.h>
#include <core/stats.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/uaccess.h>

#define PIECE 32u /* counters that are copied in one go */

static void stats_read(struct vcpu *v, unsigned first, unsigned n, bool reset, uint64_t *out)
{
    const uint64_t *stats = stats_of(v);

    spin_lock(&v->domain->lock);
    for (unsigned i = first; i < first + n; i++) {
        uint64_t now = READ_ONCE(stats[i]);

        *out++ = now - v->stats_base[i];
        if (reset)
            v->stats_base[i] = now;
    }
    spin_unlock(&v->domain->lock);
}

/* All of them, of which the caller takes the first nr. */
static int64_t stats_copy(struct vcpu *v, uint64_t *to, unsigned nr, bool reset)
{
    uint64_t piece[PIECE];

    for (unsigned i = 0, n; i < LODGE_NR_STATS; i += n) {
        n = MIN(LODGE_NR_STATS - i, PIECE);
        if (i < nr && i + n > nr)
            n = nr - i;
        stats_read(v, i, n, reset, piece);
        if (i < nr && copy_to_guest((vaddr_t)(to + i), piece, n * sizeof(*piece)) != 0)
            return -XEN_EFAULT;
    }
    return 0;
}

int64_t sysctl_stats(struct xen_sysctl *sysctl)
{
    struct lodge_sysctl_stats op;
    struct domain *d;
    struct vcpu *v;
    int64_t rc = -XEN_ENOENT;

    memcpy(&op, &sysctl->u, sizeof(op));
    if (op.version != LODGE_STATS_VERSION)
        return -XEN_EOPNOTSUPP;
    if ((op.flags & ~LODGE_STATS_RESET) != 0 || op.pad != 0)
        return -XEN_EINVAL;
    d = op.domain == (domid_t)op.domain ? domain_get((domid_t)op.domain) : NULL;
    if (d == NULL)
        return -XEN_ESRCH;
    v = domain_vcpu(d, op.vcpu);
    if (v != NULL)
        rc = stats_copy(v, op.values.p, op.values.p == NULL ? 0 : op.nr,
                        op.flags & LODGE_STATS_RESET);
    domain_put(d);
    op.nr = LODGE_NR_STATS;
    memcpy(&sysctl->u, &op, sizeof(op));
    return rc;
}
