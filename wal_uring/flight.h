/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writes in flight and what is durable: pure bookkeeping, so that every order of completions
 * can be tried. A write is durable only after every one of its completions had the expected result
 * and, where the mode has a flush, the flush that was linked behind its last part succeeded. The
 * durable position is the end of the unbroken row of durable writes. One failure fences for good:
 * from then on the durable position stands still and nothing is tried again.
 */
#ifndef WW_WAL_FLIGHT_H
#define WW_WAL_FLIGHT_H

#include "engine/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct ww_wal_write {
    uint64_t position;
    const uint8_t *data;
    uint32_t size_bytes;
    uint32_t written_bytes;
    uint32_t file;   /* the owner's: where it goes */
    uint8_t pending; /* completions that are still to come */
    bool durable;
    int flush_result; /* of the flush behind the last part */
    int failure;      /* the first -errno */
};

enum ww_wal_outcome {
    WW_WAL_WAIT,     /* for the other completion of this write */
    WW_WAL_SUBMIT,   /* the rest again: it was short or interrupted */
    WW_WAL_FINISHED, /* nothing of this write is in the kernel any more */
};

struct ww_wal_flight {
    struct ww_wal_write writes[WW_WRITE_DEPTH_MAX];
    uint32_t head; /* the oldest */
    uint32_t count;
    bool flushes;     /* each write has a flush linked behind it */
    uint64_t durable; /* every byte below it */
    int failure;      /* -errno; not 0: fenced */
};

/* Takes the next place; the caller has seen that count < WW_WRITE_DEPTH_MAX. Returns its number. */
uint32_t ww_wal_flight_begin(struct ww_wal_flight *flight, uint64_t position, const void *data,
                             uint32_t size_bytes);

/* The write goes (again) to the kernel: as many completions as the mode has will come. */
void ww_wal_flight_submitted(struct ww_wal_flight *flight, uint32_t number);

/* One completion of write `number`: `result` as the kernel gives it. */
enum ww_wal_outcome ww_wal_flight_complete(struct ww_wal_flight *flight, uint32_t number,
                                           bool is_flush, int result);

#endif
