/* SPDX-License-Identifier: Apache-2.0 */
/* What several experiments read of the command line: how long, how often, lists. */
#include "bench/experiment.h"
#include "engine/base/units.h"

#include <string.h>

#define DURATION_MIN_NS UINT64_C(10000000)
#define HOUR_NS UINT64_C(3600000000000)

int ww_experiment_timing(const struct ww_cli *cli, struct ww_experiment_timing *timing,
                         struct ww_error *error)
{
    uint64_t repeats = 0;
    int status =
        ww_cli_duration(cli, "duration", DURATION_MIN_NS, HOUR_NS, &timing->duration_ns, error);
    if (status == WW_OK)
        status = ww_cli_duration(cli, "warmup", 0, HOUR_NS, &timing->warmup_ns, error);
    if (status == WW_OK)
        status = ww_cli_count(cli, "repeats", 1, WW_EXPERIMENT_REPEATS_MAX, &repeats, error);
    timing->repeats = (uint32_t)repeats;
    return status;
}

/* The word of a list at `at`, and where the next one begins; NULL: it was the last. */
static const char *take_word(const char *at, char word[64])
{
    size_t length = strcspn(at, ",");
    snprintf(word, 64, "%.*s", (int)length, at);
    return at[length] == ',' ? at + length + 1 : NULL;
}

static int read_numbers(const struct ww_cli *cli, const char *flag,
                        int (*parse)(const char *, uint64_t *, const char **),
                        char *(*format)(uint64_t, char *, size_t), uint64_t min, uint64_t max,
                        struct ww_experiment_numbers *numbers, struct ww_error *error)
{
    char word[64], low[32], high[32];
    numbers->count = 0;
    for (const char *at = ww_cli_text(cli, flag); at != NULL;) {
        uint64_t value = 0;
        const char *why;
        at = take_word(at, word);
        if (numbers->count == WW_EXPERIMENT_LIST_MAX)
            return ww_fail(error, WW_EINVAL, "--%s: more than %u numbers", flag,
                           WW_EXPERIMENT_LIST_MAX);
        if (parse(word, &value, &why) != WW_OK)
            return ww_fail(error, WW_EINVAL, "--%s: '%s': %s", flag, word, why);
        if (value < min || value > max)
            return ww_fail(error, WW_EINVAL, "--%s: '%s' is outside %s .. %s", flag, word,
                           format(min, low, sizeof(low)), format(max, high, sizeof(high)));
        numbers->of[numbers->count++] = value;
    }
    return WW_OK;
}

static char *format_count(uint64_t count, char *text, size_t size)
{
    snprintf(text, size, "%lu", count);
    return text;
}

int ww_experiment_counts(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                         struct ww_experiment_numbers *numbers, struct ww_error *error)
{
    return read_numbers(cli, flag, ww_parse_count, format_count, min, max, numbers, error);
}

int ww_experiment_durations(const struct ww_cli *cli, const char *flag, uint64_t min_ns,
                            uint64_t max_ns, struct ww_experiment_numbers *numbers,
                            struct ww_error *error)
{
    return read_numbers(cli, flag, ww_parse_duration, ww_format_duration, min_ns, max_ns, numbers,
                        error);
}

int ww_experiment_sizes(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                        struct ww_experiment_numbers *numbers, struct ww_error *error)
{
    return read_numbers(cli, flag, ww_parse_bytes, ww_format_bytes, min, max, numbers, error);
}

bool ww_experiment_listed(const char *list, const char *name)
{
    char word[64];
    for (const char *at = list; at != NULL;) {
        at = take_word(at, word);
        if (strcmp(word, name) == 0)
            return true;
    }
    return list == NULL;
}

int ww_experiment_check_list(const char *flag, const char *list, const char *const *names,
                             uint32_t count, struct ww_error *error)
{
    char known[256] = "", word[64];
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? "," : "", names[i]);
    }
    for (const char *at = list; at != NULL;) {
        at = take_word(at, word);
        if (!ww_experiment_listed(known, word))
            return ww_fail(error, WW_EINVAL, "--%s: '%s' is not one of %s", flag, word, known);
    }
    return WW_OK;
}
