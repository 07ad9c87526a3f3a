/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario_internal.h"

#include "engine/base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run_repeat(struct scenario *scenario)
{
    struct script_line *line = &scenario->line;
    uint64_t count = script_count(line, "how often");
    unsigned begin = line->next;
    for (; count > 0 && !line->failed; count--) {
        line->next = begin;
        scenario_run_command(scenario);
    }
}

static const struct scenario_command other_commands[] = {{"expect", expect},
                                                         {"repeat", run_repeat},
                                                         {0}};

static const struct scenario_command *const tables[] = {
    setup_commands,  time_commands,  network_commands, process_commands,
    client_commands, admin_commands, other_commands,   NULL,
};

void scenario_run_command(struct scenario *scenario)
{
    const char *word = script_word(&scenario->line, "a command"), *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (unsigned i = 0; tables[i] != NULL && !scenario->line.failed; i++) {
        for (const struct scenario_command *command = tables[i]; command->name != NULL; command++) {
            ww_nearest_offer(word, command->name, &nearest, &distance);
            if (strcmp(word, command->name) != 0)
                continue;
            if (i > 0)
                scenario_start(scenario);
            if (scenario->cluster != NULL)
                scenario->line.running = cluster_running(scenario->cluster);
            if (!scenario->line.failed)
                command->run(scenario);
            return;
        }
    }
    script_fail(&scenario->line, "'%s' is not a command; the nearest known one is '%s'", word,
                nearest);
}

void scenario_sent(void *context, const struct cluster_flight *flight)
{
    const struct scenario *scenario = context;
    char text[256];
    if (scenario->verbose)
        printf("    sent %s\n", show_flight(flight, text, sizeof(text)));
}

/* What each node is after the command, when that is news. */
static void tell_nodes(struct scenario *scenario)
{
    for (uint32_t id = 1; scenario->cluster != NULL && id <= scenario->setup.nodes; id++) {
        char text[SCENARIO_NODE_TEXT];
        show_node(scenario->cluster, id, text, sizeof(text));
        if (strcmp(text, scenario->told[id]) != 0)
            printf("    %s\n", text);
        memcpy(scenario->told[id], text, sizeof(text));
    }
    for (uint32_t i = scenario->told_requests; i < scenario->request_count; i++) {
        char text[64];
        scenario_show_answer(&scenario->requests[i], text, sizeof(text));
        printf("    answer: %s\n", text);
        scenario->told_requests++;
    }
}

static void run_line(struct scenario *scenario, const char *text, size_t bytes)
{
    if (scenario->line.failed || scenario->line.count == 0)
        return;
    if (scenario->verbose)
        printf("%u: %.*s\n", scenario->line.number, (int)bytes, text);
    scenario_run_command(scenario);
    if (!scenario->line.failed)
        check_invariants(scenario);
    if (scenario->verbose)
        tell_nodes(scenario);
}

void scenario_run(const char *file, const char *text, size_t bytes, bool verbose,
                  struct scenario_result *result)
{
    struct scenario *scenario = calloc(1, sizeof(*scenario));
    if (scenario == NULL)
        abort();
    scenario->verbose = verbose;
    scenario->client_count = 1; /* the one without a session */
    unsigned number = 1;
    for (size_t at = 0; at < bytes && !scenario->line.failed; number++) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : bytes - at;
        script_split(&scenario->line, file, number, text + at, length);
        run_line(scenario, text + at, length);
        at += length + 1;
    }
    if (!scenario->line.failed && scenario->cluster == NULL)
        script_fail(&scenario->line, "nothing ever started: the first command must be 'cluster N'");
    result->passed = !scenario->line.failed;
    memcpy(result->error, scenario->line.error, sizeof(result->error));
    cluster_destroy(scenario->cluster);
    free(scenario);
}
