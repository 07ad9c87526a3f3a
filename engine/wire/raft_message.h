/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between the nodes of a group, 48 bytes each on the wire, in this very layout
 * (little-endian). The meaning of the fields per type:
 *
 *  type             index                 log_term            commit
 *  APPEND           previous index        previous term       leader's commit position
 *  APPEND_ACK       durable match index   0                   round that it answers (0: none)
 *  APPEND_REJECT    rejected prev. index  conflicting term    first index of that term,
 *                                         (0: log too short)  or the position expected
 *  PRE_VOTE, VOTE   last index            last term           which start of the sender asks
 *  ..._VOTE_REPLY   0                     0                   which start it answers (GRANTED)
 *  SNAPSHOT         last included index   last included term  offset of the body in the snapshot
 *  SNAPSHOT_ACK     last included index   last included term  bytes of it that are here
 *  TIMEOUT_NOW      0                     0                   0
 *  TERM_PROBE(_REPLY) 0                   0                   0      (asks for, tells the term)
 *  REJOIN           0                     0                   which start of the sender asks
 *  REJOIN_REPLY     leader: the barrier,  which start of the  which start it answers
 *                   else 0                sender answers
 */
#ifndef WW_WIRE_RAFT_MESSAGE_H
#define WW_WIRE_RAFT_MESSAGE_H

#include <stdint.h>

enum ww_raft_message_type {
    WW_RAFT_APPEND = 1, /* with no batch it is a heartbeat, and carries the commit position */
    WW_RAFT_APPEND_ACK = 2,
    WW_RAFT_APPEND_REJECT = 3,
    WW_RAFT_PRE_VOTE = 4,
    WW_RAFT_PRE_VOTE_REPLY = 5,
    WW_RAFT_VOTE = 6,
    WW_RAFT_VOTE_REPLY = 7,
    WW_RAFT_SNAPSHOT = 8,
    WW_RAFT_SNAPSHOT_ACK = 9,
    WW_RAFT_TIMEOUT_NOW = 10, /* the leader hands over: stand for election at once */
    WW_RAFT_TERM_PROBE = 11,  /* a node whose votes are refused often asks instead */
    WW_RAFT_TERM_PROBE_REPLY = 12,
    WW_RAFT_REJOIN = 13, /* a node that may have forgotten promises asks how it can rejoin */
    WW_RAFT_REJOIN_REPLY = 14,
    WW_RAFT_MESSAGE_TYPES = 15,
};

enum ww_raft_message_flags {
    WW_RAFT_GRANTED = 1,  /* REJOIN_REPLY: the others hold the barrier, without the asker */
    WW_RAFT_ANSWER = 2,   /* APPEND: acknowledge this even when the answer says nothing new */
    WW_RAFT_TRANSFER = 4, /* VOTE: the leader asked for this election */
    WW_RAFT_LAST = 8,     /* SNAPSHOT: the body ends it */
    WW_RAFT_OVER = 16,    /* REJOIN: that start has rejoined */
};

struct ww_raft_message {
    uint8_t type;
    uint8_t flags;
    uint16_t question; /* APPEND: the leader's count of questions; REJECT: of what it answers */
    uint32_t group;
    uint32_t body_bytes; /* APPEND: sealed batches; SNAPSHOT: a part of it */
    union {
        uint32_t window_bytes; /* ACK, REJECT: bytes that the receiver grants */
        /* APPEND: the leader's newest round of heartbeats, low 32 bits; REJOIN: of questions;
         * REJOIN_REPLY: that it answers. */
        uint32_t round;
        uint32_t identity; /* SNAPSHOT: CRC32C of its header: two nodes' may end alike */
    };
    uint64_t term;
    uint64_t index;
    uint64_t log_term;
    uint64_t commit;
};

_Static_assert(sizeof(struct ww_raft_message) == 48, "48 bytes on the wire");

#endif
