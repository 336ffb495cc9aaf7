/* SPDX-License-Identifier: GPL-2.0-only */
/* builder_acpi.c: ACPI tables of a guest. Pure: bytes into memory. */
#ifndef LODGE_BUILDER_ACPI_H
#define LODGE_BUILDER_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the tables for that many vcpus need. */
size_t acpi_size(uint32_t vcpus);
/*
 * Write them to `to`, where the guest will have them at that address, below 4 GiB: the RSDP first.
 * The first `online` vcpus exist from the start. The vcpu's APIC id is twice its number.
 */
void acpi_build(void *to, uint64_t address, uint32_t vcpus, uint32_t online);

#endif
