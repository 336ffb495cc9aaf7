// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenstored: the tree of names and values that domains and tools meet in.
 *
 * One thread, one epoll loop. Reading order: this file, conn.c (who is served when), proto.c (what
 * can be asked), nodes.c and tree.c (nodes), tx.c, watch.c; then ring.c and journal.c, which
 * together make the daemon's own death harmless; domain.c and xendev.c for the hypervisor's side.
 *
 * One thread means that there is no lock anywhere here: each request is carried out, saved and
 * answered before the next one is looked at. Nothing waits for a client or a guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../clock.h"
#include "../libdaemon/libdaemon.h"
#include "../oom.h"
#include "conn.h"
#include "domain.h"
#include "handover.h"
#include "log.h"
#include "quota.h"
#include "state.h"
#include "watch.h"
#include "xendev.h"

#define MAX_EVENTS 64
#define RETRY_MS   20

/* Set by parse_options() and choose_paths(); constant after that. */
static struct {
    bool foreground;
    bool no_domain;
    bool no_state;
    const char *pid_file;  /* NULL: none */
    const char *log_file;  /* NULL: standard error */
    const char *state_dir; /* NULL: keep nothing */
    const char *run_dir;
    char socket[108]; /* the size of sockaddr_un's path */
} opt;

static int epoll_fd = -1, listen_fd = -1, signal_fd = -1, event_fd = -1, dom_exc = -1;
static int ready_fd = -1; /* in the background: the parent waits on its other end */

static void usage(FILE *f)
{
    fputs("Usage: xenstored [OPTION]...\n"
          "Serves the Xen store to domains and to the tools of dom0.\n"
          "\n"
          "  -F, --foreground        do not go to the background\n"
          "      --pid-file FILE     write the process id there\n"
          "      --log LEVEL         error, warn, info (the default) or debug\n"
          "      --log-file FILE     write messages there instead of standard error\n"
          "      --state-dir DIR     keep what a restart needs there (default: the run directory)\n"
          "      --no-state          keep nothing; a restart forgets everything\n"
          "      --no-domain         do not connect to dom0's kernel (for hosts without Xen)\n"
          "      --quota NAME=N      set a limit; without arguments to it see --help-quota\n"
          "      --help-quota        list the limits and their defaults\n"
          "  -h, --help              this text\n"
          "\n"
          "The socket is $XENSTORED_PATH, or socket in $XENSTORED_RUNDIR, or\n"
          "/var/run/xenstored/socket.\n",
          f);
}

static void usage_quota(void)
{
    for (int i = 0; i < QUOTA_KINDS; i++)
        printf("%-12s %u\n", quota_name(i), quota_limit[i]);
}

static void parse_quota(char *arg)
{
    char *eq = strchr(arg, '='), *end = NULL;
    unsigned long n = 0;

    if (eq) {
        *eq = '\0';
        n = strtoul(eq + 1, &end, 10);
    }
    if (!eq || end == eq + 1 || *end || n > UINT32_MAX || quota_set(arg, (uint32_t)n, false)) {
        fprintf(stderr, "xenstored: --quota %s: expected NAME=N; --help-quota lists the names\n",
                arg);
        exit(2);
    }
}

static void parse_options(int argc, char **argv)
{
    enum { PID_FILE = 256, LOG, LOG_FILE, STATE_DIR, NO_STATE, NO_DOMAIN, QUOTA, HELP_QUOTA };
    static const struct option options[] = {
        {"foreground", no_argument, NULL, 'F'},
        {"pid-file", required_argument, NULL, PID_FILE},
        {"log", required_argument, NULL, LOG},
        {"log-file", required_argument, NULL, LOG_FILE},
        {"state-dir", required_argument, NULL, STATE_DIR},
        {"no-state", no_argument, NULL, NO_STATE},
        {"no-domain", no_argument, NULL, NO_DOMAIN},
        {"quota", required_argument, NULL, QUOTA},
        {"help-quota", no_argument, NULL, HELP_QUOTA},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int o;

    while ((o = getopt_long(argc, argv, "Fh", options, NULL)) != -1) {
        if (o == 'F') {
            opt.foreground = true;
        } else if (o == PID_FILE) {
            opt.pid_file = optarg;
        } else if (o == LOG && !log_set_level(optarg)) {
            continue;
        } else if (o == LOG_FILE) {
            opt.log_file = optarg;
        } else if (o == STATE_DIR) {
            opt.state_dir = optarg;
        } else if (o == NO_STATE) {
            opt.no_state = true;
        } else if (o == NO_DOMAIN) {
            opt.no_domain = true;
        } else if (o == QUOTA) {
            parse_quota(optarg);
        } else if (o == HELP_QUOTA) {
            usage_quota();
            exit(0);
        } else {
            usage(o == 'h' ? stdout : stderr);
            exit(o == 'h' ? 0 : 2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "xenstored: unexpected argument: %s\n", argv[optind]);
        exit(2);
    }
}

static void die(const char *what, const char *name, int error)
{
    log_error("%s %s: %s", what, name, strerror(error));
    exit(1);
}

static void choose_paths(void)
{
    const char *run = getenv("XENSTORED_RUNDIR"), *path = getenv("XENSTORED_PATH");
    int n;

    opt.run_dir = run ? run : "/var/run/xenstored";
    if (path)
        n = snprintf(opt.socket, sizeof(opt.socket), "%s", path);
    else
        n = snprintf(opt.socket, sizeof(opt.socket), "%s/socket", opt.run_dir);
    if (n < 0 || (size_t)n >= sizeof(opt.socket))
        die("cannot use socket", path ? path : opt.run_dir, ENAMETOOLONG);
    if (!opt.state_dir)
        opt.state_dir = opt.run_dir;
    if (opt.no_state)
        opt.state_dir = NULL;
    if (mkdir(opt.run_dir, 0755) && errno != EEXIST)
        die("cannot create", opt.run_dir, errno);
    if (opt.state_dir && mkdir(opt.state_dir, 0700) && errno != EEXIST)
        die("cannot create", opt.state_dir, errno);
}

/* Two daemons on one store would ruin it: the lock lasts as long as the process. */
static int take_lock(void)
{
    char name[4096];
    int fd;

    snprintf(name, sizeof(name), "%s/lock", opt.state_dir ? opt.state_dir : opt.run_dir);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        die("cannot create", name, errno);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        log_error("another xenstored holds %s: stop it first", name);
        exit(1);
    }
    return fd;
}

/* The parent stays until the store can be used, so that the next command can rely on it. */
static void detach(void)
{
    int rc = daemon_detach(&ready_fd);

    if (rc)
        die("cannot create", "a process", -rc);
    if (chdir("/"))
        die("cannot change to", "/", errno);
}

static void write_pid(void)
{
    FILE *f;

    if (!opt.pid_file)
        return;
    f = fopen(opt.pid_file, "we");
    if (!f)
        die("cannot write", opt.pid_file, errno);
    fprintf(f, "%d\n", getpid());
    fclose(f);
}

/*
 * `arg` says who it is: the address of one of the descriptors above, or a struct conn. A closed
 * descriptor leaves the set by itself.
 */
static void poll_fd(int fd, uint32_t events, void *arg)
{
    struct epoll_event e = {.events = events, .data.ptr = arg};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e))
        die("cannot poll", "a descriptor", errno);
}

static void open_socket(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    mode_t mask;
    int rc;

    strcpy(addr.sun_path, opt.socket);
    listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listen_fd < 0)
        die("cannot create", opt.socket, errno);
    unlink(opt.socket); /* of a predecessor: the lock says that it is gone */
    /* Never open to others, not even for a moment: every client of the socket is privileged. */
    mask = umask(0177);
    rc = bind(listen_fd, (struct sockaddr *)&addr, sizeof(addr));
    umask(mask);
    if (rc || listen(listen_fd, 128))
        die("cannot listen on", opt.socket, errno);
    poll_fd(listen_fd, EPOLLIN | EPOLLET, &listen_fd);
}

/*
 * True if there may be clients left to accept: without a free descriptor they wait until others
 * have gone. epoll does not say so again, being edge-triggered here as well.
 */
static bool accept_clients(void)
{
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct conn *c = conn_new_socket(fd);

        poll_fd(fd, EPOLLIN | EPOLLOUT | EPOLLET, c);
        conn_wake(c); /* a request may be there already */
    }
    return errno != EAGAIN;
}

/* Those of the process that this one was before. Others may wait at the socket. */
static void take_clients(void)
{
    struct list_link *l;

    handover_load();
    list_for_each (l, &conn_all) {
        struct conn *c = list_entry(l, struct conn, all);

        if (c->fd < 0)
            continue;
        poll_fd(c->fd, EPOLLIN | EPOLLOUT | EPOLLET, c);
        conn_wake(c);
    }
    poll_fd(listen_fd, EPOLLIN | EPOLLET, &listen_fd);
}

/* dom0's kernel, events, and the news of ended domains. */
static void connect_hypervisor(void)
{
    if (opt.no_domain)
        return;
    event_fd = xendev_open();
    if (event_fd < 0) {
        log_warn("no hypervisor to connect to (/dev/xen/evtchn: %s); serving the socket only",
                 strerror(-event_fd));
        return;
    }
    poll_fd(event_fd, EPOLLIN, &event_fd);
    dom_exc = xendev_bind_dom_exc();
    if (dom_exc < 0)
        log_error("cannot bind the event for ended domains: %s; they will have to be released by "
                  "the tools",
                  strerror(-dom_exc));
}

static void take_events(void)
{
    uint32_t port[64];
    int n = xendev_pending(port, 64);
    struct list_link *l;

    for (int i = 0; i < n; i++) {
        if ((int)port[i] == dom_exc)
            domain_reap();
        else
            domain_event(port[i]);
    }
    if (n != -EFBIG)
        return;
    /* Some events were lost: as if every port had fired. */
    list_for_each (l, &domain_all) {
        struct domain *d = list_entry(l, struct domain, link);

        if (!d->page)
            continue;
        xendev_unmask(d->local_port);
        conn_wake(d->conn);
    }
    xendev_unmask(dom_exc);
    domain_reap();
}

/* What tools expect to find in a store that has just been created. */
static void create_roots(void)
{
    static const struct nodes_cred root = {.privileged = true, .target = NODES_NO_TARGET};

    nodes_mkdir(&nodes_main, &root, "/tool/xenstored");
    nodes_mkdir(&nodes_main, &root, "/local/domain");
    nodes_mkdir(&nodes_main, &root, "/vm");
    nodes_save();
    state_commit();
    nodes_announce();
}

static void open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0)
        die("cannot create", "a signal descriptor", errno);
    poll_fd(signal_fd, EPOLLIN, &signal_fd);
}

/* SIGHUP reopens the log, for log rotation; the other signals end the daemon. */
static bool take_signal(void)
{
    struct signalfd_siginfo si;

    if (read(signal_fd, &si, sizeof(si)) != sizeof(si))
        return true;
    if (si.ssi_signo == SIGHUP) {
        if (opt.log_file)
            log_open(opt.log_file);
        return true;
    }
    log_info("ending on signal %u", si.ssi_signo);
    return false;
}

/*
 * First all events are taken, which wakes connections, and releases domains that have ended; then
 * those that are awake are served. Domains that could not be reconnected yet are tried again
 * meanwhile. Connections of sockets are freed in the second half only, so each pointer in `ev` is
 * good while it is used.
 */
static void serve(void)
{
    struct epoll_event ev[MAX_EVENTS];
    bool waiting = false, retry = domain_reconnect_all();
    int64_t next_retry = now_ms() + RETRY_MS;
    int patience = 0;

    for (;;) {
        int n;

        if ((retry || waiting) && patience < 0)
            patience = RETRY_MS;
        n = epoll_wait(epoll_fd, ev, MAX_EVENTS, patience);
        for (int i = 0; i < n; i++) {
            if (ev[i].data.ptr == &listen_fd)
                waiting = true;
            else if (ev[i].data.ptr == &event_fd)
                take_events();
            else if (ev[i].data.ptr != &signal_fd)
                conn_wake(ev[i].data.ptr);
            else if (!take_signal())
                return;
        }
        if (retry && now_ms() >= next_retry) {
            retry = domain_reconnect_all();
            next_retry = now_ms() + RETRY_MS;
        }
        if (waiting)
            waiting = accept_clients();
        patience = conn_run_all();
    }
}

/*
 * Everybody waits for it, and it is soon done: it comes before network workers (which have -5),
 * however many there are.
 */
#define NICE -15

int main(int argc, char **argv)
{
    int rc, lock_fd, successor;

    parse_options(argc, argv);
    successor = handover_begin(&lock_fd, &listen_fd);
    choose_paths();
    if (opt.log_file && (rc = log_open(opt.log_file)))
        die("cannot open", opt.log_file, -rc);
    if (successor < 0)
        log_error("live update: this version cannot take the clients of the one before");
    if (!successor && !opt.foreground)
        detach();
    if (successor <= 0)
        lock_fd = take_lock(); /* in the process that will serve; before any file of the state */
    oom_score(OOM_NEVER);
    write_pid();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_signals();

    setpriority(PRIO_PROCESS, 0, NICE); /* where that is refused it works all the same */

    nodes_init();
    conn_init();
    domain_init();
    connect_hypervisor(); /* before the state, whose domains are at its ports */
    rc = state_open(opt.state_dir);
    if (rc)
        die("cannot use the state in", opt.state_dir, -rc);
    create_roots();
    if (event_fd >= 0 && !domain_find(0) && domain_introduce_dom0())
        log_warn("dom0's kernel cannot be reached: neither /dev/xen/xenbus_backend nor "
                 "/proc/xen/xsd_kva works");
    domain_reap(); /* whoever ended before the event was bound */
    if (successor > 0)
        take_clients();
    else
        open_socket(); /* last: a client that can connect finds a store that is whole */
    handover_prepare(argv, lock_fd, listen_fd);
    if (ready_fd >= 0)
        daemon_ready(ready_fd, NULL);
    log_info("serving on %s", opt.socket);
    serve();

    state_snapshot();
    unlink(opt.socket);
    if (opt.pid_file)
        unlink(opt.pid_file);
    return 0;
}
