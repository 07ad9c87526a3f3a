/* SPDX-License-Identifier: Apache-2.0 */
/* ww kv put|get|del|list: the key-value machine of a cluster (node.machine: kv). */
#include "engine/base/idle.h"
#include "engine/base/time_ns.h"
#include "engine/cli/base64.h"
#include "engine/cli/cli.h"

#include <whitewater/client.h>
#include <whitewater/kv.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMON_FLAGS                                                                               \
    {"group", 'g', "GROUP", "0", "Raft group"},                                                    \
    {                                                                                              \
        "timeout", 0, "DURATION", "10s", "give up when there is no answer for so long"             \
    }

static const struct ww_flag put_flags[] = {
    COMMON_FLAGS,
    {"revision", 0, "N", NULL,
     "only while KEY has this revision, as `ww kv get` tells it; 0: only if it is not there"},
    {NULL},
};
static const struct ww_flag get_flags[] = {COMMON_FLAGS, {NULL}};
static const struct ww_flag list_flags[] = {
    COMMON_FLAGS,
    {"prefix", 0, "P", NULL, "keys that begin with P"},
    {"limit", 0, "N", "0", "at most so many; 0: all"},
    {"keys", 0, NULL, NULL, "without the values"},
    {"count", 0, NULL, NULL, "how many there are"},
    {NULL},
};

struct kv {
    struct ww_cli *cli;
    struct ww_client *client;
    uint32_t group;
    uint64_t timeout_ns;
    struct ww_error *error;
    uint8_t request[WW_KV_QUERY_ROOM];
    uint8_t answer[WW_MTU_MAX];
    size_t answer_bytes;
};

static int ask(struct kv *kv, size_t request_bytes)
{
    uint64_t index;
    kv->answer_bytes = sizeof(kv->answer);
    int status = ww_client_query(kv->client, kv->group, kv->request, request_bytes, kv->timeout_ns,
                                 kv->answer, &kv->answer_bytes, &index);
    switch (status) {
    case WW_OK:
        return WW_OK;
    case WW_ETIMEOUT:
        return ww_fail(kv->error, status,
                       "no leader of group %u answers; asked through endpoint %s", kv->group,
                       ww_cli_endpoint(kv->cli));
    case WW_EINVAL: /* the question is as it must be: somebody else was asked */
        return ww_fail(kv->error, WW_ENOTFOUND,
                       "the cluster has no keys: its node.machine is not kv");
    default:
        return ww_fail(kv->error, status, "the query was refused: %s", ww_status_name(status));
    }
}

static int start(struct kv *kv)
{
    const struct ww_cli *cli = kv->cli;
    struct ww_client_options options;
    uint64_t group;
    if (ww_cli_duration(cli, "timeout", 1000000, UINT64_MAX / 2, &kv->timeout_ns, kv->error) !=
            WW_OK ||
        ww_cli_count(cli, "group", 0, WW_GROUPS_MAX - 1, &group, kv->error) != WW_OK)
        return kv->error->code;
    if (cli->operand != NULL && (cli->operand[0] == 0 || strlen(cli->operand) > WW_KV_KEY_MAX))
        return ww_fail(kv->error, WW_EINVAL, "a key has 1 to %u bytes, not %zu", WW_KV_KEY_MAX,
                       strlen(cli->operand));
    kv->group = (uint32_t)group;
    ww_client_options_init(&options);
    options.endpoint = ww_cli_endpoint(cli);
    int status = ww_client_open(&options, &kv->client, kv->error);
    if (status == WW_OK && group >= ww_client_groups(kv->client))
        status =
            ww_fail(kv->error, WW_EINVAL, "group %u is not there; the cluster has groups 0 .. %u",
                    kv->group, ww_client_groups(kv->client) - 1);
    return status;
}

static int run_with(struct ww_cli *cli, int (*work)(struct kv *kv))
{
    struct ww_error error = {0};
    struct kv *kv = calloc(1, sizeof(*kv));
    if (kv == NULL)
        return WW_EXIT_FAILED;
    kv->cli = cli;
    kv->error = &error;
    int status = start(kv);
    if (status == WW_OK)
        status = work(kv);
    if (status == WW_OK && fflush(stdout) != 0)
        status = ww_fail_errno(&error, WW_EIO, "cannot write to stdout");
    int result = status == WW_OK ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
    ww_client_close(kv->client);
    free(kv);
    return result;
}

/* Proposes one operation and waits until it was applied: *index is where, 0 when nobody knows. */
static int propose(struct kv *kv, const void *operation, size_t bytes, uint64_t *index)
{
    struct ww_completion done;
    struct ww_idle idle;
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + kv->timeout_ns;
    int status = ww_client_propose(kv->client, kv->group, operation, bytes);
    if (status == WW_ETOOBIG)
        return ww_fail(kv->error, status, "key and value are %zu bytes; they fit an entry of %u",
                       bytes, ww_client_entry_max(kv->client));
    if (status != WW_OK)
        return ww_fail(kv->error, status, "%s", ww_status_name(status));
    ww_idle_init(&idle, WW_IDLE_ADAPTIVE);
    while (ww_client_poll(kv->client, &done, 1) == 0) {
        if (ww_time_ns(CLOCK_MONOTONIC) >= deadline_ns)
            return ww_fail(kv->error, WW_ETIMEOUT,
                           "nothing commits, and it may still be done; asked through endpoint %s",
                           ww_cli_endpoint(kv->cli));
        ww_idle(&idle, 0, true);
    }
    *index = done.first_index;
    return done.status == WW_OK
               ? WW_OK
               : ww_fail(kv->error, done.status, "refused: %s", ww_status_name(done.status));
}

static int ask_outcome(struct kv *kv, uint64_t index, enum ww_kv_outcome *outcome)
{
    int status = index != 0 ? ask(kv, ww_kv_encode_outcome(kv->request, index)) : WW_EGONE;
    if (status == WW_EGONE)
        return ww_fail(kv->error, status, "it was committed, but what came of it was forgotten");
    *outcome = (enum ww_kv_outcome)kv->answer[0];
    return status;
}

/* Before anything is written: a log would take it. */
static int check_machine(struct kv *kv)
{
    const struct ww_kv_query_head info = {.query = WW_KV_INFO};
    return ask(kv, ww_kv_encode_query(kv->request, info, NULL, NULL, 0));
}

static int operate(struct kv *kv, const void *operation, size_t bytes, enum ww_kv_outcome *outcome)
{
    uint64_t index = 0;
    int status = check_machine(kv);
    if (status == WW_OK)
        status = propose(kv, operation, bytes, &index);
    if (status == WW_OK)
        status = ask_outcome(kv, index, outcome);
    if (status != WW_OK)
        return status;
    if (*outcome == WW_KV_NONE || *outcome == WW_KV_MALFORMED)
        return ww_fail(kv->error, WW_EVERSION, "the machine does not know this operation");
    if (*outcome == WW_KV_DONE && ww_cli_json(kv->cli))
        printf("{\"revision\":%" PRIu64 "}\n", index);
    return WW_OK;
}

/* The operand, or stdin for "-": read to its end, or to what no entry holds. */
static size_t read_value(const char *operand, uint8_t *value, size_t room)
{
    if (strcmp(operand, "-") == 0)
        return fread(value, 1, room, stdin);
    size_t bytes = strlen(operand) < room ? strlen(operand) : room;
    return ww_kv_write(value, 0, operand, bytes);
}

static int put(struct kv *kv)
{
    static uint8_t value[WW_MTU_MAX];
    static uint8_t operation[WW_KV_OPERATION_ROOM(WW_KV_KEY_MAX, sizeof(value))];
    const struct ww_cli *cli = kv->cli;
    enum ww_kv_operation kind = WW_KV_PUT;
    enum ww_kv_outcome outcome;
    uint64_t revision = 0;
    if (ww_cli_text(cli, "revision") != NULL) {
        kind = WW_KV_PUT_IF;
        if (ww_cli_count(cli, "revision", 0, UINT64_MAX, &revision, kv->error) != WW_OK)
            return kv->error->code;
    }
    size_t bytes = read_value(cli->second, value, sizeof(value));
    bytes =
        ww_kv_encode(operation, kind, revision, cli->operand, strlen(cli->operand), value, bytes);
    int status = operate(kv, operation, bytes, &outcome);
    if (status == WW_OK && outcome == WW_KV_NOT_MET)
        return ww_fail(kv->error, WW_EIO, "'%.100s' %s %" PRIu64, cli->operand,
                       revision == 0 ? "is there already, not at revision"
                                     : "is not there, or not at revision",
                       revision);
    return status;
}

static int delete_key(struct kv *kv)
{
    uint8_t operation[WW_KV_OPERATION_ROOM(WW_KV_KEY_MAX, 0)];
    const char *key = kv->cli->operand;
    enum ww_kv_outcome outcome;
    size_t bytes = ww_kv_encode(operation, WW_KV_DELETE, 0, key, strlen(key), NULL, 0);
    int status = operate(kv, operation, bytes, &outcome);
    if (status == WW_OK && outcome == WW_KV_ABSENT)
        return ww_fail(kv->error, WW_ENOTFOUND, "'%.100s' is not there", key);
    return status;
}

static void print_base64(const char *name, const uint8_t *data, size_t size)
{
    printf("\"%s\":\"", name);
    ww_base64_print(stdout, data, size);
    fputs("\",", stdout);
}

/* `value` NULL: the key alone. */
static void print_json(const void *key, size_t key_bytes, const void *value, size_t value_bytes,
                       uint64_t revision)
{
    putchar('{');
    print_base64("key", key, key_bytes);
    if (value != NULL)
        print_base64("value", value, value_bytes);
    printf("\"revision\":%" PRIu64 "}\n", revision);
}

static int get(struct kv *kv)
{
    const char *key = kv->cli->operand;
    uint64_t revision;
    int status = ask(kv, ww_kv_encode_get(kv->request, key, strlen(key)));
    if (status != WW_OK)
        return status;
    memcpy(&revision, kv->answer, sizeof(revision));
    const uint8_t *value = kv->answer + sizeof(revision);
    size_t bytes = kv->answer_bytes - sizeof(revision);
    if (revision == 0)
        return ww_fail(kv->error, WW_ENOTFOUND, "'%.100s' is not there", key);
    if (ww_cli_json(kv->cli)) {
        print_json(key, strlen(key), value, bytes, revision);
    } else {
        fwrite(value, 1, bytes, stdout);
        putchar('\n');
    }
    return WW_OK;
}

/* What a list still has to ask. */
struct listing {
    uint8_t first[WW_KV_KEY_MAX + 1], end[WW_KV_KEY_MAX + 1];
    size_t first_bytes, end_bytes;
    uint64_t left;
    bool more;
};

/* Behind all keys that begin with the prefix: its last byte that can grow does. */
static void set_prefix(struct listing *list, const char *prefix)
{
    list->first_bytes = list->end_bytes = strlen(prefix);
    memcpy(list->first, prefix, list->first_bytes);
    memcpy(list->end, prefix, list->end_bytes);
    while (list->end_bytes > 0 && list->end[list->end_bytes - 1] == 0xff)
        list->end_bytes--;
    if (list->end_bytes > 0)
        list->end[list->end_bytes - 1]++;
}

static int ask_range(struct kv *kv, enum ww_kv_query query, const struct listing *list)
{
    const struct ww_kv_query_head head = {
        .query = (uint8_t)query,
        .flags = ww_cli_switch(kv->cli, "keys") ? WW_KV_KEYS_ONLY : 0,
        .first_bytes = (uint16_t)list->first_bytes,
        .limit = list->left < UINT32_MAX ? (uint32_t)list->left : 0,
    };
    return ask(kv, ww_kv_encode_query(kv->request, head, list->first, list->end, list->end_bytes));
}

/* Prints one answer; the next one goes on behind its last key. */
static int list_page(struct kv *kv, struct listing *list)
{
    struct ww_kv_range_head range;
    struct ww_kv_item_head item;
    bool json = ww_cli_json(kv->cli), values = !ww_cli_switch(kv->cli, "keys");
    size_t used = sizeof(range);
    int status = ask_range(kv, WW_KV_RANGE, list);
    if (status != WW_OK)
        return status;
    memcpy(&range, kv->answer, sizeof(range));
    for (uint32_t i = 0; i < range.count; i++) {
        memcpy(&item, kv->answer + used, sizeof(item));
        const uint8_t *key = kv->answer + used + sizeof(item), *value = key + item.key_bytes;
        if (json) {
            print_json(key, item.key_bytes, values ? value : NULL, item.value_bytes, item.revision);
        } else {
            fwrite(key, 1, item.key_bytes, stdout);
            if (values)
                putchar('\t');
            fwrite(value, 1, item.value_bytes, stdout);
            putchar('\n');
        }
        list->first_bytes = ww_kv_write(list->first, 0, key, item.key_bytes);
        used += sizeof(item) + item.key_bytes + item.value_bytes;
    }
    list->first[list->first_bytes++] = 0;
    list->left -= range.count;
    list->more = range.more != 0 && list->left > 0;
    return WW_OK;
}

static int count_page(struct kv *kv, struct listing *list, uint64_t *total)
{
    uint64_t count;
    int status = ask_range(kv, WW_KV_COUNT, list);
    if (status != WW_OK)
        return status;
    memcpy(&count, kv->answer, sizeof(count));
    *total += count;
    list->left -= count;
    list->first_bytes =
        ww_kv_write(list->first, 0, kv->answer + sizeof(count), kv->answer_bytes - sizeof(count));
    list->more = list->first_bytes > 0 && list->left > 0;
    return WW_OK;
}

static int list(struct kv *kv)
{
    struct listing list = {0};
    const char *prefix = ww_cli_text(kv->cli, "prefix");
    bool count = ww_cli_switch(kv->cli, "count");
    uint64_t total = 0;
    if (ww_cli_count(kv->cli, "limit", 0, UINT64_MAX, &list.left, kv->error) != WW_OK)
        return kv->error->code;
    prefix = prefix != NULL ? prefix : "";
    if (strlen(prefix) > WW_KV_KEY_MAX)
        return ww_fail(kv->error, WW_EINVAL, "--prefix: longer than a key, %u bytes",
                       WW_KV_KEY_MAX);
    set_prefix(&list, prefix);
    list.left = list.left == 0 ? UINT64_MAX : list.left;
    int status;
    do {
        status = count ? count_page(kv, &list, &total) : list_page(kv, &list);
    } while (status == WW_OK && list.more);
    if (status == WW_OK && count)
        printf(ww_cli_json(kv->cli) ? "{\"keys\":%" PRIu64 "}\n" : "%" PRIu64 "\n", total);
    return status;
}

static int run_put(struct ww_cli *cli)
{
    return run_with(cli, put);
}

static int run_get(struct ww_cli *cli)
{
    return run_with(cli, get);
}

static int run_del(struct ww_cli *cli)
{
    return run_with(cli, delete_key);
}

static int run_list(struct ww_cli *cli)
{
    return run_with(cli, list);
}

const struct ww_command ww_command_kv_put = {
    .verb = "kv put",
    .summary = "write a key of the kv machine; VALUE -: from stdin",
    .flags = put_flags,
    .operand = "KEY VALUE",
    .run = run_put,
};

const struct ww_command ww_command_kv_get = {
    .verb = "kv get",
    .summary = "print the value of a key",
    .flags = get_flags,
    .operand = "KEY",
    .run = run_get,
};

const struct ww_command ww_command_kv_del = {
    .verb = "kv del",
    .summary = "delete a key",
    .flags = get_flags,
    .operand = "KEY",
    .run = run_del,
};

const struct ww_command ww_command_kv_list = {
    .verb = "kv list",
    .summary = "print keys and values in the order of the keys",
    .flags = list_flags,
    .run = run_list,
};
