/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this guest share. */
#ifndef MMU_MMU_H
#define MMU_MMU_H

void full_tables(void); /* full.c */

#endif
