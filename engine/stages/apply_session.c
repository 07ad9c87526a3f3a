/* SPDX-License-Identifier: Apache-2.0 */
/* APPLY: client sessions decide which of the committed entries take effect. */
#include "engine/stages/stages_internal.h"

#include <whitewater/status.h>

/* A session's registration, or its end. The machine gets the entry like any other. */
static void take_registration(const struct ww_shard *shard, struct ww_session_table *table,
                              const struct ww_batch_header *batch, uint64_t nonce,
                              struct ww_applied *applied)
{
    if (batch->session != 0) {
        ww_session_end(table, batch->session);
        return;
    }
    applied->skipped_from = batch->first_index;
    applied->session =
        ww_session_register(table, batch->first_index, nonce, shard->options.session_timeout_ns);
    applied->status = applied->session != 0 ? WW_OK : WW_EBUSY;
}

void ww_apply_sessions(struct ww_shard *shard, const struct ww_committed *item,
                       struct ww_applied *applied)
{
    struct ww_session_table *table = &shard->apply->sessions[item->group];
    const struct ww_batch_header *batch = item->batch;
    uint32_t count = (uint32_t)(item->to - item->from + 1), repeated = count;
    uint64_t nonce;
    ww_session_time(table, batch->time_ns);
    if (ww_batch_session_nonce(batch, &nonce)) {
        take_registration(shard, table, batch, nonce, applied);
        return;
    }
    if (batch->session == 0)
        return;
    uint64_t sequence = batch->first_sequence + (item->from - batch->first_index);
    if (!ww_session_take(table, batch->session, sequence, item->from, count, &repeated))
        applied->status = WW_EGONE;
    if (repeated > 0) {
        applied->skipped_from = item->from;
        applied->skipped = repeated;
    }
}

void ww_apply_lookup(struct ww_shard *shard, const struct ww_committed *item)
{
    const struct ww_session *found =
        ww_session_find(&shard->apply->sessions[item->group], item->session->id);
    *item->session = found != NULL ? *found : (struct ww_session){0};
}
