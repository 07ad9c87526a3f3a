/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ww-peer-etcd ADDRESS:PORT...: the load generator for a cluster of etcd. Every entry is a Put of a
 * key of its own, sent to the leader, so that none is passed on; as many streams of HTTP/2 as
 * entries are in flight share a few connections. It waits for answers in poll(2): the processor is
 * etcd's.
 */
#include "bench/peers/driver.h"
#include "bench/peers/etcd.pb-c.h"
#include "bench/peers/grpc.h"
#include "engine/base/time_ns.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 4u /* to the leader */
#define READY_NS UINT64_C(30000000000)
#define RETRY_NS 20000000
#define ANSWER_MS 10000

struct driver {
    char **endpoints;
    uint32_t members;
    struct ww_grpc *member[WW_NODES_MAX]; /* for questions, one to each */
    struct ww_grpc *leader[CONNECTIONS];  /* for entries */
    uint32_t next_connection;
    struct ww_peer_input input;
    struct ww_peer_run run;
    uint32_t refused; /* a status of gRPC that was not good */
};

/* ---- questions ---- */

struct answer {
    bool come;
    uint32_t status, bytes;
    uint8_t message[WW_GRPC_REPLY_MAX];
};

static void on_answer(void *context, uint64_t sent_ns, uint32_t status, const uint8_t *message,
                      uint32_t bytes)
{
    struct answer *answer = context;
    answer->come = true;
    answer->status = status;
    answer->bytes = bytes;
    if (bytes > 0)
        memcpy(answer->message, message, bytes);
}

static int ask(struct ww_grpc *grpc, const char *path, const ProtobufCMessage *question,
               struct answer *answer, struct ww_error *error)
{
    uint8_t message[256];
    struct pollfd wait;
    answer->come = false;
    uint32_t bytes = (uint32_t)protobuf_c_message_pack(question, message);
    int status = ww_grpc_call(grpc, path, message, bytes, on_answer, answer, error);
    while (status == WW_OK && !answer->come) {
        status = ww_grpc_flush(grpc, &wait, error);
        if (status == WW_OK && poll(&wait, 1, ANSWER_MS) == 0)
            return ww_fail(error, WW_ETIMEOUT, "%s: no answer within %d s", path, ANSWER_MS / 1000);
        if (status == WW_OK)
            status = ww_grpc_receive(grpc, error);
    }
    if (status == WW_OK && answer->status != 0)
        status = ww_fail(error, WW_EBUSY, "%s: refused with status %u", path, answer->status);
    return status;
}

/* Keys that this member itself has applied. */
static int count_keys(struct ww_grpc *grpc, int64_t *count, struct ww_error *error)
{
    uint8_t all = 0; /* from the key "\0" to the end "\0": every key */
    struct answer answer;
    WwEtcd__RangeRequest range = WW_ETCD__RANGE_REQUEST__INIT;
    range.key = range.range_end = (ProtobufCBinaryData){1, &all};
    range.serializable = range.count_only = true;
    int status = ask(grpc, "/etcdserverpb.KV/Range", &range.base, &answer, error);
    if (status != WW_OK)
        return status;
    WwEtcd__RangeResponse *reply =
        ww_etcd__range_response__unpack(NULL, answer.bytes, answer.message);
    if (reply == NULL)
        return ww_fail(error, WW_EIO, "etcd's answer to a range is not what it should be");
    *count = reply->count;
    ww_etcd__range_response__free_unpacked(reply, NULL);
    return WW_OK;
}

/* Is this member the leader? It says its version when it is. */
static int is_leader(struct ww_grpc *grpc, char version[32], bool *leads, struct ww_error *error)
{
    struct answer answer;
    WwEtcd__StatusRequest question = WW_ETCD__STATUS_REQUEST__INIT;
    int status = ask(grpc, "/etcdserverpb.Maintenance/Status", &question.base, &answer, error);
    if (status != WW_OK)
        return status;
    WwEtcd__StatusResponse *reply =
        ww_etcd__status_response__unpack(NULL, answer.bytes, answer.message);
    if (reply == NULL || reply->header == NULL)
        return ww_fail(error, WW_EIO, "etcd's status is not what it should be");
    *leads = reply->leader != 0 && reply->leader == reply->header->member_id;
    snprintf(version, 32, "%s", reply->version);
    ww_etcd__status_response__free_unpacked(reply, NULL);
    return WW_OK;
}

/* ---- beginning ---- */

static int find_leader(struct driver *driver, uint32_t *leader, char version[32],
                       struct ww_error *error)
{
    for (uint32_t i = 0; i < driver->members; i++) {
        bool leads;
        int status = driver->member[i] == NULL
                         ? ww_grpc_open(driver->endpoints[i], &driver->member[i], error)
                         : WW_OK;
        if (status == WW_OK)
            status = is_leader(driver->member[i], version, &leads, error);
        if (status != WW_OK)
            return status;
        if (leads)
            *leader = i;
    }
    return *leader < driver->members ? WW_OK : ww_fail(error, WW_ETIMEOUT, "etcd has no leader");
}

static int begin(struct driver *driver, struct ww_error *error)
{
    char version[32] = "";
    uint32_t leader = UINT32_MAX;
    const struct timespec retry = {.tv_nsec = RETRY_NS};
    uint64_t deadline_ns = ww_time_ns(CLOCK_MONOTONIC) + READY_NS;
    int status = find_leader(driver, &leader, version, error);
    while (status != WW_OK && ww_time_ns(CLOCK_MONOTONIC) < deadline_ns) {
        nanosleep(&retry, NULL);
        status = find_leader(driver, &leader, version, error);
    }
    for (uint32_t i = 0; i < CONNECTIONS && status == WW_OK; i++)
        status = ww_grpc_open(driver->endpoints[leader], &driver->leader[i], error);
    if (status == WW_OK) {
        printf("{\"ready\":true,\"leader\":%u,\"version\":\"%s\"}\n", leader + 1, version);
        fflush(stdout);
    }
    return status;
}

/* ---- the load ---- */

static void on_put(void *context, uint64_t sent_ns, uint32_t status, const uint8_t *message,
                   uint32_t bytes)
{
    struct driver *driver = context;
    if (status != 0)
        driver->refused = status;
    ww_peer_run_answer(&driver->run, sent_ns, 1);
}

static int put(struct driver *driver, struct ww_error *error)
{
    uint8_t value[sizeof(driver->run.filler)], message[WW_GRPC_REQUEST_MAX];
    ww_peer_run_fill(&driver->run, value);
    uint64_t key = htobe64(driver->run.proposed); /* in their order, what B+trees like best */
    WwEtcd__PutRequest entry = WW_ETCD__PUT_REQUEST__INIT;
    entry.key = (ProtobufCBinaryData){sizeof(key), (uint8_t *)&key};
    entry.value = (ProtobufCBinaryData){driver->run.cell.entry_bytes, value};
    uint32_t bytes = (uint32_t)ww_etcd__put_request__pack(&entry, message);
    struct ww_grpc *connection = driver->leader[driver->next_connection++ % CONNECTIONS];
    return ww_grpc_call(connection, "/etcdserverpb.KV/Put", message, bytes, on_put, driver, error);
}

static int say_counts(struct driver *driver, struct ww_error *error)
{
    int64_t counts[WW_NODES_MAX];
    int status = WW_OK;
    for (uint32_t i = 0; i < driver->members && status == WW_OK; i++)
        status = count_keys(driver->member[i], &counts[i], error);
    if (status != WW_OK)
        return status;
    printf("{\"applied\":[");
    for (uint32_t i = 0; i < driver->members; i++)
        printf("%s%ld", i > 0 ? "," : "", counts[i]);
    printf("]}\n");
    fflush(stdout);
    return WW_OK;
}

static int obey(struct driver *driver, const char *line, struct ww_error *error)
{
    struct ww_peer_cell cell;
    if (strcmp(line, "count") == 0)
        return say_counts(driver, error);
    if (strncmp(line, "run ", 4) != 0)
        return ww_fail(error, WW_EINVAL, "unknown command '%s'", line);
    if (!ww_peer_cell_parse(line + 4, &cell, error))
        return error->code;
    ww_peer_run_begin(&driver->run, &cell);
    return WW_OK;
}

/* One turn: propose what there is room for, wait, take answers and commands. */
static int turn(struct driver *driver, bool *ended, struct ww_error *error)
{
    struct pollfd wait[CONNECTIONS + 1];
    char line[WW_PEER_LINE_MAX];
    int status = WW_OK;
    for (uint32_t room = ww_peer_run_room(&driver->run); room > 0 && status == WW_OK; room--)
        status = put(driver, error);
    ww_peer_run_report(&driver->run, stdout);
    for (uint32_t i = 0; i < CONNECTIONS && status == WW_OK; i++)
        status = ww_grpc_flush(driver->leader[i], &wait[i], error);
    wait[CONNECTIONS] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    if (status == WW_OK && poll(wait, CONNECTIONS + 1, -1) < 0)
        return ww_fail_errno(error, WW_EIO, "waiting");
    for (uint32_t i = 0; i < CONNECTIONS && status == WW_OK; i++)
        if (wait[i].revents != 0)
            status = ww_grpc_receive(driver->leader[i], error);
    if (status == WW_OK && driver->refused != 0)
        status = ww_fail(error, WW_EBUSY, "etcd refused an entry with status %u", driver->refused);
    if (status == WW_OK && wait[CONNECTIONS].revents != 0)
        *ended = !ww_peer_input_read(&driver->input, STDIN_FILENO);
    while (status == WW_OK && ww_peer_input_line(&driver->input, line))
        status = obey(driver, line, error);
    return status;
}

int main(int argc, char **argv)
{
    static struct driver driver;
    struct ww_error error;
    bool ended = false;
    if (argc < 2 || argc - 1 > (int)WW_NODES_MAX) {
        fprintf(stderr, "usage: ww-peer-etcd ADDRESS:PORT...\n");
        return 2;
    }
    driver.endpoints = argv + 1;
    driver.members = (uint32_t)argc - 1;
    int status = ww_peer_run_init(&driver.run, &error);
    if (status == WW_OK)
        status = begin(&driver, &error);
    while (status == WW_OK && !ended)
        status = turn(&driver, &ended, &error);
    if (status != WW_OK)
        fprintf(stderr, "ww-peer-etcd: %s\n", error.text);
    for (uint32_t i = 0; i < driver.members; i++)
        ww_grpc_close(driver.member[i]);
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        ww_grpc_close(driver.leader[i]);
    free(driver.run.latency);
    return status == WW_OK ? 0 : 1;
}
