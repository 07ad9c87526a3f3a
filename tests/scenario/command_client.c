/* SPDX-License-Identifier: Apache-2.0 */
/* propose, fetch: what clients ask, and what became of it. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TAG (1ull << 63) /* of READ and its answers */
#define FETCH_BYTES 4096u

const char *const scenario_answers[] = {"pending", "committed",  "ok",       "busy", "not-leader",
                                        "refused", "registered", "returned", "data", NULL};

/* ---- answers ---- */

/* The newest request of the client that waits and holds the sequence. */
static struct scenario_request *find(struct scenario *scenario, uint32_t client, uint64_t sequence)
{
    for (uint32_t i = scenario->request_count; i > 0; i--) {
        struct scenario_request *request = &scenario->requests[i - 1];
        if (request->client == client && request->answer == ANSWER_PENDING &&
            sequence >= request->sequence && sequence < request->sequence + request->count)
            return request;
    }
    return NULL;
}

static uint32_t count_entries(const struct ww_client_message *message, const uint8_t *body)
{
    uint32_t entries = 0;
    for (uint32_t at = 0; at < message->body_bytes; at += ww_batch_header(body + at)->size_bytes)
        entries += ww_batch_header(body + at)->count;
    return entries;
}

void scenario_answered(void *context, uint32_t client, const struct ww_client_message *message,
                       const uint8_t *body)
{
    struct scenario *scenario = context;
    struct scenario_request *request = find(scenario, client, message->sequence);
    if (request == NULL)
        return;
    switch (message->type) {
    case WW_CLIENT_COMMITTED:
        request->answer = ANSWER_COMMITTED;
        request->number = message->index;
        break;
    case WW_CLIENT_BUSY:
        request->answer = ANSWER_BUSY;
        break;
    case WW_CLIENT_NOT_LEADER:
        request->answer = ANSWER_NOT_LEADER;
        request->number = message->node;
        break;
    case WW_CLIENT_REFUSED:
        request->answer = ANSWER_REFUSED;
        request->number = message->status;
        break;
    case WW_CLIENT_READ_DATA:
        request->answer = ANSWER_DATA;
        request->number = count_entries(message, body);
        break;
    default:
        script_fail(&scenario->line, "an answer of unknown type %u", message->type);
    }
}

void scenario_show_answer(const struct scenario_request *request, char *text, size_t size)
{
    const char *name = scenario_answers[request->answer];
    if (request->answer == ANSWER_REFUSED)
        snprintf(text, size, "%s %s", name, ww_status_name(-(int)request->number));
    else if (request->number != 0)
        snprintf(text, size, "%s %" PRIu64, name, request->number);
    else
        snprintf(text, size, "%s", name);
}

const struct scenario_request *scenario_last_request(const struct scenario *scenario,
                                                     const char *name)
{
    for (uint32_t i = scenario->request_count; i > 0; i--)
        if (name == NULL || strcmp(scenario->requests[i - 1].name, name) == 0)
            return &scenario->requests[i - 1];
    return NULL;
}

/* ---- requests ---- */

struct scenario_request *scenario_add_request(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    const char *name = script_take(line, "as") ? script_word(line, "the name") : "";
    if (!script_end(line))
        return NULL;
    if (scenario->request_count == SCENARIO_REQUESTS_MAX) {
        script_fail(line, "more than %u requests", SCENARIO_REQUESTS_MAX);
        return NULL;
    }
    struct scenario_request *request = &scenario->requests[scenario->request_count++];
    *request = (struct scenario_request){.count = 1};
    snprintf(request->name, sizeof(request->name), "%s", name);
    return request;
}

static void run_propose(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    struct scenario_client *client = &scenario->clients[0];
    uint8_t body[WORLD_DATAGRAM];
    struct ww_client_message message = {.type = WW_CLIENT_PROPOSE};
    uint32_t node = script_node(line, "whom to ask");
    do {
        const char *text = script_string(line, "an entry");
        if (message.body_bytes + strlen(text) + WW_ENTRY_HEADER_BYTES > sizeof(body) / 2) {
            script_fail(line, "too many bytes for one proposal");
            return;
        }
        message.body_bytes +=
            ww_entry_encode(body + message.body_bytes, WW_ENTRY_DATA, text, (uint32_t)strlen(text));
        message.count++;
    } while (script_at_string(line));
    struct scenario_request *request = scenario_add_request(scenario);
    if (request == NULL)
        return;
    message.sequence = message.oldest = client->next_sequence;
    client->next_sequence += message.count;
    request->sequence = message.sequence;
    request->count = message.count;
    cluster_client_sends(scenario->cluster, 0, node, &message, body);
}

static void run_fetch(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint32_t node = script_node(line, "whom to ask");
    if (!script_take(line, "from"))
        script_fail(line, "fetch N from INDEX");
    uint64_t index = script_count(line, "the first index");
    struct scenario_request *request = scenario_add_request(scenario);
    if (request == NULL)
        return;
    request->sequence = TAG | ++scenario->next_tag;
    struct ww_client_message message = {
        .type = WW_CLIENT_READ,
        .sequence = request->sequence,
        .index = index,
        .window_bytes = FETCH_BYTES,
    };
    cluster_client_sends(scenario->cluster, 0, node, &message, NULL);
}

const struct scenario_command client_commands[] = {{"propose", run_propose},
                                                   {"fetch", run_fetch},
                                                   {0}};
