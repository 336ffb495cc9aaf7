// SPDX-License-Identifier: GPL-2.0-only
/*
 * devclass.c: the table of device classes.
 */
#include "devclass.h"

#include <string.h>
#include <strings.h>

const struct device_class *const lodge_device_class[DEVICE_KINDS] = {
    [DEVICE_DISK] = &lodge_disk_class,
    [DEVICE_VIF] = &lodge_vif_class,
};

enum device_kind lodge_device_kind(const char *node)
{
    unsigned kind = 0;

    while (kind < DEVICE_KINDS && strcmp(lodge_device_class[kind]->node, node) != 0)
        kind++;
    return (enum device_kind)kind;
}

const char *lodge_backend_type_name(enum backend_type type)
{
    return type == BACKEND_KERNEL ? "kernel" : "lodge";
}

int lodge_backend_type_parse(const char *text)
{
    if (!strcasecmp(text, "lodge") || !strcasecmp(text, "qdisk"))
        return BACKEND_LODGE;
    return !strcasecmp(text, "kernel") || !strcasecmp(text, "phy") ? BACKEND_KERNEL : -1;
}
