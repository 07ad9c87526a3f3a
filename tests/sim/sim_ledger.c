/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_ledger.h"

#include "engine/base/assert.h"
#include "engine/wire/checksum.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for item `number`; what is new is zero. */
static void *grow(void *items, size_t *capacity, size_t number, size_t item_bytes)
{
    if (number < *capacity)
        return items;
    size_t larger = *capacity == 0 ? 256 : *capacity;
    while (larger <= number)
        larger *= 2;
    uint8_t *grown = realloc(items, larger * item_bytes);
    WW_ASSERT(grown != NULL);
    memset(grown + *capacity * item_bytes, 0, (larger - *capacity) * item_bytes);
    *capacity = larger;
    return grown;
}

static void reset_group(struct sim_group_ledger *group)
{
    if (group->variants != NULL)
        memset(group->variants, 0, (group->indexes + 1) * sizeof(*group->variants));
    if (group->committed != NULL)
        memset(group->committed, 0, (group->commit + 1) * sizeof(*group->committed));
    if (group->leaders != NULL)
        memset(group->leaders, 0, group->terms + 1);
    group->indexes = group->commit = group->applied = group->terms = 0;
    memset(group->seen_commit, 0, sizeof(group->seen_commit));
    memset(group->led_term, 0, sizeof(group->led_term));
    memset(group->seen_term, 0, sizeof(group->seen_term));
    for (uint32_t id = 0; id <= WW_NODES_MAX; id++) {
        group->held[id].last = group->held[id].base = 0;
        group->held[id].lost_last = group->held[id].lost_base = 0;
        group->held[id].anew = false;
        group->held[id].vote_count = 0;
    }
    for (uint32_t i = 0; i < SIM_LEDGER_CLIENTS; i++) {
        struct sim_stream *stream = &group->streams[i];
        if (stream->operations != NULL)
            memset(stream->operations, 0, stream->count * sizeof(*stream->operations));
        stream->count = 0;
    }
    group->change_count = 0;
    group->told = 0;
}

void sim_ledger_reset(struct sim_ledger *ledger)
{
    ledger->pool_count = 0;
    for (uint32_t i = 0; i < WORLD_GROUPS; i++)
        reset_group(&ledger->groups[i]);
}

void sim_ledger_free(struct sim_ledger *ledger)
{
    for (uint32_t i = 0; i < WORLD_GROUPS; i++) {
        struct sim_group_ledger *group = &ledger->groups[i];
        free(group->variants);
        free(group->committed);
        free(group->leaders);
        for (uint32_t id = 0; id <= WW_NODES_MAX; id++) {
            free(group->held[id].terms);
            free(group->held[id].lost_terms);
            free(group->held[id].votes);
        }
        for (uint32_t k = 0; k < SIM_LEDGER_CLIENTS; k++)
            free(group->streams[k].operations);
        free(group->changes);
    }
    free(ledger->pool);
    *ledger = (struct sim_ledger){0};
}

static struct sim_variant *find(const struct sim_ledger *ledger, uint32_t group, uint64_t index,
                                uint64_t term)
{
    const struct sim_group_ledger *of = &ledger->groups[group];
    uint32_t number = index <= of->indexes && of->variants != NULL ? of->variants[index] : 0;
    while (number != 0 && ledger->pool[number].term != term)
        number = ledger->pool[number].next;
    return number == 0 ? NULL : &ledger->pool[number];
}

const struct sim_variant *sim_ledger_find(const struct sim_ledger *ledger, uint32_t group,
                                          uint64_t index, uint64_t term)
{
    return find(ledger, group, index, term);
}

const char *sim_ledger_entry(struct sim_ledger *ledger, uint32_t group_number, uint32_t node,
                             uint64_t index, uint64_t term, const uint8_t *stored, uint32_t bytes)
{
    struct sim_group_ledger *group = &ledger->groups[group_number];
    struct sim_held *held = &group->held[node];
    if (index > held->last + 1)
        return "log: a gap on a disk";
    held->terms = grow(held->terms, &held->capacity, index, sizeof(*held->terms));
    uint64_t previous = index > 1 ? held->terms[index - 1] : 0;
    held->terms[index] = term;
    held->last = index;
    if (previous > term)
        return "log: terms go down on a disk";
    uint32_t checksum = ww_crc32c(stored, bytes);
    struct sim_variant *known = find(ledger, group_number, index, term);
    if (known != NULL) {
        if (known->checksum != checksum || known->size_bytes != bytes)
            return "log matching: two entries of one index and term differ";
        if (previous != 0 && known->previous_term != 0 && known->previous_term != previous)
            return "log matching: two entries of one index and term follow different ones";
        return NULL;
    }
    group->variants =
        grow(group->variants, &group->variants_capacity, index, sizeof(*group->variants));
    if (index > group->indexes)
        group->indexes = index;
    uint32_t number = ++ledger->pool_count;
    ledger->pool = grow(ledger->pool, &ledger->pool_capacity, number, sizeof(*ledger->pool));
    ledger->pool[number] = (struct sim_variant){
        .term = term,
        .previous_term = previous,
        .checksum = checksum,
        .size_bytes = bytes,
        .next = group->variants[index],
    };
    group->variants[index] = number;
    return NULL;
}

bool sim_ledger_holds(const struct sim_group_ledger *group, uint32_t node, uint64_t index,
                      uint64_t term)
{
    const struct sim_held *held = &group->held[node];
    if (index <= held->base || index <= held->lost_base)
        return true;
    return (index <= held->last && held->terms[index] == term) ||
           (index <= held->lost_last && held->lost_terms[index] == term);
}

void sim_ledger_lose(struct sim_held *held)
{
    if (!held->anew && held->last > 0) {
        held->lost_terms =
            grow(held->lost_terms, &held->lost_capacity, held->last, sizeof(*held->lost_terms));
        memcpy(held->lost_terms, held->terms, (held->last + 1) * sizeof(*held->terms));
        held->lost_last = held->last;
        held->lost_base = held->base;
    }
    held->anew = true;
    held->last = held->base = 0;
}

void sim_ledger_anew(struct sim_held *held)
{
    sim_ledger_lose(held);
    held->vote_count = 0;
}

void sim_ledger_snapshot(struct sim_held *held, uint64_t index, uint64_t term, uint64_t last)
{
    held->terms = grow(held->terms, &held->capacity, index, sizeof(*held->terms));
    if (last != 0)
        held->last = held->last < index ? index : held->last < last ? held->last : last;
    else if (index > held->last || held->terms[index] != term)
        held->last = index;
    held->terms[index] = term;
    held->base = index > held->base ? index : held->base;
}

void sim_ledger_gap(struct sim_held *held, uint64_t index)
{
    held->terms = grow(held->terms, &held->capacity, index, sizeof(*held->terms));
    memset(held->terms, 0, index * sizeof(*held->terms));
    held->last = index - 1;
}

void sim_ledger_vote(struct sim_held *held, uint64_t term, uint32_t vote)
{
    held->votes = grow(held->votes, &held->vote_capacity, held->vote_count, sizeof(*held->votes));
    held->votes[held->vote_count++] = (struct sim_vote){term, vote};
}

bool sim_ledger_voted(const struct sim_held *held, uint64_t term, uint32_t vote)
{
    for (size_t i = held->vote_count; i-- > 0 && held->votes[i].term >= term;)
        if (held->votes[i].term == term && held->votes[i].vote == vote)
            return true;
    return false;
}

struct sim_committed *sim_ledger_committed(struct sim_group_ledger *group, uint64_t index)
{
    group->committed =
        grow(group->committed, &group->committed_capacity, index, sizeof(*group->committed));
    return &group->committed[index];
}

uint8_t *sim_ledger_leader(struct sim_group_ledger *group, uint64_t term)
{
    group->leaders = grow(group->leaders, &group->leaders_capacity, term, 1);
    if (term > group->terms)
        group->terms = term;
    return &group->leaders[term];
}

struct sim_operation *sim_ledger_operation(struct sim_stream *stream, uint64_t sequence)
{
    stream->operations =
        grow(stream->operations, &stream->capacity, sequence, sizeof(*stream->operations));
    if (sequence >= stream->count)
        stream->count = sequence + 1;
    return &stream->operations[sequence];
}

uint64_t sim_ledger_register(const struct sim_group_ledger *group, uint8_t number, uint64_t index)
{
    for (size_t i = group->change_count; i-- > 0;)
        if (group->changes[i].number == number && group->changes[i].index <= index)
            return group->changes[i].value;
    return 0;
}

void sim_ledger_change(struct sim_group_ledger *group, uint64_t index,
                       const struct world_command *command)
{
    struct sim_change change = {.index = index, .value = command->value, .number = command->number};
    if (command->kind == WORLD_COMMAND_ADD)
        change.value += sim_ledger_register(group, command->number, index);
    group->changes =
        grow(group->changes, &group->change_capacity, group->change_count, sizeof(*group->changes));
    group->changes[group->change_count++] = change;
}
