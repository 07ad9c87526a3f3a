/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration keys that an operator changes on a running node, as HTTP and JSON carry them. */
#ifndef WW_CONTROL_CONTROL_SETTINGS_H
#define WW_CONTROL_CONTROL_SETTINGS_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>

#define WW_CONTROL_SETTINGS_MAX 16u

struct ww_control_settings {
    uint32_t count;
    struct {
        char key[48];
        char value[64]; /* in the words of a configuration file */
    } list[WW_CONTROL_SETTINGS_MAX];
};

/* Reads {"wal.delay": "200us", "wal.depth": 4}. WW_EINVAL, with what is wrong. */
int ww_control_parse_settings(const char *body, size_t bytes, struct ww_control_settings *settings,
                              struct ww_error *error);

#endif
