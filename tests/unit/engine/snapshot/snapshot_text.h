/* SPDX-License-Identifier: Apache-2.0 */
/* Small snapshots for tests, made as the engine makes them. */
#ifndef WW_TESTS_SNAPSHOT_TEXT_H
#define WW_TESTS_SNAPSHOT_TEXT_H

#include "engine/snapshot/snapshot.h"
#include "tests/memory_file.h"

#include <criterion/criterion.h>

/* One whose sessions and machine are these bytes; free(blob.data). */
static inline struct ww_snapshot_blob snapshot_of(const struct ww_snapshot_header *about,
                                                  const char *sessions, const void *machine,
                                                  size_t machine_bytes)
{
    struct memory_file file = {0};
    struct ww_snapshot_writer writer;
    cr_assert_eq(ww_snapshot_begin(&writer, about, memory_file_write, &file), WW_OK);
    cr_assert_eq(ww_snapshot_write(&writer, sessions, strlen(sessions)), WW_OK);
    ww_snapshot_end_sessions(&writer);
    cr_assert_eq(ww_snapshot_write(&writer, machine, machine_bytes), WW_OK);
    cr_assert_eq(ww_snapshot_seal(&writer), WW_OK);
    memcpy(file.data, &writer.header, sizeof(writer.header));
    ww_snapshot_end(&writer);
    return (struct ww_snapshot_blob){file.data, file.bytes};
}

#endif
