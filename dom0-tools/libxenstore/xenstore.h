/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Client library of the Xen store: a tree of names and small values that dom0's tools and the
 * domains meet in. Interface and binary interface of libxenstore.so.4.
 *
 * Conventions. Functions that return a pointer return NULL on failure, those that return bool
 * return false; errno says why: ENOENT (no such node), EACCES (not allowed), EAGAIN (see
 * transactions), EINVAL, ENOSPC (over a quota), EIO and EPIPE (no daemon on the other end), or
 * another of the protocol's error names. Results are to be freed with one free().
 *
 * Threads. A handle may be used by several threads; requests take turns. The first xs_watch()
 * starts a thread that reads from the daemon, and sorts replies from events. After fork() only the
 * parent may go on using the handle; the child calls xs_daemon_destroy_postfork().
 *
 * Paths are absolute ("/local/domain/3/name") or relative to the caller's own home in
 * /local/domain. `t` is a transaction, or XBT_NULL for none.
 */
#ifndef XENSTORE_H
#define XENSTORE_H

#include <xenstore_lib.h>

#define XBT_NULL 0

struct xs_handle;
typedef uint32_t xs_transaction_t;

/* Flags of xs_open(). The first two are accepted and do nothing. */
#define XS_OPEN_READONLY   (1UL << 0)
#define XS_OPEN_SOCKETONLY (1UL << 1)
/*
 * Once xs_unwatch() has returned, no event of that watch is delivered any more, not even one that
 * had arrived before. For this the pair of token and path (or a path above it) must be unique
 * among the handle's watches.
 */
#define XS_UNWATCH_FILTER (1UL << 2)

/* Connects: to the daemon's socket, or where there is none, through the kernel's device. */
struct xs_handle *xs_open(unsigned long flags);
/* Ends the connection, and with it its watches and transactions. NULL is allowed. */
void xs_close(struct xs_handle *h);

/* Older names of xs_open(0) and xs_close(). */
struct xs_handle *xs_daemon_open(void);
struct xs_handle *xs_domain_open(void);
struct xs_handle *xs_daemon_open_readonly(void);
void xs_daemon_close(struct xs_handle *h);

/* In a child process: frees the handle and leaves the parent's connection alone. */
void xs_daemon_destroy_postfork(struct xs_handle *h);

/*
 * The children's names; *num is their number. One free() frees names and array. A list of any
 * length; EBUSY if it changes again and again while its parts are read (not in a transaction).
 */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num);

/* The value, with a NUL put behind it; *len (may be NULL) is its length without that. */
void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len);

/* Sets the value, creating the node and those above it as needed. */
bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len);

/* Creates the node, with an empty value, unless it exists. */
bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path);

/* Removes the node with everything below it. Succeeds without one, if its parent exists. */
bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path);

/* Always false with errno EOPNOTSUPP: kept for programs that link against it. */
bool xs_restrict(struct xs_handle *h, unsigned domid);

/*
 * Permissions. The first entry's domain is the owner, who may do everything; that entry's bits are
 * what all domains may do that no further entry names. dom0 may do everything anyway.
 */
struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                                          unsigned int *num);
bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms);

/*
 * Asks for an event whenever the node or something below it changes. A first event comes at once.
 * The token comes back with each event. Special paths: @introduceDomain and @releaseDomain.
 * EEXIST: this path is watched with this token already.
 */
bool xs_watch(struct xs_handle *h, const char *path, const char *token);
bool xs_unwatch(struct xs_handle *h, const char *path, const char *token);

/* A descriptor that is readable while events wait, for poll(2). Not to be read from. */
int xs_fileno(struct xs_handle *h);

/*
 * The next event: two strings, [XS_WATCH_PATH] and [XS_WATCH_TOKEN]. xs_check_watch() returns NULL
 * with EAGAIN if there is none; xs_read_watch() waits, and sets *num to 2.
 */
char **xs_check_watch(struct xs_handle *h);
char **xs_read_watch(struct xs_handle *h, unsigned int *num);

/*
 * Transactions: requests with this `t` see the store as it was at the start, plus their own
 * changes, which become visible to others all at once at the end, or not at all. If something
 * that was read has changed meanwhile, the end fails with EAGAIN, and the caller starts over.
 * Start returns XBT_NULL on failure.
 */
xs_transaction_t xs_transaction_start(struct xs_handle *h);
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort);

/* For the tools that build domains. The frame is that of the domain's store page. */
bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn);
/* Gives `domid` the rights of `target`, which it serves. */
bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target);
/* The domain runs again after a shutdown: its next one is to be announced again. */
bool xs_resume_domain(struct xs_handle *h, unsigned int domid);
bool xs_release_domain(struct xs_handle *h, unsigned int domid);
bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid);

/* The home of a domain, "/local/domain/<domid>". */
char *xs_get_domain_path(struct xs_handle *h, unsigned int domid);

/* Whether `child` is `parent` or lies below it. Compares strings; needs no connection. */
bool xs_path_is_subpath(const char *parent, const char *child);

/*
 * Sends a command to the daemon ("help" lists them), with `len` bytes of further arguments, each
 * ended by NUL. Returns the answer as text. xs_debug_command() is the older name.
 */
char *xs_control_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len);
char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len);

/* The event channel by which the guest wants to be asked to suspend; -1 if it has none. */
int xs_suspend_evtchn_port(int domid);

#endif
