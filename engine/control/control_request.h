/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks of a group over the admin endpoint, as HTTP and JSON carry it. */
#ifndef WW_CONTROL_CONTROL_REQUEST_H
#define WW_CONTROL_CONTROL_REQUEST_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ww_control_op {
    WW_CONTROL_ADD, /* as a learner */
    WW_CONTROL_PROMOTE,
    WW_CONTROL_DEMOTE,
    WW_CONTROL_REMOVE,
    WW_CONTROL_TRANSFER,
    WW_CONTROL_SNAPSHOT, /* take one now */
    WW_CONTROL_OPS,
};

struct ww_control_request {
    enum ww_control_op op;
    uint32_t group;
    uint32_t node; /* SNAPSHOT: 0 */
};

/* What a node says to it. */
struct ww_control_answer {
    uint32_t leader; /* who leads, on failure, when that is known; or 0 */
    uint64_t index;  /* SNAPSHOT: where it ends */
    bool durable;    /* SNAPSHOT: it is there; else it is under way */
};

/* "add", "promote", ...: the key of the JSON object. */
const char *ww_control_op_name(enum ww_control_op op);

/* Is `path` /v1/groups/G/members, /v1/groups/G/leader or /v1/groups/G/snapshot? */
bool ww_control_is_request(const char *path);

/* Is `path` /v1/groups/G/snapshot, which can be read too? */
bool ww_control_is_snapshot(const char *path, uint32_t *group);

/* Reads path and body: {"add": 4}; for a snapshot {}. WW_EINVAL, with what is wrong and what would
 * be right. */
int ww_control_parse(const char *path, const char *body, size_t bytes,
                     struct ww_control_request *request, struct ww_error *error);

/* Strictly; the object is the caller's to put. WW_EINVAL. */
struct json_object;
int ww_control_parse_json(const char *body, size_t bytes, struct json_object **object,
                          struct ww_error *error);

/* The asker's side: the status and the sentence in the body of a refusal. */
int ww_control_refusal(const char *body, struct ww_error *error);

/* The HTTP code of a status that a request ended with. */
unsigned ww_control_http_code(int status);

#endif
