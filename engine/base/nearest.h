/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the known word that is nearest to a mistyped one. */
#ifndef WW_BASE_NEAREST_H
#define WW_BASE_NEAREST_H

#include <stddef.h>

/* How many letters must be added, left out or changed to come from one word to the other
 * (Levenshtein); letters beyond the first 63 do not count. */
size_t ww_edit_distance(const char *one, const char *two);

/* Offers `candidate`: takes it as *nearest when it is nearer to `word` than *distance, which starts
 * as SIZE_MAX. */
void ww_nearest_offer(const char *word, const char *candidate, const char **nearest,
                      size_t *distance);

#endif
