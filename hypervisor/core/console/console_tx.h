/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The console's way out: what waits for the serial line, and the lock of all of the console's
 * state. Only console.c uses it.
 */
#ifndef CORE_CONSOLE_TX_H
#define CORE_CONSOLE_TX_H

#include <lib/types.h>

/* Whether the lock was taken, for unlock; where it was not, the caller goes on all the same. */
bool console_tx_lock(void);
void console_tx_unlock(bool taken); /* sees to it that what is left goes out later */

/* What follows is called between the two. */
void console_tx_line(const char *prefix, const char *text); /* of the hypervisor */
/* The hardware domain's text, as it is. False: no room now, nothing was taken; ask again. */
bool console_tx_text(const char *s, size_t n);
bool console_tx_guest_room(void); /* will two lines of guests be taken? */
void console_tx_guest_line(const char *prefix, const char *text);

/* No lock held. Both wait for the line: until all is out, and when nothing may be lost. */
void console_tx_flush(void);
void console_tx_lossless(bool on);

void console_tx_init_early(const char *spec); /* serial port up; each line is waited for */
void console_tx_init(void);                   /* once timers work: not any more */
void console_tx_panic(void); /* all that waits, and then again each line; no lock */

#endif
