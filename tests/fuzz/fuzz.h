/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fuzz target is one file fuzz_NAME.c: its seeds, and what must hold for every input. Built
 * with clang's libFuzzer it searches (`./dev fuzz NAME SECONDS`); with replay.c it runs the seeds,
 * their neighbours and the inputs kept in found/NAME, as a part of `./dev test`.
 *
 * The first byte of an input says what to repair before the check: a search finds no checksum.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_INPUT_MAX 16384u

#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes seed `number` into `to` (FUZZ_INPUT_MAX bytes); 0 when there are no more. */
size_t fuzz_seed(uint32_t number, uint8_t *to);

/* A copy that ends where its allocation ends, so that a sanitizer sees a step beyond it. */
static inline uint8_t *fuzz_exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = calloc(1, size > 0 ? size : 1);
    FUZZ_REQUIRE(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

#endif
