/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target without a fuzzer, the same each time: every seed, each of its beginnings, each
 * of its bytes changed, random changes; then the files given as arguments. Speaks TAP.
 */
#include "fuzz.h"

#include "engine/base/random.h"

#define RANDOM_CHANGES 20000u

static void run_changed(const uint8_t *seed, size_t size, struct ww_random *random)
{
    uint8_t changed[FUZZ_INPUT_MAX];
    memcpy(changed, seed, size);
    uint32_t changes = (uint32_t)ww_random_range(random, 1, 6);
    for (uint32_t i = 0; i < changes; i++) {
        /* Mostly in the headers, where the decisions are. */
        size_t end = ww_random_next(random) % 4 == 0 || size < 100 ? size : 100;
        uint64_t value = ww_random_next(random);
        changed[ww_random_range(random, 0, end)] = value % 3 == 0   ? 0
                                                   : value % 3 == 1 ? 0xff
                                                                    : (uint8_t)(value >> 8);
    }
    LLVMFuzzerTestOneInput(changed, size);
}

static void run_seed(uint8_t *seed, size_t size, struct ww_random *random)
{
    for (size_t length = 0; length <= size; length++)
        LLVMFuzzerTestOneInput(seed, length);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            seed[i] ^= (uint8_t)(1u << bit);
            LLVMFuzzerTestOneInput(seed, size);
            seed[i] ^= (uint8_t)(1u << bit);
        }
    }
    for (uint32_t i = 0; i < RANDOM_CHANGES; i++)
        run_changed(seed, size, random);
}

static void run_file(const char *path)
{
    uint8_t input[FUZZ_INPUT_MAX];
    FILE *file = fopen(path, "rb");
    FUZZ_REQUIRE(file != NULL);
    size_t size = fread(input, 1, sizeof(input), file);
    fclose(file);
    LLVMFuzzerTestOneInput(input, size);
}

int main(int argc, char **argv)
{
    struct ww_random random = {1};
    uint8_t seed[FUZZ_INPUT_MAX];
    size_t size;
    int count = 0;
    for (uint32_t i = 0; (size = fuzz_seed(i, seed)) > 0; i++) {
        run_seed(seed, size, &random);
        printf("ok %d - seed %u and its neighbours\n", ++count, i);
    }
    for (int i = 1; i < argc; i++) {
        run_file(argv[i]);
        printf("ok %d - %s\n", ++count, argv[i]);
    }
    printf("1..%d\n", count);
    return 0;
}
