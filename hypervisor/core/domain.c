/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of domains, their creation, references, shutdown and crash.
 *
 * A domain is found by its id in domain_table, under domain_list_lock. The table's entry stays
 * until the structure is freed, so that domain_of_id() finds the owner of a frame for as long as it
 * owns one. The last reference may go in any context, under locks of others; so the structure is
 * put on a list then, and freed by domain_reap() where no lock is held.
 *
 * Between the last reference and the freeing the structure is in the table with a count of zero.
 * Nobody can take a reference then (domain_ref_unless_zero()), and its id cannot be given anew.
 */
#include <core/console.h>
#include <core/console_io.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <core/guest_type.h>
#include <core/watchdog.h>
#include <lib/bitops.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/errno.h>
#include <public/hypercalls.h>
#include <public/sched.h>
#include <x86/cpu.h>
#include <x86/irqs_off.h>
#include <x86/time.h>

struct domain *dom0, *dom_xen, *dom_io, *dom_idle;
struct domain *domain_dead_list;

static struct spinlock domain_list_lock = SPINLOCK_INIT(LOCK_DOMAIN_LIST);
static struct domain *domain_table[NR_DOMIDS];
static uint64_t domain_ids[DIV_UP(NR_DOMIDS, 64)]; /* bit: id in use, also before it is listed */
static domid_t domain_next_id = 1;                 /* ids go round: one is not used again soon */

_Static_assert(sizeof(struct domain) <= PAGE_SIZE, "struct domain is one page");

/* ---- references ---- */

struct domain *domain_of_id(domid_t id)
{
    if (id < NR_DOMIDS)
        return domain_table[id];
    if (id == DOMID_XEN)
        return dom_xen;
    if (id == DOMID_IO)
        return dom_io;
    return id == DOMID_IDLE ? dom_idle : NULL;
}

static bool domain_ref_unless_zero(struct domain *d)
{
    uint32_t old = READ_ONCE(d->refs);

    do {
        if (old == 0)
            return false;
    } while (!__atomic_compare_exchange_n(&d->refs, &old, old + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

struct domain *domain_get_any(domid_t id)
{
    struct domain *d;

    /* Our own is held by the very fact that we run, so no lock is needed. */
    if (id == DOMID_SELF || id == current->domain->id) {
        d = current->domain;
        domain_ref(d);
        return d;
    }
    if (id >= NR_DOMIDS)
        return NULL;
    spin_lock(&domain_list_lock);
    d = domain_table[id];
    if (d != NULL && !domain_ref_unless_zero(d))
        d = NULL;
    spin_unlock(&domain_list_lock);
    return d;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d = domain_get_any(id);

    if (d != NULL && READ_ONCE(d->state) == DOM_DEAD) {
        domain_put(d);
        return NULL;
    }
    return d;
}

int domain_get_target(domid_t id, struct domain **d)
{
    const struct domain *self = current->domain;

    if (id != DOMID_SELF && id != self->id && !self->privileged && self->target != id)
        return -XEN_EPERM;
    *d = domain_get(id);
    return *d != NULL ? 0 : -XEN_ESRCH;
}

void domain_ref(struct domain *d)
{
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
}

void domain_put(struct domain *d)
{
    struct domain *head;

    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    /* No lock, as ours may be above all of them. Only whole lists are taken off: no ABA problem. */
    head = READ_ONCE(domain_dead_list);
    do {
        d->next_dead = head;
    } while (!__atomic_compare_exchange_n(&domain_dead_list, &head, d, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}

struct domain *domain_next(domid_t from)
{
    struct domain *d = NULL;
    uint64_t id = from;

    spin_lock(&domain_list_lock);
    while (d == NULL && id < NR_DOMIDS) {
        id = bitmap_next_set(domain_ids, NR_DOMIDS, id);
        if (id >= NR_DOMIDS)
            break;
        d = domain_table[id++];
        if (d != NULL && !domain_ref_unless_zero(d))
            d = NULL;
    }
    spin_unlock(&domain_list_lock);
    return d;
}

unsigned domain_count(void)
{
    unsigned n = 0;

    spin_lock(&domain_list_lock);
    for (unsigned i = 0; i < ARRAY_SIZE(domain_ids); i++)
        n += bit_count(domain_ids[i]);
    spin_unlock(&domain_list_lock);
    return n;
}

/* ---- creation ---- */

static void domain_init_fields(struct domain *d, domid_t id)
{
    d->id = id;
    d->refs = 1;
    d->state = DOM_ALIVE;
    d->target = DOMID_INVALID;
    d->page_list_head = d->page_list_tail = FRAME_NONE;
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    spin_lock_init(&d->page_lock, LOCK_PAGE_LIST);
    sched_domain_init(d);
}

/*
 * An owner without a guest. Its count never falls to zero: the first reference is nobody's to drop.
 */
static struct domain *domain_special(domid_t id)
{
    struct domain *d = hpage_alloc();

    BUG_ON(d == NULL);
    domain_init_fields(d, id);
    spin_lock_init(&d->evtchn.lock, LOCK_EVTCHN);
    d->max_pages = 0;
    return d;
}

void domain_init_system(void)
{
    dom_xen = domain_special(DOMID_XEN);
    dom_io = domain_special(DOMID_IO);
    dom_idle = domain_special(DOMID_IDLE);
    dom_idle->max_vcpus = MAX_VCPUS;
    dom_idle->type = &idle_type;
}

/* Reserves an id: the wanted one, or the next that was not used lately. */
/* 0, -XEN_EEXIST, -XEN_EINVAL (out of range), -XEN_ENOMEM (none free). */
static int domain_id_alloc(domid_t want, domid_t *id)
{
    uint64_t n = want;
    int rc = 0;

    spin_lock(&domain_list_lock);
    if (want == DOMID_INVALID) {
        n = bitmap_next_clear(domain_ids, NR_DOMIDS, domain_next_id);
        if (n >= NR_DOMIDS)
            n = bitmap_next_clear(domain_ids, NR_DOMIDS, 1);
    }
    if (n >= NR_DOMIDS)
        rc = want == DOMID_INVALID ? -XEN_ENOMEM : -XEN_EINVAL;
    else if (bit_test(domain_ids, n))
        rc = -XEN_EEXIST;
    if (rc == 0) {
        bit_set_local(domain_ids, n);
        *id = (domid_t)n;
        if (want == DOMID_INVALID)
            domain_next_id = n + 1 < NR_DOMIDS ? (domid_t)(n + 1) : 1;
    }
    spin_unlock(&domain_list_lock);
    return rc;
}

/*
 * Domains that had this one as their target have none from here on: the next one of its id is
 * another.
 */
static void domain_id_free(domid_t id)
{
    spin_lock(&domain_list_lock);
    domain_table[id] = NULL;
    bit_clear_local(domain_ids, id);
    for (uint64_t n = bitmap_next_set(domain_ids, NR_DOMIDS, 0); n < NR_DOMIDS;
         n = bitmap_next_set(domain_ids, NR_DOMIDS, n + 1)) {
        struct domain *d = domain_table[n];

        if (d != NULL && d->target == id)
            WRITE_ONCE(d->target, DOMID_INVALID);
    }
    spin_unlock(&domain_list_lock);
}

/* A failure leaves what there is for domain_free(). shared_info is not yet the guest's to map. */
static int domain_init_parts(struct domain *d, const struct domain_config *cfg)
{
    int rc;

    d->shared_info = hpage_alloc();
    if (d->shared_info == NULL)
        return -XEN_ENOMEM;
    rc = evtchn_domain_init(d);
    if (rc == 0)
        rc = grant_domain_init(d, cfg->max_grant_frames, cfg->max_maptrack_frames,
                               cfg->grant_version);
    if (rc == 0)
        rc = console_io_domain_init(d);
    if (rc == 0)
        rc = d->type->domain_init(d);
    return rc;
}

static void domain_free(struct domain *d);

int domain_create(const struct domain_config *cfg, struct domain **out)
{
    struct domain *d;
    domid_t id;
    int rc;

    domain_reap();
    if (cfg->max_vcpus == 0 || cfg->max_vcpus > MAX_VCPUS)
        return -XEN_EINVAL;
    rc = domain_id_alloc(cfg->id, &id);
    if (rc != 0)
        return rc;
    d = hpage_alloc();
    if (d == NULL) {
        domain_id_free(id);
        return -XEN_ENOMEM;
    }
    domain_init_fields(d, id);
    d->type = cfg->type;
    d->translated = cfg->type->physmap != NULL;
    d->privileged = cfg->flags & DOMAIN_PRIVILEGED;
    d->hardware = cfg->flags & DOMAIN_HARDWARE;
    d->max_vcpus = cfg->max_vcpus;
    d->evtchn.max_port = cfg->max_evtchns;
    d->ssidref = cfg->ssidref;
    d->create_flags = cfg->domctl_flags;
    memcpy(d->handle, cfg->handle, sizeof(d->handle));
    d->pause_count = d->controller_pause_count = 1;
    watchdog_domain_init(d);
    rc = domain_init_parts(d, cfg);
    if (rc != 0) { /* nobody else knows of d yet, so it is taken apart without stages */
        evtchn_domain_destroy(d);
        domain_free(d);
        return rc;
    }
    spin_lock(&domain_list_lock);
    domain_table[id] = d;
    spin_unlock(&domain_list_lock);
    /* In the table first: the owner of a frame must be found by its id. */
    frame_share_with_guest(d->shared_info, d, true);
    time_update_domain_wallclock(d);
    *out = d;
    return 0;
}

/* Frees what is left of a domain that nobody refers to. Any part of it may be missing. */
static void domain_free(struct domain *d)
{
    for (unsigned i = 0; i < MAX_VCPUS; i++) {
        if (d->vcpus[i] != NULL)
            vcpu_free(d->vcpus[i]);
        irq_window();
    }
    if (d->state == DOM_ALIVE) { /* never made it into the table */
        hpage_free(d->shared_info);
        grant_domain_destroy(d);
    }
    d->type->domain_free(d);
    console_io_domain_free(d);
    grant_domain_free(d);
    evtchn_domain_free(d);
    domain_id_free(d->id);
    hpage_free(d);
}

/* Each domain on the list is ours alone from the exchange on: nobody has a reference any more. */
void domain_reap(void)
{
    struct domain *d, *next;

    if (likely(READ_ONCE(domain_dead_list) == NULL))
        return;
    d = __atomic_exchange_n(&domain_dead_list, NULL, __ATOMIC_ACQ_REL);
    while (d != NULL) {
        next = d->next_dead;
        log_debug("d%u is gone", d->id);
        domain_free(d);
        evtchn_virq_global(VIRQ_DOM_EXC);
        d = next;
    }
}

/* ---- shutdown ---- */

void domain_report_death(struct domain *d)
{
    if (!d->hardware)
        return;
    log_err("the hardware domain's last state:");
    guest_dump_vcpu(current->domain == d ? current : d->vcpus[0], false);
    if (boot_options.guest_loglvl < LOG_DEBUG) /* else they are in the log */
        console_show_refusals();
}

/* The machine goes down with the domain that owns it. */
static void NORETURN domain_hardware_shutdown(struct domain *d, unsigned code)
{
    static const char *const why[] = {"power off", "reboot", "suspend", "crash", "watchdog"};

    if (code > SHUTDOWN_suspend)
        domain_report_death(d);
    log_info("the hardware domain has shut down: %s",
             code < ARRAY_SIZE(why) ? why[code] : "unknown reason");
    irqs_off_report();
    console_flush();
    if (boot_options.debug_exit)
        outl(0xf4, code);
    if (code == SHUTDOWN_reboot || (code != SHUTDOWN_poweroff && !boot_options.noreboot))
        machine_restart();
    machine_halt();
}

/*
 * The first one wins, of any number at once; its code stays until a resume. All vcpus are paused,
 * so that the tools find the domain as it was; nothing of it is given back before its destruction.
 */
void domain_shutdown(struct domain *d, unsigned code)
{
    if (__atomic_exchange_n(&d->shutting_down, true, __ATOMIC_ACQ_REL))
        return;
    if (d->shutdown_code_plus1 != 0) /* SCHEDOP_shutdown_code said it beforehand */
        code = d->shutdown_code_plus1 - 1;
    d->shutdown_code = code;
    if (d->hardware)
        domain_hardware_shutdown(d, code);
    domain_pause_nosync(d); /* may be of the current domain: it stops on its way to the guest */
    WRITE_ONCE(d->shut_down, true);
    if (code == SHUTDOWN_suspend && d->suspend_evtchn != 0)
        evtchn_send(d, (uint32_t)d->suspend_evtchn);
    else
        evtchn_virq_global(VIRQ_DOM_EXC);
}

void domain_resume(struct domain *d)
{
    spin_lock(&d->lock);
    if (d->shutting_down && d->shut_down) {
        d->shut_down = false;
        d->shutdown_code = 0;
        /* Last: from here on it can be shut down again, with a pause of its own. */
        __atomic_store_n(&d->shutting_down, false, __ATOMIC_RELEASE);
        domain_unpause(d);
    }
    spin_unlock(&d->lock);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf_(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (READ_ONCE(d->shutting_down)) /* once is enough, and the log is not the guest's to fill */
        return;
    log_err("d%u crashed: %s", d->id, text);
    if (current->domain == d && !d->hardware) /* that one's end is reported in full */
        guest_dump_vcpu(current, true);
    domain_shutdown(d, SHUTDOWN_crash);
}

/* ---- pausing all of a domain ---- */

/* The count first: sched_pause_changed() looks at it, under the lock of the vcpu's run queue. */
void domain_pause_nosync(struct domain *d)
{
    struct vcpu *v;

    __atomic_fetch_add(&d->pause_count, 1, __ATOMIC_ACQ_REL);
    for_each_vcpu (d, v)
        sched_pause_changed(v, true);
}

/* Not of the current domain: it would wait for itself. */
void domain_pause(struct domain *d)
{
    struct vcpu *v;

    ASSERT(d != current->domain);
    domain_pause_nosync(d);
    for_each_vcpu (d, v)
        sched_wait_off_cpu(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    __atomic_fetch_sub(&d->pause_count, 1, __ATOMIC_ACQ_REL);
    for_each_vcpu (d, v)
        sched_pause_changed(v, false);
}
