/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of the simulated nodes: registers that commands write or add to, and a digest
 * over every entry. */
#include "world.h"

#include "engine/wire/checksum.h"

#include <string.h>

static void run_command(struct world_group_state *state, const struct world_command *command)
{
    if (command->number >= WORLD_REGISTERS)
        return;
    if (command->kind == WORLD_COMMAND_WRITE)
        state->registers[command->number] = command->value;
    else if (command->kind == WORLD_COMMAND_ADD)
        state->registers[command->number] += command->value;
}

static int apply(void *self, const struct ww_apply_run *run)
{
    struct world_node *node = self;
    struct world_group_state *state = &node->groups[run->group];
    const struct world_hooks *hooks = &node->world->options.hooks;
    uint64_t index = run->first_index;
    if (index != state->applied + 1)
        node->world->broken = "the state machine was given entries out of order";
    for (uint32_t at = 0; at < run->entries_bytes; index++) {
        uint32_t head;
        memcpy(&head, run->entries + at, sizeof(head));
        const uint8_t *data = run->entries + at + sizeof(head);
        uint32_t size = head & 0xffffff;
        struct world_command command;
        state->digest = ww_crc64_extend(state->digest, &index, sizeof(index));
        state->digest = ww_crc64_extend(state->digest, run->entries + at, sizeof(head) + size);
        if (head >> 24 == WW_ENTRY_DATA && size == sizeof(command)) {
            memcpy(&command, data, sizeof(command));
            run_command(state, &command);
        }
        at += ww_entry_stored_bytes(size);
    }
    if (index != run->first_index + run->count)
        node->world->broken = "the state machine was given another count than said";
    state->applied = index - 1;
    if (hooks->applied != NULL)
        hooks->applied(hooks->context, node->id, run);
    return WW_OK;
}

static uint64_t digest(void *self, uint32_t group)
{
    return ((struct world_node *)self)->groups[group].digest;
}

static void destroy(void *self)
{
    /* The state is the world's. */
}

void world_machine_init(struct world_node *node)
{
    memset(node->groups, 0, WORLD_GROUPS * sizeof(*node->groups));
    node->machine = (struct ww_state_machine){
        .name = "registers",
        .self = node,
        .apply = apply,
        .digest = digest,
        .destroy = destroy,
    };
}
