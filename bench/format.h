/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for people: three significant digits and a unit. Each returns `out`. */
#ifndef WW_BENCH_FORMAT_H
#define WW_BENCH_FORMAT_H

#include <stdio.h>

const char *ww_show_ns(double ns, char out[32]);       /* 12.3 us */
const char *ww_show_bytes(double bytes, char out[32]); /* 4.10 KB */
const char *ww_show_count(double count, char out[32]); /* 1,234,567 */

/* Words from column `indent` on, where the line stands already, broken before the 100th. */
void ww_show_words(const char *words, int indent, FILE *file);

#endif
