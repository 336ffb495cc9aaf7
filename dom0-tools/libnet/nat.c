// SPDX-License-Identifier: GPL-2.0-only
// A network of the host's own behind which guests reach the world with the host's address: a
// bridge with an address, forwarding, masquerading. One that net_plug() made goes with its last
// port; one that was asked for stays. Which of the two it is, is written in the bridge's alias.
#include "net_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define NAT_ON_DEMAND "lodge: NAT network, goes with its last port"
#define NAT_TO_STAY   "lodge: NAT network"
#define NAT_FIRST     77u
#define NAT_CHOICES   100u

// The first 10.N.0.1/24 that the host has no use for yet.
static int nat_choose(struct net_address *address, const struct net_err *err)
{
    for (unsigned int n = NAT_FIRST; n < NAT_FIRST + NAT_CHOICES; n++) {
        char text[32];
        struct net_address network;
        snprintf(text, sizeof(text), "10.%u.0.1/24", n);
        if (address_parse_prefix(text, address) == 0) {
            address_network(address, &network);
            if (!route_overlaps(&network)) {
                return 0;
            }
        }
    }
    return net_fail(err,
                    "the host has routes to all of 10.%u.0.0 to 10.%u.0.0: say which address "
                    "the NAT network shall have",
                    NAT_FIRST, NAT_FIRST + NAT_CHOICES - 1);
}

// The bridge gets a MAC address of its own, made from its name: without one it would take that of
// a port, and guests would have to learn a new one whenever the port goes.
static int nat_make_bridge(const char *bridge, const char *alias, const struct net_err *err)
{
    char mac[18];
    unsigned int hash = 2166136261u;
    for (const char *c = bridge; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    }
    snprintf(mac, sizeof(mac), "02:4c:%02x:%02x:%02x:%02x", hash >> 24, (hash >> 16) & 255,
             (hash >> 8) & 255, hash & 255);
    if (link_add_bridge(bridge, err)) {
        return -1;
    }
    if (link_set_mac(bridge, mac, err) || link_set_alias(bridge, alias, err)) {
        struct net_err quiet = {NULL, 0};
        link_delete(bridge, &quiet);
        return -1;
    }
    return 0;
}

// All that makes a bridge with this address a NAT network. What is there already stays, so this may
// be done for each interface that comes. Masquerading is set anew each time, as one batch.
static int nat_finish(const char *bridge, const struct net_address *address,
                      const struct net_err *err)
{
    struct net_address network;
    address_network(address, &network);
    if (route_address(bridge, address, true, err) || link_set_up(bridge, true, err) ||
        nft_masquerade(bridge, &network, err)) {
        return -1;
    }
    if (net_sysctl("ipv4/ip_forward", "", "", "1")) {
        return net_fail(err,
                        "%s: /proc/sys/net/ipv4/ip_forward cannot be written: guests would "
                        "reach nothing but the host",
                        bridge);
    }
    return 0;
}

static int nat_make(const char *bridge, const char *want, const char *alias,
                    struct net_address *address, const struct net_err *err)
{
    if (want && *want) {
        if (address_parse_prefix(want, address) || address->family != AF_INET ||
            address->prefix < 8 || address->prefix > 30) {
            return net_fail(err, "%s: \"%s\" is no IPv4 address with a prefix such as 10.77.0.1/24",
                            bridge, want);
        }
    } else if (nat_choose(address, err)) {
        return -1;
    }
    if (nat_make_bridge(bridge, alias, err)) {
        return -1;
    }
    if (nat_finish(bridge, address, err)) {
        struct net_err quiet = {NULL, 0};
        link_delete(bridge, &quiet);
        nft_masquerade_remove(bridge, &quiet);
        return -1;
    }
    return 0;
}

// A NAT network that is there already is set up once more, as a firewall may have been flushed
// since. A bridge of somebody else's becomes one only if the administrator asks for that: it is not
// enough that a guest's configuration names it.
int nat_ensure(const char *bridge, bool asked, const struct net_err *err)
{
    char alias[64];
    struct net_address address;
    if (!link_index(bridge)) {
        return nat_make(bridge, NULL, NAT_ON_DEMAND, &address, err);
    }
    if (!link_is_bridge(bridge)) {
        return net_fail(err, "%s is an interface, but not a bridge", bridge);
    }
    if (route_first_address(bridge, AF_INET, &address)) {
        return net_fail(err,
                        "bridge %s has no IPv4 address, so there can be no NAT behind it: give "
                        "it one, or use mode=bridge",
                        bridge);
    }
    link_alias(bridge, alias, sizeof(alias));
    if (!asked && strcmp(alias, NAT_ON_DEMAND) != 0 && strcmp(alias, NAT_TO_STAY) != 0) {
        return net_fail(err,
                        "bridge %s exists and is no NAT network of ours: `lodge-net nat %s` makes "
                        "it one, or use mode=bridge",
                        bridge, bridge);
    }
    return nat_finish(bridge, &address, err);
}

// The caller holds the lock, and its own interface is off the bridge already.
int nat_release(const char *bridge, const struct net_err *err)
{
    char alias[64];
    link_alias(bridge, alias, sizeof(alias));
    if (strcmp(alias, NAT_ON_DEMAND) != 0 || link_ports(bridge) != 0) {
        return 0;
    }
    return nft_masquerade_remove(bridge, err) || link_delete(bridge, err) ? -1 : 0;
}

int net_nat_create(const char *bridge, const char *want, char *address, size_t size, char *text,
                   size_t len)
{
    struct net_err err = {text, len};
    struct net_address made;
    int lock = state_lock(&err);
    int rc;
    if (lock == STATE_BUSY) {
        return -1;
    }
    bridge = bridge && *bridge ? bridge : NET_NAT_BRIDGE;
    if (!net_name_valid(bridge)) {
        rc = net_fail(&err, "\"%s\" cannot be the name of a bridge", bridge);
    } else if (!link_index(bridge)) {
        rc = nat_make(bridge, want, NAT_TO_STAY, &made, &err);
    } else {
        rc = nat_ensure(bridge, true, &err);
        rc = rc ? rc : link_set_alias(bridge, NAT_TO_STAY, &err);
        if (rc == 0 && route_first_address(bridge, AF_INET, &made)) {
            rc = net_fail(&err, "bridge %s has lost its address", bridge);
        }
        struct net_address asked;
        if (rc == 0 && want && *want &&
            (address_parse_prefix(want, &asked) || !address_same(&asked, &made))) {
            rc = net_fail(&err, "bridge %s exists with another address than %s", bridge, want);
        }
    }
    if (rc == 0 && address) {
        char host[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET, made.raw, host, sizeof(host));
        snprintf(address, size, "%s/%u", host, made.prefix);
    }
    state_unlock(lock);
    return rc;
}

int net_bridge_create(const char *bridge, char *text, size_t len)
{
    struct net_err err = {text, len};
    if (!net_name_valid(bridge)) {
        return net_fail(&err, "\"%s\" cannot be the name of a bridge", bridge);
    }
    if (link_index(bridge) && !link_is_bridge(bridge)) {
        return net_fail(&err, "%s is an interface, but not a bridge", bridge);
    }
    if (!link_index(bridge) && link_add_bridge(bridge, &err)) {
        return -1;
    }
    return link_set_up(bridge, true, &err);
}

int net_bridge_remove(const char *bridge, char *text, size_t len)
{
    struct net_err err = {text, len};
    int ports = link_ports(bridge);
    if (!net_name_valid(bridge)) {
        return net_fail(&err, "\"%s\" cannot be the name of a bridge", bridge);
    }
    if (!link_index(bridge)) {
        nft_masquerade_remove(bridge, &err); // of one that somebody else has taken away
        return net_fail(&err, "there is no bridge %s", bridge);
    }
    if (!link_is_bridge(bridge)) {
        return net_fail(&err, "%s is an interface, but not a bridge", bridge);
    }
    if (ports > 0) {
        return net_fail(&err, "bridge %s has %d port%s still: detach or shut down what is on it",
                        bridge, ports, ports == 1 ? "" : "s");
    }
    if (nft_masquerade_remove(bridge, &err)) {
        return -1;
    }
    return link_delete(bridge, &err);
}
