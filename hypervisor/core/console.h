/* SPDX-License-Identifier: GPL-2.0-only */
/* The hypervisor's console: a ring of past output, the serial line, and dom0's input. */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include <lib/types.h>

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/*
 * Levels above `loglvl=` stay silent, but not in panic mode. Each line is prefixed "(LODGE) ", ends
 * by itself, and is cut at 255 characters. Callable under any lock but a timer queue's.
 */
void console_log(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_err(...)   console_log(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  console_log(LOG_WARN, __VA_ARGS__)
#define log_info(...)  console_log(LOG_INFO, __VA_ARGS__)
#define log_debug(...) console_log(LOG_DEBUG, __VA_ARGS__)
/*
 * A refusal of a guest's request, by current: debug level, rate limited, with the domain and the
 * function in front. Costs next to nothing while `guest_loglvl=` is lower, but for the hardware
 * domain, whose last few are kept.
 */
#define guest_refused(...) console_guest_refused(__func__, __VA_ARGS__)
void console_guest_refused(const char *where, const char *fmt, ...) PRINTF_LIKE(2, 3);
void console_show_refusals(void); /* those */
/*
 * Logs a line that a guest has caused: behind all of our own, and within the budget of all guests.
 * False: there was no room. The line is counted in *left_out, and the next line with this counter
 * says how many of `who` were left out.
 */
bool console_guest_line(const char *who, unsigned *left_out, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

void console_init_early(const char *cmdline); /* serial up: com1 by default */
/* Ring in its final size, receive interrupt; from here on nobody waits for the line. */
void console_init(void);
void console_panic_mode(void); /* no locks from here on, each line is waited for; for good */
void console_flush(void);      /* waits until all is out: the machine is about to end */
/* To the serial line only, as it is: dom0's own output. False: no room yet, nothing was taken. */
bool console_write_raw(const char *s, size_t n);
/*
 * While this is on, our own text waits where the line's queue is full: for what dom0 asks to see.
 */
void console_lossless(bool on);
/* Serial input (from its interrupt): to dom0, or after three Ctrl-A to the debug keys. */
void console_rx(char c);
size_t console_rx_take(char *buf, size_t n); /* what waits for dom0 */
/* Debug keys: register a handler; run one (sysctl debug_keys). Unknown ones do nothing. */
void console_register_key(char key, void (*fn)(void), const char *what);
void console_handle_key(char key);
/* sysctl readconsole: past output, into the caller's buffer. 0 or -XEN_EFAULT. */
struct xen_sysctl_readconsole;
int console_read(struct xen_sysctl_readconsole *op);

#endif
