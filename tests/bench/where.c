/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A plugin for QEMU that counts where a machine's instructions are executed: in the hypervisor, in
 * kernels, or in programs. iobench marks begin and end of what it measures by an instruction that
 * does nothing; at each mark a line with the three counts since the one before goes to the file
 * that out= names.
 *
 * Debian has no header for plugins, so what is used of their interface (version 1, of QEMU 7.2;
 * docs/devel/tcg-plugins) is declared here. The counts are the machine's, with one processor, and
 * are made without calls out of translated code.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;

#define INLINE_ADD_U64 0
#define CB_NO_REGS     0

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*fn)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op, void *to,
                                              uint64_t amount);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*fn)(unsigned, void *), int flags, void *data);
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

int qemu_plugin_version = 1;

/* Of x86-64 PV: between them is the hypervisor's part of the address space, for Xen and Lodge. */
#define HYPERVISOR_START 0xffff800000000000u
#define HYPERVISOR_END   0xffff880000000000u

enum { HYPERVISOR, KERNEL, PROGRAM, PLACES };
static uint64_t counts[PLACES];
static FILE *out;

/* iobench.c: now() */
static const unsigned char mark_bytes[8] = {0x0f, 0x1f, 0x84, 0x00, 0x42, 0x45, 0x4e, 0x43};

static void mark(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    fprintf(out, "%lu %lu %lu\n", counts[HYPERVISOR], counts[KERNEL], counts[PROGRAM]);
    fflush(out);
    memset(counts, 0, sizeof(counts));
}

static unsigned place(uint64_t address)
{
    if (address < HYPERVISOR_START)
        return PROGRAM;
    return address < HYPERVISOR_END ? HYPERVISOR : KERNEL;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t nr = qemu_plugin_tb_n_insns(tb);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
                                             &counts[place(qemu_plugin_tb_vaddr(tb))], nr);
    for (size_t i = 0; i < nr; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        if (qemu_plugin_insn_size(insn) == sizeof(mark_bytes) &&
            memcmp(qemu_plugin_insn_data(insn), mark_bytes, sizeof(mark_bytes)) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, CB_NO_REGS, NULL);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
    if (out == NULL) {
        fprintf(stderr, "where: out= names no file that can be written\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
