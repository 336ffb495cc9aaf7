// SPDX-License-Identifier: GPL-2.0-only
/*
 * chain.c: finds and opens an image and its backing files; see chain.h for what is followed.
 *
 * The header is the work of a stranger: every number from it is bounded before it is used, and no
 * more than its first 64 KiB are looked at.
 */
#include "chain.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QCOW2_MAGIC          0x514649fbU
#define QCOW2_EXTERNAL_DATA  (1ULL << 2) /* of the features that a reader must know */
#define QCOW2_BACKING_FORMAT 0xe2792acaU /* type of a header extension */
#define QCOW2_MAX_NAME       1023
#define QCOW2_LOOK           65536

/* Where the fields are; all of them are big-endian. */
enum {
    QCOW2_AT_VERSION = 4,
    QCOW2_AT_BACKING = 8,
    QCOW2_AT_BACKING_LENGTH = 16,
    QCOW2_AT_SIZE = 24,
    QCOW2_AT_FEATURES = 72, /* from version 3 on */
    QCOW2_AT_LENGTH = 100,
    QCOW2_LENGTH_2 = 72, /* of version 2's header */
};

static int refuse(char *err, size_t errlen, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char *err, size_t errlen, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err, errlen, fmt, ap);
    va_end(ap);
    return -1;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t raw;

    memcpy(&raw, at, sizeof(raw));
    return be32toh(raw);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t raw;

    memcpy(&raw, at, sizeof(raw));
    return be64toh(raw);
}

/* The format that the header notes for the backing file; "" if none. */
static void read_backing_format(const uint8_t *head, size_t n, uint64_t end, char format[32])
{
    size_t at = get32(head + QCOW2_AT_VERSION) < 3 ? QCOW2_LENGTH_2 : get32(head + QCOW2_AT_LENGTH);

    format[0] = '\0';
    if (end > n)
        end = n;
    while (at + 8 <= end) {
        uint32_t type = get32(head + at), length = get32(head + at + 4);

        at += 8;
        if (!type || length > end - at)
            return;
        if (type == QCOW2_BACKING_FORMAT && length < 32) {
            memcpy(format, head + at, length);
            format[length] = '\0';
            return;
        }
        at += ((size_t)length + 7) & ~(size_t)7;
    }
}

/* What is behind the image: its name (name[0] is 0: nothing) and format. */
static int read_header(struct chain *c, struct chain_image *image, const char *path,
                       char name[QCOW2_MAX_NAME + 1], char format[32], char *err, size_t errlen)
{
    static uint8_t head[QCOW2_LOOK];
    ssize_t n = pread(image->fd, head, sizeof(head), 0);
    uint64_t at, features;
    uint32_t length;

    name[0] = '\0';
    if (n < 0)
        return refuse(err, errlen, "%s cannot be read: %s", path, strerror(errno));
    if (n < QCOW2_AT_LENGTH + 4 || get32(head) != QCOW2_MAGIC)
        return refuse(err, errlen, "%s is not a qcow2 image: is its format= right?", path);
    features = get32(head + QCOW2_AT_VERSION) < 3 ? 0 : get64(head + QCOW2_AT_FEATURES);
    if (features & QCOW2_EXTERNAL_DATA)
        return refuse(err, errlen,
                      "%s keeps its data in another file, which is not supported: bring both into "
                      "one with `qemu-img convert -O qcow2`",
                      path);
    if (image == c->image)
        c->virtual_size = get64(head + QCOW2_AT_SIZE);
    at = get64(head + QCOW2_AT_BACKING);
    length = get32(head + QCOW2_AT_BACKING_LENGTH);
    if (!at || !length)
        return 0;
    if (length > QCOW2_MAX_NAME || at > (uint64_t)n || length > (uint64_t)n - at)
        return refuse(err, errlen, "%s has a damaged header: try `qemu-img check` on it", path);
    memcpy(name, head + at, length);
    name[length] = '\0';
    read_backing_format(head, (size_t)n, at, format);
    if (!*format)
        return refuse(err, errlen,
                      "%s does not say which format its backing file %s has: tell it with "
                      "`qemu-img rebase -u -F FORMAT -b %s %s`",
                      path, name, name, path);
    return 0;
}

/* What the descriptor is, with no symbolic link left in it. */
static int real_path(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0 && *path == '/' ? 0 : -1;
}

/* What an O_PATH descriptor stands for, opened; errno is good where that fails. */
static int reopen(int fd, int mode)
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return open(link, mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    if (S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode))
        return a->st_rdev == b->st_rdev;
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the configuration names what was found. */
static bool is_named(const struct chain_config *config, const struct stat *found)
{
    struct stat st;

    for (const char *const *name = config->backing; *name; name++)
        if (!stat(*name, &st) && same_file(&st, found))
            return true;
    return false;
}

/* Finds the next image, without opening it: a descriptor of its place, or -1 with a sentence. */
static int find_one(const struct chain *c, const struct chain_config *config, const char *path,
                    char *err, size_t errlen)
{
    struct stat st = {0};
    int fd = open(path, O_PATH | O_CLOEXEC);
    bool found = fd >= 0 && !fstat(fd, &st);

    if (c->nr && (!found || !is_named(config, &st)))
        refuse(err, errlen,
               "%s names %s as its backing file, and its configuration does not: if the guest may "
               "read that file, add backing=%s to the disk",
               config->path, path, path);
    else if (!found)
        refuse(err, errlen, "%s cannot be opened: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        refuse(err, errlen, "%s is neither a file nor a block device", path);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/*
 * To open a device can have an effect: a watchdog begins to count. So what it is comes first, by a
 * descriptor of its place, and the very same is opened then.
 */
static int open_one(struct chain *c, const struct chain_config *config, const char *path,
                    const char *format, char *err, size_t errlen)
{
    struct chain_image *image = &c->image[c->nr];
    int found = find_one(c, config, path, err, errlen);
    struct stat st = {0};

    if (found < 0)
        return -1;
    image->writable = config->writable && !c->nr;
    image->fd = reopen(found, image->writable ? O_RDWR : O_RDONLY);
    close(found);
    if (image->fd < 0 || fstat(image->fd, &st))
        return refuse(err, errlen, "%s cannot be opened%s: %s", path,
                      image->writable ? " for writing" : "", strerror(errno));
    c->nr++;
    image->is_device = S_ISBLK(st.st_mode);
    if (image == c->image)
        c->file_size = image->is_device ? 0 : (uint64_t)st.st_size;
    if (strspn(format, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(format) ||
        snprintf(image->format, sizeof(image->format), "%s", format) >= (int)sizeof(image->format))
        return refuse(err, errlen, "%s: its format is none", path);
    return 0;
}

/* The path of the file behind the image, whose path is `own`. */
static int next_path(const char *own, const char *name, char path[PATH_MAX], char *err,
                     size_t errlen)
{
    char copy[PATH_MAX];

    if (strcspn(name, ":") < strcspn(name, "/"))
        return refuse(err, errlen, "%s: its backing file \"%s\" is not the name of a file", own,
                      name);
    /* A relative name counts from the image that has it. */
    snprintf(copy, sizeof(copy), "%s", own);
    if (snprintf(path, PATH_MAX, "%s%s%s", *name == '/' ? "" : dirname(copy),
                 *name == '/' ? "" : "/", name) >= PATH_MAX)
        return refuse(err, errlen, "%s: the path of its backing file is too long", own);
    return 0;
}

int chain_open(struct chain *c, const struct chain_config *config, char *err, size_t errlen)
{
    char name[QCOW2_MAX_NAME + 1], path[PATH_MAX], own[PATH_MAX], behind[32];
    const char *format = config->format;

    memset(c, 0, sizeof(*c));
    snprintf(path, sizeof(path), "%s", config->path);
    while (!open_one(c, config, path, format, err, errlen)) {
        struct chain_image *image = &c->image[c->nr - 1];

        if (strcmp(image->format, "qcow2") != 0)
            return 0;
        if (real_path(image->fd, own))
            return refuse(err, errlen, "%s: its path cannot be found out", path);
        if (read_header(c, image, path, name, behind, err, errlen))
            return -1;
        if (!*name)
            return 0;
        if (c->nr == CHAIN_MAX)
            return refuse(err, errlen, "%s has more than %d files behind it", config->path,
                          CHAIN_MAX - 1);
        if (strcmp(behind, "raw") != 0 && strcmp(behind, "qcow2") != 0)
            return refuse(err, errlen,
                          "%s: its backing file is said to be %s, and can be raw or qcow2", path,
                          behind);
        if (next_path(own, name, path, err, errlen))
            return -1;
        format = behind;
    }
    return -1;
}
