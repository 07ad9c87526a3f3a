/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster in memory, before which the client is tested: a transport that loses, doubles and
 * reorders datagrams on request, and nodes that follow the rules of the protocol. Time stands still
 * unless a test moves it.
 */
#ifndef FAKE_CLUSTER_H
#define FAKE_CLUSTER_H

#include "engine/base/random.h"
#include "engine/client/client_core.h"
#include "engine/wire/datagram.h"

#define FAKE_CLUSTER 0x1234567812345678u
#define FAKE_NUMBER (WW_CLIENT_SOURCE | 77u)
#define FAKE_MTU 1500u
#define FAKE_NODES 3u
#define FAKE_GROUPS 4u
#define FAKE_LOG_MAX 65536u

struct fake_datagram {
    uint32_t link;
    uint32_t size_bytes;
    uint8_t *data;
};

struct fake_queue {
    struct fake_datagram *datagrams;
    uint32_t first, count, capacity;
};

struct fake_pending {
    uint64_t sequence, index;
    uint32_t count;
};

struct fake_group {
    uint32_t leader; /* 0: none */
    uint32_t hint;   /* whom the others name; 0: nobody */
    bool known;      /* the leader has heard of the client in this leadership */
    bool forgetful;  /* repeats answers without the index */
    uint64_t expected;
    uint64_t capacity;          /* entries that may be pending; more is BUSY */
    uint64_t log[FAKE_LOG_MAX]; /* the first 8 bytes of every entry; index 1 is log[0] */
    uint64_t log_count;
    uint64_t index_of[FAKE_LOG_MAX]; /* of each sequence */
    struct fake_pending pending[FAKE_LOG_MAX];
    uint32_t pending_first, pending_count;
};

struct fake {
    struct ww_transport transport; /* first: the client sees only this */
    struct ww_clock clock;
    uint64_t nonce; /* of the client's sessions; 0: it has none */
    uint64_t now_ns;
    uint64_t step_ns; /* that the clock goes on at each look */
    struct fake_queue to_nodes, to_client;
    uint8_t *open; /* tx_begin's buffer */
    uint32_t open_link;
    bool down[WW_NODES_MAX + 1];   /* link_up says no */
    bool silent[WW_NODES_MAX + 1]; /* swallows everything */
    uint32_t lose_percent, double_percent, swap_percent;
    struct ww_random random;
    uint32_t proposals[WW_NODES_MAX + 1]; /* PROPOSE datagrams that each node got */
    uint64_t last_oldest;
    uint32_t released;
    bool closed;
    struct fake_group groups[FAKE_GROUPS];
};

struct fake *fake_create(void);
void fake_destroy(struct fake *fake);
struct ww_client *fake_client(struct fake *fake, uint32_t window_entries, uint64_t retry_ns);

/* Gives what the client sent to the nodes, which answer. */
void fake_step(struct fake *fake);
/* Takes the oldest datagram that the client sent; false when there is none. */
bool fake_take(struct fake *fake, struct fake_datagram *datagram);
const struct ww_client_message *fake_message(const struct fake_datagram *datagram);

/* The leader of the group commits up to `count` entries, and answers. */
void fake_commit(struct fake *fake, uint32_t group, uint64_t count);
/* `node` leads; what was pending is lost. */
void fake_lead(struct fake *fake, uint32_t group, uint32_t node);

/* A node says something. */
void fake_answer(struct fake *fake, uint32_t node, const struct ww_client_message *message,
                 const void *body);
void fake_raw(struct fake *fake, uint32_t node, const void *data, uint32_t size_bytes);

/* Proposes an entry of `size` bytes whose first 8 are its sequence. */
int fake_propose(struct ww_client *client, uint32_t group, uint64_t sequence, size_t size);

#endif
