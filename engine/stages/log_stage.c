/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOG: takes every closed block that waits, writes adjacent ones as one (group commit), and reports
 * what became durable. Also serves reads of the log.
 */
#include "engine/base/assert.h"
#include "engine/stages/stages_internal.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_PER_POLL 16u

/* A write on its way to the disk. */
struct write {
    struct ww_log_range range;
    uint64_t submitted_ns; /* when it is traced */
};

struct ww_log {
    struct write in_flight[WW_WRITE_DEPTH_MAX]; /* oldest first */
    uint32_t in_flight_count;
    struct ww_log_range next; /* taken from the ring, not yet part of a write */
    bool have_next;
    struct ww_read_request read; /* taken from the ring, refused by the store so far */
    bool have_read;
    bool told_recovered;
    uint64_t released; /* the store was told */
};

int ww_log_create(struct ww_shard *shard)
{
    shard->log = calloc(1, sizeof(*shard->log));
    return shard->log != NULL ? WW_OK : WW_ENOMEM;
}

void ww_log_destroy(struct ww_log *log)
{
    free(log);
}

static bool take_next(struct ww_shard *shard)
{
    struct ww_log *log = shard->log;
    if (!log->have_next)
        log->have_next = ww_ring_pop(&shard->persist, &log->next, 1) == 1;
    return log->have_next;
}

/* Gathers waiting blocks that follow each other in the stream and in memory. */
static struct ww_log_range gather(struct ww_shard *shard)
{
    struct ww_log *log = shard->log;
    struct ww_log_range all = log->next;
    bool join = atomic_load_explicit(&shard->join_blocks, memory_order_relaxed);
    log->have_next = false;
    while (join && all.write_bytes == all.span_bytes && take_next(shard) &&
           (log->next.position & (shard->options.log_buffer_bytes - 1)) != 0 &&
           (log->next.position & (shard->store->span_bytes - 1)) != 0 &&
           all.write_bytes + log->next.write_bytes <= WW_WRITE_MAX) {
        WW_ASSERT(log->next.position == all.position + all.span_bytes);
        if (all.traced == 0) /* from the begin of the write */
            all.traced_at = all.write_bytes + log->next.traced_at;
        all.traced += log->next.traced;
        all.write_bytes += log->next.write_bytes;
        all.span_bytes += log->next.span_bytes;
        all.entries += log->next.entries;
        log->have_next = false;
    }
    return all;
}

static uint8_t *bytes_at(const struct ww_shard *shard, uint64_t position)
{
    return shard->options.log_buffer + (position & (shard->options.log_buffer_bytes - 1));
}

static void count_entries(struct ww_shard *shard, uint32_t entries)
{
    uint32_t size = 0;
    while (entries > 1u << size)
        size++;
    if (entries > 0)
        atomic_store_explicit(&shard->write_sizes[size],
                              1 + atomic_load_explicit(&shard->write_sizes[size],
                                                       memory_order_relaxed),
                              memory_order_relaxed);
}

static uint32_t write_blocks(struct ww_shard *shard)
{
    struct ww_log *log = shard->log;
    uint32_t work = 0;
    uint32_t depth = atomic_load_explicit(&shard->write_depth, memory_order_relaxed);
    while (log->in_flight_count < depth && take_next(shard)) {
        struct ww_log_range range = gather(shard);
        uint64_t now_ns = range.traced > 0 ? ww_clock_now(shard->clock) : 0;
        int status = shard->store->ops->write(shard->store, range.position,
                                              bytes_at(shard, range.position), range.write_bytes);
        if (status != WW_OK) {
            ww_shard_fence(shard, status, "the log takes no more writes");
            break;
        }
        log->in_flight[log->in_flight_count++] = (struct write){range, now_ns};
        count_entries(shard, range.entries);
        work++;
    }
    return work;
}

/* Its bytes are still there: NET keeps them until it hears that they are durable. */
static void trace_write(struct ww_shard *shard, const struct write *write)
{
    const struct ww_trace_stamp stamps[] = {{WW_TRACE_SUBMITTED, write->submitted_ns},
                                            {WW_TRACE_WRITTEN, ww_clock_now(shard->clock)}};
    uint32_t left = write->range.traced, at = write->range.traced_at;
    for (uint32_t begin = 0; left > 0 && begin < write->range.write_bytes;) {
        const struct ww_block_header *block =
            (const void *)bytes_at(shard, write->range.position + begin);
        if (at < begin + block->used_bytes)
            left = ww_trace_block(&shard->traces[WW_STAGE_LOG], block, at - begin, left, stamps, 2);
        begin += block->span_bytes;
        if (at < begin) /* in the next block from its first batch on */
            at = begin + WW_BLOCK_HEADER_BYTES;
    }
}

/* What ends at or below `durable` is written: the store reports a contiguous prefix. */
static void forget_written(struct ww_shard *shard, uint64_t durable)
{
    struct ww_log *log = shard->log;
    uint32_t done = 0;
    for (; done < log->in_flight_count; done++) {
        const struct write *write = &log->in_flight[done];
        if (write->range.position + write->range.write_bytes > durable)
            break;
        if (write->range.traced > 0)
            trace_write(shard, write);
    }
    log->in_flight_count -= done;
    memmove(log->in_flight, log->in_flight + done, log->in_flight_count * sizeof(struct write));
}

static uint32_t start_reads(struct ww_shard *shard)
{
    struct ww_log *log = shard->log;
    uint32_t work = 0;
    for (;;) {
        if (!log->have_read)
            log->have_read = ww_ring_pop(&shard->reads, &log->read, 1) == 1;
        if (!log->have_read)
            return work;
        uint8_t *data = shard->options.read_buffers + (size_t)log->read.buffer * WW_READ_BYTES;
        int status = shard->store->ops->read(shard->store, log->read.buffer, log->read.position,
                                             data, log->read.size_bytes);
        if (status == WW_EBUSY)
            return work;
        if (status != WW_OK)
            ww_shard_fence(shard, status, "the log cannot be read");
        log->have_read = false;
        work++;
    }
}

static void release(struct ww_shard *shard)
{
    /* Acquire pairs with NET's release: what held the place back is durable elsewhere. */
    uint64_t position = atomic_load_explicit(&shard->released, memory_order_acquire);
    if (position == shard->log->released)
        return;
    shard->log->released = position;
    shard->store->ops->release(shard->store, position);
}

static uint32_t report(struct ww_shard *shard)
{
    struct ww_log_event events[EVENTS_PER_POLL];
    uint32_t room = ww_ring_free(&shard->durable);
    uint32_t count = shard->store->ops->poll(shard->store, events,
                                             room < EVENTS_PER_POLL ? room : EVENTS_PER_POLL);
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].type == WW_LOG_FAILED)
            ww_shard_fence(shard, events[i].status, "a write to the log failed");
        if (events[i].type == WW_LOG_WRITTEN)
            forget_written(shard, events[i].position);
        bool pushed = ww_ring_push(&shard->durable, &events[i]);
        WW_ASSERT(pushed);
    }
    return count;
}

static void tell_recovered(struct ww_shard *shard)
{
    if (shard->log->told_recovered ||
        !atomic_load_explicit(&shard->recovered, memory_order_acquire)) /* pairs with NET's store */
        return;
    shard->log->told_recovered = true;
    if (shard->store->ops->recovered != NULL)
        shard->store->ops->recovered(shard->store);
}

uint32_t ww_log_work(struct ww_shard *shard)
{
    uint32_t work = report(shard);
    if (atomic_load_explicit(&shard->fenced, memory_order_relaxed) != 0)
        return work;
    tell_recovered(shard);
    release(shard);
    uint32_t started = write_blocks(shard) + start_reads(shard);
    /* Without a disk a write is done at once: NET need not wait another round for it. */
    if (started > 0)
        work += report(shard);
    return work + started;
}
