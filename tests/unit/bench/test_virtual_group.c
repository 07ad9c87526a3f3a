/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/virtual_group.h"

#include <criterion/criterion.h>

#define MS UINT64_C(1000000)

static struct ww_virtual_group *group;
static struct ww_virtual_event event;

static struct ww_virtual_options options_of(uint32_t nodes)
{
    return (struct ww_virtual_options){
        .nodes = nodes,
        .seed = 7,
        .delay_ns = MS,
        .disk_ns = MS / 5,
        .tick_ns = MS,
        .heartbeat_ns = 50 * MS,
        .election_min_ns = 300 * MS,
        .election_max_ns = 600 * MS,
        .retry_ns = 20 * MS,
    };
}

static void create(struct ww_virtual_options options)
{
    const char *why;
    ww_virtual_group_destroy(group);
    cr_assert_eq(ww_virtual_group_create(&options, &group, &why), WW_OK, "%s", why);
}

static void tear_down(void)
{
    ww_virtual_group_destroy(group);
    group = NULL;
}

TestSuite(virtual_group, .fini = tear_down);

static uint32_t leader_at(uint64_t until_ns)
{
    uint32_t leader = 0;
    while (ww_virtual_group_next(group, until_ns, &event))
        ;
    for (uint32_t id = 1; id <= group->options.nodes; id++)
        if (ww_raft_is_leader(group->nodes[id].raft) && !group->nodes[id].dead)
            leader = id;
    return leader;
}

Test(virtual_group, a_leader_is_elected_commits_and_is_replaced_when_it_dies)
{
    create(options_of(3));
    uint32_t first = leader_at(2000 * MS);
    cr_assert_neq(first, 0);
    uint64_t term = ww_raft_term(group->nodes[first].raft);
    for (uint32_t id = 1; id <= 3; id++)
        cr_expect_geq(ww_raft_commit(group->nodes[id].raft), 1, "node %u", id);
    ww_virtual_group_kill(group, first);
    uint32_t second = leader_at(8000 * MS);
    cr_assert_neq(second, 0);
    cr_expect_neq(second, first);
    cr_expect_gt(ww_raft_term(group->nodes[second].raft), term);
}

/* Every event of two runs, up to a time. */
Test(virtual_group, one_seed_makes_one_run)
{
    uint64_t sums[3];
    for (uint32_t run = 0; run < 3; run++) {
        struct ww_virtual_options options = options_of(5);
        options.seed += run == 2;
        create(options);
        sums[run] = 0;
        while (ww_virtual_group_next(group, 3000 * MS, &event))
            sums[run] = ww_random_mix(sums[run] ^ group->now_ns ^ event.node ^ event.message.type);
    }
    cr_expect_eq(sums[0], sums[1]);
    cr_expect_neq(sums[0], sums[2]);
}

/* Two round trips and two durable votes, of which each takes a time that is known. */
Test(virtual_group, a_vote_waits_for_links_and_disks)
{
    struct ww_virtual_options options = options_of(3);
    options.disk_ns = 7 * MS;
    create(options);
    ww_virtual_group_stand(group, 2);
    while (!ww_raft_is_leader(group->nodes[2].raft))
        cr_assert(ww_virtual_group_next(group, 100 * MS, &event));
    cr_expect_geq(group->now_ns, 4 * MS / 2 + 2 * options.disk_ns);
    cr_expect_leq(group->now_ns, 4 * 3 * MS / 2 + 2 * options.disk_ns);
}

static uint64_t draw(const struct ww_virtual_options *options, struct ww_random *random,
                     uint32_t failures)
{
    (void)random;
    return (failures == 0 ? 100 : 10000) * options->tick_ns;
}

/* Nobody answers: each stands by its own timers, however long the core's are. */
Test(virtual_group, timers_can_be_drawn_from_outside)
{
    struct ww_virtual_options options = options_of(3);
    uint32_t stood = 0;
    options.draw_ns = draw;
    create(options);
    ww_virtual_group_kill(group, 2);
    ww_virtual_group_kill(group, 3);
    while (ww_virtual_group_next(group, 9000 * MS, &event)) {
        cr_expect_eq(event.node, 1);
        cr_expect_geq(group->now_ns, 100 * MS);
        cr_expect_lt(group->now_ns, 101 * MS, "at the next look after it ended");
        stood++;
    }
    cr_expect_eq(stood, 1);
    cr_expect_eq(group->nodes[1].failures, 1);
}

Test(virtual_group, a_diverging_log_is_repaired)
{
    static const struct ww_raft_run leads[] = {{1, 10, 1}, {11, 600, 9}};
    static const struct ww_raft_run diverges[] = {{1, 10, 1}, {11, 20, 2}, {21, 700, 3}};
    const struct ww_virtual_log disks[] = {{NULL, 0, 0},
                                           {leads, 2, 9},
                                           {diverges, 3, 9},
                                           {leads, 2, 9}};
    struct ww_virtual_options options = options_of(3);
    options.logs = disks;
    create(options);
    cr_assert_neq(leader_at(400 * MS) | leader_at(8000 * MS), 0);
    const struct ww_raft *one = group->nodes[1].raft, *two = group->nodes[2].raft;
    cr_assert_eq(ww_raft_last_index(one), ww_raft_last_index(two));
    cr_expect_geq(ww_raft_last_index(one), 601);
    for (uint64_t index = 1; index <= ww_raft_last_index(one); index++)
        cr_assert_eq(ww_raft_term_at(one, index), ww_raft_term_at(two, index), "at %lu", index);
    cr_expect_eq(ww_raft_commit(two), ww_raft_last_index(two));
}

Test(virtual_group, options_that_no_core_takes_are_refused)
{
    struct ww_virtual_options options = options_of(3);
    const char *why;
    options.election_min_ns = options.heartbeat_ns;
    cr_expect_eq(ww_virtual_group_create(&options, &group, &why), WW_EINVAL);
    cr_expect_null(group);
    cr_expect_str_eq(why, "the heartbeat must be shorter than the shortest election timeout");
}
