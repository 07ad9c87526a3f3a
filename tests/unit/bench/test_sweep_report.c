/* SPDX-License-Identifier: Apache-2.0 */
/* What is recommended from a directory, and when a directory is refused. */
#include "bench/sweep_run.h"
#include "engine/cli/local_files.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char directory_[] = "sweep-report-XXXXXX";
static struct ww_error error_;

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory_, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

static void put_run(const char *run, int per_s, int p99)
{
    char path[128], text[256];
    snprintf(path, sizeof(path), "%s/runs/%s", directory_, run);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "runs/%s/result.json", run);
    snprintf(text, sizeof(text),
             "{\"commit\":{\"per_s\":%d,\"latency\":{\"p50\":%d,\"p99\":%d,\"p999\":%d}}}", per_s,
             p99 / 2, p99, p99 * 2);
    put(path, text);
}

static void set_up(void)
{
    char path[128];
    cr_assert_not_null(mkdtemp(directory_));
    snprintf(path, sizeof(path), "%s/runs", directory_);
    mkdir(path, 0755);
    put("sweep.yaml", "name: x\nload: {inflight: 64}\nconfig: {wal.block: 64KiB}\n"
                      "vary: {wal.depth: [1, 2, 4]}\nslo: p99<1ms\n");
    put_run("p001-r01", 100000, 200000);
    put_run("p002-r01", 150000, 400000);
    put_run("p003-r01", 200000, 2000000);
}

static void tear_down(void)
{
    ww_local_remove(directory_);
}

static int recommend(const char *slo, const char *objective, char text[2000])
{
    char path[128];
    snprintf(path, sizeof(path), "%s/out.yaml", directory_);
    int status = ww_sweep_recommend(directory_, slo, objective, path, &error_);
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(text, 1, 1999, file);
    text[size] = 0;
    if (file != NULL)
        fclose(file);
    return status;
}

Test(sweep_report, the_recommendation_is_a_configuration, .init = set_up, .fini = tear_down)
{
    char text[2000], path[128];
    struct ww_config config;
    cr_assert_eq(recommend(NULL, NULL, text), WW_OK, "%s", error_.text);
    cr_expect(strstr(text, "The best is p002, wal.depth=2: 150,000 commits/s") != NULL, "%s", text);
    cr_expect(strstr(text, "The runner-up is p001, wal.depth=1: 100,000") != NULL, "%s", text);
    cr_expect(strstr(text, "max per_s, with p99<1ms") != NULL, "%s", text);
    cr_expect_null(strstr(text, "durability"), "what was not set is left to the defaults");
    snprintf(path, sizeof(path), "%s/out.yaml", directory_);
    ww_config_init(&config);
    cr_assert_eq(ww_config_read(&config, path, &error_), WW_OK, "%s", error_.text);
    cr_expect_eq(config.write_depth, 2);
    cr_expect_eq(config.block_bytes, 65536);
}

Test(sweep_report, another_goal_has_another_best, .init = set_up, .fini = tear_down)
{
    char text[2000];
    cr_assert_eq(recommend("p99<10ms", NULL, text), WW_OK, "%s", error_.text);
    cr_expect(strstr(text, "The best is p003") != NULL, "%s", text);
    cr_assert_eq(recommend(NULL, "min p99", text), WW_OK, "%s", error_.text);
    cr_expect(strstr(text, "The best is p001") != NULL, "%s", text);
}

Test(sweep_report, without_a_good_point_the_nearest_is_named, .init = set_up, .fini = tear_down)
{
    char text[2000];
    cr_expect_eq(recommend("p99<100us", NULL, text), WW_ENOTFOUND);
    cr_expect(strstr(error_.text, "no point meets p99<100us; the nearest is p001") != NULL, "%s",
              error_.text);
    cr_expect_eq(strlen(text), 0, "nothing is written");
    cr_expect_eq(recommend("p99", NULL, text), WW_EINVAL);
    cr_expect_eq(ww_sweep_recommend("/nonexistent", NULL, NULL, NULL, &error_), WW_EINVAL);
    cr_expect(strstr(error_.text, "/nonexistent/sweep.yaml") != NULL, "%s", error_.text);
}

Test(sweep_report, a_directory_of_another_sweep_is_refused, .init = set_up, .fini = tear_down)
{
    char path[128], other[128];
    put("other.yaml", "name: y\nvary: {inflight: [1]}\n");
    snprintf(path, sizeof(path), "%s/other.yaml", directory_);
    struct ww_sweep_options options = {.path = path, .output = directory_, .data = "."};
    cr_expect_eq(ww_sweep_run(&options, &error_), WW_EINVAL);
    cr_expect(strstr(error_.text, "holds another sweep") != NULL, "%s", error_.text);
    cr_expect(ww_sweep_is_directory(directory_));
    snprintf(other, sizeof(other), "%s/runs", directory_);
    options.output = other;
    cr_expect_eq(ww_sweep_run(&options, &error_), WW_EINVAL);
    cr_expect(strstr(error_.text, "neither empty nor the directory of a sweep") != NULL, "%s",
              error_.text);
    cr_expect_not(ww_sweep_is_directory(other));
}
