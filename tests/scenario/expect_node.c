/* SPDX-License-Identifier: Apache-2.0 */
/* expect NODES FIELD...: the state of a node. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the fields are compared with. */
struct found {
    struct scenario *scenario;
    struct script_line *line;
    uint32_t id;
    const struct ww_group *group;
    const struct ww_raft_status *status;
};

static void differs(const struct found *found, const char *field, const char *wanted,
                    const char *is)
{
    char node[1024];
    script_fail(found->line, "node %" PRIu32 ": expected %s %s, found %s\n  %s", found->id, field,
                wanted, is, show_node(found->scenario->cluster, found->id, node, sizeof(node)));
}

static void expect_number(const struct found *found, const char *field, uint64_t is)
{
    struct script_number wanted = script_number(found->line, field);
    char text[32], number[32];
    snprintf(number, sizeof(number), "%" PRIu64, is);
    if (!script_matches(wanted, is))
        differs(found, field, script_show_number(wanted, text, sizeof(text)), number);
}

/* A node, or none. */
static void expect_node_id(const struct found *found, const char *field, uint32_t is)
{
    uint32_t wanted = script_take(found->line, "none") ? 0 : script_node(found->line, field);
    if (found->line->failed || wanted == is)
        return;
    char one[16] = "none", two[16] = "none";
    if (wanted != 0)
        snprintf(one, sizeof(one), "%" PRIu32, wanted);
    if (is != 0)
        snprintf(two, sizeof(two), "%" PRIu32, is);
    differs(found, field, one, two);
}

static void expect_choice(const struct found *found, const char *field, const char *const *names,
                          unsigned is)
{
    unsigned wanted = script_choice(found->line, field, names);
    if (!found->line->failed && wanted != is)
        differs(found, field, names[wanted], names[is]);
}

static void expect_yes(const struct found *found, const char *field, bool is)
{
    static const char *const names[] = {"no", "yes", NULL};
    expect_choice(found, field, names, is);
}

static void expect_members(const struct found *found, const char *field, uint8_t is)
{
    uint8_t wanted = script_take(found->line, "none") ? 0 : script_nodes(found->line, "the nodes");
    char one[32], two[32];
    if (!found->line->failed && wanted != is)
        differs(found, field, show_nodes(wanted, one, sizeof(one)),
                show_nodes(is, two, sizeof(two)));
}

static void expect_log(const struct found *found)
{
    const struct ww_raft_status *status = found->status;
    struct script_line *line = found->line;
    char wanted[512] = "empty", is[512];
    bool equal = true;
    uint64_t index = status->first_index;
    size_t used = 0;
    if (!script_take(line, "empty")) {
        do {
            uint64_t term = script_count(line, "the term of an entry");
            equal = equal && ww_raft_term_at(found->group->raft, index) == term &&
                    index <= status->last_index;
            used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s%" PRIu64,
                                     used > 0 ? " " : "", term);
            index++;
        } while (script_at_number(line) && used < sizeof(wanted) - 32);
    }
    if (!line->failed && (!equal || index != status->last_index + 1))
        differs(found, "log", wanted, show_log(found->group, is, sizeof(is)));
}

static void expect_entries(const struct found *found)
{
    struct script_line *line = found->line;
    char wanted[1024] = "", is[1024];
    size_t used = 0;
    if (!script_take(line, "none")) {
        do {
            const char *text = script_string(line, "an entry");
            used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s\"%s\"",
                                     used > 0 ? " " : "", text);
        } while (script_at_string(line) && used < sizeof(wanted) - 128);
    }
    show_entries(found->scenario->cluster, found->id, is, sizeof(is));
    if (!line->failed && strcmp(wanted, is) != 0)
        differs(found, "entries", wanted, is);
}

static const char *const roles[] = {"follower", "pre-candidate", "candidate", "leader", NULL};

static bool expect_role(const struct found *found)
{
    for (unsigned i = 0; roles[i] != NULL; i++) {
        if (!script_take(found->line, roles[i]))
            continue;
        if (found->status->role != i)
            differs(found, "the role", roles[i], roles[found->status->role]);
        return true;
    }
    return false;
}

static const char *const peer_fields[] = {"state",    "match",      "next", "caught-up",
                                          "inflight", "recovering", NULL};

/* peer N FIELD...: up to the end of the line, or the next `peer`. */
static void expect_peer(const struct found *found)
{
    static const char *const states[] = {"probe", "replicate", "snapshot", NULL};
    struct script_line *line = found->line;
    uint32_t id = script_node(line, "the peer");
    const struct ww_raft_peer_status *peer = NULL;
    for (uint32_t i = 0; i < found->status->peer_count; i++)
        if (found->status->peers[i].id == id)
            peer = &found->status->peers[i];
    if (peer == NULL) {
        script_fail(line, "node %" PRIu32 " has no peer %" PRIu32, found->id, id);
        return;
    }
    do {
        char field[64];
        unsigned choice = script_choice(line, "a field of a peer", peer_fields);
        snprintf(field, sizeof(field), "peer %" PRIu32 " %s", id, peer_fields[choice]);
        if (choice == 0)
            expect_choice(found, field, states, peer->state);
        else if (choice == 1)
            expect_number(found, field, peer->match);
        else if (choice == 2)
            expect_number(found, field, peer->next);
        else if (choice == 3)
            expect_yes(found, field, peer->caught_up);
        else if (choice == 4)
            expect_number(found, field, peer->inflight_bytes);
        else
            expect_yes(found, field, peer->amnesia);
    } while (script_peek(line) != NULL && strcmp(script_peek(line), "peer") != 0);
}

enum field {
    FIELD_TERM,
    FIELD_VOTE,
    FIELD_FOLLOWS,
    FIELD_FIRST,
    FIELD_LAST,
    FIELD_DURABLE,
    FIELD_COMMIT,
    FIELD_APPLIED,
    FIELD_SNAPSHOT,
    FIELD_RELEASED,
    FIELD_LOG,
    FIELD_ENTRIES,
    FIELD_VOTERS,
    FIELD_OLD_VOTERS,
    FIELD_LEARNERS,
    FIELD_JOINT,
    FIELD_CONFIGURATION,
    FIELD_LEASE,
    FIELD_TRANSFER,
    FIELD_RECOVERING,
    FIELD_PEER,
};

static const char *const fields[] = {
    "term",
    "vote",
    "follows",
    "first",
    "last",
    "durable",
    "commit",
    "applied",
    "snapshot",
    "released",
    "log",
    "entries",
    "voters",
    "old-voters",
    "learners",
    "joint",
    "configuration",
    "lease",
    "transfer",
    "recovering",
    "peer",
    /* known here so that a mistyped role or state finds its nearest word */
    "follower",
    "pre-candidate",
    "candidate",
    "leader",
    "running",
    "crashed",
    "paused",
    "fenced",
    "damaged",
    NULL,
};

/* How far the node came; false: the field is another. */
static bool expect_position(const struct found *found, unsigned field)
{
    const struct ww_raft_status *status = found->status;
    const uint64_t positions[] = {
        [FIELD_FIRST] = status->first_index,     [FIELD_LAST] = status->last_index,
        [FIELD_DURABLE] = status->durable,       [FIELD_COMMIT] = status->commit,
        [FIELD_APPLIED] = found->group->applied, [FIELD_SNAPSHOT] = status->snapshot_index,
    };
    if (field < FIELD_FIRST || field > FIELD_SNAPSHOT)
        return false;
    expect_number(found, fields[field], positions[field]);
    return true;
}

static void expect_field(const struct found *found, unsigned field)
{
    static const char *const pending[] = {"pending", "committed", NULL};
    const struct ww_raft_status *status = found->status;
    const char *name = fields[field];
    if (expect_position(found, field))
        return;
    switch (field) {
    case FIELD_TERM:
        expect_number(found, name, status->term);
        break;
    case FIELD_VOTE:
        expect_node_id(found, name, status->vote);
        break;
    case FIELD_FOLLOWS:
        expect_node_id(found, name, status->leader);
        break;
    case FIELD_RELEASED:
        expect_number(found, name,
                      found->scenario->cluster->world->nodes[found->id].disk.begin / WORLD_SPAN);
        break;
    case FIELD_LOG:
        expect_log(found);
        break;
    case FIELD_ENTRIES:
        expect_entries(found);
        break;
    case FIELD_VOTERS:
        expect_members(found, name, status->configuration.voters);
        break;
    case FIELD_OLD_VOTERS:
        expect_members(found, name, status->configuration.old_voters);
        break;
    case FIELD_LEARNERS:
        expect_members(found, name, status->configuration.learners);
        break;
    case FIELD_JOINT:
        expect_yes(found, name, ww_configuration_joint(&status->configuration));
        break;
    case FIELD_CONFIGURATION:
        expect_choice(found, name, pending, status->configuration_committed);
        break;
    case FIELD_LEASE:
        expect_yes(found, name, status->lease_ns > 0);
        break;
    case FIELD_RECOVERING:
        expect_yes(found, name, status->amnesia);
        break;
    case FIELD_TRANSFER:
        expect_node_id(found, name, status->transfer_to);
        break;
    default:
        expect_peer(found);
        break;
    }
}

/* Consumes the word when it is one of a process' state. */
static bool expect_life(struct scenario *scenario, uint32_t id)
{
    for (unsigned i = 0; cluster_lives[i] != NULL; i++) {
        if (!script_take(&scenario->line, cluster_lives[i]))
            continue;
        unsigned is = cluster_life(scenario->cluster, id);
        if (is != i)
            script_fail(&scenario->line, "node %" PRIu32 ": expected %s, found %s", id,
                        cluster_lives[i], cluster_lives[is]);
        return true;
    }
    return false;
}

static void expect_one_node(struct scenario *scenario, uint32_t id)
{
    struct script_line *line = &scenario->line;
    struct ww_raft_status status;
    struct found found = {scenario, line, id, cluster_group(scenario->cluster, id), &status};
    if (found.group != NULL)
        ww_raft_status(found.group->raft, &status);
    while (script_peek(line) != NULL) {
        if (expect_life(scenario, id))
            continue;
        if (found.group == NULL) {
            script_fail(line, "node %" PRIu32 " is %s: it has no '%s'", id,
                        cluster_lives[cluster_life(scenario->cluster, id)], script_peek(line));
        } else if (!expect_role(&found)) {
            unsigned field = script_choice(line, "a field of a node", fields);
            if (!line->failed)
                expect_field(&found, field);
        }
    }
}

void expect_nodes(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint8_t nodes = script_nodes(line, "who or what is expected");
    unsigned begin = line->next;
    if (!line->failed && script_peek(line) == NULL)
        script_fail(line, "expect what of it?");
    for (uint32_t id = 1; id <= WW_NODES_MAX && !line->failed; id++) {
        if (!(nodes >> id & 1))
            continue;
        line->next = begin;
        expect_one_node(scenario, id);
    }
}
