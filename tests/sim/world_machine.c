/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of the simulated nodes: registers that commands write or add to, and a digest
 * over every entry. */
#include "world.h"

#include "engine/wire/checksum.h"

#include <stdlib.h>
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

static void apply_entry(struct world_node *node, uint32_t group, const struct ww_entry *entry)
{
    const struct world_hooks *hooks = &node->world->options.hooks;
    struct world_group_state *state = &node->groups[group];
    uint32_t head = ww_entry_head(entry->size_bytes, entry->type);
    struct world_command command;
    if (entry->index <= state->applied)
        node->world->broken = "the state machine was given an entry twice";
    state->digest = ww_crc64_extend(state->digest, &entry->index, sizeof(entry->index));
    state->digest = ww_crc64_extend(state->digest, &head, sizeof(head));
    state->digest = ww_crc64_extend(state->digest, entry->data, entry->size_bytes);
    if (entry->type == WW_ENTRY_DATA && entry->size_bytes >= sizeof(command)) {
        memcpy(&command, entry->data, sizeof(command));
        run_command(state, &command);
    }
    state->applied = entry->index;
    if (hooks->applied != NULL)
        hooks->applied(hooks->context, node->id, group, entry, state->digest);
}

static int apply(void *self, const struct ww_apply_run *run)
{
    uint64_t index = run->first_index;
    if (run->entries_bytes == 0)
        return WW_OK; /* repeated, or of a session that is gone */
    for (uint32_t at = 0; at < run->entries_bytes; index++) {
        uint32_t head;
        memcpy(&head, run->entries + at, sizeof(head));
        struct ww_entry entry = {
            .index = index,
            .term = run->term,
            .data = run->entries + at + sizeof(head),
            .size_bytes = head & 0xffffff,
            .type = (uint8_t)(head >> 24),
        };
        apply_entry(self, run->group, &entry);
        at += ww_entry_stored_bytes(entry.size_bytes);
    }
    if (index != run->first_index + run->count)
        ((struct world_node *)self)->world->broken = "a run has another count than it says";
    return WW_OK;
}

static uint64_t digest(void *self, uint32_t group)
{
    return ((struct world_node *)self)->groups[group].digest;
}

static int view(void *self, uint32_t group, void **view)
{
    struct world_group_state *copy = malloc(sizeof(*copy));
    WW_ASSERT(copy != NULL);
    *copy = ((struct world_node *)self)->groups[group];
    *view = copy;
    return WW_OK;
}

static int save(void *self, void *view, ww_state_write write, void *context)
{
    return write(context, view, sizeof(struct world_group_state));
}

static void end_view(void *self, void *view)
{
    free(view);
}

static int restore(void *self, uint32_t group, uint64_t index, ww_state_read read, void *context)
{
    struct world_node *node = self;
    const struct world_hooks *hooks = &node->world->options.hooks;
    struct world_group_state *state = &node->groups[group];
    if (read(context, state, sizeof(*state)) != sizeof(*state))
        return WW_EDAMAGED;
    if (state->applied > index)
        node->world->broken = "a snapshot holds more than it says";
    state->applied = index;
    if (hooks->restored != NULL)
        hooks->restored(hooks->context, node->id, group, index, state->digest);
    return WW_OK;
}

/* The value of the register that the first byte names. */
static int query(void *self, uint32_t group, const void *request, size_t bytes, void *answer,
                 size_t *answer_bytes)
{
    const struct world_group_state *state = &((struct world_node *)self)->groups[group];
    uint8_t number = bytes > 0 ? *(const uint8_t *)request : 0;
    if (number >= WORLD_REGISTERS || *answer_bytes < sizeof(state->registers[0]))
        return WW_EINVAL;
    memcpy(answer, &state->registers[number], sizeof(state->registers[0]));
    *answer_bytes = sizeof(state->registers[0]);
    return WW_OK;
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
        .view = view,
        .save = save,
        .end_view = end_view,
        .restore = restore,
        .query = query,
        .destroy = destroy,
    };
}
