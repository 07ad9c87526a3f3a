/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node whose votes were refused several times in a row asks its peers for their term instead of
 * standing again: it learns a higher term from the answers, and raises none itself.
 */
#include "engine/raft/raft_internal.h"

void ww_raft_send_term_probe(struct ww_raft *raft, struct ww_raft_update *update)
{
    uint8_t peers = ww_raft_peers(raft);

    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (peers >> id & 1)
            ww_raft_emit(raft, update, id, WW_RAFT_TERM_PROBE);
}

/* Tells our term; does not take the asker's, so that it disturbs nobody. */
void ww_raft_recv_term_probe(struct ww_raft *raft, const struct ww_raft_event *event,
                             struct ww_raft_update *update)
{
    if (raft->term > 0) /* else there is nothing to tell: no message is of term 0 */
        ww_raft_emit(raft, update, event->from, WW_RAFT_TERM_PROBE_REPLY);
}
