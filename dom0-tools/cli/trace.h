// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace.h: the parts of `lodge trace`: several rings become one stream (trace_merge.c), records get
 * words (trace_words.c, trace_calls.c), and are written as lines or as trace events (trace_text.c,
 * trace_json.c). cmd_trace.c runs it.
 */
#ifndef LODGE_CLI_TRACE_H
#define LODGE_CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct lodge_trace_record;

/* The type of a record of our own: data[0] of the CPU's records are lost, before this time. */
#define TRACE_LOST 0

/* ---- trace_merge.c: in order of time, as far as all rings have been read ------------------ */

struct trace_merge {
    unsigned cpus;
    struct trace_queue {
        struct lodge_trace_record *list;
        size_t first, nr, room; /* those from `first` on wait */
    } * queue;
};

bool trace_merge_init(struct trace_merge *m, unsigned cpus); /* false: no memory */
void trace_merge_free(struct trace_merge *m);
/* n records of a CPU's ring, in its order, before which some have been lost. False: no memory. */
bool trace_merge_add(struct trace_merge *m, unsigned cpu, const struct lodge_trace_record *list,
                     size_t n, uint64_t lost);
/*
 * Takes out the earliest one that is from before that time; NULL: there is none. It is good until
 * the next call.
 */
const struct lodge_trace_record *trace_merge_next(struct trace_merge *m, uint64_t before,
                                                  unsigned *cpu);

/* ---- trace_words.c, trace_calls.c: a record in words -------------------------------------- */

#define TRACE_FIELDS 10
#define TRACE_NAME   64

struct trace_fields {
    unsigned nr;
    struct trace_field {
        const char *name;
        char text[32];
    } list[TRACE_FIELDS];
};

/* "hypercall", "exception", ...: of what kind it is, and whether it is the end of such a one. */
const char *trace_kind(const struct lodge_trace_record *r);
bool trace_is_end(const struct lodge_trace_record *r);
/* What is done or happens: "event_channel_op send", "page fault", "d3v0". */
void trace_name(const struct lodge_trace_record *r, char buf[static TRACE_NAME]);
/* What else is known of it. */
void trace_fields(const struct lodge_trace_record *r, struct trace_fields *f);
/* "d3v0", or "idle". */
void trace_vcpu(uint64_t domain, uint64_t vcpu, char *buf, size_t len);
/* The words of -e, as a mask of LODGE_TRACE_*; 0: `*bad`, of that length, is none. */
uint32_t trace_events(const char *list, const char **bad, int *len);

void trace_call_name(const struct lodge_trace_record *r, char *buf, size_t len);
void trace_call_fields(const struct lodge_trace_record *r, struct trace_fields *f);

/* ---- trace_text.c, trace_json.c: the output ----------------------------------------------- */

/*
 * What is written goes to `out` and is not looked at: whether that has failed is what the caller
 * asks the stream. Times are from `start` on.
 */
struct trace_output {
    FILE *out;
    uint64_t start;
    /* A domain's name, released by the caller with free(); NULL: it has none. */
    char *(*name_of)(void *data, unsigned domain);
    void *data;
    struct trace_tracks *tracks; /* trace_json.c's */
};

struct trace_form {
    bool (*begin)(struct trace_output *o, unsigned cpus); /* false: no memory */
    void (*record)(struct trace_output *o, unsigned cpu, const struct lodge_trace_record *r);
    void (*end)(struct trace_output *o, uint64_t records, uint64_t lost);
};

extern const struct trace_form trace_text, trace_json;

#endif
