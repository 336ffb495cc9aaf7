// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_daemon_store.c: a daemon's connection to xenstore while that goes away and comes back.
 */
#include <libdaemon/daemon_store.h>

#include <clock.h>
#include <sys/eventfd.h>
#include "check.h"
#include "fake.h"

static struct store *handle;
static unsigned watched, lost, back;
static bool refused;

struct fake_domain *fake_by_domid(uint16_t domid)
{
    (void)domid;
    return NULL;
}

bool fake_backend_answers(void)
{
    return false;
}

static bool watch(struct store *s)
{
    CHECK(s == handle);
    watched++;
    return !refused;
}

static void was_lost(void)
{
    lost++;
}

static void is_back(void)
{
    CHECK(!store_is_dead(handle));
    back++;
}

static struct daemon_store d = {
    .store = &handle, .watch = watch, .lost = was_lost, .back = is_back};

static void test_serves(void)
{
    CHECK(daemon_store_start(&d) && watched == 1 && !back);
    CHECK(daemon_store_run(&d) && !lost && watched == 1);
    CHECK(daemon_store_timeout(&d, -1) == -1 && daemon_store_timeout(&d, 7) == 7);
    /* What the socket has is taken, and is no reason for anything else. */
    CHECK(!eventfd_write(fake_store_fd, 1) && loop_turn(0));
    CHECK(daemon_store_run(&d) && !lost);
}

/* It is said once that it went, however long that takes, and tried again when it is time. */
static void test_away(void)
{
    int left;

    fake_store_dead = true;
    fake_failing = "store";
    CHECK(!daemon_store_run(&d) && lost == 1 && watched == 1);
    left = daemon_store_timeout(&d, -1);
    CHECK(left >= 0 && left <= 1000 && daemon_store_timeout(&d, 0) == 0);
    CHECK(!loop_turn(0)); /* the socket is none of the loop's any more */
    d.next_try = 0;
    CHECK(daemon_store_timeout(&d, -1) == 0);
    CHECK(!daemon_store_run(&d) && lost == 1 && d.next_try);
    /* It is there again, and it is not time yet. */
    fake_failing = NULL;
    fake_store_dead = false;
    d.next_try = now_ms() + 1000000;
    CHECK(!daemon_store_run(&d) && watched == 1);
    d.next_try = 0;
    CHECK(daemon_store_run(&d) && watched == 2 && back == 1 && lost == 1);
    CHECK(loop_turn(0) && daemon_store_timeout(&d, -1) == -1);
}

/* It goes again before it is watched, or refuses that: no news of it would come. */
static void test_refused(void)
{
    fake_store_dead = true;
    refused = true;
    CHECK(!daemon_store_run(&d) && lost == 2 && back == 1);
    fake_store_dead = false;
    CHECK(!daemon_store_run(&d) && lost == 2 && back == 1);
    refused = false;
    d.next_try = 0;
    CHECK(daemon_store_run(&d) && lost == 2 && back == 2);
}

int main(void)
{
    char err[100];

    fake_store_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(fake_store_fd >= 0 && !loop_open());
    handle = store_open(err, sizeof(err));
    test_serves();
    test_away();
    test_refused();
    return check_end();
}
