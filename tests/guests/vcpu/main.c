/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vcpu_op: counting, initialising, starting and stopping vcpus, interrupts between them, vcpu_info
 * and runstate areas, NMIs. With one vcpu the parts that need a second are left to children.
 */
#include <kit/kit.h>
#include <public/nmi.h>

static int vcpu_op(unsigned cmd, unsigned vcpu, void *arg)
{
    return (int)hc3(__HYPERVISOR_vcpu_op, cmd, vcpu, arg);
}

static unsigned vcpus;

static void count(void)
{
    static const unsigned beyond[] = {128, 4096, 8192, 0x7fffffff, ~0u};
    int rc;

    while ((rc = vcpu_op(VCPUOP_is_up, vcpus, NULL)) >= 0 && vcpus < 64)
        vcpus++;
    CHECK_EQ(rc, -XEN_ENOENT);
    CHECK(vcpus >= 1);
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 0, NULL), 1);
    for (unsigned cmd = 0; cmd <= VCPUOP_register_vcpu_time_memory_area; cmd++) {
        for (unsigned i = 0; i < ARRAY_SIZE(beyond); i++)
            CHECK_EQ(vcpu_op(cmd, beyond[i], NULL), -XEN_ENOENT);
    }
    CHECK_EQ(vcpu_op(14, 0, NULL), -XEN_ENOSYS);
    CHECK_EQ(vcpu_op(~0u, 0, NULL), -XEN_ENOSYS);
}

static void runstates(void)
{
    static struct vcpu_runstate_info area, info;
    struct vcpu_register_runstate_memory_area reg = {.addr.v = &area};
    uint64_t total = 0, now;

    CHECK_EQ(vcpu_op(VCPUOP_get_runstate_info, 0, &info), 0);
    CHECK_EQ(info.state, RUNSTATE_running);
    CHECK_EQ(vcpu_op(VCPUOP_get_runstate_info, 0, (void *)KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg), 0);
    CHECK_EQ(area.state, RUNSTATE_running);
    for (unsigned i = 0; i < 20 && area.time[RUNSTATE_blocked] < 4000000; i++)
        kit_sleep(5000000); /* less where the machine itself was held up on the way into it */
    CHECK_EQ(area.state, RUNSTATE_running);
    CHECK(area.time[RUNSTATE_blocked] >= 4000000);
    CHECK_EQ(vcpu_op(VCPUOP_get_runstate_info, 0, &info), 0);
    now = kit_now();
    for (unsigned i = 0; i < 4; i++)
        total += info.time[i];
    /* All states together make up all of the time since the vcpu was made. */
    kit_check(total <= now && total > 5000000, __FILE__, __LINE__, "states %lu now %lu", total,
              now);
    reg.addr.p = KIT_NOWHERE; /* left out while it is not mapped */
    CHECK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg) <= 0);
    kit_sleep(2000000);
    reg.addr.p = 0xffff820000000000ul;
    CHECK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg) <= 0);
    kit_sleep(2000000);
    reg.addr.p = 0x8000000000000000ul;
    CHECK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg) <= 0);
    kit_sleep(2000000);
    reg.addr.p = 0;
    CHECK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &reg) <= 0);
    CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 0, (void *)KIT_NOWHERE), -XEN_EFAULT);
    area.state = 77;
    kit_sleep(2000000);
    CHECK_EQ(area.state, 77);
}

static void info_area(void)
{
    uint64_t *page = kit_page(), *wrong = kit_page();
    struct vcpu_register_vcpu_info r = {.mfn = kit_mfn(page), .offset = PAGE_SIZE - 32};
    unsigned port = kit_bind_ipi(0);

    /* Across the end of the frame; Xen says ENXIO. */
    CHECK_EITHER(vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_EINVAL, -XEN_ENXIO);
    r.offset = 0xfffffff0;
    CHECK_EITHER(vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_EINVAL, -XEN_ENXIO);
    r.offset = 64;
    r.mfn = ~0ul;
    CHECK(vcpu_op(VCPUOP_register_vcpu_info, 0, &r) < 0);
    r.mfn = kit_table_mfn(1, wrong);
    CHECK(vcpu_op(VCPUOP_register_vcpu_info, 0, &r) < 0);
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, (void *)KIT_NOWHERE), -XEN_EFAULT);
    r.mfn = kit_mfn(page);
    kit_events_off();
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &r), 0);
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_info, 0, &r), -XEN_EINVAL); /* once */
    kit_vcpu_info[0] = (struct vcpu_info *)((uint8_t *)page + 64);
    CHECK(kit_vcpu_info[0]->evtchn_upcall_pending); /* so that no event is lost */
    CHECK(kit_vcpu_info[0]->time.tsc_to_system_mul != 0);
    CHECK(kit_now() > 0);
    CHECK(kit_protect(page, true) == 0);
    CHECK(kit_mmuext(MMUEXT_PIN_L1_TABLE, r.mfn, 0) < 0); /* in use, writable */
    kit_unmask(port);
    kit_events_on();
    kit_event_count[port] = 0;
    CHECK_EQ(kit_send(port), 0);
    CHECK_EQ(kit_event_count[port], 1);
    CHECK(!kit_read((void *)KIT_NOWHERE, NULL));
    CHECK_EQ(kit_last_cr2, KIT_NOWHERE);
}

static void time_area(void)
{
    static struct vcpu_time_info t;
    struct vcpu_register_time_memory_area reg = {.addr.v = &t};

    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &reg), 0);
    CHECK_EQ(t.tsc_to_system_mul, kit_vcpu_info[0]->time.tsc_to_system_mul);
    CHECK_EQ(t.version & 1, 0);
    memset(&t, 0,
           sizeof(t)); /* as a kernel does that starts over, with its page at the old place */
    CHECK_EQ(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &reg), 0);
    CHECK_EQ(t.tsc_to_system_mul, kit_vcpu_info[0]->time.tsc_to_system_mul);
    reg.addr.p = 0;
    CHECK(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &reg) <= 0);
}

static volatile unsigned nmis;

static void on_nmi(struct kit_frame *f)
{
    (void)f;
    nmis++;
}

static void nmi(void)
{
    kit_on_trap(2, on_nmi);
    CHECK_EQ(vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    kit_sleep(1000000);
    CHECK_EQ(nmis, 1);
    CHECK_EQ(vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    kit_sleep(1000000);
    CHECK_EQ(nmis, 2);
    kit_on_trap(2, NULL);
}

/* The control domain's handler for the machine's own NMIs. */
static void nmi_callback(void)
{
    struct xennmi_callback cb = {.handler_address = (unsigned long)image_start};

    CHECK_EQ(hc2(__HYPERVISOR_nmi_op, XENNMI_register_callback, &cb), 0);
    CHECK_EQ(hc2(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0), 0);
    cb.handler_address = 0x8000000000000000ul;
    CHECK(hc2(__HYPERVISOR_nmi_op, XENNMI_register_callback, &cb) < 0);
    CHECK_EQ(hc2(__HYPERVISOR_nmi_op, XENNMI_register_callback, KIT_NOWHERE), -XEN_EFAULT);
    CHECK_EQ(hc2(__HYPERVISOR_nmi_op, 7, &cb), -XEN_ENOSYS);
}

/* The other side of everything below: echoes what it is told. */
static volatile unsigned started, second_runs, ipi_to_1, ipi_to_0;
static volatile int second_stop;
static volatile unsigned trying, tried; /* an instruction that traps, by both at the same time */
static volatile uint64_t second_now;

static void second(void *arg)
{
    started++;
    CHECK_EQ(arg, &started);
    CHECK_EQ(kit_vcpu_id(), 1);
    CHECK(!kit_read((void *)KIT_NOWHERE, NULL));
    CHECK_EQ(KIT_TRY("movl $1, %0\n1: pause\n\tcmpl $0, %1\n\tje 1b\n\tud2",
                     : "=m"(trying)
                     : "m"(tried)
                     : KIT_CLOBBER),
             6);
    kit_events_on();
    while (!second_stop) {
        second_now = kit_now();
        second_runs++;
        kit_sleep(100000);
        if (kit_event_count[ipi_to_1] != 0 && ipi_to_0 != 0) {
            kit_event_count[ipi_to_1] = 0;
            kit_send(ipi_to_0);
        }
    }
    kit_events_off();
}

static bool wait_for(volatile unsigned *what, unsigned value)
{
    uint64_t end = kit_now() + KIT_PATIENCE;

    while (*what < value && kit_now() < end)
        kit_sleep(200000);
    return *what >= value;
}

static struct vcpu_guest_context ctxt;

static void bad_contexts(void)
{
    memset(&ctxt, 0, sizeof(ctxt));
    CHECK_EQ(vcpu_op(VCPUOP_up, 1, NULL), -XEN_EINVAL); /* never initialised */
    CHECK_EQ(vcpu_op(VCPUOP_initialise, 1, (void *)KIT_NOWHERE), -XEN_EFAULT);
    ctxt.flags = VGCF_in_kernel;
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(~0ul >> 12);
    CHECK(vcpu_op(VCPUOP_initialise, 1, &ctxt) < 0);
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(kit_mfn(kit_page())); /* writable */
    CHECK(vcpu_op(VCPUOP_initialise, 1, &ctxt) < 0);
    ctxt.ctrlreg[3] = xen_pfn_to_cr3(kit_mfn((void *)start_info->pt_base));
    ctxt.gdt_ents = 100000;
    CHECK(vcpu_op(VCPUOP_initialise, 1, &ctxt) < 0);
    ctxt.gdt_ents = 512;
    ctxt.gdt_frames[0] = ~0ul;
    CHECK(vcpu_op(VCPUOP_initialise, 1, &ctxt) < 0);
    ctxt.gdt_ents = 0;
    ctxt.ctrlreg[1] = xen_pfn_to_cr3(kit_mfn(kit_page()));
    CHECK(vcpu_op(VCPUOP_initialise, 1, &ctxt) < 0);
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
    CHECK_EQ(vcpu_op(VCPUOP_up, 1, NULL), -XEN_EINVAL);
}

static void two(void)
{
    struct vcpu_runstate_info info;
    unsigned runs;

    second_stop = 0;
    started = trying = tried = 0;
    bad_contexts();
    CHECK_EQ(kit_vcpu_start(1, second, (void *)&started), 0);
    CHECK(wait_for(&started, 1));
    CHECK(wait_for(&trying, 1));
    CHECK_EQ(KIT_TRY("int3", : : : KIT_CLOBBER), 3);
    tried = 1;
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 1);
    CHECK_EQ(vcpu_op(VCPUOP_initialise, 1, &ctxt), -XEN_EEXIST);
    CHECK_EQ(vcpu_op(VCPUOP_up, 1, NULL), 0); /* up already */
    runs = second_runs;
    CHECK(wait_for(&second_runs, runs + 3));
    ipi_to_1 = kit_bind_ipi(1);
    kit_unmask(ipi_to_1);
    kit_events_on();
    unsigned back = kit_bind_ipi(0);

    kit_unmask(back);
    kit_event_count[back] = 0;
    ipi_to_0 = back;
    for (unsigned i = 1; i <= 20; i++) {
        CHECK_EQ(kit_send(ipi_to_1), 0);
        CHECK(kit_wait_event(back, i, KIT_PATIENCE));
    }
    CHECK_EQ(vcpu_op(VCPUOP_get_runstate_info, 1, &info), 0);
    CHECK(info.time[RUNSTATE_running] > 0);
    /* Time is one time. */
    for (unsigned i = 0; i < 50; i++) {
        uint64_t theirs = second_now, ours = kit_now();

        CHECK(theirs <= ours + 1000000 || !on_lodge); /* Xen drifts under QEMU */
    }
    CHECK_EQ(vcpu_op(VCPUOP_down, 1, NULL), 0); /* from outside */
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
    kit_sleep(3000000);
    runs = second_runs;
    kit_sleep(5000000);
    CHECK_EQ(second_runs, runs);
    CHECK_EQ(vcpu_op(VCPUOP_up, 1, NULL), 0); /* goes on where it was */
    CHECK(wait_for(&second_runs, runs + 3));
    CHECK_EQ(started, 1);
    second_stop = 1; /* and puts itself down */
    for (uint64_t end = kit_now() + KIT_PATIENCE;
         vcpu_op(VCPUOP_is_up, 1, NULL) == 1 && kit_now() < end;)
        kit_sleep(200000);
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
}

static volatile struct vcpu_runstate_info shown;

static void blocks(void *unused)
{
    (void)unused;
    while (!second_stop) {
        kit_events_off();
        hc2(__HYPERVISOR_sched_op, SCHEDOP_block, 0);
    }
    kit_events_off();
}

/* All of it has passed in one of the states: the same difference, whenever we look. */
static bool look(uint64_t *difference)
{
    uint64_t entry = shown.state_entry_time, sum = 0;

    __asm__ volatile("" : : : "memory"); /* loads keep their order */
    for (unsigned i = 0; i < 4; i++)
        sum += shown.time[i];
    __asm__ volatile("" : : : "memory"); /* loads keep their order */
    *difference = entry - sum;
    return !(entry & XEN_RUNSTATE_UPDATE) && shown.state_entry_time == entry;
}

/* Woken from here at the moment in which it leaves its processor and shows its state. */
static void shown_states(void)
{
    struct vcpu_register_runstate_memory_area reg = {.addr.p = (unsigned long)&shown};
    unsigned torn = 0, looks = 0;
    uint64_t first = 0, now, end;

    CHECK_EQ(hc2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag), 0);
    second_stop = 0;
    CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 1, &reg), 0);
    CHECK_EQ(kit_vcpu_start(1, blocks, NULL), 0);
    kit_sleep(5000000); /* the first contents count up to the call, later ones to a change */
    end = kit_now() + 1000000000;
    for (unsigned i = 0; kit_now() < end || (looks <= 100 && kit_now() < end + KIT_PATIENCE); i++) {
        kit_send(ipi_to_1);
        for (volatile unsigned n = i * 7 % 1000; n != 0; n--)
            ;
        if (!look(&now))
            continue;
        if (looks++ == 0)
            first = now;
        torn += now != first;
    }
    CHECK(looks > 100);
    kit_check(torn == 0, __FILE__, __LINE__, "torn: %u of %u looks", torn, looks);
    second_stop = 1;
    end = kit_now() + KIT_PATIENCE;
    while (vcpu_op(VCPUOP_is_up, 1, NULL) == 1 && kit_now() < end) {
        kit_send(ipi_to_1);
        kit_sleep(200000);
    }
    reg.addr.p = 0;
    CHECK_EQ(vcpu_op(VCPUOP_register_runstate_memory_area, 1, &reg), 0);
}

/* A child of two vcpus works as we do, whatever the number of processors. */
static void child(uint64_t unused)
{
    (void)unused;
    vcpus = 0;
    count();
    CHECK_EQ(vcpus, 2);
    two();
}

static void last_down(uint64_t unused)
{
    (void)unused;
    vcpu_op(VCPUOP_down, 0, NULL);
    kit_shutdown(SHUTDOWN_crash);
}

static void children(void)
{
    struct kit_child c;

    CHECK_EQ(kit_child_create(&c, child, 0, 0, 2), 0);
    CHECK_EQ(kit_child_start(&c), 0);
    CHECK_EQ(kit_child_wait(&c, 20000000000ull), SHUTDOWN_poweroff);
    int rc = kit_child_destroy(&c);

    CHECK(rc == 0 ||
          (rc == -XEN_EBUSY && !on_lodge)); /* Xen 4.17 keeps a refused context's frame */
    kit_child_case("last vcpu down", last_down, 0, SHUTDOWN_poweroff);
}

void test_main(void)
{
    count();
    runstates();
    time_area();
    nmi();
    nmi_callback();
    children();
    if (vcpus >= 2) {
        two();
        shown_states();
    }
    info_area();
}
