// SPDX-License-Identifier: GPL-2.0-only
/*
 * domcfg_devices.c: the disks and interfaces of a guest's config, as lists without contradictions.
 */
#include "domcfg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>
#include "cfgread.h"
#include "devspec.h"

/* --- the lists ------------------------------------------------------------------------------ */

int lodge_domcfg_add_disk(struct domcfg *dc, struct disk *d, char *err, size_t errlen)
{
    for (unsigned i = 0; i < dc->nr_disk; i++) {
        const struct disk *other = &dc->disk[i];

        if (other->devid == d->devid) {
            snprintf(err, errlen, "disk %s: the guest has a disk of this vdev already ('%.200s')",
                     d->vdev, other->target);
            return -1;
        }
        if (lodge_disk_same_image(other, d) && !(d->readonly && other->readonly) &&
            !(d->shared && other->shared)) {
            snprintf(err, errlen,
                     "disk %s: '%.200s' is the guest's %s already; two disks on one image would "
                     "destroy it, unless both have access=ro or w!",
                     d->vdev, d->target, other->vdev);
            return -1;
        }
    }
    dc->disk = must(realloc(dc->disk, (dc->nr_disk + 1) * sizeof(*d)));
    dc->disk[dc->nr_disk++] = *d;
    return 0;
}

static bool has_vif(const struct domcfg *dc, unsigned devid)
{
    for (unsigned i = 0; i < dc->nr_vif; i++)
        if (dc->vif[i].devid == devid)
            return true;
    return false;
}

int lodge_domcfg_add_vif(struct domcfg *dc, struct vif *v, char *err, size_t errlen)
{
    char mac[18];

    if (v->devid != VIF_NO_DEVID && has_vif(dc, v->devid)) {
        snprintf(err, errlen, "vif: the guest has an interface of index %u already", v->devid);
        return -1;
    }
    for (unsigned i = 0; v->devid == VIF_NO_DEVID && i < VIF_MAX; i++)
        if (!has_vif(dc, i))
            v->devid = i;
    if (v->devid == VIF_NO_DEVID) {
        snprintf(err, errlen, "vif: a guest can have at most %d interfaces", VIF_MAX);
        return -1;
    }
    if (!v->has_mac && dc->fixed_uuid)
        lodge_vif_default_mac(v->mac, dc->uuid, sizeof(dc->uuid), v->devid);
    else if (!v->has_mac)
        lodge_vif_default_mac(v->mac, dc->name, strlen(dc->name), v->devid);
    v->has_mac = true;
    for (unsigned i = 0; i < dc->nr_vif; i++)
        if (v->vifname && dc->vif[i].vifname && !strcmp(dc->vif[i].vifname, v->vifname)) {
            snprintf(err, errlen, "vif: vifname %s is that of the guest's interface %u already",
                     v->vifname, dc->vif[i].devid);
            return -1;
        }
    for (unsigned i = 0; i < dc->nr_vif; i++)
        if (!memcmp(dc->vif[i].mac, v->mac, sizeof(v->mac))) {
            lodge_vif_mac_format(v->mac, mac);
            snprintf(err, errlen, "vif: mac %s is that of the guest's interface %u already", mac,
                     dc->vif[i].devid);
            return -1;
        }
    dc->vif = must(realloc(dc->vif, (dc->nr_vif + 1) * sizeof(*v)));
    dc->vif[dc->nr_vif++] = *v;
    return 0;
}

bool lodge_domcfg_drop_disk(struct domcfg *dc, unsigned devid)
{
    for (unsigned i = 0; i < dc->nr_disk; i++)
        if (dc->disk[i].devid == devid) {
            lodge_disk_free(&dc->disk[i]);
            dc->nr_disk--;
            memmove(&dc->disk[i], &dc->disk[i + 1], (dc->nr_disk - i) * sizeof(*dc->disk));
            return true;
        }
    return false;
}

bool lodge_domcfg_drop_vif(struct domcfg *dc, unsigned devid)
{
    for (unsigned i = 0; i < dc->nr_vif; i++)
        if (dc->vif[i].devid == devid) {
            lodge_vif_free(&dc->vif[i]);
            dc->nr_vif--;
            memmove(&dc->vif[i], &dc->vif[i + 1], (dc->nr_vif - i) * sizeof(*dc->vif));
            return true;
        }
    return false;
}

void lodge_domcfg_devices_free(struct domcfg *dc)
{
    for (unsigned i = 0; i < dc->nr_disk; i++)
        lodge_disk_free(&dc->disk[i]);
    for (unsigned i = 0; i < dc->nr_vif; i++)
        lodge_vif_free(&dc->vif[i]);
    free(dc->disk);
    free(dc->vif);
}

/* --- from the config ------------------------------------------------------------------------ */

typedef int read_fn(struct cfgread *c, struct domcfg *dc, const struct cfg_setting *set,
                    const struct cfg_value *item);

static int read_disk(struct cfgread *c, struct domcfg *dc, const struct cfg_setting *set,
                     const struct cfg_value *item)
{
    struct disk d;
    char why[640];

    if (lodge_disk_parse(&d, item->str, why, sizeof(why)))
        return cfgread_fail_item(c, set, item, "%s", why);
    if (d.ignored)
        cfgread_warn(c, set, item, "disk %s: not supported and without effect: %s", d.vdev,
                     d.ignored);
    if (lodge_disk_resolve(&d, why, sizeof(why)) ||
        lodge_domcfg_add_disk(dc, &d, why, sizeof(why))) {
        lodge_disk_free(&d);
        return cfgread_fail_item(c, set, item, "%s", why);
    }
    return 0;
}

static int read_vif(struct cfgread *c, struct domcfg *dc, const struct cfg_setting *set,
                    const struct cfg_value *item)
{
    struct vif v;
    char why[640];

    if (lodge_vif_parse(&v, item->str, why, sizeof(why)))
        return cfgread_fail_item(c, set, item, "%s", why);
    if (v.ignored)
        cfgread_warn(c, set, item, "vif: not supported and without effect: %s", v.ignored);
    if (lodge_vif_resolve(&v, why, sizeof(why)) || lodge_domcfg_add_vif(dc, &v, why, sizeof(why))) {
        lodge_vif_free(&v);
        return cfgread_fail_item(c, set, item, "%s", why);
    }
    return 0;
}

static int read_list(struct cfgread *c, struct domcfg *dc, const char *key, read_fn *read_item)
{
    const struct cfg_setting *set = lodge_cfg_get(c->cfg, key);

    if (!set)
        return 0;
    if (set->value.type != CFG_LIST)
        return cfgread_fail(
            c, set, "%s takes a list of strings; put it in brackets: %s = [ \"...\" ]", key, key);
    for (size_t i = 0; i < set->value.nr; i++) {
        const struct cfg_value *item = &set->value.item[i];

        if (item->type != CFG_STRING)
            return cfgread_fail_item(c, set, item, "%s: entry %zu is not a string", key, i + 1);
        if (read_item(c, dc, set, item))
            return -1;
    }
    return 0;
}

int domcfg_read_devices(struct cfgread *c, struct domcfg *dc)
{
    return read_list(c, dc, "disk", read_disk) || read_list(c, dc, "vif", read_vif) ? -1 : 0;
}

/* --- JSON ----------------------------------------------------------------------------------- */

void lodge_domcfg_devices_to_json(const struct domcfg *dc, struct json_object *js)
{
    struct json_object *list;

    if (dc->nr_disk) {
        list = json_object_new_array();
        for (unsigned i = 0; i < dc->nr_disk; i++)
            json_object_array_add(list, lodge_disk_to_json(&dc->disk[i]));
        json_object_object_add(js, "disks", list);
    }
    if (dc->nr_vif) {
        list = json_object_new_array();
        for (unsigned i = 0; i < dc->nr_vif; i++)
            json_object_array_add(list, lodge_vif_to_json(&dc->vif[i]));
        json_object_object_add(js, "vifs", list);
    }
}

/* The number of entries; 0 also where there is no such list. */
static size_t list_length(struct json_object *js, const char *key, struct json_object **list)
{
    if (!json_object_object_get_ex(js, key, list) || !json_object_is_type(*list, json_type_array))
        return 0;
    return json_object_array_length(*list);
}

int lodge_domcfg_devices_from_json(struct domcfg *dc, struct json_object *js)
{
    struct json_object *list;
    size_t nr = list_length(js, "disks", &list);
    char err[400];

    for (size_t i = 0; i < nr; i++) {
        struct disk d;

        if (lodge_disk_from_json(&d, json_object_array_get_idx(list, i)))
            return -1;
        if (lodge_domcfg_add_disk(dc, &d, err, sizeof(err))) {
            lodge_disk_free(&d);
            return -1;
        }
    }
    nr = list_length(js, "vifs", &list);
    for (size_t i = 0; i < nr; i++) {
        struct vif v;

        if (lodge_vif_from_json(&v, json_object_array_get_idx(list, i)))
            return -1;
        if (!v.has_mac || v.devid == VIF_NO_DEVID ||
            lodge_domcfg_add_vif(dc, &v, err, sizeof(err))) {
            lodge_vif_free(&v);
            return -1;
        }
    }
    return 0;
}
