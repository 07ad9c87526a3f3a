/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the code under test asked of the kernel, in order: a file's data synced (d), synced whole
 * (f), a range of it written back (s), a rename (r), a directory synced (D). The functions of
 * kernel.c stand before those of the C library, and do what they do.
 */
#ifndef WW_TEST_WAL_KERNEL_H
#define WW_TEST_WAL_KERNEL_H

#include <stdatomic.h>
#include <stdint.h>

extern char test_asked[64]; /* the first ones, since it was cleared */

/* The calls of this kind are not done and fail; 0: none. */
extern _Atomic char test_refused;
extern _Atomic int test_refused_errno;

/* What a completion of io_uring says instead of its `result`; NULL: that. Reset it after use. */
extern int (*test_completion)(uint64_t user_data, int result);

/* Reads that touch this byte of a file fail with EIO; 0: none. */
extern _Atomic int64_t test_unreadable;

#endif
