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

static struct ww_control_request asked;

static int request(void *context, const struct ww_control_request *wanted,
                   struct ww_control_answer *answer, struct ww_error *error)
{
    (void)context;
    asked = *wanted;
    answer->index = 5000000000;
    answer->durable = wanted->op == WW_CONTROL_SNAPSHOT && wanted->group == 7;
    if (wanted->op != WW_CONTROL_REMOVE)
        return WW_OK;
    answer->leader = 2;
    return ww_fail(error, WW_ENOTLEADER, "node 3 is a \"follower\"");
}

static char *config_json(void *context)
{
    (void)context;
    return strdup("{\"wal.depth\":\"2\"}");
}

static char *rotations_json(void *context)
{
    (void)context;
    return strdup("{\"entered_ns\":[7]}");
}

static char *trace_json(void *context)
{
    (void)context;
    return strdup("{\"records\":[[0,8,1,2,9]]}");
}

static struct ww_control_settings set;

static int configure(void *context, const struct ww_control_settings *settings,
                     struct ww_error *error)
{
    (void)context;
    set = *settings;
    return strcmp(settings->list[0].key, "wal.segment") == 0
               ? ww_fail(error, WW_EINVAL, "not while it runs")
               : WW_OK;
}

/* Group 1 has a snapshot, which is in this file. */
static FILE *snapshot_file;

static int snapshot(void *context, uint32_t group, int *fd, struct ww_error *error)
{
    (void)context;
    if (group != 1)
        return ww_fail(error, WW_ENOTFOUND, "no snapshot of group %u", group);
    *fd = dup(fileno(snapshot_file));
    return WW_OK;
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
        ww_control_start(endpoint,
                         (struct ww_control_ops){.status_json = status_json,
                                                 .request = request,
                                                 .config_json = config_json,
                                                 .rotations_json = rotations_json,
                                                 .trace_json = trace_json,
                                                 .configure = configure,
                                                 .snapshot = snapshot},
                         &control, &error);
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

/* POSTs and returns the code of the answer, which is in `answer`. */
static uint32_t post(const char *endpoint, const char *path, const char *json, char *answer,
                     size_t size)
{
    char *body;
    uint32_t code = 0;
    struct ww_error error;
    int status = ww_http_post(endpoint, path, json, 5ull * SECOND, &code, &body, &error);
    cr_assert_eq(status, WW_OK, "%s", error.text);
    snprintf(answer, size, "%s", body);
    free(body);
    return code;
}

Test(http, a_request_is_taken_and_its_failure_is_told_with_the_leader)
{
    char endpoint[32], answer[512];
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    cr_assert_eq(post(endpoint, "/v1/groups/12/members", "{\"add\": 4}", answer, sizeof(answer)),
                 202);
    cr_assert_eq(asked.op, WW_CONTROL_ADD);
    cr_assert_eq(asked.group, 12);
    cr_assert_eq(asked.node, 4);
    cr_assert_str_eq(answer, "{\"group\":12,\"add\":4}");
    cr_assert_eq(post(endpoint, "/v1/groups/0/leader", "{\"transfer\":7}", answer, sizeof(answer)),
                 202);
    cr_assert_eq(asked.op, WW_CONTROL_TRANSFER);
    cr_assert_eq(asked.node, 7);
    cr_assert_eq(post(endpoint, "/v1/groups/0/members", "{\"remove\": 1}", answer, sizeof(answer)),
                 421);
    cr_assert_str_eq(answer, "{\"error\":\"node 3 is a \\\"follower\\\"\","
                             "\"status\":\"WW_ENOTLEADER\",\"leader\":2}");
    ww_control_stop(control);
}

Test(http, a_snapshot_is_asked_for_and_answered_with_its_index)
{
    char endpoint[32], answer[512];
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    cr_assert_eq(post(endpoint, "/v1/groups/6/snapshot", "{}", answer, sizeof(answer)), 202);
    cr_assert_eq(asked.op, WW_CONTROL_SNAPSHOT);
    cr_assert_eq(asked.group, 6);
    cr_assert_eq(asked.node, 0);
    cr_assert_str_eq(answer, "{\"group\":6,\"snapshot\":5000000000}");
    cr_assert_eq(post(endpoint, "/v1/groups/7/snapshot", "{}", answer, sizeof(answer)), 200,
                 "it is durable");
    cr_assert_str_eq(answer, "{\"group\":7,\"snapshot\":5000000000}");
    ww_control_stop(control);
}

Test(http, a_request_that_is_wrong_is_answered_with_what_would_be_right)
{
    static const struct {
        const char *path, *body;
        uint32_t code;
        const char *says;
    } cases[] = {
        {"/v1/groups/0/members", "", 400, "not JSON"},
        {"/v1/groups/0/members", "{\"add\": 4", 400, "not JSON"},
        {"/v1/groups/0/members", "{\"add\": 4} x", 400, "not JSON"},
        {"/v1/groups/0/members", "[4]", 400, "not an object with one key"},
        {"/v1/groups/0/members", "{\"add\": 4, \"remove\": 1}", 400, "one key"},
        {"/v1/groups/0/members", "{\"ad\": 4}", 400, "unknown key 'ad'; there is one of"},
        {"/v1/groups/0/members", "{\"transfer\": 4}", 400, "unknown key 'transfer'"},
        {"/v1/groups/0/leader", "{\"add\": 4}", 400, "there is {\\\"transfer\\\": NODE}"},
        {"/v1/groups/0/members", "{\"add\": 8}", 400, "id of a node, 1 .. 7"},
        {"/v1/groups/0/members", "{\"add\": 0}", 400, "id of a node, 1 .. 7"},
        {"/v1/groups/0/members", "{\"add\": \"4\"}", 400, "id of a node, 1 .. 7"},
        {"/v1/groups/0/snapshot", "{\"snapshot\": 4}", 400, "not {}"},
        {"/v1/groups/0/snapshot", "[]", 400, "not {}"},
        {"/v1/groups//members", "{\"add\": 4}", 404, "no such path"},
        {"/v1/groups/0/people", "{\"add\": 4}", 404, "no such path"},
        {"/v1/groups/99999999999/members", "{\"add\": 4}", 404, "no such path"},
    };
    char endpoint[32], answer[512], large[3000];
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        asked.node = 99;
        uint32_t code = post(endpoint, cases[i].path, cases[i].body, answer, sizeof(answer));
        cr_assert_eq(code, cases[i].code, "%s: %u", cases[i].body, code);
        cr_assert(strstr(answer, cases[i].says) != NULL, "%s: %s", cases[i].body, answer);
        cr_assert_eq(asked.node, 99, "%s reached the node", cases[i].body);
    }
    snprintf(large, sizeof(large), "%2999s", "{}");
    cr_assert_eq(post(endpoint, "/v1/groups/0/members", large, answer, sizeof(answer)), 413);
    char *raw = talk(endpoint, "POST /v1/groups/0/members HTTP/1.1\r\nHost: x\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 10\r\n"
                               "Connection: close\r\n\r\n{\"add\": 4}");
    cr_assert(strstr(raw, "HTTP/1.1 415") == raw, "%s", raw);
    raw =
        talk(endpoint, "GET /v1/groups/0/members HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(raw, "HTTP/1.1 405") == raw, "%s", raw);
    cr_assert(strstr(raw, "Allow: POST") != NULL);
    ww_control_stop(control);
}

Test(http, the_configuration_is_told_and_changed)
{
    char endpoint[32], answer[512], *body;
    struct ww_error error;
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    cr_assert_eq(ww_http_get(endpoint, "/v1/config", 5ull * SECOND, &body, &error), WW_OK);
    cr_assert_str_eq(body, "{\"wal.depth\":\"2\"}");
    free(body);
    cr_assert_eq(ww_http_get(endpoint, "/v1/wal/rotations", 5ull * SECOND, &body, &error), WW_OK);
    cr_assert_str_eq(body, "{\"entered_ns\":[7]}");
    free(body);
    cr_assert_eq(ww_http_get(endpoint, "/v1/trace", 5ull * SECOND, &body, &error), WW_OK);
    cr_assert_str_eq(body, "{\"records\":[[0,8,1,2,9]]}");
    free(body);
    cr_assert_eq(post(endpoint, "/v1/config", "{\"wal.delay\": \"50us\", \"wal.depth\": 4}", answer,
                      sizeof(answer)),
                 200);
    cr_assert_str_eq(answer, "{\"wal.depth\":\"2\"}", "what is in force now");
    cr_assert_eq(set.count, 2);
    cr_assert_str_eq(set.list[0].key, "wal.delay");
    cr_assert_str_eq(set.list[0].value, "50us");
    cr_assert_str_eq(set.list[1].value, "4");
    cr_assert_eq(post(endpoint, "/v1/config", "{\"wal.segment\": \"1MiB\"}", answer,
                      sizeof(answer)),
                 400);
    cr_assert_eq(ww_control_refusal(answer, &error), WW_EINVAL);
    cr_assert_str_eq(error.text, "not while it runs");
    char *raw = talk(endpoint, "PUT /v1/config HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(raw, "HTTP/1.1 405") == raw, "%s", raw);
    cr_assert(strstr(raw, "Allow: GET, HEAD, POST") != NULL);
    ww_control_stop(control);
}

Test(http, each_status_has_its_code)
{
    cr_assert_eq(ww_control_http_code(WW_OK), 202);
    cr_assert_eq(ww_control_http_code(WW_EINVAL), 409);
    cr_assert_eq(ww_control_http_code(WW_ENOTFOUND), 404);
    cr_assert_eq(ww_control_http_code(WW_EBUSY), 503);
    cr_assert_eq(ww_control_http_code(WW_ETIMEOUT), 504);
    cr_assert_eq(ww_control_http_code(WW_EIO), 500);
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

Test(http, a_snapshot_is_copied_byte_for_byte)
{
    char endpoint[32], *body, data[4096];
    struct ww_error error = {0};
    uint32_t code = 0;
    const long bytes = 300000;
    snapshot_file = tmpfile();
    for (long i = 0; i < bytes; i++)
        putc((int)(i * 7 + (i >> 8)) & 0xff, snapshot_file);
    fflush(snapshot_file);
    struct ww_control *control = start(status_ok, endpoint, sizeof(endpoint));
    FILE *copy = tmpfile();
    int status = ww_http_download(endpoint, "/v1/groups/1/snapshot", copy, 5ull * SECOND, &code,
                                  &body, &error);
    cr_assert_eq(status, WW_OK, "%s", error.text);
    cr_assert_eq(code, 200);
    cr_assert_str_eq(body, "");
    free(body);
    cr_assert_eq(ftell(copy), bytes);
    rewind(copy);
    for (long i = 0; i < bytes; i++)
        cr_assert_eq(getc(copy), (int)((i * 7 + (i >> 8)) & 0xff), "byte %ld", i);

    status = ww_http_download(endpoint, "/v1/groups/2/snapshot", copy, 5ull * SECOND, &code, &body,
                              &error);
    cr_assert_eq(status, WW_OK, "%s", error.text);
    cr_assert_eq(code, 404);
    cr_assert_not_null(strstr(body, "no snapshot of group 2"), "%s", body);
    cr_assert_not_null(strstr(body, "WW_ENOTFOUND"), "%s", body);
    free(body);
    cr_assert_eq(ftell(copy), bytes, "the answer is not in the file");

    const char *answer = talk(endpoint, "HEAD /v1/groups/1/snapshot HTTP/1.1\r\nHost: x\r\n"
                                        "Connection: close\r\n\r\n");
    snprintf(data, sizeof(data), "Content-Length: %ld", bytes);
    cr_assert_not_null(strstr(answer, data), "%s", answer);
    answer = talk(endpoint, "PUT /v1/groups/1/snapshot HTTP/1.1\r\nHost: x\r\n"
                            "Connection: close\r\n\r\n");
    cr_assert_not_null(strstr(answer, "Allow: GET, HEAD, POST"), "%s", answer);
    ww_control_stop(control);
    fclose(copy);
    fclose(snapshot_file);
}
