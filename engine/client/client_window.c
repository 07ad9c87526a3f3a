/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/client/client_window.h"

#include "engine/base/assert.h"
#include "engine/wire/batch.h"

#include <whitewater/status.h>

#include <stdlib.h>
#include <string.h>

static struct ww_client_run *run_at(const struct ww_client_window *window, uint32_t number)
{
    return &window->runs[number & window->run_mask];
}

int ww_client_window_init(struct ww_client_window *window, uint32_t entries_max, uint32_t capacity,
                          uint32_t run_bytes_max)
{
    uint32_t slots = 1;
    while (slots < entries_max) /* at worst a run for every entry */
        slots *= 2;
    *window = (struct ww_client_window){
        .entries_max = entries_max,
        .run_bytes_max = run_bytes_max,
        .capacity = capacity,
        .run_mask = slots - 1,
        .bytes = malloc(capacity),
        .runs = calloc(slots, sizeof(*window->runs)),
        .answers = calloc(WW_CLIENT_ANSWERS_MAX, sizeof(*window->answers)),
    };
    if (window->bytes != NULL && window->runs != NULL && window->answers != NULL)
        return WW_OK;
    ww_client_window_free(window);
    return WW_ENOMEM;
}

void ww_client_window_free(struct ww_client_window *window)
{
    free(window->bytes);
    free(window->runs);
    free(window->answers);
    *window = (struct ww_client_window){0};
}

/* Begins a run that has room for `stored` bytes: at the tail, or else at the ring's beginning. */
static int open_run(struct ww_client_window *window, uint32_t stored)
{
    bool fits = window->capacity - window->tail >= stored;
    uint32_t skipped = fits ? 0 : window->capacity - window->tail;
    if ((uint64_t)window->used + skipped + stored > window->capacity)
        return WW_EBUSY;
    if (!fits)
        window->tail = 0;
    window->used += skipped;
    *run_at(window, window->run_tail++) = (struct ww_client_run){.first_sequence = window->next,
                                                                 .offset = window->tail,
                                                                 .skipped = skipped};
    window->open = true;
    return WW_OK;
}

int ww_client_window_append(struct ww_client_window *window, const void *data, uint32_t size_bytes)
{
    uint32_t stored = ww_entry_stored_bytes(size_bytes);
    if (window->next - window->oldest >= window->entries_max)
        return WW_EBUSY;
    struct ww_client_run *run = run_at(window, window->run_tail - 1);
    if (!window->open || run->bytes + stored > window->run_bytes_max ||
        run->count == WW_BATCH_ENTRIES_MAX || window->capacity - window->tail < stored) {
        if (open_run(window, stored) != WW_OK)
            return WW_EBUSY;
        run = run_at(window, window->run_tail - 1);
    } else if (window->capacity - window->used < stored) {
        return WW_EBUSY;
    }
    ww_entry_encode(window->bytes + window->tail, WW_ENTRY_DATA, data, size_bytes);
    window->tail += stored;
    window->used += stored;
    run->bytes += stored;
    run->count++;
    window->next++;
    return WW_OK;
}

/* The last run that begins at or before `sequence`. */
static uint32_t find_run(const struct ww_client_window *window, uint64_t sequence)
{
    uint32_t low = window->run_head, high = window->run_tail - 1;
    if (run_at(window, high)->first_sequence <= sequence) /* nearly always the newest is sent */
        return high;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (run_at(window, middle)->first_sequence <= sequence)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct ww_client_slice ww_client_window_slice(struct ww_client_window *window, uint64_t sequence)
{
    WW_ASSERT(sequence >= window->oldest && sequence < window->next);
    uint32_t number = find_run(window, sequence);
    const struct ww_client_run *run = run_at(window, number);
    if (number == window->run_tail - 1)
        window->open = false;
    const uint8_t *body = window->bytes + run->offset;
    uint32_t before = (uint32_t)(sequence - run->first_sequence);
    uint32_t at = 0;
    for (uint32_t i = 0; i < before; i++) {
        uint32_t head;
        memcpy(&head, body + at, sizeof(head));
        at += ww_entry_stored_bytes(head & 0xffffff);
    }
    return (struct ww_client_slice){body + at, run->bytes - at, run->count - before};
}

bool ww_client_window_fills(const struct ww_client_window *window, uint64_t sequence)
{
    return window->open && sequence >= run_at(window, window->run_tail - 1)->first_sequence;
}

uint32_t ww_client_window_runs_before(const struct ww_client_window *window, uint64_t sequence)
{
    if (sequence <= window->oldest)
        return 0;
    return find_run(window, sequence - 1) - window->run_head + 1;
}

static uint64_t answer_end(const struct ww_client_answer *answer)
{
    return answer->sequence + answer->count;
}

static void cut_front(struct ww_client_answer *answer, uint64_t entries)
{
    uint32_t cut = entries < answer->count ? (uint32_t)entries : answer->count;
    answer->sequence += cut;
    answer->count -= cut;
    answer->index += answer->index != 0 ? cut : 0;
}

/* When there is no room the last answer goes: it will be asked for again, as all behind a gap. */
static bool put_answer(struct ww_client_window *window, uint32_t place,
                       struct ww_client_answer answer)
{
    if (place == WW_CLIENT_ANSWERS_MAX)
        return false;
    if (window->answer_count == WW_CLIENT_ANSWERS_MAX)
        window->answer_count--;
    struct ww_client_answer *at = &window->answers[place];
    memmove(at + 1, at, (window->answer_count - place) * sizeof(*at));
    *at = answer;
    window->answer_count++;
    return true;
}

bool ww_client_window_answer(struct ww_client_window *window, struct ww_client_answer answer)
{
    if (answer.sequence < window->oldest)
        cut_front(&answer, window->oldest - answer.sequence);
    bool news = false;
    uint32_t place = 0;
    while (answer.count > 0) {
        while (place < window->answer_count &&
               answer_end(&window->answers[place]) <= answer.sequence)
            place++;
        struct ww_client_answer piece = answer;
        if (place < window->answer_count) {
            const struct ww_client_answer *known = &window->answers[place];
            if (known->sequence <= answer.sequence) {
                cut_front(&answer, answer_end(known) - answer.sequence);
                continue;
            }
            if (known->sequence < answer_end(&answer))
                piece.count = (uint32_t)(known->sequence - answer.sequence);
        }
        if (!put_answer(window, place, piece))
            return news;
        news = true;
        cut_front(&answer, piece.count);
    }
    return news;
}

struct ww_client_answer ww_client_window_take(struct ww_client_window *window)
{
    WW_ASSERT(ww_client_window_ready(window));
    struct ww_client_answer answer = window->answers[0];
    window->answer_count--;
    memmove(window->answers, window->answers + 1, window->answer_count * sizeof(answer));
    window->oldest += answer.count;
    WW_ASSERT(window->oldest <= window->next);
    while (window->run_head != window->run_tail) {
        const struct ww_client_run *run = run_at(window, window->run_head);
        if (run->first_sequence + run->count > window->oldest)
            break;
        window->used -= run->skipped + run->bytes;
        window->run_head++;
    }
    if (window->run_head == window->run_tail) { /* begin again where the cache is warm */
        window->tail = 0;
        window->open = false;
    }
    return answer;
}
