/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/session/session.h"

#include <string.h>

/* The place of the session, or where it would stand. */
static uint32_t place_of(const struct ww_session_table *table, uint64_t id)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->sessions[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct ww_session *find(struct ww_session_table *table, uint64_t id)
{
    uint32_t place = place_of(table, id);
    struct ww_session *session = &table->sessions[place];
    return place < table->count && session->id == id ? session : NULL;
}

const struct ww_session *ww_session_find(const struct ww_session_table *table, uint64_t id)
{
    return find((struct ww_session_table *)table, id);
}

void ww_session_time(struct ww_session_table *table, uint64_t time_ns)
{
    if (time_ns > table->time_ns)
        table->time_ns = time_ns;
}

static void expire(struct ww_session_table *table, uint64_t timeout_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->time_ns - table->sessions[i].active_ns < timeout_ns)
            table->sessions[kept++] = table->sessions[i];
    }
    table->count = kept;
}

uint64_t ww_session_register(struct ww_session_table *table, uint64_t index, uint64_t nonce,
                             uint64_t timeout_ns)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->sessions[i].nonce == nonce) {
            table->sessions[i].active_ns = table->time_ns;
            return table->sessions[i].id;
        }
    }
    if (table->count == WW_SESSIONS_MAX)
        expire(table, timeout_ns);
    if (table->count == WW_SESSIONS_MAX)
        return 0;
    table->sessions[table->count++] = (struct ww_session){
        .id = index,
        .nonce = nonce,
        .active_ns = table->time_ns,
    };
    return index;
}

void ww_session_end(struct ww_session_table *table, uint64_t id)
{
    struct ww_session *session = find(table, id);
    if (session == NULL)
        return;
    uint32_t behind = (uint32_t)(&table->sessions[table->count] - session) - 1;
    memmove(session, session + 1, behind * sizeof(*session));
    table->count--;
}

void ww_session_note(struct ww_session *session, uint64_t sequence, uint64_t index, uint64_t count)
{
    uint32_t runs = session->run_count;
    struct ww_session_run *last = runs > 0 ? &session->runs[runs - 1] : NULL;
    if (last != NULL && last->first_sequence + last->count == sequence &&
        last->first_index + last->count == index) {
        last->count += count;
        return;
    }
    if (session->run_count == WW_SESSION_RUNS) {
        memmove(session->runs, session->runs + 1, (WW_SESSION_RUNS - 1) * sizeof(*last));
        session->run_count--;
    }
    session->runs[session->run_count++] = (struct ww_session_run){sequence, index, count};
}

bool ww_session_take(struct ww_session_table *table, uint64_t id, uint64_t sequence, uint64_t index,
                     uint32_t count, uint32_t *repeated)
{
    struct ww_session *session = find(table, id);
    if (session == NULL)
        return false;
    session->active_ns = table->time_ns;
    uint64_t before = session->next_sequence > sequence ? session->next_sequence - sequence : 0;
    *repeated = before < count ? (uint32_t)before : count;
    if (*repeated == count)
        return true;
    session->next_sequence = sequence + count;
    ww_session_note(session, sequence + *repeated, index + *repeated, count - *repeated);
    return true;
}

uint64_t ww_session_index(const struct ww_session *session, uint64_t sequence, uint64_t *count)
{
    for (uint32_t i = 0; i < session->run_count; i++) {
        const struct ww_session_run *run = &session->runs[i];
        uint64_t after = run->first_sequence + run->count;
        if (sequence < run->first_sequence) { /* not known up to there */
            uint64_t unknown = run->first_sequence - sequence;
            *count = unknown < *count ? unknown : *count;
            return 0;
        }
        if (sequence < after) {
            *count = after - sequence < *count ? after - sequence : *count;
            return run->first_index + (sequence - run->first_sequence);
        }
    }
    return 0;
}

/* ---- in snapshots: the time, the number of sessions, and each up to its last run ---- */

struct encoded_head {
    uint64_t time_ns;
    uint32_t count;
    uint32_t reserved;
};

static size_t session_bytes(uint32_t run_count)
{
    return offsetof(struct ww_session, runs) + run_count * sizeof(struct ww_session_run);
}

size_t ww_session_encode(const struct ww_session_table *table, void *to)
{
    uint8_t *at = to;
    struct encoded_head head = {.time_ns = table->time_ns, .count = table->count};
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    for (uint32_t i = 0; i < table->count; i++) {
        size_t bytes = session_bytes(table->sessions[i].run_count);
        memcpy(at, &table->sessions[i], bytes);
        at += bytes;
    }
    return (size_t)(at - (uint8_t *)to);
}

/* Could ww_session_take have left it so? */
static bool plausible(const struct ww_session_table *table, const struct ww_session *session)
{
    uint64_t sequence = 0, index = session->id;
    for (uint32_t i = 0; i < session->run_count; i++) {
        const struct ww_session_run *run = &session->runs[i];
        if (run->count == 0 || run->first_sequence < sequence || run->first_index <= index ||
            run->count > UINT64_MAX - run->first_sequence ||
            run->count > UINT64_MAX - run->first_index)
            return false;
        sequence = run->first_sequence + run->count;
        index = run->first_index + run->count - 1;
    }
    return session->reserved == 0 && session->active_ns <= table->time_ns &&
           session->next_sequence == sequence;
}

bool ww_session_decode(struct ww_session_table *table, const void *from, size_t bytes)
{
    const uint8_t *at = from, *end = at + bytes;
    struct encoded_head head;
    if (bytes < sizeof(head))
        return false;
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    if (head.count > WW_SESSIONS_MAX || head.reserved != 0)
        return false;
    table->time_ns = head.time_ns;
    table->count = head.count;
    uint64_t id = 0;
    for (uint32_t i = 0; i < head.count; i++) {
        struct ww_session *session = &table->sessions[i];
        if ((size_t)(end - at) < session_bytes(0))
            return false;
        memcpy(session, at, session_bytes(0));
        if (session->id <= id || session->run_count > WW_SESSION_RUNS ||
            (size_t)(end - at) < session_bytes(session->run_count))
            return false;
        memcpy(session, at, session_bytes(session->run_count));
        if (!plausible(table, session))
            return false;
        at += session_bytes(session->run_count);
        id = session->id;
    }
    return at == end;
}
