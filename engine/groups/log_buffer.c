/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/groups/log_buffer.h"

#include "engine/base/assert.h"

#include <string.h>

/* Where the span ends that `position` lies in. */
static uint64_t span_end(const struct ww_log_buffer *buffer, uint64_t position)
{
    return (position & ~(buffer->span - 1)) + buffer->span;
}

/* The end of what the block now open (or the one to be opened) may take. */
static uint64_t block_end(const struct ww_log_buffer *buffer)
{
    uint64_t by_size = buffer->block + buffer->block_max;
    uint64_t by_span = span_end(buffer, buffer->block);
    return by_size < by_span ? by_size : by_span;
}

/* Where the block ends when it is closed behind `used`: in its file, whose header comes before the
 * stream, at a multiple of the padding, and in its span. */
static uint64_t padded_end(const struct ww_log_buffer *buffer, uint64_t used)
{
    uint64_t mask = buffer->padding - 1, end = span_end(buffer, buffer->block);
    uint64_t padded = ((used + WW_SEGMENT_HEADER_BYTES + mask) & ~mask) - WW_SEGMENT_HEADER_BYTES;
    return padded < end ? padded : end;
}

static uint64_t next_byte(const struct ww_log_buffer *buffer)
{
    return ww_log_buffer_open(buffer) ? buffer->head : buffer->head + WW_BLOCK_HEADER_BYTES;
}

enum ww_log_room ww_log_buffer_room(const struct ww_log_buffer *buffer, uint32_t bytes,
                                    uint64_t limit)
{
    uint64_t after = next_byte(buffer) + bytes;
    uint64_t end = block_end(buffer);
    /* The close writes zeros up to the alignment, so those bytes must be free as well. */
    uint64_t padded = padded_end(buffer, after);
    if (after > end)
        return WW_LOG_BLOCK_FULL;
    return padded <= limit && padded - buffer->keep <= buffer->size ? WW_LOG_ROOM : WW_LOG_FULL;
}

uint64_t ww_log_buffer_free(const struct ww_log_buffer *buffer, uint64_t limit)
{
    uint64_t end = buffer->keep + buffer->size;
    end = end < limit ? end : limit;
    /* Lost at worst: the rest of this block and of its span, and the next block's header. */
    uint64_t lost = buffer->batch_max + 2 * (uint64_t)WW_BLOCK_ALIGN + buffer->padding;
    return end > buffer->head + lost ? end - buffer->head - lost : 0;
}

void *ww_log_buffer_reserve(struct ww_log_buffer *buffer)
{
    if (!ww_log_buffer_open(buffer)) {
        buffer->head += WW_BLOCK_HEADER_BYTES;
        buffer->batches = 0;
    }
    return ww_log_buffer_at(buffer, buffer->head);
}

uint64_t ww_log_buffer_commit(struct ww_log_buffer *buffer, uint32_t bytes)
{
    uint64_t position = buffer->head;
    buffer->head += bytes;
    buffer->batches++;
    WW_ASSERT(buffer->head <= block_end(buffer));
    return position;
}

struct ww_log_range ww_log_buffer_close(struct ww_log_buffer *buffer, uint64_t durable)
{
    WW_ASSERT(ww_log_buffer_open(buffer) && buffer->batches > 0);
    uint32_t used = (uint32_t)(buffer->head - buffer->block);
    uint32_t write_bytes = (uint32_t)(padded_end(buffer, buffer->head) - buffer->block);
    uint64_t next = buffer->block + write_bytes;
    uint64_t end = span_end(buffer, buffer->block);
    if (next + WW_BLOCK_HEADER_BYTES + buffer->batch_max > end)
        next = end;

    struct ww_block_header *block = ww_log_buffer_at(buffer, buffer->block);
    memset((uint8_t *)block + used, 0, write_bytes - used);
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = used,
        .span_bytes = (uint32_t)(next - buffer->block),
        .stream = buffer->stream,
        .position = buffer->block,
        .durable = durable,
        .link = buffer->link,
        .epoch = buffer->epoch,
        .batches = buffer->batches,
    };
    buffer->link = ww_block_seal(block);
    struct ww_log_range range = {.position = buffer->block,
                                 .write_bytes = write_bytes,
                                 .span_bytes = block->span_bytes};
    buffer->block = next;
    buffer->head = next;
    return range;
}
