/* SPDX-License-Identifier: Apache-2.0 */
/* What sampled entries left behind on their way, for the admin endpoint (docs/operations.md). */
#include "engine/base/time_ns.h"
#include "engine/node/node_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define BURST 256u

/* Written as text at once: json-c would make five objects of each record. */
static void print_records(struct ww_shard *shard, FILE *out)
{
    struct ww_trace_record records[BURST];
    uint64_t suspended_ns = ww_time_suspended_ns();
    const char *between = "";
    for (uint32_t stage = 0; stage < WW_STAGES; stage++) {
        uint32_t count, taken = 0; /* the stage goes on writing: once around its ring is enough */
        for (; taken < WW_TRACE_NET_SLOTS; taken += count) {
            count = ww_trace_take(&shard->traces[stage], records, BURST);
            for (uint32_t i = 0; i < count; i++) {
                const struct ww_trace_record *record = &records[i];
                fprintf(out, "%s[%u,%" PRIu64 ",%u,%u,%" PRIu64 "]", between, record->group,
                        record->index, record->point, record->peer, record->ns - suspended_ns);
                between = ",";
            }
            if (count == 0)
                break;
        }
    }
}

char *ww_node_trace_json(struct ww_node *node)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return NULL;
    fprintf(out, "{\"node\":%u,\"every\":%u,\"points\":[", node->config.node_id,
            node->config.trace_every);
    for (uint32_t i = 0; i < WW_TRACE_POINTS; i++)
        fprintf(out, "%s\"%s\"", i > 0 ? "," : "", ww_trace_point_name((enum ww_trace_point)i));
    fprintf(out, "],\"records\":[");
    print_records(node->shard, out);
    fprintf(out, "]}");
    return fclose(out) == 0 ? text : NULL;
}
