/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/vote_queue.h"

#include "bench/child.h"
#include "bench/probe_wal.h"
#include "engine/base/random.h"
#include "engine/base/time_ns.h"
#include "engine/raft/raft.h"
#include "engine/stages/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#define SELF 1u
#define CANDIDATE(term) (2u + (uint32_t)((term)&1)) /* nodes 2 and 3 lead in turns */
#define VOTE_SLOTS 64u
#define PAUSE_NS 20000         /* of a network that found the queue full */
#define VOTE_RETRY_NS 1000000u /* a refused vote is asked for again after so long */
#define VOTE_EVERY_NS 5000000u /* at most between a full queue and the next vote */
#define SECOND_NS UINT64_C(1000000000)

struct item {
    struct ww_raft_message message;
    uint64_t due_ns; /* VOTE: when it arrived */
};

/* BLOCKING. */
struct fifo {
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    struct item *items;
    uint32_t slots, head, count;
};

struct queue {
    enum ww_vote_queue_design design;
    struct fifo fifo;
    struct ww_ring appends, votes;
    _Atomic bool stop;
};

/* What the follower tells the network; `answers` is written last. */
struct progress {
    _Atomic uint64_t last_index, last_term, answers, appended;
};

struct follower {
    struct queue *queue;
    struct progress *progress;
    struct ww_vote_queue_result *result;
    _Atomic bool counts;
    struct ww_raft *raft;
    struct ww_raft_update update;
    int file;
    off_t offset;
    uint64_t file_bytes;
    uint8_t *block;
    _Atomic int failed; /* errno of a write */
};

struct network {
    struct queue *queue;
    struct progress *progress;
    struct follower *follower;
    struct ww_vote_queue_result *result;
    struct ww_random random;
    uint64_t term, index, log_term; /* of the last AppendEntries */
    uint64_t answers;
};

/* ---- the queues ---- */

static int create_queue(struct queue *queue, const struct ww_vote_queue_options *options)
{
    queue->design = options->design;
    if (options->design != WW_VOTE_QUEUE_BLOCKING) {
        int status =
            ww_ring_create(&queue->appends, "appends", sizeof(struct item), options->slots + 1);
        return status != WW_OK
                   ? status
                   : ww_ring_create(&queue->votes, "votes", sizeof(struct item), VOTE_SLOTS);
    }
    pthread_mutex_init(&queue->fifo.mutex, NULL);
    pthread_cond_init(&queue->fifo.filled, NULL);
    pthread_cond_init(&queue->fifo.emptied, NULL);
    queue->fifo.slots = options->slots;
    queue->fifo.items = calloc(queue->fifo.slots, sizeof(struct item));
    return queue->fifo.items == NULL ? WW_ENOMEM : WW_OK;
}

/* BLOCKING: waits, and returns how long. */
static uint64_t put_blocking(struct queue *queue, const struct item *item)
{
    struct fifo *fifo = &queue->fifo;
    uint64_t begun_ns = ww_time_ns(CLOCK_MONOTONIC);
    pthread_mutex_lock(&fifo->mutex);
    while (fifo->count == fifo->slots && !queue->stop)
        pthread_cond_wait(&fifo->emptied, &fifo->mutex);
    if (fifo->count < fifo->slots)
        fifo->items[(fifo->head + fifo->count++) % fifo->slots] = *item;
    pthread_cond_signal(&fifo->filled);
    pthread_mutex_unlock(&fifo->mutex);
    return ww_time_ns(CLOCK_MONOTONIC) - begun_ns;
}

static bool take_blocking(struct queue *queue, struct item *item)
{
    struct fifo *fifo = &queue->fifo;
    pthread_mutex_lock(&fifo->mutex);
    while (fifo->count == 0 && !queue->stop)
        pthread_cond_wait(&fifo->filled, &fifo->mutex);
    bool taken = fifo->count > 0;
    if (taken) {
        *item = fifo->items[fifo->head];
        fifo->head = (fifo->head + 1) % fifo->slots;
        fifo->count--;
    }
    pthread_cond_signal(&fifo->emptied);
    pthread_mutex_unlock(&fifo->mutex);
    return taken;
}

static bool take(struct queue *queue, struct item *item)
{
    if (queue->design == WW_VOTE_QUEUE_BLOCKING)
        return take_blocking(queue, item);
    return ww_ring_pop(&queue->votes, item, 1) == 1 || ww_ring_pop(&queue->appends, item, 1) == 1;
}

static void stop_queue(struct queue *queue)
{
    atomic_store(&queue->stop, true);
    if (queue->design != WW_VOTE_QUEUE_BLOCKING)
        return;
    pthread_mutex_lock(&queue->fifo.mutex);
    pthread_cond_broadcast(&queue->fifo.filled);
    pthread_cond_broadcast(&queue->fifo.emptied);
    pthread_mutex_unlock(&queue->fifo.mutex);
}

/* ---- the follower ---- */

static void step(struct follower *follower, struct ww_raft_event event)
{
    event.now_ns = ww_time_ns(CLOCK_MONOTONIC);
    int status = ww_raft_step(follower->raft, &event, &follower->update);
    if (status != WW_OK)
        atomic_store(&follower->failed, EPROTO);
}

static void write_block(struct follower *follower)
{
    const struct iovec block = {follower->block, WW_BLOCK_ALIGN};
    if (pwritev2(follower->file, &block, 1, follower->offset, RWF_DSYNC) != (ssize_t)block.iov_len)
        atomic_store(&follower->failed, errno != 0 ? errno : EIO);
    follower->offset =
        (off_t)(((uint64_t)follower->offset + WW_BLOCK_ALIGN) % follower->file_bytes);
}

static void handle_append(struct follower *follower, const struct item *item)
{
    const struct ww_raft_message *message = &item->message;
    const struct ww_raft_run run = {message->index + 1, message->index + 1, message->term};
    step(follower, (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE,
                                          .from = CANDIDATE(message->term),
                                          .message = message,
                                          .runs = &run,
                                          .run_count = 1});
    if (follower->update.append_from == 0)
        return; /* of a leader whose term is over */
    memcpy(follower->block, message, sizeof(*message));
    write_block(follower);
    step(follower, (struct ww_raft_event){.type = WW_RAFT_EV_DURABLE,
                                          .term = message->term,
                                          .index = run.last_index});
    step(follower, (struct ww_raft_event){.type = WW_RAFT_EV_FLUSH, .window_bytes = WW_MIB});
    atomic_fetch_add_explicit(&follower->progress->appended, 1, memory_order_relaxed);
}

/* Answered when the vote is durable. */
static void handle_vote(struct follower *follower, const struct item *item)
{
    const struct ww_raft_message *message = &item->message;
    struct progress *progress = follower->progress;
    step(follower, (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE,
                                          .from = CANDIDATE(message->term),
                                          .message = message});
    const struct ww_raft_update *update = &follower->update;
    bool granted = update->message_count == 1 && update->hard_state &&
                   (update->messages[0].message.flags & WW_RAFT_GRANTED);
    if (!granted)
        atomic_store(&follower->failed, EPROTO);
    write_block(follower);
    step(follower, (struct ww_raft_event){.type = WW_RAFT_EV_HARD_STATE_DURABLE,
                                          .term = message->term,
                                          .vote = CANDIDATE(message->term),
                                          .known = true});
    uint64_t took_ns = ww_time_ns(CLOCK_MONOTONIC) - item->due_ns;
    if (atomic_load(&follower->counts))
        ww_histogram_record(&follower->result->latency, took_ns, 1);
    uint64_t last = ww_raft_last_index(follower->raft);
    atomic_store_explicit(&progress->last_index, last, memory_order_relaxed);
    atomic_store_explicit(&progress->last_term, ww_raft_term_at(follower->raft, last),
                          memory_order_relaxed);
    /* Pairs with the acquire in take_answer. */
    atomic_fetch_add_explicit(&progress->answers, 1, memory_order_release);
}

static void *run_follower(void *context)
{
    struct follower *follower = context;
    struct item item;
    while (!atomic_load(&follower->queue->stop)) {
        if (!take(follower->queue, &item))
            sched_yield();
        else if (item.message.type == WW_RAFT_VOTE)
            handle_vote(follower, &item);
        else
            handle_append(follower, &item);
    }
    return NULL;
}

static int create_follower(struct follower *follower, struct ww_error *error)
{
    struct ww_probe_wal_options probe;
    const struct ww_raft_options raft = {
        .self = SELF,
        .heartbeat_ns = SECOND_NS,
        .election_min_ns = 2 * SECOND_NS,
        .election_max_ns = 4 * SECOND_NS,
        .retry_ns = SECOND_NS,
        .window_bytes = WW_MIB,
        .term_runs = WW_RAFT_TERM_RUNS,
        .configuration.voters = 1u << SELF | 1u << CANDIDATE(0) | 1u << CANDIDATE(1),
        .now_ns = ww_time_ns(CLOCK_MONOTONIC),
    };
    const char *why;
    ww_probe_wal_options_init(&probe);
    probe.directory = follower->result->options.data;
    follower->file_bytes = probe.file_bytes;
    follower->block = aligned_alloc(WW_BLOCK_ALIGN, WW_BLOCK_ALIGN);
    if (follower->block == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for a block");
    memset(follower->block, 0, WW_BLOCK_ALIGN);
    follower->file = ww_probe_wal_file(&probe, error);
    if (follower->file < 0)
        return error->code;
    int status = ww_raft_create(&raft, &follower->raft, &why);
    return status == WW_OK ? WW_OK : ww_fail(error, status, "%s", why);
}

/* ---- the network ---- */

static void stand_still(struct network *network, uint64_t took_ns)
{
    if (atomic_load(&network->follower->counts) && took_ns > network->result->blocked_ns)
        network->result->blocked_ns = took_ns;
}

/* False: there was no room, and the queue was full. */
static bool put_append(struct network *network)
{
    const struct item item = {.message = {.type = WW_RAFT_APPEND,
                                          .term = network->term,
                                          .index = network->index,
                                          .log_term = network->log_term}};
    bool put = true;
    if (network->queue->design == WW_VOTE_QUEUE_BLOCKING)
        stand_still(network, put_blocking(network->queue, &item));
    else
        put = ww_ring_push(&network->queue->appends, &item);
    if (put) {
        network->index++;
        network->log_term = network->term;
    } else if (atomic_load(&network->follower->counts)) {
        network->result->appends_refused++;
    }
    return put;
}

static bool put_vote(struct network *network, uint64_t due_ns)
{
    /* Asked for by the leader, so that the follower does not wait for its silence. */
    const struct item item = {.message = {.type = WW_RAFT_VOTE,
                                          .flags = WW_RAFT_TRANSFER,
                                          .term = network->term + 1,
                                          .index = network->index + 1,
                                          .log_term = network->term,
                                          .commit = 1},
                              .due_ns = due_ns};
    struct queue *queue = network->queue;
    bool put = true;
    if (queue->design == WW_VOTE_QUEUE_BLOCKING)
        stand_still(network, put_blocking(queue, &item));
    else
        put = ww_ring_push(queue->design == WW_VOTE_QUEUE_BOUNDED ? &queue->appends : &queue->votes,
                           &item);
    network->result->votes_refused += !put && atomic_load(&network->follower->counts);
    return put;
}

/* The candidate leads from now on, and goes on where the follower's log ends. */
static bool take_answer(struct network *network)
{
    struct progress *progress = network->progress;
    if (atomic_load_explicit(&progress->answers, memory_order_acquire) == network->answers)
        return false;
    network->answers++;
    network->term++;
    network->index = atomic_load_explicit(&progress->last_index, memory_order_relaxed);
    network->log_term = atomic_load_explicit(&progress->last_term, memory_order_relaxed);
    return true;
}

static bool is_full(struct network *network, bool put)
{
    struct fifo *fifo = &network->queue->fifo;
    if (network->queue->design != WW_VOTE_QUEUE_BLOCKING)
        return !put;
    pthread_mutex_lock(&fifo->mutex);
    bool full = fifo->count == fifo->slots;
    pthread_mutex_unlock(&fifo->mutex);
    return full;
}

/* Appends all the time; a vote comes some time after the queue was full. */
static void run_network(struct network *network)
{
    const struct ww_vote_queue_options *options = &network->result->options;
    struct follower *follower = network->follower;
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC), count_ns = now_ns + options->warmup_ns;
    uint64_t due_ns = 0, next_try_ns = 0, begun_ns = 0, answers = 0, appended = 0;
    bool asked = false;
    while (atomic_load(&follower->failed) == 0 &&
           (begun_ns == 0 || now_ns < begun_ns + options->duration_ns || due_ns != 0 ||
            network->answers == answers)) {
        bool put = put_append(network);
        now_ns = ww_time_ns(CLOCK_MONOTONIC);
        if (begun_ns == 0 && now_ns >= count_ns && due_ns == 0) {
            begun_ns = now_ns;
            answers = network->answers;
            appended = atomic_load(&network->progress->appended);
            atomic_store(&follower->counts, true);
        }
        if (due_ns == 0 && is_full(network, put))
            due_ns = next_try_ns = now_ns + ww_random_range(&network->random, 0, VOTE_EVERY_NS);
        if (due_ns != 0 && !asked && now_ns >= next_try_ns) {
            asked = put_vote(network, due_ns);
            next_try_ns = now_ns + VOTE_RETRY_NS;
        }
        if (asked && take_answer(network)) {
            asked = false;
            due_ns = 0;
        }
        if (!put)
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
    network->result->elapsed_ns = now_ns - begun_ns;
    network->result->appended = atomic_load(&network->progress->appended) - appended;
}

/* ---- the process ---- */

static int be_both(void *context, uint32_t number, struct ww_error *error)
{
    static struct queue queue;
    static struct progress progress;
    static struct follower follower;
    struct ww_vote_queue_result *result = context;
    struct network network = {.queue = &queue,
                              .progress = &progress,
                              .follower = &follower,
                              .result = result,
                              .random.state = result->options.seed,
                              .term = 1};
    pthread_t thread;
    (void)number;
    follower.queue = &queue;
    follower.progress = &progress;
    follower.result = result;
    if (create_queue(&queue, &result->options) != WW_OK)
        return ww_fail(error, WW_ENOMEM, "no memory for a queue");
    int status = create_follower(&follower, error);
    if (status != WW_OK)
        return status;
    if (pthread_create(&thread, NULL, run_follower, &follower) != 0)
        return ww_fail(error, WW_ENOMEM, "cannot start a thread");
    run_network(&network);
    stop_queue(&queue);
    pthread_join(thread, NULL);
    result->votes = result->latency.count;
    if (follower.failed != 0)
        return ww_fail(error, WW_EIO, "the follower failed: %s", strerror(follower.failed));
    return WW_OK;
}

int ww_vote_queue_run(const struct ww_vote_queue_options *options,
                      bool (*interrupted)(uint64_t wait_ns), struct ww_vote_queue_result *result,
                      struct ww_error *error)
{
    struct ww_vote_queue_result *shared = ww_child_memory(sizeof(*shared));
    if (shared == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the votes' figures");
    shared->options = *options;
    ww_histogram_reset(&shared->latency);
    int status = ww_children_run(1, be_both, shared, interrupted, error);
    *result = *shared;
    munmap(shared, sizeof(*shared));
    return status;
}
