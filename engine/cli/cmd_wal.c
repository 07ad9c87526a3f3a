/* SPDX-License-Identifier: Apache-2.0 */
/* ww wal inspect|verify|dump: what a log on disk holds, of a stopped or a running node. */
#include "engine/backend/log_survey.h"
#include "engine/base/units.h"
#include "engine/cli/cli.h"
#include "engine/cli/wal_groups.h"
#include "engine/cli/wal_tools.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const struct ww_flag verify_flags[] = {
    {"peers", 0, NULL, NULL,
     "compare the committed entries of all replicas of the cluster behind --endpoint"},
    {"group", 'g', "G|all", "all", "with --peers: of this group, or of all"},
    {"timeout", 0, "DURATION", "10s", "with --peers: give up when a node is silent for so long"},
    {NULL},
};

int ww_wal_directory_name(const struct ww_cli *cli, struct ww_config *config, const char **name,
                          struct ww_error *error)
{
    *name = cli->operand;
    if (*name != NULL)
        return WW_OK;
    int status = ww_cli_config(cli, config, error);
    *name = config->data_dir;
    if (status == WW_OK && config->data_dir[0] == 0)
        status = ww_fail(error, WW_EINVAL,
                         "which log? Name its data directory, or the node's file with --config");
    return status;
}

struct finding {
    struct ww_log_survey survey;
    struct ww_wal_groups groups;
};

static uint32_t missing_ranges(const struct ww_wal_groups *groups)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < groups->count; i++)
        count += groups->groups[i].missing_from != 0;
    return count;
}

/* ---- as a table ---- */

static void print_damage(const struct finding *found)
{
    const struct ww_log_survey *survey = &found->survey;
    for (uint32_t i = 0; i < survey->damage_count && i < WW_SURVEY_DAMAGE_MAX; i++) {
        const struct ww_log_damage *damage = &survey->damage[i];
        printf("damaged: wal/%016" PRIx64 ".seg offset %" PRIu64 " (stream positions %" PRIu64
               " to %" PRIu64 "): %s\n",
               damage->segment, damage->offset, damage->position, damage->end, damage->why);
    }
    if (survey->damage_count > WW_SURVEY_DAMAGE_MAX)
        printf("damaged: %u more places\n", survey->damage_count - WW_SURVEY_DAMAGE_MAX);
    for (uint32_t i = 0; i < found->groups.count; i++) {
        const struct ww_wal_group *group = &found->groups.groups[i];
        if (group->missing_from != 0)
            printf("missing: group %u entries %" PRIu64 " to %" PRIu64 "\n", i, group->missing_from,
                   group->missing_to);
    }
}

static void print_log(const struct finding *found, const char *directory)
{
    const struct ww_log_survey *survey = &found->survey;
    char segment[32], bytes[32];
    printf("%s: node %u of cluster %016" PRIx64 ", stream %016" PRIx64 ", format version %u%s\n",
           directory, survey->node, survey->cluster, survey->stream, survey->version,
           survey->in_use ? ", in use" : "");
    printf("%" PRIu64 " segments of %s, %" PRIu64 " spare; stream positions %" PRIu64 " to %" PRIu64
           "; opened %u times\n",
           survey->segments, ww_format_bytes(survey->segment_bytes, segment, sizeof(segment)),
           survey->spares, survey->first_position, survey->end_position, survey->epoch);
    printf("%" PRIu64 " blocks, %" PRIu64 " batches, %s", survey->blocks, survey->batches,
           ww_format_bytes(survey->bytes, bytes, sizeof(bytes)));
    if (survey->cut_bytes > 0)
        printf("; behind them %" PRIu64 " bytes of a torn tail, never acknowledged",
               survey->cut_bytes);
    putchar('\n');
}

static void print_groups(const struct ww_wal_groups *groups)
{
    printf("%5s %12s %12s %9s %9s %5s %12s %14s\n", "group", "first", "last", "last term", "term",
           "vote", "snapshot", "entry bytes");
    for (uint32_t i = 0; i < groups->count; i++) {
        const struct ww_wal_group *group = &groups->groups[i];
        if (group->seen)
            printf("%5u %12" PRIu64 " %12" PRIu64 " %9" PRIu64 " %9" PRIu64 " %5" PRIu64
                   " %12" PRIu64 " %14" PRIu64 "\n",
                   i, group->first_index, group->last_index, group->last_term, group->term,
                   group->vote, group->snapshot_index, group->entry_bytes);
    }
}

/* ---- as JSON ---- */

static void put(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *damage_json(const struct ww_log_survey *survey)
{
    struct json_object *list = json_object_new_array();
    for (uint32_t i = 0; i < survey->damage_count && i < WW_SURVEY_DAMAGE_MAX; i++) {
        const struct ww_log_damage *damage = &survey->damage[i];
        struct json_object *object = json_object_new_object();
        char file[40];
        snprintf(file, sizeof(file), "wal/%016" PRIx64 ".seg", damage->segment);
        json_object_object_add(object, "file", json_object_new_string(file));
        put(object, "offset", damage->offset);
        put(object, "position", damage->position);
        put(object, "end", damage->end);
        json_object_object_add(object, "why", json_object_new_string(damage->why));
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *groups_json(const struct ww_wal_groups *groups)
{
    struct json_object *list = json_object_new_array();
    for (uint32_t i = 0; i < groups->count; i++) {
        const struct ww_wal_group *group = &groups->groups[i];
        if (!group->seen)
            continue;
        struct json_object *object = json_object_new_object();
        put(object, "group", i);
        put(object, "first_index", group->first_index);
        put(object, "last_index", group->last_index);
        put(object, "last_term", group->last_term);
        put(object, "term", group->term);
        put(object, "vote", group->vote);
        put(object, "snapshot_index", group->snapshot_index);
        put(object, "snapshot_term", group->snapshot_term);
        put(object, "entry_bytes", group->entry_bytes);
        put(object, "missing_from", group->missing_from);
        put(object, "missing_to", group->missing_to);
        json_object_array_add(list, object);
    }
    return list;
}

static void print_json(const struct finding *found, const char *directory)
{
    const struct ww_log_survey *survey = &found->survey;
    struct json_object *object = json_object_new_object();
    char stream[24];
    snprintf(stream, sizeof(stream), "%016" PRIx64, survey->stream);
    json_object_object_add(object, "directory", json_object_new_string(directory));
    json_object_object_add(object, "in_use", json_object_new_boolean(survey->in_use));
    put(object, "node", survey->node);
    put(object, "cluster", survey->cluster);
    json_object_object_add(object, "stream", json_object_new_string(stream));
    put(object, "version", survey->version);
    put(object, "segment_bytes", survey->segment_bytes);
    put(object, "segments", survey->segments);
    put(object, "spares", survey->spares);
    put(object, "first_position", survey->first_position);
    put(object, "end_position", survey->end_position);
    put(object, "epoch", survey->epoch);
    put(object, "blocks", survey->blocks);
    put(object, "batches", survey->batches);
    put(object, "bytes", survey->bytes);
    put(object, "cut_bytes", survey->cut_bytes);
    put(object, "damage_count", survey->damage_count);
    json_object_object_add(object, "damage", damage_json(survey));
    json_object_object_add(object, "groups", groups_json(&found->groups));
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
    json_object_put(object);
}

/* ---- the commands ---- */

/* Looks at the log; the caller frees found->groups in any case. */
static int look(const struct ww_cli *cli, struct finding *found, struct ww_config *config,
                const char **directory, struct ww_error *error)
{
    int status = ww_wal_groups_init(&found->groups);
    if (status != WW_OK)
        return ww_fail(error, status, "no memory");
    status = ww_wal_directory_name(cli, config, directory, error);
    if (status == WW_OK)
        status =
            ww_log_survey(*directory, ww_wal_groups_block, &found->groups, &found->survey, error);
    return status;
}

static int run_look(struct ww_cli *cli, bool inspect)
{
    static struct ww_config config;
    struct finding found;
    struct ww_error error = {0};
    const char *directory;
    int status = look(cli, &found, &config, &directory, &error);
    uint32_t missing = status == WW_OK ? missing_ranges(&found.groups) : 0;
    bool whole = status == WW_OK && found.survey.damage_count == 0 && missing == 0;
    if (status == WW_OK && ww_cli_json(cli)) {
        print_json(&found, directory);
    } else if (status == WW_OK) {
        if (inspect || !whole)
            print_log(&found, directory);
        if (inspect)
            print_groups(&found.groups);
        print_damage(&found);
        if (whole && !inspect && !ww_cli_quiet(cli))
            printf("%s: whole: %" PRIu64 " blocks, %" PRIu64 " batches, %" PRIu64 " bytes\n",
                   directory, found.survey.blocks, found.survey.batches, found.survey.bytes);
    }
    ww_wal_groups_free(&found.groups);
    if (status != WW_OK)
        return ww_cli_fail(cli, &error);
    if (whole)
        return WW_EXIT_DONE;
    ww_fail(&error, WW_EDAMAGED, "%s: %u damaged places, missing entries in %u groups", directory,
            found.survey.damage_count, missing);
    return ww_cli_fail(cli, &error);
}

static int run_inspect(struct ww_cli *cli)
{
    return run_look(cli, true);
}

static int run_verify(struct ww_cli *cli)
{
    return ww_cli_switch(cli, "peers") ? ww_wal_verify_peers(cli) : run_look(cli, false);
}

static const struct ww_flag no_flags[] = {{NULL}};

const struct ww_command ww_command_wal_inspect = {
    .verb = "wal inspect",
    .summary = "show what a node's log holds, per group",
    .flags = no_flags,
    .operand = "[DIR]",
    .takes_config = true,
    .run = run_inspect,
};

const struct ww_command ww_command_wal_verify = {
    .verb = "wal verify",
    .summary = "check every block of a node's log, or compare the replicas",
    .operand = "[DIR]",
    .flags = verify_flags,
    .takes_config = true,
    .run = run_verify,
};
