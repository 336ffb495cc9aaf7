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
#include <public/sched.h>

int cli_open(struct cli *c)
{
    if (c->is_open)
        return 0;
    if (domain_open(&c->lodge))
        return cli_failed(c);
    c->is_open = true;
    return 0;
}

int cli_failed(struct cli *c)
{
    return cli_error(c, "%s", c->lodge.message);
}

int cli_error(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    (void)c;
    fflush(stdout);
    fputs("lodge: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return CLI_FAILED;
}

void cli_warn(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    (void)c;
    fflush(stdout);
    fputs("lodge: warning: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    fputs("lodge: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nUsage: lodge %s %s\n", c->cmd->name, c->cmd->args);
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
    return domain_find(&c->lodge, who, info) ? cli_failed(c) : 0;
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

    /* Tenths, as people see them; a double of its own accord would print sixteen digits. */
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
