/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/args.h"
#include "engine/cli/cli.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct ww_flag bench_flags[] = {
    {"inflight", 'i', "N", "1", "in flight"},        {"duration", 0, "T", "10s", "how long"},
    {"size", 0, "BYTES", NULL, "size of an entry"},  {"keep", 'k', NULL, NULL, "keep files"},
    {"gate", 0, "GATE,...", NULL, "what must hold"}, {NULL},
};
static const struct ww_flag none[] = {{NULL}};

static const struct ww_command bench = {.verb = "bench",
                                        .summary = "measure",
                                        .flags = bench_flags,
                                        .takes_config = true};
static const struct ww_command show = {.verb = "config show", .summary = "show", .flags = none};
static const struct ww_command set = {.verb = "config set",
                                      .summary = "set",
                                      .flags = none,
                                      .operand = "NODE"};
static const struct ww_command move = {.verb = "move",
                                       .summary = "move",
                                       .flags = none,
                                       .operand = "[NODE]"};
static const struct ww_command swap = {.verb = "swap",
                                       .summary = "swap",
                                       .flags = none,
                                       .operand = "KEY VALUE"};
static const struct ww_command hidden = {.verb = "probe",
                                         .summary = "secret",
                                         .flags = none,
                                         .hidden = true};
static const struct ww_command try = {.verb = "try", .summary = "list", .flags = none};
static const struct ww_command try_one = {.verb = "try one",
                                          .summary = "first",
                                          .flags = none,
                                          .hidden = true};
static const struct ww_command *const commands[] = {&bench,  &show, &set,     &move, &swap,
                                                    &hidden, &try,  &try_one, NULL};

static struct ww_cli cli;
static struct ww_error error;

/* Parses the words of a line. */
static int parse(const char *line)
{
    static char text[512], *words[32];
    int count = 0;
    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        words[count++] = word;
    return ww_args_parse(&cli, commands, count, words, &error);
}

static void expect_error(const char *line, const char *part)
{
    cr_assert_eq(parse(line), WW_EINVAL, "taken: %s", line);
    cr_assert(strstr(error.text, part) != NULL, "'%s': '%s' does not say '%s'", line, error.text,
              part);
}

Test(args, flags_take_values_in_every_form)
{
    const char *const lines[] = {"bench --inflight 7", "bench --inflight=7", "bench -i 7",
                                 "bench -i7"};
    for (size_t i = 0; i < 4; i++) {
        uint64_t value;
        cr_assert_eq(parse(lines[i]), WW_OK, "%s", error.text);
        cr_assert_eq(ww_cli_count(&cli, "inflight", 1, 10, &value, &error), WW_OK);
        cr_assert_eq(value, 7, "%s", lines[i]);
    }
}

Test(args, defaults_and_absent_flags)
{
    uint64_t value;
    cr_assert_eq(parse("bench"), WW_OK);
    cr_assert_eq(cli.command, &bench);
    cr_assert_str_eq(ww_cli_text(&cli, "inflight"), "1");
    cr_assert_null(ww_cli_text(&cli, "size"));
    cr_assert_not(ww_cli_switch(&cli, "keep"));
    cr_assert_eq(ww_cli_bytes(&cli, "size", 0, 10, &value, &error), WW_EINVAL);
    cr_assert_eq(ww_cli_duration(&cli, "duration", 0, UINT64_MAX, &value, &error), WW_OK);
    cr_assert_eq(value, 10000000000);
}

Test(args, a_list_may_be_given_again_and_other_flags_are_replaced)
{
    cr_assert_eq(parse("bench --gate a --size 1 --gate=b,c --size 2 --gate d"), WW_OK);
    cr_expect_str_eq(ww_cli_text(&cli, "gate"), "a,b,c,d");
    cr_expect_str_eq(ww_cli_text(&cli, "size"), "2");
    char many[512] = "bench", *end = many + 5;
    for (int i = 0; i < 12; i++)
        end += sprintf(end, " --gate %.*s", 30, "0123456789012345678901234567890123456789");
    cr_assert_eq(parse(many), WW_EINVAL, "each is joined to a longer one");
    cr_expect_not_null(strstr(error.text, "--gate"), "%s", error.text);
}

Test(args, global_flags_stand_before_or_after_the_verb)
{
    cr_assert_eq(parse("--endpoint 1.2.3.4:5 bench --quiet -o out"), WW_OK, "%s", error.text);
    cr_assert_str_eq(ww_cli_endpoint(&cli), "1.2.3.4:5");
    cr_assert_str_eq(ww_cli_text(&cli, "output"), "out");
    cr_assert(ww_cli_quiet(&cli));
    cr_assert_not(ww_cli_progress(&cli));
}

Test(args, the_environment_stands_between_flag_and_default)
{
    setenv("WW_ENDPOINT", "10.0.0.1:1", 1);
    cr_assert_eq(parse("bench"), WW_OK);
    cr_assert_str_eq(ww_cli_endpoint(&cli), "10.0.0.1:1");
    cr_assert_eq(parse("bench --endpoint 10.0.0.2:2"), WW_OK);
    cr_assert_str_eq(ww_cli_endpoint(&cli), "10.0.0.2:2");
    unsetenv("WW_ENDPOINT");
    cr_assert_str_neq(ww_cli_endpoint(&cli), "10.0.0.1:1");
}

Test(args, an_unknown_flag_names_the_nearest_and_the_help)
{
    expect_error("bench --inflght 3", "unknown flag '--inflght'; did you mean '--inflight'? (help: "
                                      "ww bench --help)");
    expect_error("bench --durabilty=dsync", "did you mean '--durability'");
    expect_error("bench --endpiont x", "did you mean '--endpoint'");
    expect_error("bench -x", "unknown flag '-x'");
    expect_error("bench -kx", "unknown flag '-kx'");
    expect_error("config show --durability dsync", "unknown flag '--durability'");
    expect_error("--bogus", "unknown flag '--bogus'");
}

Test(args, wrong_uses_are_named)
{
    expect_error("bench --inflight", "no value after '--inflight'");
    expect_error("bench --keep=yes", "takes no value: '--keep=yes'");
    expect_error("bench surplus", "nothing is to be done with 'surplus'");
    expect_error("bnech", "unknown command 'bnech'; did you mean 'bench'?");
    expect_error("config", "incomplete command 'config'; did you mean 'config show'?");
}

Test(args, a_verb_alone_may_be_a_command_beside_those_with_a_noun)
{
    cr_assert_eq(parse("try"), WW_OK, "%s", error.text);
    cr_assert_eq(cli.command, &try);
    cr_assert_eq(parse("try --quiet"), WW_OK, "%s", error.text);
    cr_assert_eq(cli.command, &try);
    cr_assert_eq(parse("--quiet try one"), WW_OK, "%s", error.text);
    cr_assert_eq(cli.command, &try_one);
    cr_assert_null(cli.operand);
    expect_error("try won", "nothing is to be done with 'won'; did you mean 'try one'?");
}

Test(args, wrong_values_name_the_flag)
{
    uint64_t value;
    uint32_t choice;
    const char *const choices[] = {"closed", "open", NULL};
    cr_assert_eq(parse("bench --inflight 11 --duration 5 --size 3x"), WW_OK);
    cr_assert_eq(ww_cli_count(&cli, "inflight", 1, 10, &value, &error), WW_EINVAL);
    cr_assert_str_eq(error.text, "--inflight: '11' is outside 1 .. 10");
    cr_assert_eq(ww_cli_duration(&cli, "duration", 0, 10, &value, &error), WW_EINVAL);
    cr_assert_str_eq(error.text, "--duration: '5': unknown unit; use ns, us, ms, s, m or h");
    cr_assert_eq(ww_cli_choice(&cli, "size", choices, &choice, &error), WW_EINVAL);
    cr_assert_str_eq(error.text, "--size: '3x' is not one of closed, open");
}

Test(args, configuration_keys_are_flags_where_they_are_taken)
{
    struct ww_config config;
    cr_assert_eq(parse("bench --wal.durability=memory --depth 5"), WW_OK, "%s", error.text);
    cr_assert_eq(ww_cli_config(&cli, &config, &error), WW_OK, "%s", error.text);
    cr_assert_eq(config.durability, WW_CONFIG_MEMORY);
    cr_assert_eq(config.write_depth, 5);
    setenv("WW_WAL_DEPTH", "3", 1);
    setenv("WW_RAFT_GROUPS", "9", 1);
    cr_assert_eq(ww_cli_config(&cli, &config, &error), WW_OK, "%s", error.text);
    cr_assert_eq(config.write_depth, 5);
    cr_assert_eq(config.groups, 9);
    unsetenv("WW_WAL_DEPTH");
    unsetenv("WW_RAFT_GROUPS");
    cr_assert_eq(parse("bench --depth many"), WW_OK);
    cr_assert_eq(ww_cli_config(&cli, &config, &error), WW_EINVAL);
    cr_assert_str_eq(error.text, "--depth: wal.depth: 'many': not a number");
}

Test(args, help_lists_commands_and_flags_but_not_the_hidden)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ww_args_help_all(commands, file);
    ww_args_help(&bench, file);
    ww_args_help(&set, file);
    fclose(file);
    cr_assert(strstr(text, "  bench              measure\n") != NULL, "%s", text);
    cr_assert(strstr(text, "config show") != NULL);
    cr_assert(strstr(text, "Usage: ww config set NODE [flags]") != NULL);
    cr_assert(strstr(text, "secret") == NULL);
    cr_assert(strstr(text, "-i, --inflight N") != NULL);
    cr_assert(strstr(text, "(default 10s)") != NULL);
    cr_assert(strstr(text, "--wal.durability") != NULL);
    cr_assert(strstr(text, "--endpoint HOST:PORT") != NULL);
    free(text);
    cr_assert_eq(parse("bench -h"), WW_OK);
    cr_assert(cli.help);
}

Test(args, statuses_have_exit_codes)
{
    cr_assert_eq(ww_exit_code(WW_OK), 0);
    cr_assert_eq(ww_exit_code(WW_EIO), 1);
    cr_assert_eq(ww_exit_code(WW_EINVAL), 2);
    cr_assert_eq(ww_exit_code(WW_ETIMEOUT), 3);
    cr_assert_eq(ww_exit_code(WW_ENOTLEADER), 3);
    cr_assert_eq(ww_exit_code(WW_EBUSY), 3);
    cr_assert_eq(ww_exit_code(WW_EDAMAGED), 4);
}

Test(args, commands_of_two_words_may_begin_with_the_same)
{
    cr_assert_eq(parse("config show"), WW_OK, "%s", error.text);
    cr_assert_eq(cli.command, &show);
    cr_assert_eq(parse("config --quiet set 3"), WW_EINVAL);
    cr_assert_eq(parse("config set 3"), WW_OK, "%s", error.text);
    cr_assert_eq(cli.command, &set);
    expect_error("config sett 3", "incomplete command 'config'; did you mean 'config set'?");
    expect_error("config shwo", "did you mean 'config show'?");
}

Test(args, a_command_may_have_two_operands)
{
    cr_assert_eq(parse("swap one --quiet two"), WW_OK, "%s", error.text);
    cr_assert_str_eq(cli.operand, "one");
    cr_assert_str_eq(cli.second, "two");
    cr_assert(ww_cli_given(&cli, "quiet"));
    cr_assert_not(ww_cli_given(&cli, "endpoint"), "it has a default, though");
    expect_error("swap one", "VALUE is missing");
    expect_error("swap", "KEY VALUE is missing");
    expect_error("swap one two three", "nothing is to be done with 'three'");
}

Test(args, behind_two_dashes_nothing_is_a_flag)
{
    cr_assert_eq(parse("swap --quiet -- --help --"), WW_OK, "%s", error.text);
    cr_assert_str_eq(cli.operand, "--help");
    cr_assert_str_eq(cli.second, "--");
    cr_assert_not(cli.help);
    cr_assert(ww_cli_switch(&cli, "quiet"));
    cr_assert_eq(parse("swap -- -5 -"), WW_OK, "%s", error.text);
    cr_assert_str_eq(cli.operand, "-5");
    cr_assert_str_eq(cli.second, "-");
}

Test(args, an_operand_stands_behind_the_verb)
{
    uint32_t node;
    cr_assert_eq(parse("config set --quiet 3"), WW_OK, "%s", error.text);
    cr_assert_eq(ww_cli_node(&cli, &node, &error), WW_OK, "%s", error.text);
    cr_assert_eq(node, 3);
    expect_error("config set", "NODE is missing");
    expect_error("config set 3 4", "nothing is to be done with '4'");
    expect_error("config show 3", "nothing is to be done with '3'");
    cr_assert_eq(parse("config set --help"), WW_OK, "%s", error.text);
    cr_assert_eq(parse("move"), WW_OK, "%s", error.text);
    cr_assert_null(cli.operand);
    for (size_t i = 0; i < 4; i++) {
        const char *const bad[] = {"move x", "move 0", "move 8", "move 1.5"};
        cr_assert_eq(parse(bad[i]), WW_OK, "%s", error.text);
        cr_assert_eq(ww_cli_node(&cli, &node, &error), WW_EINVAL, "%s", bad[i]);
        cr_assert(strstr(error.text, "is not the id of a node, 1 .. 7") != NULL, "%s", error.text);
    }
}
