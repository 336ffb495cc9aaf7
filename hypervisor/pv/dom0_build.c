/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds domain 0 from the boot loader's modules: the kernel (an ELF with Xen notes) and its
 * initrd. It runs once, on the boot CPU's idle stack, before anything else does; so what goes wrong
 * here ends in a message that says which module, why, and what to do.
 *
 * dom0 is a guest like any other in one respect: its page tables and its first context go through
 * the same checks (page_type_pin(), pv_set_context()). So what is built wrong is found here, and
 * not by the processor.
 */
#include <boot/boot.h>
#include <core/console.h>
#include <core/domain.h>
#include <core/frame.h>
#include <core/guest_type.h>
#include <lib/bug.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <public/arch.h>
#include <public/startinfo.h>
#include <pv/dom0.h>
#include <pv/page_types.h>
#include <pv/pv.h>
#include <pv/type.h>
#include <x86/cpu.h>
#include <x86/page.h>

#define RESERVE_MAX     MIB(128) /* left for guests and ourselves when dom0_mem is not given */
#define DOM0_SPARE      MIB(8)   /* beyond what it is loaded with, so that it gets anywhere */
#define MAX_EVENT_PORTS 131071
#define GRANT_FRAMES    64
#define MAPTRACK_FRAMES 1024

static INIT_TEXT void read_kernel(struct dom0_layout *l)
{
    const struct boot_module *m = &boot_info.modules[0];
    const char *error;

    if (boot_info.nr_modules == 0)
        boot_fail(
            "no dom0 kernel: add `module2 <kernel> <its command line>` to the boot entry, and "
            "`module2 <initrd>` after it");
    error = elf_parse(&l->elf, phys_to_virt(m->start), m->size);
    if (error != NULL)
        boot_fail("module 1 (dom0's kernel) %s", error);
    if (strncmp(l->elf.guest_os, "linux", 5) == 0 && !l->elf.supports_dom0)
        boot_fail("module 1 (dom0's kernel) is a Linux kernel built without dom0 support; Debian's "
                  "generic flavour has it, the cloud flavour does not");
    if (l->elf.hv_start_low > HV_START)
        boot_fail("module 1 (dom0's kernel) wants the hypervisor above %lx, but it is at %lx",
                  (unsigned long)l->elf.hv_start_low, (unsigned long)HV_START);
    if (boot_info.nr_modules > 1)
        l->initrd_size = boot_info.modules[1].size;
}

/* dom0_mem=, or all that is free but a reserve. */
static INIT_TEXT uint64_t choose_pages(void)
{
    uint64_t free = frame_free_count() << PAGE_SHIFT, reserve = MIN(free / 16, RESERVE_MAX);

    if (boot_options.dom0_mem != 0) {
        if (boot_options.dom0_mem > free)
            boot_fail("dom0_mem=%luM, but only %lu MiB are free",
                      (unsigned long)(boot_options.dom0_mem >> 20), (unsigned long)(free >> 20));
        return boot_options.dom0_mem >> PAGE_SHIFT;
    }
    return (free - reserve) >> PAGE_SHIFT;
}

static INIT_TEXT void create_domain(struct dom0_layout *l)
{
    struct domain_config cfg = {
        .id = 0,
        .type = &pv_type,
        .max_vcpus = boot_options.dom0_max_vcpus ? boot_options.dom0_max_vcpus : nr_cpus,
        .max_evtchns = MAX_EVENT_PORTS,
        .max_grant_frames =
            boot_options.max_gnttab_frames ? boot_options.max_gnttab_frames : GRANT_FRAMES,
        .max_maptrack_frames =
            boot_options.max_maptrack_frames ? boot_options.max_maptrack_frames : MAPTRACK_FRAMES,
        .grant_version = 2,
        .flags = DOMAIN_PRIVILEGED | DOMAIN_HARDWARE,
    };
    int rc;

    if (cfg.max_vcpus > MAX_VCPUS)
        boot_fail("dom0_max_vcpus=%u: at most %u", cfg.max_vcpus, MAX_VCPUS);
    rc = domain_create(&cfg, &l->d);
    if (rc != 0)
        panic("cannot create domain 0: error %d", -rc);
    dom0 = l->d;
    l->nr_pages = choose_pages();
    l->d->max_pages = MAX(boot_options.dom0_mem_max >> PAGE_SHIFT, l->nr_pages);
    for (unsigned i = 0; i < cfg.max_vcpus; i++) {
        struct vcpu *v = vcpu_create(l->d, i);

        if (v == NULL)
            panic("no memory for dom0's vcpu %u", i);
        if (boot_options.dom0_vcpus_pin)
            vcpu_set_affinity(v, BIT(i % nr_cpus), BIT(i % nr_cpus));
    }
}

/* ---- contents ---- */

/* To pfn * PAGE_SIZE + offset, over frames that need not be neighbours. from NULL: zeros. */
static INIT_TEXT void copy_in(const struct dom0_layout *l, uint64_t pfn, uint64_t offset,
                              const uint8_t *from, uint64_t size)
{
    pfn += offset >> PAGE_SHIFT;
    offset %= PAGE_SIZE;
    while (size > 0) {
        uint64_t n = MIN(size, PAGE_SIZE - offset);
        uint8_t *to = dom0_layout_page(l, pfn++);

        if (from != NULL) {
            memcpy(to + offset, from, n);
            from += n;
        } else {
            memset(to + offset, 0, n);
        }
        size -= n;
        offset = 0;
    }
}

/* ELF segments, by their addresses: pfn 0 is at v_start. What the file does not hold is zero. */
static INIT_TEXT int copy_segment(void *ctx, uint64_t va, const void *data, uint64_t filesz,
                                  uint64_t memsz)
{
    const struct dom0_layout *l = ctx;

    copy_in(l, 0, va - l->v_start, data, filesz);
    copy_in(l, 0, va - l->v_start + filesz, NULL, memsz - filesz);
    return 0;
}

static INIT_TEXT void load_modules(struct dom0_layout *l)
{
    elf_for_each_segment(&l->elf, copy_segment, l);
    if (l->elf.has_hypercall_page)
        pv_hypercall_page(dom0_layout_page(l, dom0_layout_pfn(l, l->elf.hypercall_page)));
    if (l->initrd_size != 0)
        copy_in(l, l->initrd_pfn, 0, phys_to_virt(boot_info.modules[1].start), l->initrd_size);
    /* Their memory is the heap's from now on. */
    for (unsigned i = 0; i < boot_info.nr_modules; i++)
        frame_heap_add(boot_info.modules[i].start,
                       ROUND_UP(boot_info.modules[i].start + boot_info.modules[i].size, PAGE_SIZE));
}

/*
 * The two directions between pseudo-physical and machine frame numbers. The p2m's pages lie one
 * after the other by pfn, not by machine frame: each is looked up when the first entry of it comes.
 */
static INIT_TEXT void fill_p2m(const struct dom0_layout *l)
{
    const uint64_t per_page = PAGE_SIZE / sizeof(uint64_t);
    uint64_t *page = NULL;

    for (unsigned i = 0; i < l->nr_extents; i++) {
        const struct dom0_extent *e = &l->extents[i];

        for (uint64_t n = 0; n < e->count; n++) {
            uint64_t pfn = e->pfn + n;

            if (page == NULL || pfn % per_page == 0) {
                page = dom0_layout_page(l, l->p2m_pfn + pfn / per_page);
                page_clear(page);
            }
            page[pfn % per_page] = e->mfn + n;
            m2p_set(MFN(e->mfn + n), pfn);
        }
    }
    l->d->pv.max_gfn = l->nr_pages;
}

/*
 * Below 1 MiB dom0 finds ACPI's tables by itself; elsewhere it has to be told. In front, so that
 * what the user says of it counts.
 */
static INIT_TEXT void fill_command_line(char *line, size_t size)
{
    const char *words = boot_info.modules[0].cmdline;

    if (acpi_info.rsdp >= MIB(1)) {
        if ((size_t)snprintf_(line, size, "acpi_rsdp=%#lx %s", (unsigned long)acpi_info.rsdp,
                              words) < size)
            return;
        log_warn("dom0's command line has no room for acpi_rsdp=%#lx",
                 (unsigned long)acpi_info.rsdp);
    }
    str_copy(line, words, size);
}

/*
 * What the loader has left on the screen, for dom0's kernel to go on with: text, or pixels that it
 * draws with efifb or vesafb. What does not fit into the structure's fields is no screen.
 */
static INIT_TEXT bool fill_screen(dom0_vga_console_info_t *vga)
{
    const uint8_t *colours = boot_info.screen.colours;
    uint64_t base = boot_info.screen.base, bytes;

    if (boot_info.vga_text) {
        vga->video_type = XEN_VGATYPE_TEXT_MODE_3;
        vga->u.text_mode_3.font_height = 16;
        vga->u.text_mode_3.rows = 25;
        vga->u.text_mode_3.columns = 80;
        return true;
    }
    if (base == 0 || boot_info.screen.width > UINT16_MAX || boot_info.screen.height > UINT16_MAX ||
        boot_info.screen.bytes_per_line > UINT16_MAX)
        return false;
    bytes = (uint64_t)boot_info.screen.bytes_per_line * boot_info.screen.height;
    vga->video_type = boot_info.efi_system != 0 ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
    vga->u.vesa_lfb.width = (uint16_t)boot_info.screen.width;
    vga->u.vesa_lfb.height = (uint16_t)boot_info.screen.height;
    vga->u.vesa_lfb.bytes_per_line = (uint16_t)boot_info.screen.bytes_per_line;
    vga->u.vesa_lfb.bits_per_pixel = boot_info.screen.bits_per_pixel;
    vga->u.vesa_lfb.lfb_base = (uint32_t)base;
    vga->u.vesa_lfb.ext_lfb_base = (uint32_t)(base >> 32);
    vga->u.vesa_lfb.lfb_size =
        (uint32_t)(boot_info.efi_system != 0 ? bytes : DIV_UP(bytes, KIB(64)));
    vga->u.vesa_lfb.red_pos = colours[0];
    vga->u.vesa_lfb.red_size = colours[1];
    vga->u.vesa_lfb.green_pos = colours[2];
    vga->u.vesa_lfb.green_size = colours[3];
    vga->u.vesa_lfb.blue_pos = colours[4];
    vga->u.vesa_lfb.blue_size = colours[5];
    if (boot_info.screen.bits_per_pixel == 32 && colours[1] == 8 && colours[3] == 8 &&
        colours[5] == 8) { /* the fourth byte, wherever it is */
        vga->u.vesa_lfb.rsvd_pos = (uint8_t)(48 - colours[0] - colours[2] - colours[4]);
        vga->u.vesa_lfb.rsvd_size = 8;
    }
    log_info("screen: %ux%u, %u bits, at %#lx", boot_info.screen.width, boot_info.screen.height,
             boot_info.screen.bits_per_pixel, (unsigned long)base);
    return true;
}

/* The structure of public/xen.h; the console's description lies behind it on the same page. */
static INIT_TEXT void fill_start_info(const struct dom0_layout *l)
{
    void *page = dom0_layout_page(l, dom0_layout_pfn(l, l->start_info_va));
    struct start_info *si = page;
    dom0_vga_console_info_t *vga = (void *)(si + 1);

    page_clear(page);
    str_copy(si->magic, "xen-3.0-x86_64", sizeof(si->magic));
    si->nr_pages = l->nr_pages;
    si->shared_info = virt_to_phys(l->d->shared_info);
    si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN | SIF_VIRT_P2M_4TOOLS;
    if (fill_screen(vga)) {
        si->console.dom0.info_off = sizeof(*si);
        si->console.dom0.info_size = sizeof(*vga);
    }
    si->pt_base = l->tables_va;
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = l->p2m_va;
    if (l->initrd_size != 0) {
        si->mod_len = l->initrd_size;
        si->mod_start = l->initrd_va;
        if (l->initrd_va == 0) {
            si->mod_start = l->initrd_pfn;
            si->flags |= SIF_MOD_START_PFN;
        }
    }
    fill_command_line((char *)si->cmd_line, sizeof(si->cmd_line));
    if (dom0_layout_p2m_apart(l)) {
        si->first_p2m_pfn = l->p2m_pfn;
        si->nr_p2m_frames = l->p2m_pages + l->p2m_tables;
    }
}

/*
 * The root becomes a pinned L4, which checks all of the tables; then vcpu 0 gets its registers. The
 * pin is the guest's to undo: kernels expect to find their first tables pinned.
 */
static INIT_TEXT void start_vcpu(const struct dom0_layout *l, mfn_t root)
{
    struct vcpu_guest_context *c = hpages_alloc(1);
    struct vcpu *v = l->d->vcpus[0];
    int rc;

    if (c == NULL)
        panic("no memory for dom0's first context");
    rc = page_type_pin(frame_of(root), PAGE_TYPE_L4, l->d);
    BUG_ON(rc != 0);
    c->flags = VGCF_in_kernel | VGCF_online;
    c->user_regs.rip = l->elf.entry;
    c->user_regs.rsp = l->stack_va + PAGE_SIZE;
    c->user_regs.rsi = l->start_info_va;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->user_regs.rflags = RFLAGS_IF;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = l->stack_va + PAGE_SIZE;
    c->ctrlreg[3] = root.m << PAGE_SHIFT;
    rc = pv_set_context(v, c);
    BUG_ON(rc != 0);
    hpages_free(c, 1);
    v->initialised = true;
    vcpu_set_down(v, false);
}

static INIT_TEXT void check_room(const struct dom0_layout *l)
{
    uint64_t need = (l->end_pfn << PAGE_SHIFT) + DOM0_SPARE;

    if (need > l->nr_pages << PAGE_SHIFT)
        boot_fail(
            "dom0 gets %lu MiB, but its kernel and initrd alone take %lu MiB: raise dom0_mem= or "
            "give the machine more memory",
            (unsigned long)(l->nr_pages >> 8), (unsigned long)(need >> 20));
}

/*
 * The order: frames before contents; the tables last of all that is written, as they say which
 * pages are tables; validation after that, as no frame that it covers may be written behind it.
 */
INIT_TEXT void dom0_build(void)
{
    static struct dom0_layout l INIT_DATA;
    mfn_t root;

    read_kernel(&l);
    create_domain(&l);
    l.extents = hpages_alloc(2);
    _Static_assert(DOM0_EXTENTS * sizeof(*l.extents) <= PAGE_SIZE << 2, "extents");
    if (l.extents == NULL)
        panic("no memory to build dom0 with");
    dom0_layout_place(&l);
    check_room(&l);
    dom0_layout_allocate(&l);
    log_info("dom0: %s kernel at %lx-%lx, entry %lx; %lu MiB in %u pieces, initrd %lu KiB, "
             "%u vcpus",
             l.elf.guest_os[0] ? l.elf.guest_os : "unnamed", (unsigned long)l.elf.vstart,
             (unsigned long)l.elf.vend, (unsigned long)l.elf.entry,
             (unsigned long)(l.nr_pages >> 8), l.nr_extents, (unsigned long)(l.initrd_size >> 10),
             l.d->max_vcpus);
    fill_p2m(&l);
    fill_start_info(&l);
    load_modules(&l);
    root = dom0_pagetables_build(&l);
    dom0_access_grant(l.d);
    start_vcpu(&l, root);
    hpages_free(l.extents, 2);
    l.d->creation_finished = true;
    l.d->controller_pause_count = 0;
    domain_unpause(l.d);
}
