/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ww-codec: measures formats for `ww experiment codec`, in a program of its own, since ww itself
 * need not link their libraries. Says {"ready": true, "formats": [...]}, then answers each line
 *
 *   run FORMAT ENTRY_BYTES COUNT WARMUP_NS DURATION_NS     (ENTRY_BYTES 0: whole messages)
 *
 * with {"encode_ns", "decode_ns", "bytes", "payload_bytes"}, all per entry.
 */
#include "bench/codec/codec_bench.h"

#include <stdio.h>
#include <string.h>

static int run(const char *line, struct ww_error *error)
{
    char name[32] = "";
    struct ww_codec_bench_options options = {.codec = NULL};
    struct ww_codec_bench_result result;
    int words = sscanf(line, "run %31s %u %u %lu %lu", name, &options.entry_bytes, &options.count,
                       &options.warmup_ns, &options.duration_ns);
    for (const struct ww_codec *const *codec = ww_codecs; *codec != NULL; codec++)
        if (strcmp((*codec)->name, name) == 0)
            options.codec = *codec;
    if (words != 5 || options.codec == NULL || options.entry_bytes > WW_CODEC_ENTRY_MAX ||
        options.count == 0 || options.count > WW_CODEC_ENTRIES_MAX)
        return ww_fail(error, WW_EINVAL, "cannot do '%s'", line);
    int status = ww_codec_bench(&options, &result, error);
    if (status != WW_OK)
        return status;
    printf("{\"encode_ns\":%.3f,\"decode_ns\":%.3f,\"bytes\":%.3f,\"payload_bytes\":%.3f}\n",
           result.encode_ns, result.decode_ns, result.bytes, result.payload_bytes);
    fflush(stdout);
    return WW_OK;
}

int main(void)
{
    char line[256];
    struct ww_error error;
    int status = WW_OK;
    printf("{\"ready\":true,\"formats\":[");
    for (const struct ww_codec *const *codec = ww_codecs; *codec != NULL; codec++)
        printf("%s\"%s\"", codec == ww_codecs ? "" : ",", (*codec)->name);
    printf("]}\n");
    fflush(stdout);
    while (status == WW_OK && fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        status = run(line, &error);
    }
    if (status != WW_OK)
        fprintf(stderr, "ww-codec: %s\n", error.text);
    return status == WW_OK ? 0 : 1;
}
