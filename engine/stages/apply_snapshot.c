/* SPDX-License-Identifier: Apache-2.0 */
/* APPLY: a group's state into a snapshot, and out of one. A slow path: it may allocate. */
#include "engine/groups/group.h"
#include "engine/stages/stages_internal.h"

int ww_apply_save(struct ww_shard *shard, struct ww_snapshot_job *job)
{
    const struct ww_state_machine *machine = shard->machine;
    struct ww_snapshot_builder builder;
    int status = ww_snapshot_begin(&builder);
    if (status != WW_OK)
        return status;
    const struct ww_session_table *sessions = &shard->apply->sessions[job->about.group];
    uint8_t encoded[WW_SESSION_BYTES_MAX];
    status = ww_snapshot_write(&builder, encoded, ww_session_encode(sessions, encoded));
    ww_snapshot_end_sessions(&builder);
    job->about.time_ns = sessions->time_ns;
    if (status == WW_OK)
        status = machine->save(machine->self, job->about.group, ww_snapshot_write, &builder);
    if (status != WW_OK) {
        ww_snapshot_discard(&builder);
        return status;
    }
    ww_snapshot_seal(&builder, &job->about);
    job->blob = (struct ww_snapshot_blob){builder.data, builder.bytes};
    return WW_OK;
}

int ww_apply_restore(struct ww_shard *shard, const struct ww_snapshot_job *job)
{
    const struct ww_state_machine *machine = shard->machine;
    uint32_t group = job->about.group;
    struct ww_snapshot snapshot;
    int status = ww_snapshot_check(job->blob.data, job->blob.bytes, shard->options.cluster, group,
                                   &snapshot, NULL);
    if (status != WW_OK)
        return status;
    if (!ww_session_decode(&shard->apply->sessions[group], snapshot.sessions,
                           snapshot.header->session_bytes))
        return WW_EDAMAGED;
    return machine->restore(machine->self, group, snapshot.header->index, snapshot.machine,
                            snapshot.header->machine_bytes);
}
