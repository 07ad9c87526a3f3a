/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/sizes.h"

#include "bench/exponential.h"
#include "engine/base/random.h"
#include "engine/base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWN 65536u         /* sizes of a distribution before they repeat */
#define LINES_MAX (1u << 22) /* of a file */
#define MIX_MAX 32u
#define WORD_MAX 64u
#define EXPONENTIAL_MOST 10u /* means */

struct reader {
    const char *text; /* the whole, for messages */
    uint32_t most;
    struct ww_error *error;
};

static int refuse(const struct reader *reader, const char *word, const char *why)
{
    return ww_fail(reader->error, WW_EINVAL, "--size %s: '%s' %s", reader->text, word, why);
}

/* The `length` characters at `text` as a size. */
static int read_size(const struct reader *reader, const char *text, size_t length, uint32_t *size)
{
    char word[WORD_MAX], why[WORD_MAX];
    const char *reason = "";
    uint64_t value;
    snprintf(word, sizeof(word), "%.*s", (int)length, text);
    if (ww_parse_bytes(word, &value, &reason) != WW_OK)
        return refuse(reader, word, reason);
    snprintf(why, sizeof(why), "is not from 1 to %u bytes", reader->most);
    if (value < 1 || value > reader->most)
        return refuse(reader, word, why);
    *size = (uint32_t)value;
    return WW_OK;
}

static int draw_uniform(struct ww_sizes *sizes, const struct reader *reader, const char *text,
                        struct ww_random *random)
{
    uint32_t low, high;
    size_t length = strcspn(text, "-");
    if (text[length] == 0)
        return refuse(reader, text, "is no range, like 64B-1KiB");
    int status = read_size(reader, text, length, &low);
    if (status == WW_OK)
        status = read_size(reader, text + length + 1, strlen(text + length + 1), &high);
    if (status == WW_OK && high < low)
        status = refuse(reader, text, "ends before it begins");
    for (uint32_t i = 0; i < DRAWN && status == WW_OK; i++)
        sizes->bytes[i] = (uint32_t)ww_random_range(random, low, (uint64_t)high + 1);
    return status;
}

static int draw_exponential(struct ww_sizes *sizes, const struct reader *reader, const char *text,
                            struct ww_random *random)
{
    uint32_t mean;
    int status = read_size(reader, text, strlen(text), &mean);
    if (status == WW_OK && (uint64_t)mean * EXPONENTIAL_MOST > reader->most)
        status = refuse(reader, text, "has sizes of up to ten times that, which are too large");
    for (uint32_t i = 0; i < DRAWN && status == WW_OK; i++) {
        double size = ceil(ww_exponential(random) * mean);
        double most = (double)mean * EXPONENTIAL_MOST;
        sizes->bytes[i] = size < 1 ? 1 : size > most ? (uint32_t)most : (uint32_t)size;
    }
    return status;
}

static int draw_mix(struct ww_sizes *sizes, const struct reader *reader, const char *text,
                    struct ww_random *random)
{
    struct {
        uint32_t size;
        double until; /* sum of the weights up to here */
    } parts[MIX_MAX];
    uint32_t count = 0;
    double sum = 0;
    for (const char *at = text; at != NULL; at = strchr(at, ','), at += at != NULL) {
        char word[WORD_MAX], *end;
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, ","), at);
        char *weight = strchr(word, '=');
        if (weight == NULL)
            return refuse(reader, word, "is not SIZE=WEIGHT");
        if (count == MIX_MAX)
            return refuse(reader, word, "is one size too many");
        double value = strtod(weight + 1, &end);
        if (end == weight + 1 || *end != 0 || !(value > 0) || isinf(value))
            return refuse(reader, word, "has no weight above 0");
        int status = read_size(reader, word, (size_t)(weight - word), &parts[count].size);
        if (status != WW_OK)
            return status;
        parts[count++].until = sum += value;
    }
    for (uint32_t i = 0; i < DRAWN; i++) {
        double draw = (double)(ww_random_next(random) >> 11) * 0x1p-53 * sum;
        uint32_t part = 0;
        while (part + 1 < count && draw >= parts[part].until)
            part++;
        sizes->bytes[i] = parts[part].size;
    }
    return WW_OK;
}

static int read_lines(struct ww_sizes *sizes, const struct reader *reader, FILE *file,
                      const char *path)
{
    char line[WORD_MAX + 2];
    uint64_t room = DRAWN;
    sizes->count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = 0;
        if (sizes->count == room) {
            room *= 2;
            uint32_t *more = realloc(sizes->bytes, room * sizeof(*more));
            if (more == NULL || room > LINES_MAX)
                return ww_fail(reader->error, WW_EINVAL, "%s: more than %u sizes", path,
                               LINES_MAX / 2);
            sizes->bytes = more;
        }
        int status = read_size(reader, line, strlen(line), &sizes->bytes[sizes->count]);
        if (status != WW_OK) {
            ww_fail_context(reader->error, "%s:%lu", path, sizes->count + 1);
            return status;
        }
        sizes->count++;
    }
    if (ferror(file))
        return ww_fail_errno(reader->error, WW_EINVAL, "--size file:%s", path);
    return sizes->count > 0
               ? WW_OK
               : ww_fail(reader->error, WW_EINVAL, "--size file:%s: no size there", path);
}

static int read_file(struct ww_sizes *sizes, const struct reader *reader, const char *path,
                     struct ww_random *random)
{
    (void)random;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return ww_fail_errno(reader->error, WW_EINVAL, "--size file:%s", path);
    int status = read_lines(sizes, reader, file, path);
    fclose(file);
    return status;
}

int ww_sizes_create(struct ww_sizes *sizes, const char *text, uint64_t seed, uint32_t most,
                    struct ww_error *error)
{
    static const struct {
        const char *name;
        int (*make)(struct ww_sizes *sizes, const struct reader *reader, const char *text,
                    struct ww_random *random);
    } kinds[] = {{"uniform", draw_uniform},
                 {"exponential", draw_exponential},
                 {"mix", draw_mix},
                 {"file", read_file}};
    struct reader reader = {text, most, error};
    struct ww_random random = {ww_random_mix(seed + 1)};
    *sizes = (struct ww_sizes){.count = DRAWN};
    size_t length = strcspn(text, ":");
    if (text[length] == 0)
        return read_size(&reader, text, length, &sizes->fixed);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strlen(kinds[i].name) != length || strncmp(text, kinds[i].name, length) != 0)
            continue;
        sizes->bytes = calloc(DRAWN, sizeof(*sizes->bytes));
        int status = sizes->bytes == NULL
                         ? ww_fail(error, WW_ENOMEM, "no memory for sizes")
                         : kinds[i].make(sizes, &reader, text + length + 1, &random);
        if (status != WW_OK)
            ww_sizes_destroy(sizes);
        return status;
    }
    return ww_fail(error, WW_EINVAL,
                   "--size %s: neither a size nor uniform:, exponential:, mix: or file:", text);
}

void ww_sizes_destroy(struct ww_sizes *sizes)
{
    free(sizes->bytes);
    *sizes = (struct ww_sizes){0};
}
