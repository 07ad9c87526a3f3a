/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot/snapshot.h"

#include "engine/base/assert.h"
#include "engine/wire/checksum.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER sizeof(struct ww_snapshot_header)
#define HEAD sizeof(struct ww_snapshot_chunk)

_Static_assert((HEAD + WW_SNAPSHOT_CHUNK) % 8 == 0 && HEADER % 8 == 0, "every head is aligned");

static uint32_t header_checksum(const struct ww_snapshot_header *header)
{
    return ww_crc32c(&header->magic, HEADER - sizeof(header->crc32c));
}

/* What all chunks are bound to: everything that is known of a snapshot before its content. */
static uint32_t place_checksum(const struct ww_snapshot_header *header)
{
    return ww_crc32c(&header->magic, offsetof(struct ww_snapshot_header, content_crc32c) -
                                         offsetof(struct ww_snapshot_header, magic));
}

/* ---- making one ---- */

int ww_snapshot_begin(struct ww_snapshot_writer *writer, const struct ww_snapshot_header *about,
                      ww_state_write out, void *context)
{
    WW_ASSERT(about->index > 0 && about->term > 0);
    *writer = (struct ww_snapshot_writer){.header = *about, .out = out, .context = context};
    struct ww_snapshot_header *header = &writer->header;
    header->magic = WW_SNAPSHOT_MAGIC;
    header->version = WW_SNAPSHOT_VERSION;
    header->session_bytes = header->machine_bytes = 0;
    writer->crc32c = place_checksum(header);
    writer->filled = HEAD;
    writer->chunk = malloc(HEAD + WW_SNAPSHOT_CHUNK);
    static const uint8_t zeros[HEADER];
    writer->status = writer->chunk != NULL ? out(context, zeros, HEADER) : WW_ENOMEM;
    return writer->status;
}

static void write_chunk(struct ww_snapshot_writer *writer)
{
    uint32_t bytes = writer->filled - (uint32_t)HEAD;
    writer->crc32c = ww_crc32c_extend(writer->crc32c, writer->chunk + HEAD, bytes);
    struct ww_snapshot_chunk head = {.crc32c = writer->crc32c, .bytes = bytes};
    memcpy(writer->chunk, &head, HEAD);
    writer->filled = HEAD;
    writer->status = writer->out(writer->context, writer->chunk, HEAD + bytes);
}

int ww_snapshot_write(void *context, const void *data, size_t bytes)
{
    struct ww_snapshot_writer *writer = context;
    if (writer->status >= 0 && bytes > WW_SNAPSHOT_MAX - writer->content_bytes)
        writer->status = WW_ETOOBIG;
    const uint8_t *from = data;
    while (bytes > 0 && writer->status >= 0) {
        size_t piece = HEAD + WW_SNAPSHOT_CHUNK - writer->filled;
        piece = piece < bytes ? piece : bytes;
        memcpy(writer->chunk + writer->filled, from, piece);
        writer->filled += (uint32_t)piece;
        writer->content_bytes += piece;
        from += piece;
        bytes -= piece;
        if (writer->filled == HEAD + WW_SNAPSHOT_CHUNK)
            write_chunk(writer);
    }
    return writer->status;
}

void ww_snapshot_end_sessions(struct ww_snapshot_writer *writer)
{
    writer->header.session_bytes = writer->content_bytes;
}

int ww_snapshot_seal(struct ww_snapshot_writer *writer)
{
    if (writer->status >= 0 && writer->filled > HEAD)
        write_chunk(writer);
    struct ww_snapshot_header *header = &writer->header;
    header->machine_bytes = writer->content_bytes - header->session_bytes;
    header->content_crc32c = writer->crc32c;
    header->crc32c = header_checksum(header);
    return writer->status;
}

void ww_snapshot_end(struct ww_snapshot_writer *writer)
{
    free(writer->chunk);
    writer->chunk = NULL;
}

/* ---- reading one ---- */

static int check_header(const struct ww_snapshot_header *header, size_t bytes, uint64_t cluster,
                        uint32_t group, struct ww_error *error)
{
    if (bytes < HEADER)
        return ww_fail(error, WW_EDAMAGED, "snapshot: %zu bytes do not hold its header", bytes);
    if (header->magic != WW_SNAPSHOT_MAGIC)
        return ww_fail(error, WW_EDAMAGED, "snapshot: offset 0: no snapshot begins here");
    if (header->crc32c != header_checksum(header))
        return ww_fail(error, WW_EDAMAGED, "snapshot: offset 0: the header's checksum fails");
    if (header->version != WW_SNAPSHOT_VERSION)
        return ww_fail(error, WW_EVERSION, "snapshot: version %" PRIu32 ", this program knows %u",
                       header->version, WW_SNAPSHOT_VERSION);
    if (header->cluster != cluster)
        return ww_fail(error, WW_EFOREIGN, "snapshot: of another cluster");
    if (header->group != group)
        return ww_fail(error, WW_EFOREIGN, "snapshot: of group %" PRIu32 ", not %" PRIu32,
                       header->group, group);
    if (header->index == 0 || header->term == 0 || header->configuration.voters == 0 ||
        !ww_configuration_valid(&header->configuration))
        return ww_fail(error, WW_EDAMAGED,
                       "snapshot: offset 0: index, term or configuration cannot be");
    return WW_OK;
}

/* All bytes of a snapshot with so much content; 0: there is none that large. */
static uint64_t whole_bytes(const struct ww_snapshot_header *header)
{
    if (header->session_bytes > WW_SNAPSHOT_MAX ||
        header->machine_bytes > WW_SNAPSHOT_MAX - header->session_bytes)
        return 0;
    uint64_t content = header->session_bytes + header->machine_bytes;
    return HEADER + content + (content + WW_SNAPSHOT_CHUNK - 1) / WW_SNAPSHOT_CHUNK * HEAD;
}

int ww_snapshot_check(const struct ww_snapshot_blob *blob, uint64_t cluster, uint32_t group,
                      struct ww_error *error)
{
    const struct ww_snapshot_header *header = ww_snapshot_header(blob);
    int status = check_header(header, blob->bytes, cluster, group, error);
    if (status != WW_OK)
        return status;
    uint64_t whole = whole_bytes(header);
    if (whole != blob->bytes)
        return ww_fail(error, WW_EDAMAGED,
                       "snapshot: %zu bytes, but its header says %" PRIu64 " and %" PRIu64
                       " of content",
                       blob->bytes, header->session_bytes, header->machine_bytes);
    uint32_t crc = place_checksum(header);
    for (uint64_t at = HEADER; at < whole; at += HEAD + WW_SNAPSHOT_CHUNK) {
        const struct ww_snapshot_chunk *chunk = (const void *)(blob->data + at);
        uint64_t left = whole - at - HEAD;
        uint32_t bytes = left < WW_SNAPSHOT_CHUNK ? (uint32_t)left : WW_SNAPSHOT_CHUNK;
        crc = ww_crc32c_extend(crc, blob->data + at + HEAD, bytes);
        if (chunk->bytes != bytes || chunk->crc32c != crc)
            return ww_fail(error, WW_EDAMAGED,
                           "snapshot: offset %" PRIu64 ": the checksum of a chunk fails", at);
    }
    if (header->content_crc32c != crc)
        return ww_fail(error, WW_EDAMAGED, "snapshot: offset 0: the header is of other content");
    return WW_OK;
}

void ww_snapshot_open_sessions(struct ww_snapshot_reader *reader,
                               const struct ww_snapshot_blob *blob)
{
    uint64_t end = ww_snapshot_header(blob)->session_bytes;
    *reader = (struct ww_snapshot_reader){.blob = blob, .end = end};
}

void ww_snapshot_open_machine(struct ww_snapshot_reader *reader,
                              const struct ww_snapshot_blob *blob)
{
    const struct ww_snapshot_header *header = ww_snapshot_header(blob);
    *reader = (struct ww_snapshot_reader){
        .blob = blob,
        .position = header->session_bytes,
        .end = header->session_bytes + header->machine_bytes,
    };
}

int64_t ww_snapshot_read(void *context, void *data, size_t bytes)
{
    struct ww_snapshot_reader *reader = context;
    uint8_t *to = data;
    while (bytes > 0 && reader->position < reader->end) {
        uint64_t chunk = reader->position / WW_SNAPSHOT_CHUNK;
        uint64_t offset = reader->position % WW_SNAPSHOT_CHUNK;
        uint64_t left = reader->end - reader->position;
        size_t piece = bytes < WW_SNAPSHOT_CHUNK - offset ? bytes : WW_SNAPSHOT_CHUNK - offset;
        piece = piece < left ? piece : left;
        memcpy(to, reader->blob->data + HEADER + chunk * (HEAD + WW_SNAPSHOT_CHUNK) + HEAD + offset,
               piece);
        to += piece;
        bytes -= piece;
        reader->position += piece;
    }
    return to - (uint8_t *)data;
}
