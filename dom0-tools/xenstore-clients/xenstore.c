// SPDX-License-Identifier: GPL-2.0-only
/*
 * xenstore-read, -write, -list, -ls, -rm, -exists, -chmod, -watch and -control: one program, which
 * does what its name says, or, called as xenstore, what its first argument says. For a dom0 whose
 * distribution does not bring these; options are those that people and scripts use.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore.h"

static struct {
    bool full;    /* -f: whole paths */
    bool perms;   /* -p: permissions, or for read and list: the path in front */
    bool recurse; /* -r */
    long count;   /* -n: events before the end; negative: no end */
} opt = {.count = -1};

static const char *program;

static int fail(const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", program, path, strerror(errno));
    return 1;
}

static void print_value(const char *v, unsigned int len)
{
    for (unsigned int i = 0; i < len; i++) {
        unsigned char c = (unsigned char)v[i];

        if (c == '\n')
            fputs("\\n", stdout);
        else if (c == '\t')
            fputs("\\t", stdout);
        else if (c == '\\' || c == '"')
            printf("\\%c", c);
        else if (c < ' ' || c > '~')
            printf("\\x%02x", c);
        else
            putchar(c);
    }
}

static void print_perms(struct xs_handle *h, const char *path)
{
    static const char letters[4] = {'n', 'r', 'w', 'b'};
    unsigned int n;
    struct xs_permissions *p = xs_get_permissions(h, XBT_NULL, path, &n);

    if (!p)
        return;
    for (unsigned int i = 0; i < n; i++)
        printf("%s%c%u", i ? "," : "   (", letters[p[i].perms & 3], p[i].id);
    putchar(')');
    free(p);
}

static char *join(const char *path, const char *name)
{
    char *all;

    if (asprintf(&all, "%s/%s", strcmp(path, "/") ? path : "", name) < 0)
        exit(1);
    return all;
}

/* A node that disappears while the tree is being listed is no error. */
static int list_tree(struct xs_handle *h, const char *path, int depth)
{
    unsigned int n, len;
    char **dir = xs_directory(h, XBT_NULL, path, &n);

    if (!dir)
        return depth && errno == ENOENT ? 0 : fail(path);
    for (unsigned int i = 0; i < n; i++) {
        char *child = join(path, dir[i]), *value = xs_read(h, XBT_NULL, child, &len);

        if (value) {
            if (opt.full)
                printf("%s = \"", child);
            else
                printf("%*s%s = \"", depth, "", dir[i]);
            print_value(value, len);
            putchar('"');
            if (opt.perms)
                print_perms(h, child);
            putchar('\n');
            free(value);
            list_tree(h, child, depth + 1);
        }
        free(child);
    }
    free(dir);
    return 0;
}

static int cmd_ls(struct xs_handle *h, int argc, char **argv)
{
    return list_tree(h, argc ? argv[0] : "/", 0);
}

static int cmd_read(struct xs_handle *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        unsigned int len;
        char *v = xs_read(h, XBT_NULL, argv[i], &len);

        if (!v)
            return fail(argv[i]);
        if (opt.perms)
            printf("%s: ", argv[i]);
        print_value(v, len);
        putchar('\n');
        free(v);
    }
    return 0;
}

static int cmd_list(struct xs_handle *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        unsigned int n;
        char **dir = xs_directory(h, XBT_NULL, argv[i], &n);

        if (!dir)
            return fail(argv[i]);
        for (unsigned int k = 0; k < n; k++)
            printf("%s%s%s\n", opt.perms ? argv[i] : "", opt.perms ? "/" : "", dir[k]);
        free(dir);
    }
    return 0;
}

/* All values or none: one transaction, repeated as long as others get in the way. */
static int cmd_write(struct xs_handle *h, int argc, char **argv)
{
    xs_transaction_t t;

    if (argc % 2) {
        fprintf(stderr, "%s: each path needs a value\n", program);
        return 2;
    }
    do {
        t = xs_transaction_start(h);
        if (t == XBT_NULL)
            return fail("transaction");
        for (int i = 0; i < argc; i += 2)
            if (!xs_write(h, t, argv[i], argv[i + 1], (unsigned int)strlen(argv[i + 1])))
                return fail(argv[i]);
        if (xs_transaction_end(h, t, false))
            return 0;
    } while (errno == EAGAIN);
    return fail("transaction");
}

static int cmd_rm(struct xs_handle *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!xs_rm(h, XBT_NULL, argv[i]))
            return fail(argv[i]);
    return 0;
}

static int cmd_exists(struct xs_handle *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        char *v = xs_read(h, XBT_NULL, argv[i], NULL);

        if (!v)
            return 1;
        free(v);
    }
    return 0;
}

static int chmod_tree(struct xs_handle *h, const char *path, struct xs_permissions *p,
                      unsigned int n)
{
    unsigned int children;
    char **dir;
    int rc = 0;

    if (!xs_set_permissions(h, XBT_NULL, path, p, n))
        return fail(path);
    dir = opt.recurse ? xs_directory(h, XBT_NULL, path, &children) : NULL;
    for (unsigned int i = 0; dir && i < children && !rc; i++) {
        char *child = join(path, dir[i]);

        rc = chmod_tree(h, child, p, n);
        free(child);
    }
    free(dir);
    return rc;
}

static int cmd_chmod(struct xs_handle *h, int argc, char **argv)
{
    struct xs_permissions p[64];

    if (argc < 2 || argc > 65) {
        fprintf(stderr, "%s: expected PATH PERMISSION... (like n0 r5 b7)\n", program);
        return 2;
    }
    for (int i = 1; i < argc; i++)
        if (!xs_strings_to_perms(&p[i - 1], 1, argv[i]))
            return fail(argv[i]);
    return chmod_tree(h, argv[0], p, (unsigned int)argc - 1);
}

static int cmd_watch(struct xs_handle *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!xs_watch(h, argv[i], argv[i]))
            return fail(argv[i]);
    while (opt.count < 0 || opt.count-- > 0) {
        unsigned int n;
        char **v = xs_read_watch(h, &n);

        if (!v)
            return fail("watch");
        puts(v[XS_WATCH_PATH]);
        fflush(stdout);
        free(v);
    }
    return 0;
}

/* The daemon's answer to a command, malloc'ed; NULL with a message. */
static char *control(struct xs_handle *h, int argc, char **argv)
{
    char data[XENSTORE_PAYLOAD_MAX], *answer;
    unsigned int len = 0;

    for (int i = 1; i < argc; i++) {
        size_t n = strlen(argv[i]) + 1;

        if (len + n > sizeof(data)) {
            errno = E2BIG;
            fail(argv[i]);
            return NULL;
        }
        memcpy(data + len, argv[i], n);
        len += (unsigned int)n;
    }
    answer = xs_control_command(h, argv[0], data, len);
    if (!answer)
        fail(argv[0]);
    return answer;
}

/* One step of an update. Another daemon than ours may be busy with transactions for a while. */
static bool step(struct xs_handle *h, int argc, char **argv, long seconds)
{
    char *answer = control(h, argc, argv);
    bool ok;

    for (; answer && !strcmp(answer, "BUSY") && seconds-- > 0; answer = control(h, argc, argv)) {
        free(answer);
        sleep(1);
    }
    ok = answer && !strcmp(answer, "OK");
    if (answer && !ok)
        fprintf(stderr, "%s: %s\n", program, answer);
    free(answer);
    return ok;
}

/* [-c ARGUMENTS] [-t SECONDS] [-F] FILE */
static int live_update(struct xs_handle *h, int argc, char **argv)
{
    char *command = argv[0], *file = NULL, *arguments = NULL, *seconds = "60";
    bool force = false, ok = true;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-c") && i + 1 < argc)
            arguments = argv[++i];
        else if (!strcmp(argv[i], "-t") && i + 1 < argc)
            seconds = argv[++i];
        else if (!strcmp(argv[i], "-F"))
            force = true;
        else
            file = argv[i];
    }
    if (!file) {
        fprintf(stderr, "%s: %s needs the program to become\n", program, command);
        return 2;
    }
    if (!step(h, 3, (char *[]){command, "-f", file}, 0))
        return 1;
    if (arguments)
        ok = step(h, 3, (char *[]){command, "-c", arguments}, 0);
    ok = ok && step(h, force ? 5 : 4, (char *[]){command, "-s", "-t", seconds, "-F"},
                    strtol(seconds, NULL, 10));
    if (!ok)
        free(control(h, 2, (char *[]){command, "-a"}));
    return !ok;
}

static int cmd_control(struct xs_handle *h, int argc, char **argv)
{
    char *answer;

    if (!strcmp(argv[0], "live-update"))
        return live_update(h, argc, argv);
    answer = control(h, argc, argv);
    if (!answer)
        return 1;
    fputs(answer, stdout);
    free(answer);
    return 0;
}

/* How long the first answer may take. A daemon that carries out a great commit answers late. */
#define ANSWER_SECONDS 10

static void no_answer(int signal)
{
    static const char text[] = ": xenstored does not answer: is it running?\n";

    (void)signal;
    if (write(STDERR_FILENO, program, strlen(program)) < 0 ||
        write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(1);
    _exit(1);
}

/*
 * Through the kernel's device a request waits for a daemon however long there is none, and a
 * socket's daemon may be stopped: who types a command is to hear of it. Any answer will do.
 */
static void expect_answer(struct xs_handle *h)
{
    signal(SIGALRM, no_answer);
    alarm(ANSWER_SECONDS);
    free(xs_read(h, XBT_NULL, "/", NULL));
    alarm(0);
}

static const struct {
    const char *name;
    int (*fn)(struct xs_handle *h, int argc, char **argv);
    int min_args;
    const char *usage;
} commands[] = {
    {"chmod", cmd_chmod, 2, "[-r] PATH PERMISSION..."},
    {"control", cmd_control, 1, "COMMAND [ARGUMENT...]   (help lists the commands)"},
    {"exists", cmd_exists, 1, "PATH..."},
    {"list", cmd_list, 1, "[-p] PATH..."},
    {"ls", cmd_ls, 0, "[-f] [-p] [PATH]"},
    {"read", cmd_read, 1, "[-p] PATH..."},
    {"rm", cmd_rm, 1, "PATH..."},
    {"watch", cmd_watch, 1, "[-n EVENTS] PATH..."},
    {"write", cmd_write, 2, "PATH VALUE [PATH VALUE]..."},
};

static int usage(FILE *f)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(f, "xenstore-%-8s %s\n", commands[i].name, commands[i].usage);
    return f == stdout ? 0 : 2;
}

static bool parse_options(int argc, char **argv)
{
    int o;

    while ((o = getopt(argc, argv, "+fprtsn:h")) != -1) {
        if (o == 'f')
            opt.full = true;
        else if (o == 'p')
            opt.perms = true;
        else if (o == 'r')
            opt.recurse = true;
        else if (o == 'n')
            opt.count = strtol(optarg, NULL, 10);
        else if (o != 't' && o != 's') /* -t: tidy, -s: socket only; without effect today */
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    struct xs_handle *h;
    int rc;

    if (!strncmp(name, "xenstore-", 9)) {
        name += 9;
    } else if (argc > 1) {
        name = argv[1];
        argc--;
        argv++;
    }
    program = name;
    if (!parse_options(argc, argv))
        return usage(stderr);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name))
            continue;
        if (argc - optind < commands[i].min_args)
            return usage(stderr);
        h = xs_open(0);
        if (!h) {
            fprintf(stderr, "%s: cannot reach xenstored at %s: %s; is it running?\n", program,
                    xs_daemon_socket(), strerror(errno));
            return 1;
        }
        expect_answer(h);
        rc = commands[i].fn(h, argc - optind, argv + optind);
        xs_close(h);
        return rc;
    }
    return usage(strcmp(name, "--help") ? stderr : stdout);
}
