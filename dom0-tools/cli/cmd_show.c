// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_show.c: the commands that only look: list, info, dmesg, domid, domname, uptime, vcpu-list.
 *
 * Each builds its answer once and prints it either as an aligned table or as JSON, with the same
 * facts in both.
 */
#include "cmd_device.h"
#include "layout.h"

#include <clock.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <public/sysctl.h>

#define MIB_PAGES 256

/* The domains that the arguments name, or all, with their names. */
struct selection {
    struct xen_domctl_getdomaininfo *info;
    char **name;
    unsigned nr;
};

static int select_domains(struct cli *c, int argc, char **argv, struct selection *sel)
{
    int rc = cli_open(c), n = argc;

    memset(sel, 0, sizeof(*sel));
    if (rc)
        return rc;
    if (argc) {
        sel->info = calloc((size_t)argc, sizeof(*sel->info));
        for (int i = 0; i < argc && !rc && sel->info; i++)
            rc = cli_domain(c, argv[i], &sel->info[i]);
    } else {
        n = domain_list(&c->lodge, &sel->info);
        rc = n < 0 ? cli_failed(c) : 0;
    }
    if (!rc) {
        sel->name = calloc((size_t)n + 1, sizeof(*sel->name));
        if (!sel->name || !sel->info)
            return cli_error(c, "out of memory");
        sel->nr = (unsigned)n;
        domain_names(&c->lodge, sel->info, sel->nr, sel->name);
    }
    return rc;
}

static void release(struct selection *sel)
{
    for (unsigned i = 0; i < sel->nr; i++)
        free(sel->name[i]);
    free(sel->name);
    free(sel->info);
}

/* --- list ---------------------------------------------------------------------------------- */

static struct json_object *domain_json(struct cli *c, const struct xen_domctl_getdomaininfo *d,
                                       const char *name, bool details)
{
    struct json_object *js = json_object_new_object();
    struct saved saved;
    char uuid[37];

    uuid_format(d->handle, uuid);
    cli_json_str(js, "name", name);
    cli_json_num(js, "domid", d->domain);
    cli_json_str(js, "uuid", uuid);
    cli_json_str(js, "state", cli_state(d));
    if (d->flags & XEN_DOMINF_shutdown)
        cli_json_str(
            js, "shutdown_reason",
            cli_shutdown_reason(d->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask));
    cli_json_bool(js, "paused", d->flags & XEN_DOMINF_paused);
    cli_json_num(js, "memory_kib", (int64_t)d->tot_pages * 4);
    cli_json_num(js, "vcpus", d->nr_online_vcpus);
    cli_json_seconds(js, "cpu_seconds", d->cpu_time);
    if (!details)
        return js;
    cli_json_num(js, "max_memory_kib", (int64_t)d->max_pages * 4);
    cli_json_num(js, "max_vcpus", (int64_t)d->max_vcpu_id + 1);
    cli_json_num(js, "shared_pages", (int64_t)d->shr_pages);
    cli_json_num(js, "cpupool", d->cpupool);
    device_json_all(c, d->domain, js);
    if (!saved_read(&c->lodge, d->handle, &saved)) {
        cli_json_num(js, "started", saved.started);
        cli_json_num(js, "restarts", saved.restarts);
        json_object_object_add(js, "config", domcfg_to_json(&saved.config));
        saved_free(&saved);
    }
    return js;
}

static void list_table(const struct selection *sel)
{
    int width = 24;

    for (unsigned i = 0; i < sel->nr; i++)
        if ((int)strlen(sel->name[i]) > width)
            width = (int)strlen(sel->name[i]);
    printf("%-*s %5s %9s %5s  %-6s %10s\n", width, "Name", "ID", "Mem(MiB)", "VCPUs", "State",
           "Time(s)");
    for (unsigned i = 0; i < sel->nr; i++) {
        const struct xen_domctl_getdomaininfo *d = &sel->info[i];
        char state[7];

        cli_state_letters(d, state);
        printf("%-*s %5u %9" PRIu64 " %5u  %-6s %8" PRIu64 ".%u\n", width, sel->name[i], d->domain,
               (uint64_t)d->tot_pages / MIB_PAGES, d->nr_online_vcpus, state,
               (uint64_t)d->cpu_time / 1000000000,
               (unsigned)((uint64_t)d->cpu_time / 100000000 % 10));
    }
}

int cmd_list(struct cli *c, int argc, char **argv)
{
    static const struct option longopts[] = {{"long", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
    struct selection sel;
    bool details = false;
    int opt, rc;

    while ((opt = getopt_long(argc, argv, ":l", longopts, NULL)) != -1) {
        if (opt != 'l')
            return cli_bad_option(c, argv, opt);
        details = true;
    }
    rc = select_domains(c, argc - optind, argv + optind, &sel);
    if (!rc && (c->json || details)) {
        struct json_object *all = json_object_new_array();

        for (unsigned i = 0; i < sel.nr; i++)
            json_object_array_add(all, domain_json(c, &sel.info[i], sel.name[i], details));
        cli_print_json(all);
    } else if (!rc) {
        list_table(&sel);
    }
    release(&sel);
    return rc;
}

int cmd_domid(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    struct json_object *js;
    int rc;

    if (argc != 2)
        return cli_usage(c, "domid needs one name");
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    if (!c->json) {
        printf("%u\n", info.domain);
        return 0;
    }
    js = json_object_new_object();
    cli_json_num(js, "domid", info.domain);
    cli_print_json(js);
    return 0;
}

int cmd_domname(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    struct json_object *js;
    char *name;
    int rc;

    if (argc != 2)
        return cli_usage(c, "domname needs one number");
    rc = cli_domain(c, argv[1], &info);
    if (rc)
        return rc;
    name = domain_name(&c->lodge, info.domain);
    if (c->json) {
        js = json_object_new_object();
        cli_json_str(js, "name", name);
        cli_print_json(js);
    } else {
        puts(name);
    }
    free(name);
    return 0;
}

/* --- uptime -------------------------------------------------------------------------------- */

static int64_t seconds_up(struct cli *c, const struct xen_domctl_getdomaininfo *d)
{
    return d->domain ? layout_seconds_up(c->lodge.store, d->handle) : now_seconds();
}

int cmd_uptime(struct cli *c, int argc, char **argv)
{
    struct json_object *all = json_object_new_array();
    struct selection sel;
    int rc = select_domains(c, argc - 1, argv + 1, &sel);

    if (!rc && !c->json)
        printf("%-24s %5s  %s\n", "Name", "ID", "Uptime");
    for (unsigned i = 0; i < sel.nr && !rc; i++) {
        int64_t s = seconds_up(c, &sel.info[i]);
        struct json_object *js = json_object_new_object();

        cli_json_str(js, "name", sel.name[i]);
        cli_json_num(js, "domid", sel.info[i].domain);
        cli_json_num(js, "uptime_seconds", s);
        json_object_array_add(all, js);
        if (c->json)
            continue;
        printf("%-24s %5u  ", sel.name[i], sel.info[i].domain);
        if (s >= 86400)
            printf("%" PRId64 " day%s, ", s / 86400, s >= 2 * 86400 ? "s" : "");
        printf("%02d:%02d:%02d\n", (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
    }
    if (!rc && c->json)
        cli_print_json(all);
    else
        json_object_put(all);
    release(&sel);
    return rc;
}

/* --- vcpu-list ----------------------------------------------------------------------------- */

static void vcpu_row(struct cli *c, struct json_object *all, const char *name, uint16_t domid,
                     unsigned vcpu, unsigned nr_cpus)
{
    struct xen_domctl_getvcpuinfo info;
    struct ctl_cpumap map[2] = {0};
    struct json_object *js;
    struct cpuset set[2] = {0};
    char text[2][256], cpu[16] = "-", state[4] = "---";

    if (ctl_vcpu_info(&c->lodge.ctl, domid, vcpu, &info) ||
        ctl_vcpu_get_affinity(&c->lodge.ctl, domid, vcpu, &map[0], &map[1]))
        return; /* the guest ended meanwhile */
    for (int i = 0; i < 2; i++) {
        memcpy(set[i].word, map[i].bits, sizeof(map[i].bits));
        cpuset_format(&set[i], nr_cpus, text[i], sizeof(text[i]));
    }
    if (info.online) {
        snprintf(cpu, sizeof(cpu), "%u", info.cpu);
        state[0] = info.running ? 'r' : '-';
        state[1] = info.blocked ? 'b' : '-';
    } else {
        state[2] = 'p';
    }
    if (!c->json) {
        printf("%-24s %5u %5u %5s  %-5s %8" PRIu64 ".%u  %s / %s\n", name, domid, vcpu, cpu, state,
               (uint64_t)info.cpu_time / 1000000000,
               (unsigned)((uint64_t)info.cpu_time / 100000000 % 10), text[0], text[1]);
        return;
    }
    js = json_object_new_object();
    cli_json_str(js, "name", name);
    cli_json_num(js, "domid", domid);
    cli_json_num(js, "vcpu", vcpu);
    cli_json_bool(js, "online", info.online);
    cli_json_num(js, "cpu", info.online ? (int64_t)info.cpu : -1);
    cli_json_str(js, "state",
                 !info.online   ? "offline"
                 : info.running ? "running"
                 : info.blocked ? "blocked"
                                : "waiting");
    cli_json_seconds(js, "cpu_seconds", info.cpu_time);
    cli_json_str(js, "hard_affinity", text[0]);
    cli_json_str(js, "soft_affinity", text[1]);
    json_object_array_add(all, js);
}

int cmd_vcpu_list(struct cli *c, int argc, char **argv)
{
    struct json_object *all = json_object_new_array();
    struct xen_sysctl_physinfo host;
    struct selection sel;
    int rc = select_domains(c, argc - 1, argv + 1, &sel);

    if (!rc && ctl_host_physinfo(&c->lodge.ctl, &host))
        rc = cli_error(c, "%s", ctl_message(&c->lodge.ctl));
    if (!rc && !c->json)
        printf("%-24s %5s %5s %5s  %-5s %10s  %s\n", "Name", "ID", "VCPU", "CPU", "State",
               "Time(s)", "Affinity (hard / soft)");
    for (unsigned i = 0; i < sel.nr && !rc; i++)
        for (unsigned v = 0; v <= sel.info[i].max_vcpu_id; v++)
            vcpu_row(c, all, sel.name[i], sel.info[i].domain, v, host.max_cpu_id + 1);
    if (!rc && c->json)
        cli_print_json(all);
    else
        json_object_put(all);
    release(&sel);
    return rc;
}

/* --- info ---------------------------------------------------------------------------------- */

/* One fact for both forms of output. */
static void fact_str(struct cli *c, struct json_object *js, const char *key, const char *value)
{
    if (c->json)
        cli_json_str(js, key, value);
    else
        printf("%-18s : %s\n", key, value);
}

static void fact_num(struct cli *c, struct json_object *js, const char *key, uint64_t value)
{
    if (c->json)
        cli_json_num(js, key, (int64_t)value);
    else
        printf("%-18s : %" PRIu64 "\n", key, value);
}

static void info_machine(struct cli *c, struct json_object *js,
                         const struct xen_sysctl_physinfo *host)
{
    struct utsname uts = {0};
    char caps[80];
    int n = 0;

    uname(&uts);
    fact_str(c, js, "host", uts.nodename);
    fact_str(c, js, "release", uts.release);
    fact_str(c, js, "machine", uts.machine);
    fact_num(c, js, "nr_cpus", host->nr_cpus);
    fact_num(c, js, "max_cpu_id", host->max_cpu_id);
    fact_num(c, js, "nr_nodes", host->nr_nodes);
    fact_num(c, js, "cores_per_socket", host->cores_per_socket);
    fact_num(c, js, "threads_per_core", host->threads_per_core);
    fact_num(c, js, "cpu_mhz", host->cpu_khz / 1000);
    for (size_t i = 0; i < sizeof(host->hw_cap) / sizeof(host->hw_cap[0]); i++)
        n += snprintf(caps + n, sizeof(caps) - (size_t)n, "%s%08x", i ? ":" : "", host->hw_cap[i]);
    fact_str(c, js, "hw_caps", caps);
    snprintf(caps, sizeof(caps), "pv%s%s",
             host->capabilities & XEN_SYSCTL_PHYSCAP_hvm ? " hvm" : "",
             host->capabilities & XEN_SYSCTL_PHYSCAP_directio ? " pv_directio" : "");
    fact_str(c, js, "virt_caps", caps);
    fact_num(c, js, "total_memory_mib", host->total_pages / MIB_PAGES);
    fact_num(c, js, "free_memory_mib", host->free_pages / MIB_PAGES);
    fact_num(c, js, "free_pages", host->free_pages);
    fact_num(c, js, "outstanding_pages", host->outstanding_pages);
}

int cmd_info(struct cli *c, int argc, char **argv)
{
    struct json_object *js;
    struct xen_sysctl_physinfo host = {0};
    struct ctl_version *v;
    char text[64];
    uint32_t sched = 0;
    struct xen_domctl_getdomaininfo *list = NULL;
    int rc = cli_open(c), nr;

    (void)argv;
    if (argc > 1)
        return cli_usage(c, "info takes no arguments");
    v = calloc(1, sizeof(*v));
    if (!rc && (!v || ctl_host_physinfo(&c->lodge.ctl, &host) ||
                ctl_host_version(&c->lodge.ctl, v) || ctl_host_sched_id(&c->lodge.ctl, &sched)))
        rc = cli_error(c, "%s", ctl_message(&c->lodge.ctl));
    if (rc) {
        free(v);
        return rc;
    }
    js = json_object_new_object();
    info_machine(c, js, &host);
    nr = domain_list(&c->lodge, &list);
    fact_num(c, js, "nr_domains", nr > 0 ? (uint64_t)nr : 0);
    free(list);
    snprintf(text, sizeof(text), "%u.%u%s", v->major, v->minor, v->extra);
    fact_str(c, js, "hypervisor", strstr(v->extra, "lodge") ? "Lodge" : "Xen");
    fact_str(c, js, "version", text);
    fact_str(c, js, "capabilities", v->capabilities);
    fact_str(c, js, "scheduler", ctl_host_sched_name(sched));
    fact_num(c, js, "page_size", v->page_size);
    snprintf(text, sizeof(text), "0x%" PRIx64, v->virt_start);
    fact_str(c, js, "virt_start", text);
    fact_str(c, js, "changeset", v->changeset);
    fact_str(c, js, "command_line", v->command_line);
    fact_str(c, js, "compiler", v->compiler);
    fact_str(c, js, "compile_date", v->compile_date);
    if (c->json)
        cli_print_json(js);
    else
        json_object_put(js);
    free(v);
    return 0;
}

int cmd_dmesg(struct cli *c, int argc, char **argv)
{
    static const struct option longopts[] = {{"clear", no_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
    const size_t room = 1 << 20;
    bool clear = false;
    char *text;
    int opt, n;

    while ((opt = getopt_long(argc, argv, ":c", longopts, NULL)) != -1) {
        if (opt != 'c')
            return cli_bad_option(c, argv, opt);
        clear = true;
    }
    if (argc > optind)
        return cli_usage(c, "dmesg takes no arguments but -c");
    if (cli_open(c))
        return CLI_FAILED;
    text = malloc(room);
    n = text ? ctl_host_read_log(&c->lodge.ctl, text, room, clear, NULL) : -ENOMEM;
    if (n < 0) {
        free(text);
        return cli_error(c, "%s", ctl_message(&c->lodge.ctl));
    }
    if (c->json) {
        struct json_object *js = json_object_new_object();

        json_object_object_add(js, "messages", json_object_new_string_len(text, n));
        cli_print_json(js);
    } else {
        fwrite(text, 1, (size_t)n, stdout);
        if (n && text[n - 1] != '\n')
            putchar('\n');
    }
    free(text);
    return 0;
}
