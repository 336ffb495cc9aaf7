/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random code in random modes of the processor: what comes of it is the guest's own affair. Half of
 * the bytes are instructions that the hypervisor carries out or refuses, so that many more exits
 * come than by chance. No breakpoint is on from the beginning: QEMU's emulation ends itself where a
 * guest that was entered with one changes its address. rounds=: how many, seed=: the first of them.
 */
#include <kit/kit.h>
#include <public/hvm_save.h>

#include "hvm.h"
#include "layout.h"

static uint64_t state;

static uint64_t random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void random_code(uint8_t *page)
{
    static const char *const known[] = {
        "\x0f\xa2",     "\x0f\x32",     "\x0f\x30",     "\xf4",         "\x0f\x01\xd1",
        "\x0f\x01\xd9", "\x0f\x01\xd8", "\x0f\x22\xc0", "\x0f\x22\xe0", "\x0f\x22\xd8",
        "\x0f\x20\xc0", "\xee",         "\xec",         "\xef",         "\xed",
        "\xe6\x20",     "\xe6\x43",     "\xe6\x64",     "\x6e",         "\xf3\x6d",
        "\x0f\x01\x18", "\x0f\x01\x10", "\x0f\x00\xd8", "\xcd\x80",     "\xcf",
        "\x9d",         "\xfb",         "\x0f\x08",     "\x0f\x09",     "\x0f\x05",
        "\x0f\x07",     "\x0f\x34",     "\x0f\x01\xf8", "\xea",         "\xcb",
        "\x8e\xd0",     "\x0f\xae\xe8", "\xf1",
    };
    unsigned at = 0;

    while (at < PAGE_SIZE - 16) {
        const char *insn = known[random() % ARRAY_SIZE(known)];

        if (random() & 1) {
            page[at++] = (uint8_t)random();
            continue;
        }
        if (random() % 8 == 0) /* a number for the registers that matter: mov ecx */
            page[at++] = 0xb9;
        while (*insn != 0)
            page[at++] = (uint8_t)*insn++;
    }
}

/* Long mode, protected mode with and without paging, real mode; then a register or two at random.
 */
static void random_context(struct hvm_hw_cpu *c)
{
    uint64_t *general[] = {&c->rax, &c->rbx, &c->rcx, &c->rdx, &c->rsi, &c->rdi, &c->rbp, &c->rsp};

    for (unsigned i = 0; i < ARRAY_SIZE(general); i++)
        *general[i] = random() & 1 ? random() & (G_SIZE - 1) : random();
    switch (random() % 4) {
    case 0:
        break;
    case 1:
        c->cs_arbytes = 0xc9b;
        c->msr_efer = 0;
        c->cr0 = 0x11;
        break;
    case 2:
        c->cs_arbytes = 0xc9b;
        c->msr_efer = 0;
        c->cr4 &= random() & 1 ? ~0ull : ~0x20ull;
        break;
    default:
        c->cs_arbytes = c->ds_arbytes = c->ss_arbytes = 0x93;
        c->cs_limit = 0xffff;
        c->cs_base = c->rip & 0xf0000;
        c->rip &= 0xffff;
        c->msr_efer = 0;
        c->cr0 = 0x10;
        break;
    }
    if (random() % 4 == 0)
        c->cr3 = random() & (G_SIZE - 1);
    if (random() % 4 == 0)
        c->idtr_base = random();
    if (random() % 4 == 0)
        c->rflags = random() | 0x200;
    c->dr0 = random() & (G_SIZE - 1);
}

/* Random tables too, now and then: what is behind them is the guest's memory or nothing. */
static void random_tables(unsigned domid, uint8_t *page, uint64_t addr)
{
    uint64_t *t = (uint64_t *)page;

    CHECK_EQ(kit_map_foreign(page, addr / PAGE_SIZE, PTE_RW, (domid_t)domid), 0);
    for (unsigned i = 0; i < 8; i++)
        t[random() % 512] = random() & (random() & 1 ? G_SIZE - 1 : ~0ull);
}

void hvm_random(void)
{
    uint64_t seed = kit_option("seed=", 1), rounds = kit_option("rounds=", 30);
    uint8_t *page = kit_page();
    unsigned id = 0, ended = 0;

    for (uint64_t r = seed; r < seed + rounds; r++) {
        state = r * 0x9e3779b97f4a7c15ull + 1;
        if (id == 0)
            id = hvm_make(P_SPIN);
        CHECK_EQ(kit_map_foreign(page, G_CODE / PAGE_SIZE, PTE_RW, (domid_t)id), 0);
        random_code(page);
        if (random() % 4 == 0)
            random_tables(id, page, G_TABLES + (random() % 3) * PAGE_SIZE);
        if (random() % 4 == 0)
            random_tables(id, page, G_IDT);
        CHECK_EQ(kit_set_pte(page, 0), 0);
        CHECK_EQ(hvm_restart(id, P_SPIN, random_context), 0);
        kit_sleep(3000000);
        if (kit_domctl(XEN_DOMCTL_pausedomain, id, NULL, 0) == 0 &&
            !(hvm_flags(id) & XEN_DOMINF_shutdown))
            continue;
        ended++;
        hvm_end(id);
        id = 0;
    }
    if (id != 0)
        hvm_end(id);
    CHECK_EQ(kit_set_pte(page, mk_pte(0, 0)), 0);
    printk("of %lu random programs %u ended\n", rounds, ended);
}
