/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/payload.h"

#include "engine/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BYTES (256u * 1024u) /* stays in a core's second-level cache */
#define SLOTS_MIN 16u

struct ww_payload {
    uint64_t seed;
    uint8_t *bytes; /* random: slots of `stride` bytes; file: its text */
    uint32_t entry_bytes;
    uint32_t stride;
    uint64_t slots;     /* random: a power of two; file: lines */
    uint64_t *line_end; /* file: bytes of the lines 0..n; NULL for random */
    uint64_t *line_at;  /* file: where line n begins */
    uint32_t entry_max;
};

static int make_pool(struct ww_payload *payload, struct ww_error *error)
{
    payload->stride = (payload->entry_bytes + 7) & ~7u;
    payload->slots = SLOTS_MIN;
    while (payload->slots * payload->stride * 2 <= POOL_BYTES)
        payload->slots *= 2;
    payload->entry_max = payload->entry_bytes;
    size_t words = payload->slots * payload->stride / 8;
    uint64_t *pool = malloc(words * 8);
    if (pool == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %zu bytes of payload", words * 8);
    struct ww_random random = {payload->seed};
    for (size_t i = 0; i < words; i++)
        pool[i] = ww_random_next(&random);
    payload->bytes = (uint8_t *)pool;
    return WW_OK;
}

static int read_text(struct ww_payload *payload, const char *path, size_t *size,
                     struct ww_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ww_fail_errno(error, WW_EINVAL, "--payload %s", path);
    int status = WW_OK;
    size_t room = 0;
    *size = 0;
    do {
        if (*size == room) {
            room = room == 0 ? 65536 : room * 2;
            uint8_t *more = realloc(payload->bytes, room);
            if (more == NULL) {
                status = ww_fail(error, WW_ENOMEM, "--payload %s: no memory", path);
                break;
            }
            payload->bytes = more;
        }
        *size += fread(payload->bytes + *size, 1, room - *size, file);
    } while (!feof(file) && !ferror(file));
    if (status == WW_OK && ferror(file))
        status = ww_fail_errno(error, WW_EINVAL, "--payload %s: cannot read", path);
    fclose(file);
    return status;
}

/* Every line without its newline is an entry; an unterminated last one too. */
static int index_lines(struct ww_payload *payload, const char *path, size_t size,
                       struct ww_error *error)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += payload->bytes[i] == '\n' || i + 1 == size;
    payload->line_at = calloc(lines + 1, sizeof(uint64_t));
    payload->line_end = calloc(lines + 1, sizeof(uint64_t));
    if (payload->line_at == NULL || payload->line_end == NULL)
        return ww_fail(error, WW_ENOMEM, "--payload %s: no memory", path);
    uint64_t at = 0;
    for (uint64_t n = 0; n < lines; n++) {
        const uint8_t *newline = memchr(payload->bytes + at, '\n', size - at);
        uint64_t end = newline != NULL ? (uint64_t)(newline - payload->bytes) : size;
        payload->line_at[n] = at;
        payload->line_end[n + 1] = payload->line_end[n] + (end - at);
        if (end - at > payload->entry_max)
            payload->entry_max = (uint32_t)(end - at);
        at = end + 1;
    }
    payload->slots = lines;
    if (payload->line_end[lines] == 0)
        return ww_fail(error, WW_EINVAL, "--payload %s: the file has no text", path);
    return WW_OK;
}

int ww_payload_create(const struct ww_payload_options *options, struct ww_payload **out,
                      struct ww_error *error)
{
    *out = NULL;
    struct ww_payload *payload = calloc(1, sizeof(*payload));
    if (payload == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the payload");
    payload->seed =
        ww_random_mix(options->seed + 1); /* so that seed 2, group 0 is not seed 1, group 1 */
    payload->entry_bytes = options->entry_bytes;
    int status;
    size_t size = 0;
    if (options->file == NULL)
        status = make_pool(payload, error);
    else if ((status = read_text(payload, options->file, &size, error)) == WW_OK)
        status = index_lines(payload, options->file, size, error);
    if (status != WW_OK) {
        ww_payload_destroy(payload);
        return status;
    }
    *out = payload;
    return WW_OK;
}

void ww_payload_destroy(struct ww_payload *payload)
{
    if (payload == NULL)
        return;
    free(payload->bytes);
    free(payload->line_at);
    free(payload->line_end);
    free(payload);
}

const void *ww_payload_get(struct ww_payload *payload, uint32_t group, uint64_t sequence,
                           uint32_t *size)
{
    if (payload->line_end != NULL) {
        uint64_t n = sequence % payload->slots;
        *size = (uint32_t)(payload->line_end[n + 1] - payload->line_end[n]);
        return payload->bytes + payload->line_at[n];
    }
    /* The number goes into the slot itself: it owns its first 8 bytes, so nothing is copied here.
     * An entry of fewer bytes carries the first of them. */
    uint8_t *slot = payload->bytes + (sequence & (payload->slots - 1)) * payload->stride;
    uint64_t number = ww_random_mix(ww_random_mix(payload->seed + group) + sequence);
    memcpy(slot, &number, sizeof(number));
    *size = payload->entry_bytes;
    return slot;
}

uint64_t ww_payload_bytes(const struct ww_payload *payload, uint64_t first_sequence, uint64_t count)
{
    if (payload->line_end == NULL)
        return count * payload->entry_bytes;
    uint64_t end = first_sequence + count;
    const uint64_t *sum = payload->line_end;
    return (end / payload->slots - first_sequence / payload->slots) * sum[payload->slots] +
           sum[end % payload->slots] - sum[first_sequence % payload->slots];
}

uint32_t ww_payload_entry_max(const struct ww_payload *payload)
{
    return payload->entry_max;
}

double ww_payload_entry_mean(const struct ww_payload *payload)
{
    return (double)ww_payload_bytes(payload, 0, payload->slots) / (double)payload->slots;
}
