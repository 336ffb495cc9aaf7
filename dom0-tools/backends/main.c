// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c: lodge-backends, the daemon that owns all split devices of this domain.
 *
 * One loop: xenstore tells of devices and of guests' states, workers tell of theirs, children end,
 * time passes. Nothing here waits for any of them; see backend.h for the parts.
 */
#include "backend.h"

#include <errno.h>
#include <getopt.h>
#include <libdaemon/daemon_store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GRANT_LIMIT_FILE "/sys/module/xen_gntalloc/parameters/limit"
#define GRANT_LIMIT      24576 /* pages; for 64 network workers */

static const struct device_type *const types[] = {&vbd_type, &vbd_stock_type, &vif_type,
                                                  &vif_stock_type, NULL};

struct backend backend = {
    .types = types,
    .run_dir = "/run/lodge",
    .log_dir = "/var/log/lodge",
    .sys_devices = "/sys/devices",
    .transfer = "persistent",
};

static struct daemon_store store;

int64_t backend_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + 1;
}

void backend_vsay(const char *prefix, const char *fmt, va_list ap)
{
    char text[900];

    vsnprintf(text, sizeof(text), fmt, ap);
    daemon_say("%s%s", prefix, text);
}

void backend_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    backend_vsay("", fmt, ap);
    va_end(ap);
}

/* --- xenstore -------------------------------------------------------------------------------- */

static const char *type_directory(const struct device_type *type)
{
    return store_fmt("/local/domain/%u/backend/%s", backend.domid, type->directory);
}

/* "<directory of the type>[/<domid>[/<devid>[/<key>]]]" */
static void back_event(const struct device_type *type, const char *path)
{
    char top[64];
    unsigned domid, devid;
    int used = 0, words;

    /* Not with store_fmt(): whoever awaits an answer may have a result of it in use. */
    snprintf(top, sizeof(top), "/local/domain/%u/backend/%s", backend.domid, type->directory);
    if (strncmp(path, top, strlen(top)))
        return;
    path += strlen(top);
    words = sscanf(path, "/%u/%u%n", &domid, &devid, &used);
    if (words < 1)
        device_note_scan();
    else if (domid > 0x7ff0)
        return;
    else if (words == 1)
        device_note_domain(type, (uint16_t)domid);
    else if (!path[used] || path[used] == '/')
        device_note_back(type, (uint16_t)domid, devid, path + used + (path[used] == '/'));
}

static void note_event(void *arg, const char *path, const char *token)
{
    unsigned slot, serial;

    (void)arg;
    if (!strcmp(token, "gone"))
        device_note_gone();
    else if (sscanf(token, "f:%u:%u", &slot, &serial) == 2)
        device_note_front(slot, serial, path);
    else
        for (unsigned t = 0; types[t]; t++)
            if (!strcmp(token, types[t]->directory))
                back_event(types[t], path);
}

static bool watch_store(struct store *s)
{
    store_on_event(s, note_event, NULL);
    for (unsigned t = 0; types[t]; t++) {
        store_mkdir(s, type_directory(types[t]));
        if (store_watch(s, type_directory(types[t]), types[t]->directory))
            return false;
    }
    return !store_watch(s, "@releaseDomain", "gone");
}

static void store_lost(void)
{
    backend_say("xenstored went away; devices work on, changes have to wait for it");
}

/* --- the loop -------------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

static int timeout(void)
{
    int64_t next = sooner(device_next(), process_next());

    if (device_has_news())
        return 0;
    if (!next)
        return -1;
    next -= backend_now();
    return next < 0 ? 0 : (int)next;
}

static void loop(void)
{
    while (!loop_quit) {
        loop_turn(daemon_store_timeout(&store, timeout()));
        device_turn();
        device_run();
        process_run();
        daemon_store_run(&store);
    }
}

/* --- starting -------------------------------------------------------------------------------- */

static int usage(void)
{
    fputs("Usage: lodge-backends [-F] [-t WAY] [-l DIR]\n\n"
          "Serves guests' disks and network interfaces.\n\n"
          "  -F, --foreground       stay in the foreground\n"
          "  -t, --transfer=WAY     how a disk's data moves: persistent (the guest keeps pages\n"
          "                         granted for it, where it can), or copy\n"
          "  -l, --log-dir=DIR      where backends.log is kept; /var/log/lodge\n",
          stderr);
    return 2;
}

static bool options(int argc, char **argv, bool *foreground)
{
    static const struct option longopts[] = {{"foreground", no_argument, NULL, 'F'},
                                             {"transfer", required_argument, NULL, 't'},
                                             {"log-dir", required_argument, NULL, 'l'},
                                             {NULL, 0, NULL, 0}};
    int opt;

    while ((opt = getopt_long(argc, argv, "Ft:l:", longopts, NULL)) != -1) {
        if (opt == 'F')
            *foreground = true;
        else if (opt == 't')
            backend.transfer = optarg;
        else if (opt == 'l')
            backend.log_dir = optarg;
        else
            return false;
    }
    return argc == optind &&
           (!strcmp(backend.transfer, "copy") || !strcmp(backend.transfer, "persistent"));
}

/* Workers are beside this program. */
static void find_programs(void)
{
    static char dir[512];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
    char *slash;

    dir[n > 0 ? n : 0] = '\0';
    slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    backend.program_dir = slash ? dir : "/usr/sbin";
}

static void make_directories(void)
{
    const char *run_dir = getenv("LODGE_RUN_DIR");

    if (run_dir)
        backend.run_dir = run_dir;
    mkdir(backend.log_dir, 0750);
    mkdir(backend.run_dir, 0755);
    mkdir(store_fmt("%s/blk", backend.run_dir), 0700);
    mkdir(store_fmt("%s/empty", backend.run_dir), 0555);
    nbd_clean();
}

/*
 * Linux limits how many pages all programs together may grant, to what is enough for the memory of
 * two network workers (grant_memory()). Those that come later do without, and are slower. The limit
 * belongs to the module, so it is raised here, and never lowered.
 */
static void raise_grant_limit(void)
{
    FILE *f = fopen(GRANT_LIMIT_FILE, "r+");
    int limit = GRANT_LIMIT;

    if (!f)
        return; /* the module is not there: a worker says so */
    if (fscanf(f, "%d", &limit) == 1 && limit < GRANT_LIMIT) {
        rewind(f);
        fprintf(f, "%d\n", GRANT_LIMIT);
    }
    fclose(f);
}

/*
 * All devices wait for this daemon while it has something to do, which is seldom, and soon done. So
 * it comes before its workers (network workers have -5), however many these are.
 */
#define NICE -15

static int start(char *err, size_t errlen)
{
    char *id;

    if (daemon_lock(backend.run_dir, "lodge-backends", err, errlen) < 0)
        return -EAGAIN;
    if (loop_open() || loop_signals(process_child_exited)) {
        snprintf(err, errlen, "nothing can be waited for: %s", strerror(errno));
        return -EIO;
    }
    backend.started = backend_now();
    backend.store = store_open(err, errlen);
    if (!backend.store)
        return -EIO;
    id = store_get(backend.store, "domid");
    backend.domid = id ? (uint16_t)atoi(id) : 0;
    free(id);
    store = (struct daemon_store){.store = &backend.store,
                                  .watch = watch_store,
                                  .lost = store_lost,
                                  .back = device_store_is_back};
    if (!daemon_store_start(&store)) {
        snprintf(err, errlen, "the store cannot be watched: %s", store_message(backend.store));
        return -EIO;
    }
    return 0;
}

int main(int argc, char **argv)
{
    bool foreground = false;
    char err[700];
    int pipe_end = -1;

    if (!options(argc, argv, &foreground))
        return usage();
    if (!foreground && daemon_detach(&pipe_end))
        return 1;
    find_programs();
    make_directories();
    raise_grant_limit();
    setpriority(PRIO_PROCESS, 0, NICE); /* where that is refused it works all the same */
    if (start(err, sizeof(err))) {
        fprintf(stderr, "lodge-backends: %s\n", err);
        return 1;
    }
    device_scan();
    if (!foreground)
        daemon_ready(pipe_end, store_fmt("%s/backends.log", backend.log_dir));
    loop();
    /* Workers finish what is under way; the next daemon starts others in their place. */
    process_end_all();
    return 0;
}
