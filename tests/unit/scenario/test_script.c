/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scenario/script.h"

#include <criterion/criterion.h>
#include <string.h>

static struct script_line line;

static void split(const char *text)
{
    script_split(&line, "a.scn", 7, text, strlen(text));
}

static void expect_error(const char *error)
{
    cr_assert(line.failed);
    cr_assert_str_eq(line.error, error);
}

Test(script, words_are_split_at_blanks_and_texts_kept_whole)
{
    split("  propose 1 \"a b\" \"\"  # the rest is a comment \"");
    cr_assert_eq(line.count, 4);
    cr_assert_str_eq(line.words[0], "propose");
    cr_assert_str_eq(line.words[2], "a b");
    cr_assert_str_eq(line.words[3], "");
    cr_assert_not(line.quoted[1]);
    cr_assert(line.quoted[2]);
    split("# a comment");
    cr_assert_eq(line.count, 0);
}

Test(script, a_number_behind_a_hash_is_a_sequence)
{
    split("propose 1 c #3 \"a\" #but this is none");
    cr_assert_eq(line.count, 5);
    cr_assert_str_eq(line.words[3], "#3");
}

Test(script, an_open_text_is_an_error)
{
    split("propose 1 \"a");
    expect_error("a.scn:7: no '\"' ends the text");
}

Test(script, too_many_words_and_too_long_lines_are_errors)
{
    char text[SCRIPT_LINE_MAX + 2];
    memset(text, 'a', sizeof(text));
    script_split(&line, "a.scn", 7, text, sizeof(text));
    expect_error("a.scn:7: a line of more than 1023 bytes");
    for (size_t i = 1; i < sizeof(text); i += 2)
        text[i] = ' ';
    script_split(&line, "a.scn", 7, text, 2 * SCRIPT_WORDS_MAX + 2);
    expect_error("a.scn:7: more than 128 words in a line");
}

Test(script, the_first_error_stays_and_what_is_read_behind_it_is_zero)
{
    split("x y");
    cr_assert_eq(script_count(&line, "the number"), 0);
    cr_assert_eq(script_count(&line, "another number"), 0);
    cr_assert_not(script_end(&line));
    expect_error("a.scn:7: the number must be a number, not 'x'");
}

Test(script, numbers_times_and_sizes)
{
    split("12 10ms 64KiB");
    cr_assert_eq(script_count(&line, "a"), 12);
    cr_assert_eq(script_duration(&line, "b"), 10000000);
    cr_assert_eq(script_count(&line, "c"), 65536);
    cr_assert(script_end(&line));
    split("10");
    script_duration(&line, "the time");
    expect_error("a.scn:7: the time must be a time such as 10ms, not '10'");
    split("");
    script_duration(&line, "the time");
    expect_error("a.scn:7: the time is missing");
}

Test(script, comparisons)
{
    static const struct {
        const char *text;
        bool below, equal, above; /* does 2, 3, 4 match? */
    } cases[] = {
        {"3", false, true, false},  {"=3", false, true, false}, {">=3", false, true, true},
        {"<=3", true, true, false}, {">3", false, false, true}, {"<3", true, false, false},
        {"!=3", true, false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        split(cases[i].text);
        struct script_number number = script_number(&line, "it");
        cr_assert(script_end(&line));
        cr_assert_eq(script_matches(number, 2), cases[i].below, "%s", cases[i].text);
        cr_assert_eq(script_matches(number, 3), cases[i].equal, "%s", cases[i].text);
        cr_assert_eq(script_matches(number, 4), cases[i].above, "%s", cases[i].text);
    }
    split(">=x");
    script_number(&line, "it");
    expect_error("a.scn:7: it must be a number, not 'x'");
}

Test(script, nodes_and_links)
{
    split("1 3 7 10ms");
    cr_assert_eq(script_nodes(&line, "who"), 1u << 1 | 1u << 3 | 1u << 7);
    cr_assert_str_eq(script_peek(&line), "10ms");
    split("all");
    line.running = 6;
    cr_assert_eq(script_nodes(&line, "who"), 6);
    split("8");
    script_nodes(&line, "who");
    expect_error("a.scn:7: who must be a node, 1 to 7, not '8'");
    split("1,2->3 -> 4->");
    struct script_link link = script_link(&line);
    cr_assert(link.from == 6 && link.to == 8);
    link = script_link(&line);
    cr_assert(link.from == 0xfe && link.to == 0xfe);
    link = script_link(&line);
    cr_assert(link.from == 16 && link.to == 0xfe);
    split("1->2;3");
    script_link(&line);
    expect_error("a.scn:7: '1->2;3' is not a link such as 1->2, 1->2,3, 1-> or ->2");
}

Test(script, an_unknown_word_names_the_nearest)
{
    static const char *const names[] = {"commit", "term", "vote", NULL};
    split("comit");
    script_choice(&line, "a field of a node", names);
    expect_error("a.scn:7: 'comit' is not a field of a node; the nearest known one is 'commit'");
}

Test(script, words_that_are_left_are_an_error)
{
    split("1 2");
    script_node(&line, "who");
    cr_assert_not(script_end(&line));
    expect_error("a.scn:7: '2' is too much here");
}
