/* SPDX-License-Identifier: Apache-2.0 */
/* A sweep read from text, and made-up runs of it. */
#ifndef TESTS_UNIT_BENCH_SWEEP_FIXTURE_H
#define TESTS_UNIT_BENCH_SWEEP_FIXTURE_H

#include "bench/sweep_data.h"

extern struct ww_sweep sweep_;
extern struct ww_error error_;

/* Reads it into sweep_; takes every flag but those that begin with --bad. */
int sweep_read_text(const char *text);

/* Fails the test unless the text is refused with a sentence that holds `part`. */
void sweep_expect_bad(const char *text, const char *part);

/* Data of sweep_ in which every run measured this; to be freed with ww_sweep_data_free. */
void sweep_fill(struct ww_sweep_data *data, double per_s, double p99);

/* Sets all runs of a point. */
void sweep_set_point(struct ww_sweep_data *data, uint32_t point, double per_s, double p99);

#endif
