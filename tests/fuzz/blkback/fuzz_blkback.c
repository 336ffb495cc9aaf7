// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_blkback.c: an evil front-end against the block worker's core, with memory for a guest.
 *
 * The input is a program for the front-end: write these bytes into a slot of the ring or into a
 * page, grant or withdraw pages, move an index to anywhere, let the worker go round, complete some
 * of the I/O, kill the worker and start another one in its place. The front-end has its turn also
 * within each call that the worker makes to the outside, with the next bytes of the input. Whatever
 * it does, the worker must answer, refuse or close, and leave nothing mapped or bound behind.
 */
#include "../../unit/blkback/fake.c" /* one program, whichever compiler */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_SECTORS 2048

static int image = -1, inflight;

static const uint8_t *input;
static size_t left;

static unsigned byte(void)
{
    if (!left)
        return 0;
    left--;
    return *input++;
}

static void bytes(void *to, size_t len)
{
    size_t n = left < len ? left : len;

    memcpy(to, input, n);
    input += n;
    left -= n;
}

/* A plausible request with some of its bytes from the input. */
static void write_slot(void)
{
    struct ring_header *ring = fake_page(0);
    struct blkif_request r = {.operation = (uint8_t)byte(), .nr_segments = (uint8_t)byte()};
    unsigned how = byte();

    r.id = byte();
    r.sector_number = byte() * 8;
    for (unsigned i = 0; i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        r.seg[i] = (struct blkif_request_segment){.gref = fake_ref((how + i) % FAKE_PAGES),
                                                  .last_sect = 7};
    if (how & 1)
        bytes(&r, 24);
    if (how & 2)
        bytes(r.seg, sizeof(r.seg));
    memcpy(ring_slot(ring, 32, BLK_SLOT_SIZE, ring->req_prod), &r, sizeof(r));
    ring->req_prod++;
}

static void write_page(void)
{
    uint8_t *page = fake_page(byte() % FAKE_PAGES);
    unsigned at = (byte() % 64) * 64;

    bytes(page + at, 64);
}

/* The guest's turn while the worker is at work. */
static void guest_meanwhile(void)
{
    struct ring_header *ring = fake_page(0);

    switch (byte()) {
    case 1:
        write_slot();
        break;
    case 2:
        write_page();
        break;
    case 3:
        ring->req_prod += byte() - 128U;
        break;
    case 4:
        bytes(ring, 16);
        break;
    case 5:
        fake.access[byte() % FAKE_PAGES] = (uint8_t)(byte() % 3);
        break;
    case 6: /* all segments of all requests at once */
        memset(ring + 1, (int)byte(), RING_PAGE_SIZE - sizeof(*ring));
        break;
    }
}

/* The worker dies: what it had in memory is gone, the record stays. */
static void replace_worker(uint32_t flags)
{
    struct disk *disk = disk_first();
    static struct inflight_queue saved[BLK_MAX_QUEUES];

    if (!disk)
        return;
    if (pread(inflight, saved, sizeof(saved), 0) != sizeof(saved))
        abort();
    /* What is under way completes meanwhile, and nobody is told. */
    fake_io(1024);
    disk_fail(disk, "killed");
    fake.hold = false;
    fake_settle();
    if (pwrite(inflight, saved, sizeof(saved), 0) != sizeof(saved))
        abort();
    fake_attach(flags | BLK_RECONNECT, image, inflight, 1, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ring_front front;
    uint32_t flags;

    if (image < 0) {
        fake_start();
        image = memfd_create("image", 0);
        inflight = memfd_create("inflight", 0);
    }
    if (ftruncate(image, 0) || ftruncate(image, IMAGE_SECTORS * BLK_SECTOR) ||
        ftruncate(inflight, 0) || ftruncate(inflight, INFLIGHT_FILE_SIZE))
        abort();
    input = data;
    left = size;
    memset(fake.page, 0, (size_t)16 * RING_PAGE_SIZE);
    fake_grant_all();
    ring_front_init(&front, fake_page(0), BLK_SLOT_SIZE, 0);
    flags = byte() & (BLK_READONLY | BLK_PERSISTENT | BLK_DISCARD);
    fake.hold = byte() & 1;
    fake.guest = guest_meanwhile;
    fake_attach(flags, image, inflight, 1, 1);
    for (unsigned steps = 0; left && steps < 400; steps++) {
        unsigned what = byte();

        if (what < 120)
            write_slot();
        else if (what < 150)
            write_page();
        else if (what < 210)
            fake_round();
        else if (what < 225)
            fake_io(byte() % 8 + 1);
        else if (what < 235)
            fake.access[byte() % FAKE_PAGES] = (uint8_t)(byte() % 3);
        else if (what < 240)
            bytes(fake_page(0), 16); /* all four indices */
        else if (what < 245)
            replace_worker(flags);
        else if (what < 248 && ftruncate(image, (off_t)byte() * 8192))
            abort();
        else
            fake_round();
    }
    fake.hold = false;
    fake.guest = NULL;
    fake_settle();
    if (disk_first())
        disk_detach(FAKE_DISK);
    fake_settle();
    if (disk_first() || fake.mapped || fake.bound || fake.nr_held)
        abort();
    return 0;
}
