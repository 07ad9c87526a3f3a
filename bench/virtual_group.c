/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/virtual_group.h"

#include "engine/base/assert.h"

#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX
#define TERM_RUNS 64u /* beside those that the log begins with: one for each leader */
#define ENTRY_BYTES 64u
#define WINDOW_BYTES (1u * WW_MIB)
#define DISK_FLIGHTS 64u /* of the flights, kept for writes */

enum { MESSAGE, HELD, HARD_STATE, ENTRIES };

/* ---- what is on the way ---- */

static struct ww_virtual_flight *add_flight(struct ww_virtual_group *group, uint32_t kind,
                                            uint32_t from, uint32_t to, uint64_t due_ns)
{
    bool disk = kind == HARD_STATE || kind == ENTRIES;
    bool room = disk || group->flight_count < WW_VIRTUAL_FLIGHTS - DISK_FLIGHTS;
    WW_ASSERT(group->flight_count < WW_VIRTUAL_FLIGHTS);
    struct ww_virtual_flight *flight = room ? &group->flights[group->flight_count++] : &group->lost;
    *flight = (struct ww_virtual_flight){
        .due_ns = due_ns, .order = group->orders++, .kind = kind, .from = from, .to = to};
    return flight;
}

static uint64_t arrival_ns(struct ww_virtual_group *group)
{
    uint64_t delay_ns = group->options.delay_ns;
    return group->now_ns +
           ww_random_range(&group->random, delay_ns / 2, delay_ns + delay_ns / 2 + 1);
}

static struct ww_virtual_flight *first_flight(struct ww_virtual_group *group)
{
    struct ww_virtual_flight *first = NULL;
    for (uint32_t i = 0; i < group->flight_count; i++) {
        struct ww_virtual_flight *flight = &group->flights[i];
        if (first == NULL || flight->due_ns < first->due_ns ||
            (flight->due_ns == first->due_ns && flight->order < first->order))
            first = flight;
    }
    return first;
}

static void release_held(struct ww_virtual_group *group, uint32_t id)
{
    for (uint32_t i = 0; i < group->flight_count; i++) {
        struct ww_virtual_flight *flight = &group->flights[i];
        if (flight->kind == HELD && flight->from == id &&
            flight->held_until <= group->nodes[id].hard_states_durable) {
            flight->kind = MESSAGE;
            flight->due_ns = arrival_ns(group);
        }
    }
}

/* Writes of entries that were truncated since are not reported. */
static void truncate_writes(struct ww_virtual_group *group, uint32_t id, uint64_t from)
{
    for (uint32_t i = 0; i < group->flight_count;) {
        struct ww_virtual_flight *flight = &group->flights[i];
        if (flight->kind == ENTRIES && flight->to == id && flight->index >= from)
            *flight = group->flights[--group->flight_count];
        else
            i++;
    }
}

/* ---- one node ---- */

/* Does what the core says; true: its role changed. */
static bool step(struct ww_virtual_group *group, uint32_t id, struct ww_raft_event *event)
{
    struct ww_virtual_node *node = &group->nodes[id];
    uint64_t durable_ns = group->now_ns + group->options.disk_ns;
    struct ww_raft_update update;
    event->now_ns = group->now_ns + node->ahead_ns;
    int status = ww_raft_step(node->raft, event, &update);
    WW_ASSERT(status == WW_OK); /* all of them are correct, and no term table fills up */
    if (update.truncate_from != 0)
        truncate_writes(group, id, update.truncate_from);
    if (update.hard_state) {
        struct ww_virtual_flight *flight = add_flight(group, HARD_STATE, id, id, durable_ns);
        flight->term = update.term;
        flight->vote = update.vote;
        flight->known = update.known;
        node->hard_states++;
    }
    if (update.append_from != 0) {
        struct ww_virtual_flight *flight = add_flight(group, ENTRIES, id, id, durable_ns);
        flight->term = ww_raft_term_at(node->raft, update.append_to);
        flight->index = update.append_to;
    }
    for (uint32_t i = 0; i < update.message_count; i++) {
        const struct ww_raft_outgoing *outgoing = &update.messages[i];
        struct ww_virtual_flight *flight =
            outgoing->wait ? add_flight(group, HELD, id, outgoing->to, NEVER)
                           : add_flight(group, MESSAGE, id, outgoing->to, arrival_ns(group));
        flight->held_until = node->hard_states;
        flight->message = outgoing->message;
    }
    return update.role_changed;
}

/* Describes the entries behind message->index up to `last`, as far as one message carries them. */
static uint64_t describe(const struct ww_raft *raft, struct ww_virtual_flight *flight,
                         uint64_t last)
{
    uint64_t index = flight->message.index;
    while (index < last && index < flight->message.index + WW_VIRTUAL_ENTRIES) {
        uint64_t term = ww_raft_term_at(raft, index + 1);
        struct ww_raft_run *run = &flight->runs[flight->run_count];
        if (flight->run_count > 0 && run[-1].term == term) {
            run[-1].last_index = index + 1;
        } else if (flight->run_count < WW_VIRTUAL_RUNS) {
            *run = (struct ww_raft_run){index + 1, index + 1, term};
            flight->run_count++;
        } else {
            break;
        }
        index++;
    }
    return index;
}

static void replicate(struct ww_virtual_group *group, uint32_t id)
{
    struct ww_raft *raft = group->nodes[id].raft;
    for (uint32_t peer = 1; peer <= group->options.nodes; peer++) {
        struct ww_raft_message message;
        uint64_t last;
        uint32_t budget;
        while (peer != id && ww_raft_next_append(raft, peer, &message, &last, &budget)) {
            struct ww_virtual_flight *flight =
                add_flight(group, MESSAGE, id, peer, arrival_ns(group));
            flight->message = message;
            uint64_t sent = describe(raft, flight, last);
            flight->message.body_bytes = (uint32_t)(sent - message.index) * ENTRY_BYTES;
            ww_raft_sent(raft, peer, sent, flight->message.body_bytes,
                         group->now_ns + group->nodes[id].ahead_ns);
        }
    }
}

static uint64_t next_look(const struct ww_virtual_group *group, const struct ww_virtual_node *node,
                          uint64_t due_ns)
{
    uint64_t tick_ns = group->options.tick_ns;
    if (due_ns == NEVER || tick_ns == 0 || due_ns <= node->phase_ns)
        return due_ns;
    return node->phase_ns + (due_ns - node->phase_ns + tick_ns - 1) / tick_ns * tick_ns;
}

static void set_timer(struct ww_virtual_group *group, struct ww_virtual_node *node)
{
    uint64_t deadline_ns = ww_raft_deadline_ns(node->raft), due_ns;
    bool moved = deadline_ns != node->deadline_ns;
    node->deadline_ns = deadline_ns;
    if (ww_raft_is_leader(node->raft) || group->options.draw_ns == NULL) {
        due_ns = deadline_ns == NEVER ? NEVER : deadline_ns - node->ahead_ns;
    } else if (moved) {
        if (ww_raft_leader(node->raft) != 0)
            node->failures = 0;
        due_ns =
            group->now_ns + group->options.draw_ns(&group->options, &group->random, node->failures);
    } else {
        return;
    }
    node->timer_ns = next_look(group, node, due_ns);
}

/* The end of a poll iteration, as the engine's. */
static bool end_poll(struct ww_virtual_group *group, uint32_t id)
{
    struct ww_raft_event flush = {.type = WW_RAFT_EV_FLUSH, .window_bytes = WINDOW_BYTES};
    bool changed = step(group, id, &flush);
    replicate(group, id);
    set_timer(group, &group->nodes[id]);
    return changed;
}

static bool timer_ends(struct ww_virtual_group *group, uint32_t id)
{
    struct ww_virtual_node *node = &group->nodes[id];
    struct ww_raft_event tick = {.type = WW_RAFT_EV_TICK};
    uint64_t clock_ns = group->now_ns + node->ahead_ns;
    if (!ww_raft_is_leader(node->raft)) {
        node->failures++;
        if (node->deadline_ns > clock_ns)
            node->ahead_ns += node->deadline_ns - clock_ns;
    }
    bool changed = step(group, id, &tick);
    return end_poll(group, id) || changed;
}

static bool flight_ends(struct ww_virtual_group *group, const struct ww_virtual_flight *flight)
{
    struct ww_virtual_node *node = &group->nodes[flight->to];
    struct ww_raft_event event = {.term = flight->term, .index = flight->index};
    switch (flight->kind) {
    case HARD_STATE:
        event.type = WW_RAFT_EV_HARD_STATE_DURABLE;
        event.vote = flight->vote;
        event.known = flight->known;
        node->hard_states_durable++;
        break;
    case ENTRIES:
        event.type = WW_RAFT_EV_DURABLE;
        break;
    default:
        event.type = WW_RAFT_EV_MESSAGE;
        event.from = flight->from;
        event.message = &flight->message;
        event.runs = flight->runs;
        event.run_count = flight->run_count;
        break;
    }
    bool changed = step(group, flight->to, &event);
    if (flight->kind == HARD_STATE)
        release_held(group, flight->to);
    return end_poll(group, flight->to) || changed;
}

/* ---- the group ---- */

static int create_node(struct ww_virtual_group *group, uint32_t id, const char **why)
{
    const struct ww_virtual_options *options = &group->options;
    struct ww_virtual_node *node = &group->nodes[id];
    struct ww_raft_options raft = {
        .group = options->group,
        .self = id,
        .heartbeat_ns = options->heartbeat_ns,
        .election_min_ns = options->election_min_ns,
        .election_max_ns = options->election_max_ns,
        .adaptive = options->adaptive,
        .retry_ns = options->retry_ns,
        .window_bytes = WINDOW_BYTES,
        .term_runs = TERM_RUNS,
        .seed = ww_random_next(&group->random),
        .configuration.voters = (uint8_t)((1u << (options->nodes + 1)) - 2),
    };
    if (options->logs != NULL) {
        const struct ww_virtual_log *log = &options->logs[id];
        raft.term = log->term;
        raft.log = log->runs;
        raft.log_runs = log->run_count;
        raft.term_runs += (uint32_t)log->run_count;
    }
    node->phase_ns = ww_random_range(&group->random, 0, options->tick_ns);
    int status = ww_raft_create(&raft, &node->raft, why);
    if (status == WW_OK)
        set_timer(group, node);
    return status;
}

int ww_virtual_group_create(const struct ww_virtual_options *options, struct ww_virtual_group **out,
                            const char **why)
{
    struct ww_virtual_group *group = malloc(sizeof(*group));
    int status = WW_OK;
    *out = NULL;
    *why = "no memory";
    if (group == NULL)
        return WW_ENOMEM;
    memset(group, 0, offsetof(struct ww_virtual_group, flights));
    group->options = *options;
    group->random.state = options->seed;
    for (uint32_t id = 1; id <= options->nodes && status == WW_OK; id++)
        status = create_node(group, id, why);
    if (status == WW_OK)
        *out = group;
    else
        ww_virtual_group_destroy(group);
    return status;
}

void ww_virtual_group_destroy(struct ww_virtual_group *group)
{
    for (uint32_t id = 1; group != NULL && id <= WW_NODES_MAX; id++)
        ww_raft_destroy(group->nodes[id].raft);
    free(group);
}

static uint32_t first_timer(const struct ww_virtual_group *group)
{
    uint32_t first = 1;
    for (uint32_t id = 2; id <= group->options.nodes; id++)
        if (group->nodes[id].timer_ns < group->nodes[first].timer_ns)
            first = id;
    return first;
}

bool ww_virtual_group_next(struct ww_virtual_group *group, uint64_t until_ns,
                           struct ww_virtual_event *event)
{
    for (;;) {
        uint32_t timer = first_timer(group);
        struct ww_virtual_flight *first = first_flight(group);
        uint64_t timer_ns = group->nodes[timer].timer_ns;
        bool flies = first != NULL && first->due_ns <= timer_ns;
        uint64_t due_ns = flies ? first->due_ns : timer_ns;
        *event = (struct ww_virtual_event){.node = timer};
        if (due_ns > until_ns || due_ns == NEVER) {
            group->now_ns = until_ns;
            return false;
        }
        if (due_ns > group->now_ns)
            group->now_ns = due_ns;
        if (!flies) {
            event->role_changed = timer_ends(group, timer);
            return true;
        }
        struct ww_virtual_flight flight = *first;
        *first = group->flights[--group->flight_count];
        if (group->nodes[flight.to].dead)
            continue;
        event->node = flight.to;
        event->from = flight.kind == MESSAGE ? flight.from : 0;
        event->message = flight.message;
        event->role_changed = flight_ends(group, &flight);
        return true;
    }
}

void ww_virtual_group_stand(struct ww_virtual_group *group, uint32_t node)
{
    group->nodes[node].timer_ns = group->now_ns;
}

void ww_virtual_group_kill(struct ww_virtual_group *group, uint32_t node)
{
    group->nodes[node].dead = true;
    group->nodes[node].timer_ns = NEVER;
}
