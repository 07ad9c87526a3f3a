/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/nearest.h"

#include <string.h>

#define WORD_MAX 63

size_t ww_edit_distance(const char *one, const char *two)
{
    size_t rows = strnlen(one, WORD_MAX), columns = strnlen(two, WORD_MAX);
    size_t row[WORD_MAX + 1];
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = diagonal + (one[i - 1] != two[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[columns];
}

void ww_nearest_offer(const char *word, const char *candidate, const char **nearest,
                      size_t *distance)
{
    size_t offered = ww_edit_distance(word, candidate);
    if (offered < *distance) {
        *distance = offered;
        *nearest = candidate;
    }
}
