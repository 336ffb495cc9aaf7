// SPDX-License-Identifier: GPL-2.0-only
/*
 * cli.h: what the commands of `lodge` share: their table, their context, their way of failing.
 */
#ifndef LODGE_CLI_H
#define LODGE_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <liblodge/liblodge.h>
#include "table.h"

#define CLI_FAILED 1
#define CLI_USAGE  2

struct cli {
    struct lodge_session lodge;
    bool is_open;
    bool json;                 /* --json was given */
    bool dry_run;              /* -N before the command: change nothing */
    bool verbose;              /* -v before it */
    const struct cli_cmd *cmd; /* the running command */
};

/* argv[0] is the command's name; --json and --help are gone. Returns the exit status. */
typedef int cli_fn(struct cli *c, int argc, char **argv);

/* What becomes of a command behind `lodge -N`, where nothing may be changed. */
enum cli_effect {
    CLI_CHANGES = 1, /* it cannot only pretend, and is refused */
    CLI_PRETENDS,    /* it heeds c->dry_run */
    CLI_SHOWS,       /* it changes nothing */
};

struct cli_cmd {
    const char *name;
    cli_fn *run;
    enum cli_effect effect;
    const char *args;  /* for the usage line */
    const char *brief; /* one line, for `lodge help` */
    const char *help;  /* more lines, or NULL */
};

extern const struct cli_cmd cli_cmds[];
const struct cli_cmd *cli_lookup(const char *name);

/* Opens the control devices and xenstore; 0, or the exit status after a printed error. */
int cli_open(struct cli *c);
/*
 * The same, but without xenstored a warning is given, and requests to it fail: for commands that
 * are of use then, too. Names are those of saved configs.
 */
int cli_open_partly(struct cli *c);
/* The same without the warning: for commands that ask the hypervisor alone. */
int cli_open_machine(struct cli *c);
/* Prints the session's message (cli_failed) or a message of its own; both return CLI_FAILED. */
int cli_failed(struct cli *c);
int cli_error(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * What was done, for a person: a line on standard output where that is a terminal. For commands
 * whose effect is not to be seen; a script has the status.
 */
void cli_say(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* With -v before the command, on standard error: what it is doing. */
void cli_verbose(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints what is wrong with the arguments, and the usage line; returns CLI_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for getopt's '?' and ':'. */
int cli_bad_option(struct cli *c, char **argv, int opt);
/* The usage line. */
void cli_print_usage(FILE *out, const struct cli_cmd *cmd);

/* Opens if need be and finds a domain; 0 or the exit status after a printed error. */
int cli_domain(struct cli *c, const char *who, struct xen_domctl_getdomaininfo *info);
/* The same for commands that ask the hypervisor alone. */
int cli_domain_partly(struct cli *c, const char *who, struct xen_domctl_getdomaininfo *info);
/* The exit status for what a ctl_ function returned, with its message. */
int cli_ctl_status(struct cli *c, int rc);

/* The domains that arguments name, or all where there are none, with their names. */
struct cli_selection {
    struct xen_domctl_getdomaininfo *info;
    char **name;
    unsigned nr;
};
/* 0, or the exit status after a printed error; to be freed in any case. Opens partly. */
int cli_select(struct cli *c, int argc, char **argv, struct cli_selection *sel);
void cli_select_free(struct cli_selection *sel);

/* The table, or with --json the object; after a failure neither. Releases both. */
void cli_print(struct cli *c, int rc, struct table *table, struct json_object *js);
/* Nanoseconds as seconds with tenths. */
void cli_seconds_cell(struct table *table, uint64_t ns);
/* Prints and releases. */
void cli_print_json(struct json_object *js);
/* Adds to an object; a shorthand. */
void cli_json_str(struct json_object *js, const char *key, const char *value);
void cli_json_num(struct json_object *js, const char *key, int64_t value);
void cli_json_seconds(struct json_object *js, const char *key, uint64_t ns);
void cli_json_bool(struct json_object *js, const char *key, bool value);

/* A number within bounds; false if the text is none. */
bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* "running", "blocked", "paused", "shutdown", "crashed", "dying", "idle". */
const char *cli_state(const struct xen_domctl_getdomaininfo *info);
/* The six letters of `lodge list`, e.g. "-b----". */
void cli_state_letters(const struct xen_domctl_getdomaininfo *info, char out[static 7]);
const char *cli_shutdown_reason(unsigned reason);

/* --- hints.c ------------------------------------------------------------------------------- */

/* What to say to who calls a command that there is not. */
const char *hints_for(const char *verb);

/* --- console.c ----------------------------------------------------------------------------- */

/* Connects to a guest's console, waiting a little for the console daemon to find it. */
int console_connect(struct lodge_session *l, uint16_t domid, int *fd);
/* Copies between the terminal and the console until Ctrl-] or the guest's end. */
int console_run(int fd);

/* --- meminfo.c ----------------------------------------------------------------------------- */

/* How much this machine's programs could still ask for. False where that cannot be known. */
bool meminfo_available(uint64_t *kib);

/* --- the commands -------------------------------------------------------------------------- */

cli_fn cmd_create, cmd_destroy, cmd_shutdown, cmd_reboot, cmd_pause, cmd_unpause, cmd_console;
cli_fn cmd_list, cmd_vm_list, cmd_claims, cmd_info, cmd_dmesg, cmd_domid, cmd_domname, cmd_uptime,
    cmd_resources, cmd_stats, cmd_top, cmd_vcpu_list;
cli_fn cmd_rename, cmd_vcpu_set, cmd_vcpu_pin, cmd_mem_set, cmd_mem_max, cmd_sched, cmd_sysrq;
cli_fn cmd_block_attach, cmd_block_detach, cmd_block_list, cmd_block_resize;
cli_fn cmd_network_attach, cmd_network_detach, cmd_network_list;
cli_fn cmd_cd_insert, cmd_cd_eject, cmd_config_update;
cli_fn cmd_cpu_offline, cmd_cpu_online;
cli_fn cmd_trigger, cmd_trace, cmd_debug_keys, cmd_extract_kernel, cmd_help, cmd_version;

#endif
