/* SPDX-License-Identifier: Apache-2.0 */
/* Could these options start a core? They come from a configuration file and from a disk. */
#include "engine/raft/raft_internal.h"

static const char *base_wrong(const struct ww_raft_options *options)
{
    if (options->base_index > WW_RAFT_POSITION_MAX || options->base_term > options->term ||
        (options->base_index == 0) != (options->base_term == 0))
        return "the end of the stored snapshot is out of range";
    if ((options->base_index == 0) != (options->snapshot_bytes == 0))
        return "a stored snapshot has no size, or no end";
    if (!ww_configuration_valid(&options->configuration))
        return "the first configuration names a node twice, or only learners";
    if (options->base_index != 0 && options->configuration.voters == 0)
        return "a stored snapshot has no voters";
    return NULL;
}

static const char *log_wrong(const struct ww_raft_options *options, uint64_t *last_index)
{
    uint64_t next = options->base_index + 1;
    uint64_t term = options->base_term;

    if (options->log_runs > options->term_runs)
        return "the log has more terms than the term table holds";
    for (size_t i = 0; i < options->log_runs; i++) {
        const struct ww_raft_run *run = &options->log[i];
        if (run->first_index != next || run->last_index < run->first_index ||
            run->last_index > WW_RAFT_POSITION_MAX)
            return "the stored log is not consecutive from its begin";
        if (run->term == 0 || run->term < term || run->term > options->term)
            return "the terms of the stored log fall, or are beyond the stored term";
        next = run->last_index + 1;
        term = run->term;
    }
    *last_index = next - 1;
    return NULL;
}

static const char *configurations_wrong(const struct ww_raft_options *options, uint64_t last_index)
{
    uint64_t index = options->base_index;

    for (size_t i = 0; i < options->configuration_count; i++) {
        const struct ww_raft_placed_configuration *placed = &options->configurations[i];
        if (placed->index <= index || placed->index > last_index)
            return "the stored configurations are not in the log, or not in order";
        if (!ww_configuration_valid(&placed->configuration) || placed->configuration.voters == 0)
            return "a stored configuration has no voters, or names a node twice";
        index = placed->index;
    }
    return NULL;
}

const char *ww_raft_options_wrong(const struct ww_raft_options *options)
{
    const char *why = base_wrong(options);
    uint64_t last_index = 0;

    if (options->self < 1 || options->self > WW_NODES_MAX)
        return "this node's id is out of range";
    if (options->heartbeat_ns == 0 || options->heartbeat_ns >= options->election_min_ns)
        return "the heartbeat must be shorter than the shortest election timeout";
    if (options->election_min_ns >= options->election_max_ns ||
        options->election_max_ns > WW_RAFT_POSITION_MAX >> WW_RAFT_RETRY_DOUBLINGS)
        return "the election timeouts are not a range";
    if (options->retry_ns == 0 || options->retry_ns > options->election_max_ns)
        return "the retry time must be above zero and at most the longest election timeout";
    if (options->window_bytes == 0 || options->term_runs == 0)
        return "the window and the term table must not be empty";
    if (options->term > WW_RAFT_POSITION_MAX || options->vote > WW_NODES_MAX)
        return "the stored term or vote is out of range";
    if (options->term == 0 && options->vote != 0)
        return "a vote is stored without a term";
    if (options->clock_drift_ppm >= WW_RAFT_MILLION / 2)
        return "clocks that drift so fast give no lease";
    if (why == NULL)
        why = log_wrong(options, &last_index);
    return why != NULL ? why : configurations_wrong(options, last_index);
}
