/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way in and out of the control hypercalls whose operations concern no single domain. Their
 * callers are privileged, which the table of hypercalls has seen to; what they hand over is copied
 * once, and no more than the version is judged here.
 */
#include <core/console.h>
#include <core/control/control_call.h>
#include <public/errno.h>
#include <x86/uaccess.h>

int64_t control_call(const char *name, vaddr_t arg, void *op, size_t size, uint32_t version,
                     int64_t (*run)(void *op))
{
    const struct control_head *head = op;
    int64_t rc;

    if (copy_from_guest(op, arg, size) != 0)
        return -XEN_EFAULT;
    if (head->interface_version != version)
        return -XEN_EACCES;
    rc = run(op);
    if (rc >= 0 && copy_to_guest(arg, op, size) != 0)
        return -XEN_EFAULT;
    if (rc < 0)
        guest_refused("%s %u: error %ld", name, head->cmd, (long)-rc);
    return rc;
}
