/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte of repairs (1: the checksums, 2: what names the snapshot, and its sizes), then a
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

struct output {
    uint8_t *to;
    size_t bytes;
};

static int append(void *context, const void *data, size_t bytes)
{
    struct output *output = context;
    memcpy(output->to + output->bytes, data, bytes);
    output->bytes += bytes;
    return WW_OK;
}

size_t fuzz_seed(uint32_t number, uint8_t *to)
{
    const struct ww_snapshot_header about = {
        .cluster = CLUSTER,
        .group = GROUP,
        .index = 1000,
        .term = 2,
        .configuration = {.voters = 0xe},
    };
    struct output output = {.to = to + 1};
    struct ww_snapshot_writer writer;
    uint32_t repeated;
    if (number > 4)
        return 0;
    table = (struct ww_session_table){.time_ns = 1000};
    for (uint32_t i = 0; i < number; i++) {
        uint64_t id = ww_session_register(&table, 1 + i, 70 + i, 10);
        for (uint32_t run = 0; run < 3 * i; run++)
            ww_session_take(&table, id, 2 * run, 10 + 5 * run, 2, &repeated);
    }
    FUZZ_REQUIRE(ww_snapshot_begin(&writer, &about, append, &output) == WW_OK);
    FUZZ_REQUIRE(ww_snapshot_write(&writer, again, ww_session_encode(&table, again)) == WW_OK);
    ww_snapshot_end_sessions(&writer);
    FUZZ_REQUIRE(ww_snapshot_write(&writer, "0123456789abcdef", MACHINE_BYTES) == WW_OK);
    FUZZ_REQUIRE(ww_snapshot_seal(&writer) == WW_OK);
    memcpy(output.to, &writer.header, sizeof(writer.header));
    ww_snapshot_end(&writer);
    to[0] = 3;
    return 1 + output.bytes;
}

/* An input holds one chunk at most. */
static void repair(uint8_t *bytes, size_t size, uint8_t what)
{
    struct ww_snapshot_header *header = (void *)bytes;
    size_t content = sizeof(*header) + sizeof(struct ww_snapshot_chunk);
    if (size <= content)
        return;
    if ((what & 2) != 0) {
        header->magic = WW_SNAPSHOT_MAGIC;
        header->version = WW_SNAPSHOT_VERSION;
        header->cluster = CLUSTER;
        header->group = GROUP;
        header->machine_bytes = size - content - header->session_bytes;
    }
    if ((what & 1) != 0) {
        struct ww_snapshot_chunk *chunk = (void *)(bytes + sizeof(*header));
        chunk->bytes = (uint32_t)(size - content);
        chunk->crc32c =
            ww_crc32c_extend(ww_crc32c(&header->magic,
                                       offsetof(struct ww_snapshot_header, content_crc32c) -
                                           sizeof(header->crc32c)),
                             bytes + content, chunk->bytes);
        header->content_crc32c = chunk->crc32c;
        header->crc32c = ww_crc32c(&header->magic, sizeof(*header) - sizeof(header->crc32c));
    }
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
    static uint8_t content[FUZZ_INPUT_MAX];
    struct ww_snapshot_blob blob = {bytes, size};
    struct ww_snapshot_reader reader;
    if (ww_snapshot_check(&blob, CLUSTER, GROUP, NULL) != WW_OK)
        return;
    const struct ww_snapshot_header *header = ww_snapshot_header(&blob);
    ww_snapshot_open_machine(&reader, &blob);
    FUZZ_REQUIRE(ww_snapshot_read(&reader, content, size) == (int64_t)header->machine_bytes);
    ww_snapshot_open_sessions(&reader, &blob);
    int64_t encoded = ww_snapshot_read(&reader, content, size);
    FUZZ_REQUIRE(encoded == (int64_t)header->session_bytes);
    if (!ww_session_decode(&table, content, (size_t)encoded))
        return;
    FUZZ_REQUIRE((int64_t)ww_session_encode(&table, again) == encoded);
    FUZZ_REQUIRE(memcmp(again, content, (size_t)encoded) == 0);
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
