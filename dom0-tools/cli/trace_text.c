// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace_text.c: a trace as text, a line for each record: time since the start, CPU, vcpu, what kind
 * of record, its name (behind "<" where something ends), and what else is known of it.
 */
#include "trace.h"

#include <inttypes.h>

#include <public/lodge_trace.h>

static bool text_begin(struct trace_output *o, unsigned cpus)
{
    (void)o, (void)cpus;
    return true;
}

static void text_record(struct trace_output *o, unsigned cpu, const struct lodge_trace_record *r)
{
    uint64_t ns = r->time > o->start ? r->time - o->start : 0;
    char who[32], name[TRACE_NAME];
    struct trace_fields f;

    trace_vcpu(r->domain, r->vcpu, who, sizeof(who));
    trace_name(r, name);
    trace_fields(r, &f);
    fprintf(o->out, "%5" PRIu64 ".%09" PRIu64 " cpu%-2u %-7s %-9s %s%s", ns / 1000000000,
            ns % 1000000000, cpu, who, trace_kind(r), trace_is_end(r) ? "< " : "", name);
    for (unsigned i = 0; i < f.nr; i++)
        fprintf(o->out, " %s=%s", f.list[i].name, f.list[i].text);
    fputc('\n', o->out);
}

static void text_end(struct trace_output *o, uint64_t records, uint64_t lost)
{
    (void)o, (void)records, (void)lost;
}

const struct trace_form trace_text = {text_begin, text_record, text_end};
