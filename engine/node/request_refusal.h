/* SPDX-License-Identifier: Apache-2.0 */
/* Why a group refuses an operator's request, in words that say what to do. */
#ifndef WW_NODE_REQUEST_REFUSAL_H
#define WW_NODE_REQUEST_REFUSAL_H

#include "engine/control/control_request.h"
#include "engine/raft/raft.h"

/* `status`: what the group answered, not WW_OK; it is returned. `raft`: its state just after. */
int ww_request_refusal(const struct ww_control_request *request, uint32_t self, int status,
                       const struct ww_raft_status *raft, struct ww_error *error);

#endif
