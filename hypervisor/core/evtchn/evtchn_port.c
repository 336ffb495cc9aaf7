/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ports of a domain: the memory that they are in, and which of them are free.
 *
 * A domain may have 131,072 ports, and a search for a free one holds the lock that senders need. So
 * there is a map beside the ports, with a bit for each port that is set while the port is free. A
 * search looks at 64 bits at once: it is short even if only the last port is free, or none.
 */
#include <core/evtchn/evtchn_internal.h>
#include <core/frame.h>
#include <core/preempt.h>
#include <lib/bitops.h>
#include <public/errno.h>

#define PORTS_PER_WORD 64u
#define PORTS_PER_MAP  (PAGE_SIZE * 8)
#define WORK_WORD      6   /* a word of the map is looked at */
#define WORK_LINKED    40  /* a closed port that is in a queue is passed over */
#define MAX_LINKED     512 /* a search that has passed over so many ends with the word */
_Static_assert(EVTCHN_FIFO_NR_CHANNELS == EVTCHN_FREE_MAPS * PORTS_PER_MAP, "the maps");
_Static_assert(PORTS_PER_MAP % EVTCHNS_PER_GROUP == 0 && EVTCHNS_PER_GROUP % PORTS_PER_WORD == 0,
               "a group's bits are whole words of one map");

/* All ports are below it: by the form of the events, and by the limit that the tools gave. */
static uint32_t port_limit(const struct domain *d)
{
    uint32_t abi = d->evtchn.fifo != NULL ? EVTCHN_FIFO_NR_CHANNELS : EVTCHN_2L_NR_CHANNELS;

    return d->evtchn.max_port < abi ? d->evtchn.max_port + 1 : abi;
}

/* The word with the port's bit; of a port below valid_ports. */
static uint64_t *free_word(struct domain *d, uint32_t port)
{
    return &d->evtchn.free[port / PORTS_PER_MAP][port % PORTS_PER_MAP / PORTS_PER_WORD];
}

static int group_add(struct domain *d)
{
    uint32_t first = d->evtchn.valid_ports;
    struct evtchn *group;

    if (d->evtchn.free[first / PORTS_PER_MAP] == NULL)
        d->evtchn.free[first / PORTS_PER_MAP] = hpage_alloc();
    if (d->evtchn.free[first / PORTS_PER_MAP] == NULL)
        return -XEN_ENOMEM;
    group = hpage_alloc();
    if (group == NULL)
        return -XEN_ENOMEM;
    for (unsigned i = 0; i < EVTCHNS_PER_GROUP; i++) {
        group[i].port = first + i;
        group[i].priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    for (unsigned i = 0; i < EVTCHNS_PER_GROUP; i += PORTS_PER_WORD)
        *free_word(d, first + i) = ~0ull;
    d->evtchn.groups[first / EVTCHNS_PER_GROUP] = group;
    smp_wmb(); /* evtchn_of() reads the count, then the group, without the lock */
    WRITE_ONCE(d->evtchn.valid_ports, first + (uint32_t)EVTCHNS_PER_GROUP);
    return 0;
}

/*
 * `bits` are of one word of the map, and bit 0 is port `first`. Returns the first of these ports
 * that is in no queue of the guest; 0 if each is in one, as port 0 is never free. *linked rises by
 * the number of ports that are passed over.
 */
static uint32_t unlinked_of(struct domain *d, uint32_t first, uint64_t bits, unsigned *linked)
{
    unsigned n = 0;
    uint32_t port = 0;

    for (; bits != 0; bits &= bits - 1, n++) {
        port = first + bit_lowest(bits);
        if (d->evtchn.fifo == NULL || !evtchn_fifo_is_linked(d, port))
            break;
        port = 0;
    }
    (void)work_charge(n * WORK_LINKED);
    *linked += n;
    return port;
}

/*
 * Returns the first free port that is not below `port`. A result that is not below valid_ports says
 * that there is none, or that too many were passed over.
 */
static uint32_t next_free(struct domain *d, uint32_t port, unsigned *linked)
{
    while (port < d->evtchn.valid_ports) {
        const uint64_t *map = d->evtchn.free[port / PORTS_PER_MAP];
        uint32_t word = port % PORTS_PER_MAP / PORTS_PER_WORD, from = word, found;
        uint32_t end =
            MIN(d->evtchn.valid_ports - ROUND_DOWN(port, PORTS_PER_MAP), (uint32_t)PORTS_PER_MAP) /
            PORTS_PER_WORD;
        uint64_t left = map[word] & (~0ull << (port % PORTS_PER_WORD));

        while (left == 0 && ++word < end)
            left = map[word];
        (void)work_charge((word - from + 1) * WORK_WORD);
        port = ROUND_DOWN(port, PORTS_PER_MAP) + word * PORTS_PER_WORD;
        if (left == 0)
            continue;
        found = unlinked_of(d, port, left, linked);
        if (found != 0)
            return found;
        if (*linked > MAX_LINKED)
            return UINT32_MAX;
        port += PORTS_PER_WORD;
    }
    return port;
}

/*
 * With FIFO, the word of a closed port may still be in a queue of the guest. A new port of the same
 * number would look linked, and its events would never be queued. So the search passes over such
 * ports, and the hint stays below them. A guest that has more of them than MAX_LINKED does not take
 * its events; it gets no more ports until it does.
 */
int evtchn_port_alloc(struct domain *d, struct evtchn **out)
{
    uint32_t limit = port_limit(d), port = d->evtchn.free_hint;
    unsigned linked = 0;
    int rc;

    if (d->state != DOM_ALIVE || d->evtchn.resetting)
        return -XEN_ENODEV;
    for (;;) {
        port = next_free(d, port, &linked);
        if (port >= limit)
            break;
        if (port < d->evtchn.valid_ports) {
            *free_word(d, port) &= ~(1ull << (port % PORTS_PER_WORD));
            if (linked == 0)
                d->evtchn.free_hint = port + 1;
            *out = evtchn_of(d, port);
            (*out)->notify_vcpu = 0;
            return 0;
        }
        rc = group_add(d);
        if (rc != 0)
            return rc;
    }
    if (linked == 0)
        d->evtchn.free_hint = limit;
    return -XEN_ENOSPC;
}

void evtchn_port_free(struct domain *d, struct evtchn *c)
{
    if (d->evtchn.fifo != NULL)
        evtchn_fifo_clear_pending(d, c);
    /* With FIFO, too: a bit from before FIFO was chosen would hide all events after a reset. */
    if (d->shared_info != NULL && c->port < EVTCHN_2L_NR_CHANNELS)
        bit_clear(d->shared_info->evtchn_pending, c->port);
    c->state = PORT_FREE;
    c->notify_vcpu = 0;
    c->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    *free_word(d, c->port) |= 1ull << (c->port % PORTS_PER_WORD);
    d->evtchn.free_hint = MIN(d->evtchn.free_hint, c->port);
}

/* ---- with the domain ---- */

int evtchn_ports_init(struct domain *d)
{
    int rc;

    d->evtchn.groups = hpages_alloc(EVTCHN_GROUPS_ORDER);
    if (d->evtchn.groups == NULL)
        return -XEN_ENOMEM;
    /*
     * The hardware domain needs a few ports per guest. It gets them now, so that they do not come
     * out of the memory that is left for guests.
     */
    do
        rc = group_add(d);
    while (rc == 0 && d->hardware && d->evtchn.valid_ports < MIN(1024u, port_limit(d)));
    if (rc != 0)
        return rc;
    evtchn_of(d, 0)->state = PORT_RESERVED;
    *free_word(d, 0) &= ~1ull;
    d->evtchn.free_hint = 1;
    return 0;
}

void evtchn_domain_free(struct domain *d)
{
    if (d->evtchn.groups == NULL)
        return;
    for (uint32_t i = 0; i < d->evtchn.valid_ports / EVTCHNS_PER_GROUP; i++) {
        hpage_free(d->evtchn.groups[i]);
        preempt_after(WORK_FREE);
    }
    hpages_free(d->evtchn.groups, EVTCHN_GROUPS_ORDER);
    for (unsigned i = 0; i < EVTCHN_FREE_MAPS; i++)
        hpage_free(d->evtchn.free[i]);
    hpage_free(d->evtchn.pirq_port);
    d->evtchn.groups = NULL;
}
