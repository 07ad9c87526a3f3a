/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the NET stage and the steps of its poll iteration, one file each:
 *
 *   net_stage.c    the iteration itself, life cycle, the view for other threads
 *   net_receive.c  datagrams in: check, dispatch
 *   net_propose.c  clients: admit proposals
 *   net_pending.c  proposals that wait for their commit, and their answers
 *   net_session.c  client sessions: register them, find out about them
 *   net_query.c    linearizable queries
 *   net_raft.c     run the consensus core and do what it says
 *   net_log.c      append to the log buffer, close blocks, take what became durable
 *   net_send.c     datagrams out: messages, AppendEntries
 *   net_read.c     read the log from memory or disk: followers, apply, clients
 *   net_client_read.c  clients read committed entries
 *   net_release.c  what leaves the log, and which part of the stream nobody needs
 *   net_snapshot.c      snapshots: taking, storing, installing
 *   net_snapshot_part.c parts of them out and in
 *   net_view.c     what other threads are told
 *   net_request.c  what an operator asks for
 */
#ifndef WW_STAGES_NET_INTERNAL_H
#define WW_STAGES_NET_INTERNAL_H

#include "engine/base/assert.h"
#include "engine/groups/group.h"
#include "engine/groups/log_buffer.h"
#include "engine/stages/pipeline.h"
#include "engine/stages/shard_view.h"
#include "engine/wire/client_message.h"
#include "engine/wire/datagram.h"

/* Where the body begins in a datagram of one message. */
#define WW_BODY_OFFSET (WW_DATAGRAM_HEADER_BYTES + WW_MESSAGE_BYTES)

/* The batch that proposals of one group are being copied into, at the end of the open block. */
struct ww_open_batch {
    uint8_t *place; /* NULL: none is open */
    uint32_t group;
    uint32_t entry_bytes;
    uint16_t count;
    uint64_t term;
    uint64_t first_index;
    uint64_t session;
    uint64_t first_sequence;
};

/* Messages without bodies that wait for the end of the iteration, per link. */
struct ww_outbox {
    uint32_t destination; /* node id or client number */
    uint32_t count;
    uint8_t messages[WW_MESSAGES_PER_DATAGRAM][WW_MESSAGE_BYTES];
};

/* A message that may leave when the stream is durable up to `position`. */
struct ww_promise {
    uint64_t position;
    uint32_t to;
    struct ww_raft_message message;
};

enum ww_read_state { WW_READ_FREE, WW_READ_WAITING, WW_READ_READY };

/* A part of the stream, read back from disk for one reader. */
struct ww_read_buffer {
    enum ww_read_state state;
    struct ww_reader *owner; /* NULL once it gave the buffer up */
    uint64_t used_ns;        /* when the owner last looked at it */
    bool pinned;             /* APPLY may still read it */
    uint8_t *data;
    uint64_t position; /* of data[0]: the begin of a block */
    uint32_t bytes;
    uint32_t block; /* offset of the block that the scan is in */
    uint32_t batch; /* offset of the next batch; 0: the block was not entered yet */
};

/* Entries of a group, in memory: those of `batch` in [from, to]. */
struct ww_log_view {
    const struct ww_batch_header *batch;
    uint64_t from;
    uint64_t to;
};

/* A client's READ that is being served. */
struct ww_client_read {
    bool active;
    uint32_t client;
    uint32_t group;
    uint64_t tag;
    uint64_t next;
    uint32_t window_bytes;
    struct ww_reader reader;
};

enum ww_query_state { WW_QUERY_FREE, WW_QUERY_WAITS, WW_QUERY_ASKED };

/* A client's query. */
struct ww_client_query {
    enum ww_query_state state;
    uint32_t link;
    uint32_t client;
    uint32_t group;
    uint64_t tag;
    uint64_t term;              /* the leadership that it is for */
    uint64_t round, read_index; /* as the core wants it */
    uint64_t index;             /* that it is answered at */
    struct ww_query job;        /* APPLY's while it was asked */
};

/* When the stream is looked at next, to give a part of it back. */
struct ww_net_release {
    bool due;
    bool waits; /* for records to become durable */
    uint64_t next_ns;
    uint64_t next_head;
    uint64_t position; /* LOG was told */
};

struct ww_net {
    struct ww_shard *shard;
    struct ww_group *groups;
    uint64_t now_ns;
    uint64_t next_tick_ns;

    struct ww_log_buffer buffer;
    struct ww_batch_table table;
    struct ww_open_batch open;
    uint32_t batch_max;
    uint64_t durable;                           /* stream position */
    uint64_t blocks_out[WW_PERSIST_RING_SLOTS]; /* where each block at LOG ends */
    uint64_t blocks_first, blocks_end;          /* numbers, modulo the array */
    struct ww_wal_tuning wal;                   /* in force */
    /* Of the open block: when its first batch came, its entries, and whether it may not wait. */
    uint64_t block_since_ns;
    uint64_t block_entries;
    uint32_t block_traced; /* batches of it with sampled entries; where the first is */
    uint32_t block_traced_at;
    bool block_urgent;

    bool saves_refused; /* the store had no room for a snapshot */
    struct ww_raft_update update;
    struct ww_promise *promises; /* options.promises */
    uint64_t promises_first, promises_end;
    uint32_t *dirty; /* ids of groups to flush */
    uint32_t dirty_count;
    uint32_t amnesiac; /* groups that may have forgotten promises */
    uint32_t anew;     /* groups that begin anew, and the stream does not say so yet */
    uint64_t anew_end; /* position behind the last record that says so; 0: there is none */

    struct ww_outbox outboxes[WW_LINKS];
    struct ww_pending *pending; /* options.pendings, a pool */
    uint32_t pending_free;
    uint64_t pending_count;

    struct ww_read_buffer read_buffers[WW_READ_BUFFERS];
    struct ww_client_read client_reads[WW_CLIENTS_MAX];
    struct ww_client_query queries[WW_QUERIES_MAX];
    uint8_t *query_bytes; /* requests and answers */
    uint32_t query_count; /* not free */

    struct ww_net_release release;

    struct ww_shard_view counters; /* its groups pointer stays NULL */
    /* Of another thread, until NET takes them; view_event (an eventfd) tells that it answered. */
    _Atomic(void *) view_wanted;    /* struct ww_shard_view */
    _Atomic(void *) request_wanted; /* struct ww_shard_request */
    int view_event;
};

/* net_stage.c: looks at the clock, and tells the groups of a step that no poll explains. */
void ww_net_take_time(struct ww_net *net);
static inline bool ww_net_fenced(const struct ww_net *net)
{
    return atomic_load_explicit(&net->shard->fenced, memory_order_relaxed) != 0;
}

/* net_receive.c */
uint32_t ww_net_receive(struct ww_net *net);

/* net_request.c: the answer of the core, or why it was not asked. */
int ww_net_request(struct ww_net *net, struct ww_shard_request *request);

/* net_propose.c */
void ww_net_propose(struct ww_net *net, uint32_t link, uint32_t client,
                    const struct ww_client_message *message, const uint8_t *body);

/* net_pending.c */
void ww_net_add_pending(struct ww_net *net, struct ww_group *group, const struct ww_pending *run);
/* A message of this type that says no to `about`. */
void ww_net_refuse(struct ww_net *net, uint32_t link, uint32_t client,
                   const struct ww_client_message *about, uint8_t type, int status,
                   uint64_t expected);
void ww_net_answer_committed(struct ww_net *net, uint32_t group, uint32_t link, uint32_t client,
                             uint64_t sequence, uint64_t index, uint64_t count);
void ww_net_answer_applied(struct ww_net *net, struct ww_group *group,
                           const struct ww_applied *applied);
void ww_net_abandon_pending(struct ww_net *net, struct ww_group *group);
/* The first sequence of the client's session that is pending, or is expected next. */
uint64_t ww_net_pending_from(const struct ww_net *net, const struct ww_group *group,
                             const struct ww_client_slot *client);
bool ww_net_registers(const struct ww_net *net, const struct ww_group *group, uint64_t nonce);

/* net_session.c */
void ww_net_register(struct ww_net *net, uint32_t link, uint32_t client,
                     const struct ww_client_message *message);
void ww_net_registered(struct ww_net *net, struct ww_group *group, const struct ww_pending *run,
                       const struct ww_applied *applied);
void ww_net_end_session(struct ww_net *net, uint32_t link, uint32_t client,
                        const struct ww_client_message *message);
void ww_net_looked_up(struct ww_net *net, struct ww_group *group, uint32_t number);
/* The slot of a client whose proposals may be taken; NULL: not now, and it was told why. */
struct ww_client_slot *ww_net_client_slot(struct ww_net *net, uint32_t link, uint32_t client,
                                          const struct ww_client_message *message);

/* net_query.c */
void ww_net_query(struct ww_net *net, uint32_t link, uint32_t client,
                  const struct ww_client_message *message, const uint8_t *body);
uint32_t ww_net_serve_queries(struct ww_net *net);
void ww_net_query_answered(struct ww_net *net, const struct ww_applied *applied);

/* net_raft.c. `body` is the AppendEntries' batches, `body_bytes` of them. */
void ww_net_step(struct ww_net *net, struct ww_group *group, struct ww_raft_event *event,
                 const uint8_t *body);
void ww_net_append_entries(struct ww_net *net, uint32_t from, const struct ww_raft_message *message,
                           const uint8_t *body);
uint32_t ww_net_tick(struct ww_net *net);
void ww_net_release_promises(struct ww_net *net);
void ww_net_mark_dirty(struct ww_net *net, struct ww_group *group);
uint64_t ww_net_log_time(struct ww_net *net, struct ww_group *group); /* of a leader's batch */

/* net_log.c */
uint8_t *ww_net_reserve(struct ww_net *net, uint32_t bytes);
void ww_net_commit_batch(struct ww_net *net, struct ww_group *group, const void *batch);
/* Records, also of what is recorded already; false: no room. `flags`: WW_HARD_STATE_... */
bool ww_net_append_hard_state(struct ww_net *net, struct ww_group *group, uint64_t term,
                              uint32_t vote, uint32_t flags);
bool ww_net_append_snapshot(struct ww_net *net, struct ww_group *group,
                            const struct ww_snapshot_header *about);
uint64_t ww_net_room(struct ww_net *net); /* bytes for entries now, terms and votes kept aside */
/* For those of clients: a quarter of the memory is kept for what other leaders send. Else two nodes
 * that lead a group each could fill theirs with what neither has room to take from the other. */
uint64_t ww_net_client_room(struct ww_net *net);
void ww_net_seal_open(struct ww_net *net);
void ww_net_submit(struct ww_net *net); /* close the open block if LOG is ready for it */
/* Puts the tuning in force; the open block, begun under the old one, is closed first. WW_EBUSY: it
 * cannot be now. */
int ww_net_tune(struct ww_net *net, const struct ww_wal_tuning *tuning);
uint32_t ww_net_take_durable(struct ww_net *net);

/* net_send.c */
void ww_net_post(struct ww_net *net, uint32_t link, uint32_t destination, const void *message);
void ww_net_send_outbox(struct ww_net *net, uint32_t link);
void ww_net_send_outboxes(struct ww_net *net);
void ww_net_send_with_body(struct ww_net *net, uint32_t destination, uint8_t *data,
                           const void *message, uint32_t body_bytes);
bool ww_net_send_appends(struct ww_net *net, struct ww_group *group); /* false: more to come */

/* net_read.c */
enum ww_read_result { WW_READ_VIEW, WW_READ_LATER };
enum ww_read_result ww_net_read(struct ww_net *net, struct ww_group *group,
                                struct ww_reader *reader, uint64_t index, bool may_release,
                                struct ww_log_view *view);
/* Entries >= from left the log: whoever reads on from there looks up anew where they stand. */
void ww_net_truncate_readers(struct ww_net *net, struct ww_group *group, uint64_t from);
void ww_net_reader_reset(struct ww_net *net, struct ww_reader *reader);
void ww_net_reset_feeds(struct ww_net *net, struct ww_group *group); /* those of followers */
void ww_net_read_done(struct ww_net *net, const struct ww_log_event *event);
bool ww_net_feed_apply(struct ww_net *net, struct ww_group *group); /* false: more to come */
uint32_t ww_net_take_applied(struct ww_net *net);
void ww_net_client_read(struct ww_net *net, uint32_t link, uint32_t client,
                        const struct ww_client_message *message);
uint32_t ww_net_serve_client_reads(struct ww_net *net);
void ww_net_reset_client_reads(struct ww_net *net, struct ww_group *group);

/* net_snapshot.c */
bool ww_net_can_snapshot(const struct ww_net *net); /* do store and machine know of them? */
/* Maps the snapshot that the log rests on, if there is one. WW_EDAMAGED: it is lost or damaged. */
int ww_net_snapshot_load(struct ww_net *net, struct ww_group *group,
                         const struct ww_recovered_group *recovered, struct ww_error *error);
void ww_net_snapshot_create(struct ww_net *net, struct ww_group *group,
                            const struct ww_recovered_group *recovered,
                            struct ww_raft_options *raft);
void ww_net_snapshot_destroy(struct ww_group *group);
/* Of what APPLY was fed. WW_OK: begun; WW_EBUSY: not now; WW_EINVAL: nothing was fed, or store or
 * machine have none. */
int ww_net_snapshot_take(struct ww_net *net, struct ww_group *group);
int ww_net_snapshot_request(struct ww_net *net, struct ww_group *group, uint64_t *index);
/* One step further, as far as it goes now; false: there was no room, come again. */
bool ww_net_snapshot_advance(struct ww_net *net, struct ww_group *group);
/* APPLY came back from SAVE or RESTORE, the store from saving; the record is durable. */
void ww_net_snapshot_viewed(struct ww_net *net, struct ww_group *group, int status);
void ww_net_snapshot_restored(struct ww_net *net, struct ww_group *group);
void ww_net_snapshot_saved(struct ww_net *net, const struct ww_log_event *event);
void ww_net_snapshot_recorded(struct ww_net *net, struct ww_group *group);

/* Must APPLY get no entries, since a snapshot takes the place of its state? */
static inline bool ww_net_snapshot_holds(const struct ww_group *group)
{
    enum ww_snapshot_step step = group->snapshot.step;
    return step == WW_SNAPSHOT_INSTALLED ||
           (step == WW_SNAPSHOT_RECORDED && group->snapshot.install);
}

static inline const struct ww_snapshot_header *ww_net_kept(const struct ww_group *group)
{
    return (const void *)group->snapshot.kept.data; /* NULL: there is none */
}

static inline uint64_t ww_net_snapshot_index(const struct ww_group *group)
{
    return ww_net_kept(group) != NULL ? ww_net_kept(group)->index : 0;
}

/* Sampled entries of [from, to], or of what a position rose over, are at this point. */
static inline void ww_net_trace(const struct ww_net *net, const struct ww_group *group,
                                enum ww_trace_point point, uint64_t from, uint64_t to)
{
    struct ww_trace_record place = {.group = group->id, .point = (uint16_t)point};
    ww_trace_range(&net->shard->traces[WW_STAGE_NET], place, from, to);
}
static inline void ww_net_trace_rise(const struct ww_net *net, const struct ww_group *group,
                                     enum ww_trace_point point, uint64_t *at, uint64_t to)
{
    struct ww_trace_record place = {.group = group->id, .point = (uint16_t)point};
    ww_trace_rise(&net->shard->traces[WW_STAGE_NET], place, at, to);
}

/* net_release.c */
uint32_t ww_net_release(struct ww_net *net);
/* The snapshot at `index` is recorded: what it stands for leaves the log, but for what is kept. */
void ww_net_compact(struct ww_net *net, struct ww_group *group, uint64_t index, uint64_t bytes);
/* Entries below `first_index` leave what NET knows of the log, as they left the core's. */
void ww_net_forget_entries(struct ww_net *net, struct ww_group *group, uint64_t first_index);

/* net_snapshot_part.c */
bool ww_net_send_snapshot_part(struct ww_net *net, struct ww_group *group, uint32_t peer,
                               struct ww_raft_message *message, uint32_t budget);
void ww_net_receive_snapshot_part(struct ww_net *net, uint32_t from,
                                  const struct ww_raft_message *message, const uint8_t *body);

/* Copies whole batches from `index` to `last` to `out`; returns bytes, *next the index behind. */
uint32_t ww_net_gather(struct ww_net *net, struct ww_group *group, struct ww_reader *reader,
                       uint64_t index, uint64_t last, uint8_t *out, uint32_t max, uint64_t *next);

#endif
