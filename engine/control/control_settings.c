/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control/control_settings.h"

#include "engine/control/control_request.h"

#include <json-c/json.h>
#include <stdio.h>

static const char example[] = "{\"wal.delay\": \"200us\", \"wal.depth\": 4}";

static int read_setting(struct ww_control_settings *settings, const char *key,
                        struct json_object *value, struct ww_error *error)
{
    if (settings->count == WW_CONTROL_SETTINGS_MAX)
        return ww_fail(error, WW_EINVAL, "more than %u keys", WW_CONTROL_SETTINGS_MAX);
    enum json_type type = json_object_get_type(value);
    if (type != json_type_string && type != json_type_int && type != json_type_boolean)
        return ww_fail(error, WW_EINVAL, "'%.40s' is neither text nor a whole number nor a boolean",
                       key);
    size_t room = sizeof(settings->list[0].value), key_room = sizeof(settings->list[0].key);
    char *to = settings->list[settings->count].value;
    if (snprintf(settings->list[settings->count].key, key_room, "%s", key) >= (int)key_room ||
        snprintf(to, room, "%s", json_object_get_string(value)) >= (int)room)
        return ww_fail(error, WW_EINVAL, "'%.40s' or its value is too long", key);
    settings->count++;
    return WW_OK;
}

static int read_settings(struct ww_control_settings *settings, struct json_object *object,
                         struct ww_error *error)
{
    int status = WW_OK;
    if (!json_object_is_type(object, json_type_object) || json_object_object_length(object) == 0)
        return ww_fail(error, WW_EINVAL, "the body is not an object of keys, such as %s", example);
    json_object_object_foreach(object, key, value)
    {
        if (status == WW_OK)
            status = read_setting(settings, key, value, error);
    }
    return status;
}

int ww_control_parse_settings(const char *body, size_t bytes, struct ww_control_settings *settings,
                              struct ww_error *error)
{
    struct json_object *object;
    settings->count = 0;
    int status = ww_control_parse_json(body, bytes, &object, error);
    if (status != WW_OK)
        return status;
    status = read_settings(settings, object, error);
    json_object_put(object);
    return status;
}
