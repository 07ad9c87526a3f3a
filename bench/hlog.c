/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/hlog.h"

#include "bench/big_endian.h"
#include "engine/base/time_ns.h"
#include "engine/cli/base64.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SECOND_NS 1e9
#define MILLISECOND_NS 1e6
/* Cookies of the encodings; the 0x10 says that words have up to eight bytes and a ninth whole. */
#define V2_COOKIE (0x1c849303u | 0x10u)
#define V2_COMPRESSED_COOKIE (0x1c849304u | 0x10u)
#define V2_HEADER_BYTES 40u
#define COMPRESSED_HEADER_BYTES 8u
#define SIGNIFICANT_DIGITS 3u
#define WORD_BYTES_MAX 9u

/* Zig-zag LEB128 of 64 bits in at most nine bytes: the last one holds eight bits. */
static size_t put_word(uint8_t *at, int64_t number)
{
    uint64_t value = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    size_t used = 0;
    while (used < WORD_BYTES_MAX - 1 && value > 0x7f) {
        at[used++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[used++] = (uint8_t)value;
    return used;
}

/* Counts up to the last that is not 0; a run of zeros is one negative word. */
static size_t put_counts(uint8_t *at, const struct ww_histogram *histogram)
{
    size_t used = 0;
    uint32_t end = WW_HISTOGRAM_BUCKETS;
    while (end > 0 && histogram->buckets[end - 1] == 0)
        end--;
    for (uint32_t i = 0; i < end;) {
        uint32_t first = i;
        while (histogram->buckets[i] == 0)
            i++;
        if (i == first)
            used += put_word(at + used, (int64_t)histogram->buckets[i++]);
        else
            used += put_word(at + used, i - first == 1 ? 0 : -(int64_t)(i - first));
    }
    return used;
}

uint8_t *ww_hlog_encode(const struct ww_histogram *histogram, size_t *bytes)
{
    const double ratio = 1;
    uint64_t ratio_bits, most = 1;
    size_t room = V2_HEADER_BYTES + (size_t)WW_HISTOGRAM_BUCKETS * WORD_BYTES_MAX;
    uLong packed = compressBound(room);
    uint8_t *plain = malloc(room);
    uint8_t *encoded = malloc(COMPRESSED_HEADER_BYTES + packed);
    memcpy(&ratio_bits, &ratio, sizeof(ratio));
    if (plain != NULL && encoded != NULL) {
        while (most < histogram->max && most < UINT64_MAX / 4)
            most *= 2; /* the range that the reader makes room for */
        size_t counts = put_counts(plain + V2_HEADER_BYTES, histogram);
        ww_big_endian_put(plain, V2_COOKIE, 4);
        ww_big_endian_put(plain + 4, counts, 4);
        ww_big_endian_put(plain + 8, 0, 4); /* no offset of the indexes */
        ww_big_endian_put(plain + 12, SIGNIFICANT_DIGITS, 4);
        ww_big_endian_put(plain + 16, 1, 8); /* the lowest value told from 0 */
        ww_big_endian_put(plain + 24, 2 * most, 8);
        ww_big_endian_put(plain + 32, ratio_bits, 8);
        if (compress(encoded + COMPRESSED_HEADER_BYTES, &packed, plain, V2_HEADER_BYTES + counts) ==
            Z_OK) {
            ww_big_endian_put(encoded, V2_COMPRESSED_COOKIE, 4);
            ww_big_endian_put(encoded + 4, packed, 4);
            *bytes = COMPRESSED_HEADER_BYTES + packed;
            free(plain);
            return encoded;
        }
    }
    free(plain);
    free(encoded);
    return NULL;
}

int ww_hlog_begin(struct ww_hlog *log, uint64_t begin_ns, struct ww_error *error)
{
    *log = (struct ww_hlog){.begin_ns = begin_ns};
    log->stream = open_memstream(&log->text, &log->size);
    if (log->stream == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the histogram log");
    double ago_s = ((double)ww_time_ns(CLOCK_MONOTONIC) - (double)begin_ns) / SECOND_NS;
    double start_s = (double)ww_time_ns(CLOCK_REALTIME) / SECOND_NS - ago_s;
    time_t whole = (time_t)start_s;
    struct tm utc;
    char text[64];
    strftime(text, sizeof(text), "%a %b %d %H:%M:%S UTC %Y", gmtime_r(&whole, &utc));
    fprintf(log->stream,
            "#[StartTime: %.3f (seconds since epoch), %s]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
            "\"Interval_Compressed_Histogram\"\n",
            start_s, text);
    return WW_OK;
}

void ww_hlog_add(struct ww_hlog *log, uint64_t from_ns, uint64_t to_ns,
                 const struct ww_histogram *latency)
{
    size_t bytes = 0;
    uint8_t *encoded = ww_hlog_encode(latency, &bytes);
    log->failed |= encoded == NULL;
    if (encoded == NULL)
        return;
    fprintf(log->stream, "%.3f,%.3f,%.3f,", (double)(from_ns - log->begin_ns) / SECOND_NS,
            (double)(to_ns - from_ns) / SECOND_NS, (double)latency->max / MILLISECOND_NS);
    ww_base64_print(log->stream, encoded, bytes);
    putc('\n', log->stream);
    free(encoded);
}

int ww_hlog_write(struct ww_hlog *log, const char *about, const char *path, struct ww_error *error)
{
    if (log->failed || fflush(log->stream) != 0)
        return ww_fail(error, WW_ENOMEM, "no memory for %s", path);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    fprintf(file, "#[Histogram log format version 1.3]\n#[%s]\n", about);
    bool written = fwrite(log->text, 1, log->size, file) == log->size;
    written = fclose(file) == 0 && written;
    return written ? WW_OK : ww_fail_errno(error, WW_EIO, "%s", path);
}

void ww_hlog_free(struct ww_hlog *log)
{
    if (log->stream != NULL)
        fclose(log->stream);
    free(log->text);
    *log = (struct ww_hlog){0};
}
