/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one batch format, for wire and disk (docs/formats.md has it byte by byte): a 56-byte header,
 * then `count` entries of consecutive indexes and one term, then zero bytes up to a multiple of 8.
 * All integers are little-endian. A sealed batch is final: the same bytes travel and are stored.
 * The entries are of one client session, with consecutive sequences there, or of none.
 */
#ifndef WW_WIRE_BATCH_H
#define WW_WIRE_BATCH_H

#include "engine/base/limits.h"
#include "engine/wire/configuration.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ww_batch_kind {
    WW_BATCH_ENTRIES = 0,
    WW_BATCH_HARD_STATE = 1, /* no entries: `term` is the current term, `first_index` the vote
                              * (ww_batch_vote) and what WW_HARD_STATE_... say */
    /* No entries: the snapshot that ends at (first_index, term) is saved, and the log may begin
     * behind it. `session` and `first_sequence` are the first and the last index of the log then,
     * when it held that entry or ended there; 0: it did not, and is empty now. */
    WW_BATCH_SNAPSHOT = 2,
};

enum ww_entry_type {
    WW_ENTRY_DATA = 0,
    /* Each of those below stands alone in its batch. */
    WW_ENTRY_NOOP = 1,          /* the first entry of a leader's term; empty */
    WW_ENTRY_CONFIGURATION = 2, /* struct ww_configuration */
    WW_ENTRY_SESSION = 3,       /* u64: a client registers, its nonce; or, in a batch of a session,
                                 * that session ends: 0 */
};

#define WW_ENTRY_SESSION_BYTES 8u

struct ww_batch_header {
    uint32_t crc32c;     /* over bytes 4 .. size_bytes */
    uint32_t size_bytes; /* header, entries and padding; a multiple of 8 */
    uint32_t group;
    uint16_t count;  /* entries */
    uint8_t kind;    /* enum ww_batch_kind */
    uint8_t padding; /* zero bytes behind the last entry: 0..7 */
    uint64_t term;
    uint64_t first_index;
    uint64_t session;        /* index of the session's SESSION entry; 0: none */
    uint64_t first_sequence; /* of the first entry in its session */
    uint64_t time_ns;        /* log time: nanoseconds of leadership since the group began */
};

_Static_assert(sizeof(struct ww_batch_header) == WW_BATCH_HEADER_BYTES, "56 bytes, wire and disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats are little-endian");

/* The view of one entry inside a batch; `data` points into the batch. */
struct ww_entry {
    uint64_t index;
    uint64_t term;
    const uint8_t *data;
    uint32_t size_bytes;
    uint8_t type; /* enum ww_entry_type */
};

/* An entry on wire and disk: u32 (size in bits 0..23, type in bits 24..31), then its bytes. */
static inline uint32_t ww_entry_head(uint32_t size_bytes, uint8_t type)
{
    return size_bytes | ((uint32_t)type << 24);
}

/* The bytes that an entry of `size_bytes` takes. */
static inline uint32_t ww_entry_stored_bytes(uint32_t size_bytes)
{
    return 4 + size_bytes;
}

/* Writes one entry at `to`, which has room for it; returns the bytes written. */
uint32_t ww_entry_encode(uint8_t *to, uint8_t type, const void *data, uint32_t size_bytes);

/*
 * Checks that `bytes` bytes hold exactly `count` whole data entries: proposals arrive in this
 * encoding, and a client may propose nothing else. Returns false and leaves *why set otherwise.
 */
bool ww_entries_check(const uint8_t *entries, uint32_t bytes, uint32_t count, const char **why);

/*
 * Seals the batch at `batch`: `entry_bytes` bytes of entries already stand behind the place of the
 * header. Of `wanted` group and count, and all from term on, are taken. Writes padding, header and
 * checksum; returns size_bytes. The room behind the entries must hold the padding (up to 7 bytes).
 */
uint32_t ww_batch_seal(void *batch, const struct ww_batch_header *wanted, uint32_t entry_bytes);

/* Added to the vote: whoever wrote the record knew all that it had promised before. */
#define WW_HARD_STATE_KNOWN 0x100u
/* Likewise: the group's log and state are empty here. What it wrote before is lost in part, and the
 * rest of no use; of its promises it knows the term and the vote. */
#define WW_HARD_STATE_ANEW 0x200u
#define WW_HARD_STATE_FLAGS (WW_HARD_STATE_KNOWN | WW_HARD_STATE_ANEW)

/* Write a record (a header alone) at `batch`; return its size. */
uint32_t ww_batch_seal_hard_state(void *batch, uint32_t group, uint64_t term, uint32_t vote);
uint32_t ww_batch_seal_snapshot(void *batch, uint32_t group, uint64_t term, uint64_t index,
                                uint64_t log_first, uint64_t log_last);

/*
 * Checks one batch at the start of `bytes` bytes: length, kind, count, every entry, padding,
 * checksum. Returns its size, or 0 with *why set (a static string). Reads nothing outside `bytes`.
 */
uint32_t ww_batch_check(const void *batch, size_t bytes, const char **why);

/* The same without the checksum and the walk over entries: enough to step over a checked batch. */
static inline const struct ww_batch_header *ww_batch_header(const void *batch)
{
    return (const struct ww_batch_header *)batch;
}

/* Of a hard state. */
static inline uint32_t ww_batch_vote(const struct ww_batch_header *header)
{
    return (uint32_t)header->first_index & ~WW_HARD_STATE_FLAGS;
}

/* The bytes of the entries alone, which begin right behind the header. */
static inline uint32_t ww_batch_entries_bytes(const struct ww_batch_header *header)
{
    return header->size_bytes - (uint32_t)sizeof(*header) - header->padding;
}

static inline uint64_t ww_batch_last_index(const struct ww_batch_header *header)
{
    return header->first_index + header->count - 1;
}

/*
 * The configuration that a checked batch carries; false: it carries none. One look at its first
 * entry: an entry that is not of data stands alone.
 */
bool ww_batch_configuration(const void *batch, struct ww_configuration *configuration);

/* The nonce of a SESSION entry that a checked batch carries; false: it carries none. Likewise. */
bool ww_batch_session_nonce(const void *batch, uint64_t *nonce);

/* Walks the entries of a checked batch: `cursor` starts at 0 and is the caller's to keep. */
bool ww_batch_next(const void *batch, uint32_t *cursor, struct ww_entry *entry);

/*
 * Copies the entries [from, to] of a checked batch into a sealed batch of its own at `out`, which
 * has room for batch->size_bytes. Needed where a log meets the middle of a batch. Returns its size.
 */
uint32_t ww_batch_slice(const void *batch, uint64_t from, uint64_t to, void *out);

#endif
