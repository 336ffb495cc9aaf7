// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_show.c: commands that only look: info, dmesg, domid, domname, uptime, vcpu-list.
 *
 * Each builds its answer once and prints it either as an aligned table or as JSON, with the same
 * facts in both.
 */
#include "cli.h"

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

int cmd_domid(struct cli *c, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    struct json_object *js;
    int rc;

    if (argc != 2)
        return cli_usage(c, "domid needs one name");
    rc = cli_domain_partly(c, argv[1], &info);
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
    rc = cli_domain_partly(c, argv[1], &info);
    if (rc)
        return rc;
    name = lodge_domain_name(&c->lodge, info.domain);
    if (store_is_dead(c->lodge.store) && !strcmp(name, "?")) {
        rc = cli_error(c, "%s; nothing else knows the name of domain %u",
                       store_message(c->lodge.store), info.domain);
    } else if (c->json) {
        js = json_object_new_object();
        cli_json_str(js, "name", name);
        cli_print_json(js);
    } else {
        puts(name);
    }
    free(name);
    return rc;
}

/* --- uptime -------------------------------------------------------------------------------- */

/* Negative: nobody knows. Without xenstored the saved config does, if the guest is ours. */
static int64_t seconds_up(struct cli *c, const struct xen_domctl_getdomaininfo *d)
{
    struct saved saved;
    int64_t up = d->domain ? lodge_layout_seconds_up(c->lodge.store, d->handle) : now_seconds();

    if (up < 0 && !lodge_saved_read(&c->lodge, d->handle, &saved)) {
        up = saved.domid == d->domain ? now_seconds() - saved.since : -1;
        lodge_saved_free(&saved);
    }
    return up;
}

static void uptime_row(struct cli *c, struct table *table, struct json_object *all,
                       const struct xen_domctl_getdomaininfo *d, const char *name)
{
    int64_t s = seconds_up(c, d);
    struct json_object *js = json_object_new_object();
    char days[32] = "";

    cli_json_str(js, "name", name);
    cli_json_num(js, "domid", d->domain);
    json_object_object_add(js, "uptime_seconds", s < 0 ? NULL : json_object_new_int64(s));
    json_object_array_add(all, js);
    table_cell(table, "%s", name);
    table_cell(table, "%u", d->domain);
    if (s >= 86400)
        snprintf(days, sizeof(days), "%" PRId64 " day%s, ", s / 86400, s >= 2 * 86400 ? "s" : "");
    if (s < 0)
        table_cell(table, "-");
    else
        table_cell(table, "%s%02d:%02d:%02d", days, (int)(s / 3600 % 24), (int)(s / 60 % 60),
                   (int)(s % 60));
}

int cmd_uptime(struct cli *c, int argc, char **argv)
{
    static const struct table_column columns[] = {
        {"Name", -24, false}, {"ID", 5, false}, {"Uptime", -1, true}, {NULL, 0, false}};
    struct json_object *all = json_object_new_array();
    struct cli_selection sel;
    struct table table;
    int rc = cli_select(c, argc - 1, argv + 1, &sel);

    table_begin(&table, columns);
    for (unsigned i = 0; i < sel.nr && !rc; i++)
        uptime_row(c, &table, all, &sel.info[i], sel.name[i]);
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
    return rc;
}

/* --- vcpu-list ----------------------------------------------------------------------------- */

static void vcpu_row(struct cli *c, struct table *table, struct json_object *all, const char *name,
                     uint16_t domid, unsigned vcpu, unsigned nr_cpus)
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
        lodge_cpuset_format(&set[i], nr_cpus, text[i], sizeof(text[i]));
    }
    if (info.online) {
        snprintf(cpu, sizeof(cpu), "%u", info.cpu);
        state[0] = info.running ? 'r' : '-';
        state[1] = info.blocked ? 'b' : '-';
    } else {
        state[2] = 'p';
    }
    table_cell(table, "%s", name);
    table_cell(table, "%u", domid);
    table_cell(table, "%u", vcpu);
    table_cell(table, "%s", cpu);
    table_cell(table, "%s", state);
    cli_seconds_cell(table, info.cpu_time);
    table_cell(table, "%s / %s", text[0], text[1]);
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
    static const struct table_column columns[] = {{"Name", -24, false},
                                                  {"ID", 5, false},
                                                  {"VCPU", 5, false},
                                                  {"CPU", 5, false},
                                                  {"State", -5, true},
                                                  {"Time(s)", 10, false},
                                                  {"Affinity (hard / soft)", -1, true},
                                                  {NULL, 0, false}};
    struct json_object *all = json_object_new_array();
    struct xen_sysctl_physinfo host;
    struct cli_selection sel;
    struct table table;
    int rc = cli_select(c, argc - 1, argv + 1, &sel);

    if (!rc && ctl_host_physinfo(&c->lodge.ctl, &host))
        rc = cli_error(c, "%s", ctl_message(&c->lodge.ctl));
    table_begin(&table, columns);
    for (unsigned i = 0; i < sel.nr && !rc; i++)
        for (unsigned v = 0; v <= sel.info[i].max_vcpu_id; v++)
            vcpu_row(c, &table, all, sel.name[i], sel.info[i].domain, v, host.max_cpu_id + 1);
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
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

static void fact_cpus(struct cli *c, struct json_object *js, unsigned limit)
{
    struct ctl_cpumap online;
    struct cpuset set = {0};
    char text[256];

    if (ctl_host_cpus(&c->lodge.ctl, &online))
        return;
    memcpy(set.word, online.bits, sizeof(online.bits));
    lodge_cpuset_format(&set, limit, text, sizeof(text));
    fact_str(c, js, "online_cpus", text);
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
    fact_cpus(c, js, host->max_cpu_id + 1);
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
    int rc = cli_open_machine(c), nr;

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
    nr = lodge_domain_list(&c->lodge, &list);
    fact_num(c, js, "nr_domains", nr > 0 ? (uint64_t)nr : 0);
    free(list);
    snprintf(text, sizeof(text), "%u.%u%s", v->major, v->minor, v->extra);
    fact_str(c, js, "hypervisor", ctl_version_is_lodge(v) ? "Lodge" : "Xen");
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
    if (cli_open_machine(c))
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
