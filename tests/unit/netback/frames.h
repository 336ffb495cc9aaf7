// SPDX-License-Identifier: GPL-2.0-only
/*
 * frames.h: Ethernet frames for the tests.
 */
#ifndef LODGE_TEST_FRAMES_H
#define LODGE_TEST_FRAMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct frame {
    size_t len;
    uint8_t bytes[70000];
};

static inline void frame_put16(struct frame *f, size_t at, unsigned value)
{
    f->bytes[at] = (uint8_t)(value >> 8);
    f->bytes[at + 1] = (uint8_t)value;
}

/* `ip` 4 or 6 (0: ARP's type and `payload` bytes), `vlans` tags, then the transport's header. */
static inline struct frame frame_make(int ip, uint8_t proto, int vlans, size_t payload)
{
    static struct frame f;
    size_t l3 = 14, l4;

    memset(&f, 0, sizeof(f));
    memset(f.bytes, 0x16, 12);
    frame_put16(&f, 12, vlans ? 0x8100 : ip == 4 ? 0x0800 : ip == 6 ? 0x86dd : 0x0806);
    for (; vlans > 0; vlans--, l3 += 4)
        frame_put16(&f, l3 + 2, vlans > 1 ? 0x88a8 : ip == 4 ? 0x0800 : 0x86dd);
    l4 = l3 + (ip == 4 ? 20 : ip == 6 ? 40 : 0);
    f.len = l4 + (proto == IPPROTO_TCP ? 20 : proto ? 8 : 0) + payload;
    for (size_t i = l4; i < f.len; i++)
        f.bytes[i] = (uint8_t)(i * 7);
    if (ip == 4) {
        f.bytes[l3] = 0x45;
        frame_put16(&f, l3 + 2, (unsigned)(f.len - l3));
        f.bytes[l3 + 9] = proto;
    } else if (ip == 6) {
        f.bytes[l3] = 0x60;
        f.bytes[l3 + 6] = proto;
    }
    if (proto == IPPROTO_TCP)
        f.bytes[l4 + 12] = 0x50;
    return f;
}

static inline unsigned frame_sum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* A made-up pseudo header's sum, as a kernel leaves it in the field. */
#define FRAME_PSEUDO 0x1234u
static inline void frame_blank(struct frame *f, size_t l4, size_t offset)
{
    frame_put16(f, l4 + offset, FRAME_PSEUDO);
}

/* All bytes and the pseudo header's sum add up to "all ones". */
static inline bool frame_checksum_good(const struct frame *f, size_t l4)
{
    unsigned sum = frame_sum(f->bytes + l4, f->len - l4) + FRAME_PSEUDO;

    return ((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

#endif
