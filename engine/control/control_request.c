/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control/control_request.h"

#include "engine/base/limits.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *place; /* the key of the object, the end of the path */
} ops[WW_CONTROL_OPS] = {
    [WW_CONTROL_ADD] = {"add", "members"},
    [WW_CONTROL_PROMOTE] = {"promote", "members"},
    [WW_CONTROL_DEMOTE] = {"demote", "members"},
    [WW_CONTROL_REMOVE] = {"remove", "members"},
    [WW_CONTROL_TRANSFER] = {"transfer", "leader"},
    [WW_CONTROL_SNAPSHOT] = {"snapshot", "snapshot"},
};

const char *ww_control_op_name(enum ww_control_op op)
{
    return ops[op].name;
}

/* The group and what follows it; false: not such a path. */
static bool split_path(const char *path, uint32_t *group, const char **place)
{
    static const char prefix[] = "/v1/groups/";
    const char *digits = path + sizeof(prefix) - 1;
    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return false;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 9 || digits[length] != '/')
        return false;
    *group = (uint32_t)strtoul(digits, NULL, 10);
    *place = digits + length + 1;
    return strcmp(*place, "members") == 0 || strcmp(*place, "leader") == 0 ||
           strcmp(*place, "snapshot") == 0;
}

bool ww_control_is_request(const char *path)
{
    uint32_t group;
    const char *place;
    return split_path(path, &group, &place);
}

bool ww_control_is_snapshot(const char *path, uint32_t *group)
{
    const char *place;
    return split_path(path, group, &place) && strcmp(place, "snapshot") == 0;
}

/* The object's one key and value. */
static int read_object(struct json_object *object, const char *place,
                       struct ww_control_request *request, struct ww_error *error)
{
    const char *wanted = strcmp(place, "leader") == 0
                             ? "{\"transfer\": NODE}"
                             : "one of {\"add\": NODE}, promote, demote, remove";
    if (strcmp(place, "snapshot") == 0) {
        *request = (struct ww_control_request){.op = WW_CONTROL_SNAPSHOT, .group = request->group};
        return json_object_is_type(object, json_type_object) &&
                       json_object_object_length(object) == 0
                   ? WW_OK
                   : ww_fail(error, WW_EINVAL, "the body is not {}");
    }
    if (!json_object_is_type(object, json_type_object) || json_object_object_length(object) != 1)
        return ww_fail(error, WW_EINVAL, "the body is not an object with one key: %s", wanted);
    struct json_object_iterator first = json_object_iter_begin(object);
    const char *name = json_object_iter_peek_name(&first);
    struct json_object *value = json_object_iter_peek_value(&first);
    uint32_t op = 0;
    while (op < WW_CONTROL_OPS &&
           (strcmp(ops[op].place, place) != 0 || strcmp(ops[op].name, name) != 0))
        op++;
    if (op == WW_CONTROL_OPS)
        return ww_fail(error, WW_EINVAL, "unknown key '%.40s'; there is %s", name, wanted);
    int64_t node = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || node < 1 || node > WW_NODES_MAX)
        return ww_fail(error, WW_EINVAL, "\"%s\" needs the id of a node, 1 .. %u", name,
                       WW_NODES_MAX);
    request->op = (enum ww_control_op)op;
    request->node = (uint32_t)node;
    return WW_OK;
}

int ww_control_parse_json(const char *body, size_t bytes, struct json_object **object,
                          struct ww_error *error)
{
    struct json_tokener *tokener = json_tokener_new();
    if (tokener == NULL)
        return ww_fail(error, WW_ENOMEM, "no memory");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    *object = json_tokener_parse_ex(tokener, body, (int)bytes);
    enum json_tokener_error why = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (why == json_tokener_success)
        return WW_OK;
    json_object_put(*object);
    return ww_fail(error, WW_EINVAL, "the body is not JSON: %s", json_tokener_error_desc(why));
}

int ww_control_parse(const char *path, const char *body, size_t bytes,
                     struct ww_control_request *request, struct ww_error *error)
{
    const char *place;
    struct json_object *object;
    if (!split_path(path, &request->group, &place))
        return ww_fail(error, WW_EINVAL, "no such path");
    int status = ww_control_parse_json(body, bytes, &object, error);
    if (status != WW_OK)
        return status;
    status = read_object(object, place, request, error);
    json_object_put(object);
    return status;
}

int ww_control_refusal(const char *body, struct ww_error *error)
{
    struct json_object *answer = json_tokener_parse(body), *why = NULL, *name = NULL;
    int status = WW_EIO;
    json_object_object_get_ex(answer, "error", &why);
    if (json_object_object_get_ex(answer, "status", &name))
        for (int each = WW_EINVAL; each >= WW_ENOTFOUND; each--)
            if (strcmp(ww_status_name(each), json_object_get_string(name)) == 0)
                status = each;
    status = ww_fail(error, status, "%s",
                     why != NULL ? json_object_get_string(why) : "the node's answer says nothing");
    json_object_put(answer);
    return status;
}

unsigned ww_control_http_code(int status)
{
    switch (status) {
    case WW_OK:
        return 202; /* accepted: under way, and to be seen in the status */
    case WW_ENOTFOUND:
        return 404;
    case WW_EINVAL:
        return 409; /* contradicts the state that the group is in */
    case WW_ENOTLEADER:
        return 421; /* misdirected */
    case WW_EBUSY:
    case WW_ECLOSED:
        return 503;
    case WW_ETIMEOUT:
        return 504;
    default:
        return 500;
    }
}
