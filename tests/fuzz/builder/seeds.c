// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the fuzzer's first inputs: the unit tests' small kernels, plain and packed. They are made
 * and not kept, so that they follow the code.
 */
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <lz4frame.h>
#include <lzma.h>

static const char *folder;

static void put(const char *name, const void *bytes, size_t size)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) {
        perror(path);
        exit(1);
    }
}

static void put_packed(const char *name, const uint8_t *packed, size_t n, uint32_t size)
{
    uint8_t copy[2 * KERNEL_SIZE], *bz;
    size_t bz_size;
    char wrapped[64];

    put(name, packed, n);
    memcpy(copy, packed, n);
    memcpy(copy + n, &size, 4);
    bz = kernel_bzimage(copy, n + 4, &bz_size);
    snprintf(wrapped, sizeof(wrapped), "bz-%s", name);
    put(wrapped, bz, bz_size);
    free(bz);
}

int main(int argc, char **argv)
{
    uint8_t packed[2 * KERNEL_SIZE];
    size_t n = 0, size;
    struct kernel k;
    z_stream z = {0};

    if (argc != 2)
        return 2;
    folder = argv[1];
    kernel_linux(&k);
    size = 0x1000 + KERNEL_TEXT;
    put("linux", k.bytes, size);
    put_packed("zstd", packed, ZSTD_compress(packed, sizeof(packed), k.bytes, size, 3), size);
    put_packed("lz4", packed, LZ4F_compressFrame(packed, sizeof(packed), k.bytes, size, NULL),
               size);
    lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, k.bytes, size, packed, &n, sizeof(packed));
    put_packed("xz", packed, n, size);
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = k.bytes;
    z.avail_in = (uInt)size;
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    deflate(&z, Z_FINISH);
    put_packed("gzip", packed, z.total_out, size);
    deflateEnd(&z);
    kernel_notes_in_section(&k);
    put("section", k.bytes, sizeof(k.bytes));
    kernel_bare(&k);
    kernel_legacy(&k,
                  "GUEST_OS=old,XEN_VER=xen-3.0,VIRT_BASE=0x0,HYPERCALL_PAGE=0x102,FEATURES=a|!b");
    put("legacy", k.bytes, sizeof(k.bytes));
    return 0;
}
