/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot of one group, as it is kept, sent and stored: one blob of a header, the group's
 * sessions, and what the state machine saved (docs/formats.md has it byte by byte). It stands for
 * all entries up to `index`: for the state that they led to, the configuration and the log time.
 */
#ifndef WW_SNAPSHOT_SNAPSHOT_H
#define WW_SNAPSHOT_SNAPSHOT_H

#include "engine/base/error.h"
#include "engine/base/limits.h"
#include "engine/wire/configuration.h"

#include <stddef.h>
#include <stdint.h>

#define WW_SNAPSHOT_MAGIC 0x504e5357u /* "WSNP" */
#define WW_SNAPSHOT_VERSION 1u

struct ww_snapshot_header {
    uint32_t crc32c; /* over bytes 4 .. the end of the blob */
    uint32_t magic;
    uint32_t version;
    uint32_t group;
    uint64_t cluster;
    uint64_t index; /* of the last entry that it stands for, and its term */
    uint64_t term;
    uint64_t time_ns;                      /* log time */
    struct ww_configuration configuration; /* in force at index */
    uint32_t reserved;                     /* zero */
    uint64_t session_bytes;                /* behind the header */
    uint64_t machine_bytes;                /* behind the sessions */
};

_Static_assert(sizeof(struct ww_snapshot_header) == 72, "72 bytes on wire and disk");

/* A blob that grows: the sessions are written first, then the machine's state. */
struct ww_snapshot_builder {
    uint8_t *data;
    size_t bytes;
    size_t capacity;
    size_t session_bytes;
};

/* WW_ENOMEM. */
int ww_snapshot_begin(struct ww_snapshot_builder *builder);

/* Appends bytes; `builder` is a void pointer so that this is what a machine saves with. WW_ENOMEM;
 * WW_ETOOBIG beyond WW_SNAPSHOT_MAX. */
int ww_snapshot_write(void *builder, const void *data, size_t bytes);

/* What is written from now on is the machine's. */
void ww_snapshot_end_sessions(struct ww_snapshot_builder *builder);

/* Completes the blob with what `about` says (cluster, group, index, term, time, configuration); its
 * `bytes` bytes at `data` are then the caller's to free. */
void ww_snapshot_seal(struct ww_snapshot_builder *builder, const struct ww_snapshot_header *about);

/* A blob that is not wanted after all. */
void ww_snapshot_discard(struct ww_snapshot_builder *builder);

/* The parts of a checked blob; they point into it, and are aligned to nothing. */
struct ww_snapshot {
    const struct ww_snapshot_header *header;
    const uint8_t *sessions;
    const uint8_t *machine;
};

/*
 * Checks that `bytes` bytes at `data` (aligned to 8) are one whole snapshot of this group of this
 * cluster. WW_EDAMAGED, WW_EVERSION, WW_EFOREIGN, and `error` (may be NULL) says why.
 */
int ww_snapshot_check(const void *data, size_t bytes, uint64_t cluster, uint32_t group,
                      struct ww_snapshot *snapshot, struct ww_error *error);

#endif
