/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all scalar configuration keys; files, environment, flags and help follow it. */
#ifndef WW_NODE_CONFIG_KEYS_H
#define WW_NODE_CONFIG_KEYS_H

#include "engine/node/config.h"

enum ww_key_type {
    WW_KEY_TEXT,     /* char[] */
    WW_KEY_COUNT,    /* uint32_t */
    WW_KEY_CHOICE,   /* uint32_t: the place in `choices` */
    WW_KEY_BYTES,    /* uint64_t */
    WW_KEY_DURATION, /* uint64_t, ns */
};

struct ww_config_key {
    const char *name;
    enum ww_key_type type;
    uint32_t offset; /* in struct ww_config */
    size_t size;     /* TEXT: of the array */
    const char *const *choices;
    uint64_t min, max;
    const char *fallback; /* the default, in the words of a file; TEXT: may be "" */
    const char *help;
    bool live; /* may be changed while a node runs */
};

extern const struct ww_config_key ww_config_keys[];
extern const uint32_t ww_config_key_count;

/* By full name or, when only one key ends so, by the part behind the dot. NULL: unknown. */
const struct ww_config_key *ww_config_key_find(const char *name);

/* The key nearest to a mistyped one. */
const char *ww_config_key_nearest(const char *name);

/* The value as ww_config_set reads it. Returns `text`. */
char *ww_config_get(const struct ww_config *config, const struct ww_config_key *key, char *text,
                    size_t size);

enum ww_config_origin ww_config_origin_of(const struct ww_config *config,
                                          const struct ww_config_key *key);
const char *ww_config_origin_name(enum ww_config_origin origin);

/* The name of the environment variable of a key. Returns `text`. */
char *ww_config_variable(const struct ww_config_key *key, char *text, size_t size);

#endif
