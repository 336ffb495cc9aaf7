// SPDX-License-Identifier: GPL-2.0-only
/*
 * runtime.c: a worker's start, its loop, its log and its events. sandbox.c takes its rights away.
 */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct runtime runtime = {.gntdev = -1, .evtchn = -1, .kept = -1};

int64_t runtime_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* --- the supervisor -------------------------------------------------------------------------- */

static void runtime_lost(void)
{
    static bool told;

    if (told)
        return;
    told = true;
    runtime.ops->quit();
}

/* The supervisor reads whenever it can: a socket that stays full for long has none behind it. */
static void send_patiently(const struct worker_parcel *parcel, int patience_ms)
{
    struct pollfd pfd = {.fd = WORKER_SOCKET, .events = POLLOUT};
    int rc;

    while ((rc = worker_send(WORKER_SOCKET, parcel)) == -EAGAIN)
        if (poll(&pfd, 1, patience_ms) <= 0)
            break;
    if (rc == -EPIPE || rc == -ECONNRESET)
        runtime_lost();
}

void runtime_send(const struct worker_parcel *parcel)
{
    send_patiently(parcel, 10000);
}

void runtime_tell(uint32_t type, uint32_t device, int status, const char *text)
{
    struct worker_parcel parcel = {.head = {.type = type, .device = device, .status = status}};

    if (text) {
        snprintf((char *)parcel.body, WORKER_MAX_BODY, "%s", text);
        parcel.head.length = (uint32_t)strlen((char *)parcel.body);
    }
    runtime_send(&parcel);
}

static void supervisor_ready(struct loop_source *src, uint32_t events)
{
    static struct worker_parcel parcel;
    int rc = worker_receive(WORKER_SOCKET, &parcel);

    (void)events;
    if (rc == -EAGAIN)
        return;
    if (rc <= 0) {
        loop_remove(src);
        runtime_lost();
        return;
    }
    if (parcel.head.type == WORKER_ATTACH) {
        runtime.ops->attach(&parcel);
    } else if (parcel.head.type == WORKER_CHANGE) {
        runtime.ops->change(&parcel);
    } else {
        worker_drop_fds(&parcel);
        if (parcel.head.type == WORKER_DETACH)
            runtime.ops->detach(parcel.head.device);
    }
}

/* --- the log --------------------------------------------------------------------------------- */

#define LOG_BURST   10
#define LOG_BUCKETS 64

void runtime_log(uint32_t device, const char *fmt, ...)
{
    /* Devices that share a bucket share its budget: the bound holds, and that is its purpose. */
    static struct {
        int64_t since;
        unsigned said, lost;
    } buckets[LOG_BUCKETS];
    unsigned at = (device ^ (device >> 8)) % LOG_BUCKETS, lost;
    int64_t now = runtime_now_us(), seconds = (now - buckets[at].since) / 1000000;
    struct worker_parcel parcel = {.head = {.type = WORKER_LOG, .device = device}};
    char *text = (char *)parcel.body;
    va_list ap;
    int n;

    if (seconds > 0) {
        buckets[at].said = buckets[at].said > seconds ? buckets[at].said - (unsigned)seconds : 0;
        buckets[at].since = now;
    }
    if (buckets[at].said >= LOG_BURST) {
        buckets[at].lost++;
        return;
    }
    buckets[at].said++;
    lost = buckets[at].lost;
    buckets[at].lost = 0;
    va_start(ap, fmt);
    n = vsnprintf(text, 600, fmt, ap);
    va_end(ap);
    n = n > 599 ? 599 : n;
    if (n >= 0 && lost)
        n += snprintf(text + n, 64, " (%u more lines were left out)", lost);
    parcel.head.length = (uint32_t)n;
    send_patiently(&parcel, 0);
}

/* --- events ---------------------------------------------------------------------------------- */

int runtime_bind(uint32_t remote_port)
{
    return ctl_evtchn_bind(&runtime.ctl, runtime.evtchn, runtime.domid, remote_port);
}

void runtime_unbind(uint32_t port)
{
    ctl_evtchn_unbind(&runtime.ctl, runtime.evtchn, port);
}

void runtime_notify(uint32_t port)
{
    ctl_evtchn_notify(&runtime.ctl, runtime.evtchn, port);
}

void runtime_unmask(uint32_t port)
{
    ctl_evtchn_unmask(&runtime.ctl, runtime.evtchn, port);
}

unsigned runtime_fired(uint32_t *ports, unsigned room)
{
    ssize_t n = read(runtime.evtchn, ports, room * sizeof(*ports));

    return n > 0 ? (unsigned)n / (unsigned)sizeof(*ports) : 0;
}

/* --- the start ------------------------------------------------------------------------------- */

static int open_device(const char *path, int flags)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | flags);

    if (fd < 0)
        fprintf(stderr, "%s: %s cannot be opened: %s; load the kernel module for it\n",
                program_invocation_short_name, path, strerror(errno));
    return fd;
}

/* From here on the event device binds ports of this guest only. */
static void restrict_events(void)
{
    uint16_t domid = runtime.domid;

    if (ioctl(runtime.evtchn, _IOC(_IOC_NONE, 'E', 6, sizeof(domid)), &domid))
        runtime_log(0, "event channels cannot be restricted to the guest: %s", strerror(errno));
}

int runtime_start(const struct runtime_ops *ops)
{
    static struct loop_source supervisor = {.ready = supervisor_ready, .fd = WORKER_SOCKET};
    static struct worker_parcel parcel;
    struct pollfd pfd = {.fd = WORKER_SOCKET, .events = POLLIN};
    int rc;

    signal(SIGPIPE, SIG_IGN);
    runtime.ops = ops;
    while ((rc = worker_receive(WORKER_SOCKET, &parcel)) == -EAGAIN)
        poll(&pfd, 1, -1);
    if (rc != 1 || parcel.head.type != WORKER_START ||
        parcel.head.length != sizeof(runtime.start)) {
        fprintf(stderr, "%s: this is a worker: lodge-backends starts it\n",
                program_invocation_short_name);
        return -1;
    }
    memcpy(&runtime.start, parcel.body, sizeof(runtime.start));
    runtime.domid = runtime.start.domid;
    if (parcel.nr_fds)
        runtime.kept = parcel.fds[0];
    fcntl(WORKER_SOCKET, F_SETFL, O_RDWR | O_NONBLOCK);
    fcntl(WORKER_SOCKET, F_SETFD, FD_CLOEXEC);
    runtime.gntdev = open_device("/dev/xen/gntdev", 0);
    runtime.evtchn = open_device("/dev/xen/evtchn", O_NONBLOCK);
    if (loop_open() || runtime.gntdev < 0 || runtime.evtchn < 0)
        return -1;
    restrict_events();
    return loop_add(&supervisor, EPOLLIN) ? 0 : -1;
}
