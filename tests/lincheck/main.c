/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ww_lincheck [--steps N] FILE...: is the history in these files ('-': stdin) linearizable? Exit
 * codes: 0 yes, 1 no, 2 the input or the flags are wrong, 3 not decided within the steps.
 */
#include "tests/lincheck/lincheck.h"

#include "engine/base/error.h"
#include "engine/base/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { YES = 0, NO = 1, WRONG = 2, OPEN = 3 };

static int read_file(struct ww_history *history, const char *name, struct ww_error *error)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", name);
    int status = ww_history_read(history, file, error);
    if (status != WW_OK)
        ww_fail_context(error, "%s", name);
    if (file != stdin)
        fclose(file);
    return status;
}

static int tell(const struct ww_history *history, const struct ww_lincheck_result *result)
{
    size_t unknown = 0;
    switch (result->verdict) {
    case WW_LINEARIZABLE:
        for (size_t i = 0; i < history->count; i++)
            unknown += history->operations[i].outcome == WW_OP_UNKNOWN;
        printf("linearizable: %zu operations, %zu of them with an unknown outcome\n",
               history->count, unknown);
        return YES;
    case WW_NOT_LINEARIZABLE:
        printf("not linearizable: key %lu: %s:\n", result->key, result->why);
        for (size_t i = 0; i < result->witness_count; i++)
            ww_history_write(&history->operations[result->witness[i]], stdout);
        if (result->witness_cut)
            printf("and more\n");
        return NO;
    default:
        printf("not decided within the given steps\n");
        return OPEN;
    }
}

int main(int argc, char **argv)
{
    struct ww_history history;
    struct ww_lincheck_result result;
    struct ww_error error = {0};
    uint64_t steps = WW_LINCHECK_STEPS;
    const char *why;
    int first = 1, status = WW_OK;

    if (argc > 2 && strcmp(argv[1], "--steps") == 0) {
        first = 3;
        if (ww_parse_count(argv[2], &steps, &why) != WW_OK) {
            fprintf(stderr, "ww_lincheck: --steps %s: %s\n", argv[2], why);
            return WRONG;
        }
    }
    if (first >= argc) {
        fprintf(stderr, "Usage: ww_lincheck [--steps N] FILE...\n");
        return WRONG;
    }
    ww_history_init(&history);
    for (int i = first; i < argc && status == WW_OK; i++)
        status = read_file(&history, argv[i], &error);
    if (status == WW_OK)
        status = ww_lincheck(&history, steps, &result, &error);
    int code = status == WW_OK ? tell(&history, &result) : WRONG;
    if (status != WW_OK)
        fprintf(stderr, "ww_lincheck: %s\n", error.text);
    ww_history_free(&history);
    return code;
}
