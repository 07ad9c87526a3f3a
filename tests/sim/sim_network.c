/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a datagram on its way, and how long the disk takes. */
#include "sim.h"

static uint64_t delay_of(struct sim *sim)
{
    const struct sim_settings *settings = &sim->settings;
    uint64_t delay = sim_pick(sim, settings->delay_min_ns, settings->delay_max_ns);
    if (!sim->calm && sim_chance(sim, settings->late))
        delay += sim_pick(sim, 1, settings->late_max_ns);
    return delay;
}

static void travel(struct sim *sim, struct world_frame *frame)
{
    frame->due_ns = sim->world->now_ns + delay_of(sim);
    sim_at(sim, frame->due_ns, (struct sim_event){.kind = SIM_FRAME, .frame = frame});
}

void sim_sent(void *context, struct world_frame *frame)
{
    struct sim *sim = context;
    const struct sim_settings *settings = &sim->settings;
    sim_check_sent(sim, frame);
    if (sim->calm) {
        travel(sim, frame);
        return;
    }
    if (sim_chance(sim, settings->duplicates))
        travel(sim, world_duplicate(sim->world, frame));
    if (sim_chance(sim, settings->loss)) {
        sim_trace_add(&sim->trace, sim->world->now_ns, "%lu > %lu  lost: frame %lu (%lu %lu %lu)",
                      frame->from, frame->to, frame->id, 0, 0, 0);
        world_drop(sim->world, frame);
        return;
    }
    if (sim_chance(sim, settings->corruption))
        world_corrupt(frame, (uint32_t)ww_random_next(&sim->random));
    travel(sim, frame);
}

void sim_began(void *context, struct world_disk *disk, struct world_operation *operation)
{
    struct sim *sim = context;
    const struct sim_settings *settings = &sim->settings;
    uint64_t takes = sim_pick(sim, settings->write_min_ns, settings->write_max_ns);
    if (!sim->calm && sim_chance(sim, settings->write_late))
        takes += sim_pick(sim, 1, settings->late_max_ns);
    operation->due_ns = sim->world->now_ns + takes;
    sim_at(sim, operation->due_ns,
           (struct sim_event){.kind = SIM_DISK, .node = disk->node, .id = operation->id});
}
