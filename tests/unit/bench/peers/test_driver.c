/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/driver.h"

#include <criterion/criterion.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ww_peer_run run;
static struct ww_error error;

static void begin(const char *words)
{
    struct ww_peer_cell cell;
    cr_assert(ww_peer_cell_parse(words, &cell, &error), "%s", error.text);
    cr_assert_eq(ww_peer_run_init(&run, &error), WW_OK);
    ww_peer_run_begin(&run, &cell);
}

/* What the run says of itself, or NULL; the caller's to put. */
static json_object *report(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    ww_peer_run_report(&run, out);
    fclose(out);
    json_object *result = json_tokener_parse(text);
    free(text);
    return result;
}

static uint64_t number(json_object *object, const char *key)
{
    json_object *value = NULL;
    cr_assert(json_object_object_get_ex(object, key, &value), "no %s", key);
    return json_object_get_uint64(value);
}

Test(peer_driver, a_cell_is_read_word_by_word)
{
    struct ww_peer_cell cell;
    cr_assert(ww_peer_cell_parse("64 1024 5 1000000000 17 18 19", &cell, &error));
    cr_expect_eq(cell.inflight, 64);
    cr_expect_eq(cell.entry_bytes, 1024);
    cr_expect_eq(cell.warmup_ns, 5);
    cr_expect_eq(cell.duration_ns, 1000000000);
    cr_expect_eq(cell.node_count, 3);
    cr_expect_eq(cell.nodes[2], 19);
    static const char *const wrong[] = {
        "",         "1 64 0",     "0 64 0 1",  "1 7 0 1",  "1 99999 0 1",
        "1 64 0 0", "1 64 0 1 0", "1 64 0 1x", "x 64 0 1", "1 64 0 1 2 2 2 2 2 2 2 2"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect_not(ww_peer_cell_parse(wrong[i], &cell, &error), "'%s'", wrong[i]);
        cr_expect(strstr(error.text, "no cell") != NULL, "%s", error.text);
    }
}

Test(peer_driver, a_loop_has_so_many_entries_under_way_and_no_more)
{
    uint8_t entry[16];
    begin("3 16 0 1000000000000");
    cr_assert_eq(ww_peer_run_room(&run), 3);
    for (uint64_t i = 1; i <= 3; i++) {
        uint64_t head;
        ww_peer_run_fill(&run, entry);
        memcpy(&head, entry, sizeof(head));
        cr_expect_eq(head, i, "each begins with its number");
    }
    cr_expect_eq(ww_peer_run_room(&run), 0);
    ww_peer_run_answer(&run, 0, 2);
    cr_expect_eq(ww_peer_run_room(&run), 2);
    cr_expect_null(report(), "it is not over");
}

Test(peer_driver, the_report_waits_for_the_last_answer_and_counts_what_was_measured)
{
    uint8_t entry[64];
    begin("4 64 0 1");
    cr_assert_eq(ww_peer_run_room(&run), 4); /* warm-up is over, the measured phase begins */
    for (int i = 0; i < 4; i++)
        ww_peer_run_fill(&run, entry);
    ww_peer_run_answer(&run, 0, 3);
    usleep(1000);
    cr_expect_eq(ww_peer_run_room(&run), 0, "the measured phase is over");
    cr_expect_null(report(), "one entry has no answer");
    ww_peer_run_answer(&run, 0, 1);
    json_object *result = report();
    cr_assert_not_null(result);
    cr_expect_eq(number(result, "entries"), 3);
    cr_expect_eq(number(result, "acknowledged"), 4);
    cr_expect_geq(number(result, "elapsed_ns"), 1000000);
    cr_expect_gt(number(result, "p50"), 0);
    json_object_put(result);
    cr_expect_null(report(), "it is said once");
}

Test(peer_driver, lines_are_taken_whole)
{
    struct ww_peer_input input = {.used = 0};
    char line[WW_PEER_LINE_MAX];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "run 1\ncou", 9), 9);
    cr_assert(ww_peer_input_read(&input, ends[0]));
    cr_assert(ww_peer_input_line(&input, line));
    cr_expect_str_eq(line, "run 1");
    cr_expect_not(ww_peer_input_line(&input, line));
    cr_assert_eq(write(ends[1], "nt\n", 3), 3);
    cr_assert(ww_peer_input_read(&input, ends[0]));
    cr_assert(ww_peer_input_line(&input, line));
    cr_expect_str_eq(line, "count");
    close(ends[1]);
    cr_expect_not(ww_peer_input_read(&input, ends[0]), "the end");
    close(ends[0]);
}
