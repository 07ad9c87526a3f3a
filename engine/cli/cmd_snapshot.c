/* SPDX-License-Identifier: Apache-2.0 */
/* ww snapshot save|list|restore. */
#include "engine/backend/snapshot_files.h"
#include "engine/base/time_ns.h"
#include "engine/cli/cli.h"
#include "engine/cli/cluster_status.h"
#include "engine/control/control_request.h"
#include "engine/control/http_client.h"
#include "engine/node/node_restore.h"
#include "engine/snapshot/snapshot_map.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_TIMEOUT_NS 5000000000u
#define SILENCE_NS 10000000000u
#define LOOK_NS 50000000u

static const struct ww_flag save_flags[] = {
    {"group", 'g', "GROUP", "0", "Raft group"},
    {"timeout", 0, "DURATION", "10m", "wait so long until it is durable"},
    {NULL},
};
static const struct ww_flag list_flags[] = {
    {"data", 0, "DIR", NULL, "those in a data directory, each checked whole, instead of asking"},
    {NULL},
};
static const struct ww_flag restore_flags[] = {{NULL}};

/* ---- save ---- */

struct save {
    const struct ww_cli *cli;
    uint64_t group, timeout_ns;
    uint64_t index, bytes; /* of the snapshot, when it is there */
    struct ww_error *error;
};

static int read_answer(uint32_t code, const char *body, struct ww_error *error)
{
    return code == 200 || code == ww_control_http_code(WW_OK) ? WW_OK
                                                              : ww_control_refusal(body, error);
}

static int request(struct save *save)
{
    char path[64], *body;
    uint32_t code;
    const char *endpoint = ww_cli_endpoint(save->cli);
    snprintf(path, sizeof(path), "/v1/groups/%" PRIu64 "/snapshot", save->group);
    int status = ww_http_post(endpoint, path, "{}", ASK_TIMEOUT_NS, &code, &body, save->error);
    if (status != WW_OK)
        return status;
    status = read_answer(code, body, save->error);
    struct json_object *answer = json_tokener_parse(body);
    save->index = (uint64_t)ww_json_number(answer, "snapshot");
    json_object_put(answer);
    free(body);
    return status;
}

/* One look at the node: WW_EBUSY, not yet. */
static int look(struct save *save)
{
    char *body;
    int status =
        ww_http_get(ww_cli_endpoint(save->cli), "/v1/status", ASK_TIMEOUT_NS, &body, save->error);
    if (status != WW_OK)
        return status;
    struct json_object *answer = json_tokener_parse(body);
    struct json_object *groups = ww_json_list(answer, "groups");
    struct json_object *group = save->group < ww_json_length(groups)
                                    ? json_object_array_get_idx(groups, save->group)
                                    : NULL;
    status = WW_EBUSY;
    if ((uint64_t)ww_json_number(group, "snapshot_index") >= save->index) {
        save->index = (uint64_t)ww_json_number(group, "snapshot_index");
        save->bytes = (uint64_t)ww_json_number(group, "snapshot_bytes");
        status = WW_OK;
    } else if ((uint64_t)ww_json_number(group, "snapshot_failed_index") == save->index) {
        status = ww_fail(save->error, WW_EIO, "the snapshot at index %" PRIu64 " failed: %s",
                         save->index, ww_json_text(group, "snapshot_failure"));
    }
    json_object_put(answer);
    free(body);
    return status;
}

static int await(struct save *save)
{
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + save->timeout_ns;
    int status;
    while ((status = look(save)) == WW_EBUSY) {
        if (ww_time_ns(CLOCK_MONOTONIC) >= deadline_ns)
            return ww_fail(save->error, WW_ETIMEOUT,
                           "the snapshot at index %" PRIu64 " is not durable yet", save->index);
        if (ww_cli_interrupted(LOOK_NS))
            return ww_fail(save->error, WW_ECLOSED, "interrupted; the node goes on with it");
    }
    return status;
}

static int download(struct save *save, FILE *file)
{
    char path[64], *body = NULL;
    uint32_t code;
    snprintf(path, sizeof(path), "/v1/groups/%" PRIu64 "/snapshot", save->group);
    int status = ww_http_download(ww_cli_endpoint(save->cli), path, file, SILENCE_NS, &code, &body,
                                  save->error);
    if (status == WW_OK)
        status = read_answer(code, body, save->error);
    free(body);
    return status;
}

/* Under a name of its own until it is whole, checked and on the disk. */
static int copy_out(struct save *save, const char *wanted)
{
    char partial[600];
    struct ww_snapshot_blob blob;
    snprintf(partial, sizeof(partial), "%.580s.part", wanted);
    FILE *file = fopen(partial, "we");
    if (file == NULL)
        return ww_fail_errno(save->error, WW_EIO, "cannot write %s", partial);
    int status = download(save, file);
    bool written = fflush(file) == 0 && fsync(fileno(file)) == 0;
    written &= fclose(file) == 0;
    if (status == WW_OK && !written)
        status = ww_fail_errno(save->error, WW_EIO, "cannot write %s", partial);
    if (status == WW_OK)
        status = ww_snapshot_map(partial, &blob, save->error);
    if (status == WW_OK) {
        save->index = ww_snapshot_header(&blob)->index;
        save->bytes = blob.bytes;
        ww_snapshot_unmap(&blob);
        if (rename(partial, wanted) != 0)
            status = ww_fail_errno(save->error, WW_EIO, "cannot write %s", wanted);
    }
    if (status != WW_OK)
        unlink(partial);
    return status;
}

static int run_save(struct ww_cli *cli)
{
    struct ww_error error = {0};
    struct save save = {.cli = cli, .error = &error};
    const char *output = ww_cli_text(cli, "output");
    if (ww_cli_count(cli, "group", 0, WW_GROUPS_MAX - 1, &save.group, &error) != WW_OK ||
        ww_cli_duration(cli, "timeout", 1000000, UINT64_MAX / 2, &save.timeout_ns, &error) != WW_OK)
        return ww_cli_fail(cli, &error);
    ww_cli_block_signals();
    int status = request(&save);
    if (status == WW_OK)
        status = await(&save);
    if (status == WW_OK && output != NULL)
        status = copy_out(&save, output);
    if (status != WW_OK)
        return ww_cli_fail(cli, &error);
    if (ww_cli_json(cli))
        printf("{\"group\":%" PRIu64 ",\"index\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", save.group,
               save.index, save.bytes);
    else if (!ww_cli_quiet(cli))
        fprintf(stderr,
                "group %" PRIu64 ": a snapshot at index %" PRIu64 ", %" PRIu64 " bytes%s%s\n",
                save.group, save.index, save.bytes, output != NULL ? ", in " : "",
                output != NULL ? output : "");
    return WW_EXIT_DONE;
}

/* ---- list ---- */

/* A row as an object, and in the table its values in this order. */
static void put(const struct ww_cli *cli, struct json_object *rows, struct json_object *row)
{
    if (ww_cli_json(cli)) {
        json_object_array_add(rows, row);
        return;
    }
    json_object_object_foreach(row, key, value)
    {
        (void)key;
        printf("%-12s ", json_object_get_string(value));
    }
    putchar('\n');
    json_object_put(row);
}

static void add_number(struct json_object *row, const char *key, uint64_t value)
{
    json_object_object_add(row, key, json_object_new_uint64(value));
}

static int list_cluster(const struct ww_cli *cli, struct json_object *rows, struct ww_error *error)
{
    struct ww_cluster_status all;
    int status = ww_cluster_status_ask(&all, ww_cli_endpoint(cli), ASK_TIMEOUT_NS, error);
    if (status != WW_OK)
        return status;
    if (!ww_cli_json(cli))
        printf("%-12s %-12s %-12s %-12s %-12s\n", "group", "node", "index", "bytes", "step");
    for (uint32_t group = 0; group < ww_cluster_status_groups(&all); group++) {
        for (uint32_t i = 0; i < all.count; i++) {
            struct json_object *state = ww_cluster_status_group(&all, i, group);
            struct json_object *row = json_object_new_object();
            add_number(row, "group", group);
            add_number(row, "node", all.ids[i]);
            add_number(row, "index", (uint64_t)ww_json_number(state, "snapshot_index"));
            add_number(row, "bytes", (uint64_t)ww_json_number(state, "snapshot_bytes"));
            json_object_object_add(row, "step",
                                   json_object_new_string(state != NULL
                                                              ? ww_json_text(state, "snapshot_step")
                                                              : "unreachable"));
            put(cli, rows, row);
        }
    }
    ww_cluster_status_free(&all);
    return WW_OK;
}

/* WW_EDAMAGED when it is, and `error` says where. */
static int list_file(const struct ww_cli *cli, const char *directory,
                     const struct ww_snapshot_file *file, struct json_object *rows,
                     struct ww_error *error)
{
    char path[WW_SNAPSHOT_PATH_MAX];
    struct ww_snapshot_blob blob;
    struct json_object *row = json_object_new_object();
    int status = ww_snapshot_map(ww_snapshot_file_path(directory, file->group, file->index, path),
                                 &blob, error);
    add_number(row, "group", file->group);
    add_number(row, "index", file->index);
    if (status == WW_OK) {
        const struct ww_snapshot_header *header = ww_snapshot_header(&blob);
        add_number(row, "term", header->term);
        add_number(row, "bytes", blob.bytes);
        json_object_object_add(row, "machine",
                               json_object_new_string(ww_node_snapshot_machine(&blob)));
        ww_snapshot_unmap(&blob);
    }
    json_object_object_add(row, "check", json_object_new_string(ww_status_name(status)));
    put(cli, rows, row);
    return status;
}

static int list_directory(const struct ww_cli *cli, const char *directory, struct json_object *rows,
                          struct ww_error *error)
{
    struct ww_snapshot_file *files;
    struct ww_error found;
    size_t count;
    int status = ww_snapshot_files(directory, &files, &count, error);
    if (status != WW_OK)
        return status;
    if (!ww_cli_json(cli))
        printf("%-12s %-12s %-12s %-12s %-12s %-12s\n", "group", "index", "term", "bytes",
               "machine", "check");
    for (size_t i = 0; i < count; i++) {
        int each = list_file(cli, directory, &files[i], rows, &found);
        if (each != WW_OK && status == WW_OK)
            *error = found;
        status = status == WW_OK ? each : status;
    }
    free(files);
    return status;
}

static int run_list(struct ww_cli *cli)
{
    struct ww_error error = {0};
    const char *directory = ww_cli_text(cli, "data");
    struct json_object *rows = json_object_new_array();
    int status = directory != NULL ? list_directory(cli, directory, rows, &error)
                                   : list_cluster(cli, rows, &error);
    if (ww_cli_json(cli) && (status == WW_OK || json_object_array_length(rows) > 0))
        puts(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN));
    json_object_put(rows);
    return status == WW_OK ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

/* ---- restore ---- */

struct snapshots {
    struct ww_snapshot_blob *blobs;
    uint32_t count;
};

static int add(struct snapshots *snapshots, const char *path, struct ww_error *error)
{
    size_t size = (snapshots->count + 1) * sizeof(*snapshots->blobs);
    struct ww_snapshot_blob *larger = realloc(snapshots->blobs, size);
    if (larger == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %s", path);
    snapshots->blobs = larger;
    int status = ww_snapshot_map(path, &larger[snapshots->count], error);
    snapshots->count += status == WW_OK;
    return status;
}

/* The file, or all files *.snap of the directory. */
static int add_all(struct snapshots *snapshots, const char *path, struct ww_error *error)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char file[1024];
    int status = WW_OK;
    if (directory == NULL && errno != ENOTDIR)
        return ww_fail_errno(error, WW_ENOTFOUND, "%s", path);
    if (directory == NULL)
        return add(snapshots, path, error);
    while (status == WW_OK && (entry = readdir(directory)) != NULL) {
        const char *suffix = strrchr(entry->d_name, '.');
        snprintf(file, sizeof(file), "%.700s/%.255s", path, entry->d_name);
        if (suffix != NULL && strcmp(suffix, ".snap") == 0)
            status = add(snapshots, file, error);
    }
    closedir(directory);
    if (status == WW_OK && snapshots->count == 0)
        status = ww_fail(error, WW_ENOTFOUND, "%s holds no file *.snap", path);
    return status;
}

static int run_restore(struct ww_cli *cli)
{
    struct ww_config config;
    struct ww_error error = {0};
    struct snapshots snapshots = {0};
    int status = ww_cli_config(cli, &config, &error);
    if (status == WW_OK)
        status = ww_config_validate(&config, &error);
    if (status == WW_OK)
        status = add_all(&snapshots, cli->operand, &error);
    if (status == WW_OK)
        status = ww_node_restore(&config, snapshots.blobs, snapshots.count, &error);
    for (uint32_t i = 0; i < snapshots.count; i++) {
        const struct ww_snapshot_header *header = ww_snapshot_header(&snapshots.blobs[i]);
        if (status == WW_OK && !ww_cli_quiet(cli))
            fprintf(stderr, "%s: group %u begins behind index %" PRIu64 "\n", config.data_dir,
                    header->group, header->index);
        ww_snapshot_unmap(&snapshots.blobs[i]);
    }
    free(snapshots.blobs);
    return status == WW_OK ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_snapshot_save = {
    .verb = "snapshot save",
    .summary = "take a snapshot on a node now; -o FILE copies it",
    .flags = save_flags,
    .run = run_save,
};

const struct ww_command ww_command_snapshot_list = {
    .verb = "snapshot list",
    .summary = "the snapshots of a cluster, or in a data directory",
    .flags = list_flags,
    .run = run_list,
};

const struct ww_command ww_command_snapshot_restore = {
    .verb = "snapshot restore",
    .summary = "make the data directory of a new cluster's node from a snapshot",
    .flags = restore_flags,
    .operand = "FILE|DIR",
    .takes_config = true,
    .run = run_restore,
};
