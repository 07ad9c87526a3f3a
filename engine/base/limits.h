/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of the engine, in one place. A limit that follows from another is written as the
 * expression that it follows from, and checked here.
 */
#ifndef WW_BASE_LIMITS_H
#define WW_BASE_LIMITS_H

#define WW_KIB (1024u)
#define WW_MIB (1024u * 1024u)

/* Cluster. Node ids are 1..WW_NODES_MAX; 0 means "none". */
#define WW_NODES_MAX 7u
#define WW_GROUPS_MAX 4096u

/* Network: the IP packet, the frame around it, and what one datagram of ours can carry. */
#define WW_MTU_MIN 1280u
#define WW_MTU_DEFAULT 9000u /* jumbo frames, where the transport has them */
#define WW_MTU_MAX 9216u
#define WW_ETHERNET_BYTES 14u
#define WW_IP_UDP_BYTES 28u
#define WW_FRAME_OVERHEAD (WW_ETHERNET_BYTES + WW_IP_UDP_BYTES)
#define WW_DATAGRAM_MAX(mtu) ((mtu)-WW_IP_UDP_BYTES)
#define WW_UDP_PORT_DEFAULT 7100u
#define WW_BURST 32u /* frames per receive or transmit call */
#define WW_BURSTS_PER_POLL 4u
#define WW_CLIENTS_MAX 16u /* client links of one node */
#define WW_MEMIF_RING_LOG2 9u
#define WW_LOCAL_DIRECTORY_MAX 72u /* characters: sockets below it have 107, and names to fit */
#define WW_RX_HELD_MAX 512u        /* received datagrams that a caller may hold at a time */
#define WW_CLIENT_SILENCE_NS 10000000000u /* a client silent this long makes room for another */
#define WW_DPDK_MEMORY (128u * WW_MIB)    /* reserved for DPDK's pools; resident only where used */

/* Wire and disk formats. */
#define WW_DATAGRAM_HEADER_BYTES 32u
#define WW_MESSAGE_BYTES 48u
#define WW_BATCH_HEADER_BYTES 56u
#define WW_ENTRY_HEADER_BYTES 4u
#define WW_BATCH_ALIGN 8u
#define WW_BATCH_ENTRIES_MAX 65535u
#define WW_MESSAGES_PER_DATAGRAM 32u

/* A batch travels whole in one datagram behind one message, so that bounds it and each entry. */
#define WW_BATCH_MAX_IN(datagram)                                                                  \
    (((datagram)-WW_DATAGRAM_HEADER_BYTES - WW_MESSAGE_BYTES) & ~(WW_BATCH_ALIGN - 1))
#define WW_BATCH_MAX(mtu) WW_BATCH_MAX_IN(WW_DATAGRAM_MAX(mtu))
#define WW_ENTRY_MAX(mtu) (WW_BATCH_MAX(mtu) - WW_BATCH_HEADER_BYTES - WW_ENTRY_HEADER_BYTES)

/* Disk. */
#define WW_BLOCK_ALIGN 4096u /* O_DIRECT: every position and size that is written */
#define WW_BLOCK_HEADER_BYTES 64u
#define WW_BLOCK_MAX (256u * WW_KIB)
#define WW_PADDING_MAX (64u * WW_KIB) /* to which blocks may be filled up */
#define WW_WRITE_MAX (1u * WW_MIB)    /* adjacent blocks that go out as one write */
#define WW_SEGMENT_HEADER_BYTES 4096u
#define WW_SEGMENT_BYTES_MIN (1u * WW_MIB)
#define WW_SEGMENT_BYTES_DEFAULT (64u * WW_MIB)
#define WW_SEGMENT_BYTES_MAX (1024u * WW_MIB)
#define WW_WRITE_DEPTH_MAX 16u
#define WW_READ_BYTES (512u * WW_KIB) /* one read of the log; holds at least one whole block */
#define WW_READ_BUFFERS 8u
#define WW_READ_IDLE_NS 10000000u /* a read buffer unused for so long may go to another reader */
#define WW_WAL_REGIONS 2u         /* registered with io_uring */
/* Open segments: one for every operation that may be in flight, and as many that stay open. */
#define WW_WAL_FILES (2u * (WW_WRITE_DEPTH_MAX + WW_READ_BUFFERS))
#define WW_WAL_RING_ENTRIES 64u /* a write has at most a flush behind it */
/* Recovery reads ahead of its checks: so much a read, and so many of them keep a device busy. */
#define WW_WAL_WINDOW_BYTES WW_SEGMENT_BYTES_MIN /* lies in one segment */
#define WW_WAL_WINDOWS 8u
#define WW_WAL_RECOVERY_BYTES (4u * WW_MIB) /* one read of a look at a log */
#define WW_WAL_MEMORY_SEGMENTS_MAX 65536u   /* alive at one time, in memory mode */
#define WW_SURVEY_DAMAGE_MAX 16u            /* damaged places that a look at a log describes */
/* A new segment is written in such pieces, one for each half of it that the log writes meanwhile,
 * or one in so long. */
#define WW_WAL_PREPARE_PIECE (256u * WW_KIB)
#define WW_WAL_PREPARE_PIECE_MIN (32u * WW_KIB) /* beside a log that writes little at a time */
#define WW_WAL_PREPARE_PAUSE_MAX_NS 10000000u
#define WW_WAL_PREPARE_PAUSE_STEP_NS 500000u
#define WW_WAL_PREPARE_RETRY_S 1 /* after a segment could not be made */
#define WW_WAL_ROTATIONS 1024u   /* switches of segment whose time is remembered */

#define WW_BENCH_PREPARE_BYTES (1024ull * WW_MIB) /* log written ahead of a saturated benchmark */
#define WW_BENCH_INJECTIONS_MAX 16u
#define WW_BENCH_LIVE_GROUPS 64u /* of more, a status is too much to ask for each second */
#define WW_BENCH_ROUNDS_MAX 100u /* slices of the measured phase */

/* Sweeps. */
#define WW_SWEEP_POINTS_MAX 500u /* settings to measure; their ids have three digits */
#define WW_SWEEP_REPEATS_MAX 25u
#define WW_SWEEP_ROWS_MAX 64u /* in a list of the file */
#define WW_SWEEP_KEYS_MAX 8u  /* that vary */
#define WW_SWEEP_FIXED_MAX 32u
#define WW_SWEEP_SLO_TERMS_MAX 6u

/* Memory of one shard. */
#define WW_LOG_BUFFER_MIN (1u * WW_MIB)
#define WW_LOG_BUFFER_DEFAULT (64u * WW_MIB)
#define WW_BATCH_TABLE_SLOTS (64u * 1024u) /* descriptors of the batches in the log buffer */
#define WW_LOG_INDEX_STRIDE (64u * WW_KIB) /* bytes of a group between two points of its index */
#define WW_LOG_RESERVE (256u * WW_KIB)     /* of the log buffer, kept for terms and votes */
#define WW_PERSIST_RING_SLOTS 1024u        /* closed blocks on their way to LOG */
#define WW_DURABLE_RING_SLOTS 1024u        /* events of the disk on their way to NET */
#define WW_APPLY_RING_SLOTS 4096u          /* committed batches, and applied positions */
#define WW_RELEASE_NS 1000000000u          /* the stream is looked at so often, to be released */
#define WW_RETAIN_SNAPSHOTS 8u             /* under way when entries beyond a limit need one */
#define WW_PROMISES_MAX 16384u             /* messages that wait for the disk */
#define WW_PENDING_MAX 65536u     /* proposals (runs of entries) that wait for their commit */
#define WW_TRACE_NET_SLOTS 65536u /* records of sampled entries that nobody has taken yet */
#define WW_TRACE_SLOTS 16384u     /* of LOG, and of APPLY: a few per entry, not a dozen */
#define WW_WRITE_SIZES 19u /* writes of the log by entries in them: up to 1, 2, 4, ... 2^18 */

/* Snapshots. */
#define WW_SNAPSHOT_MAX (64ull * 1024u * WW_MIB) /* content of one */
#define WW_SNAPSHOT_CHUNK (256u * WW_KIB)        /* of content, under one checksum */
#define WW_SNAPSHOT_SAVES 64u                    /* waiting or under way in a store */
#define WW_SNAPSHOT_RECEIVES 64u                 /* groups that a store receives one for */
#define WW_SNAPSHOT_STAGING (4u * WW_MIB)        /* received parts on their way to a file */
#define WW_SNAPSHOT_STEP (1u * WW_MIB)           /* written before it is waited for the disk */
#define WW_SNAPSHOT_REST_MAX_NS 50000000u        /* after a step it rests as long as that took */
#define WW_SNAPSHOT_IDLE_NS 10000000000u /* one that got no part so long makes room for others */

/* Consensus. */
#define WW_RAFT_INFLIGHT_MAX 256u /* AppendEntries on the way to one follower */
#define WW_RAFT_WINDOW_DEFAULT (4u * WW_MIB)
#define WW_RAFT_TERM_RUNS 16384u
#define WW_RAFT_RETRY_DOUBLINGS 6u /* a retry waits at most 2^this times the first wait */
#define WW_RAFT_UPDATE_MESSAGES (2u * WW_NODES_MAX)

/* Client sessions, per group. */
#define WW_SESSIONS_MAX 64u
#define WW_SESSION_RUNS 8u /* remembered per session, to answer repeated proposals */
#define WW_QUERIES_MAX 64u /* of a node, under way */
#define WW_QUERY_BYTES_MAX 1024u

/* The key-value machine. */
#define WW_KV_COMMIT_WRITES 256u /* in one transaction: ends within a millisecond or so */
#define WW_KV_VISIT_MAX 4096u    /* keys that one query looks at */
#define WW_KV_MAP_MIN (1u * WW_MIB)
#define WW_KV_MAP_MAX (1024ull * 1024 * WW_MIB)

/* Client library. */
#define WW_CLIENT_WINDOW_ENTRIES_DEFAULT 4096u
#define WW_CLIENT_WINDOW_ENTRIES_MAX 65536u
#define WW_CLIENT_WINDOW_BYTES_MIN (1u * WW_MIB)
#define WW_CLIENT_WINDOW_BYTES_DEFAULT (16u * WW_MIB)
#define WW_CLIENT_WINDOW_BYTES_MAX (256u * WW_MIB)
#define WW_CLIENT_ANSWERS_MAX 128u /* per group, of answers that wait for an earlier one */
#define WW_CLIENT_RETRY_NS_DEFAULT 100000000u
#define WW_CLIENT_SMALL_FRAMES 8u   /* of a group, small ones: then the next waits to fill up */
#define WW_CLIENT_FRAMES_MAX 192u   /* PROPOSEs on the way, all groups: they fit a ring of memif */
#define WW_CLIENT_SILENT_RETRIES 1u /* before another node is asked: within an election timeout */
#define WW_CLIENT_BACKOFF_MIN_NS 50000u /* after BUSY; doubles up to the maximum */
#define WW_CLIENT_BACKOFF_MAX_NS 5000000u
#define WW_CLIENT_GAP_NS 1000000u            /* a resent run refused for so long was lost as well */
#define WW_CLIENT_SEARCH_NS 5000000u         /* between two nodes while no leader is known */
#define WW_CLIENT_READ_BYTES (256u * WW_KIB) /* asked for by one READ */
#define WW_CLIENT_READ_SILENCE_NS 20000000u  /* then the READ is sent again */
#define WW_CLIENT_END_NS 20000000u /* a client that closes waits so long for its sessions' ends */
#define WW_CLIENT_OPEN_TIMEOUT_NS 2000000000u

_Static_assert(2 * WW_CLIENT_FRAMES_MAX <= 1u << WW_MEMIF_RING_LOG2, "no client fills a ring");
_Static_assert(WW_READ_BYTES >= WW_BLOCK_MAX, "a read holds a whole block");
_Static_assert(2 * WW_WRITE_DEPTH_MAX + WW_READ_BUFFERS <= WW_WAL_RING_ENTRIES,
               "neither queue of the ring can overflow");
_Static_assert(WW_WAL_WINDOW_BYTES >= WW_BLOCK_MAX, "a block lies in two windows at most");
_Static_assert(WW_WRITE_MAX / WW_ENTRY_HEADER_BYTES <= 1u << (WW_WRITE_SIZES - 1),
               "the entries of every write have a place to be counted in");
_Static_assert(WW_WRITE_MAX >= WW_BLOCK_MAX, "a write holds a whole block");
_Static_assert(WW_BLOCK_MAX % WW_BLOCK_ALIGN == 0, "blocks are aligned");
_Static_assert(WW_BATCH_MAX(WW_MTU_MAX) + WW_BLOCK_HEADER_BYTES <= WW_BLOCK_MAX,
               "the largest batch fits into a block");
_Static_assert(WW_LOG_BUFFER_MIN >= 2 * WW_BLOCK_MAX, "the log buffer holds two blocks");

#endif
