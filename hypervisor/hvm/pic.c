/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two 8259 (Intel 8259A data sheet, order number 231468; ELCR: 82371FB). The second one's output is
 * line 2 of the first, set anew after each change, so that it is always what a wire would carry.
 *
 * In priority order the line behind `lowest` comes first. What is in service holds back its own
 * level and those below; in special mask mode it does so only while it is not masked.
 */
#include <hvm/pic.h>

#define CASCADE 2u /* the line of the first chip that the second is on */

#define ICW1           0x10u /* with what follows, in port 0 */
#define ICW1_ICW4      0x01u
#define ICW1_SINGLE    0x02u
#define ICW1_LEVEL     0x08u
#define ICW4_AEOI      0x02u
#define ICW4_NESTED    0x10u
#define OCW3           0x08u
#define OCW3_POLL      0x04u
#define OCW3_READ      0x02u /* bit 0 says which */
#define OCW3_MASK_MODE 0x40u /* bit 5 says on or off */

/* Lines that cannot be level-triggered: the timer's, the keyboard's, the cascade; clock and FPU. */
static const uint8_t elcr_bits[2] = {0xf8, 0xde};

static uint8_t bit(unsigned line)
{
    return (uint8_t)(1u << line);
}

/* Level-triggered lines. */
static uint8_t levels(const struct pic_chip *c)
{
    return c->ltim ? 0xff : c->elcr;
}

/* The bit of the highest priority in mask, which is not 0: its line. */
static unsigned highest(const struct pic_chip *c, uint8_t mask)
{
    unsigned line = c->lowest;

    for (unsigned i = 0; i < 8; i++) {
        line = (line + 1) & 7;
        if (mask & bit(line))
            break;
    }
    return line;
}

/* The line that the chip asks for; -1: none. */
static int request(const struct pic_chip *c, bool first)
{
    uint8_t asked = c->irr & (uint8_t)~c->imr, busy = c->isr;
    unsigned line;

    if (!c->ready || asked == 0)
        return -1;
    if (c->special_mask)
        busy &= (uint8_t)~c->imr;
    if (c->fully_nested && first)
        busy &= (uint8_t)~bit(CASCADE); /* the second chip may have something more urgent */
    line = highest(c, asked);
    if (busy != 0 && highest(c, asked | busy) != line)
        return -1;
    return (busy & bit(line)) ? -1 : (int)line;
}

static void set_line(struct pic_chip *c, unsigned line, bool high)
{
    uint8_t b = bit(line);

    if (!high) {
        c->lines &= (uint8_t)~b;
        c->irr &= (uint8_t)~b;
    } else {
        if (!(c->lines & b) || (levels(c) & b))
            c->irr |= b;
        c->lines |= b;
    }
}

static void cascade(struct pic *p)
{
    set_line(&p->chip[0], CASCADE, request(&p->chip[1], false) >= 0);
}

void pic_init(struct pic *p)
{
    *p = (struct pic){0};
    for (unsigned i = 0; i < 2; i++) {
        p->chip[i].imr = 0xff;
        p->chip[i].lowest = 7;
    }
}

void pic_line(struct pic *p, unsigned line, bool high)
{
    set_line(&p->chip[line >> 3], line & 7, high);
    cascade(p);
}

/* The line stays high, and does not take the request back; it falls before it rises the next time.
 */
void pic_pulse(struct pic *p, unsigned line)
{
    struct pic_chip *c = &p->chip[line >> 3];

    c->lines |= bit(line & 7);
    c->irr |= bit(line & 7);
    cascade(p);
}

bool pic_can_take(const struct pic *p, unsigned line)
{
    return !(p->chip[line >> 3].irr & bit(line & 7));
}

bool pic_blocked(const struct pic *p, unsigned line)
{
    const struct pic_chip *c = &p->chip[line >> 3];

    return !c->ready || (c->imr & bit(line & 7));
}

bool pic_waits_for(const struct pic *p, unsigned line)
{
    return pic_can_take(p, line) && !pic_blocked(p, line) &&
           !(p->chip[line >> 3].isr & bit(line & 7));
}

bool pic_pending(const struct pic *p)
{
    return request(&p->chip[0], true) >= 0;
}

/* What an acknowledgement does to a chip that asks for line. */
static void take(struct pic_chip *c, unsigned line)
{
    if (c->aeoi) {
        if (c->rotate_aeoi)
            c->lowest = (uint8_t)line;
    } else {
        c->isr |= bit(line);
    }
    if (!(levels(c) & bit(line)))
        c->irr &= (uint8_t)~bit(line);
}

/* The second chip's output falls while it is acknowledged: what else it has is a new edge. */
static int take_second(struct pic *p)
{
    int line = request(&p->chip[1], false);

    if (line >= 0)
        take(&p->chip[1], (unsigned)line);
    set_line(&p->chip[0], CASCADE, false);
    return line;
}

uint8_t pic_acknowledge(struct pic *p)
{
    int line = request(&p->chip[0], true);
    uint8_t base = p->chip[0].vector_base;

    if (line < 0)
        return base | 7; /* nothing: as line 7, without its bit in service */
    take(&p->chip[0], (unsigned)line);
    if (line == CASCADE && !p->chip[0].single) {
        line = take_second(p);
        base = p->chip[1].vector_base;
        if (line < 0)
            line = 7;
    }
    cascade(p);
    return base | (uint8_t)line;
}

/* A read after the poll command acknowledges, too: bit 7, and the line. */
static uint8_t poll(struct pic *p, unsigned chip)
{
    struct pic_chip *c = &p->chip[chip];
    int line;

    c->poll = false;
    if (chip == 1) {
        line = take_second(p);
    } else {
        line = request(c, true);
        if (line >= 0)
            take(c, (unsigned)line);
    }
    cascade(p);
    return line < 0 ? 0 : 0x80 | (uint8_t)line;
}

uint8_t pic_read(struct pic *p, unsigned chip, unsigned offset)
{
    struct pic_chip *c = &p->chip[chip];

    if (c->poll)
        return poll(p, chip);
    if (offset == 1)
        return c->imr;
    return c->read_isr ? c->isr : c->irr;
}

/* ICW1 begins an initialisation: edges have to come anew, all else is as after power-on. */
static void icw1(struct pic_chip *c, uint8_t v)
{
    uint8_t elcr = c->elcr, lines = c->lines;

    *c = (struct pic_chip){.elcr = elcr, .lines = lines, .lowest = 7, .icw_next = 2};
    c->icw4 = v & ICW1_ICW4;
    c->single = v & ICW1_SINGLE;
    c->ltim = v & ICW1_LEVEL;
    c->irr = c->lines & levels(c);
}

/* ICW3 says how the chips are wired, which no program changes. */
static void icw(struct pic_chip *c, uint8_t v)
{
    unsigned word = c->icw_next;

    if (word == 2)
        c->vector_base = v & 0xf8;
    if (word == 4) {
        c->aeoi = v & ICW4_AEOI;
        c->fully_nested = v & ICW4_NESTED;
    }
    word++;
    if (word == 3 && c->single)
        word++;
    if (word == 4 && !c->icw4)
        word++;
    c->icw_next = word > 4 ? 0 : (uint8_t)word;
    c->ready = word > 4;
}

/* The end of an interrupt: of the line that is named, or of the most urgent one in service. */
static void end(struct pic_chip *c, bool named, unsigned line, bool rotate)
{
    uint8_t busy = c->special_mask ? c->isr & (uint8_t)~c->imr : c->isr;

    if (!named) {
        if (busy == 0)
            return;
        line = highest(c, busy);
    }
    c->isr &= (uint8_t)~bit(line);
    if (rotate)
        c->lowest = (uint8_t)line;
}

/* Bits 5 to 7: end of interrupt, a line is named, rotate. */
static void ocw2(struct pic_chip *c, uint8_t v)
{
    bool eoi = v & 0x20, named = v & 0x40, rotate = v & 0x80;

    if (eoi)
        end(c, named, v & 7, rotate);
    else if (named && rotate)
        c->lowest = v & 7;
    else if (!named)
        c->rotate_aeoi = rotate;
}

static void ocw3(struct pic_chip *c, uint8_t v)
{
    if (v & OCW3_POLL)
        c->poll = true;
    if (v & OCW3_READ)
        c->read_isr = v & 1;
    if (v & OCW3_MASK_MODE)
        c->special_mask = v & 0x20;
}

void pic_write(struct pic *p, unsigned chip, unsigned offset, uint8_t v)
{
    struct pic_chip *c = &p->chip[chip];

    if (offset == 1 && c->icw_next != 0)
        icw(c, v);
    else if (offset == 1)
        c->imr = v;
    else if (v & ICW1)
        icw1(c, v);
    else if (v & OCW3)
        ocw3(c, v);
    else
        ocw2(c, v);
    cascade(p);
}

uint8_t pic_elcr_read(const struct pic *p, unsigned chip)
{
    return p->chip[chip].elcr;
}

/* A line that becomes level-triggered asks for as long as it is high. */
void pic_elcr_write(struct pic *p, unsigned chip, uint8_t v)
{
    struct pic_chip *c = &p->chip[chip];

    c->elcr = v & elcr_bits[chip];
    c->irr = (c->irr & (uint8_t)~levels(c)) | (c->lines & levels(c));
    cascade(p);
}
