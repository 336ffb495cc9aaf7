// SPDX-License-Identifier: GPL-2.0-only
/*
 * saved.c: the config of each living guest on disk, one JSON file per uuid.
 *
 * The monitor reads it to restart a guest, also after it was itself restarted. A file is replaced
 * by renaming, so that a reader sees the old one or the new one. It is not synced: after a power
 * failure there is no guest left that it could describe.
 */
#include "saved.h"
#include "intent.h"

#include <clock.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wait_lock.h>

#define SAVED_MAX (1u << 20)

static void saved_path(struct lodge_session *l, const uint8_t uuid[16], char *buf, size_t len,
                       const char *suffix)
{
    char text[37];

    lodge_uuid_format(uuid, text);
    snprintf(buf, len, "%s/domains/%s.json%s", l->state_dir, text, suffix);
}

static int open_new(struct lodge_session *l, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char dir[512];

    if (fd >= 0 || errno != ENOENT)
        return fd;
    snprintf(dir, sizeof(dir), "%s/domains", l->state_dir);
    /* Why there is no folder tells more than that the file in it cannot be. */
    if ((mkdir(l->state_dir, 0755) && errno != EEXIST) || (mkdir(dir, 0700) && errno != EEXIST))
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

struct json_object *lodge_saved_to_json(const struct saved *saved)
{
    struct json_object *js = json_object_new_object();

    json_object_object_add(js, "domid", json_object_new_int(saved->domid));
    json_object_object_add(js, "restarts", json_object_new_int((int)saved->restarts));
    json_object_object_add(js, "started", json_object_new_int64(saved->started));
    json_object_object_add(js, "since", json_object_new_int64(saved->since));
    json_object_object_add(js, "config", lodge_domcfg_to_json(&saved->config));
    return js;
}

static int write_file(struct lodge_session *l, const struct saved *saved)
{
    struct json_object *js = lodge_saved_to_json(saved);
    char path[600], tmp[600];
    const char *text;
    size_t len;
    int fd, rc = 0;

    text = json_object_to_json_string_length(js, JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    saved_path(l, saved->config.uuid, path, sizeof(path), "");
    saved_path(l, saved->config.uuid, tmp, sizeof(tmp), ".new");
    fd = open_new(l, tmp);
    if (fd < 0 || write(fd, text, len) != (ssize_t)len || rename(tmp, path))
        rc = lodge_fail(l, errno ? errno : EIO, "%s: cannot save the guest's config: %s", path,
                        strerror(errno));
    if (fd >= 0)
        close(fd);
    if (rc)
        unlink(tmp);
    json_object_put(js);
    return rc;
}

int lodge_saved_write(struct lodge_session *l, const struct domcfg *dc, uint16_t domid,
                      unsigned restarts)
{
    const struct saved saved = {
        .config = *dc,
        .domid = domid,
        .restarts = restarts,
        .started = time(NULL),
        .since = now_seconds(),
    };

    return write_file(l, &saved);
}

/*
 * The buffer is zeroed and has a byte more than is read: so the text ends, whatever the file has.
 */
struct json_object *lodge_saved_load(int fd, char **end)
{
    char *text = calloc(1, SAVED_MAX + 1);
    ssize_t n = text ? read(fd, text, SAVED_MAX) : -1;
    struct json_object *js = n > 0 ? json_tokener_parse(text) : NULL;

    if (js && end)
        *end = strdup(strrchr(text, '}') + 1);
    free(text);
    return js;
}

int lodge_saved_from_json(struct saved *out, struct json_object *js, const uint8_t uuid[16])
{
    struct json_object *config, *v;
    char err[128];

    memset(out, 0, sizeof(*out));
    if (!js || !json_object_object_get_ex(js, "config", &config))
        return -EINVAL;
    if (lodge_domcfg_from_json(&out->config, config, err, sizeof(err)) ||
        memcmp(out->config.uuid, uuid, 16)) {
        lodge_saved_free(out);
        return -EINVAL;
    }
    if (json_object_object_get_ex(js, "domid", &v))
        out->domid = (uint16_t)json_object_get_int(v);
    if (json_object_object_get_ex(js, "restarts", &v))
        out->restarts = (unsigned)json_object_get_int(v);
    if (json_object_object_get_ex(js, "started", &v))
        out->started = json_object_get_int64(v);
    if (json_object_object_get_ex(js, "since", &v))
        out->since = json_object_get_int64(v);
    return 0;
}

int lodge_saved_read(struct lodge_session *l, const uint8_t uuid[16], struct saved *out)
{
    struct json_object *js;
    char path[600];
    int fd, rc;

    memset(out, 0, sizeof(*out));
    saved_path(l, uuid, path, sizeof(path), "");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lodge_fail(l, errno, "%s: %s", path, strerror(errno));
    js = lodge_saved_load(fd, NULL);
    close(fd);
    /* The uuid inside must be the one that the name says: a copied file is nobody's config. */
    rc = lodge_saved_from_json(out, js, uuid);
    json_object_put(js);
    return rc ? lodge_fail(l, EINVAL, "%s: the saved config is damaged", path) : 0;
}

int lodge_saved_lock(struct lodge_session *l)
{
    char dir[512], why[160];
    int fd, rc;

    snprintf(dir, sizeof(dir), "%s/domains", l->state_dir);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && !wait_lock(fd, l->lock_ms))
        return fd;
    if (fd >= 0 && errno == EWOULDBLOCK) {
        wait_lock_why(fd, why, sizeof(why));
        rc = lodge_fail(l, ETIMEDOUT, "%s: %s", dir, why);
    } else {
        rc = lodge_fail(l, errno, "%s: %s", dir, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

int lodge_saved_change_held(struct lodge_session *l, const uint8_t uuid[16],
                            void (*change)(struct domcfg *dc, void *arg), void *arg)
{
    struct saved saved;
    int rc;

    if (!lodge_saved_exists(l, uuid))
        return 0;
    rc = lodge_saved_read(l, uuid, &saved);
    if (rc)
        return rc;
    change(&saved.config, arg);
    rc = write_file(l, &saved);
    lodge_saved_free(&saved);
    return rc;
}

int lodge_saved_change(struct lodge_session *l, const uint8_t uuid[16],
                       void (*change)(struct domcfg *dc, void *arg), void *arg)
{
    bool begun;
    int lock, rc;

    if (!lodge_saved_exists(l, uuid))
        return 0;
    lock = lodge_saved_lock(l);
    if (lock < 0)
        return lock;
    lodge_intent_held(l, uuid, &begun);
    rc = begun ? lodge_intent_busy(l, uuid) : lodge_saved_change_held(l, uuid, change, arg);
    close(lock);
    return rc;
}

bool lodge_saved_exists(struct lodge_session *l, const uint8_t uuid[16])
{
    char path[600];

    saved_path(l, uuid, path, sizeof(path), "");
    return !access(path, F_OK);
}

void lodge_saved_remove(struct lodge_session *l, const uint8_t uuid[16])
{
    char path[600];

    saved_path(l, uuid, path, sizeof(path), "");
    unlink(path);
}

void lodge_saved_free(struct saved *saved)
{
    lodge_domcfg_free(&saved->config);
}
