/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of repairs (1: the checksum), then a batch. What is accepted can be encoded again
 * from its parts to the same bytes, and every slice of it is a batch.
 */
#include "fuzz.h"

#include "engine/base/limits.h"
#include "engine/wire/batch.h"
#include "engine/wire/checksum.h"
#include "engine/wire/configuration.h"

static uint8_t again[FUZZ_INPUT_MAX + 8] __attribute__((aligned(8)));

size_t fuzz_seed(uint32_t number, uint8_t *to)
{
    static const struct {
        uint16_t count;
        uint8_t type;
        uint32_t entry_bytes;
    } seeds[] = {{1, WW_ENTRY_DATA, 0},          {2, WW_ENTRY_DATA, 1},
                 {3, WW_ENTRY_DATA, 7},          {10, WW_ENTRY_DATA, 64},
                 {1, WW_ENTRY_DATA, 1200},       {1, WW_ENTRY_NOOP, 0},
                 {1, WW_ENTRY_CONFIGURATION, 4}, {1, WW_ENTRY_SESSION, WW_ENTRY_SESSION_BYTES}};
    const uint32_t records = sizeof(seeds) / sizeof(seeds[0]);
    uint8_t *batch = again;
    uint8_t data[2048];
    uint32_t bytes = 0;
    if (number > records + 1)
        return 0;
    to[0] = 1;
    if (number >= records) {
        bytes = number == records ? ww_batch_seal_hard_state(batch, 3, 8, 2)
                                  : ww_batch_seal_snapshot(batch, 3, 8, 100, 90, 107);
    } else {
        struct ww_batch_header header = {.group = 1,
                                         .count = seeds[number].count,
                                         .term = 2,
                                         .first_index = 3,
                                         .session = number % 2,
                                         .first_sequence = number % 2 * 9,
                                         .time_ns = 1000000 * number};
        memset(data, (int)number + 1, sizeof(data));
        if (seeds[number].type != WW_ENTRY_DATA) {
            memcpy(data, &(struct ww_configuration){.voters = 0xe},
                   sizeof(struct ww_configuration));
            header.session = header.first_sequence = 0;
        }
        for (uint16_t i = 0; i < header.count; i++)
            bytes += ww_entry_encode(batch + WW_BATCH_HEADER_BYTES + bytes, seeds[number].type,
                                     data, seeds[number].entry_bytes);
        bytes = ww_batch_seal(batch, &header, bytes);
    }
    memcpy(to + 1, batch, bytes);
    return 1 + bytes;
}

static void encode_again(const struct ww_batch_header *header)
{
    uint32_t size, bytes = 0, cursor = 0, count = 0;
    struct ww_entry entry;
    if (header->kind == WW_BATCH_HARD_STATE) {
        size = ww_batch_seal_hard_state(again, header->group, header->term,
                                        (uint32_t)header->first_index);
    } else if (header->kind == WW_BATCH_SNAPSHOT) {
        size = ww_batch_seal_snapshot(again, header->group, header->term, header->first_index,
                                      header->session, header->first_sequence);
    } else {
        for (; ww_batch_next(header, &cursor, &entry); count++) {
            FUZZ_REQUIRE(entry.index == header->first_index + count);
            bytes += ww_entry_encode(again + WW_BATCH_HEADER_BYTES + bytes, entry.type, entry.data,
                                     entry.size_bytes);
        }
        FUZZ_REQUIRE(count == header->count);
        FUZZ_REQUIRE(bytes == ww_batch_entries_bytes(header));
        size = ww_batch_seal(again, header, bytes);
    }
    FUZZ_REQUIRE(size == header->size_bytes);
    FUZZ_REQUIRE(memcmp(again, header, size) == 0);
}

static void slice(const struct ww_batch_header *header)
{
    const char *why;
    uint64_t last = ww_batch_last_index(header);
    uint64_t middle = header->first_index + header->count / 2;
    uint64_t ranges[][2] = {{header->first_index, last},
                            {header->first_index, header->first_index},
                            {middle, last}};
    for (int i = 0; i < 3; i++) {
        uint32_t size = ww_batch_slice(header, ranges[i][0], ranges[i][1], again);
        FUZZ_REQUIRE(ww_batch_check(again, size, &why) == size);
        FUZZ_REQUIRE(ww_batch_header(again)->first_index == ranges[i][0]);
        FUZZ_REQUIRE(ww_batch_last_index(ww_batch_header(again)) == ranges[i][1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    if (size < 1 || size > FUZZ_INPUT_MAX)
        return 0;
    uint8_t repair = data[0];
    size--;
    uint8_t *batch = fuzz_exact_copy(data + 1, size);
    struct ww_batch_header *header = (void *)batch;
    if ((repair & 1) != 0 && size >= sizeof(*header) && header->size_bytes >= sizeof(*header) &&
        header->size_bytes <= size)
        header->crc32c = ww_crc32c(&header->size_bytes, header->size_bytes - 4);
    uint32_t accepted = ww_batch_check(batch, size, &why);
    FUZZ_REQUIRE(accepted != 0 || why != NULL);
    if (accepted != 0) {
        FUZZ_REQUIRE(accepted <= size && accepted == header->size_bytes);
        FUZZ_REQUIRE(ww_batch_check(batch, accepted - 1, &why) == 0);
        encode_again(header);
        if (header->kind == WW_BATCH_ENTRIES)
            slice(header);
    }
    /* The same bytes as a proposal of one or two entries. */
    for (uint32_t count = 1; count <= 2; count++) {
        why = NULL;
        FUZZ_REQUIRE(ww_entries_check(batch, (uint32_t)size, count, &why) || why != NULL);
    }
    free(batch);
    return 0;
}
