// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: finding a new domain's table to seed it, and mapping pages that a guest granted.
 */
#include "libctl.h"
#include "ctl_private.h"

#include <errno.h>
#include <fcntl.h>
#include <public/hypercalls.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <public/grant_table.h>

/* The kernel's requests: make grants mappable at an offset of the device, and forget them. */
struct gntdev_map_request {
    uint32_t count;
    uint32_t pad;
    uint64_t index;
    struct {
        uint32_t domid;
        uint32_t ref;
    } refs[1];
};
struct gntdev_unmap_request {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};
#define IOCTL_GNTDEV_MAP_GRANT_REF   _IOC(_IOC_NONE, 'G', 0, sizeof(struct gntdev_map_request))
#define IOCTL_GNTDEV_UNMAP_GRANT_REF _IOC(_IOC_NONE, 'G', 1, sizeof(struct gntdev_unmap_request))

int ctl_grant_frame(struct ctl *ctl, uint16_t domid, uint64_t *mfn)
{
    /* The operation and what it points to, both in safe memory. */
    struct {
        struct gnttab_setup_table op;
        uint64_t frame;
    } * arg;
    struct ctl_buf buf;
    long rc;

    rc = ctl_buf_get(ctl, &buf, sizeof(*arg));
    if (rc)
        return (int)rc;
    arg = buf.p;
    memset(arg, 0, sizeof(*arg));
    arg->op.dom = domid;
    arg->op.nr_frames = 1;
    set_xen_guest_handle(arg->op.frame_list, &arg->frame);
    rc = ctl_hypercall(ctl, __HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (uintptr_t)arg, 1, 0,
                       0);
    /* Grant operations say in `status` what became of each; the call itself has succeeded. */
    if (!rc && arg->op.status != GNTST_okay)
        rc = -EINVAL;
    *mfn = arg->frame;
    if (rc < 0)
        ctl_fail(ctl, (int)-rc, "the grant table of domain %u cannot be set up: %s (status %d)",
                 domid, ctl_reason((int)-rc), arg->op.status);
    ctl_buf_put(ctl, &buf);
    return (int)rc;
}

int ctl_grant_map(struct ctl *ctl, uint16_t domid, uint32_t ref, int prot,
                  struct ctl_grant_map *map)
{
    struct gntdev_map_request arg = {.count = 1, .refs = {{domid, ref}}};
    int err;

    map->fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (map->fd < 0)
        return ctl_fail(ctl, errno,
                        "/dev/xen/gntdev cannot be opened: %s; load the kernel module xen-gntdev",
                        strerror(errno));
    map->p = MAP_FAILED;
    if (ioctl(map->fd, IOCTL_GNTDEV_MAP_GRANT_REF, &arg) == 0)
        map->p = mmap(NULL, CTL_PAGE_SIZE, prot, MAP_SHARED, map->fd, (off_t)arg.index);
    if (map->p == MAP_FAILED) {
        err = errno;
        close(map->fd);
        return ctl_fail(ctl, err, "grant %u of domain %u cannot be mapped: %s", ref, domid,
                        strerror(err));
    }
    map->index = arg.index;
    return 0;
}

void ctl_grant_unmap(struct ctl_grant_map *map)
{
    struct gntdev_unmap_request arg = {.index = map->index, .count = 1};

    munmap(map->p, CTL_PAGE_SIZE);
    ioctl(map->fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &arg);
    close(map->fd);
}
