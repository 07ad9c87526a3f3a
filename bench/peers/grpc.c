/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/peers/grpc.h"

#include "engine/base/time_ns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX_BYTES 5u /* of a message: compressed or not, length */
#define WINDOW_BYTES (16 << 20)
#define OUT_BYTES (64u * 1024u)
#define IN_BYTES (64u * 1024u)

struct call {
    struct call *next; /* unused */
    ww_grpc_done done;
    void *context;
    uint64_t sent_ns;
    uint32_t status; /* of gRPC */
    uint32_t request_bytes, request_sent, reply_bytes;
    uint8_t request[PREFIX_BYTES + WW_GRPC_REQUEST_MAX];
    uint8_t reply[PREFIX_BYTES + WW_GRPC_REPLY_MAX];
};

struct ww_grpc {
    char authority[64];
    int socket;
    nghttp2_session *session;
    struct call *unused;
    uint8_t out[OUT_BYTES];
    size_t out_used, out_sent;
    uint8_t in[IN_BYTES];
};

/* ---- what nghttp2 asks and tells ---- */

static ssize_t on_read_request(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
                               uint32_t *flags, nghttp2_data_source *source, void *grpc)
{
    struct call *call = source->ptr;
    size_t left = call->request_bytes - call->request_sent, bytes = left < room ? left : room;
    memcpy(to, call->request + call->request_sent, bytes);
    call->request_sent += (uint32_t)bytes;
    if (call->request_sent == call->request_bytes)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)bytes;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t bytes, void *grpc)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, stream);
    size_t room = sizeof(call->reply) - call->reply_bytes;
    if (bytes > room)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    memcpy(call->reply + call->reply_bytes, data, bytes);
    call->reply_bytes += (uint32_t)bytes;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_bytes, const uint8_t *value, size_t value_bytes, uint8_t flags,
                     void *grpc)
{
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    static const char wanted[] = "grpc-status";
    if (call != NULL && name_bytes == sizeof(wanted) - 1 && memcmp(name, wanted, name_bytes) == 0)
        call->status = (uint32_t)strtoul((const char *)value, NULL, 10);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
    struct ww_grpc *grpc = context;
    struct call *call = nghttp2_session_get_stream_user_data(session, stream);
    bool whole = call->reply_bytes >= PREFIX_BYTES;
    call->done(call->context, call->sent_ns, call->status,
               whole ? call->reply + PREFIX_BYTES : NULL,
               whole ? call->reply_bytes - PREFIX_BYTES : 0);
    call->next = grpc->unused;
    grpc->unused = call;
    return 0;
}

/* ---- a connection ---- */

static int dial(const char *endpoint, struct ww_error *error)
{
    char host[48];
    const char *colon = strrchr(endpoint, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    snprintf(host, sizeof(host), "%.*s", colon == NULL ? 0 : (int)(colon - endpoint), endpoint);
    if (colon == NULL || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return ww_fail(error, WW_EINVAL, "'%s' is not an address ADDRESS:PORT", endpoint);
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int one = 1, made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made >= 0 && connect(made, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0 &&
        fcntl(made, F_SETFL, O_NONBLOCK) == 0)
        return made;
    int status = ww_fail_errno(error, WW_ETIMEOUT, "connecting to %s", endpoint);
    if (made >= 0)
        close(made);
    return status;
}

static int begin_session(struct ww_grpc *grpc)
{
    const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES};
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NGHTTP2_ERR_NOMEM;
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    int code = nghttp2_session_client_new(&grpc->session, callbacks, grpc);
    nghttp2_session_callbacks_del(callbacks);
    if (code == 0)
        code = nghttp2_submit_settings(grpc->session, NGHTTP2_FLAG_NONE, &settings, 1);
    if (code == 0)
        code = nghttp2_session_set_local_window_size(grpc->session, NGHTTP2_FLAG_NONE, 0,
                                                     WINDOW_BYTES);
    return code;
}

int ww_grpc_open(const char *endpoint, struct ww_grpc **out, struct ww_error *error)
{
    int made = dial(endpoint, error);
    if (made < 0)
        return made;
    struct ww_grpc *grpc = calloc(1, sizeof(*grpc));
    if (grpc == NULL) {
        close(made);
        return ww_fail(error, WW_ENOMEM, "no memory for a connection");
    }
    grpc->socket = made;
    snprintf(grpc->authority, sizeof(grpc->authority), "%s", endpoint);
    int code = begin_session(grpc);
    if (code != 0) {
        ww_grpc_close(grpc);
        return ww_fail(error, WW_EIO, "HTTP/2 with %s: %s", endpoint, nghttp2_strerror(code));
    }
    *out = grpc;
    return WW_OK;
}

void ww_grpc_close(struct ww_grpc *grpc)
{
    if (grpc == NULL)
        return;
    nghttp2_session_del(grpc->session);
    close(grpc->socket);
    for (struct call *call = grpc->unused, *next; call != NULL; call = next) {
        next = call->next;
        free(call);
    }
    free(grpc);
}

/* ---- calls ---- */

static struct call *new_call(struct ww_grpc *grpc, const uint8_t *message, uint32_t bytes)
{
    struct call *call = grpc->unused;
    if (call != NULL)
        grpc->unused = call->next;
    else if ((call = malloc(sizeof(*call))) == NULL)
        return NULL;
    call->status = UINT32_MAX; /* until the server says one */
    call->request_sent = call->reply_bytes = 0;
    call->request_bytes = PREFIX_BYTES + bytes;
    uint32_t length = htonl(bytes);
    call->request[0] = 0; /* not compressed */
    memcpy(call->request + 1, &length, sizeof(length));
    memcpy(call->request + PREFIX_BYTES, message, bytes);
    return call;
}

#define HEADER(header, content)                                                                    \
    {                                                                                              \
        .name = (uint8_t *)(header), .namelen = strlen(header), .value = (uint8_t *)(content),     \
        .valuelen = strlen(content),                                                               \
        .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE                      \
    }

int ww_grpc_call(struct ww_grpc *grpc, const char *path, const uint8_t *message, uint32_t bytes,
                 ww_grpc_done done, void *context, struct ww_error *error)
{
    if (bytes > WW_GRPC_REQUEST_MAX)
        return ww_fail(error, WW_ETOOBIG, "%s: a message of %u bytes", path, bytes);
    struct call *call = new_call(grpc, message, bytes);
    if (call == NULL)
        return ww_fail(error, WW_ENOMEM, "%s: no memory", path);
    call->done = done;
    call->context = context;
    call->sent_ns = ww_time_ns(CLOCK_MONOTONIC);
    const nghttp2_nv headers[] = {
        HEADER(":method", "POST"), HEADER(":scheme", "http"),
        HEADER(":path", path),     HEADER(":authority", grpc->authority),
        HEADER("te", "trailers"),  HEADER("content-type", "application/grpc"),
    };
    nghttp2_data_provider request = {.source.ptr = call, .read_callback = on_read_request};
    int32_t stream = nghttp2_submit_request(grpc->session, NULL, headers,
                                            sizeof(headers) / sizeof(headers[0]), &request, call);
    if (stream < 0) {
        free(call);
        return ww_fail(error, WW_EIO, "%s: %s", path, nghttp2_strerror(stream));
    }
    return WW_OK;
}

/* Gathers frames, which nghttp2 gives one by one, so that a write carries many. */
static int gather(struct ww_grpc *grpc, struct ww_error *error)
{
    grpc->out_used = grpc->out_sent = 0;
    /* A frame has at most 16 KiB, the peer's least and usual limit, and its header. */
    while (grpc->out_used + 16384 + 9 <= sizeof(grpc->out)) {
        const uint8_t *frame;
        ssize_t bytes = nghttp2_session_mem_send(grpc->session, &frame);
        if (bytes < 0 || (size_t)bytes > sizeof(grpc->out) - grpc->out_used)
            return ww_fail(error, WW_EIO, "HTTP/2 with %s: cannot make a frame", grpc->authority);
        if (bytes == 0)
            break;
        memcpy(grpc->out + grpc->out_used, frame, (size_t)bytes);
        grpc->out_used += (size_t)bytes;
    }
    return WW_OK;
}

int ww_grpc_flush(struct ww_grpc *grpc, struct pollfd *wait, struct ww_error *error)
{
    *wait = (struct pollfd){.fd = grpc->socket, .events = POLLIN};
    for (;;) {
        int status = grpc->out_sent == grpc->out_used ? gather(grpc, error) : WW_OK;
        if (status != WW_OK || grpc->out_used == 0)
            return status;
        ssize_t sent = send(grpc->socket, grpc->out + grpc->out_sent,
                            grpc->out_used - grpc->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return ww_fail_errno(error, WW_EIO, "sending to %s", grpc->authority);
        if (sent < 0) {
            wait->events |= POLLOUT;
            return WW_OK;
        }
        grpc->out_sent += (size_t)sent;
    }
}

int ww_grpc_receive(struct ww_grpc *grpc, struct ww_error *error)
{
    for (;;) {
        ssize_t got = recv(grpc->socket, grpc->in, sizeof(grpc->in), 0);
        if (got < 0 && errno == EAGAIN)
            return WW_OK;
        if (got <= 0)
            return ww_fail(error, WW_ECLOSED, "%s closed the connection", grpc->authority);
        ssize_t taken = nghttp2_session_mem_recv(grpc->session, grpc->in, (size_t)got);
        if (taken != got)
            return ww_fail(error, WW_EIO, "HTTP/2 with %s: %s", grpc->authority,
                           taken < 0 ? nghttp2_strerror((int)taken) : "it stopped");
        if ((size_t)got < sizeof(grpc->in))
            return WW_OK;
    }
}
