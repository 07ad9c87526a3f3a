/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ww wal verify --peers: reads the committed entries of every replica, a window at a time, and
 * names the first index at which they differ. The replicas run; each reads its own log.
 */
#include "engine/cli/cluster_status.h"
#include "engine/cli/wal_tools.h"
#include "engine/wire/checksum.h"

#include <whitewater/client.h>

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 8192u /* entries that are compared at a time */
#define STATUS_TIMEOUT_NS 2000000000u

/* What two replicas of an entry must have in common. */
struct sum {
    uint64_t term;
    uint32_t size;
    uint32_t crc32c; /* of its bytes and what it is */
};

struct replica {
    uint32_t node;
    struct sum sums[WINDOW];
};

struct comparison {
    struct ww_cli *cli;
    struct ww_client *client;
    struct ww_cluster_status all;
    uint64_t timeout_ns;
    uint32_t group;
    uint64_t from, to; /* the window: indexes [from, to] */
    uint32_t count;
    struct replica *replicas; /* WW_NODES_MAX */
    struct json_object *list;
    struct ww_error *error;
};

struct reading {
    const struct comparison *comparison;
    struct sum *sums;
};

static int take(void *context, const struct ww_log_entry *entry)
{
    struct reading *reading = context;
    const struct comparison *comparison = reading->comparison;
    uint8_t is_data = entry->is_data != 0;
    if (entry->index > comparison->to)
        return 1;
    reading->sums[entry->index - comparison->from] = (struct sum){
        .term = entry->term,
        .size = (uint32_t)entry->size,
        .crc32c = ww_crc32c_extend(ww_crc32c(&is_data, 1), entry->data, entry->size),
    };
    return entry->index == comparison->to;
}

static int read_window(struct comparison *comparison, struct replica *replica)
{
    struct reading reading = {comparison, replica->sums};
    uint64_t next = comparison->from;
    while (next <= comparison->to) {
        uint64_t before = next;
        int status = ww_client_read(comparison->client, comparison->group, replica->node, next,
                                    comparison->timeout_ns, take, &reading, &next);
        if (status < 0 || next == before)
            return ww_fail(comparison->error, status < 0 ? status : WW_ETIMEOUT,
                           "node %u does not give entry %" PRIu64 " of group %u", replica->node,
                           next, comparison->group);
    }
    return WW_OK;
}

/* The place of the first entry that differs in the window, and with whom; count: none. */
static uint64_t first_difference(const struct comparison *comparison, uint32_t *other)
{
    uint64_t count = comparison->to - comparison->from + 1, first = count;
    for (uint32_t i = 1; i < comparison->count; i++) {
        for (uint64_t at = 0; at < first; at++) {
            if (memcmp(&comparison->replicas[0].sums[at], &comparison->replicas[i].sums[at],
                       sizeof(struct sum)) != 0) {
                first = at;
                *other = i;
            }
        }
    }
    return first;
}

/* Which replicas of the group take part, and which indexes all of them have. */
static int find_range(struct comparison *comparison, uint64_t *from, uint64_t *to)
{
    const struct ww_cluster_status *all = &comparison->all;
    *from = 1;
    *to = UINT64_MAX;
    comparison->count = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        struct json_object *state = ww_cluster_status_group(all, i, comparison->group);
        if (state == NULL)
            continue;
        uint64_t first = (uint64_t)ww_json_number(state, "first_index");
        uint64_t commit = (uint64_t)ww_json_number(state, "commit");
        comparison->replicas[comparison->count++].node = all->ids[i];
        *from = first > *from ? first : *from;
        *to = commit < *to ? commit : *to;
    }
    if (comparison->count < 2)
        return ww_fail(comparison->error, WW_ETIMEOUT,
                       "group %u: %u replicas answer; two are needed to compare", comparison->group,
                       comparison->count);
    return WW_OK;
}

static void report(struct comparison *comparison, uint64_t from, uint64_t to, uint64_t differs,
                   uint32_t other)
{
    const struct replica *one = &comparison->replicas[0], *two = &comparison->replicas[other];
    bool equal = differs > to;
    if (!ww_cli_json(comparison->cli)) {
        printf("group %u: entries %" PRIu64 " to %" PRIu64 " of %u replicas", comparison->group,
               from, to, comparison->count);
        if (equal) {
            puts(" are equal");
            return;
        }
        const struct sum *a = &one->sums[differs - comparison->from];
        const struct sum *b = &two->sums[differs - comparison->from];
        printf(" differ first at index %" PRIu64 ": node %u has term %" PRIu64
               ", %u bytes, CRC %08x; node %u has term %" PRIu64 ", %u bytes, CRC %08x\n",
               differs, one->node, a->term, a->size, a->crc32c, two->node, b->term, b->size,
               b->crc32c);
        return;
    }
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "group", json_object_new_int64(comparison->group));
    json_object_object_add(object, "replicas", json_object_new_int64(comparison->count));
    json_object_object_add(object, "from", json_object_new_uint64(from));
    json_object_object_add(object, "to", json_object_new_uint64(to));
    json_object_object_add(object, "equal", json_object_new_boolean(equal));
    if (!equal) {
        json_object_object_add(object, "differs_at", json_object_new_uint64(differs));
        json_object_object_add(object, "node", json_object_new_int64(one->node));
        json_object_object_add(object, "other_node", json_object_new_int64(two->node));
    }
    json_object_array_add(comparison->list, object);
}

/* WW_EDAMAGED: they differ, and it was said where. */
static int compare_group(struct comparison *comparison)
{
    uint64_t from, to;
    int status = find_range(comparison, &from, &to);
    if (status != WW_OK)
        return status;
    for (comparison->from = from; comparison->from <= to; comparison->from += WINDOW) {
        uint32_t other = 0;
        comparison->to =
            to - comparison->from < WINDOW ? to : comparison->from + (uint64_t)WINDOW - 1;
        for (uint32_t i = 0; status == WW_OK && i < comparison->count; i++)
            status = read_window(comparison, &comparison->replicas[i]);
        if (status != WW_OK)
            return status;
        uint64_t at = first_difference(comparison, &other);
        if (comparison->from + at <= comparison->to) {
            report(comparison, from, to, comparison->from + at, other);
            return ww_fail(comparison->error, WW_EDAMAGED,
                           "group %u: the replicas differ at index %" PRIu64, comparison->group,
                           comparison->from + at);
        }
    }
    report(comparison, from, to, UINT64_MAX, 0);
    return WW_OK;
}

static int compare(struct comparison *comparison)
{
    struct ww_client_options options;
    struct ww_error *error = comparison->error;
    const char *wanted = ww_cli_text(comparison->cli, "group");
    uint64_t group = 0;
    bool every = strcmp(wanted, "all") == 0;
    int status = ww_cli_duration(comparison->cli, "timeout", 1000000, UINT64_MAX / 2,
                                 &comparison->timeout_ns, error);
    if (status == WW_OK && !every)
        status = ww_cli_count(comparison->cli, "group", 0, WW_GROUPS_MAX - 1, &group, error);
    if (status == WW_OK)
        status = ww_cluster_status_ask(&comparison->all, ww_cli_endpoint(comparison->cli),
                                       STATUS_TIMEOUT_NS, error);
    if (status != WW_OK)
        return status;
    ww_client_options_init(&options);
    options.endpoint = ww_cli_endpoint(comparison->cli);
    status = ww_client_open(&options, &comparison->client, error);
    uint32_t groups = ww_cluster_status_groups(&comparison->all);
    if (status == WW_OK && group >= groups)
        status = ww_fail(error, WW_EINVAL, "--group: there are groups 0 .. %u", groups - 1);
    uint32_t end = every ? groups : (uint32_t)group + 1;
    for (comparison->group = (uint32_t)group; status == WW_OK && comparison->group < end;
         comparison->group++)
        status = compare_group(comparison);
    ww_client_close(comparison->client);
    return status;
}

int ww_wal_verify_peers(struct ww_cli *cli)
{
    struct ww_error error = {0};
    struct comparison comparison = {.cli = cli, .error = &error};
    comparison.replicas = calloc(WW_NODES_MAX, sizeof(*comparison.replicas));
    comparison.list = json_object_new_array();
    int status = comparison.replicas != NULL ? compare(&comparison)
                                             : ww_fail(&error, WW_ENOMEM, "no memory to compare");
    if (ww_cli_json(cli))
        puts(json_object_to_json_string_ext(comparison.list, JSON_C_TO_STRING_PRETTY));
    json_object_put(comparison.list);
    ww_cluster_status_free(&comparison.all);
    free(comparison.replicas);
    return status == WW_OK ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
}
