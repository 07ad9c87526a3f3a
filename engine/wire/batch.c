/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/batch.h"

#include "engine/base/assert.h"
#include "engine/base/limits.h"
#include "engine/wire/checksum.h"
#include "engine/wire/configuration.h"

#include <string.h>

#define HEADER WW_BATCH_HEADER_BYTES

static uint32_t load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t padded(uint32_t bytes)
{
    return (bytes + WW_BATCH_ALIGN - 1) & ~(WW_BATCH_ALIGN - 1);
}

uint32_t ww_entry_encode(uint8_t *to, uint8_t type, const void *data, uint32_t size_bytes)
{
    uint32_t head = ww_entry_head(size_bytes, type);
    memcpy(to, &head, sizeof(head));
    if (size_bytes > 0)
        memcpy(to + sizeof(head), data, size_bytes);
    return ww_entry_stored_bytes(size_bytes);
}

bool ww_entries_check(const uint8_t *entries, uint32_t bytes, uint32_t count, const char **why)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (bytes - at < WW_ENTRY_HEADER_BYTES) {
            *why = "an entry's header is cut off";
            return false;
        }
        uint32_t head = load32(entries + at);
        if (head >> 24 != WW_ENTRY_DATA) {
            *why = "an entry's type is not one that a client may propose";
            return false;
        }
        at += WW_ENTRY_HEADER_BYTES;
        if (bytes - at < (head & 0xffffff)) {
            *why = "an entry is longer than what holds it";
            return false;
        }
        at += head & 0xffffff;
    }
    if (at != bytes) {
        *why = "bytes are left over behind the last entry";
        return false;
    }
    return true;
}

static uint32_t seal(struct ww_batch_header *header)
{
    header->crc32c = ww_crc32c((const uint8_t *)header + sizeof(header->crc32c),
                               header->size_bytes - sizeof(header->crc32c));
    return header->size_bytes;
}

uint32_t ww_batch_seal(void *batch, const struct ww_batch_header *wanted, uint32_t entry_bytes)
{
    uint32_t used = HEADER + entry_bytes;
    uint32_t size = padded(used);
    memset((uint8_t *)batch + used, 0, size - used);
    struct ww_batch_header *header = batch;
    *header = *wanted;
    header->size_bytes = size;
    header->kind = WW_BATCH_ENTRIES;
    header->padding = (uint8_t)(size - used);
    return seal(header);
}

uint32_t ww_batch_seal_hard_state(void *batch, uint32_t group, uint64_t term, uint32_t vote)
{
    struct ww_batch_header *header = batch;
    *header = (struct ww_batch_header){
        .size_bytes = HEADER,
        .group = group,
        .kind = WW_BATCH_HARD_STATE,
        .term = term,
        .first_index = vote,
    };
    return seal(header);
}

uint32_t ww_batch_seal_snapshot(void *batch, uint32_t group, uint64_t term, uint64_t index,
                                uint64_t log_first, uint64_t log_last)
{
    struct ww_batch_header *header = batch;
    *header = (struct ww_batch_header){
        .size_bytes = HEADER,
        .group = group,
        .kind = WW_BATCH_SNAPSHOT,
        .term = term,
        .first_index = index,
        .session = log_first,
        .first_sequence = log_last,
    };
    return seal(header);
}

/* The one entry of a batch that is not of data. */
static const char *check_special(const struct ww_batch_header *header, uint32_t head)
{
    const uint8_t *data = (const uint8_t *)header + HEADER + WW_ENTRY_HEADER_BYTES;
    uint32_t bytes = head & 0xffffff;
    struct ww_configuration configuration;
    if (header->count != 1 || header->first_sequence != 0 ||
        (header->session != 0 && head >> 24 != WW_ENTRY_SESSION))
        return "batch: an entry of the group's own is not alone";
    switch (head >> 24) {
    case WW_ENTRY_NOOP:
        return bytes == 0 ? NULL : "batch: a no-op is not empty";
    case WW_ENTRY_CONFIGURATION:
        if (bytes != sizeof(configuration))
            return "batch: not the size of a configuration";
        memcpy(&configuration, data, sizeof(configuration));
        return ww_configuration_valid(&configuration) ? NULL : "batch: a configuration of no group";
    case WW_ENTRY_SESSION:
        return bytes == WW_ENTRY_SESSION_BYTES ? NULL : "batch: not the size of a nonce";
    default:
        return "batch: unknown entry type";
    }
}

/* Do `count` entries and fewer than 8 zero bytes fill the batch? */
static const char *check_entries(const struct ww_batch_header *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    uint32_t at = HEADER;
    for (uint32_t i = 0; i < header->count; i++) {
        if (header->size_bytes - at < WW_ENTRY_HEADER_BYTES)
            return "batch: more entries than bytes";
        uint32_t head = load32(bytes + at);
        at += WW_ENTRY_HEADER_BYTES;
        if (header->size_bytes - at < (head & 0xffffff))
            return "batch: an entry is longer than the batch";
        at += head & 0xffffff;
        if (head >> 24 != WW_ENTRY_DATA) {
            const char *wrong = check_special(header, head);
            if (wrong != NULL)
                return wrong;
        }
    }
    if (padded(at) != header->size_bytes || header->size_bytes - at != header->padding)
        return "batch: more bytes than entries";
    for (; at < header->size_bytes; at++) {
        if (bytes[at] != 0)
            return "batch: padding is not zero";
    }
    return NULL;
}

/* Of the kinds without entries. */
static const char *check_record(const struct ww_batch_header *header)
{
    if (header->kind > WW_BATCH_SNAPSHOT)
        return "batch: unknown kind";
    if (header->count != 0 || header->size_bytes != HEADER || header->padding != 0)
        return "batch: a record has no entries";
    if (header->time_ns != 0)
        return "batch: a record has no time";
    if (header->kind == WW_BATCH_HARD_STATE &&
        (header->session != 0 || header->first_sequence != 0))
        return "batch: a term and vote have no session";
    if (header->kind == WW_BATCH_HARD_STATE)
        return header->first_index <= UINT32_MAX ? NULL : "batch: the vote is not a node";
    if ((header->session == 0) != (header->first_sequence == 0) ||
        (header->session != 0 && (header->first_sequence < header->first_index ||
                                  header->session - 1 > header->first_index)))
        return "batch: a snapshot outside of the log";
    return header->first_index != 0 && header->term != 0 ? NULL : "batch: a snapshot of nothing";
}

static const char *check(const struct ww_batch_header *header, size_t bytes)
{
    if (bytes < HEADER)
        return "batch: header is cut off";
    if (header->size_bytes < HEADER || header->size_bytes > bytes ||
        header->size_bytes % WW_BATCH_ALIGN != 0)
        return "batch: size is out of range";
    if (header->crc32c != ww_crc32c(&header->size_bytes, header->size_bytes - 4))
        return "batch: checksum does not match";
    if (header->kind != WW_BATCH_ENTRIES)
        return check_record(header);
    if (header->count == 0 || header->first_index == 0 || header->term == 0 ||
        header->first_index > UINT64_MAX - header->count)
        return "batch: term, index or count is out of range";
    if (header->session >= header->first_index ||
        (header->session == 0 && header->first_sequence != 0) ||
        header->first_sequence > UINT64_MAX - header->count)
        return "batch: session or sequence is out of range";
    return check_entries(header);
}

uint32_t ww_batch_check(const void *batch, size_t bytes, const char **why)
{
    const char *wrong = check(batch, bytes);
    if (wrong != NULL) {
        *why = wrong;
        return 0;
    }
    return ww_batch_header(batch)->size_bytes;
}

/* The data of the only entry, of a type that stands alone. */
static bool get_special(const struct ww_batch_header *header, uint8_t type, void *data, size_t size)
{
    const uint8_t *entry = (const uint8_t *)(header + 1);
    if (header->count != 1 || load32(entry) >> 24 != type)
        return false;
    memcpy(data, entry + WW_ENTRY_HEADER_BYTES, size);
    return true;
}

bool ww_batch_configuration(const void *batch, struct ww_configuration *configuration)
{
    return get_special(batch, WW_ENTRY_CONFIGURATION, configuration, sizeof(*configuration));
}

bool ww_batch_session_nonce(const void *batch, uint64_t *nonce)
{
    return get_special(batch, WW_ENTRY_SESSION, nonce, sizeof(*nonce));
}

bool ww_batch_next(const void *batch, uint32_t *cursor, struct ww_entry *entry)
{
    const struct ww_batch_header *header = batch;
    const uint8_t *bytes = batch;
    /* The cursor is the offset of the next entry; the entry's own index tells when to stop. */
    if (*cursor == 0) {
        *cursor = HEADER;
        entry->index = header->first_index - 1;
    }
    if (entry->index + 1 - header->first_index >= header->count)
        return false;
    uint32_t head = load32(bytes + *cursor);
    entry->index++;
    entry->term = header->term;
    entry->type = (uint8_t)(head >> 24);
    entry->size_bytes = head & 0xffffff;
    entry->data = bytes + *cursor + WW_ENTRY_HEADER_BYTES;
    *cursor += ww_entry_stored_bytes(entry->size_bytes);
    return true;
}

uint32_t ww_batch_slice(const void *batch, uint64_t from, uint64_t to, void *out)
{
    const struct ww_batch_header *header = batch;
    WW_ASSERT(from >= header->first_index && to <= ww_batch_last_index(header) && from <= to);
    const uint8_t *bytes = batch;
    uint32_t begin = 0, end = 0, cursor = 0;
    struct ww_entry entry;
    while (ww_batch_next(batch, &cursor, &entry) && entry.index <= to) {
        end = cursor;
        if (entry.index == from)
            begin = end - ww_entry_stored_bytes(entry.size_bytes);
    }
    memcpy((uint8_t *)out + HEADER, bytes + begin, end - begin);
    struct ww_batch_header wanted = *header;
    wanted.count = (uint16_t)(to - from + 1);
    wanted.first_index = from;
    if (header->session != 0)
        wanted.first_sequence += from - header->first_index;
    return ww_batch_seal(out, &wanted, end - begin);
}
