/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain.h: an image and the files behind it, opened for a server that may not open anything itself.
 *
 * Of an image's content only the header of qcow2 is read here, for the name and the format of its
 * backing file. Whoever made the image chose that name: it is followed to
 *
 *   - a file in the image's own directory or below it, or
 *   - a regular file elsewhere that every user of this machine may read,
 *
 * as symbolic links are resolved, and read-only. So an image cannot show the guest what only root
 * may read. Names that are not those of files (nbd:, json: and so on), backing files whose format
 * is not noted, and images that keep their data in another file are refused. Backing files of other
 * formats than qcow2 are not followed; the server fails for want of them.
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

/* 0, or -1 with a sentence in err. Descriptors that were opened stay open. */
int chain_open(struct chain *chain, const char *path, const char *format, bool writable, char *err,
               size_t errlen);

#endif
