/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The client library: pipelined proposals to a Whitewater cluster, and reads of its committed log.
 *
 * A client is used by one thread at a time. It polls: nothing happens between calls. Proposals of
 * one group are accepted in the order in which they were made. When the leader changes, what has no
 * answer yet is proposed again to the new leader. A client proposes in a session of its own per
 * group, by which the cluster knows what it took already: what is proposed once takes effect once.
 */
#ifndef WHITEWATER_CLIENT_H
#define WHITEWATER_CLIENT_H

#include <whitewater/status.h>

#include <stddef.h>
#include <stdint.h>

struct ww_client;

/** How to reach the cluster. Start from ww_client_options_init. */
struct ww_client_options {
    /** Admin endpoint "HOST:PORT" of any node; it tells the rest (transport, nodes, sockets). */
    const char *endpoint;
    /** Proposed entries without an answer, per group; more are refused with WW_EBUSY. [1, 65536] */
    uint32_t window_entries;
    /** The same in bytes, per group: 1 MiB .. 256 MiB. Choose above window_entries x entry size. */
    uint32_t window_bytes;
    /** Unanswered proposals are sent again after this many nanoseconds. */
    uint64_t retry_ns;
};

void ww_client_options_init(struct ww_client_options *options);

/** Connects. The options are copied. On failure *client is NULL and `error` says why. */
int ww_client_open(const struct ww_client_options *options, struct ww_client **client,
                   struct ww_error *error);

/** Ends the client and its sessions, which may take some milliseconds. What has no answer is
 *  abandoned (it may or may not commit). NULL is allowed. */
void ww_client_close(struct ww_client *client);

uint32_t ww_client_groups(const struct ww_client *client);

/** The largest entry in bytes that this cluster takes. */
uint32_t ww_client_entry_max(const struct ww_client *client);

/**
 * Proposes one entry of `size` bytes (copied) to `group`. Its sequence, counted from 0 per group in
 * the order of the calls, comes back in the completion. It is sent at the latest by the next
 * ww_client_poll. WW_EBUSY: the window is full, poll first. WW_ETOOBIG: above ww_client_entry_max.
 */
int ww_client_propose(struct ww_client *client, uint32_t group, const void *data, size_t size);

/** A run of proposals that committed and was applied: `count` entries at consecutive indexes. */
struct ww_completion {
    uint32_t group;
    uint32_t count;
    uint64_t first_sequence;
    uint64_t first_index; /**< log index of first_sequence */
    /**
     * WW_OK; or a refusal for good, such as WW_ETOOBIG: those were not taken. WW_EGONE: the
     * client's session is gone, since it was silent for long (raft.session_timeout) and others
     * needed the room; whether the entries took effect is not known. Later proposals are made in
     * a new session.
     */
    int status;
};

/** Sends, receives, retries; returns the number of completions written (at most `max`). */
size_t ww_client_poll(struct ww_client *client, struct ww_completion *completions, size_t max);

/** Proposals without an answer, all groups. */
uint64_t ww_client_outstanding(const struct ww_client *client);

/** A committed entry. `data` is valid until the next call. */
struct ww_log_entry {
    uint64_t index;
    uint64_t term;
    const void *data;
    size_t size;
    int is_data; /**< 0 for the engine's own entries, such as the first of a leader's term */
};

/**
 * Reads committed entries of `group` from node `node` (0: any), from `from` on (the first is 1),
 * calling `visit` for each until it returns non-zero, `timeout_ns` passes without an entry, or
 * the commit position is reached. Returns WW_OK, WW_ETIMEOUT, WW_EGONE or what `visit` returned;
 * *next is the first index not visited, with WW_EGONE where the node's log begins.
 */
int ww_client_read(struct ww_client *client, uint32_t group, uint32_t node, uint64_t from,
                   uint64_t timeout_ns, int (*visit)(void *context, const struct ww_log_entry *),
                   void *context, uint64_t *next);

/**
 * Asks the state machine of `group` on the leader, for a state that holds all that was answered
 * before the call (a linearizable read). `request` of up to 1 KiB and the answer are the machine's
 * own; for the append-only log the request is empty, and the answer two u64: the last applied index
 * and a CRC64 of the entries. *answer_size is the room, then the answer's size; *index is how far
 * the log was applied. WW_OK, WW_ETIMEOUT, WW_ETOOBIG (the request, or no room for the answer), or
 * the machine's refusal, such as WW_EINVAL.
 */
int ww_client_query(struct ww_client *client, uint32_t group, const void *request, size_t size,
                    uint64_t timeout_ns, void *answer, size_t *answer_size, uint64_t *index);

/** What the client counted. */
struct ww_client_stats {
    uint64_t busy;                      /**< BUSY answers */
    uint64_t redirects;                 /**< changes of leader */
    uint64_t resent;                    /**< entries that were sent again */
    uint64_t work_cycles, empty_cycles; /**< TSC cycles in polls that did something, or nothing */
    uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes, drops;
};

void ww_client_stats(const struct ww_client *client, struct ww_client_stats *stats);

#endif
