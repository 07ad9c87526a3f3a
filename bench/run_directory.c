/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/run_directory.h"

#include "bench/environment.h"
#include "engine/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int ww_run_output_make(const char *output, struct ww_error *error)
{
    if (output == NULL)
        return WW_OK;
    if (mkdir(output, 0755) != 0 && errno != EEXIST)
        return ww_fail_errno(error, WW_EINVAL, "--output %s", output);
    if (access(output, W_OK | X_OK) != 0)
        return ww_fail_errno(error, WW_EINVAL, "--output %s", output);
    return WW_OK;
}

int ww_run_directory_make(const char *data, bool durable, char directory[WW_RUN_DIRECTORY_MAX],
                          struct ww_error *error)
{
    directory[0] = 0;
    char *real = realpath(data, NULL);
    if (real == NULL)
        return ww_fail_errno(error, WW_EINVAL, "--data %s", data);
    int room = snprintf(directory, WW_RUN_DIRECTORY_MAX, "%s/ww-bench-XXXXXX", real);
    free(real);
    int status = WW_OK;
    if (room > (int)WW_LOCAL_DIRECTORY_MAX)
        status = ww_fail(error, WW_EINVAL,
                         "%s is too long for the sockets in it (%d characters of at most %u): "
                         "choose a shorter one with --data DIR",
                         directory, room, WW_LOCAL_DIRECTORY_MAX);
    else if (durable && ww_environment_in_memory(data))
        status = ww_fail(error, WW_EINVAL,
                         "--data %s is in memory (tmpfs), where no write is durable: choose a "
                         "directory on a disk, or --durability memory",
                         data);
    else if (mkdtemp(directory) == NULL)
        status = ww_fail_errno(error, WW_EINVAL, "--data %s: cannot make a directory there", data);
    if (status != WW_OK)
        directory[0] = 0;
    return status;
}

void ww_run_load_file(char path[WW_RUN_PATH_MAX], const char *directory, uint32_t client,
                      const char *what)
{
    snprintf(path, WW_RUN_PATH_MAX, "%.*s/load.%u.%s", (int)WW_RUN_DIRECTORY_MAX, directory, client,
             what);
}
