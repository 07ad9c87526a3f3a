/* SPDX-License-Identifier: Apache-2.0 */
/* expect message, no message, messages: what is in flight. */
#include "scenario_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint32_t count_matching(const struct cluster *cluster, const struct message_filter *filter)
{
    struct cluster_flight flight;
    uint32_t count = 0;
    for (bool more = cluster_first_flight(cluster, &flight); more;
         more = cluster_next_flight(&flight))
        count += message_filter_matches(filter, &flight);
    return count;
}

/* What is in flight on the links in question, for the error. */
static const char *show_flights(const struct cluster *cluster, struct script_link link, char *text,
                                size_t size)
{
    const struct message_filter all = {.link = link};
    struct cluster_flight flight;
    size_t used = 0;
    text[0] = '\0';
    for (bool more = cluster_first_flight(cluster, &flight); more && used + 160 < size;
         more = cluster_next_flight(&flight)) {
        char one[128];
        if (message_filter_matches(&all, &flight))
            used += (size_t)snprintf(text + used, size - used, "\n  in flight: %s",
                                     show_flight(&flight, one, sizeof(one)));
    }
    return used > 0 ? text : "\n  nothing is in flight there";
}

static void expect_count(struct scenario *scenario, struct script_number wanted)
{
    struct message_filter filter;
    char flights[3000], number[32];
    message_filter_read(&scenario->line, &filter, true);
    if (!script_end(&scenario->line))
        return;
    uint32_t found = count_matching(scenario->cluster, &filter);
    if (!script_matches(wanted, found))
        script_fail(&scenario->line, "expected %s such messages, found %" PRIu32 "%s",
                    script_show_number(wanted, number, sizeof(number)), found,
                    show_flights(scenario->cluster, filter.link, flights, sizeof(flights)));
}

void expect_message(struct scenario *scenario)
{
    expect_count(scenario, (struct script_number){'g', 1});
}

void expect_no_message(struct scenario *scenario)
{
    expect_count(scenario, (struct script_number){'=', 0});
}

void expect_messages(struct scenario *scenario)
{
    expect_count(scenario, script_number(&scenario->line, "the number of messages"));
}
