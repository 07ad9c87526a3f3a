/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/format.h"

#include <stddef.h>
#include <string.h>

/* Each of `units` is a thousand times the one before. */
static const char *scaled(double value, const char *const *units, char out[32])
{
    while (value >= 999.5 && units[1] != NULL) {
        value /= 1000;
        units++;
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(out, 32, "%.*f %s", decimals, value, units[0]);
    return out;
}

const char *ww_show_ns(double ns, char out[32])
{
    static const char *const units[] = {"ns", "us", "ms", "s", NULL};
    return scaled(ns, units, out);
}

const char *ww_show_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"B", "KB", "MB", "GB", NULL};
    return scaled(bytes, units, out);
}

const char *ww_show_count(double count, char out[32])
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%.0f", count), at = 0;
    for (int i = 0; i < length && at < 30; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

void ww_show_words(const char *words, int indent, FILE *file)
{
    const char *blank = "";
    for (int column = indent; *words != 0; blank = " ") {
        int length = (int)strcspn(words, " ");
        if (column > indent && column + 1 + length > 99) {
            fprintf(file, "\n%*s", indent, "");
            column = indent;
            blank = "";
        }
        column += fprintf(file, "%s%.*s", blank, length, words);
        words += length + (words[length] == ' ');
    }
    fprintf(file, "\n");
}
