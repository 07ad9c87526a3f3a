/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C (Castagnoli, RFC 3720 appendix B.4) by ISA-L, with the usual initial and final inversion. */
#ifndef WW_WIRE_CHECKSUM_H
#define WW_WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t ww_crc32c(const void *data, size_t bytes);

/* Continues `crc` (a former result, 0 to begin) over `bytes` more bytes. */
uint32_t ww_crc32c_extend(uint32_t crc, const void *data, size_t bytes);

#endif
