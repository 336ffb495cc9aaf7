// SPDX-License-Identifier: GPL-2.0-only
/*
 * image_extract(): the file appears whole or not at all, and nothing else is left in its folder.
 */
#include "builder.h"
#include "check.h"
#include "image.h"
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

/* Is the file the same kernel to whoever loads it, and smaller than that one? */
static void same_kernel(const char *path, struct kernel *k)
{
    uint8_t a[KERNEL_SIZE], b[KERNEL_SIZE];
    struct image want, got;
    struct stat st;

    memset(a, 1, sizeof(a));
    memset(b, 1, sizeof(b));
    CHECK(image_open_memory(&want, k->bytes, sizeof(k->bytes), IMAGE_PV) == 0);
    if (!CHECK_SAY(image_open(&got, path, IMAGE_PV) == 0, "%s", got.message))
        return;
    CHECK(stat(path, &st) == 0 && st.st_size < 0x4000 + 0x1000);
    CHECK(got.pstart == want.pstart && got.pend == want.pend && got.nr_segments == 1);
    CHECK(got.elf_entry == want.elf_entry && got.virt_entry == want.virt_entry);
    CHECK(got.segments[0].vaddr == want.segments[0].vaddr && got.segments[0].flags == 5);
    CHECK(memcmp(&got.notes, &want.notes, sizeof(want.notes)) == 0);
    CHECK(image_load(&want, a, false) == 0 && image_load(&got, b, false) == 0 &&
          memcmp(a, b, sizeof(a)) == 0);
    CHECK(got.segments[0].filesz < want.segments[0].filesz);
    image_close(&want);
    image_close(&got);
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
    k.ph[0].p_flags = PF_R | PF_X;
    memset(k.bytes + 0x1000 + KERNEL_TEXT - 5000, 0, 5000); /* to be cut off */
    n = ZSTD_compress(packed, sizeof(packed), k.bytes, sizeof(k.bytes), 3);
    bz = kernel_bzimage(packed, n, &size);

    put(path_in, bz, size);
    CHECK_SAY(image_extract(path_in, path_out, message, sizeof(message)) == 0, "%s", message);
    same_kernel(path_out, &k);
    CHECK(entries() == 2);
    CHECK(stat(path_out, &st) == 0 && (st.st_mode & 0777) == 0644);
    put(path_in, bz, size / 2); /* damaged: the old result stays */
    CHECK(image_extract(path_in, path_out, message, sizeof(message)) == -EINVAL);
    CHECK(strstr(message, path_in) == message && strstr(message, "damaged bzImage"));
    same_kernel(path_out, &k);
    put(path_in, k.bytes, sizeof(k.bytes)); /* an ELF may be replaced by its own short form */
    CHECK(image_extract(path_in, path_in, message, sizeof(message)) == 0);
    same_kernel(path_in, &k);
    kernel_notes_in_section(&k); /* notes that only a section holds: everything is kept */
    put(path_in, k.bytes, sizeof(k.bytes));
    CHECK(image_extract(path_in, path_out, message, sizeof(message)) == 0);
    CHECK(holds(path_out, k.bytes, sizeof(k.bytes)) && entries() == 2);
    CHECK(image_extract(path_in, "/nonexistent/x", message, sizeof(message)) == -ENOENT);
    CHECK(strstr(message, "/nonexistent/x cannot be written") == message);
    CHECK(image_extract("/nonexistent/y", path_out, message, sizeof(message)) == -ENOENT);
    CHECK(strstr(message, "/nonexistent/y cannot be opened") == message);

    unlink(path_in);
    unlink(path_out);
    rmdir(folder);
    free(bz);
}
