// SPDX-License-Identifier: GPL-2.0-only
/*
 * vif.c: reads vif= in xl's syntax; addresses and rates. See vif.h.
 */
#include "vif.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <must.h>
#include "devspec.h"

static const char *const mode_name[] = {"auto", "bridge", "nat", "route"};

const char *lodge_vif_mode_name(enum vif_mode mode)
{
    return mode_name[mode];
}

static bool mode_parse(const char *text, enum vif_mode *mode)
{
    for (int i = VIF_AUTO; i <= VIF_ROUTE; i++)
        if (!strcasecmp(text, mode_name[i])) {
            *mode = (enum vif_mode)i;
            return true;
        }
    return false;
}

/* --- addresses and rates ---------------------------------------------------------------------- */

bool lodge_vif_mac_parse(const char *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++, text += 2) {
        char pair[3];

        if (i && *text++ != ':')
            return false;
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
            return false;
        memcpy(pair, text, 2);
        pair[2] = '\0';
        mac[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return !*text;
}

void lodge_vif_mac_format(const uint8_t mac[6], char text[static 18])
{
    snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
}

void lodge_vif_default_mac(uint8_t mac[6], const void *seed, size_t len, unsigned index)
{
    const uint8_t *p = seed;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

    /* The seed, then two bytes of the index. */
    for (size_t i = 0; i < len + 2; i++) {
        hash ^= i < len ? p[i] : (uint8_t)(i == len ? index : index >> 8);
        hash *= 0x100000001b3u;
    }
    hash ^= hash >> 32;
    hash ^= hash >> 24;
    memcpy(mac, "\x00\x16\x3e", 3); /* the prefix that virtual interfaces of Xen guests have */
    mac[3] = (uint8_t)(hash >> 16 & 0x7f);
    mac[4] = (uint8_t)(hash >> 8);
    mac[5] = (uint8_t)hash;
}

/* Digits with a bound, so that the products below do not overflow. */
static bool take_number(const char **p, uint64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)**p))
        return false;
    errno = 0;
    *out = strtoull(*p, &end, 10);
    *p = end;
    return !errno && *out && *out <= UINT32_MAX;
}

static bool take_interval(const char *p, uint32_t *usec)
{
    uint64_t n, scale;

    if (!take_number(&p, &n))
        return false;
    if (!strcasecmp(p, "s"))
        scale = 1000000;
    else if (!strcasecmp(p, "ms"))
        scale = 1000;
    else if (!strcasecmp(p, "us") || !*p)
        scale = 1;
    else
        return false;
    *usec = (uint32_t)(n * scale);
    return n * scale <= UINT32_MAX;
}

bool lodge_vif_rate_parse(const char *text, uint64_t *bytes, uint32_t *usec)
{
    uint64_t per_second;
    const char *p = text;

    if (!take_number(&p, &per_second))
        return false;
    switch (*p) {
    case 'G':
    case 'g':
        per_second *= 1000;
        /* fallthrough */
    case 'M':
    case 'm':
        per_second *= 1000;
        /* fallthrough */
    case 'K':
    case 'k':
        per_second *= 1000;
        p++;
    }
    if (*p != 'B' && *p != 'b')
        return false;
    if (*p++ == 'b')
        per_second /= 8;
    if (strncasecmp(p, "/s", 2))
        return false;
    p += 2;
    *usec = 50000;
    if (*p && (*p++ != '@' || !take_interval(p, usec)))
        return false;
    /* 2^32 giga times 2^32 microseconds has more than 64 bits. */
    *bytes = (uint64_t)((unsigned __int128)per_second * *usec / 1000000);
    return *bytes && *bytes <= UINT32_MAX;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct vif_reader {
    struct devspec spec;
    struct vif *v;
    const char *key; /* the one being read */
    bool has_type;
};

typedef int set_fn(struct vif_reader *r, const char *value);

static int set_mac(struct vif_reader *r, const char *value)
{
    struct vif *v = r->v;
    static const uint8_t none[6];

    if (!lodge_vif_mac_parse(value, v->mac))
        return devspec_fail(&r->spec, "mac '%s' is not an address; it looks like 00:16:3e:12:34:56",
                            value);
    if (v->mac[0] & 1)
        return devspec_fail(&r->spec,
                            "mac %s is a group address (its first byte is odd), which no "
                            "interface can have",
                            value);
    if (!memcmp(v->mac, none, sizeof(none)))
        return devspec_fail(&r->spec, "mac %s is not an interface's address", value);
    v->has_mac = true;
    return 0;
}

static int set_mode(struct vif_reader *r, const char *value)
{
    if (!mode_parse(value, &r->v->mode))
        return devspec_fail(&r->spec,
                            "mode '%s' is not known; it can be bridge, nat, route or auto", value);
    return 0;
}

/* A name that the kernel takes for an interface. */
static int set_interface(struct vif_reader *r, char **out, const char *value)
{
    bool bad = strlen(value) >= IFNAMSIZ || !strcmp(value, ".") || !strcmp(value, "..");

    for (const char *p = value; *p; p++)
        bad = bad || !(isalnum((unsigned char)*p) || strchr("-_.", *p));
    if (bad)
        return devspec_fail(&r->spec,
                            "%s '%s' cannot be an interface's name: at most %d letters, digits "
                            "and - _ .",
                            r->key, value, IFNAMSIZ - 1);
    *out = must_copy(value);
    return 0;
}

static int set_bridge(struct vif_reader *r, const char *value)
{
    return set_interface(r, &r->v->bridge, value);
}

static int set_gatewaydev(struct vif_reader *r, const char *value)
{
    return set_interface(r, &r->v->gatewaydev, value);
}

static int set_vifname(struct vif_reader *r, const char *value)
{
    return set_interface(r, &r->v->vifname, value);
}

static int set_ip(struct vif_reader *r, const char *value)
{
    char *copy = must_copy(value), *at = NULL, *out = must(calloc(1, strlen(value) + 2));
    int rc = 0;

    for (char *p = strtok_r(copy, " \t", &at); p && !rc; p = strtok_r(NULL, " \t", &at)) {
        uint8_t address[16];
        char *slash = strchr(p, '/');
        uint64_t bits = 0;
        const char *digits = slash ? slash + 1 : "";
        bool four, good;

        if (out[0])
            strcat(out, " ");
        strcat(out, p);
        if (slash)
            *slash = '\0';
        four = inet_pton(AF_INET, p, address) == 1;
        good = four || inet_pton(AF_INET6, p, address) == 1;
        if (good && slash)
            good = (!strcmp(digits, "0") || (take_number(&digits, &bits) && !*digits)) &&
                   bits <= (four ? 32 : 128);
        if (!good)
            rc = devspec_fail(&r->spec,
                              "ip '%s' is not an address; it looks like 192.0.2.7 or 2001:db8::7, "
                              "with blanks between several",
                              p);
    }
    free(copy);
    if (rc)
        free(out);
    else
        r->v->ip = out;
    return rc;
}

static int set_rate(struct vif_reader *r, const char *value)
{
    if (!lodge_vif_rate_parse(value, &r->v->rate_bytes, &r->v->rate_usec))
        return devspec_fail(&r->spec,
                            "rate '%s' is not a rate, or out of range; it looks like 10Mb/s, "
                            "250KB/s or 1MB/s@20ms",
                            value);
    return 0;
}

static int set_script(struct vif_reader *r, const char *value)
{
    const char *slash = strrchr(value, '/'), *base = slash ? slash + 1 : value;

    if (!strncmp(base, "vif-", 4) && mode_parse(base + 4, &r->v->mode))
        return 0;
    r->v->script = devspec_script(value);
    return 0;
}

static int set_backend(struct vif_reader *r, const char *value)
{
    r->v->base.backend = must_copy(value);
    return 0;
}

static int set_backendtype(struct vif_reader *r, const char *value)
{
    int type = strcasecmp(value, "phy") && strcasecmp(value, "qdisk")
                   ? lodge_backend_type_parse(value)
                   : -1;

    if (type < 0)
        return devspec_fail(&r->spec, "backendtype '%s' is not known; it can be lodge or kernel",
                            value);
    r->v->base.type = (enum backend_type)type;
    r->has_type = true;
    return 0;
}

static int set_number(struct vif_reader *r, const char *value, uint64_t min, uint64_t max,
                      unsigned *out)
{
    const char *p = value;
    uint64_t n = 0;

    if ((strcmp(value, "0") && (!take_number(&p, &n) || *p)) || n < min || n > max)
        return devspec_fail(&r->spec, "%s '%s' is not a number from %llu to %llu", r->key, value,
                            (unsigned long long)min, (unsigned long long)max);
    *out = (unsigned)n;
    return 0;
}

static int set_mtu(struct vif_reader *r, const char *value)
{
    return set_number(r, value, 68, 65535, &r->v->mtu);
}

static int set_queues(struct vif_reader *r, const char *value)
{
    return set_number(r, value, 1, VIF_MAX_QUEUES, &r->v->queues);
}

static int set_devid(struct vif_reader *r, const char *value)
{
    return set_number(r, value, 0, VIF_MAX - 1, &r->v->base.devid);
}

static int set_filter(struct vif_reader *r, const char *value)
{
    bool on = !strcasecmp(value, "on") || !strcmp(value, "1");

    if (!on && strcasecmp(value, "off") && strcmp(value, "0"))
        return devspec_fail(&r->spec, "filter '%s' is not known; it can be on or off", value);
    r->v->filter = on;
    return 0;
}

static int set_model(struct vif_reader *r, const char *value)
{
    (void)value;
    devspec_ignore(&r->v->base.ignored, r->key);
    return 0;
}

static int set_type(struct vif_reader *r, const char *value)
{
    if (strcasecmp(value, "vif") && strcasecmp(value, "ioemu"))
        return devspec_fail(&r->spec, "type '%s' is not known; leave it out", value);
    return 0;
}

static const struct {
    const char *name;
    set_fn *set;
} vif_keys[] = {
    {"mac", set_mac},
    {"bridge", set_bridge},
    {"ip", set_ip},
    {"gatewaydev", set_gatewaydev},
    {"netdev", set_gatewaydev},
    {"script", set_script},
    {"rate", set_rate},
    {"backend", set_backend},
    {"vifname", set_vifname},
    {"type", set_type},
    {"model", set_model},
    {"backendtype", set_backendtype},
    {"mode", set_mode},
    {"filter", set_filter},
    {"mtu", set_mtu},
    {"queues", set_queues},
    {"devid", set_devid},
};

#define VIF_KEYS (sizeof(vif_keys) / sizeof(vif_keys[0]))

static int set_one(struct vif_reader *r, const char *value, unsigned *seen)
{
    for (size_t i = 0; i < VIF_KEYS; i++) {
        if (strcasecmp(r->key, vif_keys[i].name))
            continue;
        /* netdev is another name for gatewaydev. */
        for (size_t k = 0; k < VIF_KEYS; k++)
            if (vif_keys[k].set == vif_keys[i].set && *seen & 1u << k)
                return devspec_fail(&r->spec, "%s is given twice", vif_keys[k].name);
        *seen |= 1u << i;
        return *value ? vif_keys[i].set(r, value) : 0;
    }
    devspec_ignore(&r->v->base.ignored, r->key);
    return 0;
}

static int check_whole(struct vif_reader *r)
{
    struct vif *v = r->v;

    if (v->bridge && v->mode == VIF_ROUTE)
        return devspec_fail(&r->spec, "mode=route has no bridge; leave one of them out");
    if (v->gatewaydev && v->mode != VIF_ROUTE && !v->script)
        return devspec_fail(&r->spec,
                            "gatewaydev has a meaning for mode=route only; leave it out, or add "
                            "mode=route");
    if (v->mode == VIF_ROUTE && !v->ip)
        return devspec_fail(&r->spec, "mode=route needs ip, the guest's address to route to");
    if (!r->has_type)
        v->base.type = v->queues ? BACKEND_LODGE : BACKEND_KERNEL;
    else if (v->base.type == BACKEND_KERNEL && v->queues)
        return devspec_fail(&r->spec,
                            "the kernel's back-end has as many queues as dom0 has processors; "
                            "leave out queues, or add backendtype=lodge");
    return 0;
}

static int read_params(struct vif_reader *r)
{
    unsigned seen = 0;
    char *key, *value;

    while (devspec_next(&r->spec, NULL, &key, &value)) {
        r->key = key;
        if (!value && !*key)
            continue;
        if (!value)
            return devspec_fail(&r->spec, "'%s' is not of the form key=value", key);
        if (set_one(r, value, &seen))
            return -1;
    }
    return check_whole(r);
}

int lodge_vif_parse(struct vif *v, const char *text, char *err, size_t errlen)
{
    struct vif_reader r = {.v = v};
    int rc;

    memset(v, 0, sizeof(*v));
    v->filter = true;
    v->base.devid = VIF_NO_DEVID;
    devspec_begin(&r.spec, "vif", text, err, errlen);
    rc = read_params(&r);
    devspec_end(&r.spec);
    if (rc)
        lodge_vif_free(v);
    return rc;
}

void lodge_vif_free(struct vif *v)
{
    free(v->bridge);
    free(v->gatewaydev);
    free(v->ip);
    free(v->script);
    free(v->vifname);
    free(v->base.backend);
    free(v->base.ignored);
    memset(v, 0, sizeof(*v));
}

/* --- what it names -------------------------------------------------------------------------- */

/* A tap, or what xen-netback made. */
static bool may_be_guests(const char *name)
{
    char path[80], bus[256];
    const char *last;
    ssize_t len;

    snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", name);
    if (!access(path, F_OK))
        return true;
    snprintf(path, sizeof(path), "/sys/class/net/%s/device/subsystem", name);
    len = readlink(path, bus, sizeof(bus) - 1);
    bus[len > 0 ? len : 0] = '\0';
    last = strrchr(bus, '/');
    return last && !strcmp(last, "/xen-backend");
}

int lodge_vif_resolve(const struct vif *v, char *err, size_t errlen)
{
    bool here =
        !v->base.backend || !strcmp(v->base.backend, "0") || !strcmp(v->base.backend, "Domain-0");

    if (!v->vifname || !here || !if_nametoindex(v->vifname) || may_be_guests(v->vifname))
        return 0;
    snprintf(err, errlen,
             "vif: this host has an interface %s already, which is left as it is: give the guest's "
             "another name with vifname=",
             v->vifname);
    return -1;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void add_string(struct json_object *js, const char *key, const char *value)
{
    if (value)
        json_object_object_add(js, key, json_object_new_string(value));
}

static void add_number(struct json_object *js, const char *key, uint64_t value)
{
    if (value)
        json_object_object_add(js, key, json_object_new_int64((int64_t)value));
}

struct json_object *lodge_vif_to_json(const struct vif *v)
{
    struct json_object *js = json_object_new_object();
    char mac[18];

    if (v->base.devid != VIF_NO_DEVID)
        json_object_object_add(js, "devid", json_object_new_int64(v->base.devid));
    lodge_vif_mac_format(v->mac, mac);
    if (v->has_mac)
        add_string(js, "mac", mac);
    add_string(js, "mode", mode_name[v->mode]);
    add_string(js, "bridge", v->bridge);
    add_string(js, "gatewaydev", v->gatewaydev);
    add_string(js, "ip", v->ip);
    add_number(js, "rate_bytes", v->rate_bytes);
    add_number(js, "rate_usec", v->rate_usec);
    add_string(js, "script", v->script);
    add_string(js, "vifname", v->vifname);
    json_object_object_add(js, "filter", json_object_new_boolean(v->filter));
    add_number(js, "mtu", v->mtu);
    add_number(js, "queues", v->queues);
    add_string(js, "backendtype", lodge_backend_type_name(v->base.type));
    add_string(js, "backend", v->base.backend);
    return js;
}

int lodge_vif_from_json(struct vif *v, struct json_object *js)
{
    const char *mac = devspec_js_string(js, "mac"), *mode = devspec_js_string(js, "mode");
    const char *type = devspec_js_string(js, "backendtype");
    long long devid = devspec_js_number(js, "devid", VIF_NO_DEVID);

    memset(v, 0, sizeof(*v));
    if (!mode || !mode_parse(mode, &v->mode) || !type || lodge_backend_type_parse(type) < 0 ||
        (mac && !lodge_vif_mac_parse(mac, v->mac)) || devid < 0 || devid > VIF_NO_DEVID)
        return -1;
    v->has_mac = mac;
    v->base.type = (enum backend_type)lodge_backend_type_parse(type);
    v->base.devid = (unsigned)devid;
    v->rate_bytes = (uint64_t)devspec_js_number(js, "rate_bytes", 0);
    v->rate_usec = (uint32_t)devspec_js_number(js, "rate_usec", 0);
    v->filter = devspec_js_bool(js, "filter", true);
    v->mtu = (unsigned)devspec_js_number(js, "mtu", 0);
    v->queues = (unsigned)devspec_js_number(js, "queues", 0);
    v->bridge = must_copy(devspec_js_string(js, "bridge"));
    v->gatewaydev = must_copy(devspec_js_string(js, "gatewaydev"));
    v->ip = must_copy(devspec_js_string(js, "ip"));
    v->script = must_copy(devspec_js_string(js, "script"));
    v->vifname = must_copy(devspec_js_string(js, "vifname"));
    v->base.backend = must_copy(devspec_js_string(js, "backend"));
    return 0;
}
