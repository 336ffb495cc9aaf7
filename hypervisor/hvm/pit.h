/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The 8254 of a PC: three counters at 1193182 Hz, and port 61 with the gate and the output of the
 * third. Time is a parameter, in ns; nothing is done while it passes: what a counter shows is
 * computed when it is asked for.
 *
 * Ticks of counter 0 go to the interrupt controller. Those that pass while the last one has not
 * been taken are owed, those of a second at most, and given one by one as the guest takes them; the
 * rest, and all of periods below PIT_OWED_PERIOD, are lost. So a guest that did not run for long is
 * not flooded, and one that counts ticks loses none to waits for a processor.
 */
#ifndef HVM_PIT_H
#define HVM_PIT_H

#include <lib/types.h>

#define PIT_HZ          1193182u
#define PIT_OWED_PERIOD 120u               /* clocks: 100 us */
#define PIT_OWED(count) (PIT_HZ / (count)) /* of a period, at most */

struct pit_counter {
    /*
     * Clocks counted down are those since `since`, less `base`. While the gate stops the counter
     * they are -base, and `since` does not matter.
     */
    uint64_t since;
    int64_t base;
    uint32_t count; /* what it counts down from: 1 to 65536 */
    uint32_t next;  /* the same, as written last: for the next period or trigger; 0: nothing yet */
    uint64_t ticks; /* rising edges of the output that nobody has been told of */

    uint8_t mode;               /* 0 to 5 */
    uint8_t access;             /* bytes of a count: 1 the low, 2 the high, 3 both */
    bool bcd, gate;             /* counts in decimal; the input is high */
    bool counting;              /* a count has been loaded and, in modes 1 and 5, triggered */
    bool done;                  /* modes 0, 1, 4 and 5: has counted to 0 */
    bool null;                  /* what was written has not been loaded yet */
    bool write_high, read_high; /* of two bytes, the second comes next */
    uint8_t written;            /* the first */
    uint8_t latched_bytes;      /* of `latch`, still to be read */
    uint16_t latch;
    bool status_latched;
    uint8_t status;
};

struct pit {
    struct pit_counter counter[3];
    uint8_t port61; /* bits 0 to 3, as written */
    unsigned owed;
};

void pit_init(struct pit *p);
/* port: 0 to 3, from 0x40. */
uint8_t pit_read(struct pit *p, unsigned port, uint64_t now);
void pit_write(struct pit *p, unsigned port, uint8_t v, uint64_t now);
uint8_t pit_read_61(struct pit *p, uint64_t now);
void pit_write_61(struct pit *p, uint8_t v, uint64_t now);

/*
 * True: line 0 is to have an edge. can_take: an edge would be a request of its own; keep: what
 * cannot be taken is to be owed.
 */
bool pit_tick(struct pit *p, uint64_t now, bool can_take, bool keep);
/* When the next tick of counter 0 is due; UINT64_MAX: there will be none. May have passed. */
uint64_t pit_next(const struct pit *p);

#endif
