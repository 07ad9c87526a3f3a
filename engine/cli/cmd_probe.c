/* SPDX-License-Identifier: Apache-2.0 */
/* ww probe --verify DIR: reads the logs that `ww bench --keep` left in DIR once more. */
#include "bench/verify.h"
#include "engine/cli/cli.h"

#include <limits.h>
#include <stdlib.h>

static const struct ww_flag flags[] = {
    {"verify", 0, "DIR", NULL, "what `ww bench --keep` kept"},
    {NULL},
};

static int verify(const struct ww_cli *cli, const char *directory)
{
    struct ww_verify_options options;
    struct ww_verified verified;
    struct json_object *storage;
    struct ww_error error;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, WW_VERIFY_FILE);
    int status = ww_verify_options_read(&options, path, &storage, &error);
    if (status == WW_OK)
        status = ww_verify_logs(&options, &verified, &error);
    free(options.commit);
    json_object_put(storage);
    if (status != WW_OK)
        return ww_cli_fail(cli, &error);
    printf("replicas_identical %s\nentries %lu\nacknowledged %lu\nlost %lu\n",
           verified.replicas_identical ? "true" : "false", verified.entries, verified.acknowledged,
           verified.lost);
    if (ww_verified_good(&verified))
        return WW_EXIT_DONE;
    ww_fail(&error, WW_EIO, "verification failed: %.400s", verified.detail);
    return ww_cli_fail(cli, &error);
}

int ww_cmd_probe(struct ww_cli *cli)
{
    struct ww_error error;
    const char *directory = ww_cli_text(cli, "verify");
    if (directory != NULL)
        return verify(cli, directory);
    ww_fail(&error, WW_EINVAL, "--verify DIR is missing");
    return ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_probe = {
    .verb = "probe",
    .summary = "verifies what `ww bench --keep` kept",
    .flags = flags,
    .hidden = true,
    .run = ww_cmd_probe,
};
