/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A plugin for QEMU that counts where a machine's instructions are executed: in the hypervisor, in
 * kernels, or in programs; and, where symbols= names a file of functions, in which functions, by
 * which callers (calls.c), and how often and why the hypervisor is entered.
 *
 * The programs that measure mark begin and end of each measurement by an instruction that does
 * nothing. At each end the file that out= names gets a line
 *     total HYPERVISOR KERNEL PROGRAM
 * and before it, with symbols, lines of both these kinds:
 *     stack INSTRUCTIONS function;function;...   outermost first
 *     entry TIMES hypercall HANDLER              or its number, if its handler has no such name
 *     entry TIMES trap FUNCTION                  the one of the hypervisor that is entered
 *     entry TIMES syscall FUNCTION               a program's own, on its way to the kernel
 * The counts are those of the machine, which has one processor.
 */
#include "calls.h"
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

int qemu_plugin_version = 1;
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

/* Of x86-64 PV: between them is the hypervisor's part of the address space, for Xen and Lodge. */
#define HYPERVISOR_START 0xffff800000000000u
#define HYPERVISOR_END   0xffff880000000000u

/* How a block of instructions ends, as far as it is of interest. */
enum end { OTHER, CALL, RET, SYSCALL, IRET };

struct block {
    uint64_t address;
    uint64_t after; /* its last instruction */
    uint32_t symbol;
    uint32_t instructions;
    enum place place;
    enum end end;
    uint32_t last_symbol; /* of its last instruction */
    uint32_t constant;    /* the last that it loads into EAX, or NONE */
};

#define HYPERCALL_IRET 23 /* include/public/hypercalls.h */
#define NONE           UINT32_MAX
#define MAX_ENTRIES    512

enum why { HYPERCALL, HYPERCALL_NUMBER, TRAP, SYSCALL_BOUNCE };

struct entry {
    enum why why;
    uint32_t what; /* a function, or a hypercall's number */
    uint64_t times;
};

static FILE *out;
static bool functions, measuring;
static uint64_t counts[PLACES];
static struct entry entries[MAX_ENTRIES];
static unsigned nr_entries;
static bool unknown; /* it has been entered by a hypercall, and no handler has been seen yet */
static uint32_t eax; /* the last constant that a kernel loaded: at a hypercall mostly its number */
static const struct block nowhere = {.place = PROGRAM};
static const struct block *last = &nowhere;  /* that was executed */
static const struct block *guest = &nowhere; /* the last one outside the hypervisor */

/* iobench.c and membench.c: now() */
static const unsigned char mark_bytes[8] = {0x0f, 0x1f, 0x84, 0x00, 0x42, 0x45, 0x4e, 0x43};

static void write_entries(void)
{
    static const char *const words[] = {"hypercall", "hypercall", "trap", "syscall"};

    for (unsigned i = 0; i < nr_entries; i++) {
        const struct entry *e = &entries[i];

        if (e->why == HYPERCALL_NUMBER)
            fprintf(out, "entry %lu hypercall %u\n", e->times, e->what);
        else
            fprintf(out, "entry %lu %s %s\n", e->times, words[e->why], calls_name(e->what));
    }
    nr_entries = 0;
}

static void mark(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    measuring = !measuring;
    if (measuring) {
        last = guest = &nowhere;
        calls_begin();
        return;
    }
    if (functions)
        calls_write(out);
    write_entries();
    fprintf(out, "total %lu %lu %lu\n", counts[HYPERVISOR], counts[KERNEL], counts[PROGRAM]);
    fflush(out);
    memset(counts, 0, sizeof(counts));
}

static enum place place(uint64_t address)
{
    if (address < HYPERVISOR_START)
        return PROGRAM;
    return address < HYPERVISOR_END ? HYPERVISOR : KERNEL;
}

static void count_entry(enum why why, uint32_t what)
{
    unsigned i = 0;

    while (i < nr_entries && (entries[i].what != what || entries[i].why != why))
        i++;
    if (i == MAX_ENTRIES)
        return;
    if (i == nr_entries)
        entries[nr_entries++] = (struct entry){why, what, 0};
    entries[i].times++;
}

/* Another block of the hypervisor; `entered`: the first since the guest. */
static void in_hypervisor(const struct block *b, bool entered)
{
    if (entered && last->end != SYSCALL)
        count_entry(TRAP, b->symbol);
    else if (entered && last->place == PROGRAM)
        count_entry(SYSCALL_BOUNCE, last->last_symbol);
    else if (entered)
        unknown = true;
    if (unknown && calls_is_handler(b->symbol)) {
        count_entry(HYPERCALL, b->symbol);
        unknown = false;
    }
}

/* The hypervisor has been left. A hypercall's handler may be none that is known by its name. */
static void out_of_hypervisor(void)
{
    if (unknown)
        count_entry(HYPERCALL_NUMBER, eax);
    unknown = false;
}

/* Is the kernel being returned to, by IRET or by the hypercall of that name? */
static bool is_return(void)
{
    if (guest->end == IRET)
        return true;
    return guest->end == SYSCALL &&
           strcmp(calls_name(guest->last_symbol), "xen_hypercall_iret") == 0;
}

/* Kernels also call to fill the processor's memory of return addresses, or to jump by a return. */
static bool is_within(const struct block *b)
{
    return last->end == CALL && b->symbol == last->symbol && b->address != calls_start(b->symbol);
}

static void executed_functions(const struct block *b)
{
    bool crossed = b->place != last->place || (b->place == KERNEL && last->end == IRET);

    if (b->place == HYPERVISOR)
        in_hypervisor(b, crossed);
    else if (last->place == HYPERVISOR)
        out_of_hypervisor();
    if (crossed)
        calls_cross(b->place == HYPERVISOR ? last->place : guest->place, b->place, is_return());
    if (last->end == RET)
        calls_return(b->address);
    else if (is_within(b))
        calls_undo(last->after);
    if (b->constant != NONE)
        eax = b->constant;
    calls_count(b->place, b->symbol, b->address, b->instructions);
    last = b;
    if (b->place != HYPERVISOR)
        guest = b;
}

static void executed(unsigned cpu, void *data)
{
    const struct block *b = data;

    (void)cpu;
    if (!measuring)
        return;
    counts[b->place] += b->instructions;
    if (functions)
        executed_functions(b);
}

static void called(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    const struct block *b = data;

    (void)cpu;
    (void)info;
    if (measuring)
        calls_call(b->place, address, b->after);
}

/* Near CALL, with whatever prefixes (Intel SDM volume 2). */
static bool is_call(const unsigned char *code, size_t size)
{
    size_t i = 0;

    while (i + 1 < size &&
           (code[i] == 0x2e || code[i] == 0x3e || code[i] == 0x66 || (code[i] & 0xf0) == 0x40))
        i++;
    return code[i] == 0xe8 || (code[i] == 0xff && i + 1 < size && ((code[i + 1] >> 3) & 7) == 2);
}

static bool is_ret(const unsigned char *code, size_t size)
{
    size_t i = size > 1 && (code[0] == 0xf3 || code[0] == 0xf2) ? 1 : 0;

    return code[i] == 0xc3 || code[i] == 0xc2;
}

static enum end end_of(const unsigned char *code, size_t size)
{
    if (is_call(code, size))
        return CALL;
    if (is_ret(code, size))
        return RET;
    if (size >= 2 && code[0] == 0x0f && code[1] == 0x05)
        return SYSCALL;
    return code[size - 1] == 0xcf && size <= 2 ? IRET : OTHER;
}

/* MOV of a constant to EAX. */
static uint32_t constant_of(const struct qemu_plugin_tb *tb, size_t nr)
{
    for (size_t i = nr; i-- > 0;) {
        const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const unsigned char *code = qemu_plugin_insn_data(insn);
        uint32_t value;

        if (qemu_plugin_insn_size(insn) != 5 || code[0] != 0xb8)
            continue;
        memcpy(&value, code + 1, sizeof(value));
        return value;
    }
    return NONE;
}

/* Calls are of no interest in programs, each of which is one function. */
static void follow(struct block *b, const struct qemu_plugin_tb *tb, size_t nr)
{
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, nr - 1);
    size_t size = qemu_plugin_insn_size(insn);

    b->end = end_of(qemu_plugin_insn_data(insn), size);
    b->after = qemu_plugin_insn_vaddr(insn) + size;
    if (b->place == KERNEL)
        b->constant = constant_of(tb, nr);
    b->last_symbol = calls_symbol(qemu_plugin_insn_vaddr(insn));
    if (b->end == CALL && b->place != PROGRAM)
        qemu_plugin_register_vcpu_mem_cb(insn, called, CB_NO_REGS, MEM_WRITE, b);
}

/* What is translated may be executed as long as the machine runs: blocks are not given back. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t nr = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    struct block *b = malloc(sizeof(*b));

    (void)id;
    if (b == NULL)
        abort();
    *b = (struct block){.address = address,
                        .instructions = (uint32_t)nr,
                        .place = place(address),
                        .constant = NONE};
    if (functions) {
        b->symbol = calls_symbol(address);
        follow(b, tb, nr);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, CB_NO_REGS, b);
    for (size_t i = 0; b->place == PROGRAM && i < nr; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        if (qemu_plugin_insn_size(insn) == sizeof(mark_bytes) &&
            memcmp(qemu_plugin_insn_data(insn), mark_bytes, sizeof(mark_bytes)) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, CB_NO_REGS, NULL);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
        if (strncmp(argv[i], "symbols=", 8) == 0) {
            functions = true;
            if (!calls_read_symbols(argv[i] + 8)) {
                fprintf(stderr, "where: no functions from address zero on in %s\n", argv[i] + 8);
                return -1;
            }
        }
    }
    if (out == NULL) {
        fprintf(stderr, "where: out= names no file that can be written\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
