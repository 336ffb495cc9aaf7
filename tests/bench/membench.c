/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What processes and memory cost a program: system calls, fork, exec, page faults, mprotect,
 * switches between processes, signals; and two workloads that a hypervisor should not be noticed
 * in.
 *
 *   membench [quick] [NAME...]    measure these, or all; quick: few times, to see that it works
 *   membench symbols              the kernel's text symbols, "SYMBOL address name" a line
 *   membench exit                 end at once: what `fork-exec` executes
 *
 * A figure is a line "BENCH NAME TICKS of COUNT" for one of COUNT operations, the best of three
 * rounds after a warm-up, by the time-stamp counter: under QEMU's -icount one tick is one
 * instruction, whoever in the machine executed it. Each round is between two marks that the plugin
 * where.c counts between. Where the size of a page is not the question memory is of 4 KiB pages, as
 * a native kernel would otherwise use larger ones, which a paravirtual guest has not.
 *
 * It is static and may be the first process of a machine: then it says BENCH-END and powers off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE       4096u
#define MIB        1048576u
#define AREA       (4 * MIB) /* of populate, touch and mprotect */
#define LARGE      (16 * MIB)
#define ROUNDS     3
#define ITERATIONS 1000000u

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static char *self; /* what fork-exec executes */

static void die(const char *what)
{
    printf("BENCH-FAILED %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The clock; with an instruction that does nothing, for the plugin to find. */
static uint64_t now(void)
{
    uint32_t low, high;

    __asm__ volatile("nopl 0x434e4542(%%rax,%%rax,1)\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* ---- memory ---- */

static char *area(size_t size, int flags)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

/* An area that will be of 4 KiB pages; a kernel without larger ones refuses the advice. */
static char *small_area(size_t size)
{
    char *p = area(size, 0);

    madvise(p, size, MADV_NOHUGEPAGE);
    return p;
}

static void touch(char *p, size_t size)
{
    for (size_t at = 0; at < size; at += PAGE)
        *(volatile char *)(p + at) = 1;
}

static void give_back(char *p, size_t size)
{
    if (munmap(p, size) != 0)
        die("munmap");
}

/* ---- the operations; each is done `count` times ---- */

static void run_getppid(unsigned count)
{
    while (count-- > 0)
        syscall(SYS_getppid);
}

static void wait_for(pid_t child)
{
    int status;

    if (child < 0)
        die("fork");
    if (waitpid(child, &status, 0) != child || status != 0)
        die("a child");
}

static void run_fork(unsigned count)
{
    while (count-- > 0) {
        pid_t child = fork();

        if (child == 0)
            _exit(0);
        wait_for(child);
    }
}

static void run_exec(unsigned count)
{
    while (count-- > 0) {
        pid_t child = fork();

        if (child == 0) {
            execl(self, self, "exit", NULL);
            _exit(1);
        }
        wait_for(child);
    }
}

static void run_populate(unsigned count)
{
    while (count-- > 0)
        give_back(area(AREA, MAP_POPULATE), AREA);
}

/* The same with 4 KiB pages: the advice must come between mmap and the filling. */
static void run_populate_small(unsigned count)
{
    while (count-- > 0) {
        char *p = small_area(AREA);

        if (madvise(p, AREA, MADV_POPULATE_WRITE) != 0)
            die("MADV_POPULATE_WRITE");
        give_back(p, AREA);
    }
}

static void run_touch(unsigned count)
{
    while (count-- > 0) {
        char *p = small_area(AREA);

        touch(p, AREA);
        give_back(p, AREA);
    }
}

static char *touched; /* by the workload that is measured, before it is */

static void touch_area(void)
{
    touched = area(AREA, 0);
    touch(touched, AREA);
}

static void touch_small(void)
{
    touched = small_area(AREA);
    touch(touched, AREA);
}

static void free_area(void)
{
    give_back(touched, AREA);
}

static void touch_large(void)
{
    touched = small_area(LARGE);
    touch(touched, LARGE);
}

static void free_large(void)
{
    give_back(touched, LARGE);
}

static void protect(size_t size, int protection)
{
    if (mprotect(touched, size, protection) != 0)
        die("mprotect");
}

static void run_mprotect(unsigned count)
{
    while (count-- > 0) {
        protect(AREA, PROT_READ);
        protect(AREA, PROT_READ | PROT_WRITE);
    }
}

/* ---- signals: a page is made read-only, written to, and made writable by the handler; it lies
 * between two others, so that nothing is split or joined ---- */

static volatile unsigned faults;

static void on_fault(int number)
{
    (void)number;
    faults++;
    protect(PAGE, PROT_READ | PROT_WRITE);
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_handler = on_fault};

    touched = area(3 * PAGE, 0);
    protect(3 * PAGE, PROT_NONE);
    touched += PAGE;
    protect(PAGE, PROT_READ | PROT_WRITE);
    touch(touched, PAGE);
    if (sigaction(SIGSEGV, &action, NULL) != 0)
        die("sigaction");
}

static void catch_no_faults(void)
{
    signal(SIGSEGV, SIG_DFL);
    give_back(touched - PAGE, 3 * PAGE);
}

static void run_signal(unsigned count)
{
    unsigned before = faults, nr = count;

    while (count-- > 0) {
        protect(PAGE, PROT_READ);
        *(volatile char *)touched = 2;
    }
    if (faults - before != nr)
        die("a signal");
}

/*
 * ---- two processes and two pipes: one byte there and back ----
 *
 * As SCHED_BATCH they do not take the processor from each other when they are woken: otherwise a
 * writer may or may not come to wait before its partner runs, as the scheduler's past would have
 * it.
 */

static int to_child[2], to_parent[2];
static pid_t partner;

static void start_partner(void)
{
    const struct sched_param none = {0};
    char byte;

    if (sched_setscheduler(0, SCHED_BATCH, &none) != 0)
        die("SCHED_BATCH");
    if (pipe(to_child) != 0 || pipe(to_parent) != 0)
        die("pipe");
    partner = fork();
    if (partner != 0) {
        close(to_child[0]);
        close(to_parent[1]);
        return;
    }
    close(to_child[1]);
    while (read(to_child[0], &byte, 1) == 1 && write(to_parent[1], &byte, 1) == 1)
        ;
    _exit(0);
}

static void end_partner(void)
{
    const struct sched_param none = {0};

    close(to_child[1]);
    close(to_parent[0]);
    wait_for(partner);
    sched_setscheduler(0, SCHED_OTHER, &none);
}

static void run_ping_pong(unsigned count)
{
    char byte = 1;

    while (count-- > 0)
        if (write(to_child[1], &byte, 1) != 1 || read(to_parent[0], &byte, 1) != 1)
            die("ping-pong");
}

/* ---- what only uses the processor, and what uses its TLB ---- */

static void run_compute(unsigned count)
{
    uint64_t value = count;

    for (uint64_t n = (uint64_t)count * ITERATIONS; n > 0; n--)
        __asm__ volatile("imulq $3, %0, %0\n\taddq $1, %0" : "+r"(value));
}

/* Each access is to another page than the last few thousand. */
static void run_walk(unsigned count)
{
    uint32_t pages = LARGE / PAGE, page = 1;
    uint64_t sum = 0;

    for (uint64_t n = (uint64_t)count * ITERATIONS; n > 0; n--) {
        page = (page * 5 + 3) % pages; /* all pages, then from the start */
        sum += *(volatile char *)(touched + (size_t)page * PAGE);
    }
    if (sum == 0)
        die("the walk");
}

/* ---- the list ---- */

struct workload {
    const char *name;
    unsigned count; /* operations in a round */
    void (*run)(unsigned count);
    void (*before)(void);
    void (*after)(void);
};

static const struct workload workloads[] = {
    {"getppid", 1000, run_getppid, NULL, NULL},
    {"fork-exit", 32, run_fork, NULL, NULL},
    {"fork-exec", 16, run_exec, NULL, NULL},
    {"fork-16M", 4, run_fork, touch_large, free_large},
    {"populate-4M", 4, run_populate, NULL, NULL},
    {"populate-4M-small", 4, run_populate_small, NULL, NULL},
    {"touch-4M", 4, run_touch, NULL, NULL},
    {"mprotect-4M", 16, run_mprotect, touch_area, free_area},
    {"mprotect-4M-small", 16, run_mprotect, touch_small, free_area},
    {"ping-pong", 500, run_ping_pong, start_partner, end_partner},
    {"sigsegv", 500, run_signal, catch_faults, catch_no_faults},
    {"compute", 1, run_compute, NULL, NULL},
    {"tlb-walk", 1, run_walk, touch_large, free_large},
};
#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

static void measure(const struct workload *w, bool quick)
{
    unsigned count = quick ? w->count / 16 + 1 : w->count;
    uint64_t best = UINT64_MAX;

    if (w->before != NULL)
        w->before();
    w->run(count / 2 + 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start = now(), took;

        w->run(count);
        took = now() - start;
        if (took < best)
            best = took;
    }
    if (w->after != NULL)
        w->after();
    printf("BENCH %s %" PRIu64 " of %u\n", w->name, best / count, count);
}

/* Which workloads are asked for; none named are all. */
static int measure_named(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "quick") == 0, wanted[WORKLOADS] = {false};
    int first = quick ? 2 : 1;

    for (int i = first; i < argc; i++) {
        size_t at = 0;

        while (at < WORKLOADS && strcmp(workloads[at].name, argv[i]) != 0)
            at++;
        if (at == WORKLOADS) {
            printf("BENCH-FAILED there is no workload %s\n", argv[i]);
            return 2;
        }
        wanted[at] = true;
    }
    for (size_t at = 0; at < WORKLOADS; at++)
        if (first == argc || wanted[at])
            measure(&workloads[at], quick);
    return 0;
}

/* Functions of the kernel itself; modules, whose lines name them in brackets, are none of it. */
static int print_symbols(void)
{
    FILE *f = fopen("/proc/kallsyms", "r");
    char line[512], type, name[256];
    uint64_t address;

    if (f == NULL)
        die("/proc/kallsyms");
    while (fgets(line, sizeof(line), f) != NULL)
        if (strchr(line, '[') == NULL &&
            sscanf(line, "%" SCNx64 " %c %255s", &address, &type, name) == 3 &&
            strchr("tTwW", type) != NULL)
            printf("SYMBOL %" PRIx64 " %s\n", address, name);
    fclose(f);
    return 0;
}

static int carry_out(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "symbols") == 0)
        return print_symbols();
    return measure_named(argc, argv);
}

/* The first process must not end; what it had to do a child does. */
static void be_first(int argc, char **argv)
{
    pid_t child;

    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    child = fork();
    if (child == 0)
        exit(carry_out(argc, argv));
    while (waitpid(child, NULL, 0) != child && errno == EINTR)
        ;
    printf("BENCH-END\n");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "exit") == 0)
        return 0;
    self = argv[0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getpid() == 1)
        be_first(argc, argv);
    return carry_out(argc, argv);
}
