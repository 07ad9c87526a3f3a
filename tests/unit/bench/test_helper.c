/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/helper.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

static struct ww_helper helper;
static struct ww_error error;
static char log_path[64];

static void start(const char *script, bool speaks)
{
    const char *const words[] = {"/bin/sh", "-c", script, NULL};
    snprintf(log_path, sizeof(log_path), "/tmp/ww-test-helper-%d.log", getpid());
    cr_assert_eq(ww_helper_start(&helper, "the helper", speaks, words, log_path, &error), WW_OK,
                 "%s", error.text);
}

static void end(void)
{
    if (helper.pid != 0)
        ww_helper_stop(&helper, NULL);
    unlink(log_path);
}

TestSuite(helper, .fini = end);

Test(helper, it_answers_lines_with_json)
{
    struct json_object *answer;
    start("echo '{\"ready\":1}'; while read word; do echo \"{\\\"said\\\":\\\"$word\\\"}\"; done",
          true);
    cr_assert_eq(ww_helper_ask(&helper, NULL, 10 * SECOND_NS, &answer, &error), WW_OK);
    cr_expect(json_object_object_get_ex(answer, "ready", NULL));
    json_object_put(answer);
    cr_assert_eq(ww_helper_ask(&helper, "one", 10 * SECOND_NS, &answer, &error), WW_OK);
    cr_expect_str_eq(json_object_get_string(json_object_object_get(answer, "said")), "one");
    json_object_put(answer);
    cr_expect_eq(ww_helper_check(&helper, &error), WW_OK);
    pid_t pid = helper.pid;
    cr_expect_eq(ww_helper_stop(&helper, &error), WW_OK, "%s", error.text);
    cr_expect_eq(helper.pid, 0);
    cr_expect_neq(kill(pid, 0), 0, "it is gone");
}

Test(helper, one_that_ends_is_quoted)
{
    struct json_object *answer;
    start("echo 'no disk today' >&2; exit 3", true);
    cr_assert_eq(ww_helper_ask(&helper, "count", 10 * SECOND_NS, &answer, &error), WW_EIO);
    cr_expect_null(answer);
    cr_expect(strstr(error.text, "exit code 3") != NULL, "%s", error.text);
    cr_expect(strstr(error.text, "no disk today") != NULL, "%s", error.text);
    cr_expect_eq(ww_helper_stop(&helper, &error), WW_OK, "it does not run");
}

Test(helper, silence_and_nonsense_are_errors)
{
    struct json_object *answer;
    start("read word; echo nonsense; read word; sleep 60", true);
    cr_expect_eq(ww_helper_ask(&helper, "one", 10 * SECOND_NS, &answer, &error), WW_EIO);
    cr_expect(strstr(error.text, "'nonsense'") != NULL, "%s", error.text);
    cr_expect_eq(ww_helper_ask(&helper, NULL, SECOND_NS / 10, &answer, &error), WW_ETIMEOUT);
}

Test(helper, one_that_does_not_speak_is_watched)
{
    start("exit 7", false);
    int status = WW_OK;
    for (int i = 0; i < 500 && status == WW_OK; i++) {
        usleep(10000);
        status = ww_helper_check(&helper, &error);
    }
    cr_expect_eq(status, WW_EIO);
    cr_expect(strstr(error.text, "exit code 7") != NULL, "%s", error.text);
}

Test(helper, programs_are_found)
{
    char path[WW_HELPER_PATH_MAX];
    cr_expect(ww_helper_installed("sh", path));
    cr_expect_eq(access(path, X_OK), 0, "%s", path);
    cr_expect_not(ww_helper_installed("no-such-program-here", path));
    cr_expect_not(ww_helper_built("no-such-program-here", path));
}
