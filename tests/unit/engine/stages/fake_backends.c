/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_backends.h"

#include <stdlib.h>
#include <string.h>

static struct fake_port *port_of(struct ww_transport *transport)
{
    return (struct fake_port *)transport;
}

static uint32_t rx_burst(struct ww_transport *transport, struct ww_rx *out, uint32_t max)
{
    struct fake_port *port = port_of(transport);
    uint32_t count = 0;
    while (count < max && port->first != port->end) {
        struct fake_frame *frame = &port->queue[port->first++ % FAKE_QUEUE];
        uint32_t link = frame->from == FAKE_CLIENT ? WW_LINK_CLIENT : frame->from;
        out[count++] = (struct ww_rx){.data = frame->data, .size_bytes = frame->size, .link = link};
    }
    return count;
}

static void rx_release(struct ww_transport *transport, struct ww_rx *rx, uint32_t count)
{
}

static uint8_t *tx_begin(struct ww_transport *transport, uint32_t link)
{
    struct fake_port *port = port_of(transport);
    port->out_link = link >= WW_LINK_CLIENT ? FAKE_CLIENT : link;
    return port->out.data;
}

static void deliver(struct fake_port *to, const struct fake_frame *frame)
{
    if (to->end - to->first < FAKE_QUEUE)
        to->queue[to->end++ % FAKE_QUEUE] = *frame;
}

static void tx_send(struct ww_transport *transport, uint32_t head_bytes, const void *body,
                    uint32_t body_bytes)
{
    struct fake_port *port = port_of(transport);
    struct fake_network *network = port->network;
    if (body_bytes > 0)
        memcpy(port->out.data + head_bytes, body, body_bytes);
    port->out.size = head_bytes + body_bytes;
    port->out.from = port->self;
    if (network->cut[port->self] || network->cut[port->out_link] ||
        ww_random_range(&network->random, 0, 100) < network->loss_percent)
        return;
    deliver(&network->ports[port->out_link], &port->out);
    if (ww_random_range(&network->random, 0, 100) < network->duplicate_percent)
        deliver(&network->ports[port->out_link], &port->out);
}

static void tx_flush(struct ww_transport *transport)
{
}

static int link_up(struct ww_transport *transport, uint32_t link)
{
    return 1;
}

static void close_port(struct ww_transport *transport)
{
}

static const struct ww_transport_ops network_ops = {rx_burst, rx_release, tx_begin,  tx_send,
                                                    tx_flush, link_up,    close_port};

void fake_network_init(struct fake_network *network, uint32_t ports, uint64_t seed)
{
    memset(network, 0, sizeof(*network));
    network->random.state = seed;
    for (uint32_t i = 0; i < ports; i++) {
        struct fake_port *port = &network->ports[i];
        port->base.ops = &network_ops;
        port->base.name = "fake";
        port->base.max_datagram = FAKE_DATAGRAM;
        port->network = network;
        port->self = i;
        port->queue = calloc(FAKE_QUEUE, sizeof(*port->queue));
    }
}

void fake_network_free(struct fake_network *network)
{
    for (uint32_t i = 0; i < 8; i++)
        free(network->ports[i].queue);
}

static struct fake_disk *disk_of(struct ww_log_store *store)
{
    return (struct fake_disk *)store;
}

static int write_disk(struct ww_log_store *store, uint64_t position, const void *data,
                      uint32_t size_bytes)
{
    struct fake_disk *disk = disk_of(store);
    struct ww_log_event *event = &disk->events[disk->event_count++];
    if (disk->fail_next) {
        *event = (struct ww_log_event){.type = WW_LOG_FAILED, .status = WW_EIO};
        return WW_OK;
    }
    memcpy(disk->bytes + position, data, size_bytes);
    disk->writes++;
    *event = (struct ww_log_event){.type = WW_LOG_WRITTEN, .position = position + size_bytes};
    return WW_OK;
}

static int read_disk(struct ww_log_store *store, uint32_t tag, uint64_t position, void *data,
                     uint32_t size_bytes)
{
    struct fake_disk *disk = disk_of(store);
    memcpy(data, disk->bytes + position, size_bytes);
    disk->reads++;
    int status = position < disk->released ? WW_EGONE : WW_OK;
    disk->events[disk->event_count++] = (struct ww_log_event){.type = WW_LOG_READ,
                                                              .status = status,
                                                              .position = position,
                                                              .size_bytes = size_bytes,
                                                              .tag = tag};
    return WW_OK;
}

static void free_snapshot(struct fake_snapshot *snapshot)
{
    memory_file_free(&snapshot->file);
    *snapshot = (struct fake_snapshot){0};
}

static bool report_snapshot(struct fake_disk *disk, struct fake_snapshot *snapshot,
                            struct ww_log_event *event)
{
    struct ww_snapshot_blob blob = {snapshot->file.data, snapshot->file.bytes};
    if (blob.data == NULL || snapshot->durable)
        return false;
    *event = (struct ww_log_event){.type = WW_LOG_SNAPSHOT_SAVED,
                                   .status = disk->fail_snapshot ? WW_ENOSPC : WW_OK,
                                   .position = snapshot->index,
                                   .tag = snapshot->group};
    if (event->status == WW_OK)
        event->status = ww_snapshot_check(&blob, FAKE_CLUSTER_ID, snapshot->group, NULL);
    snapshot->durable = event->status == WW_OK;
    if (snapshot->durable)
        event->snapshot = memory_file_map(&snapshot->file);
    else
        free_snapshot(snapshot);
    disk->fail_snapshot = false;
    return true;
}

static uint32_t poll_disk(struct ww_log_store *store, struct ww_log_event *events, uint32_t max)
{
    struct fake_disk *disk = disk_of(store);
    uint32_t count = disk->held ? 0 : disk->event_count < max ? disk->event_count : max;
    memcpy(events, disk->events, count * sizeof(*events));
    memmove(disk->events, disk->events + count, (disk->event_count - count) * sizeof(*events));
    disk->event_count -= count;
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].type == WW_LOG_WRITTEN)
            disk->written = events[i].position;
    }
    for (uint32_t i = 0; i < FAKE_SNAPSHOTS && count < max && !disk->snapshots_held; i++)
        count += report_snapshot(disk, &disk->snapshots[i], &events[count]);
    return count;
}

/* A place for one that is whole; NULL: there is none. */
static struct fake_snapshot *take_place(struct fake_disk *disk, uint32_t group, uint64_t index)
{
    for (uint32_t i = 0; i < FAKE_SNAPSHOTS; i++) {
        struct fake_snapshot *snapshot = &disk->snapshots[i];
        if (snapshot->file.data != NULL && (snapshot->group != group || snapshot->index != index))
            continue;
        free_snapshot(snapshot);
        snapshot->group = group;
        snapshot->index = index;
        return snapshot;
    }
    return NULL;
}

static int save_snapshot(struct ww_log_store *store, const struct ww_snapshot_save *save)
{
    struct fake_disk *disk = disk_of(store);
    if (disk->save_status != WW_OK)
        return disk->save_status;
    struct fake_snapshot *snapshot = take_place(disk, save->group, save->about.index);
    free_snapshot(&disk->received);
    return snapshot == NULL ? WW_EBUSY : memory_file_save(&snapshot->file, save);
}

static int receive_snapshot(struct ww_log_store *store, uint32_t group, uint64_t index,
                            uint64_t offset, const void *data, uint32_t bytes, bool last)
{
    struct fake_disk *disk = disk_of(store);
    struct fake_snapshot *received = &disk->received;
    if (disk->receive_status != WW_OK)
        return disk->receive_status;
    if (offset == 0) {
        free_snapshot(received);
        received->group = group;
        received->index = index;
    }
    if (received->group != group || received->index != index || received->file.bytes != offset)
        return WW_EIO;
    memory_file_write(&received->file, data, bytes);
    if (!last)
        return WW_OK;
    struct fake_snapshot *place = take_place(disk, group, index);
    if (place == NULL)
        return WW_ENOSPC;
    *place = *received;
    *received = (struct fake_snapshot){0};
    return WW_OK;
}

static void drop_snapshots(struct ww_log_store *store, uint32_t group, uint64_t index)
{
    struct fake_disk *disk = disk_of(store);
    for (uint32_t i = 0; i < FAKE_SNAPSHOTS; i++) {
        struct fake_snapshot *snapshot = &disk->snapshots[i];
        if (snapshot->durable && snapshot->group == group && snapshot->index < index)
            free_snapshot(snapshot);
    }
}

struct fake_snapshot *fake_disk_snapshot(struct fake_disk *disk, uint32_t group, uint64_t index)
{
    for (uint32_t i = 0; i < FAKE_SNAPSHOTS; i++) {
        struct fake_snapshot *snapshot = &disk->snapshots[i];
        if (snapshot->durable && snapshot->group == group && snapshot->index == index)
            return snapshot;
    }
    return NULL;
}

static int map_snapshot(struct ww_log_store *store, uint32_t group, uint64_t index,
                        struct ww_snapshot_blob *blob)
{
    const struct fake_snapshot *snapshot = fake_disk_snapshot(disk_of(store), group, index);
    if (snapshot == NULL)
        return WW_ENOTFOUND;
    *blob = memory_file_map(&snapshot->file);
    return WW_OK;
}

static void unmap_snapshot(struct ww_log_store *store, struct ww_snapshot_blob *blob)
{
    memory_file_unmap(blob);
}

/* What is given back is written over at once, and makes room behind the end. */
static void release_disk(struct ww_log_store *store, uint64_t position)
{
    struct fake_disk *disk = disk_of(store);
    uint64_t last = disk->written > 0 ? disk->written - 1 : 0;
    uint64_t first = position < last ? position : last;
    first -= first % store->segment_bytes;
    if (first <= disk->released)
        return;
    memset(disk->bytes + disk->released, 0xdb, first - disk->released);
    store->limit_position += first - disk->released;
    disk->released = first;
}

static void close_disk(struct ww_log_store *store)
{
}

static const struct ww_log_store_ops disk_ops = {
    .write = write_disk,
    .read = read_disk,
    .poll = poll_disk,
    .release = release_disk,
    .close = close_disk,
    .snapshot_save = save_snapshot,
    .snapshot_receive = receive_snapshot,
    .snapshot_drop = drop_snapshots,
    .snapshot_map = map_snapshot,
    .snapshot_unmap = unmap_snapshot,
};

void fake_disk_init(struct fake_disk *disk, uint32_t segment_bytes)
{
    memset(disk, 0, sizeof(*disk));
    disk->bytes = calloc(1, FAKE_DISK_BYTES);
    disk->base.ops = &disk_ops;
    disk->base.stream_id = 42;
    disk->base.epoch = 1;
    disk->base.segment_bytes = segment_bytes > 0 ? segment_bytes : FAKE_SEGMENT;
    disk->base.span_bytes = (uint32_t)disk->base.segment_bytes;
    disk->base.write_depth = 2;
    disk->base.limit_position = FAKE_DISK_BYTES;
}

int fake_disk_recover(struct fake_disk *disk, ww_log_visit visit, void *context)
{
    uint64_t position = disk->released;
    uint32_t link = 0;
    while (position < disk->written) {
        const struct ww_block_header *block = (const void *)(disk->bytes + position);
        struct ww_block_place place = {disk->base.stream_id, position};
        bool oldest = position == disk->released && position > 0; /* of a chain without begin */
        if (ww_block_check(block, WW_BLOCK_MAX, place) != NULL || (block->link != link && !oldest))
            return WW_EDAMAGED;
        uint32_t at = WW_BLOCK_HEADER_BYTES;
        for (uint32_t i = 0; i < block->batches; i++) {
            const struct ww_batch_header *batch = ww_batch_header((const uint8_t *)block + at);
            int status = visit(context, position, at, batch);
            if (status != WW_OK)
                return status;
            at += batch->size_bytes;
        }
        link = block->crc32c;
        position += block->span_bytes;
    }
    disk->base.start_position = position;
    disk->base.start_link = link;
    disk->base.epoch++;
    disk->event_count = 0;
    for (uint32_t i = 0; i < FAKE_SNAPSHOTS; i++) {
        if (!disk->snapshots[i].durable)
            free_snapshot(&disk->snapshots[i]);
    }
    free_snapshot(&disk->received);
    return WW_OK;
}

void fake_disk_free(struct fake_disk *disk)
{
    free(disk->bytes);
    for (uint32_t i = 0; i < FAKE_SNAPSHOTS; i++)
        free_snapshot(&disk->snapshots[i]);
    free_snapshot(&disk->received);
}

uint64_t fake_clock_now(struct ww_clock *clock)
{
    return ((struct fake_clock *)clock)->now_ns;
}
