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
 *
 * A user who destroys the guest meanwhile crosses the file out, which is a bit of its mode: whoever
 * is at it looks before each step that makes the guest come back, and destroys it where the bit
 * comes too late for that. The user's process waits until nobody is at it and looks once more, so
 * it does not matter who of the two was first. Before there is a file it is the saved config that
 * tells: destroying begins with its removal, and acting with a look whether it is there still.
 */
#include "intent.h"
#include "domain.h"
#include "lockfile.h"
#include "saved.h"

#include <clock.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CROSSED_OUT S_IXUSR

static const char folder[] = "acting";

void lodge_intent_dir(struct lodge_session *l, char *path)
{
    lockfile_dir(l, folder, path);
}

int lodge_intent_begin(struct lodge_session *l, struct intent *in)
{
    struct json_object *js;
    char path[LODGE_PATH];
    const char *text;
    size_t len;
    int rc = 0;

    lockfile_path(l, folder, in->saved.config.uuid, path);
    in->fd = lockfile_open(l, folder, in->saved.config.uuid, O_RDWR | O_CREAT | O_EXCL | O_APPEND);
    if (in->fd < 0 && errno != EEXIST)
        return lodge_fail(l, errno, "%s: %s", path, strerror(errno));
    if (in->fd < 0 || !lockfile_hold(in->fd)) {
        if (in->fd >= 0)
            close(in->fd);
        in->fd = -1;
        return lodge_fail(l, EBUSY, "%s: another process is at it", path);
    }
    js = json_object_new_object();
    json_object_object_add(js, "event", json_object_new_int((int)in->event));
    json_object_object_add(js, "saved", lodge_saved_to_json(&in->saved));
    text = json_object_to_json_string_length(js, JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (write(in->fd, text, len) != (ssize_t)len) {
        rc = lodge_fail(l, errno ? errno : EIO, "%s: %s", path, strerror(errno));
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
    struct json_object *js = lodge_saved_load(in->fd, &ends);
    int rc = -EINVAL;

    if (js && json_object_object_get_ex(js, "saved", &saved) &&
        json_object_object_get_ex(js, "event", &event)) {
        in->event = (enum on_event)json_object_get_int(event);
        in->tries = (unsigned)strlen(ends);
        if (in->event < ON_EVENTS)
            rc = lodge_saved_from_json(&in->saved, saved, uuid);
    }
    free(ends);
    json_object_put(js);
    return rc;
}

int lodge_intent_take(struct lodge_session *l, const uint8_t uuid[16], struct intent *in)
{
    char path[LODGE_PATH];

    memset(in, 0, sizeof(*in));
    lockfile_path(l, folder, uuid, path);
    in->fd = lockfile_open(l, folder, uuid, O_RDWR | O_APPEND);
    if (in->fd < 0)
        return lodge_fail(l, errno, "%s: %s", path, strerror(errno));
    if (!lockfile_hold(in->fd)) {
        close(in->fd);
        return lodge_fail(l, EBUSY, "%s: another process is at it", path);
    }
    if (parse(in, uuid)) {
        unlink(path);
        close(in->fd);
        return lodge_fail(l, ENOENT, "%s: nothing had been begun", path);
    }
    if (write(in->fd, "\n", 1) == 1)
        in->tries++;
    return 0;
}

void lodge_intent_end(struct lodge_session *l, struct intent *in, bool later)
{
    char path[LODGE_PATH];

    lockfile_path(l, folder, in->saved.config.uuid, path);
    if (in->fd >= 0 && !later)
        unlink(path);
    if (in->fd >= 0)
        close(in->fd);
    lodge_saved_free(&in->saved);
}

bool lodge_intent_cross_out(struct lodge_session *l, const uint8_t uuid[16])
{
    int fd = lockfile_open(l, folder, uuid, O_RDONLY);
    bool done = fd >= 0 && !fchmod(fd, S_IRUSR | S_IWUSR | CROSSED_OUT);

    if (fd >= 0)
        close(fd);
    return done;
}

bool lodge_intent_crossed_out(const struct intent *in)
{
    struct stat st;

    return in->fd >= 0 && !fstat(in->fd, &st) && st.st_mode & CROSSED_OUT;
}

/* A process at it may be waiting for an old guest's devices, and then for a new one's. */
static bool await_end(struct lodge_session *l, const uint8_t uuid[16])
{
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    int64_t end = now_ms() + 2 * l->wait_ms + 10000;
    struct xen_domctl_getdomaininfo old;
    struct intent in;
    bool there;

    while (lodge_intent_held(l, uuid, &there) && now_ms() < end)
        nanosleep(&moment, NULL);
    if (lodge_intent_held(l, uuid, &there))
        return false;
    if (there && !lodge_intent_take(l, uuid, &in)) { /* killed, now or some time ago */
        if (ctl_domain_info(&l->ctl, in.saved.domid, &old) == -ESRCH)
            lodge_domain_finish_destroy(l, in.saved.domid, uuid);
        lodge_intent_end(l, &in, false);
    }
    return true;
}

int lodge_intent_destroy(struct lodge_session *l, const uint8_t uuid[16], int domid)
{
    struct xen_domctl_getdomaininfo *list;
    int nr, rc = 0;

    lodge_saved_remove(l, uuid);
    if (!lodge_intent_cross_out(l, uuid))
        return domid < 0 ? 0 : lodge_domain_destroy(l, (uint16_t)domid);
    if (!await_end(l, uuid))
        rc = lodge_fail(l, ETIMEDOUT,
                        "something is still being done to the guest, which went down; it is "
                        "destroyed as soon as that has come to an end");
    nr = rc ? 0 : lodge_domain_list(l, &list);
    if (nr < 0)
        return nr;
    for (int i = 0; i < nr && !rc; i++)
        if (!memcmp(list[i].handle, uuid, 16) && !(list[i].flags & XEN_DOMINF_dying))
            rc = lodge_domain_destroy(l, list[i].domain);
    if (nr)
        free(list);
    return rc;
}

const char *lodge_intent_doing(struct lodge_session *l, const uint8_t uuid[16])
{
    struct intent in = {.fd = lockfile_open(l, folder, uuid, O_RDONLY)};
    bool comes_back = false;

    if (in.fd >= 0 && !parse(&in, uuid)) {
        enum on_action action = in.saved.config.on[in.event];

        comes_back =
            !lodge_intent_crossed_out(&in) &&
            (action == ON_RESTART || action == ON_RENAME_RESTART || action == ON_COREDUMP_RESTART);
        lodge_saved_free(&in.saved);
    }
    if (in.fd >= 0)
        close(in.fd);
    return comes_back ? "restarted" : "removed";
}

int lodge_intent_busy(struct lodge_session *l, const uint8_t uuid[16])
{
    return lodge_fail(l, EBUSY, "the guest is just being %s; try again in a moment",
                      lodge_intent_doing(l, uuid));
}

bool lodge_intent_named(struct lodge_session *l, const char *who, const uint8_t *except,
                        uint8_t uuid[16])
{
    char path[LODGE_PATH], number[8];
    bool found = false;
    struct dirent *e;
    struct intent in;
    DIR *dir;

    lockfile_dir(l, folder, path);
    dir = opendir(path);
    while (dir && !found && (e = readdir(dir))) {
        if (lodge_uuid_parse(uuid, e->d_name) || (except && !memcmp(uuid, except, 16)))
            continue;
        memset(&in, 0, sizeof(in));
        in.fd = lockfile_open(l, folder, uuid, O_RDONLY);
        if (in.fd >= 0 && !parse(&in, uuid)) {
            snprintf(number, sizeof(number), "%u", in.saved.domid);
            found = !lodge_intent_crossed_out(&in) &&
                    (!who || !strcmp(in.saved.config.name, who) || !strcmp(number, who));
            lodge_saved_free(&in.saved);
        }
        if (in.fd >= 0)
            close(in.fd);
    }
    if (dir)
        closedir(dir);
    return found;
}

bool lodge_intent_held(struct lodge_session *l, const uint8_t uuid[16], bool *there)
{
    return lockfile_held(l, folder, uuid, there);
}

int lodge_intent_call_off(struct lodge_session *l, const char *who)
{
    uint8_t uuid[16];
    int rc = 0, nr = 0;

    /* Ends: what has been crossed out is not found again. */
    for (; !rc && lodge_intent_named(l, who, NULL, uuid); nr++)
        rc = lodge_intent_destroy(l, uuid, -1);
    return rc ? rc : nr;
}
