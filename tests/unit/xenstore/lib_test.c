// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client library against a running daemon ($XENSTORED_RUNDIR): every function, threads that
 * share a handle, and the end of the connection. Linked with the library's sources, so that the
 * sanitizers see inside it.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xenstore.h"

#define CHECK(cond)                                                                     \
    do {                                                                                \
        if (!(cond)) {                                                                  \
            printf("%s:%d: failed: %s (errno %d)\n", __FILE__, __LINE__, #cond, errno); \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

#define FAILS(error, cond)       \
    do {                         \
        errno = 0;               \
        CHECK(!(cond));          \
        CHECK(errno == (error)); \
    } while (0)

static bool has(struct xs_handle *h, xs_transaction_t t, const char *path, const char *want)
{
    unsigned int len;
    char *v = xs_read(h, t, path, &len);
    bool same = v && len == strlen(want) && !strcmp(v, want);

    free(v);
    return same;
}

static void test_nodes(struct xs_handle *h)
{
    struct xs_permissions set[3] = {{0, XS_PERM_NONE}, {7, XS_PERM_READ}, {8, 3}}, *got;
    unsigned int n;
    char **dir, *path, name[64];

    CHECK(xs_write(h, XBT_NULL, "/lib/a", "one", 3));
    CHECK(has(h, XBT_NULL, "/lib/a", "one"));
    CHECK(xs_write(h, XBT_NULL, "/lib/empty", NULL, 0));
    CHECK(has(h, XBT_NULL, "/lib/empty", ""));
    CHECK(xs_mkdir(h, XBT_NULL, "/lib/dir"));
    FAILS(ENOENT, xs_read(h, XBT_NULL, "/lib/none", &n));
    FAILS(EINVAL, xs_read(h, XBT_NULL, "bad path", &n));
    FAILS(E2BIG, xs_write(h, XBT_NULL, "/lib/a", name, 5000));

    dir = xs_directory(h, XBT_NULL, "/lib", &n);
    CHECK(dir && n == 3 && !strcmp(dir[0], "a") && !strcmp(dir[2], "empty"));
    free(dir);
    dir = xs_directory(h, XBT_NULL, "/lib/dir", &n);
    CHECK(dir && n == 0);
    free(dir);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "/lib/dir/a-name-that-takes-some-room-%03d", i);
        CHECK(xs_mkdir(h, XBT_NULL, name));
    }
    dir = xs_directory(h, XBT_NULL, "/lib/dir", &n);
    CHECK(dir && n == 500 && !strcmp(dir[499], "a-name-that-takes-some-room-499"));
    free(dir);

    CHECK(xs_set_permissions(h, XBT_NULL, "/lib/a", set, 3));
    got = xs_get_permissions(h, XBT_NULL, "/lib/a", &n);
    CHECK(got && n == 3 && !memcmp(got, set, sizeof(set)));
    free(got);
    set[0].perms = XS_PERM_OWNER;
    FAILS(EINVAL, xs_set_permissions(h, XBT_NULL, "/lib/a", set, 1));
    FAILS(EOPNOTSUPP, xs_restrict(h, 1));

    CHECK(xs_rm(h, XBT_NULL, "/lib/dir"));
    FAILS(ENOENT, xs_directory(h, XBT_NULL, "/lib/dir", &n));
    path = xs_get_domain_path(h, 42);
    CHECK(path && !strcmp(path, "/local/domain/42"));
    free(path);
    CHECK(!xs_is_domain_introduced(h, 42));
    CHECK(!xs_introduce_domain(h, 42, 1, 1));
    FAILS(ENOENT, xs_release_domain(h, 42));
    FAILS(ENOENT, xs_resume_domain(h, 42));
    FAILS(ENOENT, xs_set_target(h, 42, 43));
    path = xs_control_command(h, "print", "hello", 6);
    CHECK(path && !strcmp(path, "OK\n"));
    free(path);
    FAILS(EINVAL, xs_debug_command(h, "nonsense", NULL, 0));
    CHECK(xs_suspend_evtchn_port(0) == -1);
    CHECK(xs_write(h, XBT_NULL, "device/suspend/event-channel", "17", 2));
    CHECK(xs_suspend_evtchn_port(0) == 17);
}

static void test_transactions(struct xs_handle *h)
{
    struct xs_handle *other = xs_open(0);
    xs_transaction_t t = xs_transaction_start(h);

    CHECK(other && t != XBT_NULL);
    CHECK(xs_write(h, t, "/lib/a", "two", 3));
    CHECK(has(h, t, "/lib/a", "two") && has(other, XBT_NULL, "/lib/a", "one"));
    CHECK(xs_transaction_end(h, t, false));
    CHECK(has(other, XBT_NULL, "/lib/a", "two"));
    t = xs_transaction_start(h);
    CHECK(has(h, t, "/lib/a", "two"));
    CHECK(xs_write(other, XBT_NULL, "/lib/a", "three", 5));
    FAILS(EAGAIN, xs_transaction_end(h, t, false));
    FAILS(ENOENT, xs_transaction_end(h, t, false));
    t = xs_transaction_start(h);
    CHECK(xs_transaction_end(h, t, true));
    xs_close(other);
}

static bool readable(int fd, int timeout)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, timeout) == 1;
}

static bool next_is(struct xs_handle *h, const char *path, const char *token)
{
    unsigned int n;
    char **v = xs_read_watch(h, &n);
    bool same = v && n == 2 && !strcmp(v[XS_WATCH_PATH], path) && !strcmp(v[XS_WATCH_TOKEN], token);

    free(v);
    return same;
}

static void test_watches(struct xs_handle *h)
{
    struct xs_handle *w = xs_open(XS_UNWATCH_FILTER);
    int fd;

    CHECK(w);
    FAILS(EAGAIN, xs_check_watch(w));
    CHECK(xs_watch(w, "/lib", "tok"));
    FAILS(EEXIST, xs_watch(w, "/lib", "tok"));
    CHECK(next_is(w, "/lib", "tok"));
    fd = xs_fileno(w);
    CHECK(fd >= 0 && fd == xs_fileno(w) && !readable(fd, 50));
    CHECK(xs_write(h, XBT_NULL, "/lib/a", "x", 1));
    CHECK(readable(fd, 5000));
    CHECK(next_is(w, "/lib/a", "tok"));
    CHECK(!readable(fd, 50));
    /* Requests and events share the connection. */
    CHECK(xs_write(w, XBT_NULL, "/lib/b", "x", 1) && has(w, XBT_NULL, "/lib/b", "x"));
    CHECK(next_is(w, "/lib/b", "tok"));
    /* The filter takes back what has arrived. */
    CHECK(xs_write(w, XBT_NULL, "/lib/c", "x", 1));
    CHECK(readable(fd, 5000));
    CHECK(xs_unwatch(w, "/lib", "tok"));
    CHECK(!readable(fd, 50));
    FAILS(EAGAIN, xs_check_watch(w));
    FAILS(ENOENT, xs_unwatch(w, "/lib", "tok"));
    xs_close(w);
}

static void *many_requests(void *arg)
{
    struct xs_handle *h = arg;
    char path[64], value[16];

    snprintf(path, sizeof(path), "/lib/thread/%lu", (unsigned long)pthread_self());
    for (int i = 0; i < 500; i++) {
        snprintf(value, sizeof(value), "%d", i);
        CHECK(xs_write(h, XBT_NULL, path, value, (unsigned int)strlen(value)));
        CHECK(has(h, XBT_NULL, path, value));
    }
    return NULL;
}

static void test_threads(void)
{
    struct xs_handle *h = xs_open(0);
    pthread_t t[4];
    char **v;

    CHECK(xs_watch(h, "/lib/thread", "t"));
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&t[i], NULL, many_requests, h));
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    while ((v = xs_check_watch(h)))
        free(v);
    CHECK(errno == EAGAIN);
    xs_close(h);
}

static void test_fork(struct xs_handle *h)
{
    struct xs_handle *w = xs_open(0);
    int status;
    pid_t pid;

    CHECK(xs_watch(w, "/lib", "t"));
    pid = fork();
    if (!pid) {
        xs_daemon_destroy_postfork(w);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(next_is(w, "/lib", "t"));
    CHECK(xs_write(h, XBT_NULL, "/lib/a", "y", 1));
    CHECK(next_is(w, "/lib/a", "t"));
    xs_close(w);
}

static void test_strings(void)
{
    struct xs_permissions p[2];

    CHECK(xs_strings_to_perms(p, 2, "n0\0b12") && p[1].id == 12 && p[1].perms == 3);
    FAILS(EINVAL, xs_strings_to_perms(p, 1, "x0"));
    FAILS(EINVAL, xs_strings_to_perms(p, 1, "n"));
    FAILS(EINVAL, xs_strings_to_perms(p, 1, "n1x"));
    CHECK(xs_path_is_subpath("/a", "/a") && xs_path_is_subpath("/a", "/a/b"));
    CHECK(xs_path_is_subpath("/", "/a") && !xs_path_is_subpath("/a", "/ab"));
    CHECK(!xs_path_is_subpath("/a/b", "/a"));
}

/* The daemon is killed (by the test that runs this) when the line "waiting" has been printed. */
static void test_daemon_ends(void)
{
    struct xs_handle *h = xs_open(0);
    unsigned int n;
    char **v;
    int fd;

    CHECK(xs_watch(h, "/lib", "t"));
    CHECK(next_is(h, "/lib", "t"));
    fd = xs_fileno(h);
    printf("waiting\n");
    fflush(stdout);
    CHECK(readable(fd, 20000)); /* so that a program that polls gets to know */
    v = xs_check_watch(h);
    CHECK(!v && (errno == EPIPE || errno == ECONNRESET));
    CHECK(!xs_read_watch(h, &n));
    CHECK(!xs_read(h, XBT_NULL, "/lib/a", &n) && errno != ENOENT);
    xs_close(h);
    CHECK(!xs_open(0));
    xs_close(NULL);
}

int main(void)
{
    struct xs_handle *h = xs_open(0);

    CHECK(h);
    test_nodes(h);
    test_transactions(h);
    test_watches(h);
    test_threads();
    test_fork(h);
    test_strings();
    xs_close(h);
    test_daemon_ends();
    return 0;
}
