/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units, as in flags and configuration: 500us, 64KiB, 100k. */
#ifndef WW_BASE_UNITS_H
#define WW_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Each returns WW_OK or WW_EINVAL; on error *why is a static string such as "not a number". */
int ww_parse_count(const char *text, uint64_t *value, const char **why); /* 12, 100k, 2M */
int ww_parse_bytes(const char *text, uint64_t *value,
                   const char **why); /* 4096, 64KiB, 1GiB, 64B */
int ww_parse_duration(const char *text, uint64_t *ns, const char **why); /* 500ns 10us 3ms 2s 1m */

/* The shortest exact text that the parsers read back. Returns `buffer`. */
char *ww_format_bytes(uint64_t bytes, char *buffer, size_t size);
char *ww_format_duration(uint64_t ns, char *buffer, size_t size);

#endif
