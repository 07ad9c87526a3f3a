/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycles of the stages, for pipeline.c; what the files of APPLY share. */
#ifndef WW_STAGES_INTERNAL_H
#define WW_STAGES_INTERNAL_H

#include "engine/stages/pipeline.h"

int ww_net_create(struct ww_shard *shard, struct ww_group_recovery *recovered,
                  struct ww_error *error);
void ww_net_destroy(struct ww_net *net);
int ww_log_create(struct ww_shard *shard);
void ww_log_destroy(struct ww_log *log);
int ww_apply_create(struct ww_shard *shard);
void ww_apply_destroy(struct ww_apply *apply);

/* apply_snapshot.c: the negative status of SAVE, and of RESTORE. */
int ww_apply_save(struct ww_shard *shard, struct ww_snapshot_job *job);
int ww_apply_restore(struct ww_shard *shard, const struct ww_snapshot_job *job);

#endif
