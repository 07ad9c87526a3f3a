/* SPDX-License-Identifier: Apache-2.0 */
#include "wal_uring/cut.h"

#include "wal_uring/segment.h"

#include "engine/wire/block.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

int ww_wal_cut_aside(const struct ww_wal_directory *directory, uint64_t segment,
                     struct ww_error *error)
{
    uint64_t *numbers;
    size_t count;
    int status = ww_wal_segment_list(directory, ".seg", &numbers, &count, error);
    /* The last one first: a crash in between leaves a row without a gap. */
    for (size_t i = count; status == WW_OK && i > 0 && numbers[i - 1] >= segment; i--)
        status =
            ww_wal_segment_rename(directory, numbers[i - 1], ".seg", numbers[i - 1], ".cut", error);
    free(numbers);
    return status;
}

void ww_wal_cut_drop(const struct ww_wal_directory *directory)
{
    uint64_t *numbers;
    size_t count;
    if (ww_wal_segment_list(directory, ".cut", &numbers, &count, NULL) != WW_OK)
        return;
    for (size_t i = 0; i < count; i++)
        unlinkat(directory->wal_fd, ww_wal_segment_name(numbers[i], ".cut").text, 0);
    free(numbers);
}

int ww_wal_cut_seal(const struct ww_wal_directory *directory, int open_flags, uint64_t position,
                    uint32_t epoch, uint32_t *link, struct ww_error *error)
{
    const struct ww_wal_identity *identity = &directory->identity;
    struct ww_wal_name name = ww_wal_segment_name(position / identity->segment_bytes, ".seg");
    uint64_t offset = WW_SEGMENT_HEADER_BYTES + position % identity->segment_bytes;
    _Alignas(WW_BLOCK_ALIGN) uint8_t bytes[WW_BLOCK_ALIGN] = {0};
    struct ww_block_header *block = (void *)bytes;
    *block = (struct ww_block_header){
        .magic = WW_BLOCK_MAGIC,
        .used_bytes = WW_BLOCK_HEADER_BYTES,
        .span_bytes = WW_BLOCK_ALIGN,
        .stream = identity->stream,
        .position = position,
        .durable = position,
        .link = *link,
        .epoch = epoch,
    };
    *link = ww_block_seal(block);
    int fd = openat(directory->wal_fd, name.text, O_WRONLY | O_CLOEXEC | open_flags);
    int status = WW_OK;
    if (fd < 0 || pwrite(fd, bytes, sizeof(bytes), (off_t)offset) != (ssize_t)sizeof(bytes) ||
        fdatasync(fd) != 0)
        status = ww_fail_errno(error, WW_EIO, "%s/wal/%s: offset %" PRIu64 ": cannot seal the cut",
                               directory->path, name.text, offset);
    if (fd >= 0)
        close(fd);
    return status;
}
