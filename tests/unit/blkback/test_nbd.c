// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_nbd.c: a qcow2 image behind the block worker's core, served by a real qemu-nbd.
 */
#include "fake.h"
#define CHECK_CONTEXT fake.log
#include "../cli/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA 32u

static struct ring_front front;

struct remote *remote_open(int fd, struct blk_attached *found, char *err, size_t errlen)
{
    return remote_nbd_ops.open(fd, found, err, errlen);
}

void remote_close(struct remote *n)
{
    remote_nbd_ops.close(n);
}

void remote_queue(struct remote *n, struct io_op *op)
{
    remote_nbd_ops.queue(n, op);
}

unsigned remote_reap(void)
{
    return remote_nbd_ops.reap();
}

/* --- the server ----------------------------------------------------------------------------------
 */

static pid_t serve(const char *image, const char *path)
{
    pid_t pid = fork();

    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("qemu-nbd", "qemu-nbd", "--persistent", "--format", "qcow2", "--discard=unmap",
               "--socket", path, image, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    for (unsigned i = 0; i < 200; i++) {
        if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
            return fd;
        usleep(50000);
    }
    return -1;
}

/* --- requests ------------------------------------------------------------------------------------
 */

static int ask(uint8_t op, uint64_t sector, unsigned pages)
{
    struct blkif_request r = {
        .operation = op, .nr_segments = (uint8_t)pages, .id = 5, .sector_number = sector};
    struct blkif_response rsp;

    for (unsigned i = 0; i < pages; i++)
        r.seg[i] = (struct blkif_request_segment){.gref = fake_ref(DATA + i), .last_sect = 7};
    if (!ring_front_put(&front, &r, sizeof(r)))
        return 97;
    ring_front_push(&front);
    for (unsigned i = 0; i < 200; i++) {
        fake_settle();
        if (ring_front_take(&front, &rsp, sizeof(rsp)))
            return rsp.status;
        loop_turn(100);
    }
    return 99;
}

int main(void)
{
    char dir[] = "/tmp/test-nbd-XXXXXX", image[64], path[64], command[160];
    int inflight = memfd_create("inflight", 0), fd;
    pid_t server;

    if (!mkdtemp(dir) || ftruncate(inflight, INFLIGHT_FILE_SIZE))
        return 1;
    snprintf(image, sizeof(image), "%s/image", dir);
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 %s 8M", image);
    CHECK(!system(command));
    fake_start();
    fake_grant_all();
    CHECK(!loop_open());
    ring_front_init(&front, fake_page(0), BLK_SLOT_SIZE, 0);
    server = serve(image, path);
    fd = connect_to(path);
    CHECK(fd >= 0);
    fake_attach(BLK_NBD | BLK_DISCARD, fd, inflight, 1, 1);
    CHECK(fake.told == WORKER_ATTACHED && fake.attached.sectors == 16384);
    for (unsigned i = 0; i < 8; i++)
        memset(fake_page(DATA + i), (int)i + 3, RING_PAGE_SIZE);
    CHECK(ask(BLKIF_OP_WRITE, 800, 8) == BLKIF_RSP_OKAY);
    CHECK(ask(BLKIF_OP_FLUSH_DISKCACHE, 0, 0) == BLKIF_RSP_OKAY);
    memset(fake_page(DATA), 0, (size_t)8 * RING_PAGE_SIZE);
    CHECK(ask(BLKIF_OP_READ, 800, 8) == BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < 8; i++)
        CHECK(((uint8_t *)fake_page(DATA + i))[77] == i + 3);
    CHECK(ask(BLKIF_OP_WRITE_BARRIER, 0, 2) == BLKIF_RSP_OKAY);
    CHECK(ask(BLKIF_OP_READ, 16384, 1) == BLKIF_RSP_ERROR);
    disk_detach(FAKE_DISK);
    fake_settle();
    CHECK(!disk_first());
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    snprintf(command, sizeof(command), "qemu-img check -q %s && rm -r %s", image, dir);
    CHECK(!system(command));
    return check_end();
}
