// SPDX-License-Identifier: GPL-2.0-only
/*
 * action.c: carries out on_poweroff, on_reboot, on_crash, on_watchdog and on_soft_reset.
 *
 * A restart is a new domain from the saved config, after the old one is gone. A guest that goes
 * down again and again right after its start is not restarted for ever: the number of quick
 * restarts in a row is kept in the saved config, so that it also survives the monitor's own end.
 *
 * What is to be done is written down first (liblodge/intent.c). Each step can be done again, or
 * sees that it has been done: a process that takes over starts from the first one.
 *
 * Whoever works on a guest holds its intent (unless that could not be written), so there is one
 * process at a time, whichever monitor started it. Guests are told apart by their uuid, as the
 * domain's number is another one after a restart: old domain and successor have the same uuid, and
 * differ in that the old one is down.
 */
#include "action.h"

#include <errno.h>
#include <libdaemon/libdaemon.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool restarts(enum on_action action)
{
    return action == ON_RESTART || action == ON_RENAME_RESTART || action == ON_COREDUMP_RESTART;
}

/* The old guest's memory may take a moment to come back, while others still map pages of it. */
static int create_again(struct lodge_session *l, struct intent *in, uint16_t *domid)
{
    const struct timespec moment = {.tv_nsec = 200 * 1000 * 1000};
    int rc = -ENOMEM;

    for (int tries = 0; tries < 15 && rc == -ENOMEM; tries++) { /* some three seconds */
        if (tries)
            nanosleep(&moment, NULL);
        if (lodge_intent_crossed_out(in))
            return -ECANCELED;
        rc = lodge_domain_create(l, &in->saved.config, in->saved.restarts, domid);
    }
    return rc;
}

/* Somebody may have crossed it out meanwhile: then it does not begin to run. */
static int let_run(struct lodge_session *l, struct intent *in, uint16_t domid)
{
    int rc =
        lodge_intent_crossed_out(in) ? -ECANCELED : lodge_domain_start(l, &in->saved.config, domid);

    if (!rc && lodge_intent_crossed_out(in))
        rc = -ECANCELED;
    if (!rc)
        return 0;
    lodge_domain_undo(l, &in->saved.config, domid);
    return rc;
}

/*
 * Destroys the old domain, or sets it aside. A process before this one may have done so: then the
 * domain is gone, or has another uuid.
 */
static int out_of_the_way(struct lodge_session *l, const struct saved *saved, enum on_action action)
{
    struct xen_domctl_getdomaininfo old;
    bool there = !ctl_domain_info(&l->ctl, saved->domid, &old);

    if (!there) {
        /* The hypervisor has let go of it, but its entries may be left. */
        lodge_saved_remove(l, saved->config.uuid);
        return lodge_domain_finish_destroy(l, saved->domid, saved->config.uuid);
    }
    if (memcmp(old.handle, saved->config.uuid, sizeof(old.handle)))
        return 0;
    return action == ON_RENAME_RESTART ? lodge_domain_make_way(l, &old, saved->config.name)
                                       : lodge_domain_destroy(l, old.domain);
}

/* A successor that was made by somebody who did not come to the end; *paused: it has yet to run. */
static bool find_successor(struct lodge_session *l, const struct saved *saved, uint16_t *domid,
                           bool *paused)
{
    struct xen_domctl_getdomaininfo *list;
    int nr = lodge_domain_list(l, &list);
    bool found = false;

    for (int i = 0; i < nr && !found; i++) {
        found = !memcmp(list[i].handle, saved->config.uuid, sizeof(list[i].handle)) &&
                !(list[i].flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying));
        *domid = list[i].domain;
        *paused = list[i].flags & XEN_DOMINF_paused; /* killed before let_run() */
    }
    free(list);
    return found;
}

static void restart(struct lodge_session *l, struct intent *in, enum on_action action)
{
    struct saved *saved = &in->saved;
    uint16_t domid;
    bool paused;
    int rc = 0;

    if (!find_successor(l, saved, &domid, &paused)) {
        paused = true;
        rc = out_of_the_way(l, saved, action);
        if (!rc)
            rc = create_again(l, in, &domid);
    }
    if (!rc && paused)
        rc = let_run(l, in, domid);
    if (rc && lodge_intent_crossed_out(in))
        daemon_say("%s: was destroyed while it was being restarted; it stays so",
                   saved->config.name);
    else if (rc)
        daemon_say("%s: could not be restarted: %s", saved->config.name, l->message);
    else
        daemon_say("%s: restarted as domain %u", saved->config.name, domid);
}

/* A successor is there only if somebody crossed out what made it. */
static bool end(struct lodge_session *l, struct saved *saved)
{
    uint16_t domid;
    bool paused;

    if (!out_of_the_way(l, saved, ON_DESTROY) &&
        (!find_successor(l, saved, &domid, &paused) || !lodge_domain_destroy(l, domid)))
        return true;
    daemon_say("%s: could not be destroyed: %s", saved->config.name, l->message);
    return false;
}

/* Without xenstored nothing can be finished: the intent stays, until xenstored is back. */
static enum action_result carry_out(struct lodge_session *l, struct intent *in)
{
    struct saved *saved = &in->saved;
    enum on_action action = saved->config.on[in->event];
    bool later, done = true;

    if (lodge_intent_crossed_out(in)) {
        done = end(l, saved);
    } else if (restarts(action) && saved->restarts > ACTION_QUICK_LIMIT) {
        daemon_say("%s: went down %d times within %d seconds of its start; it is destroyed and "
                   "not restarted again",
                   saved->config.name, ACTION_QUICK_LIMIT, ACTION_QUICK_SECONDS);
        done = end(l, saved);
    } else if (restarts(action)) {
        restart(l, in, action);
    } else {
        done = end(l, saved);
    }
    later = store_is_dead(l->store);
    lodge_intent_end(l, in, later);
    return later ? ACTION_LATER : done ? ACTION_DONE : ACTION_NONE;
}

enum action_result action_resume(struct lodge_session *l, const uint8_t uuid[16])
{
    struct intent in;
    int rc = lodge_intent_take(l, uuid, &in);

    if (rc)
        return rc == -EBUSY ? ACTION_DONE : ACTION_NONE; /* the one who is at it does it */
    if (in.tries > ACTION_TRIES) {
        daemon_say("%s: %u processes did not come to the end of %s=%s; it is given up",
                   in.saved.config.name, in.tries, lodge_domcfg_event_name(in.event),
                   lodge_domcfg_action_name(in.saved.config.on[in.event]));
        lodge_saved_remove(l, uuid);
        lodge_intent_end(l, &in, false);
        return ACTION_NONE;
    }
    daemon_say("%s: whoever carried out %s=%s did not come to its end; going on with it",
               in.saved.config.name, lodge_domcfg_event_name(in.event),
               lodge_domcfg_action_name(in.saved.config.on[in.event]));
    return carry_out(l, &in);
}

/*
 * Writes down what is to be done, with the config as it is at that moment. False where it is
 * nothing, or not for this process; *result says which. To be called with lodge_saved_lock() held.
 */
static bool write_down(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                       int64_t now, struct intent *in, enum action_result *result)
{
    unsigned reason = info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
    int event = lodge_domcfg_event(reason), rc;
    enum on_action action;

    *result = ACTION_NONE;
    if (event < 0 || lodge_saved_read(l, info->handle, &in->saved))
        return false;
    in->event = (enum on_event)event;
    action = in->saved.config.on[event];
    /* Another domain with the same uuid is not ours. */
    if (in->saved.domid == info->domain)
        daemon_say("%s: domain %u went down (reason %u), %s says %s", in->saved.config.name,
                   info->domain, reason, lodge_domcfg_event_name(in->event),
                   lodge_domcfg_action_name(action));
    if (in->saved.domid != info->domain || action == ON_PRESERVE) {
        lodge_saved_free(&in->saved);
        return false;
    }
    if (action == ON_COREDUMP_DESTROY || action == ON_COREDUMP_RESTART)
        daemon_say("%s: core dumps are not supported; going on without one", in->saved.config.name);
    in->saved.restarts = now - in->saved.since < ACTION_QUICK_SECONDS ? in->saved.restarts + 1 : 0;
    rc = lodge_intent_begin(l, in);
    if (rc == -EBUSY) {
        lodge_saved_free(&in->saved);
        *result = ACTION_DONE;
        return false;
    }
    if (rc) /* what cannot be written down is done all the same */
        daemon_say("%s: %s; going on without", in->saved.config.name, l->message);
    return true;
}

enum action_result action_for(struct lodge_session *l, const struct xen_domctl_getdomaininfo *info,
                              int64_t now)
{
    struct intent in = {.fd = -1};
    enum action_result result;
    int lock = lodge_saved_lock(l);
    bool due;

    if (lock == -ETIMEDOUT) { /* who has it may write down what is not true any more */
        daemon_say("domain %u went down, and has to wait: %s", info->domain, l->message);
        return ACTION_LATER;
    }
    due = write_down(l, info, now, &in, &result);
    if (lock >= 0)
        close(lock);
    if (!due)
        return result;
    if (!lodge_saved_exists(l, info->handle)) {
        daemon_say("%s: was destroyed meanwhile; it stays so", in.saved.config.name);
        lodge_intent_end(l, &in, false);
        return ACTION_DONE;
    }
    return carry_out(l, &in);
}
