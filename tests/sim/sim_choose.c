/* SPDX-License-Identifier: Apache-2.0 */
/* What the seed chooses: how large the cluster is, and which faults there are, how strong. */
#include "sim.h"

/* Swarm testing (Groce and others, 2012): each kind is there or not, by the seed, so that some runs
 * see much of a kind that others would drown out. */
static uint32_t perhaps(struct sim *sim, uint32_t percent, uint32_t most)
{
    return sim_chance(sim, percent) ? (uint32_t)sim_pick(sim, 1, most) : 0;
}

static void choose_members(struct sim *sim)
{
    struct sim_settings *chosen = &sim->settings;
    uint8_t all = (uint8_t)((2u << chosen->nodes) - 2);
    uint8_t voters = all;
    if (chosen->changes > 0)
        voters &= (uint8_t)ww_random_next(&sim->random);
    if (voters == 0)
        voters = 1u << 1;
    chosen->configuration = (struct ww_configuration){.voters = voters};
    if (sim_chance(sim, 50))
        chosen->configuration.learners = all & (uint8_t)~voters;
    if (chosen->changes > 0)
        chosen->rot = 0; /* who must survive, when anyone may become a voter? */
}

static void choose_times(struct sim *sim)
{
    struct sim_settings *chosen = &sim->settings;
    chosen->heartbeat_ns = sim_pick(sim, 5, 25) * WORLD_MS;
    chosen->election_min_ns = chosen->heartbeat_ns * sim_pick(sim, 3, 8);
    chosen->election_max_ns = chosen->election_min_ns * sim_pick(sim, 15, 30) / 10;
    chosen->delay_min_ns = sim_pick(sim, 10000, 500000);
    chosen->delay_max_ns = chosen->delay_min_ns * sim_pick(sim, 1, 10);
    chosen->late_max_ns = sim_pick(sim, 5, 300) * WORLD_MS;
    chosen->write_min_ns = sim_pick(sim, 20000, 500000);
    chosen->write_max_ns = chosen->write_min_ns * sim_pick(sim, 1, 10);
    chosen->down_max_ns = sim_pick(sim, 1, 500) * WORLD_MS;
    chosen->pause_max_ns = sim_pick(sim, 1, 500) * WORLD_MS;
    chosen->cut_max_ns = sim_pick(sim, 10, 1000) * WORLD_MS;
    chosen->jump_max_ns = sim_pick(sim, 1, 1000) * WORLD_MS;
    chosen->session_timeout_ns = (chosen->strangers > 0 ? sim_pick(sim, 1, 300) : 10000) * WORLD_MS;
    chosen->think_max_ns = sim_pick(sim, 1, 80) * WORLD_MS;
}

/* How blocks are closed; from a generator of its own, so that older seeds are what they were. */
static void choose_tuning(struct sim *sim)
{
    struct ww_random random = {ww_random_mix(sim->random.state)};
    struct ww_wal_tuning *wal = &sim->settings.wal;
    *wal = (struct ww_wal_tuning){.block_max = 64 * WW_KIB};
    if (ww_random_range(&random, 0, 100) < 50)
        return;
    wal->each_entry = ww_random_range(&random, 0, 100) < 25;
    wal->padding = WW_BLOCK_ALIGN << ww_random_range(&random, 0, 3);
    wal->delay_ns = ww_random_range(&random, 0, 4) * WORLD_MS / 2;
    wal->delay_bytes = (uint32_t)ww_random_range(&random, 0, 3) * 4096;
    wal->delay_entries = (uint32_t)ww_random_range(&random, 0, 8);
}

/* Likewise. */
static void choose_retention(struct sim *sim)
{
    struct ww_random random = {ww_random_mix(sim->random.state + 1)};
    if (ww_random_range(&random, 0, 100) < 40)
        sim->settings.retain_bytes = ww_random_range(&random, 1, 17) * (uint64_t)WORLD_SPAN;
    if (ww_random_range(&random, 0, 100) < 20)
        sim->settings.retain_time_ns = ww_random_range(&random, 1, 21) * 100 * WORLD_MS;
}

/* Likewise. */
static void choose_snapshots(struct sim *sim)
{
    struct ww_random random = {ww_random_mix(sim->random.state + 2)};
    struct sim_settings *chosen = &sim->settings;
    chosen->snapshots = (uint32_t)ww_random_range(&random, 0, 40);
    if (ww_random_range(&random, 0, 100) < 70)
        chosen->snapshots = 0;
    if (ww_random_range(&random, 0, 100) < 40)
        chosen->parts_refused = (uint32_t)ww_random_range(&random, 0, 40);
    if (ww_random_range(&random, 0, 100) < 20)
        chosen->parts_lost = (uint32_t)ww_random_range(&random, 0, 10);
}

void sim_choose(struct sim *sim)
{
    static const uint8_t sizes[] = {1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7};
    struct sim_settings *chosen = &sim->settings;
    *chosen = (struct sim_settings){
        .nodes = sizes[sim_pick(sim, 0, sizeof(sizes) - 1)],
        .groups = sim_chance(sim, 50) ? 1 : (uint32_t)sim_pick(sim, 2, 4),
        .clients = (uint32_t)sim_pick(sim, 1, 3),
        .loss = perhaps(sim, 50, 25),
        .duplicates = perhaps(sim, 40, 20),
        .corruption = perhaps(sim, 30, 5),
        .late = perhaps(sim, 50, 20),
        .write_late = perhaps(sim, 40, 10),
        .write_depth = (uint32_t)sim_pick(sim, 1, 4),
        .disk_bytes = WORLD_DISK_BYTES,
        .cuts = perhaps(sim, 50, 10),
        .crashes = perhaps(sim, 60, 20),
        .power_cuts = perhaps(sim, 20, 4),
        .pauses = perhaps(sim, 40, 15),
        .jumps = perhaps(sim, 30, 8),
        .failed_writes = perhaps(sim, 30, 5),
        .rot = perhaps(sim, 40, 20),
        .lost_disks = perhaps(sim, 40, 40),
        .repairs = sim_chance(sim, 75),
        .drift_ppm = perhaps(sim, 50, 500),
        .changes = perhaps(sim, 50, 60),
        .transfers = perhaps(sim, 40, 15),
        .snapshot_entries = perhaps(sim, 60, 100),
        .snapshot_keep = perhaps(sim, 50, 50),
        .adaptive = sim_chance(sim, 30),
        .leases = sim_chance(sim, 50),
        .priorities = sim_chance(sim, 30),
        .sessions = sim_chance(sim, 70),
        .restarts = perhaps(sim, 40, 30),
        .strangers = perhaps(sim, 25, 150),
        .stops = perhaps(sim, 50, 100),
        .room = perhaps(sim, 35, 30),
        .alone = perhaps(sim, 25, 10),
        .reads = perhaps(sim, 70, 1000),
        .lazy = perhaps(sim, 40, 60),
        .burst = (uint32_t)sim_pick(sim, 1, 6),
        .padding = perhaps(sim, 50, SIM_PADDING_MAX),
    };
    if (chosen->alone > 0) { /* what may go wrong then is a read by lease */
        chosen->leases = true;
        chosen->reads += 500;
    }
    choose_times(sim);
    choose_members(sim);
    choose_retention(sim);
    choose_tuning(sim);
    choose_snapshots(sim);
}
