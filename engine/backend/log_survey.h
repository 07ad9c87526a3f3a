/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a log on disk that changes nothing: for tools. The node may be running. Where recovery
 * stops at damage, this notes it and goes on behind it.
 */
#ifndef WW_BACKEND_LOG_SURVEY_H
#define WW_BACKEND_LOG_SURVEY_H

#include "engine/base/error.h"
#include "engine/wire/block.h"

#include <stdbool.h>
#include <stdint.h>

/* A part of the stream that was durable and does not pass its checks. */
struct ww_log_damage {
    uint64_t position; /* of the stream, where it begins */
    uint64_t end;      /* where the next whole block begins, or where nothing more is known */
    uint64_t segment;  /* file DIR/wal/SEGMENT.seg, 16 hex digits */
    uint64_t offset;   /* in that file */
    char why[320];
};

struct ww_log_survey {
    bool in_use; /* a process holds the directory */
    uint64_t cluster;
    uint64_t stream;
    uint32_t node;
    uint32_t version; /* of the format */
    uint64_t segment_bytes;
    uint64_t first_position; /* the oldest that is kept */
    uint64_t end_position;   /* behind the last whole block */
    uint64_t known_durable;  /* the stream reached at least this far, says the identity */
    uint32_t epoch;          /* of the last block: how often the log was opened */
    uint64_t segments;       /* files of the log, spares not counted */
    uint64_t spares;
    uint64_t blocks, batches;
    uint64_t bytes;        /* headers and batches of the blocks */
    uint64_t cut_bytes;    /* behind end_position, never acknowledged: recovery cuts them */
    uint32_t damage_count; /* all that were found; the first ones are described */
    struct ww_log_damage damage[WW_SURVEY_DAMAGE_MAX];
};

/* Each whole block in the order of the stream; a status below 0 ends the survey and is returned. */
typedef int (*ww_log_survey_block)(void *context, const struct ww_block_header *block);

/*
 * WW_OK also when damage was found: the caller looks at damage_count. WW_ENOTFOUND (no log there),
 * WW_EDAMAGED (the identity itself), WW_EVERSION, WW_EIO, WW_ENOMEM; `error` says where.
 */
int ww_log_survey(const char *directory, ww_log_survey_block visit, void *context,
                  struct ww_log_survey *survey, struct ww_error *error);

#endif
