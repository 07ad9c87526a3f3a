/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control/http_client.h"
#include "engine/control/http_server.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND 1000000000u

static char *status_ok(void *context)
{
    (void)context;
    return strdup("{\"health\":\"ok\",\"node\":3}");
}

static char *status_fenced(void *context)
{
    (void)context;
    return strdup("{\"health\":\"fsync failed\"}");
}

/* The server under test, at a port that was free a moment ago. */
static struct ww_control *start(char *(*status_json)(void *), char *endpoint, size_t size)
{
    struct ww_control *control = NULL;
    struct ww_error error = {0};
    for (int attempt = 0; attempt < 20 && control == NULL; attempt++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
        close(fd);
        snprintf(endpoint, size, "127.0.0.1:%u", ntohs(address.sin_port));
        ww_control_start(endpoint, (struct ww_control_ops){.status_json = status_json}, &control,
                         &error);
    }
    cr_assert_not_null(control, "%s", error.text);
    return control;
}

/* Sends raw bytes and returns the whole answer. */
static char *talk(const char *endpoint, const char *request)
{
    static char answer[8192];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strchr(endpoint, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t used = 0;
    ssize_t got;
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    while (used < sizeof(answer) - 1 &&
           (got = recv(fd, answer + used, sizeof(answer) - 1 - used, 0)) > 0)
        used += (size_t)got;
    answer[used] = 0;
    close(fd);
    return answer;
}

Test(http, status_comes_back_byte_for_byte)
{
    char endpoint[32], *body;
    struct ww_error error;
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    cr_assert_eq(ww_http_get(endpoint, "/v1/status", 5ull * SECOND, &body, &error), WW_OK, "%s",
                 error.text);
    cr_assert_str_eq(body, "{\"health\":\"ok\",\"node\":3}");
    free(body);
    ww_control_stop(control);
}

Test(http, health_is_200_or_503)
{
    char endpoint[32], *body;
    struct ww_error error;
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    cr_assert_eq(ww_http_get(endpoint, "/healthz", 5ull * SECOND, &body, &error), WW_OK);
    free(body);
    ww_control_stop(control);
    control = start(status_fenced, endpoint, sizeof(endpoint));
    char *answer = talk(endpoint, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(answer, "HTTP/1.1 503") == answer, "%s", answer);
    cr_assert(strstr(answer, "fsync failed") != NULL);
    ww_control_stop(control);
}

Test(http, other_paths_and_methods_get_json_errors)
{
    char endpoint[32];
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    char *answer = talk(endpoint, "GET /v2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(answer, "HTTP/1.1 404") == answer, "%s", answer);
    cr_assert(strstr(answer, "{\"error\":") != NULL);
    answer = talk(endpoint, "POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                            "Connection: close\r\n\r\nabc");
    cr_assert(strstr(answer, "HTTP/1.1 405") == answer, "%s", answer);
    cr_assert(strstr(answer, "Allow: GET, HEAD") != NULL);
    ww_control_stop(control);
}

Test(http, a_client_sees_the_code_of_an_error)
{
    char endpoint[32], *body;
    struct ww_error error;
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    cr_assert_eq(ww_http_get(endpoint, "/nothing", 5ull * SECOND, &body, &error), WW_EIO);
    cr_assert_null(body);
    cr_assert(strstr(error.text, "404") != NULL, "%s", error.text);
    ww_control_stop(control);
}

Test(http, a_request_without_end_is_refused)
{
    char endpoint[32];
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    static char request[60000] = "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: ";
    memset(request + strlen(request), 'x', sizeof(request) - strlen(request) - 1);
    char *answer = talk(endpoint, request);
    cr_assert(strstr(answer, "HTTP/1.1 431") == answer || *answer == 0, "%s", answer);
    ww_control_stop(control);
}

Test(http, an_address_in_use_is_named)
{
    char endpoint[32];
    struct ww_error error;
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint)), *second;
    cr_assert_eq(ww_control_start(endpoint, (struct ww_control_ops){.status_json = status_ok},
                                  &second, &error),
                 WW_EIO);
    cr_assert_null(second);
    cr_assert(strstr(error.text, endpoint) != NULL && strstr(error.text, "in use") != NULL, "%s",
              error.text);
    ww_control_stop(control);
}

Test(http, bad_addresses_are_refused)
{
    struct ww_error error;
    struct ww_control *control;
    char *body;
    const char *const texts[] = {"", "127.0.0.1", "127.0.0.1:", "localhost:1", "127.0.0.1:70000"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert_eq(ww_control_start(texts[i], (struct ww_control_ops){.status_json = status_ok},
                                      &control, &error),
                     WW_EINVAL, "%s", texts[i]);
    cr_assert_eq(ww_http_get("nonsense", "/", SECOND, &body, &error), WW_EINVAL);
    cr_assert_eq(ww_http_get("a/b:1", "/", SECOND, &body, &error), WW_EINVAL);
}

Test(http, nobody_there_is_a_timeout_that_names_the_endpoint)
{
    char endpoint[32], *body;
    struct ww_error error;
    ww_control_stop(start(status_ok, endpoint, sizeof(endpoint)));
    cr_assert_eq(ww_http_get(endpoint, "/v1/status", SECOND, &body, &error), WW_ETIMEOUT);
    cr_assert(strstr(error.text, endpoint) != NULL, "%s", error.text);
}
