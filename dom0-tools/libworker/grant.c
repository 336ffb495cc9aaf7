// SPDX-License-Identifier: GPL-2.0-only
/*
 * grant.c: a worker's grants, through the one /dev/xen/gntdev that it opened before its sandbox,
 * and memory of its own that is granted to its own domain (/dev/xen/gntalloc).
 *
 * A mapping's offset in the device file is what unmapping asks for; the kernel tells it for an
 * address, so nothing needs to be remembered here.
 */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GRANT_MAX_MAP 256 /* pages of one mapping */

struct grant_map_request {
    uint32_t count;
    uint32_t pad;
    uint64_t index;
    struct {
        uint32_t domid;
        uint32_t ref;
    } refs[GRANT_MAX_MAP];
};
struct grant_unmap_request {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};
struct grant_offset_request {
    uint64_t vaddr;
    uint64_t offset;
    uint32_t count;
    uint32_t pad;
};
struct grant_copy_request {
    unsigned int count;
    struct grant_copy *pieces;
};
struct grant_alloc_request {
    uint16_t domid;
    uint16_t flags;
    uint32_t count;
    uint64_t index;  /* OUT: where to map the pages */
    uint32_t refs[]; /* OUT */
};
#define GRANT_ALLOC_WRITABLE 1

/* The size in the first number is that of the request with one reference. */
#define IOCTL_GRANT_MAP    _IOC(_IOC_NONE, 'G', 0, 24)
#define IOCTL_GRANT_UNMAP  _IOC(_IOC_NONE, 'G', 1, sizeof(struct grant_unmap_request))
#define IOCTL_GRANT_OFFSET _IOC(_IOC_NONE, 'G', 2, sizeof(struct grant_offset_request))
#define IOCTL_GRANT_ALLOC  _IOC(_IOC_NONE, 'G', 5, 24) /* as above */
#define IOCTL_GRANT_COPY   _IOC(_IOC_NONE, 'G', 8, sizeof(struct grant_copy_request))

_Static_assert(sizeof(struct grant_copy) == 24, "the kernel's segment of a copy");

void *grant_map(const uint32_t *refs, unsigned nr, bool readonly)
{
    struct grant_map_request arg = {.count = nr};
    struct grant_unmap_request undo = {.count = nr};
    void *p;
    int err;

    if (!nr || nr > GRANT_MAX_MAP) {
        errno = EINVAL;
        return NULL;
    }
    for (unsigned i = 0; i < nr; i++) {
        arg.refs[i].domid = runtime.domid;
        arg.refs[i].ref = refs[i];
    }
    if (ioctl(runtime.gntdev, IOCTL_GRANT_MAP, &arg))
        return NULL;
    p = mmap(NULL, nr * CTL_PAGE_SIZE, PROT_READ | (readonly ? 0 : PROT_WRITE), MAP_SHARED,
             runtime.gntdev, (off_t)arg.index);
    if (p != MAP_FAILED)
        return p;
    err = errno;
    undo.index = arg.index;
    ioctl(runtime.gntdev, IOCTL_GRANT_UNMAP, &undo);
    errno = err;
    return NULL;
}

void grant_unmap(void *p, unsigned nr)
{
    struct grant_offset_request where = {.vaddr = (uintptr_t)p};
    struct grant_unmap_request undo = {.count = nr};
    bool found;

    if (!p)
        return;
    found = !ioctl(runtime.gntdev, IOCTL_GRANT_OFFSET, &where);
    munmap(p, nr * CTL_PAGE_SIZE);
    if (!found)
        return;
    undo.index = where.offset;
    ioctl(runtime.gntdev, IOCTL_GRANT_UNMAP, &undo);
}

void grant_copy(struct grant_copy *pieces, unsigned nr)
{
    struct grant_copy_request arg = {.count = nr, .pieces = pieces};

    /* The kernel does not tell how far it came: it may have written statuses of the first ones. */
    if (nr && ioctl(runtime.gntdev, IOCTL_GRANT_COPY, &arg))
        for (unsigned i = 0; i < nr; i++)
            pieces[i].status = GNTST_general_error;
}

/* --- memory of our own ----------------------------------------------------------------------- */

/*
 * The pages and their grants go with the mapping, when the process ends; the descriptor is needed
 * no longer. Back-ends are domain 0's, so that is who may use the grants. The request has eight
 * bytes more than it needs: the kernel reads 24, however few references there is room for.
 */
static void *map_granted(unsigned pages, uint32_t **refs)
{
    struct grant_alloc_request *arg = calloc(1, sizeof(*arg) + pages * sizeof(uint32_t) + 8);
    int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
    void *p = MAP_FAILED;

    if (arg && fd >= 0) {
        arg->flags = GRANT_ALLOC_WRITABLE;
        arg->count = pages;
        if (!ioctl(fd, IOCTL_GRANT_ALLOC, arg))
            p = mmap(NULL, pages * CTL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                     (off_t)arg->index);
    }
    if (fd >= 0)
        close(fd);
    *refs = arg ? arg->refs : NULL;
    if (p == MAP_FAILED)
        free(arg);
    return p == MAP_FAILED ? NULL : p;
}

/* A hypervisor might not know copies between grants of one domain. */
static bool granted_works(uint8_t *page, uint32_t ref)
{
    struct grant_copy piece = {.source.guest = {.ref = ref, .domid = DOMID_SELF},
                               .dest.guest = {.ref = ref, .offset = 8, .domid = DOMID_SELF},
                               .length = 8,
                               .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
                               .status = GNTST_general_error};

    page[0] = 0x5a;
    grant_copy(&piece, 1);
    return !piece.status && page[8] == 0x5a;
}

void *grant_memory(unsigned pages)
{
    uint32_t *refs;
    uint8_t *p = map_granted(pages, &refs);

    if (p && granted_works(p, refs[0])) {
        runtime.granted.base = p;
        runtime.granted.size = pages * CTL_PAGE_SIZE;
        runtime.granted.refs = refs;
        return p;
    }
    if (p)
        munmap(p, pages * CTL_PAGE_SIZE);
    p = mmap(NULL, pages * CTL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0);
    return p == MAP_FAILED ? NULL : p;
}
