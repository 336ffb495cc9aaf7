// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_backend.c: back-ends and front-ends that answer at once, or as a test wants them to.
 *
 * Looks at the store whenever something was written to it, as lodge-backends and guests' drivers
 * would be told by their watches.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fake_backend;

static const char *value(const char *dir, const char *key)
{
    return fake_store_value(store_fmt("%s/%s", dir, key));
}

static void set(const char *dir, const char *key, const char *text)
{
    fake_store_set(store_fmt("%s/%s", dir, key), text, NULL);
}

static bool is(const char *what)
{
    return fake_backend && !strcmp(fake_backend, what);
}

static void take(const char *dir)
{
    if (is("dead"))
        return;
    if (fake_backend && !strncmp(fake_backend, "error:", 6)) {
        set(dir, "hotplug-error", fake_backend + 6);
        set(dir, "state", "6");
        return;
    }
    if (fake_backend && !strncmp(fake_backend, "refuses:", 8) &&
        strstr(value(dir, "params"), fake_backend + 8)) {
        set(dir, "hotplug-error", "it is no image");
        set(dir, "state", "6");
        return;
    }
    set(dir, "state", "2");
    if (!is("no-hotplug"))
        set(dir, "hotplug-status", "connected");
}

/* Whoever still uses a disk keeps it from closing, unless the front-end's directory is gone. */
static void let_go(const char *dir, const char *front)
{
    if (is("dead"))
        return;
    if (is("busy") && value(front, "state") && strcmp(value(front, "state"), "6")) {
        set(front, "state", "5");
        return;
    }
    if (is("silent") && value(front, "state"))
        return;
    if (value(front, "state"))
        set(front, "state", "6");
    set(dir, "state", "6");
}

/* The plug of a device of the kernel's is pulled some time after that. */
static void unplug(const char *dir)
{
    const char *online = value(dir, "online");

    if (!is("plugged") && value(dir, "lodge-hotplug") && online && !strcmp(online, "0"))
        set(dir, "lodge-hotplug", "0");
}

static void resize(const char *dir)
{
    uint64_t bytes = strtoull(value(dir, "lodge-resize"), NULL, 10);
    uint64_t sectors = value(dir, "sectors") ? strtoull(value(dir, "sectors"), NULL, 10) : 0;

    if (is("dead") || value(dir, "lodge-resize-result"))
        return;
    if (bytes / 512 < sectors && !strstr(value(dir, "lodge-resize"), "shrink")) {
        set(dir, "lodge-resize-result", "the image would become smaller");
        return;
    }
    if (!is("unconnected"))
        set(dir, "sectors", store_fmt("%llu", (unsigned long long)bytes / 512));
    set(dir, "lodge-resize-result", "ok");
}

bool fake_backend_answers(void)
{
    static char dir[200], front[200];
    const char *state;

    for (unsigned i = 0; fake_store_path(i); i++) {
        unsigned end = 0;

        if (sscanf(fake_store_path(i), "/local/domain/%*u/backend/%*[^/]/%*u/%*u%n", (int *)&end) ||
            !end || fake_store_path(i)[end])
            continue;
        snprintf(dir, sizeof(dir), "%s", fake_store_path(i));
        state = value(dir, "state");
        snprintf(front, sizeof(front), "%s", value(dir, "frontend") ? value(dir, "frontend") : "");
        if (state && !strcmp(state, "1") && !value(dir, "hotplug-error"))
            take(dir);
        else if (state && !strcmp(state, "5"))
            let_go(dir, front);
        else if (state && !strcmp(state, "6"))
            unplug(dir);
        if (value(dir, "lodge-resize"))
            resize(dir);
    }
    return true;
}

void fake_device(uint16_t domid, const char *class, const char *type, unsigned devid)
{
    char front[100], back[100], record[100];

    snprintf(front, sizeof(front), "/local/domain/%u/device/%s/%u", domid, class, devid);
    snprintf(back, sizeof(back), "/local/domain/0/backend/%s/%u/%u", type, domid, devid);
    snprintf(record, sizeof(record), "/libxl/%u/device/%s/%u", domid, class, devid);
    fake_store_set(front, "", store_fmt("n%u,r0", domid));
    set(front, "backend", back);
    set(front, "state", "4");
    fake_store_set(back, "", store_fmt("n0,r%u", domid));
    set(back, "frontend", front);
    set(back, "online", "1");
    set(back, "state", "4");
    fake_store_set(record, "", NULL);
    set(record, "frontend", front);
    set(record, "backend", back);
    if (!strcmp(class, "vbd")) {
        set(back, "params", is("hostile") ? "/srv/\033[2J\r\nweb.img\177" : "/srv/web.img");
        set(back, "format", "raw");
        set(back, "mode", "w");
        set(back, "device-type", "disk");
        if (!is("unconnected")) {
            set(back, "sectors", "204800");
            set(back, "sector-size", "512");
        }
    } else {
        set(back, "mac", "00:16:3e:00:00:03");
        set(back, "mode", "auto");
        set(back, "bridge", is("hostile") ? "\033]0;br0\a" : "br0");
        set(back, "filter", "1");
        if (is("nat")) {
            set(back, "plugged-mode", "nat");
            set(back, "plugged-bridge", "lodgenat0");
        }
    }
}
