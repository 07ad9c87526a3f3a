/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/rotation.h"

#include "bench/run_directory.h"
#include "engine/control/http_client.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>

#define ANSWER_NS UINT64_C(5000000000)

int ww_rotations_ask(struct ww_rotations *rotations, const char *endpoint, struct ww_error *error)
{
    char *text;
    int status = ww_http_get(endpoint, "/v1/wal/rotations", ANSWER_NS, &text, error);
    if (status != WW_OK)
        return status;
    struct json_object *answer = json_tokener_parse(text), *times;
    free(text);
    bool told = json_object_object_get_ex(answer, "entered_ns", &times) &&
                json_object_is_type(times, json_type_array);
    size_t room = sizeof(rotations->times_ns) / sizeof(rotations->times_ns[0]);
    for (size_t i = 0; told && i < json_object_array_length(times) && rotations->count < room; i++)
        rotations->times_ns[rotations->count++] =
            json_object_get_uint64(json_object_array_get_idx(times, i));
    json_object_put(answer);
    return told ? WW_OK : ww_fail(error, WW_EIO, "%s does not tell its rotations", endpoint);
}

static int by_time(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The place of the first rotation at or behind `ns`. */
static size_t first_from(const struct ww_rotations *rotations, uint64_t ns)
{
    size_t low = 0, high = rotations->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rotations->times_ns[middle] < ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void ww_rotations_sort(struct ww_rotations *rotations)
{
    ww_histogram_reset(&rotations->crossing);
    ww_histogram_reset(&rotations->others);
    qsort(rotations->times_ns, rotations->count, sizeof(rotations->times_ns[0]), by_time);
    rotations->measured = 0;
}

void ww_rotations_count(struct ww_rotations *rotations, uint64_t begin_ns, uint64_t end_ns)
{
    rotations->measured +=
        (uint32_t)(first_from(rotations, end_ns) - first_from(rotations, begin_ns));
}

void ww_rotations_divide(struct ww_rotations *rotations, const struct ww_load_commit *commits,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct ww_load_commit *commit = &commits[i];
        uint64_t sent_ns = commit->answered_ns - commit->latency_ns;
        size_t place = first_from(rotations, sent_ns - WW_ROTATION_WINDOW_NS);
        bool crosses =
            place < rotations->count && rotations->times_ns[place] <= commit->answered_ns;
        ww_histogram_record(crosses ? &rotations->crossing : &rotations->others, commit->latency_ns,
                            commit->count);
    }
}

int ww_rotations_read(struct ww_rotations *rotations, const char *directory, uint32_t clients,
                      struct ww_error *error)
{
    struct ww_load_commit *commits = malloc(WW_LOAD_COMMITS_MAX * sizeof(*commits));
    if (commits == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the commits");
    int status = WW_OK;
    for (uint32_t i = 0; i < clients && status == WW_OK; i++) {
        char path[WW_RUN_PATH_MAX];
        ww_run_load_file(path, directory, i, WW_LOAD_COMMITS);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            status = ww_fail_errno(error, WW_EIO, "%s", path);
            break;
        }
        ww_rotations_divide(rotations, commits,
                            fread(commits, sizeof(*commits), WW_LOAD_COMMITS_MAX, file));
        fclose(file);
    }
    free(commits);
    return status;
}
