/* SPDX-License-Identifier: MIT */
/*
 * The states of a split device's two ends.
 *
 * Each end has a directory in the store, and in it a node `state` with one of these numbers as
 * decimal text, which the other end watches. How a device comes up:
 *
 *   back-end    Initialising -> InitWait: its features are written
 *   front-end   Initialising -> Initialised: its rings and ports are written (a front-end that
 *               needs nothing of the back-end may go to Connected at once)
 *   back-end    InitWait -> Connected: it has mapped the rings
 *   front-end   Initialised -> Connected
 *
 * And goes: whoever wants to end writes Closing; the other follows to Closing, then Closed, and the
 * first to Closed. A back-end whose node `online` is 1 stays and waits for a front-end that comes
 * back (a guest's kernel that restarts); with 0 it is finished. Unknown is also what a node that is
 * not there stands for.
 */
#ifndef LODGE_PUBLIC_IO_XENBUS_H
#define LODGE_PUBLIC_IO_XENBUS_H

enum xenbus_state {
    XenbusStateUnknown = 0,
    XenbusStateInitialising = 1,
    XenbusStateInitWait = 2,    /* back-end: features written, waiting for the front-end */
    XenbusStateInitialised = 3, /* front-end: rings written, waiting for the back-end */
    XenbusStateConnected = 4,
    XenbusStateClosing = 5,
    XenbusStateClosed = 6,
    XenbusStateReconfiguring = 7,
    XenbusStateReconfigured = 8
};
typedef enum xenbus_state XenbusState;

#endif
