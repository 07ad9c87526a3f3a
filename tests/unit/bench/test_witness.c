/* SPDX-License-Identifier: Apache-2.0 */
/* Whose processor time it was. */
#include "bench/witness.h"

#include "bench/json.h"
#include "engine/base/time_ns.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ww_witness witness_;

static pid_t start_spinner(const char *name)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, name);
    for (;;)
        __builtin_ia32_pause();
}

static void stop_spinner(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void wait_ms(uint64_t milliseconds)
{
    uint64_t until_ns = ww_time_ns(CLOCK_MONOTONIC) + milliseconds * 1000000;
    while (ww_time_ns(CLOCK_MONOTONIC) < until_ns)
        usleep(1000);
}

Test(witness, others_are_what_is_neither_ours_nor_the_kernels)
{
    witness_ = (struct ww_witness){
        .sum = {.total = 1000, .busy = 500},
        .threads = {{.ticks = 300}},
        .thread_count = 1,
        .others = {{.kernel = true, .ticks = 50}, {.ticks = 20}},
        .other_count = 2,
    };
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    cr_expect_float_eq(ww_witness_others(&witness_), cores * 0.15, 1e-9);
    witness_.sum.busy = 100; /* sampled too low: what was seen for certain counts */
    cr_expect_float_eq(ww_witness_others(&witness_), cores * 0.02, 1e-9);
    witness_.sum.total = 0;
    cr_expect_float_eq(ww_witness_others(&witness_), 0, 0);
}

Test(witness, our_process_has_a_place_and_another_is_named)
{
    pid_t ours = start_spinner("ours"), other = start_spinner("stranger");
    ww_witness_ours(&witness_, ours, "node 1");
    ww_witness_ours(&witness_, ours, "node 1");
    cr_expect_eq(witness_.process_count, 1);
    ww_witness_begin(&witness_);
    wait_ms(300);
    ww_witness_end(&witness_);
    stop_spinner(ours);
    stop_spinner(other);

    struct json_object *placement = ww_witness_placement(&witness_);
    cr_assert_eq(json_object_array_length(placement), 1);
    struct json_object *thread = json_object_array_get_idx(placement, 0);
    cr_expect_str_eq(ww_json_text_or(thread, "process", ""), "node 1");
    cr_expect_str_eq(ww_json_text_or(thread, "thread", ""), "ours");
    cr_expect_gt(ww_json_number_at(thread, "cpu_s"), 0);
    cr_expect_geq(json_object_array_length(ww_json_at(thread, "cores")), 1);
    cr_expect_neq(*ww_json_text_or(thread, "allowed", ""), 0);
    json_object_put(placement);

    struct json_object *cpu = json_object_new_object();
    ww_witness_put_cpu(&witness_, cpu);
    cr_expect_gt(ww_json_number_at(cpu, "others_cores"), 0);
    cr_expect_geq(json_object_array_length(ww_json_at(cpu, "others")), 1);
    bool found = false;
    for (uint32_t i = 0; i < witness_.other_count; i++)
        found |= witness_.others[i].id == other && witness_.others[i].ticks > 0 &&
                 strcmp(witness_.others[i].name, "stranger") == 0;
    cr_expect(found, "the stranger's time was not seen");
    json_object_put(cpu);
}

Test(witness, time_outside_of_the_slices_does_not_count)
{
    pid_t other = start_spinner("stranger");
    ww_witness_begin(&witness_);
    wait_ms(50);
    ww_witness_end(&witness_);
    uint64_t before = witness_.sum.total;
    wait_ms(300);
    ww_witness_begin(&witness_);
    ww_witness_end(&witness_);
    stop_spinner(other);
    cr_expect_eq(witness_.slices, 2);
    cr_expect_leq(witness_.sum.total - before, 10);
    for (uint32_t i = 0; i < witness_.other_count; i++)
        if (witness_.others[i].id == other)
            cr_expect_leq(witness_.others[i].ticks, 10);
}

Test(witness, without_a_slice_nothing_is_said)
{
    struct json_object *cpu = json_object_new_object();
    ww_witness_put_cpu(&witness_, cpu);
    cr_expect_eq(json_object_object_length(cpu), 0);
    json_object_put(cpu);
}
