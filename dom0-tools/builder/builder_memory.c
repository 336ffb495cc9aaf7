// SPDX-License-Identifier: GPL-2.0-only
/*
 * A new domain's memory: given to it, and mapped here to be written.
 *
 * Memory comes in 2 MiB extents as long as there are any. All frames to be written are mapped by
 * one request, and file contents are read straight into them.
 */
#include "builder.h"
#include "builder_private.h"
#include "libctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUILDER_BATCH (64UL << 10) /* single pages asked for in one hypercall */

static int build_no_memory(struct build *b, uint64_t got)
{
    return ctl_fail(b->ctl, ENOMEM,
                    "not enough free memory: the domain wants %llu MiB and got %llu MiB; give it "
                    "less, or free some (lodge list, lodge mem-set)",
                    (unsigned long long)b->pages >> 8, (unsigned long long)got >> 8);
}

/* 2 MiB extents as long as there are any, single pages for the rest. */
int build_populate(struct build *b)
{
    struct builder_frames *f = &b->frames;
    uint64_t i, n, done, supers = b->pages >> BUILDER_SUPER_ORDER;
    int rc;

    /*
     * In: where each extent is to appear. Out: its first mfn, for those that were had; unchanged
     * where the guest's frame numbers are its own.
     */
    f->pages = b->pages;
    f->super = calloc(supers + 1, sizeof(*f->super));
    if (!f->super)
        return ctl_fail(b->ctl, ENOMEM, "not enough memory in this domain to build another");
    for (i = 0; i < supers; i++)
        f->super[i] = b->kind->place(i << BUILDER_SUPER_ORDER);
    if (supers) {
        rc = ctl_memory_populate(b->ctl, b->result->domid, supers, BUILDER_SUPER_ORDER, f->super);
        if (rc < 0 && rc != -ENOMEM)
            return rc;
        f->nr_super = rc > 0 ? (uint64_t)rc : 0;
    }
    done = f->nr_super << BUILDER_SUPER_ORDER; /* the single ones stand in for missing large ones */
    n = f->pages - done;
    f->single = malloc((n + 1) * sizeof(*f->single));
    if (!f->single)
        return ctl_fail(b->ctl, ENOMEM, "not enough memory in this domain to build another");
    for (i = 0; i < n; i++)
        f->single[i] = b->kind->place(done + i);
    for (i = 0; i < n; i += (uint64_t)rc) {
        rc = ctl_memory_populate(b->ctl, b->result->domid,
                                 n - i < BUILDER_BATCH ? n - i : BUILDER_BATCH, 0, f->single + i);
        if (rc < 0 && rc != -ENOMEM)
            return rc;
        if (rc <= 0)
            return build_no_memory(b, done + i);
    }
    return 0;
}

int build_map(struct build *b, uint64_t first, uint64_t end, const uint64_t *extra, size_t nr_extra)
{
    struct builder_window *w = &b->window;
    uint64_t *mfns, i;
    void *p;
    int rc;

    w->first = first;
    w->nr = end - first;
    w->nr_extra = nr_extra;
    mfns = malloc((w->nr + nr_extra) * sizeof(*mfns));
    if (!mfns)
        return ctl_fail(b->ctl, ENOMEM, "not enough memory in this domain to build another");
    for (i = 0; i < w->nr; i++)
        mfns[i] = frames_mfn(&b->frames, first + i);
    memcpy(mfns + w->nr, extra, nr_extra * sizeof(*mfns));
    rc = ctl_memory_map(b->ctl, b->result->domid, mfns, w->nr + nr_extra, PROT_READ | PROT_WRITE,
                        &p);
    free(mfns);
    if (!rc)
        w->base = p;
    return rc;
}

void build_unmap(struct build *b)
{
    if (b->window.base)
        ctl_memory_unmap(b->window.base, b->window.nr + b->window.nr_extra);
    b->window.base = NULL;
}

static int load_ramdisk(struct build *b, uint64_t pfn)
{
    uint8_t *to = window_at(&b->window, pfn);
    uint64_t done = 0, size = b->ramdisk_size;

    while (done < size) {
        ssize_t n = pread(b->ramdisk, to + done, size - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ctl_fail(b->ctl, n < 0 ? errno : EIO, "ramdisk %s cannot be read: %s",
                            b->config->ramdisk,
                            n < 0 ? strerror(errno) : "it became shorter meanwhile");
        done += (uint64_t)n;
    }
    if (size & (BUILDER_PAGE_SIZE - 1))
        memset(to + size, 0, BUILDER_PAGE_SIZE - (size & (BUILDER_PAGE_SIZE - 1)));
    return 0;
}

int build_load(struct build *b, uint64_t ramdisk)
{
    int rc;

    b->zeroed = ctl_memory_is_zeroed(b->ctl);
    rc = image_load(&b->image, window_at(&b->window, b->window.first), b->zeroed);
    if (rc)
        return ctl_fail(b->ctl, -rc, "kernel %s %s", b->config->kernel, b->image.message);
    return b->ramdisk_size ? load_ramdisk(b, ramdisk) : 0;
}

void build_zero(struct build *b, uint64_t pfn, uint64_t nr)
{
    if (!b->zeroed)
        memset(window_at(&b->window, pfn), 0, nr << BUILDER_PAGE_SHIFT);
}
