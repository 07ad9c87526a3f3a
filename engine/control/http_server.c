/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control/http_server.h"

#include <json-c/json.h>
#include <microhttpd.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64u
#define CONNECTION_BYTES ((size_t)16 * 1024) /* headers and answer heads of one connection */
#define IDLE_SECONDS 10u
#define BODY_MAX 1024u /* of a request; one takes some 20 bytes */

static const char config_path[] = "/v1/config";

/* The body of a POST, as it arrives. */
struct body {
    char text[BODY_MAX + 1];
    size_t bytes; /* beyond BODY_MAX: too large */
};

struct ww_control {
    struct MHD_Daemon *daemon;
    struct ww_control_ops ops;
};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned code, char *text,
                               const char *allow)
{
    if (text == NULL)
        return MHD_NO;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (allow != NULL)
        MHD_add_response_header(response, "Allow", allow);
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static char *to_text(struct json_object *object)
{
    char *text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    json_object_put(object);
    return text;
}

static struct json_object *new_error(const char *what)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "error", json_object_new_string(what));
    return object;
}

static enum MHD_Result respond_error(struct MHD_Connection *connection, unsigned code,
                                     const char *what)
{
    return respond(connection, code, to_text(new_error(what)), NULL);
}

/* 200 while the node is healthy, 503 once it fenced itself, for load balancers and probes. */
static enum MHD_Result respond_health(struct ww_control *control, struct MHD_Connection *connection)
{
    char *status = control->ops.status_json(control->ops.context);
    struct json_object *parsed = status == NULL ? NULL : json_tokener_parse(status);
    struct json_object *health, *answer = json_object_new_object();
    bool healthy = false;
    if (json_object_object_get_ex(parsed, "health", &health)) {
        healthy = strcmp(json_object_get_string(health), "ok") == 0;
        json_object_object_add(answer, "health", json_object_get(health));
    }
    json_object_put(parsed);
    free(status);
    return respond(connection, healthy ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                   to_text(answer), NULL);
}

static enum MHD_Result respond_request(struct ww_control *control,
                                       struct MHD_Connection *connection, const char *url,
                                       const struct body *body)
{
    struct ww_control_request request;
    struct ww_error error = {0};
    struct ww_control_answer said = {0};
    if (ww_control_parse(url, body->text, body->bytes, &request, &error) != WW_OK)
        return respond_error(connection, MHD_HTTP_BAD_REQUEST, error.text);
    int status = control->ops.request(control->ops.context, &request, &said, &error);
    struct json_object *answer = NULL;
    if (status == WW_OK) {
        answer = json_object_new_object();
        json_object_object_add(answer, "group", json_object_new_int64(request.group));
        json_object_object_add(answer, ww_control_op_name(request.op),
                               request.op == WW_CONTROL_SNAPSHOT
                                   ? json_object_new_uint64(said.index)
                                   : json_object_new_int64(request.node));
    } else {
        answer = new_error(error.text);
        json_object_object_add(answer, "status", json_object_new_string(ww_status_name(status)));
        if (said.leader != 0)
            json_object_object_add(answer, "leader", json_object_new_int64(said.leader));
    }
    return respond(connection, said.durable ? MHD_HTTP_OK : ww_control_http_code(status),
                   to_text(answer), NULL);
}

static enum MHD_Result respond_refusal(struct MHD_Connection *connection, unsigned code, int status,
                                       const struct ww_error *error)
{
    struct json_object *answer = new_error(error->text);
    json_object_object_add(answer, "status", json_object_new_string(ww_status_name(status)));
    return respond(connection, code, to_text(answer), NULL);
}

static enum MHD_Result respond_configure(struct ww_control *control,
                                         struct MHD_Connection *connection, const struct body *body)
{
    struct ww_control_settings settings;
    struct ww_error error = {0};
    int status = ww_control_parse_settings(body->text, body->bytes, &settings, &error);
    if (status == WW_OK)
        status = control->ops.configure(control->ops.context, &settings, &error);
    if (status != WW_OK)
        return respond_refusal(connection,
                               status == WW_EINVAL ? MHD_HTTP_BAD_REQUEST
                                                   : ww_control_http_code(status),
                               status, &error);
    return respond(connection, MHD_HTTP_OK, control->ops.config_json(control->ops.context), NULL);
}

/* The file as it lies there: sent by the kernel, in pieces, between which others are served. */
static enum MHD_Result respond_snapshot(struct ww_control *control,
                                        struct MHD_Connection *connection, uint32_t group)
{
    struct ww_error error = {0};
    struct stat info;
    int fd;
    int status = control->ops.snapshot(control->ops.context, group, &fd, &error);
    if (status != WW_OK)
        return respond_refusal(connection, ww_control_http_code(status), status, &error);
    struct MHD_Response *response =
        fstat(fd, &info) == 0 ? MHD_create_response_from_fd64((uint64_t)info.st_size, fd) : NULL;
    if (response == NULL) {
        close(fd);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "application/octet-stream");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* Called for the head, for each part of the body, and at its end: then it answers. */
static enum MHD_Result take_post(struct ww_control *control, struct MHD_Connection *connection,
                                 const char *url, const char *upload, size_t *upload_bytes,
                                 void **request)
{
    struct body *body = *request;
    if (body == NULL) {
        const char *type =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
        /* A page in a browser cannot send this type to another site unasked. */
        if (type == NULL || strncasecmp(type, "application/json", 16) != 0)
            return respond_error(connection, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                 "Content-Type must be application/json");
        *request = calloc(1, sizeof(*body));
        return *request != NULL ? MHD_YES : MHD_NO;
    }
    if (*upload_bytes == 0 && body->bytes > BODY_MAX)
        return respond_error(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
    if (*upload_bytes == 0)
        return strcmp(url, config_path) == 0 ? respond_configure(control, connection, body)
                                             : respond_request(control, connection, url, body);
    bool fits = body->bytes + *upload_bytes <= BODY_MAX;
    if (fits)
        memcpy(body->text + body->bytes, upload, *upload_bytes);
    body->bytes = fits ? body->bytes + *upload_bytes : BODY_MAX + 1;
    *upload_bytes = 0;
    return MHD_YES;
}

static void free_body(void *context, struct MHD_Connection *connection, void **request,
                      enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    free(*request);
}

/* What answers a GET of the path; NULL: nothing does. */
static char *(*getter(const struct ww_control *control, const char *url))(void *context)
{
    if (strcmp(url, "/v1/status") == 0)
        return control->ops.status_json;
    if (strcmp(url, config_path) == 0)
        return control->ops.config_json;
    if (strcmp(url, "/v1/trace") == 0)
        return control->ops.trace_json;
    return strcmp(url, "/v1/wal/rotations") == 0 ? control->ops.rotations_json : NULL;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    struct ww_control *control = context;
    bool config = strcmp(url, config_path) == 0;
    bool post = ww_control_is_request(url) || (config && strcmp(method, MHD_HTTP_METHOD_POST) == 0);
    char *(*get)(void *context) = getter(control, url);
    bool health = strcmp(url, "/healthz") == 0;
    bool known = post || health || get != NULL;
    bool is_get =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!known)
        return respond_error(
            connection, MHD_HTTP_NOT_FOUND,
            "no such path; there are /v1/status, /healthz, /v1/config, "
            "/v1/wal/rotations, /v1/trace, and under /v1/groups/G/ members, leader and "
            "snapshot");
    if (post && strcmp(method, MHD_HTTP_METHOD_POST) == 0)
        return take_post(control, connection, url, upload, upload_bytes, request);
    uint32_t group;
    bool both = ww_control_is_snapshot(url, &group);
    if (both && is_get)
        return respond_snapshot(control, connection, group);
    if (post || !is_get)
        return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                       to_text(new_error(both   ? "only POST and GET are allowed here"
                                         : post ? "only POST is allowed here"
                                                : "only GET is allowed here")),
                       both || config ? "GET, HEAD, POST"
                       : post         ? "POST"
                                      : "GET, HEAD");
    if (health)
        return respond_health(control, connection);
    return respond(connection, MHD_HTTP_OK, get(control->ops.context), NULL);
}

static int parse_listen(const char *listen, struct sockaddr_in *address, struct ww_error *error)
{
    char host[64];
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    snprintf(host, sizeof(host), "%.*s", colon == NULL ? 0 : (int)(colon - listen), listen);
    if (end == NULL || end == colon + 1 || *end != 0 || port > 65535 ||
        inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return ww_fail(error, WW_EINVAL, "admin address '%s' is not an IPv4 address and port",
                       listen);
    address->sin_port = htons((uint16_t)port);
    return WW_OK;
}

/* Bound here and not by the library, which does not say why it could not. */
static int open_socket(const char *name, int *fd, struct ww_error *error)
{
    struct sockaddr_in address;
    int status = parse_listen(name, &address, error);
    if (status != WW_OK)
        return status;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return ww_fail_errno(error, WW_EIO, "admin endpoint %s: socket", name);
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(*fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen(*fd, (int)CONNECTIONS_MAX) == 0)
        return WW_OK;
    if (errno == EADDRINUSE)
        status = ww_fail(error, WW_EIO, "admin endpoint %s is in use by another process", name);
    else
        status = ww_fail_errno(error, WW_EIO, "admin endpoint %s", name);
    close(*fd);
    return status;
}

int ww_control_start(const char *listen, struct ww_control_ops ops, struct ww_control **control,
                     struct ww_error *error)
{
    int fd;
    *control = NULL;
    int status = open_socket(listen, &fd, error);
    if (status != WW_OK)
        return status;
    struct ww_control *new_control = calloc(1, sizeof(*new_control));
    if (new_control == NULL) {
        close(fd);
        return ww_fail(error, WW_ENOMEM, "admin endpoint %s: no memory", listen);
    }
    new_control->ops = ops;
    new_control->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle, new_control,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
                         MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_NOTIFY_COMPLETED,
                         free_body, NULL, MHD_OPTION_END);
    if (new_control->daemon == NULL) {
        close(fd);
        free(new_control);
        return ww_fail(error, WW_EIO, "admin endpoint %s: the HTTP server does not start", listen);
    }
    *control = new_control;
    return WW_OK;
}

void ww_control_stop(struct ww_control *control)
{
    if (control == NULL)
        return;
    MHD_stop_daemon(control->daemon);
    free(control);
}
