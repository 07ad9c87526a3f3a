/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two figures are worth comparing when nothing but the program differs. So every key of `config`
 * and `environment` counts, also those that later versions add, but for the few below.
 */
#include "bench/compare_internal.h"
#include "bench/json.h"

#include <string.h>

/* Outcomes, what only picks other random bytes, and how many entries leave a trace, which the run
 * chooses by its rate. */
static const char *const harmless[] = {"config.achieved_rate", "config.seed", "config.trace_every",
                                       NULL};

static bool listed(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

/* Is the key, with or without its part, among those of --allow? */
static bool is_allowed(const struct ww_compare_options *options, const char *key)
{
    const char *end = strchr(key, '.') != NULL ? strchr(key, '.') + 1 : key;
    for (const char *at = options->allow; at != NULL; at = strchr(at, ','), at += at != NULL) {
        size_t length = strcspn(at, ",");
        if ((strlen(key) == length && strncmp(at, key, length) == 0) ||
            (strlen(end) == length && strncmp(at, end, length) == 0))
            return true;
    }
    return options->force;
}

static bool is_known(struct json_object *differences, const char *key, const char *a, const char *b)
{
    for (size_t i = 0; i < json_object_array_length(differences); i++) {
        struct json_object *each = json_object_array_get_idx(differences, i);
        if (strcmp(ww_json_text_or(each, "key", ""), key) == 0 &&
            strcmp(ww_json_text_or(each, "a", ""), a) == 0 &&
            strcmp(ww_json_text_or(each, "b", ""), b) == 0)
            return true;
    }
    return false;
}

static void note(struct json_object *differences, const struct ww_compare_options *options,
                 const char *key, const char *a, const char *b)
{
    if (strcmp(a, b) == 0 || listed(harmless, key) || is_known(differences, key, a, b))
        return;
    struct json_object *difference = json_object_new_object();
    ww_json_put_text(difference, "key", key);
    ww_json_put_text(difference, "a", a);
    ww_json_put_text(difference, "b", b);
    json_object_object_add(difference, "allowed",
                           json_object_new_boolean(is_allowed(options, key)));
    json_object_array_add(differences, difference);
}

/* `reversed`: each key was looked at from the other side; only what is missing there is left. */
static void compare_part(const char *part, struct json_object *a, struct json_object *b,
                         bool reversed, const struct ww_compare_options *options,
                         struct json_object *differences)
{
    a = ww_json_at(a, part);
    b = ww_json_at(b, part);
    if (!json_object_is_type(a, json_type_object))
        return;
    json_object_object_foreach(a, name, value)
    {
        char key[128];
        snprintf(key, sizeof(key), "%s.%s", part, name);
        struct json_object *other = NULL;
        bool found = json_object_object_get_ex(b, name, &other);
        const char *mine = json_object_get_string(value);
        const char *theirs = found ? json_object_get_string(other) : "absent";
        if (!reversed)
            note(differences, options, key, mine, theirs);
        else if (!found)
            note(differences, options, key, "absent", mine);
    }
}

static const char *verified(struct json_object *result)
{
    bool same = json_object_get_boolean(ww_json_at(result, "verified.replicas_identical"));
    return same && ww_json_number_or(result, "verified.lost", 0) == 0 ? "good" : "failed";
}

static void compare_runs(struct json_object *a, struct json_object *b,
                         const struct ww_compare_options *options, struct json_object *differences)
{
    static const char *const parts[] = {"config", "environment"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        compare_part(parts[i], a, b, false, options, differences);
        compare_part(parts[i], b, a, true, options, differences);
    }
    note(differences, options, "verified", verified(a), "good");
    note(differences, options, "verified", "good", verified(b));
}

static struct json_object *result_at(struct json_object *point, size_t i)
{
    struct json_object *runs = json_object_object_get(point, "runs");
    return i < json_object_array_length(runs)
               ? json_object_object_get(json_object_array_get_idx(runs, i), "result")
               : NULL;
}

void ww_compare_likeness(struct json_object *a, struct json_object *b,
                         const struct ww_compare_options *options, struct json_object *differences)
{
    struct json_object *first = result_at(a, 0), *other;
    for (size_t i = 1; (other = result_at(a, i)) != NULL; i++)
        compare_runs(first, other, options, differences);
    for (size_t i = 0; (other = result_at(b, i)) != NULL; i++)
        compare_runs(first, other, options, differences);
}

/* Has the first run of the side such a key? */
static bool has_key(struct json_object *side, const char *name)
{
    static const char *const parts[] = {"", "config.", "environment."};
    struct json_object *points = json_object_object_get(side, "points");
    struct json_object *result = result_at(json_object_array_get_idx(points, 0), 0);
    bool known = false;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s%s", parts[i], name);
        known |= ww_json_at(result, path) != NULL;
    }
    return known;
}

int ww_compare_check_allowed(struct json_object *a, struct json_object *b,
                             const struct ww_compare_options *options, struct ww_error *error)
{
    for (const char *at = options->allow; at != NULL; at = strchr(at, ','), at += at != NULL) {
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
        if (!has_key(a, name) && !has_key(b, name))
            return ww_fail(error, WW_EINVAL,
                           "--allow: '%s' is no key of config or environment in result.json", name);
    }
    return WW_OK;
}
