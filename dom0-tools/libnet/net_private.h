// SPDX-License-Identifier: GPL-2.0-only
// What the files of the library share: sentences of failure, links, the packet filter, scripts.
// Functions that may fail return 0 or -1, as in libnet.h.
#ifndef LODGE_LIBNET_PRIVATE_H
#define LODGE_LIBNET_PRIVATE_H

#include "libnet.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

// Where the sentence of a failure goes. It is passed down, so that whoever knows the reason writes
// it: a function that takes a `const struct net_err *` has done so when it returns -1.
struct net_err {
    char *text; // NULL: nobody wants to know
    size_t len;
};

// Write the sentence and return -1. `err` may be NULL.
int net_fail(const struct net_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The characters that interface names may have here: they become file names, names of tables and
// words of a filter's text.
bool net_name_valid(const char *name);
// Write a word to a file below /proc/sys/net; `name` is the interface in the middle of its path.
int net_sysctl(const char *before, const char *name, const char *after, const char *value);

// An address or a network of the guest's.
#define NET_ADDRESSES 32
struct net_address {
    int family;                  // AF_INET or AF_INET6
    unsigned int prefix;         // bits; 32 or 128 for an address without one
    char text[INET6_ADDRSTRLEN]; // the kernel's spelling, without the prefix; not always filled in
    unsigned char raw[16];       // network order; the first 4 bytes for AF_INET, zeroes behind
};
struct net_addresses {
    unsigned int count;
    struct net_address list[NET_ADDRESSES];
};

// Split "10.0.0.5 10.1.0.0/24 fd00::5". An address whose bits after the prefix are zero is a
// network. Any other is one address: its prefix, the netmask of the guest, is dropped.
int address_parse(const char *text, struct net_addresses *out, const struct net_err *err);
// "10.77.0.1/24", with the host's part kept.
int address_parse_prefix(const char *text, struct net_address *out);
// The network that an address with a prefix is in.
void address_network(const struct net_address *address, struct net_address *out);
bool address_same(const struct net_address *a, const struct net_address *b);
// The six bytes of a MAC address, as 6 numbers; -1 if it is none or a group's.
int address_parse_mac(const char *text, unsigned char mac[6]);

// link.c: one netlink socket per call; a link is named by its name.
int link_index(const char *name); // 0: there is none
int link_set_up(const char *name, bool up, const struct net_err *err);
int link_set_mac(const char *name, const char *mac, const struct net_err *err);
int link_set_mtu(const char *name, unsigned int mtu, const struct net_err *err);
int link_mtu(const char *name);
// NULL takes it off the bridge that it is on.
int link_set_bridge(const char *name, const char *bridge, const struct net_err *err);
// The name of the bridge it is on, or "".
void link_bridge(const char *name, char bridge[IFNAMSIZ]);
int link_rename(const char *name, const char *to, const struct net_err *err);
int link_add_bridge(const char *name, const struct net_err *err);
bool link_is_bridge(const char *name);
// A tap, or what xen-netback made: no other interface can be a guest's.
bool link_is_guests(const char *name);
int link_delete(const char *name, const struct net_err *err);
// A remark that the kernel keeps with the interface.
int link_set_alias(const char *name, const char *alias, const struct net_err *err);
void link_alias(const char *name, char *alias, size_t size);
int link_ports(const char *bridge);

// route.c: addresses, routes and proxied neighbours.
int route_first_address(const char *ifname, int family, struct net_address *out); // -1: none
int route_address(const char *ifname, const struct net_address *address, bool add,
                  const struct net_err *err);
int route_add(const char *ifname, const struct net_address *to, const struct net_err *err);
// -1: another interface has the route.
int route_delete(const char *ifname, const struct net_address *to);
int route_proxy(const char *ifname, const struct net_address *address, bool add,
                const struct net_err *err);
// The device of the default route; -1: none.
int route_default_device(char ifname[IFNAMSIZ]);
// Whether a route of the host, other than a default one, covers part of this network.
bool route_overlaps(const struct net_address *network);
// Fails if what a guest is to have is the host's own address. With `routed` it may be a network,
// and then none of the host's routers may be in it, and no route of the host's lead into it.
int route_refuse_hosts(const char *ifname, const struct net_address *wanted, bool routed,
                       const struct net_err *err);

// nft.c: each interface has a table of its own, so that one deletion is all the cleaning.
int nft_filter(const char *ifname, const unsigned char mac[6], const struct net_addresses *ips,
               const struct net_err *err);
int nft_filter_remove(const char *ifname, const struct net_err *err);
int nft_masquerade(const char *bridge, const struct net_address *network,
                   const struct net_err *err);
int nft_masquerade_remove(const char *bridge, const struct net_err *err);

// nat.c
int nat_ensure(const char *bridge, bool asked, const struct net_err *err);
// Take the network away if net_plug() made it and no port is left.
int nat_release(const char *bridge, const struct net_err *err);

// state.c: what unplugging must know.
struct net_state {
    enum net_mode mode;     // never NET_AUTO after net_plug() has chosen
    char bridge[IFNAMSIZ];  // "" with NET_ROUTE and with a script
    char gateway[IFNAMSIZ]; // NET_ROUTE, or for a script: the interface that leads outside
    char ips[512];          // as in struct net_plug: what address_parse() reads
    char script[256];       // "": none
    char xenbus_path[256];  // for the script
};
int state_write(const char *ifname, const struct net_state *state, const struct net_err *err);
// -1: nothing is known of it.
int state_read(const char *ifname, struct net_state *state);
void state_remove(const char *ifname);
// Between processes: one change at a time. Returns a descriptor for state_unlock(), perhaps -1; or
// STATE_BUSY where another process has it and does not go on.
#define STATE_BUSY (-2)
int state_lock(const struct net_err *err);
void state_unlock(int lock);

// script.c
int script_run(const struct net_state *state, const char *action, const char *ifname,
               const struct net_err *err);

#endif
