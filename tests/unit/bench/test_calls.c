/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chains of callers (tests/bench/calls.c): what a machine might do is told to it as the plugin
 * does, and the chains that it writes are compared.
 */
#include "calls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K(n)   (0xffffffff81000000u + 0x1000 * (n))
#define HV     0xffff810000200000u
#define STACK  0xffffc90000003f00u /* of one task */
#define STACK2 0xffffc90000013f00u /* of another */

static int failures;

static void at(enum place place, uint64_t address, uint32_t instructions)
{
    calls_count(place, calls_symbol(address), address, instructions);
}

/* The functions of these tests, at the addresses above. */
static void name_functions(void)
{
    char path[] = "/tmp/lodge-calls-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");

    if (f == NULL)
        abort();
    fprintf(f, "0 program\nffff800000000000 hypervisor\n%lx lodge:hc_iret\n", HV);
    fprintf(f, "%lx entry\n%lx outer\n%lx inner\n%lx asm_exc_page_fault\n%lx switch\n", K(0), K(1),
            K(2), K(3), K(4));
    fclose(f);
    if (!calls_read_symbols(path))
        abort();
    unlink(path);
}

/* All that calls_write() writes must be these lines, in any order. */
static void expect(const char *test, const char *const *lines)
{
    char *text = NULL;
    size_t size = 0, length = 0;
    FILE *f = open_memstream(&text, &size);

    calls_write(f);
    fclose(f);
    for (; *lines != NULL; lines++) {
        length += strlen(*lines);
        if (strstr(text, *lines) == NULL) {
            printf("%s: no \"%s\" in\n%s", test, *lines, text);
            failures++;
        }
    }
    if (length != size) {
        printf("%s: more or less than expected:\n%s", test, text);
        failures++;
    }
    free(text);
}

#define EXPECT(test, ...) expect(test, (const char *const[]){__VA_ARGS__, NULL})

/* A program calls the kernel; there a function calls another one twice. */
static void test_calls_and_returns(void)
{
    calls_begin();
    at(PROGRAM, 0x400000, 1);
    calls_cross(PROGRAM, KERNEL, false);
    at(KERNEL, K(0), 2);
    calls_call(KERNEL, STACK, K(0) + 9);
    at(KERNEL, K(1), 3);
    for (int i = 0; i < 2; i++) {
        calls_call(KERNEL, STACK - 32, K(1) + 9);
        at(KERNEL, K(2), 4);
        calls_return(K(1) + 9);
        at(KERNEL, K(1) + 9, 5);
    }
    calls_return(K(0) + 9);
    at(KERNEL, K(0) + 9, 6);
    EXPECT("calls", "stack 1 program\n", "stack 8 entry\n", "stack 13 entry;outer\n",
           "stack 8 entry;outer;inner\n");
}

/* inner is left by a jump out of it, without a return: the next call further up ends it. */
static void test_lost_return(void)
{
    calls_begin();
    at(PROGRAM, 0x400000, 1);
    calls_cross(PROGRAM, KERNEL, false);
    at(KERNEL, K(0), 1);
    calls_call(KERNEL, STACK, K(0) + 9);
    at(KERNEL, K(1), 1);
    calls_call(KERNEL, STACK - 32, K(1) + 9);
    at(KERNEL, K(2), 1);
    at(KERNEL, K(0) + 16, 1); /* a jump: in inner's place, as far as is known */
    calls_call(KERNEL, STACK, K(0) + 32);
    at(KERNEL, K(1), 1);
    calls_return(K(0) + 32);
    at(KERNEL, K(0) + 32, 1);
    EXPECT("lost return", "stack 1 program\n", "stack 2 entry\n", "stack 1 entry;outer\n",
           "stack 1 entry;outer;inner\n", "stack 1 entry;outer;entry\n",
           "stack 1 entry;outer;entry;outer\n");
}

/* An exception of the kernel's own is below what it interrupts, and is gone after its way back. */
static void test_exception(void)
{
    calls_begin();
    at(PROGRAM, 0x400000, 1);
    calls_cross(PROGRAM, KERNEL, false);
    at(KERNEL, K(0), 1);
    calls_call(KERNEL, STACK, K(0) + 9);
    at(KERNEL, K(1), 1);
    calls_cross(KERNEL, HYPERVISOR, false);
    at(HYPERVISOR, HV - 16, 1);
    calls_cross(KERNEL, KERNEL, false);
    at(KERNEL, K(3), 1);
    calls_call(KERNEL, STACK - 400, K(3) + 9);
    at(KERNEL, K(2), 1);
    calls_return(K(3) + 9);
    at(KERNEL, K(3) + 9, 1);
    calls_cross(KERNEL, HYPERVISOR, false);
    at(HYPERVISOR, HV, 1);
    calls_cross(KERNEL, KERNEL, true);
    at(KERNEL, K(1) + 32, 1);
    EXPECT("exception", "stack 1 program\n", "stack 1 entry\n", "stack 2 entry;outer\n",
           "stack 1 entry;outer;hypervisor\n", "stack 2 entry;outer;asm_exc_page_fault\n",
           "stack 1 entry;outer;asm_exc_page_fault;inner\n",
           "stack 1 entry;outer;asm_exc_page_fault;lodge:hc_iret\n");
}

/* Two tasks, each with its own stack: after a switch a function is below its own task's callers. */
static void test_switch(void)
{
    calls_begin();
    at(PROGRAM, 0x400000, 1);
    calls_cross(PROGRAM, KERNEL, false);
    at(KERNEL, K(0), 1);
    calls_call(KERNEL, STACK, K(0) + 9);
    at(KERNEL, K(1), 1);
    calls_call(KERNEL, STACK2, K(4) + 9); /* the stack is another one's now */
    at(KERNEL, K(2), 1);
    calls_return(K(4) + 9);
    at(KERNEL, K(4) + 9, 1);
    calls_call(KERNEL, STACK - 64, K(1) + 9); /* and now the first one's again */
    at(KERNEL, K(2), 1);
    calls_return(K(1) + 9);
    at(KERNEL, K(1) + 9, 1);
    EXPECT("switch", "stack 1 program\n", "stack 1 entry\n", "stack 2 entry;outer\n",
           "stack 1 entry;outer;inner\n", "stack 1 switch\n", "stack 1 switch;inner\n");
}

/* A call that goes on in the same function, and is never returned from, makes no chain longer. */
static void test_call_within(void)
{
    calls_begin();
    at(PROGRAM, 0x400000, 1);
    calls_cross(PROGRAM, KERNEL, false);
    at(KERNEL, K(0), 1);
    calls_call(KERNEL, STACK, K(0) + 9);
    calls_undo(K(0) + 9);
    at(KERNEL, K(0) + 10, 1);
    calls_call(KERNEL, STACK, K(0) + 19);
    calls_undo(K(0) + 10); /* another one's */
    at(KERNEL, K(1), 1);
    EXPECT("call within", "stack 1 program\n", "stack 2 entry\n", "stack 1 entry;outer\n");
}

/* Calls without end must not make chains without end. */
static void test_depth(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f;

    calls_begin();
    at(PROGRAM, 0x400000, 1);
    calls_cross(PROGRAM, KERNEL, false);
    for (uint64_t i = 0; i < 100000; i++) {
        at(KERNEL, K(1 + i % 2), 1);
        calls_call(KERNEL, STACK - i / 100, K(1 + i % 2) + 9);
    }
    f = open_memstream(&text, &size);
    calls_write(f);
    fclose(f);
    if (size > 1u << 20) {
        printf("depth: %zu bytes of chains\n", size);
        failures++;
    }
    free(text);
}

int main(void)
{
    name_functions();
    test_calls_and_returns();
    test_lost_return();
    test_exception();
    test_switch();
    test_call_within();
    test_depth();
    printf("%d tests of chains of callers failed\n", failures);
    return failures != 0;
}
