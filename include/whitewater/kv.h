/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The key-value state machine (node.machine: kv): what clients propose to it and ask of it. All
 * integers are little-endian, and stand where they are, not aligned (docs/formats.md).
 *
 * An operation is the data of one entry; ww_client_propose takes it. Its outcome can be asked for
 * by the index that it got, for a while. What is not a well-formed operation changes nothing, on
 * every replica alike, and is counted.
 *
 * The revision of a key is the index of the entry that wrote it last.
 */
#ifndef WHITEWATER_KV_H
#define WHITEWATER_KV_H

#include <whitewater/state_machine.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WW_KV_KEY_MAX 500u   /**< bytes; at least 1 */
#define WW_KV_OUTCOMES 4096u /**< entries behind the last one whose outcomes are remembered */

/* ---- the machine, for a node that is embedded; `ww node` has it by node.machine ---- */

struct ww_kv_options {
    /** Emptied at the begin and made if missing: it is a cache of snapshot and log, LMDB's files.
     *  NULL: one below $TMPDIR or /tmp that is removed at the end. */
    const char *directory;
    /** Of all groups together, while views are held more than the keys take; address space that is
     *  reserved, of which the file takes what is used. A full map stops the node. */
    uint64_t map_bytes;
    uint32_t groups;
};

int ww_machine_kv_create(const struct ww_kv_options *options, struct ww_state_machine *machine,
                         struct ww_error *error);

/* ---- operations: what is proposed ---- */

enum ww_kv_operation {
    WW_KV_PUT = 1,
    WW_KV_DELETE = 2,
    WW_KV_PUT_IF = 3, /**< only while the key has this revision; 0: only if it is not there */
};

/** In front of the key, behind which the value takes the rest of the entry. With PUT_IF a u64, the
 *  revision, stands between this and the key. */
struct ww_kv_operation_head {
    uint8_t operation;
    uint8_t reserved; /**< 0 */
    uint16_t key_bytes;
};

#define WW_KV_OPERATION_ROOM(key_bytes, value_bytes) (12u + (key_bytes) + (value_bytes))

enum ww_kv_outcome {
    WW_KV_NONE = 0,      /**< not an operation, or one that was applied at an earlier index */
    WW_KV_DONE = 1,      /**< PUT, PUT_IF: written; DELETE: removed */
    WW_KV_ABSENT = 2,    /**< DELETE: the key was not there */
    WW_KV_NOT_MET = 3,   /**< PUT_IF: the key has another revision; nothing was changed */
    WW_KV_MALFORMED = 4, /**< nothing was changed */
};

/* ---- queries: what ww_client_query asks ---- */

enum ww_kv_query {
    WW_KV_GET = 1,     /**< first: the key. Answer: u64 revision (0: not there), the value */
    WW_KV_RANGE = 2,   /**< keys from `first` on, below `end`, in order of their bytes */
    WW_KV_COUNT = 3,   /**< how many there are; answer: u64 count, then the key where to go on */
    WW_KV_OUTCOME = 4, /**< first: a u64, an index. Answer: u8, enum ww_kv_outcome; or WW_EGONE */
    WW_KV_INFO = 5,    /**< answer: struct ww_kv_info */
};

#define WW_KV_KEYS_ONLY 1u /* flag of RANGE: items without their values */

/** In front of `first`, behind which `end` (a key; empty: to the last) takes the rest. */
struct ww_kv_query_head {
    uint8_t query;
    uint8_t flags;
    uint16_t first_bytes;
    uint32_t limit; /**< RANGE, COUNT: at most so many; 0: as many as one answer may have */
};

#define WW_KV_QUERY_ROOM (8u + 2 * (WW_KV_KEY_MAX + 1))

/** The answer to RANGE begins with this; then `count` items. */
struct ww_kv_range_head {
    uint32_t count;
    uint32_t more; /**< 1: there are more; ask from the last key and a zero byte behind it on */
};

/** In front of an item's key and value; the same in a snapshot. */
struct ww_kv_item_head {
    uint16_t key_bytes;
    uint16_t reserved; /**< 0 */
    uint32_t value_bytes;
    uint64_t revision;
};

struct ww_kv_info {
    uint64_t applied;    /**< the last index */
    uint64_t digest;     /**< CRC64 of all entries up to there */
    uint64_t keys;       /**< in this group */
    uint64_t done;       /**< operations that took effect, and those that did not: */
    uint64_t absent;     /**< */
    uint64_t not_met;    /**< */
    uint64_t malformed;  /**< */
    uint64_t used_bytes; /**< of the map of the node that answers, by all its groups */
    uint64_t map_bytes;  /**< node.kv_map there */
};

/* ---- helpers to write them; `to` has the room; they return the size ---- */

static inline size_t ww_kv_write(uint8_t *to, size_t used, const void *data, size_t bytes)
{
    if (data != NULL && bytes > 0)
        memcpy(to + used, data, bytes);
    return used + bytes;
}

/** `to`: WW_KV_OPERATION_ROOM. `revision` counts for PUT_IF only. */
static inline size_t ww_kv_encode(void *to, enum ww_kv_operation operation, uint64_t revision,
                                  const void *key, size_t key_bytes, const void *value,
                                  size_t value_bytes)
{
    const struct ww_kv_operation_head head = {(uint8_t)operation, 0, (uint16_t)key_bytes};
    size_t used = ww_kv_write((uint8_t *)to, 0, &head, sizeof(head));
    if (operation == WW_KV_PUT_IF)
        used = ww_kv_write((uint8_t *)to, used, &revision, sizeof(revision));
    used = ww_kv_write((uint8_t *)to, used, key, key_bytes);
    return ww_kv_write((uint8_t *)to, used, value, value_bytes);
}

/** `to`: WW_KV_QUERY_ROOM. */
static inline size_t ww_kv_encode_query(void *to, struct ww_kv_query_head head, const void *first,
                                        const void *end, size_t end_bytes)
{
    size_t used = ww_kv_write((uint8_t *)to, 0, &head, sizeof(head));
    used = ww_kv_write((uint8_t *)to, used, first, head.first_bytes);
    return ww_kv_write((uint8_t *)to, used, end, end_bytes);
}

static inline size_t ww_kv_encode_get(void *to, const void *key, size_t key_bytes)
{
    const struct ww_kv_query_head head = {WW_KV_GET, 0, (uint16_t)key_bytes, 0};
    return ww_kv_encode_query(to, head, key, NULL, 0);
}

static inline size_t ww_kv_encode_outcome(void *to, uint64_t index)
{
    const struct ww_kv_query_head head = {WW_KV_OUTCOME, 0, sizeof(index), 0};
    return ww_kv_encode_query(to, head, &index, NULL, 0);
}

#endif
