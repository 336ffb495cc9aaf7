// SPDX-License-Identifier: GPL-2.0-only
// The packet filter, through libnftables' text interface: a batch of it is applied as a whole or
// not at all, so a filter that is replaced has no moment without rules.
//
// The anti-spoof filter hangs at the ingress of the guest's interface (family netdev), where it
// sees every frame before a bridge or the IP layer does: one filter for all modes. Each interface
// has the table lodge-IFNAME, each NAT network the table lodge-BRIDGE.
//
// The text is made of names that net_name_valid() has passed, of addresses that inet_ntop() wrote,
// and of numbers: nothing that a configuration says can end a word and begin a command.
#include "net_private.h"

#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A batch that is being written. `text` is the caller's to free once the stream is closed.
struct nft_text {
    FILE *stream;
    char *text;
    size_t len;
};

static int nft_begin(struct nft_text *batch)
{
    memset(batch, 0, sizeof(*batch));
    batch->stream = open_memstream(&batch->text, &batch->len);
    return batch->stream ? 0 : -1;
}

// libnftables' messages have several lines with a marker below the text; the first one says it.
static void nft_reason(const char *said, char *reason, size_t size)
{
    const char *start = said ? strstr(said, "Error: ") : NULL;
    start = start ? start + strlen("Error: ") : "the library gave no reason";
    snprintf(reason, size, "%.*s", (int)strcspn(start, "\n"), start);
}

// Apply the batch and free it.
static int nft_commit(struct nft_text *batch, const char *name, const char *what,
                      const struct net_err *err)
{
    char reason[256] = "out of memory";
    int rc = -1;
    fclose(batch->stream);
    struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
    if (ctx && batch->text && nft_ctx_buffer_error(ctx) == 0 && nft_ctx_buffer_output(ctx) == 0) {
        rc = nft_run_cmd_from_buffer(ctx, batch->text);
        nft_reason(nft_ctx_get_error_buffer(ctx), reason, sizeof(reason));
    }
    if (ctx) {
        nft_ctx_free(ctx);
    }
    free(batch->text);
    if (rc == 0) {
        return 0;
    }
    return net_fail(err, "%s: %s: %s (the kernel's nf_tables modules and CAP_NET_ADMIN are needed)",
                    name, what, reason);
}

// Adds the table before it is deleted: so the batch does not fail where there is none.
static void nft_drop_table(struct nft_text *batch, const char *family, const char *name)
{
    fprintf(batch->stream, "add table %s lodge-%s\ndelete table %s lodge-%s\n", family, name,
            family, name);
}

// A set of the addresses of one family, `also` first. Callers see to it that it is not empty.
static void nft_put_list(struct nft_text *batch, int family, const struct net_addresses *ips,
                         const char *also)
{
    const char *comma = "";
    fprintf(batch->stream, "{ ");
    if (also) {
        fprintf(batch->stream, "%s", also);
        comma = ", ";
    }
    for (unsigned int i = 0; i < ips->count; i++) {
        const struct net_address *ip = &ips->list[i];
        if (ip->family == family) {
            fprintf(batch->stream, "%s%s/%u", comma, ip->text, ip->prefix);
            comma = ", ";
        }
    }
    fprintf(batch->stream, " }");
}

static bool nft_has(const struct net_addresses *ips, int family)
{
    for (unsigned int i = 0; i < ips->count; i++) {
        if (ips->list[i].family == family) {
            return true;
        }
    }
    return false;
}

// IPv4 and ARP: its own addresses. It may ask for one, and whether somebody has one of its own: to
// ask that of another's would keep its owner from taking it.
static void nft_put_ipv4(struct nft_text *batch, const struct net_addresses *ips)
{
    fprintf(batch->stream, "ether type ip ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\n");
    if (!nft_has(ips, AF_INET)) {
        return;
    }
    fprintf(batch->stream, "ether type arp arp saddr ip ");
    nft_put_list(batch, AF_INET, ips, NULL);
    fprintf(batch->stream, " accept\nether type arp arp saddr ip 0.0.0.0 arp daddr ip ");
    nft_put_list(batch, AF_INET, ips, NULL);
    fprintf(batch->stream, " accept\nether type ip ip saddr ");
    nft_put_list(batch, AF_INET, ips, NULL);
    fprintf(batch->stream, " accept\n");
}

// An address, or the first and the last one of a network, as a number of 128 bits.
static void nft_put_number(struct nft_text *batch, const unsigned char raw[16], unsigned int prefix)
{
    fprintf(batch->stream, "0x");
    for (unsigned int byte = 0; byte < 16; byte++) {
        fprintf(batch->stream, "%02x", raw[byte]);
    }
    if (prefix == 128) {
        return;
    }
    fprintf(batch->stream, "-0x");
    for (unsigned int byte = 0; byte < 16; byte++) {
        unsigned int host = prefix >= byte * 8 + 8 ? 0
                            : prefix > byte * 8    ? 255u >> (prefix % 8)
                                                   : 255;
        fprintf(batch->stream, "%02x", raw[byte] | host);
    }
}

// IPv6: the link-local address that its MAC makes, and its own. It advertises no neighbour but
// itself, and asks from no address yet for none but these, as above (in both messages the target is
// at byte 8).
static void nft_put_ipv6(struct nft_text *batch, const unsigned char mac[6],
                         const struct net_addresses *ips)
{
    static const char *const messages[] = {
        "icmpv6 type nd-neighbor-advert",
        "ip6 saddr :: icmpv6 type nd-neighbor-solicit",
    };
    unsigned char own[16] = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
                             0xff, 0xfe, mac[3],           mac[4], mac[5]};
    char local[64];
    for (unsigned int i = 0; i < 2; i++) {
        fprintf(batch->stream, "ether type ip6 %s @th,64,128 != { ", messages[i]);
        nft_put_number(batch, own, 128);
        for (unsigned int ip = 0; ip < ips->count; ip++) {
            if (ips->list[ip].family == AF_INET6) {
                fprintf(batch->stream, ", ");
                nft_put_number(batch, ips->list[ip].raw, ips->list[ip].prefix);
            }
        }
        fprintf(batch->stream, " } counter drop\n");
    }
    snprintf(local, sizeof(local), "fe80::%02x%02x:%02xff:fe%02x:%02x%02x/128", mac[0] ^ 2, mac[1],
             mac[2], mac[3], mac[4], mac[5]);
    fprintf(batch->stream,
            "ether type ip6 ip6 saddr :: icmpv6 type "
            "{ nd-neighbor-solicit, nd-router-solicit, mld2-listener-report } accept\n"
            "ether type ip6 ip6 saddr ");
    nft_put_list(batch, AF_INET6, ips, local);
    fprintf(batch->stream, " accept\n");
}

// What must not pass is dropped first: another's MAC address, in the frame and in ARP; and, as a
// guest is a host here, what only routers and servers of addresses say. All that counts in a frame
// with a VLAN tag, too, since the kernel has taken that off when the frame comes here ("meta
// protocol" is what was behind it, "ether type" is the tag's). A second tag it does not take off,
// and nobody looks behind it: such a frame means to come out in another network than it went in.
//
// With a list of addresses everything else must be on it, other protocols and tagged frames
// included; without one it may pass.
int nft_filter(const char *ifname, const unsigned char mac[6], const struct net_addresses *ips,
               const struct net_err *err)
{
    struct nft_text batch;
    char own[18];
    if (nft_begin(&batch)) {
        return net_fail(err, "%s: out of memory", ifname);
    }
    snprintf(own, sizeof(own), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    nft_drop_table(&batch, "netdev", ifname);
    fprintf(batch.stream,
            "table netdev lodge-%s {\nchain guest {\n"
            "type filter hook ingress device \"%s\" priority -300; policy accept;\n"
            "ether saddr != %s counter drop\n"
            "meta protocol { 8021q, 8021ad } counter drop\n"
            "meta protocol arp arp saddr ether != %s counter drop\n"
            "icmpv6 type { nd-router-advert, nd-redirect } counter drop\n"
            "udp dport { 68, 546 } counter drop\n",
            ifname, ifname, own, own);
    if (ips->count > 0) {
        nft_put_ipv4(&batch, ips);
        nft_put_ipv6(&batch, mac, ips);
        fprintf(batch.stream, "counter drop\n");
    }
    fprintf(batch.stream, "}\n}\n");
    return nft_commit(&batch, ifname, "the filter against false addresses cannot be set", err);
}

int nft_filter_remove(const char *ifname, const struct net_err *err)
{
    struct nft_text batch;
    if (nft_begin(&batch)) {
        return net_fail(err, "%s: out of memory", ifname);
    }
    nft_drop_table(&batch, "netdev", ifname);
    return nft_commit(&batch, ifname, "its filter cannot be removed", err);
}

// What leaves the network for elsewhere gets the host's address; from elsewhere come only answers,
// and what the administrator forwards by a rule of his own.
int nft_masquerade(const char *bridge, const struct net_address *network, const struct net_err *err)
{
    struct nft_text batch;
    if (nft_begin(&batch)) {
        return net_fail(err, "%s: out of memory", bridge);
    }
    nft_drop_table(&batch, "ip", bridge);
    fprintf(batch.stream,
            "table ip lodge-%s {\n"
            "chain leaving {\ntype nat hook postrouting priority 100; policy accept;\n"
            "ip saddr %s/%u oifname != \"%s\" masquerade\n}\n"
            "chain entering {\ntype filter hook forward priority 0; policy accept;\n"
            "iifname != \"%s\" oifname \"%s\" ct state established,related accept\n"
            "iifname != \"%s\" oifname \"%s\" ct status dnat accept\n"
            "iifname != \"%s\" oifname \"%s\" counter drop\n}\n}\n",
            bridge, network->text, network->prefix, bridge, bridge, bridge, bridge, bridge, bridge,
            bridge);
    return nft_commit(&batch, bridge, "masquerading cannot be set up", err);
}

int nft_masquerade_remove(const char *bridge, const struct net_err *err)
{
    struct nft_text batch;
    if (nft_begin(&batch)) {
        return net_fail(err, "%s: out of memory", bridge);
    }
    nft_drop_table(&batch, "ip", bridge);
    return nft_commit(&batch, bridge, "its masquerading cannot be removed", err);
}
