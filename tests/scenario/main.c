/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs scenario files and prints TAP. Each runs in a process of its own, so that a failed assertion
 * of the engine, or an endless loop, fails one scenario and names it.
 */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 60u /* for one scenario; they take milliseconds */
#define SUFFIX ".scn"

struct files {
    char **paths;
    size_t count, capacity;
};

static void add_file(struct files *files, const char *path)
{
    if (files->count == files->capacity) {
        files->capacity = files->capacity == 0 ? 64 : files->capacity * 2;
        files->paths = realloc(files->paths, files->capacity * sizeof(*files->paths));
    }
    char *copy = strdup(path);
    if (files->paths == NULL || copy == NULL)
        abort();
    files->paths[files->count++] = copy;
}

static int by_name(const FTSENT **one, const FTSENT **two)
{
    return strcmp((*one)->fts_name, (*two)->fts_name);
}

/* A folder stands for all scenarios below it; a file for itself, whatever its name. */
static bool gather(struct files *files, char *path)
{
    char *roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    bool found = false;
    for (FTSENT *entry; tree != NULL && (entry = fts_read(tree)) != NULL;) {
        size_t length = strlen(entry->fts_name);
        bool named = length > strlen(SUFFIX) &&
                     strcmp(entry->fts_name + length - strlen(SUFFIX), SUFFIX) == 0;
        if (entry->fts_info == FTS_F && (named || entry->fts_level == 0)) {
            add_file(files, entry->fts_path);
            found = true;
        }
    }
    if (tree != NULL)
        fts_close(tree);
    if (!found)
        fprintf(stderr, "scenario: no scenario at '%s'\n", path);
    return found;
}

static char *read_whole(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t capacity = 0;
    if (file == NULL)
        return NULL;
    ssize_t got = getdelim(&text, &capacity, '\0', file);
    fclose(file);
    *bytes = got > 0 ? (size_t)got : 0;
    return text;
}

/* In the child: what it writes is the explanation of the case. */
static int run_one(const char *path, bool verbose)
{
    size_t bytes;
    char *text = read_whole(path, &bytes);
    if (text == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }
    struct scenario_result result;
    scenario_run(path, text, bytes, verbose, &result);
    free(text);
    if (!result.passed)
        printf("%s\n", result.error);
    return result.passed ? 0 : 1;
}

/* Runs it in a child; its output goes to a temporary file, and from there behind the verdict. */
static bool run_apart(const char *path, size_t number, bool verbose)
{
    FILE *output = tmpfile();
    if (output == NULL)
        abort();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(output), STDOUT_FILENO);
        dup2(fileno(output), STDERR_FILENO);
        alarm(SECONDS_MAX);
        exit(run_one(path, verbose));
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("%s %zu - %s\n", passed ? "ok" : "not ok", number, path);
    if (WIFSIGNALED(status))
        printf("  ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    char line[1024];
    rewind(output);
    while (fgets(line, sizeof(line), output) != NULL)
        printf("  %s", line);
    fclose(output);
    return passed;
}

int main(int argc, char **argv)
{
    struct files files = {0};
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (argv[i][0] == '-') {
            fprintf(stderr, "usage: ww_scenario [--verbose] FILE|FOLDER...\n");
            return 2;
        } else if (!gather(&files, argv[i])) {
            return 2;
        }
    }
    if (files.count == 0) {
        fprintf(stderr, "usage: ww_scenario [--verbose] FILE|FOLDER...\n");
        return 2;
    }
    size_t failed = 0;
    printf("1..%zu\n", files.count);
    for (size_t i = 0; i < files.count; i++) {
        failed += !run_apart(files.paths[i], i + 1, verbose);
        free(files.paths[i]);
    }
    free(files.paths);
    return failed > 0 ? 1 : 0;
}
