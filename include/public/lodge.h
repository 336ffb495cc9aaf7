/* SPDX-License-Identifier: MIT */
/*
 * Lodge's own extension of the guest interface: page tables in runs, a direct map that follows the
 * types of frames, and one call for each of a context switch, an entry from user mode and a return
 * to it.
 *
 * Nothing here is part of the ABI that xen.h and its neighbours describe. A guest that does not ask
 * sees none of it: all operations are -ENOSYS until LODGE_negotiate has granted their feature, as
 * they are on every other hypervisor. A guest goes on using the stock operations beside them, and
 * may use any subset. Nothing here gives a guest a right that it would not have without it: each
 * page-table entry is judged by the same rules as in mmu_update (see mmu.h).
 *
 * lodge_op(cmd, a2, a3, a4) is hypercall 55; two more are named at the end of this file. A guest
 * takes what LODGE_negotiate grants for the truth: a hypervisor may have fewer features than this
 * header describes.
 *
 * Errors that are not said again with each operation:
 *
 *   -ENOSYS  the operation is unknown, or its feature has not been granted to the domain
 *   -EFAULT  a structure or an array cannot be read or written
 *   -EINVAL  a field makes no sense; reserved fields are zero
 *
 * All operations may be made by any vcpu of the domain, at the same time too, and from a multicall
 * unless it is said otherwise. Long ones are restarted by the hypervisor; the guest takes its
 * events in between if it has them unmasked.
 */
#ifndef LODGE_PUBLIC_LODGE_H
#define LODGE_PUBLIC_LODGE_H

#include "handles.h"

/* The last of those that the ABI leaves to the architecture: __HYPERVISOR_arch_7. */
#define __HYPERVISOR_lodge_op 55

#define LODGE_negotiate 0
#define LODGE_mmu_run   1
#define LODGE_table_new 2
#define LODGE_switch_to 3
#define LODGE_vcpu_area 4

/*
 * Features. Each stands for one thing that a guest may use or leave.
 *
 *   MMU_RUN    LODGE_mmu_run
 *   ALIAS      the hypervisor changes the direct map when a frame becomes a page table, or stops
 *              being one; see below
 *   TABLE_NEW  LODGE_table_new
 *   SWITCH     LODGE_switch_to
 *   AREA       LODGE_vcpu_area, and hypercalls lodge_sysret and lodge_iret
 */
#define LODGE_F_MMU_RUN   (xen_mk_ullong(1) << 0)
#define LODGE_F_ALIAS     (xen_mk_ullong(1) << 1)
#define LODGE_F_TABLE_NEW (xen_mk_ullong(1) << 2)
#define LODGE_F_SWITCH    (xen_mk_ullong(1) << 3)
#define LODGE_F_AREA      (xen_mk_ullong(1) << 4)

#define LODGE_MAGIC   xen_mk_uint(0x45474c44) /* "DLGE" in memory */
#define LODGE_VERSION xen_mk_uint(1)

/*
 * LODGE_negotiate: a2: struct lodge_negotiate. Ask for features, or for others than before.
 *
 *   magic              IN   LODGE_MAGIC, else -EINVAL
 *   version            IN   the version of this header that the guest was written for
 *                      OUT  the one that the hypervisor has
 *   features           IN   LODGE_F_* that the guest would use
 *                      OUT  those of them that it may use from now on; unknown ones are left out
 *   direct_map         IN   for ALIAS: the kernel address of the guest's pseudo-physical frame 0,
 *                           a multiple of 4096; frame n is at direct_map + n * 4096
 *   direct_map_frames  IN   for ALIAS: how many frames have an address there. The range lies in
 *                           the guest's part of the address space, else -EINVAL.
 *
 * -EOPNOTSUPP for another version: `version` is written, nothing else has changed. Any other error
 * changes nothing. A second call replaces what the first one granted, with features 0 all of it;
 * two vcpus that call at once leave what one of them asked for. A vcpu that is inside another
 * operation meanwhile finishes it by what it found at its start. What was granted belongs to the
 * domain: a guest that was saved and restored is a new domain and asks again. Costs about 300
 * instructions.
 */
#ifndef __ASSEMBLER__
struct lodge_negotiate {
    uint32_t magic;
    uint32_t version;
    uint64_t features;
    uint64_t direct_map;
    uint64_t direct_map_frames;
};
_Static_assert(sizeof(struct lodge_negotiate) == 32, "lodge_negotiate");
_Static_assert(offsetof(struct lodge_negotiate, version) == 4, "lodge_negotiate.version");
_Static_assert(offsetof(struct lodge_negotiate, features) == 8, "lodge_negotiate.features");
_Static_assert(offsetof(struct lodge_negotiate, direct_map) == 16, "lodge_negotiate.direct_map");
_Static_assert(offsetof(struct lodge_negotiate, direct_map_frames) == 24,
               "lodge_negotiate.direct_map_frames");
#endif

/*
 * ALIAS: the direct map follows the types of frames.
 *
 * A frame cannot become a page table while it is mapped writable, and in the direct map it is. So a
 * guest makes that mapping (the alias) read-only before, and writable afterwards. With ALIAS
 * granted the hypervisor does both, and the guest neither:
 *
 *   - In a hypercall of the guest a frame of its own is to become a page table: by MMUEXT_PIN_*,
 *     NEW_BASEPTR, NEW_USER_BASEPTR, LODGE_switch_to, or by an upper entry that mmu_update,
 *     LODGE_mmu_run, LODGE_table_new or a trapped write sets. Tables below it become tables in the
 *     same step, and for each of them the same holds. If all that is in the way is one writable
 *     mapping, and the frame's entry in the direct map is that mapping, then that entry loses its W
 *     bit, and the frame is validated.
 *   - In a hypercall of the guest, or in a trapped write, the last use of a frame as a page table
 *     ends. If its entry in the direct map is present and read-only, it gets its W bit.
 *
 * The entry is found through the kernel page table of the vcpu that calls, at direct_map + 4096
 * times the frame's number in the M2P table. If it does not map the frame, or is in no valid L1
 * table, or the number is not below direct_map_frames, nothing is changed, and the outcome is the
 * stock one: the frame is refused as a table (-EINVAL), or its mapping stays as it is. A guest that
 * lies about its direct map, or in the M2P table, harms nobody but itself.
 *
 * After an error: each frame that the failed call did not leave a page table is what it was before,
 * its alias writable again if the hypervisor had changed it; there are no tables half made. Another
 * vcpu may see aliases read-only meanwhile.
 *
 * At the same time another vcpu may write to such a frame, through its alias or by an operation of
 * this file or mmu.h: it comes out as if it had been done before or after. A write through an alias
 * that is read-only because its frame is becoming a table, or has just ceased to be one, is waited
 * for and repeated, and one to a table is carried out as an update, as ever; the guest sees no
 * fault. MMUEXT_PIN_* of what is pinned stays refused, and a table that is still in use, by a pin
 * of its own for example, stays one. The guest may change aliases itself as well, as it does
 * without ALIAS.
 *
 * TLBs: no processor can write through the old mapping once the frame is a table. When the alias
 * becomes writable the calling processor's translation is flushed; another one may still have it
 * read-only and get a page fault for a write that the entry allows. The hypervisor repeats the
 * access where it sees this, and does not tell the guest.
 *
 * So a whole address space of two roots is pinned with one mmuext_op of two MMUEXT_PIN_L4_TABLE,
 * and no other call; unpinned with two MMUEXT_UNPIN_TABLE; and one table is hung into a live tree
 * by the write of the entry above it. Costs some 300 instructions a frame in addition, each way.
 *
 * The kernel's own image is not in the direct map's care: a frame that is mapped a second time,
 * writable, stays refused. A frame that was a table when ALIAS was granted, or whose alias the
 * guest made read-only itself, becomes writable there, too, when it stops being one.
 */

/*
 * LODGE_mmu_run: a2: struct lodge_mmu_list, a3: 0. Runs of neighbouring entries, each of one table,
 * and one flush behind them all.
 *
 *   runs         IN  address of an array of struct lodge_mmu_run
 *   nr_runs      IN  how many; 0 only flushes
 *   flush        IN  LODGE_FLUSH_*
 *   flush_va     IN  first address to flush, for flush_pages above 0
 *   flush_pages  IN  how many pages from there; 0: everything. From a few dozen on the hypervisor
 *                    flushes everything, as it does on other processors at any rate.
 *   vcpus        IN  for LODGE_FLUSH_VCPUS: the vcpus, bit n is vcpu n
 *
 * Each run:
 *
 *   ptr      IN   machine address of the first entry, a multiple of 8. The frame is a page table of
 *                 the caller's, or a page of its that could be mapped writable; in the latter the
 *                 words are plain memory.
 *   nr       IN   how many entries, 1 to 512, and not beyond the end of the frame
 *   op       IN   LODGE_RUN_*
 *   flags    IN   LODGE_RUN_KEEP_AD, or 0
 *   done     OUT  how many of them are done; written for a run that has been begun, so a guest that
 *                 wants to know sets it to 0 before
 *   old      IN   address of nr words for the old entries, 0: not wanted
 *
 *   LODGE_RUN_SET      entries become the nr words at `values`, as if by nr requests
 *                      MMU_NORMAL_PT_UPDATE (with KEEP_AD: MMU_PT_UPDATE_PRESERVE_AD) of the
 *                      caller's own frames. Any level.
 *   LODGE_RUN_CLEAR    entries become 0. Any level.
 *   LODGE_RUN_PROTECT  present entries become (old & ~clear) | set, with the frame as it is and
 *                      accessed and dirty as the processor last set them (unless the masks name
 *                      them); entries that are not present stay as they are. L1 tables and plain
 *                      memory: -EINVAL for another. `clear` and `set` may name the bits of
 *                      LODGE_PROTECT_BITS.
 *
 * Old values are exact: each is the word that the exchange took out of the table, with the accessed
 * and dirty bits that the processor set up to that moment. Words of entries that were not done are
 * not written. They are written in blocks: if `old` cannot be written (-EFAULT) up to 32 entries
 * may have been changed whose old values are lost. `old` may be the same array as `values`.
 *
 * Runs and entries are done in order; the first that is refused ends the call with its error: what
 * came before stays done, `done` of that run counts what was done in it. -EINVAL, -EPERM as in
 * mmu_update; -EAGAIN where other vcpus change a word of PROTECT, or of plain memory, all the time.
 * The flush is made before the call returns if at least one entry was changed, also
 * behind an error. Its vcpus, and LODGE_FLUSH_*, are checked first.
 *
 * a3 is how far a call has come that was restarted (run and entry); a guest that puts something
 * else there skips entries. The structures are read again after a restart, so a guest that changes
 * them meanwhile gets a mixture.
 *
 * Costs: some 500 instructions a call of one run; per entry of an L1 table some 20 for CLEAR and 60
 * for a SET of what was empty (85 for both, one after the other), 67 for a SET that changes W, 60
 * for a PROTECT that does, 26 for one that leaves it alone. A list of mmu_update takes 81.
 */
#define LODGE_RUN_SET     0
#define LODGE_RUN_CLEAR   1
#define LODGE_RUN_PROTECT 2

#define LODGE_RUN_KEEP_AD 1

#define LODGE_RUN_MAX 512

/* W, A, D, the bits that the processor ignores, protection keys and NX. */
#define LODGE_PROTECT_BITS xen_mk_ullong(0xfff0000000000e62)

#define LODGE_FLUSH_NONE  0
#define LODGE_FLUSH_LOCAL 1 /* the processor of the caller */
#define LODGE_FLUSH_ALL   2 /* each that may have translations of the domain */
#define LODGE_FLUSH_VCPUS 3 /* those on which the vcpus run */

#ifndef __ASSEMBLER__
struct lodge_mmu_run {
    uint64_t ptr;
    uint32_t nr;
    uint16_t op;
    uint16_t flags;
    uint32_t done;
    uint32_t reserved;
    uint64_t old;
    union {
        uint64_t values; /* SET */
        uint64_t clear;  /* PROTECT */
    };
    uint64_t set; /* PROTECT */
};
_Static_assert(sizeof(struct lodge_mmu_run) == 48, "lodge_mmu_run");
_Static_assert(offsetof(struct lodge_mmu_run, nr) == 8, "lodge_mmu_run.nr");
_Static_assert(offsetof(struct lodge_mmu_run, op) == 12, "lodge_mmu_run.op");
_Static_assert(offsetof(struct lodge_mmu_run, flags) == 14, "lodge_mmu_run.flags");
_Static_assert(offsetof(struct lodge_mmu_run, done) == 16, "lodge_mmu_run.done");
_Static_assert(offsetof(struct lodge_mmu_run, old) == 24, "lodge_mmu_run.old");
_Static_assert(offsetof(struct lodge_mmu_run, values) == 32, "lodge_mmu_run.values");
_Static_assert(offsetof(struct lodge_mmu_run, clear) == 32, "lodge_mmu_run.clear");
_Static_assert(offsetof(struct lodge_mmu_run, set) == 40, "lodge_mmu_run.set");

struct lodge_mmu_list {
    uint64_t runs;
    uint32_t nr_runs;
    uint32_t flush;
    uint64_t flush_va;
    uint64_t flush_pages;
    uint64_t vcpus;
};
_Static_assert(sizeof(struct lodge_mmu_list) == 40, "lodge_mmu_list");
_Static_assert(offsetof(struct lodge_mmu_list, nr_runs) == 8, "lodge_mmu_list.nr_runs");
_Static_assert(offsetof(struct lodge_mmu_list, flush) == 12, "lodge_mmu_list.flush");
_Static_assert(offsetof(struct lodge_mmu_list, flush_va) == 16, "lodge_mmu_list.flush_va");
_Static_assert(offsetof(struct lodge_mmu_list, flush_pages) == 24, "lodge_mmu_list.flush_pages");
_Static_assert(offsetof(struct lodge_mmu_list, vcpus) == 32, "lodge_mmu_list.vcpus");
#endif

/*
 * LODGE_table_new: a2: machine address of an entry of an L2 or L3 table of the caller's, a3: its
 * new value, present. The frame in the value is zeroed by the hypervisor and becomes an empty table
 * of the level below, and the entry is exchanged. For a kernel that would zero a page, make it
 * read-only, have it checked and set the entry: here nothing is checked since nothing is in it.
 *
 * The frame may not be in use as anything: with ALIAS the alias may be writable and becomes
 * read-only, without it the guest has seen to that before. Its contents are lost, also when the
 * call fails after the frame was zeroed. -EINVAL: ptr is in no table of level 2 or 3, the value is
 * refused (as in mmu_update), the frame is in use, or is a page table already. -EPERM: it is not
 * the caller's. To take a table away again set the entry to 0 (mmu_update, LODGE_RUN_CLEAR): with
 * ALIAS its alias becomes writable. The call, that removal and the change of the alias both ways
 * cost some 3,600 instructions together, 512 of which zero the page.
 */

/*
 * LODGE_switch_to: a2: struct lodge_switch. What a context switch changes, in one call. `flags` say
 * which fields count; the others are not looked at, and their state stays.
 *
 *   LODGE_SWITCH_STACK   kernel_sp: where entries from user mode put their frame (stack_switch; SS
 *                        is the flat one)
 *   LODGE_SWITCH_FS      fs_base: as SEGBASE_FS of set_segment_base
 *   LODGE_SWITCH_GS      gs_base_user: as SEGBASE_GS_USER; gs_base_user_old: OUT the one before
 *   LODGE_SWITCH_TLS     tls: three descriptors, written to the machine address `tls_ptr` and the
 *                        16 bytes behind it, each as by update_descriptor; in one page
 *   LODGE_SWITCH_KERNEL  kernel_root: machine frame of the root table of kernel mode
 *                        (MMUEXT_NEW_BASEPTR; also if it is the present one: then it flushes)
 *   LODGE_SWITCH_USER    user_root: the same for user mode, 0: none (MMUEXT_NEW_USER_BASEPTR). The
 *                        two may be one frame.
 *   LODGE_SWITCH_TS      the next FPU instruction traps (fpu_taskswitch), if `ts` is not 0
 *
 * Everything is checked, and both roots are taken, before anything changes: after an error all is
 * as it was (but gs_base_user_old, which may have been written). -EINVAL: an unknown flag, a base
 * that is not canonical, a descriptor or an address of one that update_descriptor would refuse, a
 * frame that is no root table and cannot become one. -EPERM: a frame that is not the caller's. The
 * roots change last. As the tables of kernel mode change under the caller, its code and stack are
 * mapped in the new ones, too. Costs about 120 instructions and 30 to 60 for each field.
 */
#define LODGE_SWITCH_STACK  (xen_mk_ullong(1) << 0)
#define LODGE_SWITCH_FS     (xen_mk_ullong(1) << 1)
#define LODGE_SWITCH_GS     (xen_mk_ullong(1) << 2)
#define LODGE_SWITCH_TLS    (xen_mk_ullong(1) << 3)
#define LODGE_SWITCH_KERNEL (xen_mk_ullong(1) << 4)
#define LODGE_SWITCH_USER   (xen_mk_ullong(1) << 5)
#define LODGE_SWITCH_TS     (xen_mk_ullong(1) << 6)

#ifndef __ASSEMBLER__
struct lodge_switch {
    uint64_t flags;
    uint64_t kernel_sp;
    uint64_t fs_base;
    uint64_t gs_base_user;
    uint64_t kernel_root;
    uint64_t user_root;
    uint64_t ts;
    uint64_t tls_ptr;
    uint64_t tls[3];
    uint64_t gs_base_user_old;
};
_Static_assert(sizeof(struct lodge_switch) == 96, "lodge_switch");
_Static_assert(offsetof(struct lodge_switch, kernel_sp) == 8, "lodge_switch.kernel_sp");
_Static_assert(offsetof(struct lodge_switch, fs_base) == 16, "lodge_switch.fs_base");
_Static_assert(offsetof(struct lodge_switch, gs_base_user) == 24, "lodge_switch.gs_base_user");
_Static_assert(offsetof(struct lodge_switch, kernel_root) == 32, "lodge_switch.kernel_root");
_Static_assert(offsetof(struct lodge_switch, user_root) == 40, "lodge_switch.user_root");
_Static_assert(offsetof(struct lodge_switch, ts) == 48, "lodge_switch.ts");
_Static_assert(offsetof(struct lodge_switch, tls_ptr) == 56, "lodge_switch.tls_ptr");
_Static_assert(offsetof(struct lodge_switch, tls) == 64, "lodge_switch.tls");
_Static_assert(offsetof(struct lodge_switch, gs_base_user_old) == 88,
               "lodge_switch.gs_base_user_old");
#endif

/*
 * LODGE_vcpu_area: a2: struct lodge_vcpu_area_op. The area, the entry and the two returns below,
 * for the vcpu that calls.
 *
 *   mfn            IN  machine frame of the caller's that could be mapped writable, and stays so
 *                      until the area is another one. UINT64_MAX: no area; the vcpu is as it was
 *                      before.
 *   offset         IN  of the area in the frame, a multiple of 64
 *   syscall_entry  IN  canonical address: `syscall` of 64-bit user mode enters here, not at
 *                      CALLBACKTYPE_syscall's. 0: only the returns are used.
 *
 * -EINVAL: a field is out of range, or the frame is not the caller's or is a table. After an error
 * the area is what it was.
 *
 * Entry: a `syscall` of 64-bit user mode leaves the user's RIP, RFLAGS and RSP in the area, and
 * goes on in kernel mode at syscall_entry with events masked (evtchn_upcall_mask is 1), RSP as
 * stack_switch has it, aligned down to 16, and nothing on that stack. RFLAGS has nothing set but
 * IF, RCX and R11 have no defined value, all other registers are the user's. User mode's event mask
 * was 0, and its CS and SS were the flat ones; a `syscall` from other code, or with the mask set,
 * makes a stock frame and enters at the stock callback. The area is this vcpu's until the guest
 * unmasks events or calls again.
 *
 * Hypercall lodge_sysret (54): no arguments; does not come back. To user mode, 64 bit, flat CS and
 * SS, at rip, with rflags, rsp and rax from the area; RCX and R11 are destroyed, all other
 * registers go to the user as they are. Events are unmasked, and pending ones are delivered, as if
 * they had interrupted the first instruction.
 *
 * Hypercall lodge_iret (53): the same with cs, ss, rcx and r11 from the area too, so that no
 * register is lost. CS selects user mode, whatever its level says; it may be a 32-bit one. IF is
 * taken from rflags, and its inverse becomes the mask. It ends an NMI handler, as iret does. A
 * frame that the processor refuses ends in the failsafe callback.
 *
 * For both: IF is set in any case and IOPL, VM and NT are cleared in rflags before they are loaded.
 * From a multicall they are -EINVAL, without an area -ENOSYS, without a user root table the domain
 * is crashed, as by iret. A lodge_sysret to an address that is not canonical ends as iret's does:
 * in the failsafe callback or, where the processor finds out later, in a #GP of user mode.
 *
 * Cost: some 50 instructions each way; a system call that does nothing takes 109 instructions with
 * the guest's own, 118 by lodge_iret, and 289 in the stock way.
 */
#define __HYPERVISOR_lodge_sysret 54
#define __HYPERVISOR_lodge_iret   53

#define LODGE_AREA_RIP    0
#define LODGE_AREA_RFLAGS 8
#define LODGE_AREA_RSP    16
#define LODGE_AREA_RAX    24
#define LODGE_AREA_RCX    32
#define LODGE_AREA_R11    40
#define LODGE_AREA_CS     48
#define LODGE_AREA_SS     56

#ifndef __ASSEMBLER__
struct lodge_vcpu_area_op {
    uint64_t mfn;
    uint64_t offset;
    uint64_t syscall_entry;
};
_Static_assert(sizeof(struct lodge_vcpu_area_op) == 24, "lodge_vcpu_area_op");
_Static_assert(offsetof(struct lodge_vcpu_area_op, offset) == 8, "lodge_vcpu_area_op.offset");
_Static_assert(offsetof(struct lodge_vcpu_area_op, syscall_entry) == 16,
               "lodge_vcpu_area_op.syscall_entry");

struct lodge_vcpu_area {
    uint64_t rip, rflags, rsp, rax;
    uint64_t rcx, r11, cs, ss;
};
_Static_assert(sizeof(struct lodge_vcpu_area) == 64, "lodge_vcpu_area");
_Static_assert(offsetof(struct lodge_vcpu_area, rip) == LODGE_AREA_RIP, "lodge_vcpu_area.rip");
_Static_assert(offsetof(struct lodge_vcpu_area, rflags) == LODGE_AREA_RFLAGS,
               "lodge_vcpu_area.rflags");
_Static_assert(offsetof(struct lodge_vcpu_area, rsp) == LODGE_AREA_RSP, "lodge_vcpu_area.rsp");
_Static_assert(offsetof(struct lodge_vcpu_area, rax) == LODGE_AREA_RAX, "lodge_vcpu_area.rax");
_Static_assert(offsetof(struct lodge_vcpu_area, rcx) == LODGE_AREA_RCX, "lodge_vcpu_area.rcx");
_Static_assert(offsetof(struct lodge_vcpu_area, r11) == LODGE_AREA_R11, "lodge_vcpu_area.r11");
_Static_assert(offsetof(struct lodge_vcpu_area, cs) == LODGE_AREA_CS, "lodge_vcpu_area.cs");
_Static_assert(offsetof(struct lodge_vcpu_area, ss) == LODGE_AREA_SS, "lodge_vcpu_area.ss");
#endif

#endif
