// SPDX-License-Identifier: GPL-2.0-only
/*
 * action.c: carries out on_poweroff, on_reboot, on_crash and on_watchdog.
 *
 * A restart is a new domain from the saved config, after the old one is gone. A guest that goes
 * down again and again right after its start is not restarted for ever: the number of quick
 * restarts in a row is kept in the saved config, so that it also survives the monitor's own end.
 */
#include "action.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <public/sched.h>

int action_event(unsigned reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        return ON_POWEROFF;
    case SHUTDOWN_reboot:
        return ON_REBOOT;
    case SHUTDOWN_crash:
    case SHUTDOWN_soft_reset: /* a guest that expects its memory to be kept gets on_crash instead */
        return ON_CRASH;
    case SHUTDOWN_watchdog:
        return ON_WATCHDOG;
    default:
        return -1; /* suspend: whoever asked for it deals with it */
    }
}

static bool restarts(enum on_action action)
{
    return action == ON_RESTART || action == ON_RENAME_RESTART || action == ON_COREDUMP_RESTART;
}

/* The old guest's memory may take a moment to come back, while others still map pages of it. */
static int create_again(struct lodge *l, struct domcfg *dc, unsigned quick, uint16_t *domid)
{
    const struct timespec moment = {.tv_nsec = 200 * 1000 * 1000};
    int rc = -ENOMEM;

    for (int tries = 0; tries < 15 && rc == -ENOMEM; tries++) {
        if (tries)
            nanosleep(&moment, NULL);
        rc = domain_create(l, dc, quick, domid);
    }
    if (rc)
        return rc;
    rc = ctl_domain_unpause(&l->ctl, *domid);
    if (!rc)
        return 0;
    domain_fail(l, rc, "%s", ctl_message(&l->ctl));
    domain_destroy(l, *domid);
    return rc;
}

static void restart(struct lodge *l, const struct xen_domctl_getdomaininfo *info,
                    struct saved *saved, enum on_action action, int64_t now)
{
    unsigned quick = now - saved->started < ACTION_QUICK_SECONDS ? saved->restarts + 1 : 0;
    uint16_t domid;
    int rc;

    if (quick > ACTION_QUICK_LIMIT) {
        daemon_say("%s: went down %d times within %d seconds of its start; it is destroyed and "
                   "not restarted again",
                   saved->config.name, ACTION_QUICK_LIMIT, ACTION_QUICK_SECONDS);
        if (domain_destroy(l, info->domain))
            daemon_say("%s: %s", saved->config.name, l->message);
        return;
    }
    rc = action == ON_RENAME_RESTART ? domain_set_aside(l, info) : domain_destroy(l, info->domain);
    if (!rc)
        rc = create_again(l, &saved->config, quick, &domid);
    if (rc)
        daemon_say("%s: could not be restarted: %s", saved->config.name, l->message);
    else
        daemon_say("%s: restarted as domain %u", saved->config.name, domid);
}

bool action_for(struct lodge *l, const struct xen_domctl_getdomaininfo *info, int64_t now)
{
    unsigned reason = info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
    int event = action_event(reason);
    enum on_action action;
    struct saved saved;

    if (event < 0 || saved_read(l, info->handle, &saved))
        return false;
    if (saved.domid != info->domain) {
        saved_free(&saved); /* another domain with the same uuid: not ours */
        return false;
    }
    action = saved.config.on[event];
    daemon_say("%s: domain %u went down (reason %u), %s says %s", saved.config.name, info->domain,
               reason, domcfg_event_name((enum on_event)event), domcfg_action_name(action));
    if (action == ON_COREDUMP_DESTROY || action == ON_COREDUMP_RESTART)
        daemon_say("%s: core dumps are not supported; going on without one", saved.config.name);
    if (restarts(action)) {
        restart(l, info, &saved, action, now);
    } else if (action != ON_PRESERVE && domain_destroy(l, info->domain)) {
        daemon_say("%s: could not be destroyed: %s", saved.config.name, l->message);
        action = ON_PRESERVE;
    }
    saved_free(&saved);
    return action != ON_PRESERVE;
}
