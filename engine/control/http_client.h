/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a node's admin endpoint. */
#ifndef WW_CONTROL_HTTP_CLIENT_H
#define WW_CONTROL_HTTP_CLIENT_H

#include "engine/base/error.h"

#include <stdint.h>
#include <stdio.h>

/*
 * POST of a JSON text; like ww_http_get, but any answer counts: *code is its HTTP code.
 */
int ww_http_post(const char *endpoint, const char *path, const char *json, uint64_t timeout_ns,
                 uint32_t *code, char **body, struct ww_error *error);

/*
 * GET http://endpoint/path. `endpoint` is HOST:PORT. On success *body is the answer, terminated;
 * free() it. WW_ETIMEOUT: nobody answers there; WW_EINVAL: not an endpoint; WW_EIO: an answer other
 * than 200, or larger than 16 MiB. On failure *body is NULL.
 */
int ww_http_get(const char *endpoint, const char *path, uint64_t timeout_ns, char **body,
                struct ww_error *error);

/*
 * GET of any size into `file`. Gives up (WW_ETIMEOUT) when nothing comes for `silence_ns`. *code is
 * that of the answer: not 200, and the text is in *body (free() it) and `file` is as it was.
 */
int ww_http_download(const char *endpoint, const char *path, FILE *file, uint64_t silence_ns,
                     uint32_t *code, char **body, struct ww_error *error);

#endif
