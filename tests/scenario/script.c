/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "engine/base/limits.h"
#include "engine/base/nearest.h"
#include "engine/base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void script_fail(struct script_line *line, const char *format, ...)
{
    if (line->failed)
        return;
    line->failed = true;
    int used = snprintf(line->error, sizeof(line->error), "%s:%u: ", line->file, line->number);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->error + used, sizeof(line->error) - (size_t)used, format, arguments);
    va_end(arguments);
}

/* One word at `at`, which is ended in place; returns where the next one may begin. */
static char *split_word(struct script_line *line, char *at)
{
    bool quoted = *at == '"';
    char *begin = quoted ? at + 1 : at;
    char *end = begin;
    while (*end != '\0' && (quoted ? *end != '"' : !isspace((unsigned char)*end)))
        end++;
    if (quoted && *end == '\0') {
        script_fail(line, "no '\"' ends the text");
        return end;
    }
    if (line->count == SCRIPT_WORDS_MAX) {
        script_fail(line, "more than %u words in a line", SCRIPT_WORDS_MAX);
        return end;
    }
    line->words[line->count] = begin;
    line->quoted[line->count++] = quoted;
    if (*end != '\0')
        *end++ = '\0';
    return end;
}

void script_split(struct script_line *line, const char *file, unsigned number, const char *text,
                  size_t bytes)
{
    line->file = file;
    line->number = number;
    line->count = line->next = 0;
    line->failed = false;
    if (bytes >= sizeof(line->buffer)) {
        script_fail(line, "a line of more than %zu bytes", sizeof(line->buffer) - 1);
        return;
    }
    memcpy(line->buffer, text, bytes);
    line->buffer[bytes] = '\0';
    for (char *at = line->buffer; !line->failed;) {
        while (isspace((unsigned char)*at))
            at++;
        bool sequence = at[0] == '#' && isdigit((unsigned char)at[1]) && line->count > 0;
        if (*at == '\0' || (*at == '#' && !sequence))
            return;
        at = split_word(line, at);
    }
}

const char *script_peek(const struct script_line *line)
{
    return line->failed || line->next == line->count ? NULL : line->words[line->next];
}

bool script_at_string(const struct script_line *line)
{
    return script_peek(line) != NULL && line->quoted[line->next];
}

bool script_at_number(const struct script_line *line)
{
    const char *word = script_peek(line);
    return word != NULL && !line->quoted[line->next] && isdigit((unsigned char)word[0]);
}

bool script_take(struct script_line *line, const char *word)
{
    const char *next = script_peek(line);
    if (next == NULL || line->quoted[line->next] || strcmp(next, word) != 0)
        return false;
    line->next++;
    return true;
}

const char *script_word(struct script_line *line, const char *what)
{
    const char *word = script_peek(line);
    if (word == NULL) {
        script_fail(line, "%s is missing", what);
        return "";
    }
    line->next++;
    return word;
}

const char *script_string(struct script_line *line, const char *what)
{
    bool quoted = script_at_string(line);
    const char *word = script_word(line, what);
    if (!quoted)
        script_fail(line, "%s must be a text in quotes, not '%s'", what, word);
    return word;
}

uint64_t script_count(struct script_line *line, const char *what)
{
    const char *word = script_word(line, what), *why;
    uint64_t value = 0;
    if (!line->failed && ww_parse_count(word, &value, &why) != 0 &&
        ww_parse_bytes(word, &value, &why) != 0)
        script_fail(line, "%s must be a number, not '%s'", what, word);
    return value;
}

uint64_t script_duration(struct script_line *line, const char *what)
{
    const char *word = script_word(line, what), *why;
    uint64_t ns = 0;
    if (!line->failed && ww_parse_duration(word, &ns, &why) != 0)
        script_fail(line, "%s must be a time such as 10ms, not '%s'", what, word);
    return ns;
}

struct script_number script_number(struct script_line *line, const char *what)
{
    static const char *const operators[] = {">=", "<=", "!=", ">", "<", "="};
    static const char codes[] = "gl!><=";
    struct script_number number = {.compare = '='};
    const char *word = script_word(line, what), *why;
    for (unsigned i = 0; i < 6; i++) {
        if (strncmp(word, operators[i], strlen(operators[i])) == 0) {
            number.compare = codes[i];
            word += strlen(operators[i]);
            break;
        }
    }
    if (!line->failed && ww_parse_count(word, &number.value, &why) != 0)
        script_fail(line, "%s must be a number, not '%s'", what, word);
    return number;
}

bool script_matches(struct script_number wanted, uint64_t found)
{
    switch (wanted.compare) {
    case 'g':
        return found >= wanted.value;
    case 'l':
        return found <= wanted.value;
    case '!':
        return found != wanted.value;
    case '>':
        return found > wanted.value;
    case '<':
        return found < wanted.value;
    default:
        return found == wanted.value;
    }
}

const char *script_show_number(struct script_number number, char *buffer, size_t size)
{
    const char *sign = number.compare == 'g'   ? ">="
                       : number.compare == 'l' ? "<="
                       : number.compare == '!' ? "!="
                       : number.compare == '>' ? ">"
                       : number.compare == '<' ? "<"
                                               : "";
    snprintf(buffer, size, "%s%" PRIu64, sign, number.value);
    return buffer;
}

static bool is_node(const char *word)
{
    return word[0] >= '1' && word[0] <= '0' + (char)WW_NODES_MAX && word[1] == '\0';
}

uint32_t script_node(struct script_line *line, const char *what)
{
    const char *word = script_word(line, what);
    if (is_node(word))
        return (uint32_t)(word[0] - '0');
    script_fail(line, "%s must be a node, 1 to %u, not '%s'", what, WW_NODES_MAX, word);
    return 0;
}

uint8_t script_nodes(struct script_line *line, const char *what)
{
    if (script_take(line, "all"))
        return line->running;
    uint8_t nodes = (uint8_t)(1u << script_node(line, what));
    while (script_peek(line) != NULL && !line->quoted[line->next] && is_node(script_peek(line)))
        nodes |= (uint8_t)(1u << script_node(line, what));
    return line->failed ? 0 : nodes;
}

bool script_at_link(const struct script_line *line)
{
    const char *word = script_peek(line);
    return word != NULL && !line->quoted[line->next] && strstr(word, "->") != NULL;
}

/* "1,2" as bits; an empty text means every node. */
static uint8_t nodes_of(struct script_line *line, const char *word, const char *at, const char *end)
{
    uint8_t nodes = 0;
    if (at == end)
        return 0xfe;
    for (; at < end; at += 2) {
        char node[2] = {at[0], '\0'};
        if (!is_node(node) || (at + 1 < end && at[1] != ',')) {
            script_fail(line, "'%s' is not a link such as 1->2, 1->2,3, 1-> or ->2", word);
            return 0;
        }
        nodes |= (uint8_t)(1u << (at[0] - '0'));
    }
    return nodes;
}

struct script_link script_link(struct script_line *line)
{
    const char *word = script_word(line, "a link");
    const char *arrow = strstr(word, "->");
    if (arrow == NULL) {
        script_fail(line, "'%s' is not a link such as 1->2, 1->2,3, 1-> or ->2", word);
        return (struct script_link){0, 0};
    }
    return (struct script_link){nodes_of(line, word, word, arrow),
                                nodes_of(line, word, arrow + 2, word + strlen(word))};
}

unsigned script_choice(struct script_line *line, const char *what, const char *const *names)
{
    const char *word = script_word(line, what), *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (unsigned i = 0; !line->failed && names[i] != NULL; i++) {
        if (strcmp(word, names[i]) == 0)
            return i;
        ww_nearest_offer(word, names[i], &nearest, &distance);
    }
    script_fail(line, "'%s' is not %s; the nearest known one is '%s'", word, what,
                nearest != NULL ? nearest : "");
    return 0;
}

bool script_end(struct script_line *line)
{
    if (script_peek(line) != NULL)
        script_fail(line, "'%s' is too much here", script_peek(line));
    return !line->failed;
}
