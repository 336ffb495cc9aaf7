// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_kill.c: the block worker is killed with SIGKILL, at any moment, hundreds of times, while a
 * front-end writes and reads; each is followed by another in its place.
 *
 * The worker is a child process, the front-end its parent; they share the guest's memory. Each
 * write bears a number of its own; what was acknowledged must be in the image, what is read must be
 * what was last acknowledged there, and every request must be answered exactly once.
 */
#include "fake.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 512u /* of a page, in the image */
#define DATA   16u  /* the first page of data: one for each slot */
#define KILLS  300u

struct slot {
    bool busy, writes;
    unsigned block;
    uint64_t value; /* that is written, or has to be read */
};

static struct {
    struct ring_front front;
    struct slot slot[32];
    uint64_t content[BLOCKS]; /* acknowledged */
    bool in_use[BLOCKS];
    uint64_t next, answered;
    int image, inflight;
    unsigned errors;
} t;

static void fill(unsigned page, uint64_t value)
{
    uint64_t *p = fake_page(page);

    for (unsigned i = 0; i < RING_PAGE_SIZE / 8; i++)
        p[i] = value + i;
}

static bool holds(const uint64_t *p, uint64_t value)
{
    for (unsigned i = 0; i < RING_PAGE_SIZE / 8; i++)
        if (p[i] != value + i && (value || p[i]))
            return false;
    return true;
}

/* The child: serves until it is killed. */
static void serve(uint32_t flags)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fake_attach(flags, t.image, t.inflight, 1, 1);
    if (!disk_first()) {
        fprintf(stderr, "not attached: %s\n", fake.told_text);
        _exit(1);
    }
    for (;;)
        fake_round();
}

static pid_t start(uint32_t flags)
{
    pid_t pid = fork();

    if (!pid)
        serve(flags);
    return pid;
}

static void ask(unsigned s)
{
    struct slot *slot = &t.slot[s];
    struct blkif_request r = {.nr_segments = 1, .id = s};

    slot->block = (unsigned)rand() % BLOCKS;
    if (t.in_use[slot->block])
        return; /* one request at a time for each block: then it is known what is right */
    slot->busy = t.in_use[slot->block] = true;
    slot->writes = rand() % 3 != 0;
    slot->value = slot->writes ? ++t.next << 16 : t.content[slot->block];
    fill(DATA + s, slot->writes ? slot->value : 1);
    r.operation = slot->writes ? BLKIF_OP_WRITE : BLKIF_OP_READ;
    if (slot->writes && rand() % 16 == 0)
        r.operation = BLKIF_OP_WRITE_BARRIER;
    r.sector_number = slot->block * 8;
    r.seg[0] = (struct blkif_request_segment){.gref = fake_ref(DATA + s), .last_sect = 7};
    if (!ring_front_put(&t.front, &r, sizeof(r)))
        t.errors++;
}

static void collect(void)
{
    struct blkif_response rsp;

    while (ring_front_take(&t.front, &rsp, sizeof(rsp))) {
        struct slot *slot = &t.slot[rsp.id % 32];

        t.answered++;
        if (rsp.id >= 32 || !slot->busy || rsp.status) {
            printf("answer %llu with status %d: %s\n", (unsigned long long)rsp.id, rsp.status,
                   slot->busy ? "an error" : "nobody asked");
            t.errors++;
            continue;
        }
        if (slot->writes)
            t.content[slot->block] = slot->value;
        else if (!holds(fake_page(DATA + (unsigned)rsp.id), slot->value))
            t.errors++;
        slot->busy = t.in_use[slot->block] = false;
    }
    t.errors += t.front.broken;
}

static bool any_busy(void)
{
    for (unsigned s = 0; s < 32; s++)
        if (t.slot[s].busy)
            return true;
    return false;
}

static unsigned run(uint32_t flags, unsigned *stuck)
{
    unsigned kills = 0, idle = 0;
    pid_t pid;

    memset(&t, 0, sizeof(t));
    t.image = memfd_create("image", 0);
    t.inflight = memfd_create("inflight", 0);
    if (ftruncate(t.image, (off_t)BLOCKS * RING_PAGE_SIZE) ||
        ftruncate(t.inflight, INFLIGHT_FILE_SIZE) ||
        !ring_front_init(&t.front, fake_page(0), BLK_SLOT_SIZE, 0))
        abort();
    pid = start(flags);
    while (kills < KILLS || any_busy()) {
        uint64_t before = t.answered;

        for (unsigned s = 0; s < 32 && kills < KILLS; s++)
            if (!t.slot[s].busy && rand() % 2)
                ask(s);
        ring_front_push(&t.front);
        usleep((unsigned)rand() % 300);
        collect();
        idle = t.answered == before ? idle + 1 : 0;
        if (kills < KILLS && rand() % 8 == 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            pid = start(flags | BLK_RECONNECT);
            kills++;
        }
        if (idle > 50000 || waitpid(pid, NULL, WNOHANG) == pid) {
            ++*stuck;
            break;
        }
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (unsigned b = 0; b < BLOCKS && !*stuck; b++) {
        uint64_t page[RING_PAGE_SIZE / 8];

        if (pread(t.image, page, sizeof(page), (off_t)b * RING_PAGE_SIZE) != sizeof(page) ||
            !holds(page, t.content[b])) {
            printf("block %u is not what was acknowledged\n", b);
            t.errors++;
        }
    }
    close(t.image);
    close(t.inflight);
    return t.errors;
}

int main(void)
{
    static const uint32_t ways[] = {0, BLK_PERSISTENT, BLK_PERSISTENT | BLK_DIRECT};
    static const char *const names[] = {"copy", "persistent", "persistent, direct"};
    unsigned failed = 0;

    srand(1);
    fake_start();
    fake_grant_all();
    for (unsigned w = 0; w < 3; w++) {
        unsigned stuck = 0, errors = run(ways[w], &stuck);

        printf("%s: %llu requests answered, %u workers killed, %u errors%s\n", names[w],
               (unsigned long long)t.answered, KILLS, errors,
               stuck ? ", and then it stood still" : "");
        failed += errors || stuck || t.answered < KILLS;
    }
    printf("%u passed, %u failed\n", 3 - failed, failed);
    return failed != 0;
}
