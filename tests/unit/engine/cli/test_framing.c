/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/framing.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRY_MAX 100u

static struct ww_error error;

/* Feeds `size` bytes in pieces of `piece`, and writes the entries into `out` as "<entry>". */
static int read_all(enum ww_framing framing, const char *input, size_t size, size_t piece,
                    char *out)
{
    struct ww_entry_reader reader;
    const void *data;
    size_t entry_size;
    int ends[2], result;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(ww_entry_reader_open(&reader, ends[0], framing, ENTRY_MAX, &error), WW_OK);
    *out = 0;
    while ((result = ww_entry_reader_next(&reader, &data, &entry_size, &error)) != WW_READER_END &&
           result >= 0) {
        if (result == WW_READER_ENTRY) {
            sprintf(out + strlen(out), "<%.*s>", (int)entry_size, (const char *)data);
            continue;
        }
        size_t part = size < piece ? size : piece;
        if (part > 0)
            cr_assert_eq(write(ends[1], input, part), (ssize_t)part);
        else
            close(ends[1]);
        input += part;
        size -= part;
        cr_assert_eq(ww_entry_reader_fill(&reader, &error), WW_OK);
    }
    ww_entry_reader_close(&reader);
    close(ends[0]);
    return result;
}

Test(framing, lines_may_be_empty_and_the_last_may_lack_its_newline)
{
    char out[256];
    for (size_t piece = 1; piece < 20; piece++) {
        cr_assert_eq(read_all(WW_FRAMING_LINES, "one\n\ntwo\n", 9, piece, out), WW_READER_END);
        cr_assert_str_eq(out, "<one><><two>");
        cr_assert_eq(read_all(WW_FRAMING_LINES, "\none\ntwo", 8, piece, out), WW_READER_END);
        cr_assert_str_eq(out, "<><one><two>");
    }
    cr_assert_eq(read_all(WW_FRAMING_LINES, "", 0, 1, out), WW_READER_END);
    cr_assert_str_eq(out, "");
}

Test(framing, a_line_above_the_limit_is_named_with_its_whole_size)
{
    char out[4096], input[1000];
    memset(input, 'x', sizeof(input));
    memcpy(input, "a\nb\n", 4);
    input[904] = '\n';
    for (size_t piece = 7; piece < 1000; piece += 113) {
        cr_assert_eq(read_all(WW_FRAMING_LINES, input, sizeof(input), piece, out), WW_ETOOBIG);
        cr_assert_str_eq(out, "<a><b>");
        cr_assert_str_eq(error.text, "line 3 has 900 bytes; the limit of an entry is 100");
        cr_assert_eq(read_all(WW_FRAMING_LINES, input, 704, piece, out), WW_ETOOBIG);
        cr_assert_str_eq(error.text, "line 3 has 700 bytes; the limit of an entry is 100");
    }
}

Test(framing, a_line_at_the_limit_is_taken)
{
    char out[4096], input[ENTRY_MAX + 2];
    memset(input, 'x', sizeof(input));
    input[ENTRY_MAX] = '\n';
    cr_assert_eq(read_all(WW_FRAMING_LINES, input, ENTRY_MAX + 1, 10, out), WW_READER_END);
    cr_assert_eq(strlen(out), ENTRY_MAX + 2);
    input[ENTRY_MAX] = 'x';
    cr_assert_eq(read_all(WW_FRAMING_LINES, input, ENTRY_MAX + 1, 10, out), WW_ETOOBIG);
}

Test(framing, lengths_frame_any_bytes)
{
    char out[256];
    const char input[] = "\3\0\0\0a\nb\0\0\0\0\2\0\0\0cd";
    for (size_t piece = 1; piece < 20; piece++) {
        cr_assert_eq(read_all(WW_FRAMING_LEN32, input, sizeof(input) - 1, piece, out),
                     WW_READER_END, "%s", error.text);
        cr_assert_str_eq(out, "<a\nb><><cd>");
    }
}

Test(framing, an_input_that_ends_within_an_entry_is_refused)
{
    char out[256];
    cr_assert_eq(read_all(WW_FRAMING_LEN32, "\1\0\0\0a\3\0\0\0ab", 11, 4, out), WW_EINVAL);
    cr_assert_str_eq(out, "<a>");
    cr_assert_str_eq(error.text, "the input ends within entry 2");
    cr_assert_eq(read_all(WW_FRAMING_LEN32, "\1\0", 2, 4, out), WW_EINVAL);
    cr_assert_eq(read_all(WW_FRAMING_LEN32, "\377\377\377\177", 4, 4, out), WW_ETOOBIG);
    cr_assert_str_eq(error.text, "entry 1 has 2147483647 bytes; the limit of an entry is 100");
}

Test(framing, many_entries_pass_through_a_small_buffer)
{
    /* More than the reader's buffer holds, so that it must move what is left to its start. */
    size_t size = 1000000;
    char *input = malloc(size);
    char path[] = "/tmp/ww-test-framing-XXXXXX";
    int fd = mkstemp(path);
    for (size_t i = 0; i < size; i++)
        input[i] = (char)(i % 7 == 6 ? '\n' : 'a' + i % 26);
    cr_assert_eq(write(fd, input, size), (ssize_t)size);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    unlink(path);
    struct ww_entry_reader reader;
    cr_assert_eq(ww_entry_reader_open(&reader, fd, WW_FRAMING_LINES, ENTRY_MAX, &error), WW_OK);
    const void *data;
    size_t entry_size, offset = 0;
    int result;
    while ((result = ww_entry_reader_next(&reader, &data, &entry_size, &error)) != WW_READER_END) {
        cr_assert_geq(result, 0);
        if (result == WW_READER_EMPTY) {
            cr_assert_eq(ww_entry_reader_fill(&reader, &error), WW_OK);
            continue;
        }
        cr_assert_eq(memcmp(data, input + offset, entry_size), 0);
        offset += entry_size + 1;
    }
    cr_assert_eq(reader.number, size / 7 + 1);
    ww_entry_reader_close(&reader);
    close(fd);
    free(input);
}
