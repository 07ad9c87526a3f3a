/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group's keys into a snapshot, and out of one. A view is a read transaction: LMDB leaves the
 * pages that it sees as they are, so the map must have room for what is written meanwhile.
 */
#include "engine/machine/machine_kv.h"

#include <stdlib.h>

struct view {
    MDB_txn *txn;
    MDB_dbi dbi;
    struct ww_kv_state state;
};

int ww_kv_view(void *self, uint32_t number, void **out)
{
    struct ww_kv_machine *machine = self;
    if (number >= machine->group_count)
        return WW_ENOTFOUND;
    struct view *view = malloc(sizeof(*view));
    if (view == NULL)
        return WW_ENOMEM;
    *view =
        (struct view){.dbi = machine->groups[number].dbi, .state = machine->groups[number].state};
    MDB_stat stat = {0};
    int status = ww_kv_commit(machine);
    if (status == WW_OK)
        status = ww_kv_status(machine, mdb_txn_begin(machine->env, NULL, MDB_RDONLY, &view->txn));
    if (status == WW_OK)
        status = ww_kv_status(machine, mdb_stat(view->txn, view->dbi, &stat));
    if (status != WW_OK) {
        mdb_txn_abort(view->txn); /* NULL: none */
        free(view);
        return status;
    }
    view->state.keys = stat.ms_entries;
    *out = view;
    return WW_OK;
}

void ww_kv_end_view(void *self, void *given)
{
    struct view *view = given;
    (void)self;
    mdb_txn_abort(view->txn);
    free(view);
}

static int save_item(MDB_val key, MDB_val value, ww_state_write write, void *context)
{
    struct ww_kv_item_head head = {.key_bytes = (uint16_t)key.mv_size,
                                   .revision = ww_kv_split(&value)};
    head.value_bytes = (uint32_t)value.mv_size;
    int status = write(context, &head, sizeof(head));
    if (status == WW_OK)
        status = write(context, key.mv_data, key.mv_size);
    return status != WW_OK ? status : write(context, value.mv_data, value.mv_size);
}

int ww_kv_save(void *self, void *given, ww_state_write write, void *context)
{
    const struct ww_kv_machine *machine = self;
    struct view *view = given;
    MDB_cursor *cursor;
    MDB_val key, value;
    int status = write(context, &view->state, sizeof(view->state));
    if (status != WW_OK)
        return status;
    int result = mdb_cursor_open(view->txn, view->dbi, &cursor);
    if (result != MDB_SUCCESS)
        return ww_kv_status(machine, result);
    while (status == WW_OK &&
           (result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS)
        status = save_item(key, value, write, context);
    mdb_cursor_close(cursor);
    return status != WW_OK || result == MDB_NOTFOUND ? status : ww_kv_status(machine, result);
}

static int read_exactly(ww_state_read read, void *context, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        int64_t got = read(context, (uint8_t *)data + done, bytes - done);
        if (got <= 0)
            return got < 0 ? (int)got : WW_EDAMAGED;
        done += (size_t)got;
    }
    return WW_OK;
}

/* Items come in the order of their keys: one that does not is damage (LMDB refuses to append). */
static int restore_item(struct ww_kv_machine *machine, const struct ww_kv_group *group,
                        ww_state_read read, void *context)
{
    uint8_t bytes[WW_MTU_MAX];
    struct ww_kv_item_head head;
    int status = read_exactly(read, context, &head, sizeof(head));
    if (status != WW_OK)
        return status;
    if (head.key_bytes == 0 || head.key_bytes > WW_KV_KEY_MAX || head.reserved != 0 ||
        head.value_bytes > sizeof(bytes) - head.key_bytes)
        return WW_EDAMAGED;
    status = read_exactly(read, context, bytes, head.key_bytes + head.value_bytes);
    if (status != WW_OK)
        return status;
    MDB_val key = {head.key_bytes, bytes};
    return ww_kv_put(machine, group, key, head.revision, bytes + head.key_bytes, head.value_bytes,
                     MDB_APPEND);
}

int ww_kv_restore(void *self, uint32_t number, uint64_t index, ww_state_read read, void *context)
{
    struct ww_kv_machine *machine = self;
    struct ww_kv_state state;
    if (number >= machine->group_count)
        return WW_ENOTFOUND;
    struct ww_kv_group *group = &machine->groups[number];
    int status = read_exactly(read, context, &state, sizeof(state));
    if (status != WW_OK)
        return status;
    if (state.magic != WW_KV_MAGIC)
        return WW_EFOREIGN;
    if (state.version != WW_KV_VERSION)
        return WW_EVERSION;
    if (state.applied != index)
        return WW_EDAMAGED;
    status = ww_kv_begin(machine);
    if (status == WW_OK)
        status = ww_kv_status(machine, mdb_drop(machine->write, group->dbi, 0));
    for (uint64_t i = 0; i < state.keys && status == WW_OK; i++)
        status = restore_item(machine, group, read, context);
    uint8_t rest;
    if (status == WW_OK && read(context, &rest, 1) != 0)
        status = WW_EDAMAGED;
    /* Also since another thread than this one may go on: a transaction belongs to its thread. */
    int committed = ww_kv_commit(machine);
    group->state = state;
    return status != WW_OK ? status : committed;
}
