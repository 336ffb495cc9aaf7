// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed kernels: each format bare and inside a bzImage, cut, changed, and as a bomb.
 */
#include "check.h"
#include "image.h"
#include "kernel.h"

#include <errno.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#define ROOM (64UL << 20)

typedef size_t (*packer)(const uint8_t *in, size_t size, uint8_t *out);

static size_t pack_gzip(const uint8_t *in, size_t size, uint8_t *out)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)size, .next_out = out};

    z.avail_out = ROOM;
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return z.total_out;
}

static size_t pack_xz(const uint8_t *in, size_t size, uint8_t *out)
{
    size_t done = 0;

    lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, in, size, out, &done, ROOM);
    return done;
}

static size_t pack_lz4_legacy(const uint8_t *in, size_t size, uint8_t *out)
{
    uint32_t magic = 0x184c2102;
    size_t done = 4, pos;

    memcpy(out, &magic, 4);
    for (pos = 0; pos < size; pos += 8 << 20) {
        size_t part = size - pos < 8 << 20 ? size - pos : 8 << 20;
        uint32_t n = (uint32_t)LZ4_compress_default((const char *)in + pos, (char *)out + done + 4,
                                                    (int)part, (int)(ROOM - done - 4));

        memcpy(out + done, &n, 4);
        done += 4 + n;
    }
    return done;
}

static size_t pack_lz4_frame(const uint8_t *in, size_t size, uint8_t *out)
{
    return LZ4F_compressFrame(out, ROOM, in, size, NULL);
}

static size_t pack_zstd(const uint8_t *in, size_t size, uint8_t *out)
{
    return ZSTD_compress(out, ROOM, in, size, 3);
}

static const struct {
    const char *name;
    packer pack;
    bool checked; /* has a checksum that is always there */
} formats[] = {
    {"gzip", pack_gzip, true},
    {"xz", pack_xz, true},
    {"lz4 legacy", pack_lz4_legacy, false},
    {"lz4 frame", pack_lz4_frame, false},
    {"zstd", pack_zstd, false},
};

/* Bare, and as a bzImage with the size behind the data as Linux's build appends it. */
static void test_good(const char *name, packer pack, struct kernel *k, uint8_t *packed)
{
    uint32_t size = sizeof(k->bytes);
    size_t n = pack(k->bytes, size, packed), bz_size;
    struct image image;
    uint8_t *bz;
    int rc;

    rc = image_open_memory(&image, packed, n, IMAGE_PV);
    CHECK_SAY(rc == 0, "%s: %s", name, image.message);
    CHECK_SAY(image.size == size && memcmp(image.data, k->bytes, size) == 0, "%s", name);
    image_close(&image);
    if (pack != pack_gzip) {
        memcpy(packed + n, &size, 4);
        n += 4;
    }
    bz = kernel_bzimage(packed, n, &bz_size);
    rc = image_open_memory(&image, bz, bz_size, IMAGE_PV);
    CHECK_SAY(rc == 0, "bzImage with %s: %s", name, image.message);
    CHECK_SAY(image.size == size && memcmp(image.data, k->bytes, size) == 0, "bzImage, %s", name);
    CHECK(image.virt_base == KERNEL_VIRT);
    image_close(&image);
    free(bz);
}

/* Cut anywhere, or with a byte changed: refused or, where the format cannot notice, survived. */
static void test_bad(const char *name, packer pack, bool checked, struct kernel *k, uint8_t *packed)
{
    size_t n = pack(k->bytes, sizeof(k->bytes), packed), i, out_size;
    uint8_t *out;
    struct image image;
    int rc;

    for (i = 0; i < n; i += 1 + n / 500) {
        uint8_t *copy = malloc(i ? i : 1);

        memcpy(copy, packed, i);
        rc = image_open_memory(&image, copy, i, IMAGE_PV);
        CHECK_SAY(rc < 0 && image.message[0], "%s cut to %zu of %zu was accepted", name, i, n);
        image_close(&image);
        free(copy);
    }
    for (i = 0; i < n; i += 1 + n / 500) {
        packed[i] ^= 0x55;
        rc = image_open_memory(&image, packed, n, IMAGE_PV);
        /* Not every change matters: repeats can be encoded in more than one way. */
        if (checked && rc == 0)
            CHECK_SAY(image.size == sizeof(k->bytes) &&
                          memcmp(image.data, k->bytes, sizeof(k->bytes)) == 0,
                      "%s with byte %zu of %zu changed gave other data", name, i, n);
        image_close(&image);
        packed[i] ^= 0x55;
    }
    rc = image_unpack(&image, packed, n, 4096, &out, &out_size);
    CHECK_SAY(rc == -E2BIG, "%s: a limit of 4096 bytes gave %d: %s", name, rc, image.message);
}

static void test_bomb(const char *name, packer pack, uint8_t *packed)
{
    size_t size = 40UL << 20, n, out_size;
    uint8_t *zeroes = calloc(1, size), *out;
    struct image image;
    int rc;

    n = pack(zeroes, size, packed);
    rc = image_unpack(&image, packed, n, 32UL << 20, &out, &out_size);
    CHECK_SAY(rc == -E2BIG, "%s: a bomb gave %d: %s", name, rc, image.message);
    rc = image_unpack(&image, packed, n, size, &out, &out_size);
    CHECK_SAY(rc == 0 && out_size == size, "%s: exactly the limit gave %d", name, rc);
    if (!rc)
        munmap(out, out_size);
    free(zeroes);
}

static void refuse(const uint8_t *bytes, size_t size, int err, const char *words)
{
    struct image image;
    int rc = image_open_memory(&image, bytes, size, IMAGE_PV);

    CHECK_SAY(rc == -err && strstr(image.message, words), "%d instead of %d, \"%s\" in \"%s\"", rc,
              -err, words, image.message);
}

static void test_bzimage(struct kernel *k, uint8_t *packed)
{
    size_t n = pack_gzip(k->bytes, sizeof(k->bytes), packed), size;
    uint8_t *bz = kernel_bzimage(packed, n, &size);
    uint32_t big = UINT32_MAX;

    memcpy(bz + 0x24c, &big, 4);
    refuse(bz, size, EINVAL, "damaged bzImage");
    memcpy(bz + 0x248, &big, 4);
    refuse(bz, size, EINVAL, "damaged bzImage");
    bz[0x1f1] = 255;
    refuse(bz, size, EINVAL, "damaged bzImage");
    bz[0x206] = 7;
    refuse(bz, size, ENOEXEC, "boot protocol 2.07");
    free(bz);
    bz = kernel_bzimage("BZh9 and more, which is bzip2", 29, &size);
    refuse(bz, size, ENOEXEC, "packed with bzip2");
    free(bz);
    bz = kernel_bzimage("plain text that is long enough to be a payload, somehow, perhaps yes", 64,
                        &size);
    refuse(bz, size, ENOEXEC, "no known packed format");
    refuse(bz, 0x240, ENOEXEC, "neither");
    free(bz);
    n = pack_gzip((const uint8_t *)"no kernel in here", 17, packed);
    refuse(packed, n, ENOEXEC, "not an ELF kernel");
    n = pack_gzip((const uint8_t *)"", 0, packed);
    refuse(packed, n, EINVAL, "nothing is in it");
}

void test_unpack(void)
{
    uint8_t *packed = malloc(ROOM + 64);
    struct kernel k;
    size_t i;

    kernel_linux(&k);
    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        test_good(formats[i].name, formats[i].pack, &k, packed);
        test_bad(formats[i].name, formats[i].pack, formats[i].checked, &k, packed);
        test_bomb(formats[i].name, formats[i].pack, packed);
    }
    test_bzimage(&k, packed);
    free(packed);
}
