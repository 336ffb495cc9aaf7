/* SPDX-License-Identifier: GPL-2.0-only */
/* sysctls about the log: reading it, and having more of our state written to it. */
#include <core/console.h>
#include <core/control/sysctl.h>
#include <core/preempt.h>
#include <public/errno.h>
#include <public/sysctl.h>
#include <x86/uaccess.h>

#define CONSOLE_PIECE 1024u /* characters that are copied in one go */

/* The limit: what a key prints goes to the serial line, and that takes its time. */
int64_t sysctl_debug_keys(struct xen_sysctl *sysctl)
{
    const struct xen_sysctl_debug_keys *op = &sysctl->u.debug_keys;

    for (uint32_t i = 0; i < op->nr_keys && i < 32; i++) {
        char key;

        if (copy_from_guest(&key, (vaddr_t)op->keys.p + i, 1) != 0)
            return -XEN_EFAULT;
        console_handle_key(key);
    }
    return 0;
}

/* A piece at a time; the last step throws away what has been read, if that is wanted. */
int64_t sysctl_readconsole(struct xen_sysctl *sysctl)
{
    struct xen_sysctl_readconsole *op = &sysctl->u.readconsole;
    const struct xen_sysctl_readconsole asked = *op;
    uint32_t done = 0;
    int64_t rc = 0;

    op->clear = 0;
    do {
        op->count = MIN(asked.count - done, CONSOLE_PIECE);
        rc = console_read(op);
        op->buffer.p += op->count;
        op->incremental = 1; /* from op->index on */
        done += op->count;
    } while (rc == 0 && op->count != 0 && done < asked.count && !preempt_after(WORK_BUDGET));
    op->count = 0;
    op->clear = asked.clear;
    if (rc == 0 && asked.clear)
        rc = console_read(op);
    op->buffer = asked.buffer;
    op->incremental = asked.incremental;
    op->count = done;
    return rc;
}
