/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/disk_image.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u
#define PAGES 4u
#define SEEDS 300u
#define FLUSHED 0xaa
#define LATER 0xbb

static char directory[] = "/tmp/ww-unit-XXXXXX";
static char start_path[64], log_path[64], scratch_path[64];

/* A log of: page 1 is written, flush, pages 2 and 3 are written, flush. */
static const struct {
    uint64_t page;
    uint8_t byte; /* 0: a flush */
} written[] = {{1, FLUSHED}, {0, 0}, {2, LATER}, {3, LATER}, {0, 0}};

static void write_log(uint64_t entries, uint64_t flags_of_the_last)
{
    FILE *file = fopen(log_path, "w");
    uint8_t page[PAGE] = {0};
    struct ww_write_log_super super = {0x6a736677736872ull, 1, entries, 512, 0};
    memcpy(page, &super, sizeof(super));
    fwrite(page, 1, 512, file);
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        bool flush = written[i].byte == 0;
        uint64_t head[64] = {written[i].page * 8, flush ? 0 : 8, flush};
        if (i == sizeof(written) / sizeof(written[0]) - 1)
            head[2] = flags_of_the_last;
        fwrite(head, 1, sizeof(head), file);
        memset(page, written[i].byte, sizeof(page));
        fwrite(page, 1, flush ? 0 : sizeof(page), file);
    }
    fclose(file);
}

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(start_path, sizeof(start_path), "%s/start", directory);
    snprintf(log_path, sizeof(log_path), "%s/log", directory);
    snprintf(scratch_path, sizeof(scratch_path), "%s/scratch", directory);
    FILE *start = fopen(start_path, "w");
    cr_assert_eq(ftruncate(fileno(start), PAGES * PAGE), 0);
    fclose(start);
    write_log(5, 1);
}

static void tear_down(void)
{
    unlink(start_path);
    unlink(log_path);
    unlink(scratch_path);
    rmdir(directory);
}

TestSuite(disk_image, .init = set_up, .fini = tear_down);

static void open_both(struct ww_write_log *log, struct ww_disk_image *image)
{
    struct ww_error error;
    cr_assert_eq(ww_write_log_open(log, log_path, PAGES * PAGE, &error), WW_OK, "%s", error.text);
    cr_assert_eq(ww_disk_image_open(image, log, start_path, scratch_path, &error), WW_OK, "%s",
                 error.text);
}

/* How many bytes of the page hold `byte`; all others must hold 0. */
static uint32_t bytes_of(const struct ww_disk_image *image, uint32_t page, uint8_t byte)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PAGE; i++) {
        uint8_t found = image->scratch[page * PAGE + i];
        cr_assert(found == byte || found == 0);
        count += found == byte;
    }
    return count;
}

Test(disk_image, holds_what_was_flushed_and_nothing_else)
{
    struct ww_write_log log;
    struct ww_disk_image image;
    struct ww_disk_variation variation;
    struct ww_error error;
    open_both(&log, &image);
    cr_assert_eq(log.count, 5);
    cr_assert_eq(log.flush_count, 2);
    const size_t order[] = {0, 1, 0}; /* back, too */
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(ww_disk_image_make(&image, order[i], 0, &variation, &error), WW_OK);
        cr_assert_eq(bytes_of(&image, 0, FLUSHED), 0);
        cr_assert_eq(bytes_of(&image, 1, FLUSHED), PAGE);
        cr_assert_eq(bytes_of(&image, 2, LATER), order[i] * PAGE);
        cr_assert_eq(bytes_of(&image, 3, LATER), order[i] * PAGE);
        cr_assert_eq(variation.writes, order[i] == 0 ? 2 : 0);
    }
    cr_assert_eq(ww_disk_image_make(&image, 2, 0, &variation, &error), WW_EINVAL);
    ww_disk_image_close(&image);
    ww_write_log_close(&log);
}

Test(disk_image, keeps_tears_and_drops_what_was_not_flushed)
{
    struct ww_write_log log;
    struct ww_disk_image image;
    struct ww_disk_variation variation;
    struct ww_error error;
    uint32_t kept = 0, torn = 0, dropped = 0, only_the_later = 0, parts = 0;
    uint8_t before[PAGES * PAGE];
    open_both(&log, &image);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        cr_assert_eq(ww_disk_image_make(&image, 0, seed, &variation, &error), WW_OK);
        cr_assert_eq(variation.kept + variation.torn + variation.dropped, 2);
        kept += variation.kept;
        torn += variation.torn;
        dropped += variation.dropped;
        cr_assert_eq(bytes_of(&image, 1, FLUSHED), PAGE);
        uint32_t first = bytes_of(&image, 2, LATER), second = bytes_of(&image, 3, LATER);
        cr_assert_eq(first % 512, 0);
        cr_assert_eq(second % 512, 0);
        only_the_later += first == 0 && second == PAGE;
        parts += first > 0 && first < PAGE;
        memcpy(before, image.scratch, sizeof(before));
        cr_assert_eq(ww_disk_image_make(&image, 0, seed, &variation, &error), WW_OK);
        cr_assert_arr_eq(before, image.scratch, sizeof(before), "seed %lu", seed);
    }
    cr_assert(kept > SEEDS / 8 && torn > SEEDS / 8 && dropped > SEEDS / 8);
    cr_assert(only_the_later > 0 && parts > 0);
    ww_disk_image_close(&image);
    ww_write_log_close(&log);
}

Test(disk_image, a_log_that_is_not_whole_is_refused)
{
    struct ww_write_log log;
    struct ww_error error;
    write_log(6, 1);
    cr_assert_eq(ww_write_log_open(&log, log_path, PAGES * PAGE, &error), WW_EDAMAGED);
    write_log(5, 4); /* a discard */
    cr_assert_eq(ww_write_log_open(&log, log_path, PAGES * PAGE, &error), WW_EDAMAGED);
    write_log(5, 1);
    cr_assert_eq(ww_write_log_open(&log, log_path, 3 * PAGE, &error), WW_EDAMAGED,
                 "a write behind the end of the disk");
    cr_assert_eq(truncate(log_path, 16), 0);
    cr_assert_eq(ww_write_log_open(&log, log_path, PAGES * PAGE, &error), WW_EDAMAGED);
}
