/* SPDX-License-Identifier: GPL-2.0-only */
/* The interrupt controllers as programs use them: set-up, priorities, ends, poll, ELCR. */
#include <hvm/pic.h>

#include "unit.h"

#define EOI 0x20

static struct pic p;

/* As Linux sets them up: vectors 0x30 and 0x38, nothing masked. */
static void set_up(uint8_t icw1, uint8_t icw4)
{
    pic_init(&p);
    for (unsigned c = 0; c < 2; c++) {
        pic_write(&p, c, 0, icw1);
        pic_write(&p, c, 1, (uint8_t)(0x30 + 8 * c));
        pic_write(&p, c, 1, c == 0 ? 4 : 2);
        pic_write(&p, c, 1, icw4);
        pic_write(&p, c, 1, 0);
    }
}

static void edge(unsigned line)
{
    pic_line(&p, line, false);
    pic_line(&p, line, true);
}

static void order_of_lines(void)
{
    set_up(0x11, 1);
    CHECK(!pic_pending(&p));
    CHECK(pic_acknowledge(&p) == 0x37); /* spurious, and nothing is in service */
    pic_write(&p, 0, 0, 0x0b);
    CHECK(pic_read(&p, 0, 0) == 0);

    edge(4);
    edge(1);
    edge(12);
    CHECK(pic_pending(&p) && pic_acknowledge(&p) == 0x31);
    CHECK(!pic_pending(&p)); /* both others are below line 1 */
    pic_write(&p, 0, 0, EOI);
    CHECK(pic_acknowledge(&p) == 0x3c); /* line 2, behind it line 12 */
    CHECK(pic_read(&p, 0, 0) == 0x04);
    CHECK(!pic_pending(&p));
    edge(8); /* more urgent than 12, but both are line 2 of the first chip */
    CHECK(!pic_pending(&p));
    edge(0);
    CHECK(pic_acknowledge(&p) == 0x30);
    pic_write(&p, 0, 0, EOI);
    pic_write(&p, 0, 0, EOI);
    CHECK(pic_acknowledge(&p) == 0x38);
    pic_write(&p, 1, 0, EOI); /* of line 8 alone: 12 is still in service */
    pic_write(&p, 1, 0, 0x0b);
    CHECK(pic_read(&p, 1, 0) == 0x10);
    pic_write(&p, 1, 0, EOI);
    pic_write(&p, 0, 0, EOI);
    CHECK(pic_acknowledge(&p) == 0x34);
}

static void edges_and_levels(void)
{
    set_up(0x11, 1);
    edge(4);
    pic_line(&p, 4, false);
    CHECK(!pic_pending(&p)); /* taken back */
    pic_pulse(&p, 0);
    CHECK(pic_pending(&p) && pic_acknowledge(&p) == 0x30);
    pic_write(&p, 0, 0, EOI);
    CHECK(!pic_pending(&p));

    pic_elcr_write(&p, 0, 0xff);
    pic_elcr_write(&p, 1, 0xff);
    CHECK(pic_elcr_read(&p, 0) == 0xf8 && pic_elcr_read(&p, 1) == 0xde);
    pic_line(&p, 5, true);
    CHECK(pic_acknowledge(&p) == 0x35);
    pic_write(&p, 0, 0, EOI);
    CHECK(pic_acknowledge(&p) == 0x35); /* as long as it is high */
    pic_line(&p, 5, false);
    pic_write(&p, 0, 0, EOI);
    CHECK(!pic_pending(&p));

    pic_line(&p, 11, true);
    CHECK(pic_acknowledge(&p) == 0x3b);
    pic_write(&p, 1, 0, EOI);
    pic_write(&p, 0, 0, EOI);
    CHECK(pic_pending(&p));
    pic_line(&p, 11, false);
    CHECK(!pic_pending(&p));

    set_up(0x19, 1); /* all of them by level */
    pic_line(&p, 1, true);
    CHECK(pic_acknowledge(&p) == 0x31);
    pic_line(&p, 9, true);
    pic_write(&p, 0, 0, EOI);
    CHECK(pic_acknowledge(&p) == 0x31);
}

static void masks(void)
{
    set_up(0x11, 1);
    pic_write(&p, 0, 1, 0xff);
    CHECK(pic_read(&p, 0, 1) == 0xff && pic_blocked(&p, 3));
    edge(3);
    CHECK(!pic_pending(&p));
    pic_write(&p, 0, 0, 0x0a);
    CHECK(pic_read(&p, 0, 0) == 0x08);
    pic_write(&p, 0, 1, 0xf7);
    CHECK(pic_acknowledge(&p) == 0x33);
    edge(6);
    pic_write(&p, 0, 1, 0);
    CHECK(!pic_pending(&p));
    pic_write(&p, 0, 0, 0x68); /* special mask mode: 3 holds 6 back only while it is not masked */
    CHECK(!pic_pending(&p));
    pic_write(&p, 0, 1, 0x08);
    CHECK(pic_acknowledge(&p) == 0x36);
    pic_write(&p, 0, 0, EOI); /* not of what is masked */
    pic_write(&p, 0, 0, 0x0b);
    CHECK(pic_read(&p, 0, 0) == 0x08);
    pic_write(&p, 0, 0, 0x48); /* and off again */
    pic_write(&p, 0, 0, 0x63);
    CHECK(pic_read(&p, 0, 0) == 0);
}

static void rotation(void)
{
    set_up(0x11, 1);
    edge(3);
    edge(5);
    CHECK(pic_acknowledge(&p) == 0x33);
    pic_write(&p, 0, 0, 0xa0); /* 3 is the last from now on */
    edge(3);
    CHECK(pic_acknowledge(&p) == 0x35);
    pic_write(&p, 0, 0, 0xe5); /* 5 is */
    CHECK(pic_acknowledge(&p) == 0x33);
    pic_write(&p, 0, 0, 0x63);
    pic_write(&p, 0, 0, 0xc6); /* 7 is the first */
    edge(0);
    edge(7);
    CHECK(pic_acknowledge(&p) == 0x37);

    set_up(0x11, 3);           /* automatic end of interrupt */
    pic_write(&p, 0, 0, 0x80); /* which rotates */
    edge(1);
    CHECK(pic_acknowledge(&p) == 0x31);
    edge(1);
    edge(2 + 5);
    CHECK(pic_acknowledge(&p) == 0x37);
    CHECK(pic_acknowledge(&p) == 0x31);
    pic_write(&p, 0, 0, 0x00);
    CHECK(!pic_pending(&p));
    edge(9); /* two of the second chip: its output falls and rises again between them */
    edge(12);
    CHECK(pic_acknowledge(&p) == 0x39 && pic_pending(&p) && pic_acknowledge(&p) == 0x3c);
    CHECK(!pic_pending(&p));
}

static void fully_nested(void)
{
    set_up(0x11, 0x11);
    edge(12);
    CHECK(pic_acknowledge(&p) == 0x3c);
    edge(8);
    CHECK(pic_pending(&p) && pic_acknowledge(&p) == 0x38);
    edge(13);
    CHECK(!pic_pending(&p));
}

static void polling(void)
{
    set_up(0x11, 1);
    pic_write(&p, 0, 0, 0x0c);
    CHECK(pic_read(&p, 0, 0) == 0);
    edge(9);
    pic_write(&p, 0, 0, 0x0c);
    CHECK(pic_read(&p, 0, 0) == 0x82);
    pic_write(&p, 1, 0, 0x0c);
    CHECK(pic_read(&p, 1, 1) == 0x81); /* at either port */
    CHECK(pic_read(&p, 1, 1) == 0);    /* the mask again */
    CHECK(!pic_pending(&p));
}

/* Nothing is asked for between ICW1 and the last word, whatever was before. */
static void initialisation(void)
{
    pic_init(&p);
    edge(0);
    CHECK(!pic_pending(&p));
    set_up(0x11, 1);
    edge(2 + 3);
    pic_write(&p, 0, 0, 0x11);
    CHECK(!pic_pending(&p) && pic_read(&p, 0, 1) == 0);
    edge(5);
    pic_write(&p, 0, 1, 0x47);
    CHECK(!pic_pending(&p));
    pic_write(&p, 0, 1, 0x04);
    CHECK(!pic_pending(&p) && pic_blocked(&p, 5));
    pic_write(&p, 0, 1, 0x01);
    CHECK(pic_pending(&p) && pic_acknowledge(&p) == 0x45);
    pic_write(&p, 0, 0, 0x12); /* single, no ICW4: one word is left */
    pic_write(&p, 0, 1, 0x50);
    edge(1);
    CHECK(pic_acknowledge(&p) == 0x51);
}

void test_pic(void)
{
    order_of_lines();
    edges_and_levels();
    masks();
    rotation();
    fully_nested();
    polling();
    initialisation();
}
