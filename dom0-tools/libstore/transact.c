// SPDX-License-Identifier: GPL-2.0-only
/*
 * transact.c: a transaction that is tried until nobody has interfered.
 */
#include "store_link.h"

#include <errno.h>

#define TRIES 100

/* Someone interfered: again, after a pause that grows, as long as there is hope. */
static bool again(struct store_transaction *t)
{
    if (t->rc != -EAGAIN || t->tries == TRIES)
        return false;
    if (t->tries++ > 3)
        store_link_pause(t->tries);
    return true;
}

bool store_transact(struct store *s, struct store_transaction *t)
{
    if (t->refused)
        return false;
    if (t->is_open) {
        t->is_open = false;
        t->rc = store_commit(s);
        if (!again(t))
            return false;
    }
    t->rc = store_begin(s);
    t->is_open = !t->rc;
    return t->is_open;
}

void store_refuse(struct store *s, struct store_transaction *t, int rc)
{
    store_abort(s);
    t->is_open = false;
    t->refused = true;
    t->rc = rc;
}
