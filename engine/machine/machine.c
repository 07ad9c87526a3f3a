/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/machine/machine.h"

#include "engine/machine/machine_kv.h"
#include "engine/machine/machine_log.h"

const char *ww_machine_of_state(const uint8_t *head, uint64_t bytes)
{
    uint32_t magic = 0;
    if (bytes == WW_MACHINE_LOG_BYTES)
        return "log";
    if (bytes >= sizeof(struct ww_kv_state))
        memcpy(&magic, head, sizeof(magic));
    return magic == WW_KV_MAGIC ? "kv" : "other";
}
