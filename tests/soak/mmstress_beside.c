// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmstress_beside.c: what each worker of mmstress has beside the threads that own chunks: pages
 * that one thread writes and another one drops, a file that is written through a mapping and read
 * by read(), and an area whose missing pages a userfaultfd must hear of.
 */
#include "mmstress.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define UFFD_PAGES 64

/* One thread writes pages that another one drops: what is read is zero or was written here. */
void *mmstress_dropper(void *argument)
{
    char *pages = argument;

    pthread_barrier_wait(&mmstress.all_started);
    while (!over()) {
        madvise(pages, 16 * PAGE, MADV_DONTNEED);
    }
    return NULL;
}

void *mmstress_raced(void *argument)
{
    const uint64_t base = 0xabcd000000000000;
    volatile uint64_t *words = argument;
    uint64_t round = 0;

    pthread_barrier_wait(&mmstress.all_started);
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
void *mmstress_file(void *argument)
{
    unsigned seed = (unsigned)getpid();
    int file = memfd_create("mmstress", 0);
    uint64_t stamps[FILE_PAGES] = {0}, next = 1;
    char *buffer = argument;

    if (file < 0 || ftruncate(file, FILE_PAGES * PAGE)) {
        fail("a file in memory: %s", strerror(errno));
    }
    pthread_barrier_wait(&mmstress.all_started);
    while (!over()) {
        char *at = mmap(mmstress.file_place, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE,
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
void *mmstress_uffd(void *argument)
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
        pthread_barrier_wait(&mmstress.all_started);
        return NULL; /* a kernel without it */
    }
    if (ioctl(shared.uffd, UFFDIO_API, &api) || ioctl(shared.uffd, UFFDIO_REGISTER, &range)) {
        fail("userfaultfd: %s", strerror(errno));
    }
    pthread_create(&filler, NULL, run_filler, &shared);
    pthread_barrier_wait(&mmstress.all_started);
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
