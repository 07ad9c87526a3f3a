/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between a client and a node, 48 bytes each on the wire, in this very layout.
 *
 *  type        sequence           count    index               other
 *  PROPOSE     first of the run   entries  session, or 0       oldest: oldest sequence that the
 *                                                              client has no answer for; body:
 *                                                              entries, encoded as in a batch
 *  COMMITTED   first of the run   entries  log index of first  oldest: next sequence expected
 *  BUSY        first refused      -        -                   oldest: next sequence expected;
 *                                                              status: 0 a gap, -WW_EBUSY full
 *  NOT_LEADER  first refused      -        -                   node: the leader, or 0
 *  REFUSED     first refused      entries  READ: begin of log  status: a ww_status, negated
 *                                 (0: the rest of the run)
 *  READ        client's tag       -        first index wanted  window_bytes: room for the answer
 *              (bit 63 set)
 *  READ_DATA   the tag            batches  commit position     body: sealed batches; the first may
 *                                                              begin before the wanted index
 *  REGISTER    client's nonce     -        -
 *  REGISTERED  the nonce          -        session
 *  END         client's nonce     -        session
 *  ENDED       the nonce          -        session
 *  QUERY       client's tag       -        -                   body: the state machine's query
 *              (bit 63 set)
 *  QUERY_DATA  the tag            -        applied index that  body: the state machine's answer
 *                                          it was answered at
 *
 * REFUSED with WW_EGONE names the session in index. BUSY, NOT_LEADER and REFUSED that answer a
 * REGISTER or a QUERY have its sequence.
 */
#ifndef WW_WIRE_CLIENT_MESSAGE_H
#define WW_WIRE_CLIENT_MESSAGE_H

#include <stdint.h>

enum ww_client_message_type {
    WW_CLIENT_PROPOSE = 32,
    WW_CLIENT_COMMITTED = 33,
    WW_CLIENT_BUSY = 34,
    WW_CLIENT_NOT_LEADER = 35,
    WW_CLIENT_REFUSED = 36,
    WW_CLIENT_READ = 37,
    WW_CLIENT_READ_DATA = 38,
    WW_CLIENT_REGISTER = 39,
    WW_CLIENT_REGISTERED = 40,
    WW_CLIENT_QUERY = 41,
    WW_CLIENT_QUERY_DATA = 42,
    WW_CLIENT_END = 43, /* of a session: it makes room for another */
    WW_CLIENT_ENDED = 44,
    WW_CLIENT_MESSAGE_TYPES_END = 45,
};

struct ww_client_message {
    uint8_t type;
    uint8_t status;
    uint16_t reserved; /* zero */
    uint32_t group;
    uint32_t body_bytes;
    uint32_t window_bytes;
    uint64_t sequence;
    uint64_t oldest;
    uint64_t index;
    uint32_t count;
    uint32_t node;
};

_Static_assert(sizeof(struct ww_client_message) == 48, "48 bytes on the wire");

#endif
