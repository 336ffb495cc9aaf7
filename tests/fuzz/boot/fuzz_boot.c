/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first byte of an input chooses the reader, the rest is what it reads. Each reader gets a copy
 * of exactly its size, so that the address sanitizer sees the first byte read outside. For ACPI the
 * input is "memory": ioremap() hands out copies of pieces of it.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <lib/cmdline.h>
#include <lib/elf.h>
#include <lib/string.h>
#include <x86/acpi.h>
#include <x86/page.h>

void *malloc(size_t n);
void free(void *p);
void abort(void);

static const uint8_t *memory;
static size_t memory_size;
static void *mapped[4096];
static unsigned nr_mapped;

void *ioremap(paddr_t pa, size_t size)
{
    uint8_t *p;

    if (pa > memory_size || size > memory_size - pa || nr_mapped == ARRAY_SIZE(mapped))
        return NULL;
    p = malloc(size);
    memcpy(p, memory + pa, size);
    mapped[nr_mapped++] = p;
    return p;
}

void iounmap(void *p, size_t size) {}

void console_log(enum log_level level, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf_(line, sizeof(line), fmt, ap);
    va_end(ap);
}

bool printf_pointer(char kind, const void *p, char *buf, size_t size)
{
    return false;
}

void panic(const char *fmt, ...)
{
    abort();
}

static int touch(void *ctx, uint64_t va, const void *data, uint64_t filesz, uint64_t memsz)
{
    const uint8_t *p = data;
    uint64_t *sum = ctx;

    for (uint64_t i = 0; i < filesz; i++)
        *sum += p[i];
    if (filesz > memsz)
        abort();
    return 0;
}

static void run_elf(const uint8_t *p, size_t n)
{
    struct elf_image e;
    uint64_t sum = 0;

    if (elf_parse(&e, p, n) != NULL)
        return;
    if (e.vstart >= e.vend || e.entry < e.vstart || e.entry >= e.vend)
        abort();
    (void)elf_for_each_segment(&e, touch, &sum);
}

static void warn(const char *option, const char *reason)
{
    if (strlen(option) > 200 || strlen(reason) == 0)
        abort();
}

static void run_cmdline(const uint8_t *p, size_t n)
{
    struct boot_options o;
    char *text = malloc(n + 1);

    memset(&o, 0, sizeof(o));
    memcpy(text, p, n);
    text[n] = 0;
    cmdline_parse(&o, text, warn);
    if (strlen(o.console) >= sizeof(o.console) || strlen(o.sched) >= sizeof(o.sched))
        abort();
    free(text);
}

/* The loader's information is trusted to be as long as it says; what is in it is not. */
static void run_multiboot2(const uint8_t *p, size_t n)
{
    uint8_t *copy;
    uint32_t size = (uint32_t)n;

    if (n < 8)
        return;
    copy = malloc(n);
    memcpy(copy, p, n);
    memcpy(copy, &size, sizeof(size));
    memset(&boot_info, 0, sizeof(boot_info));
    multiboot2_take(copy);
    free(copy);
    for (unsigned i = 0; i < boot_info.nr_e820; i++)
        if (boot_info.e820[i].size == 0 ||
            (i > 0 && boot_info.e820[i - 1].addr > boot_info.e820[i].addr))
            abort();
}

static void fix_checksum(uint8_t *p, uint64_t n, unsigned at)
{
    uint8_t sum = 0;

    p[at] = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += p[i];
    p[at] = (uint8_t)-sum;
}

/* Tables at 64 (the root), 256, 512 and so on; their checksums are put right, or nothing is read.
 */
static void run_acpi(const uint8_t *p, size_t n)
{
    uint8_t *copy;

    if (n < 1024)
        return;
    copy = malloc(n);
    memcpy(copy, p, n);
    for (size_t at = 64; at + 36 <= n; at = at == 64 ? 256 : at + 256) {
        uint32_t length;

        memcpy(&length, copy + at + 4, sizeof(length));
        if (length >= 36 && length <= n - at)
            fix_checksum(copy + at, length, 9);
    }
    memory = copy;
    memory_size = n;
    memset(&acpi_info, 0, sizeof(acpi_info));
    acpi_parse(copy);
    if (acpi_info.nr_cpus > ARRAY_SIZE(acpi_info.cpus) ||
        acpi_info.nr_overrides > ARRAY_SIZE(acpi_info.overrides))
        abort();
    while (nr_mapped > 0)
        free(mapped[--nr_mapped]);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {run_elf, run_cmdline, run_multiboot2,
                                                               run_acpi};

    if (size > 0)
        readers[data[0] % ARRAY_SIZE(readers)](data + 1, size - 1);
    return 0;
}
