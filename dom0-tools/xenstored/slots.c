// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places for ring slots. The file grows by chunks that are mapped one by one, since rings hold
 * pointers into it. Blocks are reserved before they are used: a full file system must show as an
 * error here, not as a bus error at a later store.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"
#include "slots.h"

#define SLOT_SIZE  16384u
#define PER_CHUNK  64u
#define CHUNK_SIZE ((size_t)SLOT_SIZE * PER_CHUNK)
#define CHUNKS     512u /* room for as many domains as there are ids */

static unsigned char *chunk[CHUNKS];  /* NULL: not mapped yet. Never unmapped */
static bool used[CHUNKS * PER_CHUNK]; /* by index; only in memory: the journal names the used */
static int slots_fd = -1;

int slots_open(const char *dir)
{
    char name[4096];

    if (!dir)
        return 0;
    snprintf(name, sizeof(name), "%s/rings", dir);
    slots_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return slots_fd < 0 ? -errno : 0;
}

/* Maps the chunk if need be, and marks the slot as used. NULL if that cannot be. */
static struct ring_slot *place(uint32_t index)
{
    uint32_t n = index / PER_CHUNK;
    off_t at = (off_t)(n * CHUNK_SIZE);
    void *mem;

    if (index >= CHUNKS * PER_CHUNK || used[index])
        return NULL;
    if (!chunk[n]) {
        int rc = slots_fd < 0 ? 0 : posix_fallocate(slots_fd, at, (off_t)CHUNK_SIZE);

        if (rc) {
            log_error("no room for the state of more domains: %s", strerror(rc));
            return NULL;
        }
        mem =
            slots_fd < 0
                ? mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                : mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, slots_fd, at);
        if (mem == MAP_FAILED)
            return NULL;
        chunk[n] = mem;
    }
    used[index] = true;
    return (struct ring_slot *)(chunk[n] + (size_t)(index % PER_CHUNK) * SLOT_SIZE);
}

struct ring_slot *slots_new(uint32_t *index)
{
    struct ring_slot *s;

    for (*index = 0; *index < CHUNKS * PER_CHUNK && used[*index];)
        ++*index;
    s = place(*index);
    if (s)
        memset(s, 0, sizeof(*s));
    return s;
}

struct ring_slot *slots_at(uint32_t index)
{
    return place(index);
}

void slots_free(uint32_t index)
{
    used[index] = false;
}
