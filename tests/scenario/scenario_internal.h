/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a scenario, and what its files offer each other. */
#ifndef WW_TESTS_SCENARIO_INTERNAL_H
#define WW_TESTS_SCENARIO_INTERNAL_H

#include "cluster.h"
#include "scenario.h"

#define SCENARIO_REQUESTS_MAX 4096u
#define SCENARIO_NAME_MAX 32u
#define SCENARIO_NODE_TEXT 1024u
#define SCENARIO_COMMITTED_MAX 1024u /* indexes, and terms, that the invariants look at */
#define SCENARIO_TERMS_MAX 1024u

enum scenario_answer {
    ANSWER_PENDING,
    ANSWER_COMMITTED, /* number: index, 0 when the leader no longer knows it */
    ANSWER_OK,
    ANSWER_BUSY,
    ANSWER_NOT_LEADER, /* number: the leader, or 0 */
    ANSWER_REFUSED,    /* number: the status, negated */
    ANSWER_REGISTERED, /* number: the session */
    ANSWER_RETURNED,   /* number: the applied position that it was answered at */
    ANSWER_DATA,       /* number: entries */
};

/* What a client asked for, and what became of it. */
struct scenario_request {
    char name[SCENARIO_NAME_MAX];
    uint32_t client;
    bool proposal;
    uint64_t sequence; /* or tag, or nonce */
    uint32_t count;
    enum scenario_answer answer;
    uint64_t number;
};

struct scenario_client {
    char name[SCENARIO_NAME_MAX]; /* "" for the one without a session */
    uint64_t nonce;
    uint64_t session;
    uint64_t next_sequence; /* without a session */
};

struct scenario {
    struct script_line line;
    bool verbose;
    struct cluster_setup setup;
    struct cluster *cluster; /* NULL until the nodes start */
    struct scenario_request requests[SCENARIO_REQUESTS_MAX];
    uint32_t request_count;
    struct scenario_client clients[WORLD_CLIENTS];
    uint32_t client_count;
    uint64_t next_tag, next_nonce;
    /* invariants.c: by index and by term, as first seen; 0: not yet */
    uint64_t committed[SCENARIO_COMMITTED_MAX];
    uint64_t last_committed, highest_leader_term;
    uint32_t leaders[SCENARIO_TERMS_MAX];
    /* --verbose: what was printed last */
    char told[CLUSTER_NODES][SCENARIO_NODE_TEXT];
    uint32_t told_requests;
};

/* One command: reads its words from scenario->line, and does it. */
struct scenario_command {
    const char *name;
    void (*run)(struct scenario *scenario);
};

/* Ends with an all-zero one each. */
extern const struct scenario_command setup_commands[]; /* before the nodes start */
extern const struct scenario_command time_commands[];
extern const struct scenario_command network_commands[];
extern const struct scenario_command process_commands[];
extern const struct scenario_command client_commands[];
extern const struct scenario_command admin_commands[];

/* scenario.c */
void scenario_run_command(struct scenario *scenario); /* the next word of the line names it */
void scenario_sent(void *context, const struct cluster_flight *flight);

/* command_setup.c: starts the nodes when that has not happened yet. */
void scenario_start(struct scenario *scenario);

/* command_network.c */
void scenario_deliver_all(struct scenario *scenario);

/* command_client.c */
void scenario_answered(void *context, uint32_t client, const struct ww_client_message *message,
                       const uint8_t *body);
/* Reads [as NAME] and the end of the line; NULL: the line was wrong. */
struct scenario_request *scenario_add_request(struct scenario *scenario);
const struct scenario_request *scenario_last_request(const struct scenario *scenario,
                                                     const char *name);
void scenario_show_answer(const struct scenario_request *request, char *text, size_t size);
extern const char *const scenario_answers[];

/* expect.c, expect_node.c, expect_message.c */
void expect(struct scenario *scenario);
void expect_nodes(struct scenario *scenario);
void expect_message(struct scenario *scenario);    /* behind the word `message` */
void expect_no_message(struct scenario *scenario); /* behind `no message` */
void expect_messages(struct scenario *scenario);   /* behind `messages` */

/* message_filter.c: which messages a command is about. */
#define FILTER_FIELDS_MAX 8u

struct message_filter {
    struct script_link link;
    unsigned type; /* place in the names of types */
    uint32_t field_count;
    unsigned fields[FILTER_FIELDS_MAX];
    struct script_number wanted[FILTER_FIELDS_MAX];
};

/* Reads [LINK] [TYPE], and behind them with `fields` [FIELD VALUE]... */
void message_filter_read(struct script_line *line, struct message_filter *filter, bool fields);
bool message_filter_matches(const struct message_filter *filter,
                            const struct cluster_flight *flight);

/* invariants.c: what must hold after every command. */
void check_invariants(struct scenario *scenario);

/* show.c: words for people. Each returns `text`. */
const char *show_node(const struct cluster *cluster, uint32_t id, char *text, size_t size);
const char *show_nodes(uint8_t nodes, char *text, size_t size);
const char *show_log(const struct ww_group *group, char *text, size_t size);
const char *show_entries(const struct cluster *cluster, uint32_t id, char *text, size_t size);
const char *show_flight(const struct cluster_flight *flight, char *text, size_t size);
const char *show_type(uint8_t type);

#endif
