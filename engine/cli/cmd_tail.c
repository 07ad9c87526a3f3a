/* SPDX-License-Identifier: Apache-2.0 */
/* ww tail: committed entries of one replica, byte for byte, to stdout. */
#include "engine/base/limits.h"
#include "engine/cli/base64.h"
#include "engine/cli/cli.h"
#include "engine/cli/framing.h"
#include "engine/control/http_client.h"

#include <whitewater/client.h>

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW_INTERVAL_NS 10000000u
#define OUTPUT_BYTES ((size_t)64 * 1024)
#define OUTPUT_WAIT_MS 100

static const struct ww_flag flags[] = {
    {"consistent", 'c', NULL, NULL, "everything that was acknowledged before now"},
    {"from", 0, "INDEX", "1", "first index"},
    {"follow", 'F', NULL, NULL, "go on with new entries until ^C"},
    {"group", 'g', "GROUP", "0", "Raft group"},
    {"node", 'n', "ID", NULL, "read from this replica (default: the node behind --endpoint)"},
    {"framing", 0, "lines|len32", "lines",
     "an entry per line, or each behind its length as a little-endian u32"},
    {"timeout", 0, "DURATION", "10s", "give up when the node is silent for so long"},
    {NULL},
};

struct tail {
    struct ww_cli *cli;
    struct ww_client *client;
    uint32_t group, node, framing;
    uint64_t next, timeout_ns;
    uint64_t until; /* the replica must come at least to here */
    size_t used;
    struct ww_error *error;
    uint8_t output[OUTPUT_BYTES];
};

/* A pipe that poll calls ready takes PIPE_BUF bytes at once, so ^C never waits behind a reader. */
static int flush(struct tail *tail)
{
    size_t done = 0;
    while (done < tail->used) {
        struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
        size_t part = tail->used - done < PIPE_BUF ? tail->used - done : PIPE_BUF;
        if (ww_cli_interrupted(0))
            return ww_fail(tail->error, WW_ECLOSED, "interrupted");
        if (poll(&output, 1, OUTPUT_WAIT_MS) <= 0)
            continue;
        ssize_t wrote = write(STDOUT_FILENO, tail->output + done, part);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            return ww_fail_errno(tail->error, WW_EIO, "cannot write to stdout");
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    tail->used = 0;
    return WW_OK;
}

static int put(struct tail *tail, const void *data, size_t size)
{
    while (size > 0) {
        size_t room = OUTPUT_BYTES - tail->used, part = size < room ? size : room;
        memcpy(tail->output + tail->used, data, part);
        tail->used += part;
        data = (const uint8_t *)data + part;
        size -= part;
        int status = tail->used == OUTPUT_BYTES ? flush(tail) : WW_OK;
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

static int put_base64(struct tail *tail, const uint8_t *data, size_t size)
{
    int status = WW_OK;
    while (size > 0 && status == WW_OK) {
        char group[4];
        size_t taken = ww_base64_group(data, size, group);
        data += taken;
        size -= taken;
        status = put(tail, group, sizeof(group));
    }
    return status;
}

/* One object on a line; the bytes of an entry need not be text, so they are always in base64. */
static int put_json(struct tail *tail, const struct ww_log_entry *entry)
{
    char head[96];
    int length =
        snprintf(head, sizeof(head), "{\"index\":%" PRIu64 ",\"term\":%" PRIu64 ",\"data\":\"",
                 entry->index, entry->term);
    int status = put(tail, head, (size_t)length);
    if (status == WW_OK)
        status = put_base64(tail, entry->data, entry->size);
    return status != WW_OK ? status : put(tail, "\"}\n", 3);
}

static int visit(void *context, const struct ww_log_entry *entry)
{
    struct tail *tail = context;
    uint32_t length = (uint32_t)entry->size;
    int status = WW_OK;
    if (!entry->is_data)
        return WW_OK;
    if (ww_cli_json(tail->cli))
        return put_json(tail, entry);
    if (tail->framing == WW_FRAMING_LEN32)
        status = put(tail, &length, sizeof(length));
    if (status == WW_OK)
        status = put(tail, entry->data, entry->size);
    if (status == WW_OK && tail->framing == WW_FRAMING_LINES)
        status = put(tail, "\n", 1);
    return status;
}

static int run_tail(struct tail *tail)
{
    bool follow = ww_cli_switch(tail->cli, "follow");
    uint64_t waited_ns = 0;
    while (true) {
        uint64_t from = tail->next;
        int status = ww_client_read(tail->client, tail->group, tail->node, tail->next,
                                    tail->timeout_ns, visit, tail, &tail->next);
        if (status == WW_ETIMEOUT)
            return ww_fail(tail->error, status,
                           "node %u does not answer at index %" PRIu64
                           "; asked through endpoint %s",
                           tail->node, tail->next, ww_cli_endpoint(tail->cli));
        if (status == WW_EGONE)
            return ww_fail(tail->error, status,
                           "node %u does not keep index %" PRIu64 " any more: its log begins at "
                           "%" PRIu64,
                           tail->node, from, tail->next);
        if (status == WW_OK)
            status = flush(tail);
        if (status != WW_OK)
            return status;
        if (tail->next > tail->until)
            waited_ns = 0;
        else if ((waited_ns += FOLLOW_INTERVAL_NS) >= tail->timeout_ns)
            return ww_fail(tail->error, WW_ETIMEOUT,
                           "node %u does not come to index %" PRIu64 "; it is at %" PRIu64,
                           tail->node, tail->until, tail->next - 1);
        if ((!follow && tail->next > tail->until) || ww_cli_interrupted(FOLLOW_INTERVAL_NS))
            return WW_OK;
    }
}

/* Asks the leader up to where the log was applied when we asked. */
static int ask_leader(struct tail *tail)
{
    uint8_t state[WW_MTU_MAX];
    size_t size = sizeof(state);
    int status = ww_client_query(tail->client, tail->group, NULL, 0, tail->timeout_ns, state, &size,
                                 &tail->until);
    return status == WW_OK ? WW_OK
                           : ww_fail(tail->error, status,
                                     "no leader of group %u says how far the log is", tail->group);
}

/* The id of the node behind the endpoint. */
static int node_of_endpoint(const char *endpoint, uint64_t timeout_ns, uint32_t *node,
                            struct ww_error *error)
{
    char *body;
    struct json_object *value;
    int status = ww_http_get(endpoint, "/v1/status", timeout_ns, &body, error);
    if (status != WW_OK)
        return status;
    struct json_object *parsed = json_tokener_parse(body);
    if (json_object_object_get_ex(parsed, "node", &value))
        *node = (uint32_t)json_object_get_int(value);
    else
        status = ww_fail(error, WW_EIO, "endpoint %s does not answer as a node", endpoint);
    json_object_put(parsed);
    free(body);
    return status;
}

static int start(struct tail *tail)
{
    const struct ww_cli *cli = tail->cli;
    struct ww_error *error = tail->error;
    struct ww_client_options options;
    uint64_t group, node = 0;
    int status;
    if (ww_cli_count(cli, "from", 1, UINT64_MAX, &tail->next, error) != WW_OK ||
        ww_cli_count(cli, "group", 0, WW_GROUPS_MAX - 1, &group, error) != WW_OK ||
        ww_cli_choice(cli, "framing", ww_framings, &tail->framing, error) != WW_OK ||
        ww_cli_duration(cli, "timeout", 1000000, UINT64_MAX / 2, &tail->timeout_ns, error) != WW_OK)
        return error->code;
    if (ww_cli_text(cli, "node") != NULL)
        status = ww_cli_count(cli, "node", 1, WW_NODES_MAX, &node, error);
    else
        status = node_of_endpoint(ww_cli_endpoint(cli), tail->timeout_ns, &tail->node, error);
    if (status != WW_OK)
        return status;
    if (node != 0)
        tail->node = (uint32_t)node;
    tail->group = (uint32_t)group;
    ww_client_options_init(&options);
    options.endpoint = ww_cli_endpoint(cli);
    status = ww_client_open(&options, &tail->client, error);
    if (status == WW_OK && group >= ww_client_groups(tail->client))
        status = ww_fail(error, WW_EINVAL, "group %u is not there; the cluster has groups 0 .. %u",
                         tail->group, ww_client_groups(tail->client) - 1);
    return status;
}

static int run(struct ww_cli *cli)
{
    struct ww_error error = {0};
    struct tail *tail = calloc(1, sizeof(*tail));
    if (tail == NULL)
        return WW_EXIT_FAILED;
    tail->cli = cli;
    tail->error = &error;
    ww_cli_block_signals();
    signal(SIGPIPE, SIG_IGN);
    int status = start(tail);
    if (status == WW_OK && ww_cli_switch(cli, "consistent"))
        status = ask_leader(tail);
    if (status == WW_OK)
        status = run_tail(tail);
    bool stopped = status == WW_ECLOSED && ww_cli_interrupted(0);
    int result = status == WW_OK || stopped ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
    ww_client_close(tail->client);
    free(tail);
    return result;
}

const struct ww_command ww_command_tail = {
    .verb = "tail",
    .summary = "print committed entries of a replica",
    .flags = flags,
    .run = run,
};
