/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/driver.h"

#include "engine/base/random.h"
#include "engine/base/time_ns.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRY_MIN sizeof(uint64_t)
#define PROCESS_MAX 4194304 /* PID_MAX_LIMIT of Linux */

/* ---- what it is told ---- */

/* The next word as a number from `low` to `high`. */
static bool take_number(const char **words, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;
    *value = strtoull(*words, &end, 10);
    bool good = end != *words && (*end == ' ' || *end == 0) && *value >= low && *value <= high;
    *words = end;
    return good;
}

bool ww_peer_cell_parse(const char *words, struct ww_peer_cell *cell, struct ww_error *error)
{
    uint64_t inflight, bytes, pid;
    *cell = (struct ww_peer_cell){0};
    const char *at = words;
    bool good = take_number(&at, 1, WW_PEER_INFLIGHT_MAX, &inflight) &&
                take_number(&at, ENTRY_MIN, sizeof(((struct ww_peer_run *)0)->filler), &bytes) &&
                take_number(&at, 0, UINT64_MAX, &cell->warmup_ns) &&
                take_number(&at, 1, UINT64_MAX, &cell->duration_ns);
    while (good && *at != 0 && cell->node_count < WW_NODES_MAX) {
        good = take_number(&at, 1, PROCESS_MAX, &pid);
        cell->nodes[cell->node_count++] = (pid_t)pid;
    }
    if (!good || *at != 0) {
        ww_error_set(error, WW_EINVAL,
                     "'%s' is no cell: INFLIGHT BYTES WARMUP_NS DURATION_NS PID...", words);
        return false;
    }
    cell->inflight = (uint32_t)inflight;
    cell->entry_bytes = (uint32_t)bytes;
    return true;
}

bool ww_peer_input_read(struct ww_peer_input *input, int fd)
{
    ssize_t got = read(fd, input->buffer + input->used, sizeof(input->buffer) - input->used);
    if (got <= 0)
        return false;
    input->used += (size_t)got;
    return true;
}

bool ww_peer_input_line(struct ww_peer_input *input, char line[WW_PEER_LINE_MAX])
{
    char *newline = memchr(input->buffer, '\n', input->used);
    if (newline == NULL)
        return false;
    size_t length = (size_t)(newline - input->buffer);
    memcpy(line, input->buffer, length);
    line[length] = 0;
    input->used -= length + 1;
    memmove(input->buffer, newline + 1, input->used);
    return true;
}

/* ---- the course ---- */

static uint64_t cpu_of(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? ww_time_ns(clock) : 0;
}

static struct ww_peer_totals totals_of(const struct ww_peer_run *run, uint64_t now_ns)
{
    struct ww_peer_totals totals = {
        .clock_ns = now_ns,
        .driver_cpu_ns = ww_time_ns(CLOCK_PROCESS_CPUTIME_ID),
        .answered = run->answered,
    };
    for (uint32_t i = 0; i < run->cell.node_count; i++)
        totals.nodes_cpu_ns += cpu_of(run->cell.nodes[i]);
    return totals;
}

int ww_peer_run_init(struct ww_peer_run *run, struct ww_error *error)
{
    struct ww_random random = {.state = 1};
    memset(run, 0, sizeof(*run));
    for (size_t i = 0; i < sizeof(run->filler); i += sizeof(uint64_t)) {
        uint64_t word = ww_random_next(&random);
        memcpy(run->filler + i, &word, sizeof(word));
    }
    run->latency = malloc(sizeof(*run->latency));
    return run->latency != NULL ? WW_OK : ww_fail(error, WW_ENOMEM, "no memory");
}

void ww_peer_run_begin(struct ww_peer_run *run, const struct ww_peer_cell *cell)
{
    run->cell = *cell;
    run->phase = WW_PEER_WARMUP;
    run->deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + cell->warmup_ns;
    ww_histogram_reset(run->latency);
}

static void next_phase(struct ww_peer_run *run, uint64_t now_ns)
{
    if (run->phase == WW_PEER_WARMUP) {
        run->phase = WW_PEER_MEASURE;
        run->begin = totals_of(run, now_ns);
        run->deadline_ns = now_ns + run->cell.duration_ns;
    } else if (run->phase == WW_PEER_MEASURE) {
        run->phase = WW_PEER_DRAIN;
        run->end = totals_of(run, now_ns);
    }
}

uint32_t ww_peer_run_room(struct ww_peer_run *run)
{
    if (run->phase == WW_PEER_IDLE || run->phase == WW_PEER_DRAIN)
        return 0;
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
    if (now_ns >= run->deadline_ns)
        next_phase(run, now_ns);
    uint64_t under_way = run->proposed - run->answered;
    return run->phase == WW_PEER_DRAIN || under_way >= run->cell.inflight
               ? 0
               : (uint32_t)(run->cell.inflight - under_way);
}

void ww_peer_run_fill(struct ww_peer_run *run, uint8_t *to)
{
    run->proposed++;
    memcpy(to, &run->proposed, sizeof(run->proposed));
    memcpy(to + sizeof(run->proposed), run->filler, run->cell.entry_bytes - sizeof(run->proposed));
}

void ww_peer_run_answer(struct ww_peer_run *run, uint64_t sent_ns, uint32_t count)
{
    run->answered += count;
    if (run->phase == WW_PEER_MEASURE)
        ww_histogram_record(run->latency, ww_time_ns(CLOCK_MONOTONIC) - sent_ns, count);
}

void ww_peer_run_report(struct ww_peer_run *run, FILE *out)
{
    if (run->phase != WW_PEER_DRAIN || run->answered != run->proposed)
        return;
    const struct ww_peer_totals *begin = &run->begin, *end = &run->end;
    const struct ww_histogram *latency = run->latency;
    run->phase = WW_PEER_IDLE;
    fprintf(out,
            "{\"entries\":%lu,\"elapsed_ns\":%lu,\"p50\":%lu,\"p99\":%lu,\"p999\":%lu,\"max\":%lu,"
            "\"nodes_cpu_ns\":%lu,\"driver_cpu_ns\":%lu,\"acknowledged\":%lu}\n",
            end->answered - begin->answered, end->clock_ns - begin->clock_ns,
            ww_histogram_quantile(latency, 0.5), ww_histogram_quantile(latency, 0.99),
            ww_histogram_quantile(latency, 0.999), latency->max,
            end->nodes_cpu_ns - begin->nodes_cpu_ns, end->driver_cpu_ns - begin->driver_cpu_ns,
            run->answered);
    fflush(out);
}
