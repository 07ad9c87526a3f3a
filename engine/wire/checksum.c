/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/checksum.h"

#include <isa-l/crc.h>
#include <isa-l/crc64.h>
#include <limits.h>
#include <string.h>

uint32_t ww_crc32c_extend(uint32_t crc, const void *data, size_t bytes)
{
    /* ISA-L takes an int length and a non-const pointer that it does not write to. */
    unsigned char *at = (unsigned char *)(uintptr_t)data;
    crc = ~crc;
    while (bytes > INT_MAX) {
        crc = crc32_iscsi(at, INT_MAX, crc);
        at += INT_MAX;
        bytes -= INT_MAX;
    }
    return ~crc32_iscsi(at, (int)bytes, crc);
}

uint32_t ww_crc32c(const void *data, size_t bytes)
{
    return ww_crc32c_extend(0, data, bytes);
}

uint64_t ww_crc64_extend(uint64_t crc, const void *data, size_t bytes)
{
    return crc64_ecma_refl(crc, data, bytes);
}

uint64_t ww_cluster_number(const char *name)
{
    return ww_crc64_extend(0, name, strlen(name));
}
