/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this guest share. */
#ifndef LODGE_EXT_EXT_H
#define LODGE_EXT_EXT_H

#include <kit/kit.h>
#include <public/lodge.h>

#define ALL_FEATURES \
    (LODGE_F_MMU_RUN | LODGE_F_ALIAS | LODGE_F_TABLE_NEW | LODGE_F_SWITCH | LODGE_F_AREA)

static inline int lodge(uint64_t cmd, const void *arg)
{
    return (int)hc3(__HYPERVISOR_lodge_op, cmd, arg, 0);
}

int negotiate(uint64_t features); /* of this version, with the direct map at 0; CHECKs what comes */
void runs(void);
void aliases(void);
void new_tables(void);
void switches(void);
void areas(void);

#endif
