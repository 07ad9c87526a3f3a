/* SPDX-License-Identifier: Apache-2.0 */
/* A small log of one group: entry n holds bytes that follow from n. And what reads it back. */
#ifndef WW_TEST_WAL_FIXTURE_H
#define WW_TEST_WAL_FIXTURE_H

#include "wal_uring/segment.h"
#include "wal_uring/wal_uring.h"

#include <stdint.h>

#define TEST_SEGMENT WW_SEGMENT_BYTES_MIN
#define TEST_BUFFER (1u * WW_MIB)
#define TEST_BLOCK_MAX (128u * WW_KIB)
#define TEST_FIRST "wal/0000000000000000.seg"
#define TEST_CLUSTER 0xc1u
#define TEST_NODE 3u

struct test_log {
    char directory[64];
    struct ww_wal_options options;
    struct ww_log_store *store;
    struct ww_error error;
    uint8_t *buffer; /* registered: blocks are built here */
    uint8_t *read_buffer;

    /* The writer's side. */
    uint64_t position; /* of the next block */
    uint64_t written;  /* where the last block written ends */
    uint64_t durable;  /* last reported */
    uint32_t link;
    uint64_t index; /* of the last entry written */
    int failed;     /* status of the FAILED event */
    uint32_t failures;

    /* What recovery found. */
    uint64_t visited;    /* batches */
    uint64_t last_index; /* they were 1, 2, ... without gap */
    uint64_t wrong;      /* entries with other content or order */
    struct ww_wal_recovery recovery;
};

void test_log_init(struct test_log *log);                          /* a fresh directory */
void test_log_init_at(struct test_log *log, const char *template); /* one named for mkdtemp */
void test_log_free(struct test_log *log); /* closes, and removes the directory */

int test_log_open(struct test_log *log);
void test_log_open_ok(struct test_log *log);
/* The error's text must hold both parts. */
void test_log_open_fails(struct test_log *log, int expected, const char *first, const char *second);
int test_log_scan(struct test_log *log);
void test_log_close(struct test_log *log);

/* Builds the block of the next entry with `bytes` of payload at `to`, moves on behind it, and
 * returns its size. */
uint32_t test_log_block(struct test_log *log, uint8_t *to, uint32_t bytes);

/* Builds and writes it; test_log_append waits until it is durable. */
int test_log_write(struct test_log *log, uint32_t bytes);
void test_log_append(struct test_log *log, uint32_t bytes);

/* Polls until everything below `position` is durable or the log has failed. */
void test_log_wait(struct test_log *log, uint64_t position);

/* Reads and waits; returns the event. */
struct ww_log_event test_log_read(struct test_log *log, uint64_t position, uint32_t bytes);

/* Changes bytes of a stopped log: file offsets as the errors name them. */
void test_poke(struct test_log *log, const char *file, uint64_t offset, const void *data,
               size_t bytes);
void test_peek(struct test_log *log, const char *file, uint64_t offset, void *data, size_t bytes);
void test_flip(struct test_log *log, const char *file, uint64_t offset);

/* Rewrites a header's version and checksum. */
void test_set_version(struct test_log *log, const char *file, uint32_t version, size_t bytes);

/* Forgets that the log was closed cleanly: as if the process had been killed. */
void test_forget_durable(struct test_log *log, uint64_t durable);

/* Stores it with the checksum that it must have. */
void test_put_identity(struct test_log *log, struct ww_wal_identity *identity);

uint64_t test_count_files(struct test_log *log, const char *suffix);

#endif
