/* SPDX-License-Identifier: Apache-2.0 */
/* Small logs of two replicas, written through the log store as a node does, then verified. */
#include "bench/verify.h"

#include "engine/cli/local_files.h"
#include "engine/wire/batch.h"
#include "engine/wire/block.h"
#include "wal_uring/wal_uring.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER WW_SEGMENT_BYTES_MIN
#define ENTRY_BYTES 40u
#define GROUPS 2u

struct replica {
    struct ww_log_store *store;
    uint8_t *buffer;
    uint64_t position;
    uint32_t link;
};

static char directory_[32];
static char acks_[64];
static struct replica replicas_[2];
static struct ww_payload *payload_;
static struct ww_ack_writer writer_;
static struct ww_verify_options options_;
static struct ww_verified verified_;
static struct ww_error error_;
static uint64_t commit_[GROUPS];

static int visit_nothing(void *context, uint64_t position, uint32_t offset,
                         const struct ww_batch_header *batch)
{
    return WW_EDAMAGED; /* the logs are fresh */
}

static void open_replica(uint32_t node)
{
    struct replica *replica = &replicas_[node - 1];
    char *path = options_.directories[node - 1];
    snprintf(path, sizeof(options_.directories[0]), "%s/node%u", directory_, node);
    replica->buffer = aligned_alloc(WW_BLOCK_ALIGN, BUFFER);
    memset(replica->buffer, 0, BUFFER);
    struct ww_wal_options wal = {
        .directory = path,
        .cluster = 1,
        .node = node,
        .durability = WW_DURABILITY_DSYNC,
        .segment_bytes = WW_SEGMENT_BYTES_MIN,
        .prepare_bytes = WW_SEGMENT_BYTES_MIN,
        .span_bytes = BUFFER,
        .write_depth = 1,
        .regions = {{replica->buffer, BUFFER / 2}, {replica->buffer + BUFFER / 2, BUFFER / 2}},
    };
    cr_assert_eq(ww_wal_open(&wal, visit_nothing, NULL, &replica->store, &error_), WW_OK, "%s",
                 error_.text);
    replica->position = replica->store->start_position;
    replica->link = replica->store->start_link;
}

static void close_replica(struct replica *replica)
{
    if (replica->store != NULL)
        replica->store->ops->close(replica->store);
    replica->store = NULL;
    free(replica->buffer);
    replica->buffer = NULL;
}

static void set_up(void)
{
    strcpy(directory_, "verify-test-XXXXXX");
    cr_assert_not_null(mkdtemp(directory_));
    snprintf(acks_, sizeof(acks_), "%s/load.0.acks", directory_);
    options_ = (struct ww_verify_options){
        .replicas = 2,
        .groups = GROUPS,
        .commit = commit_,
        .payload = {.entry_bytes = ENTRY_BYTES, .seed = 9},
        .directory = directory_,
        .clients = 1,
    };
    cr_assert_eq(ww_payload_create(&options_.payload, &payload_, &error_), WW_OK);
    cr_assert_eq(ww_ack_writer_open(&writer_, acks_, GROUPS, &error_), WW_OK);
    open_replica(1);
    open_replica(2);
}

static void tear_down(void)
{
    close_replica(&replicas_[0]);
    close_replica(&replicas_[1]);
    ww_payload_destroy(payload_);
    ww_local_remove(directory_);
}

TestSuite(verify, .init = set_up, .fini = tear_down);

static void write_block(struct replica *replica, uint8_t *block_bytes, uint32_t batch_bytes)
{
    struct ww_block_header *block = (void *)block_bytes;
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = WW_BLOCK_HEADER_BYTES + batch_bytes,
        .stream = replica->store->stream_id,
        .position = replica->position,
        .durable = replica->position,
        .link = replica->link,
        .epoch = replica->store->epoch,
        .batches = 1,
    };
    uint32_t size = ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    block->span_bytes = size;
    replica->link = ww_block_seal(block);
    cr_assert_eq(replica->store->ops->write(replica->store, replica->position, block, size), WW_OK);
    replica->position += size;
    struct ww_log_event event = {0};
    while (replica->store->ops->poll(replica->store, &event, 1) == 0)
        sched_yield();
    cr_assert_eq(event.type, WW_LOG_WRITTEN);
}

/* A batch of entries that hold the payloads of the sequences from `sequence` on; -1: a no-op. */
static void append(uint32_t node, uint32_t group, uint64_t term, uint64_t index, uint32_t count,
                   int64_t sequence)
{
    struct replica *replica = &replicas_[node - 1];
    uint8_t *block = replica->buffer + replica->position;
    uint8_t *batch = block + WW_BLOCK_HEADER_BYTES;
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = 0;
        const void *data =
            sequence < 0 ? NULL : ww_payload_get(payload_, group, (uint64_t)sequence + i, &size);
        bytes += ww_entry_encode(batch + WW_BATCH_HEADER_BYTES + bytes,
                                 sequence < 0 ? WW_ENTRY_NOOP : WW_ENTRY_DATA, data, size);
    }
    struct ww_batch_header header = {.group = group,
                                     .count = (uint16_t)count,
                                     .term = term,
                                     .first_index = index};
    write_block(replica, block, ww_batch_seal(batch, &header, bytes));
}

static void append_both(uint32_t group, uint64_t term, uint64_t index, uint32_t count,
                        int64_t sequence)
{
    append(1, group, term, index, count, sequence);
    append(2, group, term, index, count, sequence);
}

static void verify(uint64_t commit_0, uint64_t commit_1)
{
    commit_[0] = commit_0;
    commit_[1] = commit_1;
    close_replica(&replicas_[0]);
    close_replica(&replicas_[1]);
    cr_assert_eq(ww_ack_writer_close(&writer_, &error_), WW_OK);
    cr_assert_eq(ww_verify_logs(&options_, &verified_, &error_), WW_OK, "%s", error_.text);
}

static void expect_good(uint64_t entries, uint64_t acknowledged)
{
    cr_expect(ww_verified_good(&verified_));
    cr_expect_eq(verified_.entries, entries);
    cr_expect_eq(verified_.acknowledged, acknowledged);
    cr_expect_str_eq(verified_.detail, "");
}

Test(verify, equal_logs_in_different_batches)
{
    append_both(0, 1, 1, 1, -1);
    append_both(1, 1, 1, 1, -1);
    append(1, 0, 1, 2, 10, 0);
    append(2, 0, 1, 2, 4, 0);
    append_both(1, 1, 2, 3, 0);
    append(2, 0, 1, 6, 6, 4);
    ww_ack_writer_add(&writer_, 0, 0, 2, 10);
    ww_ack_writer_add(&writer_, 1, 0, 2, 3);
    verify(11, 4);
    expect_good(13, 13);
}

Test(verify, replaced_entries_do_not_count)
{
    /* Node 2 was the leader of term 1 and wrote what never committed; the cut is inside a batch. */
    append_both(0, 1, 1, 1, -1);
    append(1, 0, 1, 2, 3, 0);
    append(2, 0, 1, 2, 3, 0);
    append(2, 0, 1, 5, 4, 100);
    append(2, 0, 1, 9, 2, 104);
    append(1, 0, 1, 5, 2, 100);
    append_both(0, 2, 7, 1, -1);
    append_both(0, 2, 8, 5, 3);
    ww_ack_writer_add(&writer_, 0, 0, 2, 3);
    ww_ack_writer_add(&writer_, 0, 3, 8, 5);
    verify(12, 0);
    expect_good(10, 8);
}

Test(verify, entries_behind_the_commit_position_may_differ)
{
    append_both(0, 1, 1, 5, 0);
    append(1, 0, 1, 6, 3, 5);
    append(2, 0, 1, 6, 1, 77);
    verify(5, 0);
    expect_good(5, 0);
}

Test(verify, an_acknowledged_entry_that_is_not_there_is_lost)
{
    append_both(0, 1, 1, 5, 0);
    ww_ack_writer_add(&writer_, 0, 0, 1, 4);
    ww_ack_writer_add(&writer_, 0, 5, 5, 1); /* index 5 holds sequence 4 */
    ww_ack_writer_add(&writer_, 0, 6, 9, 2); /* behind the end */
    verify(5, 0);
    cr_expect(verified_.replicas_identical);
    cr_expect_eq(verified_.acknowledged, 7);
    cr_expect_eq(verified_.lost, 3);
    cr_expect_not_null(strstr(verified_.detail, "entry 5"));
    cr_expect_not(ww_verified_good(&verified_));
}

Test(verify, what_was_acknowledged_without_an_index_is_looked_for)
{
    /* The leader changed twice, and another client's entries stand between: nobody can tell the
     * indexes from those of the neighbours. */
    const int64_t other = (int64_t)WW_ACK_CLIENT_SEQUENCES;
    append_both(0, 1, 1, 3, 0);
    append_both(0, 2, 4, 1, -1);
    append_both(0, 2, 5, 2, other);
    append_both(0, 2, 7, 2, 3);
    append_both(0, 3, 9, 1, -1);
    append_both(0, 3, 10, 1, other + 2);
    append_both(0, 3, 11, 2, 5);
    ww_ack_writer_add(&writer_, 0, 0, 1, 3);
    ww_ack_writer_add(&writer_, 0, 3, 0, 3);
    ww_ack_writer_add(&writer_, 0, 6, 12, 1);
    ww_ack_writer_add(&writer_, 0, (uint64_t)other, 0, 3);
    verify(12, 0);
    expect_good(10, 10);
}

Test(verify, what_was_acknowledged_without_an_index_and_is_not_there_is_lost)
{
    append_both(0, 1, 1, 3, 0);
    append_both(0, 1, 4, 2, 4); /* 3 is missing, and the rest counts only behind it */
    append_both(0, 1, 6, 1, 6);
    ww_ack_writer_add(&writer_, 0, 0, 1, 3);
    ww_ack_writer_add(&writer_, 0, 3, 0, 3);
    ww_ack_writer_add(&writer_, 0, 6, 6, 1);
    verify(6, 0);
    cr_expect_eq(verified_.lost, 3);
    cr_expect_not_null(strstr(verified_.detail, "sequence 3"), "%s", verified_.detail);
}

Test(verify, other_bytes_on_one_replica)
{
    append_both(0, 1, 1, 5, 0);
    append(1, 0, 1, 6, 2, 5);
    append(2, 0, 1, 6, 2, 50);
    ww_ack_writer_add(&writer_, 0, 0, 1, 7);
    verify(7, 0);
    cr_expect_not(verified_.replicas_identical);
    cr_expect_eq(verified_.lost, 2);
    cr_expect_not_null(strstr(verified_.detail, "node 2"));
}

Test(verify, another_term_is_another_entry)
{
    append(1, 0, 1, 1, 2, 0);
    append(2, 0, 2, 1, 2, 0);
    verify(2, 0);
    cr_expect_not(verified_.replicas_identical);
}

Test(verify, a_log_that_ends_too_early)
{
    append_both(0, 1, 1, 5, 0);
    append(1, 0, 1, 6, 2, 5);
    ww_ack_writer_add(&writer_, 0, 0, 1, 7);
    verify(7, 0);
    cr_expect_not(verified_.replicas_identical);
    cr_expect_eq(verified_.lost, 2);
    cr_expect_not_null(strstr(verified_.detail, "ends at entry 5"));
}

Test(verify, a_hole_in_a_log)
{
    append_both(0, 1, 1, 5, 0);
    append(1, 0, 1, 6, 2, 5);
    append(2, 0, 1, 7, 1, 6);
    verify(7, 0);
    cr_expect_not(verified_.replicas_identical);
    cr_expect_not_null(strstr(verified_.detail, "entry 7 follows 5"));
}

Test(verify, the_options_come_back_from_a_file)
{
    struct ww_verify_options back;
    struct json_object *storage;
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", directory_, WW_VERIFY_FILE);
    commit_[0] = 5;
    commit_[1] = UINT64_C(1) << 60;
    cr_assert_eq(ww_verify_options_write(&options_, path, &error_), WW_OK, "%s", error_.text);
    cr_assert_eq(ww_verify_options_read(&back, path, &storage, &error_), WW_OK, "%s", error_.text);
    cr_expect_eq(back.replicas, options_.replicas);
    cr_expect_eq(back.groups, options_.groups);
    cr_expect_str_eq(back.directories[1], options_.directories[1]);
    cr_expect_eq(back.commit[1], UINT64_C(1) << 60);
    cr_expect_eq(back.payload.seed, 9);
    cr_expect_eq(back.payload.entry_bytes, ENTRY_BYTES);
    cr_expect_null(back.payload.file);
    cr_expect_str_eq(back.directory, directory_);
    cr_expect_eq(back.clients, 1);
    free(back.commit);
    json_object_put(storage);
    cr_expect_eq(ww_verify_options_read(&back, directory_, &storage, &error_), WW_EINVAL);
    ww_ack_writer_close(&writer_, &error_);
}
