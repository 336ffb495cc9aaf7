/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What I/O costs, measured where it is asked for: in a guest (or in dom0, as the other end).
 *
 *   iobench disk DEVICE NAME SIZE DEPTH COUNT read|write   requests of SIZE bytes, O_DIRECT
 *   iobench serve PORT                                      the other end of the next two
 *   iobench stream ADDRESS PORT NAME up|down MIB            one TCP connection
 *   iobench pingpong ADDRESS PORT NAME COUNT                64 bytes there and back
 *   iobench irqs PATTERN                                    interrupts so far, from /proc
 *
 * A figure is a line "BENCH NAME NANOSECONDS" for one request (one MiB for a stream). Under QEMU's
 * -icount one nanosecond is one instruction, whoever in the machine executed it: guest, hypervisor
 * or back-end. Requests of 1 MiB go through the file in order, smaller ones at random places;
 * depth above one uses the kernel's asynchronous calls directly, so that the program is static and
 * costs next to nothing itself. Disks also print "BENCH NAME.irqs", interrupts per 100 requests.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB       1048576u
#define MAX_DEPTH 64
#define PING      64
#define WARM_UP   64 /* requests before the clock starts */

static void die(const char *what)
{
    printf("BENCH-FAILED %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The clock; with an instruction that does nothing, for an instruction-counting QEMU to find. */
static uint64_t now(void)
{
    struct timespec t;

    __asm__ volatile("nopl 0x434e4542(%rax,%rax,1)");
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Sum of the counts of all lines of /proc/interrupts that have the pattern in them. */
static uint64_t interrupts(const char *pattern)
{
    FILE *f = fopen("/proc/interrupts", "r");
    uint64_t sum = 0;
    char line[1024];

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        char *at = strchr(line, ':'), *end;

        if (at == NULL || strstr(line, pattern) == NULL)
            continue;
        for (at++;; at = end) {
            uint64_t count = strtoull(at, &end, 10);

            if (end == at || (*end != ' ' && *end != '\n'))
                break;
            sum += count;
        }
    }
    if (f != NULL)
        fclose(f);
    return sum;
}

/* ---- disks ---- */

struct disk {
    int fd;
    uint64_t bytes;
    size_t size;
    unsigned depth;
    long count;
    int write;
    uint64_t next; /* of the sequence, or of the generator */
    char *buffers[MAX_DEPTH];
};

static uint64_t disk_place(struct disk *d)
{
    uint64_t slots = d->bytes / d->size;

    if (d->size >= MIB)
        return d->next++ % slots * d->size;
    d->next = d->next * 6364136223846793005u + 1442695040888963407u;
    return (d->next >> 33) % slots * d->size;
}

static void disk_one(struct disk *d)
{
    off_t at = (off_t)disk_place(d);
    ssize_t n = d->write ? pwrite(d->fd, d->buffers[0], d->size, at)
                         : pread(d->fd, d->buffers[0], d->size, at);

    if (n != (ssize_t)d->size)
        die("disk request");
}

static void disk_submit(aio_context_t ctx, struct disk *d, struct iocb *cb, unsigned slot)
{
    struct iocb *list[1] = {cb};

    *cb = (struct iocb){.aio_fildes = (uint32_t)d->fd,
                        .aio_lio_opcode = d->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                        .aio_buf = (uint64_t)d->buffers[slot],
                        .aio_nbytes = d->size,
                        .aio_offset = (int64_t)disk_place(d),
                        .aio_data = slot};
    if (syscall(SYS_io_submit, ctx, 1, list) != 1)
        die("io_submit");
}

/* Keeps `depth` requests under way until `count` are answered. */
static void disk_many(aio_context_t ctx, struct disk *d, long count)
{
    static struct iocb cbs[MAX_DEPTH];
    struct io_event done[MAX_DEPTH];
    long sent = 0, answered = 0;

    for (; sent < (long)d->depth && sent < count; sent++)
        disk_submit(ctx, d, &cbs[sent], (unsigned)sent);
    while (answered < count) {
        long n = syscall(SYS_io_getevents, ctx, 1, MAX_DEPTH, done, NULL);

        if (n < 1)
            die("io_getevents");
        for (long i = 0; i < n; i++, answered++) {
            if (done[i].res != (int64_t)d->size)
                die("asynchronous request");
            if (sent < count) {
                disk_submit(ctx, d, &cbs[done[i].data], (unsigned)done[i].data);
                sent++;
            }
        }
    }
}

static void disk_run(struct disk *d, aio_context_t ctx, long count)
{
    if (d->depth > 1)
        disk_many(ctx, d, count);
    else
        while (count-- > 0)
            disk_one(d);
}

static int run_disk(char **arg)
{
    struct disk d = {.size = strtoul(arg[2], NULL, 0),
                     .depth = (unsigned)atoi(arg[3]),
                     .count = atol(arg[4]),
                     .write = strcmp(arg[5], "write") == 0};
    aio_context_t ctx = 0;
    uint64_t start, irqs;

    d.fd = open(arg[0], (d.write ? O_RDWR : O_RDONLY) | O_DIRECT);
    if (d.fd < 0 || ioctl(d.fd, BLKGETSIZE64, &d.bytes) != 0)
        die(arg[0]);
    if (d.depth < 1 || d.depth > MAX_DEPTH || d.size == 0 || d.size > d.bytes || d.count < 1) {
        printf("BENCH-FAILED arguments\n");
        return 1;
    }
    for (unsigned i = 0; i < d.depth; i++) {
        if (posix_memalign((void **)&d.buffers[i], 4096, d.size) != 0)
            die("memory");
        memset(d.buffers[i], (int)i + 1, d.size);
    }
    if (d.depth > 1 && syscall(SYS_io_setup, MAX_DEPTH, &ctx) != 0)
        die("io_setup");
    disk_run(&d, ctx, d.size >= MIB ? 2 : WARM_UP);
    irqs = interrupts("blkif");
    start = now();
    disk_run(&d, ctx, d.count);
    start = now() - start;
    irqs = interrupts("blkif") - irqs;
    printf("BENCH %s %lu\n", arg[1], start / (uint64_t)d.count);
    printf("BENCH %s.irqs %lu\n", arg[1], 100 * irqs / (uint64_t)d.count);
    return 0;
}

/* ---- network ---- */

static char block[256 * 1024];

static void send_all(int s, size_t n)
{
    while (n > 0) {
        ssize_t done = send(s, block, n < sizeof(block) ? n : sizeof(block), MSG_NOSIGNAL);

        if (done <= 0)
            die("send");
        n -= (size_t)done;
    }
}

/* False at the end of the stream. */
static int receive_all(int s, size_t n)
{
    while (n > 0) {
        ssize_t done = recv(s, block, n < sizeof(block) ? n : sizeof(block), 0);

        if (done < 0)
            die("receive");
        if (done == 0)
            return 0;
        n -= (size_t)done;
    }
    return 1;
}

/* One connection: what to do is its first eight bytes, a letter and how many MiB. */
static void serve_one(int s)
{
    uint32_t order[2];
    int yes = 1;

    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (recv(s, order, sizeof(order), MSG_WAITALL) != sizeof(order))
        return;
    switch (order[0]) {
    case 'u':
        receive_all(s, (size_t)order[1] * MIB);
        send_all(s, 1);
        break;
    case 'd':
        send_all(s, (size_t)order[1] * MIB);
        receive_all(s, 1);
        break;
    case 'p':
        while (receive_all(s, PING))
            send_all(s, PING);
    }
}

static int run_serve(char **arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg[0]))};
    int s = socket(AF_INET, SOCK_STREAM, 0), yes = 1, c;

    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(s, 4) != 0)
        die("listen");
    while ((c = accept(s, NULL, NULL)) >= 0) {
        serve_one(c);
        close(c);
    }
    die("accept");
    return 1;
}

static int dial(char **arg, char what, uint32_t amount)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arg[1]))};
    uint32_t order[2] = {(uint32_t)what, amount};
    int s = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    if (inet_pton(AF_INET, arg[0], &to.sin_addr) != 1 || s < 0 ||
        connect(s, (struct sockaddr *)&to, sizeof(to)) != 0)
        die(arg[0]);
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (send(s, order, sizeof(order), MSG_NOSIGNAL) != sizeof(order))
        die("send");
    return s;
}

/* The first quarter opens the congestion window and is not counted. */
static int run_stream(char **arg)
{
    int up = strcmp(arg[3], "up") == 0;
    uint32_t mib = (uint32_t)atoi(arg[4]), warm = mib / 4;
    int s = dial(arg, up ? 'u' : 'd', warm + mib);
    uint64_t start;

    if (up)
        send_all(s, (size_t)warm * MIB);
    else
        receive_all(s, (size_t)warm * MIB);
    start = now();
    if (up) {
        send_all(s, (size_t)mib * MIB);
        receive_all(s, 1);
    } else {
        receive_all(s, (size_t)mib * MIB);
    }
    printf("BENCH %s %lu\n", arg[2], (now() - start) / mib);
    if (!up)
        send_all(s, 1);
    close(s);
    return 0;
}

static int run_pingpong(char **arg)
{
    long count = atol(arg[3]);
    int s = dial(arg, 'p', 0);
    uint64_t start = 0;

    for (long i = -WARM_UP; i < count; i++) {
        if (i == 0)
            start = now();
        send_all(s, PING);
        if (!receive_all(s, PING))
            die("the other end");
    }
    printf("BENCH %s %lu\n", arg[2], (now() - start) / (uint64_t)count);
    close(s);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int arguments;
        int (*run)(char **);
    } commands[] = {
        {"disk", 6, run_disk},
        {"serve", 1, run_serve},
        {"stream", 5, run_stream},
        {"pingpong", 4, run_pingpong},
    };

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0 && argc == commands[i].arguments + 2)
            return commands[i].run(argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "irqs") == 0)
        return printf("%lu\n", interrupts(argv[2])) < 0;
    fprintf(stderr, "usage: iobench disk|serve|stream|pingpong|irqs ...: see its source\n");
    return 2;
}
