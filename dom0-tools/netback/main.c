// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: lodge-netback, the worker for the network devices of one guest.
 *
 * One thread and one loop: events and taps say which queues may have something to do, each such
 * queue does a batch in each direction, events to the guest are sent, and only when no queue has
 * more to do are the event channels unmasked and is there a wait. A queue that is always busy
 * cannot keep the others waiting: all have their turn in each round.
 *
 * A device is on a list here from WORKER_ATTACH until WORKER_DETACH, or until its front-end breaks
 * the rules: then it is let go of at once, and the supervisor is told why.
 *
 * Why no work is missed before a wait. A port that has fired (tx_fired, rx_fired) stays masked
 * until its queue has nothing more to do (tx_active, rx_active). The last look at a ring comes
 * after the wish for an event, so what the guest does after that look raises the port, which fires
 * when it is unmasked. The tap is level-triggered: it is watched, except while the guest has no
 * buffers (`deaf`) and a frame would wake us for nothing. What no event tells of has a time
 * instead, which idle_time() gives: the next span of the rate, and a look for buffers where the
 * front-end does not tell of them.
 */
#include "queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_DEVICES 64 /* of one guest */
/*
 * A receiver of this priority would take the processor away with each frame that is handed to the
 * tap, and answer each with an acknowledgement. So all that the guest has sent is handed over
 * first.
 */
#define NICE (-5)

struct journal_entry {
    uint32_t used, device, queue;
    uint32_t tx_ref, rx_ref; /* it counts for these very rings only */
    struct queue_journal journal;
};
#define JOURNAL_ENTRIES (QUEUE_PAGE * 8 / sizeof(struct journal_entry))
#define JOURNAL_SIZE    (QUEUE_PAGE * 8)

struct served {
    struct loop_source tap; /* first: what epoll knows of the queue */
    struct device *device;
    struct queue *queue;
    struct journal_entry *entry;
    void *tx_ring, *rx_ring;
    bool tx_fired, rx_fired; /* the ports, which are masked since */
    bool tx_active, rx_active;
    bool deaf; /* the tap is not watched: the guest has no buffers */
};

struct device {
    struct device *next;
    uint32_t devid;
    unsigned queues;
    struct rate rate;
    struct served served[NETBACK_MAX_QUEUES];
};

static struct {
    struct device *devices;
    struct journal_entry *journal;
    uint8_t *pages; /* of all queues: frames are copied into them, and on, in one go */
    struct loop_source evtchn;
    struct loop_source timer; /* for events that wait */
    bool ticking, late;       /* it runs; it has fired in this round */
} netback;

ssize_t tap_read(int tap, const struct iovec *iov, int nr)
{
    return readv(tap, iov, nr);
}

ssize_t tap_write(int tap, const struct iovec *iov, int nr)
{
    return writev(tap, iov, nr);
}

/* --- the journal --------------------------------------------------------------------------- */

/* From the predecessor, or new and given to the supervisor for a successor. */
static int open_journal(void)
{
    struct worker_parcel parcel = {.head = {.type = WORKER_KEEP_IT}, .nr_fds = 1};
    bool kept = runtime.kept >= 0;
    int fd = kept ? runtime.kept : memfd_create("netback", MFD_CLOEXEC);

    if (fd < 0 || (!kept && ftruncate(fd, JOURNAL_SIZE)))
        return -errno;
    netback.journal = mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (netback.journal == MAP_FAILED)
        return -errno;
    if (!kept) {
        parcel.fds[0] = fd;
        runtime_send(&parcel);
    }
    close(fd);
    runtime.kept = -1;
    return 0;
}

/* The entry of a queue; *found says that a predecessor served the same rings. */
static struct journal_entry *find_entry(uint32_t device, uint32_t queue,
                                        const struct netback_queue *rings, bool *found)
{
    struct journal_entry *e, *unused = NULL;

    for (e = netback.journal; e < netback.journal + JOURNAL_ENTRIES; e++) {
        if (!e->used)
            unused = unused ? unused : e;
        else if (e->device == device && e->queue == queue)
            break;
    }
    *found = e < netback.journal + JOURNAL_ENTRIES && e->tx_ref == rings->tx_ref &&
             e->rx_ref == rings->rx_ref;
    if (e == netback.journal + JOURNAL_ENTRIES)
        e = unused;
    if (e && !*found)
        *e = (struct journal_entry){1, device, queue, rings->tx_ref, rings->rx_ref, {0, 0}};
    return e;
}

/* --- letting go ---------------------------------------------------------------------------- */

static void drop_queue(struct served *s)
{
    struct queue *q = s->queue;

    if (s->tap.fd >= 0) {
        loop_remove(&s->tap);
        close(s->tap.fd);
    }
    if (q) {
        if (q->tx_port)
            runtime_unbind(q->tx_port);
        if (q->rx_port && q->rx_port != q->tx_port)
            runtime_unbind(q->rx_port);
        free(q->rx_hold_bytes);
    }
    grant_unmap(s->tx_ring, 1);
    grant_unmap(s->rx_ring, 1);
    if (s->entry)
        s->entry->used = 0;
    free(q);
}

static void drop_device(struct device *d)
{
    struct device **at = &netback.devices;

    while (*at && *at != d)
        at = &(*at)->next;
    if (*at)
        *at = d->next;
    for (unsigned i = 0; i < d->queues; i++)
        drop_queue(&d->served[i]);
    free(d);
}

static struct device *find_device(uint32_t devid)
{
    for (struct device *d = netback.devices; d; d = d->next)
        if (d->devid == devid)
            return d;
    return NULL;
}

static void say_totals(const struct device *d)
{
    struct queue_stats sum = {0};

    for (unsigned i = 0; i < d->queues; i++) {
        const struct queue_stats *s = &d->served[i].queue->stats;

        sum.tx_frames += s->tx_frames;
        sum.tx_bytes += s->tx_bytes;
        sum.tx_errors += s->tx_errors + s->tx_dropped;
        sum.rx_frames += s->rx_frames;
        sum.rx_bytes += s->rx_bytes;
        sum.rx_errors += s->rx_errors + s->rx_dropped;
        sum.batches += s->batches;
        sum.events += s->events;
    }
    runtime_log(d->devid,
                "sent %llu frames, %llu bytes, refused %llu; received %llu frames, %llu bytes, "
                "lost %llu; %llu batches, %llu events",
                (unsigned long long)sum.tx_frames, (unsigned long long)sum.tx_bytes,
                (unsigned long long)sum.tx_errors, (unsigned long long)sum.rx_frames,
                (unsigned long long)sum.rx_bytes, (unsigned long long)sum.rx_errors,
                (unsigned long long)sum.batches, (unsigned long long)sum.events);
}

/* --- attaching ----------------------------------------------------------------------------- */

static void tap_ready(struct loop_source *src, uint32_t events)
{
    struct served *s = (struct served *)src;

    /*
     * Somebody has removed the interface: nothing will come any more, and epoll says so for ever.
     */
    if (events & EPOLLERR)
        s->queue->broken = "its interface on the host is gone";
    s->rx_active = true;
}

/* 0, or a negative errno and what failed in *what. */
static int map_rings(struct served *s, const struct netback_queue *rings, const char **what)
{
    *what = "its transmit ring cannot be mapped";
    s->tx_ring = grant_map(&rings->tx_ref, 1, false);
    if (!s->tx_ring)
        return -errno;
    *what = "its receive ring cannot be mapped";
    s->rx_ring = grant_map(&rings->rx_ref, 1, false);
    return s->rx_ring ? 0 : -errno;
}

static int bind_ports(struct queue *q, const struct netback_queue *rings, const char **what)
{
    int port = runtime_bind(rings->tx_port);

    *what = "its event channel cannot be bound";
    if (port < 0)
        return -EBUSY; /* an end that is still bound: perhaps to a predecessor that is dying */
    q->tx_port = q->rx_port = (uint32_t)port;
    if (rings->rx_port == rings->tx_port)
        return 0;
    q->rx_port = 0;
    port = runtime_bind(rings->rx_port);
    if (port < 0)
        return -EBUSY;
    q->rx_port = (uint32_t)port;
    return 0;
}

static int attach_queue(struct device *d, unsigned i, const struct netback_attach *attach,
                        const char **what)
{
    const struct netback_queue *rings = &attach->queue[i];
    struct served *s = &d->served[i];
    struct queue *q = calloc(1, sizeof(*q));
    bool resume;
    int rc;

    *what = "there is no memory";
    s->queue = q;
    if (!q)
        return -ENOMEM;
    q->tx_pages = netback.pages;
    q->rx_pages = netback.pages + (size_t)QUEUE_SLOTS * QUEUE_PAGE;
    q->rx_hold_bytes = malloc((size_t)QUEUE_FRAME_PAGES * QUEUE_PAGE);
    s->entry = find_entry(d->devid, i, rings, &resume);
    if (!q->rx_hold_bytes || !s->entry)
        return -ENOMEM;
    q->journal = &s->entry->journal;
    q->tap = s->tap.fd;
    q->features = attach->features;
    q->rate = &d->rate;
    rc = map_rings(s, rings, what);
    if (!rc)
        rc = bind_ports(q, rings, what);
    if (rc)
        return rc;
    *what = "its rings hold impossible indices";
    if (!queue_attach(q, s->tx_ring, s->rx_ring, resume))
        return -EPROTO;
    *what = "its tap cannot be watched";
    if (!loop_add(&s->tap, EPOLLIN))
        return -errno;
    s->tx_active = s->rx_active = true;
    return 0;
}

static void refuse_attach(struct device *d, uint32_t devid, int rc, const char *what)
{
    char text[200];

    snprintf(text, sizeof(text), "%s%s%s", what, rc == -EPROTO ? "" : ": ",
             rc == -EPROTO ? "" : strerror(-rc));
    if (d) {
        /*
         * The entries stay: a worker that tries again with the same rings must find what the
         * journal says.
         */
        for (unsigned i = 0; rc == -EBUSY && i < d->queues; i++)
            d->served[i].entry = NULL;
        drop_device(d);
    }
    runtime_tell(WORKER_FAILED, devid, rc, text);
}

static void netback_attach(struct worker_parcel *parcel)
{
    struct netback_attach attach;
    const char *what = "the request makes no sense";
    uint32_t devid = parcel->head.device;
    struct device *d;
    unsigned nr = 0;
    int rc = 0;

    for (d = netback.devices; d; d = d->next)
        nr++;
    memcpy(&attach, parcel->body, sizeof(attach));
    if (parcel->head.length != sizeof(attach) || !attach.queues ||
        attach.queues > NETBACK_MAX_QUEUES || parcel->nr_fds != attach.queues ||
        nr >= MAX_DEVICES || find_device(devid) || !(d = calloc(1, sizeof(*d)))) {
        worker_drop_fds(parcel);
        refuse_attach(NULL, devid, -EINVAL, what);
        return;
    }
    d->devid = devid;
    d->queues = attach.queues;
    rate_set(&d->rate, &attach.rate, runtime_now_us());
    d->next = netback.devices;
    netback.devices = d;
    for (unsigned i = 0; i < d->queues; i++)
        d->served[i].tap = (struct loop_source){tap_ready, parcel->fds[i]};
    for (unsigned i = 0; i < d->queues && !rc; i++) {
        d->served[i].device = d;
        rc = attach_queue(d, i, &attach, &what);
    }
    if (rc)
        refuse_attach(d, devid, rc, what);
    else
        runtime_tell(WORKER_ATTACHED, devid, 0, NULL);
}

static void netback_detach(uint32_t devid)
{
    struct device *d = find_device(devid);

    if (d) {
        say_totals(d);
        drop_device(d);
    }
    runtime_tell(WORKER_CLOSED, devid, 0, NULL);
}

static void netback_change(struct worker_parcel *parcel)
{
    struct device *d = find_device(parcel->head.device);
    struct netback_change change;
    bool good = d && parcel->head.length == sizeof(change);

    worker_drop_fds(parcel);
    if (good) {
        memcpy(&change, parcel->body, sizeof(change));
        rate_set(&d->rate, &change.rate, runtime_now_us());
        for (unsigned i = 0; i < d->queues; i++) {
            d->served[i].queue->tx_due = 0;
            d->served[i].tx_active = true;
        }
    }
    runtime_tell(WORKER_CHANGED, parcel->head.device, good ? 0 : -EINVAL,
                 good ? NULL : "no such device");
}

static void netback_quit(void)
{
    loop_quit = true;
}

/* --- serving ------------------------------------------------------------------------------- */

/* Marks the queues whose ports fired. */
static void evtchn_ready(struct loop_source *src, uint32_t events)
{
    uint32_t ports[2 * NETBACK_MAX_QUEUES];
    unsigned nr = runtime_fired(ports, sizeof(ports) / sizeof(*ports));

    (void)src;
    (void)events;
    for (unsigned p = 0; p < nr; p++)
        for (struct device *d = netback.devices; d; d = d->next)
            for (unsigned i = 0; i < d->queues; i++) {
                struct served *s = &d->served[i];

                if (s->queue->tx_port == ports[p])
                    s->tx_active = s->tx_fired = true;
                /* Buffers are news only where a frame waits for them. */
                if (s->queue->rx_port == ports[p]) {
                    s->rx_fired = true;
                    s->rx_active |= s->queue->rx_since != 0;
                }
            }
}

static void unmask(struct served *s)
{
    struct queue *q = s->queue;

    if (s->tx_fired && !s->tx_active && (q->tx_port != q->rx_port || !s->rx_active)) {
        runtime_unmask(q->tx_port);
        s->tx_fired = false;
        if (q->tx_port == q->rx_port)
            s->rx_fired = false;
    }
    if (s->rx_fired && !s->rx_active && q->tx_port != q->rx_port) {
        runtime_unmask(q->rx_port);
        s->rx_fired = false;
    }
}

/* What the guest did, or left undone; how often it is said, runtime_log() limits. */
static void say_news(struct served *s)
{
    struct queue *q = s->queue;

    if (q->complaint)
        runtime_log(s->device->devid, "refused: %s", q->complaint);
    q->complaint = NULL;
    if (!q->rx_since || q->stalled || runtime_now_us() - q->rx_since < QUEUE_STALL_US)
        return;
    q->stalled = true;
    runtime_log(s->device->devid, "the guest posts no buffers: what is sent to it is dropped");
}

/*
 * The timer is not stopped when its event was sent together with another one: most of the time the
 * next event of that kind is soon there, and one timer does for many.
 */
static void timer_ready(struct loop_source *src, uint32_t events)
{
    uint64_t times;

    (void)events;
    netback.late = read(src->fd, &times, sizeof(times)) == sizeof(times);
    netback.ticking = false;
}

static void start_timer(void)
{
    struct itimerspec in = {.it_value = {.tv_nsec = QUEUE_DEFER_US * 1000L}};

    if (netback.ticking)
        return;
    netback.ticking = true;
    timerfd_settime(netback.timer.fd, 0, &in, NULL);
}

/* One batch each way. False: the queue is broken. */
static bool serve_queue(struct served *s)
{
    struct queue *q = s->queue;

    if (s->tx_active)
        s->tx_active = queue_tx(q) == QUEUE_AGAIN;
    if (s->rx_active)
        s->rx_active = queue_rx(q) == QUEUE_AGAIN;
    queue_notify(q, netback.late);
    unmask(s);
    if (s->deaf != (q->rx_since != 0)) {
        s->deaf = !s->deaf;
        loop_change(&s->tap, s->deaf ? 0 : EPOLLIN);
    }
    return !q->broken;
}

static bool has_work(struct served *s)
{
    struct queue *q = s->queue;

    if (q->tx_due && q->tx_due <= runtime_now_us())
        s->tx_active = true;
    if (q->rx_since && !(q->features & NETBACK_RX_NOTIFY))
        s->rx_active = true;
    return s->tx_active || s->rx_active || s->tx_fired || s->rx_fired ||
           (netback.late && q->waiting);
}

/* How long the queue can be left alone, in microseconds; -1: until something happens. */
static int64_t idle_time(const struct served *s)
{
    const struct queue *q = s->queue;
    int64_t wait = -1;

    if (s->tx_active || s->rx_active)
        return 0;
    if (q->rx_since)
        wait = q->features & NETBACK_RX_NOTIFY ? QUEUE_STALL_US : QUEUE_POLL_US;
    if (q->tx_due) {
        int64_t left = q->tx_due - runtime_now_us();

        left = left < 0 ? 0 : left;
        wait = wait < 0 || left < wait ? left : wait;
    }
    return wait;
}

/* All queues that may have something to do. Returns how long to wait, as idle_time(). */
static int64_t serve(void)
{
    struct device *d, *next;
    int64_t wait = -1, idle;

    for (d = netback.devices; d; d = next) {
        next = d->next;
        for (unsigned i = 0; i < d->queues; i++) {
            struct served *s = &d->served[i];

            if (has_work(s) && !serve_queue(s)) {
                refuse_attach(d, d->devid, -EPROTO, s->queue->broken);
                break;
            }
            say_news(s);
            if (s->queue->waiting)
                start_timer();
            idle = idle_time(s);
            wait = wait < 0 || (idle >= 0 && idle < wait) ? idle : wait;
        }
    }
    netback.late = false;
    return wait;
}

static bool watch_events(void)
{
    netback.evtchn = (struct loop_source){evtchn_ready, runtime.evtchn};
    netback.timer = (struct loop_source){
        timer_ready, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
    return netback.timer.fd >= 0 && loop_add(&netback.evtchn, EPOLLIN) &&
           loop_add(&netback.timer, EPOLLIN);
}

int main(void)
{
    static const struct runtime_ops ops = {netback_attach, netback_detach, netback_change,
                                           netback_quit};
    int rc;

    if (runtime_start(&ops))
        return 1;
    rc = open_journal();
    if (rc) {
        runtime_log(0, "no journal for a successor: %s", strerror(-rc));
        return 1;
    }
    netback.pages = grant_memory(QUEUE_SLOTS + QUEUE_RX_PAGES);
    if (!netback.pages) {
        runtime_log(0, "there is no memory to start with");
        return 1;
    }
    if (!runtime.granted.base)
        runtime_log(0, "its memory cannot be granted (/dev/xen/gntalloc): copies cost more");
    /* Where it is refused, the worker serves all the same. */
    setpriority(PRIO_PROCESS, 0, NICE);
    if (!watch_events() || runtime_sandbox(RUNTIME_UID_NETWORK))
        return 1;
    while (!loop_quit) {
        int64_t wait = serve();

        loop_turn(wait < 0 ? -1 : (int)((wait + 999) / 1000));
    }
    return 0;
}
