/* SPDX-License-Identifier: GPL-2.0-only */
/* Where things are in the memory of the fully virtualized guest, for C and for its code. */
#ifndef HVM_LAYOUT_H
#define HVM_LAYOUT_H

#define G_TABLES  0x1000 /* root, then one table of level 3 and one of level 2 */
#define G_GDT     0x4000
#define G_IDT     0x5000
#define G_ANSWERS 0x8000
#define G_STACK   0x10000 /* its end */
#define G_CODE    0x10000
#define G_SIZE    0x200000

#define A_DONE   0 /* words of the page of answers: 1, the program has come to its end */
#define A_VECTOR 1 /* the last exception */
#define A_ERROR  2
#define A_RIP    3
#define A_COUNT  4
#define A_FIRST  16

#define NO_VECTOR 0xff
#define CODE_SEL  0x08
#define DATA_SEL  0x10

/* Programs, in the order of the table in guest.S. */
#define P_HELLO          0
#define P_PRIVILEGED     1
#define P_TRIPLE_FAULT   2
#define P_NOWHERE        3
#define P_OWN_TABLES     4
#define P_TABLES_NOWHERE 5
#define P_MSRS           6
#define P_PORTS          7
#define P_HALT_NMI       8
#define P_STRINGS        9
#define P_SPIN           10
#define P_FLOOD          11
#define P_REGISTERS      12
#define P_DEBUG          13
#define P_READ_FOREVER   14
#define P_BAD_CR4        15
#define P_BAD_XCR0       16
#define P_TICKS          17
#define P_SERIAL         18
#define P_RESTART        19
#define P_HALT_OFF       20
#define P_LINE           21
#define P_WINDOWS        22
#define P_BREAKPOINTS    23

#define B_TYPED 1024 /* of P_LINE: bytes from G_ANSWERS on, what it has received */

#endif
