/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML by libxml2: its text writer, and its parser into a tree. The entries are text, as with JSON.
 *   <batch group="" term="" ...><entry type="">...</entry>...</batch>
 */
#include "bench/codec/codec.h"

#include <libxml/parser.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static xmlBuffer *buffer; /* of the last one encoded */
static xmlDoc *decoded;

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"term", offsetof(struct ww_codec_batch, term)},
    {"first_index", offsetof(struct ww_codec_batch, first_index)},
    {"session", offsetof(struct ww_codec_batch, session)},
    {"first_sequence", offsetof(struct ww_codec_batch, first_sequence)},
    {"time_ns", offsetof(struct ww_codec_batch, time_ns)},
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static uint64_t *place(const struct ww_codec_batch *batch, size_t i)
{
    return (uint64_t *)((uintptr_t)batch + numbers[i].offset);
}

static bool put_number(xmlTextWriter *writer, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lu", value);
    return xmlTextWriterWriteAttribute(writer, BAD_CAST name, BAD_CAST text) >= 0;
}

static bool put_entry(xmlTextWriter *writer, const struct ww_codec_entry *entry)
{
    char text[WW_CODEC_ENTRY_MAX + 1]; /* the writer wants strings */
    memcpy(text, entry->data, entry->bytes);
    text[entry->bytes] = 0;
    return xmlTextWriterStartElement(writer, BAD_CAST "entry") >= 0 &&
           put_number(writer, "type", entry->type) &&
           xmlTextWriterWriteString(writer, BAD_CAST text) >= 0 &&
           xmlTextWriterEndElement(writer) >= 0;
}

static bool encode(const struct ww_codec_batch *batch, struct ww_codec_message *message)
{
    if (buffer == NULL && (buffer = xmlBufferCreate()) == NULL)
        return false;
    xmlBufferEmpty(buffer);
    xmlTextWriter *writer = xmlNewTextWriterMemory(buffer, 0);
    if (writer == NULL)
        return false;
    bool good = xmlTextWriterStartElement(writer, BAD_CAST "batch") >= 0 &&
                put_number(writer, "group", batch->group);
    for (size_t i = 0; i < NUMBERS && good; i++)
        good = put_number(writer, numbers[i].name, *place(batch, i));
    for (uint32_t i = 0; i < batch->count && good; i++)
        good = put_entry(writer, &batch->entries[i]);
    good = good && xmlTextWriterEndElement(writer) >= 0 && xmlTextWriterFlush(writer) >= 0;
    xmlFreeTextWriter(writer);
    message->data = xmlBufferContent(buffer);
    message->bytes = (size_t)xmlBufferLength(buffer);
    return good;
}

static bool get_number(xmlNode *node, const char *name, uint64_t *value)
{
    for (const xmlAttr *attribute = node->properties; attribute != NULL;
         attribute = attribute->next) {
        if (strcmp((const char *)attribute->name, name) != 0 || attribute->children == NULL)
            continue;
        *value = strtoull((const char *)attribute->children->content, NULL, 10);
        return true;
    }
    return false;
}

static bool get_entry(xmlNode *node, struct ww_codec_entry *entry)
{
    uint64_t type;
    const xmlNode *text = node->children;
    if (text == NULL || text->next != NULL || !get_number(node, "type", &type))
        return false;
    *entry = (struct ww_codec_entry){text->content, (uint32_t)strlen((const char *)text->content),
                                     (uint32_t)type};
    return true;
}

static bool decode(const struct ww_codec_message *message, struct ww_codec_batch *batch)
{
    uint64_t group;
    xmlFreeDoc(decoded);
    decoded = xmlReadMemory((const char *)message->data, (int)message->bytes, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNode *root = decoded == NULL ? NULL : xmlDocGetRootElement(decoded);
    if (root == NULL || !get_number(root, "group", &group))
        return false;
    batch->group = (uint32_t)group;
    for (size_t i = 0; i < NUMBERS; i++)
        if (!get_number(root, numbers[i].name, place(batch, i)))
            return false;
    batch->count = 0;
    for (xmlNode *node = root->children; node != NULL; node = node->next)
        if (batch->count == WW_CODEC_ENTRIES_MAX ||
            !get_entry(node, &batch->entries[batch->count++]))
            return false;
    return true;
}

const struct ww_codec ww_codec_xml = {
    .name = "xml",
    .encode = encode,
    .decode = decode,
};
