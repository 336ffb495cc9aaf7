// SPDX-License-Identifier: GPL-2.0-only
// Plugging and unplugging: the order of things. The filter stands before the interface can carry a
// frame, and what must be undone is written down before it is done.
//
// net_plug() and net_unplug() run under the lock of state.c. Each port is a reference to its NAT
// network, and the last port to go takes the network along: under the lock no new one comes in
// between.
//
// What a guest could try: frames with another's address (nft.c), and an address list that takes
// another guest's route (route_add() refuses) or the host's own (route_refuse_hosts()). Names and
// addresses come from configuration, which may be a guest owner's: each is parsed and written anew
// before the kernel, a path under /proc or the filter's text gets to see it. What they name may be
// there already, as the host's: that is checked first, and left as it is.
#include "net_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The highest MAC address there is, as with xl's scripts. A bridge takes the lowest address of its
// ports: so it never takes this one, and keeps its own when a guest comes.
#define PORT_MAC "fe:ff:ff:ff:ff:ff"

int net_fail(const struct net_err *err, const char *format, ...)
{
    if (err && err->text && err->len > 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, err->len, format, args);
        va_end(args);
    }
    return -1;
}

bool net_name_valid(const char *name)
{
    const char *ok = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name && name[0] && strlen(name) < IFNAMSIZ && strspn(name, ok) == strlen(name) &&
           name[0] != '.' && name[0] != '-';
}

int net_sysctl(const char *before, const char *name, const char *after, const char *value)
{
    char path[160];
    snprintf(path, sizeof(path), "/proc/sys/net/%s%s%s", before, name, after);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t put = write(fd, value, strlen(value));
    close(fd);
    return put == (ssize_t)strlen(value) ? 0 : -1;
}

static const char *const net_modes[] = {
    [NET_AUTO] = "auto",
    [NET_BRIDGE] = "bridge",
    [NET_NAT] = "nat",
    [NET_ROUTE] = "route",
};

const char *net_mode_name(enum net_mode mode)
{
    return net_modes[mode];
}

int net_mode_parse(const char *name, enum net_mode *mode)
{
    for (size_t i = 0; name && i < sizeof(net_modes) / sizeof(net_modes[0]); i++) {
        if (strcmp(name, net_modes[i]) == 0) {
            *mode = (enum net_mode)i;
            return 0;
        }
    }
    return -1;
}

bool net_exists(const char *ifname)
{
    return link_index(ifname) != 0;
}

int net_bridge_ports(const char *bridge)
{
    return link_is_bridge(bridge) ? link_ports(bridge) : -1;
}

int net_rename(const char *ifname, const char *name, char *text, size_t len)
{
    struct net_err err = {text, len};
    if (!net_name_valid(name)) {
        return net_fail(&err,
                        "\"%s\" cannot be the name of an interface: it may have up to %d "
                        "letters, digits, dots, hyphens and underscores",
                        name ? name : "", IFNAMSIZ - 1);
    }
    if (strcmp(ifname, name) == 0) {
        return 0;
    }
    if (link_index(name)) {
        return net_fail(&err, "%s cannot be renamed to %s: there is an interface of that name",
                        ifname, name);
    }
    return link_set_up(ifname, false, &err) || link_rename(ifname, name, &err) ? -1 : 0;
}

// The mode and the names that NULL stands for.
static int plug_resolve(const struct net_plug *plug, struct net_state *state,
                        const struct net_err *err)
{
    bool named = plug->bridge && *plug->bridge;
    memset(state, 0, sizeof(*state));
    state->mode = plug->mode;
    if (state->mode == NET_AUTO) {
        state->mode = named || link_index(NET_DEFAULT_BRIDGE) ? NET_BRIDGE : NET_NAT;
    }
    const char *usual = state->mode == NET_NAT ? NET_NAT_BRIDGE : NET_DEFAULT_BRIDGE;
    const char *bridge = state->mode == NET_ROUTE ? "" : named ? plug->bridge : usual;
    if (*bridge && !net_name_valid(bridge)) {
        return net_fail(err, "%s: \"%s\" cannot be the name of a bridge", plug->ifname, bridge);
    }
    snprintf(state->bridge, sizeof(state->bridge), "%s", bridge);
    if (plug->ips && strlen(plug->ips) >= sizeof(state->ips)) {
        return net_fail(err, "%s: ip: the list of addresses is too long", plug->ifname);
    }
    snprintf(state->ips, sizeof(state->ips), "%s", plug->ips ? plug->ips : "");
    if (plug->script && *plug->script) {
        const char *path = plug->xenbus_path ? plug->xenbus_path : "";
        if (strlen(plug->script) >= sizeof(state->script) ||
            strlen(path) >= sizeof(state->xenbus_path)) {
            return net_fail(err, "%s: the path of the script or of the device is too long",
                            plug->ifname);
        }
        snprintf(state->script, sizeof(state->script), "%s", plug->script);
        snprintf(state->xenbus_path, sizeof(state->xenbus_path), "%s", path);
        snprintf(state->gateway, sizeof(state->gateway), "%s",
                 plug->gatewaydev && net_name_valid(plug->gatewaydev) ? plug->gatewaydev : "");
        state->bridge[0] = '\0';
    }
    return 0;
}

// NET_ROUTE: the interface that leads outside, as named, or that of the default route.
static int plug_gateway(const struct net_plug *plug, struct net_state *state,
                        const struct net_err *err)
{
    if (plug->gatewaydev && *plug->gatewaydev) {
        if (!net_name_valid(plug->gatewaydev) || !link_index(plug->gatewaydev)) {
            return net_fail(err, "%s: gatewaydev %s: there is no such interface", plug->ifname,
                            plug->gatewaydev);
        }
        snprintf(state->gateway, sizeof(state->gateway), "%s", plug->gatewaydev);
        return 0;
    }
    if (route_default_device(state->gateway)) {
        return net_fail(err,
                        "%s: the host has no default route, so name the interface that leads "
                        "to the guest's network with gatewaydev=",
                        plug->ifname);
    }
    return 0;
}

static int plug_bridge(const char *ifname, const struct net_state *state, unsigned int mtu,
                       const struct net_err *err)
{
    const char *bridge = state->bridge;
    if (state->mode == NET_NAT) {
        if (nat_ensure(bridge, false, err)) {
            return -1;
        }
    } else if (!link_index(bridge)) {
        return net_fail(err,
                        "%s: there is no bridge %s: make one and put the host's network card "
                        "on it, or choose another with bridge=, or NAT",
                        ifname, bridge);
    } else if (!link_is_bridge(bridge)) {
        return net_fail(err, "%s: %s is an interface, but not a bridge", ifname, bridge);
    }
    // The host itself does not speak on a port: no address, no router solicitation.
    net_sysctl("ipv6/conf/", ifname, "/disable_ipv6", "1");
    int own = link_mtu(bridge);
    if (link_set_mac(ifname, PORT_MAC, err)) {
        return -1;
    }
    if (mtu == 0 && own > 0 && link_mtu(ifname) != own &&
        link_set_mtu(ifname, (unsigned int)own, err)) {
        return -1;
    }
    if (link_set_bridge(ifname, bridge, err)) {
        return -1;
    }
    // A bridge has the smallest MTU of its ports until it is given one of its own: one guest's mtu=
    // would hold for all, the host included.
    if (own > 0 && link_mtu(bridge) != own && link_set_mtu(bridge, (unsigned int)own, err)) {
        return -1;
    }
    return link_set_up(ifname, true, err);
}

// A host that forwards does not listen to routers any more, unless it is told to do both.
static void forward_ipv6(const char *gateway)
{
    char path[96], now = '0';
    snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", gateway);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, &now, 1) == 1 && now == '1') {
            net_sysctl("ipv6/conf/", gateway, "/accept_ra", "2");
        }
        close(fd);
    }
    net_sysctl("ipv6/conf/", "all", "/forwarding", "1");
    net_sysctl("ipv6/conf/", gateway, "/proxy_ndp", "1");
}

// Proxying both ways: the host answers for the guest on the gateway's side (route_proxy()), and for
// the world on the guest's (proxy_arp, proxy_ndp). The interface bears the gateway's own address,
// which is what the guest sees as its next hop.
static int plug_route(const char *ifname, const struct net_state *state,
                      const struct net_addresses *ips, const struct net_err *err)
{
    if (ips->count == 0) {
        return net_fail(err, "%s: a routed interface needs the guest's address: ip=", ifname);
    }
    if (link_set_up(ifname, true, err)) {
        return -1;
    }
    static const int families[] = {AF_INET, AF_INET6};
    for (unsigned int i = 0; i < 2; i++) {
        struct net_address host;
        if (route_first_address(state->gateway, families[i], &host) == 0) {
            host.prefix = families[i] == AF_INET ? 32 : 128;
            if (route_address(ifname, &host, true, err)) {
                return -1;
            }
        }
    }
    for (unsigned int i = 0; i < ips->count; i++) {
        const struct net_address *ip = &ips->list[i];
        if (route_add(ifname, ip, err) || route_proxy(state->gateway, ip, true, err)) {
            return -1;
        }
        if (ip->family == AF_INET6) {
            forward_ipv6(state->gateway);
            net_sysctl("ipv6/conf/", ifname, "/proxy_ndp", "1");
        }
    }
    net_sysctl("ipv4/conf/", ifname, "/proxy_arp", "1");
    if (net_sysctl("ipv4/ip_forward", "", "", "1")) {
        return net_fail(err, "%s: /proc/sys/net/ipv4/ip_forward cannot be written", ifname);
    }
    return 0;
}

// Two interfaces may have been given one address: what belongs to the other one stays.
static void unplug_route(const char *ifname, const struct net_state *state)
{
    struct net_addresses ips = {0};
    struct net_address host;
    if (address_parse(state->ips, &ips, NULL)) {
        return;
    }
    for (unsigned int i = 0; i < ips.count; i++) {
        if (route_delete(ifname, &ips.list[i]) == 0) {
            route_proxy(state->gateway, &ips.list[i], false, NULL);
        }
    }
    while (route_first_address(ifname, AF_INET, &host) == 0 &&
           route_address(ifname, &host, false, NULL) == 0) {
    }
    net_sysctl("ipv4/conf/", ifname, "/proxy_arp", "0");
}

// Undoes as much as it can. After a failure err has the last one, and the state stays, so that a
// second call can go on. The caller holds the lock.
static int unplug(const char *ifname, const struct net_err *err)
{
    struct net_state state;
    bool known = state_read(ifname, &state) == 0;
    int rc = 0;
    if (known && state.script[0]) {
        rc = script_run(&state, "offline", ifname, err);
    }
    // An interface may go at any moment (the stock kernel's goes with its guest): then there is
    // nothing to undo.
    if (known && link_index(ifname) &&
        (link_set_up(ifname, false, err) || link_set_bridge(ifname, NULL, err)) &&
        link_index(ifname)) {
        rc = -1;
    }
    if (known && state.mode == NET_ROUTE) {
        unplug_route(ifname, &state);
    }
    if (nft_filter_remove(ifname, err)) {
        rc = -1;
    }
    if (known && state.mode == NET_NAT && state.bridge[0] && nat_release(state.bridge, err)) {
        rc = -1;
    }
    if (rc == 0) {
        state_remove(ifname);
    }
    return rc;
}

// Everything but the script's part is undone when this fails. In this order: the record, the
// filter, and only then what brings the interface up.
static int plug_carry_out(const struct net_plug *plug, struct net_state *state,
                          const struct net_addresses *ips, const unsigned char mac[6],
                          const struct net_err *err)
{
    if (state_write(plug->ifname, state, err)) {
        return -1;
    }
    if (plug->filter ? nft_filter(plug->ifname, mac, ips, err)
                     : nft_filter_remove(plug->ifname, err)) {
        return -1;
    }
    if (plug->mtu > 0 && link_set_mtu(plug->ifname, plug->mtu, err)) {
        return -1;
    }
    if (state->script[0]) {
        return script_run(state, "online", plug->ifname, err);
    }
    return state->mode == NET_ROUTE ? plug_route(plug->ifname, state, ips, err)
                                    : plug_bridge(plug->ifname, state, plug->mtu, err);
}

static bool state_same(const struct net_state *a, const struct net_state *b)
{
    return a->mode == b->mode && strcmp(a->bridge, b->bridge) == 0 &&
           strcmp(a->gateway, b->gateway) == 0 && strcmp(a->ips, b->ips) == 0 &&
           strcmp(a->script, b->script) == 0;
}

static int plug_checked(const struct net_plug *plug, struct net_plugged *done,
                        const struct net_err *err)
{
    struct net_state state, before;
    struct net_addresses ips;
    unsigned char mac[6] = {0};
    if (!net_name_valid(plug->ifname) || !link_index(plug->ifname)) {
        return net_fail(err, "%s: there is no such interface", plug->ifname ? plug->ifname : "");
    }
    if (plug->filter && address_parse_mac(plug->mac, mac)) {
        return net_fail(err, "%s: the filter needs the guest's MAC address, and \"%s\" is none",
                        plug->ifname, plug->mac ? plug->mac : "");
    }
    if (plug_resolve(plug, &state, err) || address_parse(plug->ips, &ips, err)) {
        return -1;
    }
    if (state.mode == NET_ROUTE && !state.script[0] && plug_gateway(plug, &state, err)) {
        return -1;
    }
    if (!link_is_guests(plug->ifname)) {
        return net_fail(err,
                        "%s is an interface of this host and no guest's: neither a tap nor one of "
                        "xen-netback",
                        plug->ifname);
    }
    for (unsigned int i = 0; i < ips.count; i++) {
        if (route_refuse_hosts(plug->ifname, &ips.list[i],
                               state.mode == NET_ROUTE && !state.script[0], err)) {
            return -1;
        }
    }
    // It is plugged already, in another way: that is undone first. A script is run once per
    // plugging.
    bool again = state_read(plug->ifname, &before) == 0;
    if (again && (!state_same(&before, &state) || state.script[0]) && unplug(plug->ifname, err)) {
        return -1;
    }
    if (plug_carry_out(plug, &state, &ips, mac, err)) {
        struct net_err quiet = {NULL, 0};
        // So that unplug() does not call a script whose "online" has failed.
        state.script[0] = '\0';
        state_write(plug->ifname, &state, &quiet);
        unplug(plug->ifname, &quiet);
        return -1;
    }
    if (done) {
        done->mode = state.mode;
        snprintf(done->bridge, sizeof(done->bridge), "%s", state.bridge);
    }
    return 0;
}

int net_plug(const struct net_plug *plug, struct net_plugged *done, char *text, size_t len)
{
    struct net_err err = {text, len};
    int lock = state_lock(&err);
    if (lock == STATE_BUSY) {
        return -1;
    }
    int rc = plug_checked(plug, done, &err);
    state_unlock(lock);
    return rc;
}

int net_unplug(const char *ifname, char *text, size_t len)
{
    struct net_err err = {text, len};
    if (!net_name_valid(ifname)) {
        return net_fail(&err, "\"%s\" cannot be the name of an interface", ifname ? ifname : "");
    }
    int lock = state_lock(&err);
    if (lock == STATE_BUSY) {
        return -1;
    }
    int rc = unplug(ifname, &err);
    state_unlock(lock);
    return rc;
}
