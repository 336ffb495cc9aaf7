// SPDX-License-Identifier: GPL-2.0-only
/*
 * cfg.c: reads xl.cfg's syntax for guests' config files.
 *
 * A hand-written scanner and a recursive descent of bounded depth, because the grammar is small
 * and because an error has to name the file and the line in words that a person can act on. The
 * text may come from anyone: its length, nesting and every byte are checked, and a text that is
 * refused leaves nothing behind but the settings before the mistake.
 *
 *   text     settings, each ended by a newline, a semicolon or the end of the text
 *   setting  KEY = value, or KEY += value; a key has letters, digits and _, and no digit in front
 *   value    string, number or list
 *   string   between " and " or ' and ', on one line. A backslash makes C's escapes (\n, \t, \x41,
 *            \101 and so on, but no zero byte); in front of any other character it is dropped
 *   number   decimal, hexadecimal (0x) or octal (0), as strtoll() reads it; - in front is allowed
 *   list     [ values with commas between ]; a comma may stand behind the last one
 *
 * Blanks do not count, nor does # with the rest of its line, except inside a string. Inside a list
 * a newline does not count either. += on a key that is not set yet sets it.
 */
#include "cfg.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <must.h>

struct scan {
    struct cfg *cfg;
    const char *source;  /* a file's name, for messages */
    const char *p, *end; /* what has not been read; there need be no NUL at the end */
    unsigned line;       /* of p; from 1 */
};

static int fail(struct scan *s, unsigned line, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(s->cfg->error, sizeof(s->cfg->error), "%s:%u: ", s->source, line);

    if (n < 0 || (size_t)n >= sizeof(s->cfg->error))
        return -1;
    va_start(ap, fmt);
    vsnprintf(s->cfg->error + n, sizeof(s->cfg->error) - (size_t)n, fmt, ap);
    va_end(ap);
    return -1;
}

static void value_free(struct cfg_value *v)
{
    for (size_t i = 0; i < v->nr; i++)
        value_free(&v->item[i]);
    free(v->item);
    free(v->str);
    memset(v, 0, sizeof(*v));
}

void lodge_cfg_init(struct cfg *cfg)
{
    memset(cfg, 0, sizeof(*cfg));
}

void lodge_cfg_free(struct cfg *cfg)
{
    for (size_t i = 0; i < cfg->nr; i++) {
        free(cfg->set[i].key);
        free(cfg->set[i].source);
        value_free(&cfg->set[i].value);
    }
    free(cfg->set);
    lodge_cfg_init(cfg);
}

/* Blanks and comments; newlines too when they do not end anything (inside a list). */
static void skip(struct scan *s, bool newlines)
{
    for (; s->p < s->end; s->p++) {
        if (*s->p == '#') {
            while (s->p < s->end && *s->p != '\n')
                s->p++;
            if (s->p == s->end)
                return;
        }
        if (*s->p == '\n') {
            if (!newlines)
                return;
            s->line++;
        } else if (*s->p != ' ' && *s->p != '\t' && *s->p != '\r') {
            return;
        }
    }
}

/* How many bytes the character at the scanner has in UTF-8, or 0: it is none. */
static size_t character(const struct scan *s, unsigned *code)
{
    unsigned char c = (unsigned char)*s->p;
    size_t len = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;

    if (c >= 0xf8 || (size_t)(s->end - s->p) < len)
        return 0;
    *code = len > 1 ? c & (0x7fu >> len) : c;
    for (size_t i = 1; i < len; i++) {
        if ((s->p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s->p[i] & 0x3fu);
    }
    return len;
}

/* What stands at the scanner, for a message: the word, or a name for what cannot be printed. */
static const char *here(struct scan *s, char buf[static 48])
{
    unsigned code = 0;
    size_t n;

    if (s->p >= s->end)
        return "the end of the file";
    if (*s->p == '\n')
        return "the end of the line";
    n = character(s, &code);
    if (n > 1 && code >= 0xa1) {
        snprintf(buf, 48, "'%.*s' (U+%04X, not ASCII)", (int)n, s->p, code);
        return buf;
    }
    if (n > 1) { /* looks like a space, or like nothing */
        snprintf(buf, 48, "U+%04X (not ASCII)", code);
        return buf;
    }
    n = 0;
    if (!isprint((unsigned char)*s->p)) {
        snprintf(buf, 48, "byte 0x%02x", (unsigned char)*s->p);
        return buf;
    }
    buf[n++] = '\'';
    for (const char *p = s->p; p < s->end && isgraph((unsigned char)*p) && n < 40; p++)
        buf[n++] = *p;
    buf[n++] = '\'';
    buf[n] = '\0';
    return buf;
}

static int hexval(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape after its backslash; returns the byte, or -1. */
static int parse_escape(struct scan *s)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    const char *at;
    int val = 0, digits = 0;
    char c = *s->p++;

    at = memchr(from, c, sizeof(from) - 1);
    if (at)
        return (unsigned char)to[at - from];
    if (c == 'x') {
        while (digits < 2 && s->p < s->end && hexval(*s->p) >= 0) {
            val = val * 16 + hexval(*s->p++);
            digits++;
        }
        return digits && val ? val : fail(s, s->line, "\\x in a string needs a non-zero hex byte");
    }
    if (c >= '0' && c <= '7') {
        for (s->p--; digits < 3 && s->p < s->end && *s->p >= '0' && *s->p <= '7'; digits++)
            val = val * 8 + (*s->p++ - '0');
        if (!val || val > 255)
            return fail(s, s->line, "octal escape in a string is zero or above \\377");
        return val;
    }
    return (unsigned char)c;
}

static int parse_string(struct scan *s, struct cfg_value *v)
{
    char quote = *s->p++;
    size_t n = 0;
    /* An unescaped string is never longer than its source. */
    char *out = must(malloc((size_t)(s->end - s->p) + 1));

    for (;;) {
        int c;

        if (s->p >= s->end || *s->p == '\n') {
            free(out);
            return fail(s, v->line, "string is not closed; add a %c at its end", quote);
        }
        c = (unsigned char)*s->p++;
        if (c == quote)
            break;
        if (c == '\\' && s->p < s->end && *s->p != '\n') {
            c = parse_escape(s);
            if (c < 0) {
                free(out);
                return -1;
            }
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    v->type = CFG_STRING;
    v->str = must(realloc(out, n + 1));
    return 0;
}

static int parse_number(struct scan *s, struct cfg_value *v)
{
    const char *p = s->p;
    char *endp;
    char buf[48];

    while (p < s->end && (isalnum((unsigned char)*p) || *p == '_' || *p == '-' || *p == '.'))
        p++;
    if ((size_t)(p - s->p) >= sizeof(buf))
        return fail(s, s->line, "number is too long");
    memcpy(buf, s->p, (size_t)(p - s->p));
    buf[p - s->p] = '\0';
    errno = 0;
    v->num = strtoll(buf, &endp, 0);
    if (*endp || endp == buf)
        return fail(s, s->line, "'%s' is not a number; put quotes around it if it is a string",
                    buf);
    if (errno)
        return fail(s, s->line, "number '%s' is out of range", buf);
    v->type = CFG_NUMBER;
    v->str = must(strdup(buf));
    s->p = p;
    return 0;
}

static int parse_value(struct scan *s, struct cfg_value *v, unsigned depth);

static int parse_list(struct scan *s, struct cfg_value *v, unsigned depth)
{
    char buf[48];

    if (depth >= CFG_MAX_DEPTH)
        return fail(s, s->line, "lists are nested deeper than %d", CFG_MAX_DEPTH);
    v->type = CFG_LIST;
    s->p++;
    for (;;) {
        struct cfg_value item;

        skip(s, true);
        if (s->p < s->end && *s->p == ']') {
            s->p++;
            return 0;
        }
        if (s->p >= s->end)
            return fail(s, v->line, "list is not closed; add a ] at its end");
        if (parse_value(s, &item, depth + 1))
            return -1;
        v->item = must(realloc(v->item, (v->nr + 1) * sizeof(item)));
        v->item[v->nr++] = item;
        skip(s, true);
        if (s->p < s->end && *s->p == ',')
            s->p++;
        else if (s->p < s->end && *s->p != ']')
            return fail(s, s->line, "expected , or ] in the list, found %s", here(s, buf));
    }
}

/* On failure the value is left empty. */
static int parse_value(struct scan *s, struct cfg_value *v, unsigned depth)
{
    char buf[48];
    int rc;

    memset(v, 0, sizeof(*v));
    v->line = s->line;
    if (s->p < s->end && (*s->p == '"' || *s->p == '\''))
        rc = parse_string(s, v);
    else if (s->p < s->end && *s->p == '[')
        rc = parse_list(s, v, depth);
    else if (s->p < s->end && (isdigit((unsigned char)*s->p) || *s->p == '-'))
        rc = parse_number(s, v);
    else
        rc =
            fail(s, s->line, "expected a number, a \"string\" or a [list], found %s", here(s, buf));
    if (rc)
        value_free(v);
    return rc;
}

static struct cfg_setting *find(struct cfg *cfg, const char *key)
{
    for (size_t i = 0; i < cfg->nr; i++)
        if (!strcmp(cfg->set[i].key, key))
            return &cfg->set[i];
    return NULL;
}

/* `+=`: lists grow by the items of a list, strings by a string. */
static int append_value(struct scan *s, struct cfg_setting *set, struct cfg_value *v)
{
    struct cfg_value *old = &set->value;

    if (old->type != v->type || v->type == CFG_NUMBER)
        return fail(s, v->line, "+= adds a string to a string or a list to a list; '%s' is %s",
                    set->key,
                    old->type == CFG_STRING ? "a string"
                    : old->type == CFG_LIST ? "a list"
                                            : "a number");
    if (v->type == CFG_STRING) {
        char *both = NULL;

        if (asprintf(&both, "%s%s", old->str, v->str) < 0)
            both = must(NULL);
        free(old->str);
        old->str = both;
    } else if (v->nr && v->item) {
        old->item = must(realloc(old->item, (old->nr + v->nr) * sizeof(*v)));
        memcpy(old->item + old->nr, v->item, v->nr * sizeof(*v));
        old->nr += v->nr;
        v->nr = 0; /* the items have moved */
    }
    value_free(v);
    return 0;
}

/* Takes the value over. */
static int store(struct scan *s, const char *key, size_t len, unsigned line, bool append,
                 struct cfg_value *v)
{
    char *name = must(strndup(key, len));
    struct cfg_setting *set = find(s->cfg, name);
    int rc = 0;

    if (!set) {
        s->cfg->set = must(realloc(s->cfg->set, (s->cfg->nr + 1) * sizeof(*set)));
        set = &s->cfg->set[s->cfg->nr++];
        memset(set, 0, sizeof(*set));
        set->key = name;
        set->value = *v;
    } else {
        free(name);
        if (append) {
            rc = append_value(s, set, v);
            if (rc) {
                value_free(v);
                return rc;
            }
        } else {
            set->replaced = !strcmp(set->source, s->source) ? set->line : 0;
            value_free(&set->value);
            set->value = *v;
        }
        free(set->source);
    }
    set->source = must(strdup(s->source));
    set->line = line;
    return rc;
}

static int parse_setting(struct scan *s)
{
    const char *key = s->p;
    unsigned line = s->line;
    struct cfg_value v;
    bool append = false;
    size_t len;
    char buf[48];

    if (!isalpha((unsigned char)*s->p) && *s->p != '_')
        return fail(s, s->line, "expected a key, found %s", here(s, buf));
    while (s->p < s->end && (isalnum((unsigned char)*s->p) || *s->p == '_'))
        s->p++;
    len = (size_t)(s->p - key);
    skip(s, false);
    if (s->p + 1 < s->end && s->p[0] == '+' && s->p[1] == '=') {
        append = true;
        s->p++;
    }
    if (s->p >= s->end || *s->p != '=')
        return fail(s, line, "expected = after '%.*s', found %s", (int)(len > 60 ? 60 : len), key,
                    here(s, buf));
    s->p++;
    skip(s, false);
    if (parse_value(s, &v, 0))
        return -1;
    skip(s, false);
    if (s->p < s->end && *s->p != '\n' && *s->p != ';') {
        value_free(&v);
        return fail(s, s->line, "expected the end of the line, found %s", here(s, buf));
    }
    return store(s, key, len, line, append, &v);
}

int lodge_cfg_parse(struct cfg *cfg, const char *source, const char *text, size_t len)
{
    struct scan s = {.cfg = cfg, .source = source, .p = text, .end = text + len, .line = 1};
    const char *nul = len ? memchr(text, '\0', len) : NULL;

    cfg->error[0] = '\0';
    if (len > CFG_MAX_TEXT)
        return fail(&s, 1, "config is larger than %u bytes", CFG_MAX_TEXT);
    if (len >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
        return fail(&s, 1, "the text is in UTF-16; save it as UTF-8, or as ASCII");
    if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        s.p += 3; /* a byte-order mark, as editors of other systems put it there */
    if (nul) {
        for (const char *p = text; p < nul; p++)
            s.line += *p == '\n';
        return fail(&s, s.line, "zero byte in the text: this is not a config file");
    }
    for (;;) {
        skip(&s, true);
        if (s.p >= s.end)
            return 0;
        if (*s.p == ';') {
            s.p++;
            continue;
        }
        if (parse_setting(&s))
            return -1;
    }
}

int lodge_cfg_parse_file(struct cfg *cfg, const char *path)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
    char *text;
    size_t n;
    int rc;

    if (!f) {
        snprintf(cfg->error, sizeof(cfg->error), "%s: cannot open the config file: %s", path,
                 strerror(errno));
        return -1;
    }
    text = must(malloc(CFG_MAX_TEXT + 1));
    n = fread(text, 1, CFG_MAX_TEXT + 1, f);
    if (ferror(f)) {
        snprintf(cfg->error, sizeof(cfg->error), "%s: cannot read the config file: %s", path,
                 strerror(errno));
        rc = -1;
    } else {
        rc = lodge_cfg_parse(cfg, strcmp(path, "-") ? path : "standard input", text, n);
    }
    free(text);
    if (f != stdin)
        fclose(f);
    return rc;
}

int lodge_cfg_parse_override(struct cfg *cfg, const char *arg)
{
    static const char source[] = "command line";
    const char *eq = strchr(arg, '=');
    struct scan s = {.cfg = cfg, .source = source, .p = arg, .end = arg + strlen(arg), .line = 1};
    struct cfg_value v = {.type = CFG_STRING, .line = 1};
    size_t len;

    if (!lodge_cfg_parse(cfg, source, arg, strlen(arg)))
        return 0;
    /* Not the file's syntax: a bare string, if there is at least a key in front of it. */
    len = eq ? (size_t)(eq - arg) : 0;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)arg[i]) && arg[i] != '_')
            len = 0;
    if (!len)
        return fail(&s, 1, "'%s' is not of the form key=value", arg);
    if (eq[1] == '"' || eq[1] == '\'' || eq[1] == '[')
        return -1; /* the message of lodge_cfg_parse() says what is wrong with it */
    v.str = must(strdup(eq + 1));
    cfg->error[0] = '\0';
    return store(&s, arg, len, 1, false, &v);
}

struct cfg_setting *lodge_cfg_get(struct cfg *cfg, const char *key)
{
    struct cfg_setting *set = find(cfg, key);

    if (set)
        set->used = true;
    return set;
}
