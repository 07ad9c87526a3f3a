/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segment files. Segment n holds the stream's bytes [n * segment_bytes, (n + 1) * segment_bytes)
 * behind a header of 4 KiB. A `.seg` file is complete: every byte of it was written and its name is
 * durable, so that later writes into it change no metadata. `.new` is being written and `.spare`
 * waits for reuse.
 */
#ifndef WW_WAL_SEGMENT_H
#define WW_WAL_SEGMENT_H

#include "wal_uring/directory.h"

#include <stddef.h>

#define WW_WAL_SEGMENT_MAGIC 0x47455357u /* "WSEG" */

/* The first bytes of a segment file; zeros fill it up to WW_SEGMENT_HEADER_BYTES. */
struct ww_wal_segment_header {
    uint32_t crc32c; /* over the rest of the WW_SEGMENT_HEADER_BYTES */
    uint32_t magic;
    uint32_t version;
    uint32_t node;
    uint64_t cluster;
    uint64_t stream;
    uint64_t segment;
    uint64_t segment_bytes;
};

_Static_assert(sizeof(struct ww_wal_segment_header) == 48, "48 bytes on disk");

struct ww_wal_name {
    char text[24];
};

/* "0000000000000007.seg" */
struct ww_wal_name ww_wal_segment_name(uint64_t segment, const char *suffix);

/* The numbers of all files with the suffix, ascending, in memory that the caller frees. */
int ww_wal_segment_list(const struct ww_wal_directory *directory, const char *suffix,
                        uint64_t **segments, size_t *count, struct ww_error *error);

/* Checks size and header of an open `.seg` file. */
int ww_wal_segment_check(const struct ww_wal_directory *directory, int fd, uint64_t segment,
                         struct ww_error *error);

/* Who is told of each piece of a new file when it is written, and says how large the next one is, a
 * multiple of WW_BLOCK_ALIGN up to WW_WAL_PREPARE_PIECE; NULL: nobody, all are that large. */
struct ww_wal_pace {
    uint32_t (*piece)(void *owner, uint32_t bytes);
    void *owner;
};

/*
 * Makes SEGMENT.seg out of the spare file of number *spare, or out of nothing (NULL): written all
 * over, headed, durable under its name. `open_flags` may hold O_DIRECT. On failure no `.seg` is
 * left, and a spare is still there.
 */
int ww_wal_segment_create(const struct ww_wal_directory *directory, uint64_t segment,
                          const uint64_t *spare, int open_flags, const struct ww_wal_pace *pace,
                          struct ww_error *error);

int ww_wal_segment_rename(const struct ww_wal_directory *directory, uint64_t from,
                          const char *from_suffix, uint64_t to, const char *to_suffix,
                          struct ww_error *error);

#endif
