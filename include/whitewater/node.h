/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A Whitewater node, to embed: open it from a configuration, give it a state machine, stop it.
 * One node per process (DPDK's environment is per process).
 */
#ifndef WHITEWATER_NODE_H
#define WHITEWATER_NODE_H

#include <whitewater/state_machine.h>
#include <whitewater/status.h>

struct ww_node;
struct ww_config;

/**
 * Starts a node: locks and recovers its data directory, opens the network, starts its threads.
 * `config` is copied. `machine` NULL takes the one that node.machine names; otherwise the node
 * owns it from now on, also on failure. On failure *node is NULL and `error` names what and where.
 */
int ww_node_start(const struct ww_config *config, const struct ww_state_machine *machine,
                  struct ww_node **node, struct ww_error *error);

#define WW_NODE_RECOVERY_TEXT 1280

/** One line for people: how much of a log starting found, how fast it was read, and its damage. */
void ww_node_recovery_text(const struct ww_node *node, char *text, size_t size);

/** WW_OK while it runs; the reason (and a sentence in `error`) once it fenced itself. */
int ww_node_health(struct ww_node *node, struct ww_error *error);

/** Stops every thread, waits for writes in flight, returns every buffer. NULL is allowed. */
void ww_node_stop(struct ww_node *node);

/** Writes the node's state as JSON text (docs/operations.md names the fields); free() it. */
char *ww_node_status_json(struct ww_node *node);

#endif
