// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both ends of a ring in one thread: flow, wrap, events, several pages, taking over, and each index
 * that a hostile peer could write.
 */
#include "check.h"

#include <rings/ring.h>

static union {
    struct ring_header header;
    unsigned char bytes[RING_PAGE_SIZE << RING_MAX_ORDER];
} page;
static struct ring_front front;
static struct ring_back back;

struct message {
    uint64_t id, more;
};

/* A ring whose indices start at `index`, so that wraps are in reach. */
static void fresh(size_t slot_size, unsigned order, uint32_t index)
{
    memset(&page, 0xa5, sizeof(page));
    CHECK(ring_front_init(&front, &page, slot_size, order));
    page.header.req_prod = page.header.rsp_prod = index;
    page.header.req_event = page.header.rsp_event = index + 1;
    front.req_prod = front.req_push = front.rsp_prod = front.rsp_cons = index;
    CHECK(ring_back_attach(&back, &page, slot_size, order, 0));
}

static void test_sizes(void)
{
    /* What Linux computes for blkif, netif tx and rx, and a control ring. */
    CHECK(ring_slots(112, 0) == 32 && ring_slots(12, 0) == 256 && ring_slots(8, 0) == 256);
    CHECK(ring_slots(16, 0) == 128 && ring_slots(112, 1) == 64 && ring_slots(112, 4) == 512);
    CHECK(!ring_slots(112, 5) && !ring_slots(0, 0) && !ring_slots(4096, 0));
    CHECK(!ring_front_init(&front, &page, 112, 5) && front.broken);
    CHECK(!ring_back_attach(&back, &page, 0, 0, 0) && back.broken);
    CHECK(!ring_back_take(&back, &page, 0) && !ring_back_push(&back));
    CHECK(!ring_back_final_check(&back) && !ring_front_final_check(&front));
}

static void test_flow(unsigned order, uint32_t index)
{
    struct message m, got;
    uint32_t slots;

    fresh(sizeof(m), order, index);
    slots = back.slots;
    for (uint32_t i = 0; i < slots; i++) {
        m = (struct message){i, ~(uint64_t)i};
        CHECK(ring_front_put(&front, &m, sizeof(m)));
    }
    CHECK(!ring_front_free(&front) && !ring_front_put(&front, &m, sizeof(m)));
    CHECK(!ring_back_pending(&back)); /* nothing is published yet */
    CHECK(ring_front_push(&front) && !ring_front_push(&front));
    CHECK(ring_back_pending(&back) == slots);
    CHECK(ring_back_peek(&back, slots - 1, &got, sizeof(got)) && got.id == slots - 1);
    CHECK(!ring_back_peek(&back, slots, &got, sizeof(got)));
    for (uint32_t i = 0; i < slots; i++) {
        CHECK(ring_back_take(&back, &got, sizeof(got)) && got.id == i && got.more == ~(uint64_t)i);
        got.more = 7;
        CHECK(ring_back_put(&back, &got, sizeof(got)));
    }
    CHECK(!ring_back_take(&back, &got, sizeof(got)));
    CHECK(!ring_back_put(&back, &got, sizeof(got))); /* nobody asked */
    CHECK(!ring_front_pending(&front));
    CHECK(ring_back_push(&back) && !ring_back_push(&back));
    CHECK(ring_front_pending(&front) == slots);
    for (uint32_t i = 0; i < slots; i++)
        CHECK(ring_front_take(&front, &got, sizeof(got)) && got.id == i && got.more == 7);
    CHECK(!ring_front_take(&front, &got, sizeof(got)) && ring_front_free(&front) == slots);
    CHECK(!front.broken && !back.broken);
}

/* Events are asked for by a final check, and come once. */
static void test_events(uint32_t index)
{
    struct message m = {1, 1};

    fresh(sizeof(m), 0, index);
    CHECK(ring_front_put(&front, &m, sizeof(m)) && ring_front_push(&front));
    CHECK(ring_front_put(&front, &m, sizeof(m)) && !ring_front_push(&front)); /* it is awake */
    CHECK(ring_back_final_check(&back));
    CHECK(ring_back_take(&back, &m, sizeof(m)) && ring_back_take(&back, &m, sizeof(m)));
    CHECK(!ring_back_final_check(&back));
    CHECK(ring_front_put(&front, &m, sizeof(m)) && ring_front_put(&front, &m, sizeof(m)));
    CHECK(ring_front_push(&front)); /* the step over the index that was asked for */
    CHECK(ring_back_put(&back, &m, sizeof(m)) && ring_back_push(&back));
    CHECK(ring_back_put(&back, &m, sizeof(m)) && !ring_back_push(&back));
    CHECK(ring_front_final_check(&front));
    CHECK(ring_front_take(&front, &m, sizeof(m)) && ring_front_take(&front, &m, sizeof(m)));
    CHECK(!ring_front_final_check(&front));
    CHECK(page.header.rsp_event == index + 3 && page.header.req_event == index + 3);
    CHECK(ring_back_take(&back, &m, sizeof(m)) && ring_back_put(&back, &m, sizeof(m)));
    CHECK(ring_back_push(&back));
    CHECK(ring_wants_event(1, 3, 2) && ring_wants_event(1, 3, 3) && !ring_wants_event(1, 3, 1));
    CHECK(!ring_wants_event(1, 3, 4) && ring_wants_event(0xffffffff, 1, 0));
}

/* What a hostile front-end can do to a back-end. */
static void test_hostile_front(uint32_t index)
{
    struct message m = {1, 1};
    uint32_t slots, taken = 0;

    fresh(sizeof(m), 0, index);
    slots = back.slots;
    page.header.req_prod = index + slots;
    CHECK(ring_back_check(&back) && ring_back_pending(&back) == slots);
    page.header.req_prod = index + slots + 1;
    CHECK(!ring_back_check(&back) && back.broken);
    page.header.req_prod = index; /* no way back */
    CHECK(!ring_back_check(&back) && !ring_back_pending(&back));
    CHECK(!ring_back_take(&back, &m, sizeof(m)) && !ring_back_peek(&back, 0, &m, sizeof(m)));
    CHECK(!ring_back_put(&back, &m, sizeof(m)) && !ring_back_push(&back));

    fresh(sizeof(m), 0, index);
    page.header.req_prod = index + 4;
    CHECK(ring_back_take(&back, &m, sizeof(m)));
    page.header.req_prod = index + 3; /* fewer than there have been */
    CHECK(!ring_back_check(&back));

    fresh(sizeof(m), 0, index);
    page.header.req_prod = index - 1;
    CHECK(!ring_back_check(&back));

    /* Requests without end: no more are taken than fit, until something is published. */
    fresh(sizeof(m), 0, index);
    for (page.header.req_prod = index + slots; ring_back_take(&back, &m, sizeof(m)); taken++) {
        CHECK(ring_back_put(&back, &m, sizeof(m)));
        page.header.req_prod = index + slots;
    }
    CHECK(taken == slots && !back.broken);
    page.header.req_prod = index + slots + 1;
    CHECK(!ring_back_check(&back));

    /* Its own index in the page means nothing to the back-end, nor do the responses there. */
    fresh(sizeof(m), 0, index);
    page.header.req_prod = index + 2;
    CHECK(ring_back_take(&back, &m, sizeof(m)));
    page.header.rsp_prod = index + 77;
    CHECK(ring_back_put(&back, &m, sizeof(m)) && ring_back_unanswered(&back) == 0);
    ring_back_push(&back);
    CHECK(page.header.rsp_prod == index + 1);
    ring_back_skip(&back, 100); /* no more than there are */
    CHECK(back.req_cons == index + 2);
}

static void test_hostile_back(uint32_t index)
{
    struct message m = {1, 1};

    for (int lie = 0; lie < 3; lie++) {
        fresh(sizeof(m), 0, index);
        for (int i = 0; i < 3; i++)
            CHECK(ring_front_put(&front, &m, sizeof(m)));
        ring_front_push(&front);
        CHECK(ring_front_put(&front, &m, sizeof(m))); /* not published: not to be answered */
        page.header.rsp_prod = index + 2;
        CHECK(ring_front_take(&front, &m, sizeof(m)));
        page.header.rsp_prod = lie == 0 ? index + 4 : lie == 1 ? index + 1 : index - 1;
        CHECK(!ring_front_check(&front) && front.broken && !ring_front_free(&front));
        CHECK(!ring_front_take(&front, &m, sizeof(m)) && !ring_front_put(&front, &m, sizeof(m)));
        CHECK(!ring_front_push(&front));
    }
}

/* A back-end that comes after another: with requests taken and not answered, or lies about them. */
static void test_take_over(uint32_t index)
{
    struct message m = {0, 0};

    fresh(sizeof(m), 0, index);
    for (m.id = 0; m.id < 5; m.id++)
        ring_front_put(&front, &m, sizeof(m));
    ring_front_push(&front);
    for (int i = 0; i < 3; i++)
        CHECK(ring_back_take(&back, &m, sizeof(m)));
    CHECK(ring_back_put(&back, &m, sizeof(m)));
    ring_back_push(&back);
    CHECK(ring_back_unanswered(&back) == 2);
    CHECK(ring_back_attach(&back, &page, sizeof(m), 0, 2));
    CHECK(ring_back_unanswered(&back) == 2 && ring_back_pending(&back) == 2);
    CHECK(ring_back_take(&back, &m, sizeof(m)) && m.id == 3);
    CHECK(!ring_back_attach(&back, &page, sizeof(m), 0, 5)); /* five taken, four there */
    CHECK(!ring_back_attach(&back, &page, sizeof(m), 0, ~0u));
    page.header.req_prod = index + back.slots + 2;
    CHECK(!ring_back_attach(&back, &page, sizeof(m), 0, 0));
}

int main(void)
{
    const uint32_t starts[] = {0, 5, 0x7fffffff, 0xfffffffe, 0xffffff81};

    test_sizes();
    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        for (unsigned order = 0; order <= RING_MAX_ORDER; order++)
            test_flow(order, starts[i]);
        test_events(starts[i]);
        test_hostile_front(starts[i]);
        test_hostile_back(starts[i]);
        test_take_over(starts[i]);
    }
    return check_end();
}
