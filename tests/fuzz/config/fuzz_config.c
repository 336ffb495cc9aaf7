// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_config.c: any bytes as a guest's config file, and as the saved JSON of one.
 *
 * Beyond not crashing it holds two promises: a refused text has a message that names a line, and
 * an accepted config survives the way to JSON and back unchanged.
 */
#include <stdlib.h>
#include <string.h>
#include <liblodge/domcfg.h>

static void demand(int cond)
{
    if (!cond)
        abort();
}

static void json_round_trip(struct domcfg *dc)
{
    struct json_object *js = lodge_domcfg_to_json(dc), *again;
    struct domcfg back;
    char err[200];

    demand(!lodge_domcfg_from_json(&back, js, err, sizeof(err)));
    again = lodge_domcfg_to_json(&back);
    demand(!strcmp(json_object_to_json_string(js), json_object_to_json_string(again)));
    json_object_put(again);
    json_object_put(js);
    lodge_domcfg_free(&back);
}

static void as_saved(const uint8_t *data, size_t size)
{
    struct json_tokener *tok = json_tokener_new();
    struct json_object *js = json_tokener_parse_ex(tok, (const char *)data, (int)size);
    struct domcfg dc;
    char err[200];

    if (js && json_object_is_type(js, json_type_object) &&
        !lodge_domcfg_from_json(&dc, js, err, sizeof(err)))
        lodge_domcfg_free(&dc);
    json_object_put(js);
    json_tokener_free(tok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cfg cfg;
    struct domcfg dc;
    char err[512] = "", *text;

    lodge_cfg_init(&cfg);
    if (lodge_cfg_parse(&cfg, "in", (const char *)data, size))
        demand(!strncmp(cfg.error, "in:", 3) && strlen(cfg.error) > 5);
    else if (lodge_domcfg_from_cfg(&dc, &cfg, NULL, NULL, err, sizeof(err)))
        demand(err[0]);
    else {
        json_round_trip(&dc);
        lodge_domcfg_free(&dc);
    }
    lodge_cfg_free(&cfg);

    text = strndup((const char *)data, size);
    if (lodge_cfg_parse_override(&cfg, text))
        demand(cfg.error[0]);
    lodge_cfg_free(&cfg);
    free(text);
    as_saved(data, size);
    return 0;
}
