/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test guest shares with dom0: grants of its pages (table version 1), and event channels. */
#include <kit/kit.h>

static struct grant_entry_v1 table[KIT_GRANTS] __attribute__((aligned(4096)));
static unsigned next_ref;

static void open_table(void)
{
    static xen_pfn_t frames[sizeof(table) / PAGE_SIZE];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = ARRAY_SIZE(frames)};

    if (next_ref != 0)
        return;
    s.frame_list.p = frames;
    CHECK_EQ(hc3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &s, 1), 0);
    CHECK_EQ(s.status, GNTST_okay);
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++)
        CHECK_EQ(kit_set_pte((uint8_t *)table + i * PAGE_SIZE, mk_pte(frames[i], PTE_RW)), 0);
    next_ref = GNTTAB_NR_RESERVED_ENTRIES;
}

void kit_grant_put(unsigned ref, uint64_t mfn, unsigned flags, domid_t domid)
{
    open_table();
    __atomic_store_n(&table[ref].flags, 0, __ATOMIC_SEQ_CST);
    table[ref].domid = domid;
    table[ref].frame = (uint32_t)mfn;
    __atomic_store_n(&table[ref].flags, (uint16_t)flags, __ATOMIC_SEQ_CST);
}

unsigned kit_grant(const void *page, unsigned flags)
{
    open_table();
    if (next_ref == KIT_GRANTS) {
        printk("RESULT error the test used more than %u grants\n", KIT_GRANTS);
        kit_shutdown(SHUTDOWN_poweroff);
    }
    kit_grant_put(next_ref, kit_mfn(page), GTF_permit_access | flags, 0);
    return next_ref++;
}

bool kit_grant_in_use(unsigned ref)
{
    return __atomic_load_n(&table[ref].flags, __ATOMIC_SEQ_CST) & (GTF_reading | GTF_writing);
}

unsigned kit_port_alloc(void)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = 0};

    CHECK_EQ(kit_evtchn(EVTCHNOP_alloc_unbound, &a), 0);
    return a.port;
}

void kit_port_close(unsigned port)
{
    struct evtchn_close c = {.port = port};

    CHECK_EQ(kit_evtchn(EVTCHNOP_close, &c), 0);
}
