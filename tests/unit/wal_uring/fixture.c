/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "engine/wire/checksum.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void test_log_init(struct test_log *log)
{
    test_log_init_at(log, "wal-test-XXXXXX");
}

void test_log_init_at(struct test_log *log, const char *template)
{
    memset(log, 0, sizeof(*log));
    strcpy(log->directory, template);
    cr_assert_not_null(mkdtemp(log->directory), "%s", template);
    log->buffer = aligned_alloc(WW_BLOCK_ALIGN, TEST_BUFFER);
    log->read_buffer = aligned_alloc(WW_BLOCK_ALIGN, WW_READ_BYTES);
    memset(log->buffer, 0, TEST_BUFFER);
    memset(log->read_buffer, 0, WW_READ_BYTES);
    log->options = (struct ww_wal_options){
        .directory = log->directory,
        .cluster = TEST_CLUSTER,
        .node = TEST_NODE,
        .durability = WW_DURABILITY_DSYNC,
        .segment_bytes = TEST_SEGMENT,
        .prepare_bytes = TEST_SEGMENT,
        .span_bytes = TEST_BUFFER,
        .write_depth = 4,
        .regions = {{log->buffer, TEST_BUFFER}, {log->read_buffer, WW_READ_BYTES}},
    };
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

void test_log_free(struct test_log *log)
{
    test_log_close(log);
    free(log->buffer);
    free(log->read_buffer);
    nftw(log->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static uint8_t payload_byte(uint64_t index, uint32_t at)
{
    return (uint8_t)(index * 31 + at * 7 + (at >> 8));
}

static int visit(void *context, uint64_t block_position, uint32_t offset,
                 const struct ww_batch_header *batch)
{
    struct test_log *log = context;
    (void)block_position;
    log->visited++;
    log->wrong += offset < WW_BLOCK_HEADER_BYTES;
    log->wrong += batch->first_index != log->last_index + 1;
    log->last_index = batch->first_index;
    uint32_t cursor = 0;
    struct ww_entry entry;
    while (ww_batch_next(batch, &cursor, &entry))
        for (uint32_t i = 0; i < entry.size_bytes; i++)
            log->wrong += entry.data[i] != payload_byte(entry.index, i);
    return WW_OK;
}

int test_log_open(struct test_log *log)
{
    log->visited = log->last_index = log->wrong = 0;
    log->failed = 0;
    log->failures = 0;
    int status = ww_wal_open(&log->options, visit, log, &log->store, &log->error);
    if (status != WW_OK)
        return status;
    ww_wal_recovery(log->store, &log->recovery);
    log->position = log->durable = log->written = log->store->start_position;
    log->link = log->store->start_link;
    log->index = log->last_index;
    return WW_OK;
}

void test_log_open_ok(struct test_log *log)
{
    int status = test_log_open(log);
    cr_assert_eq(status, WW_OK, "%s", log->error.text);
}

void test_log_open_fails(struct test_log *log, int expected, const char *first, const char *second)
{
    int status = test_log_open(log);
    cr_assert_eq(status, expected, "%s: %s", ww_status_name(status), log->error.text);
    cr_assert_eq(log->error.code, expected);
    cr_assert_not_null(strstr(log->error.text, first), "%s", log->error.text);
    cr_assert_not_null(strstr(log->error.text, second), "%s", log->error.text);
}

int test_log_scan(struct test_log *log)
{
    log->visited = log->last_index = log->wrong = 0;
    return ww_wal_scan(log->directory, visit, log, &log->recovery, &log->error);
}

void test_log_close(struct test_log *log)
{
    if (log->store != NULL)
        log->store->ops->close(log->store);
    log->store = NULL;
}

uint32_t test_log_block(struct test_log *log, uint8_t *to, uint32_t bytes)
{
    static uint8_t payload[TEST_BLOCK_MAX];
    cr_assert_lt(bytes + 128, TEST_BLOCK_MAX);
    log->index++;
    for (uint32_t i = 0; i < bytes; i++)
        payload[i] = payload_byte(log->index, i);
    uint8_t *batch = to + WW_BLOCK_HEADER_BYTES;
    memset(to, 0, ww_align_up(bytes + 128, WW_BLOCK_ALIGN));
    uint32_t entry = ww_entry_encode(batch + WW_BATCH_HEADER_BYTES, WW_ENTRY_DATA, payload, bytes);
    struct ww_batch_header header = {.count = 1, .term = 1, .first_index = log->index};
    struct ww_block_header *block = (void *)to;
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = WW_BLOCK_HEADER_BYTES + ww_batch_seal(batch, &header, entry),
        .stream = log->store->stream_id,
        .position = log->position,
        .durable = log->durable,
        .link = log->link,
        .epoch = log->store->epoch,
        .batches = 1,
    };
    uint32_t size = ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    /* Where the largest block would not fit behind it, the block's span reaches to the end. */
    uint32_t left = TEST_BUFFER - (uint32_t)(log->position % TEST_BUFFER);
    block->span_bytes = left - size < TEST_BLOCK_MAX ? left : size;
    log->link = ww_block_seal(block);
    log->position += block->span_bytes;
    return size;
}

int test_log_write(struct test_log *log, uint32_t bytes)
{
    uint64_t position = log->position;
    uint32_t link = log->link;
    uint8_t *at = log->buffer + position % TEST_BUFFER;
    uint32_t size = test_log_block(log, at, bytes);
    int status = log->store->ops->write(log->store, position, at, size);
    if (status == WW_OK) {
        log->written = position + size;
        return status;
    }
    log->position = position;
    log->link = link;
    log->index--;
    return status;
}

void test_log_wait(struct test_log *log, uint64_t position)
{
    while (log->durable < position && log->failures == 0) {
        struct ww_log_event events[4];
        uint32_t count = log->store->ops->poll(log->store, events, 4);
        for (uint32_t i = 0; i < count; i++) {
            if (events[i].type == WW_LOG_WRITTEN) {
                cr_assert_gt(events[i].position, log->durable);
                log->durable = events[i].position;
            } else if (events[i].type == WW_LOG_FAILED) {
                log->failed = events[i].status;
                log->failures++;
            }
        }
        if (count == 0)
            sched_yield();
    }
}

void test_log_append(struct test_log *log, uint32_t bytes)
{
    int status;
    while ((status = test_log_write(log, bytes)) == WW_ENOSPC)
        sched_yield(); /* the preparer is about to raise the limit */
    cr_assert_eq(status, WW_OK, "write: %s", ww_status_name(status));
    test_log_wait(log, log->written);
}

struct ww_log_event test_log_read(struct test_log *log, uint64_t position, uint32_t bytes)
{
    struct ww_log_event event;
    cr_assert_eq(log->store->ops->read(log->store, 77, position, log->read_buffer, bytes), WW_OK);
    while (log->store->ops->poll(log->store, &event, 1) == 0)
        sched_yield();
    cr_assert_eq(event.type, WW_LOG_READ);
    cr_assert_eq(event.tag, 77u);
    return event;
}

static int open_file(struct test_log *log, const char *file)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", log->directory, file);
    int fd = open(path, O_RDWR);
    cr_assert_geq(fd, 0, "%s", path);
    return fd;
}

void test_poke(struct test_log *log, const char *file, uint64_t offset, const void *data,
               size_t bytes)
{
    int fd = open_file(log, file);
    cr_assert_eq(pwrite(fd, data, bytes, (off_t)offset), (ssize_t)bytes);
    close(fd);
}

void test_peek(struct test_log *log, const char *file, uint64_t offset, void *data, size_t bytes)
{
    int fd = open_file(log, file);
    cr_assert_eq(pread(fd, data, bytes, (off_t)offset), (ssize_t)bytes);
    close(fd);
}

void test_flip(struct test_log *log, const char *file, uint64_t offset)
{
    uint8_t byte;
    test_peek(log, file, offset, &byte, 1);
    byte ^= 0x40;
    test_poke(log, file, offset, &byte, 1);
}

void test_set_version(struct test_log *log, const char *file, uint32_t version, size_t bytes)
{
    uint8_t *header = malloc(bytes);
    test_peek(log, file, 0, header, bytes);
    memcpy(header + 8, &version, sizeof(version));
    uint32_t crc = ww_crc32c(header + 4, bytes - 4);
    memcpy(header, &crc, sizeof(crc));
    test_poke(log, file, 0, header, bytes);
    free(header);
}

void test_forget_durable(struct test_log *log, uint64_t durable)
{
    struct ww_wal_identity identity;
    test_peek(log, "identity", 0, &identity, sizeof(identity));
    identity.durable = durable;
    test_put_identity(log, &identity);
}

void test_put_identity(struct test_log *log, struct ww_wal_identity *identity)
{
    identity->crc32c = ww_crc32c((uint8_t *)identity + 4, sizeof(*identity) - 4);
    test_poke(log, "identity", 0, identity, sizeof(*identity));
}

uint64_t test_count_files(struct test_log *log, const char *suffix)
{
    struct ww_wal_directory directory = {.path = "test"};
    char path[128];
    snprintf(path, sizeof(path), "%s/wal", log->directory);
    directory.wal_fd = open(path, O_RDONLY | O_DIRECTORY);
    uint64_t *segments;
    size_t count;
    cr_assert_eq(ww_wal_segment_list(&directory, suffix, &segments, &count, NULL), WW_OK);
    free(segments);
    close(directory.wal_fd);
    return count;
}
