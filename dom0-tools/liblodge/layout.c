// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout.c: writes and removes a guest's nodes in xenstore.
 *
 * New nodes inherit their parent's permissions. So the home directory first belongs to the guest,
 * and the few nodes that the guest itself writes (its answer to a shutdown request, the features it
 * announces) are made; then it is made readable only, and everything else follows that. Giving
 * permissions node by node would double the number of requests.
 */
#include "layout.h"

#include <clock.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Below the home; with control/ among them, whose own permissions are taken back afterwards. */
static const char *const guest_owned[] = {
    "control/shutdown", /* the first: not of hvm guests */
    "control/feature-poweroff",
    "control/feature-reboot",
    "control/feature-suspend",
    "control/sysrq",
    "data",
    "drivers",
    "feature",
    "attr",
    "error",
};

const char *lodge_layout_name(const char *name)
{
    char text[3 * DOMCFG_MAX_NAME + 1];
    size_t len = 0;

    for (; *name && len + 3 < sizeof(text); name++) {
        bool plain = isalnum((unsigned char)*name) || strchr("-_", *name);

        len += (size_t)sprintf(text + len, plain ? "%c" : "@%02x", (unsigned char)*name);
    }
    text[len] = '\0';
    return store_fmt(LAYOUT_NAMES "/%s", text);
}

static void write_home(struct store *s, const char *home, const struct domcfg *dc,
                       const struct builder_result *r, const char *uuid)
{
    store_write(s, store_fmt("%s/name", home), dc->name);
    store_write(s, store_fmt("%s/domid", home), store_fmt("%u", r->domid));
    store_write(s, store_fmt("%s/vm", home), store_fmt("/vm/%s", uuid));
    store_write(s, store_fmt("%s/memory/static-max", home),
                store_fmt("%" PRIu64, dc->maxmem_mib << 10));
    store_write(s, store_fmt("%s/memory/target", home),
                store_fmt("%" PRIu64, dc->memory_mib << 10));
    store_write(s, store_fmt("%s/memory/videoram", home), "0");
    for (unsigned v = 0; v < dc->maxvcpus; v++)
        store_write(s, store_fmt("%s/cpu/%u/availability", home, v),
                    v < dc->vcpus ? "online" : "offline");
    store_write(s, store_fmt("%s/store/port", home), store_fmt("%u", r->store_evtchn));
    store_write(s, store_fmt("%s/store/ring-ref", home), store_fmt("%" PRIu64, r->store_mfn));
    store_write(s, store_fmt("%s/control/platform-feature-multiprocessor-suspend", home), "1");
}

/* Without `output`, by which Xen's tools ask for a pty before the guest has said a word. */
static void write_console(struct store *s, const char *home, const struct builder_result *r)
{
    store_write(s, store_fmt("%s/console/type", home), "xenconsoled");
    store_write(s, store_fmt("%s/console/limit", home), "1048576");
    store_write(s, store_fmt("%s/console/tty", home), "");
    store_write(s, store_fmt("%s/console/backend-id", home), "0");
    store_write(s, store_fmt("%s/console/port", home), store_fmt("%u", r->console_evtchn));
    store_write(s, store_fmt("%s/console/ring-ref", home), store_fmt("%" PRIu64, r->console_mfn));
}

/* By now_seconds(), as start_time is by a clock that may be stepped meanwhile. */
static void write_since(struct store *s, const char *uuid, int64_t since)
{
    store_write(s, store_fmt("/vm/%s/" LAYOUT_SINCE, uuid), store_fmt("%" PRId64, since));
}

void lodge_layout_note_start(struct store *s, const uint8_t handle[16])
{
    char uuid[37], *since, *start;

    lodge_uuid_format(handle, uuid);
    since = store_get(s, store_fmt("/vm/%s/" LAYOUT_SINCE, uuid));
    start = since ? NULL : store_get(s, store_fmt("/vm/%s/start_time", uuid));
    if (start)
        write_since(s, uuid, now_seconds() - (time(NULL) - strtoll(start, NULL, 10)));
    free(start);
    free(since);
}

int64_t lodge_layout_seconds_up(struct store *s, const uint8_t handle[16])
{
    char uuid[37], *text;
    int64_t up = 0;
    bool known;

    lodge_uuid_format(handle, uuid);
    text = store_get(s, store_fmt("/vm/%s/" LAYOUT_SINCE, uuid));
    if (text)
        up = now_seconds() - strtoll(text, NULL, 10);
    else if ((text = store_get(s, store_fmt("/vm/%s/start_time", uuid))))
        up = time(NULL) - strtoll(text, NULL, 10);
    known = text;
    free(text);
    return !known ? -1 : up > 0 ? up : 0;
}

void lodge_layout_write(struct store *s, const struct domcfg *dc, const struct builder_result *r)
{
    char home[48], uuid[37];

    lodge_uuid_format(dc->uuid, uuid);
    snprintf(home, sizeof(home), "/local/domain/%u", r->domid);

    /* What an earlier owner of the number may have left must not become this guest's. */
    store_remove(s, home);
    store_remove(s, store_fmt("/libxl/%u", r->domid));
    store_mkdir(s, home);
    store_perms(s, home, r->domid, true);
    /* What knows nothing of the store is not asked by it to shut down. */
    for (size_t i = dc->type == BUILDER_HVM; i < sizeof(guest_owned) / sizeof(guest_owned[0]); i++)
        store_write(s, store_fmt("%s/%s", home, guest_owned[i]), "");
    /* The guest cannot make, change or remove anything but the nodes above and what is given to it
     * one by one: event-channel below, and the directories of its front-ends. */
    store_perms(s, store_fmt("%s/control", home), r->domid, false);
    store_perms(s, home, r->domid, false);
    write_home(s, home, dc, r, uuid);
    write_console(s, home, r);
    store_write(s, store_fmt("%s/device/suspend/event-channel", home), "");
    store_perms(s, store_fmt("%s/device/suspend/event-channel", home), r->domid, true);

    store_mkdir(s, store_fmt("/vm/%s", uuid));
    store_perms(s, store_fmt("/vm/%s", uuid), r->domid, false);
    store_write(s, store_fmt("/vm/%s/uuid", uuid), uuid);
    store_write(s, store_fmt("/vm/%s/name", uuid), dc->name);
    store_write(s, store_fmt("/vm/%s/image/ostype", uuid), "linux");
    store_write(s, store_fmt("/vm/%s/image/kernel", uuid), dc->kernel);
    store_write(s, store_fmt("/vm/%s/image/cmdline", uuid), dc->cmdline);
    store_write(s, store_fmt("/vm/%s/start_time", uuid),
                store_fmt("%lld.00", (long long)time(NULL)));
    write_since(s, uuid, now_seconds());

    store_write(s, store_fmt("/libxl/%u/type", r->domid), builder_type_name(dc->type));
    store_write(s, lodge_layout_name(dc->name), store_fmt("%u", r->domid));
}

int lodge_layout_free_name(struct store *s, uint16_t domid, const char *name)
{
    char entry[sizeof(LAYOUT_NAMES) + 3 * DOMCFG_MAX_NAME + 1], *owner;
    struct store_transaction t = {0};

    if (lodge_domcfg_bad_name(name))
        return 0;
    snprintf(entry, sizeof(entry), "%s", lodge_layout_name(name));
    while (store_transact(s, &t)) {
        /* A namesake made by other tools may own the entry by now. */
        owner = store_get(s, entry);
        if (owner && strtoul(owner, NULL, 10) == domid)
            store_remove(s, entry);
        free(owner);
    }
    return t.rc;
}

int lodge_layout_remove(struct store *s, uint16_t domid, const uint8_t uuid[16])
{
    char text[37];

    lodge_uuid_format(uuid, text);
    store_remove(s, store_fmt("/local/domain/%u", domid));
    store_remove(s, store_fmt("/vm/%s", text));
    store_remove(s, store_fmt("/libxl/%u", domid));
    return store_flush(s);
}

void lodge_layout_rename(struct store *s, uint16_t domid, const uint8_t uuid[16], const char *old,
                         const char *name)
{
    char text[37];

    lodge_uuid_format(uuid, text);
    if (!lodge_domcfg_bad_name(old))
        store_remove(s, lodge_layout_name(old));
    store_write(s, store_fmt("/local/domain/%u/name", domid), name);
    if (domid)
        store_write(s, store_fmt("/vm/%s/name", text), name);
    store_write(s, lodge_layout_name(name), store_fmt("%u", domid));
}

void lodge_layout_move_vm(struct store *s, uint16_t domid, const uint8_t old[16],
                          const uint8_t uuid[16], const char *name)
{
    char from[37], to[37], *since;

    lodge_uuid_format(old, from);
    lodge_uuid_format(uuid, to);
    since = store_get(s, store_fmt("/vm/%s/" LAYOUT_SINCE, from));
    if (since)
        store_write(s, store_fmt("/vm/%s/" LAYOUT_SINCE, to), since);
    free(since);
    store_remove(s, store_fmt("/vm/%s", from));
    store_write(s, store_fmt("/vm/%s/uuid", to), to);
    store_write(s, store_fmt("/vm/%s/name", to), name);
    store_write(s, store_fmt("/local/domain/%u/vm", domid), store_fmt("/vm/%s", to));
    store_flush(s);
}
