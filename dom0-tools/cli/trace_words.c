// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace_words.c: records of a trace in words, the same in every form of output.
 */
#include "trace.h"

#include <inttypes.h>
#include <string.h>

#include <public/lodge_trace.h>
#include <public/vcpu.h>

#define SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct kind {
    const char *name;
    bool end;
    uint32_t event;
} kinds[] = {
    [TRACE_LOST] = {"lost", false, 0},
    [LODGE_TRACED_HYPERCALL] = {"hypercall", false, LODGE_TRACE_HYPERCALLS},
    [LODGE_TRACED_HYPERCALL_DONE] = {"hypercall", true, LODGE_TRACE_HYPERCALLS},
    [LODGE_TRACED_EXCEPTION] = {"exception", false, LODGE_TRACE_EXCEPTIONS},
    [LODGE_TRACED_EXCEPTION_DONE] = {"exception", true, LODGE_TRACE_EXCEPTIONS},
    [LODGE_TRACED_EMULATED] = {"emulated", false, LODGE_TRACE_EMULATED},
    [LODGE_TRACED_INTERRUPT] = {"interrupt", false, LODGE_TRACE_INTERRUPTS},
    [LODGE_TRACED_INTERRUPT_DONE] = {"interrupt", true, LODGE_TRACE_INTERRUPTS},
    [LODGE_TRACED_SWITCH] = {"schedule", false, LODGE_TRACE_SCHEDULE},
    [LODGE_TRACED_EVENT] = {"event", false, LODGE_TRACE_EVENTS},
    [LODGE_TRACED_UPCALL] = {"upcall", false, 0}, /* -e event brings both */
    [LODGE_TRACED_SYSCALL] = {"syscall", false, LODGE_TRACE_SYSCALLS},
};

static const char *const exceptions[] = {
    [0] = "divide error",
    [1] = "debug",
    [2] = "NMI",
    [3] = "breakpoint",
    [4] = "overflow",
    [5] = "bound",
    [6] = "invalid opcode",
    [7] = "device not available",
    [8] = "double fault",
    [10] = "invalid TSS",
    [11] = "segment not present",
    [12] = "stack fault",
    [13] = "general protection",
    [14] = "page fault",
    [16] = "floating point",
    [17] = "alignment check",
    [18] = "machine check",
    [19] = "SIMD floating point",
};

static const char *const outcomes[] = {
    [LODGE_TRACED_TO_GUEST] = "guest",
    [LODGE_TRACED_BY_US] = "emulated",
    [LODGE_TRACED_RESOLVED] = "resolved",
};

static const char *const states[] = {
    [RUNSTATE_running] = "running",
    [RUNSTATE_runnable] = "runnable",
    [RUNSTATE_blocked] = "blocked",
    [RUNSTATE_offline] = "offline",
};

/*
 * Instructions that are emulated, by their first bytes; a prefix 48 (REX.W) or f2, f3 is skipped.
 */
static const struct insn {
    uint8_t length, bytes[2];
    const char *name;
} insns[] = {
    {2, {0x0f, 0x01}, "system table or UMIP instruction"},
    {2, {0x0f, 0x06}, "clts"},
    {2, {0x0f, 0x09}, "wbinvd"},
    {2, {0x0f, 0x0b}, "forced cpuid"},
    {2, {0x0f, 0x20}, "read of CRn"},
    {2, {0x0f, 0x22}, "write to CRn"},
    {2, {0x0f, 0x21}, "read of DRn"},
    {2, {0x0f, 0x23}, "write to DRn"},
    {2, {0x0f, 0x30}, "wrmsr"},
    {2, {0x0f, 0x31}, "rdtsc"},
    {2, {0x0f, 0x32}, "rdmsr"},
    {2, {0x0f, 0xa2}, "cpuid"},
    {1, {0xe4}, "in"},
    {1, {0xe5}, "in"},
    {1, {0xec}, "in"},
    {1, {0xed}, "in"},
    {1, {0xe6}, "out"},
    {1, {0xe7}, "out"},
    {1, {0xee}, "out"},
    {1, {0xef}, "out"},
    {1, {0x6c}, "ins"},
    {1, {0x6d}, "ins"},
    {1, {0x6e}, "outs"},
    {1, {0x6f}, "outs"},
    {1, {0xcf}, "iret"},
    {1, {0xf4}, "hlt"},
    {1, {0xfa}, "cli"},
    {1, {0xfb}, "sti"},
};

const char *trace_kind(const struct lodge_trace_record *r)
{
    return r->type < SIZE(kinds) ? kinds[r->type].name : "unknown";
}

bool trace_is_end(const struct lodge_trace_record *r)
{
    return r->type < SIZE(kinds) && kinds[r->type].end;
}

uint32_t trace_events(const char *list, const char **bad, int *len)
{
    uint32_t events = 0;

    do {
        size_t n = strcspn(list, ",");
        uint32_t found = 0;

        if (n == 3 && !strncmp(list, "all", n))
            found = LODGE_TRACE_EVERYTHING;
        for (size_t i = 0; i < SIZE(kinds); i++)
            if (kinds[i].event && strlen(kinds[i].name) == n && !strncmp(list, kinds[i].name, n))
                found = kinds[i].event;
        if (!found) {
            *bad = list;
            *len = (int)n;
            return 0;
        }
        events |= found;
        list += n + (list[n] == ',');
    } while (*list);
    return events;
}

void trace_vcpu(uint64_t domain, uint64_t vcpu, char *buf, size_t len)
{
    if (domain == LODGE_TRACE_IDLE)
        snprintf(buf, len, "idle");
    else
        snprintf(buf, len, "d%" PRIu64 "v%" PRIu64, domain, vcpu);
}

static const char *insn_name(uint64_t word)
{
    uint8_t bytes[8];
    const uint8_t *b = bytes;

    memcpy(bytes, &word, sizeof(bytes));
    while (b < bytes + 4 && (*b == 0x48 || *b == 0x66 || *b == 0xf2 || *b == 0xf3))
        b++;
    for (size_t i = 0; i < SIZE(insns); i++)
        if (!memcmp(b, insns[i].bytes, insns[i].length))
            return insns[i].name;
    return "instruction";
}

void trace_name(const struct lodge_trace_record *r, char buf[static TRACE_NAME])
{
    char who[32];

    switch (r->type) {
    case TRACE_LOST:
        snprintf(buf, TRACE_NAME, "%" PRIu64 " records lost", r->data[0]);
        break;
    case LODGE_TRACED_HYPERCALL:
    case LODGE_TRACED_HYPERCALL_DONE:
        trace_call_name(r, buf, TRACE_NAME);
        break;
    case LODGE_TRACED_EXCEPTION:
    case LODGE_TRACED_EXCEPTION_DONE:
        if (r->code < SIZE(exceptions) && exceptions[r->code])
            snprintf(buf, TRACE_NAME, "%s", exceptions[r->code]);
        else
            snprintf(buf, TRACE_NAME, "exception %u", r->code);
        break;
    case LODGE_TRACED_EMULATED:
        snprintf(buf, TRACE_NAME, "%s", insn_name(r->data[1]));
        break;
    case LODGE_TRACED_INTERRUPT:
    case LODGE_TRACED_INTERRUPT_DONE:
        snprintf(buf, TRACE_NAME, "interrupt 0x%02x", r->code);
        break;
    case LODGE_TRACED_SWITCH:
        trace_vcpu(r->domain, r->vcpu, buf, TRACE_NAME);
        break;
    case LODGE_TRACED_EVENT:
        trace_vcpu(r->data[0], r->data[2], who, sizeof(who));
        snprintf(buf, TRACE_NAME, "event to %s port %" PRIu64, who, r->data[1]);
        break;
    case LODGE_TRACED_UPCALL:
        snprintf(buf, TRACE_NAME, "event upcall");
        break;
    case LODGE_TRACED_SYSCALL:
        snprintf(buf, TRACE_NAME, "system call %" PRIu64, r->data[1]);
        break;
    default:
        snprintf(buf, TRACE_NAME, "record of type %u, code %u", r->type, r->code);
    }
}

static char *add(struct trace_fields *f, const char *name)
{
    struct trace_field *n = &f->list[f->nr < TRACE_FIELDS - 1 ? f->nr++ : f->nr];

    n->name = name;
    return n->text;
}

static void add_hex(struct trace_fields *f, const char *name, uint64_t value)
{
    snprintf(add(f, name), sizeof(f->list[0].text), "%#" PRIx64, value);
}

static void add_text(struct trace_fields *f, const char *name, const char *const *words, size_t nr,
                     uint64_t n)
{
    snprintf(add(f, name), sizeof(f->list[0].text), "%s", n < nr && words[n] ? words[n] : "?");
}

/* The hypervisor's error numbers are Linux's. */
static void add_result(struct trace_fields *f, const struct lodge_trace_record *r)
{
    int64_t result = (int64_t)r->data[0];
    const char *error = result < 0 && result > -256 ? strerrorname_np((int)-result) : NULL;

    if (r->data[1])
        snprintf(add(f, "result"), sizeof(f->list[0].text), "to be continued");
    else if (error)
        snprintf(add(f, "result"), sizeof(f->list[0].text), "%" PRId64 " %s", result, error);
    else
        snprintf(add(f, "result"), sizeof(f->list[0].text), "%" PRId64, result);
}

static void add_bytes(struct trace_fields *f, uint64_t word)
{
    char *text = add(f, "bytes");

    for (unsigned i = 0; i < 8; i++)
        text += sprintf(text, "%02x", (unsigned)(word >> (8 * i)) & 0xff);
}

static void exception_fields(const struct lodge_trace_record *r, struct trace_fields *f)
{
    static const char *const modes[] = {"user", "kernel"};

    add_hex(f, "error", r->data[0]);
    add_hex(f, "rip", r->data[1]);
    if (r->code == 14)
        add_hex(f, "address", r->data[2]);
    add_text(f, "mode", modes, SIZE(modes), r->data[3]);
}

void trace_fields(const struct lodge_trace_record *r, struct trace_fields *f)
{
    f->nr = 0;
    switch (r->type) {
    case LODGE_TRACED_HYPERCALL:
        trace_call_fields(r, f);
        break;
    case LODGE_TRACED_HYPERCALL_DONE:
        add_result(f, r);
        break;
    case LODGE_TRACED_EXCEPTION:
        exception_fields(r, f);
        break;
    case LODGE_TRACED_EXCEPTION_DONE:
        add_text(f, "to", outcomes, SIZE(outcomes), r->data[0]);
        add_hex(f, "rip", r->data[1]);
        break;
    case LODGE_TRACED_EMULATED:
        add_hex(f, "rip", r->data[0]);
        add_bytes(f, r->data[1]);
        break;
    case LODGE_TRACED_SWITCH:
        trace_vcpu(r->data[0], r->data[1], add(f, "from"), sizeof(f->list[0].text));
        add_text(f, "from_state", states, SIZE(states), r->code);
        break;
    case LODGE_TRACED_UPCALL:
    case LODGE_TRACED_SYSCALL:
        add_hex(f, "rip", r->data[0]);
        break;
    }
}
