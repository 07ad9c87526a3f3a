/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/base64.h"

#include <criterion/criterion.h>
#include <string.h>

/* RFC 4648, section 10. */
Test(base64, the_vectors_of_the_standard)
{
    static const char *const vectors[][2] = {
        {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const uint8_t *data = (const uint8_t *)vectors[i][0];
        char text[16] = "";
        for (size_t left = strlen(vectors[i][0]), at = 0; left > 0; at += 4) {
            size_t taken = ww_base64_group(data, left, text + at);
            data += taken;
            left -= taken;
        }
        cr_expect_str_eq(text, vectors[i][1]);

        char printed[16] = "";
        FILE *file = fmemopen(printed, sizeof(printed), "w");
        ww_base64_print(file, (const uint8_t *)vectors[i][0], strlen(vectors[i][0]));
        fclose(file);
        cr_expect_str_eq(printed, vectors[i][1]);
    }
}
