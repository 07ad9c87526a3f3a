/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that an experiment starts beside the nodes: each in a session of its own, ended by the
 * kernel with the caller at the latest. One that `speaks` is told lines and answers each with a
 * JSON object on a line; the output of the others goes to their log.
 */
#ifndef WW_BENCH_HELPER_H
#define WW_BENCH_HELPER_H

#include "engine/base/error.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WW_HELPER_LINE_MAX 4096u
#define WW_HELPER_PATH_MAX 512u

struct ww_helper {
    pid_t pid;        /* 0: not running */
    const char *name; /* for sentences */
    int line;         /* to its standard input, from its output; -1: it does not speak */
    char log[WW_HELPER_PATH_MAX];
    char buffer[WW_HELPER_LINE_MAX];
    size_t used;
};

/* The path of a program that was built with ww, which lies beside it; false: it was not built. */
bool ww_helper_built(const char *name, char path[WW_HELPER_PATH_MAX]);

/* The path of an installed program; false: there is none. */
bool ww_helper_installed(const char *name, char path[WW_HELPER_PATH_MAX]);

/* Starts words[0], a path, with the words behind it up to NULL. Log NULL: our standard error. */
int ww_helper_start(struct ww_helper *helper, const char *name, bool speaks,
                    const char *const *words, const char *log, struct ww_error *error);

/*
 * Says a line (NULL: nothing) and waits for the answer, which is the caller's to put. WW_ECLOSED
 * when it was interrupted; when the program ended, the sentence has its last words.
 */
int ww_helper_ask(struct ww_helper *helper, const char *line, uint64_t timeout_ns,
                  struct json_object **answer, struct ww_error *error);

/* WW_OK, or a sentence with the last words of a program that ended by itself. */
int ww_helper_check(struct ww_helper *helper, struct ww_error *error);

/* Ends it if it runs: SIGTERM, after 5 s SIGKILL. WW_EIO: it did not end well. */
int ww_helper_stop(struct ww_helper *helper, struct ww_error *error);

#endif
