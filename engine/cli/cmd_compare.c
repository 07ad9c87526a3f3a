/* SPDX-License-Identifier: Apache-2.0 */
/* ww compare A B: what changed between two measurements, how sure that is, and gates on it. */
#include "bench/compare.h"
#include "bench/html.h"
#include "bench/run_directory.h"
#include "engine/cli/cli.h"

#include <limits.h>
#include <stdlib.h>

static const struct ww_flag flags[] = {
    {"confidence", 0, "PERCENT", "95", "of the intervals: 50 .. 99.9"},
    {"fail-if", 0, "GATE,...", NULL, "exit code 1 when it is so, such as 'p99>+5%'"},
    {"strict", 0, NULL, NULL, "a gate that is undecided fails, too"},
    {"allow", 0, "KEY,...", NULL, "these keys may differ"},
    {"force", 0, NULL, NULL, "compare whatever differs"},
    {"seed", 0, "N", "1", "of the bootstrap"},
    {NULL},
};

static int read_flags(const struct ww_cli *cli, struct ww_compare_options *options,
                      struct ww_error *error)
{
    const char *text = ww_cli_text(cli, "confidence");
    char *end;
    double percent = strtod(text, &end);
    if (end == text || *end != 0 || !(percent >= 50 && percent <= 99.9))
        return ww_fail(error, WW_EINVAL, "--confidence '%s': a number from 50 to 99.9", text);
    *options = (struct ww_compare_options){
        .confidence = percent / 100,
        .force = ww_cli_switch(cli, "force"),
        .allow = ww_cli_text(cli, "allow"),
        .gates = ww_cli_text(cli, "fail-if"),
        .strict = ww_cli_switch(cli, "strict"),
    };
    return ww_cli_count(cli, "seed", 0, UINT64_MAX, &options->seed, error);
}

static int write_result(struct json_object *found, const char *output, struct ww_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/compare.json", output);
    if (json_object_to_file_ext(path, found, JSON_C_TO_STRING_PRETTY) != 0)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    snprintf(path, sizeof(path), "%s/compare.html", output);
    return ww_html_write(path, WW_HTML_COMPARE, found, error);
}

static int show(const struct ww_cli *cli, struct json_object *found, struct ww_error *error)
{
    const char *output = ww_cli_text(cli, "output");
    if (ww_cli_json(cli))
        puts(json_object_to_json_string_ext(found, JSON_C_TO_STRING_PRETTY));
    else
        ww_compare_print(found, stdout);
    return output == NULL ? WW_OK : write_result(found, output, error);
}

static int run(struct ww_cli *cli)
{
    struct ww_compare_options options;
    struct ww_error error;
    struct json_object *a = NULL, *b = NULL, *found = NULL;
    int status = read_flags(cli, &options, &error);
    if (status == WW_OK)
        status = ww_run_output_make(ww_cli_text(cli, "output"), &error);
    if (status == WW_OK)
        status = ww_compare_load(cli->operand, &a, &error);
    if (status == WW_OK)
        status = ww_compare_load(cli->second, &b, &error);
    if (status == WW_OK)
        status = ww_compare(a, b, &options, &found, &error);
    if (status == WW_OK)
        status = show(cli, found, &error);
    else if (found != NULL)
        ww_compare_print_differences(found, stderr);
    int code = status != WW_OK            ? ww_cli_fail(cli, &error)
               : ww_compare_failed(found) ? (int)WW_EXIT_FAILED
                                          : (int)WW_EXIT_DONE;
    json_object_put(found);
    json_object_put(a);
    json_object_put(b);
    return code;
}

const struct ww_command ww_command_compare = {
    .verb = "compare",
    .summary = "what changed between two results, with intervals, and gates on it",
    .flags = flags,
    .operand = "A B",
    .run = run,
};
