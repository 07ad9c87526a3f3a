/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot/snapshot.h"

#include "engine/base/assert.h"
#include "engine/wire/checksum.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER sizeof(struct ww_snapshot_header)
#define CAPACITY_MIN 4096u

int ww_snapshot_begin(struct ww_snapshot_builder *builder)
{
    *builder = (struct ww_snapshot_builder){.bytes = HEADER, .capacity = CAPACITY_MIN};
    builder->data = malloc(builder->capacity);
    return builder->data != NULL ? WW_OK : WW_ENOMEM;
}

int ww_snapshot_write(void *context, const void *data, size_t bytes)
{
    struct ww_snapshot_builder *builder = context;
    if (bytes > WW_SNAPSHOT_MAX - builder->bytes)
        return WW_ETOOBIG;
    if (bytes > builder->capacity - builder->bytes) {
        size_t capacity = 2 * builder->capacity;
        capacity = capacity > builder->bytes + bytes ? capacity : builder->bytes + bytes;
        uint8_t *grown = realloc(builder->data, capacity);
        if (grown == NULL)
            return WW_ENOMEM;
        builder->data = grown;
        builder->capacity = capacity;
    }
    if (bytes > 0)
        memcpy(builder->data + builder->bytes, data, bytes);
    builder->bytes += bytes;
    return WW_OK;
}

void ww_snapshot_end_sessions(struct ww_snapshot_builder *builder)
{
    builder->session_bytes = builder->bytes - HEADER;
}

static uint32_t checksum(const struct ww_snapshot_header *header, size_t bytes)
{
    return ww_crc32c(&header->magic, bytes - sizeof(header->crc32c));
}

void ww_snapshot_seal(struct ww_snapshot_builder *builder, const struct ww_snapshot_header *about)
{
    struct ww_snapshot_header *header = (void *)builder->data;
    WW_ASSERT(about->index > 0 && about->term > 0);
    *header = *about;
    header->magic = WW_SNAPSHOT_MAGIC;
    header->version = WW_SNAPSHOT_VERSION;
    header->session_bytes = builder->session_bytes;
    header->machine_bytes = builder->bytes - HEADER - builder->session_bytes;
    header->crc32c = checksum(header, builder->bytes);
}

void ww_snapshot_discard(struct ww_snapshot_builder *builder)
{
    free(builder->data);
    *builder = (struct ww_snapshot_builder){0};
}

int ww_snapshot_check(const void *data, size_t bytes, uint64_t cluster, uint32_t group,
                      struct ww_snapshot *snapshot, struct ww_error *error)
{
    const struct ww_snapshot_header *header = data;
    if (bytes < HEADER)
        return ww_fail(error, WW_EDAMAGED, "snapshot: %zu bytes do not hold its header", bytes);
    if (header->magic != WW_SNAPSHOT_MAGIC)
        return ww_fail(error, WW_EDAMAGED, "snapshot: no snapshot begins here");
    if (header->version != WW_SNAPSHOT_VERSION)
        return ww_fail(error, WW_EVERSION, "snapshot: version %" PRIu32 ", this program knows %u",
                       header->version, WW_SNAPSHOT_VERSION);
    if (header->crc32c != checksum(header, bytes))
        return ww_fail(error, WW_EDAMAGED, "snapshot: checksum does not match");
    if (header->cluster != cluster)
        return ww_fail(error, WW_EFOREIGN, "snapshot: of another cluster");
    if (header->group != group)
        return ww_fail(error, WW_EFOREIGN, "snapshot: of group %" PRIu32 ", not %" PRIu32,
                       header->group, group);
    size_t rest = bytes - HEADER;
    if (header->session_bytes > rest || header->machine_bytes != rest - header->session_bytes)
        return ww_fail(error, WW_EDAMAGED, "snapshot: its parts do not add up to %zu bytes", bytes);
    if (header->index == 0 || header->term == 0 || header->reserved != 0 ||
        header->configuration.voters == 0 || !ww_configuration_valid(&header->configuration))
        return ww_fail(error, WW_EDAMAGED, "snapshot: index, term or configuration cannot be");
    snapshot->header = header;
    snapshot->sessions = (const uint8_t *)data + HEADER;
    snapshot->machine = snapshot->sessions + header->session_bytes;
    return WW_OK;
}
