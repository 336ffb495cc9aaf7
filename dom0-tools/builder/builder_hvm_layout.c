// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where everything goes in the memory of a fully virtualized domain, and the page that tells its
 * kernel so.
 */
#include "builder_hvm.h"
#include "builder_private.h"

#include <errno.h>
#include <public/hvm_start_info.h>
#include <string.h>

#define HVM_MAP_MAX 4

int hvm_layout_make(struct hvm_layout *l, const struct hvm_layout_input *in)
{
    memset(l, 0, sizeof(*l));
    l->start_info = in->pend >> BUILDER_PAGE_SHIFT;
    l->ramdisk = l->start_info + 1;
    l->ramdisk_pages = builder_pages(in->ramdisk_size);
    l->end = l->ramdisk + l->ramdisk_pages;
    if (l->end > HVM_HOLE)
        return -E2BIG;
    return l->end > in->pages ? -ENOMEM : 0;
}

/* The page, in this order. */
struct hvm_start_page {
    struct hvm_start_info info;
    struct hvm_modlist_entry ramdisk;
    struct hvm_memmap_table_entry map[HVM_MAP_MAX];
    char cmdline[HVM_CMDLINE];
};
_Static_assert(sizeof(struct hvm_start_page) <= BUILDER_PAGE_SIZE, "hvm_start_page");

static void map_add(struct hvm_start_page *p, uint32_t type, uint64_t first, uint64_t pages)
{
    struct hvm_memmap_table_entry *e = &p->map[p->info.memmap_entries];

    if (!pages)
        return;
    e->addr = first << BUILDER_PAGE_SHIFT;
    e->size = pages << BUILDER_PAGE_SHIFT;
    e->type = type;
    p->info.memmap_entries++;
}

void hvm_start_info_fill(void *page, const struct hvm_start *s)
{
    uint64_t low = s->pages < HVM_HOLE ? s->pages : HVM_HOLE;
    struct hvm_start_page *p = page;

#define AT(field) (s->address + offsetof(struct hvm_start_page, field))
    p->info.magic = XEN_HVM_START_MAGIC_VALUE;
    p->info.version = 1;
    if (s->ramdisk_size) {
        p->info.nr_modules = 1;
        p->info.modlist_paddr = AT(ramdisk);
        p->ramdisk.paddr = s->ramdisk;
        p->ramdisk.size = s->ramdisk_size;
    }
    if (s->cmdline && *s->cmdline) {
        p->info.cmdline_paddr = AT(cmdline);
        memcpy(p->cmdline, s->cmdline, strlen(s->cmdline) + 1);
    }
    if (s->acpi_pages)
        p->info.rsdp_paddr = HVM_ACPI << BUILDER_PAGE_SHIFT;
    p->info.memmap_paddr = AT(map);
    map_add(p, XEN_HVM_MEMMAP_TYPE_RAM, 0, low);
    map_add(p, XEN_HVM_MEMMAP_TYPE_ACPI, HVM_ACPI, s->acpi_pages);
    map_add(p, XEN_HVM_MEMMAP_TYPE_RESERVED, HVM_SPECIAL, HVM_SPECIALS);
    map_add(p, XEN_HVM_MEMMAP_TYPE_RAM, HVM_HOLE_END, s->pages - low);
#undef AT
}
