/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backends for tests of the stages: a network of queues with faults, a disk in memory whose writes
 * become durable when the test says so, a clock that the test turns. All in one thread.
 */
#ifndef WW_TESTS_FAKE_BACKENDS_H
#define WW_TESTS_FAKE_BACKENDS_H

#include "engine/backend/clock.h"
#include "engine/backend/log_store.h"
#include "engine/backend/transport.h"
#include "engine/base/random.h"
#include "tests/memory_file.h"

#define FAKE_CLUSTER_ID 0x1234u
#define FAKE_DATAGRAM 1500u
#define FAKE_QUEUE 4096u
#define FAKE_DISK_BYTES (32u << 20)
#define FAKE_SEGMENT (1u << 20)
#define FAKE_CLIENT 0u /* the client's number on the network; nodes are 1.. */

struct fake_frame {
    uint32_t from;
    uint32_t size;
    _Alignas(8) uint8_t data[FAKE_DATAGRAM];
};

struct fake_network;

struct fake_port {
    struct ww_transport base;
    struct fake_network *network;
    uint32_t self;
    uint32_t first, end; /* received frames, modulo FAKE_QUEUE */
    struct fake_frame *queue;
    struct fake_frame out;
    uint32_t out_link;
};

struct fake_network {
    struct fake_port ports[8];
    struct ww_random random;
    uint32_t loss_percent, duplicate_percent;
    bool cut[8]; /* nothing to or from this port */
};

void fake_network_init(struct fake_network *network, uint32_t ports, uint64_t seed);
void fake_network_free(struct fake_network *network);

#define FAKE_SNAPSHOTS 16u

struct fake_snapshot {
    uint32_t group;
    bool durable;
    uint64_t index;
    struct memory_file file; /* empty: the place is free */
};

struct fake_disk {
    struct ww_log_store base;
    uint8_t *bytes; /* FAKE_DISK_BYTES: position is the offset */
    uint64_t written;
    uint64_t released;   /* a multiple of the segment size; what lies below is overwritten */
    bool held;           /* writes do not become durable while set */
    bool fail_next;      /* the next write fails */
    bool snapshots_held; /* nor do snapshots, while this is set */
    bool fail_snapshot;  /* the next one fails */
    int receive_status;  /* of parts; WW_OK: they are taken */
    int save_status;     /* likewise of own ones */
    struct fake_snapshot snapshots[FAKE_SNAPSHOTS];
    struct fake_snapshot received; /* not complete */
    struct ww_log_event events[256];
    uint32_t event_count;
    uint64_t reads, writes;
};

/* Segments of so many bytes, FAKE_SEGMENT when 0. */
void fake_disk_init(struct fake_disk *disk, uint32_t segment_bytes);
/* As if the process had died and was started again: what was durable is recovered. */
int fake_disk_recover(struct fake_disk *disk, ww_log_visit visit, void *context);
void fake_disk_free(struct fake_disk *disk);

/* The snapshot of a group at `index`; NULL: there is none, or it is not durable. */
struct fake_snapshot *fake_disk_snapshot(struct fake_disk *disk, uint32_t group, uint64_t index);

struct fake_clock {
    struct ww_clock base;
    uint64_t now_ns;
};

uint64_t fake_clock_now(struct ww_clock *clock);

#endif
