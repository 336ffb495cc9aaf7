// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_trace.c: trace: begins one in the hypervisor, reads it for as long as it is wanted, writes it
 * as it comes, and ends it, whatever happened.
 *
 * The hypervisor has one trace at a time and does not know who reads it. So the one who does has a
 * file locked in the run directory; a trace that is on while nobody has the lock is one whose
 * reader was killed, and is ended by the next.
 */
#include "cli.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <clock.h>
#include <wait_lock.h>

#include <public/lodge_trace.h>

#define READ_AT_ONCE   4096u /* records */
#define DEFAULT_ROOM   16384u
#define MIN_ROOM       64u
#define MAX_ROOM       65536u
#define PAUSE_MS       20
#define LATE_NS        10000000u /* a record may be written so much later than its time says */
#define MAX_SECONDS    1000000u
#define EXIT_NO_RUN    126
#define EXIT_BY_SIGNAL 128

struct trace_run {
    struct cli *c;
    /* What is asked for. */
    const char *guest, *path;
    uint32_t events, room;
    uint64_t seconds;
    bool timed, stop_only;
    const struct trace_form *form; /* NULL: not said */
    char **command;

    int lock, signals;
    uint32_t id, domain;
    struct ctl_buf buf;
    struct trace_merge merge;
    uint64_t *position; /* of each CPU's ring */
    struct trace_output out;
    uint64_t records, lost;
    pid_t child;
    int child_status; /* as an exit status */
    bool over;
};

/* ---- reading ------------------------------------------------------------------------------ */

/*
 * What there is of one CPU, but no more than a ring and a half, as it may be written faster than it
 * is read. *until: all from before that time has been read.
 */
static int read_cpu(struct trace_run *t, uint32_t cpu, uint64_t *until)
{
    struct ctl *ctl = &t->c->lodge.ctl;
    uint32_t wanted = (uint32_t)(t->buf.size / sizeof(struct lodge_trace_record)), got = 0;
    struct lodge_sysctl_trace at;
    int rc;

    do {
        const struct lodge_trace_record *list = t->buf.p;

        at.position = t->position[cpu];
        rc = ctl_trace_read(ctl, t->id, cpu, &t->buf, &at);
        if (rc < 0)
            return cli_ctl_status(t->c, rc);
        if (!trace_merge_add(&t->merge, cpu, list, at.count, at.lost))
            return cli_error(t->c, "out of memory");
        t->position[cpu] = at.position + at.count;
        t->lost += at.lost;
        got += at.count;
        *until = at.count == wanted ? list[wanted - 1].time : at.now;
    } while (at.count == wanted && got < t->room + t->room / 2);
    return 0;
}

static int not_written(struct trace_run *t)
{
    return cli_error(t->c, "%s cannot be written: %s; what is there ends in the middle",
                     t->path ? t->path : "the output", strerror(errno));
}

/* Writes what cannot be preceded by anything any more; last: all there is. */
static int write_out(struct trace_run *t, uint64_t until, bool last)
{
    const struct lodge_trace_record *r;
    unsigned cpu;

    until = last ? UINT64_MAX : until - LATE_NS;
    while ((r = trace_merge_next(&t->merge, until, &cpu)) != NULL) {
        t->form->record(&t->out, cpu, r);
        t->records += r->type != TRACE_LOST;
    }
    return fflush(t->out.out) || ferror(t->out.out) ? not_written(t) : 0;
}

static int read_round(struct trace_run *t, bool last)
{
    uint64_t until = UINT64_MAX;
    int rc = 0;

    for (uint32_t cpu = 0; cpu < t->merge.cpus && !rc; cpu++) {
        uint64_t read_until = 0;

        rc = read_cpu(t, cpu, &read_until);
        if (!rc && read_until < until)
            until = read_until;
    }
    return rc ? rc : write_out(t, until, last);
}

/* ---- how long ----------------------------------------------------------------------------- */

static int start_command(struct trace_run *t)
{
    posix_spawnattr_t attr;
    sigset_t none;
    int err;

    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    err = posix_spawnp(&t->child, t->command[0], NULL, &attr, t->command, environ);
    posix_spawnattr_destroy(&attr);
    if (!err)
        return 0;
    t->child = 0;
    t->child_status = EXIT_NO_RUN;
    return cli_error(t->c, "%s cannot be run: %s", t->command[0], strerror(err));
}

static void reap_command(struct trace_run *t)
{
    int status;

    if (t->child && waitpid(t->child, &status, WNOHANG) == t->child) {
        t->child = 0;
        t->child_status =
            WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BY_SIGNAL + WTERMSIG(status);
        t->over = true;
    }
}

/* Waits a moment, or until a signal comes: SIGCHLD, or one that is to end the trace. */
static void wait_a_moment(struct trace_run *t, int64_t end)
{
    struct pollfd p = {.fd = t->signals, .events = POLLIN};
    struct signalfd_siginfo info;
    int64_t left = t->timed ? end - now_ms() : PAUSE_MS;

    if (left > PAUSE_MS)
        left = PAUSE_MS;
    if (left > 0 && poll(&p, 1, (int)left) > 0 &&
        read(t->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap_command(t);
        else
            t->over = true;
    }
    if (t->timed && now_ms() >= end)
        t->over = true;
}

static int catch_signals(struct trace_run *t)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    t->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return t->signals < 0 ? cli_error(t->c, "signalfd: %s", strerror(errno)) : 0;
}

/* ---- beginning and ending ----------------------------------------------------------------- */

static int take_lock(struct trace_run *t)
{
    char path[LODGE_PATH];
    int pid;

    mkdir(t->c->lodge.run_dir, 0755); /* where it cannot be made, the next one says why */
    snprintf(path, sizeof(path), "%s/trace.lock", t->c->lodge.run_dir);
    t->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (t->lock < 0)
        return cli_error(t->c, "%s: %s", path, strerror(errno));
    if (!flock(t->lock, LOCK_EX | LOCK_NB))
        return 0;
    pid = wait_lock_holder(t->lock);
    if (pid > 0)
        return cli_error(t->c, "there is one trace at a time, and process %d has it", pid);
    return cli_error(t->c, "there is one trace at a time, and another process has it");
}

/* One that is on although nobody has the lock. */
static int end_old(struct trace_run *t, const struct lodge_sysctl_trace *status)
{
    int rc;

    if (!status->id)
        return t->stop_only ? cli_error(t->c, "there is no trace") : 0;
    rc = ctl_trace_stop(&t->c->lodge.ctl, status->id);
    if (rc < 0)
        return cli_ctl_status(t->c, rc);
    if (!t->stop_only)
        cli_warn(t->c, "a trace that nobody read any more has been ended");
    return 0;
}

static int open_output(struct trace_run *t)
{
    if (!t->form)
        t->form = t->path || t->c->json ? &trace_json : &trace_text;
    if (t->path && !strcmp(t->path, "-"))
        t->path = NULL;
    if (t->path) {
        t->out.out = fopen(t->path, "we");
    } else { /* a stream of our own, as we have to say why it fails */
        int fd = dup(STDOUT_FILENO);

        t->out.out = fd < 0 ? NULL : fdopen(fd, "w");
    }
    if (!t->out.out)
        return cli_error(t->c, "%s: %s", t->path ? t->path : "the output", strerror(errno));
    return 0;
}

static char *name_of(void *data, unsigned domain)
{
    return lodge_domain_name(data, (uint16_t)domain);
}

static int prepare(struct trace_run *t)
{
    struct xen_domctl_getdomaininfo info;
    struct lodge_sysctl_trace status;
    struct ctl *ctl = &t->c->lodge.ctl;
    int rc = cli_open_machine(t->c);

    t->domain = LODGE_TRACE_ALL;
    if (!rc && t->guest) {
        rc = cli_domain_partly(t->c, t->guest, &info);
        t->domain = info.domain;
    }
    if (!rc)
        rc = cli_ctl_status(t->c, ctl_trace_status(ctl, &status));
    if (!rc)
        rc = take_lock(t);
    if (!rc)
        rc = cli_ctl_status(t->c, ctl_trace_status(ctl, &status));
    if (!rc)
        rc = end_old(t, &status);
    if (rc || t->stop_only)
        return rc;
    t->out.start = status.now;
    t->out.name_of = name_of;
    t->out.data = &t->c->lodge;
    t->position = calloc(status.cpu, sizeof(*t->position));
    if (!trace_merge_init(&t->merge, status.cpu) || !t->position)
        return cli_error(t->c, "out of memory");
    rc = cli_ctl_status(
        t->c, ctl_buf_get(ctl, &t->buf, READ_AT_ONCE * sizeof(struct lodge_trace_record)));
    if (!rc)
        rc = catch_signals(t);
    return rc ? rc : open_output(t);
}

/* A command that still runs goes on, and is not waited for. */
static int run_trace(struct trace_run *t)
{
    struct ctl *ctl = &t->c->lodge.ctl;
    int64_t end = now_ms() + (int64_t)t->seconds * 1000;
    int rc = cli_ctl_status(t->c, ctl_trace_start(ctl, t->events, t->domain, t->room, &t->id));

    if (rc)
        return rc;
    if (!t->form->begin(&t->out, t->merge.cpus))
        rc = cli_error(t->c, "out of memory");
    if (!rc && t->command)
        rc = start_command(t);
    while (!rc && !t->over) {
        wait_a_moment(t, end);
        rc = read_round(t, t->over);
    }
    /* Also after a failure: the trace must not stay on, and what can be written is complete. */
    if (ctl_trace_stop(ctl, t->id) < 0 && !rc)
        rc = cli_error(t->c, "%s", ctl_message(ctl));
    if (t->out.tracks || t->form != &trace_json)
        t->form->end(&t->out, t->records, t->lost);
    return rc;
}

static void report(struct trace_run *t)
{
    if (t->lost)
        cli_warn(t->c,
                 "%" PRIu64 " records were lost, %" PRIu64 " are there: the rings were full before "
                 "they were read; -b makes them larger, and -d and -e have less go in",
                 t->lost, t->records);
    if (t->path && !t->c->json)
        cli_say(t->c, "%" PRIu64 " records in %s%s", t->records, t->path,
                t->form == &trace_json ? "; https://ui.perfetto.dev opens it" : "");
}

static int finish(struct trace_run *t, int rc)
{
    if (t->out.out && fclose(t->out.out) && !rc)
        rc = not_written(t);
    if (!rc)
        report(t);
    if (t->buf.p)
        ctl_buf_put(&t->c->lodge.ctl, &t->buf);
    if (t->merge.queue)
        trace_merge_free(&t->merge);
    free(t->position);
    if (t->lock >= 0)
        close(t->lock);
    if (t->signals >= 0)
        close(t->signals);
    return rc ? rc : t->child_status;
}

/* ---- the command -------------------------------------------------------------------------- */

static int set_events(struct trace_run *t, const char *list)
{
    const char *bad = list;
    int len = 0;

    t->events = trace_events(list, &bad, &len);
    if (!t->events)
        return cli_usage(t->c,
                         "-e: '%.*s' is none of hypercall, exception, emulated, interrupt, "
                         "schedule, event, syscall, all",
                         len, bad);
    return 0;
}

static int set_format(struct trace_run *t, const char *name)
{
    if (!strcmp(name, "json"))
        t->form = &trace_json;
    else if (!strcmp(name, "text"))
        t->form = &trace_text;
    else
        return cli_usage(t->c, "the format '%s' is neither json nor text", name);
    return 0;
}

static int set_room(struct trace_run *t, const char *text)
{
    uint64_t n;

    if (!cli_number(text, MIN_ROOM, MAX_ROOM, &n) || (n & (n - 1)) != 0)
        return cli_usage(t->c, "-b: '%s' is not a power of two from %u to %u", text, MIN_ROOM,
                         MAX_ROOM);
    t->room = (uint32_t)n;
    return 0;
}

static int set_seconds(struct trace_run *t, const char *text)
{
    if (!cli_number(text, 0, MAX_SECONDS, &t->seconds))
        return cli_usage(t->c, "-t: '%s' is not a number of seconds", text);
    t->timed = true;
    return 0;
}

static int read_options(struct trace_run *t, int argc, char **argv)
{
    static const struct option options[] = {
        {"domain", required_argument, NULL, 'd'}, {"events", required_argument, NULL, 'e'},
        {"time", required_argument, NULL, 't'},   {"output", required_argument, NULL, 'o'},
        {"format", required_argument, NULL, 'f'}, {"buffer", required_argument, NULL, 'b'},
        {"stop", no_argument, NULL, 's'},         {NULL, 0, NULL, 0},
    };
    int opt, rc = 0;

    /* Options behind the COMMAND are its own. */
    while (!rc && (opt = getopt_long(argc, argv, "+:d:e:t:o:f:b:", options, NULL)) != -1) {
        if (opt == 'd')
            t->guest = optarg;
        else if (opt == 'o')
            t->path = optarg;
        else if (opt == 's')
            t->stop_only = true;
        else if (opt == 'e')
            rc = set_events(t, optarg);
        else if (opt == 't')
            rc = set_seconds(t, optarg);
        else if (opt == 'f')
            rc = set_format(t, optarg);
        else if (opt == 'b')
            rc = set_room(t, optarg);
        else
            rc = cli_bad_option(t->c, argv, opt);
    }
    if (!rc && optind < argc)
        t->command = argv + optind;
    if (!rc && t->timed && t->command)
        rc = cli_usage(t->c, "-t and a command both say when the trace ends");
    return rc;
}

int cmd_trace(struct cli *c, int argc, char **argv)
{
    struct trace_run t = {
        .c = c, .events = LODGE_TRACE_EVERYTHING, .room = DEFAULT_ROOM, .lock = -1, .signals = -1};
    int rc = read_options(&t, argc, argv);

    if (rc)
        return rc;
    rc = prepare(&t);
    if (!rc && !t.stop_only)
        rc = run_trace(&t);
    return finish(&t, rc);
}
