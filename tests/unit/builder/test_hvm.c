// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fully virtualized guest finds in its memory, byte by byte: where things lie, the page with
 * hvm_start_info, the ACPI tables. Those are also shown to ACPI's own disassembler, if it is there.
 */
#include "builder_acpi.h"
#include "builder_hvm.h"
#include "builder_private.h"
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <public/hvm_start_info.h>

static void test_places(void)
{
    struct hvm_layout_input in = {.pstart = 16 << 20, .pend = (16 << 20) + 0x5000, .pages = 8192};
    struct hvm_layout l;

    CHECK(hvm_layout_make(&l, &in) == 0);
    CHECK(l.start_info == 4096 + 5 && l.end == 4096 + 6);
    in.ramdisk_size = 4097;
    CHECK(hvm_layout_make(&l, &in) == 0);
    CHECK(l.ramdisk == 4096 + 6 && l.ramdisk_pages == 2 && l.end == 4096 + 8);
    in.pages = l.end;
    CHECK(hvm_layout_make(&l, &in) == 0);
    in.pages--;
    CHECK(hvm_layout_make(&l, &in) == -ENOMEM && l.end == 4096 + 8);
    in.ramdisk_size = UINT64_MAX;
    CHECK(hvm_layout_make(&l, &in) == -E2BIG);
    in = (struct hvm_layout_input){.pstart = HVM_HOLE << 12, .pend = 1UL << 32, .pages = 1 << 21};
    CHECK(hvm_layout_make(&l, &in) == -E2BIG);
    in.pend = (HVM_HOLE - 1) << 12;
    CHECK(hvm_layout_make(&l, &in) == 0 && l.end == HVM_HOLE);
    CHECK(hvm_place(0) == 0 && hvm_place(HVM_HOLE - 1) == HVM_HOLE - 1);
    CHECK(hvm_place(HVM_HOLE) == HVM_HOLE_END && hvm_place(HVM_HOLE + 5) == HVM_HOLE_END + 5);
    CHECK(HVM_HOLE % BUILDER_SUPER_PAGES == 0); /* no large extent has both sides in it */
}

static bool map_is(const struct hvm_memmap_table_entry *e, uint64_t addr, uint64_t size,
                   uint32_t type)
{
    return e->addr == addr && e->size == size && e->type == type && e->reserved == 0;
}

static void test_start_info(void)
{
    static uint8_t page[4096] __attribute__((aligned(8)));
    const struct hvm_start_info *si = (void *)page;
    struct hvm_start s = {.address = 0x1234000, .pages = 4096};
    const struct hvm_memmap_table_entry *map = (void *)(page + 56 + 32);
    char line[HVM_CMDLINE];

    hvm_start_info_fill(page, &s);
    CHECK(si->magic == 0x336ec578 && si->version == 1 && si->flags == 0 && si->reserved == 0);
    CHECK(si->nr_modules == 0 && si->modlist_paddr == 0 && si->cmdline_paddr == 0);
    CHECK(si->rsdp_paddr == 0 && si->memmap_paddr == 0x1234000 + 56 + 32);
    CHECK(si->memmap_entries == 2 && map_is(&map[0], 0, 16 << 20, 1));
    CHECK(map_is(&map[1], 0xfeff8000, 0x8000, 2));

    memset(page, 0, sizeof(page));
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    s = (struct hvm_start){.address = 0x1234000,
                           .ramdisk = 0x1235000,
                           .ramdisk_size = 4711,
                           .pages = HVM_HOLE + 7,
                           .acpi_pages = 2,
                           .cmdline = line};
    hvm_start_info_fill(page, &s);
    CHECK(si->nr_modules == 1 && si->modlist_paddr == 0x1234000 + 56);
    CHECK(((const struct hvm_modlist_entry *)(page + 56))->paddr == 0x1235000);
    CHECK(((const struct hvm_modlist_entry *)(page + 56))->size == 4711);
    CHECK(si->cmdline_paddr - 0x1234000 + sizeof(line) <= sizeof(page));
    CHECK(strcmp((char *)page + (si->cmdline_paddr - 0x1234000), line) == 0);
    CHECK(si->rsdp_paddr == 0xfc000000);
    CHECK(si->memmap_entries == 4 && map_is(&map[0], 0, 0xfc000000, 1));
    CHECK(map_is(&map[1], 0xfc000000, 0x2000, 3) && map_is(&map[2], 0xfeff8000, 0x8000, 2));
    CHECK(map_is(&map[3], 1UL << 32, 7 << 12, 1));
}

/* ---- ACPI ---- */

#define BASE 0xfc000000UL

static uint8_t tables[HVM_MAX_ACPI << 12];

static uint64_t get(const uint8_t *p, unsigned int size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;

    while (n--)
        s = (uint8_t)(s + *p++);
    return s;
}

/* The table at that address: of this name, with a right checksum. */
static const uint8_t *table_at(uint64_t address, const char *name, unsigned int revision)
{
    const uint8_t *p = tables + (address - BASE);

    CHECK_SAY(memcmp(p, name, 4) == 0 && sum(p, get(p + 4, 4)) == 0, "table %s", name);
    CHECK(p[8] == revision && get(p + 4, 4) >= 36);
    return p;
}

/* The entries of the MADT: as many as there are vcpus, the first of them enabled. */
static void check_madt(const uint8_t *madt, uint32_t vcpus, uint32_t online)
{
    const uint8_t *p = madt + 44, *end = madt + get(madt + 4, 4);
    uint32_t v;

    CHECK(get(madt + 36, 4) == 0xfee00000 && get(madt + 40, 4) == 0);
    for (v = 0; v < vcpus && p < end; v++, p += p[1]) {
        uint64_t uid = p[0] == 0 ? p[2] : get(p + 12, 4), id = p[0] == 0 ? p[3] : get(p + 4, 4);
        uint64_t flags = p[0] == 0 ? get(p + 4, 4) : get(p + 8, 4);

        CHECK(p[0] == (v < 128 ? 0 : 9) && p[1] == (v < 128 ? 8 : 16));
        CHECK_SAY(uid == v && id == 2 * v && flags == (v < online), "vcpu %u", v);
    }
    CHECK(v == vcpus && p == end);
}

static void check_tables(uint32_t vcpus, uint32_t online)
{
    size_t size = acpi_size(vcpus);
    const uint8_t *xsdt, *fadt;

    memset(tables, 0xee, sizeof(tables));
    acpi_build(tables, BASE, vcpus, online);
    CHECK(tables[size] == 0xee);
    CHECK(memcmp(tables, "RSD PTR ", 8) == 0 && tables[15] == 2 && get(tables + 20, 4) == 36);
    CHECK(sum(tables, 20) == 0 && sum(tables, 36) == 0);
    xsdt = table_at(get(tables + 24, 8), "XSDT", 1);
    CHECK(get(xsdt + 4, 4) == 36 + 2 * 8);
    fadt = table_at(get(xsdt + 36, 8), "FACP", 5);
    CHECK(get(fadt + 4, 4) == 268 && get(fadt + 40, 4) == get(fadt + 140, 8));
    CHECK(get(fadt + 112, 4) == (1U << 20 | 0x31) && get(fadt + 109, 2) == 0x2c);
    CHECK(get(fadt + 76, 4) == 0 && get(fadt + 208, 4) == 0); /* no power management timer */
    CHECK(get(table_at(get(fadt + 140, 8), "DSDT", 2) + 4, 4) == 36);
    check_madt(table_at(get(xsdt + 44, 8), "APIC", 3), vcpus, online);
}

static void show_table(const char *folder, uint64_t address, const char *name)
{
    const uint8_t *p = tables + (address - BASE);
    char path[256], command[600];
    FILE *f;
    int rc;

    snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
    f = fopen(path, "w");
    CHECK(f && fwrite(p, 1, get(p + 4, 4), f) == get(p + 4, 4));
    fclose(f);
    /* What it finds wrong it says, and goes on. */
    snprintf(command, sizeof(command),
             "cd %s && iasl -d %s.aml >%s.log 2>&1 && test -s %s.dsl && "
             "! grep -Ei 'error|warning|invalid|incorrect|checksum.*should' %s.log %s.dsl",
             folder, name, name, name, name, name);
    rc = system(command);
    CHECK_SAY(rc == 0, "iasl -d %s", path);
}

static void test_disassembler(void)
{
    char folder[] = "/tmp/lodge-test-acpi-XXXXXX", command[64];
    uint64_t fadt, xsdt;

    if (system("command -v iasl >/dev/null 2>&1") || !mkdtemp(folder))
        return;
    acpi_build(tables, BASE, 130, 3);
    xsdt = get(tables + 24, 8) - BASE;
    fadt = get(tables + xsdt + 36, 8);
    show_table(folder, BASE + xsdt, "xsdt");
    show_table(folder, fadt, "facp");
    show_table(folder, get(tables + xsdt + 44, 8), "apic");
    show_table(folder, get(tables + (fadt - BASE) + 140, 8), "dsdt");
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
}

void test_hvm(void)
{
    test_places();
    test_start_info();
    check_tables(1, 1);
    check_tables(64, 2);
    check_tables(512, 512);
    CHECK(acpi_size(64) <= 4096);
    test_disassembler();
}
