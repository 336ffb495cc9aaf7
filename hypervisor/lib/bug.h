/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Broken invariants of the hypervisor itself. Never reached by a guest's input: that is answered
 * with an errno or with domain_crash(). On the host, unit tests supply panic().
 */
#ifndef LIB_BUG_H
#define LIB_BUG_H

#include <lib/types.h>

void panic(const char *fmt, ...) NORETURN PRINTF_LIKE(1, 2);

/* BUG_ON() evaluates its condition in every build. */
#define BUG() panic("BUG at %s:%d (%s)", __FILE__, __LINE__, __func__)
#define BUG_ON(cond)                                                             \
    do {                                                                         \
        if (unlikely(cond))                                                      \
            panic("BUG at %s:%d (%s): %s", __FILE__, __LINE__, __func__, #cond); \
    } while (0)

/* For invariants too costly for every build: NDEBUG is set in release builds. */
#ifdef NDEBUG
#define ASSERT(cond) ((void)sizeof(!(cond)))
#else
#define ASSERT(cond) BUG_ON(!(cond))
#endif

#endif
