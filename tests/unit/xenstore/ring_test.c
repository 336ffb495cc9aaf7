// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring code against a fake guest in shared memory: streams of any length in pieces of any
 * size, pages full of nonsense, and a server that is killed thousands of times in the middle of
 * its work and must neither lose, repeat nor change a byte.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring.h"

#define CHECK(cond)                                                   \
    do {                                                              \
        if (!(cond)) {                                                \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
            exit(1);                                                  \
        }                                                             \
    } while (0)

#define HDR sizeof(struct xsd_sockmsg)

static struct xenstore_domain_interface *page;
static struct ring_slot *slot;

/* Pages with nothing behind them, so that a step too far is a fault. */
static void *shared(size_t size)
{
    unsigned char *m =
        mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(m != MAP_FAILED);
    munmap(m + size, 4096);
    return m;
}

static void fresh(void)
{
    memset(page, 0, 4096);
    memset(slot, 0, sizeof(*slot));
}

/* ---- the guest's side ---- */

static size_t guest_put(const void *data, size_t len)
{
    uint32_t prod = page->req_prod, cons = __atomic_load_n(&page->req_cons, __ATOMIC_ACQUIRE);
    size_t n = 0;

    CHECK(prod - cons <= XENSTORE_RING_SIZE);
    while (n < len && prod - cons < XENSTORE_RING_SIZE)
        page->req[MASK_XENSTORE_IDX(prod++)] = ((const char *)data)[n++];
    __atomic_store_n(&page->req_prod, prod, __ATOMIC_RELEASE);
    return n;
}

static size_t guest_get(void *data, size_t len)
{
    uint32_t cons = page->rsp_cons, prod = __atomic_load_n(&page->rsp_prod, __ATOMIC_ACQUIRE);
    size_t n = 0;

    CHECK(prod - cons <= XENSTORE_RING_SIZE);
    while (n < len && cons != prod)
        ((char *)data)[n++] = page->rsp[MASK_XENSTORE_IDX(cons++)];
    __atomic_store_n(&page->rsp_cons, cons, __ATOMIC_RELEASE);
    return n;
}

/* Message number i, as request and as the reply that an echoing server makes of it. */
static size_t make(uint32_t i, void *msg)
{
    static const uint32_t sizes[] = {0, 1, 15, 100, 1007, 1008, 1009, 2000, 4095, 4096};
    struct xsd_sockmsg hdr = {.type = XS_READ, .req_id = i, .len = sizes[i * 7 % 10]};

    memcpy(msg, &hdr, HDR);
    for (uint32_t k = 0; k < hdr.len; k++)
        ((unsigned char *)msg)[HDR + k] = (unsigned char)(i * 31 + k * 7);
    return HDR + hdr.len;
}

static size_t no_events(void *arg, void *msg)
{
    (void)arg;
    (void)msg;
    return 0;
}

static int serve_once(struct ring *r)
{
    int rc = ring_fetch(r);

    if (rc == 1) {
        struct xsd_sockmsg hdr;

        memcpy(&hdr, r->slot->in, HDR);
        ring_finish(r, r->slot->in, HDR + hdr.len);
    }
    return rc < 0 ? rc : ring_flush(r, no_events, NULL);
}

static void test_stream(void)
{
    unsigned char out[RING_MSG_MAX], in[RING_MSG_MAX], want[RING_MSG_MAX];
    struct ring r;

    fresh();
    /* Indices are free-running: start near the wrap. */
    page->req_cons = page->req_prod = 0xfffffff0u;
    page->rsp_cons = page->rsp_prod = 0xffffff00u;
    ring_attach(&r, page, slot);
    for (uint32_t i = 0; i < 500; i++) {
        size_t len = make(i, out), sent = 0, got = 0;

        while (got < len) {
            sent += guest_put(out + sent, len - sent < i % 97 + 1 ? len - sent : i % 97 + 1);
            CHECK(serve_once(&r) == 0);
            got += guest_get(in + got, i % 61 + 1 < len - got ? i % 61 + 1 : len - got);
        }
        CHECK(sent == len);
        make(i, want);
        CHECK(!memcmp(in, want, len));
    }
    CHECK(ring_serial(&r) == 500);
}

/* The next request is not taken up before the last reply has left. */
static void test_one_at_a_time(void)
{
    unsigned char msg[RING_MSG_MAX];
    struct ring r;
    size_t len;

    fresh();
    ring_attach(&r, page, slot);
    len = make(9, msg);
    CHECK(guest_put(msg, len) == len);
    CHECK(ring_fetch(&r) == 1);
    ring_finish(&r, msg, HDR + 2000);
    CHECK(ring_flush(&r, no_events, NULL) == 0);
    CHECK(guest_put(msg, HDR) == HDR);
    CHECK(ring_fetch(&r) == 0);
    CHECK(page->req_cons == page->req_prod - HDR);
    while (guest_get(msg, sizeof(msg)))
        CHECK(ring_flush(&r, no_events, NULL) == 0);
    ring_fetch(&r);
    CHECK(page->req_cons == page->req_prod);
}

static void test_hostile(void)
{
    struct ring r;
    struct xsd_sockmsg hdr = {.len = XENSTORE_PAYLOAD_MAX + 1};

    fresh();
    ring_attach(&r, page, slot);
    page->req_prod = XENSTORE_RING_SIZE + 1;
    CHECK(ring_fetch(&r) == -EIO);
    page->req_prod = 0xffffffffu;
    CHECK(ring_fetch(&r) == -EIO);

    fresh();
    ring_attach(&r, page, slot);
    guest_put(&hdr, HDR);
    CHECK(ring_fetch(&r) == -EPROTO);
    page->connection = XENSTORE_RECONNECT;
    CHECK(ring_wants_reset(&r));
    ring_reset(&r);
    CHECK(!ring_wants_reset(&r));
    CHECK(serve_once(&r) == 0);

    fresh();
    ring_attach(&r, page, slot);
    ring_finish(&r, &hdr, HDR);
    page->rsp_cons = 1;
    CHECK(ring_flush(&r, no_events, NULL) == -EIO);
}

/* Random bytes all over the page, also between the steps: any answer will do, but no fault. */
static void test_nonsense(void)
{
    unsigned int seed = 42;

    for (int round = 0; round < 20000; round++) {
        struct ring r;
        uint32_t *index = &page->req_cons;

        fresh();
        if (round % 3 == 0)
            for (int i = 0; i < 4096 / 4; i++)
                ((uint32_t *)page)[i] = (uint32_t)rand_r(&seed) * 3u;
        ring_attach(&r, page, slot);
        for (int step = 0; step < 20; step++) {
            index[rand_r(&seed) % 7] = (uint32_t)rand_r(&seed) % 3000 - 500;
            if (rand_r(&seed) % 4 == 0)
                memset(page->req, rand_r(&seed) % 3, XENSTORE_RING_SIZE);
            if (ring_wants_reset(&r))
                ring_reset(&r);
            if (serve_once(&r) < 0)
                ring_set_error(&r, XENSTORE_ERROR_RINGIDX);
        }
    }
    /* A slot that is nonsense itself. */
    for (int round = 0; round < 2000; round++) {
        struct ring r;

        fresh();
        for (size_t i = 0; i < offsetof(struct ring_slot, in); i++)
            ((unsigned char *)slot)[i] = (unsigned char)rand_r(&seed);
        ring_resume(&r, page, slot);
        for (int i = 0; i < 5; i++)
            serve_once(&r);
    }
}

/* ---- killed in the middle ---- */

struct server {
    uint32_t started;
};

static pid_t start_server(struct server *s)
{
    pid_t pid = fork();
    struct ring r;

    CHECK(pid >= 0);
    if (pid)
        return pid;
    ring_resume(&r, page, slot);
    __atomic_add_fetch(&s->started, 1, __ATOMIC_RELEASE);
    for (;;)
        if (serve_once(&r) < 0)
            _exit(3);
}

static void test_killed(unsigned int kills)
{
    static unsigned char out[RING_MSG_MAX], in[RING_MSG_MAX], want[RING_MSG_MAX];
    struct server *s = shared(4096);
    uint32_t sending = 0, checked = 0;
    size_t out_len, sent = 0, got = 0, want_len;
    struct ring r;

    fresh();
    ring_attach(&r, page, slot);
    out_len = make(0, out);
    want_len = make(0, want);
    for (unsigned int k = 1; k <= kills; k++) {
        pid_t pid = start_server(s);
        unsigned int spins = (k * 7919u) % 3000;
        int status;

        while (__atomic_load_n(&s->started, __ATOMIC_ACQUIRE) < k)
            continue;
        while (spins--) {
            sent += guest_put(out + sent, out_len - sent);
            if (sent == out_len) {
                out_len = make(++sending, out);
                sent = 0;
            }
            got += guest_get(in + got, want_len - got);
            if (got == want_len) {
                CHECK(!memcmp(in, want, want_len));
                want_len = make(++checked, want);
                got = 0;
            }
        }
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    CHECK(checked > kills / 10);
    printf("killed %u times, %u requests answered\n", kills, checked);
}

int main(void)
{
    page = shared(4096);
    slot = shared(16384);
    test_stream();
    test_one_at_a_time();
    test_hostile();
    test_nonsense();
    test_killed(600);
    return 0;
}
