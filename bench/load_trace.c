/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load_trace.h"

#include "engine/base/time_ns.h"
#include "engine/client/client_sent.h"

int ww_load_trace_open(struct ww_load_trace *trace, const char *path, uint32_t every,
                       struct ww_error *error)
{
    *trace = (struct ww_load_trace){.suspended_ns = ww_time_suspended_ns()};
    if (every == 0)
        return WW_OK;
    trace->mask = ~((uint64_t)every - 1);
    snprintf(trace->path, sizeof(trace->path), "%s", path);
    trace->file = fopen(path, "wb");
    return trace->file != NULL ? WW_OK : ww_fail_errno(error, WW_EIO, "%s", path);
}

void ww_load_trace_add(struct ww_load_trace *trace, const struct ww_client *client,
                       const struct ww_completion *run, const uint64_t *meant_ns,
                       uint32_t window_mask, uint64_t now_ns)
{
    uint64_t end = run->first_index + run->count, every = ~trace->mask + 1;
    /* Index 0: the leader did not know where a repeated proposal stands. */
    if (((end - 1) & trace->mask) < run->first_index || run->first_index == 0)
        return;
    for (uint64_t index = (run->first_index + every - 1) & trace->mask; index < end;
         index += every) {
        uint64_t sequence = run->first_sequence + (index - run->first_index);
        uint64_t sent_ns = ww_client_first_sent_ns(client, run->group, sequence);
        struct ww_load_trace_record record = {
            .index = index,
            .meant_ns = meant_ns[sequence & window_mask],
            .sent_ns = sent_ns != 0 ? sent_ns - trace->suspended_ns : 0,
            .answered_ns = now_ns,
            .group = run->group,
        };
        fwrite(&record, sizeof(record), 1, trace->file); /* an error stays until it is closed */
    }
}

int ww_load_trace_close(struct ww_load_trace *trace, struct ww_error *error)
{
    FILE *file = trace->file;
    trace->file = NULL;
    if (file == NULL)
        return WW_OK;
    int wrong = ferror(file);
    wrong |= fclose(file);
    return wrong == 0 ? WW_OK : ww_fail_errno(error, WW_EIO, "%s", trace->path);
}
