// SPDX-License-Identifier: GPL-2.0-only
/*
 * One control operation, getdomaininfo, straight through the privcmd device: the store must start
 * before, and without, everything else in dom0. Hypercall arguments live in pages of
 * /dev/xen/hypercall, which the kernel keeps resident, or in locked memory where there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "domain_ctl.h"
#include "log.h"

#define HYPERCALL_DOMCTL     36u
#define DOMCTL_GETDOMAININFO 5u
#define DOMCTL_VERSION       0x15u
#define DOMINF_DYING         (1u << 0)
#define DOMINF_SHUTDOWN      (1u << 2)

struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

/* The head of the operation, and the head of its answer; the rest is room for what we skip. */
struct getdomaininfo {
    uint32_t cmd;
    uint32_t version;
    uint16_t domid; /* in: from this one on; a hypervisor may answer for the next higher one */
    uint16_t pad[3];
    struct {
        uint16_t domid;
        uint16_t pad;
        uint32_t flags;
        uint8_t rest[248];
    } info;
};
_Static_assert(offsetof(struct getdomaininfo, info.flags) == 20, "as the ABI has it");

/* Opened and mapped when first needed, and kept. */
static int privcmd = -1;
static struct getdomaininfo *op; /* the one argument, used again for each call; NULL: not yet */

static int prepare(void)
{
    int fd;
    void *mem = MAP_FAILED;

    if (op)
        return 0;
    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (privcmd < 0)
        return -errno;
    fd = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (mem == MAP_FAILED)
        mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED) {
        close(privcmd);
        return -ENOMEM;
    }
    op = mem;
    return 0;
}

enum domain_ctl_state domain_ctl_state(uint16_t domid)
{
    struct privcmd_hypercall call = {.op = HYPERCALL_DOMCTL};

    if (prepare())
        return DOMAIN_CTL_ALIVE;
    memset(op, 0, sizeof(*op));
    op->cmd = DOMCTL_GETDOMAININFO;
    op->version = DOMCTL_VERSION;
    op->domid = domid;
    call.arg[0] = (uint64_t)(uintptr_t)op;
    if (ioctl(privcmd, PRIVCMD_HYPERCALL, &call) < 0) {
        if (errno == ESRCH)
            return DOMAIN_CTL_GONE;
        log_error("the hypervisor does not tell about domain %u: error %d", domid, errno);
        return DOMAIN_CTL_ALIVE;
    }
    if (op->info.domid != domid || (op->info.flags & DOMINF_DYING))
        return DOMAIN_CTL_GONE;
    return (op->info.flags & DOMINF_SHUTDOWN) ? DOMAIN_CTL_SHUTDOWN : DOMAIN_CTL_ALIVE;
}
