/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in a group: the payload of a WW_ENTRY_CONFIGURATION entry, in this very layout. One bit
 * per node id (bit 1 is node 1; bit 0 is never set).
 *
 * In the joint phase of a change, decisions need a majority of `voters` and one of `old_voters`
 * (section 6 of the paper: C_old,new); else old_voters is 0. A node in old_voters may be in
 * `learners` as well: it becomes one when the joint phase ends.
 */
#ifndef WW_WIRE_CONFIGURATION_H
#define WW_WIRE_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

struct ww_configuration {
    uint8_t voters;
    uint8_t old_voters;
    uint8_t learners; /* receive the log, have no vote */
    uint8_t reserved; /* zero */
};

_Static_assert(sizeof(struct ww_configuration) == 4, "4 bytes on wire and disk");

/* An all-zero configuration is that of a node that waits to be added: it knows nobody. */
static inline bool ww_configuration_valid(const struct ww_configuration *configuration)
{
    uint8_t all = configuration->voters | configuration->old_voters | configuration->learners;

    return (all & 1) == 0 && configuration->reserved == 0 &&
           (configuration->voters & configuration->learners) == 0 &&
           (configuration->voters != 0 || all == 0);
}

static inline bool ww_configuration_joint(const struct ww_configuration *configuration)
{
    return configuration->old_voters != 0;
}

/* All nodes that receive the log. */
static inline uint8_t ww_configuration_members(const struct ww_configuration *configuration)
{
    return configuration->voters | configuration->old_voters | configuration->learners;
}

#endif
