// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmd_device.c: the commands for devices, whatever their class, and the table of what shows them.
 *
 * Whether a device fits to a guest is judged by what the guest has now, as xenstore shows it, and
 * not by its config on disk: a guest may have been made by other tools, or have lost a device.
 */
#include "cmd_device.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

int device_args(struct cli *c, int argc, char **argv, const char *options, int min, int max,
                struct device_args *a)
{
    static const struct option longopts[] = {{"force", no_argument, NULL, 'f'},
                                             {"timeout", required_argument, NULL, 't'},
                                             {"shrink", no_argument, NULL, 's'},
                                             {NULL, 0, NULL, 0}};
    uint64_t seconds = 0;
    int opt, rc;

    memset(a, 0, sizeof(*a));
    while ((opt = getopt_long(argc, argv, ":ft:s", longopts, NULL)) != -1) {
        if (opt == ':' || opt == '?' || !strchr(options, opt)) {
            optopt = opt == ':' || opt == '?' ? optopt : opt;
            return cli_bad_option(c, argv, opt == ':' ? opt : '?');
        }
        a->force = a->force || opt == 'f';
        a->shrink = a->shrink || opt == 's';
        if (opt == 't' && !cli_number(optarg, 1, 100000, &seconds))
            return cli_usage(c, "'%s' is not a number of seconds", optarg);
    }
    if (optind >= argc)
        return cli_usage(c, "%s needs a domain", argv[0]);
    a->rest = optind + 1;
    if (argc - a->rest < min)
        return cli_usage(c, "%s needs more than a domain", argv[0]);
    if (argc - a->rest > max)
        return cli_usage(c, "'%s' is one argument too many", argv[a->rest + max]);
    rc = cli_domain(c, argv[optind], &a->info);
    if (rc)
        return rc;
    if (!a->info.domain)
        return cli_error(c, "domain 0 has its devices from its own kernel");
    if (a->info.flags & XEN_DOMINF_dying)
        return cli_error(c, "domain %u is being destroyed", a->info.domain);
    if (seconds)
        c->lodge.wait_ms = (int)seconds * 1000;
    a->name = lodge_domain_name(&c->lodge, a->info.domain);
    return 0;
}

void device_args_free(struct device_args *a)
{
    free(a->name);
    a->name = NULL;
}

/* --- what a guest has ---------------------------------------------------------------------- */

void device_config(struct cli *c, const struct device_args *a, struct domcfg *dc)
{
    struct splitdev *dev = NULL;
    unsigned nr = lodge_splitdev_list(c->lodge.store, a->info.domain, DEVICE_ANY, &dev);
    struct saved saved;
    char err[400];

    memset(dc, 0, sizeof(*dc));
    dc->name = must_copy(a->name);
    memcpy(dc->uuid, a->info.handle, sizeof(dc->uuid));
    if (!lodge_saved_read(&c->lodge, a->info.handle, &saved)) {
        dc->fixed_uuid = saved.config.fixed_uuid;
        dc->type = saved.config.type;
        lodge_saved_free(&saved);
    }
    for (unsigned i = 0; i < nr; i++) {
        enum device_kind kind = lodge_device_kind(dev[i].class);
        const struct device_class *class;
        struct device_base *d;

        if (kind == DEVICE_ANY)
            continue;
        class = lodge_device_class[kind];
        d = must(calloc(1, class->size));
        if (!lodge_splitdev_read(c->lodge.store, &dev[i], kind, d) &&
            lodge_domcfg_add(dc, kind, d, err, sizeof(err)))
            class->release(d);
        free(d);
    }
    free(dev);
}

/* --- the saved config ---------------------------------------------------------------------- */

/* A device as JSON, or without it the number of one to forget. */
struct change {
    enum device_kind kind;
    struct json_object *add;
    unsigned drop;
};

static void change_config(struct domcfg *dc, void *arg)
{
    const struct change *ch = arg;
    const struct device_class *class = lodge_device_class[ch->kind];
    struct device_base *d = must(calloc(1, class->size));
    char err[400];

    if (!ch->add) {
        lodge_domcfg_drop(dc, ch->kind, ch->drop);
    } else if (!class->from_json(d, ch->add)) {
        /* An entry of the same number is of a device that the guest has not any more. */
        lodge_domcfg_drop(dc, ch->kind, d->devid);
        if (lodge_domcfg_add(dc, ch->kind, d, err, sizeof(err)))
            class->release(d);
    }
    free(d);
}

static int change_saved(struct cli *c, const struct device_args *a, struct change *ch,
                        const char *done)
{
    int rc = lodge_saved_change(&c->lodge, a->info.handle, change_config, ch);

    json_object_put(ch->add);
    if (!rc)
        return 0;
    return cli_error(c, "it is %s, but a restart of the guest would undo that: %s", done,
                     c->lodge.message);
}

int device_saved_add(struct cli *c, const struct device_args *a, enum device_kind kind,
                     const struct device_base *d)
{
    struct change ch = {.kind = kind, .add = lodge_device_class[kind]->to_json(d)};

    return change_saved(c, a, &ch, "attached");
}

static int saved_drop(struct cli *c, const struct device_args *a, const struct splitdev *dev)
{
    struct change ch = {.kind = lodge_device_kind(dev->class), .drop = dev->devid};

    return change_saved(c, a, &ch, "detached");
}

/* --- attaching ----------------------------------------------------------------------------- */

/* xl takes a description in pieces, too: they are joined with commas. */
static char *join(int argc, char **argv)
{
    size_t len = 1;
    char *text;

    for (int i = 0; i < argc; i++)
        len += strlen(argv[i]) + 1;
    text = must(calloc(1, len));
    for (int i = 0; i < argc; i++) {
        if (i)
            strcat(text, ",");
        strcat(text, argv[i]);
    }
    return text;
}

/* As far as it can be told without doing it: it is good, and fits to those that are there. */
static int pretend(const struct device_args *a, enum device_kind kind, const struct device_base *d)
{
    struct json_object *js = lodge_device_class[kind]->to_json(d);

    cli_json_num(js, "domid", a->info.domain);
    cli_print_json(js);
    return 0;
}

int device_attach_one(struct cli *c, const struct device_args *a, enum device_kind kind,
                      const struct device_base *d)
{
    int rc;

    if (lodge_splitdev_attach(&c->lodge, a->info.domain, kind, d))
        return cli_failed(c);
    rc = device_saved_add(c, a, kind, d);
    if (c->json) {
        struct json_object *js = lodge_device_class[kind]->to_json(d);

        cli_json_num(js, "domid", a->info.domain);
        cli_json_num(js, "devid", d->devid);
        cli_print_json(js);
    } else {
        device_views[kind]->attached(a, d);
    }
    return rc;
}

static int check_and_attach(struct cli *c, const struct device_args *a, enum device_kind kind,
                            struct device_base *d)
{
    const struct device_class *class = lodge_device_class[kind];
    struct domcfg now;
    char err[640];
    int rc;

    if (d->ignored)
        cli_warn(c, "not supported and without effect: %s", d->ignored);
    device_config(c, a, &now);
    if (class->resolve(d, err, sizeof(err)) || lodge_domcfg_add(&now, kind, d, err, sizeof(err))) {
        rc = cli_error(c, "%s", err);
        class->release(d);
    } else {
        /* From here on `now` has what it points to. */
        rc = c->dry_run ? pretend(a, kind, d) : device_attach_one(c, a, kind, d);
    }
    lodge_domcfg_free(&now);
    return rc;
}

int device_attach(struct cli *c, int argc, char **argv, enum device_kind kind)
{
    const struct device_class *class = lodge_device_class[kind];
    struct device_args a;
    struct device_base *d;
    char err[640], *text;
    int rc = device_args(c, argc, argv, "t", device_views[kind]->words, 100, &a);

    if (rc)
        return rc;
    text = join(argc - a.rest, argv + a.rest);
    d = must(calloc(1, class->size));
    if (class->parse(d, text, err, sizeof(err)))
        rc = cli_error(c, "%s", err);
    else
        rc = check_and_attach(c, &a, kind, d);
    free(d);
    free(text);
    device_args_free(&a);
    return rc;
}

/* --- detaching ----------------------------------------------------------------------------- */

int device_detach_one(struct cli *c, const struct device_args *a, const struct splitdev *dev)
{
    char name[40];
    int rc;

    if (lodge_splitdev_detach(&c->lodge, dev, a->force))
        return cli_failed(c);
    rc = saved_drop(c, a, dev);
    lodge_splitdev_name(dev, name, sizeof(name));
    if (c->json) {
        struct json_object *js = json_object_new_object();

        cli_json_num(js, "domid", dev->domid);
        cli_json_num(js, "devid", dev->devid);
        cli_json_bool(js, "detached", true);
        cli_print_json(js);
    } else {
        printf("detached %s from '%s'\n", name, a->name);
    }
    return rc;
}

int device_detach(struct cli *c, int argc, char **argv, enum device_kind kind)
{
    struct device_args a;
    struct splitdev dev;
    int rc = device_args(c, argc, argv, "ft", 1, 1, &a);

    if (rc)
        return rc;
    rc = device_views[kind]->find(c, &a, argv[a.rest], &dev);
    if (!rc)
        rc = device_detach_one(c, &a, &dev);
    device_args_free(&a);
    return rc;
}

/* --- showing ------------------------------------------------------------------------------- */

const struct device_view *const device_views[DEVICE_KINDS] = {
    [DEVICE_DISK] = &block_view,
    [DEVICE_VIF] = &network_view,
};

/* Those of a domain: with `guest` its name, they get rows in the table. */
static void each_of(struct cli *c, uint16_t domid, const char *guest, enum device_kind kind,
                    struct table *table, struct json_object *all)
{
    const struct device_view *view = device_views[kind];
    struct splitdev *dev = NULL;
    unsigned nr = lodge_splitdev_list(c->lodge.store, domid, kind, &dev);

    for (unsigned i = 0; i < nr; i++) {
        struct json_object *js = view->json(c, &dev[i]);

        if (guest) {
            cli_json_str(js, "guest", guest);
            table_cell(table, "%s", guest);
            table_cell(table, "%u", dev[i].domid);
            view->row(table, &dev[i], js);
        }
        json_object_array_add(all, js);
    }
    free(dev);
}

int device_list(struct cli *c, int argc, char **argv, enum device_kind kind)
{
    struct json_object *all = json_object_new_array();
    struct cli_selection sel = {0};
    struct table table;
    int rc = cli_open(c);

    if (!rc)
        rc = cli_select(c, argc - 1, argv + 1, &sel);
    table_begin(&table, device_views[kind]->columns);
    for (unsigned i = 0; i < sel.nr && !rc; i++)
        each_of(c, sel.info[i].domain, sel.name[i], kind, &table, all);
    cli_print(c, rc, &table, all);
    cli_select_free(&sel);
    return rc;
}

struct json_object *device_json(struct cli *c, const struct splitdev *dev, const char *const *keys,
                                char **value)
{
    struct json_object *js = json_object_new_object();
    char *back = NULL, *front = NULL, *error = NULL;
    struct store *s = c->lodge.store;

    store_read(s, lodge_splitdev_back(dev, "state"), &back);
    store_read(s, lodge_splitdev_front(dev, "state"), &front);
    store_read(s, lodge_splitdev_back(dev, "hotplug-error"), &error);
    for (unsigned i = 0; keys[i]; i++)
        store_read(s, lodge_splitdev_back(dev, keys[i]), &value[i]);
    store_flush(s);
    /* All of it is of the domain that serves the device, which need not be dom0. */
    store_printable(error);
    for (unsigned i = 0; keys[i]; i++)
        store_printable(value[i]);
    cli_json_num(js, "domid", dev->domid);
    cli_json_num(js, "devid", dev->devid);
    cli_json_num(js, "backend", dev->backend);
    cli_json_str(js, "backendtype", lodge_backend_type_name(lodge_splitdev_backend_type(dev)));
    cli_json_str(js, "state", lodge_splitdev_state_name(back ? (int)strtol(back, NULL, 10) : 0));
    cli_json_str(js, "front_state",
                 lodge_splitdev_state_name(front ? (int)strtol(front, NULL, 10) : 0));
    if (error && *error)
        cli_json_str(js, "error", error);
    free(back);
    free(front);
    free(error);
    return js;
}

const char *device_js(struct json_object *js, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(js, key, &v) ? json_object_get_string(v) : "-";
}

void device_json_all(struct cli *c, uint16_t domid, struct json_object *js)
{
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++) {
        struct json_object *all = json_object_new_array();

        each_of(c, domid, NULL, kind, NULL, all);
        json_object_object_add(js, lodge_device_class[kind]->list, all);
    }
}
