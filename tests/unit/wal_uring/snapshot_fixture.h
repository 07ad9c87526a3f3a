/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of a state that follows from its size, and a store that keeps them. */
#ifndef WW_TEST_WAL_SNAPSHOT_FIXTURE_H
#define WW_TEST_WAL_SNAPSHOT_FIXTURE_H

#include "fixture.h"

#include <stdatomic.h>
#include <sys/resource.h>

#define TEST_GROUP 5u
#define TEST_SESSION_BYTES 11u

struct test_state {
    uint64_t bytes;    /* of the machine's part; UINT64_MAX: until a write fails */
    int status;        /* what the machine returns, if no write fails */
    _Atomic bool wait; /* the machine begins when this is false */
    _Atomic uint32_t calls;
    _Atomic int refused; /* status of the write that failed */
};

/* Asks for a save; the event comes by test_snapshot_event. */
int test_snapshot_save(struct test_log *log, uint32_t group, uint64_t index,
                       struct test_state *state);

struct ww_log_event test_snapshot_event(struct test_log *log);

/* Saves, waits, and checks that event and contents are right; the caller unmaps. */
struct ww_snapshot_blob test_snapshot_saved(struct test_log *log, uint32_t group, uint64_t index,
                                            uint64_t bytes);
void test_snapshot_contents(const struct ww_snapshot_blob *blob, uint32_t group, uint64_t index,
                            uint64_t bytes);

/* A snapshot in plain memory, as another node would make it; the caller frees `data`. */
struct ww_snapshot_blob test_snapshot_make(uint32_t group, uint64_t index, uint64_t bytes);

/* Hands over parts [from, to) of it, each again while the store is busy; returns the status of the
 * first that fails. */
int test_snapshot_receive(struct test_log *log, const struct ww_snapshot_blob *blob, uint64_t from,
                          uint64_t to);

/* The files in DIR/snapshots, by name, each behind a blank. */
const char *test_snapshot_files(struct test_log *log);

/* Waits until the files are these. */
void test_snapshot_wait_files(struct test_log *log, const char *files);

/* The file-size limit makes the kernel refuse what would grow a file beyond it. */
void test_limit_file_size(uint64_t bytes);

#endif
