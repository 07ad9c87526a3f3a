/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The append-only log: per group how far it was applied, and a CRC64 over the encoded entries. A
 * CRC does not see where one run ends and the next begins, so replicas compare equal whatever
 * their batches were.
 */
#include "engine/machine/machine_log.h"

#include "engine/base/limits.h"
#include "engine/wire/batch.h"
#include "engine/wire/checksum.h"

#include <whitewater/state_machine.h>

#include <stdlib.h>
#include <string.h>

struct log_group {
    uint64_t applied; /* the last index, and so the number of entries */
    uint64_t digest;
};

_Static_assert(sizeof(struct log_group) == WW_MACHINE_LOG_BYTES, "what is saved");

struct log_machine {
    uint32_t group_count;
    struct log_group groups[];
};

int ww_apply_next(const struct ww_apply_run *run, uint32_t *cursor, const void **data, size_t *size,
                  uint8_t *type)
{
    if (run->entries_bytes - *cursor < WW_ENTRY_HEADER_BYTES)
        return 0;
    uint32_t head;
    memcpy(&head, run->entries + *cursor, sizeof(head));
    *data = run->entries + *cursor + sizeof(head);
    *size = head & 0xffffff;
    *type = (uint8_t)(head >> 24);
    *cursor += ww_entry_stored_bytes((uint32_t)*size);
    return 1;
}

/* A run that does not continue the log means that this replica missed or repeats an entry. */
static int apply(void *self, const struct ww_apply_run *run)
{
    struct log_machine *machine = self;
    if (run->group >= machine->group_count)
        return WW_ENOTFOUND;
    struct log_group *group = &machine->groups[run->group];
    if (run->first_index != group->applied + 1)
        return WW_EDAMAGED;
    group->applied += run->count;
    group->digest = ww_crc64_extend(group->digest, run->entries, run->entries_bytes);
    return WW_OK;
}

static uint64_t digest(void *self, uint32_t group)
{
    const struct log_machine *machine = self;
    return group < machine->group_count ? machine->groups[group].digest : 0;
}

static int view(void *self, uint32_t group, void **view)
{
    const struct log_machine *machine = self;
    if (group >= machine->group_count)
        return WW_ENOTFOUND;
    struct log_group *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return WW_ENOMEM;
    *copy = machine->groups[group];
    *view = copy;
    return WW_OK;
}

static int save(void *self, void *view, ww_state_write write, void *context)
{
    return write(context, view, sizeof(struct log_group));
}

static void end_view(void *self, void *view)
{
    free(view);
}

static int restore(void *self, uint32_t group, uint64_t index, ww_state_read read, void *context)
{
    struct log_machine *machine = self;
    uint8_t bytes[sizeof(struct log_group) + 1]; /* one more: it must end there */
    struct log_group state;
    size_t size = 0;
    int64_t got;
    if (group >= machine->group_count)
        return WW_ENOTFOUND;
    while ((got = read(context, bytes + size, sizeof(bytes) - size)) > 0)
        size += (size_t)got;
    if (got < 0)
        return (int)got;
    if (size != sizeof(state)) /* it passed its checksums: another machine saved it */
        return WW_EFOREIGN;
    memcpy(&state, bytes, sizeof(state));
    if (state.applied != index)
        return WW_EDAMAGED;
    machine->groups[group] = state;
    return WW_OK;
}

static int query(void *self, uint32_t group, const void *request, size_t bytes, void *answer,
                 size_t *answer_bytes)
{
    const struct log_machine *machine = self;
    const uint64_t state[2] = {machine->groups[group].applied, machine->groups[group].digest};
    if (bytes != 0 || *answer_bytes < sizeof(state))
        return WW_EINVAL;
    memcpy(answer, state, sizeof(state));
    *answer_bytes = sizeof(state);
    return WW_OK;
}

int ww_machine_log_create(uint32_t groups, struct ww_state_machine *machine)
{
    struct log_machine *self = calloc(1, sizeof(*self) + groups * sizeof(self->groups[0]));
    if (self == NULL)
        return WW_ENOMEM;
    self->group_count = groups;
    *machine = (struct ww_state_machine){
        .name = "log",
        .self = self,
        .apply = apply,
        .digest = digest,
        .view = view,
        .save = save,
        .end_view = end_view,
        .restore = restore,
        .query = query,
        .destroy = free,
    };
    return WW_OK;
}
