/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/trace.h"

#include "engine/control/http_client.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_NS UINT64_C(5000000000)
#define TEXT_BYTES_MAX (256ull << 20) /* then no more is taken out, and the nodes drop it */
#define FIELDS 5u                     /* of a record: group, index, point, peer, time */
#define SAMPLES_PER_S 250u
#define SAMPLES_MAX 60000u
#define EVERY_MAX (1u << 30)

uint32_t ww_trace_choose(uint64_t rate, uint32_t inflight, bool durable, uint64_t duration_ns)
{
    /* How fast a closed loop will be is not known, only what it cannot reach. The fewer entries
     * share a batch, the more work each is, and the less shows what is recorded of it. */
    uint64_t most_per_s = durable ? 2000000 : 5000000, each_per_s = durable ? 10000 : 50000;
    uint64_t least = durable ? 32 : 256, most = durable ? 8192 : 16384;
    uint64_t wanted = rate / SAMPLES_PER_S, seconds = duration_ns / 1000000000u + 1;
    if (rate == 0) {
        wanted = (uint64_t)inflight * (durable ? 16 : 64);
        wanted = wanted < least ? least : wanted < most ? wanted : most;
        rate = inflight * each_per_s < most_per_s ? inflight * each_per_s : most_per_s;
    }
    uint64_t entries = rate < UINT64_MAX / seconds ? rate * seconds : UINT64_MAX;
    if (wanted < entries / SAMPLES_MAX)
        wanted = entries / SAMPLES_MAX;
    uint32_t every = 1;
    while (every < EVERY_MAX && every < wanted)
        every *= 2;
    return every;
}

/* The array with room for `count`, which grows by doubling; NULL: no memory, it is as it was. */
static void *make_room(void *array, size_t *room, size_t count, size_t each)
{
    size_t wanted = *room;
    while (wanted < count)
        wanted = wanted > 0 ? 2 * wanted : 64;
    void *larger = wanted > *room ? realloc(array, wanted * each) : array;
    if (larger != NULL)
        *room = wanted;
    return larger;
}

int ww_traces_add_text(struct ww_traces *traces, char *text, struct ww_error *error)
{
    char **texts =
        make_room(traces->texts, &traces->text_room, traces->text_count + 1, sizeof(text));
    if (texts == NULL) {
        free(text);
        return ww_fail(error, WW_ENOMEM, "no memory for what the nodes recorded");
    }
    traces->texts = texts;
    traces->texts[traces->text_count++] = text;
    traces->text_bytes += strlen(text);
    return WW_OK;
}

int ww_traces_drain(struct ww_traces *traces, const char *endpoint, struct ww_error *error)
{
    char *text;
    struct ww_error why;
    if (traces->every == 0 || traces->text_bytes > TEXT_BYTES_MAX)
        return WW_OK;
    if (ww_http_get(endpoint, "/v1/trace", ANSWER_NS, &text, &why) == WW_OK)
        return ww_traces_add_text(traces, text, error);
    traces->missed++;
    return WW_OK;
}

int ww_traces_add_load(struct ww_traces *traces, const struct ww_load_trace_record *records,
                       size_t count, struct ww_error *error)
{
    struct ww_trace_sample *samples = make_room(traces->samples, &traces->sample_room,
                                                traces->sample_count + count, sizeof(*samples));
    if (samples == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for %zu traced entries", count);
    traces->samples = samples;
    for (size_t i = 0; i < count; i++)
        traces->samples[traces->sample_count++] = (struct ww_trace_sample){
            .group = records[i].group,
            .index = records[i].index,
            .meant_ns = records[i].meant_ns,
            .sent_ns = records[i].sent_ns,
            .answered_ns = records[i].answered_ns,
        };
    return WW_OK;
}

int ww_traces_read_load(struct ww_traces *traces, const char *path, struct ww_error *error)
{
    struct ww_load_trace_record records[256];
    size_t count;
    if (traces->every == 0)
        return WW_OK;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    int status = WW_OK;
    while (status == WW_OK && (count = fread(records, sizeof(records[0]), 256, file)) > 0)
        status = ww_traces_add_load(traces, records, count, error);
    if (status == WW_OK && ferror(file))
        status = ww_fail_errno(error, WW_EIO, "%s", path);
    fclose(file);
    return status;
}

/* ---- the join, by group and index ---- */

static int by_place(const void *a, const void *b)
{
    const struct ww_trace_sample *left = a, *right = b;
    if (left->group != right->group)
        return left->group < right->group ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* What comes later is a repetition: the message before may have been lost. */
static void note(uint64_t *place, uint64_t ns)
{
    if (*place == 0)
        *place = ns;
}

static void join_record(struct ww_traces *traces, uint32_t node, const uint64_t *fields)
{
    const struct ww_trace_sample key = {.group = fields[0], .index = fields[1]};
    uint64_t point = fields[2], peer = fields[3], ns = fields[4];
    struct ww_trace_sample *sample =
        bsearch(&key, traces->samples, traces->sample_count, sizeof(key), by_place);
    if (sample == NULL)
        return; /* not of the measured phase */
    if (point == WW_TRACE_SENT)
        note(&sample->sent_to_ns[peer], ns);
    else if (point == WW_TRACE_ACKED)
        note(&sample->acked_by_ns[peer], ns);
    else
        note(&sample->at[node][point], ns);
}

static int join_text(struct ww_traces *traces, const char *text, struct ww_error *error)
{
    struct json_object *answer = json_tokener_parse(text), *records = NULL, *number = NULL;
    json_object_object_get_ex(answer, "node", &number);
    uint64_t node = json_object_get_uint64(number);
    bool sound = json_object_object_get_ex(answer, "records", &records) &&
                 json_object_is_type(records, json_type_array) && node >= 1 && node <= WW_NODES_MAX;
    for (size_t i = 0; sound && i < json_object_array_length(records); i++) {
        struct json_object *record = json_object_array_get_idx(records, i);
        uint64_t fields[FIELDS];
        sound = json_object_is_type(record, json_type_array) &&
                json_object_array_length(record) == FIELDS;
        for (size_t k = 0; sound && k < FIELDS; k++)
            fields[k] = json_object_get_uint64(json_object_array_get_idx(record, k));
        sound = sound && fields[2] < WW_TRACE_POINTS && fields[3] <= WW_NODES_MAX;
        if (sound)
            join_record(traces, (uint32_t)node, fields);
    }
    json_object_put(answer);
    return sound ? WW_OK : ww_fail(error, WW_EIO, "an answer to /v1/trace makes no sense");
}

/* ---- the summary ---- */

static void add_leg(struct ww_trace_summary *summary, const struct ww_trace_leg *leg)
{
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++)
        if (leg->has[stage])
            ww_histogram_record(&summary->took[stage], leg->ns[stage], 1);
}

static void add_sample(struct ww_trace_summary *summary, const struct ww_trace_sample *sample,
                       uint32_t quorum)
{
    struct ww_trace_leg way, leg;
    uint32_t decider;
    enum ww_trace_verdict verdict = ww_trace_way(sample, quorum, &way, &decider);
    summary->samples += verdict == WW_TRACE_COMPLETE;
    summary->incomplete += verdict == WW_TRACE_INCOMPLETE;
    summary->disordered += verdict == WW_TRACE_DISORDERED;
    if (verdict != WW_TRACE_COMPLETE)
        return;
    uint32_t leader = ww_trace_leader(sample);
    (*(decider == leader ? &summary->by_leader : &summary->by_follower[decider]))++;
    add_leg(summary, &way);
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++) {
        summary->way_ns[stage] += way.ns[stage];
        summary->on_way[stage] += way.has[stage];
    }
    for (uint32_t node = 1; node <= WW_NODES_MAX; node++) {
        leg = (struct ww_trace_leg){0};
        if (node != decider && ww_trace_replica(sample, leader, node, &leg) == WW_TRACE_COMPLETE)
            add_leg(summary, &leg);
    }
}

int ww_traces_join(struct ww_traces *traces, uint32_t replicas, struct ww_error *error)
{
    if (traces->every == 0)
        return WW_OK;
    traces->summary = calloc(1, sizeof(*traces->summary));
    if (traces->summary == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the stages' histograms");
    for (uint32_t stage = 0; stage < WW_WAY_STAGES; stage++)
        ww_histogram_reset(&traces->summary->took[stage]);
    if (traces->sample_count > 0)
        qsort(traces->samples, traces->sample_count, sizeof(*traces->samples), by_place);
    int status = WW_OK;
    for (size_t i = 0; i < traces->text_count && status == WW_OK; i++)
        status = join_text(traces, traces->texts[i], error);
    for (size_t i = 0; i < traces->sample_count && status == WW_OK; i++)
        add_sample(traces->summary, &traces->samples[i], replicas / 2 + 1);
    return status;
}

void ww_traces_free(struct ww_traces *traces)
{
    for (size_t i = 0; i < traces->text_count; i++)
        free(traces->texts[i]);
    free(traces->texts);
    free(traces->samples);
    free(traces->summary);
    *traces = (struct ww_traces){0};
}
