/* SPDX-License-Identifier: Apache-2.0 */
/* The admin endpoint of a node: HTTP on an ordinary thread, never on a polling core. */
#ifndef WW_CONTROL_HTTP_SERVER_H
#define WW_CONTROL_HTTP_SERVER_H

#include "engine/base/error.h"
#include "engine/control/control_request.h"
#include "engine/control/control_settings.h"

/* Called on the server's thread. */
struct ww_control_ops {
    void *context;
    char *(*status_json)(void *context); /* malloc'ed text; NULL: no memory */
    /* Starts a change; on failure `error` says why. *answer begins as zero. */
    int (*request)(void *context, const struct ww_control_request *request,
                   struct ww_control_answer *answer, struct ww_error *error);
    char *(*config_json)(void *context);    /* the configuration in force, as status_json */
    char *(*rotations_json)(void *context); /* when the log entered its segments */
    char *(*trace_json)(void *context);     /* of sampled entries, what nobody took so far */
    /* Changes all of the keys or none. WW_EINVAL: one of them cannot be, `error` says why. */
    int (*configure)(void *context, const struct ww_control_settings *settings,
                     struct ww_error *error);
    /* Opens the newest snapshot of a group to read; the server closes it. */
    int (*snapshot)(void *context, uint32_t group, int *fd, struct ww_error *error);
};

struct ww_control;

/*
 * Serves GET /v1/status, /healthz, /v1/config, /v1/wal/rotations, /v1/trace and
 * /v1/groups/G/snapshot (the file), and POST /v1/config, /v1/groups/G/members, /v1/groups/G/leader
 * and /v1/groups/G/snapshot, on `listen` (HOST:PORT, an IPv4 address). On failure *control is NULL
 * and `error` names the address, as when another process has it.
 */
int ww_control_start(const char *listen, struct ww_control_ops ops, struct ww_control **control,
                     struct ww_error *error);

/* Ends the thread and every connection. NULL is allowed. */
void ww_control_stop(struct ww_control *control);

#endif
