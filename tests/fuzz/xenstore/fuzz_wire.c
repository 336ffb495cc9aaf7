// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coverage-guided fuzzing of the store daemon, everything but its main loop: a client on a socket,
 * two guests on rings, and a hypervisor that the input can make report anything. The input is a
 * list of steps (see step()). After each input the store must be able to clear up completely: what
 * the accounts then still show is a leak in the accounting, and stops the run.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "domain.h"
#include "domain_ctl.h"
#include "log.h"
#include "proto.h"
#include "quota.h"
#include "state.h"
#include "xendev.h"

#define GUESTS 2

static struct xenstore_domain_interface page[GUESTS + 1];
static enum domain_ctl_state fate[GUESTS + 1];
static struct conn *client;
static int client_fd;
static uint32_t limits[QUOTA_KINDS]; /* as they were: the input can change them */

/* ---- the hypervisor ---- */

int xendev_open(void)
{
    return 0;
}

void *xendev_map_guest(uint16_t domid, uint64_t mfn)
{
    (void)mfn;
    return domid && domid <= GUESTS ? &page[domid] : NULL;
}

void xendev_unmap_guest(void *p)
{
    (void)p;
}

void *xendev_map_dom0(uint32_t *port)
{
    *port = 1;
    return NULL;
}

int xendev_bind(uint16_t domid, uint32_t port)
{
    return port < 100 ? domid * 100 + (int)port : -1;
}

int xendev_bind_dom_exc(void)
{
    return 7;
}

void xendev_unbind(int port)
{
    (void)port;
}

void xendev_notify(int port)
{
    (void)port;
}

int xendev_pending(uint32_t *ports, unsigned int max)
{
    (void)ports;
    (void)max;
    return 0;
}

void xendev_unmask(int port)
{
    (void)port;
}

enum domain_ctl_state domain_ctl_state(uint16_t domid)
{
    return domid <= GUESTS ? fate[domid] : DOMAIN_CTL_GONE;
}

/* ---- steps ---- */

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t byte(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

static size_t bytes(struct input *in, void *to, size_t len)
{
    if (len > in->left)
        len = in->left;
    memcpy(to, in->at, len);
    in->at += len;
    in->left -= len;
    return len;
}

static void run(void)
{
    /* Bounded: a connection that always has more to do would otherwise keep us here. */
    for (int i = 0; i < 64 && conn_run_all() == 0; i++)
        continue;
}

/* A request with a sound header: type, transaction, length, payload; ended by NUL on demand. */
static size_t request(struct input *in, unsigned char *msg, bool nul)
{
    struct xsd_sockmsg hdr = {.type = byte(in) % 26, .req_id = 1, .tx_id = byte(in) % 5};
    size_t len = byte(in);

    if (len > 250)
        len = 4000 + len % 97;
    memset(msg + sizeof(hdr), 'x', XENSTORE_PAYLOAD_MAX);
    bytes(in, msg + sizeof(hdr), len);
    if (nul && len)
        msg[sizeof(hdr) + len - 1] = '\0';
    hdr.len = (uint32_t)len;
    memcpy(msg, &hdr, sizeof(hdr));
    return sizeof(hdr) + len;
}

static void guest_send(int n, const unsigned char *data, size_t len)
{
    for (int tries = 0; len && tries < 64; tries++) {
        while (len && page[n].req_prod - page[n].req_cons < XENSTORE_RING_SIZE) {
            page[n].req[MASK_XENSTORE_IDX(page[n].req_prod++)] = (char)*data++;
            len--;
        }
        page[n].rsp_cons = page[n].rsp_prod;
        if (domain_find((uint16_t)n))
            conn_wake(domain_find((uint16_t)n)->conn);
        run();
    }
}

static void introduce(uint16_t domid)
{
    char home[32];
    static const struct nodes_cred root = {.privileged = true, .target = NODES_NO_TARGET};
    struct tree_perm owner = {.domid = domid};

    snprintf(home, sizeof(home), "/local/domain/%u", domid);
    nodes_mkdir(&nodes_main, &root, home);
    nodes_set_perms(&nodes_main, &root, home, &owner, 1);
    nodes_save();
    nodes_announce();
    domain_introduce(domid, 1, 1);
}

/* It is closed when it has sent nonsense, as after a request that did not fit into the socket. */
static bool client_lives(void)
{
    struct list_link *l;

    list_for_each (l, &conn_all)
        if (list_entry(l, struct conn, all) == client)
            return true;
    return false;
}

static void step(struct input *in)
{
    static unsigned char msg[CONN_MSG_MAX];
    uint8_t what = byte(in);
    int n = 1 + what / 16 % GUESTS;
    uint32_t *index = &page[n].req_cons;
    char sink[65536];

    switch (what % 8) {
    case 0:
    case 1:
    case 2: /* a guest's request */
        guest_send(n, msg, request(in, msg, what & 8));
        break;
    case 3:
    case 4: /* the client's */
        if (send(client_fd, msg, request(in, msg, what & 8), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
            conn_wake(client);
        run();
        while (recv(client_fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
            continue;
        break;
    case 5: /* raw bytes on a ring */
        guest_send(n, msg, bytes(in, msg, byte(in)));
        break;
    case 6: /* indices, connection state, error: anything */
        index[byte(in) % 7] += (uint32_t)(int8_t)byte(in) * (1u + byte(in));
        if (domain_find((uint16_t)n))
            conn_wake(domain_find((uint16_t)n)->conn);
        run();
        break;
    case 7: /* domains end, and come again */
        fate[n] = byte(in) % 3;
        domain_reap();
        if (!domain_find((uint16_t)n)) {
            fate[n] = DOMAIN_CTL_ALIVE;
            memset(&page[n], 0, sizeof(page[n]));
            introduce((uint16_t)n);
        }
        run();
        break;
    }
}

/* ---- one input ---- */

static void set_up(void)
{
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
        abort();
    client = conn_new_socket(fd[0]);
    client_fd = fd[1];
    memset(page, 0, sizeof(page));
    memset(fate, 0, sizeof(fate));
    for (uint16_t i = 1; i <= GUESTS; i++)
        introduce(i);
}

static void clear_up(void)
{
    static const struct nodes_cred root = {.privileged = true, .target = NODES_NO_TARGET};
    static const struct tree_perm none;

    memcpy(quota_limit, limits, sizeof(limits));
    log_set_level("error");
    while (!list_empty(&domain_all))
        domain_release(list_entry(domain_all.next, struct domain, link)->domid);
    while (!list_empty(&conn_all)) /* the client, unless a protocol error has ended it */
        conn_free(list_entry(conn_all.next, struct conn, all));
    close(client_fd);
    while (nodes_main.root->nchildren) {
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "/%s", nodes_main.root->child[0]->name);
        nodes_rm(&nodes_main, &root, path);
    }
    nodes_set_perms(&nodes_main, &root, "/", &none, 1);
    nodes_set_special(PATH_INTRODUCE, &none, 1);
    nodes_set_special(PATH_RELEASE, &none, 1);
    nodes_save();
    nodes_announce();
    for (uint16_t i = 0; i < QUOTA_DOMIDS; i++) {
        const struct quota_usage *u = i <= GUESTS ? quota_usage(i) : NULL;

        if (!u)
            break;
        if (u->watches || u->transactions || u->nodes != (i == 0) || (i && u->bytes)) {
            fprintf(stderr, "domain %u keeps %lld nodes, %lld bytes, %u watches, %u transactions\n",
                    i, (long long)u->nodes, (long long)u->bytes, u->watches, u->transactions);
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    struct input in = {data, size};

    if (!ready) {
        log_set_level("error");
        memcpy(limits, quota_limit, sizeof(limits));
        nodes_init();
        conn_init();
        domain_init();
        nodes_recount();
        ready = true;
    }
    set_up();
    while (in.left && client_lives())
        step(&in);
    clear_up();
    return 0;
}
