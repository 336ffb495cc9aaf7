/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The board of a fully virtualized guest (board.h) and its vcpu: port accesses, time, interrupts,
 * the console's page and event channel. There is one vcpu, and it alone touches the board, on its
 * way to the guest or for an access. Others say that there is something to do: the board's timer
 * and the event of the console's other end.
 */
#include <core/domain.h>
#include <core/evtchn.h>
#include <core/frame.h>
#include <hvm/board.h>
#include <hvm/hvm.h>
#include <public/errno.h>
#include <public/hvm_op.h>
#include <public/sched.h>
#include <x86/cpu.h>
#include <x86/page.h>
#include <x86/time.h>

/* From an interrupt. */
static void timer_due(void *data)
{
    struct domain *d = data;

    WRITE_ONCE(d->hvm.board_due, true);
    smp_mb();
    if (d->vcpus[0] != NULL)
        vcpu_kick(d->vcpus[0]);
}

int devices_init(struct domain *d)
{
    _Static_assert(sizeof(struct board) <= PAGE_SIZE, "one page");
    d->hvm.board = hpage_alloc();
    if (d->hvm.board == NULL)
        return -XEN_ENOMEM;
    board_init(d->hvm.board);
    timer_init(&d->hvm.board_timer, timer_due, d, this_cpu()->id);
    d->hvm.board_next = UINT64_MAX;
    return 0;
}

/* The vcpu is parked, or there is none. */
void devices_stop(struct domain *d)
{
    struct frame *f;

    if (d->hvm.board == NULL)
        return;
    timer_kill(&d->hvm.board_timer);
    spin_lock(&d->lock);
    board_set_console(d->hvm.board, NULL);
    f = d->hvm.console;
    d->hvm.console = NULL;
    spin_unlock(&d->lock);
    if (f != NULL)
        frame_put_writable(f);
}

void devices_free(struct domain *d)
{
    devices_stop(d);
    hpage_free(d->hvm.board);
    d->hvm.board = NULL;
}

/* ---- accesses ---- */

static struct board *board_now(struct domain *d)
{
    struct board *b = d->hvm.board;

    b->wall = time_wall_at_zero() + d->time_offset_seconds;
    d->hvm.board_changed = true;
    return b;
}

uint32_t hvm_port_read(struct vcpu *v, uint16_t port, unsigned size)
{
    return board_in(board_now(v->domain), port, size, time_now());
}

void hvm_port_write(struct vcpu *v, uint16_t port, unsigned size, uint32_t value)
{
    board_out(board_now(v->domain), port, size, value, time_now());
}

/* ---- on the way to the guest ---- */

/* Events are for the board: no part of them is kept. */
static void take_events(struct vcpu *v)
{
    struct shared_info *s = v->domain->shared_info;
    uint64_t words;

    WRITE_ONCE(v->info->evtchn_upcall_pending, 0);
    words = __atomic_exchange_n(&v->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 64; i++)
        if (words & BIT(i))
            (void)__atomic_exchange_n(&s->evtchn_pending[i], 0, __ATOMIC_SEQ_CST);
}

bool devices_due(const struct vcpu *v)
{
    return READ_ONCE(v->domain->hvm.board_due) || vcpu_event_due(v);
}

/* What has come of it: an event to the console's other end, a restart, another time to look. */
static void follow(struct vcpu *v, struct board *b)
{
    struct hvm_domain *h = &v->domain->hvm;
    uint64_t next;

    h->board_changed = false;
    if (board_console_notify(b, time_now()))
        (void)evtchn_send(v->domain, (uint32_t)h->params[HVM_PARAM_CONSOLE_EVTCHN]);
    if (b->reset)
        domain_shutdown(v->domain, SHUTDOWN_reboot);
    /* One that fires too early only has the vcpu look again: set anew for earlier times alone. */
    next = board_next(b);
    if (next >= h->board_next)
        return;
    h->board_next = next;
    if (h->board_timer.cpu != this_cpu()->id)
        timer_migrate(&h->board_timer, this_cpu()->id);
    timer_set(&h->board_timer, next);
}

void devices_run(struct vcpu *v)
{
    struct hvm_domain *h = &v->domain->hvm;

    if (devices_due(v)) {
        if (__atomic_exchange_n(&h->board_due, false, __ATOMIC_SEQ_CST))
            h->board_next = UINT64_MAX; /* it has fired */
        take_events(v);
        board_run(board_now(v->domain), time_now());
    }
    if (h->board_changed)
        follow(v, h->board);
}

bool devices_interrupt(const struct vcpu *v)
{
    return board_interrupt(v->domain->hvm.board);
}

uint8_t devices_acknowledge(struct vcpu *v)
{
    v->domain->hvm.board_changed = true;
    return board_acknowledge(v->domain->hvm.board);
}
