// SPDX-License-Identifier: GPL-2.0-only
// Addresses, routes, and proxied neighbours, through libnl: what the NAT network asks about the
// host before it chooses its own, and what a routed interface needs.
#include "net_private.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <string.h>

// NULL on failure. One for each call: see link.c.
static struct nl_sock *route_open(void)
{
    struct nl_sock *sock = nl_socket_alloc();
    if (sock && nl_connect(sock, NETLINK_ROUTE) != 0) {
        nl_socket_free(sock);
        sock = NULL;
    }
    return sock;
}

static struct nl_addr *route_nl_addr(const struct net_address *address)
{
    struct nl_addr *addr =
        nl_addr_build(address->family, address->raw, address->family == AF_INET ? 4 : 16);
    if (addr) {
        nl_addr_set_prefixlen(addr, (int)address->prefix);
    }
    return addr;
}

static void route_from_nl(struct nl_addr *addr, struct net_address *out)
{
    memset(out, 0, sizeof(*out));
    out->family = nl_addr_get_family(addr);
    out->prefix = nl_addr_get_prefixlen(addr);
    size_t len = nl_addr_get_len(addr);
    if (len > 0 && len <= sizeof(out->raw)) {
        memcpy(out->raw, nl_addr_get_binary_addr(addr), len);
    }
}

// Only one that is good everywhere: link-local addresses do not count. out->text stays empty.
int route_first_address(const char *ifname, int family, struct net_address *out)
{
    struct nl_sock *sock = route_open();
    struct nl_cache *all = NULL;
    int index = link_index(ifname);
    int rc = -1;
    if (sock && index && rtnl_addr_alloc_cache(sock, &all) == 0) {
        for (struct nl_object *each = nl_cache_get_first(all); each && rc;
             each = nl_cache_get_next(each)) {
            struct rtnl_addr *addr = (struct rtnl_addr *)each;
            if (rtnl_addr_get_ifindex(addr) == index && rtnl_addr_get_family(addr) == family &&
                rtnl_addr_get_scope(addr) == RT_SCOPE_UNIVERSE) {
                route_from_nl(rtnl_addr_get_local(addr), out);
                rc = 0;
            }
        }
        nl_cache_free(all);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    return rc;
}

int route_address(const char *ifname, const struct net_address *address, bool add,
                  const struct net_err *err)
{
    struct nl_sock *sock = route_open();
    struct rtnl_addr *addr = rtnl_addr_alloc();
    struct nl_addr *local = route_nl_addr(address);
    int rc = -NLE_NOMEM;
    if (sock && addr && local) {
        rtnl_addr_set_ifindex(addr, link_index(ifname));
        rtnl_addr_set_family(addr, address->family);
        rc = rtnl_addr_set_local(addr, local);
        if (rc == 0) {
            rc = add ? rtnl_addr_add(sock, addr, 0) : rtnl_addr_delete(sock, addr, 0);
        }
    }
    if (local) {
        nl_addr_put(local);
    }
    if (addr) {
        rtnl_addr_put(addr);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    if (rc == 0 || rc == -NLE_EXIST || !add) {
        return rc == -NLE_EXIST ? 0 : rc;
    }
    return net_fail(err, "%s: cannot have the address of the host's side: %s", ifname,
                    nl_geterror(rc));
}

static struct rtnl_route *route_make(int index, const struct net_address *to)
{
    struct rtnl_route *route = rtnl_route_alloc();
    struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
    struct nl_addr *dst = route_nl_addr(to);
    if (!route || !hop || !dst) {
        return NULL; // out of memory: the process has no more than a message left to it
    }
    rtnl_route_set_family(route, (uint8_t)to->family);
    rtnl_route_set_dst(route, dst);
    nl_addr_put(dst);
    rtnl_route_set_table(route, RT_TABLE_MAIN);
    rtnl_route_set_scope(route, to->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
    rtnl_route_set_protocol(route, RTPROT_STATIC);
    rtnl_route_nh_set_ifindex(hop, index);
    rtnl_route_add_nexthop(route, hop);
    return route;
}

static int route_nexthop_index(struct rtnl_route *route)
{
    struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
    return hop ? rtnl_route_nh_get_ifindex(hop) : 0;
}

// Calls `each` for every route of the main table until it returns true.
static bool route_find(int family,
                       bool (*each)(struct rtnl_route *, const struct net_address *, void *),
                       void *context)
{
    struct nl_sock *sock = route_open();
    struct nl_cache *all = NULL;
    bool found = false;
    if (sock && rtnl_route_alloc_cache(sock, family, 0, &all) == 0) {
        for (struct nl_object *object = nl_cache_get_first(all); object && !found;
             object = nl_cache_get_next(object)) {
            struct rtnl_route *route = (struct rtnl_route *)object;
            struct net_address to;
            if (rtnl_route_get_table(route) == RT_TABLE_MAIN && rtnl_route_get_dst(route)) {
                route_from_nl(rtnl_route_get_dst(route), &to);
                found = each(route, &to, context);
            }
        }
        nl_cache_free(all);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    return found;
}

struct route_wanted {
    const struct net_address *to;
    int index; // out: of the interface that the route goes to
};

static bool route_matches(struct rtnl_route *route, const struct net_address *to, void *context)
{
    struct route_wanted *wanted = context;
    if (!address_same(to, wanted->to)) {
        return false;
    }
    wanted->index = route_nexthop_index(route);
    return true;
}

int route_add(const char *ifname, const struct net_address *to, const struct net_err *err)
{
    int index = link_index(ifname);
    struct route_wanted wanted = {.to = to};
    if (route_find(to->family, route_matches, &wanted)) {
        char other[IFNAMSIZ];
        if (wanted.index == index) {
            return 0;
        }
        return net_fail(err, "%s: %s is routed to %s already: two guests cannot have one address",
                        ifname, to->text,
                        if_indextoname((unsigned int)wanted.index, other) ? other : "elsewhere");
    }
    struct nl_sock *sock = route_open();
    struct rtnl_route *route = route_make(index, to);
    int rc = sock && route ? rtnl_route_add(sock, route, NLM_F_CREATE | NLM_F_EXCL) : -NLE_NOMEM;
    if (route) {
        rtnl_route_put(route);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    return rc == 0 ? 0
                   : net_fail(err, "%s: no route to %s can be made: %s", ifname, to->text,
                              nl_geterror(rc));
}

// Looked up first, as the caller has to know whether the address is another interface's.
int route_delete(const char *ifname, const struct net_address *to)
{
    int index = link_index(ifname);
    struct route_wanted wanted = {.to = to};
    if (!route_find(to->family, route_matches, &wanted)) {
        return 0;
    }
    if (wanted.index != index) {
        return -1;
    }
    struct nl_sock *sock = route_open();
    struct rtnl_route *route = route_make(index, to);
    if (sock && route) {
        rtnl_route_delete(sock, route, 0);
    }
    if (route) {
        rtnl_route_put(route);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    return 0;
}

int route_proxy(const char *ifname, const struct net_address *address, bool add,
                const struct net_err *err)
{
    // A whole network is not proxied: routers are told where it is.
    if (address->prefix != (address->family == AF_INET ? 32 : 128)) {
        return 0;
    }
    struct nl_sock *sock = route_open();
    struct rtnl_neigh *neigh = rtnl_neigh_alloc();
    struct nl_addr *dst = route_nl_addr(address);
    int rc = -NLE_NOMEM;
    if (sock && neigh && dst) {
        rtnl_neigh_set_ifindex(neigh, link_index(ifname));
        rtnl_neigh_set_dst(neigh, dst);
        rtnl_neigh_set_flags(neigh, NTF_PROXY);
        rc = add ? rtnl_neigh_add(sock, neigh, NLM_F_CREATE | NLM_F_REPLACE)
                 : rtnl_neigh_delete(sock, neigh, 0);
    }
    if (dst) {
        nl_addr_put(dst);
    }
    if (neigh) {
        rtnl_neigh_put(neigh);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    if (rc == 0 || !add) {
        return 0;
    }
    return net_fail(err, "%s: cannot answer for %s: %s", ifname, address->text, nl_geterror(rc));
}

// Whether the network has the address, or is it.
static bool route_holds(const struct net_address *network, const struct net_address *address)
{
    struct net_address a = *address, b;
    if (a.family != network->family || a.prefix < network->prefix) {
        return false;
    }
    a.prefix = network->prefix;
    address_network(&a, &b);
    return address_same(&b, network);
}

// An address of the host's that the network has; what is on this very interface does not count.
static bool route_host_address(const struct net_address *network, int index,
                               struct net_address *found)
{
    struct nl_sock *sock = route_open();
    struct nl_cache *all = NULL;
    bool is = false;
    if (sock && rtnl_addr_alloc_cache(sock, &all) == 0) {
        for (struct nl_object *each = nl_cache_get_first(all); each && !is;
             each = nl_cache_get_next(each)) {
            struct rtnl_addr *addr = (struct rtnl_addr *)each;
            if (rtnl_addr_get_local(addr) && rtnl_addr_get_ifindex(addr) != index) {
                route_from_nl(rtnl_addr_get_local(addr), found);
                found->prefix = found->family == AF_INET ? 32 : 128;
                is = route_holds(network, found);
            }
        }
        nl_cache_free(all);
    }
    if (sock) {
        nl_socket_free(sock);
    }
    return is;
}

struct route_claim {
    const struct net_address *network;
    int index; // of the guest's interface: its own routes are no obstacle
};

// A router of the host's that the network has, or a route into it.
static bool route_claims(struct rtnl_route *route, const struct net_address *to, void *context)
{
    struct route_claim *claim = context;
    struct net_address router;
    for (int i = 0; i < rtnl_route_get_nnexthops(route); i++) {
        struct nl_addr *gateway = rtnl_route_nh_get_gateway(rtnl_route_nexthop_n(route, i));
        if (!gateway) {
            continue;
        }
        route_from_nl(gateway, &router);
        router.prefix = router.family == AF_INET ? 32 : 128;
        if (route_holds(claim->network, &router)) {
            return true;
        }
    }
    return route_nexthop_index(route) != claim->index && to->prefix > claim->network->prefix &&
           route_holds(claim->network, to);
}

int route_refuse_hosts(const char *ifname, const struct net_address *wanted, bool routed,
                       const struct net_err *err)
{
    struct route_claim claim = {wanted, link_index(ifname)};
    struct net_address found;
    // As a list of what may pass, a network is what the administrator says it is.
    if (!routed && wanted->prefix != (wanted->family == AF_INET ? 32 : 128)) {
        return 0;
    }
    if (route_host_address(wanted, claim.index, &found)) {
        return net_fail(err, "%s: ip: %s/%u has an address of this host: give the guest another",
                        ifname, wanted->text, wanted->prefix);
    }
    if (routed && route_find(wanted->family, route_claims, &claim)) {
        return net_fail(err,
                        "%s: ip: %s/%u has a router of this host, or networks that it has routes "
                        "to: give the guest another",
                        ifname, wanted->text, wanted->prefix);
    }
    return 0;
}

static bool route_is_default(struct rtnl_route *route, const struct net_address *to, void *context)
{
    char *ifname = context;
    int index = route_nexthop_index(route);
    return to->prefix == 0 && index && if_indextoname((unsigned int)index, ifname);
}

int route_default_device(char ifname[IFNAMSIZ])
{
    return route_find(AF_INET, route_is_default, ifname) ||
                   route_find(AF_INET6, route_is_default, ifname)
               ? 0
               : -1;
}

// Two networks overlap if they agree in the bits of the shorter prefix.
static bool route_covers(struct rtnl_route *route, const struct net_address *to, void *context)
{
    (void)route;
    struct net_address wanted = *(const struct net_address *)context, other = *to, a, b;
    if (to->prefix == 0) {
        return false;
    }
    wanted.prefix = other.prefix = wanted.prefix < other.prefix ? wanted.prefix : other.prefix;
    address_network(&wanted, &a);
    address_network(&other, &b);
    return address_same(&a, &b);
}

bool route_overlaps(const struct net_address *network)
{
    return route_find(network->family, route_covers, (void *)network);
}
