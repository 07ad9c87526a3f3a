/* SPDX-License-Identifier: Apache-2.0 */
/* What a sweep's directory says: its report, and the configuration that it recommends. */
#include "bench/sweep_run.h"

#include "bench/format.h"
#include "bench/html.h"
#include "bench/sweep_data.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct read_back {
    struct ww_sweep sweep;
    struct ww_sweep_data data;
};

static int read_directory(struct read_back *back, const char *directory, struct ww_error *error)
{
    char path[PATH_MAX];
    *back = (struct read_back){0};
    snprintf(path, sizeof(path), "%s/%s", directory, WW_SWEEP_FILE);
    int status = ww_sweep_read(&back->sweep, path, NULL, error);
    return status != WW_OK ? status
                           : ww_sweep_data_read(&back->data, &back->sweep, directory, error);
}

static void free_back(struct read_back *back)
{
    ww_sweep_data_free(&back->data);
    ww_sweep_free(&back->sweep);
}

bool ww_sweep_is_directory(const char *directory)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, WW_SWEEP_FILE);
    return access(path, F_OK) == 0;
}

int ww_sweep_report(const char *directory, bool as_json, struct json_object **json,
                    struct ww_error *error)
{
    struct read_back back;
    char path[PATH_MAX];
    int status = read_directory(&back, directory, error);
    if (status == WW_OK) {
        struct json_object *result = ww_sweep_json(&back.data);
        snprintf(path, sizeof(path), "%s/%s", directory, WW_SWEEP_RESULT);
        if (json_object_to_file_ext(path, result, JSON_C_TO_STRING_PRETTY) != 0)
            status = ww_fail_errno(error, WW_EIO, "%s", path);
        snprintf(path, sizeof(path), "%s/report.html", directory);
        if (status == WW_OK)
            status = ww_html_write(path, WW_HTML_SWEEP, result, error);
        if (as_json)
            puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PRETTY));
        else
            ww_sweep_print(result, stdout);
        if (json != NULL)
            *json = json_object_get(result);
        json_object_put(result);
    }
    free_back(&back);
    return status;
}

/* ---- the recommendation ---- */

static void say_figures(const struct ww_sweep_data *data, uint32_t point, FILE *file)
{
    const double *figures = data->points[point].figures;
    char label[512], id[WW_SWEEP_RUN_NAME_MAX], a[32], b[32], c[32], d[32];
    fprintf(file, "%s, %s: %s commits/s, p50 %s, p99 %s, p99.9 %s", ww_sweep_point_id(point, id),
            ww_sweep_label(json_object_array_get_idx(data->sweep->points, point), label,
                           sizeof(label)),
            ww_show_count(figures[WW_FIGURE_PER_S], a), ww_show_ns(figures[WW_FIGURE_P50], b),
            ww_show_ns(figures[WW_FIGURE_P99], c), ww_show_ns(figures[WW_FIGURE_P999], d));
}

static int write_recommendation(const struct ww_sweep_data *data, uint32_t best,
                                const char *directory, FILE *file, struct ww_error *error)
{
    const struct ww_sweep *sweep = data->sweep;
    struct ww_config config;
    uint32_t second = ww_sweep_best(data, &sweep->objective, &sweep->slo, best);
    int status = ww_sweep_config(sweep, best, &config, error);
    if (status != WW_OK)
        return status;
    fprintf(file, "# From the sweep %s (%s): %s%s%s, medians of %u of %u runs.\n# The best is ",
            sweep->name, directory, sweep->objective_text, sweep->slo_text[0] != 0 ? ", with " : "",
            sweep->slo_text, data->points[best].kept, sweep->repeats);
    say_figures(data, best, file);
    fprintf(file, ".\n");
    if (second != WW_SWEEP_NO_POINT) {
        fprintf(file, "# The runner-up is ");
        say_figures(data, second, file);
        fprintf(file, ".\n");
    }
    if (json_object_object_length(sweep->load) > 0) {
        char label[512];
        fprintf(file, "# Measured with %s.\n", ww_sweep_label(sweep->load, label, sizeof(label)));
    }
    return ww_config_write_given(&config, file) == WW_OK
               ? WW_OK
               : ww_fail_errno(error, WW_EIO, "writing the configuration");
}

static int fail_nearest(const struct ww_sweep_data *data, struct ww_error *error)
{
    uint32_t nearest = ww_sweep_nearest(data, &data->sweep->slo);
    char *figures = NULL;
    size_t size;
    if (nearest == WW_SWEEP_NO_POINT)
        return ww_fail(error, WW_ENOTFOUND, "no run of the sweep counts");
    FILE *file = open_memstream(&figures, &size);
    if (file == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    say_figures(data, nearest, file);
    fclose(file);
    int status = ww_fail(error, WW_ENOTFOUND, "no point meets %s; the nearest is %s",
                         data->sweep->slo_text, figures);
    free(figures);
    return status;
}

static int set_goal(struct ww_sweep *sweep, const char *slo, const char *objective,
                    struct ww_error *error)
{
    int status = WW_OK;
    if (slo != NULL) {
        status = ww_slo_parse(slo, &sweep->slo, "--slo", error);
        snprintf(sweep->slo_text, sizeof(sweep->slo_text), "%s", slo);
    }
    if (objective != NULL && status == WW_OK) {
        status = ww_objective_parse(objective, &sweep->objective, "--objective", error);
        snprintf(sweep->objective_text, sizeof(sweep->objective_text), "%s", objective);
    }
    return status;
}

static int write_to(const struct ww_sweep_data *data, uint32_t best, const char *directory,
                    const char *output, struct ww_error *error)
{
    if (output == NULL)
        return write_recommendation(data, best, directory, stdout, error);
    FILE *file = fopen(output, "we");
    if (file == NULL)
        return ww_fail_errno(error, WW_EINVAL, "--output %s", output);
    int status = write_recommendation(data, best, directory, file, error);
    if (fclose(file) != 0 && status == WW_OK)
        status = ww_fail_errno(error, WW_EIO, "%s", output);
    return status;
}

int ww_sweep_recommend(const char *directory, const char *slo, const char *objective,
                       const char *output, struct ww_error *error)
{
    struct read_back back;
    int status = read_directory(&back, directory, error);
    if (status == WW_OK)
        status = set_goal(&back.sweep, slo, objective, error);
    if (status == WW_OK) {
        uint32_t best =
            ww_sweep_best(&back.data, &back.sweep.objective, &back.sweep.slo, WW_SWEEP_NO_POINT);
        status = best == WW_SWEEP_NO_POINT ? fail_nearest(&back.data, error)
                                           : write_to(&back.data, best, directory, output, error);
    }
    free_back(&back);
    return status;
}
