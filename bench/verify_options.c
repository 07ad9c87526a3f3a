/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/verify.h"

#include <stdlib.h>

int ww_verify_options_write(const struct ww_verify_options *options, const char *path,
                            struct ww_error *error)
{
    struct json_object *json = json_object_new_object();
    struct json_object *directories = json_object_new_array();
    struct json_object *commit = json_object_new_array();
    for (uint32_t i = 0; i < options->replicas; i++)
        json_object_array_add(directories, json_object_new_string(options->directories[i]));
    for (uint32_t i = 0; i < options->groups; i++)
        json_object_array_add(commit, json_object_new_uint64(options->commit[i]));
    json_object_object_add(json, "directories", directories);
    json_object_object_add(json, "commit", commit);
    json_object_object_add(json, "directory", json_object_new_string(options->directory));
    json_object_object_add(json, "clients", json_object_new_uint64(options->clients));
    json_object_object_add(json, "entry_bytes",
                           json_object_new_uint64(options->payload.entry_bytes));
    json_object_object_add(json, "seed", json_object_new_uint64(options->payload.seed));
    json_object_object_add(json, "itch", json_object_new_boolean(options->payload.itch));
    if (options->payload.size != NULL)
        json_object_object_add(json, "size", json_object_new_string(options->payload.size));
    if (options->payload.file != NULL)
        json_object_object_add(json, "payload", json_object_new_string(options->payload.file));
    int failed = json_object_to_file_ext(path, json, JSON_C_TO_STRING_PRETTY);
    json_object_put(json);
    return failed != 0 ? ww_fail_errno(error, WW_EIO, "%s", path) : WW_OK;
}

static int read_lists(struct ww_verify_options *options, struct json_object *json)
{
    struct json_object *directories = json_object_object_get(json, "directories");
    struct json_object *commit = json_object_object_get(json, "commit");
    if (!json_object_is_type(directories, json_type_array) ||
        !json_object_is_type(commit, json_type_array) ||
        json_object_array_length(directories) > WW_NODES_MAX ||
        json_object_array_length(commit) > WW_GROUPS_MAX)
        return WW_EINVAL;
    options->replicas = (uint32_t)json_object_array_length(directories);
    options->groups = (uint32_t)json_object_array_length(commit);
    options->commit = calloc(options->groups + 1, sizeof(uint64_t));
    if (options->commit == NULL)
        return WW_ENOMEM;
    for (uint32_t i = 0; i < options->replicas; i++)
        snprintf(options->directories[i], sizeof(options->directories[i]), "%s",
                 json_object_get_string(json_object_array_get_idx(directories, i)));
    for (uint32_t i = 0; i < options->groups; i++)
        options->commit[i] = json_object_get_uint64(json_object_array_get_idx(commit, i));
    return WW_OK;
}

int ww_verify_options_read(struct ww_verify_options *options, const char *path,
                           struct json_object **storage, struct ww_error *error)
{
    *options = (struct ww_verify_options){0};
    struct json_object *json = *storage = json_object_from_file(path);
    if (json == NULL)
        return ww_fail(error, WW_EINVAL, "%s: no run of `ww bench --keep` is described there",
                       path);
    options->directory = json_object_get_string(json_object_object_get(json, "directory"));
    options->clients = (uint32_t)json_object_get_uint64(json_object_object_get(json, "clients"));
    options->payload.file = json_object_get_string(json_object_object_get(json, "payload"));
    options->payload.itch = json_object_get_boolean(json_object_object_get(json, "itch"));
    options->payload.size = json_object_get_string(json_object_object_get(json, "size"));
    options->payload.entry_bytes =
        (uint32_t)json_object_get_uint64(json_object_object_get(json, "entry_bytes"));
    options->payload.seed = json_object_get_uint64(json_object_object_get(json, "seed"));
    int status = options->directory == NULL ? WW_EINVAL : read_lists(options, json);
    return status == WW_OK ? WW_OK : ww_fail(error, status, "%s: not readable", path);
}
