// SPDX-License-Identifier: GPL-2.0-only
/*
 * domcfg_boot.c: as which type a guest boots, and what: a kernel of dom0's, or by a boot loader one
 * of its own disk.
 *
 * xl's boot loaders are programs of dom0 that read the guest's file systems, whose owner may have
 * prepared them. Here it is the guest that reads its disk: its kernel is GRUB, built for PV guests,
 * which shows the menu on the guest's console and starts what is chosen there in its own place.
 */
#include "cfgread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <must.h>

#define MAX_CMDLINE 1023
#define GRUB        "/usr/lib/grub-xen/grub-x86_64-xen.bin"

enum builder_type domcfg_type(const char *name)
{
    enum builder_type type = BUILDER_PV;

    while (type < BUILDER_TYPES && strcasecmp(name, builder_type_name(type)))
        type++;
    return type;
}

static int read_paging(struct cfgread *c, struct domcfg *dc)
{
    const struct cfg_setting *set = lodge_cfg_get(c->cfg, "paging");
    const char *paging;

    if (cfgread_string(c, "paging", &paging))
        return -1;
    if (!paging)
        return 0;
    if (dc->type == BUILDER_PV)
        return cfgread_fail(c, set,
                            "paging = \"%s\" is for guests of type \"hvm\"; a PV guest has page "
                            "tables that the processor uses as they are",
                            paging);
    if (strcmp(paging, "nested") && strcmp(paging, "shadow"))
        return cfgread_fail(c, set, "paging = \"%s\" is not known; it can be nested or shadow",
                            paging);
    dc->shadow = !strcmp(paging, "shadow");
    if (dc->shadow && dc->type == BUILDER_PVH)
        return cfgread_fail(c, set,
                            "paging = \"shadow\" is for guests of type \"hvm\"; those of type "
                            "\"pvh\" have nested paging");
    return 0;
}

int domcfg_read_type(struct cfgread *c, struct domcfg *dc)
{
    const char *type, *builder;

    if (cfgread_string(c, "type", &type) || cfgread_string(c, "builder", &builder))
        return -1;
    dc->type = type ? domcfg_type(type) : BUILDER_PV;
    if (dc->type == BUILDER_TYPES)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "type"),
                            "type = \"%s\" is not known; it can be pv, hvm or pvh", type);
    if (builder && strcmp(builder, "generic") && strcmp(builder, "linux"))
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "builder"),
                            "builder = \"%s\" is not supported; leave it out, as type says what "
                            "the guest is",
                            builder);
    return read_paging(c, dc);
}

int domcfg_check_type(struct cfgread *c, const struct domcfg *dc)
{
    if (dc->bootloader && dc->type != BUILDER_PV)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "bootloader"),
                            "GRUB here starts guests of type \"pv\", not \"%s\"; give its kernel "
                            "with kernel=",
                            builder_type_name(dc->type));
    if (dc->bootloader && !dc->devices[DEVICE_DISK].nr)
        return cfgread_fail(c, lodge_cfg_get(c->cfg, "bootloader"),
                            "the guest is to boot from its own disk, and has none; add a line "
                            "like: disk = [ \"/srv/guest.img,raw,xvda,rw\" ]");
    if (dc->type == BUILDER_HVM && dc->maxvcpus > 1)
        return cfgread_fail(
            c, lodge_cfg_get(c->cfg, lodge_cfg_get(c->cfg, "vcpus") ? "vcpus" : "maxvcpus"),
            "a guest of type \"hvm\" has one vcpu; those of type \"pvh\" and \"pv\" can have more");
    return 0;
}

/* Names of xl's loaders, by which configs mean "from its own disk"; with a path or without. */
static bool means_grub(const char *text)
{
    static const char *const names[] = {"pygrub", "pvgrub", "pvgrub64", "pv-grub", "grub"};
    const char *slash = strrchr(text, '/'), *base = slash ? slash + 1 : text;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(base, names[i]))
            return true;
    return false;
}

/* Where configs say what only a kernel of dom0's can have. */
static void warn_ignored(struct cfgread *c, const char *key, const char *why)
{
    const char *text;

    if (!cfgread_string(c, key, &text) && text && *text)
        cfgread_warn(c, lodge_cfg_get(c->cfg, key), NULL,
                     "bootloader is set, so %s has no effect: %s", key, why);
}

static int read_bootloader(struct cfgread *c, struct domcfg *dc, const char *text)
{
    const char *path = getenv("LODGE_GRUB");
    const struct cfg_setting *set = lodge_cfg_get(c->cfg, "bootloader");

    path = path ? path : GRUB;
    if (!means_grub(text))
        return cfgread_fail(c, set,
                            "bootloader = \"%s\": no program of dom0 reads a guest's disk here; "
                            "\"pygrub\" lets the guest boot from it by GRUB, and kernel= takes "
                            "another loader's image",
                            text);
    if (access(path, R_OK))
        return cfgread_fail(c, set,
                            "bootloader = \"%s\": the guest would boot from its disk by GRUB, but "
                            "%s is missing; install Debian's package grub-xen-host",
                            text, path);
    dc->bootloader = must_copy(text);
    dc->kernel = must(realpath(path, NULL));
    dc->cmdline = must_copy("");
    warn_ignored(c, "kernel", "the kernel is that of the guest's disk");
    warn_ignored(c, "ramdisk", "the kernel is that of the guest's disk");
    for (const char *const *key = (const char *const[]){"cmdline", "root", "extra", NULL}; *key;
         key++)
        warn_ignored(c, *key, "the kernel's command line is in the disk's grub.cfg");
    return 0;
}

/* cmdline, or root and extra in one. */
static int read_cmdline(struct cfgread *c, struct domcfg *dc)
{
    const char *cmdline, *root, *extra;

    if (cfgread_string(c, "cmdline", &cmdline) || cfgread_string(c, "root", &root) ||
        cfgread_string(c, "extra", &extra))
        return -1;
    if (cmdline) {
        if (root || extra)
            cfgread_warn(c, lodge_cfg_get(c->cfg, "cmdline"), NULL,
                         "cmdline is set, so root and extra are ignored");
        dc->cmdline = must_copy(cmdline);
    } else {
        const char *sep = root && *root && extra && *extra ? " " : "";
        size_t len = 16 + (root ? strlen(root) : 0) + (extra ? strlen(extra) : 0);

        dc->cmdline = must(malloc(len));
        snprintf(dc->cmdline, len, "%s%s%s%s", root && *root ? "root=" : "", root ? root : "", sep,
                 extra ? extra : "");
    }
    if (strlen(dc->cmdline) > MAX_CMDLINE)
        return cfgread_fail(c,
                            lodge_cfg_get(c->cfg, cmdline ? "cmdline"
                                                  : extra ? "extra"
                                                          : "root"),
                            "the kernel's command line has %zu characters; a guest takes %d",
                            strlen(dc->cmdline), MAX_CMDLINE);
    return 0;
}

int domcfg_read_boot(struct cfgread *c, struct domcfg *dc)
{
    const char *bootloader;

    if (cfgread_string(c, "bootloader", &bootloader))
        return -1;
    if (bootloader && *bootloader)
        return read_bootloader(c, dc, bootloader);
    if (cfgread_file(c, "kernel", &dc->kernel) || cfgread_file(c, "ramdisk", &dc->ramdisk))
        return -1;
    if (!dc->kernel)
        return cfgread_fail(
            c, NULL,
            "the config has no kernel; add a line like: kernel = \"/boot/vmlinuz\", "
            "or bootloader = \"pygrub\" for that of the guest's own disk");
    return read_cmdline(c, dc);
}
