/* SPDX-License-Identifier: Apache-2.0 */
/* session, propose, read, fetch: what clients ask, and what became of it. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG (1ull << 63) /* of READ and its answers */
#define FETCH_BYTES 4096u
#define QUERY_BYTES 8u
#define NONCE (1ull << 40) /* apart from all sequences */

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
        request->number = message->status; /* 0: a gap */
        break;
    case WW_CLIENT_NOT_LEADER:
        request->answer = ANSWER_NOT_LEADER;
        request->number = message->node;
        break;
    case WW_CLIENT_REFUSED:
        request->answer = ANSWER_REFUSED;
        request->number = message->status;
        break;
    case WW_CLIENT_REGISTERED:
        request->answer = ANSWER_REGISTERED;
        request->number = scenario->clients[client].session = message->index;
        break;
    case WW_CLIENT_ENDED:
        request->answer = ANSWER_OK;
        break;
    case WW_CLIENT_QUERY_DATA:
        request->answer = ANSWER_RETURNED;
        request->number = message->index;
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
    if (request->answer == ANSWER_REFUSED || request->answer == ANSWER_BUSY)
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

/* The client of that name; a new one when `open`. 0: the one without a session. */
static uint32_t find_client(struct scenario *scenario, const char *name, bool open)
{
    for (uint32_t i = 1; i < scenario->client_count; i++)
        if (strcmp(scenario->clients[i].name, name) == 0)
            return i;
    if (!open)
        script_fail(&scenario->line, "there is no client '%s': it opens a session first", name);
    else if (scenario->client_count == WORLD_CLIENTS)
        script_fail(&scenario->line, "more than %u clients", WORLD_CLIENTS - 1);
    if (scenario->line.failed)
        return 0;
    struct scenario_client *client = &scenario->clients[scenario->client_count];
    snprintf(client->name, sizeof(client->name), "%s", name);
    return scenario->client_count++;
}

/* session C open N [anew] | session C end N */
static void run_session(struct scenario *scenario)
{
    static const char *const ways[] = {"open", "end", NULL};
    struct script_line *line = &scenario->line;
    const char *name = script_word(line, "the client");
    bool end = script_choice(line, "what becomes of a session", ways) == 1;
    uint32_t node = script_node(line, "whom to ask");
    bool anew = script_take(line, "anew");
    uint32_t number = line->failed ? 0 : find_client(scenario, name, !end);
    struct scenario_request *request = scenario_add_request(scenario);
    if (request == NULL)
        return;
    struct scenario_client *client = &scenario->clients[number];
    if (client->nonce == 0 || anew)
        client->nonce = NONCE + ++scenario->next_nonce;
    struct ww_client_message message = {
        .type = end ? WW_CLIENT_END : WW_CLIENT_REGISTER,
        .sequence = client->nonce,
        .index = end ? client->session : 0,
    };
    request->client = number;
    request->sequence = client->nonce;
    cluster_client_sends(scenario->cluster, number, node, &message, NULL);
}

/* What the client has no answer for, from its oldest request on. */
static uint64_t oldest_pending(const struct scenario *scenario, uint32_t client, uint64_t sequence)
{
    for (uint32_t i = 0; i < scenario->request_count; i++) {
        const struct scenario_request *request = &scenario->requests[i];
        if (request->client == client && request->count > 0 && request->proposal &&
            request->answer == ANSWER_PENDING && request->sequence < sequence)
            sequence = request->sequence;
    }
    return sequence;
}

/* [C #SEQUENCE [oldest SEQUENCE]] */
static uint32_t read_sequence(struct scenario *scenario, struct ww_client_message *message)
{
    struct script_line *line = &scenario->line;
    if (script_at_string(line)) {
        message->sequence = message->oldest = scenario->clients[0].next_sequence;
        return 0;
    }
    uint32_t client = find_client(scenario, script_word(line, "an entry"), false);
    const char *word = script_word(line, "the sequence");
    if (!line->failed && word[0] != '#')
        script_fail(line, "a sequence such as #3, not '%s'", word);
    message->sequence = line->failed ? 0 : strtoull(word + 1, NULL, 10);
    message->oldest = oldest_pending(scenario, client, message->sequence);
    if (script_take(line, "oldest"))
        message->oldest = script_count(line, "the oldest sequence without an answer");
    message->index = scenario->clients[client].session;
    return client;
}

static void run_propose(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint8_t body[WORLD_DATAGRAM];
    struct ww_client_message message = {.type = WW_CLIENT_PROPOSE};
    uint32_t node = script_node(line, "whom to ask");
    uint32_t client = read_sequence(scenario, &message);
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
    if (client == 0)
        scenario->clients[0].next_sequence += message.count;
    request->proposal = true;
    request->client = client;
    request->sequence = message.sequence;
    request->count = message.count;
    cluster_client_sends(scenario->cluster, client, node, &message, body);
    /* The leader had to look the session up. */
    if (client != 0 && request->answer == ANSWER_BUSY && request->number != 0) {
        request->answer = ANSWER_PENDING;
        cluster_client_sends(scenario->cluster, client, node, &message, body);
    }
}

/* read N: the state machine's query, linearizable. */
static void run_read(struct scenario *scenario)
{
    static const uint8_t query[8];
    uint32_t node = script_node(&scenario->line, "whom to ask");
    struct scenario_request *request = scenario_add_request(scenario);
    if (request == NULL)
        return;
    request->sequence = TAG | ++scenario->next_tag;
    struct ww_client_message message = {
        .type = WW_CLIENT_QUERY,
        .sequence = request->sequence,
        .body_bytes = QUERY_BYTES,
    };
    cluster_client_sends(scenario->cluster, 0, node, &message, query);
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

const struct scenario_command client_commands[] = {{"session", run_session},
                                                   {"propose", run_propose},
                                                   {"read", run_read},
                                                   {"fetch", run_fetch},
                                                   {0}};
