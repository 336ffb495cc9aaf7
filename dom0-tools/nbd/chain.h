/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain.h: an image and the files behind it, opened for a server that may not open anything itself.
 *
 * Of an image's content only the header of qcow2 is read here, for the name and the format of its
 * backing file. Whoever made the image chose that name, and the guest will read what it stands for:
 * so it is followed only to a file that the disk's configuration names, too, whatever the path by
 * which either names it, and read-only. All others are not even opened, and whether they exist is
 * not told. The format of a backing file must be noted, and be raw or qcow2; names that are not
 * those of files (nbd:, json: and so on) and images that keep their data in another file are
 * refused.
 *
 * Other formats that the server knows are not looked into, and can name other files, too. The
 * server finds none of these in its world.
 */
#ifndef LODGE_BACKEND_CHAIN_H
#define LODGE_BACKEND_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_MAX 16

struct chain {
    unsigned nr;
    struct chain_image {
        int fd;
        bool writable, is_device;
        char format[32];
    } image[CHAIN_MAX];    /* the first one is what the guest sees, each next one is behind it */
    uint64_t virtual_size; /* of the first one; 0: not known */
    uint64_t file_size;
};

/* What the configuration says. */
struct chain_config {
    const char *path, *format;
    bool writable;
    const char *const *backing; /* files that may be behind it; ends with NULL */
};

/* 0, or -1 with a sentence in err. Descriptors that were opened stay open. */
int chain_open(struct chain *chain, const struct chain_config *config, char *err, size_t errlen);

#endif
