// SPDX-License-Identifier: GPL-2.0-only
/*
 * process.c: the workers, one per guest and kind, and helper programs of single devices.
 *
 * A worker can end at any moment: it crashes, somebody kills it, or it is ended here. The guest is
 * to notice a delay and nothing else. Three things make that so.
 *
 * What a successor has to know is not in the worker. The rings are the guest's memory, and stay.
 * What was taken from a disk's ring and not answered is in a file in memory, whose descriptor the
 * device has (record.c); an interface's rings tell it themselves, but for a journal
 * (netback/queue.h). Images and taps are opened by this daemon, which keeps its own descriptors.
 * What a worker wants to leave beside these it sends in time, and its successor gets it with
 * WORKER_START.
 *
 * Two workers never serve one ring. Whoever serves it has bound its event channels, and the kernel
 * gives these back only when that process is gone. So a successor that can bind them has the rings
 * for itself. One that cannot says -EBUSY and is asked again (EVENT_BUSY): this is also how the
 * workers of an earlier daemon are waited for, of which nothing else is known here.
 *
 * All devices of a worker go the same way, in this order: died() reads its last messages, and tells
 * each device, which is then ATTACHING; after a pause start_again() starts the program and sends
 * WORKER_ATTACH for each that still is. The pause doubles as long as its lives stay short.
 *
 * Nothing that a worker sends is believed, and no send waits. One whose socket is full has stopped
 * reading, and is replaced. So is one that a signal has stopped: its guest would wait for it, and
 * nobody else would notice.
 */
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <oom.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESS_PAUSE_MIN 50 /* ms before a worker that died is started again */
#define PROCESS_PAUSE_MAX 5000
#define PROCESS_GOOD_LIFE 10000 /* ms; after so long a life the pause is the shortest again */
#define PROCESS_LEAVE_MS  60000 /* a worker without devices may take to end */
#define PROCESS_BATCH     64    /* parcels taken from one worker before others have their turn */
#define PROCESS_FILE_SIZE (1 << 20) /* bytes; a worker's own file may always be as long */

struct process {
    struct loop_source src; /* our end of the socket; -1: it does not run */
    struct process *next;
    const struct device_type *type;
    uint16_t domid;
    pid_t pid;       /* 0: it does not run */
    int64_t started; /* when */
    int64_t due;     /* when to start it again, or, while it leaves, when to kill it; 0: never */
    int64_t pause;
    bool leaving; /* no device needs it: its socket is closed */
    int words;    /* a pipe where it says why it cannot begin, before it gives up its rights; -1 */
    int kept_fd;
    uint32_t kept;
    uint8_t keep[WORKER_KEEP];
};

struct helper {
    struct helper *next;
    pid_t pid;
    void (*ended)(void *arg, int status);
    void *arg;
};

static struct {
    struct process *first;
    struct helper *helpers;
} processes;

/* --- a worker's messages ---------------------------------------------------------------------- */

/* Where two have the same number, that which the worker has not let go of yet. */
static struct device *device_of(struct process *p, uint32_t devid)
{
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p && d->devid == devid && !device_predecessor(d))
            return d;
    return NULL;
}

static void take_line(struct process *p, const struct worker_parcel *parcel)
{
    struct device *d = device_of(p, parcel->head.device);
    char text[700];

    snprintf(text, sizeof(text), "%.699s", (const char *)parcel->body);
    device_printable(text);
    if (d)
        device_say(d, "%s", text);
    else
        guest_say(p->domid, "%s[%d]: %s", p->type->program, p->pid, text);
}

/*
 * What a worker has written to its standard error: for people the only trace of one that could not
 * even begin. It goes through a pipe, which is read when the worker has ended. So its length is
 * bounded, and the limit on the size of the worker's files has nothing to do with the log.
 */
static void take_words(struct process *p)
{
    char text[2048], *rest = text, *line;
    ssize_t n = p->words < 0 ? 0 : read(p->words, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        device_printable(line);
        if (*line)
            guest_say(p->domid, "%s[%d]: %s", p->type->program, p->pid, line);
    }
}

static void close_words(struct process *p)
{
    if (p->words >= 0)
        close(p->words);
    p->words = -1;
}

static void take_keepsake(struct process *p, struct worker_parcel *parcel)
{
    if (p->kept_fd >= 0)
        close(p->kept_fd);
    p->kept_fd = parcel->nr_fds ? parcel->fds[0] : -1;
    if (parcel->nr_fds)
        parcel->fds[0] = parcel->fds[--parcel->nr_fds];
    p->kept = parcel->head.length <= WORKER_KEEP ? parcel->head.length : 0;
    memcpy(p->keep, parcel->body, p->kept);
}

static void take_parcel(struct process *p, struct worker_parcel *parcel)
{
    struct device *d = device_of(p, parcel->head.device);

    if (parcel->head.type == WORKER_LOG)
        take_line(p, parcel);
    else if (parcel->head.type == WORKER_KEEP_IT)
        take_keepsake(p, parcel);
    else if (!d)
        ; /* about a device that went meanwhile */
    else if (parcel->head.type == WORKER_ATTACHED)
        device_attached(d, parcel);
    else if (parcel->head.type == WORKER_FAILED)
        device_worker_failed(d, parcel->head.status, (const char *)parcel->body);
    else if (parcel->head.type == WORKER_CHANGED)
        device_worker_changed(d, parcel);
    else if (parcel->head.type == WORKER_CLOSED)
        device_event(d, EVENT_LET_GO);
    worker_drop_fds(parcel);
}

/* As worker_receive(): the answer to the last parcel that was tried. */
static int take_parcels(struct process *p)
{
    static struct worker_parcel parcel;
    int rc = 1;

    for (unsigned i = 0; i < PROCESS_BATCH && rc == 1 && p->src.fd >= 0; i++) {
        rc = worker_receive(p->src.fd, &parcel);
        if (rc == 1)
            take_parcel(p, &parcel);
    }
    return rc;
}

static void ready(struct loop_source *src, uint32_t events)
{
    struct process *p = (struct process *)src;
    int rc = take_parcels(p);

    (void)events;
    if (rc == 1 || rc == -EAGAIN)
        return;
    /*
     * It has ended, or talks nonsense, or has closed its socket and lives on, which would be good
     * for its guest alone. In each case it goes.
     */
    loop_close(src);
    if (p->pid)
        kill(p->pid, SIGKILL);
}

/* --- starting --------------------------------------------------------------------------------- */

/* In a child: the daemon comes before others, and what it starts does not. */
static void be_ordinary(void)
{
    setpriority(PRIO_PROCESS, 0, 0);
}

/* In the child; only what is safe between fork and exec. */
static void become(const char *program, int sock, int words, const char *dir)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    /* First: each of the two may have the socket's number. */
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(words, STDERR_FILENO);
    /* Two steps, since the descriptor may have that number already and must lose close-on-exec. */
    sock = fcntl(sock, F_DUPFD_CLOEXEC, WORKER_SOCKET + 1);
    dup2(sock, WORKER_SOCKET);
    be_ordinary();
    if (!chdir(dir))
        execl(program, program, (char *)NULL);
    _exit(127);
}

static bool start(struct process *p)
{
    struct worker_start body = {.domid = p->domid, .kept = p->kept};
    struct worker_parcel parcel = {.head = {.type = WORKER_START, .length = sizeof(body)}};
    char program[512], dir[512];
    sigset_t none;
    int pair[2], words[2];

    p->due = 0;
    snprintf(program, sizeof(program), "%s/%s", backend.program_dir, p->type->program);
    snprintf(dir, sizeof(dir), "%s/empty", backend.run_dir);
    if (pipe2(words, O_CLOEXEC | O_NONBLOCK))
        return false;
    close_words(p);
    p->words = words[0];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
        close(words[1]);
        return false;
    }
    sigemptyset(&none);
    p->pid = fork();
    if (!p->pid) {
        oom_score(OOM_USUAL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        become(program, pair[1], words[1], dir);
    }
    close(words[1]);
    close(pair[1]);
    if (p->pid < 0) {
        p->pid = 0;
        close(pair[0]);
        return false;
    }
    p->started = backend_now();
    process_limit_files(p);
    p->src.fd = pair[0];
    memcpy(body.keep, p->keep, p->kept);
    memcpy(parcel.body, &body, sizeof(body));
    if (p->kept_fd >= 0) {
        parcel.fds[0] = p->kept_fd;
        parcel.nr_fds = 1;
    }
    loop_add(&p->src, EPOLLIN);
    if (!process_send(p, &parcel))
        kill(p->pid, SIGKILL); /* died() goes on */
    return true;
}

/* Its own memory file, and the images that it has been given: nothing on this machine beyond. */
void process_limit_files(struct process *p)
{
    struct rlimit limit = {PROCESS_FILE_SIZE, PROCESS_FILE_SIZE};

    if (!p || !p->pid)
        return;
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p && d->type->file_size && d->type->file_size(d) > limit.rlim_cur)
            limit.rlim_cur = limit.rlim_max = d->type->file_size(d);
    if (prlimit(p->pid, RLIMIT_FSIZE, &limit, NULL))
        guest_say(p->domid, "%s[%d]: how long its files may become cannot be limited: %s",
                  p->type->program, p->pid, strerror(errno));
}

static void pause_and_start(struct process *p)
{
    if (p->pause < PROCESS_PAUSE_MIN || backend_now() - p->started > PROCESS_GOOD_LIFE)
        p->pause = PROCESS_PAUSE_MIN;
    else if (p->pause < PROCESS_PAUSE_MAX)
        p->pause *= 2;
    p->due = backend_now() + p->pause;
}

struct process *process_for(struct device *d)
{
    struct process *p;

    for (p = processes.first; p; p = p->next)
        if (p->domid == d->domid && p->type == d->type && !p->leaving)
            return p;
    p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->src.ready = ready;
    p->src.fd = p->words = p->kept_fd = -1;
    p->type = d->type;
    p->domid = d->domid;
    p->next = processes.first;
    processes.first = p;
    if (!start(p))
        pause_and_start(p);
    return p;
}

bool process_send(struct process *p, const struct worker_parcel *parcel)
{
    int rc = p && p->src.fd >= 0 ? worker_send(p->src.fd, parcel) : -EPIPE;

    if (rc == -EAGAIN && p->pid) {
        guest_say(p->domid, "%s[%d]: does not read its messages; it is replaced", p->type->program,
                  p->pid);
        kill(p->pid, SIGKILL);
    }
    return !rc;
}

void process_attach(struct device *d)
{
    static struct worker_parcel parcel;
    struct process *p = process_for(d);

    d->process = p;
    if (!p) {
        device_fail(d, ENOMEM, "there is no memory for its worker");
        device_give_up(d);
        return;
    }
    /* One that is to be started gets all its devices then. */
    if (p->src.fd >= 0 && device_parcel(d, &parcel)) {
        process_limit_files(p);
        process_send(p, &parcel);
    }
}

/* --- ending ----------------------------------------------------------------------------------- */

/* Without a device it has no purpose: the closed socket tells it so. */
static void maybe_leave(struct process *p)
{
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p && d->life != DEVICE_GONE)
            return;
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p)
            d->process = NULL;
    p->leaving = true;
    if (p->src.fd >= 0)
        loop_close(&p->src);
    p->due = backend_now() + PROCESS_LEAVE_MS;
}

static void free_process(struct process *p)
{
    struct process **at = &processes.first;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p)
            d->process = NULL;
    if (p->src.fd >= 0)
        loop_close(&p->src);
    if (p->kept_fd >= 0)
        close(p->kept_fd);
    close_words(p);
    free(p);
}

bool process_detach(struct device *d)
{
    struct worker_parcel parcel = {.head = {.type = WORKER_DETACH, .device = d->devid}};

    if (!d->process || d->process->src.fd < 0)
        return false;
    process_send(d->process, &parcel);
    return true;
}

void process_impatient(struct device *d, bool first)
{
    unsigned others = 0;

    /*
     * A device of the same number is its successor, and does not count: that worker gives it
     * nothing as long as it has this one.
     */
    for (struct device *o = device_first(); o; o = o->next)
        others += o->devid != d->devid && o->process == d->process && !device_going(o);
    if (!d->process || !d->process->pid)
        return;
    if (first)
        device_say(d, "its worker has not let go of it for long%s",
                   others ? "; it also serves others, so it is left alone" : ": it is killed");
    if (!others)
        kill(d->process->pid, SIGKILL);
}

static void died(struct process *p, int status)
{
    bool wanted = false;

    if (p->src.fd >= 0)
        take_parcels(p); /* its last words */
    if (p->src.fd >= 0)
        loop_close(&p->src);
    take_words(p);
    close_words(p);
    p->pid = 0;
    if (p->leaving) {
        free_process(p);
        return;
    }
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p && device_held(d)) {
            bool again = d->life == DEVICE_ATTACHING || d->life == DEVICE_ATTACHED;

            device_say(d, "its worker %s %d%s",
                       WIFSIGNALED(status) ? "was killed by signal" : "ended with status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                       again ? "; it is started again" : "");
            device_event(d, EVENT_DIED);
            wanted = wanted || d->life == DEVICE_ATTACHING;
        }
    if (wanted)
        pause_and_start(p);
    else
        free_process(p);
}

/*
 * A worker that goes on later may be anywhere, and would have to be told all that it has missed.
 * Another one takes over.
 */
static void stopped(const struct process *p, pid_t pid, int signal)
{
    if (p)
        guest_say(p->domid, "%s[%d]: was stopped by signal %d; it is replaced", p->type->program,
                  pid, signal);
    else
        backend_say("a helper (process %d) was stopped by signal %d: it is killed", pid, signal);
    kill(pid, SIGKILL);
}

void process_child_exited(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        struct helper **at = &processes.helpers;
        struct process *p = processes.first;

        while (p && p->pid != pid)
            p = p->next;
        if (WIFSTOPPED(status)) {
            stopped(p, pid, WSTOPSIG(status));
            continue;
        }
        if (p) {
            died(p, status);
            continue;
        }
        while (*at && (*at)->pid != pid)
            at = &(*at)->next;
        if (*at) {
            struct helper *h = *at;

            *at = h->next;
            h->ended(h->arg, status);
            free(h);
        }
    }
}

/* A worker that is started again is given everything anew, in the order of the list. */
static void start_again(struct process *p)
{
    if (!start(p)) {
        pause_and_start(p);
        return;
    }
    for (struct device *d = device_first(); d; d = d->next)
        if (d->process == p && d->life == DEVICE_ATTACHING)
            process_attach(d);
}

void process_run(void)
{
    int64_t now = backend_now();
    struct process *p, *next;

    for (p = processes.first; p; p = next) {
        next = p->next;
        if (!p->leaving)
            maybe_leave(p);
        if (p->leaving && !p->pid) {
            free_process(p);
        } else if (p->due && p->due <= now) {
            if (!p->leaving && !p->pid) {
                start_again(p);
            } else if (p->leaving) {
                guest_say(p->domid, "%s[%d]: does not end by itself; it is killed",
                          p->type->program, p->pid);
                kill(p->pid, SIGKILL);
                p->due = 0;
            }
        }
    }
}

int64_t process_next(void)
{
    int64_t next = 0;

    for (struct process *p = processes.first; p; p = p->next)
        if (p->due && (!next || p->due < next))
            next = p->due;
    return next;
}

void process_end_all(void)
{
    for (struct process *p = processes.first; p; p = p->next)
        if (p->src.fd >= 0)
            loop_close(&p->src);
}

/* --- helpers ---------------------------------------------------------------------------------- */

int process_helper(const char *const *argv, const int *fds, unsigned nr_fds,
                   void (*ended)(void *arg, int status), void *arg)
{
    struct helper *h = calloc(1, sizeof(*h));
    sigset_t none;
    int err;

    if (!h)
        return -ENOMEM;
    sigemptyset(&none);
    h->pid = fork();
    if (!h->pid) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), moved[2];

        oom_score(OOM_USUAL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        be_ordinary();
        /* It must not outlive the one who looks after it. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        /* Two steps: one may have the other's place. */
        for (unsigned i = 0; i < nr_fds && i < 2; i++)
            moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 5);
        for (unsigned i = 0; i < nr_fds && i < 2; i++)
            dup2(moved[i], 3 + (int)i);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (h->pid < 0) {
        err = errno;
        free(h);
        return -err;
    }
    h->ended = ended;
    h->arg = arg;
    h->next = processes.helpers;
    processes.helpers = h;
    return h->pid;
}

void process_end_helper(int pid, void (*ended)(void *arg, int status), void *arg)
{
    for (struct helper *h = processes.helpers; h; h = h->next)
        if (h->pid == pid) {
            h->ended = ended;
            h->arg = arg;
            kill(pid, SIGTERM);
        }
}
