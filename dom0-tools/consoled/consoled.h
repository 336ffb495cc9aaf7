// SPDX-License-Identifier: GPL-2.0-only
/*
 * consoled.h: what the parts of the console daemon know of each other.
 *
 * consoled.c has the main loop and finds guests; guest.c moves a guest's bytes; viewer.c serves
 * those who look. One thread, so there are no locks.
 */
#ifndef LODGE_CONSOLED_H
#define LODGE_CONSOLED_H

#include <libdaemon/daemon_store.h>
#include <liblodge/domcfg.h>
#include <liblodge/session.h>
#include "console_log.h"
#include "ring.h"

#define GUEST_BACKLOG     16384 /* what a new viewer is shown first */
#define GUEST_INPUT       4096  /* typed, and not yet taken by the guest */
#define GUEST_MAX_VIEWERS 16

struct viewer {
    struct loop_source src;
    struct guest *guest; /* NULL until it has said which */
    struct viewer *next; /* of the same guest, or of those without one */
    char line[64];       /* what it has said so far */
    size_t line_len;
    size_t lost; /* bytes that it was too slow for */
};

/*
 * From its introduction until it ends. The port of a guest that is served stays masked only while
 * `held` or `polled` is set, and then the loop looks at its ring when the time comes; else its
 * event brings that about. So no guest waits for a look that does not come.
 */
struct guest {
    struct guest *next;
    uint16_t domid;
    uint8_t uuid[16];
    char name[DOMCFG_MAX_NAME]; /* as xenstore had it when it was connected */
    bool connected;             /* ring mapped, port bound */
    bool news;                  /* its console's nodes have changed: look at them again */
    bool has_spoken;            /* log and pty are open */
    bool broken;                /* its indices made no sense: not served any more */
    bool held; /* has used up its budget; its port stays masked until the period ends */
    bool
        polled; /* had something to say a moment ago; its port stays masked, it is looked at soon */
    struct ring ring;           /* its page is shared with the guest, and hostile */
    struct ctl_grant_map grant; /* where by_grant says so; else the page is mapped by its frame */
    bool by_grant;
    uint32_t port; /* our end */
    size_t budget; /* bytes left in this period */
    struct log log;
    char backlog[GUEST_BACKLOG]; /* the last output: byte n of all is at n % GUEST_BACKLOG */
    size_t backlog_total;        /* ever written */
    char input[GUEST_INPUT];     /* the first input_len bytes are typed, and not yet in the ring */
    size_t input_len;
    struct loop_source pty; /* the master end, or fd -1 */
    bool pty_full;          /* the last write did not fit */
    int pty_slave;          /* held open, so that the master never hangs up */
    struct viewer *viewers;
    unsigned nr_viewers;
};

struct consoled {
    struct lodge_session lodge;
    struct loop_source evtchn, listener;
    struct daemon_store store;
    struct guest *guests;
    struct viewer *strangers; /* connected, and not yet attached to a guest */
    uint16_t next_domid;      /* new guests have this number or a higher one, as a rule */
    const char *log_dir;
    size_t log_limit, rate;    /* bytes; bytes a second */
    bool any_held, any_polled; /* some guest may be: the loop needs a time limit */
    bool new, gone, any_news;  /* what xenstore has told, and was not looked at yet */
};

extern struct consoled consoled;

#define CONSOLED_PERIOD_MS 100 /* in each a guest may have rate / 10 bytes taken */
#define CONSOLED_POLL_MS   4   /* after which one that talks is looked at again */

/* --- consoled.c ---------------------------------------------------------------------------- */

struct guest *guest_by_domid(uint16_t domid);
/* Looks for guests that are not known yet. */
void find_new_guests(void);

/* --- guest.c ------------------------------------------------------------------------------- */

/* Enters it into consoled.guests; NULL without memory. */
struct guest *guest_new(const struct xen_domctl_getdomaininfo *info);
/*
 * Maps the ring and binds the port, once xenstore names them; false if it is too early. True also
 * where that failed: then `connected` stays false, and there is no use in trying again.
 */
bool guest_connect(struct guest *g);
/* Takes what its ring still holds, and closes its viewers. */
void guest_free(struct guest *g);
/*
 * Moves its bytes. `by_event`: its event channel has fired, so that it is looked at once more
 * before the next event. Else the time for a look has come.
 */
void guest_serve(struct guest *g, bool by_event);
/* Room for more input; those who type are not listened to while there is none. */
size_t guest_input_room(const struct guest *g);
/* What finds no room is dropped. */
void guest_input(struct guest *g, const char *buf, size_t len);

/* --- viewer.c ------------------------------------------------------------------------------ */

/* The socket: only root can open it. 0 or a negative errno with a message. */
int viewer_listen(const char *run_dir);
/* Never waits: what the viewer's socket does not take is counted as lost. */
void viewer_output(struct viewer *v, const char *buf, size_t len);
void viewer_listen_to(struct viewer *v, bool yes);
/* Frees it, too. */
void viewer_close(struct viewer *v);

#endif
