/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of a domain, in slices. Each stage either finishes or asks to be called again; where it
 * got to is in the domain, so the control domain may take its time, and die, in between.
 *
 * A vcpu that was preempted inside a hypercall holds references on its C stack: it is first run on
 * to the guest boundary, where it parks for good. After that nothing of the domain runs, and the
 * order is from users to used: channels, mappings of others' frames, page tables, then the frames.
 * A frame that another domain still maps stays, and with it the structure, until that mapping goes.
 *
 * From the first stage on `state` is DOM_DYING, and what others could still give the domain (a
 * frame, a channel, a grant page) is refused, under the lock that the later stage takes to clear up
 * that kind of thing. Taking a grant of the domain into use is possible until DESTROY_REST: what
 * comes of it is one more frame that another domain holds.
 */
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/grant.h>
#include <core/guest_type.h>
#include <core/preempt.h>
#include <core/vcpu_timer.h>
#include <core/watchdog.h>
#include <lib/bug.h>
#include <public/errno.h>
#include <public/hypercalls.h>
#include <x86/regs.h>

/* In this order; a stage that asks to be called again is entered again. */
enum destroy_stage {
    DESTROY_START,  /* refuse what is new, tell all vcpus to end */
    DESTROY_PARK,   /* until they have; then no timer, no vcpu, no claim is left */
    DESTROY_EVENTS, /* close all ports, and with them the links to others */
    DESTROY_GRANTS, /* let go of the grants of others */
    DESTROY_ARCH,   /* registered pages, page tables, descriptor tables, physical irqs */
    DESTROY_FRAMES, /* drop the owner's reference of each frame */
    DESTROY_REST,   /* the pages shared with the hypervisor; DOM_DEAD */
    DESTROY_DONE,
};

#define WORK_VCPU    400  /* one is told to end, or its timers are stopped */
#define SLICE_FRAMES 1024 /* between two looks of the caller at its own events */

static int destroy_start(struct domain *d)
{
    struct vcpu *v;

    spin_lock(&d->page_lock); /* after this nobody is given a frame any more */
    d->state = DOM_DYING;
    spin_unlock(&d->page_lock);
    for_each_vcpu (d, v) {
        sched_vcpu_kill(v);
        preempt_after(WORK_VCPU);
    }
    return 0;
}

/*
 * Where a vcpu has not got there yet, the CPU is given away: the vcpu may be waiting for it. Timers
 * are killed when all have got there: until then a vcpu may set one, its own or its domain's.
 */
static int destroy_park(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (!sched_vcpu_parked(v)) {
            vcpu_kick(v);
            vcpu_yield();
            return -XEN_ERESTART;
        }
    }
    for_each_vcpu (d, v) {
        sched_wait_off_cpu(v);
        vcpu_timers_stop(v);
        preempt_after(WORK_VCPU);
    }
    watchdog_domain_destroy(d);
    frame_claim(d, 0);
    d->destroy_cursor = 0;
    return 0;
}

/*
 * Each step moves the head to the tail and drops its owner's reference; cursor counts the steps, as
 * frames that others hold stay on the list. Rotating takes a reference under page_lock, so that the
 * frame cannot be freed by another holder between unlocking and our use of it.
 */
static int destroy_frames(struct domain *d)
{
    for (unsigned n = 0; n < SLICE_FRAMES; n++) {
        struct frame *f;
        bool held;

        spin_lock(&d->page_lock);
        if (d->destroy_cursor == 0 || d->page_list_head == FRAME_NONE) {
            spin_unlock(&d->page_lock);
            return 0;
        }
        d->destroy_cursor--;
        f = frame_of(MFN(d->page_list_head));
        held = frame_list_rotate(d);
        spin_unlock(&d->page_lock);
        if (held) {
            frame_put_alloc_ref(f); /* false where the guest has given it back itself */
            frame_put(f);
        }
        if (work_charge(WORK_ENTRY) && preempt_wanted())
            break;
    }
    return -XEN_ERESTART;
}

/*
 * The state is DEAD before VIRQ_DOM_EXC is raised, as the tools look at it then. It is set with the
 * lock held, as the wall clock of all domains may be set at this moment
 * (time_update_domain_wallclock()).
 */
static void destroy_rest(struct domain *d)
{
    struct shared_info *s = d->shared_info;

    grant_domain_destroy(d);
    spin_lock(&d->lock);
    WRITE_ONCE(d->shared_info, NULL);
    spin_unlock(&d->lock);
    frame_unshare(s);
    d->state = DOM_DEAD;
    log_debug("d%u is dead; %lu of its frames are still held by others", d->id, d->tot_pages);
    evtchn_virq_global(VIRQ_DOM_EXC);
}

static int destroy_stage(struct domain *d)
{
    struct vcpu *v;

    switch ((enum destroy_stage)d->destroy_stage) {
    case DESTROY_START:
        return destroy_start(d);
    case DESTROY_PARK:
        return destroy_park(d);
    case DESTROY_EVENTS:
        return evtchn_domain_close(d, &d->destroy_cursor);
    case DESTROY_GRANTS:
        return grant_release_mappings(d);
    case DESTROY_ARCH:
        for_each_vcpu (d, v)
            vcpu_drop_info(v);
        if (d->type->domain_relinquish(d) != 0)
            return -XEN_ERESTART;
        d->destroy_cursor = (uint32_t)d->tot_pages;
        return 0;
    case DESTROY_FRAMES:
        return destroy_frames(d);
    case DESTROY_REST:
        destroy_rest(d);
        return 0;
    case DESTROY_DONE:
        break;
    }
    return 0;
}

int domain_destroy(struct domain *d)
{
    int rc = 0;

    BUG_ON(d == current->domain);
    if (__atomic_exchange_n(&d->destroying, true, __ATOMIC_ACQUIRE))
        return -XEN_ERESTART; /* another vcpu is at it: let it finish its slice */
    while (rc == 0 && d->destroy_stage < DESTROY_DONE) {
        rc = destroy_stage(d);
        if (rc == 0)
            d->destroy_stage++;
        if (rc == 0 && preempt_wanted() && d->destroy_stage < DESTROY_DONE)
            rc = -XEN_ERESTART;
    }
    if (rc == 0 && !d->unlisted) {
        d->unlisted = true;
        __atomic_store_n(&d->destroying, false, __ATOMIC_RELEASE);
        domain_put(d); /* the table's; the caller has one of its own */
        return 0;
    }
    __atomic_store_n(&d->destroying, false, __ATOMIC_RELEASE);
    return rc;
}
