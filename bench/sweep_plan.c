/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sweep.h"

#include "engine/base/random.h"

#include <stdlib.h>
#include <string.h>

uint32_t ww_sweep_point_count(const struct ww_sweep *sweep)
{
    return (uint32_t)json_object_array_length(sweep->points);
}

char *ww_sweep_label(struct json_object *settings, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "(as given)");
    json_object_object_foreach(settings, key, value)
    {
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s=%s", used > 0 ? " " : "", key,
                                     json_object_get_string(value));
    }
    return text;
}

size_t ww_sweep_word(const char *key, const char *value, char *word, size_t size)
{
    bool is_switch = strchr(key, '.') == NULL;
    if (is_switch && strcmp(value, "false") == 0)
        return 0;
    if (is_switch && strcmp(value, "true") == 0)
        return (size_t)snprintf(word, size, "--%s", key);
    return (size_t)snprintf(word, size, "--%s=%s", key, value);
}

/* A list of the words, ended by NULL. */
static uint32_t add_words(char **words, uint32_t count, struct json_object *settings)
{
    json_object_object_foreach(settings, key, value)
    {
        char word[700];
        if (ww_sweep_word(key, json_object_get_string(value), word, sizeof(word)) > 0)
            words[count++] = strdup(word);
    }
    return count;
}

char **ww_sweep_words(const struct ww_sweep *sweep, uint32_t point, uint32_t *count)
{
    struct json_object *settings = json_object_array_get_idx(sweep->points, point);
    int most = json_object_object_length(sweep->load) + json_object_object_length(sweep->config) +
               json_object_object_length(settings);
    char **words = calloc((size_t)most + 1, sizeof(char *));
    *count = add_words(words, 0, sweep->load);
    *count = add_words(words, *count, sweep->config);
    *count = add_words(words, *count, settings);
    return words;
}

void ww_sweep_words_free(char **words)
{
    for (char **each = words; *each != NULL; each++)
        free(*each);
    free(words);
}

static int set_all(struct ww_config *config, struct json_object *settings, struct ww_error *error)
{
    int status = WW_OK;
    json_object_object_foreach(settings, key, value)
    {
        if (status == WW_OK && strchr(key, '.') != NULL)
            status = ww_config_set(config, key, json_object_get_string(value), WW_ORIGIN_FILE,
                                   WW_SWEEP_FILE, error);
    }
    return status;
}

int ww_sweep_config(const struct ww_sweep *sweep, uint32_t point, struct ww_config *config,
                    struct ww_error *error)
{
    ww_config_init(config);
    int status = set_all(config, sweep->config, error);
    if (status == WW_OK)
        status = set_all(config, json_object_array_get_idx(sweep->points, point), error);
    return status;
}

struct ww_sweep_step *ww_sweep_order(const struct ww_sweep *sweep)
{
    uint32_t points = ww_sweep_point_count(sweep);
    struct ww_sweep_step *steps = calloc((size_t)points * sweep->repeats, sizeof(*steps));
    struct ww_random random = {sweep->seed};
    for (uint32_t repeat = 0; steps != NULL && repeat < sweep->repeats; repeat++) {
        struct ww_sweep_step *round = steps + (size_t)repeat * points;
        for (uint32_t i = 0; i < points; i++) {
            /* Fisher and Yates, from the inside out. */
            uint64_t place = sweep->random ? ww_random_range(&random, 0, (uint64_t)i + 1) : i;
            round[i] = round[place];
            round[place] = (struct ww_sweep_step){.point = i, .repeat = repeat};
        }
    }
    return steps;
}

char *ww_sweep_point_id(uint32_t point, char id[WW_SWEEP_RUN_NAME_MAX])
{
    snprintf(id, WW_SWEEP_RUN_NAME_MAX, "p%03u", (point + 1) % 1000);
    return id;
}

void ww_sweep_run_name(struct ww_sweep_step step, char name[WW_SWEEP_RUN_NAME_MAX])
{
    snprintf(name, WW_SWEEP_RUN_NAME_MAX, "p%03u-r%02u", (step.point + 1) % 1000,
             (step.repeat + 1) % 100);
}
