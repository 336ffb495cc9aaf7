// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: `lodge`, the command line of dom0.
 *
 * One table lists all commands with their help; this file finds the command, takes out the options
 * that all have in common (--json, --help), and turns failures into a message and a status:
 * 0 done, 1 it could not be done, 2 the command line is wrong.
 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#ifndef LODGE_VERSION
#define LODGE_VERSION "0.1"
#endif

const struct cli_cmd cli_cmds[] = {
    {"create", cmd_create, CLI_PRETENDS, "[-c] [-p] [-n] [-q] [-F] [-f FILE | FILE] [KEY=VALUE]...",
     "create a guest from a config file",
     "  -c, --console          attach to its console (Ctrl-] leaves)\n"
     "  -p, --paused           leave it paused\n"
     "  -q, --quiet            say nothing of success\n"
     "  -F, --foreground       end when the guest is gone for good; restarts do not count\n"
     "  -n, --dry-run          check config and kernel, print the config, create nothing\n"
     "  -f, --defconfig=FILE   the config file\n"
     "KEY=VALUE replaces a setting of the file, or stands in for it. See lodge.cfg(5).\n"},
    {"config-update", cmd_config_update, CLI_CHANGES, "DOMAIN FILE [KEY=VALUE]...",
     "change what a guest is when it starts again",
     "The config replaces the one that was saved when the guest was created. What it is now stays\n"
     "as it is. Its name and uuid cannot be changed.\n"},
    {"destroy", cmd_destroy, CLI_CHANGES, "DOMAIN...",
     "end a guest at once, as pulling the plug would", NULL},
    {"shutdown", cmd_shutdown, CLI_CHANGES, "[-w] [-t SECONDS] [-F] -a | DOMAIN...",
     "ask a guest to shut itself down",
     "  -a, --all              all guests\n"
     "  -w, --wait             until they have, and their names are free\n"
     "  -t, --timeout=SECONDS  with -w: give up after this time\n"
     "  -F                     xl's, for guests without a driver for this; has no effect here\n"},
    {"reboot", cmd_reboot, CLI_CHANGES, "[-F] -a | DOMAIN...", "ask a guest to reboot",
     "  -a, --all              all guests\n"
     "What happens then is decided by on_reboot in its config.\n"},
    {"pause", cmd_pause, CLI_CHANGES, "DOMAIN...", "stop a guest's vcpus", NULL},
    {"unpause", cmd_unpause, CLI_CHANGES, "DOMAIN...", "let a paused guest run on", NULL},
    {"list", cmd_list, CLI_SHOWS, "[-l] [-v] [-c] [DOMAIN...]", "show domains",
     "  -l, --long             all that is known of them, as JSON\n"
     "  -v, --verbose          uuids, and how those that are down went down\n"
     "  -c, --cpupool          the pool of processors that they are in\n"
     "States: r running, b blocked, p paused, s shut down, c crashed, d dying.\n"},
    {"vm-list", cmd_vm_list, CLI_SHOWS, "", "show guests by their uuids", NULL},
    {"claims", cmd_claims, CLI_SHOWS, "", "show memory that is set aside for guests being created",
     NULL},
    {"console", cmd_console, CLI_CHANGES, "[-n 0] [-t pv] DOMAIN",
     "attach to a guest's console; Ctrl-] leaves",
     "  -n, --num=NUMBER       which one: there is number 0\n"
     "  -t, --type=TYPE        what kind: there is pv\n"},
    {"info", cmd_info, CLI_SHOWS, "", "describe the machine and the hypervisor", NULL},
    {"dmesg", cmd_dmesg, CLI_CHANGES, "[-c]", "show the hypervisor's messages",
     "  -c, --clear            and forget them\n"},
    {"domid", cmd_domid, CLI_SHOWS, "NAME", "the number of a domain", NULL},
    {"domname", cmd_domname, CLI_SHOWS, "ID", "the name of a domain", NULL},
    {"block-attach", cmd_block_attach, CLI_PRETENDS, "[-t SECONDS] DOMAIN DISK...",
     "give a guest a disk",
     "  -t, --timeout=SECONDS  how long its back-end may take (30)\n"
     "DISK is an entry of disk= in a config, e.g. /srv/data.img,raw,xvdb,rw; its parameters may "
     "also\n"
     "be arguments of their own. See lodge.cfg(5).\n"},
    {"block-detach", cmd_block_detach, CLI_CHANGES, "[-f] [-t SECONDS] DOMAIN VDEV",
     "take a disk from a guest",
     "  -f, --force            whatever the guest says: it sees I/O errors\n"
     "  -t, --timeout=SECONDS  how long it may take (30)\n"},
    {"block-list", cmd_block_list, CLI_SHOWS, "[DOMAIN...]", "show guests' disks", NULL},
    {"block-resize", cmd_block_resize, CLI_CHANGES, "[-s] [-t SECONDS] DOMAIN VDEV [SIZE]",
     "tell a guest of its disk's new size",
     "  -s, --shrink           it may become smaller: what is behind the new end is lost\n"
     "  -t, --timeout=SECONDS  how long its back-end may take (30)\n"
     "SIZE is in MiB, or has a suffix, as in 1.5g or 1t; an image file is made as large. Without "
     "it\n"
     "the image has its new size already.\n"},
    {"cd-insert", cmd_cd_insert, CLI_CHANGES, "[-t SECONDS] DOMAIN VDEV TARGET",
     "give a guest a CD, in place of one that it has",
     "  -t, --timeout=SECONDS  how long each step may take (30)\n"
     "TARGET is a file or a block device. The guest sees the old disk go and the new one come.\n"},
    {"cd-eject", cmd_cd_eject, CLI_CHANGES, "[-f] [-t SECONDS] DOMAIN VDEV",
     "take a CD from a guest",
     "  -f, --force            whatever the guest says: it sees I/O errors\n"
     "  -t, --timeout=SECONDS  how long it may take (30)\n"},
    {"network-attach", cmd_network_attach, CLI_PRETENDS, "[-t SECONDS] DOMAIN [KEY=VALUE...]",
     "give a guest a network interface",
     "  -t, --timeout=SECONDS  how long its back-end may take (30)\n"
     "KEY=VALUE is part of an entry of vif= in a config, e.g. bridge=br0. See lodge.cfg(5).\n"},
    {"network-detach", cmd_network_detach, CLI_CHANGES, "[-f] [-t SECONDS] DOMAIN INDEX|MAC",
     "take a network interface from a guest",
     "  -f, --force            whatever the guest says\n"
     "  -t, --timeout=SECONDS  how long it may take (30)\n"},
    {"network-list", cmd_network_list, CLI_SHOWS, "[DOMAIN...]", "show guests' network interfaces",
     NULL},
    {"rename", cmd_rename, CLI_CHANGES, "DOMAIN NEWNAME", "give a domain another name", NULL},
    {"vcpu-list", cmd_vcpu_list, CLI_SHOWS, "[DOMAIN...]", "show vcpus and where they may run",
     NULL},
    {"vcpu-set", cmd_vcpu_set, CLI_CHANGES, "[-w] [-t SECONDS] DOMAIN NUMBER",
     "set how many vcpus a guest shall use",
     "  -w, --wait             until it uses so many\n"
     "  -t, --timeout=SECONDS  with -w: give up after this time (30)\n"},
    {"vcpu-pin", cmd_vcpu_pin, CLI_CHANGES, "DOMAIN VCPU|all CPUS|- [CPUS|-]",
     "set where a vcpu may run, and prefers to",
     "CPUS is a set like 0-3,^2 or all. The first is where it may run, the second where it\n"
     "prefers to; - leaves one as it is.\n"},
    {"mem-set", cmd_mem_set, CLI_CHANGES, "[-f] [-w] [-t SECONDS] DOMAIN SIZE",
     "set how much memory a guest shall use",
     "  -f, --force            to less than it needs\n"
     "  -w, --wait             until it uses so much\n"
     "  -t, --timeout=SECONDS  with -w: give up after this time (30)\n"
     "SIZE is in MiB, or has a suffix, as in 512m, 1.5g or 1t.\n"
     "The guest's balloon driver follows when it can.\n"},
    {"mem-max", cmd_mem_max, CLI_CHANGES, "DOMAIN SIZE", "set how much memory a guest may ever use",
     "SIZE is in MiB, or has a suffix, as in 512m, 1.5g or 1t.\n"},
    {"sched", cmd_sched, CLI_CHANGES, "[-d DOMAIN [-w WEIGHT] [-c CAP]]",
     "show or set shares of the processors",
     "  -d, --domain=DOMAIN    only this one\n"
     "  -w, --weight=WEIGHT    its share relative to others, 1 to 65535; 256 is the norm\n"
     "  -c, --cap=CAP          its limit in per cent of one processor; 0 is none\n"},
    {"sysrq", cmd_sysrq, CLI_CHANGES, "DOMAIN KEY", "send a guest's kernel a magic SysRq key",
     NULL},
    {"trigger", cmd_trigger, CLI_CHANGES, "DOMAIN nmi [VCPU]",
     "send a guest's vcpu a non-maskable interrupt",
     "What comes of it is the guest's: Linux writes to its log, or with\n"
     "kernel.unknown_nmi_panic=1 it panics. VCPU is 0 where none is named.\n"},
    {"cpu-offline", cmd_cpu_offline, CLI_CHANGES, "CPU...", "take processors out of use",
     "What runs there goes elsewhere; a vcpu that may run nowhere else may run everywhere then.\n"
     "CPU 0 stays in use. `lodge info` shows which are.\n"},
    {"cpu-online", cmd_cpu_online, CLI_CHANGES, "CPU...", "take processors into use again", NULL},
    {"debug-keys", cmd_debug_keys, CLI_CHANGES, "KEYS", "press keys on the hypervisor's console",
     "The answer is in `lodge dmesg`; the key h lists the others.\n"},
    {"trace", cmd_trace, CLI_CHANGES,
     "[-d DOMAIN] [-e EVENTS] [-o FILE] [--format json|text] [-b RECORDS] [-t SECONDS | "
     "COMMAND...]",
     "record what domains and processors do, for Perfetto's viewer or as text",
     "  -d, --domain=DOMAIN    only what this one has to do with\n"
     "  -e, --events=EVENTS    some of hypercall, exception, emulated, interrupt, schedule, "
     "event,\n"
     "                         syscall, with commas between; all\n"
     "  -t, --time=SECONDS     for so long\n"
     "  -o, --output=FILE      write there, as JSON; without it to standard output, as text\n"
     "  -f, --format=FORMAT    json or text\n"
     "  -b, --buffer=RECORDS   room for each processor: a power of two from 64 to 65536 (16384)\n"
     "      --stop             only end a trace whose reader was killed\n"
     "It ends with COMMAND, whose status it returns, after SECONDS, or with Ctrl-C. What COMMAND "
     "has "
     "of\n"
     "options is its own, but --json and --help need a -- in front of COMMAND. "
     "https://ui.perfetto.dev "
     "opens\n"
     "the JSON as it is.\n"},
    {"resources", cmd_resources, CLI_SHOWS, "",
     "count what domains hold, to see what was not given back",
     "Ports are event channels: unbound, connected to another domain, and others. Grants are "
     "pages\n"
     "that a domain lets others map, and those that are in use at this moment. Nodes are "
     "xenstore's;\n"
     "those of domains that do not exist any more are counted by themselves.\n"},
    {"stats", cmd_stats, CLI_PRETENDS, "[-r] [-V] [DOMAIN...]",
     "show how often guests entered the hypervisor, and why",
     "  -r, --reset            count from here on\n"
     "  -V, --vcpus            each vcpu by itself\n"
     "Without a DOMAIN there is one line for each; with one, all that it has been counted for. "
     "What\n"
     "did not happen is left out; --json has it, too.\n"},
    {"top", cmd_top, CLI_SHOWS, "[-b] [-n NUMBER] [-d SECONDS] [-s KEY] [-g DOMAIN]",
     "watch what the machine and its guests do",
     "  -b, --batch            write text, for scripts\n"
     "  -n, --iterations=NUMBER\n                         end after so many intervals\n"
     "  -d, --delay=SECONDS    the interval, 0.1 to 3600 (2)\n"
     "  -s, --sort=KEY         cpu, memory, entries, disk, network, name or id\n"
     "  -g, --guest=DOMAIN     whose entries into the hypervisor are shown by reason\n"
     "Rates are those of the last interval, per second; disks and networks in bytes. On the "
     "screen\n"
     "q ends it, up and down select a domain, s sorts by the next key, + and - double and halve "
     "the\n"
     "interval.\n"},
    {"uptime", cmd_uptime, CLI_SHOWS, "[DOMAIN...]", "show how long domains have been running",
     NULL},
    {"extract-kernel", cmd_extract_kernel, CLI_CHANGES, "VMLINUZ VMLINUX",
     "unpack a bzImage into an ELF that can be booted as dom0", NULL},
    {"help", cmd_help, CLI_SHOWS, "[COMMAND]", "show all commands, or one in detail", NULL},
    {"version", cmd_version, CLI_SHOWS, "", "show the version of these tools", NULL},
    {NULL, NULL, CLI_CHANGES, NULL, NULL, NULL},
};

const struct cli_cmd *cli_lookup(const char *name)
{
    for (const struct cli_cmd *cmd = cli_cmds; cmd->name; cmd++)
        if (!strcmp(cmd->name, name))
            return cmd;
    return NULL;
}

static void print_overview(FILE *out)
{
    fputs("Usage: lodge [-N] [-v] COMMAND [--json] [ARGUMENTS]\n\n", out);
    for (const struct cli_cmd *cmd = cli_cmds; cmd->name; cmd++)
        fprintf(out, "  %-15s %s\n", cmd->name, cmd->brief);
    fputs("\n`lodge help COMMAND` shows its arguments. A DOMAIN is a name or a number.\n"
          "Behind -- nothing is an option. In front of COMMAND, -N only shows what would be "
          "created or\n"
          "attached, and -v says more.\n",
          out);
}

static void print_help(const struct cli_cmd *cmd)
{
    cli_print_usage(stdout, cmd);
    printf("\n%s.\n", cmd->brief);
    if (cmd->help)
        printf("\n%s", cmd->help);
}

int cmd_help(struct cli *c, int argc, char **argv)
{
    const struct cli_cmd *cmd;

    if (argc < 2) {
        print_overview(stdout);
        return 0;
    }
    cmd = cli_lookup(argv[1]);
    if (!cmd)
        return cli_error(c, "there is no command '%s'; %s", argv[1], hints_for(argv[1]));
    print_help(cmd);
    return 0;
}

int cmd_version(struct cli *c, int argc, char **argv)
{
    struct json_object *js;

    (void)argv;
    if (argc > 1)
        return cli_usage(c, "version takes no arguments");
    if (!c->json) {
        puts("lodge " LODGE_VERSION);
        return 0;
    }
    js = json_object_new_object();
    cli_json_str(js, "version", LODGE_VERSION);
    cli_print_json(js);
    return 0;
}

/* Takes --json out of the arguments; tells whether --help is among them. */
static bool common_options(struct cli *c, int *argc, char **argv)
{
    bool help = false, ended = false; /* -- ends all options */
    int kept = 0;

    for (int i = 0; i < *argc; i++) {
        ended = ended || !strcmp(argv[i], "--");
        if (i && !ended && !strcmp(argv[i], "--json"))
            c->json = true;
        else if (i && !ended && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
            help = true;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return help;
}

/*
 * A command that has no options of its own, as its usage line shows, refuses words that look like
 * one, unless they stand behind a --, which is taken out.
 */
static int without_options(struct cli *c, int *argc, char ***argv)
{
    static const struct option none[] = {{NULL, 0, NULL, 0}};
    const char *args = c->cmd->args, *name = **argv;
    int opt;

    if (args[0] == '-' || !strncmp(args, "[-", 2))
        return 0;
    opt = getopt_long(*argc, *argv, ":", none, NULL);
    if (opt != -1)
        return cli_bad_option(c, *argv, opt);
    *argc -= optind - 1;
    *argv += optind - 1;
    **argv = (char *)name;
    return 0;
}

/* Options in front of the command, as xl has them. */
static bool global_option(struct cli *c, const char *arg)
{
    if (!strcmp(arg, "--json"))
        c->json = true;
    else if (!strcmp(arg, "-N") || !strcmp(arg, "--dry-run"))
        c->dry_run = true;
    else if (!strcmp(arg, "-v") || !strcmp(arg, "--verbose"))
        c->verbose = true;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct cli c = {0};
    int rc;

    while (argc > 1 && global_option(&c, argv[1])) {
        argv++;
        argc--;
    }
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        argv[1] = "help";
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
        argv[1] = "version";
    c.cmd = cli_lookup(argv[1]);
    if (!c.cmd) {
        fprintf(stderr, "lodge: there is no command '%s'; %s\n", argv[1], hints_for(argv[1]));
        return CLI_USAGE;
    }
    argv++;
    argc--;
    if (c.dry_run && c.cmd->effect == CLI_CHANGES)
        return cli_usage(&c, "-N: %s cannot only pretend; nothing was done", c.cmd->name);
    if (common_options(&c, &argc, argv)) {
        print_help(c.cmd);
        return 0;
    }
    rc = without_options(&c, &argc, &argv);
    if (!rc)
        rc = c.cmd->run(&c, argc, argv);
    if (c.is_open)
        lodge_close(&c.lodge);
    if (fflush(stdout) || ferror(stdout)) {
        fputs("lodge: the output could not be written\n", stderr);
        return CLI_FAILED;
    }
    return rc;
}
