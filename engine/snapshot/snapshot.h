/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot of one group, the same for disk and network: a header, then the group's sessions and
 * what the state machine saved, cut into chunks (docs/formats.md has it byte by byte). It stands
 * for all entries up to `index`: for the state that they led to, the configuration, the log time.
 *
 * It is made and read as a stream, so that its size does not matter. Each chunk carries the CRC32C
 * of all content up to its end, begun over what the header says of the place: a damaged, missing,
 * misplaced chunk, or one of another snapshot, fails its check.
 */
#ifndef WW_SNAPSHOT_SNAPSHOT_H
#define WW_SNAPSHOT_SNAPSHOT_H

#include "engine/base/error.h"
#include "engine/base/limits.h"
#include "engine/wire/configuration.h"

#include <whitewater/state_machine.h>

#include <stddef.h>
#include <stdint.h>

#define WW_SNAPSHOT_MAGIC 0x504e5357u /* "WSNP" */
#define WW_SNAPSHOT_VERSION 2u

struct ww_snapshot_header {
    uint32_t crc32c; /* over the rest of the header */
    uint32_t magic;
    uint32_t version;
    uint32_t group;
    uint64_t cluster;
    uint64_t index; /* of the last entry that it stands for, and its term */
    uint64_t term;
    uint64_t time_ns;                      /* log time */
    struct ww_configuration configuration; /* in force at index */
    uint32_t content_crc32c;               /* of the last chunk */
    uint64_t session_bytes;                /* of content; the machine's follow */
    uint64_t machine_bytes;
};

_Static_assert(sizeof(struct ww_snapshot_header) == 72, "72 bytes on wire and disk");

/* In front of WW_SNAPSHOT_CHUNK bytes of content; the last chunk may be shorter. */
struct ww_snapshot_chunk {
    uint32_t crc32c; /* of all content up to the end of this chunk */
    uint32_t bytes;  /* of content in it */
};

/* A whole one, in memory or mapped from a file. */
struct ww_snapshot_blob {
    const uint8_t *data; /* NULL: none */
    size_t bytes;
};

/* ---- making one ---- */

struct ww_snapshot_writer {
    struct ww_snapshot_header header;
    ww_state_write out; /* gets the bytes of the file, in order */
    void *context;
    uint8_t *chunk; /* being filled: its head, then content */
    uint32_t filled;
    uint32_t crc32c;
    uint64_t content_bytes;
    int status; /* the first failure: nothing is written behind it */
};

/* Writes a header of zeros, which keeps its place, to `out`. WW_ENOMEM; what `out` returns. */
int ww_snapshot_begin(struct ww_snapshot_writer *writer, const struct ww_snapshot_header *about,
                      ww_state_write out, void *context);

/* More content; a ww_state_write. Returns what `out` returned; WW_ETOOBIG (WW_SNAPSHOT_MAX). After
 * a failure that same status for ever, so that who overlooks it once cannot seal a gap. */
int ww_snapshot_write(void *writer, const void *data, size_t bytes);

/* What is written from now on is the machine's. */
void ww_snapshot_end_sessions(struct ww_snapshot_writer *writer);

/* Writes the last chunk; writer->header is then what belongs at offset 0. */
int ww_snapshot_seal(struct ww_snapshot_writer *writer);

/* Always, whether it was sealed or not. */
void ww_snapshot_end(struct ww_snapshot_writer *writer);

/* ---- reading one ---- */

/*
 * Checks that `blob` (aligned to 8) is one whole snapshot of this group of this cluster: header,
 * lengths and every chunk. WW_EDAMAGED, WW_EVERSION, WW_EFOREIGN, and `error` (may be NULL) says
 * why and at which offset.
 */
int ww_snapshot_check(const struct ww_snapshot_blob *blob, uint64_t cluster, uint32_t group,
                      struct ww_error *error);

static inline const struct ww_snapshot_header *ww_snapshot_header(const struct ww_snapshot_blob *b)
{
    return (const void *)b->data;
}

/* Reads the content of a checked one from its begin: sessions, then the machine's. */
struct ww_snapshot_reader {
    const struct ww_snapshot_blob *blob;
    uint64_t position; /* in the content */
    uint64_t end;      /* reads stop here */
};

void ww_snapshot_open_sessions(struct ww_snapshot_reader *reader,
                               const struct ww_snapshot_blob *blob);
void ww_snapshot_open_machine(struct ww_snapshot_reader *reader,
                              const struct ww_snapshot_blob *blob);

/* A ww_state_read. */
int64_t ww_snapshot_read(void *reader, void *data, size_t bytes);

#endif
