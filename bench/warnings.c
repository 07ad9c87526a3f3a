/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/warnings.h"

#include "bench/format.h"
#include "bench/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT 400

/* The bounds. Each is about what moves a p99 by a tenth here. */
#define STEAL_MAX 0.01        /* of the time of all cores */
#define OTHERS_MAX 0.05       /* cores */
#define DEVICE_DRIFT_MAX 1.25 /* largest over smallest, of medians */
#define CORE_DRIFT_MAX 1.05
#define COPY_DRIFT_MAX 1.2
#define WARMUP_MAX 0.1 /* of the later intervals' median */
#define TAIL_ENTRIES 10
#define RATE_MIN 0.99
#define LATE_MAX 0.01 /* of the time */

struct facts {
    struct json_object *result, *intervals;
};

/* Says in `text` what is wrong and what to do; false: nothing is. */
typedef bool (*rule)(const struct facts *facts, char text[TEXT]);

static double number(const struct facts *facts, const char *path)
{
    return ww_json_number_or(facts->result, path, 0);
}

static const char *word(const struct facts *facts, const char *path)
{
    return ww_json_text_or(facts->result, path, "");
}

/* ---- whose machine it was ---- */

static bool steal(const struct facts *facts, char text[TEXT])
{
    double fraction = number(facts, "cpu.steal_fraction");
    snprintf(text, TEXT,
             "the hypervisor gave %.1f %% of the cores' time to others: measure again, or on a "
             "machine of your own",
             100 * fraction);
    return fraction > STEAL_MAX;
}

static bool other_processes(const struct facts *facts, char text[TEXT])
{
    struct json_object *others = ww_json_at(facts->result, "cpu.others");
    size_t count =
        json_object_is_type(others, json_type_array) ? json_object_array_length(others) : 0;
    double cores = number(facts, "cpu.others_cores");
    int used = snprintf(text, TEXT, "other processes took %.2f cores while it was measured", cores);
    for (size_t i = 0; i < count && used < TEXT - 100; i++) {
        struct json_object *other = json_object_array_get_idx(others, i);
        used += snprintf(text + used, TEXT - (size_t)used, "%s%.16s (%.0f)", i == 0 ? ": " : ", ",
                         ww_json_text_or(other, "name", ""), ww_json_number_or(other, "pid", 0));
    }
    snprintf(text + used, TEXT - (size_t)used, "; end them and measure again");
    return cores > OTHERS_MAX;
}

static bool few_cores(const struct facts *facts, char text[TEXT])
{
    double pollers = number(facts, "config.pollers"), cores = number(facts, "environment.cores");
    snprintf(text, TEXT,
             "%.0f threads poll on %.0f core%s: tails are the scheduler's as well; give every "
             "thread a core, or take percentiles as upper bounds",
             pollers, cores, cores == 1 ? "" : "s");
    return cores > 0 && pollers > cores;
}

static bool throttled(const struct facts *facts, char text[TEXT])
{
    double events = number(facts, "cpu.throttle_events");
    snprintf(text, TEXT,
             "the processor slowed itself down for its heat %.0f times while it was measured: let "
             "it cool, or take a lower load",
             events);
    return events > 0;
}

static bool governor(const struct facts *facts, char text[TEXT])
{
    const char *found = word(facts, "environment.cpu_governor");
    snprintf(text, TEXT,
             "the governor of the cores' frequency is '%.30s', not 'performance': figures depend "
             "on how long the cores were busy before (cpupower frequency-set -g performance)",
             found);
    return *found != 0 && strcmp(found, "performance") != 0;
}

/* ---- the device ---- */

static bool no_fua(const struct facts *facts, char text[TEXT])
{
    struct json_object *fua = ww_json_at(facts->result, "environment.device_fua");
    snprintf(text, TEXT,
             "%.60s has a volatile cache and no FUA, so each durable write is a write and a flush "
             "of the whole cache: figures are of that device, not of one that is safe without",
             word(facts, "environment.device"));
    return strcmp(word(facts, "config.durability"), "memory") != 0 && fua != NULL &&
           !json_object_get_boolean(fua) &&
           strcmp(word(facts, "environment.device_write_cache"), "write back") == 0;
}

static bool unknown_device(const struct facts *facts, char text[TEXT])
{
    snprintf(text, TEXT,
             "the kernel does not say whether %.60s (%.30s) has a volatile cache: make sure that "
             "it keeps what it acknowledged before you call these commits durable",
             ww_json_text_or(facts->result, "environment.device", "the device"),
             ww_json_text_or(facts->result, "environment.filesystem", "unknown"));
    return strcmp(word(facts, "config.durability"), "memory") != 0 &&
           *word(facts, "environment.device_write_cache") == 0;
}

static bool not_durable(const struct facts *facts, char text[TEXT])
{
    snprintf(text, TEXT,
             "durability is 'buffered': an acknowledged entry may be lost with the power; compare "
             "it with no durable system");
    return strcmp(word(facts, "config.durability"), "buffered") == 0;
}

static bool zeroing(const struct facts *facts, char text[TEXT])
{
    char size[32];
    double bytes = number(facts, "wal.prepared_bytes");
    snprintf(text, TEXT,
             "the nodes wrote %s of new log ahead beside the load, as a log that has run for a "
             "while need not: a larger --wal.prepare, or a shorter run, avoids it",
             ww_show_bytes(bytes, size));
    return bytes > 0;
}

/* ---- drift ---- */

/* Largest over smallest of what the rounds found; those between the rounds of the load and those
 * around it are two kinds, since idle nodes disturb the former. */
static double drift_of(const struct facts *facts, const char *path, double *low, double *high)
{
    struct json_object *rounds = ww_json_at(facts->result, "limits.rounds");
    size_t count =
        json_object_is_type(rounds, json_type_array) ? json_object_array_length(rounds) : 0;
    double worst = 1;
    for (int between = 0; between < 2; between++) {
        double least = INFINITY, most = 0;
        for (size_t i = 0; i < count; i++) {
            struct json_object *round = json_object_array_get_idx(rounds, i);
            double value = ww_json_number_at(round, path);
            if (json_object_get_boolean(ww_json_at(round, "between")) == between && value > 0) {
                least = fmin(least, value);
                most = fmax(most, value);
            }
        }
        if (most / least > worst) {
            worst = most / least;
            *low = least;
            *high = most;
        }
    }
    return worst;
}

static bool device_drift(const struct facts *facts, char text[TEXT])
{
    static const char *const paths[] = {"wal_write.p50", "wal_bytes_per_s"};
    double low = 0, high = 0, worst = 1;
    size_t which = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        double a = 0, b = 0, drift = drift_of(facts, paths[i], &a, &b);
        if (drift <= worst)
            continue;
        worst = drift;
        which = i;
        low = a;
        high = b;
    }
    char a[32], b[32];
    snprintf(text, TEXT,
             "the device's own %s lay between %s and %s in one run: its ratios are worth as much; "
             "measure again, or longer",
             which == 0 ? "durable write (p50)" : "bandwidth (per second)",
             which == 0 ? ww_show_ns(low, a) : ww_show_bytes(low, a),
             which == 0 ? ww_show_ns(high, b) : ww_show_bytes(high, b));
    return worst > DEVICE_DRIFT_MAX;
}

static bool core_drift(const struct facts *facts, char text[TEXT])
{
    double low = 0, high = 0, copy_low = 0, copy_high = 0;
    double clock = drift_of(facts, "cycles_per_ns", &low, &high);
    double copy = drift_of(facts, "memcpy_bytes_per_s", &copy_low, &copy_high);
    char a[32], b[32];
    if (clock > CORE_DRIFT_MAX)
        snprintf(text, TEXT,
                 "the cores ran at %.2f to %.2f GHz in one run: fix their frequency, or let them "
                 "warm up",
                 low, high);
    else
        snprintf(text, TEXT,
                 "copying memory took place at %s to %s a second in one run: something else uses "
                 "the memory or the core; measure again",
                 ww_show_bytes(copy_low, a), ww_show_bytes(copy_high, b));
    return clock > CORE_DRIFT_MAX || copy > COPY_DRIFT_MAX;
}

/* ---- the load ---- */

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* The rates of the measured intervals, but for scraps; the caller frees them. */
static double *measured_rates(const struct facts *facts, size_t *count)
{
    size_t length = json_object_array_length(facts->intervals);
    double *rates = calloc(length + 1, sizeof(double)), longest = 0;
    *count = 0;
    for (int pass = 0; pass < 2 && rates != NULL; pass++)
        for (size_t i = 0; i < length; i++) {
            struct json_object *each = json_object_array_get_idx(facts->intervals, i);
            double seconds = ww_json_number_or(each, "seconds", 0);
            if (strcmp(ww_json_text_or(each, "phase", ""), "measure") != 0)
                continue;
            if (pass == 0)
                longest = fmax(longest, seconds);
            else if (seconds >= longest / 2)
                rates[(*count)++] = ww_json_number_or(each, "per_s", 0);
        }
    return rates;
}

/* The first interval stands out: further from the median of the later ones than a tenth of it, and
 * than twice what any of them does. */
static bool warmup(const struct facts *facts, char text[TEXT])
{
    size_t count;
    double *rates = measured_rates(facts, &count), furthest = 0, median = 0, first = 0;
    if (count >= 4) {
        first = rates[0];
        qsort(rates + 1, count - 1, sizeof(double), by_size);
        median = (rates[count / 2] + rates[(count + 1) / 2]) / 2;
        furthest = fmax(median - rates[1], rates[count - 1] - median);
    }
    free(rates);
    char a[32], b[32];
    snprintf(text, TEXT,
             "the first second had %s commits/s, the later ones %s: a longer --warmup leaves the "
             "begin out",
             ww_show_count(first, a), ww_show_count(median, b));
    return count >= 4 && fabs(first - median) > fmax(WARMUP_MAX * median, 2 * furthest);
}

static bool few_samples(const struct facts *facts, char text[TEXT])
{
    static const struct {
        const char *key, *name;
        double above; /* the fraction of entries that lies above it */
    } rows[] = {{"p99", "p99", 1e-2}, {"p999", "p99.9", 1e-3}, {"p9999", "p99.99", 1e-4}};
    double entries = number(facts, "commit.count");
    char a[32];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (entries * rows[i].above >= TAIL_ENTRIES)
            continue;
        snprintf(text, TEXT,
                 "of %s entries fewer than %d lie above the %s: it%s chance; a longer --duration "
                 "measures more",
                 ww_show_count(entries, a), TAIL_ENTRIES, rows[i].name,
                 i + 1 < sizeof(rows) / sizeof(rows[0]) ? " and what is beyond are" : " is");
        return entries > 0;
    }
    return false;
}

static bool rate_missed(const struct facts *facts, char text[TEXT])
{
    double rate = number(facts, "config.rate"), achieved = number(facts, "config.achieved_rate");
    char a[32], b[32];
    snprintf(text, TEXT,
             "%s entries/s were offered, %s came about: latencies are those of the queue that "
             "built up; choose a lower --rate",
             ww_show_count(rate, a), ww_show_count(achieved, b));
    return rate > 0 && achieved < RATE_MIN * rate;
}

static bool late_generator(const struct facts *facts, char text[TEXT])
{
    double fraction = number(facts, "load.behind_fraction");
    char a[32];
    snprintf(
        text, TEXT,
        "the load generator was late with an entry for %.1f %% of the time, by %s at most, and "
        "latencies hold that: give it a core, or more --clients",
        100 * fraction, ww_show_ns(number(facts, "load.behind_max_ns"), a));
    return fraction > LATE_MAX;
}

static bool losses(const struct facts *facts, char text[TEXT])
{
    double resent = number(facts, "load.resent"), client = number(facts, "load.drops");
    double nodes = number(facts, "load.node_drops");
    char a[32], b[32], c[32];
    snprintf(text, TEXT,
             "%s datagrams were dropped at the nodes, %s at the client, %s entries sent again: "
             "tails hold the waiting for it; look for a full ring or fewer in flight",
             ww_show_count(nodes, a), ww_show_count(client, b), ww_show_count(resent, c));
    return resent + client + nodes > 0;
}

static bool leader_changed(const struct facts *facts, char text[TEXT])
{
    double redirects = number(facts, "load.redirects");
    char a[32];
    snprintf(text, TEXT,
             "the leader changed while it was measured (%s redirects): something stalled it; look "
             "at the nodes' stalls, or raise raft.election_min",
             ww_show_count(redirects, a));
    return redirects > 0 && ww_json_at(facts->result, "injections") == NULL;
}

static const struct {
    const char *code;
    rule find;
} rules[] = {
    {"not_durable", not_durable},
    {"rate_missed", rate_missed},
    {"late_generator", late_generator},
    {"losses", losses},
    {"leader_changed", leader_changed},
    {"other_processes", other_processes},
    {"steal", steal},
    {"throttled", throttled},
    {"core_drift", core_drift},
    {"device_drift", device_drift},
    {"zeroing", zeroing},
    {"warmup", warmup},
    {"few_samples", few_samples},
    {"no_fua", no_fua},
    {"unknown_device", unknown_device},
    {"governor", governor},
    {"few_cores", few_cores},
};

struct json_object *ww_warnings_find(struct json_object *result, struct json_object *intervals)
{
    const struct facts facts = {result, intervals};
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        char text[TEXT];
        if (!rules[i].find(&facts, text))
            continue;
        struct json_object *warning = json_object_new_object();
        ww_json_put_text(warning, "code", rules[i].code);
        ww_json_put_text(warning, "text", text);
        json_object_array_add(list, warning);
    }
    return list;
}

const char *ww_conditions_text(struct json_object *result, char text[WW_CONDITIONS_MAX])
{
    const struct facts facts = {result, NULL};
    bool memory = strcmp(word(&facts, "config.durability"), "memory") == 0;
    bool open = strcmp(word(&facts, "config.loop"), "open") == 0;
    char a[32], b[32], load[100], device[160] = "";
    if (open)
        snprintf(load, sizeof(load), "open loop, %s/s offered, %s/s achieved",
                 ww_show_count(number(&facts, "config.rate"), a),
                 ww_show_count(number(&facts, "config.achieved_rate"), b));
    else
        snprintf(load, sizeof(load), "closed loop, %s in flight, %s/s achieved",
                 ww_show_count(number(&facts, "config.inflight"), a),
                 ww_show_count(number(&facts, "commit.per_s"), b));
    struct json_object *fua = ww_json_at(result, "environment.device_fua");
    if (!memory)
        snprintf(device, sizeof(device), " on %.20s, %.40s (write cache %.20s, %s)",
                 ww_json_text_or(result, "environment.filesystem", "unknown"),
                 ww_json_text_or(result, "environment.device", "unknown device"),
                 ww_json_text_or(result, "environment.device_write_cache", "unknown"),
                 fua == NULL                    ? "FUA unknown"
                 : json_object_get_boolean(fua) ? "FUA"
                                                : "no FUA");
    double replicas = number(&facts, "config.replicas");
    snprintf(text, WW_CONDITIONS_MAX,
             "%.20s%s; %.20s; %.0f replica%s; %s; %.0f polling threads on %.0f cores (%.40s)",
             word(&facts, "config.durability"), device, word(&facts, "config.transport"), replicas,
             replicas == 1 ? "" : "s", load, number(&facts, "config.pollers"),
             number(&facts, "environment.cores"),
             ww_json_text_or(result, "environment.cores_allowed", "unknown"));
    return text;
}
