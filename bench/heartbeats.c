/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/heartbeats.h"

#include "bench/child.h"
#include "bench/virtual_group.h"
#include "engine/base/assert.h"
#include "engine/base/time_ns.h"
#include "engine/wire/datagram.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LEADER 1u
#define FOLLOWER 2u
#define CLUSTER 1u
#define HEARTBEAT_NS UINT64_C(100000000) /* in the cores' own time */
#define IN_FLIGHT_MAX 256u               /* heartbeats without an answer: fewer than a ring holds */
#define ROUNDS 16u                       /* of a group, whose due times are remembered */
#define PATIENCE 10000u   /* heartbeats without an answer until a leader steps down */
#define LOST_NS 20000000u /* nothing came for so long: what is on the way is lost */
#define LINK_NS UINT64_C(5000000000)

/* What the leaders' process tells the followers'. */
struct shared {
    _Atomic uint32_t per_datagram;
    _Atomic uint64_t followers_ns; /* theirs: processor time of polls that did something */
    struct ww_heartbeats_result results[];
};

struct outbox {
    struct ww_transport *transport;
    uint32_t self, peer;
    uint32_t per_datagram;
    uint64_t window_ns;
    uint64_t first_ns; /* when the first message came in */
    uint32_t count;
    uint64_t datagrams;
    struct ww_raft_message messages[WW_MESSAGES_PER_DATAGRAM];
};

/* A core, in a time of its own, in which a heartbeat is always due. */
struct group {
    struct ww_raft *raft;
    uint64_t now_ns;
    uint64_t due_ns[ROUNDS]; /* leader: by round */
};

struct node {
    const struct ww_heartbeats_options *options;
    struct shared *shared;
    struct ww_transport *transport;
    struct outbox outbox;
    struct group *groups;
    struct ww_raft_update update;
    /* Leaders. */
    struct ww_heartbeats_result *result; /* NULL: not counted now */
    uint64_t busy_ns;                    /* processor time of polls that did something */
    uint32_t in_flight;
    uint64_t heard_ns;
    uint64_t answered; /* of the run, warm-up included */
};

/* ---- datagrams ---- */

static void send_outbox(struct outbox *outbox)
{
    struct ww_transport *transport = outbox->transport;
    struct ww_datagram_builder builder;
    uint32_t count = outbox->count;
    outbox->count = 0;
    uint8_t *data = count > 0 ? transport->ops->tx_begin(transport, outbox->peer) : NULL;
    if (data == NULL)
        return;
    ww_datagram_begin(&builder, data, transport->max_datagram);
    for (uint32_t i = 0; i < count; i++)
        ww_datagram_add(&builder, &outbox->messages[i], 0);
    uint32_t bytes = ww_datagram_finish(&builder, CLUSTER, outbox->self, outbox->peer, NULL);
    transport->ops->tx_send(transport, bytes, NULL, 0);
    outbox->datagrams++;
}

static void post(struct outbox *outbox, const struct ww_raft_message *message, uint64_t now_ns)
{
    if (outbox->count == 0)
        outbox->first_ns = now_ns;
    outbox->messages[outbox->count++] = *message;
    if (outbox->count >= outbox->per_datagram)
        send_outbox(outbox);
}

/* The end of a poll. */
static void flush(struct outbox *outbox, uint64_t now_ns)
{
    if (now_ns - outbox->first_ns >= outbox->window_ns)
        send_outbox(outbox);
    outbox->transport->ops->tx_flush(outbox->transport);
}

/* ---- the cores ---- */

static void step(struct node *node, struct group *group, struct ww_raft_event event,
                 uint64_t now_ns)
{
    event.now_ns = group->now_ns;
    int status = ww_raft_step(group->raft, &event, &node->update);
    WW_ASSERT(status == WW_OK);
    for (uint32_t i = 0; i < node->update.message_count; i++)
        post(&node->outbox, &node->update.messages[i].message, now_ns);
}

/* As NET does for a group that something happened to. */
static void end_group(struct node *node, struct group *group, uint64_t now_ns)
{
    struct ww_raft_message message;
    uint64_t last;
    uint32_t budget;
    step(node, group, (struct ww_raft_event){.type = WW_RAFT_EV_FLUSH, .window_bytes = WW_MIB},
         now_ns);
    bool more = ww_raft_next_append(group->raft, node->outbox.peer, &message, &last, &budget);
    WW_ASSERT(!more); /* there are no entries */
}

static void beat(struct node *node, uint32_t id, uint64_t due_ns, uint64_t now_ns)
{
    struct group *group = &node->groups[id];
    group->now_ns += HEARTBEAT_NS;
    step(node, group, (struct ww_raft_event){.type = WW_RAFT_EV_TICK}, now_ns);
    WW_ASSERT(node->update.message_count == 1);
    group->due_ns[node->update.messages[0].message.round % ROUNDS] = due_ns;
    end_group(node, group, now_ns);
    if (node->in_flight++ == 0)
        node->heard_ns = now_ns;
    if (node->result != NULL)
        node->result->sent++;
}

static void take_answer(struct node *node, const struct ww_raft_message *message, uint64_t now_ns)
{
    struct group *group = &node->groups[message->group];
    step(node, group,
         (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE, .from = FOLLOWER, .message = message},
         now_ns);
    end_group(node, group, now_ns);
    node->in_flight -= node->in_flight > 0;
    node->answered++;
    if (node->result == NULL)
        return;
    node->result->answered++;
    ww_histogram_record(&node->result->latency,
                        ww_time_ns(CLOCK_MONOTONIC) - group->due_ns[message->commit % ROUNDS], 1);
}

static void take_heartbeat(struct node *node, const struct ww_raft_message *message,
                           uint64_t now_ns)
{
    struct group *group = &node->groups[message->group];
    group->now_ns += HEARTBEAT_NS;
    step(node, group,
         (struct ww_raft_event){.type = WW_RAFT_EV_MESSAGE, .from = LEADER, .message = message},
         now_ns);
    end_group(node, group, now_ns);
}

/* Returns how many messages came. */
static uint32_t receive(struct node *node, uint64_t now_ns,
                        void (*take)(struct node *, const struct ww_raft_message *, uint64_t))
{
    struct ww_transport *transport = node->transport;
    struct ww_rx burst[WW_BURST];
    uint32_t messages = 0, count = transport->ops->rx_burst(transport, burst, WW_BURST);
    for (uint32_t i = 0; i < count; i++) {
        const struct ww_datagram_header *header = (const void *)burst[i].data;
        if (ww_datagram_check(burst[i].data, burst[i].size_bytes, CLUSTER, node->outbox.self) !=
            WW_DATAGRAM_OK)
            continue;
        const struct ww_raft_message *message = (const void *)(header + 1);
        for (uint32_t k = 0; k < header->message_count; k++)
            take(node, &message[k], now_ns);
        messages += header->message_count;
    }
    if (count > 0)
        transport->ops->rx_release(transport, burst, count);
    return messages;
}

/* ---- the leaders ---- */

/* One poll; `due` says when the next heartbeat is, UINT64_MAX: when there is room. */
struct course {
    const struct ww_heartbeats_run *run;
    uint64_t start_ns;
    double interval_ns; /* 0: as fast as answers come */
    uint64_t next;      /* the next heartbeat's number */
};

static uint32_t send_due(struct node *node, struct course *course, uint64_t now_ns)
{
    uint32_t sent = 0;
    for (; sent < IN_FLIGHT_MAX; sent++, course->next++) {
        uint64_t due_ns = now_ns;
        if (course->interval_ns > 0)
            due_ns = course->start_ns + (uint64_t)((double)course->next * course->interval_ns);
        if (due_ns > now_ns || (course->interval_ns == 0 && node->in_flight >= IN_FLIGHT_MAX))
            break;
        beat(node, (uint32_t)(course->next % node->options->groups), due_ns, now_ns);
    }
    return sent;
}

static void poll_leaders(struct node *node, struct course *course)
{
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC), begun_ns = ww_time_ns(CLOCK_THREAD_CPUTIME_ID);
    uint32_t work = receive(node, now_ns, take_answer);
    if (work > 0)
        node->heard_ns = now_ns;
    if (node->in_flight > 0 && now_ns - node->heard_ns > LOST_NS + node->outbox.window_ns) {
        if (node->result != NULL)
            node->result->lost += node->in_flight;
        node->in_flight = 0;
    }
    if (course != NULL)
        work += send_due(node, course, now_ns);
    flush(&node->outbox, now_ns);
    if (work == 0)
        sched_yield();
    else
        node->busy_ns += ww_time_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
}

static void lead_run(struct node *node, uint32_t number)
{
    const struct ww_heartbeats_options *options = node->options;
    const struct ww_heartbeats_run *run = &options->runs[number];
    struct ww_heartbeats_result *results = node->shared->results, *result = &results[number];
    struct course course = {.run = run, .start_ns = ww_time_ns(CLOCK_MONOTONIC)};
    const struct ww_heartbeats_result *base = &results[run->load_of];
    if (run->load_percent > 0)
        course.interval_ns =
            (double)base->elapsed_ns / (double)base->answered * 100.0 / (double)run->load_percent;
    atomic_store(&node->shared->per_datagram, run->per_datagram);
    node->outbox.per_datagram = run->per_datagram;
    node->outbox.window_ns = run->window_ns;
    uint64_t count_ns = course.start_ns + options->warmup_ns;
    while (ww_time_ns(CLOCK_MONOTONIC) < count_ns)
        poll_leaders(node, &course);
    uint64_t begun_ns = ww_time_ns(CLOCK_MONOTONIC), datagrams = node->outbox.datagrams;
    uint64_t leaders_ns = node->busy_ns, followers_ns = atomic_load(&node->shared->followers_ns);
    node->result = result;
    while (ww_time_ns(CLOCK_MONOTONIC) < begun_ns + options->duration_ns)
        poll_leaders(node, &course);
    result->elapsed_ns = ww_time_ns(CLOCK_MONOTONIC) - begun_ns;
    result->datagrams = node->outbox.datagrams - datagrams;
    result->leaders_ns = node->busy_ns - leaders_ns;
    result->followers_ns = atomic_load(&node->shared->followers_ns) - followers_ns;
    node->result = NULL;
    while (node->in_flight > 0)
        poll_leaders(node, NULL);
}

/* Heartbeats one by one, until the two processes have found each other; then the runs. */
static int lead(struct node *node, struct ww_error *error)
{
    uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC), until_ns = now_ns + LINK_NS;
    for (; node->answered == 0; now_ns = ww_time_ns(CLOCK_MONOTONIC)) {
        if (now_ns > until_ns)
            return ww_fail(error, WW_ETIMEOUT, "the two processes did not find each other");
        if (node->in_flight == 0)
            beat(node, 0, now_ns, now_ns);
        poll_leaders(node, NULL);
    }
    for (uint32_t i = 0; i < node->options->run_count; i++) {
        lead_run(node, i);
        if (node->shared->results[i].answered == 0)
            return ww_fail(error, WW_EIO, "no heartbeat was answered");
    }
    return WW_OK;
}

static _Noreturn void follow(struct node *node)
{
    for (;;) {
        uint64_t now_ns = ww_time_ns(CLOCK_MONOTONIC);
        uint64_t begun_ns = ww_time_ns(CLOCK_THREAD_CPUTIME_ID);
        node->outbox.per_datagram =
            atomic_load_explicit(&node->shared->per_datagram, memory_order_relaxed);
        uint32_t work = receive(node, now_ns, take_heartbeat);
        flush(&node->outbox, now_ns);
        if (work == 0)
            sched_yield();
        else
            atomic_fetch_add_explicit(&node->shared->followers_ns,
                                      ww_time_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns,
                                      memory_order_relaxed);
    }
}

/* ---- the processes ---- */

struct both {
    const struct ww_heartbeats_options *options;
    struct shared *shared;
    struct group *leaders, *followers;
};

static int be_node(void *context, uint32_t number, struct ww_error *error)
{
    static struct node node;
    const struct both *both = context;
    const struct ww_heartbeats_options *options = both->options;
    bool udp = options->kind == WW_NET_UDP;
    struct ww_net_options net = {
        .kind = options->kind,
        .self = number == 0 ? LEADER : FOLLOWER,
        .node_count = 2,
        .mtu = WW_MTU_DEFAULT,
        .socket_dir = options->directory,
        .client_links = 1,
        .hugepages = WW_HUGEPAGES_NEVER,
    };
    for (uint32_t i = 0; i < 2; i++)
        net.nodes[i] = (struct ww_net_address){.id = i + 1,
                                               .ipv4 = udp ? INADDR_LOOPBACK : 0x0a4d0001u + i,
                                               .port = (uint16_t)(udp ? options->udp_ports[i]
                                                                      : WW_UDP_PORT_DEFAULT)};
    node = (struct node){.options = options, .shared = both->shared};
    node.groups = number == 0 ? both->leaders : both->followers;
    int status = ww_net_open(&net, &node.transport, error);
    if (status != WW_OK)
        return status;
    node.outbox = (struct outbox){.transport = node.transport,
                                  .self = net.self,
                                  .peer = number == 0 ? FOLLOWER : LEADER,
                                  .per_datagram = 1};
    if (number != 0)
        follow(&node);
    return lead(&node, error);
}

/* A leader and its follower, who have nothing to tell each other but heartbeats. */
static int create_group(struct both *both, uint32_t id, const char **why)
{
    const struct ww_virtual_options options = {
        .group = id,
        .nodes = 2,
        .seed = id,
        .delay_ns = 1000,
        .heartbeat_ns = HEARTBEAT_NS,
        .election_min_ns = 3 * HEARTBEAT_NS,
        .election_max_ns = PATIENCE * HEARTBEAT_NS,
        .retry_ns = HEARTBEAT_NS,
    };
    struct ww_virtual_group *group;
    struct ww_virtual_event event;
    int status = ww_virtual_group_create(&options, &group, why);
    if (status != WW_OK)
        return status;
    ww_virtual_group_stand(group, LEADER);
    while (ww_virtual_group_next(group, HEARTBEAT_NS / 2, &event))
        ;
    uint64_t now_ns = group->now_ns + group->nodes[LEADER].ahead_ns;
    both->leaders[id] = (struct group){.raft = group->nodes[LEADER].raft, .now_ns = now_ns};
    both->followers[id] =
        (struct group){.raft = group->nodes[FOLLOWER].raft, .now_ns = group->now_ns};
    group->nodes[LEADER].raft = group->nodes[FOLLOWER].raft = NULL; /* ours from now on */
    ww_virtual_group_destroy(group);
    return WW_OK;
}

static int create_groups(struct both *both, struct ww_error *error)
{
    const char *why = "no memory";
    uint32_t count = both->options->groups;
    both->leaders = calloc(count, sizeof(*both->leaders));
    both->followers = calloc(count, sizeof(*both->followers));
    int status = both->leaders == NULL || both->followers == NULL ? WW_ENOMEM : WW_OK;
    for (uint32_t id = 0; id < count && status == WW_OK; id++)
        status = create_group(both, id, &why);
    return status == WW_OK ? WW_OK : ww_fail(error, status, "groups for heartbeats: %s", why);
}

static void destroy_groups(struct both *both)
{
    for (uint32_t id = 0; id < both->options->groups; id++) {
        if (both->leaders != NULL)
            ww_raft_destroy(both->leaders[id].raft);
        if (both->followers != NULL)
            ww_raft_destroy(both->followers[id].raft);
    }
    free(both->leaders);
    free(both->followers);
}

int ww_heartbeats_run(const struct ww_heartbeats_options *options,
                      bool (*interrupted)(uint64_t wait_ns), struct ww_heartbeats_result *results,
                      struct ww_error *error)
{
    size_t bytes = sizeof(struct shared) + options->run_count * sizeof(results[0]);
    struct both both = {.options = options, .shared = ww_child_memory(bytes)};
    if (both.shared == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory for the heartbeats' figures");
    for (uint32_t i = 0; i < options->run_count; i++)
        ww_histogram_reset(&both.shared->results[i].latency);
    int status = create_groups(&both, error);
    if (status == WW_OK)
        status = ww_children_run(2, be_node, &both, interrupted, error);
    for (uint32_t i = 0; i < options->run_count && status == WW_OK; i++)
        results[i] = both.shared->results[i];
    destroy_groups(&both);
    munmap(both.shared, bytes);
    return status;
}
