// SPDX-License-Identifier: GPL-2.0-only
// What net_plug() did to an interface, as lines "key=value" in NET_STATE_DIR/IFNAME: written before
// anything is changed, so that whatever was done can be undone by someone who starts afresh.
#include "net_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../wait_lock.h"

// Longer than a script has (script.c), which runs while it is held.
#ifndef STATE_LOCK_MS
#define STATE_LOCK_MS 60000
#endif

static void state_path(char *path, size_t size, const char *ifname)
{
    snprintf(path, size, NET_STATE_DIR "/%s", ifname);
}

// False with errno: why there is no folder tells more than that the file in it cannot be.
static bool state_directory(void)
{
    return (!mkdir("/run/lodge", 0755) || errno == EEXIST) &&
           (!mkdir(NET_STATE_DIR, 0755) || errno == EEXIST);
}

int state_lock(const struct net_err *err)
{
    static const char path[] = NET_STATE_DIR "/.lock";
    if (!state_directory()) {
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && wait_lock(fd, STATE_LOCK_MS) && errno == EWOULDBLOCK) {
        char why[160];
        wait_lock_why(fd, why, sizeof(why));
        close(fd);
        net_fail(err, "%s: %s", path, why);
        return STATE_BUSY;
    }
    return fd;
}

void state_unlock(int lock)
{
    if (lock >= 0) {
        close(lock);
    }
}

// Under another name first: a reader finds the old state or the whole new one. Names of interfaces
// do not begin with a dot (net_name_valid()), so none is taken for the lock.
int state_write(const char *ifname, const struct net_state *state, const struct net_err *err)
{
    char path[128], fresh[160];
    if (!state_directory()) {
        return net_fail(err, "%s: " NET_STATE_DIR ": %s", ifname, strerror(errno));
    }
    state_path(path, sizeof(path), ifname);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = fopen(fresh, "we");
    if (!file) {
        return net_fail(err, "%s: %s: %s", ifname, fresh, strerror(errno));
    }
    fprintf(file, "mode=%s\nbridge=%s\ngateway=%s\nips=%s\nscript=%s\nxenbus_path=%s\n",
            net_mode_name(state->mode), state->bridge, state->gateway, state->ips, state->script,
            state->xenbus_path);
    bool bad = ferror(file) != 0;
    if (fclose(file) || bad || rename(fresh, path)) {
        unlink(fresh);
        return net_fail(err, "%s: %s: %s", ifname, path, strerror(errno));
    }
    return 0;
}

// A key that is missing leaves its field empty.
int state_read(const char *ifname, struct net_state *state)
{
    char path[128], line[640];
    memset(state, 0, sizeof(*state));
    state_path(path, sizeof(path), ifname);
    FILE *file = fopen(path, "re");
    if (!file) {
        return -1;
    }
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        char *value = strchr(line, '=');
        if (!value) {
            continue;
        }
        *value++ = '\0';
        struct {
            const char *key;
            char *field;
            size_t size;
        } fields[] = {
            {"bridge", state->bridge, sizeof(state->bridge)},
            {"gateway", state->gateway, sizeof(state->gateway)},
            {"ips", state->ips, sizeof(state->ips)},
            {"script", state->script, sizeof(state->script)},
            {"xenbus_path", state->xenbus_path, sizeof(state->xenbus_path)},
        };
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
            if (strcmp(line, fields[i].key) == 0) {
                snprintf(fields[i].field, fields[i].size, "%s", value);
            }
        }
        if (strcmp(line, "mode") == 0) {
            net_mode_parse(value, &state->mode);
        }
    }
    fclose(file);
    return 0;
}

void state_remove(const char *ifname)
{
    char path[128];
    state_path(path, sizeof(path), ifname);
    unlink(path);
}
