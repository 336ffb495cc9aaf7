/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC, as registers or as MSRs (x2APIC), for the files of x86/. */
#ifndef X86_APIC_H
#define X86_APIC_H

#include <lib/types.h>

/* Offsets in the register page; x2APIC: MSR_X2APIC + offset / 16. */
#define APIC_ID           0x20
#define APIC_TPR          0x80
#define APIC_EOI          0xb0
#define APIC_LDR          0xd0
#define APIC_DFR          0xe0
#define APIC_SPURIOUS     0xf0
#define APIC_ISR          0x100
#define APIC_ESR          0x280
#define APIC_ICR          0x300
#define APIC_ICR_HIGH     0x310
#define APIC_LVT_TIMER    0x320
#define APIC_LVT_PERF     0x340
#define APIC_LVT_LINT0    0x350
#define APIC_LVT_LINT1    0x360
#define APIC_LVT_ERROR    0x370
#define APIC_TIMER_INIT   0x380
#define APIC_TIMER_NOW    0x390
#define APIC_TIMER_DIVIDE 0x3e0

#define APIC_ID_8BIT_MAX 0xfe /* without x2APIC, and for what IOAPICs and devices send to */

void apic_init(paddr_t base); /* boot CPU: find it, choose the mode */
void apic_init_cpu(void);     /* each CPU: on, all local sources masked but errors and NMI */
uint32_t apic_read(unsigned reg);
void apic_write(unsigned reg, uint32_t v);
uint32_t apic_id(void); /* of this CPU; 8 bits, 32 in x2APIC mode */
bool apic_is_x2apic(void);
/* INIT, then start-up at a page below 1 MiB. */
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, unsigned page);
void apic_send_nmi_others(void); /* takes no lock: for CPUs that stop the machine */

/* x86/ioapic.c: what touches registers wants irq_lock, but at boot */
void ioapic_init(void);
bool ioapic_read_at(paddr_t base, unsigned reg, uint32_t *v); /* false: no IOAPIC there */
unsigned ioapic_nr_gsis(void);
bool ioapic_has(unsigned gsi);
void ioapic_route(unsigned gsi, unsigned vector, uint32_t apic_id, bool level, bool active_low,
                  bool masked);
void ioapic_mask(unsigned gsi, bool masked);

#endif
