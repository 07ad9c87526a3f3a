/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/interval.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const ww_load_phase_names[] = {"warmup", "ramp", "measure", "cooldown", "drain"};

/* A histogram is large and mostly empty: only the buckets that hold something are written. */
struct record {
    struct ww_interval interval;
    uint64_t count, min, max, buckets;
};

struct bucket {
    uint64_t number, count;
};

int ww_interval_write(FILE *file, const struct ww_interval *interval,
                      const struct ww_histogram *latency, struct ww_error *error)
{
    struct record record = {*interval, latency->count, latency->min, latency->max, 0};
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS; i++)
        record.buckets += latency->buckets[i] != 0;
    bool written = fwrite(&record, sizeof(record), 1, file) == 1;
    for (uint32_t i = 0; i < WW_HISTOGRAM_BUCKETS && written; i++) {
        struct bucket bucket = {i, latency->buckets[i]};
        if (bucket.count != 0)
            written = fwrite(&bucket, sizeof(bucket), 1, file) == 1;
    }
    if (!written || fflush(file) != 0)
        return ww_fail_errno(error, WW_EIO, "writing the intervals");
    return WW_OK;
}

int ww_interval_read(FILE *file, struct ww_interval *interval, struct ww_histogram *latency,
                     struct ww_error *error)
{
    struct record record;
    struct bucket bucket;
    clearerr(file); /* the file has grown since its end was seen */
    if (fread(&record, sizeof(record), 1, file) != 1)
        return ww_fail(error, WW_EIO, "an interval of the load is missing");
    ww_histogram_reset(latency);
    for (uint64_t i = 0; i < record.buckets; i++) {
        if (fread(&bucket, sizeof(bucket), 1, file) != 1 || bucket.number >= WW_HISTOGRAM_BUCKETS)
            return ww_fail(error, WW_EIO, "an interval of the load is cut off");
        latency->buckets[bucket.number] = bucket.count;
    }
    latency->count = record.count;
    latency->min = record.min;
    latency->max = record.max;
    *interval = record.interval;
    return WW_OK;
}

/* ---- several processes ---- */

struct ww_interval_slot {
    uint64_t order;
    struct ww_interval interval;
    struct ww_histogram *latency;
};

/* Never 0, which is before everything. */
static uint64_t order_of(const struct ww_interval *interval)
{
    return (uint64_t)interval->round << 40 | (uint64_t)interval->phase << 32 | interval->number;
}

static void visit_first(struct ww_interval_merge *merge)
{
    struct ww_interval_slot *first = &merge->slots[0];
    merge->visit(merge->context, &first->interval, first->latency);
    free(first->latency);
    merge->count--;
    memmove(first, first + 1, merge->count * sizeof(*first));
}

/* A new slot at its place in the order; NULL: no memory. */
static struct ww_interval_slot *insert(struct ww_interval_merge *merge, size_t place)
{
    if (merge->count == merge->room) {
        size_t room = merge->room == 0 ? 4 : 2 * merge->room;
        struct ww_interval_slot *more = realloc(merge->slots, room * sizeof(*more));
        if (more == NULL)
            return NULL;
        merge->slots = more;
        merge->room = room;
    }
    struct ww_histogram *latency = malloc(sizeof(*latency));
    if (latency == NULL)
        return NULL;
    struct ww_interval_slot *slot = &merge->slots[place];
    memmove(slot + 1, slot, (merge->count - place) * sizeof(*slot));
    merge->count++;
    slot->latency = latency;
    return slot;
}

static void join(struct ww_interval_slot *slot, const struct ww_interval *interval,
                 const struct ww_histogram *latency)
{
    struct ww_interval *all = &slot->interval;
    all->begin_ns = interval->begin_ns < all->begin_ns ? interval->begin_ns : all->begin_ns;
    all->end_ns = interval->end_ns > all->end_ns ? interval->end_ns : all->end_ns;
    all->in_flight += interval->in_flight;
    ww_histogram_merge(slot->latency, latency);
}

int ww_interval_merge_add(struct ww_interval_merge *merge, uint32_t process,
                          const struct ww_interval *interval, const struct ww_histogram *latency,
                          struct ww_error *error)
{
    uint64_t order = order_of(interval), complete = UINT64_MAX;
    size_t place = 0;
    while (place < merge->count && merge->slots[place].order < order)
        place++;
    if (place < merge->count && merge->slots[place].order == order) {
        join(&merge->slots[place], interval, latency);
    } else {
        struct ww_interval_slot *slot = insert(merge, place);
        if (slot == NULL)
            return ww_fail(error, WW_ENOMEM, "no memory for the intervals of the load");
        slot->order = order;
        slot->interval = *interval;
        memcpy(slot->latency, latency, sizeof(*latency));
    }
    merge->reached[process] = order;
    for (uint32_t i = 0; i < merge->processes; i++)
        complete = merge->reached[i] < complete ? merge->reached[i] : complete;
    while (merge->count > 0 && merge->slots[0].order <= complete)
        visit_first(merge);
    return WW_OK;
}

void ww_interval_merge_end(struct ww_interval_merge *merge, int visit_rest)
{
    while (visit_rest && merge->count > 0)
        visit_first(merge);
    for (size_t i = 0; i < merge->count; i++)
        free(merge->slots[i].latency);
    free(merge->slots);
    merge->slots = NULL;
    merge->count = merge->room = 0;
}
