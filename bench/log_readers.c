/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/log_readers.h"

#include "bench/child.h"
#include "engine/base/idle.h"
#include "engine/base/time_ns.h"
#include "engine/groups/batch_table.h"
#include "engine/groups/log_buffer.h"
#include "engine/stages/pipeline.h"
#include "engine/wire/batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUFFER_BYTES (16u * WW_MIB)
#define TABLE_SLOTS 65536u
#define RING_SLOTS 1024u
#define DROP_AT_ONCE 64u
#define NO_LIMIT UINT64_MAX

/* One who reads the log from the begin to its end. */
struct cursor {
    _Alignas(64) uint64_t next; /* the reader's: index that it reads next */
    uint64_t hint;              /* locks: where it found the last one */
    _Atomic uint64_t done;      /* OWNED: all below was read */
    _Atomic uint64_t reads, skipped, wrong;
    _Alignas(64) uint64_t fed; /* OWNED, the writer's: next index to hand out */
    struct ww_ring ring;       /* OWNED: of struct ww_batch_header pointers */
};

struct shared_log {
    _Alignas(64) _Atomic bool stop;
    enum ww_idle_kind idle;
    const struct ww_log_readers_options *options;
    struct ww_batch_chain chain;
    struct ww_batch_table table;
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    struct ww_log_buffer buffer;
    uint32_t threads;
    _Alignas(64) _Atomic uint64_t end; /* the next index */
    struct cursor cursors[WW_LOG_CURSORS_MAX];
};

struct reader {
    struct shared_log *log;
    uint32_t number;
    pthread_t thread;
    uint8_t copy[WW_BATCH_MAX(WW_MTU_MAX)];
};

/* ---- the locks ---- */

static void lock(struct shared_log *log, bool write)
{
    if (log->options->design == WW_LOG_MUTEX)
        pthread_mutex_lock(&log->mutex);
    else if (log->options->design == WW_LOG_RWLOCK && write)
        pthread_rwlock_wrlock(&log->rwlock);
    else if (log->options->design == WW_LOG_RWLOCK)
        pthread_rwlock_rdlock(&log->rwlock);
}

static void unlock(struct shared_log *log)
{
    if (log->options->design == WW_LOG_MUTEX)
        pthread_mutex_unlock(&log->mutex);
    else if (log->options->design == WW_LOG_RWLOCK)
        pthread_rwlock_unlock(&log->rwlock);
}

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

/* ---- reading ---- */

static void take(struct reader *reader, struct cursor *cursor, const struct ww_batch_header *batch)
{
    memcpy(reader->copy, batch, batch->size_bytes);
    add(&cursor->wrong, ((struct ww_batch_header *)reader->copy)->first_index != cursor->next);
    add(&cursor->reads, 1);
    cursor->next++;
}

static uint32_t read_locked(struct reader *reader, struct cursor *cursor)
{
    struct shared_log *log = reader->log;
    /* Pairs with the release in append. */
    if (cursor->next >= atomic_load_explicit(&log->end, memory_order_acquire))
        return 0;
    lock(log, false);
    uint64_t first = ww_batch_slot(&log->table, log->chain.first)->first_index;
    if (cursor->next < first) {
        add(&cursor->skipped, first - cursor->next);
        cursor->next = first;
    }
    cursor->hint = ww_batch_table_find(&log->table, &log->chain, cursor->next, cursor->hint);
    const struct ww_batch_slot *slot = ww_batch_slot(&log->table, cursor->hint);
    take(reader, cursor, ww_log_buffer_at(&log->buffer, slot->position));
    unlock(log);
    return 1;
}

static uint32_t read_handed(struct reader *reader, struct cursor *cursor)
{
    const struct ww_batch_header *batches[32];
    uint32_t count = ww_ring_pop(&cursor->ring, batches, 32);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t index = batches[i]->first_index;
        if (index > cursor->next) {
            add(&cursor->skipped, index - cursor->next);
            cursor->next = index;
        }
        take(reader, cursor, batches[i]);
    }
    if (count > 0) /* pairs with the acquire in may_drop */
        atomic_store_explicit(&cursor->done, cursor->next, memory_order_release);
    return count;
}

static void *run_reader(void *context)
{
    struct reader *reader = context;
    struct shared_log *log = reader->log;
    struct ww_idle idle;
    ww_idle_init(&idle, log->idle);
    while (!atomic_load_explicit(&log->stop, memory_order_relaxed)) {
        uint32_t work = 0;
        for (uint32_t i = reader->number; i < log->options->cursors; i += log->threads)
            work += log->options->design == WW_LOG_OWNED ? read_handed(reader, &log->cursors[i])
                                                         : read_locked(reader, &log->cursors[i]);
        ww_idle(&idle, work, true);
    }
    return NULL;
}

/* ---- writing ---- */

/* OWNED: not what a reader was handed and has not read. */
static bool may_drop(struct shared_log *log, const struct ww_batch_slot *slot)
{
    for (uint32_t i = 0; log->options->design == WW_LOG_OWNED && i < log->options->cursors; i++) {
        struct cursor *cursor = &log->cursors[i];
        if (slot->first_index < cursor->fed &&
            slot->first_index >= atomic_load_explicit(&cursor->done, memory_order_acquire))
            return false;
    }
    return true;
}

static bool make_room(struct shared_log *log)
{
    uint32_t dropped = 0;
    for (; dropped < DROP_AT_ONCE && log->table.first < log->table.durable; dropped++) {
        if (!may_drop(log, ww_batch_slot(&log->table, log->table.first)))
            break;
        ww_batch_table_drop(&log->table, &log->chain);
    }
    log->buffer.keep = log->table.first < log->table.end
                           ? ww_batch_slot(&log->table, log->table.first)->position
                           : log->buffer.block;
    return dropped > 0;
}

static uint8_t *reserve(struct shared_log *log, uint32_t bytes)
{
    for (;;) {
        enum ww_log_room room = ww_batch_table_free(&log->table) == 0
                                    ? WW_LOG_FULL
                                    : ww_log_buffer_room(&log->buffer, bytes, NO_LIMIT);
        if (room == WW_LOG_ROOM)
            return ww_log_buffer_reserve(&log->buffer);
        if (room == WW_LOG_BLOCK_FULL)
            ww_log_buffer_close(&log->buffer, 0);
        else if (!make_room(log))
            return NULL;
    }
}

static bool append_batch(struct shared_log *log, uint64_t index, const uint8_t *payload)
{
    uint32_t bytes = log->options->entry_bytes;
    uint8_t *place =
        reserve(log, WW_BATCH_HEADER_BYTES + ww_entry_stored_bytes(bytes) + WW_BATCH_ALIGN);
    if (place == NULL)
        return false;
    uint32_t used = ww_entry_encode(place + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, payload, bytes);
    struct ww_batch_header header = {.count = 1, .term = 1, .first_index = index};
    uint32_t size = ww_batch_seal(place, &header, used);
    struct ww_batch_slot slot = {
        .position = ww_log_buffer_commit(&log->buffer, size),
        .first_index = index,
        .term = 1,
        .size_bytes = size,
        .count = 1,
        .kind = WW_BATCH_ENTRIES,
    };
    ww_batch_table_add(&log->table, &log->chain, &slot);
    log->table.durable = log->table.end; /* a disk is not part of this */
    return true;
}

/* OWNED: hands out what there is room for; the rest comes at a later append. */
static void feed(struct shared_log *log, uint64_t end)
{
    uint64_t first = ww_batch_slot(&log->table, log->chain.first)->first_index;
    for (uint32_t i = 0; i < log->options->cursors; i++) {
        struct cursor *cursor = &log->cursors[i];
        if (cursor->fed < first)
            cursor->fed = first;
        while (cursor->fed < end && ww_ring_free(&cursor->ring) > 0) {
            cursor->hint = ww_batch_table_find(&log->table, &log->chain, cursor->fed, cursor->hint);
            const void *batch =
                ww_log_buffer_at(&log->buffer, ww_batch_slot(&log->table, cursor->hint)->position);
            ww_ring_push(&cursor->ring, &batch);
            cursor->fed++;
        }
    }
}

static bool append(struct shared_log *log, uint64_t index, const uint8_t *payload)
{
    lock(log, true);
    bool appended = append_batch(log, index, payload);
    unlock(log);
    if (appended) /* pairs with the acquire in read_locked */
        atomic_store_explicit(&log->end, index + 1, memory_order_release);
    if (log->options->design == WW_LOG_OWNED)
        feed(log, index + appended);
    return appended;
}

static uint64_t reads_of(struct shared_log *log)
{
    uint64_t reads = 0;
    for (uint32_t i = 0; i < log->options->cursors; i++)
        reads += atomic_load_explicit(&log->cursors[i].reads, memory_order_relaxed);
    return reads;
}

static void write_log(struct shared_log *log, struct ww_log_readers_result *result)
{
    const struct ww_log_readers_options *options = log->options;
    static uint8_t payload[WW_ENTRY_MAX(WW_MTU_MAX)];
    double interval_ns = 1e9 / (double)options->rate;
    uint64_t start_ns = ww_time_ns(CLOCK_MONOTONIC), count_ns = start_ns + options->warmup_ns;
    uint64_t index = 1, tries = 0, reads = 0, now = start_ns;
    bool counts = false;
    struct ww_idle idle;
    ww_idle_init(&idle, log->idle);
    while (now < count_ns + options->duration_ns) {
        uint64_t due = start_ns + (uint64_t)((double)tries * interval_ns);
        for (; now < due; now = ww_time_ns(CLOCK_MONOTONIC))
            ww_idle(&idle, 0, true);
        if (!counts && due >= count_ns) {
            counts = true;
            count_ns = now;
            reads = reads_of(log);
        }
        uint64_t begun = now;
        bool appended = append(log, index, payload);
        index += appended;
        tries++;
        now = ww_time_ns(CLOCK_MONOTONIC);
        if (!counts)
            continue;
        result->appends += appended;
        result->refused += !appended;
        ww_histogram_record(&result->latency, now - due, 1);
        ww_histogram_record(&result->took, now - begun, 1);
    }
    result->elapsed_ns = now - count_ns;
    result->reads = reads_of(log) - reads;
}

/* ---- the process ---- */

static bool create(struct shared_log *log, const struct ww_log_readers_options *options)
{
    *log = (struct shared_log){.options = options};
    log->buffer = (struct ww_log_buffer){
        .memory = aligned_alloc(WW_BLOCK_ALIGN, BUFFER_BYTES),
        .size = BUFFER_BYTES,
        .span = BUFFER_BYTES,
        .block_max = WW_BLOCK_MAX,
        .padding = WW_BLOCK_ALIGN,
        .batch_max = WW_BATCH_MAX(WW_MTU_MAX),
    };
    log->table.slots = calloc(TABLE_SLOTS, sizeof(*log->table.slots));
    log->table.capacity = TABLE_SLOTS;
    log->chain = (struct ww_batch_chain){WW_BATCH_NONE, WW_BATCH_NONE};
    pthread_mutex_init(&log->mutex, NULL);
    pthread_rwlock_init(&log->rwlock, NULL);
    atomic_init(&log->end, 1);
    log->threads = options->threads < options->cursors ? options->threads : options->cursors;
    enum ww_idle_kind kind = ww_idle_resolve(WW_IDLE_AUTO, log->threads + 1);
    log->idle = kind == WW_IDLE_SPIN ? kind : WW_IDLE_YIELD;
    for (uint32_t i = 0; i < options->cursors; i++) {
        struct cursor *cursor = &log->cursors[i];
        cursor->next = cursor->fed = 1;
        cursor->hint = WW_BATCH_NONE;
        atomic_init(&cursor->done, 1);
        if (ww_ring_create(&cursor->ring, "reader", sizeof(void *), RING_SLOTS) != WW_OK)
            return false;
    }
    if (log->buffer.memory != NULL) /* its pages exist from now on */
        memset(log->buffer.memory, 0, BUFFER_BYTES);
    return log->buffer.memory != NULL && log->table.slots != NULL;
}

static int be_log(void *context, uint32_t number, struct ww_error *error)
{
    static struct shared_log log;
    static struct reader readers[WW_LOG_CURSORS_MAX];
    struct ww_log_readers_result *result = context;
    const struct ww_log_readers_options *options = &result->options;
    (void)number;
    if (!create(&log, options))
        return ww_fail(error, WW_ENOMEM, "no memory for the log");
    for (uint32_t i = 0; i < log.threads; i++) {
        readers[i].log = &log;
        readers[i].number = i;
        if (pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]) != 0)
            return ww_fail(error, WW_ENOMEM, "cannot start a reader");
    }
    write_log(&log, result);
    atomic_store(&log.stop, true);
    for (uint32_t i = 0; i < log.threads; i++)
        pthread_join(readers[i].thread, NULL);
    for (uint32_t i = 0; i < options->cursors; i++) {
        result->skipped += log.cursors[i].skipped;
        result->wrong += log.cursors[i].wrong;
    }
    return WW_OK;
}

int ww_log_readers_run(const struct ww_log_readers_options *options,
                       bool (*interrupted)(uint64_t wait_ns), struct ww_log_readers_result *result,
                       struct ww_error *error)
{
    struct ww_log_readers_result *shared = ww_child_memory(sizeof(*shared));
    if (shared == NULL)
        return ww_fail_errno(error, WW_ENOMEM, "no memory for the readers' figures");
    shared->options = *options;
    ww_histogram_reset(&shared->latency);
    ww_histogram_reset(&shared->took);
    int status = ww_children_run(1, be_log, shared, interrupted, error);
    if (status == WW_OK && shared->wrong > 0)
        status = ww_fail(error, WW_EIO, "readers got %lu batches that they did not expect",
                         shared->wrong);
    *result = *shared;
    munmap(shared, sizeof(*shared));
    return status;
}
