/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * backend.h: the parts of lodge-backends, and what a kind of device must bring.
 *
 * main.c       the loop: xenstore's events, workers' messages, timers
 * device.c     the list of devices: coming, going, and whose turn it is
 * device_life.c   their states, as a table, and what is done in each
 * device_look.c   what the store has and workers say of them, made into events
 * device_node.c   a device's nodes in the store, and its words in the log
 * process.c    workers: starting them, starting them again, their messages
 * vbd.c        block devices of our own: images, features, resizing
 * claim.c      who uses an image
 * record.c     where a disk's worker keeps what is in flight, for its successor
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
#include <libdaemon/libdaemon.h>
#include <libstore/libstore.h>
#include <public/io/xenbus.h>
#include "claim.h"
#include <libworker/worker.h>

struct device;
struct process;

/* What an operation answers when it has to be called again, on a timer. */
#define BACKEND_LATER 1

#define DEVICE_RETRY_MS 100 /* until it is called again */

/*
 * A kind of device. Operations return 0, BACKEND_LATER where allowed, or a negative errno after
 * device_fail() has set the device's message; unless said otherwise, a missing one does nothing.
 */
struct device_type {
    const char *directory; /* its part of backend/ in the store: "lodge-vbd" */
    const char *program;   /* its worker; NULL: the kernel's back-end, only hot-plug is ours */
    const char *what;      /* for people: "disk" */

    /*
     * A new device, or (d->rings is INHERITED) one that an earlier daemon left working. Reads its
     * keys, opens what is behind it, uses device_put() for features. Then the state becomes
     * InitWait. BACKEND_LATER: call again in a moment.
     */
    int (*probe)(struct device *d);
    /*
     * The front-end has written its part. Reads it (it is the guest's: believe nothing), and fills
     * in body and descriptors of the WORKER_ATTACH parcel. Called again, with d->rings not NEW, for
     * a new worker when the old one died. The descriptors in the parcel stay the device's.
     */
    int (*connect)(struct device *d, struct worker_parcel *parcel);
    /* The worker serves it. Uses device_put(); then the state becomes Connected. */
    int (*attached)(struct device *d, const struct worker_parcel *parcel);
    const char *key;                   /* a node of the back directory; NULL: none */
    void (*changed)(struct device *d); /* it changed, of a device that is ready */
    /* The worker that has it answered a WORKER_CHANGE. */
    void (*worker_changed)(struct device *d, const struct worker_parcel *parcel);
    /* How long the device's file may become, in bytes; missing: the worker writes none. */
    uint64_t (*file_size)(const struct device *d);
    /* The front-end went; it may come back with other rings. */
    void (*disconnect)(struct device *d);
    /* The device goes: undo probe() and free d->priv. Also after a probe that failed. */
    void (*close)(struct device *d);
};

/* device_life.c says what holds in each. Those from WAITING to FAILING are device_ready(). */
enum device_life {
    DEVICE_OPENING,
    DEVICE_WAITING,
    DEVICE_ATTACHING, /* WORKER_ATTACH was sent, or waits for a worker to start */
    DEVICE_ATTACHED,
    DEVICE_DETACHING, /* WORKER_DETACH was sent */
    DEVICE_CLOSING,
    DEVICE_CLOSED,
    DEVICE_PLUGGED,
    DEVICE_FAILING, /* as DETACHING */
    DEVICE_FAILED,
    DEVICE_ENDING,
    DEVICE_LEAVING, /* as DETACHING */
    DEVICE_GONE,
};

enum device_event {
    EVENT_DUE, /* the time that was set has come */
    /* Of its kind's probe(). */
    EVENT_OPENED,
    EVENT_PLUGGED,    /* the same, of a device of the kernel's */
    EVENT_UNREADABLE, /* xenstored is away */
    EVENT_LOST,       /* what is behind it is not usable any more, or its worker's answer is not */
    /* Of the front-end: its state, each time that it is read. */
    EVENT_FRONT_UNWRITTEN,
    EVENT_FRONT_STARTS,
    EVENT_FRONT_READY,
    EVENT_FRONT_CLOSING,
    EVENT_FRONT_CLOSED, /* or its directory is gone */
    EVENT_FRONT_AGAIN,  /* its state became Initialising */
    /* Of the tools: their directory was looked at. */
    EVENT_ASKED, /* their state is Closing */
    EVENT_BACK,  /* their state is another one; `online` has been read */
    EVENT_REMOVED,
    EVENT_FORESTALLED, /* they had written Closing when we were about to write our state */
    /* Of the worker. */
    EVENT_TAKEN,
    EVENT_SERVED, /* and what it answered makes sense */
    EVENT_BUSY,   /* an earlier one has the rings */
    EVENT_FAILED, /* it has nothing of the device, or was not given it; also what probe() answers */
    EVENT_LET_GO, /* or there was nobody to ask */
    EVENT_DIED,
    EVENT_STORE_BACK,
    /* Of the kernel's back-end. */
    EVENT_KERNEL_CLOSED,
    EVENT_UNPLUGGED, /* its device is gone */
};

enum device_rings {
    DEVICE_RINGS_NEW,
    DEVICE_RINGS_INHERITED, /* an earlier daemon's worker may have them still */
    DEVICE_RINGS_SERVED,    /* a worker of ours has, or had, these very rings */
};

struct device {
    struct device *next;
    const struct device_type *type;
    struct process *process; /* its worker, or NULL */
    uint16_t domid;
    uint32_t devid;
    unsigned serial;   /* of all devices that there ever were */
    unsigned slot;     /* its number among those that there are */
    char back[96];     /* its directory in the store */
    char front[256];   /* the front-end's; "" if it makes no sense */
    char guest[64];    /* the guest's name */
    char message[400]; /* the last failure */
    int state;         /* of the back-end, as last written */
    int front_state;   /* as last read */
    enum device_life life;
    enum device_rings rings;
    bool open;   /* probe() was called and close() was not */
    bool online; /* 0: after the front-end has closed, the device goes */
    bool seen;   /* the guest has lived: if xenstored does not know it any more, it died */
    bool news_front, news_back, news_key; /* look again at what device_look() says */
    bool news_whole; /* its directory came or went: what was read of it may be another device's */
    char *puts;      /* what device_put() has queued */
    size_t puts_len;
    int64_t due;        /* milliseconds: when to try again; 0: not at all */
    unsigned tries;     /* of what is waited for in this state */
    struct claim claim; /* on its image */
    void *priv;         /* the kind's own */
};

/* What is behind it is open. */
static inline bool device_ready(const struct device *d)
{
    return d->life >= DEVICE_WAITING && d->life <= DEVICE_FAILING;
}

/* A worker has it, or is about to be given it, or has not let go of it yet. */
static inline bool device_held(const struct device *d)
{
    return d->life == DEVICE_ATTACHING || d->life == DEVICE_ATTACHED ||
           d->life == DEVICE_DETACHING || d->life == DEVICE_FAILING || d->life == DEVICE_LEAVING;
}

/* It is freed as soon as it is not held. */
static inline bool device_going(const struct device *d)
{
    return d->life == DEVICE_LEAVING || d->life == DEVICE_GONE;
}

/* --- device_node.c ------------------------------------------------------------------------- */

/*
 * Makes a text of a guest's, a worker's or an image's harmless: no lines and escapes of theirs in a
 * log or on a terminal.
 */
void device_printable(char *text);
/* Notes a failure and returns -err. */
int device_fail(struct device *d, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * A line of the log that names guest and device, or domain. What there is about one guest is
 * limited, as guests can provoke it.
 */
void device_say(struct device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void guest_say(uint16_t domid, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A key of the back directory or of the front-end's; malloc'ed, NULL if missing. */
char *device_get(const struct device *d, const char *key);
char *device_get_front(const struct device *d, const char *key);
/* The number in a text; `fallback` where there is none, it does not parse, or is above `max`. */
uint64_t device_parse(const char *text, uint64_t fallback, uint64_t max);
/* The number in a key's value, in the same way. */
uint64_t device_number(const struct device *d, const char *key, uint64_t fallback, uint64_t max);
uint64_t device_front_number(const struct device *d, const char *key, uint64_t fallback,
                             uint64_t max);
/*
 * Queues the writing of a key of the back directory; device_flush() carries it out, or
 * device_set_state(). A directory that is gone is left so, which is not an error.
 */
void device_put(struct device *d, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void device_forget_puts(struct device *d);
int device_flush(struct device *d);
/* Writes the state. Where the tools have asked for the device's end, it becomes Closing instead. */
void device_set_state(struct device *d, int state);
/* Sends WORKER_CHANGE with this body to the device's worker; false: it has none. */
bool device_tell(struct device *d, const void *body, size_t length, const int *fds, unsigned nr);

/* --- device_life.c ------------------------------------------------------------------------- */

/* Does what the table has for this event in the device's state; without a row, nothing. */
void device_event(struct device *d, enum device_event event);
void device_step(struct device *d); /* makes the event of the front-end's state */
void device_open(struct device *d);
void device_close(struct device *d);     /* undoes device_open() */
void device_unplugged(struct device *d); /* tells the tools so, of a device of the kernel's */

/* --- device_look.c ------------------------------------------------------------------------- */

/* Gives up on the device: hotplug-error with its message, state Closed, and a line in the log. */
void device_give_up(struct device *d);
void device_read_front(struct device *d);
void device_look(struct device *d); /* reads again what it has news of */
/* What a worker says, from process.c. */
void device_attached(struct device *d, const struct worker_parcel *parcel);
void device_worker_failed(struct device *d, int status, const char *why);
void device_worker_changed(struct device *d, const struct worker_parcel *parcel);
/* Fills in the parcel for a worker; false: the device is not to be attached (any more). */
bool device_parcel(struct device *d, struct worker_parcel *parcel);

/* --- device.c ------------------------------------------------------------------------------ */

struct device *device_first(void);
/* Its directory was removed and made anew: another device. May free this one. */
void device_replace(struct device *d);
/* True while a worker still has a device that had this one's number. */
bool device_predecessor(const struct device *d);

/*
 * Events of the store, which may arrive while an answer is awaited: each only sets a bit that says
 * what to look at again. The front-end's watch is known by slot and serial number.
 */
void device_note_front(unsigned slot, unsigned serial, const char *path);
void device_note_back(const struct device_type *type, uint16_t domid, uint32_t devid,
                      const char *key);
void device_note_domain(const struct device_type *type, uint16_t domid); /* all of its devices */
void device_note_scan(void);                                             /* everything */
void device_note_gone(void); /* which domains are left */
void device_look_again(struct device *d);
/* True if some bit is set: device_turn() then looks at the next device, and does little else. */
bool device_has_news(void);
void device_turn(void);

void device_scan(void);          /* looks at the whole store */
void device_store_is_back(void); /* the same, and writes again what may be lost */
void device_reap(void);          /* closes the devices of domains that are gone */
void device_run(void);           /* what is due */
int64_t device_next(void);       /* when something is due, in milliseconds; 0: nothing */

/* --- process.c ----------------------------------------------------------------------------- */

struct process *process_for(struct device *d); /* the guest's worker of this kind; starts it */
void process_attach(struct device *d);
bool process_detach(struct device *d); /* false: it does not run, and has nothing to let go of */
/* The worker takes too long to let go of a device: it is killed if it has no other. */
void process_impatient(struct device *d, bool first);
bool process_send(struct process *p, const struct worker_parcel *parcel);
/*
 * Sets the limit on the size of the files that the worker writes. To be called when the answer of a
 * device's file_size() has changed.
 */
void process_limit_files(struct process *p);
void process_run(void);
int64_t process_next(void);
void process_child_exited(void); /* SIGCHLD: collects them all */
/*
 * Starts a helper program of a device. ended() is called once, after its end. The first word of
 * argv is looked up in $PATH. The first two descriptors of `fds` become its 3 and 4. Returns the
 * pid, or a negative errno.
 */
int process_helper(const char *const *argv, const int *fds, unsigned nr_fds,
                   void (*ended)(void *arg, int status), void *arg);
/* Asks it to end. After its end this ended() is called instead of the first one. */
void process_end_helper(int pid, void (*ended)(void *arg, int status), void *arg);
void process_end_all(void); /* closes all sockets: the workers finish and leave */

/* --- stock.c ------------------------------------------------------------------------------- */

/* Loads kernel modules, as far as that is possible; `other` may be NULL. */
void stock_modprobe(const char *module, const char *other);

/* --- nbd.c --------------------------------------------------------------------------------- */

void nbd_clean(void); /* when the daemon starts */

/* --- main.c -------------------------------------------------------------------------------- */

struct backend {
    struct store *store;
    const struct device_type *const *types; /* ends with NULL */
    uint16_t domid;                         /* ours */
    int64_t started;                        /* as backend_now() */
    const char *run_dir, *log_dir, *program_dir;
    const char *sys_devices; /* where the kernel shows its devices; NULL: it does not */
    const char *transfer;    /* how block data moves: "copy" or "persistent" */
};

extern struct backend backend;

extern const struct device_type vbd_type, vbd_stock_type, vif_type, vif_stock_type;

int64_t backend_now(void); /* milliseconds that only grow */
/* A line in the log. */
void backend_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void backend_vsay(const char *prefix, const char *fmt, va_list ap);

#endif
