/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 8u
#define CHECK_SETTLED_EVENTS 32u
#define WAKES_PER_TIMEOUT 6u /* a node that is polled more rarely takes it for a jump of time */

void sim_violated(struct sim *sim, const char *format, ...)
{
    if (sim_failed(sim))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sim->violation, sizeof(sim->violation), format, arguments);
    va_end(arguments);
}

/* ---- the queue of events: a binary heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_at(struct sim *sim, uint64_t at_ns, struct sim_event event)
{
    if (sim->heap_count == sim->heap_capacity) {
        sim->heap_capacity = sim->heap_capacity == 0 ? 1024 : sim->heap_capacity * 2;
        sim->heap = realloc(sim->heap, sim->heap_capacity * sizeof(*sim->heap));
        WW_ASSERT(sim->heap != NULL);
    }
    event.at_ns = at_ns > sim->world->now_ns ? at_ns : sim->world->now_ns;
    event.order = ++sim->orders;
    uint32_t at = sim->heap_count++;
    while (at > 0 && before(&event, &sim->heap[(at - 1) / 2])) {
        sim->heap[at] = sim->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->heap[at] = event;
}

static struct sim_event pop(struct sim *sim)
{
    WW_ASSERT(sim->heap_count > 0);
    struct sim_event first = sim->heap[0];
    struct sim_event last = sim->heap[--sim->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < sim->heap_count; at = child) {
        if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!before(&sim->heap[child], &last))
            break;
        sim->heap[at] = sim->heap[child];
    }
    sim->heap[at] = last;
    return first;
}

void sim_wake(struct sim *sim, uint32_t node, uint64_t at_ns)
{
    sim->nodes[node].wake_ns = at_ns;
    sim_at(sim, at_ns, (struct sim_event){.kind = SIM_WAKE, .node = node});
}

/* ---- running a node ---- */

/* When the node has something to do again if nothing reaches it. */
static uint64_t next_wake(const struct sim *sim, const struct world_node *node)
{
    const struct ww_net *net = node->shard->net;
    uint64_t limit = sim->world->now_ns + sim->settings.election_min_ns / WAKES_PER_TIMEOUT;
    uint64_t deadline = UINT64_MAX;
    for (uint32_t i = 0; i < sim->settings.groups; i++) {
        uint64_t due = ww_raft_deadline_ns(net->groups[i].raft);
        deadline = due < deadline ? due : deadline;
    }
    if (deadline < net->next_tick_ns)
        deadline = net->next_tick_ns;
    uint64_t when = world_clock_when(node, deadline);
    if (net->dirty_count > 0 && when > sim->world->now_ns + WORLD_MS)
        when = sim->world->now_ns + WORLD_MS;
    return when < limit ? when : limit;
}

void sim_poll_node(struct sim *sim, uint32_t id)
{
    struct world *world = sim->world;
    const struct world_node *node = &world->nodes[id];
    if (node->shard == NULL || node->paused)
        return;
    bool left = false;
    uint32_t work = 1;
    for (uint32_t i = 0; i < ROUNDS_MAX && work > 0; i++) {
        work = world_poll_stage(world, id, WORLD_NET);
        if (sim_chance(sim, sim->settings.lazy))
            left = true;
        else
            work += world_poll_stage(world, id, WORLD_LOG);
        if (sim_chance(sim, sim->settings.lazy))
            left = true;
        else
            work += world_poll_stage(world, id, WORLD_APPLY);
    }
    sim_check_node(sim, id);
    if (atomic_load(&node->shard->fenced) != 0)
        return;
    uint64_t when =
        left || work > 0 ? world->now_ns + sim_pick(sim, 1000, 200000) : next_wake(sim, node);
    struct sim_node *own = &sim->nodes[id];
    if (when < own->wake_ns || own->wake_ns <= world->now_ns)
        sim_wake(sim, id, when);
}

/* ---- events ---- */

static void trace_frame(struct sim *sim, const struct world_frame *frame, bool arrived)
{
    static const char *const names[WW_RAFT_MESSAGE_TYPES] = {
        [WW_RAFT_APPEND] = "%lu > %lu  APPEND term %lu previous %lu/%lu commit %lu",
        [WW_RAFT_APPEND_ACK] = "%lu > %lu  ack term %lu match %lu (%lu) round %lu",
        [WW_RAFT_APPEND_REJECT] = "%lu > %lu  reject term %lu previous %lu conflict %lu first %lu",
        [WW_RAFT_PRE_VOTE] = "%lu > %lu  PRE-VOTE term %lu last %lu/%lu (%lu)",
        [WW_RAFT_PRE_VOTE_REPLY] = "%lu > %lu  pre-vote reply term %lu (%lu %lu) granted %lu",
        [WW_RAFT_VOTE] = "%lu > %lu  VOTE term %lu last %lu/%lu (%lu)",
        [WW_RAFT_REJOIN] = "%lu > %lu  REJOIN term %lu (%lu %lu) start %lu",
        [WW_RAFT_REJOIN_REPLY] = "%lu > %lu  rejoin reply term %lu barrier %lu from %lu start %lu",
        [WW_RAFT_VOTE_REPLY] = "%lu > %lu  vote reply term %lu (%lu %lu) granted %lu",
    };
    const struct ww_datagram_header *header = world_frame_header(frame);
    uint64_t now = sim->world->now_ns;
    if (!arrived) {
        sim_trace_add(&sim->trace, now, "%lu > %lu  lost at the receiver: frame %lu (%lu %lu %lu)",
                      frame->from, frame->to, frame->id, 0, 0, 0);
        return;
    }
    if (frame->from >= WW_LINK_CLIENT || frame->to >= WW_LINK_CLIENT) {
        sim_trace_add(&sim->trace, now, "%lu > %lu  frame %lu, %lu bytes, checksum %lu (%lu)",
                      frame->from, frame->to, frame->id, frame->size_bytes, header->crc32c, 0);
        return;
    }
    const struct ww_raft_message *message;
    for (uint32_t i = 0; (message = world_frame_message(frame, i, NULL)) != NULL; i++) {
        const char *name = message->type < WW_RAFT_MESSAGE_TYPES ? names[message->type] : NULL;
        bool reply = message->type == WW_RAFT_VOTE_REPLY || message->type == WW_RAFT_PRE_VOTE_REPLY;
        sim_trace_add(&sim->trace, now,
                      name != NULL ? name : "%lu > %lu  message term %lu index %lu/%lu commit %lu",
                      frame->from, frame->to, message->term, message->index, message->log_term,
                      reply ? message->flags & WW_RAFT_GRANTED : message->commit);
    }
}

static void on_frame(struct sim *sim, struct world_frame *frame)
{
    uint32_t to = frame->to;
    bool arrives = !sim->world->cut[frame->from][to] &&
                   (to >= WW_LINK_CLIENT || sim->world->nodes[to].shard != NULL);
    trace_frame(sim, frame, arrives);
    if (!world_deliver(sim->world, frame))
        return;
    if (to == WW_LINK_CLIENT + SIM_READER)
        sim_reader_poll(sim);
    else if (to >= WW_LINK_CLIENT)
        sim_client_poll(sim, to - WW_LINK_CLIENT);
    else
        sim_poll_node(sim, to);
}

static void on_disk(struct sim *sim, uint32_t node, uint64_t id)
{
    struct world_disk *disk = &sim->world->nodes[node].disk;
    for (uint32_t i = 0; i < disk->operation_count; i++) {
        struct world_operation *operation = &disk->operations[i];
        if (operation->id != id)
            continue;
        sim_trace_add(&sim->trace, sim->world->now_ns,
                      "%lu  disk: operation of kind %lu at %lu, %lu bytes, is done (%lu %lu)", node,
                      operation->kind, operation->position, operation->size_bytes, 0, 0);
        world_disk_done(disk, operation);
        sim_poll_node(sim, node);
        return;
    }
}

static void on_resume(struct sim *sim, uint32_t node)
{
    sim_trace_add(&sim->trace, sim->world->now_ns,
                  "%lu  goes on after a pause (%lu %lu %lu %lu %lu)", node, 0, 0, 0, 0, 0);
    if (sim->world->nodes[node].paused)
        sim->world->nodes[node].clock.stale_ns = sim->nodes[node].stopped_ns;
    sim->nodes[node].stopped_ns = 0;
    sim->world->nodes[node].paused = false;
    sim_poll_node(sim, node);
}

/* One event; an old WAKE counts for nothing. */
static void step(struct sim *sim)
{
    struct sim_event event = pop(sim);
    WW_ASSERT(event.at_ns >= sim->world->now_ns);
    if (event.kind == SIM_WAKE && sim->nodes[event.node].wake_ns != event.at_ns)
        return;
    sim->world->now_ns = event.at_ns;
    sim->events++;
    switch (event.kind) {
    case SIM_FRAME:
        on_frame(sim, event.frame);
        break;
    case SIM_DISK:
        on_disk(sim, event.node, event.id);
        break;
    case SIM_WAKE:
        sim_poll_node(sim, event.node);
        break;
    case SIM_CLIENT:
        sim_client_turn(sim, event.node);
        break;
    case SIM_FAULT:
        sim_fault(sim, event.node);
        break;
    case SIM_START:
        sim_start_node(sim, event.node);
        break;
    case SIM_END:
        if (sim->world->nodes[event.node].starts == event.id)
            sim_end_node(sim, event.node);
        break;
    case SIM_RESUME:
        on_resume(sim, event.node);
        break;
    default:
        sim_heal(sim);
    }
    if (sim->world->broken != NULL)
        sim_violated(sim, "contract: %s", sim->world->broken);
}

/* ---- a run ---- */

static void begin(struct sim *sim, uint64_t seed)
{
    sim->seed = seed;
    sim->random.state = ww_random_mix(seed + 0x5117);
    sim->calm = false;
    sim->events = sim->orders = 0;
    sim->heap_count = 0;
    sim->violation[0] = 0;
    memset(sim->nodes, 0, sizeof(sim->nodes));
    memset(sim->reads, 0, sizeof(sim->reads));
    sim->read_tags = 0;
    ww_history_clear(&sim->history);
    sim_trace_reset(&sim->trace, seed);
    sim_ledger_reset(&sim->ledger);
    sim_choose(sim);
    const struct sim_settings *settings = &sim->settings;
    struct world_options options;
    world_options_init(&options);
    options.nodes = settings->nodes;
    options.seed = ww_random_next(&sim->random);
    options.write_depth = settings->write_depth;
    options.shard.wal = settings->wal;
    options.disk_bytes = settings->disk_bytes;
    options.parts_refused = settings->parts_refused;
    options.parts_lost = settings->parts_lost;
    options.amnesia = true; /* as a real node in a new directory */
    options.shard.session_timeout_ns = settings->session_timeout_ns;
    options.shard.groups = settings->groups;
    options.shard.configuration = settings->configuration;
    options.shard.snapshot_entries = settings->snapshot_entries;
    options.shard.snapshot_keep = settings->snapshot_keep;
    options.shard.retain_bytes = settings->retain_bytes;
    options.shard.retain_time_ns = settings->retain_time_ns;
    options.shard.adaptive = settings->adaptive;
    options.shard.leases = settings->leases;
    options.shard.clock_drift_ppm = 500;
    for (uint32_t id = 1; id <= WW_NODES_MAX && settings->priorities; id++)
        options.shard.priorities[id] = (uint8_t)sim_pick(sim, 0, 2);
    options.shard.heartbeat_ns = settings->heartbeat_ns;
    options.shard.election_min_ns = settings->election_min_ns;
    options.shard.election_max_ns = settings->election_max_ns;
    options.shard.retry_ns = settings->heartbeat_ns * 3 / 2;
    options.hooks = (struct world_hooks){
        .context = sim,
        .sent = sim_sent,
        .began = sim_began,
        .durable = sim_durable,
        .recovered = sim_recovered,
        .applied = sim_applied,
        .restored = sim_restored,
        .forgot = sim_forgot,
        .began_anew = sim_began_anew,
    };
    world_begin(sim->world, &options);
    for (uint32_t id = 1; id <= settings->nodes; id++)
        sim_at(sim, sim->world->now_ns + sim_pick(sim, 0, settings->election_min_ns),
               (struct sim_event){.kind = SIM_START, .node = id});
    sim_clients_begin(sim);
    sim_faults_begin(sim);
}

static void come_to_rest(struct sim *sim)
{
    uint64_t end_ns = sim->world->now_ns + SIM_BOUND_NS;
    const char *why = "the first look";
    sim_trace_add(&sim->trace, sim->world->now_ns, "the faults are over (%lu %lu %lu %lu %lu %lu)",
                  0, 0, 0, 0, 0, 0);
    sim_faults_end(sim);
    for (uint64_t count = 1; !sim_failed(sim); count++) {
        step(sim);
        if (count % CHECK_SETTLED_EVENTS == 0 && sim_settled(sim, &why))
            break;
        if (sim->world->now_ns > end_ns)
            sim_violated(sim, "progress: %" PRIu64 " s after the faults: %s",
                         SIM_BOUND_NS / 1000000000, why);
    }
    if (!sim_failed(sim))
        sim_check_end(sim);
    if (!sim_failed(sim))
        sim_check_history(sim);
}

static uint64_t commits_of(const struct sim *sim)
{
    uint64_t commits = 0;
    for (uint32_t i = 0; i < sim->settings.groups; i++)
        commits += sim->ledger.groups[i].commit;
    return commits;
}

void sim_run(struct sim *sim, uint64_t seed, uint64_t events, struct sim_result *result)
{
    begin(sim, seed);
    while (sim->events < events && !sim_failed(sim))
        step(sim);
    if (!sim_failed(sim))
        come_to_rest(sim);
    *result = (struct sim_result){
        .events = sim->events,
        .hash = sim->trace.hash,
        .simulated_ns = sim->world->now_ns - WORLD_START_NS,
        .commits = commits_of(sim),
        .acknowledged = sim->acknowledged,
        .crashes = sim->crashes,
        .changes = sim->changes,
        .restored = sim->restored,
        .answers = sim->answers,
        .gone = sim->gone,
        .full = sim->full,
        .losses = sim->losses,
        .cut_logs = sim->cut_logs,
        .begun_anew = sim->begun_anew,
    };
    for (uint32_t id = 1; id <= sim->settings.nodes; id++)
        result->released += sim->world->nodes[id].disk.begin;
    memcpy(result->violation, sim->violation, sizeof(result->violation));
    if (sim_failed(sim) && sim->report != NULL)
        sim_print_state(sim, sim->report);
    sim_clients_end(sim);
    world_end(sim->world);
}

struct sim *sim_create(void)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    if (sim != NULL)
        sim->world = world_create();
    if (sim != NULL)
        ww_history_init(&sim->history);
    if (sim == NULL || sim->world == NULL) {
        sim_destroy(sim);
        return NULL;
    }
    return sim;
}

void sim_destroy(struct sim *sim)
{
    if (sim == NULL)
        return;
    world_destroy(sim->world);
    ww_history_free(&sim->history);
    sim_ledger_free(&sim->ledger);
    free(sim->heap);
    free(sim);
}
