/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep_fixture.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ww_sweep sweep_;
struct ww_error error_;

static int check(const char *const *words, uint32_t count, struct ww_error *error)
{
    for (uint32_t i = 0; i < count; i++)
        if (strncmp(words[i], "--bad", 5) == 0)
            return ww_fail(error, WW_EINVAL, "unknown flag '%s'", words[i]);
    return WW_OK;
}

int sweep_read_text(const char *text)
{
    char path[] = "/tmp/ww-test-sweep-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int status = ww_sweep_read(&sweep_, path, check, &error_);
    unlink(path);
    return status;
}

void sweep_expect_bad(const char *text, const char *part)
{
    cr_assert_eq(sweep_read_text(text), WW_EINVAL, "taken: %s", text);
    cr_expect(strstr(error_.text, part) != NULL, "'%s' does not say '%s'", error_.text, part);
    ww_sweep_free(&sweep_);
}

void sweep_set_point(struct ww_sweep_data *data, uint32_t point, double per_s, double p99)
{
    for (uint32_t k = 0; k < sweep_.repeats; k++) {
        struct ww_sweep_run *run = &data->points[point].runs[k];
        *run = (struct ww_sweep_run){
            .state = WW_RUN_KEPT,
            .figures = {per_s, per_s * 64, p99 / 2, p99, p99 * 2, NAN},
            .signals = {100000, 1000, 0, 0.05},
            .reached = NAN,
        };
    }
}

void sweep_fill(struct ww_sweep_data *data, double per_s, double p99)
{
    uint32_t count = ww_sweep_point_count(&sweep_);
    *data = (struct ww_sweep_data){.sweep = &sweep_};
    data->points = calloc(count, sizeof(*data->points));
    for (uint32_t i = 0; i < count; i++)
        sweep_set_point(data, i, per_s, p99);
}
