/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of sampled entries in result.json, and in the report for people. */
#include "bench/format.h"
#include "bench/json.h"
#include "bench/trace.h"

static struct json_object *stage_json(const struct ww_trace_summary *summary, uint32_t stage,
                                      double all_ns)
{
    const struct ww_histogram *took = &summary->took[stage];
    struct json_object *object = json_object_new_object();
    ww_json_put_count(object, "p50", ww_histogram_quantile(took, 0.5));
    ww_json_put_count(object, "p99", ww_histogram_quantile(took, 0.99));
    ww_json_put_count(object, "p999", ww_histogram_quantile(took, 0.999));
    ww_json_put_number(object, "mean", ww_histogram_mean(took));
    ww_json_put_number(object, "share", all_ns > 0 ? (double)summary->way_ns[stage] / all_ns : 0);
    ww_json_put_number(object, "on_path",
                       (double)summary->on_way[stage] / (double)summary->samples);
    return object;
}

static void put_replicas(struct json_object *path, const struct ww_trace_summary *summary)
{
    struct json_object *replicas = json_object_new_object();
    if (summary->by_leader > 0)
        ww_json_put_count(replicas, "leader", summary->by_leader);
    for (uint32_t node = 1; node <= WW_NODES_MAX; node++) {
        char name[24];
        snprintf(name, sizeof(name), "follower_%u", node);
        if (summary->by_follower[node] > 0)
            ww_json_put_count(replicas, name, summary->by_follower[node]);
    }
    json_object_object_add(path, "replica_paths", replicas);
}

void ww_trace_put_stages(struct json_object *json, const struct ww_traces *traces)
{
    const struct ww_trace_summary *summary = traces->summary;
    if (summary == NULL)
        return;
    struct json_object *path = json_object_new_object();
    double all_ns = 0;
    uint32_t limit = 0;
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++) {
        all_ns += (double)summary->way_ns[stage];
        limit = summary->way_ns[stage] > summary->way_ns[limit] ? stage : limit;
    }
    ww_json_put_count(path, "samples", summary->samples);
    ww_json_put_count(path, "incomplete", summary->incomplete);
    ww_json_put_count(path, "disordered", summary->disordered);
    if (traces->missed > 0)
        ww_json_put_count(path, "missed_answers", traces->missed);
    if (summary->samples > 0) {
        struct json_object *stages = json_object_new_object();
        for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++)
            if (summary->took[stage].count > 0)
                json_object_object_add(stages, ww_way_name((enum ww_stage_of_way)stage),
                                       stage_json(summary, stage, all_ns));
        json_object_object_add(json, "stages", stages);
        ww_json_put_number(path, "mean_ns", all_ns / (double)summary->samples);
        ww_json_put_text(path, "limit", ww_way_name((enum ww_stage_of_way)limit));
        ww_json_put_number(path, "limit_share",
                           all_ns > 0 ? (double)summary->way_ns[limit] / all_ns : 0);
        put_replicas(path, summary);
    }
    json_object_object_add(json, "critical_path", path);
}

/* ---- for people, from result.json alone ---- */

#define SHOWN_SHARE 0.005 /* result.json has them all */

void ww_trace_print(struct json_object *json, FILE *file)
{
    struct json_object *stages = json_object_object_get(json, "stages");
    struct json_object *path = json_object_object_get(json, "critical_path");
    char a[32], b[32];
    double rest = 1;
    if (stages == NULL)
        return;
    fprintf(file, "%-33s%10s%10s%10s   (%s samples, 1 of %s)\n", "Where the time goes", "p50",
            "p99", "share", ww_show_count(ww_json_number_at(path, "samples"), a),
            ww_show_count(ww_json_number_or(json, "config.trace_every", 1), b));
    json_object_object_foreach(stages, name, stage)
    {
        double share = ww_json_number_at(stage, "share");
        if (share < SHOWN_SHARE)
            continue;
        rest -= share;
        fprintf(file, "  %-31s%10s%10s%8.1f %%\n", name,
                ww_show_ns(ww_json_number_at(stage, "p50"), a),
                ww_show_ns(ww_json_number_at(stage, "p99"), b), 100 * share);
    }
    fprintf(file, "  %-51s%8.1f %%\n", "all others", 100 * (rest > 0 ? rest : 0));
    fprintf(file, "  %s limits: %.0f %% of %s on average\n\n", ww_json_text_or(path, "limit", ""),
            100 * ww_json_number_at(path, "limit_share"),
            ww_show_ns(ww_json_number_at(path, "mean_ns"), a));
}
