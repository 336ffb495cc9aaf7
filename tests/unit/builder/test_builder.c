// SPDX-License-Identifier: GPL-2.0-only
/*
 * builder_create() against a pretended hypervisor: what a good domain looks like when it is
 * unpaused, and that a failure at any single step leaves no domain, no mapping and a message.
 */
#include "builder.h"
#include "check.h"
#include "kernel.h"
#include "libctl.h"

#include <errno.h>
#include <public/mmu.h>
#include <public/shared_info.h>
#include <public/startinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <public/domctl.h>
#include <public/elfnote.h>
#include <public/grant_table.h>
#include <public/sysctl.h>

#define FAKE_PAGES  4096UL
#define FAKE_FIRST  0x5000UL /* the domain's first machine frame */
#define FAKE_SHARED 0x77UL
#define FAKE_GRANT  0x78UL
#define FAKE_DOMID  9

/* The pretended hypervisor. Frames live in `memory`; a mapping is a copy until it is unmapped. */
static struct {
    uint8_t *memory, shared[4096], grants[4096];
    int domains, mappings, ports;
    unsigned int calls, fail_at; /* the call that fails, counted from 1; 0: none */
    uint64_t given, supers_left, free_pages;
    uint64_t mfns[FAKE_PAGES + 8];
    void *mapped;
    size_t nr_mapped;
    uint64_t pinned, hypercall_mfn, max_kib, map_kib, claimed;
    struct xen_domctl_createdomain created;
    uint32_t max_vcpus, tsc_mode;
    bool zeroed; /* fresh frames are zero */
    struct vcpu_guest_context context;
} fake;

static int fake_step(struct ctl *ctl)
{
    return ++fake.calls == fake.fail_at ? ctl_fail(ctl, EIO, "step %u fails", fake.calls) : 0;
}

int ctl_fail(struct ctl *ctl, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(ctl->message, sizeof(ctl->message), fmt, ap);
    va_end(ap);
    return -err;
}

int ctl_host_physinfo(struct ctl *ctl, struct xen_sysctl_physinfo *info)
{
    memset(info, 0, sizeof(*info));
    info->free_pages = fake.free_pages;
    info->capabilities = XEN_SYSCTL_PHYSCAP_gnttab_v2;
    return fake_step(ctl);
}

int ctl_domain_create(struct ctl *ctl, const struct xen_domctl_createdomain *cfg, uint16_t *domid)
{
    int rc = fake_step(ctl);

    CHECK(cfg->handle[3] == 3 && cfg->grant_opts == 2 && cfg->max_evtchn_port > 100);
    fake.created = *cfg;
    if (rc)
        return rc;
    fake.domains++;
    *domid = FAKE_DOMID;
    return 0;
}

int ctl_domain_destroy(struct ctl *ctl, uint16_t domid)
{
    (void)ctl;
    CHECK(domid == FAKE_DOMID && fake.mappings == 0);
    fake.domains--;
    return 0;
}

int ctl_domain_max_vcpus(struct ctl *ctl, uint16_t domid, unsigned int max)
{
    (void)domid;
    fake.max_vcpus = max;
    return fake_step(ctl);
}

int ctl_domain_max_mem(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    (void)domid;
    fake.max_kib = kib;
    return fake_step(ctl);
}

int ctl_memory_map_limit(struct ctl *ctl, uint16_t domid, uint64_t kib)
{
    (void)domid;
    fake.map_kib = kib;
    return fake_step(ctl);
}

int ctl_domain_set_tsc_mode(struct ctl *ctl, uint16_t domid, uint32_t mode)
{
    (void)domid;
    fake.tsc_mode = mode;
    return fake_step(ctl);
}

int ctl_memory_claim(struct ctl *ctl, uint16_t domid, uint64_t pages)
{
    (void)domid;
    fake.claimed = pages;
    return fake_step(ctl);
}

/* Superpages until they run out, single pages until memory does; backwards, to be unpredictable. */
int ctl_memory_populate(struct ctl *ctl, uint16_t domid, uint64_t nr, unsigned int order,
                        uint64_t *frames)
{
    uint64_t i, size = 1UL << order;
    int rc = fake_step(ctl);

    (void)domid;
    for (i = 0; !rc && i < nr && fake.given + size <= fake.free_pages; i++) {
        if (order && !fake.supers_left--) {
            fake.supers_left = 0;
            break;
        }
        CHECK(frames[i] == fake.given);
        fake.given += size;
        frames[i] = FAKE_FIRST + FAKE_PAGES - fake.given;
    }
    return rc ? rc : (int)i;
}

bool ctl_memory_is_zeroed(struct ctl *ctl)
{
    (void)ctl;
    return fake.zeroed;
}

int ctl_evtchn_alloc_unbound(struct ctl *ctl, uint16_t domid, uint16_t remote)
{
    int rc = fake_step(ctl);

    (void)domid;
    (void)remote;
    return rc ? rc : ++fake.ports;
}

int ctl_domain_info(struct ctl *ctl, uint16_t domid, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = domid;
    info->shared_info_frame = FAKE_SHARED;
    return fake_step(ctl);
}

int ctl_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t *mfn)
{
    (void)domid;
    *mfn = FAKE_GRANT;
    return fake_step(ctl);
}

static uint8_t *fake_frame(uint64_t mfn)
{
    if (mfn == FAKE_SHARED)
        return fake.shared;
    if (mfn == FAKE_GRANT)
        return fake.grants;
    if (mfn - FAKE_FIRST < FAKE_PAGES)
        return fake.memory + ((mfn - FAKE_FIRST) << 12);
    printf("frame %#lx is nobody's\n", mfn);
    abort();
}

int ctl_memory_map(struct ctl *ctl, uint16_t domid, const uint64_t *mfns, size_t nr, int prot,
                   void **out)
{
    int rc = fake_step(ctl);
    size_t i;

    (void)domid;
    (void)prot;
    if (rc)
        return rc;
    fake.mappings++;
    fake.nr_mapped = nr;
    fake.mapped = malloc(nr << 12);
    for (i = 0; i < nr; i++) {
        fake.mfns[i] = mfns[i];
        memcpy((uint8_t *)fake.mapped + (i << 12), fake_frame(mfns[i]), 4096);
    }
    *out = fake.mapped;
    return 0;
}

void ctl_memory_unmap(void *p, size_t nr)
{
    size_t i;

    CHECK(p == fake.mapped && nr == fake.nr_mapped);
    for (i = 0; i < nr; i++)
        memcpy(fake_frame(fake.mfns[i]), (uint8_t *)p + (i << 12), 4096);
    free(p);
    fake.mappings--;
}

int ctl_domain_hypercall_page(struct ctl *ctl, uint16_t domid, uint64_t mfn)
{
    (void)domid;
    fake.hypercall_mfn = mfn;
    return fake_step(ctl);
}

int ctl_memory_mmuext(struct ctl *ctl, uint16_t domid, const struct mmuext_op *ops, unsigned int nr)
{
    (void)domid;
    CHECK(nr == 1 && ops->cmd == MMUEXT_PIN_L4_TABLE && fake.mappings == 0);
    fake.pinned = ops->arg1.mfn;
    return fake_step(ctl);
}

int ctl_vcpu_set_context(struct ctl *ctl, uint16_t domid, uint32_t vcpu,
                         const struct vcpu_guest_context *context)
{
    (void)domid;
    CHECK(vcpu == 0);
    fake.context = *context;
    return fake_step(ctl);
}

/* ---- the tests --------------------------------------------------------------------------------
 */

static char kernel_path[] = "/tmp/lodge-test-kernel-XXXXXX";
static char ramdisk_path[] = "/tmp/lodge-test-ramdisk-XXXXXX";

static void write_file(char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "w");

    CHECK(f && fwrite(bytes, 1, size, f) == size);
    fclose(f);
}

static int build(const struct builder_config *config, struct builder_result *r, struct ctl *ctl)
{
    uint8_t *memory = fake.memory;
    unsigned int fail_at = fake.fail_at;
    uint64_t supers = fake.supers_left, free_pages = fake.free_pages;
    bool zeroed = fake.zeroed;

    memset(&fake, 0, sizeof(fake));
    fake.memory = memory;
    fake.zeroed = zeroed;
    memset(memory, zeroed ? 0 : 0xc3, FAKE_PAGES << 12);
    fake.fail_at = fail_at;
    fake.supers_left = supers;
    fake.free_pages = free_pages;
    memset(ctl, 0, sizeof(*ctl));
    return builder_create(ctl, config, r);
}

/* The guest's memory at a virtual address, through its own page tables. */
static uint8_t *guest_at(uint64_t va)
{
    uint64_t entry = fake.context.ctrlreg[3];
    int shift;

    for (shift = 39; shift >= 12; shift -= 9) {
        entry = ((uint64_t *)(void *)fake_frame(entry >> 12 & 0xffffffffff))[va >> shift & 511];
        if (!(entry & 1)) {
            printf("nothing is mapped at %#lx\n", va);
            abort();
        }
    }
    return fake_frame(entry >> 12 & 0xffffffffff) + (va & 4095);
}

static void test_good(const struct builder_config *config, const struct kernel *k)
{
    const struct grant_entry_v1 *grants = (void *)fake.grants;
    const struct shared_info *shared = (void *)fake.shared;
    const struct start_info *si;
    struct builder_result r;
    struct ctl ctl;
    uint64_t pfn, *p2m;
    size_t i;

    if (!CHECK_SAY(build(config, &r, &ctl) == 0, "%s", ctl.message))
        return;
    CHECK(fake.domains == 1 && fake.mappings == 0 && fake.calls < 25);
    CHECK(fake.max_vcpus == 3 && fake.max_kib == 20 << 10 && fake.map_kib == 20 << 10 &&
          fake.tsc_mode == CTL_TSC_NATIVE);
    CHECK(r.domid == FAKE_DOMID && r.memory_pages == 2048 && r.nr_vcpus == 3);
    CHECK(fake.pinned << 12 == fake.context.ctrlreg[3]);
    CHECK(fake.context.user_regs.rip == KERNEL_VIRT + KERNEL_PADDR + 0x40);
    CHECK(fake.context.user_regs.cs == FLAT_KERNEL_CS &&
          fake.context.user_regs.ss == FLAT_KERNEL_SS);
    guest_at(fake.context.user_regs.rsp - 8);
    si = (void *)guest_at(fake.context.user_regs.rsi);
    CHECK(strcmp(si->magic, "xen-3.0-x86_64") == 0 && si->nr_pages == 2048);
    CHECK(si->shared_info == FAKE_SHARED << 12 &&
          si->flags == (SIF_MOD_START_PFN | SIF_VIRT_P2M_4TOOLS));
    CHECK(si->store_mfn == r.store_mfn && si->store_evtchn == r.store_evtchn);
    CHECK(si->console.domU.mfn == r.console_mfn && si->console.domU.evtchn == r.console_evtchn);
    CHECK(r.store_evtchn != r.console_evtchn && r.store_mfn != r.console_mfn);
    CHECK(strcmp((const char *)si->cmd_line, "console=hvc0") == 0);
    CHECK(si->mfn_list == 0x8000000000UL && si->nr_p2m_frames == 4 + 3);
    p2m = (void *)guest_at(si->mfn_list);
    CHECK(fake_frame(p2m[(si->pt_base - KERNEL_VIRT) >> 12]) == fake_frame(fake.pinned));
    for (i = 0; i < KERNEL_TEXT; i += 4096)
        CHECK(memcmp(guest_at(KERNEL_VIRT + KERNEL_PADDR + i), k->bytes + 0x1000 + i, 4096) == 0);
    CHECK(*guest_at(KERNEL_VIRT + KERNEL_PADDR + KERNEL_MEM - 1) == 0);
    CHECK(si->mod_len == 5000);
    for (pfn = si->mod_start, i = 0; i < 5000; i++)
        if (fake_frame(p2m[pfn + i / 4096])[i % 4096] != (uint8_t)(i * 3))
            break;
    CHECK_SAY(i == 5000, "the ramdisk differs at byte %zu", i);
    CHECK(fake_frame(r.store_mfn)[0] == 0 && fake_frame(r.console_mfn)[4095] == 0);
    CHECK(grants[0].flags == GTF_permit_access && grants[0].frame == r.console_mfn);
    CHECK(grants[1].flags == GTF_permit_access && grants[1].frame == r.store_mfn);
    CHECK(shared->vcpu_info[0].evtchn_upcall_mask == 1 && shared->vcpu_info[31].evtchn_upcall_mask);
}

/* Every call to the hypervisor fails once: no domain, no mapping, and that call's words. */
static void test_failures(const struct builder_config *config)
{
    struct builder_result r;
    struct ctl ctl;
    char words[32];
    unsigned int step, calls;

    fake.fail_at = 0;
    CHECK(build(config, &r, &ctl) == 0);
    calls = fake.calls;
    for (step = 1; step <= calls; step++) {
        fake.fail_at = step;
        fake.supers_left = 2;
        CHECK_SAY(build(config, &r, &ctl) == -EIO, "step %u: %s", step, ctl.message);
        CHECK_SAY(fake.domains == 0 && fake.mappings == 0, "step %u leaves something", step);
        snprintf(words, sizeof(words), "step %u fails", step);
        CHECK_SAY(strcmp(ctl.message, words) == 0, "step %u: %s", step, ctl.message);
    }
    fake.fail_at = 0;
}

/* What a config may limit, or leave to defaults. */
static void test_limits(const struct builder_config *config)
{
    const uint32_t none = 0;
    struct builder_config c = *config;
    struct builder_result r;
    struct ctl ctl;

    CHECK(!build(&c, &r, &ctl) && fake.created.max_evtchn_port == 1023 && !fake.claimed);
    CHECK(fake.created.max_grant_frames == -1 && fake.created.max_maptrack_frames == -1);
    c.max_event_channels = 200;
    c.max_grant_frames = 5;
    c.max_maptrack_frames = &none;
    c.claim = true;
    CHECK(!build(&c, &r, &ctl) && fake.created.max_evtchn_port == 200 && fake.claimed == 2048);
    CHECK(fake.created.max_grant_frames == 5 && fake.created.max_maptrack_frames == 0);
}

static void refuse(const struct builder_config *config, int err, const char *words)
{
    struct builder_result r;
    struct ctl ctl;
    int rc = build(config, &r, &ctl);

    CHECK_SAY(rc == -err && strstr(ctl.message, words), "%d instead of %d, \"%s\" in \"%s\"", rc,
              -err, words, ctl.message);
    CHECK(fake.domains == 0 && fake.mappings == 0);
}

/* The same without a hypervisor. */
static void refuse_check(const struct builder_config *config, int err, const char *words)
{
    char guest_os[BUILDER_GUEST_OS] = "";
    struct ctl ctl = {0};

    refuse(config, err, words);
    fake.calls = 0;
    CHECK(builder_check(&ctl, config, guest_os) == -err && strstr(ctl.message, words));
    CHECK(!fake.calls && !guest_os[0]);
}

/* Nobody is at its other end, and signals may be blocked: it must not be waited for. */
static void test_fifo(const struct builder_config *good)
{
    struct builder_config c = *good;
    char path[] = "/tmp/test-builder-fifo-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0 && !close(fd) && !unlink(path) && !mkfifo(path, 0600));
    alarm(60);
    c.kernel = path;
    refuse_check(&c, EINVAL, "not a regular file");
    c = *good;
    c.ramdisk = path;
    refuse_check(&c, EINVAL, "not a regular file");
    alarm(0);
    unlink(path);
}

static void test_refusals(const struct builder_config *good)
{
    struct builder_config c = *good;
    char line[1100], guest_os[BUILDER_GUEST_OS];
    struct ctl ctl = {0};

    CHECK(!builder_check(&ctl, good, guest_os) && !strcmp(guest_os, "linux"));
    c.memory_kib = 1 << 10;
    refuse_check(&c, ENOMEM, "1 MiB are too little memory");
    c = *good;
    c.kernel = "/nonexistent/kernel";
    refuse_check(&c, ENOENT, "kernel /nonexistent/kernel cannot be opened: No such file");
    c.kernel = "/dev/null";
    refuse_check(&c, EINVAL, "not a regular file");
    test_fifo(good);
    c = *good;
    c.kernel = ramdisk_path;
    refuse_check(&c, ENOEXEC, "neither an ELF kernel nor a bzImage");
    c = *good;
    c.ramdisk = "/nonexistent/ramdisk";
    refuse_check(&c, ENOENT, "ramdisk /nonexistent/ramdisk cannot be opened");
    c = *good;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    c.cmdline = line;
    refuse_check(&c, E2BIG, "1099 bytes; 1023 are possible");
    c = *good;
    c.vcpus = 100000;
    refuse_check(&c, EINVAL, "100000 vcpus");
    c = *good;
    c.memory_kib = UINT64_MAX;
    refuse_check(&c, EINVAL, "more memory than a domain can have");
    fake.free_pages = 1000;
    refuse(good, ENOMEM, "wants 8 MiB, 3 MiB are free");
    fake.free_pages = FAKE_PAGES;
}

void test_builder(void)
{
    struct builder_config config = {.kernel = kernel_path,
                                    .ramdisk = ramdisk_path,
                                    .cmdline = "console=hvc0",
                                    .memory_kib = 8 << 10,
                                    .max_memory_kib = 20 << 10,
                                    .vcpus = 2,
                                    .max_vcpus = 3,
                                    .uuid = {0, 1, 2, 3}};
    uint8_t ramdisk[5000];
    struct kernel k;
    size_t i;

    for (i = 0; i < sizeof(ramdisk); i++)
        ramdisk[i] = (uint8_t)(i * 3);
    CHECK(close(mkstemp(kernel_path)) == 0 && close(mkstemp(ramdisk_path)) == 0);
    kernel_linux(&k);
    write_file(kernel_path, k.bytes, sizeof(k.bytes));
    write_file(ramdisk_path, ramdisk, sizeof(ramdisk));
    fake.memory = malloc(FAKE_PAGES << 12);
    fake.free_pages = FAKE_PAGES;
    for (i = 0; i <= 4; i += 2) { /* no superpages, some, all */
        fake.supers_left = i;
        test_good(&config, &k);
    }
    fake.zeroed = true;
    test_good(&config, &k);
    fake.zeroed = false;
    test_failures(&config);
    test_limits(&config);
    test_refusals(&config);
    kernel_note_number(&k, XEN_ELFNOTE_HYPERCALL_PAGE, KERNEL_VIRT + KERNEL_PADDR + 0x2000);
    write_file(kernel_path, k.bytes, sizeof(k.bytes));
    fake.supers_left = 4;
    test_good(&config, &k);
    CHECK(fake_frame(fake.hypercall_mfn) == guest_at(KERNEL_VIRT + KERNEL_PADDR + 0x2000));
    free(fake.memory);
    unlink(kernel_path);
    unlink(ramdisk_path);
}
