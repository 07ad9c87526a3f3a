/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC32C (Castagnoli, RFC 3720 appendix B.4) for formats, and CRC64 (ECMA-182, reflected) for
 * digests and names, by ISA-L, both with the usual initial and final inversion.
 */
#ifndef WW_WIRE_CHECKSUM_H
#define WW_WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t ww_crc32c(const void *data, size_t bytes);

/* Continues `crc` (a former result, 0 to begin) over `bytes` more bytes. */
uint32_t ww_crc32c_extend(uint32_t crc, const void *data, size_t bytes);

/* CRC64, continuing `crc` (a former result, 0 to begin). */
uint64_t ww_crc64_extend(uint64_t crc, const void *data, size_t bytes);

/* A cluster's number in every datagram and on disk: the CRC64 of its name. */
uint64_t ww_cluster_number(const char *name);

#endif
