// SPDX-License-Identifier: GPL-2.0-only
/*
 * devspec.h: the text of one device, cut into its parameters; what disk= and vif= have in common.
 */
#ifndef LODGE_DEVSPEC_H
#define LODGE_DEVSPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <json-c/json.h>

/* Its text is a config's, and may be anything; parameters are cut out of `copy` in place. */
struct devspec {
    const char *what; /* "disk" or "vif", for messages */
    const char *text; /* all of it, for messages */
    char *rest;       /* what has not been read yet; NULL at the end. Free `copy` afterwards. */
    char *copy;
    char *err; /* after a failure: one sentence */
    size_t errlen;
};

void devspec_begin(struct devspec *s, const char *what, const char *text, char *err, size_t errlen);
void devspec_end(struct devspec *s);

/*
 * The next parameter: blanks in front and behind are gone. For key=value *value is set, else NULL.
 * A key that equals `greedy` takes all that is left. False at the end. Both live as long as the
 * specification.
 */
bool devspec_next(struct devspec *s, const char *greedy, char **key, char **value);

/* Fills in the message; returns -1. */
int devspec_fail(struct devspec *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a key without effect to a list of such, malloc'ed or NULL, for a warning. */
void devspec_ignore(char **ignored, const char *key);

/* A hot-plug script's path, malloc'ed: a bare name is one of /etc/xen/scripts. */
char *devspec_script(const char *name);

/* A string in an object, or NULL; a boolean or a number in one, or the value for a missing one. */
const char *devspec_js_string(struct json_object *js, const char *key);
bool devspec_js_bool(struct json_object *js, const char *key, bool missing);
long long devspec_js_number(struct json_object *js, const char *key, long long missing);

#endif
