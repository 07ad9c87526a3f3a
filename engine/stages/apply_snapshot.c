/* SPDX-License-Identifier: Apache-2.0 */
/* APPLY: a view of a group's state for a snapshot, and the state out of one. A slow path: it may
 * allocate. And what the store's thread makes of a view. */
#include "engine/groups/group.h"
#include "engine/stages/stages_internal.h"

#include <stdlib.h>

int ww_apply_save(struct ww_shard *shard, struct ww_snapshot_job *job)
{
    const struct ww_state_machine *machine = shard->machine;
    const struct ww_session_table *sessions = &shard->apply->sessions[job->about.group];
    size_t room = WW_SESSION_BYTES_MAX;
    job->machine = machine;
    job->sessions = malloc(room);
    if (job->sessions == NULL)
        return WW_ENOMEM;
    job->session_bytes = ww_session_encode(sessions, job->sessions);
    job->about.time_ns = sessions->time_ns;
    int status = machine->view(machine->self, job->about.group, &job->view);
    job->viewed = status == WW_OK;
    return status;
}

int ww_snapshot_produce_sessions(void *context, ww_state_write write, void *sink)
{
    const struct ww_snapshot_job *job = context;
    return write(sink, job->sessions, job->session_bytes);
}

int ww_snapshot_produce_machine(void *context, ww_state_write write, void *sink)
{
    const struct ww_snapshot_job *job = context;
    return job->machine->save(job->machine->self, job->view, write, sink);
}

int ww_snapshot_take_sessions(const struct ww_snapshot_blob *blob, struct ww_session_table *table)
{
    struct ww_snapshot_reader reader;
    uint8_t encoded[WW_SESSION_BYTES_MAX];
    size_t bytes = 0;
    if (ww_snapshot_header(blob)->session_bytes > sizeof(encoded))
        return WW_EDAMAGED;
    ww_snapshot_open_sessions(&reader, blob);
    for (;;) {
        int64_t got = ww_snapshot_read(&reader, encoded + bytes, sizeof(encoded) - bytes);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return ww_session_decode(table, encoded, bytes) ? WW_OK : WW_EDAMAGED;
        bytes += (size_t)got;
    }
}

int ww_apply_restore(struct ww_shard *shard, const struct ww_snapshot_job *job)
{
    const struct ww_state_machine *machine = shard->machine;
    uint32_t group = job->about.group;
    struct ww_snapshot_reader reader;
    int status = ww_snapshot_take_sessions(&job->blob, &shard->apply->sessions[group]);
    if (status != WW_OK)
        return status;
    ww_snapshot_open_machine(&reader, &job->blob);
    return machine->restore(machine->self, group, job->about.index, ww_snapshot_read, &reader);
}
