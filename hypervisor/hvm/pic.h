/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two 8259 interrupt controllers of a PC, the second behind line 2 of the first. Plain state
 * and functions of it: no lock, no time, nothing of the machine, so that it compiles on the host.
 *
 * Lines are numbered 0 to 15. A request is latched by a rising edge, or is the line's level where
 * ELCR (or LTIM of ICW1) says so. An edge that falls before it is acknowledged takes its request
 * back, as the chip does; pic_pulse() is for a device whose edges must not be lost that way.
 */
#ifndef HVM_PIC_H
#define HVM_PIC_H

#include <lib/types.h>

#define PIC_LINES 16

struct pic_chip {
    uint8_t irr, isr, imr, lines, elcr;
    uint8_t vector_base;
    uint8_t lowest;    /* the line of the lowest priority; the one behind it has the highest */
    uint8_t icw_next;  /* 2 to 4: that initialisation word is expected; 0: none */
    bool icw4, single; /* of ICW1: a fourth word comes; no third one does */
    bool ready;        /* has been initialised: asks for nothing before */
    bool ltim, aeoi, rotate_aeoi, fully_nested, special_mask, poll, read_isr;
};

struct pic {
    struct pic_chip chip[2];
};

void pic_init(struct pic *p); /* as after power-on: nothing is asked for */
void pic_line(struct pic *p, unsigned line, bool high);
void pic_pulse(struct pic *p, unsigned line);
/* No request of the line is waiting, so that an edge is one. */
bool pic_can_take(const struct pic *p, unsigned line);
/* It would not reach the processor: masked, or its chip has not been initialised. */
bool pic_blocked(const struct pic *p, unsigned line);
/* An edge would reach the processor now: neither of both, and the line is not in service. */
bool pic_waits_for(const struct pic *p, unsigned line);

bool pic_pending(const struct pic *p); /* INTR */
/* The processor's acknowledgement: the vector. With nothing pending the spurious one, line 7's. */
uint8_t pic_acknowledge(struct pic *p);

/* offset 0 or 1, at 0x20 or 0xa0. */
uint8_t pic_read(struct pic *p, unsigned chip, unsigned offset);
void pic_write(struct pic *p, unsigned chip, unsigned offset, uint8_t v);
uint8_t pic_elcr_read(const struct pic *p, unsigned chip);
void pic_elcr_write(struct pic *p, unsigned chip, uint8_t v);

#endif
