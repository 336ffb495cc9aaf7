/* SPDX-License-Identifier: GPL-2.0-only */
/* console_io: what is written and read, what is not memory, and floods from both sides. */
#include <kit/kit.h>

static int console_io(unsigned cmd, unsigned count, const void *buf)
{
    return (int)hc3(__HYPERVISOR_console_io, cmd, count, buf);
}

static char flood_text[2000];

static void fill(void)
{
    for (unsigned i = 0; i < sizeof(flood_text); i++)
        flood_text[i] = (char)(i % 80 == 79 ? '\n' : 'a' + i % 26);
}

static void writing(void)
{
    char *page = kit_page(), *beyond = kit_page();
    uint64_t keep = kit_pte(beyond);

    CHECK_EQ(console_io(CONSOLEIO_write, 6, "hello\n"), 0);
    CHECK_EQ(console_io(CONSOLEIO_write, 0, NULL), 0);
    CHECK_EQ(console_io(CONSOLEIO_write, 5, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(console_io(CONSOLEIO_write, 5, (void *)0xffff820000000000ul), -XEN_EFAULT);
    CHECK_EQ(console_io(CONSOLEIO_write, 5, (void *)0x8000000000000000ul), -XEN_EFAULT);
    CHECK_EQ(console_io(2, 5, page), -XEN_ENOSYS);
    CHECK_EQ(console_io(~0u, 5, page), -XEN_ENOSYS);
    /* Counts beyond all memory. */
    CHECK_EQ(page + PAGE_SIZE, beyond);
    memcpy(page + PAGE_SIZE - 8, "the end\n", 8);
    CHECK_EQ(kit_set_pte(beyond, 0), 0);
    CHECK(console_io(CONSOLEIO_write, 9, page + PAGE_SIZE - 8) < 0);
    CHECK(console_io(CONSOLEIO_write, 0x7fffffff, page + PAGE_SIZE - 8) < 0);
    CHECK(console_io(CONSOLEIO_write, ~0u, page + PAGE_SIZE - 8) < 0);
    CHECK_EQ(kit_set_pte(beyond, keep), 0);
    CHECK_EQ(console_io(CONSOLEIO_write, 12, "\0\x80%s%n\x1b[0m\n"), 0);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(console_io(CONSOLEIO_write, sizeof(flood_text), flood_text), 0);
}

static void reading(void)
{
    char buf[64];
    int n;

    CHECK_EQ(console_io(CONSOLEIO_read, 0, buf), 0);
    n = console_io(CONSOLEIO_read, sizeof(buf), buf);
    CHECK(n >= 0 && n <= (int)sizeof(buf)); /* nobody types */
    n = console_io(CONSOLEIO_read, 64, (void *)KIT_NOWHERE);
    CHECK(n <= 0);
}

static void child(uint64_t unused)
{
    char buf[8];

    (void)unused;
    CHECK_EQ(console_io(CONSOLEIO_read, 8, buf), -XEN_EPERM);
    for (unsigned i = 0; i < 500; i++)
        CHECK(console_io(CONSOLEIO_write, sizeof(flood_text), flood_text) <= 0);
    CHECK(console_io(CONSOLEIO_write, 5, (void *)KIT_NOWHERE) <= 0);
    CHECK(console_io(CONSOLEIO_write, ~0u, (void *)KIT_NOWHERE) <= 0);
    /* And through its own ring, which the parent reads as it likes. */
    for (unsigned i = 0; i < 300; i++)
        printk("line %u of many that nobody reads\n", i);
}

/* A burst of as many lines as a guest may have at once, of a tenth of a second each. */
static void burst(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < 50; i++)
        CHECK_EQ(console_io(CONSOLEIO_write, 80, flood_text), 0);
}

/*
 * The serial line takes 1,000 characters a second. While it is busy with a guest's lines, another
 * wakes up when it wants to: it would be seconds late altogether if the guest's call waited.
 */
static void slow_line(void)
{
    static struct kit_child c;
    uint64_t late = 0, at;

    CHECK_EQ(kit_child_create(&c, burst, 0, 0, 1), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    for (unsigned i = 0; i < 10; i++) {
        at = kit_now() + 10000000;
        kit_sleep(10000000);
        late += kit_now() - at;
    }
    CHECK_EQ(kit_child_wait(&c, 60000000000), SHUTDOWN_poweroff);
    CHECK_EQ(kit_child_destroy(&c), 0);
    printk("ten wake-ups were %lu us late\n", late / 1000);
    CHECK(late < 1500000000); /* four seconds were seen */
}

void test_main(void)
{
    uint64_t start;

    fill();
    if (start_info->cmd_line[0] != '\0') {
        slow_line();
        return;
    }
    writing();
    reading();
    kit_child_quiet = true;
    start = kit_now();
    kit_child_case("flood", child, 0, SHUTDOWN_poweroff);
    kit_child_quiet = false;
    printk("a megabyte from a guest took %lu ms\n", (kit_now() - start) / 1000000);
}
