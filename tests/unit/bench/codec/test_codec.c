/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/codec/codec_bench.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ww_codec_batch batch, decoded;
static struct ww_codec_message message;
static struct ww_error error;

/* Entries with what the formats must escape, as FIX has it and worse. */
static void make_batch(uint32_t count)
{
    static const char *const texts[] = {"8=FIX.4.4|9=0000079|35=2|", "a \"quoted\" <tag> & more",
                                        "back\\slash", "x"};
    batch = (struct ww_codec_batch){
        .group = UINT32_MAX,
        .term = UINT64_MAX,
        .first_index = UINT64_C(1) << 62,
        .session = INT64_MAX / 4,
        .first_sequence = 17,
        .time_ns = UINT64_C(1) << 63,
        .count = count,
    };
    for (uint32_t i = 0; i < count; i++) {
        const char *text = texts[i % 4];
        batch.entries[i] =
            (struct ww_codec_entry){(const uint8_t *)text, (uint32_t)strlen(text), 0};
    }
}

Test(codec, every_format_says_what_it_was_told)
{
    for (const struct ww_codec *const *codec = ww_codecs; *codec != NULL; codec++) {
        for (uint32_t count = 1; count <= WW_CODEC_ENTRIES_MAX; count = count * 4 - (count == 1)) {
            make_batch(count);
            cr_assert(ww_codec_encode(*codec, &batch, &message), "%s", (*codec)->name);
            memset(&decoded, 0xff, sizeof(decoded));
            cr_assert(ww_codec_decode(*codec, &message, &decoded), "%s", (*codec)->name);
            cr_expect(ww_codec_equal(&batch, &decoded), "%s, %u entries", (*codec)->name, count);
        }
    }
}

Test(codec, each_difference_counts)
{
    make_batch(3);
    decoded = batch;
    cr_expect(ww_codec_equal(&batch, &decoded));
    decoded.time_ns--;
    cr_expect_not(ww_codec_equal(&batch, &decoded));
    decoded = batch;
    decoded.entries[2].bytes--;
    cr_expect_not(ww_codec_equal(&batch, &decoded));
    decoded = batch;
    decoded.entries[1].type = 1;
    cr_expect_not(ww_codec_equal(&batch, &decoded));
    decoded = batch;
    decoded.entries[0].data = (const uint8_t *)"8=FIX.4.4|9=0000079|35=3|";
    cr_expect_not(ww_codec_equal(&batch, &decoded));
}

Test(codec, no_format_takes_a_flipped_bit_or_a_cut_message)
{
    static _Alignas(64) uint8_t copy[4096];
    make_batch(4);
    for (const struct ww_codec *const *codec = ww_codecs; *codec != NULL; codec++) {
        cr_assert(ww_codec_encode(*codec, &batch, &message));
        cr_assert_leq(message.bytes, sizeof(copy));
        memcpy(copy, message.data, message.bytes);
        message.data = copy;
        for (size_t i = 0; i < message.bytes; i++) {
            copy[i] ^= 0x10;
            cr_expect_not(ww_codec_decode(*codec, &message, &decoded), "%s, byte %zu",
                          (*codec)->name, i);
            copy[i] ^= 0x10;
        }
        message.bytes -= 8;
        cr_expect_not(ww_codec_decode(*codec, &message, &decoded), "%s, cut", (*codec)->name);
    }
}

Test(codec, a_cell_is_measured_per_entry)
{
    for (const struct ww_codec *const *codec = ww_codecs; *codec != NULL; codec++) {
        for (uint32_t size = 0; size <= 1024; size += 64) {
            struct ww_codec_bench_result result;
            const struct ww_codec_bench_options options = {.codec = *codec,
                                                           .entry_bytes = size,
                                                           .count = 16,
                                                           .duration_ns = 1};
            cr_assert_eq(ww_codec_bench(&options, &result, &error), WW_OK, "%s", error.text);
            cr_expect_gt(result.encode_ns, 0);
            cr_expect_gt(result.decode_ns, 0);
            cr_expect_gt(result.bytes, result.payload_bytes);
            if (size > 0)
                cr_expect_float_eq(result.payload_bytes, size, 0.001);
            else /* messages of FIX, whole */
                cr_expect(result.payload_bytes > 75 && result.payload_bytes < 200, "%f",
                          result.payload_bytes);
        }
    }
}

Test(codec, our_overhead_is_a_header_for_all_and_four_bytes_for_each)
{
    struct ww_codec_bench_result result;
    const struct ww_codec_bench_options options = {.codec = &ww_codec_whitewater,
                                                   .entry_bytes = 64,
                                                   .count = 256,
                                                   .duration_ns = 1};
    cr_assert_eq(ww_codec_bench(&options, &result, &error), WW_OK);
    cr_expect_float_eq(result.bytes, 64 + 4 + 56.0 / 256, 0.001);
}
