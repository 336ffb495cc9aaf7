/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IRET of the guest kernel to itself (ring 3 to ring 3), which Linux uses to serialize. It needs no
 * help from anyone, but some emulators pop its frame with supervisor accesses, which SMAP then
 * refuses. So a supervisor access that faults in ring 3 is looked at: if it was an IRET, the same
 * is done here. On a processor this code never runs. A guest that gets here by a trick gains
 * nothing: rip and rsp are loaded as IRETQ would, selectors keep RPL 3, and the flags that ring 3
 * may not change stay.
 */
#include <pv/entry.h>
#include <x86/cpu.h>
#include <x86/guest_entry.h>
#include <x86/uaccess.h>

/* What IRET may change in ring 3 (NT excepted, which we cannot return with). */
#define RFLAGS_USER (0x8d5ull | RFLAGS_TF | RFLAGS_DF | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

bool emulate_iret(struct cpu_regs *regs)
{
    uint8_t insn[2];
    uint64_t frame[5]; /* rip, cs, rflags, rsp, ss */

    if (copy_from_guest(insn, regs->rip, sizeof(insn)) != 0 || insn[0] != 0x48 || insn[1] != 0xcf)
        return false;
    if (copy_from_guest(frame, regs->rsp, sizeof(frame)) != 0 || (frame[1] & 3) != 3 ||
        (frame[4] & 3) != 3)
        return false;
    regs->rip = frame[0];
    regs->cs = frame[1] & 0xffff;
    regs->rflags = (regs->rflags & ~RFLAGS_USER) | (frame[2] & RFLAGS_USER);
    regs->rsp = frame[3];
    regs->ss = frame[4] & 0xffff;
    regs->vector = VEC_IRET;
    return true;
}
