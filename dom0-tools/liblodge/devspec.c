// SPDX-License-Identifier: GPL-2.0-only
/*
 * devspec.c: cuts "a, key=value, flag" at its commas; see devspec.h.
 */
#include "devspec.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <must.h>

void devspec_begin(struct devspec *s, const char *what, const char *text, char *err, size_t errlen)
{
    s->what = what;
    s->text = text;
    s->copy = s->rest = must_copy(text);
    s->err = err;
    s->errlen = errlen;
    if (errlen)
        err[0] = '\0';
}

void devspec_end(struct devspec *s)
{
    free(s->copy);
    s->copy = s->rest = NULL;
}

static char *skip_blanks(char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

static void cut_blanks(char *p)
{
    size_t len = strlen(p);

    while (len && isspace((unsigned char)p[len - 1]))
        p[--len] = '\0';
}

/* The length of a key in front of an equals sign, blanks behind it included; 0: there is none. */
static size_t key_length(const char *p, size_t *name)
{
    size_t n = 0;

    if (!isalpha((unsigned char)*p))
        return 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '-' || p[n] == '_')
        n++;
    *name = n;
    while (isspace((unsigned char)p[n]))
        n++;
    return p[n] == '=' ? n : 0;
}

bool devspec_next(struct devspec *s, const char *greedy, char **key, char **value)
{
    size_t name = 0, len;
    char *p, *comma;

    if (!s->rest)
        return false;
    p = skip_blanks(s->rest);
    len = key_length(p, &name);
    if (len && greedy && name == strlen(greedy) && !strncasecmp(p, greedy, name)) {
        s->rest = NULL;
        p[name] = '\0';
        *key = p;
        *value = p + len + 1;
        return true;
    }
    comma = strchr(p, ',');
    s->rest = comma ? comma + 1 : NULL;
    if (comma)
        *comma = '\0';
    *key = p;
    *value = NULL;
    if (len) {
        p[name] = '\0';
        *value = skip_blanks(p + len + 1);
        cut_blanks(*value);
    } else {
        cut_blanks(p);
    }
    return true;
}

int devspec_fail(struct devspec *s, const char *fmt, ...)
{
    int n = snprintf(s->err, s->errlen, "%s '%.200s': ", s->what, s->text);
    va_list ap;

    if (n >= 0 && (size_t)n < s->errlen) {
        va_start(ap, fmt);
        vsnprintf(s->err + n, s->errlen - (size_t)n, fmt, ap);
        va_end(ap);
    }
    return -1;
}

void devspec_ignore(char **ignored, const char *key)
{
    char *more = NULL;

    if (asprintf(&more, "%s%s%s", *ignored ? *ignored : "", *ignored ? ", " : "", key) < 0)
        more = NULL;
    free(*ignored);
    *ignored = must(more);
}

char *devspec_script(const char *name)
{
    char *path = NULL;

    if (strchr(name, '/'))
        return must_copy(name);
    return asprintf(&path, "/etc/xen/scripts/%s", name) < 0 ? must(NULL) : path;
}

const char *devspec_js_string(struct json_object *js, const char *key)
{
    struct json_object *v;

    if (!json_object_object_get_ex(js, key, &v) || !json_object_is_type(v, json_type_string))
        return NULL;
    return json_object_get_string(v);
}

bool devspec_js_bool(struct json_object *js, const char *key, bool missing)
{
    struct json_object *v;

    if (!json_object_object_get_ex(js, key, &v) || !json_object_is_type(v, json_type_boolean))
        return missing;
    return json_object_get_boolean(v);
}

long long devspec_js_number(struct json_object *js, const char *key, long long missing)
{
    struct json_object *v;

    if (!json_object_object_get_ex(js, key, &v) || !json_object_is_type(v, json_type_int))
        return missing;
    return json_object_get_int64(v);
}
