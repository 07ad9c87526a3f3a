/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep's YAML file. Every key and value is checked where it stands, so that nothing is found
 * out only after an hour of runs.
 */
#include "bench/sweep.h"

#include "engine/base/nearest.h"
#include "engine/base/units.h"
#include "engine/node/config_keys.h"
#include "engine/node/yaml_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A key belongs to one of them: it cannot be fixed and vary, nor vary in two independent ways. */
enum kind { FIXED, LOADS, POINTS };

struct reader {
    struct ww_sweep *sweep;
    const char *path;
    ww_sweep_check *check;
    yaml_document_t document;
    struct json_object *places; /* key -> {"kind", "line"} of its first use */
    struct json_object *grid;   /* key -> list of texts; what `vary` says */
    struct json_object *rows;   /* what `points` says: array of settings */
    struct json_object *loads;  /* array of settings */
    struct ww_config scratch;   /* values are tried on it */
    uint32_t grid_line;
    struct ww_error *error;
};

#define FAIL(reader, node, ...)                                                                    \
    ({                                                                                             \
        ww_fail((reader)->error, WW_EINVAL, __VA_ARGS__);                                          \
        ww_fail_context((reader)->error, "%s line %u", (reader)->path, ww_yaml_line(node));        \
        (int)WW_EINVAL;                                                                            \
    })

static const yaml_node_t *node_at(struct reader *reader, int place)
{
    return yaml_document_get_node(&reader->document, place);
}

static bool is_config(const char *key)
{
    return strchr(key, '.') != NULL;
}

/* ---- one setting ---- */

static int try_flag(struct reader *reader, const char *key, const yaml_node_t *at, const char *text)
{
    char word[600];
    const char *const words[] = {word};
    if (ww_sweep_word(key, text, word, sizeof(word)) == 0 || reader->check == NULL ||
        reader->check(words, 1, reader->error) == WW_OK)
        return WW_OK;
    ww_fail_context(reader->error, "%s line %u", reader->path, ww_yaml_line(at));
    return WW_EINVAL;
}

static int try_value(struct reader *reader, const char *key, const yaml_node_t *value)
{
    char where[PATH_MAX + 32];
    const char *text = ww_yaml_text(value);
    if (text == NULL)
        return FAIL(reader, value, "%s needs a single value here", key);
    if (*text == 0 || strlen(text) > 500)
        return FAIL(reader, value, "%s: %s", key, *text == 0 ? "no value" : "too long a value");
    if (!is_config(key))
        return try_flag(reader, key, value, text);
    snprintf(where, sizeof(where), "%s line %u", reader->path, ww_yaml_line(value));
    return ww_config_set(&reader->scratch, key, text, WW_ORIGIN_FILE, where, reader->error);
}

/* May the key stand in this part of the file, and does it not stand in another? */
static int try_key(struct reader *reader, const char *key, const yaml_node_t *at, enum kind kind)
{
    struct json_object *place;
    if (is_config(key) && ww_config_key_find(key) == NULL)
        return FAIL(reader, at, "unknown key '%s'; did you mean '%s'?", key,
                    ww_config_key_nearest(key));
    if (is_config(key) && kind == LOADS)
        return FAIL(reader, at, "%s is a configuration key: loads have flags of ww bench alone",
                    key);
    if (!json_object_object_get_ex(reader->places, key, &place)) {
        place = json_object_new_object();
        json_object_object_add(place, "kind", json_object_new_int((int)kind));
        json_object_object_add(place, "line", json_object_new_int((int)ww_yaml_line(at)));
        json_object_object_add(reader->places, key, place);
        return WW_OK;
    }
    if ((int)kind != json_object_get_int(json_object_object_get(place, "kind")))
        return FAIL(reader, at, "%s was given before, in line %d: a key stands in one part alone",
                    key, json_object_get_int(json_object_object_get(place, "line")));
    return WW_OK;
}

/* ---- maps of settings, flat or in sections as in a configuration file ---- */

/* What is done with each key of a map and its value. */
typedef int take(struct reader *reader, struct json_object *to, const char *key,
                 const yaml_node_t *value);

static int take_text(struct reader *reader, struct json_object *to, const char *key,
                     const yaml_node_t *value)
{
    int status = try_value(reader, key, value);
    if (status == WW_OK)
        json_object_object_add(to, key, json_object_new_string(ww_yaml_text(value)));
    return status;
}

static int take_list(struct reader *reader, struct json_object *to, const char *key,
                     const yaml_node_t *value)
{
    struct json_object *list = json_object_new_array();
    json_object_object_add(to, key, list);
    if (value->type != YAML_SEQUENCE_NODE)
        return FAIL(reader, value, "%s: vary needs a list such as [1, 2, 4]", key);
    for (yaml_node_item_t *item = value->data.sequence.items.start;
         item < value->data.sequence.items.top; item++) {
        const yaml_node_t *each = node_at(reader, *item);
        int status = try_value(reader, key, each);
        if (status != WW_OK)
            return status;
        const char *text = ww_yaml_text(each);
        for (size_t i = 0; i < json_object_array_length(list); i++)
            if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0)
                return FAIL(reader, each, "%s: %s stands there twice", key, text);
        json_object_array_add(list, json_object_new_string(text));
    }
    size_t count = json_object_array_length(list);
    if (count == 0 || count > WW_SWEEP_ROWS_MAX)
        return FAIL(reader, value, "%s: %zu values; 1 to %u are possible", key, count,
                    WW_SWEEP_ROWS_MAX);
    return WW_OK;
}

static int read_map(struct reader *reader, const yaml_node_t *map, const char *section,
                    enum kind kind, struct json_object *to, take *take_value)
{
    if (map->type != YAML_MAPPING_NODE)
        return FAIL(reader, map, "a map of keys and values belongs here");
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *key = node_at(reader, pair->key), *value = node_at(reader, pair->value);
        const char *word = ww_yaml_text(key);
        char name[128];
        if (word == NULL || *word == 0)
            return FAIL(reader, key, "a key must be a word");
        snprintf(name, sizeof(name), "%s%s%s", section, *section == 0 ? "" : ".", word);
        int status;
        if (value->type == YAML_MAPPING_NODE && *section == 0)
            status = read_map(reader, value, word, kind, to, take_value);
        else if (json_object_object_get_ex(to, name, NULL))
            status = FAIL(reader, key, "%s was given before", name);
        else if ((status = try_key(reader, name, key, kind)) == WW_OK)
            status = take_value(reader, to, name, value);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

/* `load` and `config`: settings of every point, each of its own sort. */
static int read_fixed(struct reader *reader, const yaml_node_t *map, bool config)
{
    struct json_object *to = config ? reader->sweep->config : reader->sweep->load;
    int status = read_map(reader, map, "", FIXED, to, take_text);
    json_object_object_foreach(to, key, value)
    {
        (void)value;
        if (status == WW_OK && is_config(key) != config)
            status = FAIL(reader, map,
                          config ? "%s has no dot, so it is a flag of ww bench: it "
                                   "belongs under load"
                                 : "%s is a configuration key: it belongs under config",
                          key);
    }
    return status;
}

/* `points` and `loads`: lists of maps. */
static int read_rows(struct reader *reader, const yaml_node_t *list, enum kind kind,
                     struct json_object *to)
{
    if (list->type != YAML_SEQUENCE_NODE)
        return FAIL(reader, list,
                    "a list of settings such as [{inflight: 1}, {inflight: 64}] "
                    "belongs here");
    for (yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top; item++) {
        const yaml_node_t *map = node_at(reader, *item);
        struct json_object *row = json_object_new_object();
        json_object_array_add(to, row);
        int status = read_map(reader, map, "", kind, row, take_text);
        for (size_t i = 0; status == WW_OK && i + 1 < json_object_array_length(to); i++)
            if (json_object_equal(json_object_array_get_idx(to, i), row) != 0)
                status = FAIL(reader, map, "the same settings stand there before");
        if (status != WW_OK)
            return status;
    }
    size_t count = json_object_array_length(to);
    if (count == 0 || count > WW_SWEEP_ROWS_MAX)
        return FAIL(reader, list, "%zu settings in the list; 1 to %u are possible", count,
                    WW_SWEEP_ROWS_MAX);
    return WW_OK;
}

/* ---- the other keys ---- */

static int read_name(struct reader *reader, const yaml_node_t *value)
{
    const char *text = ww_yaml_text(value);
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (text == NULL || *text == 0 || strlen(text) >= sizeof(reader->sweep->name) ||
        text[strspn(text, allowed)] != 0)
        return FAIL(reader, value, "name: up to %zu letters, digits, - and _",
                    sizeof(reader->sweep->name) - 1);
    snprintf(reader->sweep->name, sizeof(reader->sweep->name), "%s", text);
    return WW_OK;
}

static int read_number(struct reader *reader, const char *name, const yaml_node_t *value,
                       uint64_t min, uint64_t max, uint64_t *number)
{
    const char *text = ww_yaml_text(value), *why;
    if (text == NULL)
        return FAIL(reader, value, "%s needs a single value here", name);
    if (ww_parse_count(text, number, &why) != WW_OK)
        return FAIL(reader, value, "%s: '%s': %s", name, text, why);
    if (*number < min || *number > max)
        return FAIL(reader, value, "%s: '%s' is outside %lu .. %lu", name, text, min, max);
    return WW_OK;
}

static int read_goal(struct reader *reader, const yaml_node_t *value, bool slo)
{
    struct ww_sweep *sweep = reader->sweep;
    char where[PATH_MAX + 32];
    const char *text = ww_yaml_text(value);
    snprintf(where, sizeof(where), "%s line %u: %s", reader->path, ww_yaml_line(value),
             slo ? "slo" : "objective");
    if (text == NULL)
        return ww_fail(reader->error, WW_EINVAL, "%s needs a single text here", where);
    snprintf(slo ? sweep->slo_text : sweep->objective_text,
             slo ? sizeof(sweep->slo_text) : sizeof(sweep->objective_text), "%s", text);
    return slo ? ww_slo_parse(text, &sweep->slo, where, reader->error)
               : ww_objective_parse(text, &sweep->objective, where, reader->error);
}

static int read_order(struct reader *reader, const yaml_node_t *value)
{
    const char *text = ww_yaml_text(value);
    reader->sweep->random = text != NULL && strcmp(text, "random") == 0;
    if (!reader->sweep->random && (text == NULL || strcmp(text, "listed") != 0))
        return FAIL(reader, value, "order: must be random or listed");
    return WW_OK;
}

static int read_key(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value)
{
    static const char *const names[] = {"name",  "load",   "config", "vary", "points",   "loads",
                                        "order", "repeat", "seed",   "slo",  "objective"};
    const char *name = ww_yaml_text(key), *nearest = NULL;
    size_t distance = SIZE_MAX;
    uint64_t number = 0;
    int status;
    if (name == NULL)
        return FAIL(reader, key, "a key must be a word");
    if (strcmp(name, "name") == 0)
        return read_name(reader, value);
    if (strcmp(name, "load") == 0 || strcmp(name, "config") == 0)
        return read_fixed(reader, value, *name == 'c');
    if (strcmp(name, "points") == 0)
        return read_rows(reader, value, POINTS, reader->rows);
    if (strcmp(name, "loads") == 0)
        return read_rows(reader, value, LOADS, reader->loads);
    if (strcmp(name, "order") == 0)
        return read_order(reader, value);
    if (strcmp(name, "slo") == 0 || strcmp(name, "objective") == 0)
        return read_goal(reader, value, *name == 's');
    if (strcmp(name, "vary") == 0) {
        reader->grid_line = ww_yaml_line(key);
        return read_map(reader, value, "", POINTS, reader->grid, take_list);
    }
    if (strcmp(name, "repeat") == 0) {
        status = read_number(reader, name, value, 1, WW_SWEEP_REPEATS_MAX, &number);
        reader->sweep->repeats = (uint32_t)number;
        return status;
    }
    if (strcmp(name, "seed") == 0)
        return read_number(reader, name, value, 0, UINT64_MAX, &reader->sweep->seed);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ww_nearest_offer(name, names[i], &nearest, &distance);
    return FAIL(reader, key, "unknown key '%s'; did you mean '%s'?", name, nearest);
}

/* ---- from the parts to the points ---- */

static void copy_into(struct json_object *to, struct json_object *from)
{
    json_object_object_foreach(from, key, value)
    {
        json_object_object_add(to, key, json_object_get(value));
    }
}

/* The place-th combination of what `vary` says; its last key changes fastest. */
static struct json_object *combination(struct json_object *grid, uint64_t place, uint64_t count)
{
    struct json_object *settings = json_object_new_object();
    json_object_object_foreach(grid, key, list)
    {
        size_t length = json_object_array_length(list);
        count /= length;
        struct json_object *value = json_object_array_get_idx(list, place / count % length);
        json_object_object_add(settings, key, json_object_get(value));
    }
    return settings;
}

static uint64_t combinations(struct json_object *grid)
{
    uint64_t count = json_object_object_length(grid) > 0;
    json_object_object_foreach(grid, key, list)
    {
        (void)key;
        count *= json_object_array_length(list); /* at most 64 values of 8 keys */
    }
    return count;
}

static void add_points(struct reader *reader, struct json_object *load, uint64_t grid)
{
    size_t rows = json_object_array_length(reader->rows);
    for (uint64_t i = 0; i < grid + rows; i++) {
        struct json_object *settings = json_object_new_object();
        struct json_object *own =
            i < grid ? combination(reader->grid, i, grid)
                     : json_object_get(json_object_array_get_idx(reader->rows, i - grid));
        copy_into(settings, load);
        copy_into(settings, own);
        json_object_put(own);
        json_object_array_add(reader->sweep->points, settings);
    }
}

/* The same settings may stand in `points` and be a combination of `vary` as well. */
static int check_distinct(struct reader *reader)
{
    char label[256];
    uint32_t count = ww_sweep_point_count(reader->sweep);
    for (uint32_t i = 0; i < count; i++) {
        struct json_object *settings = json_object_array_get_idx(reader->sweep->points, i);
        for (uint32_t j = 0; j < i; j++)
            if (json_object_equal(settings, json_object_array_get_idx(reader->sweep->points, j)) !=
                0)
                return ww_fail(reader->error, WW_EINVAL,
                               "%s: points and vary both make the point %s", reader->path,
                               ww_sweep_label(settings, label, sizeof(label)));
    }
    return WW_OK;
}

static int check_points(struct reader *reader)
{
    char label[256];
    struct ww_sweep *sweep = reader->sweep;
    for (uint32_t i = 0; reader->check != NULL && i < ww_sweep_point_count(sweep); i++) {
        uint32_t count;
        char **words = ww_sweep_words(sweep, i, &count);
        int status = reader->check((const char *const *)words, count, reader->error);
        ww_sweep_words_free(words);
        if (status == WW_OK)
            continue;
        ww_sweep_label(json_object_array_get_idx(sweep->points, i), label, sizeof(label));
        ww_fail_context(reader->error, "%s: the point %s", reader->path, label);
        return status;
    }
    return check_distinct(reader);
}

static int build_points(struct reader *reader)
{
    struct ww_sweep *sweep = reader->sweep;
    size_t rows = json_object_array_length(reader->rows);
    size_t loads = json_object_array_length(reader->loads);
    if (json_object_object_length(reader->grid) > (int)WW_SWEEP_KEYS_MAX)
        return ww_fail(reader->error, WW_EINVAL, "%s line %u: vary has %d keys; at most %u",
                       reader->path, reader->grid_line, json_object_object_length(reader->grid),
                       WW_SWEEP_KEYS_MAX);
    uint64_t grid = combinations(reader->grid);
    if (grid + rows + loads == 0)
        return ww_fail(reader->error, WW_EINVAL,
                       "%s: nothing varies: there must be vary, points or loads", reader->path);
    uint64_t settings = grid + rows == 0 ? 1 : grid + rows;
    if (settings > WW_SWEEP_POINTS_MAX || settings * (loads + !loads) > WW_SWEEP_POINTS_MAX)
        return ww_fail(reader->error, WW_EINVAL,
                       "%s line %u: %lu settings under %zu loads are more than %u points",
                       reader->path, reader->grid_line, settings, loads + !loads,
                       WW_SWEEP_POINTS_MAX);
    if (grid + rows == 0)
        json_object_array_add(reader->rows, json_object_new_object());
    struct json_object *none = json_object_new_object();
    for (size_t i = 0; i < loads; i++)
        add_points(reader, json_object_array_get_idx(reader->loads, i), grid);
    if (loads == 0)
        add_points(reader, none, grid);
    json_object_put(none);
    json_object_object_foreach(reader->places, key, place)
    {
        if (json_object_get_int(json_object_object_get(place, "kind")) != FIXED)
            json_object_array_add(sweep->vary, json_object_new_string(key));
    }
    return check_points(reader);
}

static int read_root(struct reader *reader, const yaml_node_t *root)
{
    struct json_object *seen = json_object_new_object();
    int status = WW_OK;
    for (yaml_node_pair_t *pair = root == NULL ? NULL : root->data.mapping.pairs.start;
         pair != NULL && pair < root->data.mapping.pairs.top && status == WW_OK; pair++) {
        const yaml_node_t *key = node_at(reader, pair->key);
        const char *name = ww_yaml_text(key);
        if (name != NULL && json_object_object_get_ex(seen, name, NULL))
            status = FAIL(reader, key, "%s was given before", name);
        else
            status = read_key(reader, key, node_at(reader, pair->value));
        json_object_object_add(seen, name != NULL ? name : "", NULL);
    }
    json_object_put(seen);
    if (status == WW_OK && reader->sweep->name[0] == 0)
        status = ww_fail(reader->error, WW_EINVAL, "%s: the sweep has no name", reader->path);
    return status;
}

int ww_sweep_read(struct ww_sweep *sweep, const char *path, ww_sweep_check *check,
                  struct ww_error *error)
{
    *sweep = (struct ww_sweep){
        .load = json_object_new_object(),
        .config = json_object_new_object(),
        .points = json_object_new_array(),
        .vary = json_object_new_array(),
        .repeats = 1,
        .random = true,
        .seed = 1,
        .objective_text = "max per_s",
    };
    struct reader reader = {.sweep = sweep, .path = path, .check = check, .error = error};
    int status = ww_yaml_load(&reader.document, path, "sweep", error);
    if (status != WW_OK)
        return status;
    ww_config_init(&reader.scratch);
    reader.places = json_object_new_object();
    reader.grid = json_object_new_object();
    reader.rows = json_object_new_array();
    reader.loads = json_object_new_array();
    status = read_root(&reader, yaml_document_get_root_node(&reader.document));
    if (status == WW_OK)
        status = build_points(&reader);
    json_object_put(reader.places);
    json_object_put(reader.grid);
    json_object_put(reader.rows);
    json_object_put(reader.loads);
    yaml_document_delete(&reader.document);
    return status;
}

void ww_sweep_free(struct ww_sweep *sweep)
{
    json_object_put(sweep->load);
    json_object_put(sweep->config);
    json_object_put(sweep->points);
    json_object_put(sweep->vary);
}
