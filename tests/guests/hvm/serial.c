/* SPDX-License-Identifier: GPL-2.0-only */
/* The serial line of a fully virtualized guest: a console ring with events, from the other end. */
#include <kit/kit.h>
#include <public/hvm_op.h>
#include <public/io/console.h>

#include "layout.h"
#include "hvm.h"

#define RING_GFN (G_SIZE / PAGE_SIZE - 2)

static int param(unsigned domid, unsigned op, uint32_t index, uint64_t *value)
{
    struct xen_hvm_param p = {.domid = (domid_t)domid, .index = index, .value = *value};
    int rc = (int)hc2(__HYPERVISOR_hvm_op, op, &p);

    *value = p.value;
    return rc;
}

static void parameters(unsigned domid, uint32_t port)
{
    uint64_t gfn = RING_GFN, value = port, nothing = 1ul << 40;

    CHECK_EQ(param(domid, HVMOP_set_param, HVM_PARAM_CONSOLE_PFN, &nothing), -XEN_EINVAL);
    CHECK_EQ(param(domid, HVMOP_set_param, HVM_PARAM_CONSOLE_PFN, &gfn), 0);
    CHECK_EQ(param(domid, HVMOP_set_param, HVM_PARAM_CONSOLE_PFN, &gfn), -XEN_EBUSY);
    CHECK_EQ(param(domid, HVMOP_set_param, HVM_PARAM_CONSOLE_EVTCHN, &value), 0);
    value = 0;
    CHECK_EQ(param(domid, HVMOP_get_param, HVM_PARAM_CONSOLE_EVTCHN, &value), 0);
    CHECK_EQ(value, port);
    CHECK_EQ(param(domid, HVMOP_set_param, HVM_NR_PARAMS, &value), -XEN_EINVAL);
    CHECK_EQ(param(domid, 77, 1, &value), -XEN_ENOSYS);
    CHECK_EQ(param(0, HVMOP_get_param, 1, &value), -XEN_ENOSYS);
    CHECK_EQ(param(12345, HVMOP_get_param, 1, &value), -XEN_ESRCH);
    CHECK_EQ(hc2(__HYPERVISOR_hvm_op, HVMOP_get_param, KIT_NOWHERE), -XEN_EFAULT);
}

/* What has come until then, with a zero behind it. */
static void expect_text(struct xencons_interface *ring, const char *text, unsigned port)
{
    for (; *text != 0; text++) {
        while (*(volatile uint32_t *)&ring->out_prod == ring->out_cons)
            kit_sleep_port(port, 100000000);
        CHECK_EQ(ring->out[ring->out_cons & (sizeof(ring->out) - 1)], *text);
        *(volatile uint32_t *)&ring->out_cons = ring->out_cons + 1;
    }
}

/* Starts it with a console; our port to it. */
static unsigned start(unsigned id, struct xencons_interface *ring)
{
    struct evtchn_alloc_unbound alloc = {.dom = (domid_t)id, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind;

    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &alloc), 0);
    parameters(id, alloc.port);
    bind = (struct evtchn_bind_interdomain){.remote_dom = (domid_t)id, .remote_port = alloc.port};
    CHECK_EQ(kit_evtchn(EVTCHNOP_bind_interdomain, &bind), 0);
    CHECK_EQ(kit_map_foreign(ring, RING_GFN, PTE_RW, (domid_t)id), 0);
    CHECK_EQ(kit_domctl(XEN_DOMCTL_unpausedomain, id, NULL, 0), 0);
    return bind.local_port;
}

static void type(struct xencons_interface *ring, const char *text, unsigned port)
{
    for (; *text != 0; text++) {
        ring->in[ring->in_prod & (sizeof(ring->in) - 1)] = *text;
        *(volatile uint32_t *)&ring->in_prod = ring->in_prod + 1;
        CHECK_EQ(kit_send(port), 0);
    }
}

/* By interrupts: HLT ends when something is typed. */
static void line(struct xencons_interface *ring)
{
    static const char typed[] = "and answered\n";
    unsigned id = hvm_make(P_LINE), port = start(id, ring);
    const uint8_t *got = kit_page();

    expect_text(ring, "lodge\nlodge\n", port);
    type(ring, typed, port);
    CHECK_EQ(hvm_wait(id), -1);
    CHECK_EQ(kit_map_foreign(got, G_ANSWERS / PAGE_SIZE, PTE_RW, (domid_t)id), 0);
    CHECK(memcmp(got + B_TYPED, typed, sizeof(typed) - 1) == 0);
    CHECK_EQ(((const uint64_t *)got)[A_FIRST], sizeof(typed) - 1);
    CHECK_EQ(((const uint64_t *)got)[A_FIRST + 2], 1);
    CHECK_EQ(ring->in_cons, sizeof(typed) - 1);
    kit_set_pte(got, 0);
    kit_set_pte(ring, 0);
    hvm_end(id);
}

void hvm_serial(void)
{
    struct xencons_interface *ring = kit_page();
    unsigned id = hvm_make(P_SERIAL), port = start(id, ring);

    expect_text(ring, "hello", port);
    type(ring, "HAL", port);
    expect_text(ring, "IBM", port);
    /* Nonsense in the ring is the guest's and ours: nobody else's. */
    *(volatile uint32_t *)&ring->out_cons = ring->out_prod + 77777;
    *(volatile uint32_t *)&ring->in_prod = ring->in_cons + 99999;
    CHECK_EQ(kit_send(port), 0);
    kit_sleep(1000000);
    *(volatile uint32_t *)&ring->out_cons = ring->out_prod;
    *(volatile uint32_t *)&ring->in_prod = ring->in_cons;
    ring->in[ring->in_prod & (sizeof(ring->in) - 1)] = '.';
    *(volatile uint32_t *)&ring->in_prod = ring->in_prod + 1;
    CHECK_EQ(kit_send(port), 0);
    CHECK_EQ(hvm_wait(id), -1);
    CHECK_EQ(kit_set_pte(ring, 0), 0);
    hvm_end(id);
    line(ring);
}
