// SPDX-License-Identifier: GPL-2.0-only
/*
 * mkdom: the domain builder by itself, for tests and for debugging.
 *
 * Creates a domain, prints what the builder did, and with -t runs it for some seconds, showing what
 * the guest writes to its console ring, without xenstored or a console daemon. That is the shortest
 * way to see whether builder, control library and hypervisor agree.
 */
#include "builder.h"
#include "libctl.h"
#include "../clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <public/domctl.h>
#include <public/io/console.h>
#include <rings/byte_ring.h>

static void mkdom_usage(void)
{
    fprintf(
        stderr,
        "usage: mkdom [-r RAMDISK] [-m MIB] [-v VCPUS] [-c CMDLINE] [-n COUNT] [-t SECONDS] [-k] "
        "KERNEL\n"
        "  -n COUNT    create COUNT domains, one after the other\n"
        "  -t SECONDS  run the last one that long and show its console\n"
        "  -k          keep the domains; otherwise all are destroyed at the end\n");
    exit(2);
}

/* Move what the guest has written to standard output. */
static void mkdom_drain(struct xencons_interface *ring)
{
    struct byte_ring out =
        byte_ring_attach(ring->out, sizeof(ring->out), &ring->out_cons, &ring->out_prod);
    char text[sizeof(ring->out)];
    int n = byte_ring_read(&out, text, sizeof(text));

    if (n > 0) /* less than 0: the guest wrote nonsense */
        fwrite(text, 1, (size_t)n, stdout);
    fflush(stdout);
}

/* Run it, and show its console until the time is over or it stops. */
static int mkdom_tail(struct ctl *ctl, const struct builder_result *r, int seconds)
{
    struct timespec tick = {.tv_nsec = 50 * 1000 * 1000};
    struct xen_domctl_getdomaininfo info = {0};
    uint64_t mfn = r->console_mfn;
    int64_t end = now_seconds() + seconds;
    int fd, port, rc;
    void *ring;

    fd = ctl_evtchn_open(ctl);
    if (fd < 0)
        return fd;
    port = ctl_evtchn_bind(ctl, fd, r->domid, r->console_evtchn);
    if (port < 0)
        return port;
    rc = ctl_memory_map(ctl, r->domid, &mfn, 1, PROT_READ | PROT_WRITE, &ring);
    if (rc)
        return rc;
    rc = ctl_domain_unpause(ctl, r->domid);
    while (!rc && now_seconds() < end) {
        mkdom_drain(ring);
        ctl_evtchn_notify(ctl, fd, (uint32_t)port);
        rc = ctl_domain_info(ctl, r->domid, &info);
        if (!rc && info.flags & XEN_DOMINF_shutdown)
            break;
        nanosleep(&tick, NULL);
    }
    mkdom_drain(ring);
    if (!rc)
        printf("\ndomain %u: flags %#x, %llu ns of CPU time, %llu pages\n", r->domid, info.flags,
               (unsigned long long)info.cpu_time, (unsigned long long)info.tot_pages);
    ctl_memory_unmap(ring, 1);
    close(fd);
    return rc;
}

static int mkdom_create(struct ctl *ctl, const struct builder_config *config,
                        struct builder_result *r)
{
    int rc = builder_create(ctl, config, r);

    if (!rc)
        printf(
            "domain %u: %llu pages, %u vcpus, store %#llx/%u, console %#llx/%u, start_info %#llx, "
            "shared_info %#llx\n",
            r->domid, (unsigned long long)r->memory_pages, r->nr_vcpus,
            (unsigned long long)r->store_mfn, r->store_evtchn, (unsigned long long)r->console_mfn,
            r->console_evtchn, (unsigned long long)r->start_info_mfn,
            (unsigned long long)r->shared_info_mfn);
    return rc;
}

int main(int argc, char **argv)
{
    struct builder_config config = {.memory_kib = 8 << 10};
    struct builder_result *results;
    int option, count = 1, seconds = 0, made = 0, rc;
    bool keep = false;
    struct ctl ctl;

    while ((option = getopt(argc, argv, "r:m:v:c:n:t:k")) != -1) {
        switch (option) {
        case 'r':
            config.ramdisk = optarg;
            break;
        case 'm':
            config.memory_kib = strtoull(optarg, NULL, 0) << 10;
            break;
        case 'v':
            config.vcpus = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'c':
            config.cmdline = optarg;
            break;
        case 'n':
            count = atoi(optarg);
            break;
        case 't':
            seconds = atoi(optarg);
            break;
        case 'k':
            keep = true;
            break;
        default:
            mkdom_usage();
        }
    }
    if (optind + 1 != argc || count < 1)
        mkdom_usage();
    config.kernel = argv[optind];
    results = calloc((size_t)count, sizeof(*results));
    rc = results ? ctl_open(&ctl) : -1;
    while (!rc && made < count) {
        rc = mkdom_create(&ctl, &config, &results[made]);
        made += !rc;
    }
    if (!rc && seconds)
        rc = mkdom_tail(&ctl, &results[count - 1], seconds);
    if (rc)
        fprintf(stderr, "mkdom: %s\n", ctl_message(&ctl));
    while (!keep && made--)
        if (ctl_domain_destroy(&ctl, results[made].domid))
            fprintf(stderr, "mkdom: %s\n", ctl_message(&ctl));
    free(results);
    ctl_close(&ctl);
    return rc ? 1 : 0;
}
