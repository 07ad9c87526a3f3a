/* SPDX-License-Identifier: Apache-2.0 */
/* Before a search begins: puts the seeds into the corpus directory that it was given. */
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *directory = (*argv)[*argc - 1];
    uint8_t seed[FUZZ_INPUT_MAX];
    size_t size;
    for (uint32_t i = 0; *argc > 1 && directory[0] != '-' && (size = fuzz_seed(i, seed)) > 0; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/seed-%u", directory, i);
        FILE *file = fopen(path, "wb");
        if (file == NULL)
            return 0; /* a file to be replayed, not a directory */
        fwrite(seed, 1, size, file);
        fclose(file);
    }
    return 0;
}
