/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who called whom, for the plugin where.c: a tree of chains of functions, in which each node counts
 * the instructions that its function executed itself.
 *
 * A call is remembered with the address that it will return to and where on the stack that address
 * is. A call at stack address A ends every call that was made at A or below it, as stacks grow
 * downwards; a return ends the innermost one that goes where it goes. So nothing goes wrong for
 * long where code leaves a function by other ways. Each kernel stack (16 KiB, aligned) has a list
 * of its calls of its own, by which a switch of tasks shows. The hypervisor starts with an empty
 * stack at each entry, below the function that was executed before. A program is one function.
 *
 * A jump into another function replaces the one that jumped. An exception in the kernel does not:
 * its entry function is below the one that was interrupted, until the way back.
 */
#include "calls.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH   192
#define STACK_SHIFT 14
#define STACKS      4096 /* a power of two */
#define ROOT        0

/* ---- functions ---- */

struct symbol {
    uint64_t start;
    char *name;
    bool entry;   /* of an exception in a kernel */
    bool handler; /* of a hypercall */
};

static struct symbol *symbols;
static uint32_t nr_symbols;

static bool is_entry(const char *name)
{
    static const char *const starts[] = {"asm_exc_", "asm_sysvec_", "asm_common_interrupt",
                                         "xen_asm_e", "asm_spurious"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* Lodge's handlers and Xen's. */
static bool is_handler(const char *name)
{
    return strncmp(name, "lodge:hc_", 9) == 0 || strncmp(name, "xen:do_", 7) == 0;
}

bool calls_read_symbols(const char *path)
{
    FILE *f = fopen(path, "r");
    char name[512];
    uint64_t start;
    uint32_t room = 0;

    if (f == NULL)
        return false;
    while (fscanf(f, "%lx %511s", &start, name) == 2) {
        if (nr_symbols == room) {
            room = room * 2 + 1024;
            symbols = realloc(symbols, room * sizeof(*symbols));
            if (symbols == NULL)
                abort();
        }
        symbols[nr_symbols++] =
            (struct symbol){start, strdup(name), is_entry(name), is_handler(name)};
    }
    fclose(f);
    return nr_symbols > 0 && symbols[0].start == 0;
}

/* The last one that starts at the address or before it: the first starts at zero. */
uint32_t calls_symbol(uint64_t address)
{
    uint32_t low = 0, high = nr_symbols;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (symbols[middle].start <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t calls_start(uint32_t symbol)
{
    return symbols[symbol].start;
}

const char *calls_name(uint32_t symbol)
{
    return symbols[symbol].name;
}

bool calls_is_handler(uint32_t symbol)
{
    return symbols[symbol].handler;
}

/* ---- the tree ---- */

struct node {
    uint32_t parent;
    uint32_t symbol;
    uint32_t depth; /* of the chain */
    uint64_t count;
};

static struct node *nodes; /* [ROOT] is nobody */
static uint32_t nr_nodes, room_nodes;
static uint32_t *table; /* node numbers by parent and symbol; 0 is free */
static uint32_t table_size;

static uint32_t slot_of(uint32_t parent, uint32_t symbol)
{
    uint64_t hash = ((uint64_t)parent << 32 | symbol) * 0x9e3779b97f4a7c15u;
    uint32_t slot = (uint32_t)(hash >> 32) & (table_size - 1);

    while (table[slot] != 0 &&
           (nodes[table[slot]].parent != parent || nodes[table[slot]].symbol != symbol))
        slot = (slot + 1) & (table_size - 1);
    return slot;
}

static void grow(void)
{
    room_nodes = room_nodes == 0 ? 4096 : room_nodes * 2;
    table_size = room_nodes * 2;
    nodes = realloc(nodes, room_nodes * sizeof(*nodes));
    free(table);
    table = calloc(table_size, sizeof(*table));
    if (nodes == NULL || table == NULL)
        abort();
    if (nr_nodes == 0)
        nodes[nr_nodes++] = (struct node){0};
    for (uint32_t i = 1; i < nr_nodes; i++)
        table[slot_of(nodes[i].parent, nodes[i].symbol)] = i;
}

static uint32_t child(uint32_t parent, uint32_t symbol)
{
    uint32_t slot;

    if (nr_nodes == room_nodes)
        grow();
    if (nodes[parent].depth == MAX_DEPTH)
        parent = ROOT;
    slot = slot_of(parent, symbol);
    if (table[slot] == 0) {
        nodes[nr_nodes] = (struct node){parent, symbol, nodes[parent].depth + 1, 0};
        table[slot] = nr_nodes++;
    }
    return table[slot];
}

/* ---- stacks ---- */

struct frame {
    uint64_t sp;    /* where the return address is; 0: of an exception, not known yet */
    uint64_t after; /* the return address; 0: of an exception */
    uint32_t node;  /* who called, or was interrupted */
};

struct stack {
    uint64_t key;
    uint32_t base;
    unsigned depth;
    struct frame frames[MAX_DEPTH];
};

static struct stack kernel_stacks[STACKS];
static struct stack fresh_kernel; /* of a kernel that has come from a program and called nobody */
static struct stack hypervisor_stack;
static struct stack program_stack;
static struct stack *at_kernel = &fresh_kernel; /* the kernel's stack in use */
static struct stack *at = &program_stack;       /* the machine's */
static uint32_t now;                            /* the node that executes */
static bool moved = true;                       /* `now` has to be found anew */

static void push(uint64_t sp, uint64_t after)
{
    if (at->depth == MAX_DEPTH) { /* the outermost ones are lost */
        memmove(at->frames, at->frames + 1, (MAX_DEPTH - 1) * sizeof(at->frames[0]));
        at->depth--;
    }
    at->frames[at->depth++] = (struct frame){sp, after, now};
    moved = true;
}

static void pop_to(uint64_t sp)
{
    while (at->depth > 0 && at->frames[at->depth - 1].sp <= sp)
        at->depth--;
    moved = true;
}

/* An exception's own frame is above its first call: pt_regs are there. */
#define PT_REGS 168

static void settle(uint64_t sp)
{
    if (at->depth > 0 && at->frames[at->depth - 1].sp == 0)
        at->frames[at->depth - 1].sp = sp + PT_REGS / 2;
}

/* The kernel's stack at this address is in use from now on. */
static void use_kernel_stack(uint64_t sp)
{
    uint64_t key = sp >> STACK_SHIFT;
    struct stack *s = &kernel_stacks[key & (STACKS - 1)];

    if (at->key == key && at != &fresh_kernel)
        return;
    if (s->key != key) {
        s->key = key;
        s->depth = 0;
        s->base = ROOT;
    }
    at = at_kernel = s;
}

void calls_call(enum place place, uint64_t sp, uint64_t after)
{
    if (place == KERNEL)
        use_kernel_stack(sp);
    settle(sp);
    pop_to(sp);
    push(sp, after);
}

void calls_return(uint64_t to)
{
    for (unsigned depth = at->depth; depth > 0; depth--)
        if (at->frames[depth - 1].after == to) {
            at->depth = depth - 1;
            moved = true;
            return;
        }
}

void calls_undo(uint64_t after)
{
    if (at->depth > 0 && at->frames[at->depth - 1].after == after)
        at->depth--;
    moved = true;
}

/* The innermost exception of this stack has been dealt with. */
static void end_exception(void)
{
    for (unsigned depth = at->depth; depth > 0; depth--)
        if (at->frames[depth - 1].after == 0) {
            at->depth = depth - 1;
            return;
        }
}

void calls_cross(enum place from, enum place to, bool back)
{
    moved = true;
    switch (to) {
    case HYPERVISOR:
        hypervisor_stack.base = now;
        hypervisor_stack.depth = 0;
        at = &hypervisor_stack;
        break;
    case KERNEL:
        if (from == PROGRAM) {
            fresh_kernel.depth = 0;
            at_kernel = &fresh_kernel;
        }
        if (from == KERNEL && at == &hypervisor_stack)
            now = hypervisor_stack.base; /* what an exception's function will be below */
        at = at_kernel;
        if (from == KERNEL && back)
            end_exception();
        break;
    default:
        at = &program_stack;
        break;
    }
}

/* ---- counting ---- */

void calls_count(enum place place, uint32_t symbol, uint64_t address, uint32_t instructions)
{
    if (place == KERNEL && symbols[symbol].entry && address == symbols[symbol].start &&
        at->depth > 0 && at->frames[at->depth - 1].sp != 0)
        push(0, 0);
    if (moved || nodes[now].symbol != symbol) {
        now = child(at->depth > 0 ? at->frames[at->depth - 1].node : at->base, symbol);
        moved = false;
    }
    nodes[now].count += instructions;
}

static void write_chain(FILE *out, uint32_t node)
{
    if (nodes[node].parent != ROOT) {
        write_chain(out, nodes[node].parent);
        fputc(';', out);
    }
    fputs(calls_name(nodes[node].symbol), out);
}

void calls_write(FILE *out)
{
    for (uint32_t i = 1; i < nr_nodes; i++) {
        if (nodes[i].count == 0)
            continue;
        fprintf(out, "stack %lu ", nodes[i].count);
        write_chain(out, i);
        fputc('\n', out);
    }
}

void calls_begin(void)
{
    for (uint32_t i = 0; i < nr_nodes; i++)
        nodes[i].count = 0;
    for (uint32_t i = 0; i < STACKS; i++)
        kernel_stacks[i].depth = 0;
    at = &program_stack;
    at_kernel = &fresh_kernel;
    moved = true;
}
