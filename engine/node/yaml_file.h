/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of YAML files share: one document, and errors that name file and line. */
#ifndef WW_NODE_YAML_FILE_H
#define WW_NODE_YAML_FILE_H

#include "engine/base/error.h"

#include <stdint.h>
#include <yaml.h>

/*
 * Loads the first document of the file, whose kind the error names ("configuration file"). WW_OK:
 * the document is the caller's to yaml_document_delete; its root is NULL when the file is empty,
 * and a map otherwise.
 */
int ww_yaml_load(yaml_document_t *document, const char *path, const char *kind,
                 struct ww_error *error);

/* The text of a scalar without NUL in it; NULL: it is something else. */
const char *ww_yaml_text(const yaml_node_t *node);

static inline uint32_t ww_yaml_line(const yaml_node_t *node)
{
    return (uint32_t)node->start_mark.line + 1;
}

#endif
