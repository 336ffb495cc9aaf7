// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our ends of a ring against those of the reference's macros, in each pairing: sizes, contents, and
 * the very same answers to "does the other side want an event?", in millions of random steps.
 */
#include "check.h"
#include "reference.h"

#include <rings/ring.h>

static union {
    struct ring_header header;
    unsigned char bytes[RING_PAGE_SIZE << RING_MAX_ORDER];
} page;
static struct ring_front front;
static struct ring_back back;
static unsigned refused; /* responses that our back-end did not take */

struct front_end {
    bool (*put)(const struct message *m);
    bool (*push)(void);
    bool (*take)(struct message *m);
    bool (*final_check)(void);
};
struct back_end {
    bool (*take)(struct message *m);
    void (*put)(const struct message *m);
    bool (*push)(void);
    bool (*final_check)(void);
};

static bool our_front_put(const struct message *m)
{
    return ring_front_put(&front, m, sizeof(*m));
}
static bool our_front_push(void)
{
    return ring_front_push(&front);
}
static bool our_front_take(struct message *m)
{
    return ring_front_take(&front, m, sizeof(*m));
}
static bool our_front_final_check(void)
{
    return ring_front_final_check(&front);
}
static bool our_back_take(struct message *m)
{
    return ring_back_take(&back, m, sizeof(*m));
}
static void our_back_put(const struct message *m)
{
    refused += !ring_back_put(&back, m, sizeof(*m));
}
static bool our_back_push(void)
{
    return ring_back_push(&back);
}
static bool our_back_final_check(void)
{
    return ring_back_final_check(&back);
}

static const struct front_end fronts[] = {
    {our_front_put, our_front_push, our_front_take, our_front_final_check},
    {reference_front_put, reference_front_push, reference_front_take, reference_front_final_check}};
static const struct back_end backs[] = {
    {our_back_take, our_back_put, our_back_push, our_back_final_check},
    {reference_back_take, reference_back_put, reference_back_push, reference_back_final_check}};

static uint32_t random_state = 1;
static unsigned below(unsigned n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

/* Everything that happened, so that two pairings can be compared. */
struct history {
    uint64_t sent, served, got, to_back, to_front, wrong, stuck;
    uint32_t digest;
};

static void note(struct history *h, uint32_t value)
{
    h->digest = (h->digest ^ value) * 16777619;
}

static void step_front(const struct front_end *f, struct history *h, bool *front_event,
                       bool *back_event, bool *asleep)
{
    struct message m;

    if (*asleep && !*front_event)
        return;
    *asleep = *front_event = false;
    for (unsigned n = below(5); n; n--) {
        m = (struct message){h->sent, h->sent ^ 0x5555};
        if (!f->put(&m))
            break;
        h->sent++;
    }
    if (f->push()) {
        *back_event = true;
        note(h, (uint32_t)++h->to_back);
    }
    for (unsigned n = below(6); n && f->take(&m); n--, h->got++)
        h->wrong += m.number != h->got || m.check != (h->got ^ 0xaaaa);
    *asleep = !below(3) && h->got < h->sent && !f->final_check();
}

static void step_back(const struct back_end *b, struct history *h, bool *back_event,
                      bool *front_event, bool *asleep)
{
    static struct message held[4096]; /* taken, not answered */
    static unsigned nr;
    struct message m;

    if (h->served == 0)
        nr = 0;
    if (*asleep && !*back_event && !(nr && !below(4)))
        return;
    if (!*asleep || *back_event)
        for (unsigned n = below(7); n && b->take(&m); n--, h->served++) {
            h->wrong += m.number != h->served || m.check != (h->served ^ 0x5555);
            m.check = m.number ^ 0xaaaa;
            held[nr++] = m;
        }
    *asleep = *back_event = false;
    for (unsigned n = below(7); n && nr; n--) {
        b->put(&held[0]);
        memmove(held, held + 1, --nr * sizeof(held[0]));
    }
    if (b->push()) {
        *front_event = true;
        note(h, (uint32_t)++h->to_front | 0x80000000);
    }
    *asleep = !b->final_check();
}

static struct history run(unsigned which_front, unsigned which_back, unsigned order)
{
    struct history h = {.digest = 2166136261u};
    bool front_event = false, back_event = false, front_asleep = false, back_asleep = false;
    size_t size = (size_t)RING_PAGE_SIZE << order;
    uint32_t slots = ring_slots(sizeof(struct message), order);

    random_state = order + 1;
    memset(&page, 0, sizeof(page));
    if (which_front)
        CHECK(reference_front_init(&page, size) == slots);
    else
        CHECK(ring_front_init(&front, &page, sizeof(struct message), order));
    if (which_back)
        CHECK(reference_back_init(&page, size) == slots);
    else
        CHECK(ring_back_attach(&back, &page, sizeof(struct message), order, 0));
    for (unsigned i = 0, idle = 0; i < 300000; i++) {
        uint64_t before = h.sent + h.served + h.got;

        if (below(2))
            step_front(&fronts[which_front], &h, &front_event, &back_event, &front_asleep);
        else
            step_back(&backs[which_back], &h, &back_event, &front_event, &back_asleep);
        idle = h.sent + h.served + h.got == before ? idle + 1 : 0;
        h.stuck += idle == 1000;
    }
    return h;
}

int main(void)
{
    for (unsigned order = 0; order <= RING_MAX_ORDER; order++) {
        struct history ours = run(0, 0, order);

        for (unsigned pair = 0; pair < 4; pair++) {
            struct history h = run(pair & 1, pair >> 1, order);

            CHECK(!h.wrong && !h.stuck && h.got > 50000);
            CHECK(!memcmp(&h, &ours, sizeof(h)));
        }
        printf("order %u: %ju messages, %ju events to the back-end, %ju to the front-end\n", order,
               (uintmax_t)ours.got, (uintmax_t)ours.to_back, (uintmax_t)ours.to_front);
    }
    CHECK(!refused);
    return check_end();
}
