/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text, for JSON (RFC 4648, section 4). */
#ifndef WW_CLI_BASE64_H
#define WW_CLI_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes the four characters for the first one to three bytes; returns how many it took. */
size_t ww_base64_group(const uint8_t *data, size_t size, char group[4]);

/* Writes all of them to `file`, which remembers what fails. */
void ww_base64_print(FILE *file, const uint8_t *data, size_t size);

#endif
