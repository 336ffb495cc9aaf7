/* SPDX-License-Identifier: GPL-2.0-only */
/* Between x86/acpi_find.c, which knows where to look, and x86/acpi.c, which reads. */
#ifndef X86_ACPI_H
#define X86_ACPI_H

#include <lib/types.h>

bool acpi_checksum_ok(const uint8_t *p, uint64_t n);
/* Fills acpi_info from the tables that an RSDP (of at least 36 bytes; NULL: none) leads to. */
void acpi_parse(const uint8_t *rsdp);

#endif
