// SPDX-License-Identifier: GPL-2.0-only
/*
 * hints.c: for who calls a command by the name that it has elsewhere, or nearly by its own.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* What xl, virsh and habit call it. */
static const struct {
    const char *verb, *here;
} other_names[] = {
    {"sched-credit", "use sched"},
    {"sched-credit2", "use sched"},
    {"schedinfo", "use sched"},
    {"start", "use create"},
    {"run", "use create"},
    {"new", "use create"},
    {"vm-create", "use create"},
    {"define", "there is no store of configs; `lodge create FILE` takes the file itself"},
    {"undefine", "there is no store of configs; `lodge destroy` removes the guest"},
    {"autostart", "there is no store of configs; call `lodge create` from a service"},
    {"edit", "change the config file, then use config-update"},
    {"kill", "use destroy"},
    {"stop", "use shutdown"},
    {"poweroff", "use shutdown"},
    {"halt", "use shutdown"},
    {"reset", "use destroy, then create"},
    {"suspend", "use pause, if it is to keep its memory"},
    {"resume", "use unpause"},
    {"continue", "use unpause"},
    {"ls", "use list"},
    {"ps", "use list"},
    {"xentrace", "use trace"},
    {"record", "use trace"},
    {"domstate", "use list"},
    {"dominfo", "use list -l"},
    {"dumpxml", "use list -l"},
    {"domuuid", "use vm-list"},
    {"attach", "use console, block-attach or network-attach"},
    {"dom-id", "use domid"},
    {"domrename", "use rename"},
    {"memset", "use mem-set"},
    {"setmem", "use mem-set"},
    {"setmaxmem", "use mem-max"},
    {"setvcpus", "use vcpu-set"},
    {"vcpupin", "use vcpu-pin"},
    {"vcpuinfo", "use vcpu-list"},
    {"attach-disk", "use block-attach"},
    {"detach-disk", "use block-detach"},
    {"blockresize", "use block-resize"},
    {"domblklist", "use block-list"},
    {"change-media", "use cd-insert or cd-eject"},
    {"attach-interface", "use network-attach"},
    {"detach-interface", "use network-detach"},
    {"domiflist", "use network-list"},
    {"nodeinfo", "use info"},
    {"hostinfo", "use info"},
    {"log", "use dmesg"},
    {"send-key", "use sysrq"},
    {"inject-nmi", "use trigger DOMAIN nmi"},
    {"save", "saving, restoring and moving guests is not supported"},
    {"restore", "saving, restoring and moving guests is not supported"},
    {"migrate", "saving, restoring and moving guests is not supported"},
    {"dump", "core dumps are not supported"},
    {"dump-core", "core dumps are not supported"},
    {"pci-attach", "PCI devices cannot be given to guests"},
    {"pci-assignable-add", "PCI devices cannot be given to guests"},
    {"vncviewer", "guests have a console, but no screen; use console"},
    {"cpupool-list", "there is one pool of processors; vcpu-pin says where a guest may run"},
    {"cpupool-create", "there is one pool of processors; vcpu-pin says where a guest may run"},
};

#define MAX_WORD 32

/* How many letters have to be changed, added, left out or swapped; words are short. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[3][MAX_WORD + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > MAX_WORD || lb > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[la % 3][lb];
}

const char *hints_for(const char *verb)
{
    static char text[80];
    const struct cli_cmd *nearest = NULL;
    unsigned best = strlen(verb) < 5 ? 2 : 3; /* less than that is a slip of the finger */

    for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
        if (!strcmp(verb, other_names[i].verb))
            return other_names[i].here;
    for (const struct cli_cmd *cmd = cli_cmds; cmd->name; cmd++) {
        unsigned d = distance(verb, cmd->name);

        if (d < best) {
            best = d;
            nearest = cmd;
        }
    }
    if (!nearest)
        return "`lodge help` lists them";
    snprintf(text, sizeof(text), "is it %s? `lodge help` lists them", nearest->name);
    return text;
}
