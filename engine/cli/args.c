/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/args.h"

#include "engine/base/assert.h"
#include "engine/base/nearest.h"
#include "engine/base/units.h"
#include "engine/cli/cli.h"
#include "engine/node/config_keys.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct ww_flag global_flags[] = {
    {"config", 0, "FILE", NULL, "configuration of the node, or of all nodes of a local cluster"},
    {"endpoint", 0, "HOST:PORT", WW_ENDPOINT_DEFAULT, "admin endpoint of any node"},
    {"output", 'o', "DIR", NULL, "directory for result files"},
    {"format", 0, "table|json", "table", "how to print"},
    {"quiet", 0, NULL, NULL, "print errors and data only"},
    {"progress", 0, "auto|always|never", "auto", "progress on stderr; auto: on a terminal"},
    {"help", 'h', NULL, NULL, "this text"},
    {NULL},
};

#define GLOBAL_FLAGS (sizeof(global_flags) / sizeof(global_flags[0]) - 1)

/* The place of a flag in cli->values, or -1. */
static int place_of(const struct ww_command *command, const char *name, size_t length, char letter)
{
    for (size_t i = 0; i < WW_CLI_FLAGS_MAX; i++) {
        const struct ww_flag *flag = i < GLOBAL_FLAGS  ? &global_flags[i]
                                     : command == NULL ? NULL
                                                       : &command->flags[i - GLOBAL_FLAGS];
        if (flag == NULL || flag->name == NULL)
            return -1;
        if (letter != 0 ? flag->letter == letter
                        : strlen(flag->name) == length && memcmp(flag->name, name, length) == 0)
            return (int)i;
    }
    return -1;
}

static const struct ww_flag *flag_at(const struct ww_command *command, int place)
{
    return (size_t)place < GLOBAL_FLAGS ? &global_flags[place]
                                        : &command->flags[(size_t)place - GLOBAL_FLAGS];
}

static int fail_usage(const struct ww_cli *cli, struct ww_error *error, const char *problem,
                      const char *word, const char *nearest)
{
    const char *verb = cli->command != NULL ? cli->command->verb : "";
    char hint[80] = "";
    if (nearest != NULL)
        snprintf(hint, sizeof(hint), "; did you mean '%s'?", nearest);
    return ww_fail(error, WW_EINVAL, "%s '%s'%s (help: ww %s%s--help)", problem, word, hint, verb,
                   *verb == 0 ? "" : " ");
}

static int fail_unknown_flag(const struct ww_cli *cli, const char *word, struct ww_error *error)
{
    char name[64], suggestion[72] = "";
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    const char *start = word + strspn(word, "-");
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(start, "="), start);
    for (size_t i = 0; i < GLOBAL_FLAGS; i++)
        ww_nearest_offer(name, global_flags[i].name, &nearest, &distance);
    if (cli->command != NULL)
        for (const struct ww_flag *flag = cli->command->flags; flag->name != NULL; flag++)
            ww_nearest_offer(name, flag->name, &nearest, &distance);
    if (cli->command != NULL && cli->command->takes_config) {
        for (uint32_t i = 0; i < ww_config_key_count; i++) {
            ww_nearest_offer(name, ww_config_keys[i].name, &nearest, &distance);
            const char *end = strchr(ww_config_keys[i].name, '.') + 1;
            if (ww_config_key_find(end) != NULL)
                ww_nearest_offer(name, end, &nearest, &distance);
        }
    }
    snprintf(suggestion, sizeof(suggestion), "--%s", nearest);
    return fail_usage(cli, error, "unknown flag", word, suggestion);
}

/* A configuration key as a flag; *value is already behind "=" or the next word. */
static int take_override(struct ww_cli *cli, const struct ww_config_key *key, const char *flag,
                         const char *value, struct ww_error *error)
{
    if (cli->override_count == WW_CLI_OVERRIDES_MAX)
        return fail_usage(cli, error, "too many flags, beginning with", flag, NULL);
    struct ww_override *override = &cli->overrides[cli->override_count++];
    override->key = key->name;
    override->value = value;
    snprintf(override->where, sizeof(override->where), "%s", flag);
    return WW_OK;
}

struct words {
    char **next;
    int left;
};

static int take_value(const struct ww_cli *cli, struct words *words, const char *flag,
                      const char *attached, const char **value, struct ww_error *error)
{
    *value = attached;
    if (attached != NULL)
        return WW_OK;
    if (words->left == 0)
        return fail_usage(cli, error, "no value after", flag, NULL);
    *value = *words->next++;
    words->left--;
    return WW_OK;
}

static bool is_list(const struct ww_flag *flag)
{
    size_t length = strlen(flag->value);
    return length > 3 && strcmp(flag->value + length - 3, "...") == 0;
}

/* A list that was given before gets the value behind it. */
static int join(struct ww_cli *cli, const char *flag, const char *before, const char **value,
                struct ww_error *error)
{
    char *joined = cli->lists + cli->lists_used;
    size_t room = sizeof(cli->lists) - cli->lists_used;
    int size = snprintf(joined, room, "%s,%s", before, *value);
    if ((size_t)size >= room)
        return fail_usage(cli, error, "too many values of", flag, NULL);
    cli->lists_used += (uint32_t)size + 1;
    *value = joined;
    return WW_OK;
}

/* --name, --name=value, --name value */
static int take_long(struct ww_cli *cli, struct words *words, const char *word,
                     struct ww_error *error)
{
    const char *equals = strchr(word, '=');
    size_t length = equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const char *attached = equals != NULL ? equals + 1 : NULL, *value;
    int place = place_of(cli->command, word + 2, length, 0);
    char flag[64];
    snprintf(flag, sizeof(flag), "--%.*s", (int)length, word + 2);
    if (place < 0) {
        const struct ww_config_key *key = cli->command != NULL && cli->command->takes_config
                                              ? ww_config_key_find(flag + 2)
                                              : NULL;
        if (key == NULL)
            return fail_unknown_flag(cli, word, error);
        int status = take_value(cli, words, flag, attached, &value, error);
        return status != WW_OK ? status : take_override(cli, key, flag, value, error);
    }
    if (flag_at(cli->command, place)->value == NULL) {
        if (attached != NULL)
            return fail_usage(cli, error, "this flag takes no value:", word, NULL);
        cli->values[place] = "yes";
        return WW_OK;
    }
    int status = take_value(cli, words, flag, attached, &value, error);
    if (status == WW_OK && cli->values[place] != NULL && is_list(flag_at(cli->command, place)))
        status = join(cli, flag, cli->values[place], &value, error);
    cli->values[place] = value;
    return status;
}

/* -n value, -nvalue */
static int take_short(struct ww_cli *cli, struct words *words, const char *word,
                      struct ww_error *error)
{
    int place = place_of(cli->command, NULL, 0, word[1]);
    if (place < 0)
        return fail_unknown_flag(cli, word, error);
    const char *attached = word[2] != 0 ? word + 2 : NULL;
    if (flag_at(cli->command, place)->value != NULL)
        return take_value(cli, words, word, attached, &cli->values[place], error);
    if (attached != NULL)
        return fail_unknown_flag(cli, word, error);
    cli->values[place] = "yes";
    return WW_OK;
}

/* Finds the command that the words at the start name: two of them, or else one. */
static int take_verb(struct ww_cli *cli, const struct ww_command *const *commands,
                     struct words *words, struct ww_error *error)
{
    const char *nearest = NULL, *incomplete = NULL, *word = words->next[-1];
    const char *second = words->left > 0 ? *words->next : "";
    const struct ww_command *bare = NULL;
    size_t distance = SIZE_MAX, noun_distance = SIZE_MAX;
    for (; *commands != NULL; commands++) {
        const struct ww_command *command = *commands;
        size_t length = strcspn(command->verb, " ");
        const char *noun = command->verb[length] == ' ' ? command->verb + length + 1 : NULL;
        if (!command->hidden)
            ww_nearest_offer(word, command->verb, &nearest, &distance);
        if (strlen(word) != length || memcmp(word, command->verb, length) != 0)
            continue;
        if (noun == NULL) {
            bare = command;
            continue;
        }
        if (strcmp(second, noun) != 0) {
            size_t before = noun_distance;
            const char *ignored = NULL;
            ww_nearest_offer(second, noun, &ignored, &noun_distance);
            if (incomplete == NULL || (*second != 0 && noun_distance < before))
                incomplete = command->verb;
            continue;
        }
        words->next++;
        words->left--;
        cli->command = command;
        return WW_OK;
    }
    cli->command = bare;
    bool is_word = *second != 0 && *second != '-';
    if (bare != NULL && is_word && bare->operand == NULL && incomplete != NULL)
        return fail_usage(cli, error, "nothing is to be done with", second, incomplete);
    if (bare != NULL)
        return WW_OK;
    if (incomplete != NULL)
        return fail_usage(cli, error, "incomplete command", word, incomplete);
    return fail_usage(cli, error, "unknown command", word, nearest);
}

static int take_operand(struct ww_cli *cli, const char *word, struct ww_error *error)
{
    const char *wanted = cli->command->operand;
    if (wanted != NULL && cli->operand == NULL)
        cli->operand = word;
    else if (wanted != NULL && strchr(wanted, ' ') != NULL && cli->second == NULL)
        cli->second = word;
    else
        return fail_usage(cli, error, "nothing is to be done with", word, NULL);
    return WW_OK;
}

int ww_args_parse(struct ww_cli *cli, const struct ww_command *const *commands, int count,
                  char **list, struct ww_error *error)
{
    struct words words = {.next = list, .left = count};
    bool flags_end = false; /* "--": what follows is not a flag, whatever it begins with */
    *cli = (struct ww_cli){0};
    while (words.left > 0) {
        const char *word = *words.next++;
        words.left--;
        int status;
        if (strcmp(word, "--") == 0 && !flags_end) {
            flags_end = true;
            continue;
        }
        if (!flags_end && strncmp(word, "--", 2) == 0)
            status = take_long(cli, &words, word, error);
        else if (!flags_end && word[0] == '-' && word[1] != 0)
            status = take_short(cli, &words, word, error);
        else if (cli->command == NULL)
            status = take_verb(cli, commands, &words, error);
        else
            status = take_operand(cli, word, error);
        if (status != WW_OK)
            return status;
    }
    cli->help = ww_cli_switch(cli, "help");
    bool wanted = cli->command != NULL && cli->command->operand != NULL && !cli->help &&
                  cli->command->operand[0] != '[';
    const char *missing = wanted ? cli->command->operand : NULL;
    if (wanted && cli->operand != NULL)
        missing = cli->second == NULL ? strchr(missing, ' ') : NULL;
    if (missing != NULL)
        return ww_fail(error, WW_EINVAL, "%s is missing (help: ww %s --help)",
                       missing + (*missing == ' '), cli->command->verb);
    return WW_OK;
}

const char *ww_cli_text(const struct ww_cli *cli, const char *name)
{
    int place = place_of(cli->command, name, strlen(name), 0);
    WW_ASSERT(place >= 0);
    if (cli->values[place] != NULL)
        return cli->values[place];
    if ((size_t)place < GLOBAL_FLAGS) {
        char variable[32] = "WW_";
        for (size_t i = 0; name[i] != 0 && i < sizeof(variable) - 4; i++)
            variable[3 + i] = (char)toupper((unsigned char)name[i]);
        const char *value = getenv(variable);
        if (value != NULL && *value != 0)
            return value;
    }
    return flag_at(cli->command, place)->fallback;
}

bool ww_cli_switch(const struct ww_cli *cli, const char *flag)
{
    return ww_cli_text(cli, flag) != NULL;
}

bool ww_cli_given(const struct ww_cli *cli, const char *flag)
{
    int place = place_of(cli->command, flag, strlen(flag), 0);
    WW_ASSERT(place >= 0);
    return cli->values[place] != NULL;
}

/* Parses with `parse`; values outside the range are named with the range as `format` writes it. */
static int get_number(const struct ww_cli *cli, const char *flag,
                      int (*parse)(const char *, uint64_t *, const char **),
                      char *(*format)(uint64_t, char *, size_t), uint64_t min, uint64_t max,
                      uint64_t *value, struct ww_error *error)
{
    const char *text = ww_cli_text(cli, flag), *why;
    char low[32], high[32];
    if (text == NULL)
        return ww_fail(error, WW_EINVAL, "--%s is missing", flag);
    if (parse(text, value, &why) != WW_OK)
        return ww_fail(error, WW_EINVAL, "--%s: '%s': %s", flag, text, why);
    if (*value < min || *value > max)
        return ww_fail(error, WW_EINVAL, "--%s: '%s' is outside %s .. %s", flag, text,
                       format(min, low, sizeof(low)), format(max, high, sizeof(high)));
    return WW_OK;
}

static char *format_count(uint64_t count, char *text, size_t size)
{
    snprintf(text, size, "%" PRIu64, count);
    return text;
}

int ww_cli_count(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                 uint64_t *value, struct ww_error *error)
{
    return get_number(cli, flag, ww_parse_count, format_count, min, max, value, error);
}

int ww_cli_bytes(const struct ww_cli *cli, const char *flag, uint64_t min, uint64_t max,
                 uint64_t *value, struct ww_error *error)
{
    return get_number(cli, flag, ww_parse_bytes, ww_format_bytes, min, max, value, error);
}

int ww_cli_duration(const struct ww_cli *cli, const char *flag, uint64_t min_ns, uint64_t max_ns,
                    uint64_t *ns, struct ww_error *error)
{
    return get_number(cli, flag, ww_parse_duration, ww_format_duration, min_ns, max_ns, ns, error);
}

int ww_cli_node(const struct ww_cli *cli, uint32_t *node, struct ww_error *error)
{
    uint64_t value;
    const char *why;
    if (ww_parse_count(cli->operand, &value, &why) != WW_OK || value < 1 || value > WW_NODES_MAX)
        return ww_fail(error, WW_EINVAL, "'%s' is not the id of a node, 1 .. %u", cli->operand,
                       WW_NODES_MAX);
    *node = (uint32_t)value;
    return WW_OK;
}

int ww_cli_choice(const struct ww_cli *cli, const char *flag, const char *const *choices,
                  uint32_t *choice, struct ww_error *error)
{
    const char *text = ww_cli_text(cli, flag);
    char all[128] = "";
    if (text == NULL)
        return ww_fail(error, WW_EINVAL, "--%s is missing", flag);
    for (uint32_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *choice = i;
            return WW_OK;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof(all) - used, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    return ww_fail(error, WW_EINVAL, "--%s: '%s' is not one of %s", flag, text, all);
}

int ww_cli_config(const struct ww_cli *cli, struct ww_config *config, struct ww_error *error)
{
    const char *path = ww_cli_text(cli, "config");
    ww_config_init(config);
    int status = path == NULL ? WW_OK : ww_config_read(config, path, error);
    if (status == WW_OK)
        status = ww_config_environment(config, error);
    for (uint32_t i = 0; i < cli->override_count && status == WW_OK; i++) {
        const struct ww_override *override = &cli->overrides[i];
        status = ww_config_set(config, override->key, override->value, WW_ORIGIN_FLAG,
                               override->where, error);
    }
    return status;
}

static void print_flags(const struct ww_flag *flags, FILE *file)
{
    for (; flags->name != NULL; flags++) {
        char left[64], letter[8] = "    ";
        if (flags->letter != 0)
            snprintf(letter, sizeof(letter), "-%c, ", flags->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, flags->name,
                 flags->value != NULL ? " " : "", flags->value != NULL ? flags->value : "");
        fprintf(file, "  %-34s %s", left, flags->help);
        if (flags->fallback != NULL)
            fprintf(file, " (default %s)", flags->fallback);
        fputc('\n', file);
    }
}

void ww_args_help(const struct ww_command *command, FILE *file)
{
    fprintf(file, "ww %s: %s\n\n", command->verb, command->summary);
    if (command->operand != NULL)
        fprintf(file, "Usage: ww %s %s [flags]\n\n", command->verb, command->operand);
    if (command->flags->name != NULL)
        fprintf(file, "Flags:\n");
    print_flags(command->flags, file);
    if (command->takes_config) {
        fprintf(
            file,
            "\nConfiguration (also in the file, and as WW_WAL_DEPTH and so on; --wal.depth may be "
            "shortened to --depth):\n");
        for (uint32_t i = 0; i < ww_config_key_count; i++) {
            const struct ww_config_key *key = &ww_config_keys[i];
            fprintf(file, "      --%-28s %s%s%s%s\n", key->name, key->help,
                    *key->fallback != 0 ? " (default " : "", key->fallback,
                    *key->fallback != 0 ? ")" : "");
        }
    }
    fprintf(file, "\nGlobal flags:\n");
    print_flags(global_flags, file);
}

void ww_args_help_all(const struct ww_command *const *commands, FILE *file)
{
    fprintf(file, "Whitewater: Raft replication over DPDK and io_uring.\n\n"
                  "Usage: ww COMMAND [flags]; ww COMMAND --help says more.\n\nCommands:\n");
    for (; *commands != NULL; commands++)
        if (!(*commands)->hidden)
            fprintf(file, "  %-18s %s\n", (*commands)->verb, (*commands)->summary);
    fprintf(file, "\nGlobal flags, before or after the command:\n");
    print_flags(global_flags, file);
}
