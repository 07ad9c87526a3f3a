/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a scenario (docs/scenarios.md), line by line. A line keeps its first error: what is
 * read behind it gives zeros, so that a command reads all its words, then asks once.
 */
#ifndef WW_TESTS_SCENARIO_SCRIPT_H
#define WW_TESTS_SCENARIO_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_WORDS_MAX 128u
#define SCRIPT_LINE_MAX 1024u
#define SCRIPT_ERROR_MAX 4096u

struct script_line {
    const char *file;
    unsigned number;
    uint8_t running; /* nodes that `all` means: bit per id */
    char buffer[SCRIPT_LINE_MAX];
    const char *words[SCRIPT_WORDS_MAX];
    bool quoted[SCRIPT_WORDS_MAX];
    unsigned count;
    unsigned next;
    bool failed;
    char error[SCRIPT_ERROR_MAX]; /* "FILE:LINE: what is wrong" */
};

/* From some nodes to some: bit per node id. */
struct script_link {
    uint8_t from;
    uint8_t to;
};

/* How a number is compared: "3", ">=3", "<3", "!=3". */
struct script_number {
    char compare; /* '=', '!', '<', '>', 'l' (<=), 'g' (>=) */
    uint64_t value;
};

/* Splits `text` (up to the end of the line) into words. */
void script_split(struct script_line *line, const char *file, unsigned number, const char *text,
                  size_t bytes);

/* Keeps the first error of the line. */
void script_fail(struct script_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const char *script_peek(const struct script_line *line); /* NULL at the end */
bool script_at_string(const struct script_line *line);   /* is the next word quoted? */
bool script_at_number(const struct script_line *line);
bool script_take(struct script_line *line, const char *word); /* consumes it when it is the next */
const char *script_word(struct script_line *line, const char *what);
const char *script_string(struct script_line *line, const char *what);
uint64_t script_count(struct script_line *line, const char *what);
uint64_t script_duration(struct script_line *line, const char *what);
struct script_number script_number(struct script_line *line, const char *what);
bool script_matches(struct script_number wanted, uint64_t found);
const char *script_show_number(struct script_number number, char *buffer, size_t size);
uint32_t script_node(struct script_line *line, const char *what);
uint8_t script_nodes(struct script_line *line, const char *what); /* at least one, or `all` */
bool script_at_link(const struct script_line *line);
struct script_link script_link(struct script_line *line);

/* The place of the next word in `names` (NULL at the end); unknown: an error with the nearest. */
unsigned script_choice(struct script_line *line, const char *what, const char *const *names);

/* Fails when words are left; returns whether the line was right so far. */
bool script_end(struct script_line *line);

#endif
