/* SPDX-License-Identifier: Apache-2.0 */
/* The limits in result.json. */
#include "bench/json.h"
#include "bench/machine_limits.h"

static void put_positive(struct json_object *object, const char *key, double value)
{
    if (value > 0)
        ww_json_put_number(object, key, value);
}

static struct json_object *round_json(const struct ww_limits_round *round)
{
    struct json_object *object = json_object_new_object(), *part;
    json_object_object_add(object, "between", json_object_new_boolean(round->between));
    json_object_object_add(object, "counts", json_object_new_boolean(round->counts));
    if (round->wal_write_p50 > 0) {
        part = json_object_new_object();
        ww_json_put_count(part, "p50", round->wal_write_p50);
        ww_json_put_count(part, "p99", round->wal_write_p99);
        json_object_object_add(object, "wal_write", part);
    }
    if (round->net_rtt_p50 > 0) {
        part = json_object_new_object();
        ww_json_put_count(part, "p50", round->net_rtt_p50);
        json_object_object_add(object, "net_rtt", part);
    }
    put_positive(object, "wal_bytes_per_s", round->wal_bytes_per_s);
    put_positive(object, "wal_shape_bytes_per_s", round->wal_shape_bytes_per_s);
    put_positive(object, "memcpy_bytes_per_s", round->memcpy_bytes_per_s);
    put_positive(object, "cycles_per_ns", round->cycles_per_ns);
    return object;
}

struct json_object *ww_limits_json(const struct ww_limits *limits)
{
    struct json_object *object = json_object_new_object(), *rounds = json_object_new_array();
    if (limits->wal_write.count > 0)
        json_object_object_add(object, "wal_write", ww_json_new_latency(&limits->wal_write));
    if (limits->net_rtt.count > 0)
        json_object_object_add(object, "net_rtt", ww_json_new_latency(&limits->net_rtt));
    put_positive(object, "wal_bytes_per_s", ww_limit_rate_per_s(&limits->wal));
    if (limits->wal_shape.rounds > 0)
        ww_json_put_count(object, "wal_shape_bytes", limits->wal_shape_bytes);
    put_positive(object, "wal_shape_bytes_per_s", ww_limit_rate_per_s(&limits->wal_shape));
    put_positive(object, "memcpy_bytes_per_s", ww_limit_rate_per_s(&limits->memcpy_rate));
    for (uint32_t i = 0; i < limits->round_count; i++)
        json_object_array_add(rounds, round_json(&limits->rounds[i]));
    json_object_object_add(object, "rounds", rounds);
    return object;
}
