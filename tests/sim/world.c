/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Memory that costs nothing until it is touched. */
static uint8_t *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

struct world *world_create(void)
{
    struct world *world = calloc(1, sizeof(*world));
    if (world == NULL)
        return NULL;
    bool ok = true;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        struct world_node *node = &world->nodes[id];
        node->log_buffer = reserve(WORLD_BUFFER_BYTES);
        node->read_buffers = reserve((size_t)WW_READ_BUFFERS * WW_READ_BYTES);
        node->groups = calloc(WORLD_GROUPS, sizeof(*node->groups));
        ok = world_disk_create(&node->disk) && ok && node->log_buffer != NULL &&
             node->read_buffers != NULL && node->groups != NULL;
    }
    if (!ok) {
        world_destroy(world);
        return NULL;
    }
    return world;
}

void world_destroy(struct world *world)
{
    if (world == NULL)
        return;
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        struct world_node *node = &world->nodes[id];
        if (node->log_buffer != NULL)
            munmap(node->log_buffer, WORLD_BUFFER_BYTES);
        if (node->read_buffers != NULL)
            munmap(node->read_buffers, (size_t)WW_READ_BUFFERS * WW_READ_BYTES);
        world_disk_destroy(&node->disk);
        free(node->groups);
    }
    while (world->free_frames != NULL) {
        struct world_frame *frame = world->free_frames;
        world->free_frames = frame->next;
        free(frame);
    }
    free(world);
}

void world_options_init(struct world_options *options)
{
    *options = (struct world_options){
        .nodes = 3,
        .seed = 1,
        .write_depth = 2,
        .disk_bytes = WORLD_DISK_BYTES,
        .shard =
            {
                .configuration = {.voters = 1u << 1 | 1u << 2 | 1u << 3},
                .groups = 1,
                .heartbeat_ns = 10 * WORLD_MS,
                .election_min_ns = 50 * WORLD_MS,
                .election_max_ns = 100 * WORLD_MS,
                .retry_ns = 15 * WORLD_MS,
                .window_bytes = 64 * WW_KIB,
                .wal = {.block_max = 64 * WW_KIB},
                .session_timeout_ns = 10000 * WORLD_MS,
                .batch_slots = 1024,
                .promises = 256,
                .pendings = 1024,
                .term_runs = 1024,
            },
    };
}

uint64_t world_clock_ns(const struct world_node *node)
{
    const struct world_clock *own = &node->clock;
    uint64_t passed = own->world->now_ns - own->true_ns;
    return own->local_ns + passed + (uint64_t)((int64_t)passed * own->ppm / 1000000);
}

static uint64_t now_of(struct ww_clock *clock)
{
    struct world_clock *own = (struct world_clock *)clock;
    uint64_t stale_ns = own->stale_ns;
    own->stale_ns = 0;
    return stale_ns != 0
               ? stale_ns
               : world_clock_ns(
                     (struct world_node *)((char *)own - offsetof(struct world_node, clock)));
}

void world_clock_jump(struct world_node *node, int64_t ns)
{
    node->clock.local_ns = world_clock_ns(node) + (uint64_t)ns;
    node->clock.true_ns = node->world->now_ns;
}

void world_clock_rate(struct world_node *node, int32_t ppm)
{
    world_clock_jump(node, 0);
    node->clock.ppm = ppm;
}

uint64_t world_clock_when(const struct world_node *node, uint64_t local_ns)
{
    uint64_t local_now = world_clock_ns(node), now = node->world->now_ns;
    if (local_ns <= local_now)
        return now;
    if (local_ns - local_now > INT64_MAX / 4000000)
        return UINT64_MAX;
    uint64_t left = (local_ns - local_now) * 1000000 / (uint64_t)(1000000 + node->clock.ppm);
    return now + left + 1; /* rounded up: never too early */
}

void world_begin(struct world *world, const struct world_options *options)
{
    WW_ASSERT(options->nodes >= 1 && options->nodes <= WW_NODES_MAX &&
              options->shard.groups <= WORLD_GROUPS);
    world->options = *options;
    world->random.state = options->seed;
    world->now_ns = WORLD_START_NS;
    world->frame_ids = 0;
    world->operation_ids = 0;
    world->broken = NULL;
    memset(world->cut, 0, sizeof(world->cut));
    world_network_begin(world);
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++) {
        struct world_node *node = &world->nodes[id];
        node->id = id;
        node->world = world;
        node->paused = false;
        node->joins = false;
        node->starts = 0;
        node->clock = (struct world_clock){
            .base = {.now_ns = now_of},
            .world = world,
            .true_ns = world->now_ns,
            .local_ns = world->now_ns,
        };
        world_disk_begin(&node->disk, world, id);
    }
}

static void end_process(struct world_node *node)
{
    ww_shard_destroy(node->shard);
    node->shard = NULL;
    node->paused = false;
    node->clock.stale_ns = 0;
    world_inbox_clear(node->world, node->id);
}

void world_end(struct world *world)
{
    for (uint32_t id = 1; id <= WW_NODES_MAX; id++)
        if (world->nodes[id].shard != NULL)
            end_process(&world->nodes[id]);
    world_network_end(world);
}

struct visit_context {
    struct ww_group_recovery recovery;
    struct world *world;
    uint32_t node;
};

static int visit(void *context, uint64_t block_position, uint32_t offset,
                 const struct ww_batch_header *batch)
{
    struct visit_context *visit_context = context;
    const struct world_hooks *hooks = &visit_context->world->options.hooks;
    if (hooks->recovered != NULL)
        hooks->recovered(hooks->context, visit_context->node, block_position + offset, batch);
    return ww_group_recovery_visit(&visit_context->recovery, block_position, offset, batch);
}

/* What the disk holds, and whether all that it once held. */
static int recover(struct world_node *node, struct visit_context *context,
                   struct ww_shard_options *options, struct ww_error *error)
{
    int status = ww_group_recovery_init(&context->recovery, options->groups, WORLD_SPAN);
    if (status != WW_OK)
        return ww_fail(error, status, "no memory for the recovery");
    status = world_disk_recover(&node->disk, visit, context, error);
    if (status != WW_OK && context->recovery.error.code != WW_OK && error != NULL)
        *error = context->recovery.error;
    options->amnesia = node->disk.recovering;
    options->amnesia_position = node->disk.recovering_from;
    return status;
}

static int start(struct world_node *node, struct ww_shard_options *options, struct ww_error *error)
{
    struct world *world = node->world;
    struct visit_context context = {.world = world, .node = node->id};
    int status = recover(node, &context, options, error);
    world_machine_init(node);
    if (status == WW_OK)
        status = ww_shard_create(options, &world->ports[node->id].base, &node->disk.base,
                                 &node->clock.base, &node->machine, &context.recovery, &node->shard,
                                 error);
    const struct world_hooks *hooks = &world->options.hooks;
    if (status == WW_OK && context.recovery.lost_groups > 0 && hooks->began_anew != NULL)
        hooks->began_anew(hooks->context, node->id, context.recovery.lost_groups);
    ww_group_recovery_free(&context.recovery);
    return status;
}

static void tell_forgot(struct world_node *node)
{
    const struct world_hooks *hooks = &node->world->options.hooks;
    if (hooks->forgot != NULL)
        hooks->forgot(hooks->context, node->id);
}

int world_start(struct world *world, uint32_t id, struct ww_error *error)
{
    struct world_node *node = &world->nodes[id];
    WW_ASSERT(node->shard == NULL && id >= 1 && id <= world->options.nodes);
    struct ww_shard_options options = world->options.shard;
    node->starts++;
    options.cluster = WORLD_CLUSTER;
    options.self = id;
    if (node->joins)
        options.configuration = (struct ww_configuration){0};
    options.seed = ww_random_mix(world->options.seed + id * 64 + node->starts);
    options.log_buffer = node->log_buffer;
    options.log_buffer_bytes = WORLD_BUFFER_BYTES;
    options.read_buffers = node->read_buffers;
    options.repair = world->options.repairs;
    int status = start(node, &options, error);
    if (status == WW_EDAMAGED && world->options.repairs) {
        world_disk_cut(&node->disk);
        tell_forgot(node);
        status = start(node, &options, error);
    }
    return status;
}

void world_lose(struct world *world, uint32_t id)
{
    struct world_node *node = &world->nodes[id];
    WW_ASSERT(node->shard == NULL);
    world_disk_lose(&node->disk);
    tell_forgot(node);
}

void world_crash(struct world *world, uint32_t id, enum world_survival survival)
{
    struct world_node *node = &world->nodes[id];
    WW_ASSERT(node->shard != NULL);
    world_disk_crash(&node->disk, survival);
    end_process(node);
}

void world_stop(struct world *world, uint32_t id)
{
    struct world_node *node = &world->nodes[id];
    world_disk_done_all(&node->disk);
    if (!node->disk.failed)
        node->disk.identity_durable = node->disk.durable;
    world_crash(world, id, WORLD_SURVIVE_NONE);
}

uint32_t world_poll_stage(struct world *world, uint32_t id, enum world_stage stage)
{
    static uint32_t (*const work[])(struct ww_shard *) = {
        [WORLD_NET] = ww_net_work, [WORLD_LOG] = ww_log_work, [WORLD_APPLY] = ww_apply_work};
    const struct world_node *node = &world->nodes[id];
    if (node->shard == NULL || node->paused)
        return 0;
    return work[stage](node->shard);
}

uint32_t world_poll(struct world *world, uint32_t id)
{
    uint32_t work = world_poll_stage(world, id, WORLD_NET);
    work += world_poll_stage(world, id, WORLD_LOG);
    return work + world_poll_stage(world, id, WORLD_APPLY);
}

void world_poll_idle(struct world *world, uint32_t id, uint32_t rounds)
{
    while (rounds-- > 0 && world_poll(world, id) > 0)
        ;
}
