/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a log by the rules of recovery (docs/wal.md) that goes on behind damage, and that the
 * node may write to meanwhile: what was being written when it was read is read again before it is
 * called damaged.
 */
#include "engine/backend/log_survey.h"

#include "wal_uring/chain.h"
#include "wal_uring/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct view {
    struct ww_wal_directory directory;
    struct ww_log_survey *survey;
    struct ww_wal_chain chain;
    uint64_t end_of_files;

    int fd; /* of `segment`; -1: it cannot be read, and segment_error says why */
    uint64_t segment;
    struct ww_error segment_error;
    uint8_t *window; /* the stream's bytes from window_position on */
    uint64_t window_position, window_bytes;
};

static void open_segment(struct view *view, uint64_t segment)
{
    struct ww_wal_name name = ww_wal_segment_name(segment, ".seg");
    int wal = view->directory.wal_fd;
    if (view->fd >= 0)
        close(view->fd);
    view->segment = segment;
    view->window_bytes = 0;
    view->fd = openat(wal, name.text, O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (view->fd < 0 && errno == EINVAL)
        view->fd = openat(wal, name.text, O_RDONLY | O_CLOEXEC);
    if (view->fd < 0) {
        ww_fail(&view->segment_error, WW_EDAMAGED,
                errno == ENOENT ? "the segment is missing" : "the segment cannot be opened");
    } else if (ww_wal_segment_check(&view->directory, view->fd, segment, &view->segment_error) !=
               WW_OK) {
        close(view->fd);
        view->fd = -1;
    }
}

/* The bytes at `position`, up to a whole block; NULL: they cannot be read, *why says why. */
static const uint8_t *look(struct view *view, uint64_t position, size_t *bytes, const char **why)
{
    uint64_t segment = position / view->chain.segment_bytes;
    if (view->segment != segment)
        open_segment(view, segment);
    *why = view->segment_error.text;
    if (view->fd < 0)
        return NULL;
    uint64_t left = (segment + 1) * view->chain.segment_bytes - position;
    uint64_t need = left < WW_BLOCK_MAX ? left : WW_BLOCK_MAX;
    if (position < view->window_position ||
        position + need > view->window_position + view->window_bytes) {
        uint64_t size = left < WW_WAL_RECOVERY_BYTES ? left : WW_WAL_RECOVERY_BYTES;
        ssize_t got =
            pread(view->fd, view->window, size,
                  (off_t)(WW_SEGMENT_HEADER_BYTES + position % view->chain.segment_bytes));
        view->window_position = position;
        view->window_bytes = got > 0 ? (uint64_t)got : 0;
        *why = "cannot be read";
        if (view->window_bytes < need)
            return NULL;
    }
    *bytes = view->window_position + view->window_bytes - position;
    return view->window + (position - view->window_position);
}

/* The next block of the chain; NULL: there is none, *why says why. */
static const struct ww_block_header *block_of(struct view *view, const struct ww_wal_chain *chain,
                                              const char **why)
{
    size_t bytes;
    const void *block = look(view, chain->position, &bytes, why);
    if (block == NULL)
        return NULL;
    *why = ww_wal_chain_refusal(chain, block, bytes);
    return *why == NULL ? block : NULL;
}

/*
 * No block continues the chain. Looks behind its end: where whole blocks begin again, and whether
 * one of them knew the bad place to be durable. Returns false when the log ends here.
 */
static bool is_damage(struct view *view, uint64_t *resume)
{
    uint64_t bad = view->chain.position;
    const char *why;
    *resume = view->end_of_files;
    for (uint64_t at = bad + WW_BLOCK_ALIGN; at < view->end_of_files;) {
        const struct ww_wal_chain behind = ww_wal_chain_behind(&view->chain, at);
        const struct ww_block_header *block = block_of(view, &behind, &why);
        if (block == NULL && view->fd < 0) {
            at = (at / behind.segment_bytes + 1) * behind.segment_bytes;
            continue;
        }
        if (block == NULL) {
            at += WW_BLOCK_ALIGN;
            continue;
        }
        if (*resume == view->end_of_files)
            *resume = at;
        if (block->durable > bad)
            return true;
        view->survey->cut_bytes = at + block->used_bytes - bad;
        at += ww_align_up(block->used_bytes, WW_BLOCK_ALIGN);
    }
    return view->survey->known_durable > bad;
}

static void note_damage(struct view *view, const char *why, uint64_t resume)
{
    struct ww_log_survey *survey = view->survey;
    uint64_t position = view->chain.position, segment_bytes = view->chain.segment_bytes;
    if (survey->damage_count < WW_SURVEY_DAMAGE_MAX) {
        struct ww_log_damage *damage = &survey->damage[survey->damage_count];
        *damage = (struct ww_log_damage){
            .position = position,
            .end = resume,
            .segment = position / segment_bytes,
            .offset = WW_SEGMENT_HEADER_BYTES + position % segment_bytes,
        };
        snprintf(damage->why, sizeof(damage->why), "%s", why);
    }
    survey->damage_count++;
}

/* While the node runs: its oldest segments may have been given back since the survey began. */
static bool was_released(struct view *view)
{
    struct ww_log_survey *survey = view->survey;
    if (!survey->in_use || ww_wal_identity_load(&view->directory, NULL) != WW_OK)
        return false;
    uint64_t first = view->directory.identity.first_segment * view->chain.segment_bytes;
    if (first <= view->chain.position)
        return false;
    survey->first_position = first;
    view->chain = ww_wal_chain_behind(&view->chain, first);
    return true;
}

static int follow(struct view *view, ww_log_survey_block visit, void *context)
{
    struct ww_log_survey *survey = view->survey;
    bool looked_again = false;
    while (view->chain.position < view->end_of_files) {
        const char *why;
        const struct ww_block_header *block = block_of(view, &view->chain, &why);
        if (block == NULL) {
            char reason[sizeof(survey->damage[0].why)];
            uint64_t resume;
            snprintf(reason, sizeof(reason), "%s", why);
            if (was_released(view))
                continue;
            bool damage = is_damage(view, &resume);
            view->segment = UINT64_MAX; /* read anew */
            if (!damage)
                return WW_OK;
            survey->cut_bytes = 0;
            if (survey->in_use && !looked_again) {
                looked_again = true;
                continue;
            }
            note_damage(view, reason, resume);
            view->chain = ww_wal_chain_behind(&view->chain, resume);
            continue;
        }
        looked_again = false;
        ww_wal_chain_add(&view->chain, block);
        survey->blocks++;
        survey->batches += block->batches;
        survey->bytes += block->used_bytes;
        int status = visit != NULL ? visit(context, block) : WW_OK;
        if (status < 0)
            return status;
    }
    return WW_OK;
}

static int list_files(struct view *view, struct ww_error *error)
{
    struct ww_log_survey *survey = view->survey;
    uint64_t *numbers, first = view->directory.identity.first_segment, end = first;
    size_t count, spares;
    int status = ww_wal_segment_list(&view->directory, ".seg", &numbers, &count, error);
    for (size_t i = 0; status == WW_OK && i < count; i++) {
        survey->segments += numbers[i] >= first;
        end = numbers[i] >= end ? numbers[i] + 1 : end;
    }
    free(numbers);
    if (status == WW_OK)
        status = ww_wal_segment_list(&view->directory, ".spare", &numbers, &spares, error);
    if (status != WW_OK)
        return status;
    free(numbers);
    survey->spares = spares;
    view->end_of_files = end * view->chain.segment_bytes;
    if (view->end_of_files < survey->known_durable) /* its last segments are missing */
        view->end_of_files = survey->known_durable;
    return WW_OK;
}

int ww_log_survey(const char *directory, ww_log_survey_block visit, void *context,
                  struct ww_log_survey *survey, struct ww_error *error)
{
    struct view view = {.survey = survey, .fd = -1, .segment = UINT64_MAX};
    *survey = (struct ww_log_survey){0};
    int status = ww_wal_directory_look(&view.directory, directory, &survey->in_use, error);
    if (status != WW_OK)
        return status;
    const struct ww_wal_identity *identity = &view.directory.identity;
    survey->cluster = identity->cluster;
    survey->node = identity->node;
    survey->version = identity->version;
    survey->stream = identity->stream;
    survey->segment_bytes = identity->segment_bytes;
    survey->known_durable = identity->durable;
    survey->first_position = identity->first_segment * identity->segment_bytes;
    view.chain =
        ww_wal_chain_begin(identity->stream, identity->segment_bytes, survey->first_position);
    view.window = aligned_alloc(WW_BLOCK_ALIGN, WW_WAL_RECOVERY_BYTES);
    if (view.window == NULL)
        status = ww_fail(error, WW_ENOMEM, "no memory to read %s", directory);
    if (status == WW_OK)
        status = list_files(&view, error);
    if (status == WW_OK) {
        status = follow(&view, visit, context);
        survey->end_position = view.chain.position;
        survey->epoch = view.chain.epoch;
        if (status != WW_OK)
            ww_fail(error, status, "%s: stopped at stream position %lu", directory,
                    survey->end_position);
    }
    if (view.fd >= 0)
        close(view.fd);
    free(view.window);
    ww_wal_directory_close(&view.directory);
    return status;
}
