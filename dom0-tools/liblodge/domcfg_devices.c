// SPDX-License-Identifier: GPL-2.0-only
/*
 * domcfg_devices.c: the devices of a guest's config, as lists without contradictions.
 */
#include "domcfg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>
#include "cfgread.h"

/* --- the lists ------------------------------------------------------------------------------ */

int lodge_domcfg_add(struct domcfg *dc, enum device_kind kind, struct device_base *d, char *err,
                     size_t errlen)
{
    const struct device_class *class = lodge_device_class[kind];
    struct device_list *list = &dc->devices[kind];

    if (dc->type == BUILDER_HVM) {
        snprintf(err, errlen,
                 "a guest of type \"hvm\" has nothing paravirtual, so no %s; those of type \"pvh\" "
                 "and \"pv\" can have it",
                 class->key);
        return -1;
    }
    if (class->fit(dc, d, err, errlen))
        return -1;
    list->item = must(realloc(list->item, (list->nr + 1) * class->size));
    memcpy(lodge_device_at(list, kind, list->nr++), d, class->size);
    return 0;
}

bool lodge_domcfg_drop(struct domcfg *dc, enum device_kind kind, unsigned devid)
{
    const struct device_class *class = lodge_device_class[kind];
    struct device_list *list = &dc->devices[kind];

    for (unsigned i = 0; i < list->nr; i++) {
        struct device_base *d = lodge_device_at(list, kind, i);

        if (d->devid != devid)
            continue;
        class->release(d);
        list->nr--;
        memmove(d, (char *)d + class->size, (list->nr - i) * class->size);
        return true;
    }
    return false;
}

void lodge_domcfg_devices_free(struct domcfg *dc)
{
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++) {
        struct device_list *list = &dc->devices[kind];

        for (unsigned i = 0; i < list->nr; i++)
            lodge_device_class[kind]->release(lodge_device_at(list, kind, i));
        free(list->item);
    }
}

/* --- from the config ------------------------------------------------------------------------ */

static int read_item(struct cfgread *c, struct domcfg *dc, enum device_kind kind,
                     const struct cfg_setting *set, const struct cfg_value *item)
{
    const struct device_class *class = lodge_device_class[kind];
    struct device_base *d = must(calloc(1, class->size));
    char why[640], label[40];
    int rc = 0;

    if (class->parse(d, item->str, why, sizeof(why))) {
        rc = cfgread_fail_item(c, set, item, "%s", why);
    } else {
        snprintf(label, sizeof(label), "%s", class->key);
        if (class->label)
            class->label(d, label, sizeof(label));
        if (d->ignored)
            cfgread_warn(c, set, item, "%s: not supported and without effect: %s", label,
                         d->ignored);
        if (class->resolve(d, why, sizeof(why)) ||
            lodge_domcfg_add(dc, kind, d, why, sizeof(why))) {
            class->release(d);
            rc = cfgread_fail_item(c, set, item, "%s", why);
        }
    }
    free(d);
    return rc;
}

static int read_list(struct cfgread *c, struct domcfg *dc, enum device_kind kind)
{
    const char *key = lodge_device_class[kind]->key;
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
        if (read_item(c, dc, kind, set, item))
            return -1;
    }
    return 0;
}

int domcfg_read_devices(struct cfgread *c, struct domcfg *dc)
{
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        if (read_list(c, dc, kind))
            return -1;
    return 0;
}

/* --- JSON ----------------------------------------------------------------------------------- */

void lodge_domcfg_devices_to_json(const struct domcfg *dc, struct json_object *js)
{
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++) {
        const struct device_list *list = &dc->devices[kind];
        struct json_object *all = list->nr ? json_object_new_array() : NULL;

        for (unsigned i = 0; i < list->nr; i++)
            json_object_array_add(
                all, lodge_device_class[kind]->to_json(lodge_device_at(list, kind, i)));
        if (all)
            json_object_object_add(js, lodge_device_class[kind]->list, all);
    }
}

static int list_from_json(struct domcfg *dc, enum device_kind kind, struct json_object *list)
{
    const struct device_class *class = lodge_device_class[kind];
    struct device_base *d = must(calloc(1, class->size));
    char err[400];
    int rc = 0;

    for (size_t i = 0; i < json_object_array_length(list) && !rc; i++) {
        rc = class->from_json(d, json_object_array_get_idx(list, i));
        if (!rc && lodge_domcfg_add(dc, kind, d, err, sizeof(err))) {
            class->release(d);
            rc = -1;
        }
    }
    free(d);
    return rc;
}

int lodge_domcfg_devices_from_json(struct domcfg *dc, struct json_object *js)
{
    struct json_object *list;

    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        if (json_object_object_get_ex(js, lodge_device_class[kind]->list, &list) &&
            json_object_is_type(list, json_type_array) && list_from_json(dc, kind, list))
            return -1;
    return 0;
}
