/* SPDX-License-Identifier: MIT */
/*
 * The store's wire protocol: message header, message types, and the page by which a guest speaks
 * it.
 *
 * A client sends a message, the store answers with one of the same type and req_id, or with
 * XS_ERROR and the name of an error from XSD_ERROR_LIST. XS_WATCH_EVENT comes by itself. The body
 * is at most XENSTORE_PAYLOAD_MAX bytes; strings in it end with a zero byte, except a last one that
 * is data.
 */
#ifndef LODGE_PUBLIC_IO_XS_WIRE_H
#define LODGE_PUBLIC_IO_XS_WIRE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Body of a request, and of its answer where that is more than "OK". tx_id may be 0 or a
 * transaction where a path is read or written.
 *
 *   XS_CONTROL               command and its arguments; its output
 *   XS_DIRECTORY             path; names of its children
 *   XS_READ                  path; value
 *   XS_GET_PERMS             path; permissions, "n5" and so on
 *   XS_WATCH                 path, token
 *   XS_UNWATCH               path, token
 *   XS_TRANSACTION_START     empty; the transaction in decimal
 *   XS_TRANSACTION_END       "T" to commit, "F" to drop; EAGAIN if another change came in between
 *   XS_INTRODUCE             domid, frame, port: a domain's ring is there
 *   XS_RELEASE               domid: it is gone
 *   XS_GET_DOMAIN_PATH       domid; its home, /local/domain/N
 *   XS_WRITE                 path, value without a zero byte behind it
 *   XS_MKDIR                 path
 *   XS_RM                    path, and all below it
 *   XS_SET_PERMS             path, permissions: the owner's first
 *   XS_WATCH_EVENT           path that changed, token
 *   XS_ERROR                 name of an error
 *   XS_IS_DOMAIN_INTRODUCED  domid; "T" or "F"
 *   XS_RESUME                domid: it goes on after a cancelled suspension
 *   XS_SET_TARGET            domid, domid: the first gets the second's rights
 *   XS_RESET_WATCHES         empty: drop the client's watches and transactions
 *   XS_DIRECTORY_PART        path, offset; generation, then children from that offset of the list
 */
enum xsd_sockmsg_type {
    XS_CONTROL = 0,
    XS_DIRECTORY = 1,
    XS_READ = 2,
    XS_GET_PERMS = 3,
    XS_WATCH = 4,
    XS_UNWATCH = 5,
    XS_TRANSACTION_START = 6,
    XS_TRANSACTION_END = 7,
    XS_INTRODUCE = 8,
    XS_RELEASE = 9,
    XS_GET_DOMAIN_PATH = 10,
    XS_WRITE = 11,
    XS_MKDIR = 12,
    XS_RM = 13,
    XS_SET_PERMS = 14,
    XS_WATCH_EVENT = 15,
    XS_ERROR = 16,
    XS_IS_DOMAIN_INTRODUCED = 17,
    XS_RESUME = 18,
    XS_SET_TARGET = 19,
    XS_RESET_WATCHES = 21,
    XS_DIRECTORY_PART = 22,
    XS_TYPE_COUNT,
    XS_INVALID = 0xffff,
};
#define XS_DEBUG XS_CONTROL

#define XS_WRITE_NONE        "NONE"
#define XS_WRITE_CREATE      "CREATE"
#define XS_WRITE_CREATE_EXCL "CREATE|EXCL"

/*
 * The errors that the protocol knows; on the wire an error is its name. X(name, number) for each,
 * the numbers Linux's.
 */
#define XSD_ERROR_LIST(X) \
    X(EINVAL, 22)         \
    X(EACCES, 13)         \
    X(EEXIST, 17)         \
    X(EISDIR, 21)         \
    X(ENOENT, 2)          \
    X(ENOMEM, 12)         \
    X(ENOSPC, 28)         \
    X(EIO, 5)             \
    X(ENOTEMPTY, 39)      \
    X(ENOSYS, 38)         \
    X(EROFS, 30)          \
    X(EBUSY, 16)          \
    X(EAGAIN, 11)         \
    X(EISCONN, 106)       \
    X(E2BIG, 7)           \
    X(EPERM, 1)

/* One row of a table built from that list. */
struct xsd_errors {
    int errnum;
    const char *errstring;
};

/* Header of every message, both ways. */
struct xsd_sockmsg {
    uint32_t type;   /* enum xsd_sockmsg_type */
    uint32_t req_id; /* chosen by the client, repeated in the reply */
    uint32_t tx_id;  /* transaction, 0 for none */
    uint32_t len;    /* bytes that follow */
};
_Static_assert(sizeof(struct xsd_sockmsg) == 16, "xsd_sockmsg");

enum xs_watch_type {
    XS_WATCH_PATH = 0,
    XS_WATCH_TOKEN = 1,
};

/*
 * Limits: bytes in a body, in a path from the root, in a path relative to a domain's home, each
 * with its zero byte.
 */
#define XENSTORE_PAYLOAD_MAX  4096
#define XENSTORE_ABS_PATH_MAX 3072
#define XENSTORE_REL_PATH_MAX 2048

/*
 * A guest's connection: two byte rings in one page, worked as the console's (console.h), with
 * events on start_info's store_evtchn.
 */
#define XENSTORE_RING_SIZE 1024
typedef uint32_t XENSTORE_RING_IDX;
#define MASK_XENSTORE_IDX(idx) ((idx) & (XENSTORE_RING_SIZE - 1))

struct xenstore_domain_interface {
    char req[XENSTORE_RING_SIZE]; /* to the store */
    char rsp[XENSTORE_RING_SIZE]; /* to the guest */
    XENSTORE_RING_IDX req_cons, req_prod;
    XENSTORE_RING_IDX rsp_cons, rsp_prod;
    uint32_t server_features; /* XENSTORE_SERVER_FEATURE_* */
    uint32_t connection;      /* XENSTORE_CONNECTED, XENSTORE_RECONNECT */
    uint32_t error;           /* XENSTORE_ERROR_* */
};
_Static_assert(sizeof(struct xenstore_domain_interface) == 2076, "xenstore_domain_interface");
_Static_assert(offsetof(struct xenstore_domain_interface, req_cons) == 2048, "store ring");

/*
 * What the store can do, in server_features; the guest's request to start afresh, in connection: it
 * sets XENSTORE_RECONNECT, and waits for XENSTORE_CONNECTED with empty rings; and what the store
 * found wrong, in error, after which it serves the ring no more.
 */
#define XENSTORE_SERVER_FEATURE_RECONNECTION 1
#define XENSTORE_SERVER_FEATURE_ERROR        2

#define XENSTORE_CONNECTED 0
#define XENSTORE_RECONNECT 1

#define XENSTORE_ERROR_NONE    0
#define XENSTORE_ERROR_COMM    1
#define XENSTORE_ERROR_RINGIDX 2
#define XENSTORE_ERROR_PROTO   3

#endif
