/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/disk_image.h"

#include "engine/base/error.h"
#include "tests/crash/random.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096u

/* What a disk writes as a whole: a sector, and with others a page. */
static const uint32_t units[] = {WW_DEVICE_SECTOR_BYTES, PAGE_BYTES};

static int load_start(struct ww_disk_image *image, struct ww_error *error)
{
    int fd = open(image->start_path, O_RDONLY | O_CLOEXEC);
    uint64_t got = 0;
    ssize_t part = fd < 0 ? -1 : 1;
    while (part > 0 && got < image->bytes) {
        part = pread(fd, image->settled + got, image->bytes - got, (off_t)got);
        got += part > 0 ? (uint64_t)part : 0;
    }
    if (fd >= 0)
        close(fd);
    image->applied = 0;
    return got == image->bytes ? WW_OK
                               : ww_fail_errno(error, WW_EIO, "cannot read %s", image->start_path);
}

int ww_disk_image_open(struct ww_disk_image *image, const struct ww_write_log *log,
                       const char *start_path, const char *scratch_path, struct ww_error *error)
{
    struct stat status;
    *image = (struct ww_disk_image){.log = log, .start_path = start_path, .scratch_fd = -1};
    if (stat(start_path, &status) != 0)
        return ww_fail_errno(error, WW_EIO, "cannot open %s", start_path);
    image->bytes = (uint64_t)status.st_size / PAGE_BYTES * PAGE_BYTES;
    image->settled = malloc(image->bytes);
    image->scratch_fd = open(scratch_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *scratch = MAP_FAILED;
    if (image->settled != NULL && image->scratch_fd >= 0 &&
        ftruncate(image->scratch_fd, (off_t)image->bytes) == 0)
        scratch =
            mmap(NULL, image->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, image->scratch_fd, 0);
    int result = WW_OK;
    if (scratch == MAP_FAILED)
        result = ww_fail_errno(error, WW_EIO, "cannot make %s", scratch_path);
    else
        image->scratch = scratch;
    if (result == WW_OK)
        result = load_start(image, error);
    if (result != WW_OK)
        ww_disk_image_close(image);
    return result;
}

void ww_disk_image_close(struct ww_disk_image *image)
{
    if (image->scratch != NULL)
        munmap(image->scratch, image->bytes);
    if (image->scratch_fd >= 0)
        close(image->scratch_fd);
    free(image->settled);
    *image = (struct ww_disk_image){.scratch_fd = -1};
}

static void apply(uint8_t *disk, const struct ww_write_log_entry *entry)
{
    memcpy(disk + entry->offset, entry->data, entry->bytes);
}

/* Brings `settled` to where the first `count` entries are written. */
static int settle(struct ww_disk_image *image, size_t count, struct ww_error *error)
{
    if (count < image->applied) {
        int status = load_start(image, error);
        if (status != WW_OK)
            return status;
    }
    for (; image->applied < count; image->applied++)
        apply(image->settled, &image->log->entries[image->applied]);
    return WW_OK;
}

/* Only what differs is copied: most of a disk stays as it was from image to image. */
static void copy_settled(struct ww_disk_image *image)
{
    for (uint64_t at = 0; at < image->bytes; at += PAGE_BYTES)
        if (memcmp(image->scratch + at, image->settled + at, PAGE_BYTES) != 0)
            memcpy(image->scratch + at, image->settled + at, PAGE_BYTES);
}

/*
 * Writes some units of an entry: the first ones, all but the first ones, all but a few in the
 * middle, or any.
 */
static void tear(uint8_t *disk, const struct ww_write_log_entry *entry, uint64_t *random)
{
    uint64_t unit = units[ww_crash_random_below(random, 2)];
    uint64_t count = (entry->bytes + unit - 1) / unit;
    uint64_t kind = ww_crash_random_below(random, 4);
    uint64_t from = ww_crash_random_below(random, count + 1);
    uint64_t to = from + ww_crash_random_below(random, count + 1 - from);
    for (uint64_t i = 0; i < count; i++) {
        bool kept = kind == 0   ? i < from
                    : kind == 1 ? i >= from
                    : kind == 2 ? i < from || i >= to
                                : ww_crash_random_below(random, 2) == 0;
        uint64_t left = entry->bytes - i * unit;
        if (kept)
            memcpy(disk + entry->offset + i * unit, entry->data + i * unit,
                   left < unit ? left : unit);
    }
}

enum fate { KEPT, TORN, DROPPED };

/*
 * What becomes of write i of `writes`. Four kinds of crash: the disk wrote in order up to a write;
 * any of the writes; all but one; all, but torn. The first page of the disk, where the file system
 * has the one block that it does not protect by its journal, is not torn.
 */
static enum fate fate(uint64_t kind, uint64_t chosen, uint64_t i, uint64_t *random)
{
    switch (kind) {
    case 0:
        return i < chosen ? KEPT : i == chosen ? TORN : DROPPED;
    case 1:
        return (enum fate)ww_crash_random_below(random, 3);
    case 2:
        return i == chosen ? DROPPED : KEPT;
    default:
        return ww_crash_random_below(random, 2) == 0 ? TORN : KEPT;
    }
}

static void vary(struct ww_disk_image *image, size_t from, size_t to, uint64_t seed,
                 struct ww_disk_variation *variation)
{
    uint64_t random = seed;
    for (size_t i = from; i < to; i++)
        variation->writes += image->log->entries[i].bytes > 0;
    if (variation->writes == 0 || seed == 0)
        return;
    uint64_t kind = ww_crash_random_below(&random, 4);
    uint64_t chosen = ww_crash_random_below(&random, variation->writes), number = 0;
    for (size_t i = from; i < to; i++) {
        const struct ww_write_log_entry *entry = &image->log->entries[i];
        if (entry->bytes == 0)
            continue;
        enum fate what = fate(kind, chosen, number++, &random);
        if (what == TORN && entry->offset < PAGE_BYTES)
            what = KEPT;
        variation->kept += what == KEPT;
        variation->torn += what == TORN;
        variation->dropped += what == DROPPED;
        if (what == KEPT)
            apply(image->scratch, entry);
        else if (what == TORN)
            tear(image->scratch, entry, &random);
    }
}

int ww_disk_image_make(struct ww_disk_image *image, size_t flush, uint64_t seed,
                       struct ww_disk_variation *variation, struct ww_error *error)
{
    const struct ww_write_log *log = image->log;
    *variation = (struct ww_disk_variation){0};
    if (flush >= log->flush_count)
        return ww_fail(error, WW_EINVAL, "flush %zu: the log has %zu", flush, log->flush_count);
    int status = settle(image, log->flushes[flush] + 1, error);
    if (status != WW_OK)
        return status;
    copy_settled(image);
    size_t next = flush + 1 < log->flush_count ? log->flushes[flush + 1] : log->count;
    vary(image, image->applied, next, seed, variation);
    return WW_OK;
}
