// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compressed kernels: recognising the formats, finding bzImage's payload, unpacking.
 *
 * All output goes into one reserved range of address space, as large as the limit: memory is only
 * used as far as the unpacked data goes, nothing is ever moved, and a bomb runs into the end of the
 * range, where it is refused. The libraries do the formats; Linux's own form of LZ4 (the legacy
 * frames, then four bytes with the unpacked size) is walked here.
 */
#include "image.h"

#include <errno.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define LZ4_LEGACY_BLOCK (8U << 20)    /* no legacy block unpacks to more */
#define XZ_MEMORY        (192UL << 20) /* xz -9 needs 65 MiB */

/* The offsets in a bzImage's setup header; all fields are little-endian. */
#define SETUP_SECTS     0x1f1
#define SETUP_BOOT_FLAG 0x1fe
#define SETUP_MAGIC     0x202
#define SETUP_VERSION   0x206
#define SETUP_PAYLOAD   0x248
#define SETUP_LENGTH    0x24c
#define SETUP_SIZE      0x250
#define SETUP_SECTOR    512UL
#define SETUP_MIN_VER   0x208 /* the first boot protocol whose header names the payload */

/* One piece of work: from `in` to `out`, never past either. */
struct unpack {
    struct image *image; /* for messages */
    const uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_size; /* room */
    size_t done;     /* written */
    bool sized;      /* the kernel's form: four bytes behind the data say its unpacked size */
};

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static bool has_magic(const uint8_t *data, size_t size, const char *magic, size_t len)
{
    return size >= len && memcmp(data, magic, len) == 0;
}

enum image_format image_format(const uint8_t *data, size_t size)
{
    static const struct {
        const char *magic;
        size_t len;
        enum image_format format;
    } table[] = {
        {"\177ELF", 4, IMAGE_ELF},
        {"\037\213", 2, IMAGE_GZIP},
        {"\3757zXZ\0", 6, IMAGE_XZ},
        {"\x02\x21\x4c\x18", 4, IMAGE_LZ4_LEGACY},
        {"\x04\x22\x4d\x18", 4, IMAGE_LZ4_FRAME},
        {"\x28\xb5\x2f\xfd", 4, IMAGE_ZSTD},
        {"BZh", 3, IMAGE_BZIP2},
        {"\x89LZO\0", 5, IMAGE_LZO},
        {"\x5d\0\0", 3, IMAGE_LZMA},
    };
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (has_magic(data, size, table[i].magic, table[i].len))
            return table[i].format;
    if (size >= SETUP_SIZE && le16(data + SETUP_BOOT_FLAG) == 0xaa55 &&
        memcmp(data + SETUP_MAGIC, "HdrS", 4) == 0)
        return IMAGE_BZIMAGE;
    return IMAGE_UNKNOWN;
}

static int unpack_damaged(struct unpack *u, const char *format, const char *why)
{
    return image_fail(u->image, EINVAL,
                      "is damaged: its %s data cannot be unpacked (%s); copy it again", format,
                      why);
}

static int unpack_too_big(struct unpack *u)
{
    return image_fail(u->image, E2BIG, "unpacks to more than %zu MiB: no kernel is that large",
                      u->out_size >> 20);
}

static int unpack_gzip(struct unpack *u)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)u->in, .next_out = u->out};
    int rc;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return image_fail(u->image, ENOMEM, "cannot be unpacked: not enough memory here");
    /*
     * 15 + 16 means: a gzip header is required. Both sizes are below 4 GiB: the limits see to it.
     */
    z.avail_in = (uInt)u->in_size;
    z.avail_out = (uInt)u->out_size;
    rc = inflate(&z, Z_FINISH);
    u->done = z.total_out;
    inflateEnd(&z);
    if (rc == Z_STREAM_END)
        return 0;
    if (rc == Z_BUF_ERROR && u->done == u->out_size)
        return unpack_too_big(u);
    return unpack_damaged(u, "gzip", rc == Z_BUF_ERROR ? "it ends too early" : "bad contents");
}

static int unpack_xz(struct unpack *u)
{
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_ret rc;

    if (lzma_stream_decoder(&s, XZ_MEMORY, 0) != LZMA_OK)
        return image_fail(u->image, ENOMEM, "cannot be unpacked: not enough memory here");
    s.next_in = u->in;
    s.avail_in = u->in_size;
    s.next_out = u->out;
    s.avail_out = u->out_size;
    do {
        rc = lzma_code(&s, LZMA_RUN);
    } while (rc == LZMA_OK && s.avail_in && s.avail_out);
    u->done = u->out_size - s.avail_out;
    lzma_end(&s);
    if (rc == LZMA_STREAM_END)
        return 0;
    if (rc == LZMA_MEM_ERROR || rc == LZMA_MEMLIMIT_ERROR)
        return image_fail(u->image, ENOMEM,
                          "cannot be unpacked: its xz data wants too much memory");
    if (u->done == u->out_size)
        return unpack_too_big(u);
    return unpack_damaged(u, "xz", rc == LZMA_OK ? "it ends too early" : "bad contents");
}

/* Blocks of { le32 packed size, data }, to the end of the input. */
static int unpack_lz4_legacy(struct unpack *u)
{
    size_t pos = 4;

    /* The size at the end is not needed: the room is bounded in any case. */
    if (u->sized) {
        if (u->in_size < 8)
            return unpack_damaged(u, "LZ4", "it ends too early");
        u->in_size -= 4;
    }
    while (pos < u->in_size) {
        size_t room = u->out_size - u->done;
        uint32_t packed;
        int n;

        if (u->in_size - pos < 4)
            return unpack_damaged(u, "LZ4", "it ends inside a block size");
        packed = le32(u->in + pos);
        pos += 4;
        if (packed == 0x184c2102) /* frames may follow each other */
            continue;
        if (packed == 0 || packed > u->in_size - pos ||
            packed > (uint32_t)LZ4_compressBound(LZ4_LEGACY_BLOCK))
            return unpack_damaged(u, "LZ4", "a block's size is out of range");
        if (room > LZ4_LEGACY_BLOCK)
            room = LZ4_LEGACY_BLOCK;
        n = LZ4_decompress_safe((const char *)u->in + pos, (char *)u->out + u->done, (int)packed,
                                (int)room);
        if (n < 0)
            return room < LZ4_LEGACY_BLOCK ? unpack_too_big(u)
                                           : unpack_damaged(u, "LZ4", "bad contents");
        u->done += (size_t)n;
        pos += packed;
    }
    return 0;
}

static int unpack_lz4_frame(struct unpack *u)
{
    LZ4F_dctx *ctx;
    size_t pos = 0, rc;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
        return image_fail(u->image, ENOMEM, "cannot be unpacked: not enough memory here");
    do {
        size_t out = u->out_size - u->done, in = u->in_size - pos;

        rc = LZ4F_decompress(ctx, u->out + u->done, &out, u->in + pos, &in, NULL);
        if (LZ4F_isError(rc) || (!in && !out))
            break;
        u->done += out;
        pos += in;
    } while (rc);
    LZ4F_freeDecompressionContext(ctx);
    if (LZ4F_isError(rc))
        return unpack_damaged(u, "LZ4", LZ4F_getErrorName(rc));
    if (rc)
        return u->done == u->out_size ? unpack_too_big(u)
                                      : unpack_damaged(u, "LZ4", "it ends too early");
    return 0;
}

/* One frame: a kernel's four bytes of size may stand behind it, so its end is found first. */
static int unpack_zstd(struct unpack *u)
{
    size_t frame = ZSTD_findFrameCompressedSize(u->in, u->in_size);
    unsigned long long content = ZSTD_getFrameContentSize(u->in, u->in_size);
    size_t rc;

    if (ZSTD_isError(frame))
        return unpack_damaged(u, "zstd", ZSTD_getErrorName(frame));
    if (content != ZSTD_CONTENTSIZE_UNKNOWN && content != ZSTD_CONTENTSIZE_ERROR &&
        content > u->out_size)
        return unpack_too_big(u);
    rc = ZSTD_decompress(u->out, u->out_size, u->in, frame);
    if (ZSTD_isError(rc)) {
        if (ZSTD_getErrorCode(rc) == ZSTD_error_dstSize_tooSmall)
            return unpack_too_big(u);
        return unpack_damaged(u, "zstd", ZSTD_getErrorName(rc));
    }
    u->done = rc;
    return 0;
}

/* Narrow `u` to the packed kernel inside a bzImage. */
static int unpack_find_payload(struct unpack *u)
{
    uint32_t version = le16(u->in + SETUP_VERSION);
    size_t sectors = u->in[SETUP_SECTS] ? u->in[SETUP_SECTS] : 4; /* boot protocol: 0 means 4 */
    size_t start = (sectors + 1) * SETUP_SECTOR;
    uint32_t offset = le32(u->in + SETUP_PAYLOAD);
    uint32_t length = le32(u->in + SETUP_LENGTH);

    if (version < SETUP_MIN_VER || length == 0)
        return image_fail(
            u->image, ENOEXEC,
            "is a bzImage of boot protocol %u.%02u, whose header does not say where the "
            "packed kernel is (2.08 or later does); give an unpacked ELF kernel",
            version >> 8, version & 0xff);
    if (start > u->in_size || offset > u->in_size - start || length > u->in_size - start - offset)
        return image_fail(
            u->image, EINVAL,
            "is a damaged bzImage: its packed kernel would end at byte %zu of a file of "
            "%zu bytes; copy it again",
            start + offset + length, u->in_size);
    u->in += start + offset;
    u->in_size = length;
    u->sized = true;
    return 0;
}

static int unpack_any(struct unpack *u)
{
    enum image_format format = image_format(u->in, u->in_size);
    int rc;

    if (format == IMAGE_BZIMAGE) {
        rc = unpack_find_payload(u);
        if (rc)
            return rc;
        format = image_format(u->in, u->in_size);
    }
    switch (format) {
    case IMAGE_GZIP:
        return unpack_gzip(u);
    case IMAGE_XZ:
        return unpack_xz(u);
    case IMAGE_LZ4_LEGACY:
        return unpack_lz4_legacy(u);
    case IMAGE_LZ4_FRAME:
        return unpack_lz4_frame(u);
    case IMAGE_ZSTD:
        return unpack_zstd(u);
    case IMAGE_BZIP2:
    case IMAGE_LZMA:
    case IMAGE_LZO:
        return image_fail(
            u->image, ENOEXEC,
            "is packed with %s, which cannot be unpacked here (gzip, xz, LZ4 and zstd "
            "can); give an unpacked ELF kernel",
            format == IMAGE_BZIP2  ? "bzip2"
            : format == IMAGE_LZMA ? "LZMA"
                                   : "LZO");
    default:
        return image_fail(u->image, ENOEXEC,
                          u->sized
                              ? "is a bzImage whose payload is in no known packed format; give "
                                "an unpacked ELF kernel"
                              : "is neither an ELF kernel nor a bzImage");
    }
}

int image_unpack(struct image *image, const uint8_t *data, size_t size, size_t limit, uint8_t **out,
                 size_t *out_size)
{
    struct unpack u = {.image = image, .in = data, .in_size = size, .out_size = limit};
    size_t keep;
    int rc;

    u.out = mmap(NULL, limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (u.out == MAP_FAILED)
        return image_fail(image, ENOMEM, "cannot be unpacked: not enough memory here");
    rc = unpack_any(&u);
    if (!rc && u.done == 0)
        rc = unpack_damaged(&u, "packed", "nothing is in it");
    if (rc) {
        munmap(u.out, limit);
        return rc;
    }
    keep = (u.done + IMAGE_PAGE_SIZE - 1) & ~(IMAGE_PAGE_SIZE - 1);
    if (keep < limit)
        munmap(u.out + keep, limit - keep);
    *out = u.out;
    *out_size = u.done;
    return 0;
}
