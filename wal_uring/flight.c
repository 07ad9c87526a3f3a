/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/flight.h"

#include "engine/base/assert.h"

#include <errno.h>

uint32_t ww_wal_flight_begin(struct ww_wal_flight *flight, uint64_t position, const void *data,
                             uint32_t size_bytes)
{
    WW_ASSERT(flight->count < WW_WRITE_DEPTH_MAX);
    uint32_t number = (flight->head + flight->count++) % WW_WRITE_DEPTH_MAX;
    flight->writes[number] = (struct ww_wal_write){
        .position = position,
        .data = data,
        .size_bytes = size_bytes,
    };
    return number;
}

void ww_wal_flight_submitted(struct ww_wal_flight *flight, uint32_t number)
{
    struct ww_wal_write *write = &flight->writes[number];
    WW_ASSERT(write->pending == 0);
    write->pending = flight->flushes ? 2 : 1;
    write->flush_result = 0;
}

static void count_written(struct ww_wal_write *write, int result)
{
    if (result > 0) {
        WW_ASSERT((uint32_t)result <= write->size_bytes - write->written_bytes);
        write->written_bytes += (uint32_t)result;
    } else if (result != -EAGAIN && result != -EINTR) {
        write->failure = result == 0 ? -EIO : result;
    }
}

static void advance(struct ww_wal_flight *flight)
{
    while (flight->count > 0 && flight->writes[flight->head].durable) {
        const struct ww_wal_write *write = &flight->writes[flight->head];
        flight->durable = write->position + write->size_bytes;
        flight->head = (flight->head + 1) % WW_WRITE_DEPTH_MAX;
        flight->count--;
    }
}

enum ww_wal_outcome ww_wal_flight_complete(struct ww_wal_flight *flight, uint32_t number,
                                           bool is_flush, int result)
{
    struct ww_wal_write *write = &flight->writes[number];
    WW_ASSERT(write->pending > 0);
    write->pending--;
    if (is_flush)
        write->flush_result = result;
    else
        count_written(write, result);
    if (write->pending > 0)
        return WW_WAL_WAIT;

    bool whole = write->written_bytes == write->size_bytes;
    /* A flush is cancelled when its write was short or failed; any other failure counts. */
    if (write->failure == 0 && write->flush_result < 0 &&
        (whole || write->flush_result != -ECANCELED))
        write->failure = write->flush_result;
    if (write->failure != 0 && flight->failure == 0)
        flight->failure = write->failure;
    if (flight->failure != 0)
        return WW_WAL_FINISHED;
    if (!whole)
        return WW_WAL_SUBMIT;
    write->durable = true;
    advance(flight);
    return WW_WAL_FINISHED;
}
