/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the hostile front-end share: devices and their states, a disk and an interface
 * that work, and pages granted in every wrong way.
 */
#ifndef HOSTILE_FRONTEND_HOSTILE_H
#define HOSTILE_FRONTEND_HOSTILE_H

#include <kit/kit.h>
#include <public/io/xenbus.h>
#include <rings/blk.h>
#include <rings/net.h>

#define SECOND    1000000000ul
#define NO_ANSWER 99 /* instead of a response's status */

/* --- device.c: the xenbus side -------------------------------------------------------------- */

struct device {
    const char *front; /* its directory, below the guest's home */
    char back[128];
    unsigned port;
};

void device_open(struct device *d, const char *front); /* finds its back-end */
int device_state(const struct device *d);              /* the back-end's */
bool device_wait(const struct device *d, int state);   /* until the back-end is there */
void device_enter(const struct device *d, int state);  /* our own state */
/* Below its directory; NULL: the node goes. */
void device_put(const struct device *d, const char *key, const char *value);
void device_put_number(const struct device *d, const char *key, uint64_t value);
uint64_t device_offer(const struct device *d, const char *key); /* a number of the back-end's */
/* Whatever state it is in: back to the back-end's InitWait, with a new port. */
void device_reset(struct device *d);
/* The back-end has to close the device, and say why. */
void device_expect_closed(const struct device *d);

/* The next attack: says so. */
void attack(const char *what);

/* --- pages ---------------------------------------------------------------------------------- */

enum page_kind {
    PAGE_GOOD,
    PAGE_READ_ONLY,
    PAGE_NEVER,   /* no grant was ever made */
    PAGE_BEYOND,  /* the reference is not in the table */
    PAGE_FOREIGN, /* a grant of a frame that is not the guest's */
    PAGE_NOWHERE, /* a grant of a frame that no machine has */
    PAGE_OTHERS,  /* a grant for another domain than dom0 */
    PAGE_TABLE,   /* a grant of a page table of the guest's */
    PAGE_KINDS
};
extern unsigned page_ref[PAGE_KINDS];
extern uint8_t *page_bytes; /* of the good one */
extern const char *const page_names[PAGE_KINDS];
void page_start(void);

/* --- disk.c ---------------------------------------------------------------------------------- */

struct disk {
    struct device dev;
    struct ring_front ring;
    void *page;   /* the ring */
    unsigned ref; /* its grant */
    uint64_t id;  /* of the last request */
    uint64_t sectors;
};

void disk_open(struct disk *d, const char *front);
void disk_prepare(struct disk *d); /* all is written, but for the state */
void disk_connect(struct disk *d);
/* One request (a slot), and the status of its answer, which has to be the only one. */
int disk_ask(struct disk *d, const void *slot);
/* As many reads as there is room for; their answers are not waited for. */
void disk_fill(struct disk *d);
/* Takes answers until there were `nr`; how many there were within some seconds. */
unsigned disk_take(struct disk *d, unsigned nr, unsigned *errors);
/* What is written is read again. */
void disk_works(struct disk *d);
/* A request for whole pages of that kind. */
struct blkif_request disk_request(uint8_t op, uint64_t sector, enum page_kind kind);

/* --- net.c ------------------------------------------------------------------------------------ */

#define NIC_BUFFERS 32

struct nic {
    struct device dev;
    struct ring_front tx, rx;
    void *tx_page, *rx_page, *frame;
    unsigned tx_ref, rx_ref, frame_ref;
    uint8_t *buffer[NIC_BUFFERS];
    unsigned buffer_ref[NIC_BUFFERS];
    uint8_t mac[6];
};

void nic_open(struct nic *n, const char *front);
void nic_prepare(struct nic *n);
void nic_connect(struct nic *n);
void nic_post(struct nic *n);                   /* buffers, as many as there are */
void nic_post_one(struct nic *n, unsigned ref); /* one that is none of them */
/* A slot of the transmit ring, and more until nic_send() publishes them. */
void nic_put(struct nic *n, const void *slot);
void nic_send(struct nic *n);
/* Takes responses of the transmit ring until there were `nr`; the status of the first. */
int nic_answers(struct nic *n, unsigned nr);
/* Asks dom0 for its hardware address, and waits for what comes: its status, NO_ANSWER if none. */
void nic_ask_dom0(struct nic *n);
int nic_receive(struct nic *n, bool *reply);
/* dom0 answers. */
void nic_works(struct nic *n);

/* --- the attacks ------------------------------------------------------------------------------ */

void disk_attacks(void);
void ring_attacks(void); /* rings, their nodes, and states, of a disk */
void net_attacks(void);
void net_ring_attacks(void);
/* Devices in the worst state to be destroyed in: they never return. */
void disk_mess(void) __attribute__((noreturn));
void net_mess(void) __attribute__((noreturn));

#endif
