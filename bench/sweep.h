/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ww sweep`: a file that says what to vary, the points that it makes, and the order in which their
 * repeats run. docs/sweeps.md has the format.
 */
#ifndef WW_BENCH_SWEEP_H
#define WW_BENCH_SWEEP_H

#include "bench/sweep_goal.h"
#include "engine/node/config.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define WW_SWEEP_FILE "sweep.yaml"
#define WW_SWEEP_RESULT "sweep.json"
#define WW_SWEEP_RUN_NAME_MAX 16u

/*
 * A sweep as its file says. A setting is a key with its text: keys with a dot are configuration
 * keys (wal.depth), others are flags of `ww bench` (inflight).
 */
struct ww_sweep {
    char name[64];
    struct json_object *load, *config; /* settings of every point */
    struct json_object *points;        /* array: what each sets beside them, in the file's order */
    struct json_object *vary;          /* array: the keys that the points set */
    uint32_t repeats;
    bool random; /* order: random, with the seed; otherwise as listed */
    uint64_t seed;
    bool has_objective; /* otherwise that is the default, max per_s */
    struct ww_objective objective;
    struct ww_slo slo;
    char objective_text[64], slo_text[256]; /* the latter empty: none */
};

/* Would `ww bench` take these flags? The sentence of the error begins with the flag's name. */
typedef int ww_sweep_check(const char *const *words, uint32_t count, struct ww_error *error);

/*
 * Reads a file; `check` tests each value of a flag where it stands, and each point as a whole.
 * NULL: they are known to be good. WW_EINVAL: the error names file and line. ww_sweep_free frees
 * what it holds, after an error as well.
 */
int ww_sweep_read(struct ww_sweep *sweep, const char *path, ww_sweep_check *check,
                  struct ww_error *error);
void ww_sweep_free(struct ww_sweep *sweep);

uint32_t ww_sweep_point_count(const struct ww_sweep *sweep);

/* What a point sets, as "inflight=64 wal.depth=2". Returns `text`. */
char *ww_sweep_label(struct json_object *settings, char *text, size_t size);

/*
 * The word that gives `ww bench` a setting: --key=value; of a switch --key, or none when it is
 * false. Returns its length.
 */
size_t ww_sweep_word(const char *key, const char *value, char *word, size_t size);

/*
 * The words behind `ww bench` for a point (all its settings), and how many; they are the
 * caller's, to be freed with ww_sweep_words_free.
 */
char **ww_sweep_words(const struct ww_sweep *sweep, uint32_t point, uint32_t *count);
void ww_sweep_words_free(char **words);

/* The configuration that a point sets, over the defaults. */
int ww_sweep_config(const struct ww_sweep *sweep, uint32_t point, struct ww_config *config,
                    struct ww_error *error);

struct ww_sweep_step {
    uint32_t point, repeat; /* from 0 */
};

/*
 * The order of all runs: every point once, then every point a second time, and so on, so that
 * whatever drifts meets all points alike; each round in another order, which follows from the seed.
 * points x repeats steps, to be freed.
 */
struct ww_sweep_step *ww_sweep_order(const struct ww_sweep *sweep);

/* The name of a point, p003, and the directory of a run of it, below `runs`: p003-r01. */
char *ww_sweep_point_id(uint32_t point, char id[WW_SWEEP_RUN_NAME_MAX]);
void ww_sweep_run_name(struct ww_sweep_step step, char name[WW_SWEEP_RUN_NAME_MAX]);

#endif
