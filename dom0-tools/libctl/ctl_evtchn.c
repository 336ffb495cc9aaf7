// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: making ports for a domain, and this process's own ports through /dev/xen/evtchn.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <fcntl.h>
#include <public/hypercalls.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <public/event_channel.h>

/* The kernel's requests. Those with an answer give the port as the ioctl's result. */
struct evtchn_bind_request {
    unsigned int domain, port;
};
struct evtchn_port_request {
    unsigned int port; /* or a VIRQ */
};
#define IOCTL_EVTCHN_BIND_VIRQ        _IOC(_IOC_NONE, 'E', 0, sizeof(struct evtchn_port_request))
#define IOCTL_EVTCHN_BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, sizeof(struct evtchn_bind_request))
#define IOCTL_EVTCHN_UNBIND           _IOC(_IOC_NONE, 'E', 3, sizeof(struct evtchn_port_request))
#define IOCTL_EVTCHN_NOTIFY           _IOC(_IOC_NONE, 'E', 4, sizeof(struct evtchn_port_request))

int ctl_evtchn_alloc_unbound(struct ctl *ctl, uint16_t domid, uint16_t remote)
{
    struct evtchn_alloc_unbound arg = {.dom = domid, .remote_dom = remote};
    long rc = ctl_hypercall_buf(ctl, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &arg,
                                sizeof(arg));

    if (rc < 0)
        return ctl_fail(ctl, (int)-rc, "domain %u cannot be given an event channel: %s", domid,
                        ctl_reason((int)-rc));
    return (int)arg.port;
}

int ctl_evtchn_open(struct ctl *ctl)
{
    int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return ctl_fail(ctl, errno,
                        "/dev/xen/evtchn cannot be opened: %s; load the kernel module xen-evtchn",
                        strerror(errno));
    return fd;
}

int ctl_evtchn_bind(struct ctl *ctl, int fd, uint16_t domid, uint32_t remote_port)
{
    struct evtchn_bind_request arg = {.domain = domid, .port = remote_port};
    int rc = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &arg);

    if (rc < 0)
        return ctl_fail(ctl, errno, "event channel %u of domain %u cannot be bound: %s",
                        remote_port, domid, strerror(errno));
    return rc;
}

int ctl_evtchn_bind_virq(struct ctl *ctl, int fd, uint32_t virq)
{
    struct evtchn_port_request arg = {.port = virq};
    int rc = ioctl(fd, IOCTL_EVTCHN_BIND_VIRQ, &arg);

    if (rc < 0)
        return ctl_fail(ctl, errno, "virtual interrupt %u cannot be bound: %s%s", virq,
                        strerror(errno), errno == EEXIST ? "; another program has it" : "");
    return rc;
}

static int evtchn_port(struct ctl *ctl, int fd, unsigned long request, uint32_t port,
                       const char *what)
{
    struct evtchn_port_request arg = {.port = port};

    if (ioctl(fd, request, &arg) < 0)
        return ctl_fail(ctl, errno, "event channel %u cannot be %s: %s", port, what,
                        strerror(errno));
    return 0;
}

int ctl_evtchn_unbind(struct ctl *ctl, int fd, uint32_t port)
{
    return evtchn_port(ctl, fd, IOCTL_EVTCHN_UNBIND, port, "unbound");
}

int ctl_evtchn_notify(struct ctl *ctl, int fd, uint32_t port)
{
    return evtchn_port(ctl, fd, IOCTL_EVTCHN_NOTIFY, port, "notified");
}

/*
 * The device gives the ports that fired as 32-bit numbers, and takes those to unmask the same way.
 */
int ctl_evtchn_pending(struct ctl *ctl, int fd)
{
    uint32_t port;
    ssize_t n = read(fd, &port, sizeof(port));

    if (n == (ssize_t)sizeof(port))
        return (int)port;
    return ctl_fail(ctl, n < 0 ? errno : EIO, "events cannot be read: %s",
                    strerror(n < 0 ? errno : EIO));
}

int ctl_evtchn_unmask(struct ctl *ctl, int fd, uint32_t port)
{
    if (write(fd, &port, sizeof(port)) != (ssize_t)sizeof(port))
        return ctl_fail(ctl, errno, "event channel %u cannot be unmasked: %s", port,
                        strerror(errno));
    return 0;
}
