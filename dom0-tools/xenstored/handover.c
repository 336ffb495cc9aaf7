// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live update: see handover.h. The successor may be older or newer than this process, so the file
 * has a version, and one of another version is not used: then clients of the socket are cut off, as
 * by a restart, and nothing else is lost. Events that wait are not handed over, each watch fires
 * once instead; open transactions will have to be repeated.
 *
 * In this order: the file in memory is written; the lock, the listening socket, the clients'
 * connections and the file lose close-on-exec; execve(). Until then each step can be undone. Where
 * a later one fails, it is undone, and this process serves on. Behind execve() nothing can be
 * undone. The successor sets close-on-exec again, loads the state directory as after a kill,
 * connects to the domains, and restores the clients last, as their watches and transactions need
 * the tree. All other descriptors and mappings (devices, rings, journal) end with execve(), and are
 * made anew. The lock is held and the socket listens throughout: no other daemon comes in between,
 * and who connects meanwhile waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "handover.h"
#include "journal.h"
#include "log.h"
#include "tx.h"
#include "watch.h"

#define MAGIC    "LdgXenH1"
#define VARIABLE "XENSTORED_HANDOVER"
#define MAX_ARGS 32

/* In this order; lengths come in front of what they count, strings have their NUL. */
struct header {
    char magic[8];
    int32_t lock_fd, listen_fd;
    uint32_t conns;
};

struct conn_head {
    int32_t fd;
    uint32_t last_tx, in_len, out_len, watches, txs;
};

static char **started_as;
static int keep[2] = {-1, -1}; /* the lock and the listening socket */
static FILE *file;             /* being written, or read */

void handover_prepare(char **argv, int lock_fd, int listen_fd)
{
    started_as = argv;
    keep[0] = lock_fd;
    keep[1] = listen_fd;
}

/* ---- giving ---- */

static void put(const void *data, size_t len)
{
    if (len)
        fwrite(data, len, 1, file);
}

static void put_string(const char *s)
{
    uint32_t len = (uint32_t)strlen(s) + 1;

    put(&len, sizeof(len));
    put(s, len);
}

static void put_tx(const struct conn *c, uint32_t id)
{
    (void)c;
    put(&id, sizeof(id));
}

static uint32_t txs;

static void count_tx(const struct conn *c, uint32_t id)
{
    (void)c;
    (void)id;
    txs++;
}

/*
 * The asker's request counts as done: it is left out, and its answer comes behind what the asker
 * has not read yet.
 */
static void put_conn(struct conn *c, bool asker, const void *answer, size_t len)
{
    struct conn_head h = {.fd = c->fd,
                          .last_tx = c->last_tx,
                          .in_len = asker ? 0 : (uint32_t)c->in_len,
                          .out_len = (uint32_t)(c->out_len - c->out_off + (asker ? len : 0))};
    struct list_link *l;

    txs = 0;
    tx_each(c, count_tx);
    h.txs = txs;
    list_for_each (l, &c->watches)
        h.watches++;
    put(&h, sizeof(h));
    put(c->in, h.in_len);
    put(c->out + c->out_off, c->out_len - c->out_off);
    if (asker)
        put(answer, len);
    list_for_each (l, &c->watches) {
        const struct watch *w = list_entry(l, struct watch, conn_link);
        uint32_t home = w->home;

        put(&home, sizeof(home));
        put_string(w->path);
        put_string(w->token);
    }
    tx_each(c, put_tx);
}

/* What goes along must stay open over execve(), and over no other one where this fails. */
static void keep_open(bool on)
{
    int flags = on ? 0 : FD_CLOEXEC;
    struct list_link *l;

    list_for_each (l, &conn_all)
        if (list_entry(l, struct conn, all)->fd >= 0)
            fcntl(list_entry(l, struct conn, all)->fd, F_SETFD, flags);
    for (int i = 0; i < 2; i++)
        fcntl(keep[i], F_SETFD, flags);
    fcntl(fileno(file), F_SETFD, flags);
}

static bool write_file(const struct conn *asker, const void *answer, size_t len)
{
    struct header h = {.magic = MAGIC, .lock_fd = keep[0], .listen_fd = keep[1]};
    int fd = memfd_create("handover", MFD_CLOEXEC);
    struct list_link *l;

    file = fd < 0 ? NULL : fdopen(fd, "w+");
    if (!file) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    list_for_each (l, &conn_all)
        h.conns += list_entry(l, struct conn, all)->fd >= 0;
    put(&h, sizeof(h));
    list_for_each (l, &conn_all) {
        struct conn *c = list_entry(l, struct conn, all);

        if (c->fd >= 0)
            put_conn(c, c == asker, answer, len);
    }
    if (!fflush(file) && !ferror(file))
        return true;
    fclose(file);
    return false;
}

static void run(const char *program, char *cmdline)
{
    char *argv[MAX_ARGS + 2] = {(char *)(uintptr_t)program}, number[16];
    int n = 1;

    for (char *word = cmdline ? strtok(cmdline, " ") : NULL; word && n <= MAX_ARGS;
         word = strtok(NULL, " "))
        argv[n++] = word;
    for (int i = 1; !cmdline && started_as[i] && n <= MAX_ARGS; i++)
        argv[n++] = started_as[i];
    snprintf(number, sizeof(number), "%d", fileno(file));
    setenv(VARIABLE, number, 1);
    log_info("live update: becoming %s", program);
    execv(program, argv);
}

const char *handover_to(const char *program, const char *cmdline, const struct conn *asker,
                        const void *answer, size_t len)
{
    static char reason[600];
    char *copy;

    if (!journal_is_open())
        return "the store is not being saved, so that a successor would know nothing";
    if (asker->domain)
        return "this has to be asked through the socket";
    if (!write_file(asker, answer, len))
        return "no memory for what is handed over";
    copy = cmdline ? alloc_string(cmdline) : NULL;
    keep_open(true);
    run(program, copy);
    snprintf(reason, sizeof(reason), "%.500s: %s", program, strerror(errno));
    log_error("live update: %s; going on as before", reason);
    unsetenv(VARIABLE);
    keep_open(false);
    fclose(file);
    free(copy);
    return reason;
}

/* ---- taking ---- */

/* False where the file ends before. */
static bool get(void *data, size_t len)
{
    return !len || fread(data, len, 1, file) == 1;
}

/* malloc'ed, or NULL: too long for the file, or not ended. */
static char *get_string(void)
{
    uint32_t len;
    char *s;

    if (!get(&len, sizeof(len)) || !len || len > CONN_MSG_MAX)
        return NULL;
    s = alloc_zero(len);
    if (get(s, len) && !s[len - 1])
        return s;
    free(s);
    return NULL;
}

int handover_begin(int *lock_fd, int *listen_fd)
{
    const char *number = getenv(VARIABLE);
    struct header h;
    int fd;

    if (!number)
        return 0;
    fd = atoi(number);
    unsetenv(VARIABLE);
    file = fdopen(fd, "r");
    if (file)
        rewind(file);
    if (!file || !get(&h, sizeof(h)) || memcmp(h.magic, MAGIC, sizeof(h.magic))) {
        if (file)
            fclose(file);
        file = NULL;
        close_range(3, ~0u, 0); /* the lock among them */
        return -1;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    *lock_fd = h.lock_fd;
    *listen_fd = h.listen_fd;
    for (int i = 0; i < 2; i++)
        fcntl(i ? h.listen_fd : h.lock_fd, F_SETFD, FD_CLOEXEC);
    return 1;
}

static bool load_conn(void)
{
    struct conn_head h;
    unsigned char *in, *out;
    struct conn *c;
    bool ok;

    if (!get(&h, sizeof(h)) || h.in_len > CONN_MSG_MAX)
        return false;
    in = alloc_zero(h.in_len);
    out = alloc_zero(h.out_len);
    ok = get(in, h.in_len) && get(out, h.out_len);
    c = conn_restore_socket(h.fd, in, ok ? h.in_len : 0, out, ok ? h.out_len : 0);
    free(in);
    free(out);
    fcntl(h.fd, F_SETFD, FD_CLOEXEC);
    for (uint32_t i = 0; ok && i < h.watches; i++) {
        uint32_t home;
        char *path = get(&home, sizeof(home)) ? get_string() : NULL;
        char *token = path ? get_string() : NULL;

        ok = token && home < strlen(path) && !watch_add(c, path, home, token, false);
        free(path);
        free(token);
    }
    for (uint32_t i = 0, id; ok && i < h.txs; i++) {
        ok = get(&id, sizeof(id));
        if (ok)
            tx_restore(c, id);
    }
    c->last_tx = h.last_tx;
    return ok;
}

void handover_load(void)
{
    struct header h;
    uint32_t done = 0;

    if (!file)
        return;
    rewind(file);
    if (get(&h, sizeof(h)))
        while (done < h.conns && load_conn())
            done++;
    log_info("live update: %u of %u clients of the socket go on", done, h.conns);
    fclose(file);
    file = NULL;
}
