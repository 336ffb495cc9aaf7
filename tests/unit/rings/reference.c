// SPDX-License-Identifier: GPL-2.0-only
/* The reference's macros, one call each; see reference.h. */
#include "reference.h"

#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040e00 /* keeps these names for us */
#define xen_mb()                  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb()                 __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb()                 __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/xen.h>
#include <xen/io/ring.h>

DEFINE_RING_TYPES(reference, struct message, struct message);

static reference_front_ring_t front;
static reference_back_ring_t back;

uint32_t reference_front_init(void *shared, size_t pages)
{
    reference_sring_t *ring = shared;

    XEN_FRONT_RING_INIT(&front, ring, pages);
    return RING_SIZE(&front);
}

bool reference_front_put(const struct message *m)
{
    if (RING_FULL(&front))
        return false;
    *RING_GET_REQUEST(&front, front.req_prod_pvt) = *m;
    front.req_prod_pvt++;
    return true;
}

bool reference_front_push(void)
{
    bool notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
    return notify;
}

bool reference_front_take(struct message *m)
{
    if (!XEN_RING_NR_UNCONSUMED_RESPONSES(&front))
        return false;
    xen_rmb();
    RING_COPY_RESPONSE(&front, front.rsp_cons, m);
    front.rsp_cons++;
    return true;
}

bool reference_front_final_check(void)
{
    unsigned int more;

    RING_FINAL_CHECK_FOR_RESPONSES(&front, more);
    return more;
}

uint32_t reference_back_init(void *shared, size_t pages)
{
    reference_sring_t *ring = shared;

    BACK_RING_ATTACH(&back, ring, ring->rsp_prod, pages);
    return RING_SIZE(&back);
}

bool reference_back_take(struct message *m)
{
    if (!XEN_RING_NR_UNCONSUMED_REQUESTS(&back))
        return false;
    xen_rmb();
    RING_COPY_REQUEST(&back, back.req_cons, m);
    back.req_cons++;
    return true;
}

void reference_back_put(const struct message *m)
{
    *RING_GET_RESPONSE(&back, back.rsp_prod_pvt) = *m;
    back.rsp_prod_pvt++;
}

bool reference_back_push(void)
{
    bool notify;

    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
    return notify;
}

bool reference_back_final_check(void)
{
    unsigned int more;

    RING_FINAL_CHECK_FOR_REQUESTS(&back, more);
    return more;
}
