// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wire protocol. Requests are looked up in one table, which also says who may make them, so
 * that no handler has to. A handler works on a copy of the payload: what lies in a guest's slot or
 * a client's buffer is not changed, and cannot change under it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "domain.h"
#include "log.h"
#include "proto.h"
#include "quota.h"
#include "state.h"
#include "watch.h"

int proto_strings(struct proto_request *rq, char **arg, int max)
{
    uint32_t pos = 0;
    int n = 0;

    if (!rq->len || rq->data[rq->len - 1])
        return -1;
    while (pos < rq->len) {
        if (n == max)
            return -1;
        arg[n++] = rq->data + pos;
        pos += (uint32_t)strlen(rq->data + pos) + 1;
    }
    return n;
}

bool proto_put(struct proto_request *rq, const void *data, size_t len)
{
    if (rq->out_len + len > XENSTORE_PAYLOAD_MAX)
        return false;
    if (len) /* an empty value has no address */
        memcpy(rq->out + rq->out_len, data, len);
    rq->out_len += len;
    return true;
}

static int put_or_big(struct proto_request *rq, const void *data, size_t len)
{
    return proto_put(rq, data, len) ? 0 : -E2BIG;
}

/* The answer of requests that have nothing to tell: "OK" and its NUL. */
static int put_ok(struct proto_request *rq, int rc)
{
    return rc ? rc : put_or_big(rq, "OK", 3);
}

/* The one way from a client's text to a path: everything behind it works on checked paths. */
static int to_path(struct proto_request *rq, const char *arg, char path[PATH_SIZE], size_t *home)
{
    return path_absolute(rq->conn->cred.domid, !rq->conn->cred.privileged, arg, path, home);
}

/* For requests on nodes: a payload of just a path, which must not be a special one. */
static int only_path(struct proto_request *rq, char path[PATH_SIZE])
{
    char *arg;
    size_t home;
    int rc;

    if (proto_strings(rq, &arg, 1) != 1)
        return -EINVAL;
    rc = to_path(rq, arg, path, &home);
    return rc ? rc : path_is_special(path) ? -EINVAL : 0;
}

static int to_number(const char *arg, unsigned long max, unsigned long *v)
{
    char *end;

    if (arg[0] < '0' || arg[0] > '9')
        return -EINVAL;
    errno = 0;
    *v = strtoul(arg, &end, 10);
    return errno || *end || *v > max ? -EINVAL : 0;
}

static int to_domid(const char *arg, uint16_t *domid)
{
    unsigned long v;
    int rc = to_number(arg, QUOTA_DOMIDS - 1, &v);

    if (!rc)
        *domid = (uint16_t)v;
    return rc;
}

static int only_domid(struct proto_request *rq, uint16_t *domid)
{
    char *arg;

    return proto_strings(rq, &arg, 1) == 1 ? to_domid(arg, domid) : -EINVAL;
}

/* ---- reading ---- */

/*
 * Every reading request goes through this, so that none forgets to tell its transaction what it
 * saw: the aspects that its answer shows, or, where there is none, why there is none.
 */
static int look(struct proto_request *rq, const char *path, unsigned int aspects,
                struct tree_node **n)
{
    int rc = nodes_get(rq->view, &rq->conn->cred, path, TREE_READ, n);

    if (rq->tx && tx_saw(rq->tx, path, rc ? TX_EXISTS | TX_PERMS : TX_EXISTS | aspects))
        return -ENOSPC;
    return rc;
}

static int do_read(struct proto_request *rq)
{
    char path[PATH_SIZE];
    struct tree_node *n;
    int rc = only_path(rq, path);

    if (!rc)
        rc = look(rq, path, TX_VALUE, &n);
    return rc ? rc : put_or_big(rq, n->value, n->value_len);
}

static int do_directory(struct proto_request *rq)
{
    char path[PATH_SIZE];
    struct tree_node *n;
    int rc = only_path(rq, path);

    if (!rc)
        rc = look(rq, path, TX_KIDS, &n);
    for (uint32_t i = 0; !rc && i < n->nchildren; i++)
        rc = put_or_big(rq, n->child[i]->name, n->child[i]->name_len + 1u);
    return rc;
}

/*
 * A part of a long list: the generation of the list, then names from the given byte offset on, as
 * many as fit; an empty name marks the end.
 */
static int do_directory_part(struct proto_request *rq)
{
    char *arg[2], path[PATH_SIZE], gen[24];
    unsigned long offset, skip = 0;
    struct tree_node *n;
    size_t home;
    int rc;

    if (proto_strings(rq, arg, 2) != 2 || to_number(arg[1], UINT32_MAX, &offset))
        return -EINVAL;
    rc = to_path(rq, arg[0], path, &home);
    if (!rc)
        rc = path_is_special(path) ? -EINVAL : look(rq, path, TX_KIDS, &n);
    if (rc)
        return rc;
    proto_put(rq, gen, (size_t)snprintf(gen, sizeof(gen), "%llu", (unsigned long long)n->gen) + 1);
    for (uint32_t i = 0; i < n->nchildren; i++) {
        size_t len = n->child[i]->name_len + 1u;

        /* An offset that came from an earlier part lies at the start of a name. */
        skip += len;
        if (skip <= offset)
            continue;
        if (!proto_put(rq, n->child[i]->name, len))
            return 0;
    }
    proto_put(rq, "", 1);
    return 0;
}

static int do_get_perms(struct proto_request *rq)
{
    static const char letters[4] = {'n', 'r', 'w', 'b'}; /* by TREE_READ and TREE_WRITE */
    char *arg, path[PATH_SIZE], text[16];
    const struct tree_perm *perms;
    unsigned int nperms;
    struct tree_node *n;
    size_t home;
    int rc = -EINVAL;

    if (proto_strings(rq, &arg, 1) == 1)
        rc = to_path(rq, arg, path, &home);
    if (rc)
        return rc;
    if (path_is_special(path)) {
        if (!rq->conn->cred.privileged)
            return -EACCES;
        perms = nodes_special_perms(path, &nperms);
    } else {
        rc = look(rq, path, TX_PERMS, &n);
        if (rc)
            return rc;
        perms = n->perms;
        nperms = n->nperms;
    }
    for (unsigned int i = 0; i < nperms && !rc; i++) {
        int len = snprintf(text, sizeof(text), "%c%u", letters[perms[i].bits & 3], perms[i].domid);

        rc = put_or_big(rq, text, (size_t)len + 1);
    }
    return rc;
}

/* ---- changing ---- */

/* In a transaction: what succeeded is to be done again at the end, what failed has been seen. */
static int finish_change(struct proto_request *rq, int rc, enum tx_op op, const char *path,
                         const void *data, size_t len)
{
    if (rq->tx) {
        int full =
            rc ? tx_saw(rq->tx, path, TX_EXISTS | TX_PERMS) : tx_did(rq->tx, op, path, data, len);

        if (full && !rc)
            rc = full;
    }
    return put_ok(rq, rc);
}

/* Path, NUL, and the value: what is left, without a NUL of its own, and with any bytes in it. */
static int do_write(struct proto_request *rq)
{
    char path[PATH_SIZE];
    size_t name = strlen(rq->data) + 1, home;
    int rc = -EINVAL;

    if (name <= rq->len)
        rc = to_path(rq, rq->data, path, &home);
    if (!rc && path_is_special(path))
        rc = -EINVAL;
    if (rc)
        return rc;
    rc = nodes_write(rq->view, &rq->conn->cred, path, rq->data + name, rq->len - name);
    return finish_change(rq, rc, TX_WRITE, path, rq->data + name, rq->len - name);
}

static int do_mkdir(struct proto_request *rq)
{
    char path[PATH_SIZE];
    int rc = only_path(rq, path);

    if (rc)
        return rc;
    rc = nodes_mkdir(rq->view, &rq->conn->cred, path);
    return finish_change(rq, rc, TX_MKDIR, path, NULL, 0);
}

static int do_rm(struct proto_request *rq)
{
    char path[PATH_SIZE];
    int rc = only_path(rq, path);

    if (rc)
        return rc;
    rc = nodes_rm(rq->view, &rq->conn->cred, path);
    return finish_change(rq, rc, TX_RM, path, NULL, 0);
}

static int to_perm(const char *arg, struct tree_perm *p)
{
    static const char letters[] = "nrwb";
    const char *l = arg[0] ? strchr(letters, arg[0]) : NULL;

    if (!l)
        return -EINVAL;
    p->bits = (uint16_t)(l - letters);
    return to_domid(arg + 1, &p->domid);
}

static int do_set_perms(struct proto_request *rq)
{
    char *arg[XENSTORE_PAYLOAD_MAX / 3], path[PATH_SIZE];
    struct tree_perm perms[XENSTORE_PAYLOAD_MAX / 3]; /* an entry has 3 bytes at the least: "n0" */
    int n = proto_strings(rq, arg, XENSTORE_PAYLOAD_MAX / 3), rc;
    size_t home;

    if (n < 2)
        return -EINVAL;
    rc = to_path(rq, arg[0], path, &home);
    for (int i = 1; i < n && !rc; i++)
        rc = to_perm(arg[i], &perms[i - 1]);
    if (rc)
        return rc;
    if (path_is_special(path)) {
        if (!rq->conn->cred.privileged)
            return -EACCES;
        nodes_set_special(path, perms, (unsigned int)n - 1);
        state_special(path, perms, (unsigned int)n - 1);
        return put_ok(rq, 0);
    }
    rc = nodes_set_perms(rq->view, &rq->conn->cred, path, perms, (unsigned int)n - 1);
    return finish_change(rq, rc, TX_SET_PERMS, path, perms, (size_t)(n - 1) * sizeof(*perms));
}

/* ---- transactions ---- */

static int do_transaction_start(struct proto_request *rq)
{
    char text[16];
    uint32_t id;
    int rc;

    if (rq->tx)
        return -EBUSY;
    rc = tx_start(rq->conn, &id);
    if (rc)
        return rc;
    state_tx_start(rq->conn, id);
    return put_or_big(rq, text, (size_t)snprintf(text, sizeof(text), "%u", id) + 1);
}

static int do_transaction_end(struct proto_request *rq)
{
    struct tx *t = rq->tx;
    char *arg;

    if (proto_strings(rq, &arg, 1) != 1 || (strcmp(arg, "T") && strcmp(arg, "F")))
        return -EINVAL;
    if (!t)
        return -ENOENT;
    rq->tx = NULL; /* freed by tx_end(), whatever comes of it */
    return put_ok(rq, tx_end(t, arg[0] == 'T'));
}

/* ---- watches ---- */

static int path_and_token(struct proto_request *rq, char path[PATH_SIZE], size_t *home,
                          char **token)
{
    char *arg[2];

    if (proto_strings(rq, arg, 2) != 2)
        return -EINVAL;
    *token = arg[1];
    return to_path(rq, arg[0], path, home);
}

static int do_watch(struct proto_request *rq)
{
    char *token, path[PATH_SIZE];
    size_t home;
    int rc = path_and_token(rq, path, &home, &token);

    if (!rc)
        rc = watch_add(rq->conn, path, home, token, !rq->conn->cred.privileged);
    if (!rc)
        state_watch(rq->conn, path, home, token);
    return put_ok(rq, rc);
}

static int do_unwatch(struct proto_request *rq)
{
    char *token, path[PATH_SIZE];
    size_t home;
    int rc = path_and_token(rq, path, &home, &token);

    if (!rc)
        rc = watch_remove(rq->conn, path, token);
    if (!rc)
        state_unwatch(rq->conn, path, token);
    return put_ok(rq, rc);
}

/* For a kernel that does not know what the one before it has left here (kexec). */
static int do_reset_watches(struct proto_request *rq)
{
    watch_remove_all(rq->conn);
    tx_abort_all(rq->conn);
    rq->tx = NULL;
    if (rq->conn->domain)
        state_domain_reset(rq->conn->cred.domid);
    return put_ok(rq, 0);
}

/* ---- domains ---- */

static int do_introduce(struct proto_request *rq)
{
    char *arg[4];
    unsigned long mfn, port;
    uint16_t domid;
    int n = proto_strings(rq, arg, 4);

    /* A fourth string, once the domain's home, is accepted and means nothing. */
    if (n < 3 || to_domid(arg[0], &domid) || to_number(arg[1], ~0ul, &mfn) ||
        to_number(arg[2], UINT32_MAX, &port) || !domid)
        return -EINVAL;
    return put_ok(rq, domain_introduce(domid, mfn, (uint32_t)port));
}

static int do_release(struct proto_request *rq)
{
    uint16_t domid;
    int rc = only_domid(rq, &domid);

    if (!rc)
        rc = domid ? domain_release(domid) : -EINVAL;
    return put_ok(rq, rc);
}

/* The domain runs again: its next shutdown is news. */
static int do_resume(struct proto_request *rq)
{
    struct domain *d;
    uint16_t domid;
    int rc = only_domid(rq, &domid);

    if (rc)
        return rc;
    d = domain_find(domid);
    if (!d)
        return -ENOENT;
    d->shutdown = false;
    state_shutdown(domid, false);
    return put_ok(rq, 0);
}

static int do_set_target(struct proto_request *rq)
{
    char *arg[2];
    uint16_t domid, target;
    struct domain *d;

    if (proto_strings(rq, arg, 2) != 2 || to_domid(arg[0], &domid) || to_domid(arg[1], &target))
        return -EINVAL;
    d = domain_find(domid);
    if (!d || !domain_find(target))
        return -ENOENT;
    domain_set_target(d, target);
    state_target(domid, target);
    return put_ok(rq, 0);
}

static int do_get_domain_path(struct proto_request *rq)
{
    char text[32];
    uint16_t domid;
    int rc = only_domid(rq, &domid);

    if (rc)
        return rc;
    return put_or_big(rq, text,
                      (size_t)snprintf(text, sizeof(text), "/local/domain/%u", domid) + 1);
}

static int do_is_domain_introduced(struct proto_request *rq)
{
    uint16_t domid;
    int rc = only_domid(rq, &domid);

    return rc ? rc : put_or_big(rq, domain_find(domid) ? "T" : "F", 2);
}

/* ---- the table ---- */

/*
 * By the number in the header. Whoever adds one decides here who may make it; the handler may rely
 * on that, and checks rights on nodes, numbers and strings. It returns 0 with the answer's payload
 * in rq->out, or -errno, which goes out by its name: then no node of the store has changed.
 */
static const struct {
    const char *name;
    int (*fn)(struct proto_request *rq);
    bool privileged; /* for dom0 only */
} requests[XS_TYPE_COUNT] = {
    [XS_CONTROL] = {"control", control_run, true},
    [XS_DIRECTORY] = {"directory", do_directory, false},
    [XS_READ] = {"read", do_read, false},
    [XS_GET_PERMS] = {"get-perms", do_get_perms, false},
    [XS_WATCH] = {"watch", do_watch, false},
    [XS_UNWATCH] = {"unwatch", do_unwatch, false},
    [XS_TRANSACTION_START] = {"transaction-start", do_transaction_start, false},
    [XS_TRANSACTION_END] = {"transaction-end", do_transaction_end, false},
    [XS_INTRODUCE] = {"introduce", do_introduce, true},
    [XS_RELEASE] = {"release", do_release, true},
    [XS_GET_DOMAIN_PATH] = {"get-domain-path", do_get_domain_path, false},
    [XS_WRITE] = {"write", do_write, false},
    [XS_MKDIR] = {"mkdir", do_mkdir, false},
    [XS_RM] = {"rm", do_rm, false},
    [XS_SET_PERMS] = {"set-perms", do_set_perms, false},
    [XS_IS_DOMAIN_INTRODUCED] = {"is-domain-introduced", do_is_domain_introduced, false},
    [XS_RESUME] = {"resume", do_resume, true},
    [XS_SET_TARGET] = {"set-target", do_set_target, true},
    [XS_RESET_WATCHES] = {"reset-watches", do_reset_watches, false},
    [XS_DIRECTORY_PART] = {"directory-part", do_directory_part, false},
};

/* Errors travel as names; one that the protocol does not know goes as EINVAL. */
static const char *error_name(int error)
{
#define ROW(name, number) {number, #name},
    static const struct xsd_errors names[] = {XSD_ERROR_LIST(ROW)};
#undef ROW

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].errnum == error)
            return names[i].errstring;
    return "EINVAL";
}

/* Rights before anything else: an unprivileged caller learns nothing by way of other errors. */
static int dispatch(struct proto_request *rq, const struct xsd_sockmsg *hdr)
{
    if (hdr->type >= XS_TYPE_COUNT || !requests[hdr->type].fn)
        return -ENOSYS;
    if (requests[hdr->type].privileged && !rq->conn->cred.privileged)
        return -EACCES;
    if (hdr->tx_id) {
        rq->tx = tx_find(rq->conn, hdr->tx_id);
        if (!rq->tx)
            return -ENOENT;
        if (tx_is_full(rq->tx) && hdr->type != XS_TRANSACTION_END)
            return -ENOSPC;
        rq->view = tx_view(rq->tx);
    }
    return requests[hdr->type].fn(rq);
}

size_t proto_refuse(const void *msg, int error, void *reply)
{
    const char *name = error_name(error);
    struct xsd_sockmsg hdr;

    memcpy(&hdr, msg, sizeof(hdr));
    hdr.type = XS_ERROR;
    hdr.len = (uint32_t)strlen(name) + 1;
    memcpy(reply, &hdr, sizeof(hdr));
    memcpy((char *)reply + sizeof(hdr), name, hdr.len);
    return sizeof(hdr) + hdr.len;
}

size_t proto_ok(const struct proto_request *rq, void *reply)
{
    struct xsd_sockmsg hdr = rq->hdr;

    hdr.len = 3;
    memcpy(reply, &hdr, sizeof(hdr));
    memcpy((char *)reply + sizeof(hdr), "OK", hdr.len);
    return sizeof(hdr) + hdr.len;
}

size_t proto_handle(struct conn *c, const void *msg, void *reply)
{
    static struct proto_request rq; /* one request at a time; too large for the stack */
    struct xsd_sockmsg hdr;
    int rc;

    memcpy(&hdr, msg, sizeof(hdr));
    rq.hdr = hdr;
    rq.conn = c;
    rq.tx = NULL;
    rq.view = &nodes_main;
    rq.len = hdr.len;
    memcpy(rq.data, (const char *)msg + sizeof(hdr), hdr.len);
    rq.data[hdr.len] = '\0';
    rq.out = (unsigned char *)reply + sizeof(hdr);
    rq.out_len = 0;

    rc = dispatch(&rq, &hdr);
    /* Also after a conflict: the id is gone, and the record of that belongs to this request. */
    if (hdr.type == XS_TRANSACTION_END && hdr.tx_id && !tx_find(c, hdr.tx_id))
        state_tx_end(c, hdr.tx_id);
    if (rc) {
        log_debug("domain %u: %s refused: %s", c->cred.domid,
                  hdr.type < XS_TYPE_COUNT && requests[hdr.type].name ? requests[hdr.type].name
                                                                      : "unknown request",
                  error_name(-rc));
        return proto_refuse(msg, -rc, reply);
    }
    hdr.len = (uint32_t)rq.out_len;
    memcpy(reply, &hdr, sizeof(hdr));
    return sizeof(hdr) + rq.out_len;
}
