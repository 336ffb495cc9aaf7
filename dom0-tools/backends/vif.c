// SPDX-License-Identifier: GPL-2.0-only
/*
 * vif.c: network devices: taps for workers of our own, and hot-plug for the kernel's xen-netback.
 *
 * For a device of ours the interface on the host's side is a tap. It is made here, put where the
 * guest's configuration wants it (libnet), and handed to the worker, one descriptor per queue;
 * this process keeps its own copies, so the tap and its place on the bridge outlive a worker that
 * dies. What the front-end cannot cope with (large frames, blank checksums) is switched off in the
 * tap, so that the kernel does it and no byte is touched twice.
 *
 * xen-netback makes its interface itself, a moment after it has seen the device, and waits with
 * "connected" until hotplug-status says that somebody has put it in its place.
 *
 * The interface's name can be the configuration's choice (vifname=). One that there is already is
 * somebody else's, this host's or another guest's, and is not touched: a tap of ours must be new,
 * and which interface is xen-netback's sysfs says, not its name.
 */
#include "backend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <libnet/libnet.h>
#include <netback/netback.h>

#define TUN_NODE   "/dev/net/tun"
#define TUN_MAJOR  10
#define TUN_MINOR  200
#define WAIT_TRIES 100 /* times that we look for what is about to come: ten seconds */

struct vif {
    char ifname[IFNAMSIZ];
    unsigned max_queues;
    int tap[NETBACK_MAX_QUEUES]; /* -1: not open */
    struct netback_rate rate;
    bool plugged;
    unsigned tries; /* to find xen-netback's interface, or the tap free */
};

/* --- reading the configuration ------------------------------------------------------------- */

/* "bytes,microseconds", as xl writes it; anything else is no limit, with a line in the log. */
static void read_rate(struct device *d, struct netback_rate *rate)
{
    char *text = device_get(d, "rate");
    unsigned long long bytes;
    unsigned usec;
    char more;

    memset(rate, 0, sizeof(*rate));
    if (!text)
        return;
    if (sscanf(text, "%llu,%u%c", &bytes, &usec, &more) == 2 && usec) {
        rate->bytes = bytes;
        rate->usec = usec;
    } else {
        device_say(d, "rate \"%s\" is not BYTES,MICROSECONDS: its rate is not limited", text);
    }
    free(text);
}

static int read_name(struct device *d, struct vif *v)
{
    char *wanted = device_get(d, "vifname"), name[32];
    int rc = 0;

    snprintf(name, sizeof(name), "vif%u.%u", d->domid, d->devid);
    if (snprintf(v->ifname, sizeof(v->ifname), "%s", wanted && *wanted ? wanted : name) >=
        (int)sizeof(v->ifname))
        rc = device_fail(d, EINVAL,
                         "the interface's name \"%s\" is longer than %d characters: "
                         "give a shorter vifname=",
                         wanted && *wanted ? wanted : name, IFNAMSIZ - 1);
    free(wanted);
    return rc;
}

/*
 * The device that has an interface of this name. It may be that of a guest that has gone, and about
 * to go itself.
 */
static const struct device *find_holder(const struct device *d, const char *ifname)
{
    for (const struct device *o = device_first(); o; o = o->next) {
        const struct vif *v = o->priv;

        if (o != d && v && (o->type == &vif_type || o->type == &vif_stock_type) &&
            (v->plugged || v->tap[0] >= 0) && !strcmp(v->ifname, ifname))
            return o;
    }
    return NULL;
}

/* There is an interface of the name that ours is to have. */
static int name_taken(struct device *d, struct vif *v)
{
    const struct device *o = find_holder(d, v->ifname);

    /*
     * A guest that starts anew finds the interfaces of its former life. A device of an earlier
     * daemon finds its own, which a worker of that daemon still holds.
     */
    if ((o || d->rings == DEVICE_RINGS_INHERITED) && v->tries++ < WAIT_TRIES)
        return BACKEND_LATER;
    if (o)
        return device_fail(d, EEXIST,
                           "the interface %s is guest %s's: give this one another name with "
                           "vifname=",
                           v->ifname, o->guest);
    return device_fail(d, EEXIST,
                       "this host has an interface %s already, which is left as it is: give the "
                       "guest's another name with vifname=",
                       v->ifname);
}

/* xl's scripts print nothing when they fail, and write what they have to say into the store. */
static int plug_failed(struct device *d, const char *script, const char *err)
{
    char *said = script && *script ? device_get(d, "hotplug-error") : NULL;
    int rc = device_fail(d, EIO, "%s%s%s", err, said && *said ? "; " : "", said ? said : "");

    free(said);
    return rc;
}

/* Puts the interface where the configuration wants it, and notes where that is. */
static int plug(struct device *d, struct vif *v)
{
    struct net_plugged done;
    struct net_plug p = {.ifname = v->ifname, .xenbus_path = d->back};
    char *mode = device_get(d, "mode"), *bridge = device_get(d, "bridge");
    char *mac = device_get(d, "mac"), *ips = device_get(d, "ip");
    char *gateway = device_get(d, "gatewaydev"), *script = device_get(d, "script");
    char err[300];
    int rc = 0;

    p.bridge = bridge;
    p.mac = mac;
    p.ips = ips;
    p.gatewaydev = gateway;
    p.script = script;
    p.mtu = (unsigned)device_number(d, "mtu", 0, 65521);
    p.filter = device_number(d, "filter", 1, 1);
    if (mode && *mode && net_mode_parse(mode, &p.mode))
        rc = device_fail(d, EINVAL, "mode \"%s\" is none of auto, bridge, nat, route", mode);
    else if (net_plug(&p, &done, err, sizeof(err)))
        rc = plug_failed(d, script, err);
    else
        v->plugged = true;
    if (v->plugged && !rc) {
        device_put(d, "plugged-mode", "%s", net_mode_name(done.mode));
        device_put(d, "plugged-bridge", "%s", done.bridge);
    }
    free(mode);
    free(bridge);
    free(mac);
    free(ips);
    free(gateway);
    free(script);
    return rc;
}

static void unplug(struct device *d, struct vif *v)
{
    char err[300];

    if (v->plugged && net_unplug(v->ifname, err, sizeof(err)))
        device_say(d, "%s", err);
    v->plugged = false;
}

/* --- taps ---------------------------------------------------------------------------------- */

/* The kernel loads its module when the node is opened; where no udev has made that, we do. */
static int open_tun(void)
{
    int fd = open(TUN_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    mkdir("/dev/net", 0755);
    if (mknod(TUN_NODE, S_IFCHR | 0666, makedev(TUN_MAJOR, TUN_MINOR)))
        return -1;
    return open(TUN_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/*
 * One more queue of the device's tap; the first makes it. A descriptor or a negative errno, -EBUSY
 * if there was an interface of that name before.
 */
static int open_tap(struct device *d, const struct vif *v, bool first)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int fd = open_tun(), err;

    if (fd < 0)
        return device_fail(d, errno, TUN_NODE ": %s: load the kernel's module tun",
                           strerror(errno));
    if (v->max_queues > 1)
        ifr.ifr_flags |= IFF_MULTI_QUEUE;
    if (first)
        ifr.ifr_flags |= (short)IFF_TUN_EXCL;
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", v->ifname);
    if (ioctl(fd, TUNSETIFF, &ifr)) {
        err = errno;
        close(fd);
        return device_fail(d, err, "no tap \"%s\": %s", v->ifname, strerror(err));
    }
    return fd;
}

static void close_taps(struct vif *v, unsigned from)
{
    for (unsigned i = from; i < NETBACK_MAX_QUEUES; i++) {
        if (v->tap[i] >= 0)
            close(v->tap[i]);
        v->tap[i] = -1;
    }
}

/* Without a carrier a bridge sends nothing here: nobody would take it. */
static void set_carrier(const struct vif *v, int on)
{
    if (v->tap[0] >= 0)
        (void)ioctl(v->tap[0], TUNSETCARRIER, &on);
}

/* --- a device of our own ------------------------------------------------------------------- */

/* The guest's processors, as far as the store knows; 0: it does not. */
static unsigned guest_vcpus(const struct device *d)
{
    unsigned nr;
    char **list = store_list(backend.store, store_fmt("/local/domain/%u/cpu", d->domid), &nr);

    for (unsigned i = 0; i < nr; i++)
        free(list[i]);
    free(list);
    return nr;
}

/* More queues than processors on either side are of no use, and several cost more than one. */
static unsigned default_queues(const struct device *d)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = cpus < 1 ? 1 : cpus > 4 ? 4 : (unsigned)cpus, vcpus = guest_vcpus(d);

    return vcpus && vcpus < most ? vcpus : most;
}

static struct vif *new_vif(struct device *d)
{
    struct vif *v = calloc(1, sizeof(*v));

    if (!v)
        return NULL;
    for (unsigned i = 0; i < NETBACK_MAX_QUEUES; i++)
        v->tap[i] = -1;
    d->priv = v;
    return v;
}

/* The tap, in its place. */
static int set_up(struct device *d, struct vif *v)
{
    int rc = read_name(d, v);

    if (rc)
        return rc;
    v->max_queues = (unsigned)device_number(d, "queues", default_queues(d), NETBACK_MAX_QUEUES);
    if (!v->max_queues)
        v->max_queues = 1;
    read_rate(d, &v->rate);
    rc = open_tap(d, v, true);
    if (rc == -EBUSY)
        return name_taken(d, v);
    if (rc < 0)
        return rc;
    v->tap[0] = rc;
    if (d->rings != DEVICE_RINGS_INHERITED)
        set_carrier(v, 0);
    return plug(d, v);
}

static int vif_probe(struct device *d)
{
    static const char *const yes[] = {"feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6",
                                      "feature-ipv6-csum-offload", "feature-rx-copy"};
    struct vif *v = d->priv;
    int rc;

    /* Where a front-end has gone and comes anew, all is in its place still. */
    if (!v || !v->plugged) {
        v = v ? v : new_vif(d);
        rc = v ? set_up(d, v) : device_fail(d, ENOMEM, "no memory");
        if (rc)
            return rc;
    }
    /*
     * Not offered: a control ring (for hashes, which the stock front-end never asks for) and
     * multicast control (a bridge with snooping does that).
     */
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        device_put(d, yes[i], "1");
    device_put(d, "feature-rx-flip", "0");
    /* One event then tells of what was sent and of what came: fewer for both ends. */
    device_put(d, "feature-split-event-channels", "0");
    device_put(d, "multi-queue-max-queues", "%u", v->max_queues);
    device_put(d, "vifname", "%s", v->ifname);
    device_put(d, "hotplug-status", "connected");
    return 0;
}

/* Where the front-end has its rings: in its directory, or in one per queue. */
static int read_queue(struct device *d, unsigned nr, unsigned i, struct netback_queue *q)
{
    uint64_t ref[2], port[2], none = UINT64_MAX;
    char key[2][40], prefix[16] = "";

    if (nr > 1)
        snprintf(prefix, sizeof(prefix), "queue-%u/", i);
    for (int rx = 0; rx < 2; rx++) {
        snprintf(key[rx], sizeof(key[rx]), "%s%s-ring-ref", prefix, rx ? "rx" : "tx");
        ref[rx] = device_front_number(d, key[rx], none, UINT32_MAX);
        if (ref[rx] == none)
            return device_fail(d, EINVAL, "the front-end gives no usable %s", key[rx]);
        snprintf(key[rx], sizeof(key[rx]), "%sevent-channel-%s", prefix, rx ? "rx" : "tx");
        port[rx] = device_front_number(d, key[rx], none, UINT32_MAX);
    }
    if (port[0] == none || port[1] == none) {
        snprintf(key[0], sizeof(key[0]), "%sevent-channel", prefix);
        port[0] = port[1] = device_front_number(d, key[0], none, UINT32_MAX);
        if (port[0] == none)
            return device_fail(d, EINVAL, "the front-end gives no usable %s", key[0]);
    }
    q->tx_ref = (uint32_t)ref[0];
    q->rx_ref = (uint32_t)ref[1];
    q->tx_port = (uint32_t)port[0];
    q->rx_port = (uint32_t)port[1];
    return 0;
}

static uint32_t read_features(const struct device *d)
{
    static const struct {
        const char *key;
        uint32_t bit;
    } features[] = {{"feature-sg", NETBACK_SG},
                    {"feature-gso-tcpv4", NETBACK_GSO_V4},
                    {"feature-gso-tcpv6", NETBACK_GSO_V6},
                    {"feature-ipv6-csum-offload", NETBACK_CSUM_V6},
                    {"feature-rx-notify", NETBACK_RX_NOTIFY}};
    uint32_t found = 0;

    for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
        if (device_front_number(d, features[i].key, 0, UINT32_MAX))
            found |= features[i].bit;
    if (!device_front_number(d, "feature-no-csum-offload", 0, UINT32_MAX))
        found |= NETBACK_CSUM_V4;
    /* A large frame is in pieces, and its checksums are blank. */
    if (!(found & NETBACK_SG) || !(found & NETBACK_CSUM_V4))
        found &= ~(uint32_t)NETBACK_GSO_V4;
    if (!(found & NETBACK_SG) || !(found & NETBACK_CSUM_V6))
        found &= ~(uint32_t)NETBACK_GSO_V6;
    return found;
}

/* What the kernel leaves undone in frames to the guest. */
static int set_offload(struct device *d, const struct vif *v, uint32_t features)
{
    unsigned long bits = 0;

    /* With either: what only one kind lacks, the worker completes. */
    if (features & (NETBACK_CSUM_V4 | NETBACK_CSUM_V6))
        bits |= TUN_F_CSUM;
    if (features & NETBACK_GSO_V4)
        bits |= TUN_F_TSO4;
    if (features & NETBACK_GSO_V6)
        bits |= TUN_F_TSO6;
    if (bits & (TUN_F_TSO4 | TUN_F_TSO6))
        bits |= TUN_F_TSO_ECN;
    if (ioctl(v->tap[0], TUNSETOFFLOAD, bits))
        return device_fail(d, errno, "tap \"%s\": its offloads cannot be set: %s", v->ifname,
                           strerror(errno));
    return 0;
}

static int vif_connect(struct device *d, struct worker_parcel *parcel)
{
    struct vif *v = d->priv;
    struct netback_attach attach = {0};
    int rc;

    attach.queues =
        (uint32_t)device_front_number(d, "multi-queue-num-queues", 1, NETBACK_MAX_QUEUES);
    if (!attach.queues || attach.queues > v->max_queues)
        return device_fail(d, EINVAL, "the front-end wants %u queues; 1 to %u were offered",
                           attach.queues, v->max_queues);
    if (!device_front_number(d, "request-rx-copy", 0, UINT32_MAX))
        return device_fail(d, EOPNOTSUPP,
                           "the front-end does not ask for copies (request-rx-copy "
                           "is not 1): it is too old");
    attach.features = read_features(d);
    attach.rate = v->rate;
    for (unsigned i = 0; i < attach.queues; i++) {
        rc = read_queue(d, attach.queues, i, &attach.queue[i]);
        if (rc)
            return rc;
        if (v->tap[i] < 0) {
            rc = open_tap(d, v, false);
            if (rc < 0)
                return rc;
            v->tap[i] = rc;
        }
        parcel->fds[i] = v->tap[i];
    }
    close_taps(v, attach.queues);
    parcel->nr_fds = attach.queues;
    memcpy(parcel->body, &attach, sizeof(attach));
    parcel->head.length = sizeof(attach);
    return set_offload(d, v, attach.features);
}

static int vif_attached(struct device *d, const struct worker_parcel *parcel)
{
    struct vif *v = d->priv;

    (void)parcel;
    set_carrier(v, 1);
    return 0;
}

static void vif_changed(struct device *d)
{
    struct vif *v = d->priv;
    struct netback_change change;

    read_rate(d, &v->rate);
    change.rate = v->rate;
    device_tell(d, &change, sizeof(change), NULL, 0);
}

static void vif_disconnect(struct device *d)
{
    struct vif *v = d->priv;

    set_carrier(v, 0);
    close_taps(v, 1);
}

static void vif_close(struct device *d)
{
    struct vif *v = d->priv;

    if (!v)
        return;
    unplug(d, v);
    close_taps(v, 0);
    free(v);
    d->priv = NULL;
}

/* --- a device of xen-netback --------------------------------------------------------------- */

/* What the driver has made for the device, whatever name it has by now. */
static bool find_made(const struct device *d, char name[IFNAMSIZ])
{
    DIR *dir = opendir(store_fmt("/sys/bus/xen-backend/devices/vif-%u-%u/net", d->domid, d->devid));
    struct dirent *entry;

    name[0] = '\0';
    while (dir && !name[0] && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, entry->d_name);
    if (dir)
        closedir(dir);
    return name[0];
}

static int stock_probe(struct device *d)
{
    struct vif *v = d->priv ? d->priv : new_vif(d);
    char made[IFNAMSIZ], err[300];
    int rc;

    if (!v)
        return device_fail(d, ENOMEM, "no memory");
    rc = read_name(d, v);
    if (rc)
        return rc;
    if (!find_made(d, made)) {
        if (!v->tries && access("/sys/module/xen_netback", F_OK))
            stock_modprobe("xen-netback", NULL);
        if (v->tries++ < WAIT_TRIES)
            return BACKEND_LATER;
        return device_fail(d, ENODEV,
                           "the kernel made no interface for it: load its module xen-netback");
    }
    if (strcmp(made, v->ifname) != 0) {
        if (net_exists(v->ifname))
            return name_taken(d, v);
        if (net_rename(made, v->ifname, err, sizeof(err)))
            return device_fail(d, EIO, "%s", err);
    }
    rc = plug(d, v);
    if (rc)
        return rc;
    device_put(d, "vifname", "%s", v->ifname);
    device_put(d, "hotplug-status", "connected");
    return 0;
}

const struct device_type vif_type = {
    .directory = "lodge-vif",
    .program = "lodge-netback",
    .what = "network device",
    .probe = vif_probe,
    .connect = vif_connect,
    .attached = vif_attached,
    .key = "rate",
    .changed = vif_changed,
    .disconnect = vif_disconnect,
    .close = vif_close,
};

const struct device_type vif_stock_type = {
    .directory = "vif",
    .what = "network device",
    .probe = stock_probe,
    .close = vif_close,
};
