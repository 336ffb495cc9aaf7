// SPDX-License-Identifier: GPL-2.0-only
/*
 * splitdev.h: a guest's split device in xenstore, from its first node to its last.
 *
 * A device has a front-end directory, which belongs to the guest, a back-end directory, which
 * belongs to the domain that serves it, and a record below /libxl, which only dom0 can write and
 * which therefore says what is true. With D the guest, B the back-end's domain:
 *
 *   /local/domain/D/device/CLASS/DEVID       CLASS is vbd, vif: a device_class
 *   /local/domain/B/backend/TYPE/D/DEVID     TYPE is lodge-vbd or lodge-vif for our back-ends, vbd
 *                                            or vif for those of a kernel
 *   /libxl/D/device/CLASS/DEVID
 *
 * Attaching writes all three in one transaction and waits until the back-end takes the device: its
 * state becomes InitWait or later, and for a kernel's back-end lodge-backends writes
 * hotplug-status = "connected" once the device is plugged in. A back-end that cannot writes
 * hotplug-error, a sentence.
 *
 * Detaching waits for a device that is just connecting, and then writes online = 0 and state =
 * Closing to the back-end's directory. The front-end answers by closing, if it can: a disk that is
 * mounted stays in use. The back-end follows with state Closed, and then all three directories go.
 * For a front-end that does not come up its state is set to Closed; one that is not asked (force)
 * has its directory removed: a back-end takes either for its end. A back-end whose own directory is
 * removed drops whatever it still holds.
 */
#ifndef LODGE_SPLITDEV_H
#define LODGE_SPLITDEV_H

#include <stdbool.h>
#include <stdint.h>
#include <json-c/json.h>
#include "domcfg.h"
#include "session.h"

/* All that is needed to name its three directories. */
struct splitdev {
    uint16_t domid, backend; /* the guest, and the domain that serves the device */
    unsigned devid;          /* a disk's number (lodge_disk_devid()), an interface's index */
    char class[16];          /* a device_class's node; guests that xl made may have others */
    char type[24];           /* "lodge-vbd", ... */
};

/* --- splitdev_store.c: nodes --------------------------------------------------------------- */

/* Where a device of this guest will be. -ESRCH: its back-end domain is not there. */
int lodge_splitdev_of(struct lodge_session *l, uint16_t domid, enum device_kind kind,
                      const struct device_base *d, struct splitdev *out);

/* Only queued: the caller opens the transaction and commits it. `guest` is the guest's name. */
void lodge_splitdev_write(struct store *s, const struct splitdev *dev, const char *guest,
                          enum device_kind kind, const struct device_base *d);
/* Its description, as much as lodge_domcfg_add() looks at; -1: its nodes make no sense. */
int lodge_splitdev_read(struct store *s, const struct splitdev *dev, enum device_kind kind,
                        struct device_base *d);
/* All three directories; only queued. */
void lodge_splitdev_remove(struct store *s, const struct splitdev *dev);

/* Directories that held the device, where nothing else is in them; a transaction of its own. */
void lodge_splitdev_prune(struct store *s, const struct splitdev *dev);
/* The back-end's directory of all of the guest's devices of this type; only queued. */
void lodge_splitdev_remove_parent(struct store *s, const struct splitdev *dev);

/* A node of the front-end's or the back-end's directory; "" is the directory. As store_fmt(). */
const char *lodge_splitdev_front(const struct splitdev *dev, const char *key);
const char *lodge_splitdev_back(const struct splitdev *dev, const char *key);
const char *lodge_splitdev_record(const struct splitdev *dev, const char *key);

/*
 * A guest's devices of one class, or of any, in order; malloc'ed. Taken from the records, so a
 * guest cannot make one up, nor send these tools to another's directory.
 */
unsigned lodge_splitdev_list(struct store *s, uint16_t domid, enum device_kind kind,
                             struct splitdev **out);
/* One of them; false if there is none of this number. */
bool lodge_splitdev_find(struct store *s, uint16_t domid, enum device_kind kind, unsigned devid,
                         struct splitdev *out);
bool lodge_splitdev_exists(struct store *s, const struct splitdev *dev);

enum backend_type lodge_splitdev_backend_type(const struct splitdev *dev);
/* "disk xvda", "interface 0": for messages. */
void lodge_splitdev_name(const struct splitdev *dev, char *buf, size_t len);
/* "connected", "closing", ...; "gone" where there is no such node. */
const char *lodge_splitdev_state_name(int state);

/* --- splitdev.c, splitdev_detach.c: their life ------------------------------------------------ */

/* The devices of a config, for a guest that is being made; malloc'ed. */
int lodge_splitdev_plan(struct lodge_session *l, const struct domcfg *dc, uint16_t domid,
                        struct splitdev **out, unsigned *nr);
/* Queues all of their nodes. */
void lodge_splitdev_write_plan(struct store *s, const struct domcfg *dc,
                               const struct splitdev *dev);

/* Waits until their back-ends have taken all of them, for at most l->wait_ms. */
int lodge_splitdev_wait(struct lodge_session *l, const struct splitdev *dev, unsigned nr);

/*
 * Attaches a device to a living guest. If anything fails nothing is left. The config is not
 * touched.
 */
int lodge_splitdev_attach(struct lodge_session *l, uint16_t domid, enum device_kind kind,
                          const struct device_base *d);

/*
 * Detaches a device from a living guest, in at most l->wait_ms. -EBUSY: it does not let go, and the
 * message says why; it may still do so later, and then a second call finishes. With `force` the
 * device goes whatever the guest says.
 */
int lodge_splitdev_detach(struct lodge_session *l, const struct splitdev *dev, bool force);

/*
 * Gives a disk's back-end the new size of its image; 0 bytes: the image has been changed already,
 * look at it. A smaller one needs `shrink`. The guest learns of it from its front-end.
 */
int lodge_splitdev_resize(struct lodge_session *l, const struct splitdev *dev, uint64_t bytes,
                          bool shrink);

/*
 * Takes away all devices of a guest that ends, whatever the guest says. Back-ends get some seconds.
 */
void lodge_splitdev_close_all(struct lodge_session *l, uint16_t domid);

#endif
