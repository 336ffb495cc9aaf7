// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_cpu.c: cpu-offline and cpu-online: the machine's processors in and out of use.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <public/sysctl.h>

static int refused(struct cli *c, uint32_t cpu, bool online, int rc)
{
    struct xen_sysctl_physinfo host;
    const char *already = online ? "in use" : "out of use";

    if (rc == -EEXIST)
        return cli_error(c, "CPU %" PRIu32 " is %s already", cpu, already);
    if (rc == -EBUSY)
        return cli_error(c, "another CPU is just being taken in or out of use; try again");
    if (rc == -EADDRINUSE)
        return cli_error(
            c, "domain 0's kernel does something on CPU %" PRIu32 " just now; try again", cpu);
    if (rc == -EINVAL && !cpu)
        return cli_error(c, "CPU 0 stays in use: it is the one that the machine began with");
    if (rc == -EINVAL && !ctl_host_physinfo(&c->lodge.ctl, &host))
        return cli_error(c, "there is no CPU %" PRIu32 "; the last one is %" PRIu32, cpu,
                         host.max_cpu_id);
    return cli_ctl_status(c, rc);
}

/* Goes on after a failure, as the commands for domains do. */
static int set_cpus(struct cli *c, int argc, char **argv, bool online)
{
    struct json_object *all = json_object_new_array();
    uint64_t cpu;
    int rc = argc < 2 ? cli_usage(c, "%s needs the number of a CPU", argv[0]) : 0;

    for (int i = 1; i < argc && !rc; i++)
        if (!cli_number(argv[i], 0, UINT32_MAX, &cpu))
            rc = cli_usage(c, "'%s' is not the number of a CPU", argv[i]);
    if (!rc)
        rc = cli_open_machine(c);
    for (int i = 1; i < argc && rc != CLI_USAGE && c->is_open; i++) {
        struct json_object *js = json_object_new_object();
        int err;

        cli_number(argv[i], 0, UINT32_MAX, &cpu);
        err = ctl_host_set_cpu(&c->lodge.ctl, (uint32_t)cpu, online);
        if (err < 0)
            rc = refused(c, (uint32_t)cpu, online, err);
        else
            cli_say(c, "CPU %" PRIu64 " is %s use", cpu, online ? "in" : "out of");
        cli_json_num(js, "cpu", (int64_t)cpu);
        cli_json_bool(js, "done", err >= 0);
        json_object_array_add(all, js);
    }
    if (c->json && rc != CLI_USAGE && c->is_open)
        cli_print_json(all);
    else
        json_object_put(all);
    return rc;
}

int cmd_cpu_offline(struct cli *c, int argc, char **argv)
{
    return set_cpus(c, argc, argv, false);
}

int cmd_cpu_online(struct cli *c, int argc, char **argv)
{
    return set_cpus(c, argc, argv, true);
}
