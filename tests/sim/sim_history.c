/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients did to some registers and saw of them, for the checker tests/lincheck:
 * it knows nothing of logs and indexes, and so judges what sim_check.c takes from them.
 */
#include "sim.h"

#include <inttypes.h>

#define REGISTERS_WRITTEN 3u /* the first ones: nobody adds to them */
#define SEARCH_STEPS 100000u /* then it is left undecided: the search may be exponential */

bool sim_history_holds(uint8_t number)
{
    return number < REGISTERS_WRITTEN;
}

static size_t begin(struct sim *sim, struct ww_operation operation, uint32_t group, uint8_t number)
{
    if (!sim_history_holds(number) || !sim->settings.sessions)
        return 0; /* without a session a write may take effect twice */
    operation.invoked_ns = sim->world->now_ns;
    operation.key = group * WORLD_REGISTERS + number;
    return ww_history_begin(&sim->history, &operation) + 1;
}

size_t sim_history_write(struct sim *sim, uint32_t client, uint32_t group, uint8_t number,
                         uint64_t value)
{
    struct ww_operation operation = {.kind = WW_OP_WRITE, .argument = value, .client = client};
    return begin(sim, operation, group, number);
}

size_t sim_history_read(struct sim *sim, uint32_t group, uint8_t number)
{
    struct ww_operation operation = {.kind = WW_OP_READ, .client = SIM_READER};
    return begin(sim, operation, group, number);
}

void sim_history_end(struct sim *sim, size_t operation, uint64_t result)
{
    uint64_t seen = result != 0 ? result : WW_HISTORY_NONE;
    if (operation != 0)
        ww_history_end(&sim->history, operation - 1, sim->world->now_ns, seen, 0);
}

void sim_check_history(struct sim *sim)
{
    struct ww_lincheck_result result;
    struct ww_error error;
    int status = ww_lincheck(&sim->history, SEARCH_STEPS, &result, &error);
    if (status != WW_OK)
        sim_violated(sim, "the history cannot be checked: %s", error.text);
    else if (result.verdict == WW_NOT_LINEARIZABLE)
        sim_violated(sim, "linearizability: register %" PRIu64 " of group %" PRIu64 ": %s",
                     result.key % WORLD_REGISTERS, result.key / WORLD_REGISTERS, result.why);
}
