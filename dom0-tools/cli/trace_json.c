// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace_json.c: a trace as a JSON object of the Trace Event Format, which Perfetto's viewer and
 * Chrome's open as it is.
 *
 * Domains are processes and their vcpus are threads; the CPUs are threads of a process of their
 * own. What takes time is a slice, from a B event to an E: hypercalls and exceptions on their
 * vcpu's track, who runs and interrupts on their CPU's. The rest are instants. Readers of the
 * format want slices nested and times that do not go back on each track; records do not promise
 * that where some were lost, or where a vcpu changes between CPUs whose clocks differ by a little.
 * So a track knows what is open on it: an end that fits to nothing is left out, and what cannot be
 * open any more is closed.
 *
 * Events are written as they come; nothing is kept but a few words for each track.
 */
#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include <public/hypercalls.h>
#include <public/lodge_trace.h>

/* Process and thread numbers: of the viewer's world, where 0 is special. */
#define CPUS_PID      1
#define CPU_TID(cpu)  (100 + (cpu))
#define DOMAIN_PID(d) (10000 + (d))

#define MAX_OPEN 4 /* a multicall, a call in it; the vcpu on a CPU, an interrupt */

struct track {
    uint16_t domain, vcpu;
    bool known; /* named in the output */
    unsigned pid, tid;
    unsigned cpu;  /* where its last record was made */
    uint64_t last; /* time of its last event */
    unsigned depth;
    struct {
        uint16_t type, code;
    } open[MAX_OPEN];
};

struct trace_tracks {
    unsigned cpus, nr, room;
    bool failed; /* no memory for a track: what it would have had is left out */
    uint64_t last;
    struct track *cpu, *vcpu;
};

/* ---- events ---------------------------------------------------------------------------------- */

static void put_string(FILE *out, const char *text)
{
    struct json_object *js = json_object_new_string(text);

    fputs(js ? json_object_to_json_string_ext(js, JSON_C_TO_STRING_NOSLASHESCAPE) : "\"\"", out);
    json_object_put(js);
}

static void put_fields(FILE *out, const struct trace_fields *f)
{
    fputs(",\"args\":{", out);
    for (unsigned i = 0; i < f->nr; i++)
        fprintf(out, "%s\"%s\":\"%s\"", i ? "," : "", f->list[i].name, f->list[i].text);
    fputc('}', out);
}

static void put_place(struct trace_output *o, const struct track *t, char phase)
{
    fprintf(o->out, ",\n{\"ph\":\"%c\",\"pid\":%u,\"tid\":%u", phase, t->pid, t->tid);
}

static void put_head(struct trace_output *o, struct track *t, char phase, uint64_t time)
{
    uint64_t ns = time > o->start ? time - o->start : 0;

    if (ns < t->last)
        ns = t->last;
    t->last = ns;
    if (ns > o->tracks->last)
        o->tracks->last = ns;
    put_place(o, t, phase);
    fprintf(o->out, ",\"ts\":%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
}

static void put_event(struct trace_output *o, struct track *t, char phase,
                      const struct lodge_trace_record *r)
{
    struct trace_fields f;
    char name[TRACE_NAME];

    trace_name(r, name);
    trace_fields(r, &f);
    put_head(o, t, phase, r->time);
    if (phase != 'E') /* which ends what is on top, and would have to have the very same name */
        fprintf(o->out, ",\"name\":\"%s\",\"cat\":\"%s\"", name, trace_kind(r));
    if (phase == 'i')
        fputs(",\"s\":\"t\"", o->out);
    put_fields(o->out, &f);
    fputc('}', o->out);
}

/* ---- slices ------------------------------------------------------------------------------- */

static void close_down_to(struct trace_output *o, struct track *t, unsigned depth, uint64_t time)
{
    while (t->depth > depth) {
        t->depth--;
        put_head(o, t, 'E', time);
        fputc('}', o->out);
    }
}

/* How much of what is open stays so when this begins. */
static unsigned depth_for(const struct track *t, const struct lodge_trace_record *r)
{
    if (r->type == LODGE_TRACED_SWITCH || r->type == LODGE_TRACED_EXCEPTION || !t->depth)
        return 0;
    if (r->type == LODGE_TRACED_INTERRUPT)
        return t->open[0].type == LODGE_TRACED_SWITCH ? 1 : 0;
    return t->open[0].type == LODGE_TRACED_HYPERCALL && t->open[0].code == __HYPERVISOR_multicall &&
           r->code != __HYPERVISOR_multicall;
}

static void begin_slice(struct trace_output *o, struct track *t, const struct lodge_trace_record *r)
{
    close_down_to(o, t, depth_for(t, r), r->time);
    put_event(o, t, 'B', r);
    t->open[t->depth].type = r->type;
    t->open[t->depth].code = r->code;
    t->depth++;
}

/* The slice that ends is the one on top, but for those within it whose ends were lost. */
static void end_slice(struct trace_output *o, struct track *t, const struct lodge_trace_record *r)
{
    unsigned depth = t->depth;

    while (depth && (t->open[depth - 1].type != r->type - 1 || t->open[depth - 1].code != r->code))
        depth--;
    if (!depth)
        return;
    close_down_to(o, t, depth, r->time);
    put_event(o, t, 'E', r);
    t->depth--;
}

/* ---- tracks ------------------------------------------------------------------------------- */

static void name_track(struct trace_output *o, const struct track *t, const char *what,
                       const char *name)
{
    put_place(o, t, 'M');
    fprintf(o->out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
    put_string(o->out, name);
    fputs("}}", o->out);
}

static bool domain_is_named(const struct trace_tracks *all, unsigned domain)
{
    for (unsigned i = 0; i < all->nr; i++)
        if (all->vcpu[i].domain == domain && all->vcpu[i].known)
            return true;
    return false;
}

static void name_vcpu(struct trace_output *o, struct track *t)
{
    char *domain, who[32];

    if (!domain_is_named(o->tracks, t->domain)) {
        domain = o->name_of(o->data, t->domain);
        snprintf(who, sizeof(who), "domain %u", t->domain);
        name_track(o, t, "process_name", domain ? domain : who);
        free(domain);
    }
    trace_vcpu(t->domain, t->vcpu, who, sizeof(who));
    name_track(o, t, "thread_name", who);
    t->known = true;
}

/* NULL: no memory. */
static struct track *vcpu_track(struct trace_output *o, const struct lodge_trace_record *r)
{
    struct trace_tracks *all = o->tracks;
    struct track *t;

    for (unsigned i = 0; i < all->nr; i++)
        if (all->vcpu[i].domain == r->domain && all->vcpu[i].vcpu == r->vcpu)
            return &all->vcpu[i];
    if (all->nr == all->room) {
        t = realloc(all->vcpu, (all->room + 64) * sizeof(*t));
        if (!t) {
            all->failed = true;
            return NULL;
        }
        all->vcpu = t;
        all->room += 64;
    }
    t = &all->vcpu[all->nr++];
    memset(t, 0, sizeof(*t));
    t->domain = r->domain;
    t->vcpu = r->vcpu;
    t->pid = DOMAIN_PID(r->domain);
    t->tid = t->pid * 100 + r->vcpu;
    name_vcpu(o, t);
    return t;
}

/* ---- the form ----------------------------------------------------------------------------- */

static void json_free(struct trace_output *o)
{
    if (o->tracks) {
        free(o->tracks->cpu);
        free(o->tracks->vcpu);
    }
    free(o->tracks);
    o->tracks = NULL;
}

static bool json_begin(struct trace_output *o, unsigned cpus)
{
    char name[32];

    o->tracks = calloc(1, sizeof(*o->tracks));
    if (o->tracks)
        o->tracks->cpu = calloc(cpus, sizeof(*o->tracks->cpu));
    if (!o->tracks || !o->tracks->cpu) {
        json_free(o);
        return false;
    }
    o->tracks->cpus = cpus;
    fprintf(o->out,
            "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
            "{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"process_sort_index\","
            "\"args\":{\"sort_index\":-1}}",
            CPUS_PID, CPU_TID(0));
    for (unsigned i = 0; i < cpus; i++) {
        struct track *t = &o->tracks->cpu[i];

        t->pid = CPUS_PID;
        t->tid = CPU_TID(i);
        t->cpu = i;
        if (!i)
            name_track(o, t, "process_name", "CPUs");
        snprintf(name, sizeof(name), "CPU %u", i);
        name_track(o, t, "thread_name", name);
    }
    return true;
}

/* The ends of what was open there are among the records that are lost, or may be. */
static void json_lost(struct trace_output *o, unsigned cpu, const struct lodge_trace_record *r)
{
    struct trace_tracks *all = o->tracks;

    for (unsigned i = 0; i < all->nr; i++)
        if (all->vcpu[i].cpu == cpu)
            close_down_to(o, &all->vcpu[i], 0, all->vcpu[i].last + o->start);
    close_down_to(o, &all->cpu[cpu], 0, all->cpu[cpu].last + o->start);
    put_event(o, &all->cpu[cpu], 'i', r);
}

static void json_switch(struct trace_output *o, struct track *t, const struct lodge_trace_record *r)
{
    close_down_to(o, t, 0, r->time);
    if (r->domain != LODGE_TRACE_IDLE)
        begin_slice(o, t, r);
}

static void json_record(struct trace_output *o, unsigned cpu, const struct lodge_trace_record *r)
{
    struct track *on_cpu = &o->tracks->cpu[cpu], *t = NULL;
    bool in_interrupt =
        on_cpu->depth && on_cpu->open[on_cpu->depth - 1].type == LODGE_TRACED_INTERRUPT;

    switch (r->type) {
    case TRACE_LOST:
        json_lost(o, cpu, r);
        return;
    case LODGE_TRACED_SWITCH:
        json_switch(o, on_cpu, r);
        return;
    case LODGE_TRACED_INTERRUPT:
        begin_slice(o, on_cpu, r);
        return;
    case LODGE_TRACED_INTERRUPT_DONE:
        end_slice(o, on_cpu, r);
        return;
    }
    if (r->domain == LODGE_TRACE_IDLE || (r->type == LODGE_TRACED_EVENT && in_interrupt))
        t = on_cpu;
    else
        t = vcpu_track(o, r);
    if (!t)
        return;
    t->cpu = cpu;
    if (r->type == LODGE_TRACED_HYPERCALL || r->type == LODGE_TRACED_EXCEPTION)
        begin_slice(o, t, r);
    else if (trace_is_end(r))
        end_slice(o, t, r);
    else
        put_event(o, t, 'i', r);
}

static void json_end(struct trace_output *o, uint64_t records, uint64_t lost)
{
    struct trace_tracks *all = o->tracks;

    for (unsigned i = 0; i < all->cpus; i++)
        close_down_to(o, &all->cpu[i], 0, all->last + o->start);
    for (unsigned i = 0; i < all->nr; i++)
        close_down_to(o, &all->vcpu[i], 0, all->last + o->start);
    fprintf(o->out, "\n],\"otherData\":{\"records\":\"%" PRIu64 "\",\"lost\":\"%" PRIu64 "\"}}\n",
            records, lost);
    json_free(o);
}

const struct trace_form trace_json = {json_begin, json_record, json_end};
