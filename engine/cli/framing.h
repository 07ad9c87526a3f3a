/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries in a stream of bytes: one per line (the newline is not part of it), or each behind its
 * length as a little-endian u32.
 */
#ifndef WW_CLI_FRAMING_H
#define WW_CLI_FRAMING_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ww_framing { WW_FRAMING_LINES, WW_FRAMING_LEN32 };

/* The names, for ww_cli_choice. */
extern const char *const ww_framings[];

struct ww_entry_reader {
    int fd;
    enum ww_framing framing;
    uint32_t entry_max;
    uint64_t number; /* entries returned so far */
    bool ended;      /* the input has no more bytes */
    size_t start, end, skipped;
    uint8_t *buffer;
};

enum ww_reader_result {
    WW_READER_ENTRY,
    WW_READER_EMPTY, /* fill it first */
    WW_READER_END,
};

int ww_entry_reader_open(struct ww_entry_reader *reader, int fd, enum ww_framing framing,
                         uint32_t entry_max, struct ww_error *error);
void ww_entry_reader_close(struct ww_entry_reader *reader);

/*
 * The next entry, without waiting: an enum ww_reader_result, or a status below 0: WW_ETOOBIG (names
 * the entry's number, its size and the limit), WW_EINVAL (the input ends within an entry). The
 * bytes are valid until the next call.
 */
int ww_entry_reader_next(struct ww_entry_reader *reader, const void **data, size_t *size,
                         struct ww_error *error);

/* Reads once from the file; blocks when it has nothing. */
int ww_entry_reader_fill(struct ww_entry_reader *reader, struct ww_error *error);

#endif
