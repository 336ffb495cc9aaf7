// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two ends of a ring, each in a thread of its own, which sleep whenever they may: the real
 * counterpart of the model. Built for the address sanitizer and for the thread sanitizer, which
 * also proves that slots are never touched by both at once.
 *
 * A lost notification shows as a sleeper that nobody wakes.
 */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include <rings/byte_ring.h>
#include <rings/ring.h>

#define PATIENCE 60000 /* ms until a sleeper counts as lost */

struct message {
    uint64_t number, twice;
};

static union {
    struct ring_header header;
    unsigned char bytes[RING_PAGE_SIZE << RING_MAX_ORDER];
} page;
static unsigned order;
static size_t slot_size;
static uint64_t messages, to_back, to_front; /* events sent */
static int back_event, front_event;

static void notify(int event, uint64_t *count)
{
    uint64_t one = 1;

    ++*count;
    if (write(event, &one, sizeof(one)) != sizeof(one))
        abort();
}

/* False if nobody wakes us. */
static bool sleep_on(int event)
{
    struct pollfd p = {.fd = event, .events = POLLIN};
    uint64_t n;

    return poll(&p, 1, PATIENCE) == 1 && read(event, &n, sizeof(n)) == sizeof(n);
}

/* Small numbers that differ from call to call. */
static unsigned some(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16 & 15;
}

static void *front_main(void *wrong)
{
    static struct ring_front r;
    uint64_t sent = 0, got = 0;
    struct message m;
    unsigned seed = 1;

    r = (struct ring_front){.shared = &page.header, .slot_size = (uint32_t)slot_size};
    r.slots = ring_slots(slot_size, order);
    while (got < messages) {
        for (unsigned n = some(&seed); n && sent < messages && ring_front_free(&r); n--, sent++) {
            m = (struct message){sent, 2 * sent};
            ring_front_put(&r, &m, sizeof(m));
        }
        if (ring_front_push(&r))
            notify(back_event, &to_back);
        while (ring_front_take(&r, &m, sizeof(m)))
            *(bool *)wrong |= m.number != got || m.twice != ~got, got++;
        if ((sent == messages || !ring_front_free(&r)) && got < messages &&
            !ring_front_final_check(&r) && (r.broken || !sleep_on(front_event))) {
            *(bool *)wrong = true;
            break;
        }
    }
    return NULL;
}

static void *back_main(void *wrong)
{
    static struct ring_back r;
    uint64_t got = 0;
    struct message m;
    unsigned seed = 2;

    *(bool *)wrong = !ring_back_attach(&r, &page, slot_size, order, 0);
    while (got < messages) {
        for (unsigned n = 1 + some(&seed); n && ring_back_take(&r, &m, sizeof(m)); n--, got++) {
            *(bool *)wrong |= m.number != got || m.twice != 2 * got;
            m.twice = ~m.number;
            ring_back_put(&r, &m, sizeof(m));
        }
        if (ring_back_push(&r))
            notify(front_event, &to_front);
        if (got < messages && !ring_back_final_check(&r) && (r.broken || !sleep_on(back_event))) {
            *(bool *)wrong = true;
            break;
        }
    }
    return NULL;
}

static void test_ring(unsigned pages_order, size_t size, uint64_t count)
{
    struct ring_front r;
    pthread_t front, back;
    bool front_wrong = false, back_wrong = false;

    order = pages_order;
    slot_size = size;
    messages = count;
    to_back = to_front = 0;
    CHECK(ring_front_init(&r, &page, slot_size, order));
    CHECK(!pthread_create(&front, NULL, front_main, &front_wrong));
    CHECK(!pthread_create(&back, NULL, back_main, &back_wrong));
    pthread_join(front, NULL);
    pthread_join(back, NULL);
    CHECK(!front_wrong);
    CHECK(!back_wrong);
    CHECK(to_back >= 1 && to_back <= count && to_front >= 1 && to_front <= count);
    printf("%4u slots: %ju messages, %ju events to the back-end, %ju to the front-end\n",
           ring_slots(slot_size, order), (uintmax_t)count, (uintmax_t)to_back, (uintmax_t)to_front);
}

/* A byte ring has no event indices: each move sends an event. */
static struct {
    char bytes[1024];
    uint32_t cons, prod;
} stream;

static void *writer_main(void *wrong)
{
    struct byte_ring r =
        byte_ring_attach(stream.bytes, sizeof(stream.bytes), &stream.prod, &stream.cons);
    char chunk[700];
    uint64_t sent = 0;

    while (sent < messages) {
        size_t len = messages - sent < sizeof(chunk) ? messages - sent : sizeof(chunk);
        int n;

        for (size_t i = 0; i < len; i++)
            chunk[i] = (char)((sent + i) * 7);
        n = byte_ring_write(&r, chunk, len);
        if (n > 0)
            notify(back_event, &to_back);
        if (n < 0 || (!n && !sleep_on(front_event))) {
            *(bool *)wrong = true;
            break;
        }
        sent += (uint64_t)n;
    }
    return NULL;
}

static void *reader_main(void *wrong)
{
    struct byte_ring r =
        byte_ring_attach(stream.bytes, sizeof(stream.bytes), &stream.cons, &stream.prod);
    char chunk[300];
    uint64_t got = 0;

    while (got < messages) {
        int n = byte_ring_read(&r, chunk, sizeof(chunk));

        if (n > 0)
            notify(front_event, &to_front);
        for (int i = 0; i < n; i++)
            *(bool *)wrong |= chunk[i] != (char)((got + (uint64_t)i) * 7);
        if (n < 0 || (!n && !sleep_on(back_event))) {
            *(bool *)wrong = true;
            break;
        }
        got += (uint64_t)n;
    }
    return NULL;
}

static void test_bytes(uint64_t count)
{
    pthread_t writer, reader;
    bool writer_wrong = false, reader_wrong = false;

    stream.cons = stream.prod = 0xffffff00;
    messages = count;
    CHECK(!pthread_create(&writer, NULL, writer_main, &writer_wrong));
    CHECK(!pthread_create(&reader, NULL, reader_main, &reader_wrong));
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
    CHECK(!writer_wrong);
    CHECK(!reader_wrong);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 200000;

    back_event = eventfd(0, EFD_CLOEXEC);
    front_event = eventfd(0, EFD_CLOEXEC);
    CHECK(back_event >= 0 && front_event >= 0);
    test_ring(0, 1024, count / 4); /* two slots: they sleep all the time */
    test_ring(0, sizeof(struct message), count);
    test_ring(2, sizeof(struct message), count);
    test_ring(RING_MAX_ORDER, sizeof(struct message), count);
    test_bytes(count * 10);
    return check_end();
}
