// SPDX-License-Identifier: GPL-2.0-only
/*
 * image_extract(): the file appears whole or not at all, and nothing else is left in its folder.
 */
#include "builder.h"
#include "check.h"
#include "kernel.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

static char folder[] = "/tmp/lodge-test-extract-XXXXXX";
static char path_in[64], path_out[64];

static int entries(void)
{
    DIR *d = opendir(folder);
    int n = -2; /* . and .. */

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void put(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "w");

    CHECK(f && fwrite(bytes, 1, size, f) == size);
    fclose(f);
}

static bool holds(const char *path, const void *bytes, size_t size)
{
    uint8_t *got = malloc(size + 1);
    FILE *f = fopen(path, "r");
    bool same = f && fread(got, 1, size + 1, f) == size && memcmp(got, bytes, size) == 0;

    if (f)
        fclose(f);
    free(got);
    return same;
}

void test_extract(void)
{
    uint8_t packed[2 * KERNEL_SIZE], *bz;
    char message[512] = "";
    struct kernel k;
    struct stat st;
    size_t n, size;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path_in, sizeof(path_in), "%s/vmlinuz", folder);
    snprintf(path_out, sizeof(path_out), "%s/vmlinux", folder);
    kernel_linux(&k);
    n = ZSTD_compress(packed, sizeof(packed), k.bytes, sizeof(k.bytes), 3);
    bz = kernel_bzimage(packed, n, &size);

    put(path_in, bz, size);
    CHECK_SAY(image_extract(path_in, path_out, message, sizeof(message)) == 0, "%s", message);
    CHECK(holds(path_out, k.bytes, sizeof(k.bytes)) && entries() == 2);
    CHECK(stat(path_out, &st) == 0 && (st.st_mode & 0777) == 0644);
    put(path_in, bz, size / 2); /* damaged: the old result stays */
    CHECK(image_extract(path_in, path_out, message, sizeof(message)) == -EINVAL);
    CHECK(strstr(message, path_in) == message && strstr(message, "damaged bzImage"));
    CHECK(holds(path_out, k.bytes, sizeof(k.bytes)) && entries() == 2);
    put(path_in, k.bytes, sizeof(k.bytes)); /* an ELF is copied, onto itself if need be */
    CHECK(image_extract(path_in, path_in, message, sizeof(message)) == 0);
    CHECK(holds(path_in, k.bytes, sizeof(k.bytes)) && entries() == 2);
    CHECK(image_extract(path_in, "/nonexistent/x", message, sizeof(message)) == -ENOENT);
    CHECK(strstr(message, "/nonexistent/x cannot be written") == message);
    CHECK(image_extract("/nonexistent/y", path_out, message, sizeof(message)) == -ENOENT);
    CHECK(strstr(message, "/nonexistent/y cannot be opened") == message);

    unlink(path_in);
    unlink(path_out);
    rmdir(folder);
    free(bz);
}
