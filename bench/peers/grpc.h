/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of gRPC as a load generator for etcd needs: unary calls over HTTP/2 without TLS (nghttp2
 * does the framing), many at a time on one connection, never blocking: the caller polls.
 * gRPC over HTTP/2: github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
#ifndef WW_BENCH_PEERS_GRPC_H
#define WW_BENCH_PEERS_GRPC_H

#include "engine/base/error.h"

#include <poll.h>
#include <stdint.h>

#define WW_GRPC_REQUEST_MAX 8192u /* bytes of a message */
#define WW_GRPC_REPLY_MAX 1024u

struct ww_grpc;

/* The answer to a call: the status of gRPC (0: good) and the message, valid during the call. */
typedef void (*ww_grpc_done)(void *context, uint64_t sent_ns, uint32_t status,
                             const uint8_t *message, uint32_t bytes);

/* Connects to HOST:PORT, an address of IPv4. */
int ww_grpc_open(const char *endpoint, struct ww_grpc **grpc, struct ww_error *error);
void ww_grpc_close(struct ww_grpc *grpc);

/* Begins a call; `message` is copied. It leaves with the next ww_grpc_flush. */
int ww_grpc_call(struct ww_grpc *grpc, const char *path, const uint8_t *message, uint32_t bytes,
                 ww_grpc_done done, void *context, struct ww_error *error);

/* Sends what the socket takes; what to wait for then is in `wait`. */
int ww_grpc_flush(struct ww_grpc *grpc, struct pollfd *wait, struct ww_error *error);

/* Takes what has come, and calls back. */
int ww_grpc_receive(struct ww_grpc *grpc, struct ww_error *error);

#endif
