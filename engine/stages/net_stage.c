/* SPDX-License-Identifier: Apache-2.0 */
/* NET: the poll iteration, read top to bottom, and the stage's life cycle. */
#include "engine/stages/net_internal.h"
#include "engine/stages/stages_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A query and its answer; both begin aligned, since a machine may read numbers from them. */
#define QUERY_BYTES (((size_t)WW_QUERY_BYTES_MAX + WW_DATAGRAM_MAX(WW_MTU_MAX) + 7) & ~(size_t)7)

/* End of an iteration: the groups that something happened to say what is due. */
static void flush_groups(struct ww_net *net)
{
    uint64_t room = ww_net_room(net);
    uint32_t window = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
    uint32_t count = net->dirty_count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct ww_group *group = &net->groups[net->dirty[i]];
        bool advanced = ww_net_snapshot_advance(net, group);
        struct ww_raft_event event = {.type = WW_RAFT_EV_FLUSH, .window_bytes = window};
        ww_net_step(net, group, &event, NULL);
        bool sent = ww_net_send_appends(net, group);
        bool fed = ww_net_feed_apply(net, group);
        group->dirty = !sent || !advanced || !fed;
        if (group->dirty)
            net->dirty[kept++] = group->id;
    }
    WW_ASSERT(net->dirty_count == count);
    net->dirty_count = kept;
}

static void serve_view(struct ww_net *net);
static uint32_t serve_request(struct ww_net *net);

static void set_busy(struct ww_net *net)
{
    bool busy = net->blocks_first != net->blocks_end || net->pending_count > 0 ||
                net->dirty_count > 0 || net->query_count > 0 || ww_log_buffer_open(&net->buffer);
    if (busy != atomic_load_explicit(&net->shard->busy, memory_order_relaxed))
        atomic_store_explicit(&net->shard->busy, busy, memory_order_relaxed);
}

/* A poll comes every few microseconds; a step of the clock that no poll explains is said. */
void ww_net_take_time(struct ww_net *net)
{
    uint64_t now_ns = ww_clock_now(net->shard->clock);
    bool back = now_ns < net->now_ns;
    uint64_t step_ns = back ? 0 : now_ns - net->now_ns;
    net->now_ns = now_ns;
    if (!back && step_ns <= net->shard->options.election_min_ns / 4)
        return;
    for (uint32_t i = 0; i < net->shard->options.groups; i++) {
        struct ww_raft_event event = {.type = WW_RAFT_EV_TIME_JUMPED, .step_ns = step_ns};
        ww_net_step(net, &net->groups[i], &event, NULL);
    }
    net->next_tick_ns = 0;
}

/*
 * The stream says which groups begin anew before it says anything else of them: what they do now
 * must not look like a part of what they were. Until there is room for that, nothing else is done.
 */
static uint32_t record_anew(struct ww_net *net)
{
    struct ww_raft_status status;
    uint32_t work = ww_net_take_durable(net);
    for (uint32_t i = 0; i < net->shard->options.groups; i++) {
        struct ww_group *group = &net->groups[i];
        if (!group->anew)
            continue;
        ww_raft_status(group->raft, &status);
        if (!ww_net_append_hard_state(net, group, status.term, status.vote, WW_HARD_STATE_ANEW))
            break;
        group->anew = false;
        net->anew--;
        net->anew_end = group->hard_state.end;
        work++;
    }
    ww_net_submit(net);
    return work;
}

uint32_t ww_net_work(struct ww_shard *shard)
{
    struct ww_net *net = shard->net;
    struct ww_transport *transport = shard->transport;
    serve_view(net);
    if (ww_net_fenced(net)) {
        serve_request(net);
        return 0; /* a fenced node says nothing to others, so that nobody counts on it */
    }
    ww_net_take_time(net);
    if (net->anew > 0)
        return record_anew(net);
    uint32_t work = serve_request(net);
    work += ww_net_take_durable(net);
    work += ww_net_take_applied(net);
    work += ww_net_receive(net);
    work += ww_net_tick(net);
    if (ww_net_fenced(net))
        return work; /* the core counts on what the log does not hold */
    work += ww_net_release(net);
    bool dirty = net->dirty_count > 0; /* also by what an earlier iteration could not finish */
    if (dirty) {
        ww_net_seal_open(net);
        flush_groups(net);
    }
    work += ww_net_serve_client_reads(net);
    work += ww_net_serve_queries(net);
    if (work > 0 || dirty) {
        ww_net_send_outboxes(net);
        transport->ops->tx_flush(transport);
    }
    ww_net_submit(net);
    set_busy(net);
    return work;
}

/* What the group's log rests on. When that is lost, and peers have it, the group begins anew. */
static int load_group(struct ww_net *net, struct ww_group *group,
                      struct ww_group_recovery *recovery, struct ww_error *error)
{
    struct ww_recovered_group *recovered = &recovery->groups[group->id];
    struct ww_error lost = {0};
    int status = ww_group_recovery_check(recovered, &lost);
    if (status != WW_OK)
        ww_fail_context(&lost, "group %u", group->id);
    else
        status = ww_net_snapshot_load(net, group, recovered, &lost);
    if (status == WW_EDAMAGED && net->shard->options.repair) {
        ww_group_recovery_take_term(recovered);
        ww_group_recovery_anew(recovered);
        if (recovery->lost_groups++ == 0)
            recovery->lost = lost;
        group->anew = true;
        net->anew++;
        return WW_OK;
    }
    if (status != WW_OK && error != NULL)
        *error = lost;
    return status;
}

static int create_raft(struct ww_net *net, struct ww_group *group,
                       struct ww_group_recovery *recovery, struct ww_error *error)
{
    const struct ww_shard_options *options = &net->shard->options;
    struct ww_recovered_group *recovered = &recovery->groups[group->id];
    int status = load_group(net, group, recovery, error);
    if (status != WW_OK)
        return status;
    bool amnesia = recovered->forgot ||
                   (options->amnesia && recovered->known_position <= options->amnesia_position);
    if (amnesia)
        ww_group_recovery_take_term(recovered);
    struct ww_raft_options raft = {
        .group = group->id,
        .self = options->self,
        .heartbeat_ns = options->heartbeat_ns,
        .election_min_ns = options->election_min_ns,
        .election_max_ns = options->election_max_ns,
        .retry_ns = options->retry_ns,
        .window_bytes = options->window_bytes,
        .adaptive = options->adaptive,
        .leases = options->leases,
        .clock_drift_ppm = options->clock_drift_ppm,
        .term_runs = options->term_runs,
        .seed = options->seed + group->id,
        .term = recovered->term,
        .vote = recovered->vote,
        .log = recovered->runs,
        .log_runs = recovered->run_count,
        .configurations = recovered->configurations,
        .configuration_count = recovered->configuration_count,
        .amnesia = amnesia,
        .newborn = options->amnesia_position == 0,
        .now_ns = net->now_ns,
    };
    memcpy(raft.priorities, options->priorities, sizeof(raft.priorities));
    ww_net_snapshot_create(net, group, recovered, &raft);
    const char *why = NULL;
    status = ww_raft_create(&raft, &group->raft, &why);
    if (status != WW_OK)
        return ww_fail(error, status, "group %u: %s", group->id, why != NULL ? why : "no memory");
    net->amnesiac += ww_raft_amnesia(group->raft);
    group->index = recovered->index;
    group->time_ns = recovered->time_ns;
    recovered->index = (struct ww_log_index){0};
    return WW_OK;
}

static int create_groups(struct ww_net *net, struct ww_group_recovery *recovered,
                         struct ww_error *error)
{
    uint32_t count = net->shard->options.groups;
    for (uint32_t i = 0; i < count; i++) {
        struct ww_group *group = &net->groups[i];
        group->id = i;
        group->chain = (struct ww_batch_chain){WW_BATCH_NONE, WW_BATCH_NONE};
        group->pending_first = group->pending_last = WW_PENDING_NONE;
        ww_reader_init(&group->apply);
        for (uint32_t id = 0; id <= WW_NODES_MAX; id++)
            ww_reader_init(&group->peers[id]);
        int status = create_raft(net, group, recovered, error);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

static void create_buffer(struct ww_net *net)
{
    const struct ww_shard_options *options = &net->shard->options;
    const struct ww_log_store *store = net->shard->store;
    uint64_t span = store->span_bytes < options->log_buffer_bytes ? store->span_bytes
                                                                  : options->log_buffer_bytes;
    net->buffer = (struct ww_log_buffer){
        .memory = options->log_buffer,
        .size = options->log_buffer_bytes,
        .span = span,
        .batch_max = WW_BATCH_MAX(WW_MTU_MAX),
        .head = store->start_position,
        .block = store->start_position,
        .keep = store->start_position,
        .stream = store->stream_id,
        .epoch = store->epoch,
        .link = store->start_link,
    };
    net->durable = store->start_position;
    for (uint32_t i = 0; i < WW_READ_BUFFERS; i++)
        net->read_buffers[i].data = options->read_buffers + (size_t)i * WW_READ_BYTES;
}

static bool allocate(struct ww_net *net)
{
    const struct ww_shard_options *options = &net->shard->options;
    net->groups = calloc(options->groups, sizeof(*net->groups));
    net->dirty = calloc(options->groups, sizeof(*net->dirty));
    net->table.slots = calloc(options->batch_slots, sizeof(*net->table.slots));
    net->table.capacity = options->batch_slots;
    net->promises = calloc(options->promises, sizeof(*net->promises));
    net->pending = calloc(options->pendings, sizeof(*net->pending));
    net->query_bytes = calloc(WW_QUERIES_MAX, QUERY_BYTES);
    return net->groups != NULL && net->dirty != NULL && net->table.slots != NULL &&
           net->promises != NULL && net->pending != NULL && net->query_bytes != NULL;
}

static void create_queries(struct ww_net *net)
{
    for (uint32_t i = 0; i < WW_QUERIES_MAX; i++) {
        net->queries[i].job.request = net->query_bytes + i * QUERY_BYTES;
        net->queries[i].job.answer = net->queries[i].job.request + WW_QUERY_BYTES_MAX;
    }
}

int ww_net_create(struct ww_shard *shard, struct ww_group_recovery *recovered,
                  struct ww_error *error)
{
    struct ww_net *net = calloc(1, sizeof(*net));
    shard->net = net;
    if (net == NULL)
        return WW_ENOMEM;
    net->shard = shard;
    net->view_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (net->view_event < 0 || !allocate(net))
        return WW_ENOMEM;
    net->batch_max = WW_BATCH_MAX_IN(shard->transport->max_datagram);
    net->now_ns = ww_clock_now(shard->clock);
    uint32_t pendings = shard->options.pendings;
    for (uint32_t i = 0; i < pendings; i++)
        net->pending[i].next = i + 1 < pendings ? i + 1 : WW_PENDING_NONE;
    create_buffer(net);
    int status = ww_net_tune(net, &shard->options.wal);
    WW_ASSERT(status == WW_OK); /* nothing is open */
    create_queries(net);
    status = create_groups(net, recovered, error);
    if (status == WW_OK && shard->options.amnesia && net->amnesiac == 0)
        atomic_store_explicit(&shard->recovered, true, memory_order_relaxed);
    return status;
}

void ww_net_destroy(struct ww_net *net)
{
    if (net == NULL)
        return;
    ww_net_unmap(net);
    for (uint32_t i = 0; net->groups != NULL && i < net->shard->options.groups; i++) {
        ww_raft_destroy(net->groups[i].raft);
        ww_log_index_free(&net->groups[i].index);
        ww_net_snapshot_destroy(&net->groups[i]);
    }
    if (net->view_event >= 0)
        close(net->view_event);
    free(net->groups);
    free(net->dirty);
    free(net->table.slots);
    free(net->promises);
    free(net->pending);
    free(net->query_bytes);
    free(net);
}

uint64_t ww_shard_table_bytes(const struct ww_shard *shard)
{
    const struct ww_shard_options *options = &shard->options;
    return options->groups * (sizeof(struct ww_group) + sizeof(struct ww_session_table)) +
           WW_QUERIES_MAX * QUERY_BYTES + options->batch_slots * sizeof(struct ww_batch_slot) +
           options->promises * sizeof(struct ww_promise) +
           options->pendings * sizeof(struct ww_pending) + sizeof(struct ww_net) +
           (WW_TRACE_NET_SLOTS + 2ull * WW_TRACE_SLOTS) * sizeof(struct ww_trace_record);
}

/* ---- for other threads: net_view.c holds the asker's side ---- */

static void *take_wish(_Atomic(void *) *place)
{
    if (atomic_load_explicit(place, memory_order_relaxed) == NULL)
        return NULL;
    return atomic_exchange(place, NULL);
}

static void tell_asker(struct ww_net *net)
{
    uint64_t one = 1;
    ssize_t written = write(net->view_event, &one, sizeof(one));
    WW_ASSERT(written == sizeof(one));
}

static void view_snapshot(struct ww_group_view *view, const struct ww_group_snapshot *snapshot)
{
    view->snapshot_bytes = snapshot->kept.bytes;
    view->snapshot_step = snapshot->step;
    view->snapshot_staged_bytes = snapshot->staged.bytes;
    view->snapshot_failed_index = snapshot->failed_index;
    view->snapshot_failed_status = snapshot->failed_status;
}

static void serve_view(struct ww_net *net)
{
    struct ww_shard_view *view = take_wish(&net->view_wanted);
    if (view == NULL)
        return;
    struct ww_group_view *groups = view->groups;
    uint32_t count = view->group_count;
    *view = net->counters;
    view->groups = groups;
    view->group_count = count;
    view->durable_position = net->durable;
    view->head_position = net->buffer.head;
    view->released_position = net->release.position;
    for (uint32_t i = 0; i < count && i < net->shard->options.groups; i++) {
        ww_raft_status(net->groups[i].raft, &groups[i].raft);
        groups[i].raft.first_index = net->groups[i].first_index; /* also what only readers get */
        groups[i].applied = net->groups[i].applied;
        groups[i].digest = net->groups[i].digest;
        view_snapshot(&groups[i], &net->groups[i].snapshot);
    }
    tell_asker(net);
}

static uint32_t serve_request(struct ww_net *net)
{
    struct ww_shard_request *request = take_wish(&net->request_wanted);
    if (request == NULL)
        return 0;
    request->status = ww_net_fenced(net) ? WW_ECLOSED : ww_net_request(net, request);
    tell_asker(net);
    return 1;
}
