// SPDX-License-Identifier: GPL-2.0-only
/*
 * top_io.c: how much guests have read, written, received and sent, by those in this domain who
 * know.
 *
 * Disks: a worker of ours keeps its totals in the record of what is in flight; the kernel's
 * back-end has them in sysfs, in sectors. Interfaces: those of the host's side, whoever serves
 * them, and what comes out of one is what its guest has sent. Devices that come and go take their
 * counts along, and a worker may write into its record what it likes: this is for looking at only.
 */
#include "top.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <blkback/inflight.h>

#define SECTOR 512

static struct top_io *io_of(struct top_guest *guest, unsigned nr, unsigned domid)
{
    for (unsigned i = 0; i < nr; i++)
        if (guest[i].domid == domid)
            return &guest[i].now.io;
    return NULL;
}

static uint64_t number_in(const char *dir, const char *device, const char *file)
{
    char path[512];
    uint64_t n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/statistics/%s", dir, device, file);
    f = fopen(path, "re");
    if (f) {
        if (fscanf(f, "%" SCNu64, &n) != 1)
            n = 0;
        fclose(f);
    }
    return n;
}

static void add_record(const char *dir, const char *device, struct top_io *io)
{
    struct inflight_totals totals;
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s/record", dir, device);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (pread(fd, &totals, sizeof(totals), INFLIGHT_TOTALS) == sizeof(totals)) {
        io->disk_read += totals.read;
        io->disk_written += totals.written;
    }
    close(fd);
}

static void add_kernel_disk(const char *dir, const char *device, struct top_io *io)
{
    io->disk_read += SECTOR * number_in(dir, device, "rd_sect");
    io->disk_written += SECTOR * number_in(dir, device, "wr_sect");
}

static void add_interface(const char *dir, const char *device, struct top_io *io)
{
    io->net_in += number_in(dir, device, "tx_bytes");
    io->net_out += number_in(dir, device, "rx_bytes");
}

/* Of what is in a folder, those whose name says a guest and a device. */
static void each(const char *dir, const char *form, struct top_guest *guest, unsigned nr,
                 void (*add)(const char *dir, const char *device, struct top_io *io))
{
    DIR *d = opendir(dir);
    const struct dirent *entry;

    while (d && (entry = readdir(d))) {
        unsigned domid, device;
        struct top_io *io;
        char name[64];

        if (sscanf(entry->d_name, form, &domid, &device) != 2)
            continue;
        snprintf(name, sizeof(name), form, domid, device);
        io = io_of(guest, nr, domid);
        if (io && !strcmp(name, entry->d_name))
            add(dir, name, io);
    }
    if (d)
        closedir(d);
}

void top_io_read(const char *run_dir, struct top_guest *guest, unsigned nr)
{
    char dir[256];

    snprintf(dir, sizeof(dir), "%s/blk", run_dir);
    each(dir, "%u-%u", guest, nr, add_record);
    each("/sys/bus/xen-backend/devices", "vbd-%u-%u", guest, nr, add_kernel_disk);
    each("/sys/class/net", "vif%u.%u", guest, nr, add_interface);
}
