// SPDX-License-Identifier: GPL-2.0-only
// Interfaces and bridges, through libnl. A socket is opened for each call: they are rare, and a
// daemon that is forked or started again has no stale connection then.
#include "net_private.h"

#include <errno.h>
#include <linux/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <string.h>
#include <unistd.h>

// Always closed with link_close(), also where link_open() failed.
struct link_call {
    struct nl_sock *sock;
    struct rtnl_link *link; // what the kernel has, or NULL
};

static int link_open(struct link_call *call, const char *name)
{
    call->link = NULL;
    call->sock = nl_socket_alloc();
    if (!call->sock) {
        return -NLE_NOMEM;
    }
    // The kernel is asked each time: a cache would be old as soon as a guest comes or goes.
    int rc = nl_connect(call->sock, NETLINK_ROUTE);
    if (rc == 0 && name) {
        rc = rtnl_link_get_kernel(call->sock, 0, name, &call->link);
    }
    return rc;
}

static void link_close(struct link_call *call)
{
    if (call->link) {
        rtnl_link_put(call->link);
    }
    nl_socket_free(call->sock);
}

int link_index(const char *name)
{
    struct link_call call;
    int index = link_open(&call, name) == 0 ? rtnl_link_get_ifindex(call.link) : 0;
    link_close(&call);
    return index;
}

// Open, let `set` write into an empty change, send the change, say what failed.
static int link_apply(const char *name, const char *what, void (*set)(struct rtnl_link *, void *),
                      void *value, const struct net_err *err)
{
    struct link_call call;
    struct rtnl_link *change = NULL;
    int rc = link_open(&call, name);
    if (rc == 0) {
        change = rtnl_link_alloc();
        rc = change ? 0 : -NLE_NOMEM;
    }
    if (rc == 0) {
        set(change, value);
        rc = rtnl_link_change(call.sock, call.link, change, 0);
    }
    if (change) {
        rtnl_link_put(change);
    }
    link_close(&call);
    return rc == 0 ? 0 : net_fail(err, "%s: %s: %s", name, what, nl_geterror(rc));
}

static void link_put_up(struct rtnl_link *change, void *value)
{
    if (*(bool *)value) {
        rtnl_link_set_flags(change, IFF_UP);
    } else {
        rtnl_link_unset_flags(change, IFF_UP);
    }
}

int link_set_up(const char *name, bool up, const struct net_err *err)
{
    return link_apply(name, up ? "cannot be brought up" : "cannot be brought down", link_put_up,
                      &up, err);
}

static void link_put_mtu(struct rtnl_link *change, void *value)
{
    rtnl_link_set_mtu(change, *(unsigned int *)value);
}

int link_set_mtu(const char *name, unsigned int mtu, const struct net_err *err)
{
    char what[48];
    snprintf(what, sizeof(what), "cannot have an MTU of %u bytes", mtu);
    return link_apply(name, what, link_put_mtu, &mtu, err);
}

int link_mtu(const char *name)
{
    struct link_call call;
    int mtu = link_open(&call, name) == 0 ? (int)rtnl_link_get_mtu(call.link) : -1;
    link_close(&call);
    return mtu;
}

static void link_put_alias(struct rtnl_link *change, void *value)
{
    rtnl_link_set_ifalias(change, value);
}

int link_set_alias(const char *name, const char *alias, const struct net_err *err)
{
    return link_apply(name, "cannot be marked", link_put_alias, (void *)alias, err);
}

void link_alias(const char *name, char *alias, size_t size)
{
    struct link_call call;
    const char *found = NULL;
    if (link_open(&call, name) == 0) {
        found = rtnl_link_get_ifalias(call.link);
    }
    snprintf(alias, size, "%s", found ? found : "");
    link_close(&call);
}

static void link_put_name(struct rtnl_link *change, void *value)
{
    rtnl_link_set_name(change, value);
}

int link_rename(const char *name, const char *to, const struct net_err *err)
{
    char what[64];
    snprintf(what, sizeof(what), "cannot be renamed to %s", to);
    return link_apply(name, what, link_put_name, (void *)to, err);
}

static void link_put_addr(struct rtnl_link *change, void *value)
{
    rtnl_link_set_addr(change, value);
}

// If the interface has another address it is brought down first: drivers refuse the change while it
// is up.
int link_set_mac(const char *name, const char *mac, const struct net_err *err)
{
    struct nl_addr *addr;
    if (nl_addr_parse(mac, AF_LLC, &addr) != 0) {
        return net_fail(err, "%s: \"%s\" is no MAC address", name, mac);
    }
    struct link_call call;
    bool same = link_open(&call, name) == 0 && rtnl_link_get_addr(call.link) &&
                nl_addr_cmp(rtnl_link_get_addr(call.link), addr) == 0;
    link_close(&call);
    int rc = 0;
    if (!same) {
        rc = link_set_up(name, false, err);
        if (rc == 0) {
            rc = link_apply(name, "cannot be given its MAC address", link_put_addr, addr, err);
        }
    }
    nl_addr_put(addr);
    return rc;
}

int link_set_bridge(const char *name, const char *bridge, const struct net_err *err)
{
    struct link_call call;
    int master = bridge ? link_index(bridge) : 0;
    int rc = link_open(&call, name);
    if (rc == 0 && rtnl_link_get_master(call.link) != master) {
        int index = rtnl_link_get_ifindex(call.link);
        rc = master ? rtnl_link_enslave_ifindex(call.sock, master, index)
                    : rtnl_link_release_ifindex(call.sock, index);
    }
    link_close(&call);
    if (rc == 0) {
        return 0;
    }
    return bridge ? net_fail(err, "%s: cannot become a port of bridge %s: %s", name, bridge,
                             nl_geterror(rc))
                  : net_fail(err, "%s: cannot be taken off its bridge: %s", name, nl_geterror(rc));
}

void link_bridge(const char *name, char bridge[IFNAMSIZ])
{
    struct link_call call;
    bridge[0] = '\0';
    int master = link_open(&call, name) == 0 ? rtnl_link_get_master(call.link) : 0;
    struct rtnl_link *found;
    if (master && rtnl_link_get_kernel(call.sock, master, NULL, &found) == 0) {
        snprintf(bridge, IFNAMSIZ, "%s", rtnl_link_get_name(found));
        rtnl_link_put(found);
    }
    link_close(&call);
}

bool link_is_bridge(const char *name)
{
    struct link_call call;
    const char *type = link_open(&call, name) == 0 ? rtnl_link_get_type(call.link) : NULL;
    bool is = type && strcmp(type, "bridge") == 0;
    link_close(&call);
    return is;
}

// A tap is known by its kind; an interface of xen-netback has none, and is known by its bus.
bool link_is_guests(const char *name)
{
    struct link_call call;
    const char *type = link_open(&call, name) == 0 ? rtnl_link_get_type(call.link) : NULL;
    bool is = type && strcmp(type, "tun") == 0;
    link_close(&call);
    if (!is) {
        char path[96], bus[256];
        snprintf(path, sizeof(path), "/sys/class/net/%s/device/subsystem", name);
        ssize_t len = readlink(path, bus, sizeof(bus) - 1);
        bus[len > 0 ? len : 0] = '\0';
        const char *last = strrchr(bus, '/');
        is = last && strcmp(last, "/xen-backend") == 0;
    }
    return is;
}

int link_add_bridge(const char *name, const struct net_err *err)
{
    struct link_call call;
    struct rtnl_link *fresh = NULL;
    int rc = link_open(&call, NULL);
    if (rc == 0) {
        fresh = rtnl_link_bridge_alloc();
        rc = fresh ? 0 : -NLE_NOMEM;
    }
    if (rc == 0) {
        rtnl_link_set_name(fresh, name);
        rc = rtnl_link_add(call.sock, fresh, NLM_F_CREATE | NLM_F_EXCL);
    }
    if (fresh) {
        rtnl_link_put(fresh);
    }
    link_close(&call);
    if (rc == -NLE_OPNOTSUPP) {
        return net_fail(err, "bridge %s cannot be made: the kernel has no bridges (module bridge)",
                        name);
    }
    return rc == 0 ? 0 : net_fail(err, "bridge %s cannot be made: %s", name, nl_geterror(rc));
}

int link_delete(const char *name, const struct net_err *err)
{
    struct link_call call;
    int rc = link_open(&call, name);
    if (rc == 0) {
        rc = rtnl_link_delete(call.sock, call.link);
    }
    link_close(&call);
    return rc == 0 ? 0 : net_fail(err, "%s: cannot be removed: %s", name, nl_geterror(rc));
}

int link_ports(const char *bridge)
{
    struct link_call call;
    struct nl_cache *all = NULL;
    int ports = -1;
    if (link_open(&call, bridge) == 0 && rtnl_link_alloc_cache(call.sock, AF_UNSPEC, &all) == 0) {
        int index = rtnl_link_get_ifindex(call.link);
        ports = 0;
        for (struct nl_object *each = nl_cache_get_first(all); each;
             each = nl_cache_get_next(each)) {
            ports += rtnl_link_get_master((struct rtnl_link *)each) == index;
        }
        nl_cache_free(all);
    }
    link_close(&call);
    return ports;
}
