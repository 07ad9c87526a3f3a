/* SPDX-License-Identifier: Apache-2.0 */
/* ww wal dump: the batches of a node's log, or their entries, in the order of the stream. */
#include "engine/backend/log_survey.h"
#include "engine/cli/base64.h"
#include "engine/cli/wal_tools.h"
#include "engine/wire/batch.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct ww_flag flags[] = {
    {"group", 'g', "GROUP", NULL, "of this group only"},
    {"from", 0, "INDEX", "1", "entries from this index on"},
    {"to", 0, "INDEX", NULL, "entries up to this index"},
    {"entries", 'e', NULL, NULL, "a line for every entry, with its bytes"},
    {NULL},
};

struct dump {
    bool json, entries, one_group;
    uint64_t group, from, to;
};

static const char *const kinds[] = {"entries", "hard_state", "snapshot"};
static const char *const types[] = {"data", "noop", "configuration", "session"};

/* What can be printed as it is; the rest, and backslashes, as \xHH. */
static void put_text(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (isprint(data[i]) && data[i] != '\\')
            putchar(data[i]);
        else
            printf("\\x%02x", data[i]);
    }
}

static void print_entries(const struct dump *dump, const struct ww_batch_header *batch)
{
    struct ww_entry entry;
    uint32_t cursor = 0;
    while (ww_batch_next(batch, &cursor, &entry)) {
        if (entry.index < dump->from || entry.index > dump->to)
            continue;
        const char *type = entry.type < 4 ? types[entry.type] : "unknown";
        if (dump->json) {
            printf("{\"group\":%u,\"index\":%" PRIu64 ",\"term\":%" PRIu64
                   ",\"type\":\"%s\",\"data\":\"",
                   batch->group, entry.index, entry.term, type);
            ww_base64_print(stdout, entry.data, entry.size_bytes);
            puts("\"}");
        } else {
            printf("group %u index %" PRIu64 " term %" PRIu64 " %s %u bytes: ", batch->group,
                   entry.index, entry.term, type, entry.size_bytes);
            put_text(entry.data, entry.size_bytes);
            putchar('\n');
        }
    }
}

static void print_batch(const struct dump *dump, const struct ww_batch_header *batch,
                        uint64_t position)
{
    const char *kind = batch->kind < 3 ? kinds[batch->kind] : "unknown";
    uint64_t last = batch->kind == WW_BATCH_ENTRIES ? ww_batch_last_index(batch) : 0;
    const char *format =
        dump->json ? "{\"position\":%" PRIu64 ",\"kind\":\"%s\",\"group\":%u,\"term\":%" PRIu64
                     ",\"%s\":%" PRIu64 ",\"last_index\":%" PRIu64 ",\"session\":%" PRIu64
                     ",\"first_sequence\":%" PRIu64 ",\"time_ns\":%" PRIu64 ",\"bytes\":%u}\n"
                   : "position %" PRIu64 " %s group %u term %" PRIu64 " %s %" PRIu64 " to %" PRIu64
                     " session %" PRIu64 " sequence %" PRIu64 " time %" PRIu64 " ns, %u bytes\n";
    const char *first = batch->kind == WW_BATCH_HARD_STATE ? "vote"
                        : batch->kind == WW_BATCH_SNAPSHOT ? "snapshot_index"
                        : dump->json                       ? "first_index"
                                                           : "index";
    uint64_t index = batch->kind == WW_BATCH_HARD_STATE ? ww_batch_vote(batch) : batch->first_index;
    printf(format, position, kind, batch->group, batch->term, first, index, last, batch->session,
           batch->first_sequence, batch->time_ns, batch->size_bytes);
}

static int visit(void *context, const struct ww_block_header *block)
{
    const struct dump *dump = context;
    uint32_t offset = WW_BLOCK_HEADER_BYTES;
    for (uint32_t i = 0; i < block->batches; i++) {
        const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + offset);
        uint64_t position = block->position + offset;
        offset += batch->size_bytes;
        bool entries = batch->kind == WW_BATCH_ENTRIES;
        if ((dump->one_group && batch->group != dump->group) ||
            (entries && (ww_batch_last_index(batch) < dump->from || batch->first_index > dump->to)))
            continue;
        if (entries && dump->entries)
            print_entries(dump, batch);
        else if (!dump->entries)
            print_batch(dump, batch, position);
    }
    return ferror(stdout) || ww_cli_interrupted(0) ? WW_ECLOSED : WW_OK;
}

static int read_flags(const struct ww_cli *cli, struct dump *dump, struct ww_error *error)
{
    *dump = (struct dump){
        .json = ww_cli_json(cli),
        .entries = ww_cli_switch(cli, "entries"),
        .one_group = ww_cli_text(cli, "group") != NULL,
        .to = UINT64_MAX,
    };
    int status = ww_cli_count(cli, "from", 1, UINT64_MAX, &dump->from, error);
    if (status == WW_OK && dump->one_group)
        status = ww_cli_count(cli, "group", 0, WW_GROUPS_MAX - 1, &dump->group, error);
    if (status == WW_OK && ww_cli_text(cli, "to") != NULL)
        status = ww_cli_count(cli, "to", 1, UINT64_MAX, &dump->to, error);
    return status;
}

static int run(struct ww_cli *cli)
{
    static struct ww_config config;
    struct ww_log_survey survey;
    struct ww_error error = {0};
    struct dump dump;
    const char *directory;
    ww_cli_block_signals();
    signal(SIGPIPE, SIG_IGN);
    int status = read_flags(cli, &dump, &error);
    if (status == WW_OK)
        status = ww_wal_directory_name(cli, &config, &directory, &error);
    if (status == WW_OK)
        status = ww_log_survey(directory, visit, &dump, &survey, &error);
    if (status == WW_ECLOSED)
        return WW_EXIT_DONE; /* who reads has enough */
    if (status == WW_OK && survey.damage_count > 0)
        ww_fail(&error, WW_EDAMAGED,
                "%s: %u damaged places are left out, the first at stream position %" PRIu64
                ": ww wal verify names them",
                directory, survey.damage_count, survey.damage[0].position);
    return status == WW_OK && survey.damage_count == 0 ? WW_EXIT_DONE : ww_cli_fail(cli, &error);
}

const struct ww_command ww_command_wal_dump = {
    .verb = "wal dump",
    .summary = "print the batches or entries of a node's log as they lie on disk",
    .operand = "[DIR]",
    .flags = flags,
    .takes_config = true,
    .run = run,
};
