// SPDX-License-Identifier: GPL-2.0-only
/*
 * builder_create() against a pretended hypervisor: what a good domain looks like when it is
 * unpaused, and that a failure at any single step leaves no domain, no mapping and a message.
 */
#include "builder.h"
#include "check.h"
#include "fake_ctl.h"
#include "kernel.h"

#include <errno.h>
#include <public/mmu.h>
#include <public/shared_info.h>
#include <public/startinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <public/domctl.h>
#include <public/elfnote.h>
#include <public/grant_table.h>
#include <public/hvm_save.h>
#include <public/hvm_start_info.h>
#include <public/sysctl.h>

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
    uint32_t capabilities = fake.capabilities;
    int create_error = fake.create_error;
    bool zeroed = fake.zeroed;

    memset(&fake, 0, sizeof(fake));
    fake.memory = memory;
    fake.zeroed = zeroed;
    fake.capabilities = capabilities;
    fake.create_error = create_error;
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

/* The kernel and its ramdisk where hvm_start_info says, and the state at the entry point. */
static void check_hvm_start(const struct builder_result *r, const struct kernel *k, bool acpi)
{
    uint64_t at = fake.cpu.rbx;
    const struct hvm_start_info *si = (void *)fake_frame(at >> 12);
    const struct hvm_modlist_entry *module = (void *)((uint8_t *)(uintptr_t)si + 56);
    size_t i;

    CHECK(at == KERNEL_PADDR + 0x5000 && fake.cpu.rip == KERNEL_PADDR && fake.cpu.cr0 == 0x11);
    CHECK(fake.cpu.cs_arbytes == 0xc9b && fake.cpu.ss_arbytes == 0xc93 &&
          fake.cpu.tr_arbytes == 0x8b && fake.cpu.tr_limit == 0x67 && fake.cpu.rflags == 2 &&
          !fake.cpu.cr4 && !fake.cpu.msr_efer && fake.cpu.cs_limit == UINT32_MAX);
    CHECK(si->magic == XEN_HVM_START_MAGIC_VALUE && si->version == 1 && si->nr_modules == 1);
    CHECK(strcmp((const char *)si + (si->cmdline_paddr - at), "console=hvc0") == 0);
    CHECK(si->modlist_paddr == at + 56 && module->paddr == at + 4096 && module->size == 5000);
    for (i = 0; i < KERNEL_TEXT; i += 4096)
        CHECK(memcmp(fake_frame((KERNEL_PADDR + i) >> 12), k->bytes + 0x1000 + i, 4096) == 0);
    for (i = 0; i < 5000; i++)
        if (fake_frame((module->paddr + i) >> 12)[i % 4096] != (uint8_t)(i * 3))
            break;
    CHECK_SAY(i == 5000, "the ramdisk differs at byte %zu", i);
    CHECK((si->rsdp_paddr == 0xfc000000) == acpi);
    if (acpi)
        CHECK(memcmp(fake_frame(0xfc000), "RSD PTR ", 8) == 0);
    CHECK(fake_frame(r->store_mfn)[0] == 0 && fake_frame(r->console_mfn)[4095] == 0);
}

static void test_hvm_good(const struct builder_config *base, const struct kernel *k, bool pvh)
{
    const struct grant_entry_v1 *grants = (void *)fake.grants;
    struct builder_config c = *base;
    struct builder_result r;
    struct ctl ctl;

    c.type = pvh ? BUILDER_PVH : BUILDER_HVM;
    if (!CHECK_SAY(build(&c, &r, &ctl) == 0, "%s", ctl.message))
        return;
    CHECK(fake.domains == 1 && fake.mappings == 0 && fake.scratch == 0 && fake.calls < 25);
    CHECK(fake.created.flags == (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap));
    CHECK(fake.created.arch.emulation_flags == (pvh ? XEN_X86_EMU_LAPIC : 0));
    CHECK(fake.max_kib == (20 << 10) + builder_overhead_kib(20 << 10) && !fake.map_kib);
    CHECK(fake.given == 2048U + 2 + pvh && r.memory_pages == 2048 && r.nr_vcpus == 3);
    CHECK(r.store_mfn == 0xfeffc && r.console_mfn == 0xfefff && r.shared_info_mfn == 0);
    CHECK(fake.param[1] == r.store_mfn && fake.param[2] == r.store_evtchn);
    CHECK(fake.param[17] == r.console_mfn && fake.param[18] == r.console_evtchn);
    check_hvm_start(&r, k, pvh);
    if (pvh) {
        CHECK(grants[0].flags == GTF_permit_access && grants[0].frame == r.console_mfn);
        CHECK(grants[1].flags == GTF_permit_access && grants[1].frame == r.store_mfn);
    } else {
        CHECK(!grants[0].flags && !grants[1].flags);
    }
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

/* What there is no hypervisor for makes no domain. */
static void test_hvm_refusals(const struct builder_config *good)
{
    struct builder_config c = *good;

    c.type = BUILDER_PVH;
    fake.capabilities = XEN_SYSCTL_PHYSCAP_pv;
    refuse(&c, EOPNOTSUPP, "this hypervisor has no pvh guests on this machine");
    fake.capabilities = XEN_SYSCTL_PHYSCAP_hvm;
    refuse(&c, EOPNOTSUPP, "no nested paging");
    fake.capabilities |= XEN_SYSCTL_PHYSCAP_hap;
    c.shadow = true;
    refuse(&c, EOPNOTSUPP, "no shadow paging");
    CHECK(fake.calls == 1);
    c.shadow = false;
    fake.create_error = EINVAL;
    refuse(&c, EOPNOTSUPP, "this hypervisor has no pvh guests");
    fake.create_error = EOPNOTSUPP;
    c.type = BUILDER_HVM;
    refuse(&c, EOPNOTSUPP, "this hypervisor has no hvm guests");
    fake.create_error = 0;
    c.memory_kib = 1 << 10;
    refuse_check(&c, ENOMEM, "1 MiB are too little memory");
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
    for (i = 0; i <= 4; i += 2) {
        fake.supers_left = i;
        fake.zeroed = i == 4;
        fake.capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
        test_hvm_good(&config, &k, false);
        test_hvm_good(&config, &k, true);
    }
    fake.zeroed = false;
    test_hvm_refusals(&config);
    fake.capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap;
    config.type = BUILDER_PVH;
    test_failures(&config);
    config.type = BUILDER_PV;
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
