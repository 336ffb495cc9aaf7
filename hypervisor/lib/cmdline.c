/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses the boot command line into struct boot_options. The table below is also the reference for
 * users: each option, its form and what it does.
 */
#include <lib/cmdline.h>
#include <lib/string.h>

enum kind { STRING, SIZE, UNSIGNED, BOOL, LEVEL, DOM0_MEM };

/* A value goes to `size` bytes at `offset` of struct boot_options, of the type that kind names. */
struct option {
    const char *name;
    enum kind kind;
    unsigned offset, size;
    const char *help;
};

#define OPTION(name, kind, field, help)                     \
    {                                                       \
        name, kind, offsetof(struct boot_options, field),   \
            sizeof(((struct boot_options *)0)->field), help \
    }

static const struct option cmdline_table[] = {
    OPTION("console", STRING, console, "com1|com2|none[,baud]: where messages go (com1)"),
    OPTION("com1", STRING, console, "baud[,8n1]: same as console=com1,baud"),
    OPTION("dom0_mem", DOM0_MEM, dom0_mem, "size[,max:size]: dom0's memory (all but a reserve)"),
    OPTION("dom0_max_vcpus", UNSIGNED, dom0_max_vcpus, "n: dom0's processors (one per CPU)"),
    OPTION("dom0_vcpus_pin", BOOL, dom0_vcpus_pin, "pin dom0's vcpu n to CPU n (off)"),
    OPTION("loglvl", LEVEL, loglvl, "error|warning|info|debug|all: messages shown (info)"),
    OPTION("guest_loglvl", LEVEL, guest_loglvl, "the same for messages about guests (warning)"),
    OPTION("noreboot", BOOL, noreboot, "halt after a crash, to keep the screen (off)"),
    OPTION("sched", STRING, sched, "name of the scheduling policy (share)"),
    OPTION("maxcpus", UNSIGNED, maxcpus, "n: start no more processors (all)"),
    OPTION("smap", BOOL, smap, "use supervisor access prevention where present (on)"),
    OPTION("smep", BOOL, smep, "use supervisor execution prevention where present (on)"),
    OPTION("x2apic", BOOL, x2apic, "use the x2APIC where present (on)"),
    OPTION("xsave", BOOL, xsave, "let guests use XSAVE state where present (on)"),
    OPTION("conring_kib", UNSIGNED, conring_kib, "KiB of past console output kept (64)"),
    OPTION("gnttab_max_frames", UNSIGNED, max_gnttab_frames, "grant frames per guest (64)"),
    OPTION("gnttab_max_maptrack_frames", UNSIGNED, max_maptrack_frames,
           "frames to track a guest's mappings of grants (1024)"),
    OPTION("clocksource", STRING, clocksource, "acpi|hpet|pit: what the TSC is measured against"),
    OPTION("mem", SIZE, mem_limit, "size: use no memory above this address (all)"),
    OPTION("irqs_off", UNSIGNED, irqs_off,
           "ticks: debug builds report longer times without interrupts (none)"),
    OPTION("debug-exit", BOOL, debug_exit, "power off through port 0xf4, for tests in QEMU (off)"),
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* False: no digit, or more than 64 bits. *end is set only on success. */
static bool parse_u64(const char *s, const char **end, uint64_t *v)
{
    const char *p = s;

    *v = 0;
    while (is_digit(*p)) {
        uint64_t digit = (uint64_t)(*p - '0');

        if (*v > (UINT64_MAX - digit) / 10)
            return false;
        *v = *v * 10 + digit;
        p++;
    }
    *end = p;
    return p != s;
}

bool cmdline_size(const char *s, const char **end, uint64_t *bytes)
{
    uint64_t v;
    unsigned shift = 10;

    if (!parse_u64(s, end, &v))
        return false;
    switch (**end) {
    case 'T':
    case 't':
        shift = 40;
        break;
    case 'G':
    case 'g':
        shift = 30;
        break;
    case 'M':
    case 'm':
        shift = 20;
        break;
    case 'K':
    case 'k':
        break;
    case 'B':
    case 'b':
        shift = 0;
        break;
    default:
        (*end)--; /* no suffix: compensate for the step below */
    }
    (*end)++;
    if (v > (UINT64_MAX >> shift))
        return false;
    *bytes = v << shift;
    return true;
}

static const char *set_level(void *field, const char *value)
{
    static const char *const names[][4] = {
        {"error", "0"}, {"warning", "warn", "1"}, {"info", "2"}, {"debug", "all", "3"}};

    /* "guest/host" pairs, as other hypervisors take them: the first part counts. */
    size_t n = 0;

    while (value[n] != 0 && value[n] != '/')
        n++;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        for (unsigned j = 0; j < 4 && names[i][j] != NULL; j++)
            if (strlen(names[i][j]) == n && strncmp(names[i][j], value, n) == 0) {
                *(int *)field = (int)i;
                return NULL;
            }
    return "is none of error, warning, info, debug";
}

static const char *set_bool(void *field, const char *value)
{
    static const char *const yes[] = {"", "1", "on", "yes", "true", "enable"};
    static const char *const no[] = {"0", "off", "no", "false", "disable"};

    for (unsigned i = 0; i < ARRAY_SIZE(yes); i++)
        if (strcmp(value, yes[i]) == 0) {
            *(bool *)field = true;
            return NULL;
        }
    for (unsigned i = 0; i < ARRAY_SIZE(no); i++)
        if (strcmp(value, no[i]) == 0) {
            *(bool *)field = false;
            return NULL;
        }
    return "is neither on nor off";
}

static const char *set_dom0_mem(struct boot_options *o, const char *value)
{
    const char *s = value;

    for (;;) {
        uint64_t *target = &o->dom0_mem, bytes;

        if (strncmp(s, "max:", 4) == 0) {
            target = &o->dom0_mem_max;
            s += 4;
        } else if (strncmp(s, "min:", 4) == 0) {
            target = NULL; /* accepted for compatibility: memory is given as asked, or not at all */
            s += 4;
        }
        if (!cmdline_size(s, &s, &bytes) || (*s != 0 && *s != ','))
            return "is not a size such as 512M or 1G,max:2G";
        if (target != NULL)
            *target = bytes;
        if (*s++ == 0)
            return NULL;
    }
}

/* NULL: done. Else why not, as the end of a sentence; the field may have been changed in part. */
static const char *set_option(struct boot_options *o, const struct option *opt, const char *value)
{
    void *field = (char *)o + opt->offset;
    const char *end;
    uint64_t v;

    switch (opt->kind) {
    case STRING:
        if (opt->name[0] == 'c' && opt->name[3] == '1') { /* com1=baud */
            snprintf_(field, opt->size, "com1,%s", value);
            return NULL;
        }
        return str_copy(field, value, opt->size) < opt->size ? NULL : "is too long";
    case SIZE:
        if (!cmdline_size(value, &end, &v) || *end != 0)
            return "is not a size such as 512M or 1G";
        *(uint64_t *)field = v;
        return NULL;
    case UNSIGNED:
        if (!parse_u64(value, &end, &v) || *end != 0 || v > UINT32_MAX)
            return "is not a number";
        *(unsigned *)field = (unsigned)v;
        return NULL;
    case BOOL:
        return set_bool(field, value);
    case LEVEL:
        return set_level(field, value);
    case DOM0_MEM:
        return set_dom0_mem(o, value);
    }
    return "is of an unknown kind";
}

/* One word of the command line, which is cut at its '='. */
static void parse_word(struct boot_options *o, char *word,
                       void (*warn)(const char *option, const char *reason))
{
    char *value = strchr(word, '=');
    bool negated = false;

    if (value != NULL)
        *value++ = 0;
    for (int pass = 0; pass < 2; pass++) {
        const char *name = word;

        if (pass == 1) { /* "no-smap" and "nosmap" are smap=off, unless there is such an option */
            if (value != NULL || strncmp(word, "no", 2) != 0)
                break;
            name += word[2] == '-' ? 3 : 2;
            negated = true;
        }
        for (unsigned i = 0; i < ARRAY_SIZE(cmdline_table); i++) {
            const struct option *opt = &cmdline_table[i];

            if (strcmp(opt->name, name) != 0)
                continue;
            if (negated && opt->kind != BOOL)
                continue;
            if (value == NULL && opt->kind != BOOL) {
                warn(word, "needs a value");
                return;
            }

            const char *reason = set_option(o, opt, negated ? "off" : value ? value : "");

            if (reason != NULL)
                warn(word, reason);
            return;
        }
    }
    warn(word, "is not an option of Lodge");
}

/* A word that does not fit is reported by its beginning and takes no effect. */
void cmdline_parse(struct boot_options *o, const char *text,
                   void (*warn)(const char *option, const char *reason))
{
    char word[128];

    while (*text != 0) {
        size_t n = 0;

        while (*text == ' ' || *text == '\t')
            text++;
        while (*text != 0 && *text != ' ' && *text != '\t') {
            if (n < sizeof(word) - 1)
                word[n++] = *text;
            text++;
        }
        word[n] = 0;
        if (n == sizeof(word) - 1)
            warn(word, "is too long");
        else if (n > 0)
            parse_word(o, word, warn);
    }
}

const char *cmdline_help(unsigned i, const char **name)
{
    if (i >= ARRAY_SIZE(cmdline_table))
        return NULL;
    *name = cmdline_table[i].name;
    return cmdline_table[i].help;
}
