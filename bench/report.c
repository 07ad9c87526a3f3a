/* SPDX-License-Identifier: Apache-2.0 */
/* The table for people. It reads result.json, so that the two cannot differ. */
#include "bench/format.h"
#include "bench/result.h"

#include "engine/base/units.h"

#include <stdlib.h>
#include <string.h>

static struct json_object *get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static double number(struct json_object *object, const char *key)
{
    return json_object_get_double(get(object, key));
}

static const char *text(struct json_object *object, const char *key)
{
    const char *value = json_object_get_string(get(object, key));
    return value != NULL ? value : "unknown";
}

static void print_set_up(struct json_object *json, FILE *file)
{
    struct json_object *config = get(json, "config"), *environment = get(json, "environment");
    char a[32];
    fprintf(file, "Whitewater %s: %s replica%s, %s group%s, %s B entries (%s)\n",
            text(json, "version"), text(config, "replicas"),
            number(config, "replicas") == 1 ? "" : "s", text(config, "groups"),
            number(config, "groups") == 1 ? "" : "s", text(config, "entry_bytes"),
            text(config, "payload"));
    if (get(config, "inflight") != NULL)
        fprintf(file, "  load        closed loop, %s in flight",
                ww_show_count(number(config, "inflight"), a));
    else
        fprintf(file, "  load        open loop, %s entries/s",
                ww_show_count(number(config, "rate"), a));
    fprintf(file, ", %s s after %s s of warm-up\n", text(config, "duration_s"),
            text(config, "warmup_s"));
    if (strcmp(text(config, "durability"), "memory") == 0)
        fprintf(file, "  durability  memory: nothing is written to a disk\n");
    else
        fprintf(file, "  durability  %s, %s on %s (write cache: %s, FUA: %s)\n",
                text(config, "durability"), text(environment, "filesystem"),
                text(environment, "device"), text(environment, "device_write_cache"),
                get(environment, "device_fua") == NULL                    ? "unknown"
                : json_object_get_boolean(get(environment, "device_fua")) ? "yes"
                                                                          : "no");
    if (get(config, "wal_prepared_bytes") != NULL)
        fprintf(file, "              %s of log per node written ahead\n",
                ww_format_bytes((uint64_t)number(config, "wal_prepared_bytes"), a, sizeof(a)));
    fprintf(file, "  transport   %s, DPDK %s, MTU %s\n", text(config, "transport"),
            text(environment, "dpdk"), text(config, "mtu"));
    fprintf(file, "  machine     %s, %s cores, Linux %s, %s hugepages, %.1f %% stolen\n\n",
            text(environment, "cpu"), text(environment, "cores"), text(environment, "kernel"),
            number(environment, "hugepages") == 0 ? "no" : text(environment, "hugepages"),
            100 * number(get(json, "cpu"), "steal_fraction"));
}

static void print_warnings(struct json_object *json, FILE *file)
{
    struct json_object *warnings = get(json, "warnings");
    size_t count = warnings != NULL ? json_object_array_length(warnings) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *warning = json_object_array_get_idx(warnings, i);
        if (i == 0)
            fprintf(file, "WARNINGS: what makes these figures worth less\n");
        fprintf(file, "  %-16s", text(warning, "code"));
        ww_show_words(text(warning, "text"), 18, file);
    }
    fprintf(file, "%s", count > 0 ? "\n" : "");
}

static void print_latency(const char *name, struct json_object *latency, FILE *file)
{
    static const char *const keys[] = {"min", "p50", "p90", "p99", "p999", "max"};
    if (latency == NULL)
        return;
    char a[32];
    fprintf(file, "  %-31s", name);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        fprintf(file, "%10s",
                get(latency, keys[i]) == NULL ? "" : ww_show_ns(number(latency, keys[i]), a));
    fprintf(file, "\n");
}

/* The median of the limit in each round of it, in time order. */
static void print_rounds(struct json_object *limits, const char *limit, FILE *file)
{
    struct json_object *rounds = get(limits, "rounds");
    size_t count = rounds != NULL ? json_object_array_length(rounds) : 0;
    char line[512] = "", a[32];
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof(line) - 64; i++) {
        struct json_object *round = json_object_array_get_idx(rounds, i);
        double p50 = number(get(round, limit), "p50");
        if (p50 > 0)
            used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s%s", i > 0 ? ", " : "",
                                     ww_show_ns(p50, a),
                                     json_object_get_boolean(get(round, "counts")) ? ""
                                                                                   : " (left out)");
    }
    if (count < 2 || used == 0)
        return;
    fprintf(file, "    p50 by round ");
    ww_show_words(line, 17, file);
}

static void print_latencies(struct json_object *json, FILE *file)
{
    struct json_object *limits = get(json, "limits");
    char name[64];
    fprintf(file, "%-33s%10s%10s%10s%10s%10s%10s\n", "Latency", "min", "p50", "p90", "p99", "p99.9",
            "max");
    print_latency("commit", get(get(json, "commit"), "latency"), file);
    if (get(json, "rotation") != NULL) {
        print_latency("  of those at a new segment", get(get(json, "rotation"), "crossing"), file);
        print_latency("  of the others", get(get(json, "rotation"), "others"), file);
    }
    snprintf(name, sizeof(name), "limit: durable write, %s at once",
             text(get(json, "config"), "replicas"));
    print_latency(name, get(limits, "wal_write"), file);
    print_rounds(limits, "wal_write", file);
    print_latency("limit: round trip", get(limits, "net_rtt"), file);
    print_rounds(limits, "net_rtt", file);
    fprintf(file, "\n");
}

static void print_line(FILE *file, const char *name, const char *value, const char *note)
{
    fprintf(file, note[0] != 0 ? "  %-27s%14s  %s\n" : "  %-27s%14s\n", name, value, note);
}

static void print_rate(FILE *file, const char *name, double bytes_per_s, const char *note)
{
    char a[32], value[40];
    snprintf(value, sizeof(value), "%s/s", ww_show_bytes(bytes_per_s, a));
    print_line(file, name, value, note);
}

/* A generator that came late is told apart from a cluster that pushed back. */
static void print_lateness(struct json_object *load, FILE *file)
{
    char a[32], value[40], note[96];
    snprintf(value, sizeof(value), "%.2f %%", 100 * number(load, "behind_fraction"));
    snprintf(note, sizeof(note), "of the time it was late with an entry, by %s at most",
             ww_show_ns(number(load, "behind_max_ns"), a));
    print_line(file, "the generator itself", value, note);
    if (number(load, "pushed_back_fraction") == 0)
        return;
    snprintf(value, sizeof(value), "%.2f %%", 100 * number(load, "pushed_back_fraction"));
    print_line(file, "the cluster", value, "of the time no more was taken: windows full");
}

static void print_rates(struct json_object *json, FILE *file)
{
    struct json_object *config = get(json, "config"), *limits = get(json, "limits");
    struct json_object *commit = get(json, "commit");
    char a[32], value[40], note[96];
    fprintf(file, "Throughput\n");
    snprintf(value, sizeof(value), "%s /s", ww_show_count(number(commit, "per_s"), a));
    print_line(file, "commits", value, "");
    print_rate(file, "payload", number(commit, "bytes_per_s"), "");
    double rate = number(config, "rate"), achieved = number(config, "achieved_rate");
    if (rate > 0 && achieved < 0.99 * rate) {
        snprintf(value, sizeof(value), "%.1f %%", 100 * achieved / rate);
        print_line(file, "of the rate asked for", value,
                   "NOT REACHED: latency includes the queue that built up");
    }
    if (rate > 0)
        print_lateness(get(json, "load"), file);
    if (get(limits, "wal_bytes_per_s") != NULL)
        print_rate(file, "limit: durable bandwidth", number(limits, "wal_bytes_per_s"),
                   "1 MiB writes, all replicas together");
    if (get(limits, "wal_shape_bytes") != NULL) {
        snprintf(note, sizeof(note), "%s writes, as large as the nodes' own",
                 ww_show_bytes(number(limits, "wal_shape_bytes"), a));
        print_rate(file, "limit: the same shape", number(limits, "wal_shape_bytes_per_s"), note);
    }
    if (get(limits, "memcpy_bytes_per_s") != NULL)
        print_rate(file, "limit: memory copy", number(limits, "memcpy_bytes_per_s"), "one core");
    fprintf(file, "\n");
}

static void print_injection(struct json_object *row, FILE *file)
{
    static const char *const lengths[] = {"down_ns", "pause_ns", "transfer_ns"};
    char a[32], lasted[32] = "", outage[32] = "unknown", over[32] = "";
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        if (get(row, lengths[i]) != NULL)
            ww_show_ns(number(row, lengths[i]), lasted);
    if (get(row, "outage_ns") != NULL) {
        ww_show_ns(number(row, "outage_ns"), outage);
        snprintf(over, sizeof(over), "%.2f", number(row, "outage_over_election_timeout"));
    }
    snprintf(a, sizeof(a), "%.3f s", number(row, "at_s"));
    fprintf(file, "  %-31s%10s%10s%10s%10s%10s\n", text(row, "action"), a, text(row, "node"),
            lasted, outage, over);
}

/* What the injected faults cost. */
static void print_injections(struct json_object *json, FILE *file)
{
    struct json_object *rows = get(json, "injections");
    size_t count = rows != NULL ? json_object_array_length(rows) : 0;
    if (count == 0)
        return;
    char timeout[32];
    fprintf(file, "%-33s%10s%10s%10s%10s%10s\n", "Faults", "at", "node", "lasted", "outage",
            "/ timeout");
    for (size_t i = 0; i < count; i++)
        print_injection(json_object_array_get_idx(rows, i), file);
    ww_format_duration((uint64_t)number(get(json, "config"), "election_timeout_ns"), timeout,
                       sizeof(timeout));
    fprintf(
        file,
        "  outage: the longest time without an acknowledgement in group 0 around the fault\n"
        "  timeout: raft.election_max, %s; the outage of a killed leader should stay below 1.5\n"
        "\n",
        timeout);
}

static void print_ratios(struct json_object *json, FILE *file)
{
    static const struct {
        const char *key, *name, *note;
    } rows[] = {
        {"commit_p50_over_wal_write_p50", "commit / durable write", "p50 over p50"},
        {"commit_p99_over_wal_write_p99", "commit / durable write", "p99 over p99"},
        {"commit_p50_over_two_net_rtt_p50", "commit / two round trips", "p50 over p50"},
        {"bandwidth_over_limit", "bandwidth / limit", "replicas x payload bytes over 1 MiB writes"},
        {"bandwidth_over_shape_limit", "bandwidth / same shape",
         "replicas x payload bytes over equal writes"},
        {"rotation_p999_over_others_p999", "at a new segment / others", "p99.9 over p99.9"},
        {"wal_bytes_over_payload", "log bytes / payload", "written to disk, per replica"},
    };
    struct json_object *ratios = get(json, "ratios");
    char a[32];
    fprintf(file, "Ratios\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (get(ratios, rows[i].key) == NULL)
            continue;
        snprintf(a, sizeof(a), "%.3f", number(ratios, rows[i].key));
        print_line(file, rows[i].name, a, rows[i].note);
    }
    fprintf(file, "\n");
}

/* "12 %, 13 %, 12 %" */
static const char *percentages(struct json_object *fractions, char out[128])
{
    int used = 0;
    out[0] = 0;
    for (size_t i = 0; i < json_object_array_length(fractions) && used < 100; i++)
        used += snprintf(out + used, 128 - (size_t)used, "%s%.0f %%", i > 0 ? ", " : "",
                         100 * json_object_get_double(json_object_array_get_idx(fractions, i)));
    return out;
}

static void print_costs(struct json_object *json, FILE *file)
{
    struct json_object *cpu = get(json, "cpu"), *wal = get(json, "wal");
    struct json_object *resident = get(get(json, "memory"), "node_resident_bytes");
    char a[32], b[32], list[128], note[160];
    fprintf(file, "Cost\n");
    if (get(wal, "bytes_per_write_avg") != NULL)
        print_line(file, "log bytes per write",
                   ww_show_bytes(number(wal, "bytes_per_write_avg"), a), "");
    snprintf(a, sizeof(a), "%.1f B", number(get(json, "network"), "overhead_bytes_per_entry"));
    print_line(file, "network overhead", a, "per entry and copy, all headers and answers");
    print_line(file, "work cycles",
               ww_show_count(number(cpu, "work_cycles_per_entry_per_replica"), a),
               "per entry and replica");
    snprintf(note, sizeof(note), "per entry, all nodes; load generator %s",
             ww_show_ns(number(cpu, "load_ns_per_entry"), b));
    print_line(file, "processor time", ww_show_ns(number(cpu, "nodes_ns_per_entry"), a), note);
    snprintf(note, sizeof(note), "of their polls' time; load generator %.0f %%",
             100 * number(cpu, "load_busy_fraction"));
    print_line(file, "nodes busy", percentages(get(cpu, "busy_fraction"), list), note);
    double largest = 0;
    for (size_t i = 0; i < json_object_array_length(resident); i++) {
        double size = json_object_get_double(json_object_array_get_idx(resident, i));
        largest = size > largest ? size : largest;
    }
    print_line(file, "memory of a node", ww_show_bytes(largest, a),
               "resident, the largest; of that:");
    struct json_object *parts = get(get(json, "memory"), "parts");
    for (struct lh_entry *part = parts == NULL ? NULL : json_object_get_object(parts)->head;
         part != NULL; part = part->next) {
        snprintf(note, sizeof(note), "  %s", (const char *)lh_entry_k(part));
        for (char *at = note; *at != 0; at++)
            if (*at == '_')
                *at = ' ';
        print_line(file, note, ww_show_bytes(number(parts, lh_entry_k(part)), a), "");
    }
    fprintf(file, "\n");
}

static void print_trouble(struct json_object *json, FILE *file)
{
    static const struct {
        const char *key, *what;
    } rows[] = {
        {"busy", "BUSY answers"},
        {"redirects", "changes of leader"},
        {"resent", "entries sent again"},
        {"drops", "datagrams dropped at the client"},
        {"node_drops", "datagrams dropped at the nodes"},
    };
    struct json_object *load = get(json, "load");
    bool any = false;
    char a[32];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (number(load, rows[i].key) == 0)
            continue;
        fprintf(file, "%s%s %s",
                any ? ", " : "While measured: ", ww_show_count(number(load, rows[i].key), a),
                rows[i].what);
        any = true;
    }
    if (any)
        fprintf(file, "\n");
}

static void print_verified(struct json_object *json, FILE *file)
{
    struct json_object *verified = get(json, "verified");
    char a[32], b[32], c[32];
    bool same = json_object_get_boolean(get(verified, "replicas_identical"));
    fprintf(file, "%s: replicas %s, %s entries, %s acknowledged",
            same && number(verified, "lost") == 0 ? "Verified" : "VERIFICATION FAILED",
            same ? "identical" : "DIFFER", ww_show_count(number(verified, "entries"), a),
            ww_show_count(number(verified, "acknowledged"), b));
    if (json_object_get_boolean(get(verified, "read_back")))
        fprintf(file, ", %s lost (logs read back)\n", ww_show_count(number(verified, "lost"), c));
    else
        fprintf(file, " (digests compared, no logs to read)\n");
    if (get(verified, "detail") != NULL)
        fprintf(file, "  %s\n", text(verified, "detail"));
}

void ww_report_print(struct json_object *json, FILE *file)
{
    print_set_up(json, file);
    print_warnings(json, file);
    print_latencies(json, file);
    print_rates(json, file);
    print_injections(json, file);
    print_ratios(json, file);
    ww_trace_print(json, file);
    print_costs(json, file);
    print_trouble(json, file);
    print_verified(json, file);
}
