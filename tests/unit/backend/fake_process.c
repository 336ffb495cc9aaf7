// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake_process.c: a worker that does nothing by itself, for tests that play it.
 */
#include "device_steps.h"

void process_attach(struct device *d)
{
    static struct worker_parcel parcel;

    if (device_parcel(d, &parcel)) {
        trace("attach");
        t.attaches++;
    }
}

bool process_detach(struct device *d)
{
    (void)d;
    t.detaches += !t.no_worker;
    trace(t.no_worker ? "nobody to detach from" : "detach");
    return !t.no_worker;
}

void process_impatient(struct device *d, bool first)
{
    (void)d;
    trace("impatient%s", first ? "" : " still");
}

bool process_send(struct process *p, const struct worker_parcel *parcel)
{
    (void)p;
    (void)parcel;
    return true;
}
