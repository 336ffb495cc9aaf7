/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for addresses of code, and what %pv, %pd and %ps print. The table comes from the link. */
#include <core/domain.h>
#include <lib/string.h>
#include <x86/dump.h>
#include <x86/layout.h>

extern const uint64_t symbols_count;
extern const uint32_t symbols_offsets[], symbols_names[];
extern const char symbols_strings[], text_start[], text_end[], init_start[], init_end[];

static bool in_code(vaddr_t a)
{
    return (a >= (vaddr_t)text_start && a < (vaddr_t)text_end) ||
           (a >= (vaddr_t)init_start && a < (vaddr_t)init_end);
}

/*
 * Offsets are from IMAGE_START and sorted: the last one not above the address. The table is made
 * from the first of two links, and is empty in that one (boot/symbols.awk).
 */
const char *symbols_find(vaddr_t addr, uint64_t *offset)
{
    uint64_t low = 0, high = READ_ONCE(symbols_count);
    uint32_t rel = (uint32_t)(addr - IMAGE_START);

    if (!in_code(addr) || high == 0 || rel < symbols_offsets[0])
        return NULL;
    while (high - low > 1) {
        uint64_t mid = (low + high) / 2;

        if (symbols_offsets[mid] <= rel)
            low = mid;
        else
            high = mid;
    }
    *offset = rel - symbols_offsets[low];
    return symbols_strings + symbols_names[low];
}

bool printf_pointer(char kind, const void *p, char *buf, size_t size)
{
    uint64_t offset;
    const char *name;

    switch (kind) {
    case 'v':
        if (p == NULL)
            return false;
        const struct vcpu *v = p;

        if (v->domain == NULL)
            snprintf_(buf, size, "d?v%u", v->id);
        else if (v->domain == dom_idle)
            snprintf_(buf, size, "idle%u", v->id);
        else
            snprintf_(buf, size, "d%uv%u", v->domain->id, v->id);
        return true;
    case 'd':
        if (p == NULL)
            return false;
        snprintf_(buf, size, "d%u", ((const struct domain *)p)->id);
        return true;
    default:
        name = symbols_find((vaddr_t)p, &offset);
        if (name == NULL)
            return false;
        snprintf_(buf, size, "%s+%#lx", name, offset);
        return true;
    }
}
