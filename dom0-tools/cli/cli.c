// SPDX-License-Identifier: GPL-2.0-only
/*
 * cli.c: what the commands share: opening, failing, reading arguments, naming states.
 */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <public/sched.h>

int cli_open(struct cli *c)
{
    if (c->is_open)
        return 0;
    if (lodge_open(&c->lodge))
        return cli_failed(c);
    c->is_open = true;
    return 0;
}

int cli_open_machine(struct cli *c)
{
    if (c->is_open)
        return 0;
    if (lodge_open_partly(&c->lodge))
        return cli_failed(c);
    c->is_open = true;
    return 0;
}

int cli_open_partly(struct cli *c)
{
    bool was_open = c->is_open;
    int rc = cli_open_machine(c);

    if (!rc && !was_open && store_is_dead(c->lodge.store))
        cli_warn(c, "%s; what it knows is missing here", store_message(c->lodge.store));
    return rc;
}

int cli_failed(struct cli *c)
{
    return cli_error(c, "%s", c->lodge.message);
}

static void to_stderr(const char *what, const char *fmt, va_list ap)
{
    fflush(stdout);
    fputs(what, stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int cli_error(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    (void)c;
    va_start(ap, fmt);
    to_stderr("lodge: ", fmt, ap);
    va_end(ap);
    return CLI_FAILED;
}

void cli_warn(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    (void)c;
    va_start(ap, fmt);
    to_stderr("lodge: warning: ", fmt, ap);
    va_end(ap);
}

void cli_verbose(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    if (!c->verbose)
        return;
    va_start(ap, fmt);
    to_stderr("lodge: ", fmt, ap);
    va_end(ap);
}

void cli_say(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    if (c->json || !isatty(STDOUT_FILENO))
        return;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void cli_print_usage(FILE *out, const struct cli_cmd *cmd)
{
    fprintf(out, "Usage: lodge %s%s%s\n", cmd->name, *cmd->args ? " " : "", cmd->args);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    fputs("lodge: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    cli_print_usage(stderr, c->cmd);
    return CLI_USAGE;
}

int cli_bad_option(struct cli *c, char **argv, int opt)
{
    const char *arg = argv[optind - 1];

    if (opt == ':')
        return cli_usage(c, "option '%s' needs an argument", arg);
    if (optopt && strncmp(arg, "--", 2))
        return cli_usage(c, "there is no option -%c", optopt);
    return cli_usage(c, "there is no option '%s'", arg);
}

int cli_domain(struct cli *c, const char *who, struct xen_domctl_getdomaininfo *info)
{
    int rc = cli_open(c);

    if (rc)
        return rc;
    return lodge_domain_find(&c->lodge, who, info) ? cli_failed(c) : 0;
}

int cli_domain_partly(struct cli *c, const char *who, struct xen_domctl_getdomaininfo *info)
{
    int rc = cli_open_machine(c);

    return rc ? rc : cli_domain(c, who, info);
}

int cli_ctl_status(struct cli *c, int rc)
{
    return rc < 0 ? cli_error(c, "%s", ctl_message(&c->lodge.ctl)) : 0;
}

int cli_select(struct cli *c, int argc, char **argv, struct cli_selection *sel)
{
    int rc = cli_open_partly(c), n = argc;

    memset(sel, 0, sizeof(*sel));
    if (rc)
        return rc;
    if (argc) {
        sel->info = calloc((size_t)argc, sizeof(*sel->info));
        for (int i = 0; i < argc && !rc && sel->info; i++)
            rc = cli_domain(c, argv[i], &sel->info[i]);
    } else {
        n = lodge_domain_list(&c->lodge, &sel->info);
        rc = n < 0 ? cli_failed(c) : 0;
    }
    if (!rc) {
        sel->name = calloc((size_t)n + 1, sizeof(*sel->name));
        if (!sel->name || !sel->info)
            return cli_error(c, "out of memory");
        sel->nr = (unsigned)n;
        lodge_domain_names(&c->lodge, sel->info, sel->nr, sel->name);
    }
    return rc;
}

void cli_select_free(struct cli_selection *sel)
{
    for (unsigned i = 0; i < sel->nr; i++)
        free(sel->name[i]);
    free(sel->name);
    free(sel->info);
}

void cli_print(struct cli *c, int rc, struct table *table, struct json_object *js)
{
    if (!rc && !c->json)
        table_end(table);
    else
        table_drop(table);
    if (!rc && c->json)
        cli_print_json(js);
    else
        json_object_put(js);
}

void cli_seconds_cell(struct table *table, uint64_t ns)
{
    table_cell(table, "%" PRIu64 ".%u", ns / 1000000000, (unsigned)(ns / 100000000 % 10));
}

void cli_print_json(struct json_object *js)
{
    puts(json_object_to_json_string_ext(js, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(js);
}

void cli_json_str(struct json_object *js, const char *key, const char *value)
{
    json_object_object_add(js, key, json_object_new_string(value));
}

void cli_json_num(struct json_object *js, const char *key, int64_t value)
{
    json_object_object_add(js, key, json_object_new_int64(value));
}

void cli_json_seconds(struct json_object *js, const char *key, uint64_t ns)
{
    char text[32];

    /* Given as text in tenths: json-c would print a double with up to 17 digits. */
    snprintf(text, sizeof(text), "%" PRIu64 ".%u", ns / 1000000000,
             (unsigned)(ns / 100000000 % 10));
    json_object_object_add(js, key, json_object_new_double_s((double)ns / 1e9, text));
}

void cli_json_bool(struct json_object *js, const char *key, bool value)
{
    json_object_object_add(js, key, json_object_new_boolean(value));
}

bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return !*end && !errno && *out >= min && *out <= max;
}

static unsigned reason_of(const struct xen_domctl_getdomaininfo *info)
{
    return info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
}

const char *cli_state(const struct xen_domctl_getdomaininfo *info)
{
    if (info->flags & XEN_DOMINF_dying)
        return "dying";
    if (info->flags & XEN_DOMINF_shutdown)
        return reason_of(info) == SHUTDOWN_crash ? "crashed" : "shutdown";
    if (info->flags & XEN_DOMINF_paused)
        return "paused";
    if (info->flags & XEN_DOMINF_running)
        return "running";
    return info->flags & XEN_DOMINF_blocked ? "blocked" : "idle";
}

void cli_state_letters(const struct xen_domctl_getdomaininfo *info, char out[static 7])
{
    bool down = info->flags & XEN_DOMINF_shutdown;

    out[0] = info->flags & XEN_DOMINF_running ? 'r' : '-';
    out[1] = info->flags & XEN_DOMINF_blocked ? 'b' : '-';
    out[2] = info->flags & XEN_DOMINF_paused ? 'p' : '-';
    out[3] = down && reason_of(info) != SHUTDOWN_crash ? 's' : '-';
    out[4] = down && reason_of(info) == SHUTDOWN_crash ? 'c' : '-';
    out[5] = info->flags & XEN_DOMINF_dying ? 'd' : '-';
    out[6] = '\0';
}

const char *cli_shutdown_reason(unsigned reason)
{
    static const char *const name[] = {
        [SHUTDOWN_poweroff] = "poweroff", [SHUTDOWN_reboot] = "reboot",
        [SHUTDOWN_suspend] = "suspend",   [SHUTDOWN_crash] = "crash",
        [SHUTDOWN_watchdog] = "watchdog", [SHUTDOWN_soft_reset] = "soft-reset",
    };

    return reason < sizeof(name) / sizeof(name[0]) && name[reason] ? name[reason] : "unknown";
}
