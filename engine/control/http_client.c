/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control/http_client.h"

#include <curl/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (16u * 1024 * 1024)

struct answer {
    char *text;
    size_t size;
    FILE *file; /* gets the bytes instead, when the code is 200; NULL: none */
    CURL *curl;
};

static size_t collect(char *data, size_t unit, size_t count, void *context)
{
    struct answer *answer = context;
    size_t bytes = unit * count;
    long code = 0;
    if (answer->file != NULL)
        curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code == 200)
        return fwrite(data, 1, bytes, answer->file);
    if (answer->size + bytes > BODY_MAX)
        return 0;
    char *larger = realloc(answer->text, answer->size + bytes + 1);
    if (larger == NULL)
        return 0;
    memcpy(larger + answer->size, data, bytes);
    answer->text = larger;
    answer->size += bytes;
    answer->text[answer->size] = 0;
    return bytes;
}

static int status_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return WW_ETIMEOUT;
    case CURLE_URL_MALFORMAT:
        return WW_EINVAL;
    default:
        return WW_EIO;
    }
}

static int perform(CURL *curl, const char *endpoint, uint32_t *code, struct ww_error *error)
{
    char why[CURL_ERROR_SIZE] = "";
    long answered = 0;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (result != CURLE_OK)
        return ww_fail(error, status_of(result), "no answer from endpoint %s: %s", endpoint,
                       *why != 0 ? why : curl_easy_strerror(result));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answered);
    *code = (uint32_t)answered;
    return WW_OK;
}

/* POST of `json`, or GET when it is NULL, into `file`, if there is one: then the timeout is for
 * silence. */
static int ask(const char *endpoint, const char *path, const char *json, FILE *file,
               uint64_t timeout_ns, uint32_t *code, char **body, struct ww_error *error)
{
    struct curl_slist *headers = NULL;
    char url[512];
    struct answer answer = {.text = calloc(1, 1), .file = file};
    const char *colon = strrchr(endpoint, ':');
    *body = NULL;
    if (colon == NULL || colon == endpoint || colon[1] == 0 || strpbrk(endpoint, "/?#@ ") != NULL) {
        free(answer.text);
        return ww_fail(error, WW_EINVAL, "endpoint '%s' is not HOST:PORT", endpoint);
    }
    snprintf(url, sizeof(url), "http://%s%s", endpoint, path);
    CURL *curl = curl_easy_init();
    if (curl == NULL || answer.text == NULL) {
        free(answer.text);
        curl_easy_cleanup(curl);
        return ww_fail(error, WW_ENOMEM, "no memory to ask endpoint %s", endpoint);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    answer.curl = curl;
    if (file != NULL) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(timeout_ns / 1000000000u) + 1);
    } else {
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / 1000000u) + 1);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (json != NULL) {
        headers = curl_slist_append(NULL, "Content-Type: application/json");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json);
    }
    int status = perform(curl, endpoint, code, error);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (status == WW_OK)
        *body = answer.text;
    else
        free(answer.text);
    return status;
}

int ww_http_post(const char *endpoint, const char *path, const char *json, uint64_t timeout_ns,
                 uint32_t *code, char **body, struct ww_error *error)
{
    return ask(endpoint, path, json, NULL, timeout_ns, code, body, error);
}

int ww_http_download(const char *endpoint, const char *path, FILE *file, uint64_t silence_ns,
                     uint32_t *code, char **body, struct ww_error *error)
{
    return ask(endpoint, path, NULL, file, silence_ns, code, body, error);
}

int ww_http_get(const char *endpoint, const char *path, uint64_t timeout_ns, char **body,
                struct ww_error *error)
{
    uint32_t code;
    int status = ask(endpoint, path, NULL, NULL, timeout_ns, &code, body, error);
    if (status != WW_OK || code == 200)
        return status;
    free(*body);
    *body = NULL;
    return ww_fail(error, WW_EIO, "endpoint %s answers %u to %s", endpoint, code, path);
}
