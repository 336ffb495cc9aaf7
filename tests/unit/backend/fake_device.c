// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_device.c: what a device says and why it failed, for tests that look at results alone.
 */
#include <backends/backend.h>

int device_fail(struct device *d, int err, const char *fmt, ...)
{
    (void)d;
    (void)fmt;
    return -err;
}

void device_say(struct device *d, const char *fmt, ...)
{
    (void)d;
    (void)fmt;
}

int claim_take(struct device *d, const char *path, int fd, bool readonly, bool shared, bool lock)
{
    (void)d;
    (void)path;
    (void)fd;
    (void)readonly;
    (void)shared;
    (void)lock;
    return 0;
}

unsigned fake_claims_left;

/* As if it were one. */
struct claim_rest *claim_outlive(struct device *d)
{
    fake_claims_left++;
    return (struct claim_rest *)d;
}

void claim_end(struct claim_rest *rest)
{
    fake_claims_left -= rest != NULL;
}
