/* SPDX-License-Identifier: MIT */
/*
 * Error numbers of the hypercall interface. A hypercall that fails returns the negated value. The
 * numbers are Linux's on x86, so a Linux caller can hand them to its own callers unchanged; any
 * other guest has to translate.
 *
 * What the common ones mean here; an operation that uses one in another sense says so.
 *
 *   EPERM       the caller has not the right to do this at all, or not to that domain
 *   EACCES      wrong interface version; or a frame or resource that is not open to the caller
 *   ENOENT      the thing named (a vcpu, a pool) does not exist
 *   ESRCH       the domain named does not exist
 *   EFAULT      a handle led to memory that the caller cannot read or write
 *   EINVAL      an argument is out of range or does not fit the state; nothing has changed
 *   ENOSYS      no such hypercall or operation
 *   EOPNOTSUPP  the operation exists, but not for this kind of domain or machine
 *   EEXIST      it is there already, and may be made once only
 *   EBUSY       somebody uses it
 *   EAGAIN      not now; the same call may succeed later
 *   ENOMEM      the hypervisor has no memory, or the domain is at its limit
 *   ENOSPC      a table of fixed size is full
 *   ENOBUFS     the caller's array is too small; the number needed is in the structure
 *   E2BIG       more elements than one call may have
 *   ENODEV      no such device
 *   ENODATA     there is nothing to report
 *   ETIME       the time given has passed
 *   EIO         part of the work is done, and the rest cannot be
 *
 * XEN_EINTR and XEN_ERESTART never leave the hypervisor: it uses the second for "this hypercall
 * will be continued", and rewinds the guest's instruction pointer instead of returning it.
 */
#ifndef LODGE_PUBLIC_ERRNO_H
#define LODGE_PUBLIC_ERRNO_H

/* X(name, number) for each error, so that a user can build a table of names from the same list. */
#define XEN_ERRNO_LIST(X) \
    X(EPERM, 1)           \
    X(ENOENT, 2)          \
    X(ESRCH, 3)           \
    X(EINTR, 4)           \
    X(EIO, 5)             \
    X(ENXIO, 6)           \
    X(E2BIG, 7)           \
    X(ENOEXEC, 8)         \
    X(EBADF, 9)           \
    X(ECHILD, 10)         \
    X(EAGAIN, 11)         \
    X(ENOMEM, 12)         \
    X(EACCES, 13)         \
    X(EFAULT, 14)         \
    X(EBUSY, 16)          \
    X(EEXIST, 17)         \
    X(EXDEV, 18)          \
    X(ENODEV, 19)         \
    X(ENOTDIR, 20)        \
    X(EISDIR, 21)         \
    X(EINVAL, 22)         \
    X(ENFILE, 23)         \
    X(EMFILE, 24)         \
    X(ENOSPC, 28)         \
    X(EROFS, 30)          \
    X(EMLINK, 31)         \
    X(EDOM, 33)           \
    X(ERANGE, 34)         \
    X(EDEADLK, 35)        \
    X(ENAMETOOLONG, 36)   \
    X(ENOLCK, 37)         \
    X(ENOSYS, 38)         \
    X(ENOTEMPTY, 39)      \
    X(ENODATA, 61)        \
    X(ETIME, 62)          \
    X(EBADMSG, 74)        \
    X(EOVERFLOW, 75)      \
    X(EILSEQ, 84)         \
    X(ERESTART, 85)       \
    X(ENOTSOCK, 88)       \
    X(EMSGSIZE, 90)       \
    X(EOPNOTSUPP, 95)     \
    X(EADDRINUSE, 98)     \
    X(EADDRNOTAVAIL, 99)  \
    X(ENOBUFS, 105)       \
    X(EISCONN, 106)       \
    X(ENOTCONN, 107)      \
    X(ETIMEDOUT, 110)     \
    X(ECONNREFUSED, 111)

#ifndef __ASSEMBLER__
enum xen_errno {
#define XEN_ERRNO_ENUM(name, number) XEN_##name = number,
    XEN_ERRNO_LIST(XEN_ERRNO_ENUM)
#undef XEN_ERRNO_ENUM
};
#endif

/* Second names. */
#define XEN_EWOULDBLOCK XEN_EAGAIN
#define XEN_EDEADLOCK   XEN_EDEADLK

#endif
