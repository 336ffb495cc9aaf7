// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watch events that wait until the program reads them.
 *
 * Who may write what a watch is on can make events, with ever new paths, faster than a program
 * reads them. So beyond a limit an event is kept as one of the watch's own path, which says "look
 * again at everything", and stands for all that come before it is read: no more wait than the
 * limit, and one for each watch. The daemon bounds its queues in the same way.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xs_link.h"

#define MAX_EVENTS 4096u
#define MAX_BYTES  (1u << 20)

struct watch {
    struct watch *next;
    bool folded; /* a message that stands for all of its events waits */
    char *token; /* behind the path */
    char path[];
};

/* ---- watches ---- */

static struct watch **find(struct xs_handle *h, const char *path, const char *token)
{
    struct watch **slot = &h->watches;

    while (*slot && (strcmp((*slot)->path, path) || strcmp((*slot)->token, token)))
        slot = &(*slot)->next;
    return slot;
}

void xs_events_watched(struct xs_handle *h, const char *path, const char *token)
{
    size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;
    struct watch *w = malloc(sizeof(*w) + path_len + token_len);

    pthread_mutex_lock(&h->lock);
    if (w && !*find(h, path, token)) {
        w->folded = false;
        w->token = w->path + path_len;
        memcpy(w->path, path, path_len);
        memcpy(w->token, token, token_len);
        w->next = h->watches;
        h->watches = w;
        w = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    free(w);
}

/* ---- the queue ---- */

/* NULL: an event without one is not from a daemon that works. */
static const char *token_of(const struct message *m)
{
    size_t path_len = strlen(m->body) + 1;

    return path_len < m->hdr.len ? m->body + path_len : NULL;
}

static void append(struct xs_handle *h, struct message *m)
{
    if (!h->events && h->signal_pipe[1] >= 0)
        while (write(h->signal_pipe[1], "", 1) < 0 && errno == EINTR)
            continue;
    *h->events_tail = m;
    h->events_tail = &m->next;
    h->nevents++;
    h->event_bytes += m->hdr.len;
}

/* Takes the message in this place out. The lock is held. */
static struct message *take(struct xs_handle *h, struct message **slot)
{
    struct message *m = *slot;
    const char *token = token_of(m);
    struct watch *w = m->folded && token ? *find(h, m->body, token) : NULL;
    char c;

    *slot = m->next;
    if (!*slot)
        h->events_tail = slot;
    h->nevents--;
    h->event_bytes -= m->hdr.len;
    if (w)
        w->folded = false;
    /* With the last one the descriptor stops being readable. */
    if (!h->events && h->signal_pipe[0] >= 0)
        while (read(h->signal_pipe[0], &c, 1) < 0 && errno == EINTR)
            continue;
    return m;
}

/* One that says "look again at everything" to the event's watch, if none waits. */
static void fold(struct xs_handle *h, const struct message *m)
{
    const char *token = token_of(m);
    struct watch *w = h->watches;
    size_t path_len, token_len;
    struct message *f;

    while (w && (!token || strcmp(w->token, token) || !xs_path_is_subpath(w->path, m->body)))
        w = w->next;
    if (!w || w->folded)
        return;
    path_len = strlen(w->path) + 1;
    token_len = strlen(w->token) + 1;
    f = malloc(sizeof(*f) + path_len + token_len + 1);
    if (!f)
        return;
    f->next = NULL;
    f->hdr = m->hdr;
    f->hdr.len = (uint32_t)(path_len + token_len);
    f->folded = w->folded = true;
    memcpy(f->body, w->path, path_len);
    memcpy(f->body + path_len, w->token, token_len);
    f->body[f->hdr.len] = '\0';
    append(h, f);
}

void xs_events_put(struct xs_handle *h, struct message *m)
{
    if (h->nevents < MAX_EVENTS && h->event_bytes < MAX_BYTES) {
        append(h, m);
        return;
    }
    fold(h, m);
    free(m);
}

void xs_events_unwatched(struct xs_handle *h, const char *path, const char *token)
{
    struct message **slot = &h->events;
    struct watch **at, *w;

    pthread_mutex_lock(&h->lock);
    while (h->filter && *slot) {
        const char *its = token_of(*slot);

        if (its && !strcmp(its, token) && xs_path_is_subpath(path, (*slot)->body))
            free(take(h, slot));
        else
            slot = &(*slot)->next;
    }
    at = find(h, path, token);
    w = *at;
    if (w)
        *at = w->next;
    pthread_mutex_unlock(&h->lock);
    free(w);
}

void xs_events_free(struct xs_handle *h)
{
    struct message *m;
    struct watch *w;

    while ((m = h->events)) {
        h->events = m->next;
        free(m);
    }
    while ((w = h->watches)) {
        h->watches = w->next;
        free(w);
    }
}

/* ---- reading ---- */

/*
 * The pipe has one byte in it while events wait, however many, and once the connection has ended.
 */
int xs_fileno(struct xs_handle *h)
{
    pthread_mutex_lock(&h->lock);
    if (h->signal_pipe[0] < 0 && !pipe2(h->signal_pipe, O_CLOEXEC | O_NONBLOCK) && h->events &&
        write(h->signal_pipe[1], "", 1) < 0) {
        close(h->signal_pipe[0]);
        close(h->signal_pipe[1]);
        h->signal_pipe[0] = h->signal_pipe[1] = -1;
    }
    pthread_mutex_unlock(&h->lock);
    return h->signal_pipe[0];
}

static char **to_strings(struct message *m)
{
    const char *token = token_of(m);
    char **v;

    if (!token) {
        free(m);
        errno = EIO;
        return NULL;
    }
    v = malloc(2 * sizeof(*v) + m->hdr.len + 1);
    if (v) {
        char *text = (char *)(v + 2);

        memcpy(text, m->body, m->hdr.len + 1);
        v[XS_WATCH_PATH] = text;
        v[XS_WATCH_TOKEN] = text + (token - m->body);
    }
    free(m);
    return v;
}

/* What waited is handed out even if the connection has ended since. */
static char **next_event(struct xs_handle *h, bool wait)
{
    struct message *m = NULL;

    pthread_mutex_lock(&h->lock);
    while (wait && !h->events && !h->broken && !h->closing)
        pthread_cond_wait(&h->arrived, &h->lock);
    if (h->events)
        m = take(h, &h->events);
    else
        errno = h->broken ? h->broken : h->closing ? EINVAL : EAGAIN;
    pthread_mutex_unlock(&h->lock);
    return m ? to_strings(m) : NULL;
}

char **xs_check_watch(struct xs_handle *h)
{
    return next_event(h, false);
}

char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
    char **v;

    if (!h->has_reader && !xs_link_start_reader(h))
        return NULL;
    v = next_event(h, true);
    if (v)
        *num = 2;
    return v;
}
