/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/inject.h"

#include "engine/base/time_ns.h"
#include "engine/base/units.h"
#include "engine/cli/cli.h"
#include "engine/cli/local_cluster.h"
#include "engine/cli/member_change.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_NS UINT64_C(500000000)
#define TRANSFER_NS UINT64_C(5000000000)
#define RETRY_NS UINT64_C(5000000) /* while there is no leader */

static const struct {
    const char *name;
    bool leader; /* else: a follower */
    int signal;  /* 0: none */
} actions[] = {
    [WW_INJECT_LEADER_KILL] = {"leader-kill", true, SIGKILL},
    [WW_INJECT_LEADER_PAUSE] = {"leader-pause", true, SIGSTOP},
    [WW_INJECT_LEADER_TRANSFER] = {"leader-transfer", true, 0},
    [WW_INJECT_FOLLOWER_KILL] = {"follower-kill", false, SIGKILL},
    [WW_INJECT_FOLLOWER_PAUSE] = {"follower-pause", false, SIGSTOP},
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* ---- the flag ---- */

static int parse_action(const char *text, const char *name, struct ww_injection *injection,
                        struct ww_error *error)
{
    char known[128];
    size_t used = 0;
    for (size_t i = 0; i < ACTIONS; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            injection->action = (enum ww_inject_action)i;
            return WW_OK;
        }
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "",
                                 actions[i].name);
    }
    return ww_fail(error, WW_EINVAL, "--inject %s: unknown action '%s'; there are %s", text, name,
                   known);
}

static int check(const char *text, const struct ww_injection *injection, bool has_duration,
                 uint32_t replicas, uint64_t measured_ns, struct ww_error *error)
{
    int signal = actions[injection->action].signal;
    char limit[32];
    ww_format_duration(measured_ns, limit, sizeof(limit));
    if (signal == SIGSTOP && !has_duration)
        return ww_fail(error, WW_EINVAL,
                       "--inject %s: a pause needs its length: ACTION@TIME:DURATION", text);
    if (signal == 0 && has_duration)
        return ww_fail(error, WW_EINVAL, "--inject %s: a transfer has no duration", text);
    if (has_duration && injection->duration_ns == 0)
        return ww_fail(error, WW_EINVAL, "--inject %s: the duration is 0", text);
    if (injection->at_ns >= measured_ns)
        return ww_fail(error, WW_EINVAL,
                       "--inject %s: the time counts from the begin of the measured phase, which "
                       "takes %s (--duration)",
                       text, limit);
    if (injection->duration_ns > measured_ns - injection->at_ns)
        return ww_fail(error, WW_EINVAL,
                       "--inject %s: it ends behind the measured phase, which takes %s "
                       "(--duration)",
                       text, limit);
    if (replicas == 1 && !(actions[injection->action].leader && signal != 0))
        return ww_fail(error, WW_EINVAL,
                       "--inject %s: with --replicas 1 there is nobody but the leader", text);
    return WW_OK;
}

/* ACTION@TIME[:DURATION] */
static int parse_one(const char *text, uint32_t replicas, uint64_t measured_ns,
                     struct ww_injection *injection, struct ww_error *error)
{
    char name[64];
    const char *why;
    snprintf(name, sizeof(name), "%s", text);
    char *at = strchr(name, '@');
    if (at == NULL)
        return ww_fail(error, WW_EINVAL, "--inject %s: it has no time: ACTION@TIME[:DURATION]",
                       text);
    *at++ = 0;
    char *duration = strchr(at, ':');
    if (duration != NULL)
        *duration++ = 0;
    int status = parse_action(text, name, injection, error);
    if (status != WW_OK)
        return status;
    if (ww_parse_duration(at, &injection->at_ns, &why) != WW_OK)
        return ww_fail(error, WW_EINVAL, "--inject %s: time '%s': %s", text, at, why);
    injection->duration_ns = 0;
    if (duration != NULL && ww_parse_duration(duration, &injection->duration_ns, &why) != WW_OK)
        return ww_fail(error, WW_EINVAL, "--inject %s: duration '%s': %s", text, duration, why);
    return check(text, injection, duration != NULL, replicas, measured_ns, error);
}

static int by_time(const void *left, const void *right)
{
    const struct ww_injection *a = left, *b = right;
    return a->at_ns < b->at_ns ? -1 : a->at_ns > b->at_ns;
}

int ww_inject_parse(const char *text, uint32_t replicas, uint64_t measured_ns,
                    struct ww_injections *injections, struct ww_error *error)
{
    injections->count = 0;
    for (const char *next = text; next != NULL;) {
        char one[64];
        size_t length = strcspn(next, ",");
        if (length >= sizeof(one))
            return ww_fail(error, WW_EINVAL, "--inject %.*s: too long for ACTION@TIME[:DURATION]",
                           (int)length, next);
        if (injections->count == WW_BENCH_INJECTIONS_MAX)
            return ww_fail(error, WW_EINVAL, "--inject: more than %u of them",
                           WW_BENCH_INJECTIONS_MAX);
        snprintf(one, sizeof(one), "%.*s", (int)length, next);
        int status =
            parse_one(one, replicas, measured_ns, &injections->list[injections->count], error);
        if (status != WW_OK)
            return status;
        injections->count++;
        next = next[length] == ',' ? next + length + 1 : NULL;
    }
    qsort(injections->list, injections->count, sizeof(injections->list[0]), by_time);
    return WW_OK;
}

/* ---- the faults ---- */

static bool runs(const struct ww_injector *injector, uint32_t id)
{
    return !injector->paused[id - 1] && ww_local_cluster_pid(injector->cluster, id) != 0;
}

bool ww_injector_reaches(const struct ww_injector *injector, uint32_t id, bool *excused)
{
    *excused = injector->touched[id - 1];
    return runs(injector, id);
}

/* Who leads group 0; 0: nobody does, or does not say so. */
static uint32_t find_leader(const struct ww_injector *injector)
{
    uint32_t id = 1;
    while (id <= injector->replicas && !runs(injector, id))
        id++;
    struct ww_cluster_status all;
    struct ww_error why;
    if (id > injector->replicas ||
        ww_cluster_status_ask(&all, ww_local_cluster_endpoint(injector->cluster, id), ANSWER_NS,
                              &why) != WW_OK)
        return 0;
    int place = ww_cluster_status_leader(&all, 0);
    uint32_t leader = place >= 0 ? all.ids[place] : 0;
    ww_cluster_status_free(&all);
    return leader != 0 && runs(injector, leader) ? leader : 0;
}

/* The next one behind the leader that runs; 0: there is none. */
static uint32_t find_follower(const struct ww_injector *injector, uint32_t leader)
{
    for (uint32_t i = 0; leader != 0 && i < injector->replicas - 1; i++) {
        uint32_t id = (leader + i) % injector->replicas + 1;
        if (runs(injector, id))
            return id;
    }
    return 0;
}

static int transfer(struct ww_injector *injector, uint32_t leader, struct ww_error *error)
{
    struct ww_member_change change = {
        .endpoint = ww_local_cluster_endpoint(injector->cluster, leader),
        .request = {.op = WW_CONTROL_TRANSFER}, /* to the one that is furthest */
        .timeout_ns = TRANSFER_NS,
        .interrupted = ww_cli_interrupted,
    };
    return ww_member_change(&change, error);
}

/* Leaves it for later when there is no such node at the moment. */
static int begin(struct ww_injector *injector, uint32_t number, struct ww_error *error)
{
    const struct ww_injection *injection = &injector->injections->list[number];
    struct ww_injected *injected = &injector->injected[number];
    uint32_t node = find_leader(injector);
    if (!actions[injection->action].leader)
        node = find_follower(injector, node);
    injector->retry_ns = ww_time_ns(CLOCK_MONOTONIC) + RETRY_NS;
    if (node == 0)
        return WW_OK;
    int signal = actions[injection->action].signal, status;
    injected->node = node;
    injected->begin_ns = ww_time_ns(CLOCK_MONOTONIC);
    if (signal == 0) {
        status = transfer(injector, node, error);
        injected->end_ns = ww_time_ns(CLOCK_MONOTONIC);
    } else {
        status = ww_local_cluster_signal(injector->cluster, node, signal, error);
        injector->touched[node - 1] = true;
        injector->paused[node - 1] = signal == SIGSTOP;
    }
    return status == WW_OK ? WW_OK
                           : ww_fail_context(error, "--inject %s", actions[injection->action].name);
}

static int end(struct ww_injector *injector, uint32_t number, struct ww_error *error)
{
    struct ww_injected *injected = &injector->injected[number];
    uint32_t node = injected->node;
    bool pause = injector->paused[node - 1];
    injector->paused[node - 1] = false;
    injected->end_ns = ww_time_ns(CLOCK_MONOTONIC);
    return pause ? ww_local_cluster_signal(injector->cluster, node, SIGCONT, error)
                 : ww_local_cluster_restart(injector->cluster, node, error);
}

/* ---- the schedule ---- */

static uint64_t due_of(const struct ww_injector *injector, uint32_t number)
{
    const struct ww_injection *injection = &injector->injections->list[number];
    const struct ww_injected *injected = &injector->injected[number];
    uint64_t at_ns = injector->start_ns + injection->at_ns;
    if (injected->begin_ns == 0)
        return at_ns > injector->retry_ns ? at_ns : injector->retry_ns;
    if (injected->end_ns != 0 || injection->duration_ns == 0)
        return UINT64_MAX;
    return injected->begin_ns + injection->duration_ns;
}

void ww_injector_start(struct ww_injector *injector, uint64_t begin_ns, uint64_t end_ns)
{
    injector->start_ns = injector->measured_ns = begin_ns;
    injector->end_ns = end_ns;
}

uint64_t ww_injector_due_ns(const struct ww_injector *injector)
{
    uint64_t due_ns = UINT64_MAX;
    for (uint32_t i = 0; injector->start_ns != 0 && i < injector->injections->count; i++)
        due_ns = due_of(injector, i) < due_ns ? due_of(injector, i) : due_ns;
    return due_ns;
}

int ww_injector_step(struct ww_injector *injector, uint64_t now_ns, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t i = 0; injector->start_ns != 0 && i < injector->injections->count; i++) {
        if (status != WW_OK || due_of(injector, i) > now_ns)
            continue;
        if (injector->injected[i].begin_ns != 0)
            status = end(injector, i, error);
        else if (now_ns < injector->end_ns)
            status = begin(injector, i, error);
    }
    return status;
}

int ww_injector_finish(struct ww_injector *injector, struct ww_error *error)
{
    int status = WW_OK;
    for (uint32_t i = 0; i < injector->injections->count && status == WW_OK; i++) {
        const struct ww_injected *injected = &injector->injected[i];
        if (injected->begin_ns == 0)
            status = ww_fail(error, WW_EIO,
                             "--inject %s: the measured phase was over before it could be done",
                             actions[injector->injections->list[i].action].name);
        else if (injected->end_ns == 0)
            status = end(injector, i, error);
    }
    injector->start_ns = 0;
    return status;
}

/* ---- the result ---- */

static struct json_object *row(const struct ww_injector *injector, uint32_t number,
                               const struct ww_gaps *gaps, uint64_t election_ns)
{
    const struct ww_injected *injected = &injector->injected[number];
    enum ww_inject_action action = injector->injections->list[number].action;
    uint64_t until_ns = injected->begin_ns + 2 * election_ns;
    if (number + 1 < injector->injections->count && injected[1].begin_ns < until_ns)
        until_ns = injected[1].begin_ns;
    const struct ww_gap *gap = ww_gaps_longest(gaps, injected->begin_ns, until_ns);
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "action", json_object_new_string(actions[action].name));
    json_object_object_add(object, "at_s",
                           json_object_new_double(
                               (double)(injected->begin_ns - injector->measured_ns) / 1e9));
    json_object_object_add(object, "node", json_object_new_uint64(injected->node));
    if (gap != NULL) {
        uint64_t outage_ns = gap->end_ns - gap->begin_ns;
        json_object_object_add(object, "outage_ns", json_object_new_uint64(outage_ns));
        json_object_object_add(object, "outage_over_election_timeout",
                               json_object_new_double((double)outage_ns / (double)election_ns));
    }
    static const char *const lengths[] = {
        [SIGKILL] = "down_ns", [SIGSTOP] = "pause_ns", [0] = "transfer_ns"};
    json_object_object_add(object, lengths[actions[action].signal],
                           json_object_new_uint64(injected->end_ns - injected->begin_ns));
    return object;
}

struct json_object *ww_injector_json(const struct ww_injector *injector, const struct ww_gaps *gaps,
                                     uint64_t election_ns)
{
    struct json_object *rows = json_object_new_array();
    for (uint32_t i = 0; i < injector->injections->count; i++)
        json_object_array_add(rows, row(injector, i, gaps, election_ns));
    return rows;
}
