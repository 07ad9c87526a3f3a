/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of the key-value machine; each does a bounded amount of work: APPLY waits for it. */
#include "engine/machine/machine_kv.h"

/* The answer as it grows. */
struct answer {
    uint8_t *data;
    size_t used, room;
};

struct request {
    struct ww_kv_query_head head;
    const uint8_t *first;
    MDB_val end;
};

static bool add(struct answer *answer, const void *data, size_t bytes)
{
    if (answer->room - answer->used < bytes)
        return false;
    answer->used = ww_kv_write(answer->data, answer->used, data, bytes);
    return true;
}

static bool decode(const uint8_t *data, size_t bytes, struct request *request)
{
    *request = (struct request){.head.query = WW_KV_INFO};
    if (bytes == 0)
        return true; /* as the log machine is asked */
    if (bytes < sizeof(request->head))
        return false;
    memcpy(&request->head, data, sizeof(request->head));
    if (request->head.first_bytes > bytes - sizeof(request->head))
        return false;
    request->first = data + sizeof(request->head);
    request->end = (MDB_val){bytes - sizeof(request->head) - request->head.first_bytes,
                             (void *)(request->first + request->head.first_bytes)};
    return true;
}

static int get(const struct ww_kv_machine *machine, MDB_txn *txn, MDB_dbi dbi,
               const struct request *request, struct answer *answer)
{
    uint64_t revision = 0;
    MDB_val value = {0};
    if (request->head.first_bytes == 0 || request->head.first_bytes > WW_KV_KEY_MAX)
        return WW_EINVAL;
    MDB_val key = {request->head.first_bytes, (void *)request->first};
    int status = ww_kv_get(machine, txn, dbi, key, &revision, &value);
    if (status != WW_OK && status != WW_ENOTFOUND)
        return status;
    bool fits =
        add(answer, &revision, sizeof(revision)) && add(answer, value.mv_data, value.mv_size);
    return fits ? WW_OK : WW_ETOOBIG;
}

/* The next key of the range, or MDB_NOTFOUND; `cursor` stands before it. */
static int step(MDB_txn *txn, MDB_dbi dbi, MDB_cursor *cursor, const struct request *request,
                uint32_t visited, MDB_val *key, MDB_val *value)
{
    int result;
    *key = (MDB_val){request->head.first_bytes, (void *)request->first};
    if (visited > 0)
        result = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    else
        result = mdb_cursor_get(cursor, key, value, key->mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
    if (result == MDB_SUCCESS && request->end.mv_size > 0 &&
        mdb_cmp(txn, dbi, key, &request->end) >= 0)
        return MDB_NOTFOUND;
    return result;
}

static bool add_item(const struct request *request, MDB_val key, MDB_val value,
                     struct answer *answer)
{
    struct ww_kv_item_head item = {.key_bytes = (uint16_t)key.mv_size,
                                   .revision = ww_kv_split(&value)};
    if ((request->head.flags & WW_KV_KEYS_ONLY) != 0)
        value.mv_size = 0;
    item.value_bytes = (uint32_t)value.mv_size;
    if (answer->room - answer->used < sizeof(item) + key.mv_size + value.mv_size)
        return false;
    return add(answer, &item, sizeof(item)) && add(answer, key.mv_data, key.mv_size) &&
           add(answer, value.mv_data, value.mv_size);
}

static int range(const struct ww_kv_machine *machine, MDB_txn *txn, MDB_dbi dbi, MDB_cursor *cursor,
                 const struct request *request, struct answer *answer)
{
    struct ww_kv_range_head head = {0};
    MDB_val key, value;
    int result;
    if (!add(answer, &head, sizeof(head)))
        return WW_ETOOBIG;
    while ((result = step(txn, dbi, cursor, request, head.count, &key, &value)) == MDB_SUCCESS) {
        bool wanted = head.count < WW_KV_VISIT_MAX &&
                      (request->head.limit == 0 || head.count < request->head.limit);
        head.more = !wanted || !add_item(request, key, value, answer);
        if (head.more != 0)
            break;
        head.count++;
    }
    ww_kv_write(answer->data, 0, &head, sizeof(head));
    if (head.count == 0 && head.more != 0)
        return WW_ETOOBIG;
    return result == MDB_NOTFOUND ? WW_OK : ww_kv_status(machine, result);
}

static int count(const struct ww_kv_machine *machine, MDB_txn *txn, MDB_dbi dbi, MDB_cursor *cursor,
                 const struct request *request, struct answer *answer)
{
    uint32_t limit = request->head.limit, visited = 0;
    MDB_val key, value;
    int result;
    if (limit == 0 || limit > WW_KV_VISIT_MAX)
        limit = WW_KV_VISIT_MAX;
    while ((result = step(txn, dbi, cursor, request, visited, &key, &value)) == MDB_SUCCESS &&
           visited < limit)
        visited++;
    const uint64_t counted = visited;
    bool fits = add(answer, &counted, sizeof(counted)) &&
                (result != MDB_SUCCESS || add(answer, key.mv_data, key.mv_size));
    if (!fits)
        return WW_ETOOBIG;
    return result == MDB_NOTFOUND ? WW_OK : ww_kv_status(machine, result);
}

static int query_range(const struct ww_kv_machine *machine, MDB_txn *txn, MDB_dbi dbi,
                       const struct request *request, struct answer *answer)
{
    MDB_cursor *cursor;
    /* One more than a key has: the one behind a key ends with a zero byte. */
    if (request->head.first_bytes > WW_KV_KEY_MAX + 1 || request->end.mv_size > WW_KV_KEY_MAX + 1)
        return WW_EINVAL;
    int result = mdb_cursor_open(txn, dbi, &cursor);
    if (result != MDB_SUCCESS)
        return ww_kv_status(machine, result);
    int status = request->head.query == WW_KV_RANGE
                     ? range(machine, txn, dbi, cursor, request, answer)
                     : count(machine, txn, dbi, cursor, request, answer);
    mdb_cursor_close(cursor);
    return status;
}

static int outcome(const struct ww_kv_state *state, const struct request *request,
                   struct answer *answer)
{
    uint64_t index;
    if (request->head.first_bytes != sizeof(index))
        return WW_EINVAL;
    memcpy(&index, request->first, sizeof(index));
    if (index == 0 || index > state->applied || state->applied - index >= WW_KV_OUTCOMES)
        return WW_EGONE;
    return add(answer, &state->outcomes[index % WW_KV_OUTCOMES], 1) ? WW_OK : WW_ETOOBIG;
}

static int info(const struct ww_kv_machine *machine, MDB_txn *txn, const struct ww_kv_group *group,
                struct answer *answer)
{
    const struct ww_kv_state *state = &group->state;
    MDB_stat stat;
    MDB_envinfo env;
    int result = mdb_stat(txn, group->dbi, &stat);
    if (result == MDB_SUCCESS)
        result = mdb_env_info(machine->env, &env);
    if (result != MDB_SUCCESS)
        return ww_kv_status(machine, result);
    const struct ww_kv_info said = {
        .applied = state->applied,
        .digest = state->digest,
        .keys = stat.ms_entries,
        .done = state->counts[WW_KV_DONE],
        .absent = state->counts[WW_KV_ABSENT],
        .not_met = state->counts[WW_KV_NOT_MET],
        .malformed = state->counts[WW_KV_MALFORMED],
        .used_bytes = (env.me_last_pgno + 1) * (uint64_t)stat.ms_psize,
        .map_bytes = env.me_mapsize,
    };
    return add(answer, &said, sizeof(said)) ? WW_OK : WW_ETOOBIG;
}

static int respond(const struct ww_kv_machine *machine, MDB_txn *txn,
                   const struct ww_kv_group *group, const struct request *request,
                   struct answer *answer)
{
    switch (request->head.query) {
    case WW_KV_GET:
        return get(machine, txn, group->dbi, request, answer);
    case WW_KV_RANGE:
    case WW_KV_COUNT:
        return query_range(machine, txn, group->dbi, request, answer);
    case WW_KV_OUTCOME:
        return outcome(&group->state, request, answer);
    case WW_KV_INFO:
        return info(machine, txn, group, answer);
    default:
        return WW_EINVAL;
    }
}

int ww_kv_query(void *self, uint32_t number, const void *data, size_t bytes, void *to,
                size_t *to_bytes)
{
    struct ww_kv_machine *machine = self;
    struct answer answer = {.data = to, .room = *to_bytes};
    struct request request;
    MDB_txn *txn = machine->write; /* what was applied last may stand in it alone */
    if (number >= machine->group_count)
        return WW_ENOTFOUND;
    if (!decode(data, bytes, &request))
        return WW_EINVAL;
    if (txn == NULL) {
        int result = mdb_txn_begin(machine->env, NULL, MDB_RDONLY, &txn);
        if (result != MDB_SUCCESS)
            return ww_kv_status(machine, result);
    }
    int status = respond(machine, txn, &machine->groups[number], &request, &answer);
    if (txn != machine->write)
        mdb_txn_abort(txn);
    *to_bytes = answer.used;
    return status;
}
