// SPDX-License-Identifier: GPL-2.0-only
/* Circular doubly linked list, embedded in its items; a list's head is a link of its own. */
#ifndef XENSTORED_LIST_H
#define XENSTORED_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A link in no list, and the head of an empty one, point to themselves; never to NULL. */
struct list_link {
    struct list_link *next, *prev;
};

#define list_entry(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

/* The body must not take *pos out of the list: the next step starts from it. */
#define list_for_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

static inline void list_init(struct list_link *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list_link *l)
{
    return l->next == l;
}

/* Behind the last item. The link must be in no list. */
static inline void list_append(struct list_link *head, struct list_link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

/* The link ends up empty, so that removing it twice is harmless. */
static inline void list_remove(struct list_link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

#endif
