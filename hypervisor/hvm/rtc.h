/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of a PC and its memory, ports 70 and 71: the time of day from the clock that is passed
 * in, as seconds since 1970, and 114 bytes that keep what is written. No alarm, no interrupts. An
 * update takes no time, so that bit 7 of register A is never set and nobody waits for it.
 */
#ifndef HVM_RTC_H
#define HVM_RTC_H

#include <lib/types.h>

struct rtc {
    uint8_t index;
    uint8_t bytes[128]; /* the clock's own registers only while it is stopped (SET of register B) */
    int64_t offset;     /* of the guest's time from the one passed in, seconds */
};

void rtc_init(struct rtc *r);
void rtc_select(struct rtc *r, uint8_t v);           /* port 70, which reads as nothing */
uint8_t rtc_read(const struct rtc *r, int64_t wall); /* port 71 */
void rtc_write(struct rtc *r, uint8_t v, int64_t wall);

#endif
