/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/base64.h"

size_t ww_base64_group(const uint8_t *data, size_t size, char group[4])
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    uint32_t bits = (uint32_t)data[0] << 16 | (size > 1 ? (uint32_t)data[1] << 8 : 0) |
                    (size > 2 ? data[2] : 0u);
    group[0] = digits[bits >> 18];
    group[1] = digits[bits >> 12 & 63];
    group[2] = digits[size > 1 ? bits >> 6 & 63 : 64];
    group[3] = digits[size > 2 ? bits & 63 : 64];
    return size < 3 ? size : 3;
}

void ww_base64_print(FILE *file, const uint8_t *data, size_t size)
{
    while (size > 0) {
        char group[4];
        size_t taken = ww_base64_group(data, size, group);
        fwrite(group, 1, sizeof(group), file);
        data += taken;
        size -= taken;
    }
}
