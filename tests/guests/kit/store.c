/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small client of xenstore, over the page that the builder gave the guest: one request at a time,
 * as a rule, no watches. A test that waits for a node reads it now and then.
 */
#include <kit/kit.h>
#include <public/io/xs_wire.h>
#include <rings/byte_ring.h>

#define STORE_PATIENCE 30000000000ul /* ns without a byte from the daemon */

static struct {
    bool open;
    unsigned port;
    uint32_t id;
    struct byte_ring to, from;
} store;

static void open_store(void)
{
    struct xenstore_domain_interface *page;
    uint64_t pfn;

    if (store.open)
        return;
    pfn = ((uint64_t *)HYPERVISOR_VIRT_START)[start_info->store_mfn];
    page = (struct xenstore_domain_interface *)(pfn << 12);
    store.port = start_info->store_evtchn;
    store.to = byte_ring_attach(page->req, sizeof(page->req), &page->req_prod, &page->req_cons);
    store.from = byte_ring_attach(page->rsp, sizeof(page->rsp), &page->rsp_cons, &page->rsp_prod);
    store.open = true;
}

/* All of it, either way. */
static void move(bool out, void *buf, size_t len)
{
    uint64_t last = kit_now();
    uint8_t *at = buf;

    while (len != 0) {
        int n = out ? byte_ring_write(&store.to, at, len) : byte_ring_read(&store.from, at, len);

        if (n < 0 || kit_now() - last > STORE_PATIENCE) {
            printk("RESULT error xenstore %s\n", n < 0 ? "wrote a wrong index" : "does not answer");
            kit_shutdown(SHUTDOWN_poweroff);
        }
        if (n == 0) {
            kit_sleep_port(store.port, 1000000000);
            continue;
        }
        kit_send(store.port);
        at += n;
        len -= (size_t)n;
        last = kit_now();
    }
}

static int error_number(const char *name)
{
#define STORE_ERROR(error, number)                 \
    if (memcmp(name, #error, sizeof(#error)) == 0) \
        return -(number);
    XSD_ERROR_LIST(STORE_ERROR)
#undef STORE_ERROR
    return -XEN_EINVAL;
}

static size_t length_of(const char *s)
{
    size_t n = 0;

    while (s[n] != 0)
        n++;
    return n;
}

static void post(uint32_t type, const char *path, const char *value)
{
    size_t path_len = length_of(path) + 1, value_len = value != NULL ? length_of(value) : 0;
    struct xsd_sockmsg head = {.type = type, .req_id = ++store.id};

    open_store();
    head.len = (uint32_t)(path_len + value_len);
    move(true, &head, sizeof(head));
    move(true, (void *)path, path_len);
    move(true, (void *)value, value_len);
}

/* The answer's body is in `answer`, with a zero byte behind it. */
static int call(uint32_t type, const char *path, const char *value, char *answer)
{
    struct xsd_sockmsg head;

    post(type, path, value);
    do {
        move(false, &head, sizeof(head));
        if (head.len > XENSTORE_PAYLOAD_MAX) {
            printk("RESULT error xenstore sent %u bytes\n", head.len);
            kit_shutdown(SHUTDOWN_poweroff);
        }
        move(false, answer, head.len);
    } while (head.req_id != store.id);
    answer[head.len] = 0;
    return head.type == XS_ERROR ? error_number(answer) : (int)head.len;
}

static char reply[XENSTORE_PAYLOAD_MAX + 1];

int kit_store_read(const char *path, char *buf, size_t size)
{
    int n = call(XS_READ, path, NULL, reply);

    buf[0] = 0;
    if (n < 0)
        return n;
    if ((size_t)n >= size)
        n = (int)size - 1;
    memcpy(buf, reply, (size_t)n);
    buf[n] = 0;
    return n;
}

void kit_store_post(const char *path, const char *value)
{
    post(value != NULL ? XS_WRITE : XS_RM, path, value);
}

void kit_store_collect(unsigned nr)
{
    struct xsd_sockmsg head;

    while (nr-- != 0) {
        move(false, &head, sizeof(head));
        move(false, reply, head.len <= XENSTORE_PAYLOAD_MAX ? head.len : XENSTORE_PAYLOAD_MAX);
    }
}

int kit_store_write(const char *path, const char *value)
{
    int n = call(XS_WRITE, path, value, reply);

    return n < 0 ? n : 0;
}

int kit_store_remove(const char *path)
{
    int n = call(XS_RM, path, NULL, reply);

    return n < 0 ? n : 0;
}
