/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as a YAML file: nested maps of scalars, and the list cluster.nodes. */
#include "engine/node/config_keys.h"

#include "engine/base/nearest.h"
#include "engine/base/units.h"
#include "engine/node/yaml_file.h"

#include <inttypes.h>
#include <string.h>

struct reader {
    struct ww_config *config;
    const char *path;
    yaml_document_t document;
    uint32_t lines[WW_CONFIG_KEYS_MAX]; /* where each key was given; 0: not yet */
    struct ww_error *error;
};

static char *where_of(const struct reader *reader, const yaml_node_t *node, char *text, size_t size)
{
    snprintf(text, size, "%s line %u", reader->path, ww_yaml_line(node));
    return text;
}

static int fail_at(struct reader *reader, const yaml_node_t *node, const char *name,
                   const char *what)
{
    return ww_fail(reader->error, WW_EINVAL, "%s line %u: %s %s", reader->path, ww_yaml_line(node),
                   name, what);
}

static int copy_text(struct reader *reader, const yaml_node_t *node, const char *name, char *to,
                     size_t size)
{
    const char *value = ww_yaml_text(node);
    if (strlen(value) >= size)
        return fail_at(reader, node, name, "is too long");
    snprintf(to, size, "%s", value);
    return WW_OK;
}

static int copy_number(struct reader *reader, const yaml_node_t *node, const char *name,
                       uint32_t *to, uint32_t min, uint32_t max)
{
    uint64_t value;
    const char *why;
    if (ww_parse_count(ww_yaml_text(node), &value, &why) != WW_OK)
        return fail_at(reader, node, name, why);
    if (value < min || value > max)
        return ww_fail(reader->error, WW_EINVAL, "%s line %u: %s: '%s' is outside %u .. %u",
                       reader->path, ww_yaml_line(node), name, ww_yaml_text(node), min, max);
    *to = (uint32_t)value;
    return WW_OK;
}

static int copy_switch(struct reader *reader, const yaml_node_t *node, const char *name, bool *to)
{
    const char *value = ww_yaml_text(node);
    *to = strcmp(value, "true") == 0;
    if (!*to && strcmp(value, "false") != 0)
        return fail_at(reader, node, name, "must be true or false");
    return WW_OK;
}

/* One key of an entry of cluster.nodes. */
static int read_node_key(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
                         struct ww_config_node *to)
{
    static const char *const names[] = {"id",    "port",     "address", "mac",
                                        "admin", "priority", "voter",   "join"};
    const char *name = ww_yaml_text(key) != NULL ? ww_yaml_text(key) : "";
    if (ww_yaml_text(value) == NULL)
        return fail_at(reader, key, name, "needs a single value");
    if (strcmp(name, "id") == 0)
        return copy_number(reader, value, "id", &to->id, 1, WW_NODES_MAX);
    if (strcmp(name, "port") == 0)
        return copy_number(reader, value, "port", &to->port, 1, 65535);
    if (strcmp(name, "address") == 0)
        return copy_text(reader, value, name, to->address, sizeof(to->address));
    if (strcmp(name, "mac") == 0)
        return copy_text(reader, value, name, to->mac, sizeof(to->mac));
    if (strcmp(name, "admin") == 0)
        return copy_text(reader, value, name, to->admin, sizeof(to->admin));
    if (strcmp(name, "priority") == 0)
        return copy_number(reader, value, name, &to->priority, 0, UINT8_MAX);
    if (strcmp(name, "join") == 0)
        return copy_switch(reader, value, name, &to->join);
    if (strcmp(name, "voter") == 0) {
        int status = copy_switch(reader, value, name, &to->learner);
        to->learner = !to->learner;
        return status;
    }
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ww_nearest_offer(name, names[i], &nearest, &distance);
    return ww_fail(reader->error, WW_EINVAL,
                   "%s line %u: unknown key '%s' in cluster.nodes; did you mean '%s'?",
                   reader->path, ww_yaml_line(key), name, nearest);
}

static int read_nodes(struct reader *reader, const yaml_node_t *list)
{
    struct ww_config *config = reader->config;
    if (list->type != YAML_SEQUENCE_NODE)
        return fail_at(reader, list, "cluster.nodes", "must be a list of {id: ..., admin: ...}");
    memset(config->nodes, 0, sizeof(config->nodes));
    config->node_count = 0;
    for (yaml_node_item_t *item = list->data.sequence.items.start;
         item < list->data.sequence.items.top; item++) {
        const yaml_node_t *map = yaml_document_get_node(&reader->document, *item);
        if (map->type != YAML_MAPPING_NODE)
            return fail_at(reader, map, "cluster.nodes", "must be a list of {id: ..., admin: ...}");
        if (config->node_count == WW_NODES_MAX)
            return fail_at(reader, map, "cluster.nodes", "holds more than 7 nodes");
        struct ww_config_node *node = &config->nodes[config->node_count++];
        for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
             pair < map->data.mapping.pairs.top; pair++) {
            int status =
                read_node_key(reader, yaml_document_get_node(&reader->document, pair->key),
                              yaml_document_get_node(&reader->document, pair->value), node);
            if (status != WW_OK)
                return status;
        }
        if (node->id == 0)
            return fail_at(reader, map, "a node of cluster.nodes", "has no id");
    }
    return WW_OK;
}

static int read_scalar(struct reader *reader, const char *name, const yaml_node_t *at,
                       const yaml_node_t *value)
{
    char where[400];
    const struct ww_config_key *key = strchr(name, '.') ? ww_config_key_find(name) : NULL;
    where_of(reader, at, where, sizeof(where));
    if (key == NULL)
        return ww_fail(reader->error, WW_EINVAL, "%s: unknown key '%s'; did you mean '%s'?", where,
                       name, ww_config_key_nearest(name));
    if (ww_yaml_text(value) == NULL)
        return fail_at(reader, value, name, "needs a single value");
    uint32_t *line = &reader->lines[key - ww_config_keys];
    if (*line != 0)
        return ww_fail(reader->error, WW_EINVAL, "%s: %s was given before, in line %u", where, name,
                       *line);
    *line = ww_yaml_line(at);
    return ww_config_set(reader->config, name, ww_yaml_text(value), WW_ORIGIN_FILE, where,
                         reader->error);
}

/* Is there a key or list that begins with `name` and a dot? */
static bool is_section(const char *name)
{
    size_t length = strlen(name);
    for (uint32_t i = 0; i < ww_config_key_count; i++)
        if (strncmp(ww_config_keys[i].name, name, length) == 0 &&
            ww_config_keys[i].name[length] == '.')
            return true;
    return false;
}

static int read_map(struct reader *reader, const yaml_node_t *map, const char *prefix)
{
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(&reader->document, pair->value);
        char name[128];
        if (ww_yaml_text(key) == NULL)
            return fail_at(reader, key, "a key", "must be a word");
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix == 0 ? "" : ".", ww_yaml_text(key));
        int status = WW_OK;
        if (strcmp(name, "cluster.nodes") == 0)
            status = read_nodes(reader, value);
        else if (is_section(name) && ww_yaml_text(value) != NULL && *ww_yaml_text(value) == 0)
            continue; /* a section of which every key is commented out */
        else if (value->type == YAML_MAPPING_NODE && is_section(name))
            status = read_map(reader, value, name);
        else
            status = read_scalar(reader, name, key, value);
        if (status != WW_OK)
            return status;
    }
    return WW_OK;
}

int ww_config_read(struct ww_config *config, const char *path, struct ww_error *error)
{
    struct reader reader = {.config = config, .path = path, .error = error};
    int status = ww_yaml_load(&reader.document, path, "configuration file", error);
    if (status != WW_OK)
        return status;
    const yaml_node_t *root = yaml_document_get_root_node(&reader.document);
    status = root == NULL ? WW_OK : read_map(&reader, root, "");
    yaml_document_delete(&reader.document);
    return status;
}

static void write_quoted(FILE *file, const char *text)
{
    fputc('\'', file);
    for (; *text != 0; text++)
        fputs(*text == '\'' ? "''" : (char[]){*text, 0}, file);
    fputs("'\n", file);
}

static void write_nodes(const struct ww_config *config, FILE *file)
{
    fprintf(file, "  nodes:\n");
    for (uint32_t i = 0; i < config->node_count; i++) {
        const struct ww_config_node *node = &config->nodes[i];
        fprintf(file, "    - id: %u\n", node->id);
        if (node->port != 0)
            fprintf(file, "      port: %u\n", node->port);
        const char *const names[] = {"address", "mac", "admin"};
        const char *const values[] = {node->address, node->mac, node->admin};
        for (int k = 0; k < 3; k++) {
            if (values[k][0] != 0) {
                fprintf(file, "      %s: ", names[k]);
                write_quoted(file, values[k]);
            }
        }
        if (node->priority != 0)
            fprintf(file, "      priority: %u\n", node->priority);
        if (node->learner)
            fprintf(file, "      voter: false\n");
        if (node->join)
            fprintf(file, "      join: true\n");
    }
}

static int write_keys(const struct ww_config *config, bool given_alone, FILE *file)
{
    const char *section = "";
    char value[512];
    for (uint32_t i = 0; i < ww_config_key_count; i++) {
        const struct ww_config_key *key = &ww_config_keys[i];
        size_t length = (size_t)(strchr(key->name, '.') - key->name);
        if (given_alone && ww_config_origin_of(config, key) <= WW_ORIGIN_PROFILE)
            continue;
        if (strncmp(section, key->name, length + 1) != 0) {
            section = key->name;
            fprintf(file, "%.*s:\n", (int)length, section);
        }
        fprintf(file, "  %s: ", key->name + length + 1);
        write_quoted(file, ww_config_get(config, key, value, sizeof(value)));
        if (strcmp(key->name, "cluster.name") == 0)
            write_nodes(config, file);
    }
    return ferror(file) ? WW_EIO : WW_OK;
}

int ww_config_write(const struct ww_config *config, FILE *file)
{
    return write_keys(config, false, file);
}

int ww_config_write_given(const struct ww_config *config, FILE *file)
{
    return write_keys(config, true, file);
}
