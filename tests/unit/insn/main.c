/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decoder on what gen.py had assembled, cut short at every byte, with more behind it, and on
 * random bytes, which always lie at the end of their memory so that a read beyond them is found.
 */
#include <lib/insn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIP 0x7fff12345678ull /* with the registers, as in gen.py */

static unsigned passed, failed;
static uint64_t regs[16];
static char line[512];

#define CHECK(cond)                                \
    do {                                           \
        if (cond) {                                \
            passed++;                              \
        } else if (failed++ < 50) {                \
            printf("failed: %s: %s", #cond, line); \
        }                                          \
    } while (0)

enum { MODE, KIND, OPERAND, ADDRESS, REP, SEGMENT, REG, RM, OFFSET, BYTES, TEXT, FIELDS };

static bool decode(struct insn *in, const uint8_t *bytes, unsigned n, unsigned mode)
{
    uint8_t *copy = malloc(n + 1), *end = copy + 1; /* never of no length */
    bool ok;

    memcpy(end, bytes, n);
    ok = insn_decode(in, end, n, mode);
    free(copy);
    return ok;
}

static bool is(const char *field, uint64_t value)
{
    return strcmp(field, "-") == 0 || strtoull(field, NULL, 10) == value;
}

static void check_case(char *field[FIELDS])
{
    unsigned mode = (unsigned)atoi(field[MODE]), n = (unsigned)strlen(field[BYTES]) / 2;
    uint8_t bytes[32];
    struct insn in, longer, cut;

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        unsigned byte = 0xcc;

        if (i < n)
            (void)sscanf(field[BYTES] + 2 * i, "%2x", &byte);
        bytes[i] = (uint8_t)byte;
    }
    CHECK(decode(&in, bytes, n, mode));
    CHECK(in.length == n);
    CHECK(is(field[KIND], in.kind));
    CHECK(is(field[OPERAND], in.operand_size));
    CHECK(is(field[ADDRESS], in.address_size));
    CHECK(is(field[REP], in.rep));
    CHECK(is(field[REG], in.reg));
    CHECK(is(field[RM], in.rm));
    if (strcmp(field[OFFSET], "-") != 0) {
        CHECK(in.memory);
        CHECK(strtoull(field[OFFSET], NULL, 10) == insn_offset(&in, regs, RIP));
        CHECK(is(field[SEGMENT], insn_operand_segment(&in)));
    } else {
        CHECK(!in.memory);
        CHECK(is(field[SEGMENT], in.segment));
    }
    CHECK(decode(&longer, bytes, sizeof(bytes), mode) && longer.length == n);
    for (unsigned less = 0; less < n; less++)
        CHECK(!decode(&cut, bytes, less, mode));
}

static uint64_t random_word(void)
{
    static uint64_t s = 88172645463325252ull;

    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return s;
}

/* Bytes of which instructions are made, more often than others. */
static uint8_t random_byte(void)
{
    static const uint8_t likely_bytes[] = {0x0f, 0x0f, 0x01, 0x00, 0x66, 0x67, 0xf2, 0xf3, 0xf0,
                                           0x2e, 0x36, 0x64, 0x65, 0x48, 0x4f, 0x20, 0x22, 0xa2};
    uint64_t r = random_word() >> 16;

    return r & 1 ? (uint8_t)(r >> 8) : likely_bytes[(r >> 8) % sizeof(likely_bytes)];
}

static void fuzz(void)
{
    static const unsigned modes[] = {INSN_16, INSN_32, INSN_64};
    unsigned known = 0, wrong = 0;

    (void)snprintf(line, sizeof(line), "random bytes\n");
    for (unsigned round = 0; round < 600000; round++) {
        unsigned n = (unsigned)(random_word() >> 8) % 20, mode = modes[round % 3];
        uint8_t bytes[20];
        struct insn in, again;

        for (unsigned i = 0; i < n; i++)
            bytes[i] = random_byte();
        if (!decode(&in, bytes, n, mode))
            continue;
        known++;
        wrong += in.length == 0 || in.length > n || in.length > INSN_MAX;
        wrong += in.kind == INSN_OTHER || in.kind > INSN_RDTSCP || in.reg > 15 || in.rm > 15;
        wrong += in.base > INSN_NO_REG || in.index > INSN_NO_REG || in.segment > INSN_NO_SEGMENT;
        if (in.memory)
            (void)insn_offset(&in, regs, RIP);
        /* All that it looked at is the instruction. */
        wrong += !decode(&again, bytes, in.length, mode) || again.length != in.length ||
                 again.kind != in.kind;
    }
    CHECK(wrong == 0);
    CHECK(known > 10000);
}

/* No prefix is longer than an instruction may be. */
static void too_long(void)
{
    uint8_t bytes[20];
    struct insn in;

    (void)snprintf(line, sizeof(line), "prefixes\n");
    memset(bytes, 0x66, sizeof(bytes));
    CHECK(!decode(&in, bytes, sizeof(bytes), INSN_64));
    bytes[14] = 0xf4;
    CHECK(decode(&in, bytes, sizeof(bytes), INSN_64) && in.length == 15);
    bytes[14] = 0x66;
    bytes[15] = 0xf4;
    CHECK(!decode(&in, bytes, sizeof(bytes), INSN_64));
}

int main(int argc, char **argv)
{
    FILE *cases = argc > 1 ? fopen(argv[1], "r") : NULL;
    unsigned n = 0;

    if (cases == NULL)
        return 2;
    for (unsigned i = 0; i < 16; i++)
        regs[i] = 0x1122334455667788ull * (i + 3);
    while (fgets(line, sizeof(line), cases) != NULL) {
        char copy[sizeof(line)], *field[FIELDS], *rest = copy;

        memcpy(copy, line, sizeof(copy));
        for (unsigned i = 0; i < FIELDS; i++)
            field[i] = strsep(&rest, " \n");
        check_case(field);
        n++;
    }
    (void)fclose(cases);
    CHECK(n > 3000);
    fuzz();
    too_long();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
