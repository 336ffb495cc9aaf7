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
 */
#include "mmstress.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define CHUNKS      24 /* of each thread */
#define MAX_THREADS 8
#define MAX_WORKERS 64

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

struct mmstress mmstress;
static unsigned seconds = 60, workers = 4, threads = 3, chunk_pages = 97;
static struct thread all_threads[MAX_THREADS];
static char *area;
static _Thread_local sigjmp_buf trap;
static _Thread_local volatile sig_atomic_t trap_armed;

static unsigned below(struct thread *thread, unsigned limit)
{
    return (unsigned)rand_r(&thread->seed) % limit;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!trap_armed) {
        fail("signal %d at %p that nobody expects", number, info->si_addr);
    }
    siglongjmp(trap, 1);
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
    atomic_fetch_add(&mmstress.totals->refused, 1);
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
    atomic_fetch_add(&mmstress.totals->brought, brought);
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
    atomic_fetch_add(&mmstress.totals->forks, 1);
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
    atomic_fetch_add_explicit(&mmstress.totals->operations, 1, memory_order_relaxed);
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
    pthread_barrier_wait(&mmstress.all_started);
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
    void *(*const extra[])(void *) = {mmstress_dropper, mmstress_raced, mmstress_file,
                                      mmstress_uffd};
    char *raced = need_pages(16);
    void *arguments[] = {raced, raced, need_pages(1), need_pages(1)};
    pthread_t ids[4];

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    area = need_pages(CHUNKS * threads * chunk_pages);
    mmstress.file_place = need_pages(FILE_PAGES);
    /* From then on nobody maps memory at an address of the kernel's choice: it might be a hole. */
    pthread_barrier_init(&mmstress.all_started, NULL, threads + 4);
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

    mmstress.totals = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mmstress.totals == MAP_FAILED || !parse(argc, argv)) {
        return 2;
    }
    mmstress.end_time = now() + seconds;
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
            atomic_store(&mmstress.totals->failed, 1);
        }
    }
    printf(
        "mmstress: %lu operations, %lu pages compared, %lu forks, %lu refused for want of memory, "
        "%lu pages came with the fault of another one, %u workers killed\n",
        mmstress.totals->operations, mmstress.totals->compared, mmstress.totals->forks,
        mmstress.totals->refused, mmstress.totals->brought, killed);
    return mmstress.totals->failed || killed == workers;
}
