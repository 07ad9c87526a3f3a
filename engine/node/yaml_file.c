/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/node/yaml_file.h"

#include <stdio.h>
#include <string.h>

static int load(yaml_document_t *document, yaml_parser_t *parser, const char *path,
                struct ww_error *error)
{
    if (!yaml_parser_load(parser, document))
        return ww_fail(error, WW_EINVAL, "%s line %zu: not YAML: %s", path,
                       parser->problem_mark.line + 1, parser->problem);
    const yaml_node_t *root = yaml_document_get_root_node(document);
    if (root == NULL || root->type == YAML_MAPPING_NODE)
        return WW_OK;
    int status = ww_fail(error, WW_EINVAL, "%s line %u: the file must be a map of keys", path,
                         ww_yaml_line(root));
    yaml_document_delete(document);
    return status;
}

int ww_yaml_load(yaml_document_t *document, const char *path, const char *kind,
                 struct ww_error *error)
{
    yaml_parser_t parser;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ww_fail_errno(error, WW_EINVAL, "cannot read the %s %s", kind, path);
    if (!yaml_parser_initialize(&parser)) {
        fclose(file);
        return ww_fail(error, WW_ENOMEM, "%s: no memory", path);
    }
    yaml_parser_set_input_file(&parser, file);
    int status = load(document, &parser, path, error);
    yaml_parser_delete(&parser);
    fclose(file);
    return status;
}

const char *ww_yaml_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}
