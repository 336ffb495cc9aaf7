// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's Xen devices, by their ioctl interfaces. The numbers and layouts below are those of
 * Linux's drivers; they are written out here since not every machine that builds the tools has
 * the kernel's headers for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "list.h"
#include "log.h"
#include "xendev.h"

#define PAGE_SIZE         4096u
#define GRANT_XENSTORE    1u /* the grant reference that each domain's builder sets aside */
#define VIRQ_DOMAIN_ENDED 3u

struct evtchn_bind_virq {
    unsigned int virq;
};
struct evtchn_bind_interdomain {
    unsigned int remote_domain, remote_port;
};
struct evtchn_port {
    unsigned int port;
};
#define EVTCHN_BIND_VIRQ        _IOC(_IOC_NONE, 'E', 0, sizeof(struct evtchn_bind_virq))
#define EVTCHN_BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, sizeof(struct evtchn_bind_interdomain))
#define EVTCHN_UNBIND           _IOC(_IOC_NONE, 'E', 3, sizeof(struct evtchn_port))
#define EVTCHN_NOTIFY           _IOC(_IOC_NONE, 'E', 4, sizeof(struct evtchn_port))
#define EVTCHN_RESET            _IOC(_IOC_NONE, 'E', 5, 0)

struct gntdev_map {
    uint32_t count, pad;
    uint64_t index; /* out: the offset for mmap */
    uint32_t domid, ref;
};
struct gntdev_unmap {
    uint64_t index;
    uint32_t count, pad;
};
#define GNTDEV_MAP   _IOC(_IOC_NONE, 'G', 0, sizeof(struct gntdev_map))
#define GNTDEV_UNMAP _IOC(_IOC_NONE, 'G', 1, sizeof(struct gntdev_unmap))

struct privcmd_mmapbatch {
    unsigned int num;
    uint16_t dom;
    uint64_t addr;
    const uint64_t *frames;
    int *errors;
};
#define PRIVCMD_MMAPBATCH _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_mmapbatch))

#define BACKEND_EVTCHN _IOC(_IOC_NONE, 'B', 0, 0)

_Static_assert(sizeof(struct gntdev_map) == 24, "as the driver has it");
_Static_assert(sizeof(struct privcmd_mmapbatch) == 32, "as the driver has it");

/* How each mapped page was had, so that it can be given back the same way. */
struct mapping {
    struct list_link link;
    void *page;
    bool by_grant;
    uint64_t index;
};

static int evtchn_fd = -1, gntdev_fd = -1, privcmd_fd = -1;
static struct list_link mappings = {&mappings, &mappings};

int xendev_open(void)
{
    evtchn_fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (evtchn_fd < 0)
        return -errno;
    gntdev_fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    privcmd_fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (gntdev_fd < 0)
        log_warn("/dev/xen/gntdev cannot be opened (is xen-gntdev loaded?): guests' pages will "
                 "be mapped by frame number");
    return evtchn_fd;
}

static void *remember(void *page, bool by_grant, uint64_t index)
{
    struct mapping *m = alloc_zero(sizeof(*m));

    *m = (struct mapping){.page = page, .by_grant = by_grant, .index = index};
    list_append(&mappings, &m->link);
    return page;
}

/*
 * Two steps: the ioctl names the grant and gives an offset, mmap() at that offset maps the page.
 * The kernel keeps the entry until it is told to forget it, also where the mmap() fails.
 */
static void *map_grant(uint16_t domid)
{
    struct gntdev_map map = {.count = 1, .domid = domid, .ref = GRANT_XENSTORE};
    struct gntdev_unmap unmap = {.count = 1};
    void *page;

    if (gntdev_fd < 0 || ioctl(gntdev_fd, GNTDEV_MAP, &map) < 0)
        return NULL;
    page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev_fd, (off_t)map.index);
    if (page != MAP_FAILED)
        return remember(page, true, map.index);
    unmap.index = map.index;
    ioctl(gntdev_fd, GNTDEV_UNMAP, &unmap);
    return NULL;
}

static void *map_frame(uint16_t domid, uint64_t mfn)
{
    int error = 0;
    struct privcmd_mmapbatch batch = {.num = 1, .dom = domid, .frames = &mfn, .errors = &error};
    void *page;

    if (privcmd_fd < 0 || !mfn)
        return NULL;
    /* An empty place in the address space first; the ioctl then puts the frame there. */
    page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd_fd, 0);
    if (page == MAP_FAILED)
        return NULL;
    batch.addr = (uint64_t)(uintptr_t)page;
    if (ioctl(privcmd_fd, PRIVCMD_MMAPBATCH, &batch) == 0 && !error)
        return remember(page, false, 0);
    munmap(page, PAGE_SIZE);
    return NULL;
}

/*
 * By frame first, as whoever introduces a domain names its frame: dom0's kernel makes room for
 * grant mappings when the first is asked for, which costs as much as creating several guests. A
 * driver domain, which may not map frames, maps the grant.
 */
void *xendev_map_guest(uint16_t domid, uint64_t mfn)
{
    void *page = map_frame(domid, mfn);

    return page ? page : map_grant(domid);
}

void xendev_unmap_guest(void *page)
{
    struct list_link *l;

    list_for_each (l, &mappings) {
        struct mapping *m = list_entry(l, struct mapping, link);
        struct gntdev_unmap unmap = {.index = m->index, .count = 1};

        if (m->page != page)
            continue;
        munmap(page, PAGE_SIZE);
        if (m->by_grant)
            ioctl(gntdev_fd, GNTDEV_UNMAP, &unmap);
        list_remove(&m->link);
        free(m);
        return;
    }
}

/* Older kernels, or a /dev without the backend device, offer the same in /proc/xen. */
static void *map_dom0_proc(uint32_t *port)
{
    char text[16] = "";
    void *page;
    int fd = open("/proc/xen/xsd_port", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return NULL;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
    if (n <= 0 || fd < 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    *port = (uint32_t)strtoul(text, NULL, 10);
    return page == MAP_FAILED ? NULL : page;
}

void *xendev_map_dom0(uint32_t *port)
{
    int fd = open("/dev/xen/xenbus_backend", O_RDWR | O_CLOEXEC), rc;
    void *page;

    if (fd < 0)
        return map_dom0_proc(port);
    rc = ioctl(fd, BACKEND_EVTCHN, 0);
    page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (rc < 0 || page == MAP_FAILED) {
        if (page != MAP_FAILED)
            munmap(page, PAGE_SIZE);
        return map_dom0_proc(port);
    }
    *port = (uint32_t)rc;
    return page;
}

int xendev_bind(uint16_t domid, uint32_t port)
{
    struct evtchn_bind_interdomain bind = {.remote_domain = domid, .remote_port = port};
    int rc;

    if (evtchn_fd < 0)
        return -ENODEV;
    rc = ioctl(evtchn_fd, EVTCHN_BIND_INTERDOMAIN, &bind);
    return rc < 0 ? -errno : rc;
}

int xendev_bind_dom_exc(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_DOMAIN_ENDED};
    int rc = ioctl(evtchn_fd, EVTCHN_BIND_VIRQ, &bind);

    return rc < 0 ? -errno : rc;
}

void xendev_unbind(int local_port)
{
    struct evtchn_port p = {.port = (unsigned int)local_port};

    ioctl(evtchn_fd, EVTCHN_UNBIND, &p);
}

void xendev_notify(int local_port)
{
    struct evtchn_port p = {.port = (unsigned int)local_port};

    if (ioctl(evtchn_fd, EVTCHN_NOTIFY, &p) < 0)
        log_debug("cannot notify port %d: error %d", local_port, errno);
}

void xendev_unmask(int local_port)
{
    uint32_t port = (uint32_t)local_port;

    if (write(evtchn_fd, &port, sizeof(port)) != sizeof(port))
        log_warn("cannot unmask event channel %u: error %d", port, errno);
}

int xendev_pending(uint32_t *ports, unsigned int max)
{
    ssize_t n = read(evtchn_fd, ports, max * sizeof(*ports));

    /* The kernel's buffer of fired ports ran over: which of them were lost, nobody knows. */
    if (n < 0 && errno == EFBIG) {
        ioctl(evtchn_fd, EVTCHN_RESET, 0);
        return -EFBIG;
    }
    if (n < 0)
        return -errno;
    /* Fires again from here on, so whatever the peer does after this is noticed. */
    if (write(evtchn_fd, ports, (size_t)n) != n)
        log_warn("cannot unmask event channels: error %d", errno);
    return (int)((size_t)n / sizeof(*ports));
}
