/* SPDX-License-Identifier: GPL-2.0-only */
/* The parameters of a fully virtualized domain: numbers that its tools set and read (hvm_op). */
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <hvm/board.h>
#include <hvm/hvm.h>
#include <public/errno.h>
#include <public/hvm_op.h>
#include <x86/page.h>

/*
 * Before the domain runs: the page becomes the console's. Once, whoever else tries at the same
 * time; and not when devices_stop() may have been there.
 */
static int set_console(struct domain *d, uint64_t gfn)
{
    struct frame *f = d->type->frame_writable(d, gfn);
    bool mine;

    if (f == NULL)
        return -XEN_EINVAL;
    spin_lock(&d->lock);
    mine = !d->creation_finished && d->hvm.console == NULL && d->state == DOM_ALIVE;
    if (mine) {
        d->hvm.console = f;
        board_set_console(d->hvm.board, mfn_to_virt(frame_mfn(f)));
    }
    spin_unlock(&d->lock);
    if (!mine)
        frame_put_writable(f);
    return mine ? 0 : -XEN_EBUSY;
}

int hvm_param(struct domain *d, bool set, uint32_t index, uint64_t *value)
{
    int rc = 0;

    if (index >= ARRAY_SIZE(d->hvm.params))
        return -XEN_EINVAL;
    if (!set) {
        *value = d->hvm.params[index];
        return 0;
    }
    if (index == HVM_PARAM_CONSOLE_PFN)
        rc = set_console(d, *value);
    if (rc == 0)
        d->hvm.params[index] = *value;
    return rc;
}
