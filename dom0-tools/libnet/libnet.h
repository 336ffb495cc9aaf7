// SPDX-License-Identifier: GPL-2.0-only
// The host's side of a guest's network: takes an interface that a back-end made (a tap, or the
// stock kernel's vifX.Y) and puts it on a bridge, behind NAT or into the routing table, with a
// filter that keeps the guest to its own addresses. All of it is done through netlink; no command
// is run, except a script that the guest's configuration asks for.
//
// Every function that can fail returns 0, or -1 with a sentence in err: what could not be done,
// why, and the way out. All calls may be repeated: the second one finds its work done. They block
// for as long as netlink takes (milliseconds), net_plug() with a script for as long as that runs
// (at most 30 seconds). They need CAP_NET_ADMIN, and are not for threads that run at once.
//
// What is remembered of an interface is in /run/lodge/net/IFNAME, so that net_unplug() works after
// a restart of its caller, and after the interface itself has gone.
#ifndef LODGE_LIBNET_H
#define LODGE_LIBNET_H

#include <stdbool.h>
#include <stddef.h>

#define NET_STATE_DIR      "/run/lodge/net"
#define NET_DEFAULT_BRIDGE "xenbr0"
#define NET_NAT_BRIDGE     "lodgenat0"

enum net_mode {
    // NET_BRIDGE if a bridge is named or NET_DEFAULT_BRIDGE exists, else NET_NAT.
    NET_AUTO,
    // A port of a bridge that exists.
    NET_BRIDGE,
    // A port of NET_NAT_BRIDGE, or of the bridge that is named. If it does not exist it is made,
    // with an address (the first of 10.77.0.1/24, 10.78.0.1/24, ... that no route of the host
    // overlaps), IPv4 forwarding, and masquerading of what leaves the host from it. One that was
    // made so is taken away with its last port, unless net_nat_create() was asked for it.
    // Who gives addresses on it (dnsmasq, for instance) is the administrator's choice.
    NET_NAT,
    // No bridge: a route to each of the guest's addresses, the address of the gateway device on
    // the interface, and proxy ARP both ways. Needs ips.
    NET_ROUTE,
};

struct net_plug {
    const char *ifname; // the interface, which must exist
    enum net_mode mode;
    const char *bridge;     // NULL or "": the mode's default
    const char *mac;        // the guest's, "00:16:3e:..."; needed by the filter
    const char *ips;        // the guest's, space separated, IPv4 and IPv6, each perhaps with
                            // /prefix; NULL or "": any (the filter then checks only the MAC)
    const char *gatewaydev; // NET_ROUTE: NULL or "": the device of the default route
    unsigned int mtu;       // 0: the bridge's, or as it is
    bool filter;            // drop frames from the interface that bear another's address

    // A hot-plug script as for xl, by its absolute path; NULL or "": none. It is run instead of
    // what mode asks for (the filter is set up all the same), with the argument "online", and by
    // net_unplug() with "offline", both followed by "type_if=vif", in an environment with script,
    // vif (the interface), netdev (gatewaydev), XENBUS_PATH, XENBUS_TYPE and XENBUS_BASE_PATH. The
    // last line that it prints is in err if it fails. A script that has failed with "online" is not
    // called with "offline".
    const char *script;
    const char *xenbus_path; // script only: "/local/domain/0/backend/lodge-vif/3/0", for instance
};

// What net_plug() made of the interface, for logs and listings.
struct net_plugged {
    enum net_mode mode; // never NET_AUTO
    char bridge[16];    // empty with NET_ROUTE and with a script
};

// Configure an interface and bring it up. After a failure nothing of it is left in place, except
// what a script may have done. `done` may be NULL.
int net_plug(const struct net_plug *plug, struct net_plugged *done, char *err, size_t len);

// Undo net_plug(): filter, routes, membership of the bridge; the interface is brought down if it
// is still there. Succeeds if nothing of it is left, also where net_plug() was never called.
int net_unplug(const char *ifname, char *err, size_t len);

// "bridge", "nat", "route", "auto", as in configuration files and the store.
const char *net_mode_name(enum net_mode mode);
int net_mode_parse(const char *name, enum net_mode *mode); // -1: no such mode

bool net_exists(const char *ifname);
// The number of ports of a bridge; -1: there is no such bridge.
int net_bridge_ports(const char *bridge);
// An interface gets another name; it is brought down for that.
int net_rename(const char *ifname, const char *name, char *err, size_t len);

// Make a bridge without address and bring it up.
int net_bridge_create(const char *bridge, char *err, size_t len);
// Make the NAT network (bridge NULL: NET_NAT_BRIDGE) to stay, with this address ("10.77.0.1/24";
// NULL: one is chosen). The address that it has is in `address` afterwards, which has `size` bytes.
int net_nat_create(const char *bridge, const char *want, char *address, size_t size, char *err,
                   size_t len);
// Take a bridge of net_bridge_create() or net_nat_create() away, with its masquerading. Fails
// while it has ports.
int net_bridge_remove(const char *bridge, char *err, size_t len);

#endif
