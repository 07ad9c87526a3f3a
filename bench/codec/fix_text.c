/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/codec/fix_text.h"

/* WW_FIX_FILE is the path of the file, by the build. */
__asm__(".section .rodata\n"
        ".global ww_fix_text\n"
        ".global ww_fix_text_end\n"
        "ww_fix_text:\n"
        ".incbin \"" WW_FIX_FILE "\"\n"
        "ww_fix_text_end:\n"
        ".byte 0\n"
        ".previous\n");
