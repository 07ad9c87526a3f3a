/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/acks.h"

#include "engine/base/error.h"
#include "engine/base/limits.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool add(struct ww_crash_acks *acks, const struct ww_crash_ack *ack)
{
    if (acks->count == acks->capacity) {
        size_t capacity = acks->capacity == 0 ? 1024 : acks->capacity * 2;
        struct ww_crash_ack *larger = realloc(acks->acks, capacity * sizeof(*larger));
        if (larger == NULL)
            return false;
        acks->acks = larger;
        acks->capacity = capacity;
    }
    acks->acks[acks->count++] = *ack;
    return true;
}

static bool take_line(struct ww_crash_acks *acks, const char *line)
{
    struct ww_crash_ack ack;
    uint32_t group;
    uint64_t count;
    if (sscanf(line, "ack %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &ack.group,
               &ack.sequence, &ack.count, &ack.index, &ack.logged) == 5)
        return ack.group < acks->groups &&
               (acks->count == 0 || ack.logged >= acks->acks[acks->count - 1].logged) &&
               add(acks, &ack);
    if (sscanf(line, "proposed %" SCNu32 " %" SCNu64, &group, &count) != 2 || group >= acks->groups)
        return false;
    acks->proposed[group] = count;
    return true;
}

static bool take_first_line(struct ww_crash_acks *acks, const char *line)
{
    if (sscanf(line, "seed %" SCNu64 " %" SCNu32, &acks->seed, &acks->groups) != 2 ||
        acks->groups < 1 || acks->groups > WW_GROUPS_MAX)
        return false;
    acks->proposed = calloc(acks->groups, sizeof(*acks->proposed));
    return acks->proposed != NULL;
}

int ww_crash_acks_load(struct ww_crash_acks *acks, const char *path, struct ww_error *error)
{
    char line[256];
    *acks = (struct ww_crash_acks){0};
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return ww_fail_errno(error, WW_EIO, "cannot open %s", path);
    int status = WW_OK;
    for (size_t number = 1; status == WW_OK && fgets(line, sizeof(line), file) != NULL; number++)
        if (!(number == 1 ? take_first_line(acks, line) : take_line(acks, line)))
            status = ww_fail(error, WW_EDAMAGED, "%s: line %zu: %s", path, number, line);
    if (status == WW_OK && (ferror(file) || acks->groups == 0))
        status = ww_fail(error, WW_EDAMAGED, "%s: not whole", path);
    fclose(file);
    return status;
}

void ww_crash_acks_free(struct ww_crash_acks *acks)
{
    free(acks->acks);
    free(acks->proposed);
    *acks = (struct ww_crash_acks){0};
}
