// SPDX-License-Identifier: GPL-2.0-only
/*
 * lodge_nbd.c: lodge-nbd, which runs a qemu-nbd without rights and opens its images for it.
 *
 * lodge-backends starts one for each disk whose image is not raw. This program opens the image and
 * what is behind it (chain.h), starts qemu-nbd in a world where those files are not (confine.h),
 * and stays: when qemu-nbd opens /image/0, /image/1 and so on, it gets descriptors made here. So a
 * qemu-nbd that an image's content has taken over can reach the image, its backing files to read,
 * and the connections of the guest's own worker, and nothing else of this machine.
 *
 * SIGTERM is passed on, again and again: process 1 of a namespace misses it as long as it has no
 * handler. qemu-nbd then writes what it holds back, and ends. The last line that it printed is
 * written to descriptor 4 when it ends, for people; more of it is not kept, as it may be hostile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "chain.h"
#include "confine.h"
#include <libworker/runtime.h>

#define NBD_PROGRAM  "/usr/bin/qemu-nbd"
#define NBD_LISTENER 3
#define NBD_REASON   4   /* a pipe for a sentence */
#define NBD_TERM_MS  200 /* between two SIGTERM */
#define NBD_TERM_MAX 300 /* of them; then it is killed */
#define NBD_MISSING  127 /* exit status: there is no qemu-nbd */
#define NBD_OVERHEAD (64 << 20)

static struct {
    struct chain chain;
    struct confined server;
    char last[200];
    size_t length;
    bool line_over;
    unsigned terms; /* SIGTERM sent so far; 0: it is to go on */
} nbd;

static _Noreturn void give_up(const char *why)
{
    dprintf(NBD_REASON, "%s", why);
    exit(1);
}

/* --- its command line ---------------------------------------------------------------------- */

/*
 * The images as qemu knows them, each inside the one before it. Of the last one qemu is told that
 * nothing is behind it: else it would believe a header that may be another by now.
 */
static void describe(char *text, size_t size, bool discard)
{
    size_t n = (size_t)snprintf(text, size, "json:");

    for (unsigned i = 0; i < nbd.chain.nr && n < size; i++) {
        const struct chain_image *image = &nbd.chain.image[i];

        n += (size_t)snprintf(
            text + n, size - n,
            "%s{\"driver\":\"%s\",\"read-only\":%s,\"discard\":\"%s\","
            "\"file\":{\"driver\":\"%s\",\"filename\":\"/image/%u\"}",
            i ? ",\"backing\":" : "", image->format, image->writable ? "false" : "true",
            discard && !i ? "unmap" : "ignore", image->is_device ? "host_device" : "file", i);
    }
    if (n < size && !strcmp(nbd.chain.image[nbd.chain.nr - 1].format, "qcow2"))
        n += (size_t)snprintf(text + n, size - n, ",\"backing\":null");
    for (unsigned i = 0; i < nbd.chain.nr && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "}");
}

/*
 * The largest that a qcow2 file may become: what is in it, and all of the disk once more (an older
 * state may be kept inside), with the tables for it; rounded up to a power of two.
 */
static uint64_t file_limit(void)
{
    uint64_t most = nbd.chain.virtual_size, limit = 1 << 30;

    if (!most || most > 1ULL << 60 || nbd.chain.image[0].is_device)
        return 0;
    most += nbd.chain.file_size + most / 64 + NBD_OVERHEAD;
    while (limit < most)
        limit *= 2;
    return limit;
}

static void start(const struct chain_config *config, bool discard, unsigned domid)
{
    static char images[CHAIN_MAX * 200], why[2600];
    struct confine how = {.uid = RUNTIME_UID_SERVER + domid, .inherited = NBD_LISTENER};
    const char *argv[] = {NBD_PROGRAM,
                          "--persistent",
                          "--shared=2",
                          "--cache=writeback",
                          discard ? "--discard=unmap" : "--discard=ignore",
                          config->writable ? "--detect-zeroes=off" : "--read-only",
                          "--",
                          images,
                          NULL};

    if (access(NBD_PROGRAM, X_OK))
        exit(NBD_MISSING);
    if (chain_open(&nbd.chain, config, why, sizeof(why)))
        give_up(why);
    describe(images, sizeof(images), discard);
    how.file_limit = file_limit();
    if (confine_start(&nbd.server, argv, &how)) {
        snprintf(why, sizeof(why),
                 "qemu-nbd cannot be confined (%s): the kernel needs namespaces and seccomp",
                 nbd.server.why);
        give_up(why);
    }
    close(NBD_LISTENER);
}

/* --- what it asks for ---------------------------------------------------------------------- */

/* A descriptor of its own each time, with the flags that qemu-nbd wants, as far as it may. */
static int open_image(void *arg, const char *path, int flags)
{
    char link[64], more;
    unsigned i;

    (void)arg;
    /* On this qemu finds out whether open files can have locks; if not, it takes none at all. */
    if (!strcmp(path, "/dev/null"))
        return open(path, (flags & O_ACCMODE) | O_CLOEXEC);
    if (sscanf(path, "/image/%u%c", &i, &more) != 1)
        return CONFINE_NOT_OURS;
    errno = EACCES;
    if (i >= nbd.chain.nr || ((flags & O_ACCMODE) != O_RDONLY && !nbd.chain.image[i].writable))
        return -1;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", nbd.chain.image[i].fd);
    return open(link, (flags & (O_ACCMODE | O_DIRECT | O_DSYNC | O_NONBLOCK)) | O_CLOEXEC);
}

/* Keeps the last line of what it prints. False: its end of the pipe is closed. */
static bool listen_to_it(void)
{
    char text[512];
    ssize_t n = read(nbd.server.output, text, sizeof(text));

    for (ssize_t i = 0; i < n; i++) {
        if (text[i] == '\n') {
            nbd.line_over = true;
        } else if (text[i] >= ' ' && text[i] <= '~') {
            nbd.length = nbd.line_over ? 0 : nbd.length;
            nbd.line_over = false;
            if (nbd.length < sizeof(nbd.last) - 1)
                nbd.last[nbd.length++] = text[i];
        }
    }
    nbd.last[nbd.length] = '\0';
    return n > 0;
}

/* --- its life ------------------------------------------------------------------------------ */

static void end_it(void)
{
    nbd.terms++;
    kill(nbd.server.pid, nbd.terms > NBD_TERM_MAX ? SIGKILL : SIGTERM);
}

static void take_signal(int signals)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) && info.ssi_signo != SIGCHLD &&
        !nbd.terms)
        end_it();
}

static int serve(int signals)
{
    struct pollfd wait[] = {{.fd = signals, .events = POLLIN},
                            {.fd = nbd.server.notify, .events = POLLIN},
                            {.fd = nbd.server.output, .events = POLLIN}};
    int status = 0;

    while (waitpid(nbd.server.pid, &status, WNOHANG | WUNTRACED) != nbd.server.pid ||
           WIFSTOPPED(status)) {
        int n;

        /*
         * A guest cannot have caused that, but a server that is stopped would be waited for without
         * end.
         */
        if (WIFSTOPPED(status))
            kill(nbd.server.pid, SIGKILL);
        status = 0;
        n = poll(wait, 3, nbd.terms ? NBD_TERM_MS : -1);

        if (!n && nbd.terms)
            end_it();
        if (n <= 0)
            continue;
        if (wait[0].revents)
            take_signal(signals);
        if ((wait[1].revents & POLLIN) && confine_answer(&nbd.server, open_image, NULL))
            wait[1].fd = -1;
        else if (wait[1].revents & (POLLHUP | POLLERR))
            wait[1].fd = -1;
        if (wait[2].revents && !listen_to_it())
            wait[2].fd = -1;
    }
    fcntl(nbd.server.output, F_SETFL, O_NONBLOCK);
    while (listen_to_it())
        ;
    if (nbd.terms)
        return 0;
    dprintf(NBD_REASON, "%s", nbd.last);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    sigset_t set;
    struct chain_config config;
    unsigned domid;
    int signals;

    if (argc < 6 || sscanf(argv[4], "%u", &domid) != 1 || domid >= DOMID_FIRST_RESERVED ||
        fcntl(NBD_LISTENER, F_GETFD) < 0 || fcntl(NBD_REASON, F_GETFD) < 0) {
        fputs("Usage: lodge-nbd FORMAT r|w discard|ignore DOMID IMAGE [BACKING]...\n\n"
              "Serves a guest's image on the socket that is descriptor 3; a sentence goes to\n"
              "descriptor 4 if it cannot. lodge-backends starts it.\n",
              stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    fcntl(NBD_REASON, F_SETFD, FD_CLOEXEC);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    config = (struct chain_config){.path = argv[5],
                                   .format = argv[1],
                                   .writable = *argv[2] == 'w',
                                   .backing = (const char *const *)argv + 6};
    start(&config, !strcmp(argv[3], "discard"), domid);
    return serve(signals);
}
