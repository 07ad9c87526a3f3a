/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/units.h"

#include <whitewater/status.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest first, so that formatting takes the first that divides. */
struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit count_units[] = {
    {"G", 1000000000u}, {"M", 1000000u}, {"k", 1000u}, {"", 1}, {NULL, 0}};

static const struct unit byte_units[] = {{"TiB", 1ull << 40},
                                         {"GiB", 1u << 30},
                                         {"MiB", 1u << 20},
                                         {"KiB", 1u << 10},
                                         {"", 1},
                                         {"B", 1},
                                         {NULL, 0}};

static const struct unit duration_units[] = {
    {"h", 3600000000000u}, {"m", 60000000000u}, {"s", 1000000000u}, {"ms", 1000000u},
    {"us", 1000u},         {"ns", 1},           {NULL, 0}};

static int parse(const char *text, const struct unit *units, const char *wrong_unit,
                 uint64_t *value, const char **why)
{
    char *end;
    *why = "not a number";
    if (!isdigit((unsigned char)text[0]))
        return WW_EINVAL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *why = "too large a number";
    if (errno != 0)
        return WW_EINVAL;
    while (units->name != NULL && strcmp(units->name, end) != 0)
        units++;
    *why = *end == '.' ? "a whole number is needed; choose a smaller unit" : wrong_unit;
    if (units->name == NULL)
        return WW_EINVAL;
    *why = "too large a number";
    if (__builtin_mul_overflow(number, units->factor, value))
        return WW_EINVAL;
    *why = NULL;
    return WW_OK;
}

int ww_parse_count(const char *text, uint64_t *value, const char **why)
{
    return parse(text, count_units, "unknown unit; use none, k, M or G", value, why);
}

int ww_parse_bytes(const char *text, uint64_t *value, const char **why)
{
    return parse(text, byte_units, "unknown unit; use B, KiB, MiB, GiB or TiB", value, why);
}

int ww_parse_duration(const char *text, uint64_t *ns, const char **why)
{
    if (strcmp(text, "0") == 0)
        text = "0ns";
    return parse(text, duration_units, "unknown unit; use ns, us, ms, s, m or h", ns, why);
}

static char *format(uint64_t value, const struct unit *units, char *buffer, size_t size)
{
    while (value % units->factor != 0)
        units++;
    snprintf(buffer, size, "%" PRIu64 "%s", value / units->factor, value == 0 ? "" : units->name);
    return buffer;
}

char *ww_format_bytes(uint64_t bytes, char *buffer, size_t size)
{
    return format(bytes, byte_units, buffer, size);
}

char *ww_format_duration(uint64_t ns, char *buffer, size_t size)
{
    return format(ns, duration_units, buffer, size);
}
