// SPDX-License-Identifier: GPL-2.0-only
/*
 * intent.c: what is being done to a guest that went down, so that it is done even if the process
 * that does it is killed in the middle: a guest that is restarted exists nowhere else between the
 * end of its old domain and the start of the new one.
 *
 * It is a file below the run directory, named after the guest's uuid and locked by the process that
 * is at it. A file that nobody holds is to be taken over; the monitor, which watches the directory,
 * sees it close. Who has created the file and not written it whole has not begun either. Each
 * process that takes over adds a line's end, so that one that kills whoever tries is given up.
 */
#include "lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char folder[] = "acting";

void intent_dir(struct lodge *l, char *path)
{
    lockfile_dir(l, folder, path);
}

int intent_begin(struct lodge *l, struct intent *in)
{
    struct json_object *js;
    char path[LOCKFILE_PATH];
    const char *text;
    size_t len;
    int rc = 0;

    lockfile_path(l, folder, in->saved.config.uuid, path);
    in->fd = lockfile_open(l, folder, in->saved.config.uuid, O_RDWR | O_CREAT | O_EXCL | O_APPEND);
    if (in->fd < 0 && errno != EEXIST)
        return domain_fail(l, errno, "%s: %s", path, strerror(errno));
    if (in->fd < 0 || !lockfile_hold(in->fd)) {
        if (in->fd >= 0)
            close(in->fd);
        in->fd = -1;
        return domain_fail(l, EBUSY, "%s: another process is at it", path);
    }
    js = json_object_new_object();
    json_object_object_add(js, "event", json_object_new_int((int)in->event));
    json_object_object_add(js, "saved", saved_to_json(&in->saved));
    text = json_object_to_json_string_length(js, JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (write(in->fd, text, len) != (ssize_t)len) {
        rc = domain_fail(l, errno ? errno : EIO, "%s: %s", path, strerror(errno));
        unlink(path);
        close(in->fd);
        in->fd = -1;
    }
    json_object_put(js);
    return rc;
}

static int parse(struct intent *in, const uint8_t uuid[16])
{
    struct json_object *saved, *event;
    char *ends = NULL;
    struct json_object *js = saved_load(in->fd, &ends);
    int rc = -EINVAL;

    if (js && json_object_object_get_ex(js, "saved", &saved) &&
        json_object_object_get_ex(js, "event", &event)) {
        in->event = (enum on_event)json_object_get_int(event);
        in->tries = (unsigned)strlen(ends);
        if (in->event < ON_EVENTS)
            rc = saved_from_json(&in->saved, saved, uuid);
    }
    free(ends);
    json_object_put(js);
    return rc;
}

int intent_take(struct lodge *l, const uint8_t uuid[16], struct intent *in)
{
    char path[LOCKFILE_PATH];

    memset(in, 0, sizeof(*in));
    lockfile_path(l, folder, uuid, path);
    in->fd = lockfile_open(l, folder, uuid, O_RDWR | O_APPEND);
    if (in->fd < 0)
        return domain_fail(l, errno, "%s: %s", path, strerror(errno));
    if (!lockfile_hold(in->fd)) {
        close(in->fd);
        return domain_fail(l, EBUSY, "%s: another process is at it", path);
    }
    if (parse(in, uuid)) {
        unlink(path);
        close(in->fd);
        return domain_fail(l, ENOENT, "%s: nothing had been begun", path);
    }
    if (write(in->fd, "\n", 1) == 1)
        in->tries++;
    return 0;
}

void intent_end(struct lodge *l, struct intent *in, bool later)
{
    char path[LOCKFILE_PATH];

    lockfile_path(l, folder, in->saved.config.uuid, path);
    if (in->fd >= 0 && !later)
        unlink(path);
    if (in->fd >= 0)
        close(in->fd);
    saved_free(&in->saved);
}

void intent_drop(struct lodge *l, const uint8_t uuid[16])
{
    struct intent in;

    if (!intent_take(l, uuid, &in))
        intent_end(l, &in, false);
}

bool intent_held(struct lodge *l, const uint8_t uuid[16], bool *there)
{
    return lockfile_held(l, folder, uuid, there);
}
