/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/codec/codec_bench.h"

#include "bench/codec/fix_text.h"
#include "engine/base/time_ns.h"

#include <stdlib.h>
#include <string.h>

#define SET_BYTES (256u * 1024u) /* of payload: stays in a core's second-level cache */
#define SET_MAX 64u

/* Several batches, so that no branch predictor knows one by heart. */
struct set {
    const struct ww_codec *codec;
    uint32_t count;
    struct ww_codec_batch *batches;
    struct ww_codec_message encoded[SET_MAX]; /* in memory of their own */
    uint64_t entries, payload_bytes, bytes;
    const uint8_t *text; /* where the next entry begins */
};

/* The next entry: a line, or a cut of the text, from its start again at its end. */
static struct ww_codec_entry next_entry(struct set *set, uint32_t entry_bytes)
{
    size_t left = (size_t)(ww_fix_text_end - set->text);
    if (left == 0 || left < entry_bytes) {
        set->text = ww_fix_text;
        left = (size_t)(ww_fix_text_end - set->text);
    }
    const uint8_t *newline = memchr(set->text, '\n', left), *data = set->text;
    size_t line = newline != NULL ? (size_t)(newline - data) : left;
    uint32_t bytes = entry_bytes > 0 ? entry_bytes : (uint32_t)line;
    set->text += entry_bytes > 0 ? bytes : line + (newline != NULL);
    return (struct ww_codec_entry){.data = data, .bytes = bytes};
}

static void make_batches(struct set *set, const struct ww_codec_bench_options *options)
{
    set->text = ww_fix_text;
    while (set->count == 0 || (set->count < SET_MAX && set->payload_bytes < SET_BYTES)) {
        struct ww_codec_batch *batch = &set->batches[set->count++];
        *batch = (struct ww_codec_batch){
            .group = 7,
            .term = 12,
            .first_index = 1000000 + set->entries,
            .session = 4711,
            .first_sequence = 1 + set->entries,
            .time_ns = UINT64_C(86400000000000) + set->entries,
            .count = options->count,
        };
        for (uint32_t i = 0; i < batch->count; i++) {
            batch->entries[i] = next_entry(set, options->entry_bytes);
            set->payload_bytes += batch->entries[i].bytes;
        }
        set->entries += batch->count;
    }
}

/* Keeps a copy of each encoded batch, and proves that it says the same. */
static int check(struct set *set, struct ww_error *error)
{
    struct ww_codec_batch *decoded = malloc(sizeof(*decoded));
    int status = decoded == NULL ? ww_fail(error, WW_ENOMEM, "no memory") : WW_OK;
    for (uint32_t i = 0; i < set->count && status == WW_OK; i++) {
        struct ww_codec_message message = {0};
        uint8_t *copy = NULL;
        if (!ww_codec_encode(set->codec, &set->batches[i], &message))
            status = ww_fail(error, WW_EIO, "%s cannot encode", set->codec->name);
        else if ((copy = aligned_alloc(64, (message.bytes + 63) & ~(size_t)63)) == NULL)
            status = ww_fail(error, WW_ENOMEM, "no memory");
        if (status != WW_OK)
            break;
        memcpy(copy, message.data, message.bytes);
        message.data = copy;
        set->encoded[i] = message;
        set->bytes += ww_codec_bytes(set->codec, &message);
        if (!ww_codec_decode(set->codec, &message, decoded) ||
            !ww_codec_equal(decoded, &set->batches[i]))
            status = ww_fail(error, WW_EIO, "%s does not say what it was told", set->codec->name);
    }
    free(decoded);
    return status;
}

/* Each once; returns something made of all entries, so that none is left out. */
static uint64_t encode_all(const struct set *set)
{
    struct ww_codec_message message;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->count; i++)
        if (ww_codec_encode(set->codec, &set->batches[i], &message))
            sum += message.bytes + message.data[message.bytes / 2];
    return sum;
}

static uint64_t decode_all(const struct set *set)
{
    static struct ww_codec_batch batch;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!ww_codec_decode(set->codec, &set->encoded[i], &batch))
            continue;
        for (uint32_t entry = 0; entry < batch.count; entry++)
            sum += batch.entries[entry].bytes + batch.entries[entry].data[0];
    }
    return sum;
}

/* ns per entry. */
static double measure(const struct set *set, uint64_t (*all)(const struct set *),
                      const struct ww_codec_bench_options *options)
{
    static volatile uint64_t sink;
    uint64_t begin_ns = ww_time_ns(CLOCK_MONOTONIC), now_ns = begin_ns, passes = 0;
    for (uint64_t end_ns = begin_ns + options->warmup_ns; now_ns < end_ns;) {
        sink = sink + all(set);
        now_ns = ww_time_ns(CLOCK_MONOTONIC);
    }
    begin_ns = now_ns;
    do {
        sink = sink + all(set);
        passes++;
        now_ns = ww_time_ns(CLOCK_MONOTONIC);
    } while (now_ns - begin_ns < options->duration_ns);
    return (double)(now_ns - begin_ns) / (double)(passes * set->entries);
}

int ww_codec_bench(const struct ww_codec_bench_options *options,
                   struct ww_codec_bench_result *result, struct ww_error *error)
{
    struct set set = {.codec = options->codec};
    set.batches = calloc(SET_MAX, sizeof(*set.batches));
    if (set.batches == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    make_batches(&set, options);
    int status = check(&set, error);
    if (status == WW_OK)
        *result = (struct ww_codec_bench_result){
            .encode_ns = measure(&set, encode_all, options),
            .decode_ns = measure(&set, decode_all, options),
            .bytes = (double)set.bytes / (double)set.entries,
            .payload_bytes = (double)set.payload_bytes / (double)set.entries,
        };
    for (uint32_t i = 0; i < set.count; i++)
        free((void *)set.encoded[i].data);
    free(set.batches);
    return status;
}
