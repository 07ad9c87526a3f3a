/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/client/client_status.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define STATUS                                                                                     \
    "{\"cluster\":\"demo\",\"node\":1,\"entry_max\":8872,"                                         \
    "\"transport\":{\"name\":\"memif\",\"mtu\":9000,\"socket_dir\":\"/s\",\"client_links\":4},"    \
    "\"groups\":[{\"group\":1,\"leader\":0},{\"group\":0,\"leader\":2,\"commit\":7}],"             \
    "\"nodes\":[{\"id\":1,\"address\":\"10.0.0.1\",\"port\":7100,\"mac\":\"02:00\",\"admin\":"     \
    "\"\"},"                                                                                       \
    "{\"id\":2,\"address\":\"10.0.0.2\",\"port\":7101,\"mac\":\"02:01\",\"admin\":\"\"}]}"

static struct ww_client_cluster cluster;

Test(client_status, everything_is_read)
{
    struct ww_error error;
    cr_assert_eq(ww_client_parse_status(STATUS, &cluster, &error), WW_OK, "%s", error.text);
    cr_assert_str_eq(cluster.name, "demo");
    cr_assert_eq(cluster.entry_max, 8872);
    cr_assert_eq(cluster.groups, 2);
    cr_assert_eq(cluster.leaders[0], 2);
    cr_assert_eq(cluster.leaders[1], 0);
    const struct ww_client_network *network = &cluster.network;
    cr_assert_str_eq(network->transport, "memif");
    cr_assert_eq(network->mtu, 9000);
    cr_assert_str_eq(network->socket_dir, "/s");
    cr_assert_eq(network->client_links, 4);
    cr_assert_eq(network->node_count, 2);
    cr_assert_eq(network->nodes[1].id, 2);
    cr_assert_eq(network->nodes[1].port, 7101);
    cr_assert_str_eq(network->nodes[1].address, "10.0.0.2");
    cr_assert_str_eq(network->nodes[0].mac, "02:00");
}

/* The status with `from` replaced by `to`. */
static char *edited(const char *from, const char *to)
{
    static char text[4096];
    const char *at = strstr(STATUS, from);
    cr_assert_not_null(at, "%s", from);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - STATUS), STATUS, to, at + strlen(from));
    return text;
}

Test(client_status, what_is_wrong_is_named)
{
    static const struct {
        const char *from, *to, *named;
    } edits[] = {
        {"{\"cluster\"", "[\"cluster\"", "not JSON"},
        {"\"cluster\"", "\"claster\"", "\"cluster\""},
        {"\"demo\"", "7", "\"cluster\""},
        {"8872", "0", "\"entry_max\""},
        {"8872", "90000", "\"entry_max\""},
        {"9000", "99999", "\"mtu\""},
        {"\"memif\"", "\"a name that is too long\"", "\"name\""},
        {"\"transport\"", "\"transprot\"", "\"transport\""},
        {"\"id\":2", "\"id\":8", "\"id\""},
        {"\"id\":2", "\"id\":-1", "\"id\""},
        {"\"10.0.0.1\"", "null", "\"address\""},
        {"7100", "65536", "\"port\""},
        {"\"nodes\":[", "\"nodes\":[],\"old\":[", "\"nodes\""},
        {"\"groups\":[", "\"groups\":[],\"old\":[", "\"groups\""},
        {"\"group\":1", "\"group\":2", "\"group\""},
        {"\"leader\":2", "\"leader\":8", "\"leader\""},
    };
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        struct ww_error error = {0};
        int status = ww_client_parse_status(edited(edits[i].from, edits[i].to), &cluster, &error);
        cr_assert_eq(status, WW_EIO, "%s -> %s", edits[i].from, edits[i].to);
        cr_assert_not_null(strstr(error.text, edits[i].named), "%s", error.text);
    }
}
