/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doubly linked circular list whose links sit inside the objects. The head is a link as well, so no
 * operation has a special case, and an object can leave without knowing which list it is in.
 * Nothing is atomic: whoever owns the list has the lock.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <lib/types.h>

#define LIST_INIT(name)  \
    {                    \
        &(name), &(name) \
    }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_(struct list *n, struct list *prev, struct list *next)
{
    n->next = next;
    n->prev = prev;
    prev->next = n;
    next->prev = n;
}

/* At the front; n is in no list. */
static inline void list_add(struct list *head, struct list *n)
{
    list_insert_(n, head, head->next);
}

/* At the end, or before the link `head`, which need not be a head. */
static inline void list_add_tail(struct list *head, struct list *n)
{
    list_insert_(n, head->prev, head);
}

/* Leaves n as an empty list, so that deleting twice is harmless and list_empty(n) tells. */
static inline void list_del(struct list *n)
{
    n->next->prev = n->prev;
    n->prev->next = n->next;
    list_init(n);
}

#define list_entry(l, type, member) container_of(l, type, member)
/* NULL: the list is empty. */
#define list_first(head, type, member) \
    (list_empty(head) ? NULL : list_entry((head)->next, type, member))
/* pos stays in the list during its pass; with _safe it may leave, but the one behind it may not. */
#define list_for_each(pos, head, member)                                               \
    for (pos = list_entry((head)->next, typeof(*pos), member); &pos->member != (head); \
         pos = list_entry(pos->member.next, typeof(*pos), member))
#define list_for_each_safe(pos, tmp, head, member)                \
    for (pos = list_entry((head)->next, typeof(*pos), member),    \
        tmp = list_entry(pos->member.next, typeof(*pos), member); \
         &pos->member != (head);                                  \
         pos = tmp, tmp = list_entry(pos->member.next, typeof(*pos), member))

#endif
