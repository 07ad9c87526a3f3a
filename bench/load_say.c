/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load_internal.h"

#include "bench/run_directory.h"

void ww_load_say_pause(struct load *load)
{
    fprintf(load->out, "{\"event\":\"pause\",\"round\":%u}\n", load->round);
    fflush(load->out);
}

int ww_load_say_interval(struct load *load, uint64_t now_ns, struct ww_error *error)
{
    const struct ww_interval interval = {
        .round = load->round,
        .phase = load->phase,
        .number = (load->interval_ns - load->phase_ns) / WW_SECOND_NS,
        .begin_ns = load->interval_ns,
        .end_ns = now_ns,
        .in_flight = ww_load_in_flight(load),
    };
    int status = ww_interval_write(load->intervals, &interval, load->interval, error);
    fputs("{\"event\":\"interval\"}\n", load->out);
    fflush(load->out);
    ww_histogram_reset(load->interval);
    load->interval_ns = now_ns;
    load->interval_at =
        load->phase_ns + ((now_ns - load->phase_ns) / WW_SECOND_NS + 1) * WW_SECOND_NS;
    return status;
}

static int save(const struct load *load, const char *name, const void *data, size_t bytes,
                struct ww_error *error)
{
    char path[WW_RUN_PATH_MAX];
    ww_run_load_file(path, load->options->directory, load->options->client, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    bool written = fwrite(data, 1, bytes, file) == bytes;
    if (fclose(file) != 0 || !written)
        return ww_fail_errno(error, WW_EIO, "%s", path);
    return WW_OK;
}

int ww_load_say_final(struct load *load, struct ww_error *error)
{
    int status = ww_load_trace_close(&load->trace, error);
    if (status == WW_OK)
        status = save(load, WW_LOAD_HISTOGRAM, load->measured, sizeof(*load->measured), error);
    if (status == WW_OK)
        status = save(load, WW_LOAD_COMMITS, load->commits,
                      load->commit_count * sizeof(*load->commits), error);
    if (status == WW_OK)
        status = ww_gap_writer_close(&load->gaps, error);
    if (status != WW_OK)
        return status;
    const struct load_totals *sum = &load->sum;
    fprintf(load->out,
            "{\"event\":\"final\",\"entries\":%lu,\"bytes\":%lu,\"elapsed_ns\":%lu,"
            "\"cpu_ns\":%lu,\"work_cycles\":%lu,\"cycles\":%lu,\"proposed\":%lu,"
            "\"acknowledged\":%lu,\"busy\":%lu,\"redirects\":%lu,\"resent\":%lu,\"drops\":%lu,"
            "\"behind_ns\":%lu,\"behind_max_ns\":%lu,\"pushed_back_ns\":%lu}\n",
            load->measured_count, load->measured_bytes, sum->clock_ns, sum->cpu_ns,
            load->work_cycles, sum->cycles, load->proposed, load->acknowledged, sum->busy,
            sum->redirects, sum->resent, sum->drops, load->lateness.behind_ns,
            load->lateness.behind_max_ns, load->lateness.pushed_back_ns);
    fflush(load->out);
    return WW_OK;
}
