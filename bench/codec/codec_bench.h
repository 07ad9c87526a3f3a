/* SPDX-License-Identifier: Apache-2.0 */
/* One cell of `ww experiment codec`: batches of FIX text encoded and decoded in one format. */
#ifndef WW_BENCH_CODEC_CODEC_BENCH_H
#define WW_BENCH_CODEC_CODEC_BENCH_H

#include "bench/codec/codec.h"
#include "engine/base/error.h"

struct ww_codec_bench_options {
    const struct ww_codec *codec;
    uint32_t entry_bytes;            /* text cut to this size; 0: whole messages, as they are */
    uint32_t count;                  /* entries of a batch: 1..WW_CODEC_ENTRIES_MAX */
    uint64_t warmup_ns, duration_ns; /* of encoding, and of decoding */
};

/* Per entry. */
struct ww_codec_bench_result {
    double encode_ns, decode_ns, bytes, payload_bytes;
};

/* First checks that every batch comes back as it was: WW_EIO when not. */
int ww_codec_bench(const struct ww_codec_bench_options *options,
                   struct ww_codec_bench_result *result, struct ww_error *error);

#endif
