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
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64u
#define CONNECTION_BYTES ((size_t)16 * 1024) /* headers and answer heads of one connection */
#define IDLE_SECONDS 10u

struct ww_control {
    struct MHD_Daemon *daemon;
    struct ww_control_ops ops;
};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned code, char *text)
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
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_error(struct MHD_Connection *connection, unsigned code,
                                     const char *what)
{
    char text[128];
    snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", what);
    return respond(connection, code, strdup(text));
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
    char *text = strdup(json_object_to_json_string(answer));
    json_object_put(answer);
    json_object_put(parsed);
    free(status);
    return respond(connection, healthy ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **request)
{
    struct ww_control *control = context;
    bool known = strcmp(url, "/v1/status") == 0 || strcmp(url, "/healthz") == 0;
    if (!known)
        return respond_error(connection, MHD_HTTP_NOT_FOUND,
                             "no such path; there are /v1/status and /healthz");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return respond_error(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is allowed here");
    if (strcmp(url, "/healthz") == 0)
        return respond_health(control, connection);
    return respond(connection, MHD_HTTP_OK, control->ops.status_json(control->ops.context));
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
                         MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
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
