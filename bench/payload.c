/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/payload.h"

#include "bench/itch.h"
#include "bench/sizes.h"
#include "engine/base/limits.h"
#include "engine/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_BYTES (256u * 1024u) /* stays in a core's second-level cache */
#define SLOTS_MIN 16u
#define ITCH_MESSAGES 16384u /* of a day */

struct ww_payload {
    uint64_t seed;
    uint8_t *bytes; /* random: slots of `stride` bytes; file: its text */
    uint32_t stride;
    uint64_t slots;     /* random: a power of two */
    uint64_t *line_at;  /* file: where line n begins; else NULL */
    uint64_t *size_end; /* bytes of the entries 0..n of `sizes`, which repeat; NULL: all alike */
    uint64_t sizes;
    uint32_t entry_bytes;
    uint32_t entry_max;
    struct ww_itch itch;
    uint8_t message[WW_ITCH_MESSAGE_MAX];
};

void ww_payload_choose(struct ww_payload_options *options, const char *payload, const char *size)
{
    bool random = strcmp(payload, "random") == 0;
    options->itch = strcmp(payload, "itch") == 0;
    options->file = random || options->itch ? NULL : payload;
    options->size = random ? size : NULL;
}

const char *ww_payload_name(const struct ww_payload_options *options)
{
    return options->itch ? "itch" : options->file != NULL ? options->file : "random";
}

static int no_memory(struct ww_error *error)
{
    return ww_fail(error, WW_ENOMEM, "no memory for the payload");
}

static int make_pool(struct ww_payload *payload, struct ww_error *error)
{
    payload->stride = (payload->entry_max + 7) & ~7u;
    payload->slots = SLOTS_MIN;
    while (payload->slots * payload->stride * 2 <= POOL_BYTES)
        payload->slots *= 2;
    size_t words = payload->slots * payload->stride / 8;
    uint64_t *pool = malloc(words * 8);
    if (pool == NULL)
        return no_memory(error);
    struct ww_random random = {payload->seed};
    for (size_t i = 0; i < words; i++)
        pool[i] = ww_random_next(&random);
    payload->bytes = (uint8_t *)pool;
    return WW_OK;
}

/* The sum of the sizes before each entry of the table. */
static int make_table(struct ww_payload *payload, uint64_t count, struct ww_error *error)
{
    payload->sizes = count;
    payload->size_end = calloc(count + 1, sizeof(uint64_t));
    return payload->size_end != NULL ? WW_OK : no_memory(error);
}

static void set_size(struct ww_payload *payload, uint64_t n, uint64_t bytes)
{
    payload->size_end[n + 1] = payload->size_end[n] + bytes;
    if (bytes > payload->entry_max)
        payload->entry_max = (uint32_t)bytes;
}

static int make_random(struct ww_payload *payload, const struct ww_payload_options *options,
                       struct ww_error *error)
{
    struct ww_sizes sizes = {.fixed = options->entry_bytes};
    int status = WW_OK;
    if (options->size != NULL)
        status =
            ww_sizes_create(&sizes, options->size, options->seed, WW_ENTRY_MAX(WW_MTU_MAX), error);
    payload->entry_bytes = payload->entry_max = sizes.fixed;
    if (status == WW_OK && sizes.bytes != NULL)
        status = make_table(payload, sizes.count, error);
    for (uint64_t n = 0; status == WW_OK && n < payload->sizes; n++)
        set_size(payload, n, sizes.bytes[n]);
    ww_sizes_destroy(&sizes);
    return status == WW_OK ? make_pool(payload, error) : status;
}

static int make_itch(struct ww_payload *payload, const struct ww_payload_options *options,
                     struct ww_error *error)
{
    int status = ww_itch_create(&payload->itch, ITCH_MESSAGES, options->seed, error);
    if (status == WW_OK)
        status = make_table(payload, ITCH_MESSAGES, error);
    for (uint32_t n = 0; status == WW_OK && n < ITCH_MESSAGES; n++)
        set_size(payload, n, payload->itch.offsets[n + 1] - payload->itch.offsets[n]);
    return status;
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
    if (payload->line_at == NULL)
        return no_memory(error);
    int status = make_table(payload, lines, error);
    uint64_t at = 0;
    for (uint64_t n = 0; n < lines && status == WW_OK; n++) {
        const uint8_t *newline = memchr(payload->bytes + at, '\n', size - at);
        uint64_t end = newline != NULL ? (uint64_t)(newline - payload->bytes) : size;
        payload->line_at[n] = at;
        set_size(payload, n, end - at);
        at = end + 1;
    }
    if (status == WW_OK && payload->size_end[lines] == 0)
        return ww_fail(error, WW_EINVAL, "--payload %s: the file has no text", path);
    return status;
}

int ww_payload_create(const struct ww_payload_options *options, struct ww_payload **out,
                      struct ww_error *error)
{
    *out = NULL;
    struct ww_payload *payload = calloc(1, sizeof(*payload));
    if (payload == NULL)
        return no_memory(error);
    payload->seed =
        ww_random_mix(options->seed + 1); /* so that seed 2, group 0 is not seed 1, group 1 */
    int status;
    size_t size = 0;
    if (options->itch)
        status = make_itch(payload, options, error);
    else if (options->file == NULL)
        status = make_random(payload, options, error);
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
    ww_itch_destroy(&payload->itch);
    free(payload->bytes);
    free(payload->line_at);
    free(payload->size_end);
    free(payload);
}

const void *ww_payload_get(struct ww_payload *payload, uint32_t group, uint64_t sequence,
                           uint32_t *size)
{
    if (payload->itch.bytes != NULL) {
        *size = ww_itch_message(&payload->itch, group, sequence, payload->message);
        return payload->message;
    }
    uint64_t n = payload->size_end != NULL ? sequence % payload->sizes : 0;
    *size = payload->size_end != NULL ? (uint32_t)(payload->size_end[n + 1] - payload->size_end[n])
                                      : payload->entry_bytes;
    if (payload->line_at != NULL)
        return payload->bytes + payload->line_at[n];
    /* The number goes into the slot itself: it owns its first 8 bytes, so nothing is copied here.
     * An entry of fewer bytes carries the first of them. */
    uint8_t *slot = payload->bytes + (sequence & (payload->slots - 1)) * payload->stride;
    uint64_t number = ww_random_mix(ww_random_mix(payload->seed + group) + sequence);
    memcpy(slot, &number, sizeof(number));
    return slot;
}

uint64_t ww_payload_bytes(const struct ww_payload *payload, uint64_t first_sequence, uint64_t count)
{
    if (payload->size_end == NULL)
        return count * payload->entry_bytes;
    uint64_t end = first_sequence + count;
    const uint64_t *sum = payload->size_end;
    return (end / payload->sizes - first_sequence / payload->sizes) * sum[payload->sizes] +
           sum[end % payload->sizes] - sum[first_sequence % payload->sizes];
}

uint32_t ww_payload_entry_max(const struct ww_payload *payload)
{
    return payload->entry_max;
}

double ww_payload_entry_mean(const struct ww_payload *payload)
{
    return payload->size_end == NULL
               ? payload->entry_bytes
               : (double)payload->size_end[payload->sizes] / (double)payload->sizes;
}
