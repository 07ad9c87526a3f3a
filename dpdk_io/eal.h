/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK's environment: started once per process, ended when the process exits. */
#ifndef WW_DPDK_IO_EAL_H
#define WW_DPDK_IO_EAL_H

#include "engine/base/error.h"

#include <stdbool.h>

/*
 * Starts DPDK unless it runs already: without PCI, telemetry or files, with hugepages when
 * `hugepages` is true and enough of them can be had, else without. It needs no privileges.
 */
int ww_eal_start(bool hugepages, struct ww_error *error);

bool ww_eal_hugepages(void);

/* Fails with ": " and what DPDK logged last behind the sentence. */
int ww_eal_fail(struct ww_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
