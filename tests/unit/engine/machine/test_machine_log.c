/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/random.h"
#include "engine/wire/batch.h"

#include <whitewater/state_machine.h>

#include <criterion/criterion.h>

#include <string.h>

#define ENTRIES 100u

static struct ww_state_machine machine;
static uint8_t entries[ENTRIES * 64];
static uint32_t offsets[ENTRIES + 1];

static void setup(void)
{
    struct ww_random random = {5};
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint8_t data[60];
        uint32_t size = (uint32_t)ww_random_range(&random, 0, sizeof(data));
        memset(data, (int)i, size);
        bool noop = i % 10 == 0;
        offsets[i + 1] =
            offsets[i] + ww_entry_encode(entries + offsets[i], noop ? WW_ENTRY_NOOP : WW_ENTRY_DATA,
                                         data, noop ? 0 : size);
    }
    cr_assert_eq(ww_machine_log_create(3, &machine), WW_OK);
}

static void teardown(void)
{
    machine.destroy(machine.self);
}

TestSuite(machine_log, .init = setup, .fini = teardown);

static struct ww_apply_run run_of(uint32_t group, uint32_t from, uint32_t to)
{
    return (struct ww_apply_run){
        .group = group,
        .count = to - from,
        .first_index = from + 1,
        .term = 1,
        .entries = entries + offsets[from],
        .entries_bytes = offsets[to] - offsets[from],
    };
}

static int apply(uint32_t group, uint32_t from, uint32_t to)
{
    struct ww_apply_run run = run_of(group, from, to);
    return machine.apply(machine.self, &run);
}

Test(machine_log, the_digest_does_not_depend_on_the_batches)
{
    cr_assert_eq(apply(0, 0, ENTRIES), WW_OK);
    for (uint32_t i = 0; i < ENTRIES; i++)
        cr_assert_eq(apply(1, i, i + 1), WW_OK);
    cr_assert_eq(machine.digest(machine.self, 0), machine.digest(machine.self, 1));
    cr_assert_neq(machine.digest(machine.self, 0), 0);
    cr_assert_eq(machine.digest(machine.self, 2), 0, "nothing was applied there");
}

Test(machine_log, the_digest_sees_every_byte)
{
    cr_assert_eq(apply(0, 0, 20), WW_OK);
    uint64_t right = machine.digest(machine.self, 0);
    for (uint32_t i = 0; i < offsets[20]; i++) {
        struct ww_state_machine other;
        cr_assert_eq(ww_machine_log_create(1, &other), WW_OK);
        entries[i] ^= 1;
        struct ww_apply_run run = run_of(0, 0, 20);
        other.apply(other.self, &run);
        entries[i] ^= 1;
        cr_assert_neq(other.digest(other.self, 0), right, "byte %u", i);
        other.destroy(other.self);
    }
}

Test(machine_log, a_gap_or_a_repetition_is_an_error)
{
    cr_assert_eq(apply(0, 1, 2), WW_EDAMAGED, "the log begins at 1");
    cr_assert_eq(apply(0, 0, 10), WW_OK);
    uint64_t digest = machine.digest(machine.self, 0);
    cr_assert_eq(apply(0, 9, 12), WW_EDAMAGED);
    cr_assert_eq(apply(0, 11, 12), WW_EDAMAGED);
    cr_assert_eq(machine.digest(machine.self, 0), digest, "neither was applied");
    cr_assert_eq(apply(0, 10, 11), WW_OK);
}

Test(machine_log, an_unknown_group_is_an_error)
{
    cr_assert_eq(apply(3, 0, 1), WW_ENOTFOUND);
    cr_assert_eq(machine.digest(machine.self, 3), 0);
}

/* A saved state, and how far it was read. */
struct saved {
    uint8_t bytes[64];
    size_t size, read;
};

static int write_saved(void *context, const void *data, size_t bytes)
{
    struct saved *saved = context;
    memcpy(saved->bytes + saved->size, data, bytes);
    saved->size += bytes;
    return WW_OK;
}

/* In pieces of at most 5 bytes. */
static int64_t read_saved(void *context, void *data, size_t bytes)
{
    struct saved *saved = context;
    size_t left = saved->size - saved->read;
    bytes = bytes < left ? bytes : left;
    bytes = bytes < 5 ? bytes : 5;
    memcpy(data, saved->bytes + saved->read, bytes);
    saved->read += bytes;
    return (int64_t)bytes;
}

static int64_t read_nothing(void *context, void *data, size_t bytes)
{
    return WW_EIO;
}

static struct saved save_at_40(void)
{
    struct saved saved = {0};
    void *view;
    cr_assert_eq(apply(0, 0, 40), WW_OK);
    cr_assert_eq(machine.view(machine.self, 0, &view), WW_OK);
    cr_assert_eq(apply(0, 40, ENTRIES), WW_OK, "while the view is there");
    cr_assert_eq(machine.save(machine.self, view, write_saved, &saved), WW_OK);
    machine.end_view(machine.self, view);
    return saved;
}

Test(machine_log, a_view_stays_as_it_was_and_restores_to_it)
{
    struct saved saved = save_at_40();
    void *view;
    cr_assert_eq(machine.restore(machine.self, 1, 40, read_saved, &saved), WW_OK);
    cr_assert_eq(apply(2, 0, 40), WW_OK);
    cr_assert_eq(machine.digest(machine.self, 1), machine.digest(machine.self, 2));
    cr_assert_eq(apply(1, 40, ENTRIES), WW_OK, "it goes on behind the view");
    cr_assert_eq(machine.digest(machine.self, 1), machine.digest(machine.self, 0));
    cr_assert_eq(machine.view(machine.self, 3, &view), WW_ENOTFOUND);
}

Test(machine_log, what_is_no_saved_state_is_refused)
{
    struct saved saved = save_at_40();
    cr_assert_eq(machine.restore(machine.self, 1, 41, read_saved, &saved), WW_EDAMAGED);
    saved.read = 0;
    saved.size--;
    cr_assert_eq(machine.restore(machine.self, 1, 40, read_saved, &saved), WW_EFOREIGN);
    saved.read = 0;
    saved.size += 2;
    cr_assert_eq(machine.restore(machine.self, 1, 40, read_saved, &saved), WW_EFOREIGN);
    cr_assert_eq(machine.restore(machine.self, 1, 40, read_nothing, NULL), WW_EIO);
    cr_assert_eq(machine.restore(machine.self, 3, 40, read_saved, &saved), WW_ENOTFOUND);
    cr_assert_eq(machine.digest(machine.self, 1), 0, "none was taken");
}

Test(machine_log, entries_are_stepped_through)
{
    struct ww_apply_run run = run_of(0, 0, ENTRIES);
    uint32_t cursor = 0, count = 0;
    const void *data;
    size_t size;
    uint8_t type;
    while (ww_apply_next(&run, &cursor, &data, &size, &type)) {
        cr_assert_eq(type, count % 10 == 0 ? WW_ENTRY_NOOP : WW_ENTRY_DATA);
        cr_assert_eq(size, offsets[count + 1] - offsets[count] - 4);
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(((const uint8_t *)data)[i], count);
        count++;
    }
    cr_assert_eq(count, ENTRIES);
}
