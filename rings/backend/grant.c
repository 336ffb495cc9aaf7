// SPDX-License-Identifier: GPL-2.0-only
/*
 * grant.c: a worker's grants, through the one /dev/xen/gntdev that it opened before its sandbox.
 *
 * A mapping's offset in the device file is what unmapping asks for; the kernel tells it for an
 * address, so nothing needs to be remembered here.
 */
#include "runtime.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

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

/* The size in the first number is that of the request with one reference. */
#define IOCTL_GRANT_MAP    _IOC(_IOC_NONE, 'G', 0, 24)
#define IOCTL_GRANT_UNMAP  _IOC(_IOC_NONE, 'G', 1, sizeof(struct grant_unmap_request))
#define IOCTL_GRANT_OFFSET _IOC(_IOC_NONE, 'G', 2, sizeof(struct grant_offset_request))
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

int grant_copy(struct grant_copy *pieces, unsigned nr)
{
    struct grant_copy_request arg = {.count = nr, .pieces = pieces};

    if (!nr)
        return 0;
    return ioctl(runtime.gntdev, IOCTL_GRANT_COPY, &arg) ? -errno : 0;
}
