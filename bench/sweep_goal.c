/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sweep_goal.h"

#include "bench/json.h"
#include "engine/base/nearest.h"
#include "engine/base/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct ww_figure_kind ww_figure_kinds[WW_FIGURES] = {
    [WW_FIGURE_PER_S] = {"per_s", "commit.per_s", true, false},
    [WW_FIGURE_BYTES_PER_S] = {"bytes_per_s", "commit.bytes_per_s", true, false},
    [WW_FIGURE_P50] = {"p50", "commit.latency.p50", false, true},
    [WW_FIGURE_P99] = {"p99", "commit.latency.p99", false, true},
    [WW_FIGURE_P999] = {"p999", "commit.latency.p999", false, true},
    [WW_FIGURE_CPU_NS] = {"cpu_ns", "cpu.nodes_ns_per_entry", false, true},
};

#define FIGURE_NAMES "per_s, bytes_per_s, p50, p99, p999, cpu_ns"

void ww_figures_read(struct json_object *result, double figures[WW_FIGURES])
{
    for (int i = 0; i < WW_FIGURES; i++)
        figures[i] = ww_json_number_at(result, ww_figure_kinds[i].path);
}

/* ---- reading ---- */

/* The next word of letters, digits and underscores; *text goes behind it. */
static void take_word(const char **text, char word[32])
{
    *text += strspn(*text, " ");
    size_t length = 0;
    while (isalnum((unsigned char)(*text)[length]) || (*text)[length] == '_')
        length++;
    snprintf(word, 32, "%.*s", (int)length, *text);
    *text += length;
    *text += strspn(*text, " ");
}

static int find_figure(const char *word, enum ww_figure *figure, const char *where,
                       struct ww_error *error)
{
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (int i = 0; i < WW_FIGURES; i++) {
        *figure = (enum ww_figure)i;
        if (strcmp(ww_figure_kinds[i].name, word) == 0)
            return WW_OK;
        ww_nearest_offer(word, ww_figure_kinds[i].name, &nearest, &distance);
    }
    return ww_fail(error, WW_EINVAL, "%s: no figure '%s'; there are %s; did you mean '%s'?", where,
                   word, FIGURE_NAMES, nearest);
}

int ww_objective_parse(const char *text, struct ww_objective *objective, const char *where,
                       struct ww_error *error)
{
    char direction[32], word[32];
    const char *at = text;
    take_word(&at, direction);
    take_word(&at, word);
    bool max = strcmp(direction, "max") == 0;
    if (*at != 0 || (!max && strcmp(direction, "min") != 0))
        return ww_fail(error, WW_EINVAL, "%s: '%s' is not an objective such as 'max per_s'", where,
                       text);
    int status = find_figure(word, &objective->figure, where, error);
    if (status == WW_OK && ww_figure_kinds[objective->figure].higher_is_better != max)
        status = ww_fail(error, WW_EINVAL, "%s: '%s' goes the wrong way; write '%s %s'", where,
                         text, max ? "min" : "max", word);
    return status;
}

static int parse_limit(const char *text, struct ww_slo_term *term, const char *where,
                       struct ww_error *error)
{
    uint64_t value;
    const char *why;
    int status = ww_figure_kinds[term->figure].is_time ? ww_parse_duration(text, &value, &why)
                                                       : ww_parse_count(text, &value, &why);
    if (status != WW_OK)
        return ww_fail(error, WW_EINVAL, "%s: %s: '%s': %s", where,
                       ww_figure_kinds[term->figure].name, text, why);
    if (value == 0)
        return ww_fail(error, WW_EINVAL, "%s: %s: a limit of 0 says nothing", where,
                       ww_figure_kinds[term->figure].name);
    term->limit = (double)value;
    return WW_OK;
}

/* "p99<1ms" */
static int parse_term(const char *text, struct ww_slo_term *term, const char *where,
                      struct ww_error *error)
{
    char word[32], limit[32];
    const char *at = text;
    take_word(&at, word);
    char sign = *at;
    if (sign != '<' && sign != '>')
        return ww_fail(error, WW_EINVAL, "%s: '%s' is not a limit such as 'p99<1ms'", where, text);
    at++;
    term->or_equal = *at == '=';
    at += *at == '=';
    take_word(&at, limit);
    if (*at != 0)
        return ww_fail(error, WW_EINVAL, "%s: '%s' is not a limit such as 'p99<1ms'", where, text);
    int status = find_figure(word, &term->figure, where, error);
    if (status == WW_OK && ww_figure_kinds[term->figure].higher_is_better != (sign == '>'))
        status = ww_fail(error, WW_EINVAL, "%s: '%s': %s is limited by '%c'", where, text, word,
                         sign == '>' ? '<' : '>');
    return status != WW_OK ? status : parse_limit(limit, term, where, error);
}

int ww_slo_parse(const char *text, struct ww_slo *slo, const char *where, struct ww_error *error)
{
    *slo = (struct ww_slo){.count = 0};
    for (const char *at = text; at != NULL; at = strchr(at, ','), at += at != NULL) {
        char term[80];
        if (slo->count == WW_SWEEP_SLO_TERMS_MAX)
            return ww_fail(error, WW_EINVAL, "%s: more than %u limits", where,
                           WW_SWEEP_SLO_TERMS_MAX);
        snprintf(term, sizeof(term), "%.*s", (int)strcspn(at, ","), at);
        int status = parse_term(term, &slo->terms[slo->count], where, error);
        if (status != WW_OK)
            return status;
        slo->count++;
    }
    return WW_OK;
}

/* ---- judging ---- */

bool ww_objective_better(const struct ww_objective *objective, double a, double b)
{
    return ww_figure_kinds[objective->figure].higher_is_better ? a > b : a < b;
}

static double term_distance(const struct ww_slo_term *term, double value)
{
    if (isnan(value) || value <= 0)
        return INFINITY;
    return ww_figure_kinds[term->figure].higher_is_better ? term->limit / value
                                                          : value / term->limit;
}

double ww_slo_distance(const struct ww_slo *slo, const double figures[WW_FIGURES])
{
    double worst = 0;
    for (uint32_t i = 0; i < slo->count; i++)
        worst = fmax(worst, term_distance(&slo->terms[i], figures[slo->terms[i].figure]));
    return worst;
}

bool ww_slo_met(const struct ww_slo *slo, const double figures[WW_FIGURES])
{
    for (uint32_t i = 0; i < slo->count; i++) {
        double distance = term_distance(&slo->terms[i], figures[slo->terms[i].figure]);
        if (distance > 1 || (distance == 1 && !slo->terms[i].or_equal))
            return false;
    }
    return true;
}
