/* SPDX-License-Identifier: Apache-2.0 */
/* A15: the one batch format for wire and disk. */
#include "engine/wire/batch.h"

#include "engine/base/limits.h"
#include "engine/base/random.h"
#include "engine/wire/checksum.h"
#include "engine/wire/configuration.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define ROOM 16384u
#define GROUP 5u
#define TERM 9u
#define FIRST 100u
#define SESSION 40u
#define SEQUENCE 7000u
#define TIME 123456789u

static uint8_t batch[ROOM] __attribute__((aligned(8)));
static uint8_t copy[ROOM] __attribute__((aligned(8)));

/* A batch of entries of these sizes, each full of its own number. */
static uint32_t make(const uint32_t *sizes, uint16_t count)
{
    uint8_t data[ROOM];
    uint32_t bytes = 0;
    for (uint16_t i = 0; i < count; i++) {
        memset(data, i + 1, sizes[i]);
        bytes +=
            ww_entry_encode(batch + WW_BATCH_HEADER_BYTES + bytes, WW_ENTRY_DATA, data, sizes[i]);
    }
    return ww_batch_seal(batch,
                         &(struct ww_batch_header){.group = GROUP,
                                                   .count = count,
                                                   .term = TERM,
                                                   .first_index = FIRST,
                                                   .session = SESSION,
                                                   .first_sequence = SEQUENCE,
                                                   .time_ns = TIME},
                         bytes);
}

/* A batch of `count` entries of no session, of a type that stands alone. */
static uint32_t make_special(uint8_t type, const void *data, uint32_t size, uint16_t count)
{
    uint32_t bytes = 0;
    for (uint16_t i = 0; i < count; i++)
        bytes += ww_entry_encode(batch + WW_BATCH_HEADER_BYTES + bytes, type, data, size);
    struct ww_batch_header header = {.count = count, .term = TERM, .first_index = FIRST};
    return ww_batch_seal(batch, &header, bytes);
}

static uint32_t make_three(void)
{
    static const uint32_t sizes[] = {7, 0, 64};
    return make(sizes, 3);
}

/* Seals what stands in the header again, so that only what was changed is wrong. */
static void reseal(void)
{
    struct ww_batch_header *header = (void *)batch;
    header->crc32c = ww_crc32c(&header->size_bytes, header->size_bytes - 4);
}

static const char *why_not(size_t bytes)
{
    const char *why = "it is whole";
    return ww_batch_check(batch, bytes, &why) == 0 ? why : "it is whole";
}

Test(batch, A15_header_and_entries_cost_what_the_format_says)
{
    uint32_t sizes[100];
    for (int i = 0; i < 100; i++)
        sizes[i] = 64;
    cr_assert_eq(make(sizes, 100), 56 + 100 * 68);
    cr_assert_eq(make(sizes, 1), 56 + 68 + 4, "padded to 8");
    cr_assert_eq(ww_batch_entries_bytes(ww_batch_header(batch)), 68);
}

Test(batch, A15_round_trip)
{
    struct ww_random random = {1};
    for (int round = 0; round < 500; round++) {
        uint32_t sizes[20];
        uint16_t count = (uint16_t)ww_random_range(&random, 1, 21);
        for (uint16_t i = 0; i < count; i++)
            sizes[i] = (uint32_t)ww_random_range(&random, 0, 200);
        uint32_t size = make(sizes, count);
        const char *why = "";
        cr_assert_eq(ww_batch_check(batch, ROOM, &why), size, "%s", why);
        cr_assert_eq(size % WW_BATCH_ALIGN, 0);
        const struct ww_batch_header *header = ww_batch_header(batch);
        cr_assert_eq(header->group, GROUP);
        cr_assert_eq(header->term, TERM);
        cr_assert_eq(header->session, SESSION);
        cr_assert_eq(header->first_sequence, SEQUENCE);
        cr_assert_eq(header->time_ns, TIME);
        cr_assert_eq(ww_batch_last_index(header), FIRST + count - 1);
        cr_assert(ww_entries_check(batch + WW_BATCH_HEADER_BYTES, ww_batch_entries_bytes(header),
                                   count, &why));
        uint32_t cursor = 0, seen = 0;
        struct ww_entry entry;
        while (ww_batch_next(batch, &cursor, &entry)) {
            cr_assert_eq(entry.index, FIRST + seen);
            cr_assert_eq(entry.term, TERM);
            cr_assert_eq(entry.size_bytes, sizes[seen]);
            for (uint32_t i = 0; i < entry.size_bytes; i++)
                cr_assert_eq(entry.data[i], seen + 1);
            seen++;
        }
        cr_assert_eq(seen, count);
    }
}

Test(batch, A15_the_bytes_are_these)
{
    static const uint8_t entry[] = {3, 0, 0, 0, 'a', 'b', 'c'};
    static const uint8_t wanted[] = {64,   0,    0,    0,    5,   0,   0,   0,
                                     1,    0,    0,    1, /* size group count kind padding */
                                     9,    0,    0,    0,    0,   0,   0,   0, /* term */
                                     100,  0,    0,    0,    0,   0,   0,   0, /* first index */
                                     40,   0,    0,    0,    0,   0,   0,   0, /* session */
                                     0x58, 0x1b, 0,    0,    0,   0,   0,   0, /* first sequence */
                                     0x15, 0xcd, 0x5b, 0x07, 0,   0,   0,   0, /* time */
                                     3,    0,    0,    0,    'a', 'b', 'c', 0};
    memcpy(batch + WW_BATCH_HEADER_BYTES, entry, sizeof(entry));
    struct ww_batch_header header = {.group = GROUP,
                                     .count = 1,
                                     .term = TERM,
                                     .first_index = FIRST,
                                     .session = SESSION,
                                     .first_sequence = SEQUENCE,
                                     .time_ns = TIME};
    cr_assert_eq(ww_batch_seal(batch, &header, sizeof(entry)), 64);
    cr_assert_eq(memcmp(batch + 4, wanted, sizeof(wanted)), 0);
    cr_assert_eq(ww_batch_header(batch)->crc32c, ww_crc32c(wanted, sizeof(wanted)));
}

Test(batch, hard_state_round_trip)
{
    const char *why;
    cr_assert_eq(ww_batch_seal_hard_state(batch, GROUP, 77, 3), WW_BATCH_HEADER_BYTES);
    cr_assert_eq(ww_batch_check(batch, WW_BATCH_HEADER_BYTES, &why), WW_BATCH_HEADER_BYTES);
    const struct ww_batch_header *header = ww_batch_header(batch);
    cr_assert_eq(header->kind, WW_BATCH_HARD_STATE);
    cr_assert_eq(header->term, 77);
    cr_assert_eq(header->first_index, 3);
    uint32_t cursor = 0;
    struct ww_entry entry;
    cr_assert_not(ww_batch_next(batch, &cursor, &entry));
}

Test(batch, snapshot_round_trip)
{
    struct ww_batch_header *header = (void *)batch;
    cr_assert_eq(ww_batch_seal_snapshot(batch, GROUP, 77, 1000, 900, 1000), WW_BATCH_HEADER_BYTES);
    cr_assert_str_eq(why_not(WW_BATCH_HEADER_BYTES), "it is whole");
    cr_assert_eq(header->kind, WW_BATCH_SNAPSHOT);
    cr_assert_eq(header->term, 77);
    cr_assert_eq(header->first_index, 1000);
    cr_assert_eq(header->session, 900);
    cr_assert_eq(header->first_sequence, 1000, "the log then");
    const uint64_t logs[][3] = {{1001, 1000, 1}, {1, 2000, 1}, {0, 0, 1},  {900, 999, 0},
                                {1002, 1002, 0}, {0, 1000, 0}, {900, 0, 0}};
    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
        ww_batch_seal_snapshot(batch, GROUP, 77, 1000, logs[i][0], logs[i][1]);
        cr_assert_str_eq(why_not(ROOM),
                         logs[i][2] != 0 ? "it is whole" : "batch: a snapshot outside of the log");
    }
    ww_batch_seal_snapshot(batch, GROUP, 0, 1000, 900, 1000);
    cr_assert_str_eq(why_not(ROOM), "batch: a snapshot of nothing");
    ww_batch_seal_snapshot(batch, GROUP, 77, 0, 0, 0);
    cr_assert_str_eq(why_not(ROOM), "batch: a snapshot of nothing");
}

Test(batch, a_record_has_no_session_and_no_time)
{
    struct ww_batch_header *header = (void *)batch;
    uint64_t *const fields[] = {&header->session, &header->first_sequence, &header->time_ns};
    for (int i = 0; i < 3; i++) {
        ww_batch_seal_hard_state(batch, GROUP, 77, 3);
        *fields[i] = 1;
        reseal();
        cr_assert_str_eq(why_not(ROOM), i < 2 ? "batch: a term and vote have no session"
                                              : "batch: a record has no time");
    }
}

Test(batch, entries_of_the_groups_own_are_checked)
{
    struct ww_batch_header *header = (void *)batch;
    const struct ww_configuration good = {.voters = 0xe}, bad = {.voters = 1};
    const uint64_t nonce = 5;
    make_special(WW_ENTRY_NOOP, NULL, 0, 1);
    cr_assert_str_eq(why_not(ROOM), "it is whole");
    make_special(WW_ENTRY_CONFIGURATION, &good, sizeof(good), 1);
    cr_assert_str_eq(why_not(ROOM), "it is whole");
    make_special(WW_ENTRY_SESSION, &nonce, sizeof(nonce), 1);
    cr_assert_str_eq(why_not(ROOM), "it is whole");
    uint64_t found = 0;
    cr_assert(ww_batch_session_nonce(batch, &found));
    cr_assert_eq(found, nonce);
    header->session = 7;
    reseal();
    cr_assert_str_eq(why_not(ROOM), "it is whole", "the end of a session");
    header->first_sequence = 1;
    reseal();
    cr_assert_str_eq(why_not(ROOM), "batch: an entry of the group's own is not alone");
    make_special(WW_ENTRY_CONFIGURATION, &good, sizeof(good), 1);
    cr_assert_not(ww_batch_session_nonce(batch, &found));
    header->session = 7;
    reseal();
    cr_assert_str_eq(why_not(ROOM), "batch: an entry of the group's own is not alone");
    make_special(WW_ENTRY_NOOP, NULL, 0, 2);
    cr_assert_str_eq(why_not(ROOM), "batch: an entry of the group's own is not alone");
    make_special(WW_ENTRY_NOOP, &good, 1, 1);
    cr_assert_str_eq(why_not(ROOM), "batch: a no-op is not empty");
    make_special(WW_ENTRY_CONFIGURATION, &good, 3, 1);
    cr_assert_str_eq(why_not(ROOM), "batch: not the size of a configuration");
    make_special(WW_ENTRY_CONFIGURATION, &bad, sizeof(bad), 1);
    cr_assert_str_eq(why_not(ROOM), "batch: a configuration of no group");
    make_special(WW_ENTRY_SESSION, &nonce, 7, 1);
    cr_assert_str_eq(why_not(ROOM), "batch: not the size of a nonce");
    make_special(WW_ENTRY_SESSION + 1, NULL, 0, 1);
    cr_assert_str_eq(why_not(ROOM), "batch: unknown entry type");
}

Test(batch, a_vote_that_is_no_node_is_caught)
{
    struct ww_batch_header *header = (void *)batch;
    ww_batch_seal_hard_state(batch, GROUP, 77, UINT32_MAX);
    cr_assert_str_eq(why_not(ROOM), "it is whole");
    header->first_index++;
    reseal();
    cr_assert_str_eq(why_not(ROOM), "batch: the vote is not a node");
}

Test(batch, A15_a_flip_in_any_bit_is_caught)
{
    uint32_t size = make_three();
    for (uint32_t i = 0; i < size * 8; i++) {
        batch[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_assert_str_neq(why_not(size), "it is whole", "bit %u", i);
        batch[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    cr_assert_str_eq(why_not(size), "it is whole");
}

/* The bytes lie at the very end of an allocation, so that a sanitizer sees a step beyond it. */
Test(batch, A15_truncated_at_every_length_is_caught)
{
    uint32_t size = make_three();
    for (uint32_t length = 0; length < size; length++) {
        uint8_t *exact = malloc(length + 1);
        memcpy(exact, batch, length);
        exact = realloc(exact, length > 0 ? length : 1);
        const char *why = NULL;
        cr_assert_eq(ww_batch_check(exact, length, &why), 0, "length %u", length);
        cr_assert_not_null(why);
        free(exact);
    }
}

Test(batch, C18_group_term_and_index_are_bound)
{
    struct ww_batch_header *header = (void *)batch;
    make_three();
    header->group++;
    cr_assert_str_eq(why_not(ROOM), "batch: checksum does not match");
    make_three();
    header->term++;
    cr_assert_str_eq(why_not(ROOM), "batch: checksum does not match");
    make_three();
    header->first_index++;
    cr_assert_str_eq(why_not(ROOM), "batch: checksum does not match");
}

Test(batch, headers_that_lie_under_a_right_checksum_are_caught)
{
    struct ww_batch_header *header = (void *)batch;
#define LIE(change, text)                                                                          \
    do {                                                                                           \
        make_three();                                                                              \
        change;                                                                                    \
        reseal();                                                                                  \
        cr_assert_str_eq(why_not(ROOM), text);                                                     \
    } while (0)
    LIE(header->kind = 3, "batch: unknown kind");
    LIE(header->count = 0, "batch: term, index or count is out of range");
    LIE(header->term = 0, "batch: term, index or count is out of range");
    LIE(header->first_index = 0, "batch: term, index or count is out of range");
    LIE(header->first_index = UINT64_MAX - 2, "batch: term, index or count is out of range");
    LIE(header->count = 2, "batch: more bytes than entries");
    LIE(header->count = 5, "batch: more entries than bytes");
    LIE(header->padding = 0, "batch: more bytes than entries");
    LIE(header->size_bytes += 8, "batch: more bytes than entries");
    LIE(header->size_bytes -= 8, "batch: an entry is longer than the batch");
    LIE(header->session = FIRST, "batch: session or sequence is out of range");
    LIE(header->session = 0, "batch: session or sequence is out of range");
    LIE(header->first_sequence = UINT64_MAX - 2, "batch: session or sequence is out of range");
    LIE(header->size_bytes = 64, "batch: an entry is longer than the batch");
    LIE(batch[WW_BATCH_HEADER_BYTES + 3] = WW_ENTRY_NOOP,
        "batch: an entry of the group's own is not alone");
    LIE(batch[WW_BATCH_HEADER_BYTES + 2] = 1, "batch: an entry is longer than the batch");
    LIE(batch[header->size_bytes - 1] = 1, "batch: padding is not zero");
    LIE(header->kind = WW_BATCH_HARD_STATE, "batch: a record has no entries");
#undef LIE
    make_three();
    cr_assert_str_eq(why_not(WW_BATCH_HEADER_BYTES - 1), "batch: header is cut off");
    for (uint32_t size = 0; size < WW_BATCH_HEADER_BYTES; size++) {
        header->size_bytes = size;
        cr_assert_str_eq(why_not(ROOM), "batch: size is out of range");
    }
    header->size_bytes = 132;
    cr_assert_str_eq(why_not(ROOM), "batch: size is out of range", "not a multiple of 8");
    header->size_bytes = UINT32_MAX - 7;
    cr_assert_str_eq(why_not(ROOM), "batch: size is out of range");
}

Test(batch, proposals_are_checked)
{
    const char *why;
    uint8_t entries[64];
    uint32_t bytes = ww_entry_encode(entries, WW_ENTRY_DATA, "abc", 3);
    bytes += ww_entry_encode(entries + bytes, WW_ENTRY_DATA, "", 0);
    cr_assert(ww_entries_check(entries, bytes, 2, &why));
    cr_assert(ww_entries_check(entries, 0, 0, &why));
    cr_assert_not(ww_entries_check(entries, bytes, 1, &why));
    cr_assert_str_eq(why, "bytes are left over behind the last entry");
    cr_assert_not(ww_entries_check(entries, bytes, 3, &why));
    cr_assert_str_eq(why, "an entry's header is cut off");
    for (uint32_t length = 0; length < bytes; length++)
        cr_assert_not(ww_entries_check(entries, length, 2, &why));
    cr_assert_not(ww_entries_check(entries, 6, 1, &why));
    cr_assert_str_eq(why, "an entry is longer than what holds it");
    for (uint8_t type = WW_ENTRY_NOOP; type != 0; type++) {
        entries[3] = type;
        cr_assert_not(ww_entries_check(entries, bytes, 2, &why));
        cr_assert_str_eq(why, "an entry's type is not one that a client may propose");
    }
}

Test(batch, A15_a_slice_is_a_batch_of_its_own)
{
    static const uint32_t sizes[] = {1, 0, 300, 5, 64, 8, 9};
    make(sizes, 7);
    for (uint64_t from = FIRST; from < FIRST + 7; from++) {
        for (uint64_t to = from; to < FIRST + 7; to++) {
            const char *why = "";
            uint32_t size = ww_batch_slice(batch, from, to, copy);
            cr_assert_eq(ww_batch_check(copy, size, &why), size, "%s", why);
            cr_assert_leq(size, ww_batch_header(batch)->size_bytes);
            cr_assert_eq(ww_batch_header(copy)->term, TERM);
            cr_assert_eq(ww_batch_header(copy)->group, GROUP);
            cr_assert_eq(ww_batch_header(copy)->session, SESSION);
            cr_assert_eq(ww_batch_header(copy)->first_sequence, SEQUENCE + from - FIRST);
            cr_assert_eq(ww_batch_header(copy)->time_ns, TIME);
            uint32_t cursor = 0;
            struct ww_entry entry;
            for (uint64_t index = from; index <= to; index++) {
                cr_assert(ww_batch_next(copy, &cursor, &entry));
                cr_assert_eq(entry.index, index);
                cr_assert_eq(entry.size_bytes, sizes[index - FIRST]);
                if (entry.size_bytes > 0)
                    cr_assert_eq(entry.data[entry.size_bytes - 1], index - FIRST + 1);
            }
            cr_assert_not(ww_batch_next(copy, &cursor, &entry));
        }
    }
    uint32_t size = ww_batch_slice(batch, FIRST, FIRST + 6, copy);
    cr_assert_eq(memcmp(batch, copy, size), 0, "the whole is the same bytes");
}
