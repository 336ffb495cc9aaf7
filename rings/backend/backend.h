/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * backend.h: the parts of lodge-backends, and what a kind of device must bring.
 *
 * main.c       the loop: xenstore's events, workers' messages, timers
 * device.c     the list of devices, and the xenbus state machine that all kinds share
 * process.c    workers: starting them, starting them again, their messages
 * vbd.c        block devices of our own: images, features, resizing
 * nbd.c        images in other formats than raw; lodge-nbd runs a server for each, confined:
 *              confine.h says to what, chain.h which files it gets
 * stock.c      hot-plug for the kernel's xen-blkback: loop devices
 * vif.c        network devices, of our own and of xen-netback
 *
 * One thread, no locks. No function here waits for a guest or a worker: each keeps where it is in
 * the device, and goes on when the store, a worker or a timer says so.
 */
#ifndef LODGE_BACKEND_H
#define LODGE_BACKEND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cli/store.h>
#include <public/io/xenbus.h>
#include "worker.h"

struct device;
struct process;

/* What an operation answers when it has to be called again, on a timer. */
#define BACKEND_LATER 1

/*
 * A kind of device. Operations return 0, BACKEND_LATER where allowed, or a negative errno after
 * device_fail() has set the device's message; unless said otherwise, a missing one does nothing.
 */
struct device_type {
    const char *directory; /* its part of backend/ in the store: "lodge-vbd" */
    const char *program;   /* its worker; NULL: the kernel's back-end, only hot-plug is ours */
    const char *what;      /* for people: "disk" */

    /*
     * A new device, or (d->adopted) one that an earlier daemon left working. Reads its keys, opens
     * what is behind it, queues store_write()s of features. Then the state becomes InitWait.
     * BACKEND_LATER: call again in a moment.
     */
    int (*probe)(struct device *d);
    /*
     * The front-end has written its part. Reads it (it is the guest's: believe nothing), and fills
     * in body and descriptors of the WORKER_ATTACH parcel. Called again, with d->reconnect set,
     * for a new worker when the old one died. The descriptors in the parcel stay the device's.
     */
    int (*connect)(struct device *d, struct worker_parcel *parcel);
    /* The worker serves it. Queues store_write()s; then the state becomes Connected. */
    int (*attached)(struct device *d, const struct worker_parcel *parcel);
    /* The node `key` of the device's back directory changed. */
    void (*changed)(struct device *d, const char *key);
    /* The worker answered a WORKER_CHANGE. */
    void (*worker_changed)(struct device *d, const struct worker_parcel *parcel);
    /* How long the worker may make a file of the device's; missing: it writes none. */
    uint64_t (*file_size)(const struct device *d);
    /* The front-end went; it may come back with other rings. */
    void (*disconnect)(struct device *d);
    /* The device goes: undo probe() and free d->priv. Also after a probe that failed. */
    void (*close)(struct device *d);
};

enum device_link {
    DEVICE_IDLE,      /* no worker has it */
    DEVICE_ATTACHING, /* WORKER_ATTACH was sent, or waits for a worker to start */
    DEVICE_ATTACHED,
    DEVICE_DETACHING, /* WORKER_DETACH was sent */
};

struct device {
    struct device *next;
    const struct device_type *type;
    struct process *process; /* its worker, or NULL */
    uint16_t domid;
    uint32_t devid;
    unsigned serial;   /* of all devices that there ever were */
    char back[96];     /* its directory in the store */
    char front[256];   /* the front-end's; "" if it makes no sense */
    char guest[64];    /* the guest's name */
    char message[400]; /* the last failure */
    int state;         /* of the back-end, as last written */
    int front_state;   /* as last read */
    enum device_link link;
    bool probed;    /* probe() was called and close() was not */
    bool ready;     /* probe() succeeded */
    bool adopted;   /* was Connected when this daemon started */
    bool reconnect; /* a worker served these very rings before */
    bool online;    /* 0: after the front-end has closed, the device goes */
    bool doomed;    /* to be freed as soon as the worker let go of it */
    bool seen;      /* the guest has lived: if xenstored does not know it any more, it died */
    bool failed;    /* hotplug-error is written; waits for its removal */
    int64_t due;    /* milliseconds: when to try again; 0: not at all */
    unsigned tries; /* to attach, since it last worked */
    int64_t say_since;
    unsigned said; /* lines in the log, lately */
    void *priv;    /* the kind's own */
};

/* --- device.c ------------------------------------------------------------------------------ */

/* Of a guest, a worker or an image: no lines and escapes of theirs in a log or on a terminal. */
void device_printable(char *text);
/* Notes a failure and returns -err. */
int device_fail(struct device *d, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A line of the log that names guest and device. */
void device_say(struct device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A key of the back directory or of the front-end's; malloc'ed, NULL if missing. */
char *device_get(const struct device *d, const char *key);
char *device_get_front(const struct device *d, const char *key);
/* A number; `fallback` where there is none, it does not parse, or is above `max`. */
uint64_t device_number(const struct device *d, const char *key, uint64_t fallback, uint64_t max);
uint64_t device_front_number(const struct device *d, const char *key, uint64_t fallback,
                             uint64_t max);
/* Queues the writing of a key of the back directory; device_flush() carries it out. */
void device_put(const struct device *d, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int device_flush(struct device *d);
/* Queues the new state; the store's answer is not waited for. */
void device_set_state(struct device *d, int state);
/* Sends WORKER_CHANGE with this body to the device's worker; false: it has none. */
bool device_tell(struct device *d, const void *body, size_t length, const int *fds, unsigned nr);
/* Gives up on the device: hotplug-error with its message, state Closed, and a line in the log. */
void device_give_up(struct device *d);

/* Events, from main.c and process.c. */
void device_back_changed(const struct device_type *type, uint16_t domid, uint32_t devid,
                         const char *key);
void device_front_changed(uint16_t domid, const char *type_directory, uint32_t devid);
void device_scan(void);    /* looks at the whole store: at start, and when xenstored came back */
void device_reap(void);    /* a domain went: closes the devices of those that are gone */
void device_run(void);     /* what is due */
int64_t device_next(void); /* when something is due, in milliseconds; 0: nothing */
void device_attached(struct device *d, const struct worker_parcel *parcel);
void device_detached(struct device *d);
void device_worker_failed(struct device *d, int status, const char *why);
void device_worker_died(struct device *d);
/* Fills in the parcel for a worker; false: the device is not to be attached (any more). */
bool device_parcel(struct device *d, struct worker_parcel *parcel);
struct device *device_first(void);

/* --- process.c ----------------------------------------------------------------------------- */

struct process *process_for(struct device *d); /* the guest's worker of this kind; starts it */
void process_attach(struct device *d);
void process_detach(struct device *d);
/* The worker takes too long to let go of a device: it is killed if it has no other. */
void process_impatient(struct device *d);
bool process_send(struct process *p, const struct worker_parcel *parcel);
/* Sets how long files the worker may make, after the size of what a device has has changed. */
void process_limit_files(struct process *p);
void process_run(void);
int64_t process_next(void);
void process_child_exited(void); /* SIGCHLD: collects them all */
/*
 * A helper program of a device: its end is told once. The first word of argv is looked up in
 * $PATH. The first two descriptors of `fds` become its 3 and 4. Returns the pid, or a negative
 * errno.
 */
int process_helper(const char *const *argv, const int *fds, unsigned nr_fds,
                   void (*ended)(void *arg, int status), void *arg);
void process_forget_helper(int pid); /* kills it; its end is not told */
void process_end_all(void);          /* closes all sockets: the workers finish and leave */

/* --- stock.c ------------------------------------------------------------------------------- */

/* Loads kernel modules, as far as that is possible; `other` may be NULL. */
void stock_modprobe(const char *module, const char *other);

/* --- main.c -------------------------------------------------------------------------------- */

/* Something that epoll watches. */
struct source {
    void (*ready)(struct source *src, uint32_t events);
    int fd;
};

struct backend {
    struct store *store;
    const struct device_type *const *types; /* ends with NULL */
    uint16_t domid;                         /* ours */
    int epoll;
    const char *run_dir, *log_dir, *program_dir;
    const char *transfer; /* how block data moves: "copy" or "persistent" */
    bool quit;
};

extern struct backend backend;

extern const struct device_type vbd_type, vbd_stock_type, vif_type, vif_stock_type;

bool source_add(struct source *src, uint32_t events);
void source_remove(struct source *src); /* closes it, too */
int64_t backend_now(void);              /* milliseconds that only grow */
/* A line in the log. */
void backend_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void backend_vsay(const char *prefix, const char *fmt, va_list ap);

#endif
