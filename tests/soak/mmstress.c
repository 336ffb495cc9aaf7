// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmstress: what a kernel does with page tables, all at once, and a look at every page's contents.
 *
 * Each worker is a process with some threads. A thread owns chunks of an area, interleaved with the
 * chunks of its siblings, so that they change entries of the same page tables at the same time. For
 * each page it keeps what must be in it: a stamp, or zeroes. It maps, populates, writes, protects,
 * moves, drops, pages out and unmaps random pieces, and compares; and forks children that compare
 * what they inherited while the parent goes on writing. Beside that each worker has a page that one
 * thread writes and another one drops, a file that is written through a mapping and read by read(),
 * and an area whose missing pages a userfaultfd must hear of.
 *
 *     mmstress [--seconds N] [--workers N] [--threads N] [--chunk-pages N]
 *
 * Areas together should be larger than the machine's memory, so that pages go to swap. Prints what
 * was done, and exits with 0; or says what was wrong with which page, and exits with 1.
 *
 * It is long because its operations are many, each short, and all share what they know of pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE        4096UL
#define CHUNKS      24 /* of each thread */
#define FILE_PAGES  96
#define UFFD_PAGES  64
#define WORDS       (PAGE / sizeof(uint64_t))
#define MAX_THREADS 8
#define MAX_WORKERS 64

struct totals {
    atomic_ulong operations, compared, refused, forks, brought;
    atomic_int failed;
};

struct chunk {
    char *at;
    int protection;
    uint64_t *stamps; /* 0: the page is zero, or not there */
};

struct thread {
    pthread_t id;
    unsigned number, seed;
    uint64_t next_stamp;
    char *aside;
    unsigned char *there; /* of each page of a chunk, whether it is mapped */
    struct chunk chunks[CHUNKS];
};

static struct totals *totals;
static unsigned seconds = 60, workers = 4, threads = 3, chunk_pages = 97;
static time_t end_time;
static struct thread all_threads[MAX_THREADS];
static char *area, *file_place;
static pthread_barrier_t all_started;
static _Thread_local sigjmp_buf trap;
static _Thread_local volatile sig_atomic_t trap_armed;

static void fail(const char *format, ...)
{
    char text[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("mmstress: FAILED: process %d: %s\n", getpid(), text);
    fflush(stdout);
    atomic_store(&totals->failed, 1);
    _exit(1);
}

static unsigned below(struct thread *thread, unsigned limit)
{
    return (unsigned)rand_r(&thread->seed) % limit;
}

static time_t now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec;
}

static int over(void)
{
    return now() >= end_time || atomic_load(&totals->failed);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!trap_armed) {
        fail("signal %d at %p that nobody expects", number, info->si_addr);
    }
    siglongjmp(trap, 1);
}

/* A page's words: the stamp in the first and the last, and where the stamp says. */
static void write_page(char *at, uint64_t stamp)
{
    volatile uint64_t *words = (volatile uint64_t *)at;

    words[0] = words[WORDS - 1] = stamp;
    words[1 + stamp % (WORDS - 2)] = ~stamp;
}

static void compare_page(const char *at, uint64_t stamp, const char *when)
{
    const volatile uint64_t *words = (const volatile uint64_t *)at;
    uint64_t first = words[0], last = words[WORDS - 1];
    uint64_t middle = words[1 + (stamp ? stamp % (WORDS - 2) : 7)];

    atomic_fetch_add_explicit(&totals->compared, 1, memory_order_relaxed);
    if (first != stamp || last != stamp || middle != (stamp ? ~stamp : 0)) {
        fail("%s: page %p has %#lx %#lx %#lx, not %#lx", when, (const void *)at, first, middle,
             last, stamp);
    }
}

/* An operation that may fail for want of memory: then nothing has changed. */
static int done(long result)
{
    if (result == -1) {
        if (errno != ENOMEM && errno != EAGAIN) {
            fail("a system call failed: %s", strerror(errno));
        }
        atomic_fetch_add(&totals->refused, 1);
        return 0;
    }
    return 1;
}

static void map_chunk(struct chunk *chunk, unsigned from, unsigned nr, int flags)
{
    char *at = chunk->at + from * PAGE;

    if (mmap(at, nr * PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE | flags, -1, 0) != at) {
        fail("mmap at %p: %s", (void *)at, strerror(errno));
    }
    memset(chunk->stamps + from, 0, nr * sizeof(chunk->stamps[0]));
}

static void protect_chunk(struct chunk *chunk, int protection)
{
    while (!done(mprotect(chunk->at, chunk_pages * PAGE, protection))) {
    }
    chunk->protection = protection;
}

static void writable(struct chunk *chunk)
{
    if (chunk->protection != (PROT_READ | PROT_WRITE)) {
        protect_chunk(chunk, PROT_READ | PROT_WRITE);
    }
}

static void op_write(struct thread *thread, struct chunk *chunk, unsigned from, unsigned nr)
{
    writable(chunk);
    for (unsigned i = from; i < from + nr; i++) {
        chunk->stamps[i] = thread->next_stamp += 0x100000001;
        write_page(chunk->at + i * PAGE, chunk->stamps[i]);
    }
}

static void op_compare(struct chunk *chunk, unsigned from, unsigned nr, const char *when)
{
    if (chunk->protection == PROT_NONE) {
        return;
    }
    for (unsigned i = from; i < from + nr; i++) {
        compare_page(chunk->at + i * PAGE, chunk->stamps[i], when);
    }
}

/* Takes rights away, and sees that they are gone: a stale translation would let the write pass. */
static void op_protect(struct thread *thread, struct chunk *chunk, unsigned from)
{
    static const int choices[] = {PROT_READ, PROT_NONE, PROT_READ};

    protect_chunk(chunk, choices[below(thread, 3)]);
    if (!sigsetjmp(trap, 1)) {
        trap_armed = 1;
        *(volatile uint64_t *)(chunk->at + from * PAGE) = 1;
        fail("page %p was written, which is read-only", (void *)(chunk->at + from * PAGE));
    }
    trap_armed = 0;
    if (below(thread, 2)) {
        writable(chunk);
    }
}

/*
 * Moves pages over others; false if they lie in several areas of the kernel's, which it refuses:
 * then there may be nothing any more where they should have gone.
 */
static int move(char *from, char *to, size_t size)
{
    if (mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to) {
        return 1;
    }
    if (errno != EFAULT && errno != ENOMEM) {
        fail("mremap from %p to %p: %s", (void *)from, (void *)to, strerror(errno));
    }
    atomic_fetch_add(&totals->refused, 1);
    return 0;
}

/* Two pieces of a chunk change places, by way of a third address. */
static void op_move(struct thread *thread, struct chunk *chunk)
{
    unsigned half = chunk_pages / 2, nr = 1 + below(thread, half);
    char *low = chunk->at, *high = chunk->at + half * PAGE, *aside = thread->aside;
    size_t size = nr * PAGE;

    writable(chunk);
    if (!move(low, aside, size)) {
        return;
    }
    if (!move(high, low, size)) {
        while (!move(aside, low, size)) {
        }
        return;
    }
    while (!move(aside, high, size)) {
    }
    for (unsigned i = 0; i < nr; i++) {
        uint64_t stamp = chunk->stamps[i];

        chunk->stamps[i] = chunk->stamps[half + i];
        chunk->stamps[half + i] = stamp;
    }
    op_compare(chunk, 0, chunk_pages, "after mremap");
}

static void op_drop(struct chunk *chunk, unsigned from, unsigned nr)
{
    if (done(madvise(chunk->at + from * PAGE, nr * PAGE, MADV_DONTNEED))) {
        memset(chunk->stamps + from, 0, nr * sizeof(chunk->stamps[0]));
    }
    op_compare(chunk, from, nr, "after MADV_DONTNEED");
}

/* A write fault may bring more pages than the one: those are zeroes, too, and counted here. */
static void op_around(struct thread *thread, struct chunk *chunk, unsigned from)
{
    unsigned long brought = 0;

    writable(chunk);
    map_chunk(chunk, 0, chunk_pages, 0);
    op_write(thread, chunk, from, 1);
    if (mincore(chunk->at, chunk_pages * PAGE, thread->there)) {
        fail("mincore: %s", strerror(errno));
    }
    for (unsigned i = 0; i < chunk_pages; i++) {
        brought += i != from && thread->there[i] & 1;
    }
    atomic_fetch_add(&totals->brought, brought);
    op_compare(chunk, 0, chunk_pages, "around a fault");
}

/* The child sees what was at the time of the fork; what it writes the parent never sees. */
static void op_fork(struct thread *thread, struct chunk *chunk, unsigned from, unsigned nr)
{
    pid_t child;
    int status;

    writable(chunk);
    child = fork();
    if (child < 0 && !done(child)) {
        return;
    }
    if (child == 0) {
        for (unsigned i = 0; i < CHUNKS; i++) {
            op_compare(&thread->chunks[i], 0, chunk_pages, "in a child");
        }
        op_write(thread, chunk, from, nr);
        op_drop(chunk, 0, chunk_pages / 3);
        op_compare(chunk, 0, chunk_pages, "in a child that wrote");
        _exit(0);
    }
    op_write(thread, chunk, from, nr);
    op_compare(chunk, 0, chunk_pages, "while a child runs");
    if (waitpid(child, &status, 0) < 0) {
        fail("waitpid: %s", strerror(errno));
    }
    if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        fail("a child ended with status %#x", status);
    }
    atomic_fetch_add(&totals->forks, 1);
    op_compare(chunk, 0, chunk_pages, "after a child");
}

static void one_operation(struct thread *thread)
{
    struct chunk *chunk = &thread->chunks[below(thread, CHUNKS)];
    unsigned from = below(thread, chunk_pages), nr = 1 + below(thread, chunk_pages - from);

    switch (below(thread, 24)) {
    case 0 ... 6:
        op_write(thread, chunk, from, nr);
        break;
    case 10:
    case 11:
        op_protect(thread, chunk, from);
        break;
    case 12:
        op_move(thread, chunk);
        break;
    case 13:
        writable(chunk);
        map_chunk(chunk, from, nr, below(thread, 2) ? MAP_POPULATE : 0);
        op_compare(chunk, from, nr, "after mmap");
        break;
    case 14:
    case 15:
        op_drop(chunk, from, nr);
        break;
    case 16:
        writable(chunk);
        done(madvise(chunk->at + from * PAGE, nr * PAGE, 23 /* MADV_POPULATE_WRITE */));
        op_compare(chunk, from, nr, "after MADV_POPULATE_WRITE");
        break;
    case 17:
    case 18:
        done(madvise(chunk->at + from * PAGE, nr * PAGE, MADV_PAGEOUT));
        break;
    case 19:
        op_fork(thread, chunk, from, nr);
        break;
    case 20:
        op_around(thread, chunk, from);
        break;
    default:
        op_compare(chunk, from, nr, "as it was");
    }
    atomic_fetch_add_explicit(&totals->operations, 1, memory_order_relaxed);
}

static void *run_thread(void *argument)
{
    struct thread *thread = argument;

    for (unsigned i = 0; i < CHUNKS; i++) {
        struct chunk *chunk = &thread->chunks[i];

        chunk->at = area + (i * threads + thread->number) * chunk_pages * PAGE;
        chunk->stamps = calloc(chunk_pages, sizeof(chunk->stamps[0]));
        chunk->protection = PROT_READ | PROT_WRITE;
        if (!chunk->stamps) {
            fail("no memory for stamps");
        }
    }
    pthread_barrier_wait(&all_started);
    for (unsigned i = 0; i < CHUNKS; i++) { /* memory is short from the beginning */
        op_write(thread, &thread->chunks[i], 0, chunk_pages);
    }
    while (!over()) {
        one_operation(thread);
    }
    for (unsigned i = 0; i < CHUNKS; i++) {
        writable(&thread->chunks[i]);
        op_compare(&thread->chunks[i], 0, chunk_pages, "at the end");
    }
    return NULL;
}

/* One thread writes pages that another one drops: what is read is zero or was written here. */
static void *run_dropper(void *argument)
{
    char *pages = argument;

    pthread_barrier_wait(&all_started);
    while (!over()) {
        madvise(pages, 16 * PAGE, MADV_DONTNEED);
    }
    return NULL;
}

static void *run_raced(void *argument)
{
    const uint64_t base = 0xabcd000000000000;
    volatile uint64_t *words = argument;
    uint64_t round = 0;

    pthread_barrier_wait(&all_started);
    while (!over()) {
        round++;
        for (unsigned i = 0; i < 16; i++) {
            words[i * WORDS] = base + round;
        }
        for (unsigned i = 0; i < 16; i++) {
            uint64_t got = words[i * WORDS];

            if (got != 0 && got != base + round) {
                fail("a page that is dropped meanwhile has %#lx in round %lu", got, round);
            }
        }
    }
    return NULL;
}

/* What was written through a shared mapping is in the file. */
static void *run_file(void *argument)
{
    unsigned seed = (unsigned)getpid();
    int file = memfd_create("mmstress", 0);
    uint64_t stamps[FILE_PAGES] = {0}, next = 1;
    char *buffer = argument;

    if (file < 0 || ftruncate(file, FILE_PAGES * PAGE)) {
        fail("a file in memory: %s", strerror(errno));
    }
    pthread_barrier_wait(&all_started);
    while (!over()) {
        char *at = mmap(file_place, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_FIXED, file, 0);

        if (at == MAP_FAILED && !done(-1)) {
            continue;
        }
        for (unsigned i = 0; i < FILE_PAGES / 3; i++) {
            unsigned page = (unsigned)rand_r(&seed) % FILE_PAGES;

            stamps[page] = next += 0x10001;
            write_page(at + page * PAGE, stamps[page]);
        }
        if (rand_r(&seed) & 1) {
            madvise(at, FILE_PAGES * PAGE, MADV_PAGEOUT);
        }
        for (unsigned i = 0; i < FILE_PAGES; i++) {
            compare_page(at + i * PAGE, stamps[i], "in a shared mapping");
        }
        munmap(at, FILE_PAGES * PAGE);
        for (unsigned i = 0; i < FILE_PAGES; i++) {
            if (pread(file, buffer, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE) {
                fail("pread: %s", strerror(errno));
            }
            compare_page(buffer, stamps[i], "in a file that was written through a mapping");
        }
    }
    close(file);
    return NULL;
}

static void fill_missing(int uffd, char *page, uint64_t stamp)
{
    struct uffdio_copy copy = {.len = PAGE, .src = (uintptr_t)page};
    struct pollfd wait = {.fd = uffd, .events = POLLIN};
    struct uffd_msg message;

    if (poll(&wait, 1, 100) <= 0 || read(uffd, &message, sizeof(message)) != sizeof(message)) {
        return;
    }
    copy.dst = message.arg.pagefault.address & ~(PAGE - 1);
    write_page(page, stamp + copy.dst);
    if (ioctl(uffd, UFFDIO_COPY, &copy) && errno != EEXIST && errno != EAGAIN) {
        fail("UFFDIO_COPY: %s", strerror(errno));
    }
}

struct uffd_area {
    int uffd;
    atomic_int stop;
    uint64_t stamp;
    char *page;
};

static void *run_filler(void *argument)
{
    struct uffd_area *shared = argument;

    while (!atomic_load(&shared->stop)) {
        fill_missing(shared->uffd, shared->page, shared->stamp);
    }
    return NULL;
}

/* Each page of the area is asked for: none may come up zeroed beside one that was. */
static void *run_uffd(void *argument)
{
    struct uffd_area shared = {.stamp = 0x77000000000001, .page = argument};
    struct uffdio_api api = {.api = UFFD_API};
    char *at =
        mmap(NULL, UFFD_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {(uintptr_t)at, UFFD_PAGES * PAGE},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    pthread_t filler;

    shared.uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (shared.uffd < 0 || at == MAP_FAILED) {
        pthread_barrier_wait(&all_started);
        return NULL; /* a kernel without it */
    }
    if (ioctl(shared.uffd, UFFDIO_API, &api) || ioctl(shared.uffd, UFFDIO_REGISTER, &range)) {
        fail("userfaultfd: %s", strerror(errno));
    }
    pthread_create(&filler, NULL, run_filler, &shared);
    pthread_barrier_wait(&all_started);
    while (!over()) {
        for (unsigned i = 0; i < UFFD_PAGES; i++) {
            compare_page(at + i * PAGE, shared.stamp + (uintptr_t)(at + i * PAGE),
                         "in an area of a userfaultfd");
        }
        madvise(at, UFFD_PAGES * PAGE, MADV_DONTNEED);
    }
    atomic_store(&shared.stop, 1);
    pthread_join(filler, NULL);
    return NULL;
}

static void *need_pages(unsigned nr)
{
    void *at = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED) {
        fail("mmap: %s", strerror(errno));
    }
    return at;
}

static int run_worker(unsigned number)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    void *(*const extra[])(void *) = {run_dropper, run_raced, run_file, run_uffd};
    char *raced = need_pages(16);
    void *arguments[] = {raced, raced, need_pages(1), need_pages(1)};
    pthread_t ids[4];

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    area = need_pages(CHUNKS * threads * chunk_pages);
    file_place = need_pages(FILE_PAGES);
    /* From then on nobody maps memory at an address of the kernel's choice: it might be a hole. */
    pthread_barrier_init(&all_started, NULL, threads + 4);
    for (unsigned i = 0; i < threads; i++) {
        all_threads[i].number = i;
        all_threads[i].aside = need_pages(chunk_pages);
        all_threads[i].there = need_pages(chunk_pages / PAGE + 1);
        all_threads[i].seed = number * 1000 + i + 1;
        all_threads[i].next_stamp = ((uint64_t)(number + 1) << 48) + ((uint64_t)i << 40);
        pthread_create(&all_threads[i].id, NULL, run_thread, &all_threads[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_create(&ids[i], NULL, extra[i], arguments[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(all_threads[i].id, NULL);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(ids[i], NULL);
    }
    return 0;
}

static int parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned value = (unsigned)atoi(argv[i + 1]);

        if (!strcmp(argv[i], "--seconds")) {
            seconds = value;
        } else if (!strcmp(argv[i], "--workers") && value >= 1 && value <= MAX_WORKERS) {
            workers = value;
        } else if (!strcmp(argv[i], "--threads") && value >= 1 && value <= MAX_THREADS) {
            threads = value;
        } else if (!strcmp(argv[i], "--chunk-pages") && value >= 4) {
            chunk_pages = value;
        } else {
            printf("mmstress: %s %s: no such option, or no such value\n", argv[i], argv[i + 1]);
            return 0;
        }
    }
    return 1;
}

/* Workers that the kernel killed for want of memory are no failure, but not all may go that way. */
int main(int argc, char **argv)
{
    unsigned killed = 0;
    int status;

    totals = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED || !parse(argc, argv)) {
        return 2;
    }
    end_time = now() + seconds;
    for (unsigned i = 0; i < workers; i++) {
        if (fork() == 0) {
            _exit(run_worker(i));
        }
    }
    while (wait(&status) > 0) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
            killed++;
        } else if (status) {
            printf("mmstress: a worker ended with status %#x\n", status);
            atomic_store(&totals->failed, 1);
        }
    }
    printf(
        "mmstress: %lu operations, %lu pages compared, %lu forks, %lu refused for want of memory, "
        "%lu pages came with the fault of another one, %u workers killed\n",
        totals->operations, totals->compared, totals->forks, totals->refused, totals->brought,
        killed);
    return totals->failed || killed == workers;
}
