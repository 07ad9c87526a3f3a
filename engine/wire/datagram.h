/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One datagram (the payload of one UDP packet): a 32-byte header, `message_count` messages of 48
 * bytes, then the bodies of those messages in their order. The checksum covers header and messages;
 * bodies are sealed batches, or entries, and carry or get their own.
 */
#ifndef WW_WIRE_DATAGRAM_H
#define WW_WIRE_DATAGRAM_H

#include "engine/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WW_DATAGRAM_MAGIC 0x5757u /* "WW" */
#define WW_WIRE_VERSION 3u

struct ww_datagram_header {
    uint16_t magic;
    uint8_t version;
    uint8_t message_count;
    uint32_t size_bytes; /* header, messages and bodies */
    uint64_t cluster;
    uint32_t source;      /* node id, or a client's number with the top bit set */
    uint32_t destination; /* node id, or a client's number */
    uint32_t crc32c;      /* over header (this field as zero) and messages */
    uint32_t body_crc32c; /* of all bodies, where a body has no checksum of its own; else 0 */
};

_Static_assert(sizeof(struct ww_datagram_header) == WW_DATAGRAM_HEADER_BYTES, "32 bytes");

#define WW_CLIENT_SOURCE 0x80000000u /* set in `source` and `destination` of a client */

/* Why a datagram was dropped; each is counted by the receiver. */
enum ww_datagram_verdict {
    WW_DATAGRAM_OK = 0,
    WW_DATAGRAM_SHORT, /* shorter than its header, or than it says */
    WW_DATAGRAM_LONG,  /* longer than it says */
    WW_DATAGRAM_MAGIC_BAD,
    WW_DATAGRAM_VERSION,
    WW_DATAGRAM_CHECKSUM,
    WW_DATAGRAM_CLUSTER, /* for another cluster */
    WW_DATAGRAM_NODE,    /* for another node */
    WW_DATAGRAM_LAYOUT,  /* messages and bodies do not add up, or an unknown type */
    WW_DATAGRAM_VERDICTS,
};

const char *ww_datagram_verdict_name(enum ww_datagram_verdict verdict);

/*
 * Checks everything about a datagram but the inside of its bodies. After WW_DATAGRAM_OK the caller
 * may cast `data` to the header, the `message_count` messages behind it are aligned if `data` is,
 * and the sum of their body_bytes is what remains. `me` is the receiver's own source number.
 */
enum ww_datagram_verdict ww_datagram_check(const void *data, size_t bytes, uint64_t cluster,
                                           uint32_t me);

/* Builds a datagram in place: begin, add messages, then finish when the body size is known. */
struct ww_datagram_builder {
    uint8_t *data;
    uint32_t capacity;
    uint32_t head_bytes; /* header and messages so far */
    uint32_t body_bytes; /* promised by the messages so far */
};

void ww_datagram_begin(struct ww_datagram_builder *builder, void *data, uint32_t capacity);

/* Room for one more message with a body of `body_bytes`? */
bool ww_datagram_fits(const struct ww_datagram_builder *builder, uint32_t body_bytes);

/* Copies a 48-byte message in and returns its place. ww_datagram_fits must hold. */
void *ww_datagram_add(struct ww_datagram_builder *builder, const void *message,
                      uint32_t body_bytes);

/* Writes the header; `body` may be NULL when every body checks itself. Returns head_bytes. */
uint32_t ww_datagram_finish(struct ww_datagram_builder *builder, uint64_t cluster, uint32_t source,
                            uint32_t destination, const void *body);

#endif
