/* SPDX-License-Identifier: GPL-2.0-only */
/* The hypervisor's own string functions under names that do not replace the host's. */
#ifndef RENAME_H
#define RENAME_H
#define memcpy  hv_memcpy
#define memmove hv_memmove
#define memset  hv_memset
#define memcmp  hv_memcmp
#define strlen  hv_strlen
#define strcmp  hv_strcmp
#define strncmp hv_strncmp
#define strchr  hv_strchr
#endif
