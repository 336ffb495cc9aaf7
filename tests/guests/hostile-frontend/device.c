/* SPDX-License-Identifier: GPL-2.0-only */
/* The front-end's side of the xenbus states, and pages granted in every wrong way. */
#include "hostile.h"

#define PATIENCE (60 * SECOND)

static unsigned attacks;

void attack(const char *what)
{
    printk("attack %u: %s\n", ++attacks, what);
}

/* --- devices ---------------------------------------------------------------------------------- */

static uint64_t parse(const char *s)
{
    uint64_t n = 0;

    while (*s >= '0' && *s <= '9')
        n = n * 10 + (uint64_t)(*s++ - '0');
    return n;
}

static const char *join(const char *directory, const char *key)
{
    static char path[256];

    kit_snprintf(path, sizeof(path), "%s/%s", directory, key);
    return path;
}

void device_open(struct device *d, const char *front)
{
    d->front = front;
    if (kit_store_read(join(front, "backend"), d->back, sizeof(d->back)) <= 0) {
        printk("RESULT error there is no %s\n", front);
        kit_shutdown(SHUTDOWN_poweroff);
    }
}

uint64_t device_offer(const struct device *d, const char *key)
{
    char text[32];

    kit_store_read(join(d->back, key), text, sizeof(text));
    return parse(text);
}

int device_state(const struct device *d)
{
    return (int)device_offer(d, "state");
}

bool device_wait(const struct device *d, int state)
{
    uint64_t end = kit_now() + PATIENCE;
    int now;

    while ((now = device_state(d)) != state) {
        if (kit_now() > end) {
            printk("%s: the back-end is in state %d, not %d\n", d->front, now, state);
            return false;
        }
        kit_sleep(SECOND / 100);
    }
    return true;
}

void device_put(const struct device *d, const char *key, const char *value)
{
    if (value != NULL)
        CHECK_EQ(kit_store_write(join(d->front, key), value), 0);
    else
        kit_store_remove(join(d->front, key)); /* which may not be there */
}

void device_put_number(const struct device *d, const char *key, uint64_t value)
{
    char text[24];

    kit_snprintf(text, sizeof(text), "%lu", value);
    device_put(d, key, text);
}

void device_enter(const struct device *d, int state)
{
    device_put_number(d, "state", (uint64_t)state);
}

void device_reset(struct device *d)
{
    if (device_state(d) != XenbusStateInitWait) {
        device_enter(d, XenbusStateClosed);
        CHECK(device_wait(d, XenbusStateClosed));
        device_enter(d, XenbusStateInitialising);
        CHECK(device_wait(d, XenbusStateInitWait));
    }
    if (d->port != 0)
        kit_port_close(d->port);
    d->port = kit_port_alloc();
}

void device_expect_closed(const struct device *d)
{
    char why[160];

    CHECK(device_wait(d, XenbusStateClosed));
    CHECK(kit_store_read(join(d->back, "hotplug-error"), why, sizeof(why)) > 0);
    printk("  closed: %s\n", why);
}

/* --- pages ------------------------------------------------------------------------------------ */

unsigned page_ref[PAGE_KINDS];
uint8_t *page_bytes;
const char *const page_names[PAGE_KINDS] = {
    "a good page",
    "a page granted read-only",
    "a page that was never granted",
    "a reference beyond the table",
    "a grant of a frame that is not the guest's",
    "a grant of a frame that does not exist",
    "a grant for another domain",
    "a grant of a page table",
};

/* A frame below ours, or above, that the machine-to-physical table does not call ours. */
static uint64_t foreign_frame(void)
{
    for (uint64_t mfn = kit_mfn(image_start) - 1; mfn != 0; mfn--) {
        uint64_t pfn;

        if (!kit_read((uint64_t *)HYPERVISOR_VIRT_START + mfn, &pfn))
            continue;
        if (pfn >= start_info->nr_pages || kit_mfn((void *)(pfn << 12)) != mfn)
            return mfn;
    }
    return 0;
}

void page_start(void)
{
    void *page = kit_page();

    page_bytes = kit_page();
    page_ref[PAGE_GOOD] = kit_grant(page_bytes, 0);
    page_ref[PAGE_READ_ONLY] = kit_grant(kit_page(), GTF_readonly);
    page_ref[PAGE_NEVER] = KIT_GRANTS - 1;
    page_ref[PAGE_BEYOND] = ~0u;
    page_ref[PAGE_FOREIGN] = kit_grant(page, 0);
    kit_grant_put(page_ref[PAGE_FOREIGN], foreign_frame(), GTF_permit_access, 0);
    page_ref[PAGE_NOWHERE] = kit_grant(page, 0);
    kit_grant_put(page_ref[PAGE_NOWHERE], 0xfffffff0, GTF_permit_access, 0);
    page_ref[PAGE_OTHERS] = kit_grant(page, 0);
    kit_grant_put(page_ref[PAGE_OTHERS], kit_mfn(page), GTF_permit_access,
                  DOMID_FIRST_RESERVED - 1);
    page_ref[PAGE_TABLE] = kit_grant(kit_table(1, page), 0);
}
