/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a client: everything but finding the cluster. It is given a transport and a clock,
 * so that tests can put it before a leader of their own.
 *
 *   client.c         the public calls; sending, and the timers of the groups
 *   client_answer.c  what comes back
 *   client_session.c the client's sessions
 *   client_query.c   linearizable queries
 *   client_read.c    reading the log
 *   client_window.c  proposals without a completion, and answers before their turn
 *   client_status.c  what a node's admin endpoint tells of the cluster
 *   client_open.c    from an endpoint to a client
 */
#ifndef WW_CLIENT_CORE_H
#define WW_CLIENT_CORE_H

#include "engine/backend/clock.h"
#include "engine/backend/transport.h"
#include "engine/base/limits.h"
#include "engine/client/client_window.h"
#include "engine/wire/client_message.h"

#include <whitewater/client.h>

#include <stdbool.h>
#include <stdint.h>

struct ww_client_setup {
    struct ww_transport *transport; /* the client's from now on, also on failure */
    struct ww_clock *clock;
    uint64_t cluster; /* ww_cluster_number of its name */
    uint32_t number;  /* the client's own, with WW_CLIENT_SOURCE set */
    uint64_t nonce;   /* random: of the client's sessions; 0: it proposes without one */
    uint32_t mtu;
    uint32_t entry_max;
    uint32_t nodes[WW_NODES_MAX];
    uint32_t node_count;
    uint32_t groups;
    const uint32_t *leaders; /* of each group, 0 where none is known */
    struct ww_client_options options;
};

int ww_client_create(const struct ww_client_setup *setup, struct ww_client **client,
                     struct ww_error *error);

struct ww_client_group {
    struct ww_client_window window;
    uint32_t number;
    uint32_t node;        /* who is taken for the leader */
    uint64_t sent;        /* the next sequence to send */
    uint64_t sent_end;    /* behind the last one that was ever sent */
    uint64_t deadline_ns; /* without progress until then: send again; 0: nothing is out */
    uint64_t hold_ns;     /* send nothing before; 0: no hold */
    uint64_t backoff_ns;  /* of the next BUSY */
    uint64_t gap_expected, gap_refused, gap_ns; /* the last gap: see is_new_gap */
    uint32_t silent;                            /* resends since the node was last heard of */
    uint32_t hops;                              /* redirects since the last progress */
    bool queued;                                /* in `sending` */
    uint64_t nonce;                             /* of the session; 0: none is wanted */
    uint64_t session;                           /* 0: it is not registered yet */
    bool registering;                           /* a REGISTER is on its way */
};

/* A ww_client_read in progress, or the last one. */
struct ww_client_reader {
    bool done;
    bool ask; /* send a READ from `next` on */
    int result;
    uint32_t group;
    uint32_t node;
    uint64_t first_tag; /* answers to READs before this one belong to a former call */
    uint64_t tag;       /* of the last READ */
    uint64_t next;
    uint32_t answer_bytes; /* that came of its window */
    uint64_t heard_ns;     /* when it went out or its last data came */
    uint64_t entry_ns;     /* when the last entry came */
    int (*visit)(void *context, const struct ww_log_entry *entry);
    void *context;
};

/* A ww_client_query in progress, or the last one. */
struct ww_client_asker {
    uint64_t tag; /* 0: none is in progress */
    int result;
    uint32_t group;
    uint32_t node;
    uint32_t hops;     /* redirects */
    bool waits;        /* nothing came since it was sent */
    uint64_t ask_ns;   /* when it is sent again */
    uint64_t asked_ns; /* when it was sent */
    void *answer;
    size_t room, answer_bytes;
    uint64_t index;
};

/* A datagram that was sent: which entries it held. */
struct ww_client_sent {
    uint64_t first, ns;
    uint32_t group, count;
};

struct ww_client {
    struct ww_transport *transport;
    struct ww_clock *clock;
    uint64_t cluster;
    uint32_t number;
    uint32_t entry_max;
    uint32_t batch_max;
    uint32_t nodes[WW_NODES_MAX];
    uint32_t node_count;
    uint32_t group_count;
    uint64_t retry_ns;
    uint64_t outstanding;
    uint64_t now_ns;   /* of this poll */
    uint64_t timer_ns; /* no group's timer is due before */
    bool undelivered;  /* answers wait for room in the caller's array */
    uint32_t sending_count;
    struct ww_client_group **sending; /* groups with something to send */
    struct ww_client_group *groups;
    struct ww_client_sent *sent; /* the last of them: number n stands at n % sent_slots */
    uint32_t sent_slots;
    uint64_t sent_end;
    struct ww_client_reader reader;
    struct ww_client_asker asker;
    uint64_t tags;
    uint32_t ending;              /* sessions whose end has no answer yet */
    struct ww_client_stats stats; /* drops: of datagrams that the client itself refused */
};

/* The caller's array of completions. */
struct ww_client_out {
    struct ww_completion *completions;
    size_t max, count;
};

/* client.c */
uint32_t ww_client_advance(struct ww_client *client); /* clock, timers, sending */
void ww_client_rewind(struct ww_client *client, struct ww_client_group *group, uint64_t sequence);
void ww_client_hold(struct ww_client *client, struct ww_client_group *group, uint64_t ns);
void ww_client_switch(struct ww_client *client, struct ww_client_group *group, uint32_t node);
void ww_client_arm(struct ww_client *client, struct ww_client_group *group);
uint32_t ww_client_node_after(const struct ww_client *client, uint32_t node);
bool ww_client_knows(const struct ww_client *client, uint32_t node);
bool ww_client_send_message(struct ww_client *client, uint32_t node,
                            const struct ww_client_message *message, const uint8_t *body);

/* client_answer.c */
void ww_client_deliver(struct ww_client *client, struct ww_client_group *group,
                       struct ww_client_out *out);
uint32_t ww_client_receive(struct ww_client *client, struct ww_client_out *out);

/* client_session.c */
bool ww_client_register(struct ww_client *client, struct ww_client_group *group);
void ww_client_registered(struct ww_client *client, struct ww_client_group *group,
                          const struct ww_client_message *message);
void ww_client_session_gone(struct ww_client *client, struct ww_client_group *group,
                            const struct ww_client_message *message);
void ww_client_end_sessions(struct ww_client *client);
void ww_client_ended(struct ww_client *client, struct ww_client_group *group,
                     const struct ww_client_message *message);

/* Never 0, and without the bit that marks tags. */
static inline uint64_t ww_client_nonce(uint64_t random)
{
    uint64_t nonce = random << 1 >> 1;
    return nonce != 0 ? nonce : 1;
}

/* client_query.c: false when the datagram makes no sense */
bool ww_client_query_data(struct ww_client *client, const struct ww_client_message *message,
                          const uint8_t *body);
bool ww_client_query_refused(struct ww_client *client, const struct ww_client_message *message);

/* client_read.c: false when the datagram makes no sense */
bool ww_client_read_data(struct ww_client *client, const struct ww_client_message *message,
                         const uint8_t *body);
bool ww_client_read_refused(struct ww_client *client, const struct ww_client_message *message);

#define WW_CLIENT_READ_TAG (1ull << 63) /* in the sequence of a READ or QUERY: no proposal's */

#endif
