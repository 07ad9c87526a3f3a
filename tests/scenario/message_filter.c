/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario_internal.h"

/* The types as in wire/raft_message.h, in their order there; then kinds of APPEND. */
static const char *const types[] = {
    "any",
    "APPEND",
    "ACK",
    "REJECT",
    "PRE_VOTE",
    "PRE_VOTE_REPLY",
    "VOTE",
    "VOTE_REPLY",
    "SNAPSHOT",
    "SNAPSHOT_ACK",
    "TIMEOUT_NOW",
    "TERM_PROBE",
    "TERM_PROBE_REPLY",
    "REJOIN",
    "REJOIN_REPLY",
    "ENTRIES",
    "HEARTBEAT",
    NULL,
};

#define TYPE_ENTRIES 15u
#define TYPE_HEARTBEAT 16u

static const char *const fields[] = {"term",   "index", "log-term", "commit",  "round",
                                     "window", "bytes", "entries",  "granted", "transfer",
                                     "answer", "last",  "over",     NULL};

#define FIELD_FIRST_FLAG 8u

const char *show_type(uint8_t type)
{
    return type < WW_RAFT_MESSAGE_TYPES ? types[type] : "?";
}

static uint64_t value_of(const struct cluster_flight *flight, unsigned field)
{
    const struct ww_raft_message *message = &flight->message;
    switch (field) {
    case 0:
        return message->term;
    case 1:
        return message->index;
    case 2:
        return message->log_term;
    case 3:
        return message->commit;
    case 4:
        return message->round;
    case 5:
        return message->window_bytes;
    case 6:
        return message->body_bytes;
    case 7:
        return flight->entries;
    case 8:
        return (message->flags & WW_RAFT_GRANTED) != 0;
    case 9:
        return (message->flags & WW_RAFT_TRANSFER) != 0;
    case 10:
        return (message->flags & WW_RAFT_ANSWER) != 0;
    case 11:
        return (message->flags & WW_RAFT_LAST) != 0;
    default:
        return (message->flags & WW_RAFT_OVER) != 0;
    }
}

static void read_fields(struct script_line *line, struct message_filter *filter)
{
    static const char *const yes[] = {"no", "yes", NULL};
    while (script_peek(line) != NULL) {
        unsigned field = script_choice(line, "a field of a message", fields);
        if (filter->field_count == FILTER_FIELDS_MAX)
            script_fail(line, "more than %u fields of a message", FILTER_FIELDS_MAX);
        if (line->failed)
            return;
        struct script_number wanted = {.compare = '='};
        if (field >= FIELD_FIRST_FLAG)
            wanted.value = script_choice(line, "yes or no", yes);
        else
            wanted = script_number(line, fields[field]);
        filter->fields[filter->field_count] = field;
        filter->wanted[filter->field_count++] = wanted;
    }
}

void message_filter_read(struct script_line *line, struct message_filter *filter, bool with_fields)
{
    *filter = (struct message_filter){.link = {0xfe, 0xfe}};
    if (script_at_link(line))
        filter->link = script_link(line);
    if (script_peek(line) != NULL && !script_at_number(line))
        filter->type = script_choice(line, "a type of message", types);
    if (with_fields)
        read_fields(line, filter);
}

bool message_filter_matches(const struct message_filter *filter,
                            const struct cluster_flight *flight)
{
    unsigned type = flight->message.type;
    if (!(filter->link.from >> flight->from & 1) || !(filter->link.to >> flight->to & 1))
        return false;
    if (filter->type == TYPE_ENTRIES || filter->type == TYPE_HEARTBEAT) {
        if (type != WW_RAFT_APPEND ||
            (flight->message.body_bytes > 0) != (filter->type == TYPE_ENTRIES))
            return false;
    } else if (filter->type != 0 && filter->type != type) {
        return false;
    }
    for (uint32_t i = 0; i < filter->field_count; i++)
        if (!script_matches(filter->wanted[i], value_of(flight, filter->fields[i])))
            return false;
    return true;
}
