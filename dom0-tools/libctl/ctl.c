// SPDX-License-Identifier: GPL-2.0-only
/*
 * The handle: devices, messages, memory that hypercalls may point to, and hypercalls themselves.
 *
 * Memory for hypercall arguments comes from /dev/xen/hypercall where the kernel has it: its pages
 * are never moved or swapped. Elsewhere it is locked anonymous memory, which the kernel may still
 * migrate for a moment; a hypercall that then fails with EFAULT is made again.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <fcntl.h>
#include <public/hypercalls.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <public/domctl.h>
#include <public/sysctl.h>

#define ARENA_SIZE  (2 * CTL_PAGE_SIZE) /* a vcpu context and a domctl fit; each page costs time */
#define FAULT_RETRY 5

/* The kernel's request for one hypercall. */
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

const char *ctl_message(const struct ctl *ctl)
{
    return ctl->message;
}

int ctl_fail(struct ctl *ctl, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ctl->message, sizeof(ctl->message), fmt, ap);
    va_end(ap);
    return -err;
}

const char *ctl_reason(int err)
{
    switch (err) {
    case EPERM:
        return "the hypervisor does not let this domain do that; run it in dom0";
    case ESRCH:
        return "there is no such domain";
    case ENOSYS:
    case EOPNOTSUPP:
        return "this hypervisor does not know the operation";
    case ENOMEM:
        return "not enough free memory in the hypervisor; see `lodge info`";
    case EBUSY:
        return "it is busy; try again";
    default:
        return strerror(err);
    }
}

static void *ctl_map_safe(struct ctl *ctl, size_t size)
{
    if (ctl->hypercall >= 0)
        return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ctl->hypercall, 0);
    return mmap(NULL, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
}

int ctl_open(struct ctl *ctl)
{
    memset(ctl, 0, sizeof(*ctl));
    ctl->hypercall = -1;
    ctl->privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (ctl->privcmd < 0) {
        if (errno == EACCES || errno == EPERM)
            return ctl_fail(ctl, errno, "/dev/xen/privcmd cannot be opened: %s; run as root",
                            strerror(errno));
        return ctl_fail(
            ctl, errno,
            "/dev/xen/privcmd cannot be opened: %s; this needs to run in dom0, with the "
            "kernel module xen-privcmd loaded (modprobe xen-privcmd)",
            strerror(errno));
    }
    ctl->hypercall = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    ctl->arena = ctl_map_safe(ctl, ARENA_SIZE);
    if (ctl->arena == MAP_FAILED) {
        int err = errno;

        ctl->arena = NULL;
        ctl_close(ctl);
        return ctl_fail(ctl, err, "no memory for hypercalls: %s", strerror(err));
    }
    return 0;
}

void ctl_close(struct ctl *ctl)
{
    if (ctl->arena)
        munmap(ctl->arena, ARENA_SIZE);
    if (ctl->hypercall >= 0)
        close(ctl->hypercall);
    if (ctl->privcmd >= 0)
        close(ctl->privcmd);
    ctl->arena = NULL;
    ctl->hypercall = ctl->privcmd = -1;
}

int ctl_buf_get(struct ctl *ctl, struct ctl_buf *buf, size_t size)
{
    /* A multiple of 16 keeps the next one aligned for any structure of the ABI. */
    buf->size = (size + 15) & ~(size_t)15;
    buf->mapped = buf->size > ARENA_SIZE - ctl->arena_used;
    if (!buf->mapped) {
        buf->p = ctl->arena + ctl->arena_used;
        ctl->arena_used += buf->size;
        return 0;
    }
    buf->size = (size + CTL_PAGE_SIZE - 1) & ~(CTL_PAGE_SIZE - 1);
    buf->p = ctl_map_safe(ctl, buf->size);
    if (buf->p == MAP_FAILED)
        return ctl_fail(ctl, ENOMEM, "no memory for a hypercall's %zu bytes of arguments", size);
    return 0;
}

void ctl_buf_put(struct ctl *ctl, struct ctl_buf *buf)
{
    if (buf->mapped)
        munmap(buf->p, buf->size);
    else
        ctl->arena_used -= buf->size;
    buf->p = NULL;
}

long ctl_hypercall(struct ctl *ctl, unsigned int op, uint64_t a1, uint64_t a2, uint64_t a3,
                   uint64_t a4, uint64_t a5)
{
    struct privcmd_hypercall call = {op, {a1, a2, a3, a4, a5}};
    int tries = ctl->hypercall >= 0 ? 1 : FAULT_RETRY;
    long rc;

    /* Not ioctl(): it would cut the result to an int, and some results are numbers of pages. */
    do {
        rc = syscall(SYS_ioctl, ctl->privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);
    } while (rc < 0 && errno == EFAULT && --tries > 0);
    return rc < 0 ? -errno : rc;
}

long ctl_hypercall_buf(struct ctl *ctl, unsigned int op, unsigned int cmd, void *arg, size_t size)
{
    struct ctl_buf buf;
    long rc;

    rc = ctl_buf_get(ctl, &buf, size);
    if (rc)
        return rc;
    memcpy(buf.p, arg, size);
    rc = ctl_hypercall(ctl, op, cmd, (uintptr_t)buf.p, 0, 0, 0);
    memcpy(arg, buf.p, size); /* also after an error: some operations say there what was wrong */
    ctl_buf_put(ctl, &buf);
    return rc;
}

/* domctl and sysctl differ in the structure only: it is the first and only argument of both. */
static int ctl_control(struct ctl *ctl, unsigned int op, void *arg, size_t size, const char *name,
                       unsigned int version)
{
    struct ctl_buf buf;
    int rc;

    rc = ctl_buf_get(ctl, &buf, size);
    if (rc)
        return rc;
    memcpy(buf.p, arg, size);
    rc = (int)ctl_hypercall(ctl, op, (uintptr_t)buf.p, 0, 0, 0, 0);
    memcpy(arg, buf.p, size);
    ctl_buf_put(ctl, &buf);
    /* The ABI's own answer to another interface version; missing rights are EPERM. */
    if (rc == -EACCES)
        ctl_fail(ctl, EACCES,
                 "the hypervisor refuses version %#x of the %s interface: these tools are for Xen "
                 "4.17 and for Lodge",
                 version, name);
    return rc;
}

int ctl_domctl(struct ctl *ctl, struct xen_domctl *op)
{
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return ctl_control(ctl, __HYPERVISOR_domctl, op, sizeof(*op), "domctl",
                       XEN_DOMCTL_INTERFACE_VERSION);
}

int ctl_sysctl(struct ctl *ctl, struct xen_sysctl *op)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return ctl_control(ctl, __HYPERVISOR_sysctl, op, sizeof(*op), "sysctl",
                       XEN_SYSCTL_INTERFACE_VERSION);
}
