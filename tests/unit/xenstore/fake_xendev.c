// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hypervisor made of files, linked into the daemon in place of xendev.c and domain_ctl.c, so
 * that rings and restarts can be tested on any host. In the directory $FAKE_XEN, page.<domid> is a
 * domain's ring page, evtchn the datagram socket that guests send events to, guest.<domid> the one
 * they get them on, and state.<domid> says "shutdown" or "gone". A file die-at-rename has the
 * daemon killed once, right after it has replaced its journal. With a file no-room nothing gets
 * room any more: no file at all, or, as it says, none beyond so many bytes, or no new one ("new").
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain_ctl.h"
#include "xendev.h"

#define DOM_EXC_PORT  7
#define PORTS_PER_DOM 16 /* local port = domid * 16 + remote port */

static int fd = -1;

static struct sockaddr_un name(const char *kind, int domid)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (domid < 0)
        snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", getenv("FAKE_XEN"), kind);
    else
        snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s.%d", getenv("FAKE_XEN"), kind, domid);
    return a;
}

int xendev_open(void)
{
    struct sockaddr_un a = name("evtchn", -1);

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(a.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)))
        return -errno;
    return fd;
}

void *xendev_map_guest(uint16_t domid, uint64_t mfn)
{
    struct sockaddr_un a = name("page", domid);
    int page = open(a.sun_path, O_RDWR | O_CLOEXEC);
    void *mem;

    (void)mfn;
    if (page < 0)
        return NULL;
    mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    close(page);
    return mem == MAP_FAILED ? NULL : mem;
}

void xendev_unmap_guest(void *page)
{
    munmap(page, 4096);
}

void *xendev_map_dom0(uint32_t *port)
{
    *port = 1;
    return xendev_map_guest(0, 0);
}

int xendev_bind(uint16_t domid, uint32_t port)
{
    return port && port < PORTS_PER_DOM ? domid * PORTS_PER_DOM + (int)port : -EINVAL;
}

int xendev_bind_dom_exc(void)
{
    return DOM_EXC_PORT;
}

void xendev_unbind(int local_port)
{
    (void)local_port;
}

void xendev_notify(int local_port)
{
    struct sockaddr_un a = name("guest", local_port / PORTS_PER_DOM);

    if (sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&a, sizeof(a)) < 0)
        return; /* a guest that has not made its socket, or does not read it */
}

int xendev_pending(uint32_t *ports, unsigned int max)
{
    unsigned int n = 0;

    while (n < max && recv(fd, &ports[n], sizeof(*ports), MSG_DONTWAIT) == sizeof(*ports))
        n++;
    return (int)n;
}

void xendev_unmask(int local_port)
{
    (void)local_port;
}

enum domain_ctl_state domain_ctl_state(uint16_t domid)
{
    struct sockaddr_un a = name("state", domid);
    char text[16] = "";
    int state = open(a.sun_path, O_RDONLY | O_CLOEXEC);

    if (state < 0)
        return DOMAIN_CTL_ALIVE;
    if (read(state, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(state);
    if (!strncmp(text, "gone", 4))
        return DOMAIN_CTL_GONE;
    return strncmp(text, "shutdown", 8) ? DOMAIN_CTL_ALIVE : DOMAIN_CTL_SHUTDOWN;
}

/* The linker puts this in rename()'s place (the Makefile's --wrap). */
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to)
{
    struct sockaddr_un a = name("die-at-rename", -1);
    int rc = __real_rename(from, to);

    if (!unlink(a.sun_path))
        raise(SIGKILL);
    return rc;
}

int __real_posix_fallocate(int fd, off_t at, off_t len);
int __wrap_posix_fallocate(int fd, off_t at, off_t len);

int __wrap_posix_fallocate(int file, off_t at, off_t len)
{
    struct sockaddr_un a = name("no-room", -1);
    struct stat st;
    char text[32] = "";
    int limit = open(a.sun_path, O_RDONLY | O_CLOEXEC);

    if (limit < 0)
        return __real_posix_fallocate(file, at, len);
    if (read(limit, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(limit);
    if (!strcmp(text, "new") ? !fstat(file, &st) && st.st_size : at + len <= atoll(text))
        return __real_posix_fallocate(file, at, len);
    return ENOSPC;
}
