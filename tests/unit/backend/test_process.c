// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_process.c: a worker's messages and its end, with devices that come and go meanwhile. No
 * process is started: the test has the worker's end of its socket, and says when it has died.
 */
#include "check.h"
#include "device_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t newest;               /* the worker's number */
static struct loop_source *source; /* the supervisor's end */
static int worker = -1;            /* its end */
static int words = -1;             /* its standard error */
static int killed; /* the number of the one that was, which is to be told; 0: none */

/* What the C library would do. */
pid_t fork(void)
{
    return ++newest;
}

int pipe2(int fds[2], int flags)
{
    int rc = (int)syscall(SYS_pipe2, fds, flags);

    if (words >= 0)
        close(words);
    words = dup(fds[1]);
    return rc;
}

int kill(pid_t pid, int sig)
{
    CHECK(pid == newest && sig == SIGKILL);
    killed = pid;
    return 0;
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    pid_t dead = killed;

    (void)pid;
    (void)options;
    *status = SIGKILL;
    killed = 0;
    return dead;
}

/* The worker's end is known to a child that there is not, so there is another one. */
bool loop_add(struct loop_source *src, uint32_t events)
{
    int pair[2];

    (void)events;
    if (worker >= 0)
        close(worker);
    CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
    CHECK(dup2(pair[0], src->fd) == src->fd);
    close(pair[0]);
    worker = pair[1];
    source = src;
    return true;
}

void loop_close(struct loop_source *src)
{
    close(src->fd);
    src->fd = -1;
}

/* The next message's type; 0: there is none. */
static uint32_t heard(void)
{
    static struct worker_parcel parcel;

    return worker_receive(worker, &parcel) == 1 ? parcel.head.type : 0;
}

static void say(uint32_t type)
{
    static struct worker_parcel parcel;

    parcel.head.type = type;
    parcel.head.device = 51712;
    CHECK(!worker_send(worker, &parcel));
    source->ready(source, 0);
    look();
    process_run();
}

static bool hears(uint32_t type)
{
    return heard() == type;
}

/* A disk that is served. */
static void served(void)
{
    begin();
    tools_make_it();
    front("3");
    CHECK(hears(WORKER_START) && hears(WORKER_ATTACH));
    say(WORKER_ATTACHED);
    CHECK_STATE("4");
    front("4");
}

static void over(void)
{
    tools_remove_it();
    if (hears(WORKER_DETACH))
        say(WORKER_CLOSED);
    look();
    CHECK(!only());
    process_run();
    CHECK(source->fd < 0); /* a worker without devices is asked to leave */
    killed = newest;
    process_child_exited();
}

/* Removed at once, and made anew, while the worker still has the first. */
static void replaced(void)
{
    served();
    tools_remove_it();
    CHECK(hears(WORKER_DETACH));
    tools_make_it();
    front("3");
    CHECK(!heard() && only() && only()->life == DEVICE_ATTACHING && only()->next);
}

static void test_replaced(void)
{
    replaced();
    say(WORKER_ATTACHED); /* no word of the worker is about the new one yet */
    say(WORKER_FAILED);
    CHECK(only()->life == DEVICE_ATTACHING);
    t.now += 1000;
    look();
    CHECK(!only()->next && hears(WORKER_ATTACH));
    say(WORKER_ATTACHED);
    CHECK_STATE("4");
    over();

    replaced();
    say(WORKER_CLOSED);
    t.now += 1000;
    look();
    CHECK(!only()->next && hears(WORKER_ATTACH));
    say(WORKER_ATTACHED);
    CHECK_STATE("4");
    over();
}

/* The worker never lets go of the first: it has no other that would suffer. */
static void test_impatient(void)
{
    pid_t before;

    replaced();
    before = newest;
    t.now += 30000;
    look();
    CHECK(killed == before);
    process_child_exited();
    t.now += 30000;
    process_run();
    look();
    CHECK(newest == before + 1 && !only()->next);
    CHECK(hears(WORKER_START) && hears(WORKER_ATTACH) && !heard()); /* once */
    CHECK(!t.reconnect);                                            /* its rings are new */
    say(WORKER_ATTACHED);
    CHECK_STATE("4");
    over();
}

/* What a worker says of a disk that it has failed to serve, which is closed, is nothing. */
static void test_taken_over(void)
{
    served();
    say(WORKER_FAILED);
    CHECK_STATE("6");
    CHECK(t.closes == 1);
    say(WORKER_CHANGED);
    say(WORKER_ATTACHED);
    CHECK(!t.changes);
    CHECK_STATE("6");
    over();
}

/*
 * One that cannot begin says why on its standard error: that is in the log, and is not a file of
 * which a limit on files would know. However much it is, it is little, and the worker never waits.
 */
static void test_words(void)
{
    char much[4096];
    unsigned said;

    served();
    CHECK(write(words, "no \x1b[2J device\n", 16) == 16);
    killed = newest;
    said = t.lines;
    process_child_exited();
    CHECK(t.lines == said + 2);
    t.now += 60000;
    process_run();
    memset(much, '\n', sizeof(much));
    memset(much, 'x', 100);
    for (int i = 0; i < 1000; i++)
        CHECK(write(words, much, sizeof(much)) == sizeof(much) || errno == EAGAIN);
    killed = newest;
    said = t.lines;
    process_child_exited();
    CHECK(t.lines > said && t.lines < said + 50);
    t.now += 60000;
    process_run();
    while (heard())
        ;
    over();
    close(words);
}

int main(void)
{
    backend.program_dir = backend.run_dir = "/nonexistent";
    newest = 1 << 30; /* nobody's */
    test_replaced();
    test_impatient();
    test_taken_over();
    test_words();
    close(worker);
    return check_end();
}
