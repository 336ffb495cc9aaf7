// SPDX-License-Identifier: GPL-2.0-only
/*
 * setup.h: what the tests that make guests on the made-up machine of fake.h share: a connection, a
 * folder of their own for saved configs and locks, and a guest's config to begin with.
 */
#ifndef LODGE_TEST_SETUP_H
#define LODGE_TEST_SETUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>
#include "check.h"
#include "fake.h"

static struct lodge_session l;
static char setup_dir[] = "/tmp/lodge-test-XXXXXX";
static const char *const setup_folders[] = {"domains", "creating", "acting"};

static inline struct domcfg setup_config(const char *name)
{
    struct domcfg dc = {
        .name = strdup(name),
        .kernel = strdup("/k"),
        .cmdline = strdup("quiet"),
        .memory_mib = 64,
        .maxmem_mib = 96,
        .vcpus = 1,
        .maxvcpus = 2,
        .cap = -1,
        .on = {ON_DESTROY, ON_RESTART, ON_DESTROY, ON_DESTROY},
    };

    return dc;
}

/*
 * What comes at once is waited for as long as it takes on a busy machine; a back-end that does not
 * answer, only a moment.
 */
static inline void setup_backend(const char *how)
{
    bool slow = how && (!strcmp(how, "dead") || !strcmp(how, "silent") || !strcmp(how, "busy") ||
                        !strcmp(how, "plugged") || !strcmp(how, "no-hotplug"));

    fake_backend = how;
    l.wait_ms = slow ? 50 : 10000;
}

/* The machine as at the beginning. */
static inline void setup_fresh(void)
{
    lodge_close(&l);
    fake_reset();
    CHECK(!lodge_open(&l));
    setup_backend(fake_backend);
}

/* How many files there are in one of the folders. */
static inline unsigned setup_files(const char *folder)
{
    char path[300];
    unsigned nr = 0;
    struct dirent *e;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", setup_dir, folder);
    dir = opendir(path);
    while (dir && (e = readdir(dir)))
        nr += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return nr;
}

static inline void setup_begin(void)
{
    if (!mkdtemp(setup_dir) || setenv("LODGE_STATE_DIR", setup_dir, 1) ||
        setenv("LODGE_RUN_DIR", setup_dir, 1))
        exit(1);
    CHECK(!lodge_open(&l));
}

/* The test's closing line and status. Nothing may be left in the folders. */
static inline int setup_end(void)
{
    char path[300];

    lodge_close(&l);
    for (size_t i = 0; i < sizeof(setup_folders) / sizeof(setup_folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", setup_dir, setup_folders[i]);
        rmdir(path);
    }
    CHECK(!rmdir(setup_dir));
    return check_end();
}

#endif
