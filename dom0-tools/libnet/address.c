// SPDX-License-Identifier: GPL-2.0-only
// Addresses as people write them, checked before any of them reaches the kernel or a filter's text.
#include "net_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int address_bits(const struct net_address *address)
{
    return address->family == AF_INET ? 32 : 128;
}

int address_parse_prefix(const char *text, struct net_address *out)
{
    char copy[INET6_ADDRSTRLEN + 4];
    if (strlen(text) >= sizeof(copy)) {
        return -1;
    }
    strcpy(copy, text);
    memset(out, 0, sizeof(*out));
    char *slash = strchr(copy, '/');
    if (slash) {
        *slash = '\0';
    }
    if (inet_pton(AF_INET, copy, out->raw) == 1) {
        out->family = AF_INET;
    } else if (inet_pton(AF_INET6, copy, out->raw) == 1) {
        out->family = AF_INET6;
    } else {
        return -1;
    }
    out->prefix = address_bits(out);
    if (slash) {
        char *end;
        unsigned long prefix = strtoul(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end || prefix > out->prefix) {
            return -1;
        }
        out->prefix = (unsigned int)prefix;
    }
    return inet_ntop(out->family, out->raw, out->text, sizeof(out->text)) ? 0 : -1;
}

void address_network(const struct net_address *address, struct net_address *out)
{
    *out = *address;
    for (unsigned int bit = address->prefix; bit < address_bits(address); bit++) {
        out->raw[bit / 8] &= (unsigned char)~(0x80u >> (bit % 8));
    }
    inet_ntop(out->family, out->raw, out->text, sizeof(out->text));
}

bool address_same(const struct net_address *a, const struct net_address *b)
{
    return a->family == b->family && a->prefix == b->prefix &&
           memcmp(a->raw, b->raw, address_bits(a) / 8) == 0;
}

// 10.0.0.5/24 has host bits: it is one guest's address, and /24 its netmask. Taken as a network it
// would let that guest speak for all of its neighbours.
int address_parse(const char *text, struct net_addresses *out, const struct net_err *err)
{
    out->count = 0;
    while (text && *text) {
        size_t skip = strspn(text, " \t,");
        size_t len = strcspn(text + skip, " \t,");
        char word[64];
        if (len == 0) {
            break;
        }
        if (out->count == NET_ADDRESSES) {
            return net_fail(err, "ip: more than %d addresses for one interface", NET_ADDRESSES);
        }
        snprintf(word, sizeof(word), "%.*s", (int)len, text + skip);
        struct net_address *address = &out->list[out->count], network;
        if (len >= sizeof(word) || address_parse_prefix(word, address)) {
            return net_fail(err, "ip: \"%s\" is no IPv4 or IPv6 address; write 10.0.0.5 or fd00::5",
                            word);
        }
        address_network(address, &network);
        if (address->prefix == 0 || !address_same(&network, address)) {
            address->prefix = address_bits(address);
        }
        out->count++;
        text += skip + len;
    }
    return 0;
}

int address_parse_mac(const char *text, unsigned char mac[6])
{
    unsigned int at;
    for (at = 0; text && at < 6; at++) {
        char *end;
        if (strspn(text, "0123456789abcdefABCDEF") == 0) {
            return -1;
        }
        unsigned long byte = strtoul(text, &end, 16);
        if (end - text > 2 || *end != (at < 5 ? ':' : '\0')) {
            return -1;
        }
        mac[at] = (unsigned char)byte;
        text = end + 1;
    }
    // The lowest bit of the first byte makes it an address of many.
    return at == 6 && !(mac[0] & 1) ? 0 : -1;
}
