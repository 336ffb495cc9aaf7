/* SPDX-License-Identifier: GPL-2.0-only */
/* What all entries of a table stand for: see pv/table_refs.c. For pv/page_types.c. */
#ifndef PV_TABLE_REFS_H
#define PV_TABLE_REFS_H

#include <core/domain.h>
#include <lib/types.h>
#include <x86/page.h>

/*
 * Takes the references that the entries of t stand for, a table of d's that is to be. 0 or
 * -XEN_E*, with nothing taken. *runs (of levels 2 to 4): see page_type_mark_run().
 */
int table_refs_take(pte_t *t, unsigned level, uint32_t *runs, struct domain *d);
#define TABLE_REFS_UNKNOWN UINT32_MAX /* runs, of which nobody has kept account */
/*
 * Drops them. The entries stay as they are: an idle table keeps its contents, and if it becomes one
 * again they are judged anew. Runs that are not named have no entries.
 */
void table_refs_drop(pte_t *t, unsigned level, uint32_t runs, struct domain *d);

#endif
