/* SPDX-License-Identifier: Apache-2.0 */
/* Histories as text, a line for each: CLIENT INVOKED RETURNED OPERATION KEY ARGUMENT RESULT. */
#include "tests/lincheck/history.h"

#include "engine/base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 7
#define SPACE " \t\r\n"

static const char *const kind_names[] = {
    [WW_OP_READ] = "read",     [WW_OP_WRITE] = "write",       [WW_OP_CAS] = "cas",
    [WW_OP_APPEND] = "append", [WW_OP_POSITION] = "position", [WW_OP_ENTRY] = "entry",
};
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

/* A number, up to `end` if that is a sign that may follow it. NULL: it is none. */
static const char *number(const char *text, char end, uint64_t *value)
{
    char *rest;
    errno = 0;
    *value = strtoull(text, &rest, 0);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || *value == WW_HISTORY_NONE)
        return NULL;
    return *rest == '\0' || *rest == end ? rest : NULL;
}

static bool whole_number(const char *text, uint64_t *value)
{
    return number(text, '\0', value) != NULL;
}

static bool number_or_none(const char *text, uint64_t *value)
{
    *value = WW_HISTORY_NONE;
    return strcmp(text, "none") == 0 || whole_number(text, value);
}

/* Two numbers with `sign` between them; the second may be left out when it is `optional`. */
static bool pair(const char *text, char sign, bool optional, uint64_t *first, uint64_t *second)
{
    const char *rest = number(text, sign, first);
    if (rest == NULL)
        return false;
    return *rest == sign ? whole_number(rest + 1, second) : optional;
}

static bool parse_kind(const char *text, struct ww_operation *operation)
{
    for (operation->kind = 0; operation->kind < KINDS; operation->kind++)
        if (strcmp(text, kind_names[operation->kind]) == 0)
            return true;
    return false;
}

static bool parse_argument(const char *text, struct ww_operation *operation)
{
    switch (operation->kind) {
    case WW_OP_READ:
    case WW_OP_POSITION:
        return strcmp(text, "-") == 0;
    case WW_OP_CAS:
        return pair(text, ',', false, &operation->expected, &operation->argument);
    default:
        return whole_number(text, &operation->argument);
    }
}

static bool parse_result(const char *text, struct ww_operation *operation)
{
    operation->result = WW_HISTORY_NONE;
    if (operation->returned_ns == WW_HISTORY_NEVER) {
        operation->outcome = WW_OP_UNKNOWN;
        return strcmp(text, "?") == 0;
    }
    if (strcmp(text, "fail") == 0) {
        operation->outcome = WW_OP_FAILED;
        return true;
    }
    operation->outcome = WW_OP_OK;
    switch (operation->kind) {
    case WW_OP_WRITE:
    case WW_OP_CAS:
        return strcmp(text, "ok") == 0;
    case WW_OP_POSITION:
        return pair(text, ':', true, &operation->result, &operation->digest);
    case WW_OP_APPEND:
        return whole_number(text, &operation->result);
    default:
        return number_or_none(text, &operation->result);
    }
}

/* What is wrong with a line; NULL: nothing. */
static const char *parse_line(char *line, struct ww_operation *operation)
{
    char *columns[COLUMNS], *rest = line, *column;
    size_t count = 0;
    uint64_t client;

    while ((column = strtok_r(rest, SPACE, &rest)) != NULL) {
        if (count == COLUMNS)
            return "more than 7 columns";
        columns[count++] = column;
    }
    if (count < COLUMNS)
        return "less than 7 columns";
    if (!whole_number(columns[0], &client) || client > UINT32_MAX)
        return "the client is not a number";
    operation->client = (uint32_t)client;
    if (!whole_number(columns[1], &operation->invoked_ns))
        return "the time of the call is not a number";
    if (strcmp(columns[2], "?") == 0)
        operation->returned_ns = WW_HISTORY_NEVER;
    else if (!whole_number(columns[2], &operation->returned_ns))
        return "the time of the return is neither a number nor '?'";
    if (operation->returned_ns < operation->invoked_ns)
        return "it returns before it is called";
    if (!parse_kind(columns[3], operation))
        return "no such operation; there are read, write, cas, append, position, entry";
    if (!whole_number(columns[4], &operation->key))
        return "the key is not a number";
    if (!parse_argument(columns[5], operation))
        return "not an argument of this operation";
    if (!parse_result(columns[6], operation))
        return "not a result of this operation";
    return NULL;
}

int ww_history_read(struct ww_history *history, FILE *file, struct ww_error *error)
{
    char *line = NULL;
    size_t size = 0;
    int status = WW_OK;

    for (uint64_t number = 1; status == WW_OK && getline(&line, &size, file) >= 0; number++) {
        struct ww_operation operation = {0};
        if (line[strspn(line, SPACE)] == '\0' || line[0] == '#')
            continue;
        const char *wrong = parse_line(line, &operation);
        if (wrong != NULL) {
            status = ww_fail(error, WW_EINVAL, "line %" PRIu64 ": %s", number, wrong);
            break;
        }
        size_t handle = ww_history_begin(history, &operation);
        if (handle == SIZE_MAX)
            status = ww_fail(error, WW_ENOMEM, "no memory for %zu operations", history->count);
        else
            history->operations[handle] = operation;
    }
    if (status == WW_OK && ferror(file))
        status = ww_fail_errno(error, WW_EIO, "reading");
    free(line);
    return status;
}

static void write_argument(const struct ww_operation *operation, FILE *file)
{
    if (operation->kind == WW_OP_READ || operation->kind == WW_OP_POSITION)
        fprintf(file, " -");
    else if (operation->kind == WW_OP_CAS)
        fprintf(file, " %" PRIu64 ",%" PRIu64, operation->expected, operation->argument);
    else
        fprintf(file, " %" PRIu64, operation->argument);
}

void ww_history_write(const struct ww_operation *operation, FILE *file)
{
    fprintf(file, "%" PRIu32 " %" PRIu64, operation->client, operation->invoked_ns);
    if (operation->outcome == WW_OP_UNKNOWN)
        fprintf(file, " ?");
    else
        fprintf(file, " %" PRIu64, operation->returned_ns);
    fprintf(file, " %s %" PRIu64, kind_names[operation->kind], operation->key);
    write_argument(operation, file);
    if (operation->outcome == WW_OP_UNKNOWN)
        fprintf(file, " ?\n");
    else if (operation->outcome == WW_OP_FAILED)
        fprintf(file, " fail\n");
    else if (operation->kind == WW_OP_WRITE || operation->kind == WW_OP_CAS)
        fprintf(file, " ok\n");
    else if (operation->result == WW_HISTORY_NONE)
        fprintf(file, " none\n");
    else if (operation->kind == WW_OP_POSITION && operation->digest != 0)
        fprintf(file, " %" PRIu64 ":%#" PRIx64 "\n", operation->result, operation->digest);
    else
        fprintf(file, " %" PRIu64 "\n", operation->result);
}
