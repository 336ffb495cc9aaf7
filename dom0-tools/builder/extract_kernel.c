// SPDX-License-Identifier: GPL-2.0-only
/*
 * extract-kernel: unpack a bzImage into the ELF that the hypervisor boots as dom0. A program of its
 * own, so that package hooks and tests can use it without the rest of the tools.
 */
#include "builder.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    char message[512];

    if (argc != 3 || argv[1][0] == '-') {
        fprintf(stderr,
                "usage: extract-kernel VMLINUZ OUTPUT\n"
                "Unpacks the kernel VMLINUZ (a bzImage packed with gzip, xz, LZ4 or zstd) into "
                "the ELF file OUTPUT.\n");
        return 2;
    }
    if (image_extract(argv[1], argv[2], message, sizeof(message))) {
        fprintf(stderr, "extract-kernel: %s\n", message);
        return 1;
    }
    return 0;
}
