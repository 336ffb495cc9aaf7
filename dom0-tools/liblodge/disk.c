// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk.c: reads disk= in xl's syntax, and looks at what it names. See disk.h.
 *
 * A text is cut into parameters; each positional one goes to the first of target, format, vdev
 * and access that was not given yet, and must then pass the same check as if it had been named.
 */
#include "disk.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <host_disk.h>
#include <must.h>
#include "devspec.h"

enum param { TARGET, FORMAT, VDEV, ACCESS, DEVTYPE, BACKENDTYPE, BACKEND, BACKING, SCRIPT, PARAMS };

static const char *const param_name[PARAMS] = {
    [TARGET] = "target",   [FORMAT] = "format",   [VDEV] = "vdev",
    [ACCESS] = "access",   [DEVTYPE] = "devtype", [BACKENDTYPE] = "backendtype",
    [BACKEND] = "backend", [BACKING] = "backing", [SCRIPT] = "script",
};

struct disk_reader {
    struct devspec spec; /* where the text is read, and failures go */
    bool given[PARAMS];
    bool discard_given, access_given;
    struct disk *d;
};

const char *lodge_disk_format_name(enum disk_format format)
{
    return format == DISK_QCOW2 ? "qcow2" : "raw";
}

const char *lodge_disk_access_name(const struct disk *d)
{
    return d->readonly ? "ro" : d->shared ? "w!" : "rw";
}

/* --- reading -------------------------------------------------------------------------------- */

static int set_format(struct disk_reader *r, const char *v)
{
    if (!strcasecmp(v, "raw"))
        r->d->format = DISK_RAW;
    else if (!strcasecmp(v, "qcow2"))
        r->d->format = DISK_QCOW2;
    else if (!strcasecmp(v, "vhd") || !strcasecmp(v, "qed") || !strcasecmp(v, "qcow"))
        return devspec_fail(&r->spec,
                            "format %s is not supported; `qemu-img convert -O qcow2` makes an "
                            "image that is",
                            v);
    else
        return devspec_fail(&r->spec, "format '%s' is not known; it can be raw or qcow2", v);
    return 0;
}

static int set_vdev(struct disk_reader *r, const char *v)
{
    const char *colon = strchr(v, ':');
    size_t n = colon ? (size_t)(colon - v) : strlen(v);
    struct disk *d = r->d;

    if (colon && strcasecmp(colon, ":cdrom") && strcasecmp(colon, ":disk"))
        return devspec_fail(&r->spec, "'%s' behind vdev is not known; it can be cdrom", colon + 1);
    d->cdrom = d->cdrom || (colon && !strcasecmp(colon, ":cdrom"));
    for (size_t i = 0; i < n && n < sizeof(d->vdev); i++)
        d->vdev[i] = (char)tolower((unsigned char)v[i]);
    if (n >= sizeof(d->vdev) || !lodge_disk_devid(d->vdev, &d->base.devid))
        return devspec_fail(&r->spec,
                            "vdev '%.*s' is no virtual disk; it can be xvda to xvdzzz, hda to hdd "
                            "or sda to sdp, with a partition's number behind it",
                            (int)n, v);
    return 0;
}

static int set_access(struct disk_reader *r, const char *v)
{
    if (!strcasecmp(v, "r") || !strcasecmp(v, "ro"))
        r->d->readonly = true;
    else if (!strcasecmp(v, "w!"))
        r->d->shared = true;
    else if (strcasecmp(v, "w") && strcasecmp(v, "rw"))
        return devspec_fail(&r->spec, "access '%s' is not known; it can be rw, w, ro, r or w!", v);
    r->access_given = true;
    return 0;
}

static int set_backendtype(struct disk_reader *r, const char *v)
{
    int type = lodge_backend_type_parse(v);

    if (type < 0)
        return devspec_fail(&r->spec,
                            "backendtype '%s' is not known; it can be lodge (or qdisk), or kernel "
                            "(or phy)",
                            v);
    r->d->base.type = (enum backend_type)type;
    return 0;
}

static int add_backing(struct disk_reader *r, const char *v)
{
    struct disk *d = r->d;

    if (d->nr_backing == DISK_MAX_BACKING)
        return devspec_fail(&r->spec, "there are more than %d backing files", DISK_MAX_BACKING);
    if (strlen(v) > DISK_MAX_TARGET)
        return devspec_fail(&r->spec, "a backing file's path is longer than %d bytes",
                            DISK_MAX_TARGET);
    d->backing[d->nr_backing++] = must_copy(v);
    return 0;
}

static int set_param(struct disk_reader *r, enum param param, const char *v)
{
    struct disk *d = r->d;

    /* An empty target leaves room for a later target=, which may hold commas. */
    if (r->given[param] && param != BACKING && !(param == TARGET && !d->target))
        return devspec_fail(&r->spec, "%s is given twice", param_name[param]);
    r->given[param] = true;
    if (!*v)
        return 0;
    switch (param) {
    case TARGET:
        if (strlen(v) > DISK_MAX_TARGET)
            return devspec_fail(&r->spec, "the target is longer than %d bytes", DISK_MAX_TARGET);
        d->target = must_copy(v);
        return 0;
    case FORMAT:
        return set_format(r, v);
    case VDEV:
        return set_vdev(r, v);
    case ACCESS:
        return set_access(r, v);
    case DEVTYPE:
        if (strcasecmp(v, "disk") && strcasecmp(v, "cdrom"))
            return devspec_fail(&r->spec, "devtype '%s' is not known; it can be disk or cdrom", v);
        d->cdrom = d->cdrom || !strcasecmp(v, "cdrom");
        return 0;
    case BACKENDTYPE:
        return set_backendtype(r, v);
    case BACKEND:
        d->base.backend = must_copy(v);
        return 0;
    case BACKING:
        return add_backing(r, v);
    default:
        return devspec_fail(&r->spec,
                            "script is not supported for disks; make the block device first, and "
                            "give its path as the target");
    }
}

static int set_discard(struct disk_reader *r, bool on)
{
    if (r->discard_given)
        return devspec_fail(&r->spec, "discard is given twice");
    r->discard_given = true;
    r->d->discard = on;
    return 0;
}

/* Prefixes that xend wanted before the target. They, not a second parameter, give the format. */
static int take_prefixes(struct disk_reader *r, const char **target)
{
    static const char *const ignored[] = {
        "tapdisk:", "tap2:", "tap:", "aio:", "ioemu:", "file:", "phy:"};
    static const char *const formats[] = {"raw:", "qcow2:", "vhd:"};
    const char *start = *target;
    bool more = true;
    char format[8];

    while (more) {
        more = false;
        for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
            if (!strncmp(*target, ignored[i], strlen(ignored[i]))) {
                *target += strlen(ignored[i]);
                more = true;
            }
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
            if (!strncmp(*target, formats[i], strlen(formats[i]))) {
                snprintf(format, sizeof(format), "%.*s", (int)strlen(formats[i]) - 1, formats[i]);
                *target += strlen(formats[i]);
                more = true;
                if (set_param(r, FORMAT, format))
                    return -1;
            }
    }
    if (*target > start)
        r->given[FORMAT] = true;
    return 0;
}

static int positional(struct disk_reader *r, const char *v)
{
    struct disk *d = r->d;
    unsigned devid;

    if (!strcasecmp(v, "cdrom")) {
        d->cdrom = true;
        return 0;
    }
    if (!strcasecmp(v, "discard") || !strcasecmp(v, "no-discard"))
        return set_discard(r, !strcasecmp(v, "discard"));
    if (!strcasecmp(v, "direct-io-safe")) {
        d->direct_io_safe = true;
        return 0;
    }
    for (int p = TARGET; p <= ACCESS; p++) {
        if (r->given[p])
            continue;
        if (p == TARGET && take_prefixes(r, &v))
            return -1;
        /* ",hdc:cdrom,r": xend's empty drive has no format between target and vdev. */
        if (p == FORMAT && strchr(v, ':') && !strcasecmp(strchr(v, ':'), ":cdrom")) {
            r->given[FORMAT] = true;
            continue;
        }
        return set_param(r, (enum param)p, v);
    }
    return devspec_fail(&r->spec, "'%s' is one parameter too many%s", v,
                        lodge_disk_devid(v, &devid) ? "; vdev is given already" : "");
}

static int check_whole(struct disk_reader *r)
{
    struct disk *d = r->d;

    if (!d->vdev[0])
        return devspec_fail(&r->spec,
                            "there is no vdev, the disk's name in the guest; add vdev=xvda");
    if (!d->target)
        return devspec_fail(&r->spec, d->cdrom ? "an empty CD drive is not supported; leave it out "
                                                 "and attach the disc with `lodge block-attach`"
                                               : "there is no target; name a file or a block "
                                                 "device");
    if (d->cdrom && !r->access_given)
        d->readonly = true;
    if (d->cdrom && !d->readonly)
        return devspec_fail(&r->spec, "a CD cannot be written to; leave access out");
    if (d->nr_backing && d->format != DISK_QCOW2)
        return devspec_fail(&r->spec,
                            "only a qcow2 image can have a backing file; give format=qcow2 "
                            "too, or leave backing out");
    if (d->base.type == BACKEND_KERNEL && d->format != DISK_RAW)
        return devspec_fail(&r->spec,
                            "backendtype=kernel serves raw images and block devices only; for %s "
                            "use backendtype=lodge",
                            lodge_disk_format_name(d->format));
    return 0;
}

static int read_params(struct disk_reader *r)
{
    char *key, *value;

    while (devspec_next(&r->spec, "target", &key, &value)) {
        int p = 0, rc;

        if (!value) {
            rc = positional(r, key);
        } else {
            while (p < PARAMS && strcasecmp(key, param_name[p]))
                p++;
            rc = p < PARAMS ? set_param(r, (enum param)p, value) : 0;
            if (p == PARAMS)
                devspec_ignore(&r->d->base.ignored, key);
        }
        if (rc)
            return rc;
    }
    return check_whole(r);
}

int lodge_disk_parse(struct disk *d, const char *text, char *err, size_t errlen)
{
    struct disk_reader r = {.d = d};
    int rc;

    memset(d, 0, sizeof(*d));
    d->discard = true;
    devspec_begin(&r.spec, "disk", text, err, errlen);
    rc = read_params(&r);
    devspec_end(&r.spec);
    if (rc)
        lodge_disk_free(d);
    return rc;
}

void lodge_disk_free(struct disk *d)
{
    free(d->target);
    free(d->base.backend);
    for (unsigned i = 0; i < d->nr_backing; i++)
        free(d->backing[i]);
    free(d->base.ignored);
    memset(d, 0, sizeof(*d));
}

/* --- the target ----------------------------------------------------------------------------- */

static int unusable(const struct disk *d, const char *why, char *err, size_t errlen)
{
    snprintf(err, errlen, "disk %s: target '%s': %s", d->vdev, d->target, why);
    return -1;
}

/* As for the target: what the guest may read must be known before it runs. */
static int resolve_backing(struct disk *d, unsigned i, char *err, size_t errlen)
{
    char *path = realpath(d->backing[i], NULL);
    struct stat st;

    if (!path || stat(path, &st)) {
        snprintf(err, errlen, "disk %s: backing file '%s': %s", d->vdev, d->backing[i],
                 strerror(errno));
        free(path);
        return -1;
    }
    free(d->backing[i]);
    d->backing[i] = path;
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
        return 0;
    snprintf(err, errlen, "disk %s: backing file '%s': this is neither a file nor a block device",
             d->vdev, path);
    return -1;
}

bool lodge_disk_same_image(const struct disk *a, const struct disk *b)
{
    struct stat x, y;

    if (!strcmp(a->target, b->target))
        return true;
    if (a->base.backend || b->base.backend || stat(a->target, &x) || stat(b->target, &y))
        return false;
    if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
        return x.st_rdev == y.st_rdev;
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int lodge_disk_resolve(struct disk *d, char *err, size_t errlen)
{
    char *path = NULL, *in_dev = NULL;
    struct stat st;

    if (d->base.backend && strcmp(d->base.backend, "0") && strcmp(d->base.backend, "Domain-0")) {
        d->block_device = !strncmp(d->target, "/dev/", 5);
        return 0;
    }
    path = realpath(d->target, NULL);
    if (!path && errno == ENOENT && d->target[0] != '/' &&
        asprintf(&in_dev, "/dev/%s", d->target) > 0) {
        path = realpath(in_dev, NULL);
        free(in_dev);
    }
    if (!path)
        return unusable(d,
                        errno == ENOENT
                            ? "there is no such file; make one with: truncate -s 4G FILE"
                            : strerror(errno),
                        err, errlen);
    free(d->target);
    d->target = path;
    if (stat(path, &st))
        return unusable(d, strerror(errno), err, errlen);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return unusable(d, "this is neither a file nor a block device", err, errlen);
    d->block_device = S_ISBLK(st.st_mode);
    if (access(path, d->readonly ? R_OK : R_OK | W_OK))
        return unusable(d,
                        d->readonly      ? "it cannot be read"
                        : errno == EROFS ? "it is on a file system that is read-only; give the "
                                           "disk access=ro"
                                         : "it cannot be read and written; give the disk access=ro "
                                           "if the guest shall only read it",
                        err, errlen);
    if (d->block_device && !d->readonly && !d->shared && host_disk_used(path))
        return unusable(d, HOST_DISK_USED, err, errlen);
    if (S_ISREG(st.st_mode) && st.st_size < 512)
        return unusable(d, "the file is smaller than one sector of 512 bytes", err, errlen);
    for (unsigned i = 0; i < d->nr_backing; i++)
        if (resolve_backing(d, i, err, errlen))
            return -1;
    return 0;
}

/* --- JSON ----------------------------------------------------------------------------------- */

struct json_object *lodge_disk_to_json(const struct disk *d)
{
    struct json_object *js = json_object_new_object(), *list;

    json_object_object_add(js, "vdev", json_object_new_string(d->vdev));
    json_object_object_add(js, "target", json_object_new_string(d->target));
    json_object_object_add(js, "format", json_object_new_string(lodge_disk_format_name(d->format)));
    json_object_object_add(js, "access", json_object_new_string(lodge_disk_access_name(d)));
    json_object_object_add(js, "devtype", json_object_new_string(d->cdrom ? "cdrom" : "disk"));
    json_object_object_add(js, "backendtype",
                           json_object_new_string(lodge_backend_type_name(d->base.type)));
    if (d->base.backend)
        json_object_object_add(js, "backend", json_object_new_string(d->base.backend));
    if (d->nr_backing) {
        list = json_object_new_array();
        for (unsigned i = 0; i < d->nr_backing; i++)
            json_object_array_add(list, json_object_new_string(d->backing[i]));
        json_object_object_add(js, "backing", list);
    }
    json_object_object_add(js, "block_device", json_object_new_boolean(d->block_device));
    json_object_object_add(js, "discard", json_object_new_boolean(d->discard));
    json_object_object_add(js, "direct_io_safe", json_object_new_boolean(d->direct_io_safe));
    return js;
}

static int backing_from_json(struct disk *d, struct json_object *js)
{
    struct json_object *list;
    size_t nr;

    if (!json_object_object_get_ex(js, "backing", &list))
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return -1;
    nr = json_object_array_length(list);
    if (nr > DISK_MAX_BACKING)
        return -1;
    for (size_t i = 0; i < nr; i++) {
        struct json_object *path = json_object_array_get_idx(list, i);

        if (!json_object_is_type(path, json_type_string))
            return -1;
        d->backing[d->nr_backing++] = must_copy(json_object_get_string(path));
    }
    return 0;
}

int lodge_disk_from_json(struct disk *d, struct json_object *js)
{
    const char *vdev = devspec_js_string(js, "vdev"), *target = devspec_js_string(js, "target");
    const char *format = devspec_js_string(js, "format"), *access = devspec_js_string(js, "access");
    const char *devtype = devspec_js_string(js, "devtype");
    const char *type = devspec_js_string(js, "backendtype");

    memset(d, 0, sizeof(*d));
    if (!vdev || !target || !*target || strlen(target) > PATH_MAX ||
        strlen(vdev) >= DISK_MAX_VDEV || !lodge_disk_devid(vdev, &d->base.devid) || !format ||
        !access || !type || lodge_backend_type_parse(type) < 0)
        return -1;
    snprintf(d->vdev, sizeof(d->vdev), "%s", vdev);
    d->format = !strcmp(format, "qcow2") ? DISK_QCOW2 : DISK_RAW;
    d->shared = !strcmp(access, "w!");
    d->readonly = !d->shared && strcmp(access, "rw");
    d->cdrom = devtype && !strcmp(devtype, "cdrom");
    d->base.type = (enum backend_type)lodge_backend_type_parse(type);
    d->block_device = devspec_js_bool(js, "block_device", false);
    d->discard = devspec_js_bool(js, "discard", true);
    d->direct_io_safe = devspec_js_bool(js, "direct_io_safe", false);
    d->target = must_copy(target);
    d->base.backend = must_copy(devspec_js_string(js, "backend"));
    if (!backing_from_json(d, js))
        return 0;
    lodge_disk_free(d);
    return -1;
}
