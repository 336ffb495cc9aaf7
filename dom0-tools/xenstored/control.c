// SPDX-License-Identifier: GPL-2.0-only
/* Commands to the daemon itself. Their answers are text for people. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "control.h"
#include "domain.h"
#include "handover.h"
#include "journal.h"
#include "log.h"
#include "quota.h"
#include "state.h"

#define MAX_ARGS 8 /* with the command's name; more is -EINVAL */

static int say(struct proto_request *rq, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int say(struct proto_request *rq, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    return n >= 0 && proto_put(rq, line, (size_t)n) ? 0 : -E2BIG;
}

/* Counts the nodes of each owner. */
static void count(const struct tree_node *n, int64_t *nodes)
{
    nodes[n->perms[0].domid < QUOTA_DOMIDS ? n->perms[0].domid : 0]++;
    for (uint32_t i = 0; i < n->nchildren; i++)
        count(n->child[i], nodes);
}

/* Compares the accounts, which are kept up change by change, with a count of the tree. */
static int cmd_check(struct proto_request *rq, int argc, char **argv)
{
    int64_t *nodes = calloc(QUOTA_DOMIDS, sizeof(*nodes));
    int rc = 0;

    (void)argc;
    (void)argv;
    if (!nodes)
        return -ENOMEM;
    count(nodes_main.root, nodes);
    for (uint16_t i = 0; i < QUOTA_DOMIDS && !rc; i++)
        if ((nodes[i] || quota_is_used(i)) && nodes[i] != quota_usage(i)->nodes)
            rc = say(rq, "domain %u: owns %lld nodes, accounted are %lld\n", i, (long long)nodes[i],
                     (long long)quota_usage(i)->nodes);
    free(nodes);
    return rc || rq->out_len ? rc : say(rq, "OK\n");
}

static int cmd_log(struct proto_request *rq, int argc, char **argv)
{
    if (argc > 1 && log_set_level(!strcmp(argv[1], "on")    ? "debug"
                                  : !strcmp(argv[1], "off") ? "info"
                                                            : argv[1]))
        return -EINVAL;
    return say(rq, "%s\n", log_level_name());
}

static int cmd_print(struct proto_request *rq, int argc, char **argv)
{
    if (argc != 2)
        return -EINVAL;
    log_info("control: %s", argv[1]);
    return say(rq, "OK\n");
}

static int cmd_quota(struct proto_request *rq, int argc, char **argv)
{
    const struct quota_usage *u;
    unsigned long n;
    char *end;
    int rc = 0;

    if (argc == 4 && !strcmp(argv[1], "set")) {
        n = strtoul(argv[3], &end, 10);
        if (*end || end == argv[3] || n > UINT32_MAX || quota_set(argv[2], (uint32_t)n, true))
            return -EINVAL;
        state_quota(argv[2], (uint32_t)n);
        return say(rq, "OK\n");
    }
    if (argc == 2) {
        n = strtoul(argv[1], &end, 10);
        if (*end || end == argv[1] || n >= QUOTA_DOMIDS)
            return -EINVAL;
        u = quota_usage((uint16_t)n);
        return say(rq, "nodes        %lld\nmemory       %lld\nwatches      %u\ntransactions %u\n",
                   (long long)u->nodes, (long long)u->bytes, u->watches, u->transactions);
    }
    if (argc != 1)
        return -EINVAL;
    for (int i = 0; i < QUOTA_KINDS && !rc; i++)
        rc = say(rq, "%-12s %u\n", quota_name(i), quota_limit[i]);
    return rc;
}

static int cmd_memreport(struct proto_request *rq, int argc, char **argv)
{
    const struct list_link *l;
    unsigned int conns = 0, domains = 0, events = 0;

    (void)argc;
    (void)argv;
    list_for_each (l, &conn_all) {
        conns++;
        events += list_entry(l, struct conn, all)->nevents;
    }
    list_for_each (l, &domain_all)
        domains++;
    return say(rq, "connections  %u\ndomains      %u\nevents       %u\njournal      %zu\n", conns,
               domains, events, journal_size());
}

/*
 * Takes the steps that xenstore-control makes: -f FILE, perhaps -c ARGUMENTS, then -s; or -a, which
 * gives it up. Each is answered with OK, or with what is wrong; the last one by the successor. The
 * options -t and -F are about open transactions, for which nobody has to wait here.
 */
static int cmd_live_update(struct proto_request *rq, int argc, char **argv)
{
    static char *program, *cmdline;
    unsigned char answer[CONN_MSG_MAX];
    const char *wrong = NULL;
    char **where = argc == 3 && !strcmp(argv[1], "-c") ? &cmdline : &program;

    if (argc == 3 && (where == &cmdline || !strcmp(argv[1], "-f"))) {
        if (where == &program && (argv[2][0] != '/' || access(argv[2], X_OK)))
            return say(rq, "%.400s: %s", argv[2],
                       argv[2][0] == '/' ? strerror(errno) : "the whole path is needed");
        free(*where);
        *where = alloc_string(argv[2]);
        return say(rq, "OK");
    }
    if (argc < 2 || (strcmp(argv[1], "-s") && strcmp(argv[1], "-a")))
        return -EINVAL;
    if (argv[1][1] == 's' && program)
        wrong = handover_to(program, cmdline, rq->conn, answer, proto_ok(rq, answer));
    else if (argv[1][1] == 's')
        wrong = "no program has been named with -f";
    free(program);
    free(cmdline);
    program = cmdline = NULL;
    return say(rq, "%s", wrong ? wrong : "OK");
}

static int cmd_help(struct proto_request *rq, int argc, char **argv);

/* argv[0] is the name, argc at least 1. What is said goes to the reply. */
static const struct {
    const char *name;
    int (*fn)(struct proto_request *rq, int argc, char **argv);
    const char *help;
} commands[] = {
    {"check", cmd_check, "                     compare the accounts with the tree"},
    {"help", cmd_help, "                      this list"},
    {"live-update", cmd_live_update, "-f FILE | -c ARGUMENTS | -s | -a   become another program"},
    {"log", cmd_log, "[on|off|LEVEL]         show or set the log level"},
    {"memreport", cmd_memreport, "                 connections, waiting events, journal"},
    {"print", cmd_print, "STRING               write a line to the log"},
    {"quota", cmd_quota, "[DOMID|set NAME N]   limits, a domain's usage, or a new limit"},
};

static int cmd_help(struct proto_request *rq, int argc, char **argv)
{
    int rc = 0;

    (void)argc;
    (void)argv;
    for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]) && !rc; i++)
        rc = say(rq, "%s %s\n", commands[i].name, commands[i].help);
    return rc;
}

int control_run(struct proto_request *rq)
{
    char *argv[MAX_ARGS];
    int argc = proto_strings(rq, argv, MAX_ARGS), rc;

    if (argc < 1)
        return -EINVAL;
    for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[0], commands[i].name))
            continue;
        rc = commands[i].fn(rq, argc, argv);
        return rc ? rc : (proto_put(rq, "", 1) ? 0 : -E2BIG);
    }
    return -EINVAL;
}
