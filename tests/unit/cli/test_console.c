// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_console.c: the console daemon's ring against guests that lie, and its logs' bounds.
 */
#include "check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <consoled/console_log.h>
#include <consoled/ring.h>

/* A page as the guest has it, with the rest of its page behind it to catch overruns. */
static struct {
    struct xencons_interface page;
    char rest[4096 - sizeof(struct xencons_interface)];
} mem;
static struct ring ring;

static void fresh(uint32_t out, uint32_t in)
{
    memset(&mem, 0, sizeof(mem));
    mem.page.out_cons = mem.page.out_prod = out;
    mem.page.in_cons = mem.page.in_prod = in;
    CHECK(ring_attach(&ring, &mem.page));
}

static void guest_says(const char *text)
{
    for (; *text; text++)
        mem.page.out[mem.page.out_prod++ % sizeof(mem.page.out)] = *text;
}

static void test_flow(uint32_t start)
{
    char buf[4096] = "";

    fresh(start, start);
    guest_says("hello");
    CHECK(ring_take(&ring, buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5));
    CHECK(mem.page.out_cons == start + 5);
    CHECK(ring_take(&ring, buf, sizeof(buf)) == 0);
    guest_says("budget");
    CHECK(ring_take(&ring, buf, 3) == 3 && mem.page.out_cons == start + 8);
    CHECK(ring_take(&ring, buf, sizeof(buf)) == 3 && !memcmp(buf, "get", 3));
    for (int i = 0; i < 2048; i++)
        guest_says("x");
    CHECK(ring_take(&ring, buf, sizeof(buf)) == 2048 && buf[2047] == 'x');

    CHECK(ring_put(&ring, "typed", 5) == 5 && mem.page.in_prod == start + 5);
    CHECK(mem.page.in[(start + 4) % 1024] == 'd');
    memset(buf, 'y', sizeof(buf));
    CHECK(ring_put(&ring, buf, sizeof(buf)) == 1024 - 5);
    CHECK(ring_put(&ring, buf, 1) == 0);
    mem.page.in_cons += 2;
    CHECK(ring_put(&ring, buf, 10) == 2);
}

static void test_hostile(void)
{
    char buf[4096];

    fresh(0, 0);
    mem.page.out_prod = 2049;
    CHECK(ring_take(&ring, buf, sizeof(buf)) == -1);
    mem.page.out_prod = 0xffffffff;
    CHECK(ring_take(&ring, buf, sizeof(buf)) == -1);
    mem.page.in_cons = 1;
    CHECK(ring_put(&ring, "a", 1) == -1);
    mem.page.in_cons = 0x80000000;
    CHECK(ring_put(&ring, "a", 1) == -1);

    /* What the guest writes into this end's indices changes nothing. */
    fresh(100, 100);
    guest_says("ab");
    mem.page.out_cons = 7777;
    CHECK(ring_take(&ring, buf, sizeof(buf)) == 2 && mem.page.out_cons == 102);
    mem.page.in_prod = 7777;
    CHECK(ring_put(&ring, "c", 1) == 1 && mem.page.in_prod == 101);

    memset(&mem, 0, sizeof(mem));
    mem.page.out_prod = 5000;
    CHECK(!ring_attach(&ring, &mem.page));
    memset(&mem, 0, sizeof(mem));
    mem.page.in_prod = 1025;
    CHECK(!ring_attach(&ring, &mem.page));
    for (size_t i = 0; i < sizeof(mem.rest); i++)
        CHECK(!mem.rest[i]);
}

static size_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static void test_log(void)
{
    char dir[] = "/tmp/lodge-test-XXXXXX", path[300], old[310], line[100];
    struct log log;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/console-a_b.log", dir);
    snprintf(old, sizeof(old), "%s.1", path);
    memset(line, 'x', sizeof(line));
    CHECK(!log_open(&log, dir, "a/b", 1000)); /* a name must not leave the folder */
    for (int i = 0; i < 10; i++)
        log_write(&log, line, sizeof(line));
    CHECK(size_of(path) == 1000 && size_of(old) == 0);
    log_write(&log, line, sizeof(line));
    CHECK(size_of(path) == 100 && size_of(old) == 1000);
    for (int i = 0; i < 1000; i++)
        log_write(&log, line, sizeof(line));
    CHECK(size_of(path) <= 1000 && size_of(old) <= 1000);
    log_close(&log);
    CHECK(!log_open(&log, dir, "a/b", 1000)); /* a restarted daemon goes on where it was */
    CHECK(log.size == size_of(path));
    log_close(&log);
    unlink(path);
    unlink(old);
    CHECK(log_open(&log, "/nowhere", "a", 1000) < 0);
    log_write(&log, line, sizeof(line)); /* is dropped, and does no harm */
    log_close(&log);
    CHECK(!symlink("/dev/null", path) && log_open(&log, dir, "a_b", 1000) < 0);
    unlink(path);
    CHECK(!rmdir(dir));
}

int main(void)
{
    test_flow(0);
    test_flow(1000);
    test_flow(0xfffffff0u);
    test_hostile();
    test_log();
    return check_end();
}
