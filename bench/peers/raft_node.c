/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ww-peer-raft ID DIRECTORY ADDRESS...: one node of a cluster of the C library raft (libraft-dev)
 * with its own libuv backend: TCP, and a log written with O_DIRECT and RWF_DSYNC. Node 1 becomes
 * the leader and is the load generator too, since the library is meant to be in the process of
 * whoever proposes; it hands over all that there is room for in one raft_apply.
 */
#include "bench/peers/driver.h"

#include "engine/base/time_ns.h"

#include <raft.h>
#include <raft/uv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define SEGMENT_BYTES (64u * WW_MIB) /* as ours */
#define BATCH_BYTES (512u * WW_KIB)  /* of one raft_apply: then the nodes' checksums overlap */
/* The log is in memory too, and a snapshot alone lets go of it, which all wait for: seldom. */
#define LOG_BYTES (1u * 1024u * WW_MIB)
#define ENTRY_BYTES 128u       /* what an entry takes beside its bytes */
#define TRAILING 65536u        /* entries kept for followers that are behind */
#define LEADER_TIMEOUT_MS 200u /* node 1 is the first to stand for election */
#define OTHERS_TIMEOUT_MS 5000u
#define HEARTBEAT_MS 50u
#define CONNECT_RETRY_MS 20u
#define READY_LOOK_MS 5u

/* What one raft_apply carries. Entries are applied in the order of their proposal. */
struct batch {
    struct raft_apply request;
    struct batch *next;
    uint64_t sent_ns;
    uint32_t count, applied;
    bool called_back; /* the library's last use of `request` is behind us */
};

struct node {
    struct raft raft;
    struct raft_io io;
    struct raft_uv_transport transport;
    struct raft_fsm fsm;
    uv_loop_t loop;
    uv_poll_t commands;
    uv_check_t check;
    uv_timer_t ready;
    struct ww_peer_input input;
    struct ww_peer_run run;
    struct batch *first, **last; /* proposed, not all applied */
    struct batch *unused;
    struct raft_buffer *buffers; /* of one raft_apply */
    uint64_t applied;            /* entries of the state machine, and what they were */
    uint64_t digest;
    int failed; /* a status of the library */
    bool closing;
};

static void stop(struct node *node);

static void fail(struct node *node, const char *what, int status)
{
    fprintf(stderr, "ww-peer-raft: %s: %s (%s)\n", what, raft_strerror(status),
            raft_errmsg(&node->raft));
    node->failed = status;
    stop(node);
}

/* ---- the state machine: counts, and remembers what it saw in which order ---- */

static void batch_done(struct node *node, struct batch *batch)
{
    if (batch->applied < batch->count || !batch->called_back)
        return;
    batch->next = node->unused;
    node->unused = batch;
}

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buffer, void **result)
{
    struct node *node = fsm->data;
    uint64_t number;
    *result = NULL;
    memcpy(&number, buffer->base, sizeof(number));
    node->applied++;
    node->digest = (node->digest ^ number) * UINT64_C(0x100000001b3); /* FNV-1a by words */
    struct batch *batch = node->first;
    if (batch == NULL || ++batch->applied < batch->count)
        return 0;
    ww_peer_run_answer(&node->run, batch->sent_ns, batch->count);
    node->first = batch->next;
    if (node->first == NULL)
        node->last = &node->first;
    batch_done(node, batch);
    return 0;
}

/* All that the state machine is. */
struct snapshot {
    uint64_t applied, digest;
};

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer **buffers, unsigned *count)
{
    const struct node *node = fsm->data;
    struct snapshot *snapshot = raft_malloc(sizeof(*snapshot));
    *buffers = raft_malloc(sizeof(**buffers));
    if (snapshot == NULL || *buffers == NULL) {
        raft_free(snapshot);
        raft_free(*buffers);
        return RAFT_NOMEM;
    }
    *snapshot = (struct snapshot){node->applied, node->digest};
    (*buffers)[0] = (struct raft_buffer){snapshot, sizeof(*snapshot)};
    *count = 1;
    return 0;
}

static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buffer)
{
    struct node *node = fsm->data;
    struct snapshot snapshot;
    if (buffer->len != sizeof(snapshot))
        return RAFT_MALFORMED;
    memcpy(&snapshot, buffer->base, sizeof(snapshot));
    node->applied = snapshot.applied;
    node->digest = snapshot.digest;
    raft_free(buffer->base);
    return 0;
}

/* ---- the load ---- */

/* The library calls when the first entry of the batch was applied. */
static void on_applied(struct raft_apply *request, int status, void *result)
{
    struct batch *batch = (struct batch *)request;
    struct node *node = request->data;
    if (status != 0 && !node->closing)
        fail(node, "raft_apply", status);
    batch->called_back = true;
    batch_done(node, batch);
}

static struct batch *take_batch(struct node *node)
{
    struct batch *batch = node->unused;
    if (batch == NULL)
        return calloc(1, sizeof(*batch));
    node->unused = batch->next;
    *batch = (struct batch){.next = NULL};
    return batch;
}

/* The next entries, in memory that the library will free. */
static bool fill(struct node *node, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct raft_buffer *buffer = &node->buffers[i];
        buffer->len = node->run.cell.entry_bytes;
        buffer->base = raft_malloc(buffer->len);
        if (buffer->base == NULL)
            return false;
        ww_peer_run_fill(&node->run, buffer->base);
    }
    return true;
}

static void propose(struct node *node, uint32_t count)
{
    struct batch *batch = fill(node, count) ? take_batch(node) : NULL;
    if (batch == NULL) {
        fail(node, "memory for entries", RAFT_NOMEM);
        return;
    }
    batch->request.data = node;
    batch->count = count;
    batch->sent_ns = ww_time_ns(CLOCK_MONOTONIC);
    *node->last = batch;
    node->last = &batch->next;
    int status = raft_apply(&node->raft, &batch->request, node->buffers, count, on_applied);
    if (status != 0)
        fail(node, "raft_apply", status);
}

/* Behind the callbacks of each turn of the loop. */
static void on_check(uv_check_t *check)
{
    struct node *node = check->data;
    uint32_t room;
    while (!node->closing && (room = ww_peer_run_room(&node->run)) > 0) {
        uint32_t most = BATCH_BYTES / node->run.cell.entry_bytes;
        propose(node, room < most ? room : most);
    }
    ww_peer_run_report(&node->run, stdout);
}

/* ---- commands ---- */

static void obey(struct node *node, const char *line)
{
    struct ww_peer_cell cell;
    struct ww_error error;
    if (strcmp(line, "count") == 0) {
        printf("{\"applied\":[%lu],\"digest\":\"%016lx\"}\n", node->applied, node->digest);
        fflush(stdout);
    } else if (strncmp(line, "run ", 4) != 0) {
        fprintf(stderr, "ww-peer-raft: unknown command '%s'\n", line);
        fail(node, "standard input", RAFT_INVALID);
    } else if (!ww_peer_cell_parse(line + 4, &cell, &error)) {
        fprintf(stderr, "ww-peer-raft: %s\n", error.text);
        fail(node, "standard input", RAFT_INVALID);
    } else {
        raft_set_snapshot_threshold(&node->raft, LOG_BYTES / (cell.entry_bytes + ENTRY_BYTES));
        free(node->buffers);
        node->buffers = calloc(cell.inflight, sizeof(*node->buffers));
        if (node->buffers == NULL)
            fail(node, "memory for entries", RAFT_NOMEM);
        else
            ww_peer_run_begin(&node->run, &cell); /* goes on in on_check */
    }
}

static void on_commands(uv_poll_t *poll, int status, int events)
{
    struct node *node = poll->data;
    char line[WW_PEER_LINE_MAX];
    if (status != 0 || !ww_peer_input_read(&node->input, STDIN_FILENO)) {
        stop(node);
        return;
    }
    while (!node->closing && ww_peer_input_line(&node->input, line))
        obey(node, line);
}

/* A node is ready when it knows a leader: node 1 when it is the one. */
static void on_ready(uv_timer_t *timer)
{
    struct node *node = timer->data;
    raft_id leader;
    const char *address;
    raft_leader(&node->raft, &leader, &address);
    if (leader == 0 || (node->raft.id == 1 && raft_state(&node->raft) != RAFT_LEADER))
        return;
    printf("{\"ready\":true,\"leader\":%llu,\"version\":\"%s\"}\n", leader, WW_LIBRAFT_VERSION);
    fflush(stdout);
    uv_timer_stop(timer);
}

/* ---- life ---- */

static void on_closed(struct raft *raft)
{
    struct node *node = raft->data;
    raft_uv_close(&node->io);
    raft_uv_tcp_close(&node->transport);
}

static void stop(struct node *node)
{
    if (node->closing)
        return;
    node->closing = true;
    uv_close((uv_handle_t *)&node->commands, NULL);
    uv_close((uv_handle_t *)&node->check, NULL);
    uv_close((uv_handle_t *)&node->ready, NULL);
    raft_close(&node->raft, on_closed);
}

static int bootstrap(struct node *node, char **addresses, uint32_t count)
{
    struct raft_configuration configuration;
    raft_configuration_init(&configuration);
    int status = 0;
    for (uint32_t i = 0; i < count && status == 0; i++)
        status = raft_configuration_add(&configuration, i + 1, addresses[i], RAFT_VOTER);
    if (status == 0)
        status = raft_bootstrap(&node->raft, &configuration);
    raft_configuration_close(&configuration);
    return status;
}

static int open_raft(struct node *node, raft_id id, const char *directory, char **addresses,
                     uint32_t count)
{
    node->fsm = (struct raft_fsm){.version = 1,
                                  .data = node,
                                  .apply = fsm_apply,
                                  .snapshot = fsm_snapshot,
                                  .restore = fsm_restore};
    int status = raft_uv_tcp_init(&node->transport, &node->loop);
    if (status == 0)
        status = raft_uv_init(&node->io, &node->loop, directory, &node->transport);
    if (status == 0)
        status = raft_init(&node->raft, &node->io, &node->fsm, id, addresses[id - 1]);
    if (status != 0)
        return status;
    node->raft.data = node;
    raft_uv_set_segment_size(&node->io, SEGMENT_BYTES);
    raft_uv_set_connect_retry_delay(&node->io, CONNECT_RETRY_MS);
    raft_set_election_timeout(&node->raft, id == 1 ? LEADER_TIMEOUT_MS : OTHERS_TIMEOUT_MS);
    raft_set_heartbeat_timeout(&node->raft, HEARTBEAT_MS);
    raft_set_snapshot_threshold(&node->raft, LOG_BYTES / ENTRY_BYTES);
    raft_set_snapshot_trailing(&node->raft, TRAILING);
    status = bootstrap(node, addresses, count);
    return status != 0 ? status : raft_start(&node->raft);
}

static void watch(struct node *node)
{
    uv_poll_init(&node->loop, &node->commands, STDIN_FILENO);
    uv_check_init(&node->loop, &node->check);
    uv_timer_init(&node->loop, &node->ready);
    node->commands.data = node->check.data = node->ready.data = node;
    uv_poll_start(&node->commands, UV_READABLE, on_commands);
    uv_check_start(&node->check, on_check);
    uv_timer_start(&node->ready, on_ready, READY_LOOK_MS, READY_LOOK_MS);
}

int main(int argc, char **argv)
{
    static struct node node;
    struct ww_error error;
    uint32_t count = argc > 3 ? (uint32_t)argc - 3 : 0;
    unsigned long id = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (id < 1 || id > count || count > WW_NODES_MAX) {
        fprintf(stderr, "usage: ww-peer-raft ID DIRECTORY ADDRESS...\n");
        return 2;
    }
    node.last = &node.first;
    if (ww_peer_run_init(&node.run, &error) != WW_OK || uv_loop_init(&node.loop) != 0) {
        fprintf(stderr, "ww-peer-raft: cannot begin\n");
        return 1;
    }
    int status = open_raft(&node, id, argv[2], argv + 3, count);
    if (status != 0) {
        fprintf(stderr, "ww-peer-raft: node %lu: %s (%s)\n", id, raft_strerror(status),
                raft_errmsg(&node.raft));
        return 1;
    }
    watch(&node);
    uv_run(&node.loop, UV_RUN_DEFAULT);
    return node.failed == 0 ? 0 : 1;
}
