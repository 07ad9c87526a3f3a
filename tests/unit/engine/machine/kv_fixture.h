/* SPDX-License-Identifier: Apache-2.0 */
/* Key-value machines to feed with operations, for test_machine_kv*.c. */
#ifndef WW_TESTS_KV_FIXTURE_H
#define WW_TESTS_KV_FIXTURE_H

#include <whitewater/kv.h>

#include <stdbool.h>

#define KV_GROUPS 3u
#define KV_ANSWER_MAX 8892u

struct kv {
    struct ww_state_machine machine;
    uint64_t next[KV_GROUPS]; /* index of each group's next entry */
};

void kv_open(struct kv *kv, uint64_t map_bytes);
void kv_close(struct kv *kv);

/* Applies one entry; returns what apply returned. */
int kv_entry(struct kv *kv, uint32_t group, uint8_t type, const void *data, size_t size);
int kv_put(struct kv *kv, uint32_t group, const char *key, const char *value);
int kv_put_if(struct kv *kv, uint32_t group, const char *key, const char *value, uint64_t revision);
int kv_delete(struct kv *kv, uint32_t group, const char *key);

/* The outcome of the entry that was applied last. */
enum ww_kv_outcome kv_outcome(struct kv *kv, uint32_t group);

/* The value of a key in a static buffer, NULL: not there. `revision` may be NULL. */
const char *kv_get(struct kv *kv, uint32_t group, const char *key, uint64_t *revision);
struct ww_kv_info kv_info(struct kv *kv, uint32_t group);

/* RANGE as "key=value key=value"; behind it " +" when there is more. */
const char *kv_range(struct kv *kv, uint32_t group, const char *first, const char *end,
                     uint32_t limit, bool keys_only);

/* A saved state in memory, and its functions. */
struct kv_saved {
    uint8_t *data;
    size_t bytes, position;
};

int kv_saved_write(void *saved, const void *data, size_t bytes);
int64_t kv_saved_read(void *saved, void *data, size_t bytes);

/* What `view` sees, in memory; free(saved.data). */
struct kv_saved kv_save(struct kv *kv, void *view);

#endif
