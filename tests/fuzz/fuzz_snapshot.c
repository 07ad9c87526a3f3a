/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of repairs (1: the checksum, 2: what names the snapshot, and its sizes), then a
 * snapshot. The sessions of one that is accepted can be encoded again to the same bytes, and taken
 * on from there.
 */
#include "fuzz.h"

#include "engine/session/session.h"
#include "engine/snapshot/snapshot.h"
#include "engine/wire/checksum.h"

#define CLUSTER 0x5757575757575757u
#define GROUP 3u
#define MACHINE_BYTES 16u

static struct ww_session_table table;
static uint8_t again[WW_SESSION_BYTES_MAX];

size_t fuzz_seed(uint32_t number, uint8_t *to)
{
    const struct ww_snapshot_header about = {
        .cluster = CLUSTER,
        .group = GROUP,
        .index = 1000,
        .term = 2,
        .configuration = {.voters = 0xe},
    };
    struct ww_snapshot_builder builder;
    uint32_t repeated;
    if (number > 4)
        return 0;
    table = (struct ww_session_table){.time_ns = 1000};
    for (uint32_t i = 0; i < number; i++) {
        uint64_t id = ww_session_register(&table, 1 + i, 70 + i, 10);
        for (uint32_t run = 0; run < 3 * i; run++)
            ww_session_take(&table, id, 2 * run, 10 + 5 * run, 2, &repeated);
    }
    FUZZ_REQUIRE(ww_snapshot_begin(&builder) == WW_OK);
    FUZZ_REQUIRE(ww_snapshot_write(&builder, again, ww_session_encode(&table, again)) == WW_OK);
    ww_snapshot_end_sessions(&builder);
    FUZZ_REQUIRE(ww_snapshot_write(&builder, "0123456789abcdef", MACHINE_BYTES) == WW_OK);
    ww_snapshot_seal(&builder, &about);
    to[0] = 3;
    size_t bytes = builder.bytes;
    memcpy(to + 1, builder.data, bytes);
    ww_snapshot_discard(&builder);
    return 1 + bytes;
}

static void repair(uint8_t *bytes, size_t size, uint8_t what)
{
    struct ww_snapshot_header *header = (void *)bytes;
    if (size < sizeof(*header))
        return;
    if ((what & 2) != 0) {
        header->magic = WW_SNAPSHOT_MAGIC;
        header->version = WW_SNAPSHOT_VERSION;
        header->cluster = CLUSTER;
        header->group = GROUP;
        header->machine_bytes = size - sizeof(*header) - header->session_bytes;
    }
    if ((what & 1) != 0)
        header->crc32c = ww_crc32c(&header->magic, size - sizeof(header->crc32c));
}

/* What comes next in the log finds every session whole. */
static void go_on(void)
{
    for (uint32_t i = 0; i < table.count; i++) {
        const struct ww_session *session = &table.sessions[i];
        uint64_t known = 1, next = session->next_sequence;
        uint32_t repeated;
        FUZZ_REQUIRE(ww_session_find(&table, session->id) == session);
        if (next > 0) {
            FUZZ_REQUIRE(ww_session_index(session, next - 1, &known) > session->id);
            FUZZ_REQUIRE(known == 1);
        }
        if (next < UINT64_MAX) {
            FUZZ_REQUIRE(ww_session_take(&table, session->id, next, UINT64_MAX - 1, 1, &repeated));
            FUZZ_REQUIRE(repeated == 0 && session->next_sequence == next + 1);
        }
    }
}

static void examine(const uint8_t *bytes, size_t size)
{
    struct ww_snapshot snapshot;
    if (ww_snapshot_check(bytes, size, CLUSTER, GROUP, &snapshot, NULL) != WW_OK)
        return;
    FUZZ_REQUIRE(snapshot.machine + snapshot.header->machine_bytes == bytes + size);
    size_t encoded = snapshot.header->session_bytes;
    if (!ww_session_decode(&table, snapshot.sessions, encoded))
        return;
    FUZZ_REQUIRE(ww_session_encode(&table, again) == encoded);
    FUZZ_REQUIRE(memcmp(again, snapshot.sessions, encoded) == 0);
    go_on();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FUZZ_INPUT_MAX)
        return 0;
    uint8_t *bytes = fuzz_exact_copy(data + 1, size - 1);
    repair(bytes, size - 1, data[0]);
    examine(bytes, size - 1);
    free(bytes);
    return 0;
}
