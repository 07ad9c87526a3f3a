/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycles of the stages, for pipeline.c; what the files of APPLY share. */
#ifndef WW_STAGES_INTERNAL_H
#define WW_STAGES_INTERNAL_H

#include "engine/session/session.h"
#include "engine/stages/pipeline.h"

int ww_net_create(struct ww_shard *shard, struct ww_group_recovery *recovered,
                  struct ww_error *error);
void ww_net_destroy(struct ww_net *net);
void ww_net_unmap(struct ww_net *net);
int ww_log_create(struct ww_shard *shard);
void ww_log_destroy(struct ww_log *log);
int ww_apply_create(struct ww_shard *shard);
void ww_apply_destroy(struct ww_apply *apply);

#define WW_APPLY_ITEMS 64u /* per poll */

struct ww_apply {
    struct ww_committed items[WW_APPLY_ITEMS];
    struct ww_session_table *sessions; /* of each group */
};

/* apply_session.c: lets the group's sessions decide on entries of a batch; fills in what is told of
 * those that must not be applied (`skipped` is 0 when all must be). */
void ww_apply_sessions(struct ww_shard *shard, const struct ww_committed *item,
                       struct ww_applied *applied);
void ww_apply_lookup(struct ww_shard *shard, const struct ww_committed *item);

/* apply_snapshot.c: the negative status of SAVE, and of RESTORE. */
int ww_apply_save(struct ww_shard *shard, struct ww_snapshot_job *job);
int ww_apply_restore(struct ww_shard *shard, const struct ww_snapshot_job *job);
/* What a job, their context, was given by SAVE: for the store. */
int ww_snapshot_produce_sessions(void *context, ww_state_write write, void *sink);
int ww_snapshot_produce_machine(void *context, ww_state_write write, void *sink);
/* Those of a checked snapshot. WW_EDAMAGED: they are none. */
int ww_snapshot_take_sessions(const struct ww_snapshot_blob *blob, struct ww_session_table *table);

#endif
