/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wire/checksum.h"

#include <criterion/criterion.h>

#include <string.h>

Test(checksum, crc32c_is_the_one_of_rfc3720)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof(bytes));
    cr_assert_eq(ww_crc32c(bytes, sizeof(bytes)), 0x8a9136aau);
    memset(bytes, 0xff, sizeof(bytes));
    cr_assert_eq(ww_crc32c(bytes, sizeof(bytes)), 0x62a8ab43u);
    for (uint8_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i;
    cr_assert_eq(ww_crc32c(bytes, sizeof(bytes)), 0x46dd794eu);
    cr_assert_eq(ww_crc32c("123456789", 9), 0xe3069283u);
    cr_assert_eq(ww_crc32c(NULL, 0), 0);
}

Test(checksum, crc64_is_the_one_of_xz)
{
    cr_assert_eq(ww_crc64_extend(0, "123456789", 9), 0x995dc9bbdf1939fau);
    cr_assert_eq(ww_cluster_number("123456789"), 0x995dc9bbdf1939fau);
}

Test(checksum, parts_give_the_whole)
{
    static const char text[] = "one log, three replicas, and a quorum of disks";
    for (size_t i = 0; i < sizeof(text); i++) {
        uint32_t crc = ww_crc32c_extend(0, text, i);
        cr_assert_eq(ww_crc32c_extend(crc, text + i, sizeof(text) - i),
                     ww_crc32c(text, sizeof(text)));
        uint64_t crc64 = ww_crc64_extend(0, text, i);
        cr_assert_eq(ww_crc64_extend(crc64, text + i, sizeof(text) - i),
                     ww_crc64_extend(0, text, sizeof(text)));
    }
}
