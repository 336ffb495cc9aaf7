// SPDX-License-Identifier: GPL-2.0-only
/*
 * cfg.h: the syntax of a guest's config file, without its meaning.
 *
 * The syntax is xl.cfg's: `key = value`, values are strings, integers or (nested) lists, settings
 * end at a newline or a semicolon, and a list may run over many lines. Every value remembers its
 * line, so that whoever gives it meaning (domcfg.c) can say where a mistake is.
 */
#ifndef LODGE_CFG_H
#define LODGE_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cfg_type { CFG_STRING, CFG_NUMBER, CFG_LIST };

struct cfg_value {
    enum cfg_type type;
    unsigned line;
    char *str;              /* CFG_STRING: unescaped; CFG_NUMBER: as written */
    int64_t num;            /* CFG_NUMBER */
    struct cfg_value *item; /* CFG_LIST: nr of them */
    size_t nr;
};

struct cfg_setting {
    char *key;
    char *source; /* file name, or "command line" */
    unsigned line;
    struct cfg_value value;
    unsigned replaced; /* line of an earlier setting of the same source that this one replaced */
    bool used;         /* set by the reader: what stays false is an unknown key */
};

struct cfg {
    struct cfg_setting *set;
    size_t nr;
    char error[320]; /* after a failure: "file:line: what is wrong; the way out" */
};

#define CFG_MAX_TEXT  (1u << 20)
#define CFG_MAX_DEPTH 8

void lodge_cfg_init(struct cfg *cfg);
void lodge_cfg_free(struct cfg *cfg);

/*
 * Adds the settings of a text. A later setting replaces an earlier one of the same key (with `+=`
 * it adds to it). Returns 0, or -1 with cfg->error filled in; settings read so far stay.
 */
int lodge_cfg_parse(struct cfg *cfg, const char *source, const char *text, size_t len);

/* The same for a file ("-" is standard input). */
int lodge_cfg_parse_file(struct cfg *cfg, const char *path);

/*
 * One `key=value` of the command line. A value that is not a number, quoted string or list is
 * taken as a bare string, so that name=web needs no quotes inside the shell's; an empty one is the
 * empty string, which unsets a file.
 */
int lodge_cfg_parse_override(struct cfg *cfg, const char *arg);

/* The setting of a key, marked as used; NULL where there is none. */
struct cfg_setting *lodge_cfg_get(struct cfg *cfg, const char *key);

#endif
