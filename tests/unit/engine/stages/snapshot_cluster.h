/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster that takes snapshots, for tests of them. */
#ifndef WW_TESTS_SNAPSHOT_CLUSTER_H
#define WW_TESTS_SNAPSHOT_CLUSTER_H

#include "fake_cluster.h"

#define EVERY 100u /* applied entries per snapshot */
#define KEEP 10u
#define PADDING 20000u /* of a machine's state: many datagrams */

extern struct fake_cluster cluster;
extern uint64_t sequence; /* of the client's next proposal */

void begin(uint64_t seed);
void begin_with_groups(uint32_t groups);

struct ww_group *group_of(uint32_t node);
struct ww_net *net_of(uint32_t node);
uint32_t after(uint32_t node);
struct ww_raft_status status_of(uint32_t node);

/* Proposes `count` times 10 entries, until each is committed, to whoever leads. */
void propose(uint32_t count);

/* Nodes 1 to `nodes` agree, after some time. */
void assert_equal(uint32_t nodes);

/* A follower sleeps while the others go on until its place in the log is gone. */
uint32_t leave_one_behind(void);

#endif
