/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel images: a small correct one, built here, then each mistake by name, then every truncation
 * and a great many random changes of it, which must neither crash nor read outside (the sanitizers
 * see to that: each trial is an allocation of its own).
 */
#include <lib/elf.h>
#include <lib/string.h>
#include "check.h"

void *malloc(size_t n);
void free(void *p);

#define IMAGE_SIZE 0x400

struct image {
    uint8_t b[IMAGE_SIZE];
};

static void put(struct image *i, unsigned at, uint64_t v, unsigned size)
{
    memcpy(i->b + at, &v, size);
}

static unsigned put_note(struct image *i, unsigned at, uint32_t type, const void *desc, uint32_t n)
{
    put(i, at, 4, 4);
    put(i, at + 4, n, 4);
    put(i, at + 8, type, 4);
    memcpy(i->b + at + 12, "Xen", 4);
    memcpy(i->b + at + 16, desc, n);
    return at + 16 + ROUND_UP(n, 4u);
}

static unsigned put_note_u64(struct image *i, unsigned at, uint32_t type, uint64_t v)
{
    return put_note(i, at, type, &v, 8);
}

#define VIRT 0xffffffff80000000ull

/* One PT_LOAD of 0x100 bytes at physical 0x1000000 and one PT_NOTE. */
static struct image good(void)
{
    struct image i;
    unsigned at = 0x200;

    memset(&i, 0, sizeof(i));
    memcpy(i.b, "\177ELF\2\1\1", 7);
    put(&i, 16, 2, 2);
    put(&i, 18, 62, 2);
    put(&i, 24, 0x1000000, 8);
    put(&i, 32, 64, 8);
    put(&i, 54, 56, 2);
    put(&i, 56, 2, 2);
    put(&i, 64, 1, 4); /* PT_LOAD */
    put(&i, 64 + 8, 0x100, 8);
    put(&i, 64 + 16, VIRT + 0x1000000, 8);
    put(&i, 64 + 24, 0x1000000, 8);
    put(&i, 64 + 32, 0x100, 8);
    put(&i, 64 + 40, 0x3000, 8);
    put(&i, 120, 4, 4); /* PT_NOTE */
    put(&i, 120 + 8, 0x200, 8);
    at = put_note(&i, at, 6, "linux", 6);
    at = put_note_u64(&i, at, 3, VIRT);
    at = put_note_u64(&i, at, 1, VIRT + 0x1000000);
    at = put_note_u64(&i, at, 2, VIRT + 0x1001000);
    at = put_note_u64(&i, at, 15, 0x8000000000ull);
    at = put_note_u64(&i, at, 16, 1);
    at = put_note_u64(&i, at, 17, 1 << 11);
    put(&i, 120 + 32, at - 0x200, 8);
    return i;
}

static const char *parse(const struct image *i, struct elf_image *e)
{
    return elf_parse(e, i->b, sizeof(i->b));
}

static int count_segment(void *ctx, uint64_t va, const void *data, uint64_t filesz, uint64_t memsz)
{
    const uint8_t *p = data;
    unsigned *n = ctx, sum = 0;

    for (uint64_t k = 0; k < filesz; k++)
        sum += p[k];
    (*n)++;
    return va == VIRT + 0x1000000 && memsz == 0x3000 && sum != 1 ? 0 : 7;
}

static void test_good(void)
{
    struct image i = good();
    struct elf_image e;
    unsigned segments = 0;

    CHECK(parse(&i, &e) == NULL);
    CHECK(e.virt_base == VIRT && e.entry == VIRT + 0x1000000);
    CHECK(e.vstart == VIRT + 0x1000000 && e.vend == VIRT + 0x1003000);
    CHECK(e.has_hypercall_page && e.hypercall_page == VIRT + 0x1001000);
    CHECK(e.has_init_p2m && e.init_p2m == 0x8000000000ull && e.mod_start_is_pfn);
    CHECK(e.supports_dom0 && strcmp(e.guest_os, "linux") == 0);
    CHECK(elf_for_each_segment(&e, count_segment, &segments) == 0 && segments == 1);
}

/* The message has the word that tells the user what is wrong. */
static bool refused(const struct image *i, const char *word)
{
    struct elf_image e;
    const char *error = parse(i, &e);

    if (error == NULL)
        return false;
    for (; *error != 0; error++)
        if (strncmp(error, word, strlen(word)) == 0)
            return true;
    return false;
}

static void test_bad(void)
{
    struct image i = good();

    memcpy(i.b + 0x202, "HdrS", 4);
    CHECK(refused(&i, "extract-kernel"));
    i = good();
    i.b[0] = 0;
    CHECK(refused(&i, "not an ELF"));
    i = good();
    i.b[4] = 1;
    CHECK(refused(&i, "32-bit"));
    i = good();
    put(&i, 18, 183, 2);
    CHECK(refused(&i, "another processor"));
    i = good();
    put(&i, 32, UINT64_MAX - 8, 8);
    CHECK(refused(&i, "outside the file"));
    i = good();
    put(&i, 64 + 32, 0x3000, 8);
    CHECK(refused(&i, "segment outside"));
    i = good();
    put(&i, 64 + 40, UINT64_MAX, 8);
    CHECK(refused(&i, "wraps"));
    i = good();
    put(&i, 120, 0, 4);
    CHECK(refused(&i, "Xen PV"));
    i = good();
    put(&i, 64, 0, 4);
    CHECK(refused(&i, "nothing to load"));
}

static void try_bytes(const uint8_t *bytes, unsigned n)
{
    uint8_t *p = malloc(n != 0 ? n : 1);
    struct elf_image e;
    unsigned segments = 0;

    memcpy(p, bytes, n);
    if (elf_parse(&e, p, n) == NULL)
        (void)elf_for_each_segment(&e, count_segment, &segments);
    free(p);
}

static void test_hostile(void)
{
    struct image i = good();
    uint64_t seed = 12345;

    for (unsigned n = 0; n <= IMAGE_SIZE; n++)
        try_bytes(i.b, n);
    for (unsigned trial = 0; trial < 100000; trial++) {
        i = good();
        for (unsigned k = 0; k < 3; k++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            i.b[(seed >> 33) % 0x2c0] = (uint8_t)((seed >> 20) % 5 == 0 ? 0xff : seed >> 50);
        }
        try_bytes(i.b, IMAGE_SIZE);
    }
    CHECK(true);
}

void test_elf(void)
{
    test_good();
    test_bad();
    test_hostile();
}
