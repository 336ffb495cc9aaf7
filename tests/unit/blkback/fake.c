// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake.c: grants, events, the supervisor and I/O for the block worker's core; see fake.h.
 */
#include "fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct fake fake;
struct runtime runtime = {.domid = 7, .kept = -1};

void fake_start(void)
{
    fake.memory = memfd_create("guest", MFD_CLOEXEC);
    if (fake.memory < 0 || ftruncate(fake.memory, (off_t)FAKE_PAGES * RING_PAGE_SIZE))
        abort();
    fake.page = mmap(NULL, (size_t)FAKE_PAGES * RING_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                     fake.memory, 0);
    if (fake.page == MAP_FAILED || !buffer_start() || !pass_start() || !finish_start())
        abort();
}

void fake_grant_all(void)
{
    memset(fake.access, FAKE_WRITABLE, sizeof(fake.access));
}

static void guest_runs(void)
{
    if (fake.guest)
        fake.guest();
}

/* --- grants ----------------------------------------------------------------------------------- */

static bool granted(uint32_t ref, bool writable)
{
    uint32_t n = ref - FAKE_FIRST_REF;

    return n < FAKE_PAGES && fake.access[n] >= (writable ? FAKE_WRITABLE : FAKE_READ_ONLY);
}

void *grant_map(const uint32_t *refs, unsigned nr, bool readonly)
{
    uint8_t *p;

    guest_runs();
    for (unsigned i = 0; i < nr; i++)
        if (!granted(refs[i], !readonly)) {
            errno = EINVAL;
            return NULL;
        }
    p = mmap(NULL, (size_t)nr * RING_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < nr; i++)
        if (mmap(p + (size_t)i * RING_PAGE_SIZE, RING_PAGE_SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, fake.memory,
                 (off_t)(refs[i] - FAKE_FIRST_REF) * RING_PAGE_SIZE) == MAP_FAILED)
            abort();
    fake.mapped += nr;
    guest_runs();
    return p;
}

void grant_unmap(void *p, unsigned nr)
{
    if (!p)
        return;
    munmap(p, (size_t)nr * RING_PAGE_SIZE);
    fake.mapped -= nr;
}

void grant_copy(struct grant_copy *pieces, unsigned nr)
{
    if (!nr)
        return;
    fake.copies++;
    guest_runs();
    for (unsigned i = 0; i < nr; i++) {
        struct grant_copy *c = &pieces[i];
        bool in = c->flags == GNTCOPY_source_gref;
        uint32_t ref = in ? c->source.guest.ref : c->dest.guest.ref;
        unsigned offset = in ? c->source.guest.offset : c->dest.guest.offset;
        uint8_t *page;

        /* The kernel refuses the whole call for this one: the worker must never ask for it. */
        if (offset + c->length > RING_PAGE_SIZE)
            abort();
        c->status = GNTST_bad_gntref;
        if (!granted(ref, !in))
            continue;
        page = (uint8_t *)fake_page(ref - FAKE_FIRST_REF) + offset;
        if (in)
            memcpy(c->dest.local, page, c->length);
        else
            memcpy(page, c->source.local, c->length);
        c->status = GNTST_okay;
    }
    guest_runs();
}

/* --- events and the supervisor ---------------------------------------------------------------- */

int runtime_bind(uint32_t remote_port)
{
    fake.bound++;
    return (int)remote_port + 100;
}

void runtime_unbind(uint32_t port)
{
    (void)port;
    fake.bound--;
}

void runtime_notify(uint32_t port)
{
    (void)port;
    fake.notified++;
    if (fake.on_event)
        fake.on_event();
    guest_runs();
}

void runtime_unmask(uint32_t port)
{
    (void)port;
    fake.unmasked++;
    guest_runs();
}

const char *ctl_message(const struct ctl *ctl)
{
    (void)ctl;
    return "no port";
}

void worker_drop_fds(struct worker_parcel *parcel)
{
    while (parcel->nr_fds)
        close(parcel->fds[--parcel->nr_fds]);
}

void runtime_log(uint32_t device, const char *fmt, ...)
{
    va_list ap;

    (void)device;
    va_start(ap, fmt);
    vsnprintf(fake.log, sizeof(fake.log), fmt, ap);
    va_end(ap);
    fake.nr_logged++;
}

void runtime_tell(uint32_t type, uint32_t device, int status, const char *text)
{
    (void)device;
    fake.nr_told++;
    fake.told = type;
    fake.told_status = status;
    snprintf(fake.told_text, sizeof(fake.told_text), "%s", text ? text : "");
}

void runtime_send(const struct worker_parcel *parcel)
{
    runtime_tell(parcel->head.type, parcel->head.device, parcel->head.status, NULL);
    if (parcel->head.type == WORKER_ATTACHED)
        memcpy(&fake.attached, parcel->body, sizeof(fake.attached));
}

int64_t runtime_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

__attribute__((weak)) bool loop_add(struct loop_source *src, uint32_t events)
{
    (void)src;
    (void)events;
    return true;
}

/* --- I/O -------------------------------------------------------------------------------------- */

void io_queue(struct io_op *op)
{
    if (op->disk->remote) {
        remote_queue(op->disk->remote, op);
        return;
    }
    if (fake.nr_held == sizeof(fake.held) / sizeof(fake.held[0]))
        abort();
    fake.held[fake.nr_held++] = op;
}

void io_submit(void) {}

unsigned fake_io(unsigned nr)
{
    unsigned done = 0;

    while (done < nr && fake.nr_held) {
        struct io_op *op = fake.held[--fake.nr_held];

        guest_runs();
        op->done(op, threads_perform(op));
        guest_runs();
        done++;
    }
    return done;
}

unsigned io_reap(void)
{
    return (fake.hold ? 0 : fake_io(1024)) + remote_reap();
}

/* A test of its own brings a server's connection. */
#define FAKE_WEAK __attribute__((weak))

FAKE_WEAK struct remote *remote_open(int fd, struct blk_attached *found, char *err, size_t errlen)
{
    (void)fd;
    (void)found;
    snprintf(err, errlen, "there is no server");
    return NULL;
}

FAKE_WEAK void remote_close(struct remote *n)
{
    (void)n;
}

FAKE_WEAK void remote_queue(struct remote *n, struct io_op *op)
{
    (void)n;
    op->done(op, -5);
}

FAKE_WEAK unsigned remote_reap(void)
{
    return 0;
}

/* --- the worker ------------------------------------------------------------------------------- */

void fake_attach(uint32_t flags, int image, int inflight, unsigned queues, unsigned ring_pages)
{
    struct worker_parcel parcel = {.head = {.type = WORKER_ATTACH, .device = FAKE_DISK}};
    struct blk_attach a = {.flags = flags,
                           .nr_queues = queues,
                           .ring_pages = ring_pages,
                           .sector_size = 512,
                           .sectors = (uint64_t)lseek(image, 0, SEEK_END) / BLK_SECTOR};

    if (!a.sectors)
        a.sectors = 8192;
    for (unsigned q = 0; q < queues; q++) {
        a.queue[q].port = q + 1;
        for (unsigned i = 0; i < ring_pages; i++)
            a.queue[q].refs[i] = fake_ref(q * ring_pages + i);
    }
    memcpy(parcel.body, &a, sizeof(a));
    parcel.head.length = sizeof(a);
    parcel.fds[0] = dup(image);
    parcel.fds[1] = dup(inflight);
    parcel.nr_fds = 2;
    disk_attach(&parcel);
}

bool fake_round(void)
{
    unsigned nr = 0;

    for (struct disk *disk = disk_first(); disk; disk = disk->next) {
        for (unsigned i = 0; i < disk->nr_queues; i++)
            disk->queue[i].kicked = true;
        nr += pass_run(disk);
    }
    io_submit();
    nr += io_reap();
    nr += finish_run();
    disk_reap();
    return nr != 0;
}

void fake_settle(void)
{
    while (fake_round())
        ;
}
