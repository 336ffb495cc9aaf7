// SPDX-License-Identifier: GPL-2.0-only
/*
 * vif.h: one network interface of a guest, as its config describes it.
 *
 * The syntax is xl's: key=value with commas between them; the empty text is an interface with
 * defaults throughout.
 *
 *   mac          00:16:3e:... ; by default made from the guest's uuid, see lodge_vif_default_mac()
 *   mode         bridge, nat, route, or auto (default: a bridge where one is named or xenbr0
 *                exists, else nat): how it is connected
 *   bridge       the bridge, for all modes but route
 *   gatewaydev   for mode=route: the interface that leads outside (xl's old name: netdev)
 *   ip           the guest's addresses, with blanks between them; the filter lets only these pass
 *   rate         what the guest may send, e.g. 10Mb/s or 1MB/s@20ms
 *   script       a hot-plug script; xl's own vif-bridge, vif-nat and vif-route only say the mode
 *   vifname      the interface's name in the back-end domain; vifDOMID.INDEX
 *   filter       on (default) or off: drop what the guest sends with another's address
 *   mtu          68 to 65535
 *   queues       1 to 16: the most that the front-end may use; for backendtype=lodge
 *   backendtype  kernel: xen-netback, and the default, as it moves more for less. lodge: our own
 *                back-end, a process per guest without rights; the default where queues is given
 *   backend      the domain whose back-end serves it
 *   devid        its index; by default the lowest that is free
 *   type, model  without a meaning for a paravirtual guest; model is warned about, and so are keys
 *                that are none of these
 */
#ifndef LODGE_VIF_H
#define LODGE_VIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>
#include "devclass.h"

#define VIF_MAX        256
#define VIF_MAX_QUEUES 16
#define VIF_NO_DEVID   UINT32_MAX

enum vif_mode { VIF_AUTO, VIF_BRIDGE, VIF_NAT, VIF_ROUTE };

struct vif {
    struct device_base base; /* devid: VIF_NO_DEVID if it is not given */
    uint8_t mac[6];
    bool has_mac;
    enum vif_mode mode;
    char *bridge, *gatewaydev, *ip, *script, *vifname; /* NULL: not given */
    uint64_t rate_bytes;                               /* per interval; 0: no limit */
    uint32_t rate_usec; /* the interval; xenstore's "rate" is the two, with a comma between */
    bool filter;
    unsigned mtu, queues; /* 0: not given */
};

/* Returns 0, or -1 with a sentence in err and nothing to free. */
int lodge_vif_parse(struct vif *v, const char *text, char *err, size_t errlen);
void lodge_vif_free(struct vif *v);

/*
 * Looks at the interface that it names: this host must have none of that name yet. Whether another
 * guest has one is for the back-end to decide: it knows which interfaces are about to go.
 */
int lodge_vif_resolve(const struct vif *v, char *err, size_t errlen);

/*
 * The address of an interface that has none in its config: 00:16:3e, and 23 bits of a hash over
 * the guest's uuid, where its config gives one, or else its name, and the interface's index. So
 * it is the same each time the guest is made.
 */
void lodge_vif_default_mac(uint8_t mac[6], const void *seed, size_t len, unsigned index);

bool lodge_vif_mac_parse(const char *text, uint8_t mac[6]);
void lodge_vif_mac_format(const uint8_t mac[6], char text[static 18]);

/* What xl understands as rate=; false if it is none. */
bool lodge_vif_rate_parse(const char *text, uint64_t *bytes, uint32_t *usec);

const char *lodge_vif_mode_name(enum vif_mode mode);

struct json_object *lodge_vif_to_json(const struct vif *v);
int lodge_vif_from_json(struct vif *v, struct json_object *js);

#endif
