/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Text that grows up to its room. */
struct words {
    char *text;
    size_t size, used;
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (words->used < words->size) {
        int added =
            vsnprintf(words->text + words->used, words->size - words->used, format, arguments);
        words->used += added > 0 ? (size_t)added : 0;
    }
    va_end(arguments);
}

static void add_nodes(struct words *words, uint8_t nodes)
{
    const char *gap = "";
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        if (nodes >> id & 1) {
            add(words, "%s%" PRIu32, gap, id);
            gap = " ";
        }
    }
    if (nodes == 0)
        add(words, "none");
}

static void add_log(struct words *words, const struct ww_group *group)
{
    struct ww_raft_status status;
    ww_raft_status(group->raft, &status);
    const char *gap = "";
    for (uint64_t index = status.first_index; index <= status.last_index; index++) {
        add(words, "%s%" PRIu64, gap, ww_raft_term_at(group->raft, index));
        gap = " ";
    }
    if (status.first_index > status.last_index)
        add(words, "empty");
}

const char *show_nodes(uint8_t nodes, char *text, size_t size)
{
    struct words words = {text, size, 0};
    add_nodes(&words, nodes);
    return text;
}

const char *show_log(const struct ww_group *group, char *text, size_t size)
{
    struct words words = {text, size, 0};
    add_log(&words, group);
    return text;
}

const char *show_entries(const struct cluster *cluster, uint32_t id, char *text, size_t size)
{
    const struct cluster_applied *applied = &cluster->applied[id];
    struct words words = {text, size, 0};
    text[0] = '\0';
    for (uint32_t i = 0; i < applied->count; i++)
        add(&words, "%s\"%s\"", i > 0 ? " " : "", applied->payload[i]);
    return text;
}

static void add_leader(struct words *words, const struct ww_raft_status *status)
{
    static const char *const states[] = {"probe", "replicate", "snapshot"};
    if (status->transfer_to != 0)
        add(words, " transfer %" PRIu32, status->transfer_to);
    if (status->lease_ns > 0)
        add(words, " lease %" PRIu64 "us", status->lease_ns / 1000);
    for (uint32_t i = 0; i < status->peer_count; i++) {
        const struct ww_raft_peer_status *peer = &status->peers[i];
        add(words, " peer %" PRIu32 " %s match %" PRIu64 " next %" PRIu64 "%s", peer->id,
            states[peer->state], peer->match, peer->next, peer->caught_up ? " caught-up" : "");
    }
}

const char *show_node(const struct cluster *cluster, uint32_t id, char *text, size_t size)
{
    static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader"};
    const struct ww_group *group = cluster_group(cluster, id);
    struct words words = {text, size, 0};
    struct ww_raft_status status;
    add(&words, "node %" PRIu32 ":", id);
    if (group == NULL) {
        add(&words, " %s%s%s", cluster_lives[cluster_life(cluster, id)],
            cluster->damaged[id] ? ": " : "", cluster->damaged[id] ? cluster->why[id].text : "");
        return text;
    }
    if (cluster_life(cluster, id) != LIFE_RUNNING)
        add(&words, " %s", cluster_lives[cluster_life(cluster, id)]);
    ww_raft_status(group->raft, &status);
    add(&words, " %s term %" PRIu64 " vote %" PRIu32 " follows %" PRIu32 " log ",
        roles[status.role], status.term, status.vote, status.leader);
    add_log(&words, group);
    add(&words,
        " first %" PRIu64 " durable %" PRIu64 " commit %" PRIu64 " applied %" PRIu64 " voters ",
        status.first_index, status.durable, status.commit, group->applied);
    add_nodes(&words, status.configuration.voters);
    if (status.configuration.old_voters != 0) {
        add(&words, " old-voters ");
        add_nodes(&words, status.configuration.old_voters);
    }
    if (status.configuration.learners != 0) {
        add(&words, " learners ");
        add_nodes(&words, status.configuration.learners);
    }
    if (status.role == WW_RAFT_LEADER)
        add_leader(&words, &status);
    return text;
}

const char *show_flight(const struct cluster_flight *flight, char *text, size_t size)
{
    const struct ww_raft_message *message = &flight->message;
    struct words words = {text, size, 0};
    add(&words,
        "%" PRIu32 "->%" PRIu32 " %s term %" PRIu64 " index %" PRIu64 " log-term %" PRIu64
        " commit %" PRIu64,
        flight->from, flight->to, show_type(message->type), message->term, message->index,
        message->log_term, message->commit);
    if (flight->entries > 0)
        add(&words, " entries %" PRIu32, flight->entries);
    if (message->flags & WW_RAFT_GRANTED)
        add(&words, " granted yes");
    if (message->flags & WW_RAFT_TRANSFER)
        add(&words, " transfer yes");
    if (message->type == WW_RAFT_APPEND)
        add(&words, " round %" PRIu32, message->round);
    return text;
}
