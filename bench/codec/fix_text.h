/* SPDX-License-Identifier: Apache-2.0 */
/* The session of real FIX 4.4 messages in tests/data, a message a line, inside the program. */
#ifndef WW_BENCH_CODEC_FIX_TEXT_H
#define WW_BENCH_CODEC_FIX_TEXT_H

#include <stdint.h>

extern const uint8_t ww_fix_text[], ww_fix_text_end[];

#endif
