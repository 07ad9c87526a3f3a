/* SPDX-License-Identifier: Apache-2.0 */
/* expect ...: all that is not a node's state or a message. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void expect_answer(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    const char *name = NULL;
    bool known = false;
    for (unsigned i = 0; script_peek(line) != NULL && scenario_answers[i] != NULL; i++)
        known = known || strcmp(script_peek(line), scenario_answers[i]) == 0;
    if (!known && script_peek(line) != NULL && line->next + 1 < line->count)
        name = script_word(line, "the name of a request");
    const struct scenario_request *request = scenario_last_request(scenario, name);
    if (request == NULL) {
        script_fail(line, "there was no request%s%s", name != NULL ? " " : "",
                    name != NULL ? name : "");
        return;
    }
    unsigned wanted = script_choice(line, "an answer", scenario_answers);
    bool equal = wanted == request->answer;
    if (wanted == ANSWER_COMMITTED || wanted == ANSWER_REGISTERED)
        equal = (!script_take(line, "at") ||
                 script_matches(script_number(line, "the index"), request->number)) &&
                equal;
    else if ((wanted == ANSWER_RETURNED || wanted == ANSWER_DATA) && script_peek(line) != NULL)
        equal = script_matches(script_number(line, "the number"), request->number) && equal;
    else if (wanted == ANSWER_REFUSED)
        equal =
            strcmp(script_word(line, "the status"), ww_status_name(-(int)request->number)) == 0 &&
            equal;
    else if (wanted == ANSWER_NOT_LEADER && script_peek(line) != NULL)
        equal =
            (script_take(line, "none") ? 0 : script_node(line, "the leader")) == request->number &&
            equal;
    if (script_end(line) && !equal) {
        char text[64];
        scenario_show_answer(request, text, sizeof(text));
        script_fail(line, "expected another answer; found %s", text);
    }
}

static void expect_leader(struct scenario *scenario, uint32_t wanted)
{
    struct cluster *cluster = scenario->cluster;
    uint64_t highest = 0;
    uint32_t leaders = 0;
    char text[7 * 1024], *at = text;
    if (!script_end(&scenario->line))
        return;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++)
        if (cluster_life(cluster, id) == LIFE_RUNNING &&
            ww_raft_term(cluster_group(cluster, id)->raft) > highest)
            highest = ww_raft_term(cluster_group(cluster, id)->raft);
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++) {
        at += snprintf(at, 4, "\n  ");
        show_node(cluster, id, at, 900);
        at += strlen(at);
        if (cluster_life(cluster, id) == LIFE_RUNNING &&
            ww_raft_is_leader(cluster_group(cluster, id)->raft) &&
            (wanted == 0 || ww_raft_term(cluster_group(cluster, id)->raft) == highest))
            leaders++;
    }
    if (leaders != wanted)
        script_fail(&scenario->line, "expected %s, found %" PRIu32 "%.3000s",
                    wanted == 0 ? "no leader" : "one leader of the highest term", leaders, text);
}

static void expect_agree(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint8_t nodes = script_nodes(line, "who agrees");
    uint32_t first = 0;
    if (!script_end(line))
        return;
    for (uint32_t id = 1; id <= scenario->setup.nodes; id++) {
        const struct ww_group *group = cluster_group(scenario->cluster, id);
        if (!(nodes >> id & 1))
            continue;
        if (group == NULL) {
            script_fail(line, "node %" PRIu32 " is down", id);
            return;
        }
        first = first == 0 ? id : first;
        const struct ww_group *other = cluster_group(scenario->cluster, first);
        if (group->applied != other->applied || group->digest != other->digest)
            script_fail(line,
                        "node %" PRIu32 " applied %" PRIu64 " (digest %" PRIx64 "), node %" PRIu32
                        " %" PRIu64 " (%" PRIx64 ")",
                        first, other->applied, other->digest, id, group->applied, group->digest);
    }
}

static void expect_writes(struct scenario *scenario)
{
    uint32_t id = script_node(&scenario->line, "whose writes");
    struct script_number wanted = script_number(&scenario->line, "the number of writes");
    if (!script_end(&scenario->line))
        return;
    uint32_t found = cluster_writes(scenario->cluster, id);
    char text[32];
    if (!script_matches(wanted, found))
        script_fail(&scenario->line, "expected %s writes that wait, found %" PRIu32,
                    script_show_number(wanted, text, sizeof(text)), found);
}

static void expect_drops(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint32_t id = script_node(line, "whose drops");
    const char *names[WW_DROPS + 1];
    unsigned numbers[WW_DROPS], count = 0;
    for (uint32_t drop = 0; drop < WW_DROPS; drop++) {
        if (ww_net_drop_name(drop) == NULL)
            continue;
        numbers[count] = drop;
        names[count++] = ww_net_drop_name(drop);
    }
    names[count] = NULL;
    unsigned reason = script_choice(line, "a reason", names);
    struct script_number wanted = script_number(line, "how many");
    if (!script_end(line))
        return;
    if (!cluster_is_up(scenario->cluster, id)) {
        script_fail(line, "node %" PRIu32 " is down", id);
        return;
    }
    uint64_t found =
        scenario->cluster->world->nodes[id].shard->net->counters.drops[numbers[reason]];
    if (!script_matches(wanted, found))
        script_fail(line, "node %" PRIu32 " dropped %" PRIu64 " for '%s'", id, found,
                    names[reason]);
}

void expect(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    if (script_at_number(line) || (script_peek(line) && strcmp(script_peek(line), "all") == 0)) {
        expect_nodes(scenario);
        return;
    }
    static const char *const whats[] = {"answer", "message", "messages", "no",  "one",
                                        "agree",  "writes",  "drops",    "all", NULL};
    static const char *const nothing[] = {"leader", "message", NULL};
    switch (script_choice(line, "something to expect (or a node)", whats)) {
    case 0:
        expect_answer(scenario);
        break;
    case 1:
        expect_message(scenario);
        break;
    case 2:
        expect_messages(scenario);
        break;
    case 3:
        if (script_choice(line, "something to miss", nothing) == 0)
            expect_leader(scenario, 0);
        else
            expect_no_message(scenario);
        break;
    case 4:
        if (!script_take(line, "leader"))
            script_fail(line, "expect one leader");
        expect_leader(scenario, 1);
        break;
    case 5:
        expect_agree(scenario);
        break;
    case 6:
        expect_writes(scenario);
        break;
    default:
        expect_drops(scenario);
        break;
    }
}
