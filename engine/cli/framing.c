/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/framing.h"

#include "engine/base/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES ((size_t)256 * 1024)
#define LENGTH_BYTES 4u

const char *const ww_framings[] = {"lines", "len32", NULL};

int ww_entry_reader_open(struct ww_entry_reader *reader, int fd, enum ww_framing framing,
                         uint32_t entry_max, struct ww_error *error)
{
    WW_ASSERT(entry_max < BUFFER_BYTES / 2);
    *reader = (struct ww_entry_reader){.fd = fd, .framing = framing, .entry_max = entry_max};
    reader->buffer = malloc(BUFFER_BYTES);
    return reader->buffer != NULL ? WW_OK : ww_fail(error, WW_ENOMEM, "no memory to read entries");
}

void ww_entry_reader_close(struct ww_entry_reader *reader)
{
    free(reader->buffer);
}

static int fail_too_big(const struct ww_entry_reader *reader, size_t size, struct ww_error *error)
{
    return ww_fail(error, WW_ETOOBIG, "%s %llu has %zu bytes; the limit of an entry is %u",
                   reader->framing == WW_FRAMING_LINES ? "line" : "entry",
                   (unsigned long long)reader->number + 1, size, reader->entry_max);
}

static int take(struct ww_entry_reader *reader, size_t before, size_t size, size_t after,
                const void **entry, size_t *entry_size, struct ww_error *error)
{
    if (reader->skipped + size > reader->entry_max)
        return fail_too_big(reader, reader->skipped + size, error);
    *entry = reader->buffer + reader->start + before;
    *entry_size = size;
    reader->start += before + size + after;
    reader->number++;
    return WW_READER_ENTRY;
}

static int next_line(struct ww_entry_reader *reader, const void **data, size_t *size,
                     struct ww_error *error)
{
    const uint8_t *start = reader->buffer + reader->start;
    size_t left = reader->end - reader->start;
    const uint8_t *newline = memchr(start, '\n', left);
    if (newline != NULL)
        return take(reader, 0, (size_t)(newline - start), 1, data, size, error);
    if (reader->ended)
        return left + reader->skipped > 0 ? take(reader, 0, left, 0, data, size, error)
                                          : WW_READER_END;
    /* A line above the limit is only counted, so that its size can be told at its end. */
    if (left > reader->entry_max || reader->skipped > 0) {
        reader->skipped += left;
        reader->start = reader->end;
    }
    return WW_READER_EMPTY;
}

static int next_len32(struct ww_entry_reader *reader, const void **data, size_t *size,
                      struct ww_error *error)
{
    size_t left = reader->end - reader->start;
    uint32_t length = 0;
    if (left >= LENGTH_BYTES) {
        memcpy(&length, reader->buffer + reader->start, LENGTH_BYTES);
        if (length > reader->entry_max)
            return fail_too_big(reader, length, error);
        if (left >= LENGTH_BYTES + length)
            return take(reader, LENGTH_BYTES, length, 0, data, size, error);
    }
    if (!reader->ended)
        return WW_READER_EMPTY;
    if (left == 0)
        return WW_READER_END;
    return ww_fail(error, WW_EINVAL, "the input ends within entry %llu",
                   (unsigned long long)reader->number + 1);
}

int ww_entry_reader_next(struct ww_entry_reader *reader, const void **data, size_t *size,
                         struct ww_error *error)
{
    return reader->framing == WW_FRAMING_LINES ? next_line(reader, data, size, error)
                                               : next_len32(reader, data, size, error);
}

int ww_entry_reader_fill(struct ww_entry_reader *reader, struct ww_error *error)
{
    size_t left = reader->end - reader->start;
    memmove(reader->buffer, reader->buffer + reader->start, left);
    reader->start = 0;
    reader->end = left;
    ssize_t got = read(reader->fd, reader->buffer + left, BUFFER_BYTES - left);
    if (got < 0)
        return errno == EINTR ? WW_OK : ww_fail_errno(error, WW_EIO, "cannot read the input");
    reader->end += (size_t)got;
    reader->ended = got == 0;
    return WW_OK;
}
