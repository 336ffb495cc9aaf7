// SPDX-License-Identifier: GPL-2.0-only
/*
 * libdaemon.h: what dom0's daemons have in common: that there is one of each, how it starts, its
 * loop, its signals and its log.
 *
 * In the order of a daemon's start: daemon_detach(), loop_open(), loop_signals(), daemon_lock(),
 * its own sources with loop_add(); once it serves, daemon_ready(); then loop_turn() until
 * loop_quit. One thread: nothing here takes a lock. Workers of lodge-backends use the loop alone;
 * daemon_store.h has the others' connection to xenstore.
 */
#ifndef LODGE_LIBDAEMON_H
#define LODGE_LIBDAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- presence.c: one of each name ------------------------------------------------------------- */

/*
 * Takes the daemon's lock, <run_dir>/<name>.pid. The descriptor that holds it, to be open as long
 * as the daemon runs; or a negative errno with a sentence in err, -EAGAIN where one runs.
 */
int daemon_lock(const char *run_dir, const char *name, char *err, size_t errlen);
bool daemon_runs(const char *run_dir, const char *name);
/* Starts the daemon if none runs, with a warning where that fails; true if one was running. */
bool daemon_ensure(const char *run_dir, const char *name);

/* --- start.c ---------------------------------------------------------------------------------- */

/*
 * Into the background; the parent leaves only after daemon_ready(), or with status 1 if the daemon
 * ends before. 0 in the daemon, or a negative errno.
 */
int daemon_detach(int *ready_fd);
/* It serves: tells the parent; messages go to the log file from here on. NULL: to nobody. */
void daemon_ready(int ready_fd, const char *log);

/* --- log.c ------------------------------------------------------------------------------------ */

/* Standard input becomes /dev/null, and output this file, or /dev/null without one. */
void daemon_log_to(const char *path);
/* A line, with the time and the program's name. */
void daemon_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- loop.c ----------------------------------------------------------------------------------- */

/* Something that epoll watches. A handler may remove and free any source, its own included. */
struct loop_source {
    void (*ready)(struct loop_source *src, uint32_t events); /* EPOLL* */
    int fd;
};

/* Set by SIGTERM and SIGINT, or by whoever wants the loop to end. */
extern bool loop_quit;

int loop_open(void);
bool loop_add(struct loop_source *src, uint32_t events);
void loop_change(struct loop_source *src, uint32_t events);
void loop_remove(struct loop_source *src); /* does not close it */
void loop_close(struct loop_source *src);  /* removes and closes it; fd becomes -1 */
/* Waits up to `timeout_ms` (-1: no limit) and serves what is ready; false if nothing was. */
bool loop_turn(int timeout_ms);
/*
 * SIGTERM and SIGINT set loop_quit; SIGCHLD calls on_child, if that is not NULL. SIGPIPE is
 * ignored. They stay blocked, in children as well until these unblock them. 0 or a negative errno.
 */
int loop_signals(void (*on_child)(void));

#endif
