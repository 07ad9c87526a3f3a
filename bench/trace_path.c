/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/trace_path.h"

const char *ww_way_name(enum ww_stage_of_way stage)
{
    static const char *const names[WW_WAY_STAGES] = {
        [WW_WAY_CLIENT_WAIT] = "client_wait",
        [WW_WAY_CLIENT_TO_LEADER] = "client_to_leader",
        [WW_WAY_LEADER_BATCHING] = "leader_batching",
        [WW_WAY_WAL_QUEUE] = "wal_queue",
        [WW_WAY_WAL_WRITE] = "wal_write",
        [WW_WAY_WAL_REPORT] = "wal_report",
        [WW_WAY_LEADER_SEND] = "leader_send",
        [WW_WAY_REPLICATE] = "replicate",
        [WW_WAY_FOLLOWER_BATCHING] = "follower_batching",
        [WW_WAY_FOLLOWER_QUEUE] = "follower_queue",
        [WW_WAY_FOLLOWER_WRITE] = "follower_write",
        [WW_WAY_FOLLOWER_REPORT] = "follower_report",
        [WW_WAY_ACK] = "ack",
        [WW_WAY_COMMIT_TO_APPLY] = "commit_to_apply",
        [WW_WAY_APPLY_QUEUE] = "apply_queue",
        [WW_WAY_APPLY] = "apply",
        [WW_WAY_ANSWER] = "answer",
        [WW_WAY_LEADER_TO_CLIENT] = "leader_to_client",
    };
    return names[stage];
}

uint32_t ww_trace_leader(const struct ww_trace_sample *sample)
{
    for (uint32_t node = 1; node <= WW_NODES_MAX; node++)
        if (sample->at[node][WW_TRACE_ANSWERED] != 0)
            return node;
    return 0;
}

/* A stage and where it ends; it begins where the one before ended. */
struct step {
    enum ww_stage_of_way stage;
    uint64_t end_ns;
};

static enum ww_trace_verdict walk(struct ww_trace_leg *leg, uint64_t from_ns,
                                  const struct step *steps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (from_ns == 0 || steps[i].end_ns == 0)
            return WW_TRACE_INCOMPLETE;
        if (steps[i].end_ns < from_ns)
            return WW_TRACE_DISORDERED;
        leg->ns[steps[i].stage] = steps[i].end_ns - from_ns;
        leg->has[steps[i].stage] = true;
        from_ns = steps[i].end_ns;
    }
    return WW_TRACE_COMPLETE;
}

enum ww_trace_verdict ww_trace_replica(const struct ww_trace_sample *sample, uint32_t leader,
                                       uint32_t node, struct ww_trace_leg *leg)
{
    const uint64_t *at = sample->at[node];
    const struct step own[] = {
        {WW_WAY_LEADER_BATCHING, at[WW_TRACE_CLOSED]},
        {WW_WAY_WAL_QUEUE, at[WW_TRACE_SUBMITTED]},
        {WW_WAY_WAL_WRITE, at[WW_TRACE_WRITTEN]},
        {WW_WAY_WAL_REPORT, at[WW_TRACE_DURABLE]},
    };
    const struct step follower[] = {
        {WW_WAY_LEADER_SEND, sample->sent_to_ns[node]},
        {WW_WAY_REPLICATE, at[WW_TRACE_APPENDED]},
        {WW_WAY_FOLLOWER_BATCHING, at[WW_TRACE_CLOSED]},
        {WW_WAY_FOLLOWER_QUEUE, at[WW_TRACE_SUBMITTED]},
        {WW_WAY_FOLLOWER_WRITE, at[WW_TRACE_WRITTEN]},
        {WW_WAY_FOLLOWER_REPORT, at[WW_TRACE_ACK_SENT]},
        {WW_WAY_ACK, sample->acked_by_ns[node]},
    };
    uint64_t begin_ns = sample->at[leader][WW_TRACE_APPENDED];
    return node == leader ? walk(leg, begin_ns, own, sizeof(own) / sizeof(own[0]))
                          : walk(leg, begin_ns, follower, sizeof(follower) / sizeof(follower[0]));
}

/* When the leader knew that `node` has the entry; 0: never. */
static uint64_t held_ns(const struct ww_trace_sample *sample, uint32_t leader, uint32_t node)
{
    return node == leader ? sample->at[node][WW_TRACE_DURABLE] : sample->acked_by_ns[node];
}

/* The last of those that the leader heard of before it committed; 0: too few are known. */
static uint32_t find_decider(const struct ww_trace_sample *sample, uint32_t leader, uint32_t quorum)
{
    uint32_t decider = 0, holders = 0;
    for (uint32_t node = 1; node <= WW_NODES_MAX; node++) {
        uint64_t ns = held_ns(sample, leader, node);
        if (ns == 0 || ns > sample->at[leader][WW_TRACE_COMMITTED])
            continue;
        holders++;
        if (decider == 0 || ns > held_ns(sample, leader, decider))
            decider = node;
    }
    return holders >= quorum ? decider : 0;
}

enum ww_trace_verdict ww_trace_way(const struct ww_trace_sample *sample, uint32_t quorum,
                                   struct ww_trace_leg *way, uint32_t *decider)
{
    uint32_t leader = ww_trace_leader(sample);
    *way = (struct ww_trace_leg){0};
    *decider = leader != 0 ? find_decider(sample, leader, quorum) : 0;
    if (*decider == 0)
        return WW_TRACE_INCOMPLETE;
    const uint64_t *at = sample->at[leader];
    const struct step before[] = {
        {WW_WAY_CLIENT_WAIT, sample->sent_ns},
        {WW_WAY_CLIENT_TO_LEADER, at[WW_TRACE_APPENDED]},
    };
    const struct step behind[] = {
        {WW_WAY_COMMIT_TO_APPLY, at[WW_TRACE_FED]},     {WW_WAY_APPLY_QUEUE, at[WW_TRACE_TAKEN]},
        {WW_WAY_APPLY, at[WW_TRACE_APPLIED]},           {WW_WAY_ANSWER, at[WW_TRACE_ANSWERED]},
        {WW_WAY_LEADER_TO_CLIENT, sample->answered_ns},
    };
    enum ww_trace_verdict verdict =
        walk(way, sample->meant_ns, before, sizeof(before) / sizeof(before[0]));
    if (verdict == WW_TRACE_COMPLETE)
        verdict = ww_trace_replica(sample, leader, *decider, way);
    if (verdict == WW_TRACE_COMPLETE)
        verdict = walk(way, held_ns(sample, leader, *decider), behind,
                       sizeof(behind) / sizeof(behind[0]));
    return verdict;
}
